"""Results of functions that transcribe one recording.

Conventions: a function returns the text of the recording, a list of its words, or a corpus of it. A word is a dict with
`text` and any of the other fields of `TimedWord`; a `TimedWord` may be given too. Times are whole milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds._arguments import check_number
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import SchemaError
from soniox_ds.io.transcript import TimedWord
from soniox_ds.schema import TOKENS, conform
from soniox_ds.text.words import spoken_texts

__all__ = ["corpus_of_result", "words_of"]

FORMS = (
    'a function returns the text of the recording, a list of words such as [{"text": "good", "start_ms": 0, "end_ms": '
    "300}], or a Corpus of the one recording"
)
_LARGEST_MS = 2**31 - 1
_PAID = ("client_reference_id", "cost_usd", "charged_usd", "charged_requests")


def corpus_of_result(result: Any, row: Mapping[str, Any]) -> Corpus:
    """Return the result of a function as a corpus of one recording.

    Parameters
    ----------
    result
        The text, the words, or the corpus that the function returned.
    row
        Values of the recording in ``schema.RECORDINGS``. What a returned corpus knows about the transcript (status,
        error, service, model, text, warnings) is taken from it.

    Raises
    ------
    SchemaError
        If the result has another form. The message names the word and the value.

    Examples
    --------
    >>> row = {"audio_id": "a.wav", "service": "function", "model": "mine"}
    >>> corpus = corpus_of_result([{"text": "Good", "start_ms": 0, "end_ms": 300}, {"text": "day"}], row)
    >>> corpus.recordings["text"].item(), corpus.tokens["start_ms"].tolist()
    ('Good day', [0, <NA>])
    """
    if isinstance(result, Corpus):
        if len(result) != 1:
            raise SchemaError(f"the function returned a corpus of {len(result)} recordings; {FORMS}")
        recordings = result.recordings.assign(**row)
        for name in ("service", "model", "resolved_model"):
            recordings[name] = result.recordings[name].fillna(row.get(name))
        recordings[list(_PAID)] = pd.NA
        recordings = recordings[[name for name in recordings if name not in result.metadata_columns]]
        return Corpus(recordings, result.tokens.assign(audio_id=row["audio_id"]), result.provenance)
    words = words_of(result)
    table = pd.DataFrame(words, columns=list(TimedWord._fields)).dropna(axis=1, how="all")
    table = table.assign(text=[word.text for word in words], audio_id=row["audio_id"], token_index=range(len(words)))
    tokens = conform(table, TOKENS)
    text = spoken_texts(tokens).get(row["audio_id"], "") if words else ""
    return Corpus(pd.DataFrame([{**row, "status": "completed", "text": text}]), tokens)


def words_of(result: Any) -> list[TimedWord]:
    """Return the words of a text or of a list of words, each with the space before it.

    Words are separated by spaces, unless a text in the list begins or ends with white space: then the texts contain
    all spaces of the transcript, as those of Whisper do.

    Raises
    ------
    SchemaError
        If the result is something else, or a value is not possible.

    Examples
    --------
    >>> words_of("Good day")
    [TimedWord(text='Good', ...), TimedWord(text=' day', ...)]
    >>> [word.text for word in words_of([{"text": "Good", "confidence": 0.9}, {"text": "day"}])]
    ['Good', ' day']
    >>> [word.text for word in words_of([{"text": " twenty"}, {"text": "-one"}])]
    [' twenty', '-one']
    """
    if isinstance(result, str):
        return [TimedWord(f" {word}" if number else word) for number, word in enumerate(result.split())]
    if not isinstance(result, Iterable) or isinstance(result, Mapping | bytes | pd.DataFrame):
        raise SchemaError(f"the function returned {_shown(result)}; {FORMS}")
    words = [_word(given, number) for number, given in enumerate(result)]
    if any(word.text != word.text.strip() for word in words):
        return words
    return [word._replace(text=f" {word.text}") if number else word for number, word in enumerate(words)]


def _word(given: Any, number: int) -> TimedWord:
    place = f"word {number} of the function's result"
    fields = given._asdict() if isinstance(given, TimedWord) else given
    if not isinstance(fields, Mapping):
        raise SchemaError(f"{place} is {_shown(given)}; {FORMS}")
    if unknown := [name for name in fields if name not in TimedWord._fields]:
        seconds = (
            " Times are whole milliseconds: start_ms=round(1000 * start)." if {"start", "end"} & {*unknown} else ""
        )
        raise SchemaError(f"{place} has {unknown}; a word has {', '.join(TimedWord._fields)}.{seconds}")
    if not isinstance(text := fields.get("text"), str):
        raise SchemaError(f"{place} has the text {_shown(text)}; it must be a text")
    known = {name: value for name, value in fields.items() if not _is_missing(value)}
    for name in ("start_ms", "end_ms", "channel"):
        if name in known:
            value: Any = known[name]
            whole = int(value) if isinstance(value, float | np.floating) and float(value).is_integer() else value
            advice = None if name == "channel" else "times are whole milliseconds, such as round(1000 * seconds)"
            known[name] = check_number(
                *(whole, f"{name} of {place}"), whole=True, least=0, most=_LARGEST_MS, advice=advice, error=SchemaError
            )
    if "confidence" in known:
        known["confidence"] = check_number(
            known["confidence"], f"confidence of {place}", least=0, most=1, error=SchemaError
        )
    for name in ("speaker", "language"):
        if name in known:
            known[name] = str(known[name])
    return TimedWord(**known)


def _is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value))


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text[:80]}… ({type(value).__name__})" if len(text) > 80 else f"{text} ({type(value).__name__})"
