"""JavaScript of the widgets, joined from the sources in ``static/`` to the single module that anywidget needs.

Conventions: a source file holds plain declarations with names that no other file of the same widget uses; the last file
has the ``export default``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["source"]


@cache
def source(*names: str) -> str:
    """Join the files in ``static/`` with these names, in order.

    >>> source("captions.css").startswith("/*")
    True
    """
    folder = files("soniox_ds.widgets") / "static"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
