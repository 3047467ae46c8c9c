"""View of a transcript in which words of low confidence are marked.

Conventions: the marks have three steps of confidence: dotted, dashed and solid underline, each on a stronger
background. 0.9 in single precision is not below a level of 0.9 (`as_decimals` in `soniox_ds.metrics.confidence`).
Hovering over a marked word shows its confidence and time. A paragraph is one speaker's words up to a pause.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from soniox_ds._display import clock, direction, isolated, known, render, visible
from soniox_ds.exceptions import InputError
from soniox_ds.files.sounds import Sounds
from soniox_ds.metrics.confidence.word_confidence import checked_confidence
from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.arguments import checked_window
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.schema.selection import one_recording
from soniox_ds.show.listening import Audible, Audio, sounds_of, span
from soniox_ds.text.translations import translation_mask, without_translations
from soniox_ds.text.words import as_words

__all__ = ["TranscriptView", "transcript"]

_PAUSE_MS = 1500
_PLAIN_WIDTH = 88
_PLAIN_PARAGRAPHS = 12
_COLUMNS: dict[str, Any] = {
    "start_ms": "Int64",
    "end_ms": "Int64",
    "confidence": "Float64",
    "speaker": "string",
    "speaker_label": "string",
    "language": "string",
}


class _Word(NamedTuple):
    text: str
    start_ms: Any
    end_ms: Any
    confidence: Any
    speaker: Any
    speaker_label: Any
    language: Any
    space_before: bool


def transcript(
    transcripts: Transcripts,
    audio_id: str | None = None,
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
    levels: Sequence[float] = (0.5, 0.7, 0.9),
    stream: str = "original",
    audio: Audio = None,
    audio_root: str | Path | None = None,
) -> TranscriptView:
    """Show one recording's transcript, with the words of low confidence marked.

    In a notebook, a click on a word plays it, and a click on the label of a speaker plays the whole paragraph. By
    keyboard, the arrows go from word to word and from paragraph to paragraph, Enter plays, and Esc stops.

    Parameters
    ----------
    transcripts
        A `Corpus`, a `LiveResult`, or a table of words or tokens. Only `audio_id`, `text` and `confidence` are
        required.
    audio_id
        Recording to show, if there are several.
    start_ms, end_ms
        Show only words that lie in this window, at least partly.
    levels
        Three ascending confidences: a word below the first has the strongest mark, a word at or above the last has no
        mark.
    stream
        "original" for the spoken words, "translation" for their translation.
    audio
        Audio files by `audio_id` (paths, or their content as bytes), if the transcripts do not have them or they have
        been moved; or a corpus that has them.
    audio_root
        Folder from which relative paths of audio files start; None for the working directory.

    Returns
    -------
    TranscriptView
        An object that is displayed in a notebook; ``print`` shows plain text, in which marked words have their
        confidence. If there are no words, the view says so. Sound needs a running notebook: a saved notebook, a report
        or a web page shows the text only.

    Raises
    ------
    SchemaError
        If a column is missing, a word occurs twice, a confidence lies outside 0 to 1, or a time is impossible or has a
        fraction.
    InputError
        If there are several recordings and `audio_id` is not given, or an option is wrong.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "a.wav", "text": ["Take", "lisinopril", "daily."], "confidence": [0.99, 0.41, 0.97],
    ...     "start_ms": [0, 300, 900], "end_ms": [250, 850, 1300], "speaker": "1",
    ... })
    >>> sx.show.transcript(words)
    a.wav: 3 words, 1 below 0.5
      0:00 speaker 1: Take lisinopril{0.41} daily.
    """
    sounds = sounds_of(transcripts, audio, audio_root)
    table = as_words(transcripts)
    need(table, "audio_id", "text", "confidence", name="words")
    table = need_milliseconds(table, "words", required=False)
    if "word_index" in table:
        no_duplicates(table, "words", "audio_id", "word_index", also=["translation_status"])
    confidences = [float(level) for level in levels]
    if len(confidences) != 3 or confidences != sorted(confidences) or not 0 <= confidences[0] <= confidences[2] <= 1:
        raise InputError(f"levels must be three confidences from 0 to 1, ascending; found {list(levels)}.")
    low, middle, high = confidences
    if stream not in ("original", "translation"):
        raise InputError(f'stream is {stream!r}; it can be "original" or "translation".')
    table = one_recording(table, audio_id, rows="words", shows="a transcript")
    table = table[translation_mask(table)] if stream == "translation" else without_translations(table)
    name = str(table["audio_id"].iloc[0]) if len(table) else "nothing" if audio_id is None else str(audio_id)
    if start_ms is not None or end_ms is not None:
        need(table, "start_ms", "end_ms", name="words")
        ends = table["end_ms"].dropna()
        start_ms, end_ms = checked_window(start_ms, end_ms, float(ends.max()) if len(ends) else 0.0)
        inside_mask = pd.Series(True, index=table.index)
        if start_ms is not None:
            inside_mask &= table["end_ms"].astype("Int64") > start_ms
        if end_ms is not None:
            inside_mask &= table["start_ms"].astype("Int64") < end_ms
        table = table[inside_mask.fillna(False).to_numpy(bool)]
    return TranscriptView(name, table, (low, middle, high), sounds)


class TranscriptView(Audible):
    """A transcript that can be displayed and printed; made by `sx.show.transcript`."""

    _kind = "Transcript"

    def __init__(
        self,
        audio_id: str,
        words: pd.DataFrame,
        levels: tuple[float, float, float],
        sounds: Sounds | None = None,
    ) -> None:
        self.audio_id = audio_id
        self.words = words
        """The words shown, ``schema.WORDS``."""
        self.levels = levels
        self._sounds = sounds
        numbers = checked_confidence(words)
        self._confidence = pd.Series(numbers.values, index=words.index).astype("Float64").where(numbers.known)

    def __repr__(self) -> str:
        if self.words.empty:
            return f"{isolated(self.audio_id)}: No words."
        lines = [isolated(self.audio_id) + ": " + self._counts()]
        paragraphs = list(self._paragraphs())
        for paragraph in paragraphs[:_PLAIN_PARAGRAPHS]:
            head = " ".join(part for part in (clock(paragraph[0].start_ms), visible(_speaker(paragraph))) if part)
            text = ""
            for word in paragraph:
                is_low = known(word.confidence) and word.confidence < self.levels[0]
                text += (" " if word.space_before else "") + str(word.text)
                text += f"{{{word.confidence:.2f}}}" if is_low else ""
            line = f"{head}: {isolated(text)}" if head else isolated(text)
            lines += textwrap.wrap(line, _PLAIN_WIDTH, initial_indent="  ", subsequent_indent="      ")
        if (more := len(paragraphs) - _PLAIN_PARAGRAPHS) > 0:
            lines.append(f"  … and {more:,} more paragraphs")
        return "\n".join(lines)

    def _spoken_ids(self) -> list[str]:
        has_times = {"start_ms", "end_ms"} <= set(self.words) and self.words[["start_ms", "end_ms"]].notna().all(axis=1)
        return [self.audio_id] if np.any(has_times) else []

    def _html(self, *, is_spoken: bool) -> str:
        paragraphs = []
        for words in self._paragraphs():
            starts = [word.start_ms for word in words if known(word.start_ms)]
            ends = [word.end_ms for word in words if known(word.end_ms)]
            languages = {word.language for word in words if known(word.language)}
            paragraphs.append(
                {
                    "heading": " · ".join(part for part in (clock(words[0].start_ms), _speaker(words)) if part),
                    "direction": direction(word.text for word in words),
                    "language": languages.pop() if len(languages) == 1 else None,
                    "span": span(min(starts), max(ends)) if is_spoken and starts and ends else "",
                    "words": [
                        (word, self._step(word.confidence), span(word.start_ms, word.end_ms) if is_spoken else "")
                        for word in words
                    ],
                }
            )
        return render(
            "show/templates/transcript.html.j2",
            audio_id=self.audio_id,
            counts=self._counts(),
            levels=[f"{level:g}" for level in self.levels],
            paragraphs=paragraphs,
            is_spoken=is_spoken,
            silence=self._silence(),
        )

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
            if paragraph and _are_apart(paragraph[-1], word):
                yield paragraph
                paragraph = []
            paragraph.append(word)
        if paragraph:
            yield paragraph

    def _step(self, confidence: Any) -> int | None:
        """Return the number of the lowest level that the confidence is below, or None for a word without a mark."""
        if not known(confidence):
            return None
        return next((step for step, level in enumerate(self.levels) if confidence < level), None)


def _speaker(words: list[_Word]) -> str:
    """Return the heading of words of one speaker: the label, or the name with the original labels."""
    labels = list(dict.fromkeys(word.speaker_label for word in words if known(word.speaker_label)))
    if labels:
        return f"{words[0].speaker} (speaker {' and '.join(labels)})"
    return f"speaker {words[0].speaker}" if known(words[0].speaker) else ""


def _are_apart(before: _Word, word: _Word) -> bool:
    """Return True if another speaker or a pause comes between two words."""
    other = (before.speaker if known(before.speaker) else None) != (word.speaker if known(word.speaker) else None)
    timed = known(before.end_ms) and known(word.start_ms)
    return other or (timed and word.start_ms - before.end_ms >= _PAUSE_MS)
