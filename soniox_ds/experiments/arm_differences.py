"""Comparison of the arms of an experiment with its baseline.

Conventions: as in `soniox_ds.metrics.stats.compare`, but a lack of data raises no error, because the experiment has
been paid for. Where the arms share fewer than two recordings or blocks, the rates and counts are kept, the interval and
its p are NA, and `note` says why and what would help.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import SmallSampleWarning
from soniox_ds.metrics.stats import bootstrap
from soniox_ds.metrics.stats.blocks import block_columns, block_noun, blocks_of, counted, known
from soniox_ds.metrics.stats.compare import FEW_SEGMENTS, compare_errors
from soniox_ds.schema import ERROR_COMPARISON, conform
from soniox_ds.schema.result_table import ResultTable

__all__ = ["arm_differences"]

_ERRORS = ["substitutions", "deletions", "insertions"]
_OF_BLOCKS = [
    *("difference_low", "difference_high", "neutral_difference_low", "neutral_difference_high", "b_better", "p")
]
_TESTS = ("p", "mapsswe_p", "mcnemar_p")


def arm_differences(
    errors: Mapping[str, pd.DataFrame],
    *,
    baseline: str,
    alignments: Mapping[str, pd.DataFrame] | None = None,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare each arm with the baseline. The parameters and rows are those of `compare_errors`.

    Parameters
    ----------
    errors
        ``schema.WORD_ERRORS`` of each arm. All arms have the same recordings and the same columns.
    baseline, alignments, block, ci, method, n_resamples, seed
        As in `compare_errors`.

    Returns
    -------
    DataFrame
        ``schema.ERROR_COMPARISON``: one row for each arm except the baseline.

    Raises
    ------
    InputError, SchemaError
        If an option is wrong or a table is not as documented; never because too little was scored.

    Warns
    -----
    SmallSampleWarning
        As `compare_errors` does, for the arms that have an interval.

    Examples
    --------
    >>> counts = {"hits": 1, "substitutions": 1, "deletions": 0, "insertions": 0, "reference_words": 2}
    >>> plain = pd.DataFrame([{"audio_id": "a", "status": "scored", **counts, "duration_ms": 1000}])
    >>> terms = plain.assign(hits=2, substitutions=0)
    >>> row = arm_differences({"plain": plain, "terms": terms}, baseline="plain").iloc[0]
    >>> float(row["difference"]), row["p"], row["note"]
    (-0.5, <NA>, 'Only one recording is scored in both arms, and an interval needs two or more. Add recordings.')
    """
    resampling = bootstrap.checked_resampling(ci, method, n_resamples, seed)
    columns = block_columns(errors[baseline], block)
    parts = []
    for name in errors:
        if name == baseline:
            continue
        pair = {baseline: errors[baseline], name: errors[name]}
        pair_alignments = None if alignments is None else {arm: alignments[arm] for arm in pair}
        shared = _shared(*pair.values())
        blocks = blocks_of(shared, columns).total if len(shared) else 0
        part: pd.DataFrame
        if blocks > 1:
            part = compare_errors(
                pair, alignments=pair_alignments, baseline=baseline, block=columns, **resampling._asdict()
            )
        elif len(shared) > 1:
            part = _without_interval(pair, pair_alignments, columns, resampling)
        else:
            part = conform(pd.DataFrame([_row_of_few(pair, shared, columns, resampling)]), ERROR_COMPARISON)
        parts.append(part)
    result = pd.concat(parts, ignore_index=True)
    for test in _TESTS:
        corrected = bootstrap.holm(result[test].to_numpy(np.float64, na_value=np.nan))
        result[f"{test}_holm"] = pd.array([known(value) for value in corrected], dtype="Float64")
    return ResultTable(result)


def _shared(a: pd.DataFrame, b: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `a` whose recordings are scored in both tables."""
    ids = b.loc[b["status"] == "scored", "audio_id"]
    return a[(a["status"] == "scored") & a["audio_id"].isin(ids)]


def _without_interval(
    two: Mapping[str, pd.DataFrame],
    alignments: Mapping[str, pd.DataFrame] | None,
    columns: Sequence[str],
    resampling: bootstrap.Resampling,
) -> pd.DataFrame:
    """Compute the rates and the tests that do not depend on blocks, without an interval."""
    baseline = next(iter(two))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)  # about audio_id, which is not the block
        row = compare_errors(two, alignments=alignments, baseline=baseline, block="audio_id", **resampling._asdict())
    row[_OF_BLOCKS] = pd.NA
    label = "+".join(columns)
    note = (
        f"All {row['recordings'].item()} recordings that both arms share belong to one {block_noun(columns)}, and an "
        f'interval needs two or more. Add {block_noun(columns, 2)}, or call .with_block("audio_id") for an interval '
        "that treats the recordings as independent."
    )
    segments = row["segments"].item()
    if pd.notna(segments) and segments < FEW_SEGMENTS:
        only = counted(segments, "error segment")
        note += f" Only {only}: with fewer than {FEW_SEGMENTS} the p value of MAPSSWE is not reliable."
    return conform(row.assign(blocks=1, block=label, note=note), ERROR_COMPARISON)


def _row_of_few(
    two: Mapping[str, pd.DataFrame], shared: pd.DataFrame, columns: Sequence[str], resampling: bootstrap.Resampling
) -> dict[str, Any]:
    """Return the row of arms that share at most one recording."""
    (a, first), (b, second) = two.items()
    row: dict[str, Any] = {
        "a": a,
        "b": b,
        "recordings": len(shared),
        "only_a": int((first["status"] == "scored").sum()) - len(shared),
        "only_b": int((second["status"] == "scored").sum()) - len(shared),
        "blocks": len(shared),
        "block": "+".join(columns),
        "reference_words": int(shared["reference_words"].sum()),
        **resampling.columns,
    }
    if shared.empty:
        failed = " and ".join(f"{int((table['status'] == 'failed').sum())} in {name!r}" for name, table in two.items())
        note = (
            f"No recording is scored in both arms: of {len(first)} recordings, {failed} failed. The column "
            "error_message says why."
        )
        return row | {"note": note}
    size = row["reference_words"]
    wrong = [
        int(table.loc[table["audio_id"].isin(shared["audio_id"]), _ERRORS].sum().sum()) for table in (first, second)
    ]
    if size:
        rates = [count / size for count in wrong]
        row |= {"wer_a": rates[0], "wer_b": rates[1], "difference": rates[1] - rates[0]}
    only_a, only_b = int(wrong[0] == 0 < wrong[1]), int(wrong[1] == 0 < wrong[0])
    return row | {
        "both_right": int(wrong == [0, 0]),
        "only_a_right": only_a,
        "only_b_right": only_b,
        "both_wrong": int(min(wrong) > 0),
        "mcnemar_p": bootstrap.mcnemar(only_a, only_b),
        "note": "Only one recording is scored in both arms, and an interval needs two or more. Add recordings.",
    }
