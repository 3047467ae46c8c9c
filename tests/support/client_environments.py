"""Programs and libraries of other people, in environments of their own.

They need packages that ours must not have, or releases that differ from ours. An environment is made once, in the
folder ``.venvs`` of the checkout, and used until the list of its packages changes. Where the packages cannot be had,
the tests that need them are skipped and say why; in CI that is an error.
"""

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

__all__ = ["axe_source", "node_command", "python_of_clients", "python_of_hosts", "run_client"]

ROOT = Path(__file__).parents[2]
PACKAGES = ROOT / "tests" / "clients"
OLDEST_NODE = 20
INSTALL_S = 540  # less than the timeout of a test, so that the message of the installer is shown


def run_client(command: list[str | Path], environment: dict[str, str], text: str | None = None) -> str:
    """Run a program with these environment variables only, besides PATH and HOME, and return what it prints."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        command, env=inherited | environment, input=text, capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def python_of_clients() -> Path:
    """Return the interpreter of the environment that ``tests/clients/python/requirements.in`` describes."""
    return _python("python")


def python_of_hosts() -> Path:
    """Return the interpreter of ``tests/clients/hosts/requirements.in``, which can also import what this one can."""
    python = _python("hosts")
    packages = next((python.parents[1] / "lib").glob("python*/site-packages"))
    (packages / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n")
    return python


@functools.cache
def _python(name: str) -> Path:
    """Return the interpreter of the environment of the requirements in a folder of ``tests/clients``."""

    def install(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install"]
        # The byte code of the few modules that are used is made when they are imported.
        pip += ["--quiet", "--no-compile", "--retries", "5"]
        lists = PACKAGES / name
        _install([*pip, "-r", str(lists / "requirements.in"), "-c", str(lists / "requirements.txt")], folder)

    return _prepared(name, install) / "bin" / "python"


@functools.cache
def _node_modules(name: str) -> Path:
    """Return the folder of the packages that ``package-lock.json`` in a folder of ``tests/clients`` lists."""

    def install(folder: Path) -> None:
        folder.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(PACKAGES / name / file, folder)
        _install(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], folder)

    return _prepared(name, install) / "node_modules"


@functools.cache
def axe_source() -> str:
    """Return the script of axe, which looks for barriers to people with disabilities in a page."""
    if not shutil.which("npm"):
        _missing("npm is not installed; the tests need axe-core")
    return (_node_modules("axe") / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def node_command(script: Path, folder: Path) -> list[str | Path]:
    """Return the command that runs a copy of a script, made in `folder`, with the packages for Node."""
    if not (shutil.which("node") and shutil.which("npm")):
        _missing(f"Node or npm is not installed; the tests need Node {OLDEST_NODE} or newer")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major = int(version.removeprefix("v").split(".")[0])
    if major < OLDEST_NODE:
        _missing(f"Node is {version}, the live sessions of the SDK need {OLDEST_NODE} or newer")
    # Node looks for packages beside the script.
    (folder / "node_modules").symlink_to(_node_modules("node"))
    # Node 20 hides its WebSocket behind this option; from 22 on it is there without.
    options = ["--experimental-websocket"] if major < 22 else []
    return ["node", *options, shutil.copy(script, folder)]


def _prepared(name: str, install: Callable[[Path], None]) -> Path:
    """Return the folder of an environment, which is made unless it is there. Other processes wait meanwhile."""
    content = b"".join(path.read_bytes() for path in sorted((PACKAGES / name).iterdir()) if path.is_file())
    digest = hashlib.sha256(content + sys.version.encode()).hexdigest()[:12]
    folder = ROOT / ".venvs" / f"{name}-clients-{digest}"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / ".ready").exists():
            shutil.rmtree(folder, ignore_errors=True)  # what an interrupted installation left
            install(folder)
            (folder / ".ready").touch()
    return folder


def _install(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        _missing(f"{' '.join(command[:3])} did not end within {INSTALL_S} seconds")
    if done.returncode:
        _missing(f"{' '.join(command[:3])} failed: {done.stderr[-1000:]}")


def _missing(reason: str) -> None:
    """Skip the test, or fail where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
