"""Memory during an upload of 500 MB in a separate process: at most 32 MB above the start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import soniox_ds as sx

MEGABYTES = 500

MEASURE = """
import asyncio, sys, threading, time, psutil
import soniox_ds.api.client as rest
from soniox_ds import aio
from soniox_ds.api.clock import Clock

process = psutil.Process()
async def transcribe(path, journal):
    return await aio.transcribe(path, journal=journal, clock=Clock(50), requests_per_minute=25_000, progress=False)

small, large, journal = sys.argv[1:]
asyncio.run(transcribe(small, journal))           # warm up, with all imports
start = peak = process.memory_info().rss
done = threading.Event()
def watch():
    global peak
    while not done.wait(0.005):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch); watcher.start()
corpus = asyncio.run(transcribe(large, journal))
done.set(); watcher.join()
print(corpus.recordings["status"][0], (peak - start) / 1e6)
"""


def main() -> None:
    """Print the rise of the resident memory."""
    with tempfile.TemporaryDirectory() as folder, sx.local_service(recognizer="scripted", speed=50):
        small, large = Path(folder) / "small.wav", Path(folder) / "large.wav"
        _write(small, 1)
        _write(large, MEGABYTES)
        command = [sys.executable, "-c", MEASURE, str(small), str(large), str(Path(folder) / "journal.sqlite")]
        status, rise = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    print(f"uploading {MEGABYTES} MB: {status}, memory {float(rise):.1f} MB above the start   (at most 32)")


def _write(path: Path, megabytes: int) -> None:
    block = bytes(1_000_000)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        for _ in range(megabytes):
            file.writeframes(block)


if __name__ == "__main__":
    main()
