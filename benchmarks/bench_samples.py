"""Time of `sx.load_samples` against reading its two Parquet files with pandas, in turn: at most 3 times."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pandas as pd

import soniox_ds as sx
from soniox_ds.files.packaged import packaged_folder

ROUNDS = 31


def main() -> None:
    """Print the ratio of the medians."""
    folder = packaged_folder("voices", "corpus") / "corpus"
    files = [*folder.glob("recordings/*.parquet"), *folder.glob("tokens/*.parquet")]
    calls: dict[str, Callable[[], object]] = {
        "load_samples": sx.load_samples,
        "read_parquet": lambda: [pd.read_parquet(file) for file in files],
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()  # The first call imports what it needs.
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"sx.load_samples() against pandas.read_parquet of its {len(files)} files, medians")
    print(f"  {medians['load_samples'] / medians['read_parquet']:.2f}   (at most 3)")


if __name__ == "__main__":
    main()
