"""jiwer transforms as normalisation steps.

Conventions: a transform gets each text as a list of one sentence, as in `jiwer.process_words`. What it makes of the
text (sentences, or words after `jiwer.ReduceToListOfListOfWords`) is put together again with single spaces.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from soniox_ds.exceptions import InputError
from soniox_ds.text.versions import code_version, parameters, short_digest

__all__ = ["is_jiwer_transform", "text_function", "transform_name", "transform_version"]


def is_jiwer_transform(value: Any) -> bool:
    """Return True for a transform of jiwer, also for a `jiwer.Compose` and for a subclass of `AbstractTransform`."""
    return any(base.__module__.startswith("jiwer.trans") for base in type(value).__mro__)


def text_function(transform: Callable[[Any], Any]) -> Callable[[str], str]:
    """Return the transform as a function from text to text."""
    into_characters = type(_parts(transform)[-1]).__name__ == "ReduceToListOfListOfChars"

    def transformed(text: str) -> str:
        result = transform([text])
        sentences = [result] if isinstance(result, str) else result
        return " ".join(
            sentence if isinstance(sentence, str) else "".join(sentence) if into_characters else _sentence(sentence)
            for sentence in sentences
        )

    return transformed


def _sentence(words: list[str]) -> str:
    if divided := [word for word in words if len(word.split()) > 1]:
        raise InputError(
            f"jiwer.ReduceToListOfListOfWords keeps the white space in {divided[0]!r}, which separates words in this "
            "package. Put "
            r'jiwer.SubstituteRegexes({r"\s": " "}) before it, or leave it out.'
        )
    return " ".join(words)


def transform_name(transform: Any) -> str:
    """Return the names of the transforms.

    >>> import jiwer
    >>> transform_name(jiwer.Compose([jiwer.ToLowerCase(), jiwer.Strip()]))
    'jiwer.ToLowerCase+Strip'
    """
    return "jiwer." + "+".join(getattr(part, "__name__", type(part).__name__) for part in _parts(transform))


def transform_version(transform: Any) -> str:
    """Return the version of jiwer, with a digest of the transforms' parameters and of code that the user wrote."""
    described = []
    for part in _parts(transform):
        methods = [] if type(part).__module__.startswith("jiwer.") else _own_methods(part)
        described.append(parameters([getattr(part, "__dict__", {}), *map(code_version, methods)]))
    return f"{version('jiwer')}-{short_digest(parameters(described))}"


def _own_methods(part: Any) -> list[Any]:
    """Return the functions that a user's transform consists of."""
    if hasattr(part, "__code__"):
        return [part]
    return [method for _, method in sorted(vars(type(part)).items()) if hasattr(method, "__code__")]


def _parts(transform: Any) -> list[Any]:
    """Return the transforms of nested compositions, one after the other."""
    if type(transform).__name__ != "Compose":
        return [transform]
    return [inner for part in transform.transforms for inner in _parts(part)] or [transform]
