"""Memory and time of the client for many small files: the real pipeline and journal, and a simulated service.

In separate processes: the corpus written into a folder part by part (``out=``), and kept in memory. The rise of the
resident memory is that above a run with 200 recordings.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

COUNT = 20_000

MEASURE = """
import asyncio, sys, threading, time
import psutil
from benchmarks.simulated_service import SimulatedClient
from soniox_ds import Connection, aio
from soniox_ds.api.clock import Clock
from soniox_ds.batch import pipeline
from soniox_ds.batch.limits import Limits

pipeline.Client = SimulatedClient
few, many, folder, is_out = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "out"
process = psutil.Process()

async def transcribe(audio, name):
    out = f"{folder}/{name}" if is_out else None
    return await aio.transcribe(
        audio, journal=f"{folder}/{name}.sqlite", clock=Clock(50), requests_per_minute=1e6, progress=False, out=out,
        connection=Connection(api_key="simulated", api_base_url="http://127.0.0.1:9"),
        limits=Limits(pending=2000, transcriptions=100_000, files=100_000),
    )

asyncio.run(transcribe(few, "few"))
start = peak = process.memory_info().rss
ended = threading.Event()
def watch():
    global peak
    while not ended.wait(0.02):
        peak = max(peak, process.memory_info().rss)
watcher = threading.Thread(target=watch)
watcher.start()
before, cpu = time.perf_counter(), time.process_time()
corpus = asyncio.run(transcribe(many, "many"))
after = time.perf_counter()
ended.set()
watcher.join()
print(len(corpus), peak - start, after - before, time.process_time() - cpu)
"""


def main(count: int = COUNT) -> None:
    """Print the rise of the memory and the times."""
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder, "few"), Path(folder, "many")
        _write(few, 200)
        _write(many, count, first=200)
        for kind in ("out", "memory"):
            with tempfile.TemporaryDirectory() as work:
                command = [sys.executable, "-c", MEASURE, few, many, work, kind]
                ran = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
                n_recordings, rise, seconds, cpu_s = map(float, ran.stdout.split())
                size = sum(path.stat().st_size for path in Path(work).glob("many.sqlite*"))
                corpus = sum(path.stat().st_size for path in Path(work, "many").rglob("*") if path.is_file())
            print(
                f"{n_recordings:,.0f} recordings, {'out=' if kind == 'out' else 'in memory'}: memory "
                f"+{rise / 1e6:,.0f} MB ({rise / n_recordings / 1e3:.2f} kB each), {seconds:.0f} s "
                f"({cpu_s / n_recordings * 1e3:.1f} ms of processor time each), journal {size / 1e6:.0f} MB, "
                f"corpus {corpus / 1e6:.0f} MB"
            )


def _write(folder: Path, count: int, first: int = 0) -> None:
    folder.mkdir()
    for number in range(first, first + count):
        with io.BytesIO() as sink:
            with wave.open(sink, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(number.to_bytes(4, "little") * 80)
            (folder / f"{number:07d}.wav").write_bytes(sink.getvalue())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    main(parser.parse_args().count)
