"""What all views share: escaping, direction of writing, times, places on the page.

Conventions: a view is a fragment of HTML that needs nothing from outside itself, no script, no style sheet. Everything
from data is text: escaped, and isolated (``<bdi>``) where it stands alone or brings marks of direction with it, so that
neither tags nor such marks reach beyond their word. Words of one text are not isolated from each other: their order is
that of the script.
Colours are half transparent on the page's own background, the text keeps the page's own colour: light and dark themes
and print stay readable. No meaning hangs on colour alone.
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
    """Text for the page: escaped, control characters made visible.

    >>> visible('<script>"x"</script>')
    '&lt;script&gt;&quot;x&quot;&lt;/script&gt;'
    """
    line = " ".join(str(text).split())
    clean = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char for char in line
    )
    return escape(clean)


def isolated(text: Any, language: Any = None) -> str:
    """The same, kept apart from the direction of what stands around it.

    >>> isolated("שלום", "he")
    '<bdi lang="he">שלום</bdi>'
    """
    lang = f' lang="{visible(language)}"' if known(language) else ""
    return f"<bdi{lang}>{visible(text)}</bdi>"


def running(text: Any) -> str:
    """A word of a running text: isolated only where it brings marks of direction with it."""
    if any(unicodedata.bidirectional(char) in _MARKS for char in str(text)):
        return isolated(text)
    return visible(text)


def plain_isolated(text: str) -> str:
    """In plain text: between the isolate characters of Unicode, where something is written from right to left."""
    return f"\u2068{text}\u2069" if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in text) else text


def direction(texts: Iterable[Any]) -> str:
    """ "rtl" where most letters are written from right to left, else "ltr".

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
    """Whether a value is there."""
    return value is not None and not pd.isna(value)


def clock(milliseconds: Any) -> str:
    """A time of the recording as people write it, "" where it is not known.

    >>> clock(75_300), clock(3_675_000), clock(pd.NA)
    ('1:15', '1:01:15', '')
    """
    if not known(milliseconds):
        return ""
    seconds = int(milliseconds) // 1000
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def frame(name: str, head: str, legend: str, body: str) -> str:
    """The whole fragment."""
    style = "color:inherit;background:none;line-height:1.6;max-width:60em;text-align:start"
    return (
        f'<div class="soniox-ds-{name}" style="{style}"><p style="margin:0 0 .2em">{head}</p>'
        f'<p style="margin:0 0 .6em;{SMALL}">{legend}</p>{body}</div>'
    )
