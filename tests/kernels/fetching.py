"""Work like the pipeline's, small: many requests, a few at a time, with progress. Imported by kernels and scripts."""

import asyncio

import httpx

from soniox_ds import _background
from soniox_ds.progress.display import Progress, progress_for


async def fetch_all(url, count=100, at_once=10, progress=None):
    """Ask for ``url`` many times and return how many answers came."""
    room = asyncio.Semaphore(at_once)
    with Progress(progress_for(progress)) as shown:
        shown.set_total(count)
        async with httpx.AsyncClient(timeout=600) as client, asyncio.TaskGroup() as group:

            async def fetch_one():
                async with room:
                    answer = await client.get(url)
                    shown.add_finished(answer.status_code == 200, duration_ms=60_000, cost_usd=0.01)

            for _ in range(count):
                group.create_task(fetch_one())
        return shown.snapshot().completed


plain_fetch_all = _background.plain(fetch_all)


def tasks_left():
    """Return the number of tasks on the background loop, counted by the loop itself."""

    async def others():
        return len(asyncio.all_tasks()) - 1

    return _background.run(others())
