"""Shared HTML of all views: escaping, direction of writing, times and the frame.

Conventions: a view is a fragment of HTML without scripts, style sheets or anything else from outside. Text from data is
escaped, and isolated (``<bdi>``) if it stands alone or contains direction marks, so that neither tags nor such marks
reach beyond their word. Words of one text are not isolated from each other: their order is that of the script.
Colours are half transparent on the page's background, and the text keeps the page's colour, so that views are readable
in light and dark themes and in print. No meaning depends on colour alone.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from html import escape
from typing import Any

import pandas as pd

__all__ = ["LINE", "SMALL", "clock", "direction", "frame", "isolated", "known", "plain_isolated", "running", "visible"]

_MARKS = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")

LINE = "1px solid rgba(128,128,128,.4)"
SMALL = "font-size:.85em;opacity:.8"


def visible(text: Any) -> str:
    """Escape a text for the page, and make its control characters visible.

    >>> visible('<script>"x"</script>')
    '&lt;script&gt;&quot;x&quot;&lt;/script&gt;'
    """
    line = " ".join(str(text).split())
    clean = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char for char in line
    )
    return escape(clean)


def isolated(text: Any, language: Any = None) -> str:
    """Escape a text as `visible` does, and isolate it from the direction of the text around it.

    >>> isolated("שלום", "he")
    '<bdi lang="he">שלום</bdi>'
    """
    lang = f' lang="{visible(language)}"' if known(language) else ""
    return f"<bdi{lang}>{visible(text)}</bdi>"


def running(text: Any) -> str:
    """Escape a word of a running text, and isolate it only if it contains direction marks."""
    if any(unicodedata.bidirectional(char) in _MARKS for char in str(text)):
        return isolated(text)
    return visible(text)


def plain_isolated(text: str) -> str:
    """Isolate a plain text with the isolate characters of Unicode, if any of it is written from right to left."""
    return f"\u2068{text}\u2069" if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text) else text


def direction(texts: Iterable[Any]) -> str:
    """Return "rtl" if most letters are written from right to left, otherwise "ltr".

    >>> direction(["שלום", "OK"]), direction(["12"])
    ('rtl', 'ltr')
    """
    right = left = 0
    for text in texts:
        if known(text):
            for char in str(text):
                kind = unicodedata.bidirectional(char)
                right += kind in ("R", "AL")
                left += kind == "L"
    return "rtl" if right > left else "ltr"


def known(value: Any) -> bool:
    """Return True if a value is not missing."""
    return value is not None and not pd.isna(value)


def clock(milliseconds: Any) -> str:
    """Write a time of the recording as m:ss or h:mm:ss; "" if it is missing.

    >>> clock(75_300), clock(3_675_000), clock(pd.NA)
    ('1:15', '1:01:15', '')
    """
    if not known(milliseconds):
        return ""
    seconds = int(milliseconds) // 1000
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def frame(name: str, head: str, legend: str, body: str) -> str:
    """Assemble the fragment of a view."""
    style = "color:inherit;background:none;line-height:1.6;max-width:60em;text-align:start"
    return (
        f'<div class="soniox-ds-{name}" style="{style}"><p style="margin:0 0 .2em">{head}</p>'
        f'<p style="margin:0 0 .6em;{SMALL}">{legend}</p>{body}</div>'
    )
