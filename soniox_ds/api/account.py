"""Models and usage of an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import OptionsError

__all__ = ["models", "usage"]

LONGEST_WINDOW = timedelta(days=366)
_ALWAYS = ("id", "aliased_model_id", "name", "transcription_mode", "languages", "context_version")


async def models(*, connection: Connection | None = None) -> pd.DataFrame:
    """List the models that the service offers.

    Parameters
    ----------
    connection
        Key, region and address; by default from the environment.

    Returns
    -------
    DataFrame
        One row for each model. The columns have the names of the API's fields. The table always has ``id``,
        ``aliased_model_id`` (the model that an alias stands for; NA otherwise), ``name``, ``transcription_mode``
        (``"async"`` for recordings, ``"real_time"`` for streams), ``languages`` (a list of dicts with ``code`` and
        ``name``) and ``context_version``. This package adds ``language_count``. Columns of strings, integers or
        booleans have a nullable dtype. Other values are kept as Python objects.

    Raises
    ------
    SetupError, AuthError, ServiceError

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service(recognizer="scripted"):
    ...     models = sx.account.models()
    >>> models.set_index("id").loc["stt-rt-v6", "transcription_mode"]
    'real_time'
    """
    async with Client(connection or Connection()) as client:
        models = (await client.list_models())["models"]
    names = dict.fromkeys([*_ALWAYS, *(name for model in models for name in model)])
    table = pd.DataFrame({name: _column([model.get(name) for model in models]) for name in names})
    languages = [model.get("languages") for model in models]
    counts = [len(listed) if isinstance(listed, list) else None for listed in languages]
    return table.assign(language_count=pd.array(counts, dtype="Int64"))


def _column(values: list[Any]) -> pd.Series[Any]:
    """Make a column of one field of all models, in the narrowest dtype that holds every value."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {str}:
        return pd.Series(values, dtype="string")
    if kinds == {bool}:
        return pd.Series(values, dtype="boolean")
    if kinds == {int} and all(-(2**63) <= value < 2**63 for value in values if value is not None):
        return pd.Series(values, dtype="Int64")
    return pd.Series(values, dtype=object)


async def usage(
    start: datetime | None = None, end: datetime | None = None, *, connection: Connection | None = None
) -> pd.DataFrame:
    """List the usage and the cost of each day and model, as reported by the service.

    Parameters
    ----------
    start, end
        Start and end of the window, at most 366 days; by default the last 30 days. Times without a zone are in UTC.
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
    ...     sx.account.usage().columns.tolist()
    ['model', 'day', 'requests', 'audio_hours', 'cost_usd']
    """
    until = _utc(end or datetime.now(UTC))
    since = _utc(start or until - timedelta(days=30))
    if not timedelta(0) < until - since <= LONGEST_WINDOW:
        raise OptionsError(f"the period runs from {since} to {until}; it must be longer than 0 and at most 366 days")
    async with Client(connection or Connection()) as client:
        summary = await client.usage_summary(start_time=since.isoformat(), end_time=until.isoformat())
    rows = [row for entry in summary["models"] for row in _days(entry)]
    return pd.DataFrame(rows, columns=["model", "day", "requests", "audio_hours", "cost_usd"])


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _days(entry: dict[str, Any]) -> list[tuple[str, pd.Timestamp, int, float, float]]:
    columns = zip(
        entry["days"], entry["num_requests"], entry["input_audio_duration_ms"], entry["cost_usd"], strict=True
    )
    return [
        (entry["model"], pd.Timestamp(day, tz="UTC"), requests, audio_ms / 3_600_000, float(cost))
        for day, requests, audio_ms, cost in columns
        if requests
    ]
