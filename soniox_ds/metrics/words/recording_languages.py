"""The language of each recording, for normalisers that depend on it.

Conventions: what is known best comes first: the argument `language`, then a column `language` of the references, then
that of the recordings, then the language that most words of the transcript were identified as, then the language hint
that the recording was transcribed with, if it was a single one. Names, three-letter codes and codes with a region
("German", "deu", "de-AT") are read as the two-letter code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError
from soniox_ds.options.languages import suggest_language
from soniox_ds.schema import as_ids, renamed
from soniox_ds.text.normalizer import Normalizer

if TYPE_CHECKING:
    from soniox_ds.metrics.words.pairing import Pairs

__all__ = [
    "Languages",
    "bound_normalizers",
    "first_known",
    "hinted_languages",
    "in_languages",
    "in_one_language",
    "language_of_each",
    "most_of_each",
    "recording_languages",
]

Languages: TypeAlias = "str | Mapping[Any, str] | pd.Series[Any] | None"


def bound_normalizers(pairs: Pairs, normalizer: Normalizer, language: Languages) -> list[Normalizer]:
    """Return the normaliser of each scored recording, in its language; warns where the language is not one of its own.

    Raises
    ------
    InputError
        If `language` is no language, or not given as documented.
    """
    ids = pairs.recordings["audio_id"].iloc[pairs.scored].tolist()
    given = language_of_each(language, ids)
    if not normalizer.has_forms_of_languages:
        return [normalizer] * len(ids)
    return in_languages(normalizer, first_known(given, recording_languages(pairs)))


def in_one_language(normalizer: Normalizer, pairs: Pairs, language: Languages, hint: str | None = None) -> Normalizer:
    """Return the normaliser for words that belong to no recording, such as terms: in the commonest language.

    `hint` is the language where nothing else says it.
    """
    if not normalizer.has_forms_of_languages:
        return normalizer
    given = language_of_each(language, pairs.recordings["audio_id"].iloc[pairs.scored].tolist())
    found = _commonest(first_known(given, recording_languages(pairs)))
    return normalizer.in_language(found or (suggest_language(hint) if hint else None))


def in_languages(normalizer: Normalizer, languages: Iterable[str | None]) -> list[Normalizer]:
    """Return the normaliser for each of the languages; warns of those that it has no form of its own for."""
    codes = list(languages)
    if normalizer.languages:
        _warn_of_other_languages(normalizer, codes)
    forms = {code: normalizer.in_language(code) for code in set(codes)}
    return [forms[code] for code in codes]


def _warn_of_other_languages(normalizer: Normalizer, codes: list[str | None]) -> None:
    others = Counter(code for code in codes if code not in normalizer.languages)
    if not others:
        return
    found = ", ".join(f"{code or 'not known'} ({count})" for code, count in others.most_common())
    give = 'language="en", or a column language of the references or recordings, says it.' if None in others else ""
    warn_caller(
        f"{normalizer.label!r} is for the languages {', '.join(normalizer.languages)}. {sum(others.values())} of "
        f"{len(codes)} texts go through 'basic' instead, by their language: {found}. "
        f"{give}".strip(),
        UserWarning,
    )


def language_of_each(language: Languages, ids: list[str]) -> list[str | None]:
    """Read the argument `language`: one for all recordings, or by audio_id.

    >>> language_of_each("German", ["a", "b"]), language_of_each({"b": "en-US"}, ["a", "b"])
    (['de', 'de'], [None, 'en'])
    """
    if language is None:
        return [None] * len(ids)
    if isinstance(language, str):
        return [_code(language)] * len(ids)
    if not isinstance(language, (Mapping, pd.Series)):
        raise InputError(
            f'language is a language, such as "en", or a dict from audio_id to language; found {language!r}.'
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
            f'language is {language!r}; give the two-letter code of a language of the service, such as "en".'
        )
    return code


def recording_languages(pairs: Pairs) -> list[str | None]:
    """Return the language of each scored recording as far as the tables say it, else None."""
    recordings = pairs.recordings.iloc[pairs.scored]
    columns = [
        column_languages(recordings[name]) for name in ("language_of_reference", "language") if name in recordings
    ]
    ids = recordings["audio_id"].tolist()
    return first_known(*columns, _of_words(pairs), [pairs.hints.get(audio_id) for audio_id in ids])


def first_known(*lists: list[str | None]) -> list[str | None]:
    return [next((code for code in codes if code is not None), None) for codes in zip(*lists, strict=True)]


def column_languages(column: pd.Series[Any]) -> list[str | None]:
    """Return the codes of a column of languages, None for what is none."""
    known: dict[Any, str | None] = {
        value: suggest_language(value) if isinstance(value, str) else None for value in column.dropna().unique()
    }
    return [None if pd.isna(value) else known[value] for value in column]


def _of_words(pairs: Pairs) -> list[str | None]:
    """The language that most words of each transcript have."""
    counts = pairs.hypotheses.counts
    if "language" not in pairs.words or pairs.words["language"].isna().all():
        return [None] * len(counts)
    place = np.repeat(np.arange(len(counts)), counts)
    return most_of_each(place, pairs.words["language"], len(counts))


def most_of_each(place: npt.NDArray[np.intp], language: pd.Series[Any], total: int) -> list[str | None]:
    """Return the language that most words of each recording have; `place` is the recording of each word."""
    codes, labels = pd.factorize(language.astype("string"))
    words = np.zeros((total, len(labels) + 1), np.int64)
    np.add.at(words, (place, codes), 1)  # -1, of words without a language, is the last column
    words = words[:, :-1]
    most = words.argmax(axis=1).tolist() if len(labels) else [0] * total
    known: Any = words.any(axis=1).tolist()
    return [suggest_language(str(labels[one])) if there else None for one, there in zip(most, known, strict=True)]


def hinted_languages(transcripts: Any) -> dict[str, str]:
    """Return the language of the recordings that were transcribed with a single language hint."""
    recordings = transcripts.recordings
    runs = (getattr(transcripts, "provenance", None) or {}).get("runs", [])
    hints = [(run, (run.get("options") or {}).get("language_hints") or []) for run in runs]
    if not any(own for _, own in hints):
        return {}
    by_hash = {run["options_hash"]: own for run, own in hints if run.get("options_hash")}
    alike = {tuple(own) for _, own in hints}
    every = next(iter(alike)) if len(alike) == 1 else ()
    found: dict[str, str] = {}
    hashes: Any = recordings["options_hash"] if "options_hash" in recordings else [pd.NA] * len(recordings)
    for audio_id, options_hash in zip(recordings["audio_id"].tolist(), list(hashes), strict=True):
        own = by_hash.get(options_hash, every) if isinstance(options_hash, str) else every
        if len(own) == 1 and (code := suggest_language(own[0])):
            found[str(audio_id)] = code
    return found


def _commonest(languages: Iterable[str | None]) -> str | None:
    """Return the most frequent language that is known."""
    known = Counter(code for code in languages if code is not None)
    return known.most_common(1)[0][0] if known else None
