"""The language of each recording, for normalisers that depend on it.

Conventions: the language is taken from the first of these that is known: the argument `language`, a column `language`
of the references, a column `language` of the recordings, the language of most words of the transcript, and the language
hint of the transcription if there was exactly one. Names, three-letter codes and codes with a region ("German", "deu",
"de-AT") are read as the two-letter code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.pairing import Pairs
from soniox_ds.options.languages import suggest_language
from soniox_ds.schema import as_ids, renamed
from soniox_ds.text.normalizer import Normalizer

__all__ = [
    "Languages",
    "bound_normalizers",
    "first_known",
    "in_languages",
    "in_one_language",
    "language_of_each",
    "most_of_each",
    "recording_languages",
]

Languages: TypeAlias = "str | Mapping[Any, str] | pd.Series[Any] | None"


def bound_normalizers(pairs: Pairs, normalizer: Normalizer, language: Languages) -> list[Normalizer]:
    """Return the normaliser of each scored recording, in its language; warn about languages that it has no form for.

    Raises
    ------
    InputError
        If `language` is not a language, or has another form than documented.
    """
    given = language_of_each(language, pairs.ids)
    if not normalizer.has_forms_of_languages:
        return [normalizer] * len(pairs.ids)
    return in_languages(normalizer, first_known(given, recording_languages(pairs)))


def in_one_language(normalizer: Normalizer, pairs: Pairs, language: Languages, hint: str | None = None) -> Normalizer:
    """Return the normaliser for words that belong to no recording, such as terms: in the most frequent language.

    `hint` is the language to use if no other source gives one.
    """
    if not normalizer.has_forms_of_languages:
        return normalizer
    given = language_of_each(language, pairs.ids)
    commonest = _commonest(first_known(given, recording_languages(pairs)))
    return normalizer.in_language(commonest or (suggest_language(hint) if hint else None))


def in_languages(normalizer: Normalizer, languages: Iterable[str | None]) -> list[Normalizer]:
    """Return the normaliser for each of the languages; warn about languages that it has no form for."""
    codes = list(languages)
    if normalizer.languages:
        _warn_of_other_languages(normalizer, codes)
    forms = {code: normalizer.in_language(code) for code in set(codes)}
    return [forms[code] for code in codes]


def _warn_of_other_languages(normalizer: Normalizer, codes: list[str | None]) -> None:
    others = Counter(code for code in codes if code not in normalizer.languages)
    if not others:
        return
    described = ", ".join(f"{code or 'not known'} ({count})" for code, count in others.most_common())
    give = 'Give language="en", or a column language of the references or recordings.' if None in others else ""
    warn_caller(
        f"{normalizer.label!r} supports only the languages {', '.join(normalizer.languages)}. {sum(others.values())} "
        f"of {len(codes)} texts are normalised by 'basic' instead; their languages are: {described}. "
        f"{give}".strip(),
        UserWarning,
    )


def language_of_each(language: Languages, ids: list[str]) -> list[str | None]:
    """Return the language of each recording as the argument `language` gives it, for all recordings or by audio_id.

    >>> language_of_each("German", ["a", "b"]), language_of_each({"b": "en-US"}, ["a", "b"])
    (['de', 'de'], [None, 'en'])
    """
    if language is None:
        return [None] * len(ids)
    if isinstance(language, str):
        return [_code(language)] * len(ids)
    if not isinstance(language, (Mapping, pd.Series)):
        raise InputError(
            f'language must be a language, such as "en", or a dict from audio_id to language; found {language!r}.'
        )
    names = as_ids(pd.Series(list(language.keys()), dtype=object), "language").tolist()
    values = list(language.values) if isinstance(language, pd.Series) else list(language.values())
    codes = {name: _code(value) for name, value in zip(names, values, strict=True) if not pd.isna(value)}
    by_id = renamed(codes, ids, "language")
    return [by_id.get(audio_id) for audio_id in ids]


def _code(language: Any) -> str:
    code = suggest_language(language) if isinstance(language, str) else None
    if code is None:
        raise InputError(
            f'language is {language!r}; give a two-letter language code that the service knows, such as "en".'
        )
    return code


def recording_languages(pairs: Pairs) -> list[str | None]:
    """Return the language of each scored recording if the tables give it, otherwise None."""
    columns = [
        column_languages(pairs.recordings[name].iloc[pairs.scored])
        for name in ("language_of_reference", "language")
        if name in pairs.recordings
    ]
    return first_known(*columns, _of_words(pairs), list(map(pairs.hints.get, pairs.ids)))


def first_known(*lists: list[str | None]) -> list[str | None]:
    """Return the first language that is known at each place of several lists.

    >>> first_known(["en", None, None], ["de", "fr", None])
    ['en', 'fr', None]
    """
    languages, *others = lists
    for codes in others:
        languages = [code or other for code, other in zip(languages, codes, strict=True)]
    return languages


def column_languages(column: pd.Series[Any]) -> list[str | None]:
    """Return the codes of a column of languages, None for a value that is not a language."""
    known: dict[Any, str | None] = {
        value: suggest_language(value) if isinstance(value, str) else None for value in column.dropna().unique()
    }
    return [None if pd.isna(value) else known[value] for value in column]


def _of_words(pairs: Pairs) -> list[str | None]:
    """Return the language of most words of each transcript."""
    counts = pairs.hypotheses.counts
    if "language" not in pairs.words or pairs.words["language"].isna().all():
        return [None] * len(counts)
    place = np.repeat(np.arange(len(counts)), counts)
    return most_of_each(place, pairs.words["language"], len(counts))


def most_of_each(place: npt.NDArray[np.intp], language: pd.Series[Any], total: int) -> list[str | None]:
    """Return the language of most words of each recording; `place` is the recording of each word."""
    codes, labels = pd.factorize(language.astype("string"))
    words = np.zeros((total, len(labels) + 1), np.int64)
    np.add.at(words, (place, codes), 1)  # words without a language have the code -1, which is the last column
    words = words[:, :-1]
    most = words.argmax(axis=1).tolist() if len(labels) else [0] * total
    known: Any = words.any(axis=1).tolist()
    return [
        suggest_language(str(labels[code])) if is_known else None for code, is_known in zip(most, known, strict=True)
    ]


def _commonest(languages: Iterable[str | None]) -> str | None:
    """Return the most frequent known language."""
    counts = Counter(code for code in languages if code is not None)
    return counts.most_common(1)[0][0] if counts else None
