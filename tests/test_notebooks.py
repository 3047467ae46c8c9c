"""Every notebook runs from top to bottom in a real kernel, against the stand-in with its real recognizer."""

import os
from pathlib import Path

import pytest
from notebook_files import read_notebook, run_notebook

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
# The microphone's notebook needs somebody who speaks: tests/browser has a browser that does.
SYNTHETIC = {"09_a_large_corpus"}  # nothing is transcribed there, and the text says what the tables are
WITHOUT_A_BROWSER = [path for path in NOTEBOOKS if not path.stem.startswith("06")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The cache folder of all notebooks, so that they recall the transcripts of each other."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
@pytest.mark.xdist_group("whisper")
@pytest.mark.parametrize("path", WITHOUT_A_BROWSER, ids=lambda path: path.stem)
def test_it_runs(path, cache):
    notebook = read_notebook(path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SONIOX_")}
    environment |= {"XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    run_notebook(notebook, timeout_s=300, folder=path.parent, env=environment)
    words = "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/html", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    if path.stem in SYNTHETIC:
        assert "synthetic" in notebook.cells[0].source
    else:
        assert "local stand-in" in words.lower()  # nobody may take these transcripts for the service's


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_without_outputs(path):
    from nbformat import validate

    notebook = read_notebook(path)
    validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not cell.outputs
            assert cell.execution_count is None
    assert "widgets" not in notebook.metadata
