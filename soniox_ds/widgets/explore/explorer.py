"""The speech data explorer: recordings in a table, with the sound, the words and the errors of the selected one.

Conventions: the view asks and the kernel answers, in custom messages: ``start`` (the columns), ``rows`` (some rows of a
query), ``recording`` (its words) and ``sound`` (a stretch of audio as a binary buffer). A request holds everything that
its answer depends on, and a number. Messages may arrive in another order than they were sent, so the view ignores
answers to earlier requests than its latest. Answers carry the name of the view, because all views of a widget receive
all answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import pandas as pd
import traitlets

from soniox_ds._display import duration_text, known, number_text
from soniox_ds.exceptions import InputError, SonioxDSError
from soniox_ds.files.audio_excerpts import MIME_TYPE, excerpt, why_not
from soniox_ds.metrics.words.pairing import References
from soniox_ds.metrics.words.recording_languages import Languages
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.normalizer import NormalizerLike
from soniox_ds.widgets._assets import source
from soniox_ds.widgets.explore import still as explore_still
from soniox_ds.widgets.explore.arms import MEASURES, Arm
from soniox_ds.widgets.explore.columns import MISSING
from soniox_ds.widgets.explore.details import LEVELS, aligned_paragraphs, spoken_paragraphs
from soniox_ds.widgets.explore.table import Query, Selection, table_of_arms
from soniox_ds.widgets.still import Still

__all__ = ["Explorer", "explore"]

STRETCH_MS = 60_000
"""Longest stretch of audio that is sent to the page at a time."""

MOST_ROWS = 200
"""Most rows of the table that are in the page, and in one answer."""

_UNKNOWN_AUDIO = "the audio is not known: pass a corpus, or audio={audio_id: path}"


def explore(
    transcripts: Transcripts | Mapping[str, Transcripts],
    errors: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    *,
    references: References = None,
    normalizer: NormalizerLike = "basic",
    language: Languages = None,
    audio: Mapping[str, str | Path] | None = None,
    audio_root: str | Path | None = None,
) -> Explorer:
    """Explore recordings in a notebook: search, sort and filter them, look at their errors, and listen to them.

    Needs a notebook. The table has the duration, error rate, words, mean confidence, speakers and metadata of each
    recording. It is searched, sorted and filtered by the kernel, so that tens of thousands of recordings are as quick
    as a few. A filter of numbers is a range, such as ``> 10``, ``5 – 10`` or ``< 1:30``. The selected recording is
    shown with its sound, its words, and its errors if it has a reference.

    Parameters
    ----------
    transcripts
        A `Corpus`, an opened corpus (`open_corpus`), a `LiveResult`, or a table of words or tokens. To see several
        systems side by side: a dict of them by name.
    errors
        The result of `sx.word_errors` or `sx.character_errors`; with several systems, a dict by the same names. None
        computes the word errors of transcripts in memory if there are references. Of an opened corpus there are then
        no error rates, because they would need all tokens.
    references
        See `align_words`; lists are not accepted. None means the column `reference` of the corpus.
    normalizer, language
        See `align_words`. Must be those with which `errors` were counted.
    audio
        Audio files by `audio_id`, if the corpus does not have them or they have been moved. They are not compared with
        the audio that was transcribed.
    audio_root
        Folder of relative paths; None for the working directory.

    Returns
    -------
    Explorer
        A widget. Its `audio_ids` are the recordings that the page has selected by its filters, in the order of the
        page, for example for ``corpus.select(explorer.audio_ids)``; `audio_id` is the recording that was shown last.

    Raises
    ------
    InputError
        If `errors` do not belong to the transcripts, names differ, or an option is invalid.
    SchemaError
        If a table lacks a column.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> corpus = sx.load_samples().select(condition="telephone")
    >>> sx.explore(corpus, sx.word_errors(corpus))
    Explorer: 30 recordings, 3.2 min, WER 9.0%
    """
    scoring = {"normalizer": normalizer, "language": language}
    arms = [Arm(name, each, table, references, scoring) for name, each, table in _named(transcripts, errors)]
    return Explorer(arms, audio=audio or {}, audio_root=None if audio_root is None else Path(audio_root))


def _named(transcripts: Any, errors: Any) -> list[tuple[str, Any, Any]]:
    """Return the name, the transcripts and the errors of each system."""
    if not isinstance(transcripts, Mapping):
        if isinstance(errors, Mapping):
            raise InputError("errors are given by name, but there is only one system; give its table.")
        return [("", transcripts, errors)]
    if not transcripts:
        raise InputError("there are no transcripts to explore: the dict is empty.")
    if errors is not None and not isinstance(errors, Mapping):
        raise InputError(f"errors must be a dict with the names of the transcripts: {list(transcripts)}.")
    tables = dict(errors or {})
    if unknown := [name for name in tables if name not in transcripts]:
        raise InputError(f"errors has {unknown[0]!r}, which is not among the transcripts: {list(transcripts)}.")
    return [(str(name), each, tables.get(name)) for name, each in transcripts.items()]


class Explorer(anywidget.AnyWidget):
    """Recordings in a notebook; made by `explore`."""

    _esm = source(
        "elements.js", "explore/page_elements.js", "explore/words.js", "explore/sound.js", "explore/explore.js"
    )
    _css = source("explore/explore.css", "still.css")
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, arms: Sequence[Arm], *, audio: Mapping[str, str | Path], audio_root: Path | None) -> None:
        self._arms = list(arms)
        self._table = table_of_arms(arms)
        self._values = [arm.values().reindex(pd.Index(self._table.audio_ids)) for arm in arms]
        self._audio = {
            str(name): {"source": str(path), "size_bytes": None, "sha256": None} for name, path in audio.items()
        }
        self._root = audio_root
        self._query = Query()
        self._still = Still(self._picture)
        self.audio_id: str | None = None
        """The recording that was shown last, or None."""
        super().__init__(
            settings={"levels": LEVELS, "stretch_ms": STRETCH_MS, "most_rows": MOST_ROWS, "missing": MISSING}
        )
        self.on_msg(self._answer)

    @property
    def audio_ids(self) -> list[str]:
        """The recordings that the search and the filters of the page select, in the order of the page."""
        return [self._table.audio_ids[position] for position in self._table.select(self._query).positions.tolist()]

    def __repr__(self) -> str:
        return f"Explorer: {self._summary(self._table.select(Query()))}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0].update(self._picture())
        return bundle

    def _ipython_display_(self) -> None:
        bundle = self._repr_mimebundle_()
        self._still.display("Explorer", bundle[0] if isinstance(bundle, tuple) else bundle or {})

    def _picture(self) -> dict[str, str]:
        selection = self._table.select(self._query)
        head = f"Explorer: {self._summary(selection)}"
        return {"text/plain": repr(self), "text/html": explore_still.html(head, self._table, selection.positions)}

    def _summary(self, selection: Selection) -> str:
        """Return the number, the duration and the pooled error rates of the selected recordings."""
        count, total = len(selection.positions), len(self._table)
        parts = [f"{count:,}{'' if count == total else f' of {total:,}'} recording{'' if total == 1 else 's'}"]
        durations = self._table.numbers("duration")[selection.positions]
        if not np.isnan(durations).all():
            parts.append(duration_text(float(np.nansum(durations))))
        for arm, values in zip(self._arms, self._values, strict=True):
            if arm.rate:
                scored = values.take(selection.positions).dropna(subset=["n_errors", "size"])
                wrong, size = float(scored["n_errors"].sum()), float(scored["size"].sum())
                label = f"{MEASURES[arm.rate][0]} {arm.name}".strip()
                parts.append(f"{label} {number_text(wrong / size if size else None, '.1%')}")
        return ", ".join(parts)

    # ---- messages

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        kinds: dict[str, Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[bytes]]]] = {
            "start": self._start,
            "rows": self._rows,
            "recording": self._recording,
            "sound": self._sound,
        }
        kind = content.get("type") if isinstance(content, dict) else None
        if kind not in kinds:
            raise InputError(f"the view sent a message of an unknown type: {kind!r}")
        try:
            answer, binary = kinds[kind](content)
        except SonioxDSError as error:  # such as a damaged file; the page shows it
            answer, binary = {"problem": str(error)}, []
        head = {"type": kind, "view": content.get("view"), "number": content.get("number")}
        self.send(head | answer, binary)

    def _start(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        columns = [column.described() for column in self._table.columns.values()]
        return {"columns": columns, "total": len(self._table), "arms": [arm.name for arm in self._arms]}, []

    def _rows(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer some rows of a query, and where the recording `near` is among them."""
        query = Query.of_message(content)
        selection = self._table.select(query)
        first = max(int(content.get("first") or 0), 0)
        place = -1
        if (near := content.get("near")) is not None:
            places = np.flatnonzero(selection.positions == self._table.position(str(near)))
            place = int(places[0]) if len(places) else -1
        rows = self._table.rows(selection.positions[first : first + min(int(content["count"]), MOST_ROWS)])
        answer = {"first": first, "rows": rows, "total": len(selection.positions), "place": place}
        if query != self._query and content.get("is_new"):
            self._query = query
            self._still.renew()
        return answer | {"problems": selection.problems, "summary": self._summary(selection)}, []

    def _recording(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        audio_id = str(content["audio_id"])
        position = self._table.position(audio_id)
        self.audio_id = audio_id
        row = self._audio_row(audio_id)
        columns = self._table.columns.values()
        answer = {
            "audio_id": audio_id,
            "facts": [[column.label, column.cell(position)] for column in columns if column.name != "audio_id"],
            "duration_ms": self._duration_ms(position),
            "no_audio": _UNKNOWN_AUDIO if row is None else why_not(row, root=self._root),
            "arms": [self._arm(number, audio_id, position) for number in range(len(self._arms))],
        }
        return answer, []

    def _arm(self, number: int, audio_id: str, position: int) -> dict[str, Any]:
        """Return the transcript of one system, and its alignment if there is a reference."""
        arm, values = self._arms[number], self._values[number]
        part = arm.part(audio_id)
        if part is None:
            return {"name": arm.name, "score": "", "message": "There is no transcript of this recording.", "views": {}}
        message = ""
        if not isinstance(part, pd.DataFrame) and part.recordings["status"].iloc[0] == "failed":
            message = f"The transcription failed: {part.recordings['error_message'].iloc[0]}"
            return {"name": arm.name, "score": "", "message": message, "views": {}}
        alignments = arm.aligned(part, audio_id)
        views = {} if alignments is None else {"errors": aligned_paragraphs(alignments)}
        views["transcript"] = spoken_paragraphs(part)
        score = ""
        if arm.rate and known(values["rate"].iloc[position]):
            label, _, unit = MEASURES[arm.rate]
            row = values.iloc[position]
            wrong = int(row["n_errors"])
            counts = f"{wrong:,} error{'' if wrong == 1 else 's'} in {int(row['size']):,} {unit}"
            score = f"{label} {row['rate']:.1%} ({counts})"
        return {"name": arm.name, "score": score, "message": message, "views": views}

    def _sound(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        audio_id, start_ms = str(content["audio_id"]), max(int(content["start_ms"]), 0)
        row = self._audio_row(audio_id)
        if row is None:
            return {"audio_id": audio_id, "start_ms": start_ms, "reason": _UNKNOWN_AUDIO}, []
        audio, reason = excerpt(row, start_ms, start_ms + STRETCH_MS, root=self._root)
        answer = {"audio_id": audio_id, "start_ms": start_ms, "mime": MIME_TYPE, "reason": reason}
        return answer, [audio] if audio else []

    def _audio_row(self, audio_id: str) -> Any:
        if audio_id in self._audio:
            return self._audio[audio_id]
        rows = [row for arm in self._arms if (row := arm.recording(audio_id)) is not None]
        return next((row for row in rows if known(row["source"])), rows[0] if rows else None)

    def _duration_ms(self, position: int) -> int | None:
        duration_ms = float(self._table.numbers("duration")[position])
        return None if np.isnan(duration_ms) else int(duration_ms)
