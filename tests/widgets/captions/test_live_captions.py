"""Live captions without a browser: what views may send, and what becomes of it."""

import asyncio
import io
import time
import wave

import pandas as pd
import pytest
from tones import ToneRecognizer, pcm_bytes, random_words, speak

import soniox_ds as sx
from soniox_ds._background import event_loop
from soniox_ds.emulator import local_service
from soniox_ds.live.transcript import Transcript
from soniox_ds.widgets.captions import playback as playback_module

WORDS, PAUSES = random_words(3, 12)
PATIENCE_S = 30


@pytest.fixture
def tones():
    with local_service(ToneRecognizer(), speed=20) as service:
        yield service


@pytest.fixture
def captions(tones):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        writer.writeframes(pcm_bytes(speak(WORDS, pauses_ms=PAUSES)[0]))
    made = sx.LiveCaptions(file.getvalue(), enable_endpoint_detection=True)
    made.sent = []
    made._send = made.sent.append  # what would go to the page
    yield made
    made.close()


def press(captions, *messages):
    for message in messages:
        captions._heard(captions.widget, message, [])


def sessions(service):
    return [request for request in service.requests if request.route == "websocket"]


async def eventually(condition):
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  other threads set no events
            await asyncio.sleep(0.01)


async def test_two_views_that_press_play_open_one_session(tones, captions):
    press(captions, {"type": "play"}, {"type": "play"}, {"type": "at", "ms": 900.0}, {"type": "play"})
    await eventually(lambda: tones.open_streams)
    press(captions, {"type": "ended"})
    async with asyncio.timeout(PATIENCE_S):
        streamed = await captions.until_ended()
    assert streamed.text.split() == WORDS
    assert len(sessions(tones)) == 1
    assert [message["type"] for message in captions.sent].count("playing") == 1
    await eventually(lambda: not tones.open_streams)
    press(captions, {"type": "play"})  # and it can be played again
    await eventually(lambda: tones.open_streams)
    assert len(sessions(tones)) == 2
    captions.close()
    await eventually(lambda: not tones.open_streams)


async def test_closed_it_plays_no_more(tones, captions):
    press(captions, {"type": "play"}, {"type": "play"})
    captions.close()
    await eventually(lambda: not tones.open_streams)
    opened = len(sessions(tones))
    press(captions, {"type": "play"})
    captions.close()
    await eventually(lambda: not tones.open_streams)
    assert len(sessions(tones)) == opened <= 1


async def test_a_page_that_is_gone_ends_it_but_a_kernel_that_stood_still_does_not(tones, captions, monkeypatch):
    monkeypatch.setattr(playback_module, "TICK_S", 0.02)
    monkeypatch.setattr(playback_module, "SILENT_PAGE_S", 0.2)
    press(captions, {"type": "play"}, {"type": "at", "ms": 900.0})

    def stand_still():
        time.sleep(0.4)

    event_loop().call_soon_threadsafe(stand_still)
    press(captions, {"type": "at", "ms": 2500.0})
    await eventually(lambda: captions.sent and captions.sent[-1]["type"] == "over")
    session = captions._playback.session
    assert session.audio_ms == pytest.approx(2500, abs=1)
    assert captions.state == "finished"
    assert recorded_as(captions) == ("failed", "unfinished")


@pytest.mark.parametrize("end", ["stop", "hello"], ids=["stopped", "another page"])
async def test_only_what_ended_in_order_is_completed(tones, captions, end):
    press(captions, {"type": "play"}, {"type": "at", "ms": 900.0}, {"type": end})
    await eventually(lambda: captions.sent and captions.sent[-1]["type"] == "over")
    assert recorded_as(captions) == (("completed", None) if end == "stop" else ("failed", "unfinished"))


def recorded_as(captions):
    row = captions.result().recordings.loc[0]
    return row["status"], None if pd.isna(row["error_type"]) else row["error_type"]


async def test_an_internal_error_ends_the_captions_and_is_raised(tones, captions, monkeypatch, caplog):
    def raising(*_, **__):
        raise ZeroDivisionError("a mistake of mine")

    monkeypatch.setattr(Transcript, "fold", raising)
    press(captions, {"type": "play"}, {"type": "at", "ms": 3000.0})
    with pytest.raises(ZeroDivisionError, match="a mistake of mine"):
        async with asyncio.timeout(PATIENCE_S):
            await captions.until_ended()
    assert captions.sent[-1] == {"type": "over", "trouble": "a mistake of mine", "state": "failed"}
    assert "a mistake of mine" in caplog.text


async def test_a_page_that_cannot_be_reached_costs_no_word(tones, captions, monkeypatch, caplog):
    def raising(*_, **__):
        raise ZeroDivisionError("no way through")

    del captions._send
    monkeypatch.setattr(type(captions.widget), "send", raising)
    monkeypatch.setattr(type(captions.widget), "comm", object())
    press(captions, {"type": "play"}, {"type": "ended"})
    async with asyncio.timeout(PATIENCE_S):
        assert (await captions.until_ended()).text.split() == WORDS
    assert "no way through" in caplog.text
    monkeypatch.undo()
