"""Public names that are imported when they are first used."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

import lazy_loader

from soniox_ds._arguments import did_you_mean
from soniox_ds._forks import check_imports

__all__ = ["attach_stub"]


def attach_stub(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return `__getattr__`, `__dir__` and `__all__` of a package whose public names are listed in its ``.pyi`` stub.

    A namespace may also list names of the rooms beside it, as in ``from ..sources.transcript_files import
    read_transcripts``, which `lazy_loader.attach_stub` does not allow.
    """
    submodules: set[str] = set()
    own: dict[str, list[str]] = {}
    beside: dict[str, str] = {}
    for node, listed in _imports(Path(file).with_suffix(".pyi")):
        if node.level > 1:
            beside |= dict.fromkeys(listed, resolve_name("." * node.level + (node.module or ""), package))
        elif node.module is None:
            submodules.update(listed)
        else:
            own.setdefault(node.module, []).extend(listed)
    load, _, names = lazy_loader.attach(package, submodules, own)
    names = sorted([*names, *beside])

    def in_a_namespace(name: str) -> str:
        """Return a hint if a namespace of the package has the name, such as `metrics`, without importing it."""
        for namespace in sorted(submodules):
            stub = Path(file).parent / namespace / "__init__.pyi"
            if stub.is_file() and any(name in listed for _, listed in _imports(stub)):
                return f" Did you mean '{namespace}.{name}'?"
        return ""

    def get(name: str) -> Any:
        if name not in names:
            # Python's own suggestion, which some notebooks do not show, would need the arguments `name` and `obj`.
            hint = in_a_namespace(name) or did_you_mean(name, names)
            raise AttributeError(f"module {package!r} has no attribute {name!r}.{hint}")
        check_imports()
        return getattr(import_module(beside[name]), name) if name in beside else load(name)

    return get, lambda: names.copy(), names


def _imports(stub: Path) -> list[tuple[ast.ImportFrom, list[str]]]:
    """Return the import statements of a stub, each with the names that it lists."""
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    return [(node, [alias.name for alias in node.names]) for node in nodes if isinstance(node, ast.ImportFrom)]
