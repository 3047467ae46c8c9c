"""Usage logs, daily summaries and the history of concurrent streams.

Conventions: money is a decimal string with ten places. The list price per hour (0.10 USD async, 0.12 USD real time) is
booked as cost of input audio, because prices per token are not published. The number of audio tokens is also invented
(one for each 120 ms here). A log entry belongs to the time at which its request ended.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from soniox_ds.emulator.clock import timestamp
from soniox_ds.emulator.pages import encode_cursor, read_cursor
from soniox_ds.emulator.refusals import invalid, invalid_cursor
from soniox_ds.emulator.validation import page_limit, time_window

__all__ = ["UsageBook"]

_DAY_S = 86_400
_USD_PER_HOUR = {"async": Decimal("0.10"), "real_time": Decimal("0.12")}
_AUDIO_TOKEN_MS = 120
_COUNTS = (
    "input_text_tokens",
    "input_audio_tokens",
    "input_audio_duration_ms",
    "output_text_tokens",
    "output_audio_tokens",
    "output_audio_duration_ms",
)
_SLOTS = {60: 1, 3600: 60, 86_400: 24}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    uuid: str
    model: str
    started_at: float
    ended_at: float
    audio_ms: int
    output_tokens: int
    cost: Decimal
    client_reference_id: str

    def counts(self) -> dict[str, int]:
        return dict.fromkeys(_COUNTS, 0) | {
            "input_audio_tokens": math.ceil(self.audio_ms / _AUDIO_TOKEN_MS),
            "input_audio_duration_ms": self.audio_ms,
            "output_text_tokens": self.output_tokens,
        }

    def wire(self) -> dict[str, Any]:
        cost, nothing = _usd(self.cost), _usd(Decimal(0))
        return {
            "uuid": self.uuid,
            "request_scope": "api",
            "client_reference_id": self.client_reference_id,
            "model": self.model,
            "start_time": timestamp(self.started_at),
            "end_time": timestamp(self.ended_at),
            **self.counts(),
            "cost_usd": cost,
            "input_cost_usd": cost,
            "input_text_cost_usd": nothing,
            "input_audio_cost_usd": cost,
            "output_cost_usd": nothing,
            "output_text_cost_usd": nothing,
            "output_audio_cost_usd": nothing,
        }


class UsageBook:
    """The usage by time, with its cost at list price."""

    def __init__(self, *, now: Callable[[], float], lag_s: float = 0) -> None:
        self._now = now
        self._lag_s = lag_s
        self._entries: list[_Entry] = []
        self._streams: list[tuple[float, float]] = []

    def add(
        self,
        *,
        uuid: str,
        model: str,
        mode: str,
        started_at: float,
        audio_ms: int,
        output_tokens: int,
        client_reference_id: str | None,
    ) -> None:
        """Book a request that ends now."""
        self._entries.append(
            _Entry(
                uuid=uuid,
                model=model,
                started_at=started_at,
                ended_at=self._now(),
                audio_ms=audio_ms,
                output_tokens=output_tokens,
                cost=_USD_PER_HOUR[mode] * audio_ms / 3_600_000,
                client_reference_id=client_reference_id or "",
            )
        )
        if mode == "real_time":
            self._streams.append((started_at, self._now()))

    def logs(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the body of ``GET /v1/usage-logs``."""
        start, end = time_window(query)
        if end - start > 31 * _DAY_S:
            raise invalid("query.payload", "The window must not be longer than 31 days")
        if start < self._now() - 91 * _DAY_S:
            raise invalid("query.payload", "start_time must not be older than 91 days")
        sort = query.get("sort", "end_time_asc")
        if sort not in ("end_time_asc", "end_time_desc"):
            raise invalid("query.payload.sort", "Input should be one of end_time_asc, end_time_desc", "enum")
        limit = page_limit(query)
        # The cursor also contains the window and the order, and is refused with others.
        kind = f"usage:{start}:{end}:{sort}"
        position = read_cursor(kind, query.get("cursor"))
        descending = sort == "end_time_desc"
        visible = [entry for entry in self._entries if entry.ended_at <= self._now() - self._lag_s]
        entries = sorted(
            (entry for entry in visible if start <= entry.ended_at < end),
            key=lambda entry: (entry.ended_at, entry.uuid),
            reverse=descending,
        )
        if position is not None:
            places = [index for index, entry in enumerate(entries) if entry.uuid == position]
            if not places:
                raise invalid_cursor()
            entries = entries[places[0] + 1 :]
        cursor = encode_cursor(kind, entries[limit - 1].uuid) if len(entries) > limit else None
        return {"usage_logs": [entry.wire() for entry in entries[:limit]], "next_page_cursor": cursor}

    def summary(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the body of ``GET /v1/usage/summary``."""
        start, end = time_window(query)
        first = _day(start)
        # An end exactly at midnight excludes its own day.
        last = _day(end - 1e-6)
        days = [first + timedelta(days=step) for step in range((last - first).days + 1)]
        if len(days) > 366:
            raise invalid("query.payload", "The window must not touch more than 366 days")
        groups: dict[str, list[_Entry]] = defaultdict(list)
        for entry in self._entries:
            if first <= _day(entry.ended_at) <= last:
                groups[entry.model].append(entry)
        everything = [entry for group in groups.values() for entry in group]
        return {
            "total": _summary(None, days, everything),
            "models": [_summary(model, days, group) for model, group in sorted(groups.items())],
        }

    def stream_history(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the body of ``GET /v1/concurrent-streams-history``."""
        start, end = time_window(query)
        kind = query.get("kind")
        if kind not in ("stt", "tts"):
            raise invalid("query.payload.kind", "Input should be one of stt, tts", "enum")
        if query.get("period_sec") not in ("60", "3600", "86400"):
            raise invalid("query.payload.period_sec", "Input should be one of 60, 3600, 86400", "enum")
        period = int(query["period_sec"])
        if period == 60 and end - start > 7 * _DAY_S:
            raise invalid("query.payload", "The window must not be longer than 7 days for period_sec 60")
        first = math.ceil(start / period) * period
        starts = range(first, math.ceil(end), period)
        if len(starts) > 20_000:
            raise invalid("query.payload", "The window has more than 20000 periods")
        minutes = self._peaks(60) if kind == "stt" else {}
        return {"kind": kind, "entries": [_history_entry(begin, period, minutes) for begin in starts]}

    def _peaks(self, slot_s: int) -> dict[int, int]:
        """Return the highest number of simultaneous streams in each slot that has any."""
        steps = sorted([(begin, 1) for begin, _ in self._streams] + [(end, -1) for _, end in self._streams])
        peaks: dict[int, int] = defaultdict(int)
        running = 0
        for index, (moment, step) in enumerate(steps):
            running += step
            until = steps[index + 1][0] if index + 1 < len(steps) else moment
            for slot in range(int(moment // slot_s), int(until // slot_s) + 1):
                if running:
                    peaks[slot * slot_s] = max(peaks[slot * slot_s], running)
        return dict(peaks)


def _history_entry(begin: int, period: int, minutes: Mapping[int, int]) -> dict[str, Any]:
    slot_s = period // _SLOTS[period]
    slots: dict[int, int] = {}
    for minute in range(begin, begin + period, 60):
        if minute in minutes:
            slots[minute // slot_s] = max(slots.get(minute // slot_s, 0), minutes[minute])
    values = slots.values()
    return {
        "period_start": timestamp(begin),
        "period_sec": period,
        "sample_min": 0,
        "sample_max": max(values, default=0),
        "sample_sum": sum(values),
        "sample_count": len(values),
        "total_count": _SLOTS[period] if values else 0,
    }


def _summary(model: str | None, days: list[date], entries: list[_Entry]) -> dict[str, Any]:
    by_day: dict[date, list[_Entry]] = defaultdict(list)
    for entry in entries:
        by_day[_day(entry.ended_at)].append(entry)
    costs = [sum((entry.cost for entry in by_day[day]), Decimal(0)) for day in days]
    counts = {name: [sum(entry.counts()[name] for entry in by_day[day]) for day in days] for name in _COUNTS}
    counts["num_requests"] = [len(by_day[day]) for day in days]
    # Billing by duration exists for other products only.
    counts["duration_ms"] = [0] * len(days)
    nothing = _usd(Decimal(0))
    return {
        "model": model,
        "days": [day.isoformat() for day in days],
        "total_cost_usd": _usd(sum(costs, Decimal(0))),
        "total_input_cost_usd": _usd(sum(costs, Decimal(0))),
        "total_output_cost_usd": nothing,
        "total_duration_cost_usd": nothing,
        "cost_usd": [_usd(cost) for cost in costs],
        "input_cost_usd": [_usd(cost) for cost in costs],
        "output_cost_usd": [nothing] * len(days),
        "duration_cost_usd": [nothing] * len(days),
        **{f"total_{name}": sum(values) for name, values in counts.items()},
        **counts,
    }


def _day(epoch_s: float) -> date:
    return datetime.fromtimestamp(epoch_s, UTC).date()


def _usd(amount: Decimal) -> str:
    return f"{amount:.10f}"
