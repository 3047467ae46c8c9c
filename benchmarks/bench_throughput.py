"""Throughput of small uploads under the service's quotas: this package and the official SDK on the same server.

500 requests a minute, 100 pending jobs, processing times lognormal with a median of 7 s; server and clients live by
clocks that are sped up evenly. First 50 uploads, against the same without a limit of requests; then 400, and the same
call again, which must ask for nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
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
FEW = 50
REQUESTS_PER_MINUTE = 500


def main(speed: float = 5.0, count: int = COUNT, few: int = FEW) -> None:
    """Print one block for each client."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_recordings(Path(folder) / "audio", max(count, few))
        warm_up = write_recordings(Path(folder) / "warm-up", 1, seconds=2.0)  # bench_import measures the imports
        with _service(speed):
            asyncio.run(aio.transcribe(warm_up, journal=Path(folder, "warm-up.sqlite"), progress=False))
        print(f"clocks x{speed:g}, {REQUESTS_PER_MINUTE} requests a minute, 100 pending, median processing 7 s")
        small(files[:few], Path(folder), min(speed, 2.0))
        ours(files[:count], Path(folder), speed)
        for at_once in (count, 50):
            official(files[:count], at_once, speed)


def _service(speed: float, requests_per_minute: int | None = REQUESTS_PER_MINUTE) -> Any:
    return sx.local_service(recognizer="scripted", speed=speed, requests_per_minute=requests_per_minute)


def _refused(service: Any) -> int:
    return sum(request.status == 429 for request in service.requests)


def small(files: list[Path], folder: Path, speed: float, rounds: int = 3) -> None:
    """Compare a few uploads under the limit with the same uploads without a limit."""
    ratios, n_refused = [], 0
    for number in range(rounds):
        makespans_s = {}
        for limit in (None, REQUESTS_PER_MINUTE):
            with _service(speed, limit) as service:
                clock = Clock(speed)
                start_s = clock.now()
                asyncio.run(
                    aio.transcribe(
                        files,
                        journal=folder / f"few-{number}-{limit}.sqlite",
                        clock=clock,
                        requests_per_minute=limit or 1_000_000,
                        progress=False,
                    )
                )
                makespans_s[limit] = clock.now() - start_s
                n_refused += _refused(service)
        ratios.append(makespans_s[REQUESTS_PER_MINUTE] / makespans_s[None])
        print(
            f"{len(files)} uploads: {makespans_s[None]:.1f} s without a limit, {makespans_s[REQUESTS_PER_MINUTE]:.1f} s"
        )
    print(f"  ratio                    {statistics.median(ratios):.3f}   (median, at most 1.15)")
    print(f"  refused with 429         {n_refused}")


def ours(files: list[Path], folder: Path, speed: float) -> None:
    """Run soniox_ds, then the same call again."""
    journal = folder / "journal.sqlite"
    with _service(speed) as service:
        clock = Clock(speed)

        async def transcribe() -> sx.Corpus:
            return await aio.transcribe(
                files, journal=journal, clock=clock, requests_per_minute=REQUESTS_PER_MINUTE, progress=False
            )

        start_s = clock.now()
        corpus = asyncio.run(transcribe())
        makespan_s = clock.now() - start_s
        requests = len(service.requests)
        # The service takes no more than this number in each minute, so that the last one waits for whole minutes.
        bound_s = (requests - 1) // REQUESTS_PER_MINUTE * 60
        first_s = service.requests[0].time_s
        transcripts_s = [request.time_s - first_s for request in service.requests if request.route == "transcript"]
        completed = int((corpus.recordings["status"] == "completed").sum())
        print(f"{len(files)} uploads, soniox_ds")
        print(f"  completed                {completed} of {len(files)}")
        print(f"  requests per recording   {requests / len(files):.3f}   (at most 5.1)")
        print(f"  makespan                 {makespan_s / 60:.2f} min   (bound {bound_s / 60:.2f} min)")
        halfway, last = (transcripts_s[n] / 60 for n in (len(transcripts_s) // 2, -1))
        print(f"  transcripts              half of them after {halfway:.2f} min, all after {last:.2f} min")
        print(f"  refused with 429         {_refused(service)}")
        print(f"  left behind              {len(service.files)} files, {len(service.transcriptions)} transcriptions")
        start = time.perf_counter()
        again = asyncio.run(transcribe())
        elapsed = time.perf_counter() - start
        asked = len(service.requests) - requests
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
    parser.add_argument("--few", type=int, default=FEW)
    options = parser.parse_args()
    main(options.speed, options.count, options.few)
