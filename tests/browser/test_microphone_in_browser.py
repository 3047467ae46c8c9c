"""The microphone widget without faults: words are shown, correct, kept and private."""

import wave

import numpy as np
import pytest
import scipy  # imports scipy.signal when it is used, which takes half a second
from microphone_page import MicrophonePage, listening_service, text_words

WAYS = [
    pytest.param("mode='auto'", "direct to the service", id="auto"),
    pytest.param("mode='proxy'", "through the kernel, own socket", id="proxy-loopback"),
    pytest.param("mode='proxy', transport='comm'", "through the kernel, notebook connection", id="proxy-comm"),
    pytest.param("mode='direct', transport='comm'", "direct to the service", id="direct"),
]
CANARY = "canary-key-that-must-stay-in-the-kernel"


def similarity(path, heard, window_s=0.2):
    """Return how well each window of recorded audio, except the first, fits the WAV file near its place, from 0 to 1.

    Chromium's fake device drops blocks of 10 ms when the machine is busy: places drift, and windows with a hole in them
    fit badly. What harms the sound itself harms all of them.
    """
    with wave.open(str(path)) as file:
        rate = file.getframerate()
        said = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    said = np.tile(scipy.signal.resample_poly(said, 16_000, rate), 4)  # the fake device says it over and over
    heard = np.asarray(heard, float)
    size = int(window_s * 16_000)
    fits = []
    for start in range(size, len(heard) - size, size):
        part = heard[start : start + size]
        near = said[max(0, start - 8_000) : start + size + 48_000]
        if part.std() < 100 or len(near) <= size:
            continue
        products = _correlated(near, part)
        energies = np.sqrt(np.convolve(near**2, np.ones(size), "valid") * (part**2).sum())
        fits.append((products / np.maximum(energies, 1)).max())
    return np.array(fits)


def assert_undistorted(fits):
    assert len(fits) >= 5
    assert np.quantile(fits, 0.75) > 0.97
    assert (fits > 0.9).mean() > 0.4


def _correlated(near, part):
    size = 2 * len(near)
    products = np.fft.irfft(np.fft.rfft(near, size) * np.conj(np.fft.rfft(part, size)), size)
    return products[: len(near) - len(part) + 1]


@pytest.mark.parametrize(("options", "link"), WAYS)
def test_speech_is_shown_and_kept(notebook, sound, options, link):
    with listening_service(key=CANARY) as service:
        page = MicrophonePage(
            notebook,
            service,
            f"language_hints=['en'], enable_endpoint_detection=True, enable_speaker_diarization=True, {options}, "
            "on_segment=segments.append, on_update=updates.append",
            before="segments, updates = [], []",
        )
        page.start()
        page.wait_for_words(9)  # while it is being said
        page.wait_for_link(link)
        early = page.ask("[mic.state, len(mic.tokens)]")
        assert early[0] == "recording"
        assert early[1] > 9
        page.nb.page.click(".sx-finalize")
        page.stop()

        assert page.tracks() == ["ended"]
        page.nb.until(lambda: service.open_streams == 0)
        words = page.wait_for_these_words(text_words(page))
        assert len(words) > 9
        # callbacks are called in a thread of their own
        page.nb.wait_until_equal(
            lambda: page.ask("[s.text for s in segments]"), page.ask("[s.text for s in mic.segments]")
        )
        assert page.ask("[mic.state, mic.result().tokens.equals(mic.tokens), len(mic.corpus())]") == [
            "finished",
            True,
            1,
        ]
        messages = page.ask("int((mic.log['kind'] == 'message').sum())")
        assert messages > 3
        page.nb.until(lambda: page.ask("len(updates)") >= messages, what="an update for each message")
        assert page.ask("len(updates)") <= messages + 1  # what was held back at the very end
        page.nb.until(lambda: page.ask("any(u.is_finalized for u in updates)"), what="the update of Finalize")
        assert page.ask("mic.result().recordings['status'].tolist()") == ["completed"]

        # not a sample is lost on the way from the audio thread to the service and into mic.audio
        sent, heard = page.samples(), service.hearing.heard()
        assert np.array_equal(sent, heard)
        assert page.ask("np.round(mic.audio * 32768).astype(int).tolist()") == sent.tolist()
        assert_undistorted(similarity(sound, heard))

        # the notebook as saved says it too, without widget and without key
        saved = page.nb.until(
            lambda: words[0] in (saved := page.nb.save()).cells[0].outputs[1].data["text/html"] and saved,
            what="the words in the notebook",
        )
        assert "widgets" not in saved.metadata
        assert CANARY not in str(saved)


def test_on_another_machine_through_the_notebook_servers_proxy(notebook, lab, sound):
    """And in a browser that opens no audio at another rate than the device's."""
    pytest.importorskip("jupyter_server_proxy")
    origin = lab.url.replace("127.0.0.1", "lab.test")  # not of this machine, as far as the page knows
    flags = [f"--unsafely-treat-insecure-origin-as-secure={origin}"]
    with listening_service() as service:
        page = MicrophonePage(notebook, service, "language_hints=['en']", secure=False, flags=flags)
        page.nb.page.evaluate(
            """() => { window.AudioContext = class extends AudioContext {
                createMediaStreamSource(stream) {
                    if (this.sampleRate === 16000) throw new DOMException("another rate", "NotSupportedError");
                    return super.createMediaStreamSource(stream);
                } }; }"""
        )
        sockets = []
        page.nb.page.on("websocket", lambda socket: sockets.append(socket.url))
        page.start()
        page.wait_for_words(8)
        page.wait_for_link("through the kernel, own socket")
        assert ["/proxy/" in url for url in sockets] == [True]
        page.stop()
        heard = service.hearing.heard()
        assert np.array_equal(page.samples(), heard)
        assert_undistorted(similarity(sound, heard))


def test_final_words_are_those_of_a_batch_run(notebook):
    """Both transcripts are of the recorded audio, because the fake device drops parts of the file on a busy machine."""
    import jiwer

    from soniox_ds.emulator.recognizers.whisper import WhisperRecognizer

    recognizer = WhisperRecognizer()
    recognizer.load()
    path = "data/samples/harbour_warning.wav"
    with listening_service(recognizer) as service:
        for mode in ("proxy", "direct"):
            page = MicrophonePage(
                notebook, service, f"language_hints=['en'], mode='{mode}', enable_endpoint_detection=True", wav=path
            )
            page.start()
            page.wait_for_words(10)
            page.nb.wait_for("() => document.querySelector('.sx-clock').textContent >= '0:09'")
            page.stop()
            assert np.array_equal(page.samples(), service.hearing.heard())
            live = page.ask("mic.text")
            page.nb.python("mic.save_wav('said.wav') and None")
            batch = page.ask("sx.transcribe('said.wav', progress=False).recordings['text'][0]")
            plain = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.Strip()])
            assert jiwer.wer(plain(batch), plain(live)) < 0.25, (batch, live)
