"""Folders of data that come with the package."""

from __future__ import annotations

from pathlib import Path

from soniox_ds.exceptions import SetupError

__all__ = ["packaged_folder"]


def packaged_folder(name: str, file: str) -> Path:
    """Return a folder of data: beside the package in a checkout, inside it if installed from a wheel.

    `file` is the name of a file that the folder must hold. Raises SetupError if the file is in neither place.

    >>> packaged_folder("samples", "manifest.csv").name in ("samples", "_samples")
    True
    """
    package = Path(__file__).parent.parent
    for folder in (package / f"_{name}", package.parent / "data" / name):
        if (folder / file).exists():
            return folder
    raise SetupError(f"the {name} are neither in {package / f'_{name}'} nor in {package.parent / 'data' / name}")
