"""View of a reference and a transcript side by side.

Conventions: words that are right are shown once. An error is a small stack of the reference above and the recognised
word below ("–" if there is no word), with a letter: S substitution, D deletion, I insertion. Each kind also has its own
border.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds._display import clock, direction, isolated, known, render
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.sounds import Sounds
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.selection import one_recording
from soniox_ds.show.listening import Audible, Audio, sounds_of, span

__all__ = ["AlignmentView", "alignment"]

_LETTERS = {"substitution": "S", "deletion": "D", "insertion": "I"}
_LOST_MARGIN_MS = 250
"""Milliseconds of audio before and after the gap in which a word was missed."""
_LOST_MS = 1000
"""Milliseconds that are played for words that were missed at the beginning or end."""
_PLAIN_WIDTH = 88
_PLAIN_BLOCKS = 12


class _Pair(NamedTuple):
    operation: str
    reference: Any
    hypothesis: Any
    start_ms: Any
    confidence: Any
    speaker: Any
    language: Any
    span: str
    """The stretch that a click plays, as `span` returns it; "" in static views."""


def alignment(
    alignments: Alignments,
    audio_id: str | None = None,
    *,
    context: int | None = None,
    audio: Audio = None,
    audio_root: str | Path | None = None,
) -> AlignmentView:
    """Show one recording's reference and transcript side by side, with the errors marked.

    In a notebook, a click on a word or an error plays it, and a click on the label of a speaker plays the whole
    paragraph. A missed word is played from the word before it to the word after it. By keyboard, the arrows go from
    word to word and from paragraph to paragraph, Enter plays, and Esc stops.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, with at least `audio_id`, `operation`, `reference` and `hypothesis`. Or a corpus
        with references, which is aligned with the defaults of `align_words`.
    audio_id
        Recording to show, if the table has several.
    context
        Number of right words to show on each side of an error; longer stretches are replaced by their length. None
        shows everything.
    audio
        The corpus that has the audio, if `alignments` is a table; or audio files by `audio_id` (paths, or their content
        as bytes).
    audio_root
        Folder of relative paths; None for the working directory.

    Returns
    -------
    AlignmentView
        An object that is displayed in a notebook; ``print`` shows plain text in three lines: reference, heard, errors.
        Without rows it says "No words." Sound needs a running notebook: a saved notebook, a report or a web page shows
        the text only.

    Raises
    ------
    SchemaError
        If a column is missing, an operation is unknown, a row occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are several recordings and `audio_id` is not given, or `context` is below 0.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> alignments = pd.DataFrame({
    ...     "audio_id": "a.wav", "operation": ["hit", "substitution", "deletion", "insertion"],
    ...     "reference": ["can", "you", "hear", pd.NA], "hypothesis": ["can", "ewe", pd.NA, "okay"],
    ... })
    >>> sx.show.alignment(alignments)
    a.wav: 3 errors in 3 reference words (S 1, D 1, I 1)
      reference  can you hear –
      heard      can ewe –    okay
      errors         S   D    I
    """
    sounds = sounds_of(alignments, audio, audio_root)
    alignments = alignments_of(alignments)
    need(alignments, "audio_id", "operation", "reference", "hypothesis", name="alignments")
    alignments = need_milliseconds(alignments, "alignments", required=False)
    if "position" in alignments:
        no_duplicates(alignments, "alignments", "audio_id", "position")
    if context is not None and context < 0:
        raise InputError(f"context is {context}; give a number of words, 0 or more, or None for all words.")
    rows = one_recording(alignments, audio_id, rows="alignments", shows="this view")
    if unknown := sorted({str(kind) for kind in rows["operation"].unique()} - {"hit", *_LETTERS}):
        raise SchemaError(f"the operation {unknown[0]!r} is not known; it can be hit, {', '.join(_LETTERS)}.")
    name = str(rows["audio_id"].iloc[0]) if len(rows) else "nothing" if audio_id is None else str(audio_id)
    return AlignmentView(name, rows, context, sounds)


class AlignmentView(Audible):
    """An alignment that can be displayed and printed; made by `sx.show.alignment`."""

    _kind = "Alignment"

    def __init__(
        self, audio_id: str, alignments: pd.DataFrame, context: int | None, sounds: Sounds | None = None
    ) -> None:
        self.audio_id = audio_id
        self.alignments = alignments
        """The rows shown, ``schema.WORD_ALIGNMENTS``."""
        self.context = context
        self._sounds = sounds

    def __repr__(self) -> str:
        if self.alignments.empty:
            return f"{isolated(self.audio_id)}: No words."
        lines = [f"{isolated(self.audio_id)}: {self._counts()}"]
        blocks = list(_wrapped(self._shown()))
        for block in blocks[:_PLAIN_BLOCKS]:
            for label, row in zip(("reference", "heard", "errors"), block, strict=True):
                lines.append(f"  {label:<9}  {row}".rstrip())
            lines.append("")
        if (more := len(blocks) - _PLAIN_BLOCKS) > 0:
            lines.append(f"  … and {more:,} more lines")
        return "\n".join(lines).rstrip()

    def _spoken_ids(self) -> list[str]:
        return [self.audio_id] if "start_ms" in self.alignments and self.alignments["start_ms"].notna().any() else []

    def _html(self, *, is_spoken: bool) -> str:
        return render(
            "show/templates/alignment.html.j2",
            audio_id=self.audio_id,
            counts=self._counts(),
            paragraphs=self.paragraphs(is_spoken=is_spoken),
            is_spoken=is_spoken,
            silence=self._silence(),
        )

    def paragraphs(self, *, is_spoken: bool = False) -> list[dict[str, Any]]:
        """Return the words in paragraphs of one speaker, for the template ``aligned_words.html.j2``.

        The items of a paragraph are pairs, and numbers of right words that are left out. Words that are left out before
        the first paragraph have a paragraph without a direction. `span` is the stretch of a paragraph that can be
        heard, and "" in static views.
        """
        paragraphs: list[dict[str, Any]] = []
        side = direction([*self.alignments["reference"], *self.alignments["hypothesis"]])
        speaker: Any = None
        for item in self._shown(_spans(self.alignments) if is_spoken and self._spoken_ids() else None):
            is_first = not paragraphs or paragraphs[-1]["direction"] is None
            if isinstance(item, int):
                if not paragraphs:
                    paragraphs.append({"heading": "", "direction": None, "items": [], "span": ""})
            elif is_first or (known(item.speaker) and item.speaker != speaker):
                speaker = item.speaker if known(item.speaker) else speaker
                parts = (clock(item.start_ms), f"speaker {speaker}" if known(speaker) else "")
                heading = " · ".join(part for part in parts if part)
                paragraphs.append({"heading": heading, "direction": side, "items": [], "span": ""})
            paragraphs[-1]["items"].append(item)
        for paragraph in paragraphs:
            times = [
                int(time) for item in paragraph["items"] if not isinstance(item, int) for time in item.span.split()
            ]
            paragraph["span"] = f"{min(times)} {max(times)}" if times else ""
        return paragraphs

    def _counts(self) -> str:
        kinds = self.alignments["operation"]
        counts = {letter: int((kinds == kind).sum()) for kind, letter in _LETTERS.items()}
        words = int((kinds != "insertion").sum())
        errors = sum(counts.values())
        each = ", ".join(f"{letter} {count:,}" for letter, count in counts.items())
        return f"{errors:,} error{'' if errors == 1 else 's'} in {words:,} reference words ({each})"

    def _shown(self, spans: Sequence[str] | None = None) -> Iterator[_Pair | int]:
        """Yield the pairs to show, and for each stretch that is left out the number of its words."""
        alignments = self.alignments
        absent = pd.Series(pd.NA, index=alignments.index, dtype="object")
        columns = [alignments.get(name, absent) for name in _Pair._fields[:-1]]
        columns.append(pd.Series("" if spans is None else spans, index=alignments.index, dtype="object"))
        near_mask = np.ones(len(alignments), np.bool_)
        if self.context is not None:
            near_mask[:] = False
            for position in np.flatnonzero((alignments["operation"] != "hit").to_numpy(bool)):
                near_mask[max(0, position - self.context) : position + self.context + 1] = True
        n_left_out = 0
        for is_near, row in zip(near_mask, zip(*columns, strict=True), strict=True):
            if not is_near:
                n_left_out += 1
                continue
            if n_left_out:
                yield n_left_out
                n_left_out = 0
            yield _Pair(*row)
        if n_left_out:
            yield n_left_out


def _spans(alignments: pd.DataFrame) -> list[str]:
    """Return what is heard of each row, as `span` returns it.

    A word without times, which was missed, lasts from the end of the word before it to the start of the word after it.
    """
    starts = alignments["start_ms"].astype("Int64")
    ends = alignments["end_ms"].astype("Int64").fillna(starts) if "end_ms" in alignments else starts
    columns = (starts, ends, ends.ffill(), starts.bfill())
    spans = []
    for start, end, before, after in zip(*(column.tolist() for column in columns), strict=True):
        if known(start):
            spans.append(span(start, end))
        elif known(before):
            spans.append(span(before, max(after, before) if known(after) else before + _LOST_MS, _LOST_MARGIN_MS))
        else:
            spans.append(span(max(after - _LOST_MS, 0), after, _LOST_MARGIN_MS) if known(after) else "")
    return spans


def _wrapped(items: Iterator[_Pair | int]) -> Iterator[tuple[str, str, str]]:
    """Yield lines of columns as wide as the wider word, broken where they grow too long."""
    rows: tuple[list[str], list[str], list[str]] = ([], [], [])
    used = 0
    for item in items:
        if isinstance(item, int):
            cells = (f"[{item:,} word{'' if item == 1 else 's'} right]", "", "")
        else:
            reference, hypothesis = (
                isolated(text) if known(text) else "–" for text in (item.reference, item.hypothesis)
            )
            cells = (reference, hypothesis, _LETTERS.get(item.operation, ""))
        width = max(map(_width, cells))
        if rows[0] and used + width + 1 > _PLAIN_WIDTH:
            yield _joined(rows)
            rows, used = ([], [], []), 0
        for row, cell in zip(rows, cells, strict=True):
            row.append(cell + " " * (width - _width(cell)))
        used += width + 1
    if rows[0]:
        yield _joined(rows)


def _joined(rows: tuple[list[str], list[str], list[str]]) -> tuple[str, str, str]:
    above, below, errors = (" ".join(row).rstrip() for row in rows)
    return above, below, errors


def _width(text: str) -> int:
    """Return the width on a terminal: two columns for wide characters, 0 for combining and formatting characters."""
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )
