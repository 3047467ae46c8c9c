"""Versions of normalisation steps: digests of code and of parameters.

Conventions: a digest is the same in every process, and changes if the code or the parameters of the step change.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["code_version", "parameters", "short_digest"]


def short_digest(text: str) -> str:
    """Return the first eight digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def code_version(function: Any) -> str:
    """Return a digest of the code of a function or callable object, or the Python version for a built-in function."""
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    if code is None:
        return f"python-{sys.version_info.major}.{sys.version_info.minor}"
    return short_digest(_instructions(code))


def _instructions(code: Any) -> str:
    """Return the instructions, names and constants of a function and its inner functions, but not its location."""
    constants = [
        _instructions(value).encode()
        if hasattr(value, "co_code")
        else repr(sorted(value) if isinstance(value, frozenset) else value)
        for value in code.co_consts
    ]
    return repr((code.co_code, code.co_names, constants))


def parameters(value: Any) -> str:
    """Return the parameters of a step as text, so that equal parameters give the same text.

    The order of a set makes no difference. A compiled regular expression is represented by its pattern.

    >>> parameters({"words": {"uh", "um"}}) == parameters({"words": {"um", "uh"}})
    True
    """
    if isinstance(value, Mapping):
        return repr([(parameters(key), parameters(item)) for key, item in value.items()])
    if isinstance(value, set | frozenset):
        return repr(sorted(map(parameters, value)))
    if isinstance(value, list | tuple):
        return repr([parameters(item) for item in value])
    return repr(getattr(value, "pattern", value))
