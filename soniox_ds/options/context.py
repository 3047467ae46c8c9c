"""Context and translation: options that recordings and live audio share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from soniox_ds.exceptions import OptionsError
from soniox_ds.options.checks import (
    Pairs,
    characters,
    check_language,
    check_text,
    keywords_of,
    objects,
    pairs_of,
    set_field,
    strings,
    without_none,
)

__all__ = ["MAX_CONTEXT_CHARACTERS", "Context", "Translation"]

MAX_CONTEXT_CHARACTERS = 10_000
"""Largest size of a context. The service states its limit as 8,000 tokens of the model, about 10,000 characters."""


@dataclass(frozen=True, kw_only=True)
class Context:
    """Background on the recordings, which helps the service to recognise rare words.

    Parameters
    ----------
    general
        Short facts such as domain, topic or names: a dict, or a list of pairs or of ``{"key": ..., "value": ...}``.
    text
        Background in running text.
    terms
        Words and names to recognise, as a list.
    translation_terms
        Translations of terms: a dict from source to target, or a list of pairs or of
        ``{"source": ..., "target": ...}``. The service ignores them unless translation is on.

    An empty section, or a text that is only white space, is sent as it is but does not change the job: options with
    it and options without it share one job.

    Raises
    ------
    OptionsError
        If a section has the wrong type, or all sections together have more than 10,000 characters. The characters
        (Unicode code points) of every key, value, text and term count; the punctuation of JSON does not.

    Examples
    --------
    >>> Context(general={"domain": "Healthcare"}, terms=["Celebrex", "Zyrtec"]).body()
    {'general': [{'key': 'domain', 'value': 'Healthcare'}], 'terms': ['Celebrex', 'Zyrtec']}
    """

    general: Pairs | None = None
    text: str | None = None
    terms: Iterable[str] | None = None
    translation_terms: Pairs | None = None

    def __post_init__(self) -> None:
        set_field(self, "general", pairs_of(self.general, "context general", ("key", "value")))
        check_text(self.text, "context text", None)
        set_field(self, "terms", strings(self.terms, "context terms", '["Celebrex", "Zyrtec"]'))
        set_field(
            self,
            "translation_terms",
            pairs_of(self.translation_terms, "context translation_terms", ("source", "target")),
        )
        sizes = {name: characters(section) for name, section in self.body().items()}
        total = sum(sizes.values())
        if total > MAX_CONTEXT_CHARACTERS:
            largest = max(sizes, key=lambda name: sizes[name])
            raise OptionsError(
                f"the context has {total:,} characters, {total - MAX_CONTEXT_CHARACTERS:,} more than the "
                f"{MAX_CONTEXT_CHARACTERS:,} that the service takes; the largest section is {largest} with "
                f"{sizes[largest]:,}. Shorten it, or keep the terms that matter most. (Counted are the characters of "
                "all keys, values, texts and terms.)"
            )

    @classmethod
    def of(cls, value: Context | Mapping[str, Any] | str) -> Context:
        """Return a context, made from a mapping of its sections if need be.

        Raises OptionsError if the value is wrong, also for a plain string.
        """
        if isinstance(value, Context):
            return value
        if isinstance(value, str):
            raise OptionsError(
                'context is a single string; write context={"text": "..."} for background in running text or '
                'context={"terms": [...]} for words to recognise'
            )
        return cls(**keywords_of(value, "context", [f.name for f in fields(cls)]))

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the API."""
        return without_none(
            {
                "general": objects(self.general, ("key", "value")),
                "text": self.text,
                "terms": None if self.terms is None else list(self.terms),
                "translation_terms": objects(self.translation_terms, ("source", "target")),
            }
        )


@dataclass(frozen=True, kw_only=True)
class Translation:
    """The translation of the speech: into one language, or between two languages.

    Parameters
    ----------
    type
        ``"one_way"``, with `target_language`; or ``"two_way"``, with `language_a` and `language_b`.

    Raises
    ------
    OptionsError
        If a field is missing or belongs to the other type, a code is unknown, or both languages are the same.

    Examples
    --------
    >>> Translation(type="two_way", language_a="en", language_b="es").body()
    {'type': 'two_way', 'language_a': 'en', 'language_b': 'es'}
    """

    type: str
    target_language: str | None = None
    language_a: str | None = None
    language_b: str | None = None

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
            problems = [f"lacks {' and '.join(missing)}"] * bool(missing) + [
                f"does not take {' and '.join(surplus)}"
            ] * bool(surplus)
            raise OptionsError(f"translation of type {self.type} {' and '.join(problems)}; like {example[self.type]}")
        for name in needed[self.type]:
            check_language(given[name], f"translation {name}")
        if self.type == "two_way" and self.language_a == self.language_b:
            raise OptionsError(
                f"translation two_way has {self.language_a!r} on both sides; language_a and language_b differ"
            )

    @classmethod
    def of(cls, value: Translation | Mapping[str, Any]) -> Translation:
        """Return a translation, made from a mapping of its fields if need be; raises OptionsError if it is wrong."""
        if isinstance(value, Translation):
            return value
        return cls(**{"type": None, **keywords_of(value, "translation", [f.name for f in fields(cls)])})

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the API."""
        return without_none({f.name: getattr(self, f.name) for f in fields(self)})
