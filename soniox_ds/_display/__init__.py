"""Texts, times and HTML for people: shared by reports, views, plots, widgets and reprs.

Conventions: all HTML of the package is in Jinja2 templates (``*.html.j2``) beside the code that renders them. Jinja2
escapes every value, and `render` shows it on one line without control characters. Text from data is isolated
(``<bdi>``, macros in ``text.html.j2``) if it stands alone or contains direction marks, so that neither tags nor such
marks reach beyond their word. Only three kinds of values are HTML already: figures, tables of pandas, and what a macro
returned.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = [
    "clock",
    "direction",
    "duration_text",
    "has_direction_marks",
    "isolated",
    "known",
    "number_text",
    "render",
    "visible",
    "without_direction_marks",
]

_DIRECTION_MARKS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # embeddings, overrides and isolates


def known(value: Any) -> bool:
    """Return True if a value is not missing."""
    return value is not None and not pd.isna(value)


def number_text(value: Any, pattern: str) -> str:
    """Format a number, for example with the pattern ".3f"; a dash if it is missing.

    >>> number_text(0.12345, ".3f"), number_text(None, ".1%")
    ('0.123', '–')
    """
    return format(float(value), pattern) if known(value) else "–"


def clock(milliseconds: Any, *, tenths: bool = False, hours: bool = False) -> str:
    """Write a time of the recording as m:ss or h:mm:ss; "" if it is missing.

    With `tenths` the seconds have a decimal place, with `hours` every time has hours.

    >>> clock(75_349), clock(3_675_000), clock(pd.NA)
    ('1:15', '1:01:15', '')
    >>> clock(75_349, tenths=True), clock(75_349, hours=True)
    ('1:15.3', '0:01:15')
    """
    if not known(milliseconds):
        return ""
    seconds, rest = divmod(int(milliseconds), 1000)
    minutes = seconds // 60
    text = f"{seconds % 60:02d}" + (f".{rest // 100}" if tenths else "")
    return f"{minutes // 60}:{minutes % 60:02d}:{text}" if hours or minutes >= 60 else f"{minutes}:{text}"


def duration_text(milliseconds: float) -> str:
    """Write a duration in seconds, minutes or hours, with one decimal place.

    >>> duration_text(5_400), duration_text(90_000), duration_text(4_500_000)
    ('5.4 s', '1.5 min', '1.2 h')
    """
    tenths_of_seconds, tenths_of_minutes = round(milliseconds / 100), round(milliseconds / 6_000)
    if tenths_of_seconds < 600:
        return f"{tenths_of_seconds / 10:.1f} s"
    if tenths_of_minutes < 600:
        return f"{tenths_of_minutes / 10:.1f} min"
    return f"{milliseconds / 3_600_000:,.1f} h"


def visible(text: Any) -> str:
    """Return a text on one line, with its control characters and lone surrogates made visible.

    >>> visible("two\\nlines and \\x1b[31m")
    'two lines and �[31m'
    """
    line = " ".join(str(text).split())
    if line.isprintable():
        return line
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in ("Cc", "Cs") else char for char in line)


def has_direction_marks(text: Any) -> bool:
    """Return True if a text contains characters that change the direction of the text around it."""
    return any(char in _DIRECTION_MARKS for char in str(text))


def without_direction_marks(text: str) -> str:
    """Remove the characters that change the direction of the text around them."""
    return "".join(char for char in text if char not in _DIRECTION_MARKS)


def isolated(text: Any) -> str:
    """Return a text for plain output: visible, and between isolate characters if any of it runs from right to left.

    >>> isolated("a\\u202eb"), isolated("שלום") == "\\u2068שלום\\u2069"
    ('ab', True)
    """
    line = without_direction_marks(visible(text))
    return f"\u2068{line}\u2069" if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in line) else line


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


def render(template: str, /, **values: Any) -> str:
    """Render a template of the package with these values. Its path is relative to the folder of the package.

    >>> render("progress/bar.html.j2", line="<b> & 1", done=1, total=None, is_closed=True)
    '<div role="status"><span>&lt;b&gt; &amp; 1</span></div>'
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader("soniox_ds", "."),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"clock": clock, "number": "{:,}".format, "visible": visible}
    environment.filters["view"] = lambda table: Markup(table._repr_html_())
    environment.tests |= {"known": known, "with_direction_marks": has_direction_marks}
    return environment
