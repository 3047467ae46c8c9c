"""Review queue: clips that a person listens to, judges and corrects one after the other, with the keyboard.

Conventions: the view asks and the kernel answers, in custom messages: ``start``, ``rows`` (a page of them), ``clip``
(audio as a binary buffer), ``review`` (a verdict, answered by ``kept``). Messages and answers carry the name of the
view, because all views of a widget receive all answers. Every verdict has been written to the file before it is
answered.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import traitlets

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError
from soniox_ds.files.audio_excerpts import MIME_TYPE
from soniox_ds.files.sounds import AudioFiles
from soniox_ds.review_queue.reviews import VERDICTS
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.inputs import Transcribed, Transcripts, refuse_transcripts
from soniox_ds.text.words import as_words
from soniox_ds.widgets._assets import source
from soniox_ds.widgets.review import still as review_still
from soniox_ds.widgets.review.buttons import ACTIONS
from soniox_ds.widgets.review.places import Places
from soniox_ds.widgets.review.store import ReviewStore
from soniox_ds.widgets.still import StillWidget

__all__ = ["ReviewQueue", "review"]

_PAGE = 100  # most rows in one answer


def review(
    clips: pd.DataFrame,
    transcripts: Transcripts | None = None,
    *,
    audio: AudioFiles | None = None,
    audio_root: str | Path | None = None,
    save_to: str | Path | None = None,
    reviewer: str | None = None,
    margin_ms: int = 150,
    context_words: int = 12,
) -> ReviewQueue:
    """Show clips one after the other, so that you can listen to them, judge them and correct them.

    The widget needs a notebook. ``j`` and ``k`` (or the arrow keys) go to the next and the previous clip, ``n`` goes to
    the next clip without a verdict, and Space plays the clip. ``1`` means right, ``2`` wrong (and opens the field for
    the correct text) and ``3`` unclear. Pressing the same key again removes the verdict. Enter begins and ends the
    editing of the correct text (leave it empty if nothing was said), and Esc restores the old text.

    Parameters
    ----------
    clips
        ``schema.CLIPS`` of `flag_low_confidence`, or any table with `audio_id`, `start_ms` and `end_ms`, such as
        `confusions` or rows of `align_words`. No clip may occur twice. The clips are shown in the order of the table.
    transcripts
        The corpus that the clips come from. It provides the paths of the audio and the words around each clip. With
        ``schema.WORDS`` instead of a corpus, only the words are known.
    audio
        Audio files by `audio_id` (paths, or their content as bytes), if the corpus does not have their paths or if they
        have been moved. It is not checked whether they are the audio that was transcribed.
    audio_root
        Folder that relative paths of audio start from. None means the working directory.
    save_to
        A .csv or .parquet file, which is written after every verdict. If the file exists, its reviews are loaded.
        Reviews of other clips are kept, so that several queues and people can share one file. None keeps the reviews
        in memory only.
    reviewer
        Name of the reviewer for the column `reviewer` of the table.
    margin_ms
        Milliseconds of audio before and after each clip. No clip is played for longer than 30 s.
    context_words
        Number of words shown before and after each clip.

    Returns
    -------
    ReviewQueue
        A widget whose `table` contains the reviews so far, for `apply_reviews`. If the audio of a clip is missing, the
        widget shows the reason, and the clip can still be judged.

    Raises
    ------
    SchemaError
        If a column is missing, a clip occurs twice or has no times, or the file `save_to` is not a
        table of reviews.
    InputError
        If clips name recordings that the transcripts do not have, or an option is invalid.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> clips = pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [300], "end_ms": [850]})
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "word_index": range(3), "text": ["Take", "lisinopril", "daily."],
    ...     "start_ms": [0, 300, 900], "end_ms": [250, 850, 1300], "space_before": True,
    ... })
    >>> sx.review(clips, words)
    Review: 0 of 1 clip reviewed, not saved to a file
      – open  a.wav 0:00.3  lisinopril
    """
    refuse_transcripts(clips, "a table of clips", "sx.review(sx.flag_low_confidence(corpus, threshold=0.5), corpus)")
    places = Places(
        clips,
        None if transcripts is None else as_words(transcripts),
        transcripts.recordings if isinstance(transcripts, Transcribed) else None,
        audio or {},
        None if audio_root is None else Path(audio_root),
        check_number(context_words, "context_words", whole=True, least=0, advice="give a whole number, 0 or more."),
    )
    store = ReviewStore(None if save_to is None else Path(save_to))
    return ReviewQueue(places, store, reviewer=reviewer, margin_ms=checked_ms(margin_ms, "margin_ms"))


class ReviewQueue(StillWidget):
    """A queue of clips in a notebook; made by `review`."""

    _title = "Review"
    _esm = source("elements.js", "player/waveform.js", "review/page_elements.js", "review/review.js")
    _css = source("review/review.css", "still.css")
    settings = traitlets.Dict().tag(sync=True)

    def __init__(self, places: Places, store: ReviewStore, *, reviewer: str | None, margin_ms: int) -> None:
        self._places = places
        self._store = store
        self._reviewer = reviewer
        self._margin_ms = margin_ms
        # The number of the latest verdict on a clip from each view, because kernels may exchange two messages.
        self._latest: dict[tuple[Any, int], int] = {}
        actions = {name: action._asdict() for name, action in ACTIONS.items()}
        super().__init__(settings={"actions": actions, "margin_ms": margin_ms})
        self.on_msg(self._answer)

    @property
    def table(self) -> pd.DataFrame:
        """Reviews of these clips so far, in the order of the clips: ``schema.REVIEWS``."""
        return self._store.table(map(self._places.key, range(len(self._places))))

    def __repr__(self) -> str:
        return review_still.plain(self._head(), self._first_rows(review_still.MOST_ROWS), len(self._places))

    def _picture(self) -> dict[str, str]:
        rows = self._first_rows(review_still.MOST_ROWS)
        return {"text/plain": repr(self), "text/html": review_still.html(self._head(), rows, len(self._places))}

    def _head(self) -> str:
        count, verdicts = len(self._places), self.table["verdict"].dropna()
        counts = [f"{int((verdicts == name).sum())} {name}" for name in VERDICTS if (verdicts == name).any()]
        kinds = f" ({', '.join(counts)})" if counts else ""
        saved = "not saved to a file" if self._store.path is None else f"saved to {self._store.path}"
        return f"Review: {len(verdicts):,} of {count:,} clip{'' if count == 1 else 's'} reviewed{kinds}, {saved}"

    def _first_rows(self, count: int) -> list[dict[str, Any]]:
        return [self._place(row) | self._review(row) for row in range(min(count, len(self._places)))]

    def _place(self, row: int) -> dict[str, Any]:
        place = self._places[row]
        return place._asdict() | {"pieces": [list(piece) for piece in place.pieces]}

    def _review(self, row: int) -> dict[str, Any]:
        """Return `verdict`, `correction` and `note` of a clip, with None for missing values."""
        saved = self._store.get(self._places.key(row)) or {}
        return {
            "verdict": saved.get("verdict"),
            "correction": (saved.get("correction") or "") if saved.get("corrected") else None,
            "note": saved.get("note"),
        }

    # ---- messages

    def _answer(self, _: Any, content: Any, buffers: Any) -> None:
        kinds = {"start": self._start, "rows": self._rows, "clip": self._clip, "review": self._take}
        kind = content.get("type") if isinstance(content, dict) else None
        if kind not in kinds:
            raise InputError(f"the view sent a message of an unknown type: {kind!r}")
        answer, audio = kinds[kind](content)
        self.send({"type": "kept" if kind == "review" else kind, "view": content.get("view")} | answer, audio)
        if kind == "review":
            self._still.renew()

    def _start(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        verdicts = [self._review(row)["verdict"] for row in range(len(self._places))]
        path = self._store.path
        return {"verdicts": verdicts, "saved_to": None if path is None else path.name}, []

    def _rows(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        first = max(int(content["first"]), 0)
        last = min(first + min(int(content["count"]), _PAGE), len(self._places))
        shown = [
            self._place(row) | self._review(row) | {"no_audio": self._places.no_audio(row)}
            for row in range(first, last)
        ]
        return {"first": first, "rows": shown}, []

    def _clip(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        row = self._row(content)
        audio, reason = self._places.audio(row, self._margin_ms)
        return {"row": row, "mime": MIME_TYPE, "reason": reason}, [audio] if audio else []

    def _take(self, content: Mapping[str, Any]) -> tuple[dict[str, Any], list[bytes]]:
        """Keep a verdict. If it cannot be written, the widget shows the error, and the next verdict writes both."""
        row = self._row(content)
        verdict, correction, note = (content.get(name) for name in ("verdict", "correction", "note"))
        if verdict not in (None, *VERDICTS):
            raise InputError(f"the view sent an unknown verdict: {verdict!r}")
        number, view = int(content.get("number") or 0), content.get("view")
        if number < self._latest.get((view, row), 0):
            return {"row": row, "number": number, "problem": ""} | self._review(row), []
        self._latest[view, row] = number
        place = self._places[row]
        audio_id, start_ms, end_ms = self._places.key(row)
        kept = {
            "audio_id": audio_id,
            "start_ms": start_ms,
            "end_ms": end_ms,
            "text": place.text,
            "verdict": verdict,
            "corrected": correction is not None,
            "correction": None if correction is None else " ".join(str(correction).split()),
            "note": note or None,
            "reviewer": self._reviewer,
            "reviewed_at": pd.Timestamp(datetime.now(UTC)).floor("ms"),
        }
        problem = ""
        try:
            self._store.keep(kept)
        except (OSError, InputError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else str(error)
            problem = f"{os.fspath(self._store.path or '')} could not be written: {reason}"
        return {"row": row, "number": number, "problem": problem} | self._review(row), []

    def _row(self, content: Mapping[str, Any]) -> int:
        row = int(content["row"])
        if not 0 <= row < len(self._places):
            raise InputError(f"the view asked for clip {row} of {len(self._places)}")
        return row
