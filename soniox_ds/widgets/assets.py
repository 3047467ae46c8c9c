"""The browser's half of the widgets: sources in ``static/``, put together to the one module that anywidget wants.

Conventions: a source file holds plain declarations, whose names no other file of the same widget uses; the last one
has the ``export default``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["source"]


@cache
def source(*names: str) -> str:
    """The files in ``static/`` with these names, one behind the other.

    >>> source("captions.css").startswith("/*")
    True
    """
    folder = files("soniox_ds.widgets") / "static"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
