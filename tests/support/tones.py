"""Speech that a program can hear without error: words as tones, and a recognizer for the stand-in that knows them.

Every word has a pitch of its own, sounds for a quarter of a second and is followed by a pause. What is heard depends on
the sound alone, so that a session which begins anywhere hears the same words as one that began at the start; a word
that is cut in two is heard (as that word) in both parts.
"""

import numpy as np

from soniox_ds.emulator.recognizers import Heard, Update

RATE = 16_000
WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"]
WORD_MS = 240
_FRAME = 480  # samples: 30 ms
_SETTLE_MS = 700
_END_MS = 600


def pitch(word):
    return 400 + 150 * WORDS.index(word)


def speak(words, *, pauses_ms, rate=RATE):
    """The sound of some words (float32, mono) and when each begins (ms); the pauses come before the words."""
    parts, starts, at_ms = [], [], 0
    for word, pause_ms in zip(words, pauses_ms, strict=True):
        at_ms += pause_ms
        starts.append(at_ms)
        times = np.arange(rate * WORD_MS // 1000) / rate
        envelope = np.minimum(1, np.minimum(times, times[::-1]) * 200)
        parts += [np.zeros(rate * pause_ms // 1000), 0.4 * envelope * np.sin(2 * np.pi * pitch(word) * times)]
        at_ms += WORD_MS
    return np.concatenate([*parts, np.zeros(rate)]).astype(np.float32), starts


def random_words(seed, count):
    """Words with repetitions, and pauses from short to long."""
    rng = np.random.default_rng(seed)
    words = [WORDS[n] for n in rng.integers(0, len(WORDS), count)]
    pauses = rng.choice([90, 120, 180, 300, 900], count, p=[0.3, 0.25, 0.2, 0.15, 0.1]) + rng.integers(0, 30, count)
    return words, [int(pause) for pause in pauses]


def pcm_bytes(samples):
    return (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()


class ToneStream:
    """Hears words; `pieces` says whether long words are cut into two tokens."""

    def __init__(self, options):
        self._endpoints = bool(options.get("enable_endpoint_detection"))
        self._speaker = bool(options.get("enable_speaker_diarization"))
        self._rest = np.zeros(0, np.float32)
        self._sound = []  # frames of the word that sounds now
        self._quiet = 0
        self._now_ms = 0
        self._waiting = []  # [tokens] of complete words
        self._said = False
        self._first = True
        self._final_ms = 0

    def feed(self, pcm):
        heard = np.concatenate([self._rest, pcm])
        whole = heard.size // _FRAME * _FRAME
        self._rest = heard[whole:]
        final = []
        for frame in heard[:whole].reshape(-1, _FRAME):
            final += self._frame(frame)
        return self._update(final)

    def finalize(self):
        return self._update([*self._settle_all(), {"text": "<fin>"}])

    def close(self):
        return self._update(self._settle_all())

    def _frame(self, frame):
        self._now_ms += 30
        final = []
        if np.sqrt(np.mean(frame**2)) > 0.02:
            self._quiet = 0
            self._sound.append(frame)
        else:
            self._quiet += 30
            if self._sound:
                self._complete()
        while self._waiting and self._waiting[0][-1]["end_ms"] + _SETTLE_MS <= self._now_ms:
            final += self._settle(self._waiting.pop(0))
        if self._endpoints and self._said and self._quiet >= _END_MS:
            final += [*self._settle_all(), {"text": "<end>"}]
            self._said = False
        return final

    def _complete(self):
        tokens = self._tokens(self._sound, self._now_ms - 30)
        self._sound = []
        if tokens:
            self._waiting.append(tokens)
            self._said = True

    def _tokens(self, frames, end_ms):
        samples = np.concatenate(frames)
        if samples.size < 2 * _FRAME:
            return []
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(samples.size), 1 << 14))
        hertz = float(spectrum.argmax()) * RATE / (1 << 14)
        word = WORDS[int(np.clip(round((hertz - 400) / 150), 0, len(WORDS) - 1))]
        start_ms = end_ms - 30 * len(frames)
        middle = start_ms + 120 if len(frames) > 5 else start_ms + 30
        cut = len(word) // 2
        return [
            {"text": f" {word[:cut]}", "start_ms": start_ms, "end_ms": start_ms + 60, "confidence": 0.9},
            {"text": word[cut:], "start_ms": middle, "end_ms": middle + 60, "confidence": 0.8},
        ]

    def _settle(self, tokens):
        if self._first:
            tokens[0]["text"] = tokens[0]["text"].lstrip()
            self._first = False
        self._final_ms = max(self._final_ms, tokens[-1]["end_ms"])
        return [self._labelled(token) for token in tokens]

    def _labelled(self, token):
        return token | {"speaker": "1"} if self._speaker else token

    def _settle_all(self):
        if self._sound:
            self._complete()
        final = [token for tokens in self._waiting for token in self._settle(tokens)]
        self._waiting = []
        self._final_ms = self._now_ms
        return final

    def _update(self, final):
        tail = [self._labelled(token) for tokens in self._waiting for token in tokens]
        if self._sound:
            tail += self._tokens(self._sound, self._now_ms)[:1]
        return Update(final=final, tail=tail, final_ms=min(self._final_ms, self._now_ms), total_ms=self._now_ms)


class ToneRecognizer:
    """A recognizer of the words of tone recordings, for ``local_service(ToneRecognizer())``."""

    name = "tones"

    def transcribe(self, audio, *, filename, options):
        import wave

        with wave.open(str(audio)) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32_768)
        stream = ToneStream(options)
        tokens = [*stream.feed(samples.astype(np.float32)).final, *stream.close().final]
        return Heard(tokens=tokens, duration_ms=samples.size // 16)

    def stream(self, options):
        return ToneStream(options)


def amr_file(seconds: float) -> bytes:
    """A file of AMR at 4.75 kbit/s, written by hand: not every FFmpeg has an encoder for it, but all decode it."""
    frame = bytes([0x04, *range(7, 19)])  # 20 ms of a faint noise
    return b"#!AMR\n" + frame * round(seconds * 50)
