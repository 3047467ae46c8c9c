"""Public names that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import lazy_loader

from soniox_ds._forks import check_imports

__all__ = ["attach_stub"]


def attach_stub(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package whose public names are listed in its ``.pyi`` stub."""
    load, list_names, names = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=sys.modules[package])
        check_imports()
        return load(name)

    return get, list_names, names
