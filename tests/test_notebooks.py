"""The notebooks: each runs from top to bottom in a real kernel, and is stored with its outputs."""

import importlib.util
import os
import re
import tempfile
from pathlib import Path

import pytest
from notebook_files import read_notebook, run_notebook

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# The microphone's notebook needs somebody who speaks: tests/browser has a browser that does.
WITHOUT_A_BROWSER = [path for path in NOTEBOOKS if not path.stem.startswith("06")]
SYNTHETIC = {"09_a_large_corpus"}  # nothing is transcribed there, and the text says what the tables are
NOTHING_IS_RECOGNISED = ("02", "03", "04", "09")
"""Notebooks whose outputs are the same on every machine."""
MOST_BYTES = 400_000

# What must not be in a stored notebook: paths of a machine, addresses of a server, and what could be a key.
UNWANTED = re.compile(
    r"/(?:home|root|tmp|work|Users|var|private|opt|usr)/|site-packages|[A-Z]:\\\\?Users"
    r"|localhost|127\.0\.0\.1|0x[0-9a-f]{6}"
    r"|\b(?:sk|temp|local)[-_:][A-Za-z0-9_-]{16,}|\b[0-9a-f]{32,}\b"
)


@pytest.fixture(scope="module")
def store_outputs():
    """The script that stores the outputs."""
    spec = importlib.util.spec_from_file_location("store_outputs", FOLDER / "store_outputs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """The cache folder of all notebooks, so that they recall the transcripts of each other."""
    return tmp_path_factory.mktemp("cache")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def written_texts(notebook):
    """The texts of all outputs of a notebook: what is printed, and the values of last lines as text."""
    return [
        [output.get("text") or output.data.get("text/plain") for output in cell.outputs]
        for cell in code_cells(notebook)
    ]


@pytest.mark.slow
@pytest.mark.xdist_group("whisper")
@pytest.mark.parametrize("path", WITHOUT_A_BROWSER, ids=lambda path: path.stem)
def test_it_runs(path, cache, store_outputs):
    stored, notebook = read_notebook(path), read_notebook(path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SONIOX_")}
    environment |= {"XDG_CACHE_HOME": str(cache), "HOME": str(cache)}
    run_notebook(notebook, timeout_s=300, folder=path.parent, env=environment)
    words = "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/html", "")
        for cell in code_cells(notebook)
        for output in cell.outputs
    )
    if path.stem in SYNTHETIC:
        assert "synthetic" in notebook.cells[0].source
    else:
        assert "local stand-in" in words.lower()  # nobody may take these transcripts for the service's
    again = store_outputs.normalize(notebook)
    if path.stem.startswith(NOTHING_IS_RECOGNISED):
        assert written_texts(again) == written_texts(stored), "the outputs have changed: run `make notebook-outputs`"
    for fresh, kept in zip(code_cells(again), code_cells(stored), strict=True):
        assert [kinds(output) for output in fresh.outputs] == [kinds(output) for output in kept.outputs], kept.source


def kinds(output):
    return output.get("name") or sorted(output.data)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_stored_with_its_outputs(path, store_outputs):
    from nbformat import validate

    assert path.stat().st_size < MOST_BYTES
    notebook = read_notebook(path)
    validate(notebook)
    cells = code_cells(notebook)
    assert notebook.metadata.soniox_ds.code == store_outputs.code_fingerprint(notebook), (
        "the code has changed since the outputs were stored: run `make notebook-outputs`"
    )
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert sum(bool(cell.outputs) for cell in cells) >= len(cells) - 4  # imports, definitions, the end
    assert {output.output_type for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert {output.name for output in outputs if output.output_type == "stream"} <= {"stdout"}
    for output in outputs:
        text = "\n".join([output.get("text", ""), *(v for k, v in output.get("data", {}).items() if "text" in k)])
        assert text.strip()
        assert not UNWANTED.search(text), UNWANTED.search(text)[0]
    assert store_outputs.normalize(read_notebook(path)) == notebook


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_text_after_each_output_says_what_it_tells(path):
    cells = read_notebook(path).cells
    for cell, after in zip(cells, [*cells[1:], None], strict=True):
        if cell.cell_type == "code" and cell.outputs:
            assert after is not None, cell.source
            assert after.cell_type == "markdown", cell.source
            assert not after.source.startswith("#"), cell.source


TABLE = """<table><thead><tr><th>arm</th><th>turnaround (s)</th><th>words</th></tr></thead>
<tbody><tr><td>–</td><td>–</td><td>9</td></tr><tr><td colspan="3">a note</td></tr></tbody></table>"""
SHORTER = """<table><thead><tr><th>arm</th><th>words</th></tr></thead>
<tbody><tr><td>–</td><td>9</td></tr><tr><td colspan="3">a note</td></tr></tbody></table>"""


def test_what_differs_from_run_to_run_is_not_stored(store_outputs):
    from nbformat.v4 import new_output

    def stored(**data):
        output = new_output("display_data", {kind.replace("_", "/"): value for kind, value in data.items()})
        return dict(store_outputs.normal_output(output, 1).data)

    assert stored(text_plain="LOCAL stand-in (http://127.0.0.1:41845; recognizer: whisper)") == {
        "text/plain": "LOCAL stand-in (recognizer: whisper)"
    }
    assert stored(text_plain="17 of 17 done, 3.1 min of audio, about $0.005, 2 min 05 s") == {
        "text/plain": "17 of 17 done, 3.1 min of audio, about $0.005"
    }
    kept = {"text/plain": "4 of 4 done, 19.7 s of audio"}
    assert stored(text_plain="4 of 4 done, 19.7 s of audio, 21 s") == stored(text_plain=kept["text/plain"]) == kept
    folder = tempfile.mkdtemp()
    os.rmdir(folder)
    assert stored(text_plain=f"Opened corpus in {folder}/corpus") == {"text/plain": "Opened corpus in corpus"}
    assert stored(text_html=TABLE) == {"text/html": SHORTER}
    assert stored(text_html="<audio src='data:audio/wav;base64,UklGR'>", text_plain="Audio") == {"text/plain": "Audio"}
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "8c1"}}
    output = new_output("display_data", {"text/plain": "a live widget"} | view)
    assert store_outputs.normal_output(output, 1) is None
    output = new_output("display_data", {"text/plain": "words", "text/html": "<p>words</p>"} | view)
    assert dict(store_outputs.normal_output(output, 1).data) == {"text/plain": "words", "text/html": "<p>words</p>"}


def test_cells_that_fail_are_not_stored(store_outputs):
    from nbformat.v4 import new_output

    with pytest.raises(RuntimeError, match=r"cell \[3\] failed: ValueError: no"):
        store_outputs.normal_output(new_output("error", ename="ValueError", evalue="no", traceback=[]), 3)
    with pytest.raises(RuntimeError, match=r"cell \[3\] warns: old"):
        store_outputs.normal_output(new_output("stream", name="stderr", text="old"), 3)
