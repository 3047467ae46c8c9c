"""Throughput of 400 small uploads under the service's quotas: this package and the official SDK on the same server.

500 requests a minute, 100 pending jobs, processing times lognormal with a median of 7 s; server and clients live by
clocks that are sped up evenly. Also: the same call again, which must ask for nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from soniox import AsyncSonioxClient

import soniox_ds as sx
from benchmarks.recordings import write_recordings
from soniox_ds import aio
from soniox_ds.api.clock import Clock

COUNT = 400
REQUESTS_PER_MINUTE = 500


def main(speed: float = 5.0, count: int = COUNT) -> None:
    """Print one block for each client."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_recordings(Path(folder) / "audio", count)
        print(f"{count} uploads, {REQUESTS_PER_MINUTE}/min, 100 pending, median processing 7 s, clocks x{speed:g}")
        ours(files, Path(folder), speed)
        for at_once in (count, 50):
            official(files, at_once, speed)


def _service(speed: float) -> Any:
    return sx.local_service(recognizer="scripted", speed=speed, requests_per_minute=REQUESTS_PER_MINUTE)


def ours(files: list[Path], folder: Path, speed: float) -> None:
    """Run soniox_ds, then the same call again."""
    journal = folder / "journal.sqlite"
    with _service(speed) as service:
        clock = Clock(speed)

        async def transcribe() -> sx.Corpus:
            return await aio.transcribe(
                files, journal=journal, clock=clock, requests_per_minute=REQUESTS_PER_MINUTE, progress=False
            )

        warm_up = write_recordings(folder / "warm-up", 1, seconds=2.0)  # bench_import measures the imports
        asyncio.run(aio.transcribe(warm_up, journal=folder / "other.sqlite", clock=clock, progress=False))
        asked_before = len(service.requests)
        start_s = clock.now()
        corpus = asyncio.run(transcribe())
        makespan_s = clock.now() - start_s
        requests = len(service.requests) - asked_before
        bound_s = requests / REQUESTS_PER_MINUTE * 60
        completed = int((corpus.recordings["status"] == "completed").sum())
        print("soniox_ds")
        print(f"  completed                {completed} of {len(files)}")
        print(f"  requests per recording   {requests / len(files):.3f}   (at most 5.2)")
        print(f"  makespan / bound         {makespan_s / bound_s:.3f}   (at most 1.10; bound {bound_s:.0f} s)")
        print(f"  refused with 429         {sum(request.status == 429 for request in service.requests)}")
        print(f"  left behind              {len(service.files)} files, {len(service.transcriptions)} transcriptions")
        start = time.perf_counter()
        again = asyncio.run(transcribe())
        elapsed = time.perf_counter() - start
        asked = len(service.requests) - asked_before - requests
        print(f"  the same call again      {asked} requests, {elapsed:.2f} s   (none, at most 1 s)")
        print(f"    with the same result   {again.equals(corpus)}")


def official(files: list[Path], at_once: int, speed: float) -> None:
    """Run the official SDK with a coroutine for each file, at most `at_once` at the same time."""
    with _service(speed) as service:

        async def transcribe() -> list[Any]:
            client = AsyncSonioxClient(api_key=service.key, api_base_url=f"{service.base_url}/v1")
            gate = asyncio.Semaphore(at_once)

            async def one(path: Path) -> Any:
                async with gate:
                    return await client.stt.transcribe_and_wait_with_tokens(
                        model="stt-async-v4", file=path, wait_interval_sec=5.0 / speed, delete_after=True
                    )

            return await asyncio.gather(*(one(path) for path in files), return_exceptions=True)

        clock = Clock(speed)
        results = asyncio.run(transcribe())
        errors = Counter(type(result).__name__ for result in results if isinstance(result, BaseException))
        completed = len(results) - errors.total()
        print(f"official SDK 2.10, asyncio.gather, {at_once} at a time, polling each 5 s")
        print(f"  completed                {completed} of {len(files)}   {dict(errors) or ''}")
        print(f"  requests per recording   {len(service.requests) / len(files):.3f}")
        print(f"  makespan                 {clock.now():.0f} s")
        print(f"  left behind              {len(service.files)} files, {len(service.transcriptions)} transcriptions")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, default=5.0)
    parser.add_argument("--count", type=int, default=COUNT)
    options = parser.parse_args()
    main(options.speed, options.count)
