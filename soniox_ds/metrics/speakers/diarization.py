"""Diarization error rate.

Conventions: two turns of one speaker that overlap or touch are merged; the collar is given for **each side** of a
boundary of such a merged reference turn; durations are whole milliseconds and are pooled by adding them up, never by
averaging rates. Every result states its conventions in words.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.speakers.turns import (
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
    renamed,
    with_named_levels,
)
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text import runs

__all__ = ["DIARIZATION_POOLING", "diarization_errors"]

Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]

PARTS = ["reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms"]
# Regions that end this many times earlier than the reference look like seconds, unless the reference is shorter than
# the second number.
_MUCH_SHORTER = 500
_LONG_MS = 10_000
_REGIONS = ("both", "reference")


class _Conventions(NamedTuple):
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


@by_part(references=["references", "uem"])
def diarization_errors(
    transcripts: Transcripts,
    references: pd.DataFrame,
    *,
    collar_ms: int = 0,
    score_overlap: bool = True,
    uem: pd.DataFrame | str = "both",
    map_before_collar: bool = False,
    missing: str = "exclude",
) -> pd.DataFrame:
    """Compute the diarization error of each recording against reference turns.

    Parameters
    ----------
    transcripts
        A Corpus or a table in ``schema.WORDS`` or ``schema.TOKENS``, from which `speaker_turns` makes turns with its
        default gap; or a table in ``schema.TURNS``.
    references
        Table of reference turns in ``schema.TURNS``, for example from `soniox_ds.io.rttm.read_rttm`. A recording
        without reference turns is left out, unless `uem` has regions of it; it is then scored as a recording in which
        nobody speaks.
    collar_ms
        Time that is not scored before and after each start and each end of a reference turn, in ms. (The collar of
        pyannote.metrics is twice this value, because it is the whole width of the time around a boundary.)
    score_overlap
        If False, time in which two or more reference speakers talk at once is not scored.
    uem
        The regions that are evaluated. ``"both"`` evaluates the time from the first to the last speech in the reference
        or the hypothesis, so that all false alarms count. ``"reference"`` evaluates the time from the first to the last
        speech of the reference, as md-eval does without a UEM file. A table with the columns `audio_id`, `start_ms` and
        `end_ms` gives the regions: one row for each region, in whole milliseconds. A recording may have several
        regions, in any order; speech outside of them is not scored. Every recording of the reference needs a region.
        Ids are matched as those of the reference are, also by the names of files.
    map_before_collar
        If True, speakers are mapped over the whole evaluated time, and the collar and overlapping speech are removed
        afterwards, as md-eval and spy-der do. If False, speakers are mapped over the scored time only, as
        pyannote.metrics does. The results seldom differ, and they can differ only with a collar or with
        ``score_overlap=False``.
    missing
        ``"exclude"`` gives a row without scores to recordings that failed and to recordings of the reference that are
        not in `transcripts`. ``"as_empty"`` scores these recordings as if no speaker had been found.

    Returns
    -------
    DataFrame
        ``schema.DIARIZATION_ERRORS``: one row for each recording of the reference. `der` is (missed + false alarm +
        confusion) / reference speech. It is 0 or more; much false alarm can raise it above 1. It is NA if there is no
        reference speech. For a Corpus, the metadata columns of its recordings follow the columns of the schema. Turns
        of one speaker that overlap or touch are merged before anything else. Therefore a turn that is given twice
        counts once, and the collar surrounds whole stretches of speech.

    Raises
    ------
    SchemaError
        If a column is absent, or a time is missing or impossible.
    InputError
        If the reference is empty and `uem` has no regions, if the reference and `transcripts` have no recording in
        common, if `uem` has no region for a recording of the reference, or if an option is wrong.

    Warns
    -----
    UserWarning
        If some recordings of the reference are not in `transcripts`, if ids were matched by the names of files, or if
        the collar leaves no reference speech to be scored in any recording, so that `der` is NA.

    Notes
    -----
    If R reference speakers and H hypothesis speakers talk at an instant, and C of them are mapped to each other, this
    instant counts max(R - H, 0) times as missed, max(H - R, 0) times as false alarm and min(R, H) - C times as
    confusion. Speakers are mapped one to one so that the time in which mapped speakers talk at once is as long as
    possible. Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", section 6.1.

    `jer` is the mean over the reference speakers of (missed + false alarm) / union, where union is the time in which at
    least one of the two mapped speakers talks. A reference speaker without a match counts as 1. The mapping minimises
    `jer`, as in the DIHARD scoring tool. Source: Ryant et al., "The Second DIHARD Diarization Challenge: Dataset, task,
    and baselines", Interspeech 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> reference = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "start_ms": [0, 600], "end_ms": [600, 1000]})
    >>> turns = pd.DataFrame({"audio_id": "a", "speaker": ["1", "2"], "start_ms": [0, 500], "end_ms": [500, 1000]})
    >>> sx.diarization_errors(turns, reference)[["audio_id", "confusion_ms", "der", "mapping"]]
      audio_id  confusion_ms  der               mapping
    0        a           100  0.1  {"1": "x", "2": "y"}
    """
    checked_ms(collar_ms, "collar_ms")
    need(references, name="reference")
    references = with_named_levels(references, "reference")
    hypothesis_table = turns_of(transcripts)
    hypothesis, reference_turns = checked_turns(hypothesis_table, "turns"), checked_turns(references, "reference")
    same_clock(milliseconds(hypothesis_table, "turns"), milliseconds(references, "reference"))
    recordings = known_ids(transcripts, hypothesis)
    reference_turns = renamed(reference_turns, recordings, "reference")
    regions = None if isinstance(uem, str) else _regions(uem, reference_turns, recordings)
    conventions = _Conventions(collar_ms, score_overlap, _region_name(uem), map_before_collar)
    if not reference_turns and not regions:
        raise InputError(
            "there are no reference turns: the table has no rows. Was the RTTM file empty, or did a filter remove "
            "everything? For recordings in which nobody speaks, give the regions: uem=."
        )
    nobody = Turns(np.zeros(0, np.intp), np.zeros(0, np.int64), np.zeros(0, np.int64), [])

    rows: list[dict[str, Any]] = []
    without_speech: list[str] = []
    for audio_id, status in statuses(transcripts, hypothesis, [*reference_turns, *(regions or {})], missing):
        row: dict[str, Any] = {"audio_id": audio_id, "status": status}
        if status == "scored":
            sides = hypothesis.get(audio_id, nobody), reference_turns.get(audio_id, nobody)
            row |= _recording_scores(*sides, conventions, None if regions is None else regions[audio_id])._asdict()
            if sides[1].labels and not row["reference_ms"]:
                without_speech.append(audio_id)
        rows.append(row | {"collar_ms": collar_ms, "conventions": str(conventions)})
    errors = conform(pd.DataFrame(rows, columns=list(DIARIZATION_ERRORS)), DIARIZATION_ERRORS)
    errors["der"] = divide(errors[PARTS[1:]].sum(axis=1, skipna=False), errors[PARTS[0]])
    if collar_ms and without_speech and not errors["reference_ms"].sum():
        warn_caller(
            f"the der is NA: no reference speech is left to score (for example in {without_speech[0]!r}), because the "
            f"collar leaves out {collar_ms} ms around each start and end, and score_overlap=False leaves out "
            f"overlapping speech. Give a smaller collar_ms, and check that the turns are in milliseconds. {IN_SECONDS}",
            UserWarning,
        )
    return with_metadata(errors, transcripts)


def _region_name(uem: pd.DataFrame | str) -> str:
    if not isinstance(uem, str):
        return "uem"
    if uem not in _REGIONS:
        raise InputError(
            f"uem must be one of {list(_REGIONS)} or a table of audio_id, start_ms, end_ms; found {uem!r}."
        )
    return uem


def _regions(uem: pd.DataFrame, reference: dict[str, Turns], recordings: list[str]) -> dict[str, tuple[Ms, Ms]]:
    """Return the start and end of the evaluated regions of each recording."""
    need(uem, name="uem")
    uem = with_named_levels(uem, "uem")
    need(uem, "audio_id", "start_ms", "end_ms", name="uem")
    if uem["audio_id"].isna().any():
        raise SchemaError("uem: audio_id is NA in some rows; every region needs one.")
    start, end = milliseconds(uem, "uem")
    last = max((int(turns.end.max(initial=0)) for turns in reference.values()), default=0)
    if len(end) and max(_MUCH_SHORTER * int(end.max()), _LONG_MS) < last:
        ask_about_seconds(f"uem: the regions end at {end.max()} ms, the reference at {last} ms.")
    ids = as_ids(uem["audio_id"], "uem").to_numpy(object)
    regions = {str(audio_id): (start[ids == audio_id], end[ids == audio_id]) for audio_id in dict.fromkeys(ids)}
    regions = renamed(regions, dict.fromkeys([*reference, *recordings]), "uem")
    if without := [audio_id for audio_id in reference if audio_id not in regions]:
        raise InputError(
            f"uem has no region for {without[:5]} ({len(without)} of {len(reference)} recordings of the reference); "
            "add regions for them, or leave these recordings out of the reference."
        )
    return regions


def _recording_scores(
    hypothesis_turns: Turns, reference_turns: Turns, conventions: _Conventions, given: tuple[Ms, Ms] | None
) -> _Scores:
    region = _evaluated(hypothesis_turns, reference_turns, conventions.region) if given is None else given
    reference_turns = joined(reference_turns)  # otherwise the collar would leave out time in the middle of speech
    collar = conventions.collar_ms
    bounds = np.concatenate([reference_turns.start, reference_turns.end])
    not_scored = (bounds - collar, bounds + collar) if collar else (bounds[:0], bounds[:0])
    edges = np.unique(
        np.concatenate(
            [
                hypothesis_turns.start,
                hypothesis_turns.end,
                reference_turns.start,
                reference_turns.end,
                *region,
                *not_scored,
            ]
        )
    )
    lengths = np.diff(edges).astype(np.float64)  # exact below 2 ** 53 ms
    hypothesis, reference = _activity(hypothesis_turns, edges), _activity(reference_turns, edges)

    evaluated = covered(*region, edges)
    scored = evaluated & ~covered(*not_scored, edges)
    if not conventions.score_overlap:
        scored &= reference.sum(axis=0) < 2
    weight = lengths * scored
    shared = _together(hypothesis, reference, weight)
    rows, columns = _best(
        -(_together(hypothesis, reference, lengths * evaluated) if conventions.map_before_collar else shared)
    )
    agreed = shared[rows, columns]
    n_hypothesis, n_reference = hypothesis.sum(axis=0, dtype=np.int64), reference.sum(axis=0, dtype=np.int64)
    hypothesis_ms, reference_ms = hypothesis @ weight, reference @ weight
    return _Scores(
        scored_ms=round(weight.sum()),
        reference_ms=round(n_reference @ weight),
        missed_ms=round(np.maximum(n_reference - n_hypothesis, 0) @ weight),
        false_alarm_ms=round(np.maximum(n_hypothesis - n_reference, 0) @ weight),
        confusion_ms=round(np.minimum(n_reference, n_hypothesis) @ weight - agreed.sum()),
        jer=_jaccard(shared, hypothesis_ms, reference_ms),
        speakers=int((hypothesis_ms > 0).sum()),
        reference_speakers=int((reference_ms > 0).sum()),
        mapping=_mapping_json(hypothesis_turns, reference_turns, shared, rows, columns),
    )


def _mapping_json(hypothesis: Turns, reference: Turns, shared: _Floats, rows: runs.Ints, columns: runs.Ints) -> str:
    pairs = [(row, column) for row, column in zip(rows, columns, strict=True) if shared[row, column]]
    return json.dumps({hypothesis.labels[row]: reference.labels[column] for row, column in pairs}, ensure_ascii=False)


def _evaluated(hypothesis: Turns, reference: Turns, region: str) -> tuple[Ms, Ms]:
    """Return the region from the first to the last speech, or no region if there is no speech."""
    sides = [reference] if region == "reference" else [hypothesis, reference]
    start = np.sort(np.concatenate([side.start for side in sides]))
    end = np.sort(np.concatenate([side.end for side in sides]))
    return start[:1], end[-1:]


def _activity(turns: Turns, edges: Ms) -> Bools:
    """Return True where a speaker talks: one row for each speaker, one column for each stretch between edges."""
    by_speaker = [turns.speaker == number for number in range(len(turns.labels))]
    rows = [covered(turns.start[rows], turns.end[rows], edges) for rows in by_speaker]
    return np.array(rows, np.bool_).reshape(len(rows), max(len(edges) - 1, 0))


def _together(hypothesis: Bools, reference: Bools, weight: _Floats) -> _Floats:
    """Return the time that each pair of a hypothesis and a reference speaker talks at once."""
    rows = [reference[:, talks] @ weight[talks] for talks in hypothesis]
    return np.array(rows, np.float64).reshape(len(hypothesis), len(reference))


def _best(cost: _Floats) -> tuple[runs.Ints, runs.Ints]:
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return rows, columns


def _jaccard(shared: _Floats, hypothesis_ms: _Floats, reference_ms: _Floats) -> float | None:
    """Return the mean Jaccard error of the reference speakers that talk in the scored time; None if there are none."""
    talks = reference_ms > 0
    if not talks.any():
        return None
    shared, reference_ms = shared[hypothesis_ms > 0][:, talks], reference_ms[talks]
    union = hypothesis_ms[hypothesis_ms > 0][:, None] + reference_ms[None, :] - shared
    error = 1 - shared / union
    rows, columns = _best(error)
    return float((len(reference_ms) - len(rows) + error[rows, columns].sum()) / len(reference_ms))


DIARIZATION_POOLING = Pooling(
    result=DIARIZATION_SUMMARY,
    counts=("scored_ms", *PARTS, "reference_speakers"),
    rates=(
        Rate("der", tuple(PARTS[1:]), PARTS[0], "rate", "reference speech"),
        Rate("jer", "jaccard_error", "reference_speakers", "share", "reference speakers"),
    ),
    settings=("conventions", "collar_ms"),
    required=tuple(DIARIZATION_ERRORS),
    keys=("audio_id",),
    prepare=lambda errors: errors.assign(jaccard_error=errors["jer"] * errors["reference_speakers"]),
)
