"""Time to repaint the explorer after a sort, a filter or a selection, in a real JupyterLab and Chromium.

10,032 recordings: the sample corpus, 44 times, in memory and opened. Bound: a median of 300 ms, with at most 200 rows
in the page. The browser, the Lab and the kernel share the machine, whose load is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print a line for each action."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command.append("tests/browser/explorer_speed_in_browser.py")
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"SONIOX_DS_BROWSER_TESTS": "1"})
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
