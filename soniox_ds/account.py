"""What an API key gives: the models there are, and what was used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from soniox_ds.errors import OptionsError
from soniox_ds.service.connection import Connection
from soniox_ds.service.rest import Client

__all__ = ["list_models", "usage"]

LONGEST_WINDOW = timedelta(days=366)


async def list_models(*, connection: Connection | None = None) -> pd.DataFrame:
    """List the models that the service offers.

    Returns
    -------
    DataFrame
        One row for each model: ``id``, ``aliased_model_id`` (what an alias stands for; NA otherwise), ``name``,
        ``transcription_mode`` (``"async"`` for recordings, ``"real_time"`` for streams), ``languages`` (how many),
        ``context_version``.

    Raises
    ------
    SetupError, AuthError, ServiceError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service(recognizer="scripted"):
    ...     models = sx.list_models()
    >>> "stt-async-v4" in set(models["id"])
    True
    """
    async with Client(connection or Connection()) as client:
        models = (await client.list_models())["models"]
    names = ["id", "aliased_model_id", "name", "transcription_mode"]
    table = pd.DataFrame([{name: model.get(name) for name in names} for model in models], columns=names, dtype="string")
    table["languages"] = pd.array([len(model.get("languages") or ()) for model in models], dtype="Int32")
    table["context_version"] = pd.array([model.get("context_version") for model in models], dtype="Int32")
    return table


async def usage(
    start: datetime | None = None, end: datetime | None = None, *, connection: Connection | None = None
) -> pd.DataFrame:
    """Say what was used and what it cost, by day and model, as the service counts it.

    Parameters
    ----------
    start, end
        The window, at most 366 days; by default the last 30 days. A time without a zone is taken as UTC.
    connection
        Key, region and address; by default from the environment.

    Returns
    -------
    DataFrame
        One row for each model and day with requests: ``model``, ``day`` (UTC), ``requests``, ``audio_hours``,
        ``cost_usd``.

    Raises
    ------
    OptionsError
        If the window is empty or too long.
    SetupError, AuthError, ServiceError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service(recognizer="scripted"):
    ...     sx.usage().columns.tolist()
    ['model', 'day', 'requests', 'audio_hours', 'cost_usd']
    """
    until = _utc(end or datetime.now(UTC))
    since = _utc(start or until - timedelta(days=30))
    if not timedelta(0) < until - since <= LONGEST_WINDOW:
        raise OptionsError(
            f"the window runs from {since} to {until}; it must be longer than nothing and at most 366 days"
        )
    async with Client(connection or Connection()) as client:
        summary = await client.usage_summary(start_time=since.isoformat(), end_time=until.isoformat())
    rows = [row for entry in summary["models"] for row in _days(entry)]
    return pd.DataFrame(rows, columns=["model", "day", "requests", "audio_hours", "cost_usd"])


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _days(entry: dict[str, Any]) -> list[tuple[str, pd.Timestamp, int, float, float]]:
    columns = zip(
        entry["days"], entry["num_requests"], entry["input_audio_duration_ms"], entry["cost_usd"], strict=True
    )
    return [
        (entry["model"], pd.Timestamp(day, tz="UTC"), requests, audio_ms / 3_600_000, float(cost))
        for day, requests, audio_ms, cost in columns
        if requests
    ]
