"""Keyword arguments that are options: their description, their place in signatures and docstrings, and wrong names."""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from collections.abc import Callable, Collection, Iterable
from dataclasses import MISSING, field, fields
from functools import wraps
from typing import Any, ParamSpec, Self, TypedDict, TypeVar

from soniox_ds.exceptions import OptionsError

__all__ = [
    "Checked",
    "NoKeywords",
    "check_keywords",
    "check_names",
    "explains_keywords",
    "list_options",
    "option",
    "set_field",
]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_EMPTY = inspect.Parameter.empty

_ADVICE = {
    "audio_url": "The recordings themselves are the first argument, URLs included.",
    "file_id": "Recordings are uploaded for you; give paths, URLs or bytes as the first argument.",
    "client_reference_id": "Each job gets its own reference; client_reference_id_prefix adds a text in front of it.",
    "api_key": 'It belongs to the connection: set SONIOX_API_KEY, or give connection=Connection(api_key="...").',
    **dict.fromkeys(
        ("audio_format", "sample_rate", "num_channels"), "Leave it out: the package chooses the format of the audio."
    ),
    **dict.fromkeys(("diarize", "speaker_labels"), "Did you mean 'enable_speaker_diarization'?"),
    "channels": (
        "The microphone records one channel, and captions mix the channels of a recording. sx.transcribe, sx.stream, "
        'sx.stream_updates and sx.stream_dataset take channels="separate".'
    ),
    "language_detection": "Did you mean 'enable_language_identification'?",
    **dict.fromkeys(("language", "languages", "language_code"), 'Did you mean language_hints=["en"]?'),
    **dict.fromkeys(("terms", "vocabulary"), 'Did you mean context={"terms": [...]}?'),
    **dict.fromkeys(("prompt", "text"), 'Did you mean context={"text": "..."}?'),
    "general": 'Did you mean context={"general": {...}}?',
    "translation_terms": 'Did you mean context={"translation_terms": {...}}?',
    "target_language": 'Did you mean translation={"type": "one_way", "target_language": "..."}?',
}
"""Advice about names that are no options of the API's requests, although other interfaces have them."""


class NoKeywords(TypedDict):
    """Further keyword arguments: there are none, but the function explains wrong names."""


def option(
    description: str,
    *,
    default: Any = None,
    check: Callable[[Any, str], Any] | None = None,
    shapes: bool = True,
    sent: bool = True,
    repr: bool = True,
) -> Any:
    """Return a field of an options class.

    Parameters
    ----------
    description
        Text for the docstring of every function that takes the option.
    default
        Value if the option is not given. None means that nothing is sent.
    check
        Function of a value and the name of the option that returns the value to keep, or raises OptionsError. It is not
        called for None, unless the default is something else.
    shapes
        True if the option shapes the transcript, so that it is a part of the hash.
    sent
        True if the option is sent to the service.
    repr
        True if the value may be shown.
    """
    metadata = {"description": description, "check": check, "shapes": shapes, "sent": sent}
    return field(default=default, repr=repr, metadata=metadata)


def set_field(instance: object, name: str, value: object) -> None:
    """Set a field of a frozen object during its construction."""
    object.__setattr__(instance, name, value)


class Checked:
    """A base class of dataclasses that checks its keyword arguments: first their names, then their values."""

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        check_names(f"{cls.__name__}()", keywords, [known.name for known in fields(cls)])  # type: ignore[arg-type]
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for known in fields(self):  # type: ignore[arg-type]
            value, check = getattr(self, known.name), known.metadata.get("check")
            if check is not None and not (value is None and known.default is None):
                set_field(self, known.name, check(value, known.name))


