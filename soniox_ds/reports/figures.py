"""Figures of the report: plots as SVG with real text, in the page's colours.

Conventions: text stays text, so that the browser shapes every script and readers can search it. Black becomes the
page's text colour, white its background and blue its blue, so that figures are readable in a dark theme too. Each
figure has an `alt` text. Ids are made unique, because several figures share a page.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NARROW", "Drawing", "figure"]

NARROW = 5.0
"""Width in inches of plots on narrow screens."""

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_INK = "#2e2f31"
_PAGE_COLOURS = {_INK: "currentColor", "#000000": "currentColor", "#ffffff": "var(--page)", "#0072b2": "var(--blue)"}
_COLOURED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")


class Drawing(NamedTuple):
    """A figure as SVG, which is a part of the page, and its description.

    A wide figure is two SVG elements, with the classes `wide` and `narrow`, of which the page shows one.
    """

    svg: str
    alt: str


def figure(
    draw: Callable[[Axes], object], *, name: str, alt: str, width: float, height: float, narrow: float = NARROW
) -> Drawing:
    """Return the plot that `draw` puts on the axes it is given. Sizes are in inches.

    A plot that is wider than `narrow` is drawn a second time, in about this width, so that its text stays readable on a
    narrow screen. The page shows one of the two.

    >>> drawing = figure(lambda ax: ax.set_title("a <title>"), name="line", alt="an example", width=3, height=2)
    >>> "a &lt;title&gt;" in drawing.svg, "<script" in drawing.svg
    (True, False)
    """
    if width <= narrow:
        return Drawing(_svg(draw, name, width, height), alt)
    wide = _svg(draw, name, width, height, "wide")
    return Drawing(wide + _svg(draw, f"{name}-narrow", narrow, height, "narrow"), alt)


def _svg(draw: Callable[[Axes], object], name: str, width: float, height: float, kind: str = "") -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "savefig.facecolor": "none",
        # White becomes the page's background. Hollow marks are filled with it.
        "axes.facecolor": "#ffffff",
    }
    file = io.BytesIO()
    with mpl.rc_context(style | dict.fromkeys(_COLOURED, _INK)), warnings.catch_warnings():
        # The browser has glyphs for scripts that the plotting font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        canvas = Figure(figsize=(width, height), layout="constrained")
        draw(canvas.add_subplot())
        # A label that is longer than a narrow plot makes the drawing wider instead of being cut off.
        canvas.savefig(file, format="svg", metadata={"Date": None}, bbox_inches="tight" if kind == "narrow" else None)
    # The size of the drawing is used, so that labels beside the axes are not cut off.
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(file.getvalue())
    for metadata in root.findall(f"{{{_SVG}}}metadata"):
        root.remove(metadata)
    for element in root.iter():
        for key, value in element.attrib.items():
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key == f"{{{_XLINK}}}href" and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif key in ("style", "fill", "stroke", "clip-path"):
                for colour, colour_of_page in _PAGE_COLOURS.items():
                    value = value.replace(colour, colour_of_page)
                element.set(key, value.replace("url(#", f"url(#{name}-"))
    root.set("aria-hidden", "true")
    if kind:
        root.set("class", kind)
    return ElementTree.tostring(root, encoding="unicode")
