"""The addresses of a connection, and the secrecy of its key."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.api.clock import Clock
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import InputError, SetupError

CANARY = "canary-key-0123456789"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in ("SONIOX_API_KEY", "SONIOX_API_BASE_URL", "SONIOX_WS_URL"):
        monkeypatch.delenv(name, raising=False)


PLACES = [
    # arguments; base URL, streams, service, region
    ({}, "https://api.soniox.com/v1", "wss://stt-rt.soniox.com/transcribe-websocket", "api.soniox.com", "us"),
    (
        {"region": "eu"},
        "https://api.eu.soniox.com/v1",
        "wss://stt-rt.eu.soniox.com/transcribe-websocket",
        "api.eu.soniox.com",
        "eu",
    ),
    (
        {"region": "jp"},
        "https://api.jp.soniox.com/v1",
        "wss://stt-rt.jp.soniox.com/transcribe-websocket",
        "api.jp.soniox.com",
        "jp",
    ),
    (
        {"api_base_url": "https://api.eu.soniox.com/"},
        "https://api.eu.soniox.com/v1",
        "wss://stt-rt.eu.soniox.com/transcribe-websocket",
        "api.eu.soniox.com",
        "eu",
    ),
    (
        {"api_base_url": "https://api.in.soniox.com/v1/"},
        "https://api.in.soniox.com/v1",
        "wss://stt-rt.in.soniox.com/transcribe-websocket",
        "api.in.soniox.com",
        "in",
    ),
    (
        {"region": "in"},
        "https://api.in.soniox.com/v1",
        "wss://stt-rt.in.soniox.com/transcribe-websocket",
        "api.in.soniox.com",
        "in",
    ),
    (
        {"api_base_url": "https://api.kr-2.soniox.com"},
        "https://api.kr-2.soniox.com/v1",
        "wss://stt-rt.kr-2.soniox.com/transcribe-websocket",
        "api.kr-2.soniox.com",
        "kr-2",
    ),
    (
        {"api_base_url": "https://api.us.soniox.com"},
        "https://api.us.soniox.com/v1",
        "wss://stt-rt.us.soniox.com/transcribe-websocket",
        "api.us.soniox.com",
        None,
    ),
    (
        {"api_base_url": "http://127.0.0.1:8765/v1//"},
        "http://127.0.0.1:8765/v1",
        "ws://127.0.0.1:8765/transcribe-websocket",
        "local",
        None,
    ),
    (
        {"api_base_url": " http://localhost:80 "},
        "http://localhost:80/v1",
        "ws://localhost:80/transcribe-websocket",
        "local",
        None,
    ),
    (
        {"api_base_url": "http://[::1]:9"},
        "http://[::1]:9/v1",
        "ws://[::1]:9/transcribe-websocket",
        "local",
        None,
    ),
    ({"api_base_url": "https://Proxy.example/soniox"}, "https://Proxy.example/soniox/v1", None, "proxy.example", None),
    ({"api_base_url": "https://p.example:444"}, "https://p.example:444/v1", None, "p.example:444", None),
    (
        {"websocket_url": "wss://p.example/live"},
        "https://api.soniox.com/v1",
        "wss://p.example/live",
        "api.soniox.com",
        "us",
    ),
    # a host that only looks like the vendor's is not
    ({"api_base_url": "https://api.notsoniox.com"}, "https://api.notsoniox.com/v1", None, "api.notsoniox.com", None),
]


@pytest.mark.parametrize(("arguments", "base_url", "stream_url", "service", "region"), PLACES, ids=str)
def test_addresses(arguments, base_url, stream_url, service, region):
    connection = Connection(api_key="key", **arguments)
    assert connection.api_base_url == base_url
    assert connection.websocket_url == stream_url
    assert connection.service == service
    assert connection.region == region


@pytest.mark.parametrize("url", ["http://127.0.0.1:5", "http://127.0.0.1:5/", "http://127.0.0.1:5/v1"])
def test_the_environment_is_read(monkeypatch, url):
    monkeypatch.setenv("SONIOX_API_KEY", CANARY + "\n")
    monkeypatch.setenv("SONIOX_API_BASE_URL", url)
    monkeypatch.setenv("SONIOX_WS_URL", "ws://127.0.0.1:6/x")
    connection = Connection()
    assert connection.api_base_url == "http://127.0.0.1:5/v1"
    assert connection.websocket_url == "ws://127.0.0.1:6/x"
    assert connection.service_headers() == {"Authorization": f"Bearer {CANARY}"}


def test_arguments_win_over_the_environment(monkeypatch):
    monkeypatch.setenv("SONIOX_API_KEY", "other")
    monkeypatch.setenv("SONIOX_API_BASE_URL", "http://127.0.0.1:5")
    monkeypatch.setenv("SONIOX_WS_URL", "ws://127.0.0.1:6/x")
    connection = Connection(CANARY, api_base_url="http://127.0.0.1:7")
    assert connection.api_base_url == "http://127.0.0.1:7/v1"
    assert connection.websocket_url == "ws://127.0.0.1:7/transcribe-websocket"  # of the same server, not of another one
    assert connection.api_key.reveal() == CANARY
    proxied = Connection(CANARY, api_base_url="https://p.example")
    assert proxied.websocket_url == "ws://127.0.0.1:6/x"  # cannot be told from the address


@pytest.mark.parametrize(
    ("region", "meant"),
    [
        ("kr", None),
        ("br", None),
        ("eu-west-1", "eu"),
        ("europe", "eu"),
        ("ue", "eu"),
        ("usa", "us"),
        ("use", "us"),
        ("india", "in"),
        ("jpn", "jp"),
        ("japan", "jp"),
    ],
)
def test_an_unknown_region_follows_the_pattern_and_is_asked_about(region, meant):
    with pytest.warns(
        UserWarning, match=f"region '{region}' is not one of the regions that this version knows"
    ) as told:
        connection = Connection(CANARY, region=region)
    assert connection.region == region
    assert connection.api_base_url == f"https://api.{region}.soniox.com/v1"
    assert connection.stream_url() == f"wss://stt-rt.{region}.soniox.com/transcribe-websocket"
    said = str(told[0].message)
    assert ("Did you mean" in said) == (meant is not None)
    assert meant is None or f"Did you mean '{meant}'?" in said
    assert told[0].filename == __file__


def test_a_region_against_the_environment_is_a_contradiction(monkeypatch):
    monkeypatch.setenv("SONIOX_API_BASE_URL", "http://127.0.0.1:5")
    with pytest.raises(SetupError, match="region='eu' was given, but SONIOX_API_BASE_URL is 'http://127"):
        Connection("key", region="eu")
    monkeypatch.setenv("SONIOX_API_BASE_URL", "https://api.eu.soniox.com")
    assert Connection("key", region="eu").region == "eu"
    with pytest.raises(InputError, match="contradict each other"):
        Connection("key", region="jp", api_base_url="https://api.eu.soniox.com")


def test_without_a_key_both_ways_on_are_named(monkeypatch):
    monkeypatch.setenv("SONIOX_API_KEY", "  ")
    for arguments in ({}, {"api_key": ""}, {"api_key": "  "}):
        with pytest.raises(SetupError, match=r"SONIOX_API_KEY.*sx\.local_service\(\)"):
            Connection(**arguments)


@pytest.mark.parametrize("key", [f"{CANARY} x", f"{CANARY}\nX-Evil: 1", f"“{CANARY}”", f"{CANARY}\x00"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key):
    with pytest.raises(SetupError, match="contains characters that no key contains") as caught:
        Connection(key)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"region": "EU"}, r"region is 'EU'; .* such as us, eu, in, jp\. Did you mean 'eu'\?"),
        ({"region": " jp"}, "Did you mean 'jp'"),
        ({"region": "eu_west"}, "Did you mean 'eu'"),
        ({"region": ""}, "it is a name in lower-case letters"),
        ({"region": "x"}, "it is a name in lower-case letters"),
        ({"region": "eu.evil.example/"}, "it is a name in lower-case letters"),
        ({"region": "-eu"}, "it is a name in lower-case letters"),
        ({"region": 1}, "region is 1; it is a name such as us, eu, in, jp"),
        ({"api_base_url": "api.soniox.com"}, "starts with https://"),
        ({"api_base_url": "ftp://api.soniox.com"}, "starts with https://"),
        ({"api_base_url": "http://api.soniox.com"}, "would send the key unencrypted"),
        ({"api_base_url": "http://127.0.0.1.example"}, "would send the key unencrypted"),
        ({"api_base_url": "https://me:pass@api.soniox.com"}, "contains a user name or password"),
        ({"api_base_url": "https://api.soniox.com?a=1"}, "must not have a query"),
        ({"api_base_url": "https://api.soniox.com:port"}, "is not an address"),
        ({"api_base_url": "https://"}, "starts with"),
        ({"api_base_url": 5}, "is a string"),
        ({"websocket_url": "https://api.soniox.com"}, "starts with wss://"),
        ({"websocket_url": "ws://api.soniox.com"}, "would send the key unencrypted"),
    ],
)
def test_an_address_that_cannot_be_one_is_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        Connection("key", **arguments)


def test_streams_without_an_address_say_what_to_set():
    with pytest.raises(SetupError, match="SONIOX_WS_URL"):
        Connection("key", api_base_url="https://p.example").stream_url()


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.:", min_size=8, max_size=40).map("K".__add__))
def test_the_key_is_in_no_text_and_no_pickle(key):
    connection = Connection(key, api_base_url="https://p.example")
    texts = [repr(connection), str(connection), f"{connection}", repr(vars(connection)), repr(connection.api_key)]
    texts += [repr(dataclasses.asdict(connection)), str(connection.api_key)]
    assert not any(key in text for text in texts)
    for write in (pickle.dumps, copy.copy, copy.deepcopy):
        if write is pickle.dumps:
            with pytest.raises(TypeError, match="a Connection cannot be pickled"):
                write(connection)
        else:
            assert write(connection) == connection


def test_a_connection_is_a_value():
    assert Connection("key", "eu") == Connection("key", api_base_url="https://api.eu.soniox.com")
    assert Connection("key") != Connection("other")
    assert len({Connection("key"), Connection("key")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        Connection("key").region = "eu"


# The clock


def test_a_fast_clock_runs_evenly():
    clock = Clock(speed=1000)

    async def main():
        before, date = clock.now(), clock.utcnow()
        await clock.sleep(10)
        return clock.now() - before, (clock.utcnow() - date).total_seconds()

    passed_s, dates_s = asyncio.run(main())
    assert passed_s >= 10
    assert dates_s >= 10
    assert clock.utcnow().tzinfo is not None


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_clock_runs_forwards(speed):
    with pytest.raises(ValueError, match="speed is"):
        Clock(speed)
