"""Context and translation: options that recordings and live audio share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.checks import (
    characters,
    check_language,
    check_text,
    keywords_of,
    pairs_of,
    strings,
    without_none,
)
from soniox_ds.options.keywords import Checked, list_options, option

__all__ = ["MAX_CONTEXT_CHARACTERS", "Context", "Translation"]

MAX_CONTEXT_CHARACTERS = 10_000
"""Largest size of a context. The service states its limit as 8,000 tokens of the model, about 10,000 characters."""


_GENERAL_KEYS = ("key", "value")
_TERM_KEYS = ("source", "target")


@dataclass(frozen=True, kw_only=True)
class Context(Checked):
    """Background on the recordings, which helps the service to recognise rare words.

    Parameters
    ----------
    **options

    Notes
    -----
    An empty section, or a text of white space only, is sent to the service unchanged. The journal ignores it: the same
    recording with and without such a section is the same job.

    Raises
    ------
    OptionsError
        If a section has the wrong type, or all sections together have more than 10,000 characters. The characters
        (Unicode code points) of every key, value, text and term count; the punctuation of JSON does not.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> sx.Context(general={"domain": "Healthcare"}, terms=["Celebrex", "Zyrtec"]).body()
    {'general': [{'key': 'domain', 'value': 'Healthcare'}], 'terms': ['Celebrex', 'Zyrtec']}
    """

    general: dict[str, str] | list[tuple[str, str]] | list[dict[str, str]] | None = option(
        "Short facts, such as the domain, the topic or names: a dict, a list of pairs, or a list of dicts "
        '``{"key": ..., "value": ...}``.',
        check=lambda value, name: pairs_of(value, "context general", _GENERAL_KEYS),
    )
    text: str | None = option(
        "Background in running text.", check=lambda value, name: check_text(value, "context text", None)
    )
    terms: list[str] | None = option(
        "Words and names to recognise.",
        check=lambda value, name: strings(value, "context terms", '["Celebrex", "Zyrtec"]'),
    )
    translation_terms: dict[str, str] | list[tuple[str, str]] | list[dict[str, str]] | None = option(
        "Translations of terms: a dict from source to target, a list of pairs, or a list of dicts "
        '``{"source": ..., "target": ...}``. The service ignores these terms unless translation is on.',
        check=lambda value, name: pairs_of(value, "context translation_terms", _TERM_KEYS),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = {name: characters(section) for name, section in self.body().items()}
        total = sum(sizes.values())
        if total > MAX_CONTEXT_CHARACTERS:
            largest = max(sizes, key=lambda name: sizes[name])
            raise OptionsError(
                f"the context has {total:,} characters, {total - MAX_CONTEXT_CHARACTERS:,} more than the "
                f"{MAX_CONTEXT_CHARACTERS:,} that the service accepts; the largest section is {largest} with "
                f"{sizes[largest]:,}. Shorten it, or keep the terms that matter most. (The characters of all keys, "
                "values, texts and terms count.)"
            )

    @classmethod
    def of(cls, value: Context | Mapping[str, Any] | list[str] | str) -> Context:
        """Make a context from a mapping of its sections or a list of terms. A context is returned unchanged.

        Raises OptionsError if the value is invalid. A string is invalid, because it could be a text or a term.
        """
        if isinstance(value, Context):
            return value
        if isinstance(value, list | tuple):
            return cls(terms=list(value))
        if isinstance(value, str):
            raise OptionsError(
                'context is a single string; write context={"text": "..."} for background in running text or '
                "context=[...] for words and names to recognise"
            )
        return cls(**keywords_of(value, "context", [f.name for f in fields(cls)]))

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the API."""
        return without_none(
            {
                "general": _objects(self.general, _GENERAL_KEYS),
                "text": self.text,
                "terms": None if self.terms is None else list(self.terms),
                "translation_terms": _objects(self.translation_terms, _TERM_KEYS),
            }
        )


list_options(Context)


def _objects(pairs: Any, keys: tuple[str, str]) -> list[dict[str, str]] | None:
    return None if pairs is None else [dict(zip(keys, pair, strict=True)) for pair in pairs]


@dataclass(frozen=True, kw_only=True)
class Translation(Checked):
    """The translation of the speech: into one language, or between two languages.

    Parameters
    ----------
    **options

    Raises
    ------
    OptionsError
        If a field is missing or belongs to the other type, a code is unknown, or both languages are the same.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> sx.Translation(type="two_way", language_a="en", language_b="es").body()
    {'type': 'two_way', 'language_a': 'en', 'language_b': 'es'}
    """

    type: str = option('``"one_way"`` into one language, or ``"two_way"`` between two.', default=MISSING)
    target_language: str | None = option("Language code of a one-way translation.")
    language_a: str | None = option("Language code of one side of a two-way translation.")
    language_b: str | None = option("Language code of the other side.")

    def __post_init__(self) -> None:
        needed = {"one_way": ["target_language"], "two_way": ["language_a", "language_b"]}
        if not isinstance(self.type, str) or self.type not in needed:
            raise OptionsError(f'translation type is {self.type!r}; it is "one_way" or "two_way"')
        given = self.body()
        missing = [name for name in needed[self.type] if name not in given]
        surplus = [name for name in given if name != "type" and name not in needed[self.type]]
        if missing or surplus:
            example = {
                "one_way": '{"type": "one_way", "target_language": "es"}',
                "two_way": '{"type": "two_way", "language_a": "en", "language_b": "es"}',
            }
            problems = [f"needs {' and '.join(missing)}"] * bool(missing) + [
                f"does not take {' and '.join(surplus)}"
            ] * bool(surplus)
            raise OptionsError(
                f"translation of type {self.type} {' and '.join(problems)}; for example {example[self.type]}"
            )
        for name in needed[self.type]:
            check_language(given[name], f"translation {name}")
        if self.type == "two_way" and self.language_a == self.language_b:
            raise OptionsError(
                f"translation two_way has {self.language_a!r} on both sides; language_a and language_b must differ"
            )

    @classmethod
    def of(cls, value: Translation | Mapping[str, Any]) -> Translation:
        """Make a translation from a mapping of its fields. A translation is returned unchanged.

        Raises OptionsError if the value is invalid.
        """
        if isinstance(value, Translation):
            return value
        return cls(**{"type": None, **keywords_of(value, "translation", [f.name for f in fields(cls)])})

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the API."""
        return without_none({f.name: getattr(self, f.name) for f in fields(self)})


list_options(Translation)
