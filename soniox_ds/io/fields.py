"""Fields of lines that are separated by white space: names, times, channels and comments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SchemaError
from soniox_ds.files.text_files import lines_of_file, read_text

__all__ = [
    "LAST_MS",
    "SECONDS",
    "UNKNOWN",
    "channel_of",
    "content_lines",
    "first_alternatives",
    "malformed",
    "ms_of",
    "names_to_write",
    "shown",
    "warn_of_alternatives",
    "with_channels",
]

LAST_MS = 2**31 - 1  # The largest Int32, about 24 days.
SECONDS = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
UNKNOWN = frozenset(("<NA>", "NA", "N/A", "-", "None", "nan", "null", "unknown"))
"""Values of fields that hold nothing."""

_ALTERNATIVE = re.compile(r"\{|(?<!\S)@(?!\S)|^\s*ignore_time_segment_in_scoring\s*$", re.IGNORECASE)
_INNERMOST = re.compile(r"\{\s*([^{}/]*?)\s*/[^{}]*\}")
_CHANNELS = {"A": 1, "B": 2}
_LONGEST_SHOWN = 120


def content_lines(path: Path, kind: str, encoding: str | None) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file with their numbers, without empty lines and comments (``;;``)."""
    for number, line in enumerate(lines_of_file(read_text(path, kind, encoding)), start=1):
        content = line.strip()
        if content and not content.startswith(";;"):
            yield number, content


def first_alternatives(text: str) -> str:
    """Return a text with the first of all alternatives (``{a / b}``), also nested ones, and without ``@``.

    >>> first_alternatives("{a / {b / c} } z { @ / y }"), first_alternatives("a {b c")
    ('a z', 'a {b c')
    """
    while (reduced := _INNERMOST.sub(r"\1", text)) != text:
        text = reduced
    return " ".join(word for word in text.split() if word != "@")


def warn_of_alternatives(texts: Iterable[str], title: str) -> None:
    """Warn of texts that NIST's tools take for alternatives (``{a / b}``), for no word (``@``), or for no text.

    The formats cannot quote these signs.
    """
    alternatives = [text for text in texts if _ALTERNATIVE.search(text)]
    if alternatives:
        warn_caller(
            f"{title}: {len(alternatives)} texts contain syntax of the format, which it cannot quote: '{{' begins "
            "alternatives, '@' is no word, and ignore_time_segment_in_scoring is no text. Programs that read the file "
            f"change or refuse these texts, such as {shown(alternatives[0])}. SegLST keeps them.",
            UserWarning,
        )


def shown(line: str) -> str:
    """Return a line for a message."""
    return repr(line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…")


def malformed(path: Path, number: int, line: str, problem: str, example: str) -> SchemaError:
    """Return the error about a line that cannot be read."""
    return SchemaError(f"{path}, line {number}: {shown(line)}: {problem}. A line is such as {example}")


def ms_of(value: str) -> int | None:
    """Return seconds in whole milliseconds, or None if the value is no number from 0 to 24 days.

    >>> ms_of("1.25"), ms_of("1,25"), ms_of("-1")
    (1250, None, None)
    """
    if not SECONDS.fullmatch(value):
        return None
    seconds = float(value)
    return round(seconds * 1000) if seconds * 1000 <= LAST_MS else None


def channel_of(value: str) -> int | None:
    """Return the number of a channel, from 1; channels may be called A and B. None for anything else.

    >>> channel_of("2"), channel_of("B"), channel_of("left")
    (2, 2, None)
    """
    if value in _CHANNELS:
        return _CHANNELS[value]
    return int(value) if value.isascii() and value.isdigit() and int(value) < 2**15 else None


def with_channels(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with whole numbers as channels, which are NA if all are 1, as in files of mixed or mono audio.

    >>> with_channels(pd.DataFrame({"channel": [1, 1]}))["channel"].tolist()
    [<NA>, <NA>]
    """
    channel = table["channel"].astype("Int16")
    is_mixed = channel.dropna().eq(1).all()
    return table.assign(channel=pd.array([pd.NA] * len(table), dtype="Int16") if is_mixed else channel)


def names_to_write(names: Iterable[str], noun: str, title: str, *, forbidden: str = "") -> dict[str, str]:
    """Return the form of each name for the file, in which spaces and `forbidden` characters are underscores.

    Raises
    ------
    SchemaError
        If a name becomes empty or cannot be a field, or if two names become equal.

    Examples
    --------
    >>> names_to_write(["Dr A", "B"], "speaker", "RTTM")
    {'Dr A': 'Dr_A', 'B': 'B'}
    """
    written: dict[str, str] = {}
    first: dict[str, str] = {}
    for name in dict.fromkeys(names):
        word = "_".join("".join("_" if char in forbidden else char for char in str(name)).split())
        if not word or word == "<NA>" or ";;" in word:
            raise SchemaError(f"the {noun} {name!r} cannot be written as a field of {title}; rename it.")
        if first.setdefault(word, name) != name:
            raise SchemaError(
                f"the {noun}s {first[word]!r} and {name!r} would both be written as {word!r}, because names in "
                f"{title} cannot contain {'spaces' if not forbidden else f'spaces or {forbidden}'}; rename one of them."
            )
        written[name] = word
    return written
