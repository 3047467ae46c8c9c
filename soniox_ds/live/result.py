"""Results of live transcription: the tables of a corpus, and the log with the time of every event.

Conventions: tokens and updates are derived from the log (``live.replay``) at first access. Every function that takes a
corpus also takes `LiveResult`, since it has ``recordings`` and ``tokens``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from soniox_ds._display import duration_text, render
from soniox_ds.api.prices import LIVE_USD_PER_HOUR, cost_usd
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.dtypes import concat_frames
from soniox_ds.corpus.opened import read_corpus
from soniox_ds.corpus.provenance import join_provenances, new_provenance, new_run
from soniox_ds.corpus.validation import checked_recordings
from soniox_ds.exceptions import InputError, SonioxDSError, error_type_of
from soniox_ds.live.model_event import resolved_model_of
from soniox_ds.live.replay import Event, Replay, replay
from soniox_ds.options import LiveOptions
from soniox_ds.schema import (
    LIVE_LOG,
    RECORDINGS,
    TOKENS,
    conform,
    frame_from_arrow,
    frame_to_arrow,
    need,
    no_duplicates,
)
from soniox_ds.text import words as _text

__all__ = ["LOG_FILE", "LiveResult", "live_result_of", "read_live_result", "why_failed"]

LOG_FILE = "stream_log.parquet"
"""Name of the log's file in the folder of a saved corpus."""


