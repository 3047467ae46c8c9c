"""Processor time of the client for each uploaded recording, compared with five bare requests of httpx.

The stand-in runs in a process of its own, at a speed at which nothing waits. The client's time includes the inspection
of the audio, the journal, and the threads of both.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.recordings import write_recordings
from soniox_ds import aio
from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection

COUNT = 150
SPEED = 20.0
TASKS = 32
"""Requests at the same time, as many as a run sends."""
SERVICE = f"""
import sys
import soniox_ds as sx
with sx.local_service("scripted", speed={SPEED}, requests_per_minute=None, median_s=2.0) as service:
    print(service.base_url, service.key, flush=True)
    sys.stdin.read()
"""


def main(count: int = COUNT, rounds: int = 5) -> None:
    """Print the medians of the rounds."""
    command = [sys.executable, "-c", SERVICE]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as service,
    ):
        assert service.stdout is not None
        address, key = service.stdout.readline().split()
        connection = Connection(key, api_base_url=f"{address}/v1")
        files = write_recordings(Path(folder) / "audio", count)
        asyncio.run(_transcribe(files[:1], connection, Path(folder, "warm-up.sqlite")))
        ours_ms, bare_ms = [], []
        for number in range(rounds):
            start_s = time.process_time()
            asyncio.run(_transcribe(files, connection, Path(folder, f"{number}.sqlite")))
            ours_ms.append((time.process_time() - start_s) / count * 1000)
            start_s = time.process_time()
            asyncio.run(_bare(files, connection))
            bare_ms.append((time.process_time() - start_s) / count * 1000)
        service.communicate("")
    print(f"five requests of httpx     {statistics.median(bare_ms):6.2f} ms for each recording")
    print(f"sx.transcribe              {statistics.median(ours_ms):6.2f} ms")
    ratios = [ours / bare for ours, bare in zip(ours_ms, bare_ms, strict=True)]
    print(f"ratio                      {statistics.median(ratios):6.2f}   ({min(ratios):.2f}-{max(ratios):.2f})")


async def _transcribe(files: list[Path], connection: Connection, journal: Path) -> None:
    corpus = await aio.transcribe(
        files, connection=connection, journal=journal, clock=Clock(SPEED), requests_per_minute=1_000_000, progress=False
    )
    assert (corpus.recordings["status"] == "completed").all()


async def _bare(files: list[Path], connection: Connection) -> None:
    """Send an upload and four small requests for each file, and read the answers."""
    limits = httpx.Limits(max_connections=TASKS, max_keepalive_connections=8)
    async with httpx.AsyncClient(
        base_url=connection.api_base_url, headers=connection.service_headers(), limits=limits, trust_env=False
    ) as client:
        left = iter(files)

        async def work() -> None:
            for file in left:
                upload = await client.post("/files", files={"file": (file.name, file.read_bytes())})
                upload.raise_for_status()
                for path in ("/models", "/files/count", "/transcriptions/count"):
                    (await client.get(path)).raise_for_status()
                (await client.delete(f"/files/{upload.json()['id']}")).raise_for_status()

        await asyncio.gather(*(work() for _ in range(TASKS)))


if __name__ == "__main__":
    main()
