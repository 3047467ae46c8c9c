"""A notebook that is open in a real browser, and what a test does with it.

Nothing here sleeps for luck: every step ends when Lab says that it is done, or fails after `PATIENCE_S`.
"""

import contextlib
import json
import time
from pathlib import Path

from jupyter_lab import PATIENCE_S
from notebook_files import read_notebook

READY = "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
LOOK_AGAIN_MS = 100
# Lab's own, when a kernel goes away under a request that waits
LABS_OWN_ERRORS = ("Canceled future for ", "Canceled, not sent", "Kernel connection disconnected")

# Keep what the page looks like to its scripts, before a test changes it.
REMEMBER = """() => {
    const places = [window, document, navigator, navigator.mediaDevices, URL].filter(Boolean);
    window.sonioxOriginals ??= places.map(place => [place, Object.getOwnPropertyDescriptors(place)]);
}"""

OPEN = """async path => {
    const { commands, serviceManager } = window.jupyterapp;
    await serviceManager.kernelspecs.refreshSpecs();
    const opened = await commands.execute("docmanager:open", { path, factory: "Notebook" });
    await opened.revealed;
}"""

# Close all documents without a question and put back what tests changed. False if that is not possible: a microphone or
# a dialog is open.
LEAVE = """() => {
    if (!window.sonioxOriginals || document.querySelector(".jp-Dialog")) return false;
    if (window.sxStreams?.some(stream => stream.getTracks().some(track => track.readyState !== "ended"))) return false;
    for (const widget of [...window.jupyterapp.shell.widgets("main")]) widget.dispose();
    for (const [place, originals] of window.sonioxOriginals) {
        for (const [name, now] of Object.entries(Object.getOwnPropertyDescriptors(place))) {
            const before = originals[name];
            if (!before) {  // Lab loads parts of itself later: only what tests add is removed from the window
                if (place !== window || name.startsWith("sx") || name === "sonioxRuns") delete place[name];
            } else if (before.value !== now.value || before.get !== now.get) {
                Object.defineProperty(place, name, before);
            }
        }
    }
    return true;
}"""

RUN = """async ([index, milliseconds]) => {
    const notebook = window.jupyterapp.shell.currentWidget.content;
    notebook.activeCellIndex = index;
    notebook.deselectAll();
    const runs = (window.sonioxRuns ??= {});
    const run = (runs[index] = { done: false });
    window.jupyterapp.commands.execute("notebook:run-cell").finally(() => { run.done = true; });
}"""


class CellError(AssertionError):
    """A cell raised; the message is the traceback as the notebook shows it."""


