"""The process that test_killed.py kills: transcribes a folder and says when it is through."""

import signal
import sys

import soniox_ds as sx
from soniox_ds.api.clock import Clock

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the background jobs of shells inherit that it is ignored
    folder, journal, saved, speed, *channels = sys.argv[1:]
    corpus = sx.transcribe(
        folder,
        journal=journal,
        clock=Clock(float(speed)),
        requests_per_minute=60_000,
        progress=False,
        concurrency=6,
        channels=channels[0] if channels else None,
    )
    corpus.save(saved, overwrite=True)  # an earlier life may have come that far
