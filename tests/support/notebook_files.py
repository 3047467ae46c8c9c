"""Notebooks that tests write, read and run.

The libraries are imported when they are used: their import takes a second, and every worker collects all tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["new_notebook", "read_notebook", "run_notebook", "write_notebook"]


def new_notebook(sources: Sequence[str], **metadata: Any) -> NotebookNode:
    """Make a notebook with a code cell for each source."""
    from nbformat.v4 import new_code_cell
    from nbformat.v4 import new_notebook as new

    return new(cells=[new_code_cell(source) for source in sources], metadata=metadata)


def read_notebook(path: PathLike[str]) -> NotebookNode:
    """Read a notebook in version 4 of the format."""
    import nbformat

    return nbformat.read(path, as_version=4)


def write_notebook(notebook: NotebookNode, path: PathLike[str]) -> None:
    """Write a notebook."""
    import nbformat

    nbformat.write(notebook, path)


def run_notebook(
    notebook: NotebookNode,
    *,
    timeout_s: float,
    folder: PathLike[str] | None = None,
    kernel: str = "python3",
    **options: Any,
) -> NotebookNode:
    """Run all cells in a new kernel, in `folder`, and return the notebook with their outputs."""
    from nbclient import NotebookClient

    resources = {"metadata": {"path": str(folder)}} if folder else {}
    client = NotebookClient(notebook, timeout=timeout_s, kernel_name=kernel, resources=resources)
    return client.execute(**options)
