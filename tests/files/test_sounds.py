"""Audio of recordings: where it comes from, what is cut, and why there is none."""

from __future__ import annotations

import io
import wave

import av
import numpy as np
import pandas as pd
import pytest

from soniox_ds.exceptions import InputError
from soniox_ds.files.sounds import LONGEST_MS, UNKNOWN_AUDIO, Sounds


def wav_of(*pitches_hz, rate=16_000):
    """Return a WAV file with one second of each pitch."""
    times = np.arange(rate) / rate
    samples = np.concatenate([0.3 * np.sin(2 * np.pi * pitch * times) for pitch in pitches_hz])
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return content.getvalue()


def heard(audio):
    """Return the seconds and the main pitch of an Ogg Opus file."""
    with av.open(io.BytesIO(audio)) as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(samples))
    return len(samples) / 48_000, np.fft.rfftfreq(len(samples), 1 / 48_000)[spectrum.argmax()]


def test_excerpts_come_from_files_or_bytes(tmp_path):
    content = wav_of(300, 600, 900)
    (tmp_path / "talk.wav").write_bytes(content)
    recordings = pd.DataFrame({"audio_id": ["a", "b"], "source": ["talk.wav", pd.NA]})
    sounds = Sounds(recordings, {"b": content, "c": tmp_path / "talk.wav"}, tmp_path)
    assert sounds.ids() == {"a", "b", "c"}
    for audio_id in ("a", "b", "c"):
        assert sounds.why_not(audio_id) == ""
        audio, reason = sounds.excerpt(audio_id, 1100, 1900)
        assert reason == ""
        seconds, pitch_hz = heard(audio)
        assert seconds == pytest.approx(0.8, abs=0.05)
        assert pitch_hz == pytest.approx(600, abs=5)
    assert heard(sounds.excerpt("b", -500, 300).audio)[0] == pytest.approx(0.3, abs=0.05)
    assert sounds.excerpt("b", 5000, 6000) == (b"", "the audio ends before")


def test_a_missing_recording_has_a_reason(tmp_path):
    recordings = pd.DataFrame(
        {"audio_id": ["url", "gone", "bytes"], "source": ["https://example.org/a.wav", "no.wav", pd.NA]}
    )
    sounds = Sounds(recordings, None, tmp_path)
    reasons = {
        "url": "the audio is at a URL, which is not fetched",
        "gone": "the audio file is no longer there",
        "bytes": "no audio file of the recording is known",
        "other": UNKNOWN_AUDIO,
    }
    assert {name: sounds.why_not(name) for name in reasons} == reasons
    assert {name: sounds.excerpt(name, 0, 100) for name in reasons} == {
        name: (b"", why) for name, why in reasons.items()
    }
    assert Sounds(None, {"a": b"no audio"}).excerpt("a", 0, 100).reason.startswith("the audio cannot be read")
    with pytest.raises(InputError, match="give a dict of audio files"):
        Sounds(None, ["a.wav"])


def test_the_table_is_read_once_and_only_when_it_is_needed():
    calls = []

    def recordings():
        calls.append(1)
        return pd.DataFrame({"audio_id": ["a"], "source": ["none.wav"]})

    sounds = Sounds(recordings, {"b": b""})
    sounds.why_not("b")
    assert calls == []
    assert sounds.why_not("a") == "the audio file is no longer there"
    sounds.excerpt("a", 0, 10)
    assert calls == [1]


def test_an_excerpt_is_not_longer_than_the_limit():
    content = wav_of(*[440] * 32, rate=8000)
    audio = Sounds(None, {"a": content}).excerpt("a", 500, 500 + LONGEST_MS + 1000).audio
    assert heard(audio)[0] == pytest.approx(LONGEST_MS / 1000, abs=0.05)
