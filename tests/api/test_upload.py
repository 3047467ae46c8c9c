"""Uploads: the form equals the official SDK's, memory does not grow, and a file that changes is noticed."""

from __future__ import annotations

import asyncio
import os
import re
import threading
import tracemalloc
from pathlib import Path

import httpx
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from soniox import SonioxClient
from soniox.errors import SonioxAPIError
from waiting import until, until_async
from wire import HANG, RESET, Wire, answer

from soniox_ds import exceptions
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.api.multipart import PIECE_BYTES, UploadBody, _File, safe_filename
from soniox_ds.api.retry import Backoff

UPLOADED = answer(201, {"id": "new"})
RATE = answer(429, {"error_type": "limit_exceeded", "message": "Rate limit for your project has been exceeded."})


def client_of(wire, **options):
    return Client(Connection("key", api_base_url=wire.url), retry=Backoff(attempts=3, initial_s=0), **options)


def without_boundary(content_type, body):
    boundary = content_type.split("boundary=")[1].encode()
    return content_type.split(";")[0], body.replace(boundary, b"BOUNDARY")


@pytest.fixture(scope="module")
def form_of_sdk():
    """The form that SDK 2.10 sends for an upload: (type, body)."""
    sent = []

    def keep(request):
        sent.append(without_boundary(request.headers["content-type"], request.read()))
        return httpx.Response(500)

    with SonioxClient(api_key="key", api_base_url="http://127.0.0.1:1/v1") as client:
        client._http_client.close()
        client._http_client = httpx.Client(base_url=client.api_base_url, transport=httpx.MockTransport(keep))

        def ask(source, **arguments):
            sent.clear()
            with pytest.raises(SonioxAPIError):
                client.files.upload(source, **arguments)
            return sent[0]

        yield ask


def form_of(source, filename, client_reference_id=None):
    body = UploadBody(source, filename=filename, client_reference_id=client_reference_id)

    async def read():
        return b"".join([piece async for piece in body])

    content = asyncio.run(read())
    body.close()
    assert len(content) == body.content_length
    return without_boundary(body.content_type, content)


# What a name on disk can hold, within the length that is kept as it is; ESC and DEL, which the SDK lets through, are
# escaped by us like all other control characters.
file_names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\x00\x1b\x7f") | st.sampled_from('"\\\r\n\t;=é東🎧 '),
    min_size=1,
    max_size=60,
).filter(lambda name: name not in (".", ".."))


@settings(max_examples=examples(50))
@given(
    name=file_names, reference=st.none() | st.text(st.characters(codec="utf-8"), max_size=40), raw=st.binary(max_size=9)
)
def test_the_form_is_the_one_of_the_sdk(form_of_sdk, name, reference, raw):
    expected = form_of_sdk(raw, filename=name, client_reference_id=reference)
    kind, body = form_of(raw, safe_filename(name), reference)
    assert kind == expected[0] == "multipart/form-data"
    assert body == expected[1]


def test_a_path_is_sent_as_by_the_sdk(form_of_sdk, tmp_path):
    path = tmp_path / "two words é.flac"
    path.write_bytes(bytes(range(256)) * 3000)
    assert form_of(path, path.name, "ref") == form_of_sdk(path, client_reference_id="ref")


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        (b"caf\xe9.wav".decode("utf-8", "surrogateescape"), "caf\ufffd.wav"),
        ("a" * 300 + ".wav", "a" * 251 + ".wav"),
        ("🎧" * 300 + ".flac", "🎧" * 250 + ".flac"),
        ("a" * 300, "a" * 255),
        ("a." + "b" * 300, "a." + "b" * 15),
        ("", "upload.bin"),
        ("ok.wav", "ok.wav"),
    ],
)
def test_every_name_becomes_one_that_can_be_sent(name, sent):
    assert safe_filename(name) == sent
    form_of(b"", safe_filename(name))


@given(st.text())
def test_no_name_breaks_out_of_its_header(name):
    _, body = form_of(b"", safe_filename(name))
    head = body.split(b"\r\n\r\n")[0].decode()
    assert re.fullmatch(
        r'--BOUNDARY\r\nContent-Disposition: form-data; name="file"; filename="[^"\x00-\x1f\x7f]*"\r\n'
        r"Content-Type: [\w./+-]+",
        head,
    )


async def test_the_stand_in_understands_all_names(service, tmp_path):
    names = ["a b.wav", 'quo"te.wav', "emoji 🎧.wav", "semi;colon=.wav", "ä" * 120 + ".wav"]
    async with Client(Connection()) as client:
        for name in names:
            path = tmp_path / name
            path.write_bytes(b"RIFF")
            kept = (await client.upload_file(path))["filename"]
            assert kept.replace("%22", '"') == name  # servers differ in whether they undo the escape
        odd = tmp_path / os.fsdecode(b"caf\xe9.wav")
        odd.write_bytes(b"RIFF")
        assert (await client.upload_file(odd))["filename"] == "caf\ufffd.wav"
    assert len(service.files) == 6


