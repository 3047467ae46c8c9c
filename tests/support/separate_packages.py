"""Packages that the tests need, but that cannot be installed beside the others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

FOLDER = Path(__file__).parents[2] / ".venvs"


def installed(name, *arguments):
    """Install packages into a folder of their own, once in a checkout, and return the folder.

    Parameters
    ----------
    name
        Name of the folder.
    *arguments
        Arguments of ``pip install``. If they cannot be installed, the test is skipped, and fails where the environment
        has ``CI``.
    """
    folder = FOLDER / name
    command = [sys.executable, "-m", "pip", "install", "--no-compile", "--target", str(folder), *arguments]
    folder.parent.mkdir(exist_ok=True)
    with filelock.FileLock(f"{folder}.lock"):
        finished = folder / "finished"
        if not finished.exists():
            ran = subprocess.run(command, capture_output=True, text=True, check=False)
            if ran.returncode != 0:
                reason = ran.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
                message = f"{name} cannot be installed ({reason[0]}); try: {' '.join(command)}"
                if os.environ.get("CI"):
                    pytest.fail(message)
                pytest.skip(message)
            finished.touch()
    return folder
