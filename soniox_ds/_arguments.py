"""Checks of arguments, and suggestions for misspelt names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from soniox_ds.exceptions import InputError

__all__ = ["check_choice", "check_number", "did_you_mean", "is_number"]


def did_you_mean(name: object, names: Iterable[object]) -> str:
    """Return a sentence with the name that was probably meant, after a space, or "" if none is similar.

    Case, spaces, hyphens and underscores do not count.

    >>> did_you_mean("Word errors", ["word_errors", "words"]), did_you_mean("x", ["word_errors"])
    (" Did you mean 'word_errors'?", '')
    """
    import difflib  # here, because most sessions need no suggestion

    def plain(text: object) -> str:
        return re.sub(r"[\s_-]+", "", str(text)).casefold()

    known = {plain(other): other for other in reversed(list(names)) if isinstance(other, str)}
    near = difflib.get_close_matches(plain(name), known, n=1, cutoff=0.7)
    return f" Did you mean {known[near[0]]!r}?" if near else ""


def check_choice(value: Any, name: str, choices: Iterable[str], error: type[Exception] = InputError) -> Any:
    """Return a value that is one of the choices, or raise an error that lists them.

    >>> check_choice("words", "units", ("mixed", "words"))
    'words'
    >>> check_choice("mixd", "units", ("mixed", "words"))
    Traceback (most recent call last):
    soniox_ds.exceptions.InputError: units must be one of 'mixed', 'words'; found 'mixd'. Did you mean 'mixed'?
    """
    listed = list(choices)
    if isinstance(value, str) and value in listed:
        return value
    raise error(f"{name} must be one of {', '.join(map(repr, listed))}; found {value!r}.{did_you_mean(value, listed)}")


def is_number(
    value: Any,
    *,
    whole: bool = False,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> bool:
    """Return True for a number within the limits. A bool, a text and NaN are no numbers; infinity is one.

    >>> is_number(2.5), is_number(2.5, whole=True), is_number(True), is_number(float("nan")), is_number(0, least=1)
    (True, False, False, False, False)
    """
    kind: Any = Integral if whole else Real
    return bool(
        isinstance(value, kind)
        and not isinstance(value, bool)
        and value == value
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )


def check_number(
    value: Any,
    name: str,
    *,
    whole: bool = False,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    advice: str | None = None,
    error: type[Exception] = InputError,
) -> Any:
    """Return a number within the limits as an int or a float, or raise an error.

    Parameters
    ----------
    value, name
        The argument and its name.
    whole
        Accept integers only, also those of NumPy, and return an int; without it, return a float. A bool is never
        accepted.
    least, above, most, below
        The smallest number and the number that it must exceed; the largest number and the number that it must not
        reach. ``below=math.inf`` refuses infinity.
    advice
        What to give instead, as the end of the message; by default made from the limits.
    error
        Type of the error.

    Examples
    --------
    >>> check_number(2, "speed", above=0)
    2.0
    >>> check_number(5, "chunk_ms", whole=True, least=10, most=1000)
    Traceback (most recent call last):
    soniox_ds.exceptions.InputError: chunk_ms is 5; it is a whole number from 10 to 1000
    >>> check_number(-1, "timeout_s", above=0)
    Traceback (most recent call last):
    soniox_ds.exceptions.InputError: timeout_s is -1; it is a number above 0
    """
    if is_number(value, whole=whole, least=least, above=above, most=most, below=below):
        return int(value) if whole else float(value)
    if advice is None:
        advice = "it is a whole number" if whole else "it is a number"
        if least is not None:
            advice += f" from {least} to {most}" if most is not None else f", {least} or more"
        elif above is not None:
            advice += f" above {above}"
    raise error(f"{name} is {value!r}; {advice}")