class LiveResult:
    """The result of live transcription.

    Parameters
    ----------
    recordings
        ``schema.RECORDINGS``, with the user's own columns of metadata. `duration_ms` is the duration of the audio that
        was passed to the session.
    log
        ``schema.LIVE_LOG``.
    provenance
        Provenance, in the same form as `Corpus.provenance`. None creates one without runs.

    Raises
    ------
    SchemaError
        If a column is missing, or an event occurs twice.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> message = '{"tokens":[{"text":"Hi","start_ms":60,"end_ms":120,"confidence":0.9,"is_final":true}]}'
    >>> log = pd.DataFrame({"audio_id": "a", "at_ms": [900.0], "kind": "message", "session": 0, "offset_ms": 0,
    ...                     "payload": message})
    >>> streamed = sx.LiveResult(pd.DataFrame({"audio_id": ["a"], "status": "completed"}), log)
    >>> streamed.text, len(streamed.tokens), len(streamed.corpus())
    ('Hi', 1, 1)
    """

    def __init__(self, recordings: pd.DataFrame, log: pd.DataFrame, provenance: dict[str, Any] | None = None) -> None:
        need(log, "audio_id", "at_ms", "kind", "session", "offset_ms", "payload")
        need(recordings, "audio_id", "status")
        keys = ["event_index"] if "event_index" in log else ["at_ms", "kind", "payload"]
        no_duplicates(log[log["kind"] == "message"], "log", "audio_id", *keys, also=["channel"])
        self.recordings = conform(recordings, RECORDINGS)
        """``schema.RECORDINGS``, one row per recording."""
        event_index = log.groupby("audio_id", sort=False, observed=True).cumcount()
        self.log = conform(log.assign(event_index=event_index), LIVE_LOG)
        """``schema.LIVE_LOG``: every event, with its time."""
        self.provenance = provenance or new_provenance()

    @cached_property
    def _replay(self) -> Replay:
        return replay(self.log)

    @property
    def tokens(self) -> pd.DataFrame:
        """``schema.LIVE_TOKENS``: the settled tokens, each with the times at which it arrived."""
        return self._replay.tokens

    @property
    def updates(self) -> pd.DataFrame:
        """``schema.LIVE_UPDATES``: one row for each message."""
        return self._replay.updates

    @property
    def text(self) -> str:
        """Settled text of all recordings, as `soniox_ds.texts` writes it, one line for each recording."""
        by_recording = _text.spoken_texts(self.tokens)
        return "\n".join(by_recording.get(audio_id, "") for audio_id in self.recordings["audio_id"])

    def of_channel(self, channel: int) -> LiveResult:
        """Return the part of one channel, for measurements that need the events of a single session.

        Raises InputError if no recording has this channel.
        """
        log = self.log[(self.log["channel"] == channel).fillna(False)]
        recordings = self.recordings[self.recordings["audio_id"].isin(log["audio_id"])].reset_index(drop=True)
        if log.empty:
            channels = sorted(self.log["channel"].dropna().unique().tolist())
            raise InputError(f"there is no channel {channel}; the channels are {channels}.")
        return LiveResult(recordings, log.drop(columns="event_index").reset_index(drop=True), self.provenance)

    def words(self) -> pd.DataFrame:
        """Return the words, ``schema.WORDS``; see `soniox_ds.words`."""
        return _text.words(self.tokens)

    def corpus(self) -> Corpus:
        """Return the same results as a corpus, without the times at which the tokens arrived."""
        return Corpus(self.recordings, self.tokens[list(TOKENS)], self.provenance)

    @classmethod
    def concat(cls, live_results: Iterable[Self]) -> Self:
        """Join live results into one; see `soniox_ds.concat`."""
        parts = list(live_results)
        if not parts:
            raise InputError("there is no live result to join; give at least one.")
        recordings = concat_frames([part.recordings for part in parts], RECORDINGS)
        return cls(
            checked_recordings(recordings),
            concat_frames([part.log for part in parts], LIVE_LOG),
            join_provenances([part.provenance for part in parts]),
        )

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write a corpus, and the log in the same folder, as Parquet; `soniox_ds.read_live_result` reads both.

        Raises InputError if the folder cannot be written to, or if it is not empty and `overwrite` is False.
        """
        from soniox_ds.corpus.parquet import write_corpus

        target = Path(folder)
        log = frame_to_arrow(self.log, LIVE_LOG)
        write_corpus(self.corpus(), target, overwrite=overwrite, beside={LOG_FILE: log})
        return target

    def __len__(self) -> int:
        return len(self.recordings)

    def _facts(self) -> str:
        count = len(self.recordings)
        failed = int((self.recordings["status"] == "failed").sum())
        audio = duration_text(float(self.recordings["duration_ms"].sum()))
        connections = int((self.log["kind"] == "open").sum())
        services = ", ".join(sorted(set(self.recordings["service"].dropna()))) or "unknown service"
        return (
            f"{count} recording{'s' * (count != 1)} transcribed live"
            + (f", {failed} failed" if failed else "")
            + f", {audio}, {len(self.tokens):,} tokens, {connections} connection{'s' * (connections != 1)}, "
            f"{services}"
        )

    def __repr__(self) -> str:
        return f"LiveResult({self._facts()})"

    def _repr_html_(self) -> str:
        return render("live/result.html.j2", facts=self._facts(), segments=_text.segments(self))


def read_live_result(folder: str | os.PathLike[str]) -> LiveResult:
    """Read a live result that was saved with `LiveResult.save`.

    Parameters
    ----------
    folder
        The folder given to `LiveResult.save`. It holds a corpus and the file ``stream_log.parquet``.

    Raises
    ------
    InputError
        If the folder does not contain both a corpus and the file ``stream_log.parquet``.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> import tempfile
    >>> log = pd.DataFrame({"audio_id": [], "at_ms": [], "kind": [], "session": [], "offset_ms": [], "payload": []})
    >>> nothing = sx.LiveResult(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}), log)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(sx.read_live_result(nothing.save(f"{folder}/live")))
    1
    """
    from soniox_ds.corpus.checksums import read_sealed, reading

    source = Path(folder)
    corpus = read_corpus(source)
    if not (source / LOG_FILE).is_file():
        raise InputError(
            f"{source} holds a corpus but no {LOG_FILE}, so the times of the messages are not known; read it with "
            "sx.read_corpus()."
        )
    table = read_sealed(source / LOG_FILE)
    with reading(source / LOG_FILE):
        table.select(["audio_id", "at_ms", "kind", "session", "offset_ms", "payload"])  # raises where one is missing
        return LiveResult(corpus.recordings, frame_from_arrow(table, LIVE_LOG), corpus.provenance)


def live_result_of(
    events: Sequence[Event],
    *,
    audio_id: str,
    options: LiveOptions,
    service: str,
    audio_ms: float | None,
    error: Exception | None = None,
    is_whole: bool = True,
    begun_at: datetime | None = None,
    metadata: dict[str, Any] | None = None,
) -> LiveResult:
    """Return the tables of one live session.

    A session that is not `is_whole` gives a failed recording, whose tokens are kept.
    """
    log = pd.DataFrame(
        [event._asdict() for event in events],
        columns=["at_ms", "kind", "session", "offset_ms", "audio_ms", "payload"],
    ).assign(audio_id=audio_id)
    open_ms = _open_ms(log)
    resolved_model = resolved_model_of((event.kind, event.payload) for event in events)
    error_type = error_message = None
    if error is not None:
        error_type, error_message = why_failed(error)
    elif not is_whole:
        error_type, error_message = (
            "unfinished",
            "the session is still running, or was not ended properly; its tokens are kept",
        )
    row = {
        "audio_id": audio_id,
        "status": "completed" if error_type is None else "failed",
        "error_type": error_type,
        "error_message": error_message,
        "duration_ms": None if audio_ms is None else round(audio_ms),
        "service": service,
        "model": options.model,
        "resolved_model": resolved_model,
        "options_hash": options.hash(),
        "submitted_at": begun_at,
        "completed_at": datetime.now(UTC) if begun_at is not None else None,
        "text": _text.spoken_texts(replay(log).tokens).get(audio_id, "") if error_type is None else None,
        "cost_usd": cost_usd(open_ms, LIVE_USD_PER_HOUR),
        **(metadata or {}),
    }
    run = new_run(service=service, model=options.model, resolved_model=resolved_model, options=options.body())
    return LiveResult(pd.DataFrame([row]), log, new_provenance(run))


def why_failed(error: Exception) -> tuple[str, str]:
    """Return ``error_type`` and ``error_message`` of a recording whose session or source failed.

    Examples
    --------
    >>> why_failed(OSError("device unplugged"))
    ('source_failed', 'the source of the audio raised OSError: device unplugged')
    """
    if isinstance(error, SonioxDSError):
        return error_type_of(error), str(error)
    return "source_failed", f"the source of the audio raised {type(error).__name__}: {error}"


def _open_ms(log: pd.DataFrame) -> float:
    """Sum the time during which connections were open, which is billed."""
    total, opened = 0.0, None
    for kind, at_ms in zip(log["kind"], log["at_ms"], strict=True):
        if kind == "open":
            opened = at_ms
        elif kind in ("lost", "failed", "end", "connecting") and opened is not None:
            total, opened = total + at_ms - opened, None
    return total
