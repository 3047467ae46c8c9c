"""The speech data explorer: recordings in a table, with the sound, the words and the errors of the selected one.

Conventions: the view asks and the kernel answers, in custom messages: ``start`` (the columns), ``rows`` (some rows of a
query, with the charts if it is new), ``points`` (of the scatter), ``frequent`` (the most frequent errors), ``places``
(of an error), ``recording`` (its words) and ``clip`` (a stretch of its audio, see `soniox_ds.widgets.player.clips`). A
request holds everything that its answer depends on, and a number. Messages may arrive in another order than they were
sent, so the view ignores answers to earlier requests than its latest. Answers carry the name of the view, because all
views of a widget receive all answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import traitlets

from soniox_ds._background import event_loop
from soniox_ds._display import duration_text, known, number_text
from soniox_ds.exceptions import InputError, SonioxDSError
from soniox_ds.experiments.results import Comparison
from soniox_ds.files.sounds import LONGEST_MS, UNKNOWN_AUDIO, AudioFiles, Sounds
from soniox_ds.metrics.words.pairing import References
from soniox_ds.metrics.words.recording_languages import Languages
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text.normalizer import NormalizerLike
from soniox_ds.widgets._assets import source
from soniox_ds.widgets._kernel import obey_front_end
from soniox_ds.widgets.explore import still as explore_still
from soniox_ds.widgets.explore.arms import MEASURES, Arm
from soniox_ds.widgets.explore.charts import Histogram, axis_of, sampled
from soniox_ds.widgets.explore.columns import MISSING, NumberColumn
from soniox_ds.widgets.explore.details import LEVELS, aligned_paragraphs, spoken_paragraphs
from soniox_ds.widgets.explore.frequent_errors import FrequentErrors
from soniox_ds.widgets.explore.table import Query, Selection, table_of_arms
from soniox_ds.widgets.player.clips import answer_clip
from soniox_ds.widgets.still import StillWidget

__all__ = ["Explorer", "explore"]

MOST_ROWS = 200
"""Most rows of the table that are in the page, and in one answer."""

_Handler: TypeAlias = "Callable[[Mapping[str, Any]], tuple[dict[str, Any], list[bytes]]]"


def explore(
    transcripts: Transcripts | Mapping[str, Transcripts] | Comparison,
    errors: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    *,
    references: References = None,
    normalizer: NormalizerLike = "basic",
    language: Languages = None,
    audio: AudioFiles | None = None,
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
        systems side by side: a dict of them by name, or the result of `sx.compare`. Of the latter, the first repeat of
        each arm is shown, with the references and the normaliser of the comparison.
    errors
        The result of `sx.word_errors` or `sx.character_errors`; with several systems, a dict by the same names. None
        computes the word errors of transcripts in memory if there are references. Of an opened corpus there are then
        no error rates, because they would need all tokens.
    references
        See `align_words`; lists are not accepted. None means the column `reference` of the corpus.
    normalizer, language
        See `align_words`. Must be those with which `errors` were counted.
    audio
        Audio files by `audio_id`, as paths or as bytes, if the corpus does not have them or they have been moved. They
        are not compared with the audio that was transcribed.
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
    Explorer: 47 recordings, 3.7 min, WER 29.7%
    """
    scoring = {"normalizer": normalizer, "language": language}
    if isinstance(transcripts, Comparison):
        references, scoring = transcripts.references, transcripts.scoring
        transcripts = {name: repeats[0] for name, repeats in transcripts.corpora.items()}
    arms = [Arm(name, each, table, references, scoring) for name, each, table in _named(transcripts, errors)]
    return Explorer(arms, audio=audio, audio_root=audio_root)


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


