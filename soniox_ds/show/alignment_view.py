"""View of a reference and a transcript side by side.

Conventions: words that are right are shown once. An error is a small stack of the reference above and the recognised
word below ("–" if there is no word), with a letter: S substitution, D deletion, I insertion. Each kind also has its own
border.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.words.alignments import Alignments, alignments_of
from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.selection import one_recording
from soniox_ds.show import markup
from soniox_ds.show.markup import clock, known

__all__ = ["AlignmentView", "alignment", "legend"]

_KINDS = {
    "substitution": ("S", "solid", "213,94,0"),
    "deletion": ("D", "dashed", "0,114,178"),
    "insertion": ("I", "dotted", "190,130,0"),
}
_NOTHING = "–"
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


def alignment(alignments: Alignments, audio_id: str | None = None, *, context: int | None = None) -> AlignmentView:
    """Show one recording's reference and transcript side by side, with the errors marked.

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

    Returns
    -------
    AlignmentView
        An object that is displayed in a notebook; ``print`` shows plain text in three lines: reference, heard, errors.
        Without rows it says "No words."

    Raises
    ------
    SchemaError
        If a column is missing, an operation is not known, a row is there twice, or a time is impossible (also if it has
        a fraction).
    InputError
        If there are several recordings and `audio_id` is not given, or `context` is below 0.

    Examples
    --------
    >>> alignments = pd.DataFrame({
    ...     "audio_id": "a.wav", "operation": ["hit", "substitution", "deletion", "insertion"],
    ...     "reference": ["can", "you", "hear", pd.NA], "hypothesis": ["can", "ewe", pd.NA, "okay"],
    ... })
    >>> alignment(alignments)
    a.wav: 3 errors in 3 reference words (S 1, D 1, I 1)
      reference  can you hear –
      heard      can ewe –    okay
      errors         S   D    I
    """
    alignments = alignments_of(alignments)
    need(alignments, "audio_id", "operation", "reference", "hypothesis", name="alignments")
    alignments = need_milliseconds(alignments, "alignments", required=False)
    if "position" in alignments:
        no_duplicates(alignments, "alignments", "audio_id", "position")
    if context is not None and context < 0:
        raise InputError(f"context is {context}; it is a number of words, 0 or more, or None for everything.")
    own = one_recording(alignments, audio_id, rows="alignments", shows="this view")
    if unknown := sorted({str(kind) for kind in own["operation"].unique()} - {"hit", *_KINDS}):
        raise SchemaError(f"the operation {unknown[0]!r} is not known; it can be hit, {', '.join(_KINDS)}.")
    name = str(own["audio_id"].iloc[0]) if len(own) else "nothing" if audio_id is None else str(audio_id)
    return AlignmentView(name, own, context)


def legend() -> str:
    """Return the legend of the marks, as HTML."""
    samples = "".join(
        f'<span style="{_box(kind)};margin-left:.8em">{letter}</span> {kind}' for kind, (letter, _, _) in _KINDS.items()
    )
    return f"above: reference, below: what was heard {samples}"


class AlignmentView:
    """An alignment that can be displayed and printed; made by `sx.show.alignment`."""

    def __init__(self, audio_id: str, alignments: pd.DataFrame, context: int | None) -> None:
        self.audio_id = audio_id
        self.alignments = alignments
        """The rows shown, ``schema.WORD_ALIGNMENTS``."""
        self.context = context

    def __repr__(self) -> str:
        if self.alignments.empty:
            return f"{markup.plain_isolated(self.audio_id)}: No words."
        lines = [f"{markup.plain_isolated(self.audio_id)}: {self._counts()}"]
        blocks = list(_wrapped(self._shown()))
        for block in blocks[:_PLAIN_BLOCKS]:
            for label, row in zip(("reference", "heard", "errors"), block, strict=True):
                lines.append(f"  {label:<9}  {row}".rstrip())
            lines.append("")
        if (more := len(blocks) - _PLAIN_BLOCKS) > 0:
            lines.append(f"  … and {more:,} more lines")
        return "\n".join(lines).rstrip()

    def _repr_html_(self) -> str:
        head = f"<b>{markup.isolated(self.audio_id)}</b>: {markup.visible(self._counts())}"
        return markup.frame("alignment", head, legend(), self.body())

    def body(self) -> str:
        """Return the aligned words alone, as HTML; `legend` explains the marks."""
        parts: list[str] = []
        speaker: Any = None
        opened = False
        for item in self._shown():
            if isinstance(item, int):
                parts.append(f' <i style="{markup.SMALL}">… {_right(item)} …</i> ')
                continue
            if not opened or (known(item.speaker) and item.speaker != speaker):
                if opened:
                    parts.append("</div>")
                speaker = item.speaker if known(item.speaker) else speaker
                head = " · ".join(
                    part for part in (clock(item.start_ms), f"speaker {speaker}" if known(speaker) else "") if part
                )
                if head:
                    parts.append(f'<div style="{markup.SMALL}">{markup.visible(head)}</div>')
                parts.append(f'<div dir="{self._direction()}" style="margin:0 0 .7em">')
                opened = True
            parts.append(_html(item))
        return "".join([*parts, "</div>" if opened else "<p>No words.</p>"])

    def _direction(self) -> str:
        return markup.direction([*self.alignments["reference"], *self.alignments["hypothesis"]])

    def _counts(self) -> str:
        kinds = self.alignments["operation"]
        counts = {letter: int((kinds == kind).sum()) for kind, (letter, _, _) in _KINDS.items()}
        words = int((kinds != "insertion").sum())
        errors = sum(counts.values())
        each = ", ".join(f"{letter} {count:,}" for letter, count in counts.items())
        return f"{errors:,} error{'' if errors == 1 else 's'} in {words:,} reference words ({each})"

    def _shown(self) -> Iterator[_Pair | int]:
        """Yield the pairs to show, and for each stretch that is left out the number of its words."""
        own = self.alignments
        absent = pd.Series(pd.NA, index=own.index, dtype="object")
        columns = [own.get(name, absent) for name in _Pair._fields]
        near = np.ones(len(own), np.bool_)
        if self.context is not None:
            wrong = np.flatnonzero((own["operation"] != "hit").to_numpy(bool))
            near[:] = False
            for place in wrong:
                near[max(0, place - self.context) : place + self.context + 1] = True
        left_out = 0
        for shown, row in zip(near, zip(*columns, strict=True), strict=True):
            if not shown:
                left_out += 1
                continue
            if left_out:
                yield left_out
                left_out = 0
            yield _Pair(*row)
        if left_out:
            yield left_out


def _right(count: int) -> str:
    return f"{count:,} word{'' if count == 1 else 's'} right"


def _box(kind: str) -> str:
    _, line, colour = _KINDS[kind]
    return f"border:1.5px {line} rgba({colour},.95);border-radius:.25em;padding:0 .25em;background:rgba({colour},.16)"


def _html(pair: _Pair) -> str:
    if pair.operation == "hit":
        return f"{markup.running(pair.hypothesis)} "
    letter = _KINDS[pair.operation][0]
    above = markup.isolated(pair.reference) if known(pair.reference) else _NOTHING
    below = markup.isolated(pair.hypothesis, pair.language) if known(pair.hypothesis) else _NOTHING
    facts = [pair.operation]
    if known(pair.start_ms):
        facts.append(f"at {clock(pair.start_ms)}")
    if known(pair.confidence):
        facts.append(f"confidence {pair.confidence:.2f}")
    place = "display:inline-block;white-space:nowrap;vertical-align:middle;line-height:1.25;margin:.1em 0"
    style = f"{place};{_box(pair.operation)}"
    said = ", ".join(facts)
    return (
        f'<span role="group" aria-label="{said}" title="{said}" style="{style}">'
        f'<span style="display:block">{above}<sup aria-hidden="true" style="margin-inline-start:.3em;font-weight:bold;'
        f'font-size:.65em;line-height:0">{letter}</sup></span>'
        f'<span style="display:block;border-top:{markup.LINE};font-weight:bold">{below}</span></span> '
    )


def _wrapped(items: Iterator[_Pair | int]) -> Iterator[tuple[str, str, str]]:
    """Yield lines of columns as wide as the wider word, broken where they grow too long."""
    rows: tuple[list[str], list[str], list[str]] = ([], [], [])
    used = 0
    for item in items:
        if isinstance(item, int):
            cells = (f"[{_right(item)}]", "", "")
        else:
            reference = markup.plain_isolated(str(item.reference)) if known(item.reference) else _NOTHING
            heard = markup.plain_isolated(str(item.hypothesis)) if known(item.hypothesis) else _NOTHING
            cells = (reference, heard, _KINDS[item.operation][0] if item.operation != "hit" else "")
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
