"""Run the notebooks and store them with their outputs: python notebooks/store_outputs.py [NOTEBOOK ...].

Without arguments, all notebooks run. The outputs are stored in a normal form: without times, addresses of the stand-in,
ids of widgets and data about the run, so that a second run changes nothing in the files. Notebooks 06 and 07 measure
times and are the exception: their numbers differ from run to run. Notebook 06 runs in a browser whose microphone plays
a sample recording.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import tempfile
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
sys.path += [str(TESTS / "support"), str(TESTS / "browser")]

if TYPE_CHECKING:
    from nbformat import NotebookNode

MICROPHONE = "06_live_microphone"
SPOKEN = HERE.parent / "data" / "samples" / "harbour_warning.wav"
"""The recording that is played to the microphone of notebook 06."""
NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET_TYPES = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")
SOUND = "data:audio/"
TURNAROUND = "turnaround (s)"
TABLE, ROW, CELL = (re.compile(rf"<{tag}\b.*?</{tag}>", re.DOTALL) for tag in ("table", "tr", "t[dh]"))
PASSING = [
    (re.compile(re.escape(tempfile.gettempdir()) + r"/tmp\w+/"), ""),
    (re.compile(r"http://127\.0\.0\.1:\d+; "), ""),  # the address of the stand-in, in its banner
    (
        re.compile(r"( of [\d,]+ done\b[^<\n]*), (?:\d+ min )?[\d.]+ s\b(?! of audio)"),
        r"\1",
    ),  # the seconds that a run took
]
"""Parts of outputs that differ from run to run, and what is stored instead."""


def code_fingerprint(notebook: NotebookNode) -> str:
    """Return a fingerprint of the code cells, which shows later whether the outputs belong to them."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()[:16]


def normalize(notebook: NotebookNode) -> NotebookNode:
    """Bring a notebook that has run into the normal form in which it is stored. The notebook is changed in place."""
    notebook.metadata = METADATA | {"soniox_ds": {"code": code_fingerprint(notebook)}}
    number = 0
    for place, cell in enumerate(notebook.cells):
        cell.id = f"cell-{place:02}"
        cell.metadata = {}
        if cell.cell_type == "code":
            number += 1
            cell.execution_count = number
            cell.outputs = [stored for output in cell.outputs if (stored := normal_output(output, number))]
    return notebook


def normal_output(output: Any, number: int) -> Any:
    """Return an output in its normal form, or None if nothing of it can be stored."""
    if output.output_type == "stream":
        if output.name == "stderr":
            raise RuntimeError(f"cell [{number}] warns: {output.text}")
        output.text = without_passing(output.text)
        return output
    if output.output_type == "error":
        raise RuntimeError(f"cell [{number}] failed: {output.ename}: {output.evalue}")
    data = output.data
    if any(kind in data for kind in WIDGET_TYPES) and "text/html" not in data:
        return None  # the static picture of a widget is an output of its own
    if SOUND in data.get("text/html", ""):
        del data["text/html"]
    output.data = {
        kind: without_column(without_passing(value), TURNAROUND) if kind.startswith("text/") else value
        for kind, value in data.items()
        if kind not in WIDGET_TYPES
    }
    output.metadata = {}
    if output.output_type == "execute_result":
        output.execution_count = number
    return output if output.data else None


def without_column(html: str, heading: str) -> str:
    """Return HTML whose tables lack the column with a heading. Rows with fewer cells, such as notes, are kept whole."""

    def without(table: re.Match[str]) -> str:
        headings = CELL.findall(table[0].partition("</thead>")[0])
        place = next((place for place, cell in enumerate(headings) if f">{heading}<" in cell), None)

        def cut(row: re.Match[str]) -> str:
            cells = list(CELL.finditer(row[0]))
            if place is None or len(cells) != len(headings):
                return row[0]
            return row[0][: cells[place].start()] + row[0][cells[place].end() :]

        return ROW.sub(cut, table[0])

    return TABLE.sub(without, html)


def without_passing(text: str) -> str:
    """Return a text without the parts that differ from run to run."""
    for pattern, replacement in PASSING:
        text = pattern.sub(replacement, text)
    return text


def run(path: Path) -> NotebookNode:
    """Run a notebook in a new kernel, with a new cache, and return it with its outputs."""
    from notebook_files import read_notebook, run_notebook

    with tempfile.TemporaryDirectory() as cache:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SONIOX_")}
        environment |= {"XDG_CACHE_HOME": cache}
        notebook = read_notebook(path)
        return run_notebook(notebook, timeout_s=600, folder=path.parent, env=environment)


def run_microphone(path: Path) -> NotebookNode:
    """Run the notebook of the microphone in JupyterLab, in a browser whose microphone plays a sample recording."""
    from browsers import Browsers, browser_path
    from jupyter_lab import JupyterLab
    from notebook_files import read_notebook, write_notebook
    from notebook_page import NotebookPage
    from playwright.sync_api import sync_playwright

    notebook = read_notebook(path)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lab = stack.enter_context(contextlib.closing(JupyterLab(folder)))
        name = lab.write_kernelspec({})
        notebook.metadata.kernelspec = {"name": name, "display_name": name, "language": "python"}
        write_notebook(notebook, lab.root / path.name)
        playwright = stack.enter_context(sync_playwright())
        browsers = stack.enter_context(Browsers(playwright, browser_path(), folder))
        tab, profile = browsers.tab("allow", SPOKEN, False, (), (1100, 1600))
        page = NotebookPage(tab, profile, lab.root, lab.root / path.name, lab.url, lab.token)
        for place, cell in enumerate(notebook.cells):
            if cell.cell_type == "code":
                page.run(place)
            if cell.source.endswith("\nmic"):
                record(page)
        saved = page.save()
        lab.end_kernels()
    return saved


def record(page: Any) -> None:
    """Start the microphone, wait until the recording has been played, and stop."""
    with wave.open(str(SPOKEN)) as sound:
        needed_ms = 1000 * sound.getnframes() / sound.getframerate() + 1500
    page.page.click(".sx-start:not(:disabled)")
    page.wait_for("() => document.querySelector('.sx-said')?.textContent.length > 0")
    recorded_ms = "import json; print(json.dumps(int(mic.result().recordings['duration_ms'].sum())))"
    page.until(lambda: page.python(recorded_ms) > needed_ms, what="the end of the recording")
    page.page.click(".sx-start")


def main(names: list[str]) -> None:
    from notebook_files import write_notebook

    for path in [Path(name) for name in names] or NOTEBOOKS:
        notebook = run_microphone(path) if path.stem == MICROPHONE else run(path)
        write_notebook(normalize(notebook), path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
