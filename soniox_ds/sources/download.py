"""Downloads of recordings at URLs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx

from soniox_ds.api.clock import Clock
from soniox_ds.api.retry import RECORDING_DOWNLOAD

__all__ = ["DownloadFailed", "download"]

_TIMEOUT_S = 60.0
"""Seconds without any byte after which an attempt counts as failed."""


class DownloadFailed(Exception):
    """A URL whose audio could not be downloaded, for use within the package."""


async def download(url: str, target: Path, *, limit_bytes: int, clock: Clock) -> None:
    """Download the audio at a URL into a file, a little at a time. Redirects are followed.

    Raises
    ------
    DownloadFailed
        If the server refuses the request, cannot be reached, or sends more than `limit_bytes`.
    """
    for attempt in range(1, RECORDING_DOWNLOAD.attempts + 1):
        try:
            await _download(url, target, limit_bytes)
            return
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
            is_refused = status is not None and status < 500 and status not in (408, 429)
            if attempt == RECORDING_DOWNLOAD.attempts or is_refused or isinstance(error, httpx.InvalidURL | OSError):
                reason = f"its server answered with HTTP {status}" if status else type(error).__name__
                raise DownloadFailed(f"cannot be downloaded ({reason}); try it in a browser") from error
            await clock.sleep(RECORDING_DOWNLOAD.wait_s(attempt))


async def _download(url: str, target: Path, limit_bytes: int) -> None:
    count = 0
    async with (
        httpx.AsyncClient(follow_redirects=True, timeout=_TIMEOUT_S) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        with target.open("wb") as file:
            async for block in response.aiter_bytes(1 << 20):
                count += len(block)
                if count > limit_bytes:
                    raise DownloadFailed(f"is larger than {limit_bytes:,} bytes, so that it was not downloaded")
                await asyncio.to_thread(file.write, block)
