"""Errors of speaker diarization against reference turns.

Conventions: everything is scored, overlap included, without a collar, from the first to the last instant at which either
side has speech; two turns of one speaker that overlap count once; speakers are mapped one to one so that the time in
agreement is largest. Durations are milliseconds, pooled by adding them up.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from soniox_ds.schema import need

__all__ = ["diarization_errors"]

PARTS = ["reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms"]


def diarization_errors(turns: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Compare who spoke when with who should have, recording by recording.

    Parameters
    ----------
    turns, reference
        ``schema.TURNS``: ``audio_id``, ``speaker``, ``start_ms``, ``end_ms``. Recordings without reference turns are left
        out; recordings of the reference without any turn are missed speech.

    Returns
    -------
    DataFrame
        One row for each recording of the reference, indexed by ``audio_id``: ``reference_ms`` (speech, overlapping speakers
        counted each), ``missed_ms``, ``false_alarm_ms``, ``confusion_ms``, ``der`` (their sum over ``reference_ms``: 0 or
        more, above 1 where much is false alarm), ``speakers`` and ``reference_speakers`` (how many).

    Notes
    -----
    At each instant with R reference and H found speakers, C of them in agreement: missed max(R - H, 0), false alarm
    max(H - R, 0), confusion min(R, H) - C. Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation
    Plan", section 6.1; mapping by the Hungarian method.

    Examples
    --------
    >>> reference = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "start_ms": [0, 600], "end_ms": [600, 1000]})
    >>> turns = pd.DataFrame({"audio_id": "a", "speaker": ["1", "2"], "start_ms": [0, 500], "end_ms": [500, 1000]})
    >>> diarization_errors(turns, reference)[["confusion_ms", "der"]]
              confusion_ms  der
    audio_id
    a                  100  0.1
    """
    need(turns, "audio_id", "speaker", "start_ms", "end_ms")
    need(reference, "audio_id", "speaker", "start_ms", "end_ms")
    found = dict(iter(turns.groupby("audio_id")))
    rows = {
        audio_id: _compare(found.get(audio_id, turns.iloc[:0]), own) for audio_id, own in reference.groupby("audio_id")
    }
    errors = pd.DataFrame.from_dict(rows, orient="index", columns=[*PARTS, "speakers", "reference_speakers"])
    errors.index.name = "audio_id"
    errors.insert(len(PARTS), "der", errors[PARTS[1:]].sum(axis=1) / errors["reference_ms"])
    return errors


def _compare(turns: pd.DataFrame, reference: pd.DataFrame) -> list[int]:
    from scipy.optimize import linear_sum_assignment

    edges = np.unique(np.concatenate([_times(turns).ravel(), _times(reference).ravel()]))
    lengths = np.diff(edges)
    hypothesis, truth = _activity(turns, edges), _activity(reference, edges)
    agreement = (hypothesis * lengths) @ truth.T
    rows, columns = linear_sum_assignment(-agreement)
    found, real = hypothesis.sum(axis=0), truth.sum(axis=0)
    return [
        int(real @ lengths),
        int(np.maximum(real - found, 0) @ lengths),
        int(np.maximum(found - real, 0) @ lengths),
        int(np.minimum(real, found) @ lengths - agreement[rows, columns].sum()),
        len(hypothesis),
        len(truth),
    ]


def _times(turns: pd.DataFrame) -> NDArray[np.int64]:
    return turns[["start_ms", "end_ms"]].to_numpy(dtype=np.int64)


def _activity(turns: pd.DataFrame, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """One row for each speaker, one column for each stretch between edges: 1 where the speaker talks."""
    speakers: dict[Hashable, int] = {speaker: row for row, speaker in enumerate(turns["speaker"].unique())}
    active = np.zeros((len(speakers), max(len(edges) - 1, 0)), dtype=np.int64)
    for speaker, (start_ms, end_ms) in zip(turns["speaker"], _times(turns), strict=True):
        active[speakers[speaker], np.searchsorted(edges, start_ms) : np.searchsorted(edges, end_ms)] = 1
    return active
