"""Make the recordings of the synthetic voices, their manifest and their speaker turns from `texts.py`.

For development only. The script needs the same packages as `make_samples.py` in the folder `samples`, whose functions
it uses:

    python make_voices.py --voices package/voices [--clips FOLDER] [--out FOLDER]

It takes half an hour of processor time. With ``--clips``, the speech of the voices is kept in a folder, so that noise
and levels can be changed without synthesising the speech again. `transcribe_voices.py` makes the transcripts
afterwards.

Every text is read by two voices of different groups. Counters assign a voice and a condition to each reading, and all
random numbers come from one seed and the name of the recording. The conventions of signals and times are those of
`make_samples.py`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import sys
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from texts import CONVERSATIONS, TOPICS, plain, terms_of

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "samples"))

from make_samples import RATE_HZ, Placed, Signal, csv_field, kokoro, mix, only_or_mixed, rms_dbfs, write_audio
from sentences import Sample, Turn

SEED = 20_261
BIT_RATE = 14_000
ACCENTS = {
    "a": "US",
    "b": "UK",
    "e": "Spanish voice",
    "f": "French voice",
    "h": "Hindi voice",
    "i": "Italian voice",
    "j": "Japanese voice",
    "p": "Portuguese voice",
    "z": "Chinese voice",
}
"""Accent labels by the first letter of a voice. A voice of another language reads English, but it does not have the
accent of any person."""
GENDERS = {"f": "female", "m": "male"}
VOICES = (
    *("af_alloy", "af_aoede", "af_bella", "af_heart", "af_jessica", "af_kore", "af_nicole", "af_nova", "af_river"),
    *("af_sarah", "af_sky", "am_adam", "am_echo", "am_eric", "am_fenrir", "am_liam", "am_michael", "am_onyx"),
    *("am_puck", "bf_alice", "bf_emma", "bf_isabella", "bf_lily", "bm_daniel", "bm_fable", "bm_george", "bm_lewis"),
    *("ef_dora", "em_alex", "ff_siwis", "hf_alpha", "hf_beta", "hm_omega", "hm_psi", "if_sara", "im_nicola"),
    *("jf_alpha", "jf_gongitsune", "jm_kumo", "pf_dora", "pm_alex", "zf_xiaobei", "zm_yunjian"),
)
STRIDE = 17
"""Distance in `VOICES` between the voices of successive readings. It has no divisor in common with the number of
voices, so that all voices are used."""
CONDITIONS = ("clean", "noisy", "telephone", "clean", "noisy")
"""The conditions of successive readings of a voice, in turn. The first condition depends on the position of the voice
in `VOICES`."""
MANIFEST = (
    *("audio_id", "source", "reference", "speaker", "group", "accent", "gender", "topic", "condition", "snr_db"),
    *("kind", "terms"),
)


class Clips:
    """A voice model that keeps its speech in a folder, and reads it from there when the same speech is needed again."""

    def __init__(self, model: Any, folder: Path | None) -> None:
        self.model = model
        self.folder = folder

    def create(self, text: str, **options: Any) -> tuple[NDArray[np.float32], int]:
        """Return the speech and its sampling rate, as `Kokoro.create` does."""
        if self.folder is None:
            return self.model.create(text, **options)
        path = self.folder / (hashlib.sha256(repr((text, sorted(options.items()))).encode()).hexdigest()[:24] + ".npy")
        if not path.is_file():
            clip, rate_hz = self.model.create(text, **options)
            if rate_hz != RATE_HZ:
                raise SystemExit(f"the voice model speaks at {rate_hz} Hz, {RATE_HZ} were expected")
            np.save(path, clip)
        return np.load(path), RATE_HZ


def group_of(voice: str) -> str:
    """Return the group of a voice, such as "US female" or "other male"."""
    language = ACCENTS[voice[0]] if voice[0] in "ab" else "other"
    return f"{language} {GENDERS[voice[1]]}"


def readings() -> list[tuple[dict[str, Any], Sample]]:
    """Return the metadata and the recipe of each recording of one voice."""
    texts = [(topic, number, text) for topic, listed in TOPICS.items() for number, text in enumerate(listed, 1)]
    made = []
    n_of_voice: Counter[int] = Counter()
    for position in range(2 * len(texts)):
        topic, number, text = texts[position // 2]
        index = position * STRIDE % len(VOICES)
        condition = CONDITIONS[(n_of_voice[index] + index) % len(CONDITIONS)]
        n_of_voice[index] += 1
        voice = VOICES[index]
        name = f"{topic}_{number:02}_{voice}"
        made.append(recording(name, topic, "reading", condition, [text], (Turn(voice, (plain(text),)),)))
    return made


def conversations() -> list[tuple[dict[str, Any], Sample]]:
    """Return the metadata and the recipe of each conversation."""
    made = []
    for number, (topic, voices, spoken) in enumerate(CONVERSATIONS, 1):
        condition = ("clean", "telephone", "noisy")[number % 3]
        rng = random_of(f"gaps {number}")
        # About one turn in four begins before the previous turn has ended.
        gaps = [None if position == 0 or rng.random() > 0.25 else -300 for position in range(len(spoken))]
        turns = tuple(
            Turn(voices[position % 2], tuple(plain(text) for text in texts), gap_ms)
            for position, (texts, gap_ms) in enumerate(zip(spoken, gaps, strict=True))
        )
        texts = [text for texts in spoken for text in texts]
        made.append(recording(f"conversation_{number:02}", topic, "conversation", condition, texts, turns))
    return made


def recording(
    name: str, topic: str, kind: str, condition: str, texts: list[str], turns: tuple[Turn, ...]
) -> tuple[dict[str, Any], Sample]:
    """Return the metadata and the recipe of a recording."""
    rng = random_of(f"recipe {name}")
    snr_db = float(rng.choice([9.0, 12.0, 15.0])) if condition == "noisy" else None
    sample = Sample(
        file=f"{name}.ogg",
        topic=topic,
        turns=turns,
        codec="libopus",
        bit_rate=BIT_RATE,
        level_dbfs=-26.0 if condition == "noisy" else -23.0,
        snr_db=snr_db,
        speed=float(rng.choice([1.0, 1.1, 1.2])),
    )
    voices = {turn.voice for turn in turns}
    described = {
        "audio_id": name,
        "source": f"audio/{sample.file}",
        "reference": sample.reference,
        "speaker": next(iter(voices)) if len(voices) == 1 else None,
        "group": only_or_mixed(group_of(voice) for voice in voices),
        "accent": only_or_mixed(ACCENTS[voice[0]] for voice in voices),
        "gender": only_or_mixed(GENDERS[voice[1]] for voice in voices),
        "topic": topic,
        "condition": condition,
        "snr_db": None if snr_db is None else f"{snr_db:g}",
        "kind": kind,
        "terms": ";".join(term for text in texts for term in terms_of(text)) or None,
    }
    return described, sample


def random_of(name: str) -> np.random.Generator:
    """Return a random number generator that depends on the seed and a name only."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


