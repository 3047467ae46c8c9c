"""Comparison of endpoint settings: errors, latencies and cost of the same recordings streamed under each setting.

Conventions: a setting is a set of the options that decide when an utterance has ended. All settings get the same
recordings, in turn (``schedule``). Every stream is stored as by `stream_dataset`: repeating a sweep costs nothing.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pandas as pd

from soniox_ds._display import duration_text
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.api.models import ModelList
from soniox_ds.api.prices import LIVE_USD_PER_HOUR, cost_usd, price_text
from soniox_ds.api.session_limit import SessionLimit, sessions_at_once
from soniox_ds.batch.model_changes import warn_of_models
from soniox_ds.batch.spending import Spending
from soniox_ds.exceptions import Declined, InputError, OptionsError, SmallSampleWarning
from soniox_ds.experiments.arm_differences import arm_differences
from soniox_ds.experiments.schedule import in_turns, inspected, planned, planned_pairs, refuse_unusable
from soniox_ds.live.audio_sources import RAW
from soniox_ds.live.dataset import NOT_STREAMED, stream_dataset_as
from soniox_ds.live.result import LiveResult
from soniox_ds.live.stream import check_pace
from soniox_ds.metrics.latency.stability import live_stability
from soniox_ds.metrics.latency.summaries import live_latencies
from soniox_ds.metrics.stats.blocks import block_columns
from soniox_ds.metrics.stats.bootstrap import checked_resampling
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.metrics.words.pairing import References
from soniox_ds.metrics.words.rates import word_errors
from soniox_ds.metrics.words.recording_languages import Languages
from soniox_ds.options import LiveOptions
from soniox_ds.options.keywords import check_keywords, list_options
from soniox_ds.options.live import ENDPOINT_OPTIONS, SessionKeywords
from soniox_ds.progress.display import Progress, Snapshot, progress_for
from soniox_ds.schema import ENDPOINT_SWEEP, conform
from soniox_ds.schema.result_table import ResultTable
from soniox_ds.sources.recording import RecordingList
from soniox_ds.sources.search import find_recordings
from soniox_ds.text.normalizer import Normalizer

__all__ = ["EndpointSweep", "SweepEstimate", "sweep_endpoints"]


@dataclass(frozen=True, kw_only=True)
class SweepEstimate:
    """The largest cost and the duration of a sweep. Streams that are stored already cost nothing."""

    recordings: int
    settings: int
    hours: float
    """Hours of audio for one setting."""
    speed: float | None
    concurrency: int

    @property
    def cost_usd(self) -> float:
        """Cost at the list price. Streams are billed while they are open, so that slow streams cost more."""
        return cost_usd(self.hours * 3_600_000, LIVE_USD_PER_HOUR) * self.settings / min(self.speed or 1.0, 1.0)

    @property
    def duration_s(self) -> float | None:
        """Approximate duration of the sweep in seconds; None if `speed` is None (audio is sent as fast as possible)."""
        if self.speed is None:
            return None
        return self.hours * 3_600 * self.settings / self.speed / min(self.concurrency, max(self.recordings, 1))

    def __str__(self) -> str:
        lasts = "" if self.duration_s is None else f", about {duration_text(1000 * self.duration_s)}"
        return (
            f"{self.recordings} recordings ({duration_text(3_600_000 * self.hours)}) x {self.settings} settings: "
            f"{price_text(self.cost_usd, at_most=True)}, at ${LIVE_USD_PER_HOUR:.2f} an hour{lasts}"
        )


class EndpointSweep:
    """The results of a sweep. Every table is computed at first access."""

    def __init__(
        self,
        *,
        settings: Mapping[str, LiveOptions],
        streamed: Mapping[str, LiveResult],
        references: References,
        scored: bool,
        normalizer: Any,
        language: Languages = None,
        resampling: Mapping[str, Any],
    ) -> None:
        self.settings = dict(settings)
        """The options of each setting."""
        self.streamed = dict(streamed)
        """The streamed recordings of each setting."""
        self._references = references
        self._scored = scored
        self._normalizer = normalizer
        self._language = language
        self._resampling = dict(resampling)

    def with_block(self, block: str | Sequence[str] | None) -> EndpointSweep:
        """Return the same results with intervals over other blocks, as in `summarize`. Nothing is transcribed.

        Raises InputError or SchemaError if there is no such column, or if it is empty.
        """
        first = next(iter(self.settings))
        block_columns(self.errors[first] if self._scored else self.streamed[first].recordings, block)
        return EndpointSweep(
            settings=self.settings,
            streamed=self.streamed,
            references=self._references,
            scored=self._scored,
            normalizer=self._normalizer,
            language=self._language,
            resampling=self._resampling | {"block": block},
        )

    @cached_property
    def errors(self) -> dict[str, pd.DataFrame]:
        """``schema.WORD_ERRORS`` of each setting; empty without references."""
        if not self._scored:
            return {}
        return {
            name: word_errors(result, self._references, normalizer=self._normalizer, language=self._language)
            for name, result in self.streamed.items()
        }

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Paired comparison of each setting with the first: ``schema.ERROR_COMPARISON``.

        Where fewer than two recordings or blocks are scored in both, the interval and its p are NA and `note` says why;
        `with_block` chooses other blocks. Raises InputError without references.
        """
        if not self._scored:
            raise InputError("there are no references, so the errors of the settings cannot be compared.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SmallSampleWarning)  # the note says the same
            return arm_differences(self.errors, baseline=next(iter(self.settings)), **self._resampling)

    @cached_property
    def latencies(self) -> pd.DataFrame:
        """``schema.LIVE_LATENCY_SUMMARY`` of each setting, with `setting` in front."""
        resampling = {name: value for name, value in self._resampling.items() if name != "method"}
        return self._for_each(lambda name: summarize(live_latencies(self.streamed[name]), **resampling))

    @cached_property
    def stability(self) -> pd.DataFrame:
        """``schema.LIVE_STABILITY_SUMMARY`` of each setting, with `setting` in front."""
        return self._for_each(lambda name: summarize(live_stability(self.streamed[name]), **self._resampling))

    @cached_property
    def summary(self) -> ResultTable:
        """``schema.ENDPOINT_SWEEP``: one row for each setting, in the order given."""
        return ResultTable(conform(pd.DataFrame([self._row(name) for name in self.settings]), ENDPOINT_SWEEP))

    def _row(self, name: str) -> dict[str, Any]:
        result = self.streamed[name]
        stability = self.stability.set_index("setting").loc[name]
        latencies = self.latencies[self.latencies["setting"] == name].set_index("measure")
        count = _segments(result)
        row: dict[str, Any] = {
            "setting": name,
            "recordings": stability["recordings"],
            "failed": stability["failed"],
            "segments": count,
            "words_per_segment": stability["final_words"] / count if count else pd.NA,
            "first_token_p50_ms": latencies.loc["first_token", "p50_ms"],
            **{
                f"{measure}_{percentile}": latencies.loc[measure, percentile]
                for measure in ("finalization_lag", "endpoint_lag")
                for percentile in ("p50_ms", "p95_ms")
            },
            "upwr": stability["upwr"],
            "normalized_erasure": stability["normalized_erasure"],
            "cost_usd": float(result.recordings["cost_usd"].sum()),
        }
        return row | self._accuracy(name) if self._scored else row

    def _accuracy(self, name: str) -> dict[str, Any]:
        pooled = summarize(self.errors[name], **self._resampling).iloc[0]
        row = {column: pooled[column] for column in ("reference_words", "wer", "wer_low", "wer_high", "note")}
        if name == next(iter(self.settings)):
            return row
        paired = self.differences.set_index("b").to_dict("index")[name]
        if pd.isna(paired["difference_low"]):
            note = f"Paired difference: {paired['note']}"
            row["note"] = note if pd.isna(row["note"]) else f"{row['note']} {note}"
        return row | {f"wer_{column}": paired[column] for column in ("difference", "difference_low", "difference_high")}

    def _for_each(self, table: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
        parts = []
        for name in self.settings:
            part = table(name)
            part.insert(0, "setting", pd.Series([name] * len(part), index=part.index, dtype="string"))
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def __repr__(self) -> str:
        return f"EndpointSweep({len(self.settings)} settings)\n{self._overview().to_string(index=False)}"

    def _repr_html_(self) -> str | None:
        return self.summary._repr_html_()

    def _overview(self) -> pd.DataFrame:
        columns = ["setting", "recordings", "wer", "segments", "finalization_lag_p50_ms", "endpoint_lag_p50_ms"]
        return self.summary[[*columns, "endpoint_lag_p95_ms", "cost_usd"]].round({"wer": 4, "cost_usd": 4})


async def sweep_endpoints(
    sources: Any,
    references: References = None,
    *,
    settings: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]],
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | Path | None = None,
    storage_options: Mapping[str, Any] | None = None,
    speed: float | None = 1.0,
    chunk_ms: int = 100,
    concurrency: int | None = None,
    normalizer: Any = "basic",
    language: Languages = None,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    seed: int = 0,
    confirm: Callable[[SweepEstimate], bool] | None = None,
    connection: Connection | None = None,
    session_limit: SessionLimit | None = None,
    max_cost_usd: float | None = None,
    journal: str | Path | None = None,
    progress: bool | Callable[[Snapshot], object] | None = None,
    clock: Clock | None = None,
    **options: Unpack[SessionKeywords],
) -> EndpointSweep:
    """Stream the same recordings under each of several endpoint settings.

    Parameters
    ----------
    sources
        As `stream_dataset` takes them.
    references
        As `word_errors` takes them; None for the sources' own column or sidecars. Without references, the errors are
        left out.
    settings
        Sets of endpoint options, such as ``[{}, {"max_endpoint_delay_ms": 800}]``: `enable_endpoint_detection` (True
        unless given), `max_endpoint_delay_ms`, `endpoint_sensitivity`, `endpoint_latency_adjustment_level`. A mapping
        gives them names. The other settings are compared with the first.
    audio_column, id_column, reference_column, audio_root, storage_options, speed, chunk_ms, concurrency
        As in `stream_dataset`. Latencies are those of real use only at a `speed` of 1.0.
    normalizer, language, block, ci, method
        As in `word_errors` and `summarize`. Another `block` can be chosen afterwards:
        ``sweep.with_block("audio_id")``.
    seed
        Seed of the order of the settings, and of the bootstrap.
    confirm
        Called with a `SweepEstimate` before anything is sent. If it returns False, `Declined` is raised.
    **options
    max_cost_usd
        As in `stream_dataset`, for all settings together.
    connection, session_limit, journal, progress, clock
        As in `stream_dataset`.

    Returns
    -------
    EndpointSweep
        ``summary`` (``schema.ENDPOINT_SWEEP``), ``latencies``, ``stability``, ``errors``, ``differences`` and
        ``streamed``.

    Raises
    ------
    OptionsError
        If there are fewer than two settings, two of them are the same or an option is wrong; before anything is sent.
    InputError, SchemaError
        If no reference belongs to a recording, a table lacks a column, or `block` names no column; before anything is
        sent.
    SourceError
        If none of the recordings can be streamed; before `confirm` is called.
    Declined
        If `confirm` returns False.
    Others
        As `stream_dataset` raises.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted", speed=20):
    ...     sweep = sx.sweep_endpoints(
    ...         sx.io.samples_folder() / "market_stall.wav",
    ...         settings=[{"enable_endpoint_detection": False}, {"max_endpoint_delay_ms": 500}],
    ...         speed=None,
    ...         progress=False,
    ...     )
    >>> sweep.summary[["setting", "recordings", "failed"]]
                               setting  recordings  failed
    0  enable_endpoint_detection=False           1       0
    1        max_endpoint_delay_ms=500           1       0
    """
    check_pace(speed, chunk_ms)
    at_once = sessions_at_once(concurrency, session_limit)
    chosen = _checked_settings(settings, options)
    Normalizer.of(normalizer)  # raises its errors before anything is paid for
    checked_resampling(ci, method, 10_000, seed)
    recording_list = await asyncio.to_thread(
        find_recordings,
        sources,
        audio_column=audio_column,
        id_column=id_column,
        reference_column=reference_column,
        audio_root=audio_root,
        storage_options=storage_options,
    )
    scored = _has_references(recording_list, references, block)
    estimate = await asyncio.to_thread(_estimate, recording_list, len(chosen), speed, at_once)
    refuse_unusable(recording_list, estimate.recordings, urls=NOT_STREAMED)
    if confirm is not None and not confirm(estimate):
        raise Declined(f"the sweep was not started: {estimate}")

    models = ModelList()
    means: dict[str, Any] = {
        "connection": connection,
        "session_limit": session_limit,
        "journal": journal,
        "clock": clock,
        "spending": Spending(max_cost_usd),
    }

    async def streamed(stretch: RecordingList, name: str) -> LiveResult:
        return await stream_dataset_as(
            replace(chosen[name], **RAW),
            stretch,
            models=models,
            speed=speed,
            chunk_ms=chunk_ms,
            concurrency=at_once,
            progress=False,
            **means,
        )

    with Progress(progress_for(progress)) as shown:
        parts = await in_turns(recording_list, list(chosen), streamed, seed=seed, progress=shown)
    results = {name: LiveResult.concat(stretches) for name, stretches in parts.items()}
    model = next(iter(chosen.values())).model  # settings hold endpoint options only: all have one model
    await warn_of_models(models, model, pd.concat([result.recordings for result in results.values()]))
    return EndpointSweep(
        settings=chosen,
        streamed=results,
        references=references,
        scored=scored,
        normalizer=normalizer,
        language=language,
        resampling={"block": block, "ci": ci, "method": method, "seed": seed},
    )


