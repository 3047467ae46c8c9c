"""Several processes that transcribe one folder with one journal, for test_shared_journal.py and its benchmark.

It forks itself, so that the package is imported once, and writes the ids of the processes on its first line.
"""

import os
import sys

import soniox_ds as sx
from soniox_ds.api.clock import Clock
from soniox_ds.batch import clean_up, pipeline  # noqa: F401  the children need not import them


def transcribe(folder, journal, speed, requests_per_minute):
    corpus = sx.transcribe(
        folder,
        connection=sx.Connection(organisation="acme"),
        journal=journal,
        clock=Clock(speed),
        requests_per_minute=requests_per_minute,
        progress=False,
        concurrency=4,
    )
    print(len(corpus.completed), flush=True)


if __name__ == "__main__":
    n_processes, folder, journal, speed, requests_per_minute = sys.argv[1:]
    children = []
    for _ in range(int(n_processes)):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                transcribe(folder, journal, float(speed), float(requests_per_minute))
                status = 0
            finally:
                sys.stdout.flush()
                if status:
                    sys.excepthook(*sys.exc_info())
                os._exit(status)
        children.append(child)
    print(*children, flush=True)
    for child in children:
        _, status = os.waitpid(child, 0)
        print("ended", child, os.waitstatus_to_exitcode(status), flush=True)
