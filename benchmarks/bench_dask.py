"""Transcription by a Dask cluster of two worker processes, which are killed ten times in the middle of uploads.

The run must give the transcripts of a quiet run without workers, create nothing twice, leave nothing behind on the
service, and keep its budget of requests. The benchmark ends with an error otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import secrets
import signal
import tempfile
import time
from bisect import bisect_left
from collections import Counter
from pathlib import Path
from typing import Any

import dask
import psutil
from distributed import Client, LocalCluster

import soniox_ds as sx
from benchmarks.recordings import write_recordings
from soniox_ds import aio
from soniox_ds.api.clock import Clock
from soniox_ds.emulator.server import Server

COUNT = 400
KILLS = 10
REQUESTS_PER_MINUTE = 480
SAME = ["audio_id", "sha256", "status", "text", "error_type"]


def main(speed: float = 5.0, count: int = COUNT, kills: int = KILLS) -> None:
    """Run without and with workers, compare, and print the figures."""
    key = os.environ["SONIOX_API_KEY"] = secrets.token_hex(16)
    with tempfile.TemporaryDirectory() as folder:
        write_recordings(Path(folder) / "audio", count, seconds=0.2)
        with sx.local_service(
            "scripted", speed=50, requests_per_minute=None, key=key, set_environment=False
        ) as service:
            quiet = _transcribe(service, folder, "quiet", Clock(50), requests_per_minute=1_000_000)
        with (
            sx.local_service(
                "scripted", speed=speed, requests_per_minute=500, key=key, set_environment=False
            ) as service,
            # Otherwise a cluster on one machine gives up a worker that is killed again within 15 seconds.
            dask.config.set({"distributed.deploy.lost-worker-timeout": "1 hour"}),
            LocalCluster(
                n_workers=2, threads_per_worker=2, dashboard_address=":0", silence_logs=logging.ERROR
            ) as cluster,
            Client(cluster) as client,
        ):
            killed = _kill_in_uploads(service, cluster, count, kills)
            start_s = time.perf_counter()
            corpus = _transcribe(
                service,
                folder,
                "dask",
                Clock(speed),
                executor=client.get_executor(),
                requests_per_minute=REQUESTS_PER_MINUTE,
            )
            makespan_s = (time.perf_counter() - start_s) * speed
            routes = Counter(request.route for request in service.requests)
            left = [*service.files, *service.transcriptions]
            most = _most_in_a_minute(service)
            refused = sum(request.status == 429 for request in service.requests)
            again = len(service.requests)
            _transcribe(service, folder, "dask", Clock(speed), executor=client.get_executor())
            again = len(service.requests) - again
            created = service.created
    assert corpus.recordings[SAME].equals(quiet.recordings[SAME])
    assert corpus.tokens.equals(quiet.tokens)
    print(f"{count} uploads by two worker processes of Dask, workers killed in the middle of {len(killed)} uploads")
    print(f"  completed                {int((corpus.recordings['status'] == 'completed').sum())} of {count}")
    print(f"  created                  {created.total}, none twice: {max(created.by_audio.values()) == 1}")
    print(f"  uploads                  {routes['upload']}")
    print(f"  left behind              {len(left)}")
    print(f"  most requests in 60 s    {most}   (at most {REQUESTS_PER_MINUTE})")
    print(f"  refused with 429         {refused}")
    print(f"  requests per recording   {sum(routes.values()) / count:.2f}   {dict(routes)}")
    print(f"  total time               {makespan_s / 60:.1f} min")
    print(f"  the same call again      {again} requests")
    assert len(killed) == kills
    assert created.total == count
    assert max(created.by_audio.values()) == 1
    assert not left
    assert most <= REQUESTS_PER_MINUTE
    assert not again


def _transcribe(service: Any, folder: str, journal: str, clock: Clock, **settings: Any) -> sx.Corpus:
    corpus = asyncio.run(
        aio.transcribe(
            Path(folder) / "audio",
            connection=sx.Connection(api_key=service.key, api_base_url=service.base_url),
            journal=Path(folder) / f"{journal}.sqlite",
            clock=clock,
            progress=False,
            **settings,
        )
    )
    assert isinstance(corpus, sx.Corpus)
    return corpus


def _kill_in_uploads(service: Any, cluster: LocalCluster, count: int, kills: int) -> list[int]:
    """Kill the worker that sends an upload, at random uploads, before or after the service has carried it out."""
    rng = random.Random(1)
    moments = set(rng.sample(range(5, count), kills))
    killed: list[int] = []
    n_uploads = 0

    def kill(port: int) -> None:
        for nanny in cluster.workers.values():
            with_port = psutil.Process(nanny.pid).net_connections() if nanny.pid is not None else []
            if any(connection.laddr and connection.laddr.port == port for connection in with_port):
                killed.append(nanny.pid)
                os.kill(nanny.pid, signal.SIGKILL)

    plain = Server._door

    async def door(server: Server, request: Any, handler: Any, visit: Any, permission: Any) -> Any:
        nonlocal n_uploads
        n_uploads += visit.record.route == "upload"
        if visit.record.route != "upload" or n_uploads not in moments:
            return await plain(server, request, handler, visit, permission)
        moments.discard(n_uploads)
        port = request.transport.get_extra_info("peername")[1]
        if len(killed) % 2:
            kill(port)
            return await plain(server, request, handler, visit, permission)
        answer = await plain(server, request, handler, visit, permission)
        kill(port)
        return answer

    Server._door = door  # type: ignore[method-assign]
    return killed


def _most_in_a_minute(service: Any) -> int:
    times_s = sorted(request.time_s for request in service.requests)
    return max(place + 1 - bisect_left(times_s, time_s - 60 + 1e-6) for place, time_s in enumerate(times_s))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, default=5.0)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--kills", type=int, default=KILLS)
    options = parser.parse_args()
    main(options.speed, options.count, options.kills)
