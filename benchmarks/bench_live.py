"""Latency of live audio: the time that this package adds, and the lags of the stand-in.

The first table is the client's part of every lag: from `LiveSession.send` until the bytes are at a server in another
process on loopback, and from that server's message until the `Update` is handed over. Each is one clock's reading
subtracted from another's, of the same machine. Bound: 20 ms at the 95th percentile, beside the length of a chunk.

The second is the stand-in's whisper recognizer, from the end of each word (its last piece): first by processor time,
as if each recording were heard in real time by a core that does nothing else, then streamed for real, one at a time,
client and stand-in in one process. Both depend on the machine; the second also on what else it does, and the load is
printed beside it. A recording before the first one warms the model up.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import struct
import tempfile
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import soniox_ds as sx
from soniox_ds.live.result import concat_live_results
from soniox_ds.live.session import LiveSession

CHUNKS = 500
CHUNK_MS = 100
EVERY_S = 0.02
SAMPLES = Path(__file__).parent.parent / "data" / "samples"
WARM_UP = "short_answer"
SPOKEN = ["market_stall", "workshop_number", "clinic_note", "release_note", "last_ferry", "onion_soup", "lighthouse"]


def _serve(pipe: Pipe) -> None:
    """Run a server that records the age of each chunk, and answers with a message that has its sending time."""
    from websockets.asyncio.server import ServerConnection, serve

    async def session(socket: ServerConnection) -> None:
        await socket.recv()  # the start message
        ages = []
        async for message in socket:
            if not message:
                break
            if isinstance(message, bytes):
                ages.append(time.monotonic() - struct.unpack("<d", message[:8])[0])
                tokens = [{"text": " word", "start_ms": 100 * len(ages), "end_ms": 100 * len(ages) + 60}]
                await socket.send(json.dumps({"tokens": tokens, "sent_s": time.monotonic()}))
        await socket.send(json.dumps({"tokens": [], "finished": True}))
        pipe.send(ages)

    async def run() -> None:
        async with serve(session, "127.0.0.1", 0) as server:
            pipe.send(server.sockets[0].getsockname()[1])
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)

    asyncio.run(run())


def added_latency() -> dict[str, np.ndarray]:
    """Return the seconds to the server of each chunk, and back of each message."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    if not ours.poll(60):
        raise TimeoutError("the server did not start within a minute")
    port = ours.recv()
    back: list[float] = []

    async def speak() -> None:
        options = sx.LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1)
        connection = sx.Connection(
            api_key="local", api_base_url=f"http://127.0.0.1:{port}", websocket_url=f"ws://127.0.0.1:{port}"
        )

        def arrived(_: Any) -> None:
            sent_s = json.loads(session.log[-1].payload or "{}").get("sent_s")
            if sent_s is not None:
                back.append(time.monotonic() - sent_s)

        opened = asyncio.Event()
        async with LiveSession(
            options, connection=connection, on_update=arrived, on_state=lambda _: opened.set()
        ) as session:
            await opened.wait()
            rest = bytes(32 * CHUNK_MS - 8)
            for _ in range(CHUNKS):
                session.send(struct.pack("<d", time.monotonic()) + rest)
                await asyncio.sleep(EVERY_S)

    asyncio.run(speak())
    there = np.array(ours.recv())
    ours.send("done")
    server.join()
    return {"send → bytes at the server": there, "message → Update": np.array(back)}


def chosen() -> pd.DataFrame:
    """Return the recordings. The first one is for warming up."""
    table = pd.read_csv(SAMPLES / "manifest.csv").set_index("audio_id", drop=False)
    table = table.loc[[WARM_UP, *SPOKEN]].reset_index(drop=True)
    return table.assign(source=[str(SAMPLES / name) for name in table["source"]])


def by_processor_time() -> None:
    """Print the lags of words as on a core without other work."""
    from soniox_ds.emulator.audio import decode_file
    from soniox_ds.emulator.recognizers.whisper import WhisperRecognizer

    recognizer, parts = WhisperRecognizer(), []
    for row in chosen().to_dict("records"):
        stream, pcm = recognizer.stream({"enable_endpoint_detection": True}), decode_file(Path(row["source"]))
        size, free_ms, events = 16 * CHUNK_MS, 0.0, []
        for start in [*range(0, len(pcm), size), None]:
            at_ms = len(pcm) / 16 - CHUNK_MS if start is None else start / 16
            events.append((at_ms, "control" if start is None else "audio", "" if start is None else None))
            begun_s = time.process_time()
            update = stream.close() if start is None else stream.feed(pcm[start : start + size])
            free_ms = max(free_ms, at_ms) + 1000 * (time.process_time() - begun_s)
            tokens = [token | {"is_final": True} for token in update.final] + list(update.tail)
            events.append((free_ms, "message", json.dumps({"tokens": tokens})))
        log = pd.DataFrame(events, columns=["at_ms", "kind", "payload"]).sort_values("at_ms", kind="stable")
        heard_ms = (log["kind"].eq("audio").cumsum() * CHUNK_MS).clip(upper=len(pcm) / 16)
        log = log.assign(audio_id=row["audio_id"], session=0, offset_ms=0, audio_ms=heard_ms)
        parts.append(sx.LiveResult(pd.DataFrame([{"audio_id": row["audio_id"], "status": "completed"}]), log))
    _print_lags(concat_live_results(parts[1:]))


def stand_in() -> None:
    """Print the lags of words from the stand-in, and its word error rate."""
    table = chosen()
    load = os.getloadavg()[0]
    with sx.local_service("whisper"), tempfile.TemporaryDirectory() as folder:
        how: dict[str, Any] = {"concurrency": 1, "progress": False, "journal": Path(folder) / "journal.sqlite"}
        sx.stream_dataset(table[:1], **how)
        cpu_s = time.process_time()
        streamed = sx.stream_dataset(table[1:], enable_endpoint_detection=True, **how)
        cpu_s = time.process_time() - cpu_s
    audio_s = float(streamed.recordings["duration_ms"].sum()) / 1000
    print(f"{audio_s:.0f} s of audio streamed, load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
    _print_lags(streamed)
    errors = sx.summarize(sx.word_errors(streamed))
    print(f"{'word error rate':40s} {errors['wer'][0]:.3f}")
    print(f"{'processor seconds / second of audio':40s} {cpu_s / audio_s:.2f}, client and stand-in together")


def _print_lags(streamed: sx.LiveResult) -> None:
    lags = sx.metrics.token_latencies(streamed).set_index(["audio_id", "token_index"])
    words = streamed.words()
    last = words["first_token"] + words["token_count"] - 1
    own = lags.loc[list(zip(words["audio_id"], last, strict=True))]
    for name, values in {
        "first shown, from the end of the word": own["received_ms"] - own["end_sent_ms"],
        "settled": own["finalization_lag_ms"],
        "settled while it was still spoken": own.loc[own["settled_by"] != "end", "finalization_lag_ms"],
    }.items():
        _print(name, values.dropna().to_numpy(float))


def _print(name: str, milliseconds: np.ndarray) -> None:
    low, high = np.quantile(milliseconds, [0.5, 0.95], method="inverted_cdf")
    print(f"{name:40s} p50 {low:7.2f} ms   p95 {high:7.2f} ms   ({len(milliseconds)})")


def main() -> None:
    """Print both tables."""
    for name, seconds in added_latency().items():
        _print(name, seconds * 1000)
    by_processor_time()
    stand_in()


if __name__ == "__main__":
    main()
