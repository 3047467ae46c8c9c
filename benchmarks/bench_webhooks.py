"""The receiver of webhooks against SQLite itself: the same deliveries in the same number of group commits.

The receiver is called as an ASGI server calls it, without a network. Deliveries that arrive at the same time are
committed together, each before its answer. The plain group commits write the same rows in groups of the same sizes, as
durably (WAL, full sync). Both run in turns, round after round, so that a busy machine slows both.
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import soniox_ds as sx
from soniox_ds.batch.journal_writer import Writer

ROUNDS = 25
SECRET = "a secret of the benchmark"
SCOPE = {"type": "http", "method": "POST", "headers": [(b"x-soniox-webhook-secret", SECRET.encode())]}


def main(deliveries: int = 512, at_once: tuple[int, ...] = (1, 8, 64)) -> None:
    """Print one line for each number of deliveries that arrive at the same time."""
    print("at once   group commits   receiver   plain SQLite   ratio of the medians   (at most 2)")
    for together in at_once:
        number = deliveries if together > 1 else deliveries // 4
        receiver_s, plain_s, groups = measure(number, together)
        print(
            f"{together:7}   {groups:13}   {receiver_s * 1e6 / number:5.0f} us   {plain_s * 1e6 / number:9.0f} us   "
            f"{receiver_s / plain_s:20.2f}"
        )


def measure(number: int, together: int, rounds: int = ROUNDS) -> tuple[float, float, int]:
    """Return the median seconds of the receiver and of SQLite, and the number of group commits of the last round."""
    receiver_times, plain_times, sizes = [], [], list[int]()
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            seconds, sizes = asyncio.run(deliver(Path(folder), number, together))
            receiver_times.append(seconds)
            plain_times.append(commit(Path(folder), sizes))
    return statistics.median(receiver_times), statistics.median(plain_times), len(sizes)


async def deliver(folder: Path, number: int, together: int) -> tuple[float, list[int]]:
    """Return the seconds that the receiver takes for all deliveries, and the sizes of its group commits."""
    path = folder / "journal.sqlite"
    receiver = sx.WebhookReceiver(journal=path, auth_header_value=SECRET)
    await one(receiver, "warm-up")
    sizes: list[int] = []
    transact = Writer._transact

    def counted(writer: Writer, items: list[Any]) -> list[Any]:
        sizes.append(len(items))
        return transact(writer, items)

    ids = iter(range(number))

    async def sender() -> None:
        for index in ids:
            await one(receiver, f"{index:08}-6f0b-4b53-9a55-1d2a3b4c5d6e")

    Writer._transact = counted  # type: ignore[method-assign]
    try:
        start = time.perf_counter()
        await asyncio.gather(*(sender() for _ in range(together)))
        seconds = time.perf_counter() - start
    finally:
        Writer._transact = transact  # type: ignore[method-assign]
    receiver._close_journal()
    return seconds, sizes


async def one(receiver: sx.WebhookReceiver, transcription_id: str) -> None:
    """Deliver one webhook."""
    body = b'{"id": "%s", "status": "completed"}' % transcription_id.encode()
    answers = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message.get("status"))

    await receiver(dict(SCOPE), receive, send)
    if answers[0] != 200:
        raise RuntimeError(f"the receiver answered {answers[0]}")


def commit(folder: Path, sizes: list[int]) -> float:
    """Return the seconds that SQLite takes for group commits of these sizes."""
    db = sqlite3.connect(folder / "plain.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE deliveries (transcription_id TEXT PRIMARY KEY, status TEXT NOT NULL, received_at REAL)")
    ids = iter(range(sum(sizes)))
    start = time.perf_counter()
    for size in sizes:
        db.execute("BEGIN IMMEDIATE")
        for _ in range(size):
            db.execute(
                "INSERT INTO deliveries VALUES (?, ?, ?)",
                [f"{next(ids):08}-6f0b-4b53-9a55-1d2a3b4c5d6e", "completed", time.time()],
            )
        db.execute("COMMIT")
    seconds = time.perf_counter() - start
    db.close()
    return seconds


if __name__ == "__main__":
    main()
