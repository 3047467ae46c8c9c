"""Percentiles of live transcription latencies, with intervals.

Conventions: a percentile is an observed latency, the smallest that at least the given share of latencies does not
exceed (no interpolation). Tokens of a recording, and recordings of a speaker, are not independent, so the intervals
come from resampling whole blocks (see `blocks`). They use percentiles of the replicates that lie further out than the
level if there are few blocks, because plain percentiles would be too narrow. Failed recordings are counted, not
measured.

Sources: Liu and Peng, "Statistical Testing on ASR Performance via Blockwise Bootstrap", 2019; Hesterberg, "What
Teachers Should Know About the Bootstrap", The American Statistician 69, 2015 (expanded percentile intervals).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.latency.tokens import LiveTables, checked_tables, ends_of_audio, token_latencies
from soniox_ds.metrics.stats.blocks import Blocks, blocks_of, known, note_of
from soniox_ds.metrics.stats.bootstrap import FEW_UNITS, Interval, Remark, Resampling
from soniox_ds.metrics.stats.pool import Pooling, outcomes_of
from soniox_ds.schema import LIVE_LATENCIES, LIVE_LATENCY_SUMMARY, conform, with_ids

__all__ = ["LATENCY_POOLING", "MEASURES", "live_latencies", "observed_ranks"]

_Floats = npt.NDArray[np.float64]

MEASURES = ("connect", "first_token", "first_lag", "finalization_lag", "endpoint_lag", "translation_lag")
"""The measures, in the order of the rows."""

_PERCENTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
_CELLS_PER_CHUNK = 200_000


def live_latencies(live_result: LiveTables) -> pd.DataFrame:
    """List all latencies of a live transcription, in milliseconds; `summarize` computes their percentiles.

    Parameters
    ----------
    live_result
        A `LiveResult`, or another object with its tables: ``recordings``, ``tokens``, ``updates`` and ``log``.

    Returns
    -------
    DataFrame
        ``schema.LIVE_LATENCIES``: one row for each latency, with the columns of the recordings. A recording without any
        latency has one row, in which `measure` and `ms` are NA. The measures are:

        ``connect``: from the start of a connection until it was open, for each connection that was opened.
        ``first_token``: from the first audio (or the opening of the connection, if that came later) to the first
        message with a token, for each recording. Silence at the start of a recording is included.
        ``first_lag``, ``finalization_lag``, ``translation_lag``: see `sx.metrics.token_latencies`, for each token.
        ``endpoint_lag``: begins when the audio up to the end of the last word before an endpoint has been sent, and
        ends when that endpoint is received; one value for each endpoint received while audio was still being sent.

    Raises
    ------
    InputError
        If such tables are absent.
    SchemaError
        If a column is absent.

    Notes
    -----
    `summarize` gives for each group one row for each measure. A measure without any value has a `count` of 0 and NA
    percentiles. Bounds are NA for fewer than two blocks, and `note` says why; for fewer than 10 blocks it says that the
    interval is wide.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream("data/samples/market_stall.wav", speed=None)
    >>> summary = sx.summarize(sx.metrics.live_latencies(streamed))
    >>> summary["measure"].tolist()
    ['connect', 'first_token', 'first_lag', 'finalization_lag', 'endpoint_lag', 'translation_lag']
    >>> summary.loc[3, "note"].rpartition("Add recordings. ")[2]
    'p99: the greatest of only 23 values.'
    """
    tables = checked_tables(live_result, recordings=True)
    further = [name for name in tables.recordings if name not in LIVE_LATENCIES]
    recordings = with_ids(tables.recordings, "recordings")[["audio_id", "status", *further]]
    latencies = recordings.merge(_values(tables), on="audio_id", how="left")
    return conform(latencies.assign(latency_index=latencies.groupby("audio_id").cumcount()), LIVE_LATENCIES)


def _group_rows(part: pd.DataFrame, columns: Sequence[str], resampling: Resampling) -> list[dict[str, Any]]:
    """Return the percentiles of each measure in a group."""
    resampling = resampling._replace(method="expanded percentile")
    recordings = part.drop_duplicates("audio_id")
    completed = recordings[(recordings["status"] == "completed").fillna(False).to_numpy(np.bool_)]
    blocks = blocks_of(completed, columns)
    block_of = pd.Series(blocks.codes, index=completed["audio_id"])
    measured = part[part["audio_id"].isin(block_of.index)].dropna(subset=["ms"])
    connected = measured[measured["measure"] == "connect"]
    shared = {
        **outcomes_of(recordings, "completed"),
        "reconnects": len(connected) - connected["audio_id"].nunique(),
    }
    rows = []
    for measure in MEASURES:
        of_measure = measured[measured["measure"] == measure]
        units = block_of.loc[of_measure["audio_id"]].to_numpy(np.intp)
        row = _percentile_row(of_measure["ms"].to_numpy(np.float64), units, blocks, columns, resampling)
        rows.append({**shared, "measure": measure, **row})
    return rows


def _values(tables: LiveTables) -> pd.DataFrame:
    """Return every single latency: `audio_id`, `measure`, `ms`."""
    tokens = token_latencies(tables)
    lags = [
        _measured(tokens["audio_id"], f"{name}_lag", tokens[f"{name}_lag_ms"])
        for name in ("first", "finalization", "translation")
    ]
    values = pd.concat([*_connections(tables), *lags, _endpoints(tables, tokens)], ignore_index=True)
    return values.dropna(subset=["ms"])


def _measured(audio_id: Any, measure: str, ms: Any) -> pd.DataFrame:
    numbers = pd.array(ms, dtype="Float64").to_numpy(np.float64, na_value=np.nan)
    return pd.DataFrame({"audio_id": pd.array(audio_id, dtype="string"), "measure": measure, "ms": numbers})


def _connections(tables: LiveTables) -> list[pd.DataFrame]:
    """Measure how long each connection took to open, and how long each recording waited for its first token."""
    log = tables.log
    connect: list[tuple[str, float]] = []
    ready: dict[str, float] = {}  # the time at which there were both audio and a connection
    for audio_id, rows in log[log["kind"].isin(["audio", "connecting", "open"])].groupby(
        "audio_id", sort=False, observed=True
    ):
        begun = nan
        first: dict[str, float] = {}
        for kind, at_ms in zip(rows["kind"], rows["at_ms"], strict=True):
            first.setdefault(str(kind), float(at_ms))
            if kind == "connecting":
                begun = float(at_ms)
            elif kind == "open":
                connect.append((str(audio_id), float(at_ms) - begun))
        ready[str(audio_id)] = round(max(first.get("audio", 0.0), first["open"])) if "open" in first else nan
    tokens = tables.tokens
    seen = pd.to_numeric(tokens["received_ms"]).groupby(tokens["audio_id"], sort=False, observed=True).min()
    ids = list(ready)
    waited = [float(seen[name]) - ready[name] if name in seen and pd.notna(seen[name]) else nan for name in ids]
    return [
        _measured([name for name, _ in connect], "connect", [ms for _, ms in connect]),
        _measured(ids, "first_token", waited),
    ]


def _endpoints(tables: LiveTables, tokens: pd.DataFrame) -> pd.DataFrame:
    """Measure the lag from the end of the last word to the endpoint after it."""
    updates = tables.updates
    ended = updates[updates["is_endpoint"].fillna(False).to_numpy(np.bool_)]
    end_of_audio = ends_of_audio(tables.log).set_index(["audio_id", "session"])["end_of_audio_ms"]
    originals = tokens.dropna(subset=["end_sent_ms", "end_ms"])
    tokens_by_id = {str(audio_id): rows for audio_id, rows in originals.groupby("audio_id", sort=False, observed=True)}
    ids: list[str] = []
    lags: list[float] = []
    for audio_id, points in ended.groupby("audio_id", sort=False, observed=True):
        rows = tokens_by_id.get(str(audio_id))
        if rows is None:
            continue
        final = rows["final_ms"].to_numpy(np.float64)
        end, spoken = rows["end_ms"].to_numpy(np.float64), rows["end_sent_ms"].to_numpy(np.float64)
        before = -np.inf
        for at_ms, session in zip(points["received_ms"], points["session"], strict=True):
            at = round(float(at_ms))
            inside = np.flatnonzero((final > before) & (final <= at))
            before = at
            no_more_audio = end_of_audio.get((str(audio_id), session))
            if len(inside) and (no_more_audio is None or at < no_more_audio):
                ids.append(str(audio_id))
                lags.append(at - float(spoken[inside[np.argmax(end[inside])]]))
    return _measured(ids, "endpoint_lag", lags)


class _Percentiles(NamedTuple):
    estimates: _Floats
    lows: _Floats
    highs: _Floats
    remark: Remark | None


def _percentile_row(
    values: _Floats, units: npt.NDArray[np.intp], blocks: Blocks, columns: Sequence[str], resampling: Resampling
) -> dict[str, Any]:
    percentiles = _bootstrap(values, units, blocks.total, np.array(list(_PERCENTILES.values())), resampling)
    row: dict[str, Any] = {
        "count": len(values),
        "blocks": blocks.total,
        "block": "+".join(columns),
        **resampling.columns,
    }
    for place, name in enumerate(_PERCENTILES):
        row[name] = known(percentiles.estimates[place])
        row[f"{name}_low"], row[f"{name}_high"] = known(percentiles.lows[place]), known(percentiles.highs[place])
    greatest = [name[:3] for name, share in _PERCENTILES.items() if 0 < len(values) * (1 - share) < 1 - 1e-9]
    few = [f"{' and '.join(greatest)}: the greatest of only {len(values)} values."] if greatest and len(values) else []
    if not len(values):
        row["note"] = note_of(None, blocks, columns, "Nothing was measured.")
        return row
    interval = Interval(percentiles.lows[0], percentiles.highs[0], resampling.method, percentiles.remark)
    row["note"] = note_of(interval, blocks, columns, *few, noun="values")
    return row


def _bootstrap(
    values: _Floats, units: npt.NDArray[np.intp], total: int, shares: _Floats, resampling: Resampling
) -> _Percentiles:
    """Compute percentiles of the values, and intervals from drawing as many units as there are with replacement."""
    nothing = np.full(len(shares), nan)
    if not len(values):
        return _Percentiles(nothing, nothing, nothing, None)
    order = np.argsort(values, kind="stable")
    values, units = values[order], units[order]
    estimates = values[observed_ranks(np.ones((1, len(values))), shares)[0]]
    with_values = np.unique(units)
    if total < 2:
        return _Percentiles(estimates, nothing, nothing, "one-unit" if total else "no-units")
    if len(with_values) < 2:
        return _Percentiles(estimates, nothing, nothing, "one-holds-all")
    rng = np.random.default_rng(resampling.seed)
    rows = max(1, _CELLS_PER_CHUNK // len(values))
    drawn: list[_Floats] = []
    for start in range(0, resampling.n_resamples, rows):
        size = min(rows, resampling.n_resamples - start)
        weights = rng.multinomial(total, np.full(total, 1 / total), size=size).astype(np.int32)
        weights = weights[weights[:, with_values].any(axis=1)]  # a replicate may hold no block with values
        drawn.append(values[observed_ranks(weights.take(units, axis=1), shares)])
    tail = _tail(resampling.ci, len(with_values))
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail], axis=0)
    return _Percentiles(estimates, low, high, "few-units" if total < FEW_UNITS else None)


def _tail(ci: float, blocks: int) -> float:
    """Return the tail of the replicates to use: further out than the level, as Student's t is than the normal.

    >>> [round(_tail(0.95, blocks), 4) for blocks in (3, 5, 10, 50, 1000)]
    [0.0, 0.001, 0.0086, 0.0212, 0.0248]
    """
    from scipy import stats

    reach = (blocks / (blocks - 1)) ** 0.5 * stats.t.ppf(1 - (1 - ci) / 2, blocks - 1)
    return float(stats.norm.sf(reach))


def observed_ranks(weights: Any, shares: _Floats) -> npt.NDArray[np.intp]:
    """Return for each row of weights (of sorted values) the places where their sum reaches the shares of the total.

    >>> observed_ranks(np.ones((1, 20)), np.array([0.5, 0.95, 0.99]))[0].tolist()
    [9, 18, 19]
    """
    summed = np.cumsum(weights, axis=1, dtype=weights.dtype)
    needed = np.maximum(np.ceil(summed[:, -1:] * shares - 1e-9), 1).astype(weights.dtype)
    ranks = [np.searchsorted(row, goals, side="left") for row, goals in zip(summed, needed, strict=True)]
    return np.array(ranks, np.intp)


LATENCY_POOLING = Pooling(
    result=LIVE_LATENCY_SUMMARY,
    counts=(),
    rates=(),
    required=tuple(LIVE_LATENCIES),
    keys=("audio_id", "latency_index"),
    group_rows=_group_rows,
    methods=("auto",),
    name="latencies",
)
