"""``sx.Microphone`` in a notebook, as a person uses it, and a service that records the audio."""

import base64
import json
import os
from contextlib import contextmanager

import numpy as np

from soniox_ds.emulator import local_service
from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer

CELL = """import json, time, pathlib, numpy as np
import soniox_ds as sx
mic = sx.Microphone({options})
mic"""
# a cell that keeps the kernel busy until the test says so
BUSY = {
    "sleep": "while not pathlib.Path('go').exists(): time.sleep(0.05)",
    "cpu": "while not pathlib.Path('go').exists(): sum(range(20_000))",
}
# A call into C that keeps Python's lock until `MicrophonePage.let_go`. It takes the lock before the kernel has told
# the page that it is busy.
HOLD = "import ctypes\nctypes.PyDLL(None).open(b'hold', 0)"

# Every stream that the page gets, and every sample that leaves the audio thread.
WATCH = """() => {
    window.sxStreams = [];
    window.sxSamples = [];
    const devices = navigator.mediaDevices;
    if (devices) {
        const open = devices.getUserMedia.bind(devices);
        devices.getUserMedia = async (wanted) => {
            const stream = await open(wanted);
            window.sxStreams.push(stream);
            return stream;
        };
    }
    const Node = window.AudioWorkletNode;
    if (Node) window.AudioWorkletNode = class extends Node {
        constructor(...all) {
            super(...all);
            this.port.addEventListener("message", ({ data }) => {
                if (data.buffer) window.sxSamples.push(...new Int16Array(data.buffer));
            });
        }
    };
}"""

# All of these samples, as base64: as JSON a minute of them takes seconds.
SAMPLES = """() => {
    const bytes = new Uint8Array(new Int16Array(window.sxSamples).buffer);
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
}"""

# The settled words of the captions.
WORDS = """() => [...document.querySelectorAll('.sx-said')].map(said => [...said.childNodes]
    .filter(node => node.className !== 'sx-pending').map(node => node.textContent).join('')).join(' ')"""


class _Remembering:
    """A stream that keeps the sound it was fed."""

    def __init__(self, stream, heard):
        self._stream = stream
        self._heard = heard

    def feed(self, pcm):
        self._heard.append(np.array(pcm))
        return self._stream.feed(pcm)

    def finalize(self):
        return self._stream.finalize()

    def close(self):
        return self._stream.close()


class RememberingRecognizer:
    """Another recognizer, and the sound of each stream in ``streams`` (lists of arrays)."""

    def __init__(self, recognizer):
        self.name = recognizer.name
        self.recognizer = recognizer
        self.streams = []
        self.starts = []

    def transcribe(self, audio, *, filename, options):
        return self.recognizer.transcribe(audio, filename=filename, options=options)

    def stream(self, options):
        self.streams.append([])
        self.starts.append(dict(options))
        return _Remembering(self.recognizer.stream(options), self.streams[-1])

    def heard(self, number=-1):
        """Samples of one stream as 16 bit integers."""
        return np.round(np.concatenate(self.streams[number]) * 32_768).astype(int)


@contextmanager
def listening_service(recognizer=None, **settings):
    """A stand-in in this process, whose environment is left alone; ``service.hearing`` is its recognizer.

    It refuses a key in the first message of a websocket, as the service does from 15 January 2027 on.
    """
    settings = {"refuse_key_in_message": True, **settings}
    hearing = RememberingRecognizer(recognizer or ScriptedRecognizer(**settings.pop("script", {})))
    with local_service(hearing, set_environment=False, **settings) as service:
        service.hearing = hearing
        yield service


class MicrophonePage:
    """A notebook whose first cell shows the widget; further `cells` may follow."""

    def __init__(self, notebook, service, options="", cells=(), before="", **page):
        page.setdefault("env", service.environment if service is not None else {})
        page.setdefault("loop", "wav" not in page)  # a slow machine must not run out of sound
        self.nb = notebook([CELL.format(options=options).replace("mic = ", f"{before}\nmic = ", 1), *cells], **page)
        self.nb.page.evaluate(WATCH)
        os.mkfifo(self.nb.folder / "hold")
        self.nb.run(0)
        self.nb.page.wait_for_selector(".sx-mic .sx-start:not(:disabled)")

    # what a person does

    def start(self):
        self.nb.page.click(".sx-start")
        self.wait_for_status("Recording")

    def stop(self):
        self.nb.wait_until_equal(lambda: self.nb.page.inner_text(".sx-start"), "■ Stop")
        self.nb.page.click(".sx-start")
        self.wait_for_status("Stopped")

    # what a person sees

    def wait_for_status(self, text):
        self.nb.wait_for("text => document.querySelector('.sx-status')?.textContent === text", text)

    def wait_for_words(self, count):
        """Wait until at least so many settled words are shown, and return them."""
        return self.nb.until(lambda: len(words := self.words()) >= count and words, what=f"{count} settled words")

    def wait_for_these_words(self, words):
        """Wait until the settled words that are shown are exactly these, and return them.

        At the end of a recording the page may still be drawing its last words, and Lab draws the output anew.
        """
        self.nb.wait_until_equal(self.words, words)
        return words

    def wait_for_alert(self, kind):
        return self.nb.wait_for(
            "kind => document.querySelector(`.sx-alert[data-kind='${kind}']:not([hidden])`)?.textContent", kind
        )

    def wait_for_note(self, part):
        return self.nb.wait_for(
            "part => { const text = document.querySelector('.sx-notes')?.textContent ?? '';"
            " return text.includes(part) && text; }",
            part,
        )

    def wait_for_first_words(self, words):
        """Wait until the settled words that are shown begin with these."""
        self.nb.wait_until_equal(lambda: self.words()[: len(words)], words)

    def words(self):
        """Return the settled words that are shown now. A test that expects certain words waits for them."""
        return self.nb.page.evaluate(WORDS).split()

    def wait_for_link(self, link):
        """Wait until the page names this way of the audio."""
        self.nb.wait_until_equal(lambda: self.nb.page.inner_text(".sx-link"), link)

    # what lies behind it

    def tracks(self):
        """State of every microphone track that the page ever had."""
        return self.nb.page.evaluate("() => window.sxStreams.map(stream => stream.getTracks()[0].readyState)")

    def samples(self):
        """Return all samples that left the audio thread."""
        return np.frombuffer(base64.b64decode(self.nb.page.evaluate(SAMPLES)), "<i2").astype(int)

    def ask(self, expression):
        """A value of the kernel."""
        return self.nb.python(f"print(json.dumps({expression}))")

    def tell(self, action):
        """Press a button from Python."""
        self.nb.python(f"mic.{action}()")

    def go(self):
        """Let the busy cell end."""
        (self.nb.folder / "go").touch()

    def let_go(self):
        """Let `HOLD` return."""
        os.close(os.open(self.nb.folder / "hold", os.O_WRONLY | os.O_NONBLOCK))


def text_words(page):
    """All words of the kernel's tokens, settled and spoken."""
    return page.ask("' '.join(s.text for s in mic.segments)").split()


def dumped(value):
    return json.dumps(value)
