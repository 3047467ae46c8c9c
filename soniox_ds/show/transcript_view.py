"""View of a transcript in which words of low confidence are marked.

Conventions: the marks have three steps of confidence: dotted, dashed and solid underline, each on a stronger
background. 0.9 in single precision is not below a level of 0.9 (`as_decimals` in `soniox_ds.metrics.confidence`).
Hovering over a marked word shows its confidence and time. A paragraph is one speaker's words up to a pause.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.confidence.word_confidence import HasTokens, checked_confidence, words_of
from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.arguments import checked_window
from soniox_ds.schema.selection import one_recording
from soniox_ds.show import markup
from soniox_ds.show.markup import clock, known

__all__ = ["TranscriptView", "transcript"]

_PAUSE_MS = 1500
_LINES = (("solid", "2px", 0.42), ("dashed", "2px", 0.24), ("dotted", "2px", 0.12))
_PLAIN_WIDTH = 88
_PLAIN_PARAGRAPHS = 12
_COLUMNS: dict[str, Any] = {
    "start_ms": "Int64",
    "end_ms": "Int64",
    "confidence": "Float64",
    "speaker": "string",
    "language": "string",
}


class _Word(NamedTuple):
    text: str
    start_ms: Any
    end_ms: Any
    confidence: Any
    speaker: Any
    language: Any
    space_before: bool


def transcript(
    words: pd.DataFrame | HasTokens,
    audio_id: str | None = None,
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    levels: Sequence[float] = (0.5, 0.7, 0.9),
    stream: str = "original",
) -> TranscriptView:
    """Show one recording's transcript, with the words of low confidence marked.

    Parameters
    ----------
    words
        ``schema.WORDS``, or a corpus. Only `audio_id`, `text` and `confidence` are required.
    audio_id
        Recording to show, if there are several.
    start_ms, end_ms
        Show only words that lie in this window, at least partly.
    levels
        Three ascending confidences: a word below the first has the strongest mark, a word at or above the last has no
        mark.
    stream
        "original" for the spoken words, "translation" for their translation.

    Returns
    -------
    TranscriptView
        An object that is displayed in a notebook; ``print`` shows plain text, in which marked words have their
        confidence. Without words it says so.

    Raises
    ------
    SchemaError
        If a column is missing, a word is there twice, a confidence lies outside 0 to 1, or a time is impossible (also
        if it has a fraction).
    InputError
        If there are several recordings and `audio_id` is not given, or an option is wrong.

    Examples
    --------
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "text": ["Take", "lisinopril", "daily."], "confidence": [0.99, 0.41, 0.97],
    ...     "start_ms": [0, 300, 900], "end_ms": [250, 850, 1300], "speaker": "1",
    ... })
    >>> transcript(words)
    a.wav: 3 words, 1 below 0.5
      0:00 speaker 1: Take lisinopril{0.41} daily.
    """
    found = words_of(words)
    need(found, "audio_id", "text", "confidence", name="words")
    found = need_milliseconds(found, "words", required=False)
    if "word_index" in found:
        no_duplicates(found, "words", "audio_id", "word_index", also=["translation_status"])
    low = [float(level) for level in levels]
    if len(low) != 3 or low != sorted(low) or not 0 <= low[0] <= low[2] <= 1:
        raise InputError(f"levels must be three confidences from 0 to 1, ascending; found {list(levels)}.")
    if stream not in ("original", "translation"):
        raise InputError(f'stream is {stream!r}; it can be "original" or "translation".')
    own = one_recording(found, audio_id, rows="words", shows="a transcript")
    translated = (
        (own["translation_status"] == "translation").fillna(False)
        if "translation_status" in own
        else pd.Series(False, index=own.index)
    )
    own = own[(translated if stream == "translation" else ~translated).to_numpy(bool)]
    name = str(own["audio_id"].iloc[0]) if len(own) else "nothing" if audio_id is None else str(audio_id)
    if start_ms is not None or end_ms is not None:
        need(own, "start_ms", "end_ms", name="words")
        known_ends = own["end_ms"].dropna()
        start_ms, end_ms = checked_window(start_ms, end_ms, float(known_ends.max()) if len(known_ends) else 0.0)
        inside = pd.Series(True, index=own.index)
        if start_ms is not None:
            inside &= own["end_ms"].astype("Int64") > start_ms
        if end_ms is not None:
            inside &= own["start_ms"].astype("Int64") < end_ms
        own = own[inside.fillna(False).to_numpy(bool)]
    return TranscriptView(name, own, (low[0], low[1], low[2]))


class TranscriptView:
    """A transcript that can be displayed and printed; made by `sx.show.transcript`."""

    def __init__(self, audio_id: str, words: pd.DataFrame, levels: tuple[float, float, float]) -> None:
        self.audio_id = audio_id
        self.words = words
        """The words shown, ``schema.WORDS``."""
        self.levels = levels
        numbers = checked_confidence(words)
        self._confidence = pd.Series(numbers.values, index=words.index).astype("Float64").where(numbers.known)

    def __repr__(self) -> str:
        if self.words.empty:
            return f"{markup.plain_isolated(self.audio_id)}: No words."
        lines = [markup.plain_isolated(self.audio_id) + ": " + self._counts()]
        paragraphs = list(self._paragraphs())
        for paragraph in paragraphs[:_PLAIN_PARAGRAPHS]:
            head = " ".join(part for part in (clock(paragraph[0].start_ms), _speaker(paragraph[0])) if part)
            text = "".join(self._plain(word, first=place == 0) for place, word in enumerate(paragraph))
            line = f"{head}: {markup.plain_isolated(text)}" if head else markup.plain_isolated(text)
            lines += textwrap.wrap(line, _PLAIN_WIDTH, initial_indent="  ", subsequent_indent="      ")
        if (more := len(paragraphs) - _PLAIN_PARAGRAPHS) > 0:
            lines.append(f"  … and {more:,} more paragraphs")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        low, middle, high = self.levels
        marks = (
            (low / 2, f"below {low:g}"),
            ((low + middle) / 2, f"below {middle:g}"),
            ((middle + high) / 2, f"below {high:g}"),
        )
        legend = "confidence: " + " &nbsp; ".join(
            f'<span style="{self._mark(value)}">{markup.visible(text)}</span>' for value, text in marks
        )
        legend += f" &nbsp; {high:g} and above: no mark. Hover over a word for its confidence."
        body = "".join(map(self._html, self._paragraphs())) or "<p>No words.</p>"
        head = f"<b>{markup.isolated(self.audio_id)}</b>: {self._counts()}"
        return markup.frame("transcript", head, legend, body)

    def _counts(self) -> str:
        count = len(self.words)
        low = int((self._confidence < self.levels[0]).fillna(False).sum())
        return f"{count:,} word{'' if count == 1 else 's'}, {low:,} below {self.levels[0]:g}"

    def _paragraphs(self) -> Iterator[list[_Word]]:
        """Yield the words of one speaker up to a pause; a change of language alone does not begin another paragraph."""
        words = self.words.assign(confidence=self._confidence)
        columns = {
            name: words[name].astype(dtype) if name in words else pd.Series(pd.NA, index=words.index, dtype=dtype)
            for name, dtype in _COLUMNS.items()
        }
        spaced = words["space_before"].fillna(True) if "space_before" in words else pd.Series(True, index=words.index)
        rows = zip(words["text"], *(column.tolist() for column in columns.values()), spaced, strict=True)
        paragraph: list[_Word] = []
        for row in rows:
            word = _Word(*row)
            if paragraph and _parts(paragraph[-1], word):
                yield paragraph
                paragraph = []
            paragraph.append(word)
        if paragraph:
            yield paragraph

    def _plain(self, word: _Word, *, first: bool) -> str:
        space = " " if word.space_before and not first else ""
        low = known(word.confidence) and word.confidence < self.levels[0]
        return f"{space}{word.text}{{{word.confidence:.2f}}}" if low else f"{space}{word.text}"

    def _html(self, paragraph: list[_Word]) -> str:
        head = " · ".join(
            part for part in (clock(paragraph[0].start_ms), markup.visible(_speaker(paragraph[0]))) if part
        )
        parts = [f'<div style="{markup.SMALL}">{head}</div>'] if head else []
        languages = {word.language for word in paragraph if known(word.language)}
        lang = f' lang="{markup.visible(languages.pop())}"' if len(languages) == 1 else ""
        parts.append(f'<div dir="{markup.direction(word.text for word in paragraph)}"{lang}>')
        for place, word in enumerate(paragraph):
            space = " " if word.space_before and place else ""
            parts.append(f"{space}{self._marked(word)}")
        parts.append("</div>")
        return f'<div style="margin:0 0 .7em">{"".join(parts)}</div>'

    def _marked(self, word: _Word) -> str:
        style = self._mark(word.confidence) if known(word.confidence) else ""
        if not style:
            return markup.running(word.text)
        title = f"confidence {word.confidence:.2f}" + (f" at {clock(word.start_ms)}" if known(word.start_ms) else "")
        return f'<mark style="{style}" title="{title}">{markup.running(word.text)}</mark>'

    def _mark(self, confidence: float) -> str:
        for level, (line, width, strength) in zip(self.levels, _LINES, strict=True):
            if confidence < level:
                ground = f"color:inherit;background:rgba(213,94,0,{strength})"
                return f"{ground};border-bottom:{width} {line} rgba(213,94,0,.95);padding:0 .1em"
        return ""


def _speaker(word: _Word) -> str:
    return f"speaker {word.speaker}" if known(word.speaker) else ""


def _parts(before: _Word, word: _Word) -> bool:
    other = (before.speaker if known(before.speaker) else None) != (word.speaker if known(word.speaker) else None)
    timed = known(before.end_ms) and known(word.start_ms)
    return other or (timed and word.start_ms - before.end_ms >= _PAUSE_MS)
