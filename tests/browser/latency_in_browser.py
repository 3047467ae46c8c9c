"""Latency of the microphone's audio from the page to the service; run by ``python -m benchmarks microphone``.

Not collected with the tests: it measures the machine as much as the code. What is timed is the way from the moment at
which a chunk reaches the page (its own length is not counted) to the moment at which the stand-in has decoded it.
"""

import time

import numpy as np
import pytest
from microphone_page import MicrophonePage, listening_service

from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer

WAYS = {
    "proxy, loopback": "mode='proxy', transport='loopback'",
    "proxy, comm": "mode='proxy', transport='comm'",
    "direct": "mode='direct'",
}
SECONDS = 15
CLOCKED = """() => {
    window.sxTimes = [];
    const Node = window.AudioWorkletNode;
    window.AudioWorkletNode = class extends Node {
        constructor(...all) {
            super(...all);
            let samples = 0;
            this.port.addEventListener("message", ({ data }) => {
                if (data.buffer) window.sxTimes.push([Date.now(), samples += data.buffer.byteLength / 2]);
            });
        }
    };
}"""


class _Clocked:
    """A stream that records the times at which audio arrived."""

    def __init__(self, stream, times):
        self._stream, self._times, self._samples = stream, times, 0

    def feed(self, pcm):
        self._samples += pcm.size
        self._times.append((time.time() * 1000, self._samples))
        return self._stream.feed(pcm)

    def finalize(self):
        return self._stream.finalize()

    def close(self):
        return self._stream.close()


class ClockedRecognizer:
    name = "clocked"

    def __init__(self):
        self._recognizer = ScriptedRecognizer()
        self.times = []

    def transcribe(self, audio, *, filename, options):
        return self._recognizer.transcribe(audio, filename=filename, options=options)

    def stream(self, options):
        self.times.append([])
        return _Clocked(self._recognizer.stream(options), self.times[-1])


@pytest.mark.parametrize("way", WAYS)
def test_latency(notebook, way, capsys):
    recognizer = ClockedRecognizer()
    with listening_service(recognizer) as service:
        page = MicrophonePage(notebook, service, WAYS[way])
        page.nb.page.evaluate(CLOCKED)
        page.start()
        page.nb.wait_for(f"() => window.sxTimes.length >= {SECONDS * 10}")
        page.stop()
        left = np.array(page.nb.page.evaluate("() => window.sxTimes"))
        came = np.array(recognizer.times[-1])
    arrived = came[np.searchsorted(came[:, 1], left[:, 1]).clip(max=len(came) - 1), 0]
    lags = (arrived - left[:, 0])[10:]  # the first second also waits for the connection
    with capsys.disabled():
        print(
            f"\n{way:20s} p50 {np.quantile(lags, 0.5):6.1f} ms   p95 {np.quantile(lags, 0.95):6.1f} ms   "
            f"max {lags.max():6.1f} ms   ({len(lags)} chunks)"
        )
