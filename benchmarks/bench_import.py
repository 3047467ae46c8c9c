"""Time of ``import soniox_ds`` against ``import pandas``, in separate processes, in turn: at most 1.3 times."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 7
STATEMENTS = {
    "import pandas": "import pandas",
    "import soniox_ds": "import soniox_ds",
    "import soniox_ds; sx.transcribe": "import soniox_ds as sx; sx.transcribe",
}


def main() -> None:
    """Print the ratios of the medians."""
    times: dict[str, list[float]] = {name: [] for name in STATEMENTS}
    for _ in range(ROUNDS):
        for name, code in STATEMENTS.items():
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times[name].append(time.perf_counter() - start)
    pandas = statistics.median(times["import pandas"])
    print("whole processes, medians, against `import pandas`")
    for name in list(STATEMENTS)[1:]:
        bound = "   (at most 1.3)" if name == "import soniox_ds" else ""
        print(f"  {name:<34} {statistics.median(times[name]) / pandas:.2f}{bound}")


if __name__ == "__main__":
    main()
