"""Errors of speaker diarization against reference turns: who spoke when.

Conventions: two turns of one speaker that overlap or touch are one; the collar is given for **each side** of a boundary
of such a turn of the reference; durations are whole milliseconds and are pooled by adding them up, never by averaging
rates. Every result says in words by which conventions it was made.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.speakers.turn_tables import (
    HasRecordings,
    Ms,
    Turns,
    checked_turns,
    covered,
    joined,
    known_ids,
    milliseconds,
    same_clock,
    statuses,
    turns_of,
    with_metadata,
)
from soniox_ds.metrics.stats.pool import Pooling, Rate, divide
from soniox_ds.schema import (
    DIARIZATION_ERRORS,
    DIARIZATION_SUMMARY,
    IN_SECONDS,
    as_ids,
    ask_about_seconds,
    conform,
    need,
    no_duplicates,
    renamed,
    with_named_levels,
)
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.text import runs

__all__ = ["DIARIZATION_POOLING", "diarization_errors"]

Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]

PARTS = ["reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms"]
_MUCH_SHORTER = 500  # regions that end so many times earlier than the reference look like seconds,
_LONG_MS = 10_000  # unless all is over in a moment
_REGIONS = ("both", "reference")


class _How(NamedTuple):
    collar_ms: int
    score_overlap: bool
    region: str
    map_before_collar: bool

    def __str__(self) -> str:
        region = {
            "both": "from the first to the last speech of either side",
            "reference": "from the first to the last speech of the reference",
            "uem": "within the regions given",
        }[self.region]
        return "; ".join(
            [
                f"collar {self.collar_ms} ms each side" if self.collar_ms else "no collar",
                "overlap scored" if self.score_overlap else "overlap of the reference left out",
                region,
                "a speaker's own overlap counts once",
                f"speakers mapped {'before' if self.map_before_collar else 'after'} collar and overlap are taken out",
            ]
        )


class _Scores(NamedTuple):
    scored_ms: int
    reference_ms: int
    missed_ms: int
    false_alarm_ms: int
    confusion_ms: int
    jer: float | None
    speakers: int
    reference_speakers: int
    mapping: str


def diarization_errors(
    turns: pd.DataFrame | HasRecordings,
    reference: pd.DataFrame,
    *,
    collar_ms: int = 0,
    score_overlap: bool = True,
    uem: pd.DataFrame | str = "both",
    map_before_collar: bool = False,
    failed: str = "apart",
) -> pd.DataFrame:
    """Compare who spoke when with who should have, recording by recording.

    Parameters
    ----------
    turns
        A Corpus, ``schema.WORDS`` or ``schema.TOKENS`` (`speaker_turns` is called with its default), or
        ``schema.TURNS``.
    reference
        ``schema.TURNS``, as `soniox_ds.io.rttm.read_rttm` gives them. Recordings without reference turns are left
        out, unless `uem` names them: then nothing was to be said.
    collar_ms
        Not scored: this much before and after each start and each end of a reference turn. (The collar of
        pyannote.metrics is the whole width, twice this.)
    score_overlap
        False leaves out where two or more reference speakers talk at once.
    uem
        What is evaluated. ``"both"``: from the first to the last speech of either side, so that all false alarms count.
        ``"reference"``: from the first to the last speech of the reference, as md-eval does without a UEM file. A table
        of `audio_id`, `start_ms`, `end_ms`: these regions.
    map_before_collar
        True maps speakers on all that is evaluated and takes out collar and overlap afterwards, as md-eval and spy-der
        do; False maps them on what is scored, as pyannote.metrics does. They differ seldom, and only with a collar or
        without overlap.
    failed
        ``"apart"``: recordings that failed or are not among the turns are rows without scores. ``"as_silence"``: they
        are scored as if nobody had been heard.

    Returns
    -------
    DataFrame
        ``schema.DIARIZATION_ERRORS``: one row for each recording of the reference. `der` is
        (missed + false alarm + confusion) / reference speech: 0 or more, above 1 where much is false alarm, NA where
        nothing was to be said. With a Corpus the metadata columns of its recordings follow. Turns given twice count
        once: turns of one speaker that overlap or touch are put together before anything else, so that the collar lies
        around what is said at a stretch.

    Raises
    ------
    SchemaError
        If a column is absent, or a time is missing or impossible.
    InputError
        If the reference is empty (and no table of regions names a recording), no recording is on both sides, the
        regions leave out a recording, or an option is wrong.

    Warns
    -----
    UserWarning
        If some recordings of the reference are not there, ids were matched by the names of files, or the collar leaves
        nothing of any recording's reference speech to be scored, so that `der` is NA.

    Notes
    -----
    At each instant with R reference and H found speakers, C of them in agreement: missed max(R - H, 0), false alarm
    max(H - R, 0), confusion min(R, H) - C; speakers are mapped one to one so that the time in agreement is largest.
    Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", section 6.1.

    `jer` is the mean over reference speakers of (missed + false alarm) / union of the two speakers mapped, 1 for a
    speaker without a match; the mapping makes it smallest, as the DIHARD scoring tool does. Source: Ryant et al., "The
    Second DIHARD Diarization Challenge: Dataset, task, and baselines", Interspeech 2019.

    Examples
    --------
    >>> reference = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "start_ms": [0, 600], "end_ms": [600, 1000]})
    >>> turns = pd.DataFrame({"audio_id": "a", "speaker": ["1", "2"], "start_ms": [0, 500], "end_ms": [500, 1000]})
    >>> diarization_errors(turns, reference)[["audio_id", "confusion_ms", "der", "mapping"]]
      audio_id  confusion_ms  der               mapping
    0        a           100  0.1  {"1": "x", "2": "y"}
    """
    checked_ms(collar_ms, "collar_ms")
    need(reference, name="reference")
    reference = with_named_levels(reference, "reference")
    found_table = turns_of(turns)
    found, real = checked_turns(found_table, "turns"), checked_turns(reference, "reference")
    same_clock(milliseconds(found_table, "turns"), milliseconds(reference, "reference"))
    recordings = known_ids(turns, found)
    real = renamed(real, recordings, "reference")
    regions = None if isinstance(uem, str) else _regions(uem, real, recordings)
    how = _How(collar_ms, score_overlap, _region_name(uem), map_before_collar)
    if not real and not regions:
        raise InputError(
            "there are no reference turns: the table has no rows. Was the RTTM file empty, or did a filter leave "
            "nothing? Of recordings in which nothing was to be said give the regions: uem=."
        )
    nobody = Turns(np.zeros(0, np.intp), np.zeros(0, np.int64), np.zeros(0, np.int64), [])

    rows: list[dict[str, Any]] = []
    silent: list[str] = []
    for audio_id, status in statuses(turns, found, [*real, *(regions or {})], failed):
        row: dict[str, Any] = {"audio_id": audio_id, "status": status}
        if status == "scored":
            sides = found.get(audio_id, nobody), real.get(audio_id, nobody)
            row |= _score(*sides, how, None if regions is None else regions[audio_id])._asdict()
            if sides[1].labels and not row["reference_ms"]:
                silent.append(audio_id)
        rows.append(row | {"collar_ms": collar_ms, "conventions": str(how)})
    errors = conform(pd.DataFrame(rows, columns=list(DIARIZATION_ERRORS)), DIARIZATION_ERRORS)
    errors["der"] = divide(errors[PARTS[1:]].sum(axis=1, skipna=False), errors[PARTS[0]])
    if collar_ms and silent and not errors["reference_ms"].sum():
        warnings.warn(
            f"the der is NA: all reference speech (of {silent[0]!r}, say) lies within {collar_ms} ms of a start or "
            "end, which the collar leaves out, or is left out with the overlap. Give a smaller collar_ms; be sure "
            f"that the turns are in milliseconds. {IN_SECONDS}",
            UserWarning,
            stacklevel=2,
        )
    return with_metadata(errors, turns)


def _checked(errors: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    need(errors, *DIARIZATION_ERRORS, name="errors")
    no_duplicates(errors, "errors", "audio_id", also=groups)
    return errors


def _more(scored: pd.DataFrame, *_: Any) -> dict[str, Any]:
    """Return the mean Jaccard error over all reference speakers."""
    speakers = int(scored["reference_speakers"].sum())
    jer = float((scored["jer"] * scored["reference_speakers"]).sum()) / speakers if speakers else None
    return {"jer": jer, "reference_speakers": speakers}


def _region_name(uem: pd.DataFrame | str) -> str:
    if not isinstance(uem, str):
        return "uem"
    if uem not in _REGIONS:
        raise InputError(
            f"uem must be one of {list(_REGIONS)} or a table of audio_id, start_ms, end_ms; found {uem!r}."
        )
    return uem


def _regions(uem: pd.DataFrame, real: dict[str, Turns], recordings: list[str]) -> dict[str, tuple[Ms, Ms]]:
    """Start and end of the evaluated regions of each recording."""
    need(uem, name="uem")
    uem = with_named_levels(uem, "uem")
    need(uem, "audio_id", "start_ms", "end_ms", name="uem")
    if uem["audio_id"].isna().any():
        raise SchemaError("uem: audio_id is NA in some rows; every region needs one.")
    start, end = milliseconds(uem, "uem")
    last = max((int(turns.end.max(initial=0)) for turns in real.values()), default=0)
    if len(end) and max(_MUCH_SHORTER * int(end.max()), _LONG_MS) < last:
        ask_about_seconds(f"uem: the regions end at {end.max()} ms, the reference at {last} ms.")
    ids = as_ids(uem["audio_id"], "uem").to_numpy(object)
    regions = {str(audio_id): (start[ids == audio_id], end[ids == audio_id]) for audio_id in dict.fromkeys(ids)}
    regions = renamed(regions, dict.fromkeys([*real, *recordings]), "uem")
    if without := [audio_id for audio_id in real if audio_id not in regions]:
        raise InputError(
            f"uem has no region of {without[:5]} ({len(without)} of {len(real)} recordings of the reference); "
            "add them, or leave them out of the reference."
        )
    return regions


def _score(found: Turns, real: Turns, how: _How, given: tuple[Ms, Ms] | None) -> _Scores:
    region = _evaluated(found, real, how.region) if given is None else given
    real = joined(real)  # or the collar would leave out what lies well within a speech
    collar = how.collar_ms
    bounds = np.concatenate([real.start, real.end])
    forgiven = (bounds - collar, bounds + collar) if collar else (bounds[:0], bounds[:0])
    edges = np.unique(np.concatenate([found.start, found.end, real.start, real.end, *region, *forgiven]))
    lengths = np.diff(edges).astype(np.float64)  # exact below 2 ** 53 ms
    hypothesis, truth = _activity(found, edges), _activity(real, edges)

    evaluated = covered(*region, edges)
    scored = evaluated & ~covered(*forgiven, edges)
    if not how.score_overlap:
        scored &= truth.sum(axis=0) < 2
    weight = lengths * scored
    together = _together(hypothesis, truth, weight)
    rows, columns = _best(-(_together(hypothesis, truth, lengths * evaluated) if how.map_before_collar else together))
    agreed = together[rows, columns]
    heard, spoken = hypothesis.sum(axis=0, dtype=np.int64), truth.sum(axis=0, dtype=np.int64)
    heard_of, spoken_of = hypothesis @ weight, truth @ weight
    return _Scores(
        scored_ms=round(weight.sum()),
        reference_ms=round(spoken @ weight),
        missed_ms=round(np.maximum(spoken - heard, 0) @ weight),
        false_alarm_ms=round(np.maximum(heard - spoken, 0) @ weight),
        confusion_ms=round(np.minimum(spoken, heard) @ weight - agreed.sum()),
        jer=_jaccard(together, heard_of, spoken_of),
        speakers=int((heard_of > 0).sum()),
        reference_speakers=int((spoken_of > 0).sum()),
        mapping=_named(found, real, together, rows, columns),
    )


def _named(found: Turns, real: Turns, together: _Floats, rows: runs.Ints, columns: runs.Ints) -> str:
    pairs = [(row, column) for row, column in zip(rows, columns, strict=True) if together[row, column]]
    return json.dumps({found.labels[row]: real.labels[column] for row, column in pairs}, ensure_ascii=False)


def _evaluated(found: Turns, real: Turns, region: str) -> tuple[Ms, Ms]:
    """From the first to the last speech; nothing where there is none."""
    sides = [real] if region == "reference" else [found, real]
    start = np.sort(np.concatenate([side.start for side in sides]))
    end = np.sort(np.concatenate([side.end for side in sides]))
    return start[:1], end[-1:]


def _activity(turns: Turns, edges: Ms) -> Bools:
    """One row for each speaker, one column for each stretch between edges: whether the speaker talks."""
    own = [turns.speaker == number for number in range(len(turns.labels))]
    rows = [covered(turns.start[rows], turns.end[rows], edges) for rows in own]
    return np.array(rows, np.bool_).reshape(len(rows), max(len(edges) - 1, 0))


def _together(hypothesis: Bools, truth: Bools, weight: _Floats) -> _Floats:
    """Time that each pair of a found and a reference speaker talks at once."""
    rows = [truth[:, talks] @ weight[talks] for talks in hypothesis]
    return np.array(rows, np.float64).reshape(len(hypothesis), len(truth))


def _best(cost: _Floats) -> tuple[runs.Ints, runs.Ints]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return rows, columns


def _jaccard(together: _Floats, heard: _Floats, spoken: _Floats) -> float | None:
    """Mean Jaccard error of the reference speakers that talk in what is scored; None where there are none."""
    real = spoken > 0
    if not real.any():
        return None
    together, spoken = together[heard > 0][:, real], spoken[real]
    union = heard[heard > 0][:, None] + spoken[None, :] - together
    error = 1 - together / union
    rows, columns = _best(error)
    return float((len(spoken) - len(rows) + error[rows, columns].sum()) / len(spoken))


DIARIZATION_POOLING = Pooling(
    result=DIARIZATION_SUMMARY,
    counts=("scored_ms", *PARTS),
    rates=(Rate("der", tuple(PARTS[1:]), PARTS[0]),),
    settings=("conventions", "collar_ms"),
    check=_checked,
    more=_more,
    has_intervals=False,
)
