"""The plan of a run: what it would send, what would fail, and what it would cost and take.

Conventions: audio of unknown length counts as nothing in the lower bound and as the longest recording that the service
takes in the upper bound. The times are *bounds from the quotas*: no run can be faster, and a run is slower if the
service, the network or the disk is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from soniox_ds._display import duration_text, isolated, known, render
from soniox_ds.api.prices import cost_usd, price_text
from soniox_ds.batch.spending import LONGEST_MS

__all__ = ["Plan"]

_SHOWN_REASONS = 8
_ACTIONS = {
    "transcribe": "to be transcribed",
    "continue": "paid for, to be fetched",
    "share": "with the audio of an earlier one",
    "recall": "in the journal, free",
    "fail": "cannot be transcribed",
}


@dataclass(frozen=True, repr=False)
class Plan:
    """The result of `soniox_ds.plan`: the actions, failures, cost and time of a call of `transcribe`."""

    recordings: pd.DataFrame
    """Table with one row for each recording, ``schema.PLANNED_RECORDINGS``."""
    quotas: pd.DataFrame
    """Table with one row for each quota and the shortest time that it allows, ``schema.PLANNED_QUOTAS``."""
    requests: int
    """Number of requests, the reading of the list of transcriptions included."""
    n_unknown: int
    """Number of new jobs with audio of unknown length: URLs."""
    processing_s: float
    """Seconds that a job is assumed to take at the service."""
    finish_by: datetime | None = None
    """Time at which the run should end."""

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def failed(self) -> pd.DataFrame:
        """The recordings that cannot be transcribed, with the reasons."""
        return self.recordings[self.recordings["action"] == "fail"].reset_index(drop=True)

    @property
    def counts(self) -> dict[str, int]:
        """Number of recordings for each action."""
        counts = self.recordings["action"].value_counts()
        return {action: int(counts.get(action, 0)) for action in _ACTIONS}

    @property
    def cost_usd(self) -> tuple[float, float]:
        """Least and largest price in US dollars, by list price. They differ if there is audio of unknown length."""
        least = float(self.recordings["cost_usd"].sum())
        return least, least + self.n_unknown * cost_usd(LONGEST_MS)

    @property
    def hours(self) -> tuple[float, float]:
        """Least and largest number of billed hours of audio."""
        least, largest = self.cost_usd
        return least / cost_usd(3_600_000), largest / cost_usd(3_600_000)

    @property
    def days(self) -> float:
        """Days that the run takes at least under the quotas: the longest of the bounds."""
        return float(self.quotas["shortest_s"].max()) / 86_400

    @property
    def to_ask_for(self) -> pd.DataFrame:
        """The quotas that must be raised so that the run can end at `finish_by`. Empty without `finish_by`."""
        return self.quotas[(self.quotas["needed"] > self.quotas["given"]).fillna(False)].reset_index(drop=True)

    def __repr__(self) -> str:
        facts = self._facts()
        lines = [f"Plan: {facts['summary']}"]
        lines += [f"  {name}: {text}" for name, text in facts["lines"]]
        lines += [f"  fails: {count:,} × {kind}: {isolated(message)}" for kind, count, message in facts["failures"]]
        lines.append(f"  {facts['bounds']}")
        lines += [f"    {row['quota']}: {row['text']}{row['needed']}" for row in facts["quotas"]]
        if facts["advice"]:
            lines.append(f"  {facts['advice']}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return render("batch/plan_result.html.j2", **self._facts())

    def _facts(self) -> dict[str, Any]:
        least_usd, largest_usd = self.cost_usd
        least_h, largest_h = self.hours
        n_jobs = int(self.recordings["jobs"].sum())
        counts = self.counts
        lines = [(text, f"{counts[action]:,}") for action, text in _ACTIONS.items() if counts[action]]
        unknown = f" ({self.n_unknown:,} of unknown length, each 0 to 5 h)" if self.n_unknown else ""
        hours, price = duration_text(least_h * 3_600_000), price_text(least_usd)
        if self.n_unknown:
            most_hours, most_usd = duration_text(largest_h * 3_600_000), price_text(largest_usd)
            hours = f"{hours} to {most_hours}" if least_usd else f"at most {most_hours}"
            price = f"{price} to {most_usd}" if least_usd else f"at most {most_usd}"
        lines += [
            ("new jobs", f"{n_jobs:,}{unknown}"),
            ("billed audio", hours),
            ("cost by list price", price),
            ("requests", f"{self.requests:,}"),
        ]
        failed = self.failed
        failures = []
        for kind, count in failed["error_type"].value_counts().head(_SHOWN_REASONS).items():
            message = failed.loc[failed["error_type"] == kind, "error_message"].iloc[0]
            failures.append((str(kind), int(count), _short(str(message))))
        longest = self.quotas["shortest_s"].max()
        quotas = [
            {
                "quota": f"{row['quota']} ({_number(row['given'])})",
                "text": f"at least {_time(row['shortest_s'])}",
                "needed": f"; {_number(row['needed'])} for the date"
                if row["quota"] in set(self.to_ask_for["quota"])
                else "",
                "is_longest": row["shortest_s"] == longest,
            }
            for row in self.quotas.to_dict("records")
            if known(row["shortest_s"]) and row["shortest_s"] >= 1
        ]
        return {
            "summary": f"{len(self):,} recordings, {hours}, {price}, at least {_time(self.days * 86_400)}",
            "lines": lines,
            "failures": failures,
            "quotas": quotas,
            "advice": self._advice(),
            "bounds": f"Bounds from the quotas (no prediction), if a job takes {self.processing_s:g} s at the service:"
            if quotas
            else "No quota makes the run wait.",
        }

    def _advice(self) -> str:
        if self.finish_by is None:
            return ""
        date = self.finish_by.isoformat(sep=" ", timespec="minutes")
        asked = self.to_ask_for
        if asked.empty:
            return f"to end by {date}, the quotas are sufficient"
        needs = ", ".join(
            f"{row['quota']} {_number(row['needed'])} ({row['argument']})" for row in asked.to_dict("records")
        )
        return f"to end by {date}, ask for: {needs}"


def _number(value: float) -> str:
    return f"{math.ceil(value):,}"


def _time(seconds: float) -> str:
    return f"{seconds / 86_400:,.1f} days" if seconds >= 2 * 86_400 else duration_text(seconds * 1000)


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:159].rstrip() + "…"
