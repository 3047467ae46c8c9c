"""Journals that are damaged: own errors only, or fewer results recalled; never another recording's transcript."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import warnings

import pandas as pd
import pytest
from batches import Limits, batch, settings_for, stand_in
from fuzzing import examples, seed

from soniox_ds import aio, exceptions
from soniox_ds.batch.journal import Journal

pytestmark = pytest.mark.fuzz

COUNT = 6
LIMITS = Limits(settle_s=5.0, outage_s=30.0, attempts=3)
HANGS_S = 120
PAGE = 4096

ODD = [
    *(None, 0, 1, -1, 2**31, 2**62, -(2**63), 0.5, 1e300, float("inf"), b"", b"\x00", b"\xff\xfe", "", " ", "\x00"),
    *(
        "x" * 100_000,
        "é😀",
        "\ud7ff",
        "../x",
        "job:1/a",
        "done",
        "failed",
        "created",
        "creating",
        "uploaded",
        "uploading",
    ),
    *("2026-11-30T06:00:00+00:00", "9999-12-31T23:59:59-14:00", "null", "{}", "[1", "0", "invalid_audio_file"),
]


def flip_bytes(path, rng):
    raw = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 3, 20, 300])):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    path.write_bytes(raw)


def flip_header(path, rng):
    raw = bytearray(path.read_bytes())
    for _ in range(rng.choice([1, 3])):
        raw[rng.randrange(100)] = rng.randrange(256)
    path.write_bytes(raw)


def truncate(path, rng):
    raw = path.read_bytes()
    path.write_bytes(raw[: rng.choice([rng.randrange(len(raw)), rng.randrange(len(raw) // PAGE) * PAGE, 1, 100])])


def swap_pages(path, rng):
    raw = path.read_bytes()
    pages = [raw[start : start + PAGE] for start in range(0, len(raw), PAGE)]
    one, other = rng.sample(range(len(pages)), 2)
    if rng.random() < 0.5:
        pages[one], pages[other] = pages[other], pages[one]
    else:
        pages[one] = pages[other]
    path.write_bytes(b"".join(pages))


def blank_page(path, rng):
    raw = bytearray(path.read_bytes())
    start = rng.randrange(len(raw) // PAGE) * PAGE
    raw[start : start + PAGE] = rng.choice([bytes(PAGE), rng.randbytes(PAGE), b"\xff" * PAGE])
    path.write_bytes(raw)


def garbage_in_log(path, rng):
    path.with_name(f"{path.name}-wal").write_bytes(rng.randbytes(rng.choice([1, 32, 5000])))


@contextlib.contextmanager
def loosened(path):
    """A connection to the journal whose tables take whatever they are given."""
    db = sqlite3.connect(path)
    try:
        db.execute("PRAGMA writable_schema=ON")
        db.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'")
        db.commit()
        db.close()
        db = sqlite3.connect(path)
        yield db
        db.commit()
    finally:
        db.close()


def change_fields(path, rng):
    with loosened(path) as db:
        for _ in range(rng.choice([1, 2, 5])):
            table = rng.choice(["jobs"] * 4 + ["transcripts"] * 3 + ["meta", "inspected"])
            column = rng.choice([row[1] for row in db.execute(f"PRAGMA table_info({table})")])
            where = rng.choice(["", " WHERE rowid = (SELECT min(rowid) FROM {0})", " WHERE rowid % 2"]).format(table)
            with contextlib.suppress(sqlite3.IntegrityError):
                db.execute(f"UPDATE {table} SET {column} = ?{where}", [rng.choice(ODD)])


def change_rows(path, rng):
    with loosened(path) as db:
        table = rng.choice(["jobs", "transcripts", "meta", "inspected"])
        how = rng.choice(["DELETE FROM {0} WHERE rowid % 2", "DELETE FROM {0}", "DROP TABLE {0}"])
        db.execute(how.format(table))


def change_transcripts(path, rng):
    """The rows of two recordings have each other's transcripts, whole or in part, or their jobs each other's keys."""
    with loosened(path) as db:
        if rng.random() < 0.3:
            names = [row[0] for row in db.execute("SELECT job_key FROM jobs ORDER BY rowid")]
            one, other = rng.sample(names, 2)
            for table in ("jobs", "transcripts"):
                for old, new in ((one, "x"), (other, one), ("x", other)):
                    if table == "transcripts":
                        db.execute(f"UPDATE {table} SET job_key = ? WHERE job_key = ?", [new, old])
            return
        (one, size, packed), (other, other_size, other_packed) = rng.sample(
            db.execute("SELECT rowid, bytes, zstd FROM transcripts").fetchall(), 2
        )
        how = rng.choice(["swap", "copy", "body", "digest", "plain"])
        if how == "body":
            packed = other_packed[:-24] + packed[-24:]
        elif how == "digest":
            packed = packed[:-16] + rng.randbytes(16)
        elif how == "plain":
            packed = b'{"text": "x", "tokens": "x"}'
        else:
            size, packed = other_size, other_packed
        db.execute("UPDATE transcripts SET bytes = ?, zstd = ? WHERE rowid = ?", [size, packed, one])


WAYS = [
    flip_bytes,
    flip_header,
    truncate,
    swap_pages,
    blank_page,
    garbage_in_log,
    change_fields,
    change_rows,
    change_transcripts,
]


@pytest.fixture
def original(tmp_path):
    """A journal with recordings, a running service, and the transcripts."""
    with stand_in() as service:
        for name, audio in batch(COUNT).items():
            (tmp_path / f"{name}.wav").write_bytes(audio)
        corpus = asyncio.run(aio.transcribe(tmp_path, **settings_for(service, tmp_path)))
        Journal.open(tmp_path / "journal.sqlite").close()
        yield service, tmp_path / "journal.sqlite", corpus


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
async def test_damaged_journals(way, original, tmp_path):
    service, whole, corpus = original
    files = sorted(tmp_path.glob("*.wav"))
    rng = random.Random(f"{way.__name__} {seed()}")
    for number in range(examples(8)):
        folder = tmp_path / str(number)
        folder.mkdir()
        shutil.copyfile(whole, folder / "journal.sqlite")
        way(folder / "journal.sqlite", rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            async with asyncio.timeout(HANGS_S):
                try:
                    recalled = await aio.transcribe(files, **settings_for(service, folder, limits=LIMITS))
                except exceptions.SonioxDSError:
                    continue
        own = corpus.tokens[corpus.tokens["audio_id"].isin(recalled.tokens["audio_id"].unique())]
        pd.testing.assert_frame_equal(recalled.tokens.reset_index(drop=True), own.reset_index(drop=True))
