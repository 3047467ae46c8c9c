"""Temporary keys."""

import copy
import pickle
from datetime import UTC, datetime, timedelta

import pytest
import websockets

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.exceptions import AuthError, BadAnswerError, OptionsError


async def test_every_field_reaches_the_service(service):
    asked = {}

    def watch(rules):
        mint = rules.keys.mint
        rules.keys.mint = lambda body: asked.update(body) or mint(body)

    service.call(watch)
    key = await aio.account.temporary_key(
        expires_in_seconds=60,
        client_reference_id="visitor 7",
        single_use=True,
        max_session_duration_seconds=90,
    )
    assert asked == {
        "usage_type": "transcribe_websocket",
        "expires_in_seconds": 60,
        "client_reference_id": "visitor 7",
        "single_use": True,
        "max_session_duration_seconds": 90,
    }
    assert (key.usage_type, key.client_reference_id, key.single_use) == ("transcribe_websocket", "visitor 7", True)
    assert key.max_session_duration_seconds == 90
    asked.clear()
    await aio.account.temporary_key(usage_type="tts_rt")
    assert asked == {"usage_type": "tts_rt", "expires_in_seconds": 300}


def test_the_key_is_hidden(service):
    key = sx.account.temporary_key()
    value = key.reveal()
    assert value.startswith("snx_temp_")
    for shown in (repr(key), str(key), f"{key}", repr([key]), repr(vars(key)), repr(copy.deepcopy(key))):
        assert value not in shown
    with pytest.raises(TypeError, match="pickle"):
        pickle.dumps(key)


def test_the_expiry_is_a_datetime(service):
    key = sx.account.temporary_key(expires_in_seconds=3600)
    assert key.expires_at.tzinfo is UTC
    assert key.expires_at > datetime.now(UTC) + timedelta(seconds=3500)


async def test_the_key_opens_a_stream_once(service):
    key = await aio.account.temporary_key(single_use=True)
    start = '{"model": "stt-rt-v6", "audio_format": "auto"}'
    for expected in ("No audio", "temporary API key"):
        headers = {"Authorization": f"Bearer {key.reveal()}"}
        async with websockets.connect(service.ws_url, additional_headers=headers) as socket:
            await socket.send(start)
            await socket.send("")
            assert expected in await socket.recv()


@pytest.mark.parametrize(
    "wrong",
    [
        {"expires_in_seconds": 0},
        {"expires_in_seconds": 3601},
        {"expires_in_seconds": 1.5},
        {"usage_type": "files"},
        {"client_reference_id": "x" * 257},
        {"single_use": 1},
        {"max_session_duration_seconds": 0},
        {"max_session_duration_seconds": 18_001},
    ],
)
async def test_values_out_of_range_are_refused_before_anything_is_sent(service, wrong):
    with pytest.raises(OptionsError, match=next(iter(wrong))):
        await aio.account.temporary_key(**wrong)
    assert not service.requests


async def test_a_key_without_the_permission(service):
    service.call(lambda rules: rules.keys.add("narrow", ["files"]))
    with pytest.raises(AuthError, match="permission"):
        await aio.account.temporary_key(connection=sx.Connection(api_key="narrow", api_base_url=service.base_url))


async def test_an_expiry_that_is_no_time_is_refused(service):
    answer = {"api_key": "snx_temp_secret", "expires_at": "soon"}
    service.call(lambda rules: setattr(rules.keys, "mint", lambda body: answer))
    with pytest.raises(BadAnswerError, match="expiry") as raised:
        await aio.account.temporary_key()
    assert "snx_temp_secret" not in str(raised.value)
