"""Paired comparison of error rates, with intervals and significance tests.

Conventions: arms are compared on the recordings that are scored in both, and every replicate draws the same blocks for
both, so that the difficulty of the recordings cancels. A difference is B's rate minus A's: below 0, B is better. The
matched pairs test keeps NIST's sign, errors of A minus errors of B.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SmallSampleWarning
from soniox_ds.metrics.stats import bootstrap
from soniox_ds.metrics.stats.blocks import (
    DEFAULT_BLOCKS,
    PUNCTUATION,
    WORDS,
    Blocks,
    Measure,
    block_columns,
    blocks_of,
    checked_errors,
    counted,
    known,
    measure_of,
    note_of,
)
from soniox_ds.metrics.stats.mapsswe import error_segments
from soniox_ds.schema import CHARACTER_ERROR_COMPARISON, ERROR_COMPARISON, conform, need, with_ids
from soniox_ds.schema.inputs import refuse_transcripts
from soniox_ds.schema.result_table import ResultTable

__all__ = ["FEW_SEGMENTS", "check_settings", "compare_errors", "paired_blocks", "shared_measure"]

FEW_SEGMENTS = 30
"""Below this number of error segments the normal distribution of the matched pairs test is not reliable."""

_ALIGNED = ("audio_id", "position", "operation", "reference")
_ERRORS = ["substitutions", "deletions", "insertions"]
_DIFFERENTLY = {
    "normalizer": "after different normalisers",
    "unit": "with different settings of 'unit'",
    "spaces": "with different settings of 'spaces'",
    "cost": "with different costs of the alignment",
}


class PairedBlocks(NamedTuple):
    """Two arms on the recordings scored in both: the recordings, and the sums of each block."""

    recordings: pd.DataFrame  # audio_id, errors_a, errors_b, reference size, duration_ms and the block columns
    errors_a: npt.NDArray[np.float64]  # errors of each block
    errors_b: npt.NDArray[np.float64]
    size: npt.NDArray[np.float64]  # reference words or characters of each block
    columns: list[str]
    blocks: Blocks
    only_a: int
    only_b: int
    settings: dict[str, Any]  # settings that both arms share, such as the unit of characters


def compare_errors(
    *arms: pd.DataFrame | Mapping[str, pd.DataFrame],
    block: str | Sequence[str] | None = None,
    alignments: Mapping[str, pd.DataFrame] | Sequence[pd.DataFrame] | None = None,
    baseline: str | None = None,
    ci: float = 0.95,
    method: str = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """Compare the word or character errors of two or more arms on the recordings they share.

    Parameters
    ----------
    *arms
        ``schema.WORD_ERRORS`` (or ``schema.CHARACTER_ERRORS``) of each arm, against the same references and after the
        same normaliser: either one mapping from names to tables, or the tables themselves, which are then named "a",
        "b", "c", ...
    block
        Column or columns of the tables whose values are resampled as a whole; ``"audio_id"`` for single recordings. The
        default is `speaker`, otherwise `session`, if there is such a column, otherwise recordings. The result names it.
    alignments
        ``schema.WORD_ALIGNMENTS`` of each arm, under the same names or in the same order, for the matched pairs test
        (MAPSSWE). Without them its columns are NA. The test is not available for characters.
    baseline
        Compare this arm with each of the others. None compares every pair of arms, in the order given.
    ci, n_resamples, seed
        See `summarize`.
    method
        ``"auto"`` is ``"jackknife"`` here: the t interval with the jackknife's standard error and blocks − 1 degrees of
        freedom has the best coverage for differences, for any number of blocks. ``"studentized"``, ``"cr2"`` and
        ``"percentile"`` are available for comparison.

    Returns
    -------
    DataFrame
        ``schema.ERROR_COMPARISON`` (for characters ``schema.CHARACTER_ERROR_COMPARISON``): one row for each comparison.
        The interval and `p` belong to the difference over blocks, `mapsswe_p` to the matched pairs test,
        `mcnemar_p` to recordings right and wrong. With one block, or without variation, interval and `p` are NA and
        `note` says so. Each p is corrected with Holm's method over the rows of the table, whatever their number; the
        intervals are not corrected.

    Raises
    ------
    InputError
        If there are fewer than two arms, or fewer than two recordings in common; if the references, normalisers or
        costs differ; or if the alignments do not belong to the errors.
    SchemaError
        If a table is not as documented.

    Warns
    -----
    SmallSampleWarning
        If there are fewer than 30 error segments, so that the p of MAPSSWE is not reliable; `note` says the same.

    Notes
    -----
    The three tests answer different questions. The interval says whether B is better for *other speakers* of this kind
    (or sessions, recordings). MAPSSWE says whether B is better for other stretches of speech, as if these were
    independent. McNemar's test says whether B gets more recordings entirely right. If recordings are clustered by
    speaker, rely on the interval.

    Sources: Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019; Gillick and Cox,
    "Some statistical issues in the comparison of speech recognition algorithms", ICASSP 1989.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> import numpy as np
    >>> wrong = np.random.default_rng(0).binomial(20, 0.2, size=40)
    >>> def errors(wrong):
    ...     return pd.DataFrame({
    ...         "audio_id": [f"{number}.wav" for number in range(40)], "status": "scored", "hits": 20 - wrong,
    ...         "substitutions": wrong, "deletions": 0, "insertions": 0, "reference_words": 20,
    ...     })
    >>> comparison = sx.compare_errors({"plain": errors(wrong), "terms": errors(wrong // 2)})
    >>> comparison[["a", "b", "recordings", "wer_a", "wer_b"]]
           a      b  recordings  wer_a    wer_b
    0  plain  terms          40   0.21  0.09125
    >>> comparison[["difference", "difference_low", "difference_high", "b_better"]].round(3)
       difference  difference_low  difference_high  b_better
    0      -0.119          -0.135           -0.102       1.0
    """
    resampling = bootstrap.checked_resampling(ci, method, n_resamples, seed)
    tables, measure = _named_arms(arms)
    if alignments is not None and measure is not WORDS:
        raise InputError("alignments are of words, but the arms are tables of character errors; leave out alignments=.")
    aligned = _named_alignments(alignments, list(tables))
    rows = []
    for a, b in _pairs(list(tables), baseline):
        names = f"{a!r} and {b!r}"
        paired = paired_blocks(tables[a], tables[b], block, names, measure)
        test = None if aligned is None else _matched_pairs(paired.recordings, aligned[a], aligned[b], names)
        rows.append({"a": a, "b": b, **_comparison(paired, test, resampling, measure)})
    result = conform(pd.DataFrame(rows), ERROR_COMPARISON if measure is WORDS else CHARACTER_ERROR_COMPARISON)
    for name in [name for name in ("p", "mapsswe_p", "mcnemar_p") if name in result]:
        corrected = bootstrap.holm(result[name].to_numpy(np.float64, na_value=np.nan))
        result[f"{name}_holm"] = pd.array([known(value) for value in corrected], dtype="Float64")
    _warn(result)
    return ResultTable(result)


def paired_blocks(
    a: pd.DataFrame,
    b: pd.DataFrame,
    block: str | Sequence[str] | None,
    names: str = "the arms",
    measure: Measure = WORDS,
) -> PairedBlocks:
    """Match two arms by recording and add up the blocks; `a` and `b` are checked tables of errors."""
    check_settings([a, b], names, measure)
    columns = _shared_block_columns(a, b, block)
    scored = [errors[errors["status"] == "scored"].set_index("audio_id") for errors in (a, b)]
    shared = scored[0].index[scored[0].index.isin(scored[1].index)]
    if len(shared) < 2:
        raise InputError(
            f"{names} have {len(shared)} scored recording{'' if len(shared) == 1 else 's'} in common; a comparison "
            f"needs two or more. Their ids look like {list(a['audio_id'][:2])} and {list(b['audio_id'][:2])}."
        )
    first, second = (errors.loc[shared] for errors in scored)
    if (unequal := (first[measure.size] != second[measure.size]).to_numpy(np.bool_)).any():
        name = shared[int(np.argmax(unequal))]
        raise InputError(
            f"{names} were scored against different references: {name!r} has {first.loc[name, measure.size]} and "
            f"{second.loc[name, measure.size]} {measure.noun} (in all, they differ in "
            f"{counted(int(unequal.sum()), 'recording')})."
        )
    if clash := [name for name in columns if name in first and name in second and not _same(first[name], second[name])]:
        raise InputError(
            f"the same recordings have different values of {clash[0]!r} in {names}, so this column cannot be the block."
        )
    recordings = pd.DataFrame(
        {
            "audio_id": shared,
            "errors_a": first[_ERRORS].sum(axis=1).to_numpy(np.float64),
            "errors_b": second[_ERRORS].sum(axis=1).to_numpy(np.float64),
            measure.size: first[measure.size].to_numpy(np.float64),
            "duration_ms": first["duration_ms"].array,
        }
    )
    if all("neutral_errors" in errors for errors in (first, second)):
        for name, errors in (("neutral_a", first), ("neutral_b", second)):
            recordings[name] = errors["neutral_errors"].to_numpy(np.float64, na_value=np.nan)
    for name in columns:
        if name != "audio_id":
            recordings[name] = (first if name in first else second)[name].array
    blocks = blocks_of(recordings, columns)

    def added(column: str) -> npt.NDArray[np.float64]:
        weights = recordings[column].to_numpy(np.float64)
        return np.bincount(blocks.codes, weights=weights, minlength=blocks.total).astype(np.float64)

    return PairedBlocks(
        recordings,
        added("errors_a"),
        added("errors_b"),
        added(measure.size),
        columns,
        blocks,
        len(scored[0]) - len(shared),
        len(scored[1]) - len(shared),
        {name: first[name].iloc[0] for name in measure.settings if name != "normalizer" and name in first},
    )


def _comparison(
    paired: PairedBlocks, test: bootstrap.MatchedPairs | None, resampling: bootstrap.Resampling, measure: Measure
) -> dict[str, Any]:
    """Return one row of the result, without the names and the columns that Holm's method adds."""
    size = paired.size.sum()
    drawn = bootstrap.bootstrap_rate(
        paired.errors_b - paired.errors_a, paired.size, n_resamples=resampling.n_resamples, seed=resampling.seed
    )
    interval = drawn.interval(resampling.ci, resampling.method, "difference")
    right_a, right_b = (paired.recordings[name].to_numpy() == 0 for name in ("errors_a", "errors_b"))
    only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
    matched: dict[str, Any] = {}
    more = []
    if test is not None:
        matched = {
            "segments": test.segments,
            "mapsswe_mean": known(test.mean),
            "mapsswe_sd": known(test.standard_deviation),
            "mapsswe_z": known(test.z),
            "mapsswe_p": known(test.p),
        }
        if test.segments < FEW_SEGMENTS:
            more.append(
                f"Only {counted(test.segments, 'error segment')}: with fewer than {FEW_SEGMENTS} the p value of "
                "MAPSSWE is not reliable."
            )
    return {
        "recordings": len(paired.recordings),
        "only_a": paired.only_a,
        "only_b": paired.only_b,
        "blocks": len(paired.size),
        "block": "+".join(paired.columns),
        measure.size: int(size),
        f"{measure.rate}_a": known(paired.errors_a.sum() / size if size else np.nan),
        f"{measure.rate}_b": known(paired.errors_b.sum() / size if size else np.nan),
        "difference": known(drawn.estimate),
        "difference_low": known(interval.low),
        "difference_high": known(interval.high),
        **(_neutral(paired, resampling) if measure is WORDS else {}),
        "b_better": known(drawn.share_below(0)),
        "p": known(drawn.p_value(interval.method)) if interval.method else pd.NA,
        **resampling.columns,
        "method": interval.method,
        **matched,
        "both_right": int((right_a & right_b).sum()),
        "only_a_right": only_a,
        "only_b_right": only_b,
        "both_wrong": int((~right_a & ~right_b).sum()),
        "mcnemar_p": bootstrap.mcnemar(only_a, only_b),
        "note": note_of(
            interval, paired.blocks, paired.columns, *more, noun=f"reference {measure.noun}", quantity="difference"
        ),
        **paired.settings,
    }


def _neutral(paired: PairedBlocks, resampling: bootstrap.Resampling) -> dict[str, Any]:
    """Compare the arms without errors of formatting, over the recordings for which both arms have such a count."""
    recordings = paired.recordings
    if "neutral_a" not in recordings:
        return {}
    both = recordings[["neutral_a", "neutral_b"]].notna().all(axis=1).to_numpy(np.bool_)
    size = recordings[WORDS.size].to_numpy(np.float64)[both]
    if not size.sum():
        return {}
    codes = np.unique(paired.blocks.codes[both], return_inverse=True)[1]
    a, b, words = (
        np.bincount(codes, weights=values).astype(np.float64)
        for values in (*(recordings[name].to_numpy(np.float64)[both] for name in ("neutral_a", "neutral_b")), size)
    )
    low = high = math.nan
    if len(words) > 1:
        drawn = bootstrap.bootstrap_rate(b - a, words, n_resamples=resampling.n_resamples, seed=resampling.seed)
        interval = drawn.interval(resampling.ci, resampling.method, "difference")
        low, high = interval.low, interval.high
    return {
        "neutral_words": int(words.sum()),
        "neutral_wer_a": a.sum() / words.sum(),
        "neutral_wer_b": b.sum() / words.sum(),
        "neutral_difference": (b.sum() - a.sum()) / words.sum(),
        "neutral_difference_low": known(low),
        "neutral_difference_high": known(high),
    }


def _matched_pairs(recordings: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame, names: str) -> bootstrap.MatchedPairs:
    """Run MAPSSWE on the recordings, after a check that the alignments have the errors that were counted."""
    ids = recordings["audio_id"]
    segments = error_segments(*(alignments[alignments["audio_id"].isin(ids)] for alignments in (a, b)))
    added = segments.groupby("audio_id")[["errors_a", "errors_b"]].sum().reindex(ids, fill_value=0)
    for name in ("errors_a", "errors_b"):
        aligned, counted = added[name].to_numpy(np.float64), recordings[name].to_numpy(np.float64)
        if (aligned != counted).any():
            where = int(np.argmax(aligned != counted))
            raise InputError(
                f"the alignments of {names} are not those of the errors: {ids[where]!r} has {aligned[where]:.0f} "
                f"errors in the alignments and {counted[where]:.0f} in the errors. Make both from the same "
                "transcripts, references and normaliser."
            )
    return bootstrap.mapsswe(segments["errors_a"].to_numpy(np.float64), segments["errors_b"].to_numpy(np.float64))


def _named_arms(arms: Sequence[pd.DataFrame | Mapping[str, pd.DataFrame]]) -> tuple[dict[str, pd.DataFrame], Measure]:
    if len(arms) == 1 and isinstance(arms[0], Mapping):
        named: dict[str, Any] = dict(arms[0])
    elif any(isinstance(arm, Mapping) for arm in arms):
        raise InputError("pass either one mapping from names to tables, or the tables as separate arguments.")
    else:
        named = {chr(ord("a") + number): arm for number, arm in enumerate(arms)}
    if len(named) < 2:
        raise InputError(f"compare_errors takes two arms or more, found {len(named)}.")
    for arm in named.values():
        refuse_transcripts(
            arm, "tables of errors", "sx.compare_errors(sx.word_errors(corpus_a), sx.word_errors(corpus_b))"
        )
    measure = shared_measure(named.values())
    return {str(name): checked_errors(table, f"arm {name!r}", measure) for name, table in named.items()}, measure


def shared_measure(arms: Iterable[Any]) -> Measure:
    """Return the measure of the tables, words or characters; raise InputError unless it is the same in all tables."""
    measures = {measure_of(table) for table in arms}
    if PUNCTUATION in measures:
        raise InputError(
            "errors of punctuation and capitals cannot be compared, because the arms have no common denominator: "
            "marks that only one arm inserts count only in its own rate. Compare word or character errors, or call "
            "sx.summarize for the rates of each arm with their intervals."
        )
    if len(measures) > 1:
        raise InputError("some arms are tables of word errors and some of character errors; pass tables of one kind.")
    return measures.pop()


def _named_alignments(alignments: Any, names: Sequence[str]) -> dict[str, pd.DataFrame] | None:
    if alignments is None:
        return None
    given = dict(alignments) if isinstance(alignments, Mapping) else dict(zip(names, alignments, strict=False))
    if sorted(map(str, given)) != sorted(names) or len(alignments) != len(names):
        raise InputError(
            f"alignments must be given for each arm: {list(names)}; found {len(alignments)}: {list(given)}."
        )
    for name, table in given.items():
        need(table, *_ALIGNED, name=f"alignments of {name!r}")
    return {str(name): with_ids(table, f"alignments of {name!r}") for name, table in given.items()}


def _pairs(names: Sequence[str], baseline: str | None) -> list[tuple[str, str]]:
    if baseline is None:
        return list(combinations(names, 2))
    if baseline not in names:
        raise InputError(f"baseline is {baseline!r}; the arms are {list(names)}.")
    return [(baseline, name) for name in names if name != baseline]


def check_settings(tables: Sequence[pd.DataFrame], names: str, measure: Measure) -> None:
    """Raise InputError unless all rows of all tables have the same settings, as far as the tables record them."""
    for name in (*measure.settings, "cost"):
        if any(name not in table for table in tables):
            continue
        used = pd.concat([table[name] for table in tables]).dropna().unique()
        if len(used) > 1:
            raise InputError(f"{names} were scored {_DIFFERENTLY[name]}, {sorted(used)}; score both in the same way.")


def _shared_block_columns(a: pd.DataFrame, b: pd.DataFrame, block: str | Sequence[str] | None) -> list[str]:
    """Choose the block columns from the arm that has them, since the user's metadata may be joined to only one arm."""
    if block is None:
        candidates = [
            errors for errors in (a, b) if any(name in errors and errors[name].notna().any() for name in DEFAULT_BLOCKS)
        ]
        return block_columns(candidates[0] if candidates else a, None)
    asked = [block] if isinstance(block, str) else list(block)
    return block_columns(a if all(name in a for name in asked) else b, asked)


def _same(first: pd.Series[Any], second: pd.Series[Any]) -> bool:
    both = first.notna().to_numpy() & second.notna().to_numpy()
    return bool((first.to_numpy(object)[both] == second.to_numpy(object)[both]).all())


def _warn(result: pd.DataFrame) -> None:
    if "segments" not in result:
        return
    few = (result["segments"] < FEW_SEGMENTS).fillna(False)
    if few.any():
        first = result[few].iloc[0]
        more = f" ({int(few.sum())} comparisons have too few segments.)" if few.sum() > 1 else ""
        warnings.warn(f"{first['a']} and {first['b']}: {first['note']}{more}", SmallSampleWarning, stacklevel=3)
