"""The samples, a recognizer and error rates for the tests of the real recognizer.

The model's exact words depend on the processor and on the releases of its libraries: "four" here is "4" there, and a
doubtful word is another one. So formatting is folded, and rates are those of several recordings together.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
from scipy.optimize import linear_sum_assignment

from soniox_ds.emulator.audio import decode_file
from soniox_ds.emulator.recognizers import Heard, Pcm
from soniox_ds.emulator.recognizers.whisper import WhisperRecognizer

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
RECOGNIZER = WhisperRecognizer()

Span = tuple[float, float, str]

_NUMBERS = dict(
    zip(
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"],
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"],
        strict=True,
    )
)


@functools.cache
def manifest() -> dict[str, dict[str, str]]:
    """The rows of the samples' manifest by audio_id."""
    with (SAMPLES / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return {row["audio_id"]: row for row in csv.DictReader(file)}


def readings() -> list[str]:
    """Samples of one speaker that need no context."""
    return [name for name, row in manifest().items() if row["reference"] and row["speaker"] and not row["terms"]]


def conversations() -> list[str]:
    return [name for name, row in manifest().items() if row["kind"] == "conversation"]


def path_of(name: str) -> Path:
    return SAMPLES / manifest()[name]["source"]


@functools.cache
def pcm_of(name: str) -> Pcm:
    return decode_file(path_of(name))


def heard(name: str, **options: Any) -> Heard:
    return RECOGNIZER.transcribe(path_of(name), filename=path_of(name).name, options=options)


def text_of(tokens: Sequence[dict[str, Any]]) -> str:
    return "".join(token["text"] for token in tokens)


def plain(text: str) -> str:
    """Fold formatting: case, marks, currency signs, British spelling, small numbers, digits of longer numbers."""
    text = re.sub(
        r"([$£])(\d+)", lambda found: f"{found[2]} {'dollars' if found[1] == '$' else 'pounds'}", text.lower()
    )
    text = text.replace("harbour", "harbor").replace("centre", "center")
    words = re.sub(r"[^a-z0-9' ]", " ", text).split()
    spoken = [word if word in _NUMBERS or not word.isdigit() else " ".join(word) for word in words]
    return " ".join(_NUMBERS.get(word, word) for word in " ".join(spoken).split())


def word_error_rate(texts: Mapping[str, str]) -> float:
    """Return the pooled word error rate of the samples; `texts` has the transcript of each."""
    references = [plain(manifest()[name]["reference"]) for name in texts]
    return float(jiwer.wer(references, [plain(text) for text in texts.values()]))


def terms_of(name: str) -> list[str]:
    return manifest()[name]["terms"].split(";")


def terms_heard(texts: Mapping[str, str]) -> int:
    """Return the number of terms of the samples that are in the transcripts."""
    return sum(term.lower() in text.lower() for name, text in texts.items() for term in terms_of(name))


@functools.cache
def turns_of(name: str) -> list[Span]:
    """Start and end in s, and speaker, as the RTTM has them."""
    lines = (SAMPLES / "turns.rttm").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines]
    return [(float(row[3]), float(row[3]) + float(row[4]), row[7]) for row in rows if row[1] == name]


def diarization_error_rate(reference: Sequence[Span], found: Sequence[Span]) -> float:
    """Missed, false and confused speech over reference speech, on frames of 10 ms, names matched at their best."""
    frames = 1 + max(round(end * 100) for _, end, _ in [*reference, *found])
    said, claimed = _activity(reference, frames), _activity(found, frames)
    both = said.astype(int) @ claimed.T.astype(int)
    correct = both[linear_sum_assignment(-both)].sum()
    errors = np.maximum(said.sum(axis=0), claimed.sum(axis=0)).sum() - correct
    return float(errors / said.sum())


def _activity(spans: Sequence[Span], frames: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    names = sorted({name for _, _, name in spans})
    active = np.zeros((max(1, len(names)), frames), bool)
    for start, end, name in spans:
        active[names.index(name), round(start * 100) : round(end * 100)] = True
    return active
