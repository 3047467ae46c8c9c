"""The recording that is shown: its words in paragraphs of one speaker, for the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import pandas as pd

from soniox_ds._display import clock, direction, known, visible
from soniox_ds._display.colours import speaker_colours
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import as_words

__all__ = ["LEVELS", "MOST_WORDS", "aligned_paragraphs", "spoken_paragraphs"]

LEVELS = (0.5, 0.7, 0.9)
"""Confidences below which a word is marked, as in `sx.show.transcript`."""

MOST_WORDS = 20_000
"""Most words of a recording that are sent to the page."""

_PAUSE_MS = 1500
_LONGEST_PARAGRAPH = 80  # words; the page lays out paragraphs that are out of sight later
_KINDS = {"substitution": "S", "deletion": "D", "insertion": "I"}


class _Word(NamedTuple):
    """A word as the page shows it: a recognised word, or a word of the reference above it."""

    kind: str
    """"S", "D", "I", or "" for a word without an error."""
    reference: str | None
    hypothesis: str | None
    start_ms: int | None
    end_ms: int | None
    confidence: float | None
    has_space: bool
    speaker: str | None


def aligned_paragraphs(alignments: pd.DataFrame) -> dict[str, Any]:
    """Return the aligned words of one recording (``schema.WORD_ALIGNMENTS``) in paragraphs."""
    columns = ("operation", "reference", "hypothesis", "start_ms", "end_ms", "confidence", "speaker")
    rows = zip(*(_plain(alignments, name) for name in columns), strict=True)
    return _paragraphs(
        _Word(_KINDS.get(operation, ""), reference, hypothesis, start_ms, end_ms, confidence, True, speaker)
        for operation, reference, hypothesis, start_ms, end_ms, confidence, speaker in rows
    )


def spoken_paragraphs(part: Any) -> dict[str, Any]:
    """Return the words of the transcript of one recording in paragraphs, as they are written."""
    words = without_translations(as_words(part))
    columns = ("text", "start_ms", "end_ms", "confidence", "space_before", "speaker")
    rows = zip(*(_plain(words, name) for name in columns), strict=True)
    return _paragraphs(
        _Word("", None, text, start_ms, end_ms, confidence, space is not False, speaker)
        for text, start_ms, end_ms, confidence, space, speaker in rows
    )


def _plain(table: pd.DataFrame, name: str) -> list[Any]:
    if name not in table:
        return [None] * len(table)
    values = table[name]
    return values.astype(object).where(values.notna(), None).tolist()


def _paragraphs(words: Iterable[_Word]) -> dict[str, Any]:
    paragraphs: list[dict[str, Any]] = []
    texts: list[str | None] = []
    speaker: str | None = None
    last_end_ms: int | None = None
    n_more = 0
    for word in words:
        if len(texts) >= MOST_WORDS:
            n_more += 1
            continue
        texts.append(word.hypothesis or word.reference)
        is_other = word.speaker is not None and word.speaker != speaker
        has_paused = last_end_ms is not None and word.start_ms is not None and word.start_ms - last_end_ms >= _PAUSE_MS
        is_long = bool(paragraphs) and len(paragraphs[-1]["words"]) >= _LONGEST_PARAGRAPH
        if not paragraphs or is_other or has_paused or is_long:
            speaker = word.speaker if word.speaker is not None else speaker
            begins_turn = not paragraphs or is_other or has_paused
            paragraphs.append({"speaker": speaker, "start": word.start_ms, "heading": begins_turn, "words": []})
        paragraph = paragraphs[-1]
        paragraph["start"] = word.start_ms if paragraph["start"] is None else paragraph["start"]
        last_end_ms = word.end_ms if word.end_ms is not None else last_end_ms
        paragraph["words"].append(_for_page(word))
    colours = speaker_colours(dict.fromkeys(each["speaker"] for each in paragraphs if each["speaker"] is not None))
    for paragraph in paragraphs:
        label = visible(paragraph["speaker"]) if known(paragraph["speaker"]) else ""
        paragraph["colour"] = colours.get(paragraph["speaker"], "")
        paragraph["speaker"] = f"speaker {label}" if label.isdigit() else label
        paragraph["clock"] = clock(paragraph["start"])
    return {"direction": direction(texts), "paragraphs": paragraphs, "n_more": n_more}


def _for_page(word: _Word) -> list[Any]:
    reference, hypothesis = (None if text is None else visible(text) for text in (word.reference, word.hypothesis))
    confidence = None if word.confidence is None else round(float(word.confidence), 3)
    times = [None if time_ms is None else int(time_ms) for time_ms in (word.start_ms, word.end_ms)]
    return [word.kind, reference, hypothesis, *times, confidence, word.has_space]
