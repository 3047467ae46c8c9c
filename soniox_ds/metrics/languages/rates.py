"""Pooled rates with intervals, for language scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.metrics.stats import bootstrap
from soniox_ds.metrics.stats.blocks import blocks_of, known, note_of

__all__ = ["rated"]


def rated(
    part: pd.DataFrame,
    wrong: Any,
    whole: Any,
    columns: Sequence[str],
    how: bootstrap.Resampling,
    name: str,
    *,
    kind: bootstrap.Kind,
    noun: str,
) -> dict[str, Any]:
    """Pool a rate over the recordings of `part`, with its interval; `noun` is what the denominator counts."""
    blocks = blocks_of(part, columns)
    drawn = bootstrap.bootstrap_rate(
        np.bincount(blocks.codes, weights=wrong.to_numpy(np.float64), minlength=blocks.total),
        np.bincount(blocks.codes, weights=whole.to_numpy(np.float64), minlength=blocks.total),
        replicates=how.replicates,
        seed=how.seed,
    )
    interval = drawn.interval(how.ci, how.method, kind)
    return {
        name: known(drawn.estimate),
        f"{name}_low": known(interval.low),
        f"{name}_high": known(interval.high),
        "blocks": blocks.total,
        "block": "+".join(columns),
        **how._asdict(),
        "method": interval.method,
        "note": note_of(interval, blocks, columns, noun=noun),
    }
