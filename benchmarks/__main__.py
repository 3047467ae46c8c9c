"""Run all benchmarks (``python -m benchmarks``) or some of them (``python -m benchmarks import decode``)."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    there = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    if unknown := sorted(set(names) - set(there)):
        sys.exit(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(there)}")
    for name in names or there:
        print(f"\n== {name}", flush=True)
        importlib.import_module(f"benchmarks.bench_{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
