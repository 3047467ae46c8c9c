"""The recipe for Twilio, which gets recorded messages of a call as Twilio sends them.

The messages are made here of the samples. Source of their form:
https://www.twilio.com/docs/voice/media-streams/websocket-messages
"""

import asyncio
import base64
import contextlib
import importlib.util
import itertools
import json
import re
import socket
from pathlib import Path

import av
import jiwer
import pytest
import websockets
from waiting import until_async

from soniox_ds.corpus.samples import samples_folder
from soniox_ds.emulator import local_service

RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "twilio_media_stream.py"
CALL, STREAM = "CA" + 32 * "1", "MZ" + 32 * "2"
URL, TOKEN = "wss://calls.example.com/", "token-of-the-account"
SIGNATURE = "5zTQhX34no/hoPN/2UtCKj0MxFc="  # printf URL | openssl dgst -sha1 -hmac TOKEN -binary | base64
SIGNED = {"X-Twilio-Signature": SIGNATURE}
CHUNK = 160
"""Bytes of 20 ms of mu-law at 8 kHz."""


def telephone_audio(path):
    """Return a recording as a telephone sends it: 8 kHz, mu-law, as FFmpeg encodes it."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=8_000)
    encoder = av.CodecContext.create("pcm_mulaw", "w")
    encoder.format, encoder.layout, encoder.sample_rate = "s16", "mono", 8_000
    packets = []
    with av.open(str(path)) as container:
        for frame in itertools.chain(container.decode(audio=0), [None]):
            for part in resampler.resample(frame):
                packets += encoder.encode(part)
    return b"".join(bytes(packet) for packet in [*packets, *encoder.encode(None)])


def recorded_messages(tracks, *, has_stop=True):
    """Return the messages of a call whose tracks are given as mu-law, in the order in which they arrive."""
    account = "AC" + 32 * "3"
    start = {
        "accountSid": account,
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": list(tracks),
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {},
    }
    messages = [{"event": "start", "start": start}]
    length = max(map(len, tracks.values()))
    for number, position in enumerate(range(0, length, CHUNK), start=1):
        for track, audio in tracks.items():
            # A track that is silent goes on: 0xFF is zero.
            payload = audio[position : position + CHUNK].ljust(CHUNK, b"\xff")
            media = {
                "track": track,
                "chunk": str(number),
                "timestamp": str(20 * number),
                "payload": base64.b64encode(payload).decode(),
            }
            messages.append({"event": "media", "media": media})
    if has_stop:
        messages.append({"event": "stop", "stop": {"accountSid": account, "callSid": CALL}})
    numbered = [
        message | {"sequenceNumber": str(number), "streamSid": STREAM} for number, message in enumerate(messages, 1)
    ]
    return [
        json.dumps(message) for message in [{"event": "connected", "protocol": "Call", "version": "1.0.0"}, *numbered]
    ]


@pytest.fixture
async def address(monkeypatch):
    """The address of the recipe's server, which runs on this event loop."""
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", TOKEN)
    monkeypatch.setenv("STREAM_URL", URL)
    specification = importlib.util.spec_from_file_location("twilio_media_stream", RECIPE)
    recipe = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(recipe)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = asyncio.create_task(recipe.main(port))

    def is_listening():
        with socket.socket() as probe:
            return serving.done() or probe.connect_ex(("127.0.0.1", port)) == 0

    await until_async(is_listening)
    yield f"ws://127.0.0.1:{port}/"
    serving.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await serving


async def play(address, messages):
    """Send messages as Twilio does, and wait until the server closes the connection."""
    async with websockets.connect(address, additional_headers=SIGNED) as connection:
        for message in messages:
            await connection.send(message)
        with contextlib.suppress(websockets.ConnectionClosed):
            await connection.recv()


def lines_by_track(printed):
    lines = [line.partition(": ") for line in printed.splitlines()]
    return {track: [text for name, _, text in lines if name == track] for track in ("inbound", "outbound")}


def scripted(**scripts):
    return local_service("scripted", speed=100, scripts={f"{CALL} {track}": text for track, text in scripts.items()})


async def test_the_utterances_of_both_tracks_are_printed(address, capsys):
    loud = telephone_audio(samples_folder() / "onion_soup.mp3")
    with scripted(inbound="Good morning. Two tickets, please.", outbound="Which day?") as service:
        await play(address, recorded_messages({"inbound": loud, "outbound": loud[: len(loud) // 2]}))
    assert lines_by_track(capsys.readouterr().out) == {
        "inbound": ["Good morning.", "Two tickets, please."],
        "outbound": ["Which day?"],
    }
    references = sorted(request.client_reference_id for request in service.requests if request.route == "websocket")
    assert references == [f"{CALL} inbound", f"{CALL} outbound"]
    assert service.open_streams == 0


async def test_real_words_survive_the_telephone(address, capsys):
    spoken = {
        "inbound": ("short_answer.wav", "yes that is correct"),
        "outbound": (
            "onion_soup.mp3",
            "chop two onions and soften them slowly in butter add the carrots some stock and a pinch of salt then let "
            "it simmer for half an hour",
        ),
    }
    tracks = {track: telephone_audio(samples_folder() / name) for track, (name, _) in spoken.items()}
    with local_service("whisper"):
        await play(address, recorded_messages(tracks))
    for track, lines in lines_by_track(capsys.readouterr().out).items():
        words = re.sub(r"[^a-z0-9 ]", "", " ".join(lines).lower())
        assert jiwer.wer(spoken[track][1], words) < 0.15, (track, lines)


async def test_a_call_that_breaks_off_keeps_its_words(address, capsys):
    loud = telephone_audio(samples_folder() / "market_stall.wav")
    with scripted(inbound="Good morning.") as service:
        async with websockets.connect(address, additional_headers=SIGNED) as connection:
            for message in recorded_messages({"inbound": loud}, has_stop=False):
                await connection.send(message)
            connection.transport.abort()
        await until_async(lambda: service.call(lambda rules: len(rules.usage._entries)))  # the session has ended
        printed = ""

        def has_printed():
            nonlocal printed
            printed += capsys.readouterr().out
            return printed

        assert await until_async(has_printed) == "inbound: Good morning.\n"


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": SIGNATURE.swapcase()}, {"X-Twilio-Signature": "ä"}])
async def test_strangers_are_refused(address, headers):
    with scripted() as service, pytest.raises(websockets.InvalidStatus, match="403"):
        async with websockets.connect(address, additional_headers=headers):
            pass
    assert not service.requests
