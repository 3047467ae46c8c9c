"""Bodies of answers: unpacked as they come, and never longer than they may be."""

from __future__ import annotations

import contextlib
import gzip
import json
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import Wire, answer

from soniox_ds import exceptions
from soniox_ds.api import client as client_module
from soniox_ds.api import transport
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.api.response_body import BadEncoding, TooLong, read_body
from soniox_ds.api.retry import Backoff

ONCE = Backoff(attempts=1)


async def cut(packed, size):
    for start in range(0, len(packed), size):
        yield packed[start : start + size]


def deflated(content):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


PACKERS = {
    "": lambda content: content,
    "identity": lambda content: content,
    "gzip": gzip.compress,
    "GZIP": lambda content: gzip.compress(content[:7]) + gzip.compress(content[7:]),  # two members
    "x-gzip": lambda content: gzip.compress(content) + b"\0\0\0",  # padding
    "deflate": zlib.compress,
    " deflate ": deflated,
    "gzip, deflate": lambda content: zlib.compress(gzip.compress(content)),
}


@pytest.mark.parametrize("encoding", PACKERS)
@given(content=st.binary(max_size=2000).map(lambda content: content * 5), size=st.integers(1, 700))
async def test_however_it_is_packed_and_cut_it_comes_out_whole(encoding, content, size):
    packed = PACKERS[encoding](content)
    assert await read_body(cut(packed, size), encoding, 20_000) == content
    if content:
        with pytest.raises(TooLong) as caught:
            await read_body(cut(packed, size), encoding, len(content) - 1)
        assert caught.value.body == content[:-1]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, deflate"])
@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.99])
async def test_a_body_that_is_cut_off_is_noticed(encoding, keep):
    packed = PACKERS[encoding](bytes(range(256)) * 10)
    with pytest.raises(BadEncoding):
        await read_body(cut(packed[: int(len(packed) * keep)], 100), encoding, 20_000)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, br", "gzip, gzip, gzip", "a" * 1000])
async def test_unrequested_encodings_are_refused(encoding):
    with pytest.raises(BadEncoding, match="gzip, deflate was requested"):
        await read_body(cut(b"abc", 1), encoding, 100)


@given(st.binary(max_size=300), st.sampled_from(["gzip", "deflate", "deflate, gzip"]))
async def test_whatever_bytes_come_there_is_one_of_two_errors_or_a_body(packed, encoding):
    with contextlib.suppress(BadEncoding, TooLong):
        assert len(await read_body(cut(packed, 50), encoding, 1000)) <= 1000


def packed_answer(content, encoding="gzip", status=200):
    return answer(status, PACKERS[encoding](content), {"Content-Encoding": encoding})


async def test_a_decompression_bomb_takes_no_memory():
    """1.5 MB of gzip that are 1.5 GB of white space; the bound of most answers is 16 MB."""
    packer = zlib.compressobj(9, wbits=31)
    beginning = packer.compress(b" " * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush, nothing refers to what was before: the same bytes can be sent again and again.
    piece = packer.compress(b" " * (1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    bomb = beginning + piece * 94
    assert len(zlib.decompressobj(wbits=31).decompress(bomb, 5 << 24)) == 5 << 24
    assert len(bomb) < 2_000_000
    everything = answer(200, bomb, {"Content-Encoding": "gzip"})
    async with Wire(everything) as wire, Client(Connection("any", api_base_url=wire.url), retry=ONCE) as client:
        tracemalloc.start()
        for ask in (client.list_models, client.count_files, client.concurrency_limits):
            with pytest.raises(exceptions.BadAnswerError, match="longer than the 16,777,216 bytes"):
                await ask()
        with pytest.raises(exceptions.BadAnswerError, match="longer than the"):
            await client.get_transcript("a", audio_ms=1000)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 100 << 20


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
async def test_only_the_beginning_of_a_refusal_is_read(status):
    bomb = packed_answer(b"no " * 2_000_000, status=status)
    async with Wire(bomb) as wire, Client(Connection("any", api_base_url=wire.url), retry=ONCE) as client:
        with pytest.raises(exceptions.SonioxDSError, match=rf"\({status} without slug") as caught:
            await client.list_files()
    assert "1,048,576 bytes" in str(caught.value)


def transcript(characters):
    return json.dumps({"id": "a", "text": "", "tokens": [], "more": "x" * characters}).encode()


async def test_a_transcript_may_be_longer_where_its_audio_is_longer(monkeypatch):
    monkeypatch.setattr(client_module, "LONGEST_ANSWER", 10_000)
    raw = transcript(100_000)
    packed = packed_answer(raw)
    async with Wire(packed) as wire, Client(Connection("any", api_base_url=wire.url), retry=ONCE) as client:
        with pytest.raises(exceptions.BadAnswerError, match="longer than the 58,000 bytes"):
            await client.get_transcript("a", audio_ms=3000)
        assert await client.get_transcript("a", audio_ms=10_000) == raw
        assert await client.get_transcript("a") == raw  # of unknown length: five hours


async def test_the_longest_transcript_that_there_can_be_is_taken():
    """Five hours at ten tokens a second, all fields filled in, original and translation."""
    token = (
        '{"text":" Donaudampf","start_ms":12345678,"end_ms":12345738,"confidence":0.9967290163040161,"speaker":"12",'
        '"language":"de","translation_status":"translation","source_language":"en","is_audio_event":null},'
    )
    tokens = 5 * 3600 * 10 * 2
    assert (
        len(token) * tokens * 2
        < client_module.LONGEST_AUDIO_MS / 1000 * client_module.TRANSCRIPT_BYTES_PER_S + client_module.LONGEST_ANSWER
    )


@pytest.mark.parametrize("how", ["plain", "chunked"])
async def test_a_body_without_an_end_is_left(how, monkeypatch):
    """The body is sent as fast as possible and never ends."""
    monkeypatch.setattr(transport, "LONGEST_ANSWER", 100_000)
    monkeypatch.setattr(client_module, "LONGEST_PAGE", 100_000)
    sent = 0

    class Endless(Wire):
        async def _one(self, reader, writer):
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            length = "Transfer-Encoding: chunked" if how == "chunked" else "Content-Length: 99999999999999"
            writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode())
            while True:
                piece = b" " * 16_384
                writer.write(b"4000\r\n" + piece + b"\r\n" if how == "chunked" else piece)
                sent += len(piece)
                await writer.drain()

    async with Endless() as wire, Client(Connection("any", api_base_url=wire.url), retry=ONCE) as client:
        with pytest.raises(exceptions.BadAnswerError, match="longer than the 100,000 bytes"):
            await client.list_files()
    assert sent < 100 << 20
