"""HTTP answers, and the ways in which an answer can fail to arrive.

Conventions: faults after the work are applied here, to the finished answer, so that handlers need not know of faults.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import uuid
from typing import Any

import msgspec
from aiohttp import web

from soniox_ds.emulator.faults import Fault
from soniox_ds.emulator.refusals import Refusal

__all__ = ["answer_with", "error_answer", "json_answer", "reset", "silence"]

_SLOW_PARTS = 10
_LOOK_AGAIN_S = 0.02


def json_answer(body: Any, status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")


def error_answer(refusal: Refusal, request_id: str) -> web.Response:
    """Return the answer of a refusal."""
    response = json_answer(refusal.body(request_id), refusal.status)
    if refusal.retry_after_s is not None:
        response.headers["Retry-After"] = f"{refusal.retry_after_s:g}"
    return response


def reset(request: web.Request) -> web.Response:
    """Reset the connection. The client does not get the returned answer."""
    if request.transport is not None:
        raw: socket.socket = request.transport.get_extra_info("socket")
        # A linger time of 0 seconds causes a reset (RST) instead of a regular end.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


async def silence(request: web.Request, stopping: asyncio.Event) -> web.Response:
    """Wait without an answer until the client gives up or the service stops."""
    while request.transport is not None and not request.transport.is_closing() and not stopping.is_set():  # noqa: ASYNC110
        # A handler is not told that its client has gone.
        await asyncio.sleep(_LOOK_AGAIN_S)
    return reset(request)


async def answer_with(
    request: web.Request, response: web.StreamResponse, fault: Fault, stopping: asyncio.Event
) -> web.StreamResponse:
    """Send the answer of finished work, changed as the fault demands."""
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    if fault.kind == "timeout_after":
        return await silence(request, stopping)
    if fault.kind == "error_after":
        return error_answer(fault.refusal("any"), str(uuid.uuid4()))
    if fault.kind == "malformed":
        return web.Response(body=body[: len(body) // 2] or b'{"', content_type="application/json")
    if fault.kind == "slow" and body:
        return await _trickle(request, response, body, float(fault.options.get("seconds", 0.5)))
    if fault.kind == "truncated" and body:
        return await _cut_short(request, response, body)
    if fault.kind == "slow":
        await asyncio.sleep(float(fault.options.get("seconds", 0.5)))
        return response
    return reset(request)


async def _trickle(
    request: web.Request, response: web.StreamResponse, body: bytes, seconds: float
) -> web.StreamResponse:
    slow = await _begin(request, response, len(body))
    step = -(-len(body) // _SLOW_PARTS)
    for start in range(0, len(body), step):
        await asyncio.sleep(seconds / _SLOW_PARTS)
        await slow.write(body[start : start + step])
    await slow.write_eof()
    return slow


async def _cut_short(request: web.Request, response: web.StreamResponse, body: bytes) -> web.StreamResponse:
    cut = await _begin(request, response, len(body))
    await cut.write(body[: len(body) // 2])
    if request.transport is not None:
        # The connection ends regularly after half of the announced length.
        request.transport.close()
    return cut


async def _begin(request: web.Request, response: web.StreamResponse, length: int) -> web.StreamResponse:
    started = web.StreamResponse(status=response.status, headers={"Content-Type": "application/json"})
    started.content_length = length
    await started.prepare(request)
    return started