def on_the_telephone(signal: Signal, rng: np.random.Generator) -> Signal:
    """Return a signal as a telephone transmits it.

    The band is 300 to 3400 Hz, the samples have 8 bits (mu law), and noise is added 30 dB below the speech.
    """
    spectrum = np.fft.rfft(signal)
    hertz = np.fft.rfftfreq(len(signal), 1 / RATE_HZ)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    narrow = np.fft.irfft(spectrum, len(signal))
    narrow += rng.standard_normal(len(narrow)) * 10 ** ((rms_dbfs(narrow) - 30) / 20)
    compressed = np.sign(narrow) * np.log1p(255 * np.minimum(np.abs(narrow), 1)) / np.log(256)
    stepped = np.round(compressed * 127) / 127
    return np.asarray(np.sign(stepped) * (256 ** np.abs(stepped) - 1) / 255, np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voices", type=Path, required=True, help="the folder `voices` of the npm package kokoro-js")
    parser.add_argument("--clips", type=Path, help="a folder that keeps what the voices spoke")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write (default: here)")
    arguments = parser.parse_args()
    out: Path = arguments.out
    (out / "audio").mkdir(parents=True, exist_ok=True)
    if arguments.clips is not None:
        arguments.clips.mkdir(parents=True, exist_ok=True)
    recordings = [*readings(), *conversations()]
    turns: list[tuple[str, Placed]] = []
    duration_s = size_bytes = 0.0
    names = {turn.voice for _, sample in recordings for turn in sample.turns}
    with kokoro(arguments.voices, names) as model:
        clips = Clips(model, arguments.clips)
        for described, sample in recordings:
            rng = random_of(sample.audio_id)
            signal, placed = mix(clips, sample, rng)
            if described["condition"] == "telephone":
                signal = on_the_telephone(signal, rng)
            write_audio(signal, sample, out / described["source"])
            turns += [(sample.audio_id, turn) for turn in placed]
            duration_s += len(signal) / RATE_HZ
            size_bytes += (out / described["source"]).stat().st_size
            print(f"{sample.audio_id:34}{len(signal) / RATE_HZ:7.2f} s", flush=True)
    print(f"{len(recordings)} recordings, {duration_s / 60:.1f} minutes, {size_bytes / 1e6:.2f} MB")
    with open(out / "manifest.csv", "w", encoding="utf-8") as file:
        file.write(",".join(MANIFEST) + "\n")
        for described, _ in recordings:
            file.write(",".join(csv_field(described[name]) for name in MANIFEST) + "\n")
    with open(out / "turns.csv", "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["audio_id", "speaker", "start_ms", "end_ms", "text"])
        rows.writerows([audio_id, t.turn.voice, t.start_ms, t.end_ms, t.turn.text] for audio_id, t in turns)


if __name__ == "__main__":
    main()
