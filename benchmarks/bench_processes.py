"""The time of several processes with one journal, which transcribe each recording once within one budget.

The processes transcribe the same folder against the stand-in, on a clock that runs faster than real time. The bound is
the time for which the requests of the run fill the budget, without its first minute.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from bisect import bisect_right
from pathlib import Path

import soniox_ds as sx
from benchmarks.recordings import write_recordings
from soniox_ds.api.clock import Clock
from soniox_ds.emulator.clock import ServiceClock

SPEED = 3.0
BUDGET = 480


def main(n_recordings: int = 400, n_processes: int = 4) -> None:
    """Print one line for the run."""
    clock = ServiceClock(SPEED)
    with (
        tempfile.TemporaryDirectory() as folder,
        sx.local_service("scripted", clock=clock, requests_per_minute=None, queue_s=0.2, median_s=2.0) as service,
    ):
        audio = Path(folder, "audio")
        write_recordings(audio, n_recordings)
        start_s = clock.now()
        environment = {**os.environ, **service.environment}
        command = [sys.executable, "-m", "benchmarks.bench_processes", str(audio), str(Path(folder, "journal.sqlite"))]
        processes = [
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(n_processes)
        ]
        printed = [process.communicate()[0].split() for process in processes]
        seconds = clock.now() - start_s
        times = sorted(request.time_s for request in service.requests)
        most = max(bisect_right(times, first + 60.0) - number for number, first in enumerate(times))
        bound_s = (len(times) / BUDGET - 1) * 60
        n_left = len(service.files) + len(service.transcriptions)
        print(
            f"{n_recordings} recordings, {n_processes} processes, {BUDGET} requests per minute: "
            f"{', '.join(completed for completed, _ in printed)} complete; {service.created.total} created, "
            f"{n_left} left behind; {len(times)} requests, at most {most} in any minute; "
            f"{seconds / 60:.1f} min (bound {bound_s / 60:.1f}); processor time of all processes "
            f"{sum(float(cpu_s) for _, cpu_s in printed):.0f} s"
        )


def transcribe(folder: str, journal: str) -> None:
    """Transcribe a folder as one of the processes."""
    corpus = sx.transcribe(folder, journal=journal, clock=Clock(SPEED), requests_per_minute=BUDGET, progress=False)
    print(len(corpus.completed), sum(os.times()[:2]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        transcribe(*sys.argv[1:])
    else:
        main()