class NotebookPage:
    """A notebook in a tab of a browser.

    `path` is the notebook's file below the folder `root`, which Lab serves at `url`. It is opened in the Lab that
    `page` shows already, or else Lab is loaded, which takes three times as long.
    """

    def __init__(self, page, profile: Path, root: Path, path: Path, url: str, token: str):
        self.page = page
        """The Playwright page."""
        self.profile = profile
        """The folder of the browser's profile."""
        self.path = path
        """The notebook's file, as it was last saved."""
        self.folder = path.parent
        """The kernel's working directory."""
        self.errors: list[str] = []
        """Uncaught exceptions of the page; none may be left at the end of the test."""
        self.console: list[str] = []
        """What was written to the browser's console, as ``"error: text"``."""
        self.is_as_loaded = True
        """Set it to False where the test leaves something in the page that `leave` cannot put back."""
        page.set_default_timeout(PATIENCE_S * 1000)
        self._listeners = {
            "pageerror": self._keep_error,
            "console": lambda message: self.console.append(f"{message.type}: {message.text}"),
            "dialog": lambda dialog: dialog.accept(),
        }
        for event, listener in self._listeners.items():
            page.on(event, listener)
        served_path = path.relative_to(root).as_posix()
        if page.url.startswith(url):
            page.bring_to_front()
            page.evaluate(OPEN, served_path)
        else:
            page.goto(f"{url}/lab/tree/{served_path}?token={token}&reset")
        self._wait_until_ready()

    # ---- cells

    def run(self, index: int, wait: bool = True) -> str:
        """Run a cell; return what it printed, or "" at once without `wait`. Raises CellError."""
        self.page.evaluate(RUN, [index, PATIENCE_S * 1000])
        return self.wait_for_cell(index) if wait else ""

    def wait_for_cell(self, index: int) -> str:
        """Wait for a cell started with ``wait=False``; return what it printed. Raises CellError."""
        self.wait_for("index => window.sonioxRuns[index].done", index)
        for output in self.outputs(index):
            if output["output_type"] == "error":
                raise CellError("\n".join([f"{output['ename']}: {output['evalue']}", *output["traceback"]]))
        return self.printed(index)

    def outputs(self, index: int) -> list[dict]:
        """The cell's outputs as nbformat has them."""
        return self.page.evaluate(
            "index => window.jupyterapp.shell.currentWidget.content.widgets[index].model.outputs.toJSON()", index
        )

    def printed(self, index: int) -> str:
        """Return the text that the cell has printed so far (stdout and stderr)."""
        streams = [output["text"] for output in self.outputs(index) if output["output_type"] == "stream"]
        return "".join("".join(text) for text in streams)

    def delete_output(self, index: int) -> None:
        """Clear one cell's output, as the menu does."""
        self._command_on(index, "notebook:clear-cell-output")

    def delete_cell(self, index: int) -> None:
        """Delete one cell."""
        self._command_on(index, "notebook:delete-cell")

    def cell_count(self) -> int:
        """Number of cells."""
        return self.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")

    def sources(self) -> list[str]:
        """The source of each cell."""
        return self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model.sharedModel.source)"
        )

    # ---- kernel, page, file

    def restart_kernel(self) -> None:
        """Restart the kernel without a question; outputs stay as they are."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
        self._wait_until_ready()

    def interrupt_kernel(self) -> None:
        """Interrupt what the kernel runs."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")

    def reload(self, save: bool = True) -> None:
        """Load the page again (saved before, or outputs would be lost); the kernel lives on."""
        if save:
            self.save()
        self.page.reload()
        self._wait_until_ready()

    def save(self):
        """Save the notebook as Lab does, and read what was written."""
        self.page.evaluate("() => window.jupyterapp.shell.currentWidget.context.save()")
        return read_notebook(self.path)

    def use_theme(self, theme: str) -> None:
        """``"light"`` or ``"dark"``."""
        name = f"JupyterLab {theme.capitalize()}"
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", name)
        self.wait_for("name => document.body.dataset.jpThemeName === name", name)
        self.wait_for("() => !document.getElementById('jupyterlab-splash')")

    def leave(self) -> bool:
        """Close the notebook; return whether another one can be opened in this tab as if Lab had just been loaded."""
        can_be_used_again = self.is_as_loaded and not self.page.is_closed() and self.page.evaluate(LEAVE)
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)
        return can_be_used_again

    # ---- waiting and looking

    def wait_for(self, condition: str, argument=None, timeout_s: float = PATIENCE_S):
        """Wait until a JavaScript function (its source) gives something true in the page; return that as JSON."""
        # By default, Playwright checks at each drawing of the page, which makes the page draw sixty times a second.
        handle = self.page.wait_for_function(condition, arg=argument, timeout=timeout_s * 1000, polling=LOOK_AGAIN_MS)
        return handle.json_value()

    def until(self, condition, timeout_s: float = PATIENCE_S, what: str = "the condition"):
        """Wait until a Python function returns something true (a file is there, a server was asked); return it."""
        end = time.monotonic() + timeout_s
        while not (found := condition()):
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come true within {timeout_s} s")
            self.page.wait_for_timeout(LOOK_AGAIN_MS)  # handles events of the page meanwhile
        return found

    def wait_until_equal(self, read, expected) -> None:
        """Read again and again until the result equals `expected`; fail with an assertion that shows both.

        For a state of the page (or of a thread in the kernel) that follows an action without an event that a test
        could wait for: a page may still be drawing its last words, or may be drawing its output anew.
        """
        with contextlib.suppress(TimeoutError):
            self.until(lambda: read() == expected)
        assert read() == expected

    def screenshot(self, path, selector: str | None = None) -> None:
        """A picture of the window, or of the first element that matches."""
        if selector is None:
            self.page.screenshot(path=path)
        else:
            self.page.locator(selector).first.screenshot(path=path)

    def python(self, code: str):
        """Run code in the kernel beside the notebook's cells and return what it prints, read as JSON."""
        text = self.page.evaluate(
            """async code => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false, stop_on_error: false });
                let text = "";
                future.onIOPub = message => {
                    if (message.header.msg_type === "stream") text += message.content.text;
                    if (message.header.msg_type === "error") text += message.content.traceback.join("\\n");
                };
                const reply = await future.done;
                if (reply.content.status !== "ok") throw new Error(text);
                return text;
            }""",
            code,
        )
        return json.loads(text) if text.strip() else None

    # ---- inside

    def _keep_error(self, error) -> None:
        if not str(error).startswith(LABS_OWN_ERRORS):
            self.errors.append(f"{error.name}: {error.message}\n{error.stack}")

    def _wait_until_ready(self) -> None:
        self.wait_for(READY)
        self.page.evaluate(REMEMBER)

    def _command_on(self, index: int, command: str) -> None:
        self.page.evaluate(
            """([index, command]) => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                notebook.activeCellIndex = index;
                notebook.deselectAll();
                return window.jupyterapp.commands.execute(command);
            }""",
            [index, command],
        )
