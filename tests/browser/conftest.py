"""Notebooks in a real browser: JupyterLab, its kernel, and a headless Chromium with a fake microphone.

Where a part is missing the tests are skipped, with the command that cures it; where they are meant to run (the
environment has ``CI`` or ``SONIOX_DS_BROWSER_TESTS=1``) that is an error. One Lab serves all tests of a process. Every
notebook has a tab, a folder and a kernel of its own; the tabs of a file's tests share browsers, whose start and first
page cost more than most tests.
"""

import contextlib
import importlib.util
import os
import shutil
import wave
from pathlib import Path

import nbformat
import numpy as np
import pytest
from jupyter_lab import INSECURE_HOST, PATIENCE_S, JupyterLab
from notebook_page import NotebookPage
from tones import pcm_bytes, random_words, speak

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
FLAGS = [
    "--headless=new",  # the old headless shell has no microphone
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
]
# with these no real microphone is found either
NO_SOUND = {"PULSE_SERVER": "/dev/null", "PIPEWIRE_REMOTE": "/dev/null", "ALSA_CONFIG_PATH": "/dev/null"}


SECOND_GROUP = {
    "test_microphone_in_browser",
    "test_microphone_notebook_in_browser",
    "test_microphone_trouble_in_browser",
    "test_review_in_browser",
}
"""Files of the second of two groups that take about as long as each other."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items):
    """Run them in two xdist workers, or every worker would start a Lab; and first, since they mostly wait for sound."""
    here = Path(__file__).parent
    items.sort(key=lambda item: here not in item.path.parents)
    for item in items:
        if here in item.path.parents:
            group = "browser-2" if item.path.stem in SECOND_GROUP else "browser-1"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def chromium_path():
    """The browser's executable, once everything is there that these tests need."""
    missing = [
        f"{name} (pip install {name})"
        for name in ("jupyterlab", "playwright")
        if importlib.util.find_spec(name) is None
    ]
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
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


@pytest.fixture(scope="module")
def playwright(chromium_path):
    """Playwright for the tests of one file. While it runs, this thread can run no other event loop."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


class Browsers:
    """Browsers that are started when a test first asks for one with such a microphone, flags and window."""

    def __init__(self, playwright, executable, folder):
        self._playwright = playwright
        self._executable = executable
        self._folder = folder
        self._browsers = {}

    def new_tab(self, mic, wav, loop, flags, viewport):
        """Open an empty tab in the browser with these properties; return it and the folder of the browser's profile."""
        properties = (mic, wav, loop, *flags, *viewport)
        profile = self._folder / f"browser-{len(self._browsers)}"
        if properties not in self._browsers:
            device = [
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={wav}{'' if loop else '%noloop'}",
            ]
            context = self._playwright.chromium.launch_persistent_context(
                profile,
                executable_path=self._executable,
                headless=True,
                chromium_sandbox=False,
                viewport=dict(zip(("width", "height"), viewport, strict=True)),
                permissions=[] if mic == "deny" else ["microphone"],
                args=[*FLAGS, *(device if mic != "none" else []), *flags],
                env=dict(os.environ) | (NO_SOUND if mic == "none" else {}),
                timeout=PATIENCE_S * 1000,
            )
            self._browsers[properties] = context, profile
        context, profile = self._browsers[properties]
        return context.new_page(), profile

    def close_tabs(self):
        """Close all tabs but the empty one with which each browser starts and without which it would end."""
        for context, _ in self._browsers.values():
            for tab in context.pages[1:]:
                tab.close()

    def close(self):
        """End all browsers."""
        for context, _ in self._browsers.values():
            context.close()


@pytest.fixture(scope="module")
def browsers(playwright, chromium_path, tmp_path_factory):
    """The browsers of the tests of one file."""
    running = Browsers(playwright, chromium_path, tmp_path_factory.mktemp("browsers"))
    yield running
    running.close()


@pytest.fixture
def notebook(lab, browsers, sound, tmp_path):
    """``notebook(cells, mic="allow", wav=None, env=None, ...)`` opens a new notebook and returns its NotebookPage.

    `cells` are sources of code cells. `mic`: ``"allow"``, ``"deny"`` (permission refused) or ``"none"`` (no device).
    `wav` is what the fake microphone hears, once (`loop` for over and over); by default `sound`. `env` is added to the
    kernel's environment, `files` (name to bytes) are written beside the notebook first. `secure=False` opens the page
    at a host name that is no secure context. `flags` go to the browser. With `errors_allowed` uncaught exceptions of
    the page do not fail the test.
    """
    opened: list[tuple[NotebookPage, bool]] = []
    with contextlib.ExitStack() as stack:
        stack.callback(lab.end_kernels)
        stack.callback(browsers.close_tabs)

        def open_notebook(
            cells,
            *,
            mic="allow",
            wav=None,
            loop=False,
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
            written = nbformat.v4.new_notebook(
                cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
                metadata={"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}},
            )
            path = folder / "notebook.ipynb"
            nbformat.write(written, path)
            url = lab.url if secure else lab.url.replace("127.0.0.1", INSECURE_HOST)
            page = NotebookPage(
                *browsers.new_tab(mic, wav or sound, loop, flags, viewport),
                path,
                f"{url}/lab/tree/{path.relative_to(lab.root).as_posix()}?token={lab.token}&reset",
            )
            opened.append((page, errors_allowed))
            return page

        yield open_notebook
    for page, allowed in opened:
        assert allowed or not page.errors, "\n".join(page.errors)