list_options(sweep_endpoints, LiveOptions, SessionKeywords.__optional_keys__)


def _checked_settings(
    settings: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> dict[str, LiveOptions]:
    if not isinstance(settings, Mapping | list | tuple) or len(settings) < 2:
        raise OptionsError(
            'settings is a list of two or more sets of endpoint options, like [{}, {"max_endpoint_delay_ms": 800}], or '
            "a dict from names to such sets"
        )
    if endpoint_options := [name for name in options if name in ENDPOINT_OPTIONS]:
        raise OptionsError(
            f"sweep_endpoints does not accept {', '.join(endpoint_options)} as an argument; put it into settings"
        )
    check_keywords(sweep_endpoints, options)
    sets: Iterable[Any] = settings.values() if isinstance(settings, Mapping) else settings
    chosen: dict[str, LiveOptions] = {}
    names = list(settings) if isinstance(settings, Mapping) else [None] * len(settings)
    for name, setting in zip(names, sets, strict=True):
        if not isinstance(setting, Mapping):
            raise OptionsError(
                f"a setting is {setting!r}; it is a dict of endpoint options, {{}} for the service's own"
            )
        if unknown := sorted(set(setting) - set(ENDPOINT_OPTIONS)):
            raise OptionsError(
                f"a setting has {', '.join(unknown)}, but settings can only have {', '.join(ENDPOINT_OPTIONS)}; pass "
                "options that are the same for all settings as arguments"
            )
        label = str(name) if name is not None else ", ".join(f"{key}={value}" for key, value in setting.items())
        options_of_setting = LiveOptions(**{"enable_endpoint_detection": True, **setting, **options})
        if same := [
            other for other, earlier in chosen.items() if earlier == options_of_setting or other == (label or "default")
        ]:
            raise OptionsError(f"settings {same[0]!r} and {label or 'default'!r} are the same")
        chosen[label or "default"] = options_of_setting
    return chosen


def _has_references(recording_list: RecordingList, references: References, block: str | Sequence[str] | None) -> bool:
    """Return True if there is anything to score; raises the errors of scoring before anything is paid for."""
    table = planned(recording_list)
    if references is None and ("reference" not in table or table["reference"].isna().all()):
        if block is not None:
            block_columns(table, block)
        return False
    planned_pairs(recording_list, references, block)
    return True


def _estimate(recording_list: RecordingList, settings: int, speed: float | None, concurrency: int) -> SweepEstimate:
    """Estimate from the lengths in the headers. Unusable recordings and URLs are not streamed and cost nothing."""
    good = [recording for recording in inspected(recording_list) if recording.url is None]
    hours = sum(recording.duration_ms or 0 for recording in good) / 3_600_000
    return SweepEstimate(recordings=len(good), settings=settings, hours=hours, speed=speed, concurrency=concurrency)


def _segments(streamed: LiveResult) -> int:
    """Count the stretches of words between endpoints, including the last stretch of each recording."""
    updates = streamed.updates
    done = streamed.recordings.loc[streamed.recordings["status"].eq("completed").fillna(False), "audio_id"]
    count = 0
    for _, rows in updates[updates["audio_id"].isin(done)].groupby("audio_id", sort=False, observed=True):
        has_words = rows["settled_text"].fillna("").str.strip().ne("").to_numpy(np.bool_)
        ended = rows["is_endpoint"].fillna(False).to_numpy(np.bool_)
        stretch = np.append(0, np.cumsum(ended)[:-1])  # the endpoint of a message comes after its words
        count += len(np.unique(stretch[has_words]))
    return count
