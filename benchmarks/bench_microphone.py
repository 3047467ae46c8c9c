"""Latency of a microphone's audio between the page and the service, in a real JupyterLab and Chromium.

From the moment at which a chunk of 100 ms reaches the page to that at which the stand-in has decoded it; the first
second is left out. Bounds, at the 95th percentile on loopback: 60 ms through the kernel, 20 ms direct. The browser, the
Lab, the kernel and the stand-in share the machine, whose load is printed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print a line for each way."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/browser/latency_in_browser.py"]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"SONIOX_DS_BROWSER_TESTS": "1"})
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__":
    main()
