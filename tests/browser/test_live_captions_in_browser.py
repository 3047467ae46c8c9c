"""``sx.LiveCaptions`` in a real notebook: played, paused, stopped, reloaded."""

import wave

import pytest
from tones import pcm_bytes, random_words, speak

CELL = """
import sys
sys.path.insert(0, {tests!r})
import json
import soniox_ds as sx
from soniox_ds.emulator import Limits
from tones import ToneRecognizer
service = sx.local_service(ToneRecognizer(), limits=Limits(requests_per_minute=None)).start()
captions = sx.LiveCaptions("words.wav", enable_endpoint_detection=True, enable_speaker_diarization=True)
captions
"""
TEXT = "captions.text"
# The view's sound is in no document.
WATCH = """() => { window.Audio = class extends window.Audio {
    constructor(...all) { super(...all); window.sxAudio = this; } }; }"""


@pytest.fixture
def words():
    return random_words(5, 60)  # half a minute: a slow machine must not miss the end


@pytest.fixture
def recording(words, tmp_path):
    said, pauses = words
    path = tmp_path / "words.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm_bytes(speak(said, pauses_ms=pauses)[0]))
    return path.read_bytes()


@pytest.fixture
def opened(notebook, recording, request):
    cell = CELL.format(tests=str(request.config.rootpath / "tests" / "support"))
    nb = notebook([cell], files={"words.wav": recording})
    nb.page.evaluate(WATCH)
    nb.run(0)
    nb.wait_for(
        "() => document.querySelector('.sx-live-button') && !document.querySelector('.sx-live-button').disabled"
    )
    return nb


PLAY, STOP = ".sx-live-button >> nth=0", ".sx-live-button >> nth=1"


def shown_words(nb):
    return " ".join(nb.page.locator(".sx-live .sx-said").all_inner_texts()).split()


def ask(nb, what):
    return nb.python(f"print(json.dumps({what}))")


def test_words_come_while_it_plays_and_are_there_after(opened, words, tmp_path):
    said, _ = words
    opened.page.click(PLAY)
    opened.until(lambda: len(shown_words(opened)) >= 3, what="the first words")
    opened.until(lambda: "Pause" in opened.page.inner_text(PLAY), what="the button that pauses")
    opened.until(lambda: "settled" in opened.page.inner_text(".sx-live-lag"), what="how late words are")
    # Paused, nothing more is sent, what was said is settled, and the connection is kept.
    opened.page.click(PLAY)
    opened.until(lambda: ask(opened, "captions.state") == "paused", what="the pause")
    assert ask(opened, "service.open_streams") == 1
    before = ask(opened, "captions._playback.session.audio_bytes")
    opened.until(lambda: not ask(opened, "len(captions._playback.transcript.pending)"), what="the settling")
    assert ask(opened, "captions._playback.session.audio_bytes") == before
    opened.page.click(PLAY)
    opened.page.evaluate("() => { window.sxAudio.currentTime = window.sxAudio.duration - 2; }")
    opened.until(lambda: ask(opened, "captions.state") == "finished", what="the end")
    heard = ask(opened, TEXT).split()
    # The pause may have cut one word in two, which is then heard twice.
    assert heard == said or any(heard == said[:cut] + said[cut - 1 :] for cut in range(1, len(said)))
    opened.until(lambda: shown_words(opened) == heard, what="the same words in the page")
    opened.until(lambda: "settled" in opened.page.inner_text(".sx-live-lag"), what="the delay in the output drawn anew")
    opened.until(lambda: not ask(opened, "service.open_streams"), what="the end of the session")
    assert opened.path.stat().st_size < 20_000, "no sound in the notebook"
    opened.until(lambda: heard[-1] in opened.save().cells[0].outputs[1]["data"]["text/html"], what="the last picture")


def test_stopped_played_again_and_reloaded(opened, words):
    said, _ = words
    opened.page.click(PLAY)
    opened.until(lambda: len(shown_words(opened)) >= 2, what="the first words")
    opened.page.click(STOP)
    opened.until(lambda: ask(opened, "captions.state") == "finished", what="the end")
    assert len(ask(opened, TEXT).split()) < len(said)
    opened.page.click(PLAY)
    opened.until(lambda: ask(opened, "captions.state") == "open" and shown_words(opened), what="another playing")
    opened.reload()
    opened.until(lambda: ask(opened, "captions.state") == "finished", what="the end of a page that is gone")
    heard = ask(opened, TEXT).split()
    assert heard
    assert said[: len(heard) - 1] == heard[: len(heard) - 1]
    opened.until(lambda: not ask(opened, "service.open_streams"), what="the end of the session")


def test_cleared_output_ends_the_playing(opened):
    opened.page.click(PLAY)
    opened.until(lambda: ask(opened, "service.open_streams") == 1, what="the session")
    opened.delete_output(0)
    opened.until(lambda: not ask(opened, "service.open_streams"), what="its end")
