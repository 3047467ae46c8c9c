"""A corpus with real audio in the working directory, and clips of it, for the kernel of a review test."""

import wave
from pathlib import Path

import numpy as np
import pandas as pd

import soniox_ds as sx

NASTY = [
    "<b>bold</b>",
    "<script>window.sxHacked=1</script>",
    "שלום",
    "👩‍🔬🎉",
    '"quoted"',
    "<img src=x onerror=hacked=1>",
]


def write_tones(path, seconds, rate=16_000):
    """Write a WAV file in which second k is a tone of 200 + 50 k Hz, so that every second can be recognised."""
    times = np.arange(seconds * rate) / rate
    samples = 0.3 * np.sin(2 * np.pi * (200 + 50 * np.floor(times)) * times)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())


def corpus(texts, audio_id="call.wav", sound=True):
    """Return a corpus with one word per second, half a second long. A word with "?" at its end has a low confidence."""
    if sound:
        write_tones(Path(audio_id), len(texts))
    tokens = pd.DataFrame(
        {
            "audio_id": audio_id,
            "token_index": range(len(texts)),
            "text": [" " + text for text in texts],
            "start_ms": [1000 * number for number in range(len(texts))],
            "end_ms": [1000 * number + 500 for number in range(len(texts))],
            "confidence": [0.3 if text.endswith("?") else 0.95 for text in texts],
        }
    )
    recordings = pd.DataFrame({"audio_id": [audio_id], "source": [audio_id], "status": "completed"})
    return sx.Corpus(recordings, tokens)


def clips_of(found):
    """A clip for each doubtful word, by time."""
    clips = sx.flag_low_confidence(found, 0.5, merge_gap_ms=0, context_ms=250)
    return clips.sort_values(["audio_id", "start_ms"], ignore_index=True)


def many(count=300):
    """A corpus of `count` clips, each of one doubtful word between two sure ones."""
    texts = [word for number in range(count) for word in ("before", f"doubt{number}?", "after")]
    return corpus(texts, sound=False)
