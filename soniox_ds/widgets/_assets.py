"""JavaScript and CSS of the widgets: source files joined to the single module that anywidget needs.

Conventions: the files of a widget lie beside its Python modules. A file holds plain declarations with names that no
other file of the same widget uses; the last file has the ``export default``.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

__all__ = ["source"]


@cache
def source(*names: str) -> str:
    """Join files of this folder, named with the folder of their widget, in order.

    >>> source("captions/captions.css").startswith("/*")
    True
    """
    folder = files("soniox_ds.widgets")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)
