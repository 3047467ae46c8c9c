"""The process that test_killed.py kills: transcribes a folder and says when it is through."""

import contextlib
import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor

import soniox_ds as sx
from soniox_ds.api.clock import Clock
from soniox_ds.batch import corpus_folder


def die_at(number):
    """Let the process kill itself before it forces a file to the disk for the time of this number."""
    calls = []

    def fsync(handle):
        calls.append(handle)
        if len(calls) == number:
            os.kill(os.getpid(), signal.SIGKILL)
        plain(handle)

    plain, os.fsync = os.fsync, fsync


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the background jobs of shells inherit that it is ignored
    folder, journal, saved, speed, *more = sys.argv[1:]
    settings = dict(setting.split("=") for setting in more)
    if "out" in settings:
        corpus_folder.PART_RECORDINGS, corpus_folder.CHUNK_RECORDINGS = 4, 2
    if "die_at" in settings:
        die_at(int(settings["die_at"]))
    with contextlib.ExitStack() as stack:
        executor = None
        if "workers" in settings:
            pool = ProcessPoolExecutor(int(settings["workers"]), mp_context=multiprocessing.get_context("spawn"))
            executor = stack.enter_context(pool)
        corpus = sx.transcribe(
            folder,
            journal=journal,
            clock=Clock(float(speed)),
            requests_per_minute=60_000,
            progress=False,
            concurrency=6,
            executor=executor,
            channels=settings.get("channels"),
            out=settings.get("out"),
        )
    if "out" not in settings:
        corpus.save(saved, overwrite=True)  # an earlier life may have come that far