class _Annotation(str):
    """The source text of an annotation, which a signature shows without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def list_options(
    target: Callable[..., Any], options: type | None = None, names: Collection[str] | None = None, **defaults: object
) -> None:
    """List options one by one in the signature and the docstring of a function or class.

    In the signature they replace ``**options`` and stand before `connection`; in the docstring they replace the entry
    ``**options``. Call this function below the definition of the target and not as a decorator, which would hide the
    types.

    Parameters
    ----------
    target
        The function or class that takes the options.
    options
        The class of the options; by default the target itself.
    names
        Names of the options that the target takes; by default all.
    defaults
        Defaults that differ from those of the class.
    """
    signature = inspect.signature(target)
    listed = {
        known.name: inspect.Parameter(
            known.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(known.name, _EMPTY if known.default is MISSING else known.default),
            annotation=_readable(known.type),
        )
        for known in fields(options or target)  # type: ignore[arg-type]  # a dataclass
        if names is None or known.name in names
    }
    others = [
        parameter.replace(annotation=_readable(parameter.annotation))
        for parameter in signature.parameters.values()
        if parameter.kind is not parameter.VAR_KEYWORD and parameter.name not in listed
    ]
    position = next((n for n, parameter in enumerate(others) if parameter.name == "connection"), len(others))
    target.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*others[:position], *listed.values(), *others[position:]],
        return_annotation=_EMPTY if isinstance(target, type) else _readable(signature.return_annotation),
    )
    if target.__doc__:
        entries = ""
        for known in fields(options or target):  # type: ignore[arg-type]
            if known.name in listed:
                default = listed[known.name].default
                entries += f"{known.name} : {known.type}{'' if default is _EMPTY else f', default {default!r}'}\n"
                entries += textwrap.indent(textwrap.fill(known.metadata["description"], 100), "    ") + "\n"
        target.__doc__ = re.sub(
            r"^( *)\*\*options\n(?:\1 +\S.*\n)*",
            lambda entry: textwrap.indent(entries, entry[1]),
            target.__doc__,
            flags=re.MULTILINE,
        )


def _readable(annotation: object) -> object:
    return _Annotation(annotation) if isinstance(annotation, str) else annotation


def check_keywords(target: Callable[..., Any], keywords: Iterable[str]) -> None:
    """Raise OptionsError, with the name that was probably meant, if a name is no parameter of the callable."""
    check_names(f"{target.__name__}()", keywords, list(inspect.signature(target).parameters))


def explains_keywords(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Make a function explain wrong keywords: it raises OptionsError with the keyword that was probably meant.

    >>> @explains_keywords
    ... def write_srt(path, *, line_length=42):
    ...     return line_length
    >>> write_srt("talk.srt", line_len=30)
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.OptionsError: write_srt() has no option 'line_len'. Did you mean 'line_length'?
    """

    @wraps(function)
    def checked(*args: _P.args, **keywords: _P.kwargs) -> _R:
        if keywords:
            check_keywords(function, keywords)
        return function(*args, **keywords)

    return checked


def check_names(owner: str, given: Iterable[str], names: Collection[str]) -> None:
    """Raise OptionsError for a name that is not among the names of the owner, with the name that was probably meant.

    >>> check_names("transcribe()", ["diarization"], ["model", "enable_speaker_diarization"])
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.OptionsError: transcribe() has no option 'diarization'. Did you mean ...speaker_diarization'?
    """
    for name in map(str, given):
        if name in names:
            continue
        if "language_hints" in names and name in _ADVICE:
            advice = _ADVICE[name]
        elif meant := _nearest(name, names):
            advice = f"Did you mean {meant!r}?"
        else:
            advice = f"It has {', '.join(names)}."
        raise OptionsError(f"{owner} has no option {name!r}. {advice}")


def _nearest(wrong: str, names: Collection[str]) -> str | None:
    """Return the name that contains all words of the wrong name or resembles it most; None if no name is similar."""
    wrong_words = [word for word in wrong.lower().split("_") if word]

    def has_words(name: str) -> bool:
        words = name.split("_")
        return all(
            part in words
            or (len(part) > 3 and any(word.startswith(part) for word in words))
            or difflib.get_close_matches(part, words, n=1, cutoff=0.8)
            for part in wrong_words
        )

    def likeness(name: str) -> float:
        return difflib.SequenceMatcher(None, wrong, name).ratio()

    if wrong_words and (containing := [name for name in names if has_words(name)]):
        return max(containing, key=likeness)
    return next(iter(difflib.get_close_matches(wrong, names, n=1)), None)
