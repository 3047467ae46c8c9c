"""A server that prints what both sides of a telephone call say while Twilio streams the call to it.

Install soniox-ds, set SONIOX_API_KEY, TWILIO_AUTH_TOKEN (of your Twilio account) and STREAM_URL (the public address of
this server, exactly as it stands in the TwiML, such as wss://calls.example.com/), and run

    python twilio_media_stream.py

The server listens on port 8768. Something in front of it (a proxy or a tunnel) has to speak TLS. This TwiML streams
both sides of a call to it:

    <Response>
      <Start><Stream url="wss://calls.example.com/" track="both_tracks" /></Start>
      <Dial>+15550100</Dial>
    </Response>
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import os
from collections.abc import AsyncIterator

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

import soniox_ds as sx


async def handle_call(connection: ServerConnection) -> None:
    """Transcribe each track of a call in a session of its own until the call ends."""
    audio: dict[str, asyncio.Queue[bytes | None]] = {}
    async with asyncio.TaskGroup() as tasks:
        try:
            async for message in connection:
                event = json.loads(message)
                if event["event"] == "start":  # comes once, before all audio
                    for track in event["start"]["tracks"]:
                        audio[track] = asyncio.Queue()
                        tasks.create_task(print_words(event["start"]["callSid"], track, audio[track]))
                elif event["event"] == "media":  # 20 ms of audio of one track
                    audio[event["media"]["track"]].put_nowait(base64.b64decode(event["media"]["payload"]))
                elif event["event"] == "stop":
                    break
        except ConnectionClosed:
            pass  # The call broke off; what was said before is still transcribed.
        finally:
            for queue in audio.values():
                queue.put_nowait(None)


async def print_words(call: str, track: str, queue: asyncio.Queue[bytes | None]) -> None:
    """Print each utterance of a track when it has ended."""

    async def chunks() -> AsyncIterator[bytes]:
        while (chunk := await queue.get()) is not None:
            yield chunk

    utterance = ""
    async for update in sx.aio.stream_updates(
        chunks(),
        audio_format="mulaw",
        sample_rate=8_000,
        num_channels=1,
        enable_endpoint_detection=True,
        client_reference_id=f"{call} {track}",  # finds the costs of the call in the usage logs
    ):
        utterance += update.text
        if update.is_endpoint or update.is_finished:
            if utterance.strip():
                print(f"{track}: {utterance.strip()}", flush=True)
            utterance = ""


def refuse_strangers(connection: ServerConnection, request: Request) -> Response | None:
    """Refuse requests that are not signed by Twilio, because every stream is billed to you."""
    signature = hmac.digest(os.environ["TWILIO_AUTH_TOKEN"].encode(), os.environ["STREAM_URL"].encode(), "sha1")
    given = request.headers.get("X-Twilio-Signature", "")
    if hmac.compare_digest(base64.b64encode(signature), given.encode()):
        return None
    return connection.respond(403, "The signature of the request is not that of the Twilio account.\n")


async def main(port: int = 8768) -> None:
    """Serve until the program is interrupted."""
    async with serve(handle_call, "", port, process_request=refuse_strangers) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
