"""Latency of each token of a live transcription, from the sending of its audio to its arrival.

Conventions: all times are milliseconds from the first audio of the recording, as in its log. A lag does not start on
the timeline of the recording but in the log: when the audio up to a place *had been sent*. So lags are right at any
speed of sending and after pauses. A chunk is sent as a whole, when its last sample has been spoken; add its length for
the longest wait from the moment of speaking.

Tables are those of a `LiveResult`: its log, the tokens and the updates, which are made from the log.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.schema import TOKEN_LATENCIES, conform, empty, need, no_duplicates
from soniox_ds.text.translations import translation_mask

__all__ = ["LiveTables", "checked_tables", "ends_of_audio", "token_latencies"]

_Floats = npt.NDArray[np.float64]

_END_OF_AUDIO = ""  # the empty message that says that no more audio follows


class LiveTables(Protocol):
    """The tables of a `LiveResult`."""

    @property
    def recordings(self) -> pd.DataFrame: ...
    @property
    def tokens(self) -> pd.DataFrame: ...
    @property
    def updates(self) -> pd.DataFrame: ...
    @property
    def log(self) -> pd.DataFrame: ...


def token_latencies(live_result: LiveTables) -> pd.DataFrame:
    """Measure for each settled token how long after its audio it was first shown, and settled.

    Parameters
    ----------
    live_result
        A `LiveResult`, or another object with its tables: ``tokens`` (``schema.LIVE_TOKENS``), ``updates``
        (``schema.LIVE_UPDATES``) and ``log`` (``schema.LIVE_LOG``).

    Returns
    -------
    DataFrame
        ``schema.TOKEN_LATENCIES``, one row for each token, in the order of `tokens`.

        `first_lag_ms` begins when the chunk with the token's *start* is sent, and ends with the first message that
        reaches that start: from then on a word was shown at this place, though perhaps a different one.
        `finalization_lag_ms` begins when the audio up to the token's *end* has been sent, and ends with the message
        that settles the token. Both are NA for packed formats, whose audio has no known times.

        Translations have no place in the audio, and both lags are NA. `translation_lag_ms` is the time from the last
        original of its source language that was settled before it until the translation was settled: the shortest wait
        of a reader of both, since it is not known which words a translation belongs to.

    Raises
    ------
    InputError, SchemaError
        If `live_result` lacks one of these tables, or a table lacks a column.

    Notes
    -----
    If a recording was resumed by a later call, some audio was sent twice. The lags then begin at the last time it was
    sent before the token was settled. A lag below 0 means that the recogniser placed a token later than the audio it
    had received.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from types import SimpleNamespace
    >>> tokens = pd.DataFrame({"audio_id": "a", "token_index": [0], "text": ["Hi"], "start_ms": [120], "end_ms": [180],
    ...                        "translation_status": [None], "session": [0], "received_ms": [700], "final_ms": [1500]})
    >>> log = pd.DataFrame({"audio_id": "a", "at_ms": [0.0, 100.0], "kind": "audio", "session": 0,
    ...                     "audio_ms": [100.0, 200.0], "payload": None})
    >>> updates = pd.DataFrame({"audio_id": "a", "received_ms": [700.0, 1500.0], "session": 0,
    ...                         "is_endpoint": [False, True], "is_finalized": False})
    >>> lags = sx.metrics.token_latencies(SimpleNamespace(tokens=tokens, log=log, updates=updates))
    >>> lags[["start_sent_ms", "end_sent_ms", "first_lag_ms", "finalization_lag_ms", "settled_by"]]
       start_sent_ms  end_sent_ms  first_lag_ms  finalization_lag_ms settled_by
    0            100          100           600                 1400   endpoint
    """
    tables = checked_tables(live_result)
    tokens = tables.tokens.reset_index(drop=True)
    if tokens.empty:
        return empty(TOKEN_LATENCIES)
    audio = tables.log[(tables.log["kind"] == "audio").to_numpy(np.bool_)]
    sent = {str(audio_id): _HandedOver(rows) for audio_id, rows in _grouped(audio)}
    parts = [_moments(of_recording, sent.get(str(audio_id))) for audio_id, of_recording in _grouped(tokens)]
    table = tokens.join(pd.concat(parts))
    final = table["final_ms"].astype("Int64")
    is_translation = translation_mask(table)
    spoken = table.assign(
        first_lag_ms=(table["received_ms"].astype("Int64") - table["start_sent_ms"]).mask(is_translation),
        finalization_lag_ms=(final - table["end_sent_ms"]).mask(is_translation),
        translation_lag_ms=(final - _original_before(table, is_translation)).where(is_translation),
        settled_by=_settled_by(table, tables),
    )
    return conform(spoken, TOKEN_LATENCIES)[list(TOKEN_LATENCIES)]


def checked_tables(streamed: Any, *, recordings: bool = False) -> LiveTables:
    """Check that the tables and columns for latencies are there, and return the object.

    Raises
    ------
    InputError, SchemaError
        If a table or a column is absent.
    """
    wanted = ("tokens", "updates", "log", *(["recordings"] if recordings else []))
    if missing := [name for name in wanted if not isinstance(getattr(streamed, name, None), pd.DataFrame)]:
        raise InputError(
            f"a {type(streamed).__name__} has no times of arrival: it lacks {', '.join(missing)}. Pass the result of "
            "sx.stream, sx.stream_dataset or sx.read_live_result."
        )
    need(
        streamed.tokens,
        *("audio_id", "token_index", "text", "start_ms", "end_ms", "translation_status", "session"),
        *("received_ms", "final_ms"),
        name="tokens",
    )
    no_duplicates(streamed.tokens, "tokens", "audio_id", "token_index")
    if "channel" in streamed.log and streamed.log.groupby("audio_id", observed=True)["channel"].nunique().gt(1).any():
        raise InputError(
            "the channels of a recording were transcribed in sessions of their own, whose times are measured one by "
            "one; give one channel, such as result.of_channel(1)."
        )
    need(streamed.updates, "audio_id", "received_ms", "session", "is_endpoint", "is_finalized", name="updates")
    need(streamed.log, "audio_id", "at_ms", "kind", "session", "audio_ms", "payload", name="log")
    if recordings:
        need(streamed.recordings, "audio_id", "status", name="recordings")
        no_duplicates(streamed.recordings, "recordings", "audio_id")
        if streamed.recordings.empty:
            raise InputError("there are no recordings, so there is nothing to measure.")
    tables: LiveTables = streamed
    return tables


class _HandedOver:
    """The times at which the audio up to a place had been sent.

    Usually the audio only grows. If an interrupted recording was resumed by a later call, it begins again further back;
    each such stretch is treated separately.
    """

    def __init__(self, events: pd.DataFrame) -> None:
        known = events.dropna(subset=["audio_ms"])
        at, audio = known["at_ms"].to_numpy(np.float64), known["audio_ms"].to_numpy(np.float64)
        cuts = np.flatnonzero(np.diff(audio) < 0) + 1
        self._stretches = list(zip(np.split(at, cuts), np.split(audio, cuts), strict=True)) if len(at) else []

    def when(self, place_ms: _Floats, until_ms: _Floats, *, beyond: bool) -> _Floats:
        """Return the last time until `until_ms` at which the audio reached each place (or went beyond it).

        If it had not done so by `until_ms`, the result is the first time it did; for places behind all audio, the time
        of the last audio; NaN if no time is known.
        """
        times = np.full(len(place_ms), np.nan)
        for number, (at, audio) in enumerate(self._stretches):
            row = np.searchsorted(audio, place_ms, side="right" if beyond else "left")
            when = at[np.minimum(row, len(at) - 1)]
            if number == 0:
                times = np.where(np.isnan(place_ms), np.nan, when)
            else:
                again = (row < len(at)) & (when <= until_ms)
                times = np.where(again, when, times)
        return times


def _moments(tokens: pd.DataFrame, sent: _HandedOver | None) -> pd.DataFrame:
    """Return when the start and the end of each token had been sent, in whole milliseconds."""
    start, end, final = (_numbers(tokens[name]) for name in ("start_ms", "end_ms", "final_ms"))
    nothing = np.full(len(tokens), np.nan)
    begun = nothing if sent is None else sent.when(start, final, beyond=True)
    spoken = nothing if sent is None else sent.when(end, final, beyond=False)
    return pd.DataFrame({"start_sent_ms": _rounded_ms(begun), "end_sent_ms": _rounded_ms(spoken)}, index=tokens.index)


def _original_before(table: pd.DataFrame, is_translation: npt.NDArray[np.bool_]) -> pd.Series[Any]:
    """Return for each row when the last original of the same source language, up to that row, was settled."""
    is_original = (table["translation_status"] == "original").fillna(False).to_numpy(np.bool_)
    source = table["source_language"] if "source_language" in table else pd.Series(pd.NA, index=table.index)
    spoken = table["language"] if "language" in table else pd.Series(pd.NA, index=table.index)
    language = source.where(is_translation, spoken).astype("string").fillna("")
    settled = table["final_ms"].astype("Int64").where(is_original)
    return settled.groupby([table["audio_id"].astype("string"), language], sort=False).ffill()


def _settled_by(table: pd.DataFrame, tables: LiveTables) -> pd.Series[Any]:
    """Return what settled each token, from the message that brought it; both share the time of arrival."""
    updates = tables.updates
    arrivals = pd.DataFrame(
        {
            "audio_id": updates["audio_id"].astype("string"),
            "session": updates["session"].astype("Int64"),
            "final_ms": _rounded_ms(_numbers(updates["received_ms"])),
            "endpoint": updates["is_endpoint"].fillna(False).astype(bool),
            "finalize": updates["is_finalized"].fillna(False).astype(bool),
        }
    )
    key = ["audio_id", "session", "final_ms"]
    arrivals = arrivals.groupby(key, sort=False)[["endpoint", "finalize"]].any().reset_index()
    ends = ends_of_audio(tables.log)
    settled = table[["audio_id", "session", "final_ms"]].astype({"audio_id": "string", "session": "Int64"})
    settled = settled.astype({"final_ms": "Int64"}).merge(arrivals, on=key, how="left")
    settled = settled.merge(ends, on=["audio_id", "session"], how="left")
    after_end = (settled["final_ms"] >= settled["end_of_audio_ms"]).fillna(False).to_numpy(np.bool_)
    reason = np.select(
        [after_end, settled["endpoint"].eq(True).to_numpy(np.bool_), settled["finalize"].eq(True).to_numpy(np.bool_)],
        ["end", "endpoint", "finalize"],
        "running",
    )
    return pd.Series(reason, index=table.index, dtype="string")


def ends_of_audio(log: pd.DataFrame) -> pd.DataFrame:
    """Return when each connection was told that the audio has ended: `audio_id`, `session`, `end_of_audio_ms` (ms)."""
    messages = log[((log["kind"] == "control") & (log["payload"] == _END_OF_AUDIO)).fillna(False).to_numpy(np.bool_)]
    ends = pd.DataFrame(
        {
            "audio_id": messages["audio_id"].astype("string"),
            "session": messages["session"].astype("Int64"),
            "end_of_audio_ms": _rounded_ms(_numbers(messages["at_ms"])),
        }
    )
    return ends.drop_duplicates(["audio_id", "session"])


def _grouped(table: pd.DataFrame) -> Any:
    return table.groupby("audio_id", sort=False, observed=True)


def _numbers(column: pd.Series[Any]) -> _Floats:
    numbers: Any = column.astype("Float64").to_numpy(np.float64, na_value=np.nan)
    return np.asarray(numbers, np.float64)


def _rounded_ms(values: _Floats) -> Any:
    """Round like the tokens' own times, so that a later event never gets an earlier time."""
    return pd.arrays.IntegerArray(np.nan_to_num(np.round(values)).astype(np.int64), np.isnan(values))