class Explorer(StillWidget):
    """Recordings in a notebook; made by `explore`."""

    _title = "Explorer"
    _esm = source(
        "elements.js",
        "explore/page_elements.js",
        "explore/words.js",
        "player/waveform.js",
        "explore/sound.js",
        "explore/charts.js",
        "explore/frequent_errors.js",
        "explore/explore.js",
    )
    _css = source("explore/explore.css", "still.css")
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, arms: Sequence[Arm], *, audio: AudioFiles | None, audio_root: str | Path | None) -> None:
        self._arms = list(arms)
        self._table = table_of_arms(arms)
        self._values = [arm.values().reindex(pd.Index(self._table.audio_ids)) for arm in arms]
        self._sounds = [Sounds(arm.playable, audio, audio_root) for arm in self._arms]
        self._query = Query()
        self._histograms = self._charted()
        self._sample = sampled(len(self._table))
        self._frequent_errors: dict[int, FrequentErrors] = {}
        self._counting: dict[int, threading.Thread] = {}
        self.audio_id: str | None = None
        """The recording that was shown last, or None."""
        super().__init__(
            settings={"levels": LEVELS, "stretch_ms": LONGEST_MS, "most_rows": MOST_ROWS, "missing": MISSING}
        )
        obey_front_end(self.comm)
        self.on_msg(self._answer)

    @property
    def audio_ids(self) -> list[str]:
        """The recordings that the search and the filters of the page select, in the order of the page."""
        return [self._table.audio_ids[position] for position in self._table.select(self._query).positions.tolist()]

    def __repr__(self) -> str:
        return f"Explorer: {self._summary(self._table.select(Query()))}"

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
        kinds: dict[str, _Handler] = {
            "start": self._start,
            "rows": self._rows,
            "points": self._points,
            "frequent": self._frequent,
            "places": self._places,
            "recording": self._recording,
            "clip": self._clip,
        }
        kind = content.get("type") if isinstance(content, dict) else None
        if kind not in kinds:
            raise InputError(f"the view sent a message of an unknown type: {kind!r}")
        if kind == "clip":  # The kernel can answer further requests while the sound is cut.
            threading.Thread(target=self._reply, args=(self._clip, content), name="explorer clip", daemon=True).start()
        else:
            self._reply(kinds[kind], content)

    def _reply(self, answer_to: _Handler, content: Mapping[str, Any]) -> None:
        """Answer a request; if it fails, with the reason."""
        try:
            answer, binary = answer_to(content)
        except SonioxDSError as error:  # such as a damaged file; the page shows it
            answer, binary = {"problem": str(error)}, []
        head = {"type": content["type"], "view": content.get("view"), "number": content.get("number")}
        self.send(head | answer, binary)

    def _start(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer the columns, the bins of the histograms, and the axes of the scatter to begin with."""
        numbers = [column.name for column in self._table.columns.values() if isinstance(column, NumberColumn)]
        rates = [name for name in numbers if name.startswith("rate")]
        answer = {
            "columns": [column.described() for column in self._table.columns.values()],
            "total": len(self._table),
            "arms": [arm.name for arm in self._arms],
            "has_errors": [number for number, arm in enumerate(self._arms) if arm.rate],
            "counts_at_once": not any(arm.is_opened for arm in self._arms),
            "histograms": [histogram.described() for histogram in self._histograms],
            "axes": rates[:2] if len(rates) > 1 else ["duration", *rates],
        }
        return answer, []

    def _charted(self) -> list[Histogram]:
        """Return the histograms: durations, error rates and confidences, as far as there are any."""
        return [
            Histogram(column)
            for name, column in self._table.columns.items()
            if isinstance(column, NumberColumn)
            and name.startswith(("duration", "rate", "confidence"))
            and not np.isnan(column.values).all()
        ]

    def _rows(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer some rows of a query, and where the recording `near` is among them; of a new query also the charts."""
        query = Query.of_message(content)
        selection = self._table.select(query)
        first = max(int(content.get("first") or 0), 0)
        place = -1
        if (near := content.get("near")) is not None:
            places = np.flatnonzero(selection.positions == self._table.position(str(near)))
            place = int(places[0]) if len(places) else -1
        rows = self._table.rows(selection.positions[first : first + min(int(content["count"]), MOST_ROWS)])
        answer: dict[str, Any] = {"first": first, "rows": rows, "total": len(selection.positions), "place": place}
        if not content.get("is_new"):
            return answer, []
        if query != self._query:
            self._query = query
            event_loop().call_soon_threadsafe(lambda: self._still.grown(is_endpoint=False))
        answer |= {
            "problems": selection.problems,
            "summary": self._summary(selection),
            "histograms": {each.column.name: each.counts(selection.mask) for each in self._histograms},
        }
        return answer, [selection.mask[self._sample].astype(np.uint8).tobytes()]

    def _points(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer the axes and the points of the scatter as 32-bit floats; NaN for a recording without a value."""
        columns = [self._number_column(str(content[axis])) for axis in ("x", "y")]
        axes = [axis_of(column)._asdict() | {"name": column.name, "label": column.label} for column in columns]
        values = [column.values[self._sample].astype("<f4").tobytes() for column in columns]
        is_diagonal = columns[0].unit_name == columns[1].unit_name == "percent"
        return {"axes": axes, "is_diagonal": is_diagonal, "n_all": len(self._table)}, values

    def _number_column(self, name: str) -> NumberColumn:
        column = self._table.columns.get(name)
        if not isinstance(column, NumberColumn):
            raise InputError(f"the view asked for an unknown column of numbers: {name!r}")
        return column

    # ---- errors of all recordings

    def _frequent(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer the most frequent errors of a query. Those of an opened corpus are counted in a thread first."""
        number = int(content["arm"])
        arm = self._arms[number]
        if number not in self._frequent_errors:
            if arm.is_opened:
                if number not in self._counting:
                    thread = threading.Thread(target=self._count, args=(number,), name="explorer", daemon=True)
                    self._counting[number] = thread
                    thread.start()
                return {"arm": number, "is_counting": True}, []
            self._frequent_errors[number] = FrequentErrors(arm, self._table.position)
        mask = self._table.select(Query.of_message(content)).mask
        return {"arm": number, "is_counting": False} | self._frequent_errors[number].most_frequent(mask), []

    def _count(self, number: int) -> None:
        """Count the errors of an opened corpus part by part, and tell all views how far it is."""

        def tell(done: int, total: int) -> None:
            self.send({"type": "counted", "arm": number, "done": done, "total": total})

        try:
            self._frequent_errors[number] = FrequentErrors(self._arms[number], self._table.position, tell)
            self.send({"type": "counted", "arm": number, "done": None, "total": None})
        except SonioxDSError as error:
            self.send({"type": "counted", "arm": number, "problem": str(error)})
        finally:
            del self._counting[number]

    def _places(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer where an error occurs in the recordings of a query: the recording, and the place among its words."""
        errors = self._frequent_errors.get(int(content["arm"]))
        if errors is None:
            raise InputError("the view asked for the places of errors that have not been counted")
        positions = self._table.select(Query.of_message(content)).positions
        places = errors.places(int(content["error"]), positions)
        listed = [[self._table.audio_ids[position], word] for position, word in places]
        return {"arm": int(content["arm"]), "error": content["error"], "places": listed}, []

    # ---- one recording

    def _recording(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        if content.get("point") is not None:  # of the scatter
            audio_id = self._table.audio_ids[int(self._sample[int(content["point"])])]
        else:
            audio_id = str(content["audio_id"])
        position = self._table.position(audio_id)
        self.audio_id = audio_id
        columns = self._table.columns.values()
        answer = {
            "audio_id": audio_id,
            "facts": [[column.label, column.cell(position)] for column in columns if column.name != "audio_id"],
            "duration_ms": self._duration_ms(position),
            "no_audio": self._sounds_of(audio_id).why_not(audio_id),
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
        alignments = arm.aligned(part)
        views = {} if alignments is None else {"errors": aligned_paragraphs(alignments)}
        views["transcript"] = spoken_paragraphs(part)
        score = ""
        if arm.rate and known(values["rate"].iloc[position]):
            label, _, unit = MEASURES[arm.rate]
            row = values.iloc[position]
            wrong = int(row["n_errors"])
            unit = unit.removesuffix("s") if row["size"] == 1 else unit
            counts = f"{wrong:,} error{'' if wrong == 1 else 's'} in {int(row['size']):,} {unit}"
            score = f"{label} {row['rate']:.1%} ({counts})"
        return {"name": arm.name, "score": score, "message": message, "views": views}

    def _clip(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        return answer_clip(self._sounds_of(str(content.get("audio_id"))), content)

    def _sounds_of(self, audio_id: str) -> Sounds:
        """Return the audio of the first system that can play a recording, or else of one that knows the recording."""
        reasons = [sounds.why_not(audio_id) for sounds in self._sounds]
        best = min(range(len(reasons)), key=lambda number: (bool(reasons[number]), reasons[number] == UNKNOWN_AUDIO))
        return self._sounds[best]

    def _duration_ms(self, position: int) -> int | None:
        duration_ms = float(self._table.numbers("duration")[position])
        return None if np.isnan(duration_ms) else int(duration_ms)