async def test_the_length_is_known_and_progress_is_told(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(os.urandom(3 * PIECE_BYTES + 5))
    told = []
    async with Wire(RATE, UPLOADED) as wire, client_of(wire) as client:
        await client.upload_file(str(path), on_progress=lambda sent, size: told.append((sent, size)))
        for request in wire.requests:
            assert int(request.headers["content-length"]) == request.size == len(request.body)
            assert "transfer-encoding" not in request.headers
            assert path.read_bytes() in request.body
    size = 3 * PIECE_BYTES + 5
    once = [(n * PIECE_BYTES, size) for n in (1, 2, 3)] + [(size, size)]
    assert told == once * 2  # the second attempt reads the file from its start


@pytest.mark.parametrize("megabytes", [200])
async def test_memory_does_not_grow_with_the_file(tmp_path, megabytes):
    path = tmp_path / "large.wav"
    with path.open("wb") as file:
        file.truncate(megabytes * 1_000_000)
    async with Wire(UPLOADED, keep_bodies=False) as wire, client_of(wire) as client:
        await client.upload_file(b"warm up")
        tracemalloc.start()
        try:
            await client.upload_file(path)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert wire.requests[-1].size > megabytes * 1_000_000
    assert peak < 8_000_000


# Files that cannot be sent

CHANGES = {
    "shrunk": (
        lambda path: os.truncate(path, PIECE_BYTES + 1),
        "it ended [0-9,]+ bytes short of its former [0-9,]+ bytes",
    ),
    "grown": (lambda path: os.truncate(path, 9 * PIECE_BYTES), "its size changed from [0-9,]+ to [0-9,]+ bytes"),
    "rewritten": (lambda path: os.utime(path, (1, 1)), "it was written to"),
    "gone": (lambda path: path.unlink(), "cannot be read: No such file"),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES)
async def test_a_file_that_changes_on_the_way_is_broken_off(tmp_path, change, message):
    """The service must never take a half file for a whole one, and nothing is asked again."""
    path = tmp_path / "a.wav"
    path.write_bytes(os.urandom(4 * PIECE_BYTES))
    changed = []

    def on_progress(sent, size):
        if not changed:
            change(path)
            changed.append(sent)

    async with Wire(UPLOADED) as wire:
        async with client_of(wire) as client:
            with pytest.raises(exceptions.SourceError, match=message):
                await client.upload_file(path, on_progress=on_progress)
            assert (await client.upload_file(b"next"))["id"] == "new"
        await until_async(lambda: wire.broken_off)
        assert len(wire.requests) == 1  # only the next one was ever whole
        assert wire.connections == 2


async def test_sources_that_are_no_files_are_refused_before_a_request(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    async with Wire(UPLOADED) as wire, client_of(wire) as client:
        for path in (tmp_path, tmp_path / "absent.wav", tmp_path / "pipe", Path("/dev/null")):
            with pytest.raises(exceptions.SourceError, match=r"cannot be read|is not a file that can be uploaded"):
                await client.upload_file(path)
        assert wire.connections == 0


async def test_no_file_stays_open_whatever_happens(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(os.urandom(8 * PIECE_BYTES))

    def open_files():
        found = []
        for fd in os.listdir("/proc/self/fd"):
            try:
                found.append(os.readlink(f"/proc/self/fd/{fd}"))
            except OSError:
                continue
        return [name for name in found if name == str(path)]

    async with (
        Wire(UPLOADED, RESET, HANG) as wire,
        client_of(wire) as client,
        client_of(wire, timeout_s=0.2) as hasty,
    ):
        await client.upload_file(path)
        assert open_files() == []
        with pytest.raises(exceptions.ConnectionFailed):
            await client.upload_file(path)
        assert open_files() == []
        with pytest.raises(exceptions.ConnectionFailed):
            await hasty.upload_file(path)
        await until_async(lambda: not open_files())  # where the machine stalls, it may be in the middle of the file

        def stop(sent, size):
            asyncio.current_task().cancel()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(client.upload_file(path, on_progress=stop))
        await until_async(lambda: not open_files())  # the thread that is reading closes it


def test_a_file_closed_while_it_is_read_is_closed_by_the_reader(tmp_path):
    """A pipe makes the read wait for as long as the test wants."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = os.open(path, os.O_RDWR)
    try:
        file = _File(path)
        got = []
        reader = threading.Thread(target=lambda: got.append(file.read(4)))
        reader.start()
        until(file._reading.locked)
        file.close()
        assert not file._raw.closed
        os.write(writing, b"RIFF")
        reader.join()
        assert got == [b"RIFF"]
        assert file._raw.closed
    finally:
        os.close(writing)
