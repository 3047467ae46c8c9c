"""Notebooks in a real browser: JupyterLab, its kernel, and a headless Chromium with a fake microphone.

Where a part is missing the tests are skipped, with the command that cures it; where they are meant to run (the
environment has ``CI`` or ``SONIOX_DS_BROWSER_TESTS=1``) that is an error. One Lab serves all tests of a process. Every
notebook has a folder and a kernel of its own. The tests share browsers and, one after the other, the tabs in which Lab
is loaded: to start a browser and to load Lab takes longer than most tests.
"""

import contextlib
import importlib.util
import os
import wave
from pathlib import Path

import numpy as np
import pytest
from browsers import Browsers, browser_path
from jupyter_lab import INSECURE_HOST, JupyterLab
from notebook_files import new_notebook, write_notebook
from notebook_page import NotebookPage
from tones import pcm_bytes, random_words, speak

GROUPS = dict.fromkeys(
    (
        "test_lab_in_browser",
        "test_looks_in_browser",
        "test_microphone_life_in_browser",
        "test_microphone_trouble_in_browser",
        "test_saved_notebooks_in_browser",
    ),
    "browser-1",
)
"""The groups of some files. All others are in ``browser-2``, which takes about as long."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Run them in two xdist workers, since they mostly wait for sound; in every worker, each would start a Lab."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group(GROUPS.get(item.path.stem, "browser-2")))


@pytest.fixture(scope="session")
def chromium_path():
    """The browser's executable, once everything is there that these tests need."""
    missing = [
        f"{name} (pip install {name})"
        for name in ("jupyterlab", "playwright")
        if importlib.util.find_spec(name) is None
    ]
    found = browser_path()
    if found is None:
        missing.append("Chromium (as an administrator: apt-get install chromium)")
    if missing:
        reason = f"browser tests need {' and '.join(missing)}"
        if os.environ.get("CI") or os.environ.get("SONIOX_DS_BROWSER_TESTS") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    return found


@pytest.fixture(scope="session")
def lab(chromium_path, tmp_path_factory):
    """A JupyterLab for a single test."""
    running = JupyterLab(tmp_path_factory.mktemp("lab"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """20 s of chirps and noise at 48 kHz, loud and soft at random: it fits itself at one place only."""
    rng, rate, seconds = np.random.default_rng(7), 48_000, 20
    times = np.arange(rate * seconds) / rate
    chirp = 0.2 * np.sin(2 * np.pi * (300 * times + 60 * times**2))
    noise = 0.3 * np.convolve(rng.standard_normal(times.size), np.ones(12) / 12, "same")
    loudness = np.interp(times, np.arange(0, seconds + 0.25, 0.25), rng.uniform(0.1, 1, 4 * seconds + 1))
    samples = np.clip((chirp + noise) * loudness, -0.9, 0.9)
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="session")
def tones(tmp_path_factory):
    """A WAV file of words that are tones, which `ToneRecognizer` hears without error wherever a session begins."""
    words, pauses_ms = random_words(4, 60)
    samples, _ = speak(words, pauses_ms=pauses_ms, rate=48_000)
    path = tmp_path_factory.mktemp("tones") / "tones.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(pcm_bytes(samples))
    return path


SHARED = pytest.StashKey[dict]()
"""Servers and browsers that the tests of this folder share, until the last of them has run."""


def shared(request, name, start):
    """Return what `start` returns for the first test of this folder; it is a context manager that ends after the last.

    A fixture of the whole session would end too late: while Playwright runs, its thread can run no other event loop.
    """
    folder = request.node.getparent(pytest.Dir)
    values = folder.stash.setdefault(SHARED, {})
    if name not in values:
        manager = start()
        values[name] = manager.__enter__()
        folder.addfinalizer(lambda: (values.pop(name), manager.__exit__(None, None, None)))
    return values[name]


@pytest.fixture(scope="module")
def playwright(request, chromium_path):
    """Playwright for the tests of this folder."""
    from playwright.sync_api import sync_playwright

    return shared(request, "playwright", sync_playwright)


@pytest.fixture(scope="module")
def browsers(request, playwright, chromium_path, tmp_path_factory):
    """The browsers of the tests of this folder."""
    return shared(request, "browsers", lambda: Browsers(playwright, chromium_path, tmp_path_factory.mktemp("browsers")))


@pytest.fixture(scope="module")
def bare_browser(request, playwright, chromium_path):
    """A browser without JupyterLab and without a microphone, for tests that make their own pages."""
    arguments = {"executable_path": chromium_path, "args": ["--headless=new", "--no-sandbox"]}
    return shared(request, "bare browser", lambda: contextlib.closing(playwright.chromium.launch(**arguments)))


@pytest.fixture
def notebook(lab, browsers, sound, tmp_path):
    """``notebook(cells, mic="allow", wav=None, env=None, ...)`` opens a new notebook and returns its NotebookPage.

    `cells` are sources of code cells. `mic`: ``"allow"``, ``"deny"`` (permission refused) or ``"none"`` (no device).
    `wav` is what the fake microphone hears, over and over unless `loop` is False; by default `sound`. `env` is added to
    the kernel's environment, `files` (name to bytes) are written beside the notebook first. `secure=False` opens the
    page at a host name that is no secure context. `flags` go to the browser. With `errors_allowed` uncaught exceptions
    of the page do not fail the test.
    """
    opened: list[tuple[NotebookPage, bool]] = []
    with contextlib.ExitStack() as stack:
        stack.callback(lab.end_kernels)
        stack.callback(lambda: browsers.close_tabs([page.page for page, _ in opened if page.leave()]))

        def open_notebook(
            cells,
            *,
            mic="allow",
            wav=None,
            loop=True,
            env=None,
            files=None,
            secure=True,
            flags=(),
            viewport=(1100, 800),
            errors_allowed=False,
        ):
            folder = lab.root / f"{tmp_path.name}-{len(opened)}"
            folder.mkdir()
            for name, content in (files or {}).items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            kernel = lab.write_kernelspec(env or {})
            kernelspec = {"name": kernel, "display_name": kernel, "language": "python"}
            path = folder / "notebook.ipynb"
            write_notebook(new_notebook(cells, kernelspec=kernelspec), path)
            url = lab.url if secure else lab.url.replace("127.0.0.1", INSECURE_HOST)
            tab, profile = browsers.tab(mic, wav or sound, loop, flags, viewport, url)
            page = NotebookPage(tab, profile, lab.root, path, url, lab.token)
            opened.append((page, errors_allowed))
            return page

        yield open_notebook
    for page, allowed in opened:
        assert allowed or not page.errors, "\n".join(page.errors)
