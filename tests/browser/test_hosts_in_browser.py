"""The microphone and static views in other hosts than JupyterLab: Notebook 7, voila and marimo.

In each host the widget appears, its buttons work through the kernel, captions arrive, and files and audio come from the
kernel in binary messages.
"""

import csv
import io
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from client_environments import python_of_hosts
from jupyter_lab import IMPORTABLE, PATIENCE_S
from microphone_page import listening_service
from notebook_files import new_notebook, write_notebook
from notebook_page import LOOK_AGAIN_MS
from tones import ToneRecognizer

import soniox_ds as sx

MICROPHONE = """import soniox_ds as sx
mic = sx.Microphone(mode="proxy", transport="comm", enable_endpoint_detection=True)"""
VIEW = "sx.show.transcript(sx.load_samples(), 'conversation_03')"

FIRST_WORDS = " ".join(sx.texts(sx.load_samples()["conversation_03"].tokens)["text"].iloc[0].split()[:4])


@contextmanager
def running(command, environment, folder, address):
    """Run a server until the end, and wait until it answers at its address."""
    log = folder / "server.log"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("SONIOX_", "JUPYTER", "PYTEST_"))}
    own |= {
        "HOME": str(folder / "home"),
        "XDG_CACHE_HOME": str(folder / "home" / "cache"),
        "XDG_CONFIG_HOME": str(folder / "home" / "config"),
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            list(map(str, command)), env=own | environment, cwd=folder, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + PATIENCE_S
        while not _answers(address):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < until, log.read_text()[-3000:]
            time.sleep(0.1)
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


def _answers(address):
    try:
        urllib.request.urlopen(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def jupyter_notebook(folder, cells, service):
    """Write a notebook whose kernel runs in the environment of the tests."""
    name = f"soniox-ds-{secrets.token_hex(4)}"
    kernel = folder / "data" / "kernels" / name
    kernel.mkdir(parents=True)
    environment = IMPORTABLE | service.environment | {"XDG_CACHE_HOME": str(folder / "kernel-cache")}
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": command, "display_name": name, "language": "python", "env": environment})
    )
    kernelspec = {"name": name, "display_name": name, "language": "python"}
    path = folder / "notebook.ipynb"
    write_notebook(new_notebook(cells, kernelspec=kernelspec), path)
    return path


@contextmanager
def notebook_7(folder, service, page):
    jupyter_notebook(folder, [MICROPHONE, "mic", VIEW], service)
    token, port = secrets.token_hex(16), free_port()
    address = f"http://127.0.0.1:{port}/"
    command = [
        *(python_of_hosts(), "-m", "notebook", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
        "--JupyterNotebookApp.expose_app_in_browser=True",
    ]
    with running(command, {}, folder, address):
        page.goto(f"{address}notebooks/notebook.ipynb?token={token}")
        page.wait_for_function(
            "() => window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"
        )
        page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        yield


@contextmanager
def voila(folder, service, page):
    path = jupyter_notebook(folder, [MICROPHONE, "mic", VIEW], service)
    port = free_port()
    command = [python_of_hosts(), "-m", "voila", path, "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    # Every request for its page runs the notebook, so an address that does not is asked.
    with running(command, {}, folder, f"http://127.0.0.1:{port}/voila/static/nothing"):
        page.goto(f"http://127.0.0.1:{port}/")
        yield


@contextmanager
def marimo(folder, service, page):
    path = folder / "app.py"
    path.write_text(
        "import marimo\napp = marimo.App()\n"
        "@app.cell\ndef _():\n    "
        + MICROPHONE.replace("\n", "\n    ")
        + "\n    mic.widget\n    return mic, sx\n"
        + "@app.cell\ndef _(sx):\n    "
        + VIEW
        + "\n    return\n"
    )
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    command = [python_of_hosts(), "-m", "marimo", "run", path, "--headless", "--no-token", "--host", "127.0.0.1"]
    with running([*command, "--port", port], service.environment, folder, address):
        page.goto(address)
        yield


HOSTS = {"notebook": notebook_7, "voila": voila, "marimo": marimo}


@pytest.fixture
def page(browsers, tones):
    tab, _ = browsers.tab("allow", tones, True, (), (1100, 800))
    tab.set_default_timeout(PATIENCE_S * 1000)
    errors = []
    tab.on("pageerror", lambda error: errors.append(error))
    yield tab
    tab.close()
    # anywidget loads our scripts from blobs; hosts have errors of their own.
    assert [error.stack for error in errors if "blob:" in (error.stack or "")] == []
    browsers.close_tabs([])


def shown_words(page):
    """The settled words. Locators also find what is in a shadow tree, as marimo shows it."""
    return (
        page.locator(".sx-said")
        .evaluate_all(
            """all => all.map((said) => [...said.childNodes].filter((node) => node.className !== "sx-pending")
            .map((node) => node.textContent).join("")).join(" ")"""
        )
        .split()
    )


def until(page, condition):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, page.locator(".sx-mic").inner_text()
        page.wait_for_timeout(LOOK_AGAIN_MS)


@pytest.mark.parametrize("host", HOSTS)
def test_the_microphone_works_in_other_hosts(host, page, tmp_path):
    with listening_service(ToneRecognizer()) as service, HOSTS[host](tmp_path, service, page):
        page.wait_for_selector(".sx-mic .sx-start:not(:disabled)")
        page.click(".sx-start")
        until(page, lambda: len(shown_words(page)) >= 6)
        assert page.inner_text(".sx-link") == "through the kernel, notebook connection"
        page.click(".sx-start")
        until(page, lambda: page.inner_text(".sx-status") == "Stopped")
        page.wait_for_selector(".sx-word")
        words = shown_words(page)
        assert service.hearing.heard().size / 16_000 > 2

        # the kernel makes a file, and cuts audio
        page.select_option(".sx-format", "csv")
        with page.expect_download() as download:
            page.click(".sx-save")
        table = csv.DictReader(io.StringIO(download.value.path().read_text(encoding="utf-8-sig")))
        assert " ".join(row["text"] for row in table).split() == words
        page.click(".sx-word >> nth=2")
        page.wait_for_selector(".sx-heard")

        # The view beside it; marimo is no Jupyter kernel, and shows it without sound.
        if host == "marimo":
            until(page, lambda: FIRST_WORDS in " ".join(page.inner_text("body").split()))
        else:
            page.wait_for_selector(".sx-spoken-body [data-span]")
            assert FIRST_WORDS in " ".join(page.inner_text(".sx-spoken-body").split())
        if folder := os.environ.get("SHOTS"):
            page.screenshot(path=f"{folder}/host_{host}.png")
