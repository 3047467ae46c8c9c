"""The harness itself: Lab opens, cells run, and what the other browser tests rely on holds."""

import json
import sys

import pytest
from notebook_page import CellError

CELLS = [
    "import os, sys, json\nprint(json.dumps([sys.executable, os.environ['GREETING'], os.getcwd()]))",
    "1 / 0",
    "print('before')\nimport time\nwhile True: time.sleep(0.01)",
    "kept = 'still here'",
]

LISTEN = """async () => {
    if (!navigator.mediaDevices) return "insecure";
    try {
        const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
        stream.getTracks().forEach(track => track.stop());
        return "heard";
    } catch (error) {
        return error.name;
    }
}"""


def test_cells_run_in_this_python_and_kernels_restart(notebook, tmp_path):
    page = notebook(CELLS, env={"GREETING": "hello ✓"}, files={"beside.txt": b"1"})
    executable, greeting, folder = json.loads(page.run(0))
    assert (executable, greeting, folder) == (sys.executable, "hello ✓", str(page.folder))
    assert (page.folder / "beside.txt").read_bytes() == b"1"
    with pytest.raises(CellError, match="ZeroDivisionError"):
        page.run(1)

    page.run(2, wait=False)
    page.until(lambda: page.printed(2) == "before\n")
    page.interrupt_kernel()
    with pytest.raises(CellError, match="KeyboardInterrupt"):
        page.wait_for_cell(2)

    assert page.page.evaluate(LISTEN) == "heard"

    page.run(3)
    page.reload()
    assert page.python("print(json.dumps(kept))") == "still here"  # the kernel outlives the page
    page.wait_until_equal(lambda: len(page.outputs(0)), 1)  # and what was saved is shown again
    page.restart_kernel()
    assert page.python("import json; print(json.dumps('kept' in globals()))") is False
    page.delete_output(0)
    assert page.outputs(0) == []
    page.delete_cell(1)
    assert page.cell_count() == 3
    assert page.save().cells[0].outputs == []

    page.use_theme("dark")
    page.screenshot(tmp_path / "dark.png")
    assert (tmp_path / "dark.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        pytest.param({"mic": "deny"}, "NotAllowedError", id="denied"),
        pytest.param({"mic": "none"}, "NotFoundError", id="no-device"),
        pytest.param({"secure": False}, "insecure", id="insecure-page"),
    ],
)
def test_the_microphone_is_as_asked_for(notebook, options, outcome):
    page = notebook(["1"], **options)
    assert page.page.evaluate(LISTEN) == outcome


def test_errors_of_the_page_are_kept(notebook):
    page = notebook(["1"], errors_allowed=True)
    page.page.evaluate("() => { setTimeout(() => { throw new TypeError('of the page'); }); console.warn('written'); }")
    page.until(lambda: page.errors)
    assert "of the page" in page.errors[0]
    page.until(lambda: "warning: written" in page.console, what="the console's text")
