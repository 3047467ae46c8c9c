"""The kernel's half of the microphone without a browser: what pages may send, and what becomes of it."""

import asyncio
import json
import struct
import threading
import time
import wave

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st
from tones import pcm_bytes, random_words, speak
from websockets.asyncio.client import connect

import soniox_ds as sx
from soniox_ds.api.connection import Connection
from soniox_ds.exceptions import InputError, OptionsError, SchemaError, SetupError
from soniox_ds.live.result import LiveResult
from soniox_ds.live.transcript import LiveToken, Segment, Transcript
from soniox_ds.options import LiveOptions
from soniox_ds.widgets._kernel import CellWatch, kernel_version, obey_front_end
from soniox_ds.widgets.captions.still import still_html, still_text
from soniox_ds.widgets.microphone import page_closing, recordings
from soniox_ds.widgets.microphone import recorder as recorder_module
from soniox_ds.widgets.microphone.intake import Intake
from soniox_ds.widgets.microphone.loopback import Loopback
from soniox_ds.widgets.microphone.recorder import Listeners, Recorder

pytestmark = pytest.mark.usefixtures("own_recordings")
WORDS, PAUSES = random_words(2, 8)
SPOKEN = pcm_bytes(speak(WORDS, pauses_ms=PAUSES)[0])
CHUNKS = [SPOKEN[at : at + 3200] for at in range(0, len(SPOKEN), 3200)]


class Page:
    """A channel that keeps what it is sent."""

    def __init__(self, name="comm"):
        self.name = name
        self.messages = []
        self.files = []
        self.came = asyncio.Event()

    def send(self, message, buffers=()):
        self.messages.append(json.loads(json.dumps(message)))
        self.files += buffers
        self.came.set()

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    async def get(self, kind, count=1):
        async with asyncio.timeout(30):
            while len(self.of(kind)) < count:
                self.came.clear()
                await self.came.wait()
        return self.of(kind)[count - 1]


class Cells:
    def __init__(self, busy=False):
        self.busy = busy

    def is_busy(self):
        return self.busy


def make(page, *, modes=("proxy", "direct"), cells=None, listeners=None, connection=None, **options):
    return Recorder(
        options=LiveOptions(audio_format="pcm_s16le", sample_rate=16_000, num_channels=1, **options),
        connection=connection or Connection(),
        comm=page,
        loopback=Loopback(),
        cells=cells or Cells(),
        modes=frozenset(modes),
        listeners=listeners or Listeners(),
    )


async def close(recorder):
    await recorder.close()
    await recorder.loopback.close()


async def eventually(condition):
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  other threads and processes set no events
            await asyncio.sleep(0.01)


def items(take="t", first=0, stop=True, chunks=CHUNKS):
    """Messages of one take: its chunks, numbered, and the end."""
    messages = [
        ({"type": "item", "take": take, "seq": first + n, "kind": "audio"}, chunk) for n, chunk in enumerate(chunks)
    ]
    end = {"type": "item", "take": take, "seq": first + len(chunks), "kind": "stop"}
    return [*messages, (end, b"")] if stop else messages


async def test_items_that_are_reordered_and_repeated_become_one_recording(tones):
    page, ended = Page(), []
    recorder = make(page, listeners=Listeners(ended=ended.append), enable_endpoint_detection=True)
    recorder.heard({"type": "hello", "page": "p", "origin": "http://here"}, b"", page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    messages = items()
    order = np.random.default_rng(1).permutation(len(messages))
    for index in [*order[:9], *order[:20], *order]:
        recorder.heard(*messages[index], page)
    over = await page.get("ended")
    (take,) = ended
    audio = {"audio_id": "microphone", "duration_ms": len(SPOKEN) // 32}
    assert over == {
        "type": "ended", "take": "t", "text": None, "lost": False, "tokens": 2 * len(WORDS), "audio": audio
    }  # fmt: skip
    assert bytes(take.kept) == SPOKEN
    assert take.transcript.text.split() == WORDS
    assert recorder.state == "finished"

    # what is drawn adds up to the same, and can be asked for again
    drawn = [token["text"] for update in page.of("update") for token in update["settled"]]
    assert "".join(drawn).split() == WORDS
    recorder.heard({"type": "sync", "take": "t", "have": 3}, b"", page)
    count = len(page.of("update"))
    again = await page.get("update", count + 1)
    assert (again["have"], len(again["settled"])) == (3, 2 * len(WORDS) - 3)
    recorder.heard(*messages[0], page)  # too late: told once more that it is over
    assert await page.get("ended", 2) == over
    recorder.heard({"type": "item", "take": "unknown", "seq": 0, "kind": "audio"}, b"", page)
    assert (await page.get("ended", 3))["lost"] is True
    await close(recorder)


@pytest.fixture
def impatient(monkeypatch):
    """Ticks follow each other closely and count as the usual ones: time is that of the event loop, not of the wall."""
    monkeypatch.setattr(page_closing, "TICK_S", 0.01)
    monkeypatch.setattr(page_closing, "LOST_AFTER_S", 0.12)


async def test_a_page_that_falls_silent_is_lost_but_not_while_a_cell_runs(tones, impatient):
    page, cells = Page(), Cells(busy=True)
    recorder = make(page, cells=cells)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    for message in items(stop=False):
        recorder.heard(*message, page)
    await page.get("beat", 30)  # more than twice the patience
    assert recorder.state == "recording"
    cells.busy = False
    over = await page.get("ended")
    assert over["lost"] is True
    assert "sent no more messages" in over["text"]
    assert recorder.state == "lost"
    assert recorder.takes[0].transcript.text.split() == WORDS
    await close(recorder)


async def test_over_its_own_socket_silence_counts_always(tones, impatient):
    page, socket = Page(), Page("loopback")
    recorder = make(page, cells=Cells(busy=True))
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", socket)
    assert (await socket.get("ended"))["lost"] is True
    assert (await page.get("ended"))["lost"] is True  # whoever looks over the notebook's connection learns it too
    await close(recorder)


async def test_a_page_that_hangs_for_seconds_is_not_taken_to_be_gone(tones, monkeypatch):
    """Waiting is counted in ticks: after a machine was suspended for a minute, no page counts as silent."""
    monkeypatch.setattr(page_closing, "TICK_S", 0.01)
    assert page_closing.LOST_AFTER_S >= 10  # pages that draw much hang for seconds
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    await page.get("beat")
    monkeypatch.setattr(page_closing, "LOST_AFTER_S", 0.12)
    for number, message in enumerate(items()):
        if number % 10 == 0:
            time.sleep(0.25)  # noqa: ASYNC251  the machine stalls, and ticks before it hears
            for _ in range(5):
                await asyncio.sleep(0)
        recorder.heard(*message, page)
    assert (await page.get("ended"))["lost"] is False
    assert recorder.takes[0].transcript.text.split() == WORDS
    await close(recorder)


async def test_a_page_that_leaves_ends_its_recording_at_once(tones, monkeypatch):
    monkeypatch.setattr(page_closing, "LOST_AFTER_S", 600.0)
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    for message in items(stop=False):
        recorder.heard(*message, page)
    recorder.heard({"type": "leave", "take": "another"}, b"", page)  # of no recording here
    recorder.heard({"type": "leave", "take": "t"}, b"", page)
    over = await page.get("ended")
    assert (over["lost"], recorder.state) == (True, "lost")
    assert recorder.takes[0].transcript.text.split() == WORDS
    await close(recorder)


async def test_another_page_learns_that_a_recording_goes_on_and_can_end_it(tones, monkeypatch):
    monkeypatch.setattr(page_closing, "LOST_AFTER_S", 600.0)
    monkeypatch.setattr(page_closing, "CUT_OFF_AFTER_S", 600.0)
    monkeypatch.setattr(recorder_module, "_ANSWER_S", 0.2)
    page, socket = Page(), Page("loopback")
    recorder = make(page)
    hello = {"type": "hello", "page": "q", "origin": "http://here"}
    recorder.heard(hello, b"", page)
    assert (await page.get("snapshot"))["running"] is None
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", socket)
    for message in items(stop=False):
        recorder.heard(*message, socket)
    recorder.heard(hello, b"", page)
    assert (await page.get("snapshot", 2))["running"] == "recording"
    recorder.heard({"type": "end", "page": "q"}, b"", page)
    assert await socket.get("command") == {"type": "command", "action": "stop"}
    assert (await page.get("ended"))["lost"] is True  # the page that recorded does not answer
    assert recorder.takes[0].transcript.text.split() == WORDS
    recorder.heard(hello, b"", page)
    assert (await page.get("snapshot", 3))["running"] is None
    await close(recorder)


async def test_a_page_beside_which_another_one_appears_is_given_up_sooner(tones, monkeypatch):
    """It was most likely loaded again; and what the other page says is no sign of life of the first."""
    monkeypatch.setattr(page_closing, "TICK_S", 0.01)
    monkeypatch.setattr(page_closing, "LOST_AFTER_S", 600.0)
    monkeypatch.setattr(page_closing, "CUT_OFF_AFTER_S", 0.12)
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    await page.get("beat", 30)
    assert recorder.state == "recording"
    for _ in range(200):
        recorder.heard({"type": "hello", "page": "q", "origin": "http://here"}, b"", page)
        await asyncio.sleep(0.005)
        if page.of("ended"):
            break
    assert (await page.get("ended"))["lost"] is True
    await close(recorder)


async def test_a_page_whose_socket_closes_is_given_up_sooner(tones, monkeypatch):
    monkeypatch.setattr(page_closing, "TICK_S", 0.01)
    monkeypatch.setattr(page_closing, "LOST_AFTER_S", 600.0)
    monkeypatch.setattr(page_closing, "CUT_OFF_AFTER_S", 0.12)
    page = Page()
    recorder = make(page)
    offer = await recorder.loopback.offer("http://here", recorder.heard)
    async with connect(f"ws://127.0.0.1:{offer['port']}/{offer['path']}", origin="http://here") as socket:
        await socket.send(json.dumps({"type": "open", "take": "t", "mode": "proxy"}))
        async with asyncio.timeout(30):
            beats = 0
            while beats < 30:
                beats += json.loads(await socket.recv())["type"] == "beat"
        assert recorder.state == "recording"
    assert (await page.get("ended"))["lost"] is True
    await close(recorder)


async def test_a_gap_is_asked_for(tones):
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    messages = items()
    for message in [*messages[:3], *messages[4:]]:
        recorder.heard(*message, page)
    assert (await page.get("missing"))["next"] == 3
    recorder.heard(*messages[3], page)
    await page.get("ended")
    assert bytes(recorder.takes[0].kept) == SPOKEN
    await close(recorder)


class Broken(Page):
    """A channel that raises for some messages."""

    def __init__(self, *kinds):
        super().__init__()
        self.kinds = kinds
        self.n_breakdowns = 0
        """Number of failures that follow a message that got through, or the beginning."""
        self._is_broken = False

    def send(self, message, buffers=()):
        if message["type"] in self.kinds:
            self.n_breakdowns += not self._is_broken
            self._is_broken = True
            raise ZeroDivisionError("no way through")
        self._is_broken = False
        super().send(message, buffers)


def raising(*_, **__):
    raise ZeroDivisionError("a mistake of mine")


async def spoken_to(recorder, page, mode="proxy"):
    """Say it all to a recorder, and wait until the take is over; returns the take."""
    recorder.heard({"type": "open", "take": "t", "mode": mode}, b"", page)
    for message in items():
        recorder.heard(*message, page)
    await eventually(lambda: recorder.takes and recorder.takes[-1].is_over)
    return recorder.takes[-1]


@pytest.mark.parametrize("kinds", [["update"], ["beat", "state"], ["ended"], ["update", "beat", "state", "ended"]])
async def test_a_channel_that_raises_costs_no_word(tones, caplog, kinds):
    page = Broken(*kinds)
    recorder = make(page)
    take = await spoken_to(recorder, page)
    assert (recorder.state, take.error) == ("finished", None)
    assert take.transcript.text.split() == WORDS
    assert "no way through" in caplog.text
    await close(recorder)
    assert caplog.text.count("Traceback") == page.n_breakdowns  # not once for each message that fails


@pytest.mark.parametrize("name", ["begun", "updated", "ended"])
async def test_a_listener_that_raises_costs_no_word(tones, caplog, name):
    page = Page()
    recorder = make(page, listeners=Listeners(**{name: raising}))
    take = await spoken_to(recorder, page)
    assert (recorder.state, take.error) == ("finished", None)
    assert take.transcript.text.split() == WORDS
    assert "ZeroDivisionError: a mistake of mine" in page.of("trouble")[0]["text"]
    assert "a mistake of mine" in caplog.text
    assert (await page.get("ended"))["text"] is None
    await close(recorder)


@pytest.mark.parametrize("mode", ["proxy", "direct"])
async def test_a_take_whose_end_raises_is_over_and_has_failed(tones, monkeypatch, caplog, mode):
    ended = []
    monkeypatch.setattr(Transcript, "close", raising)
    page = Page()
    recorder = make(page, listeners=Listeners(ended=ended.append))
    take = await spoken_to(recorder, page, mode)
    assert recorder.state == "failed"
    assert isinstance(take.error, ZeroDivisionError)
    assert ended == [take]
    assert "ZeroDivisionError: a mistake of mine" in (await page.get("ended"))["text"]
    assert "a mistake of mine" in caplog.text
    assert bytes(take.kept) == SPOKEN
    await close(recorder)


async def test_a_session_that_breaks_inside_ends_its_take_at_once(tones, monkeypatch, caplog):
    monkeypatch.setattr(Transcript, "fold", raising)
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    for message in items(stop=False):
        recorder.heard(*message, page)
    assert "ZeroDivisionError" in (await page.get("ended"))["text"]  # nobody pressed Stop
    assert recorder.state == "failed"
    assert "a mistake of mine" in caplog.text
    await close(recorder)


async def test_a_take_that_cannot_begin_is_told(tones, monkeypatch, caplog):
    monkeypatch.setattr("soniox_ds.widgets.microphone.takes.LiveSession", raising)
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    assert "a mistake of mine" in (await page.get("ended"))["text"]
    assert recorder.state == "idle"
    assert "a mistake of mine" in caplog.text
    await close(recorder)


async def test_an_item_that_makes_no_sense_costs_only_itself(tones, caplog):
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    said = items(first=1)
    for message in said:  # all wait for the first
        recorder.heard(*message, page)
    recorder.heard({"type": "item", "take": "t", "seq": 0, "kind": "control", "action": "explode"}, b"", page)
    await page.get("ended")
    assert recorder.takes[0].transcript.text.split() == WORDS
    assert "explode" in page.of("trouble")[0]["text"]
    assert "explode" in caplog.text
    await close(recorder)


async def test_the_newest_page_wins(tones):
    page = Page()
    recorder = make(page)
    for name in ("first", "second"):
        recorder.heard({"type": "open", "take": name, "mode": "proxy"}, b"", page)
        for message in items(name, stop=name == "second"):
            recorder.heard(*message, page)
    over = await page.get("ended")
    assert over["take"] == "first"
    assert "another page" in over["text"]
    assert (await page.get("ended", 2))["take"] == "second"
    assert [take.audio_id for take in recorder.takes] == ["microphone", "microphone-2"]
    assert [take.transcript.text.split() for take in recorder.takes] == [WORDS, WORDS]
    await close(recorder)


@pytest.mark.parametrize("mode", ["proxy", "direct"])
@pytest.mark.parametrize("end", ["silence", "another page", "stop"])
async def test_a_recording_whose_page_went_away_is_not_completed(tones, impatient, mode, end):
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": mode}, b"", page)
    for seq, (content, sound) in enumerate(items(stop=False)[:5]):
        event = {"kind": "event", "event": "audio", "at_ms": 100 * seq, "audio_ms": 100 * (seq + 1)}
        recorder.heard(content | (event if mode == "direct" else {}), sound, page)
    if end == "stop":
        recorder.heard({"type": "item", "take": "t", "seq": 5, "kind": "stop"}, b"", page)
    elif end == "another page":
        recorder.heard({"type": "open", "take": "u", "mode": mode}, b"", page)
    await page.get("ended")
    row = recorder.takes[0].result().recordings.loc[0]
    expected = ("completed", None) if end == "stop" else ("failed", "unfinished")
    assert (row["status"], None if pd.isna(row["error_type"]) else row["error_type"]) == expected
    await close(recorder)


async def test_direct_messages_are_folded_as_they_were_heard(tones):
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "direct"}, b"", page)

    def frame(*words, final=True):
        tokens = [{"text": w, "start_ms": at, "end_ms": at + 60, "is_final": final} for w, at in words]
        return json.dumps({"tokens": tokens, "final_audio_proc_ms": 900, "total_audio_proc_ms": 900})

    events = [
        {"event": "open", "at_ms": 0},
        {"event": "audio", "at_ms": 0, "audio_ms": 100.0},
        {"event": "message", "at_ms": 700, "payload": frame(("one", 100), (" two", 400))},
        {"event": "message", "at_ms": 800, "payload": "<html>"},
        {"event": "message", "at_ms": 850, "payload": '{"error_code": 503, "error_message": "again"}'},
        {"event": "lost", "at_ms": 900, "payload": "broke"},
        {"event": "open", "at_ms": 1000, "session": 1, "offset_ms": 310},
        {
            "event": "message",
            "at_ms": 1900,
            "session": 1,
            "offset_ms": 310,
            "payload": frame(("two", 90), (" six", 800)),
        },
    ]
    for seq, event in enumerate(events):
        item = {"type": "item", "take": "t", "seq": seq, "kind": "event", **event}
        recorder.heard(item, bytes(3200) if event["event"] == "audio" else b"", page)
    recorder.heard({"type": "item", "take": "t", "seq": len(events), "kind": "stop"}, b"", page)
    await page.get("ended")
    take = recorder.takes[0]
    assert take.transcript.text == "one two six"
    result = take.result()
    assert result.tokens[["text", "start_ms", "final_ms", "session"]].values.tolist() == [
        ["one", 100, 700, 0],
        [" two", 400, 700, 0],
        [" six", 1110, 1900, 1],
    ]
    assert result.log["kind"].tolist()[3:5] == ["lost", "message"]
    assert result.recordings.loc[0, ["status", "duration_ms"]].tolist() == ["completed", 100]
    assert len(take.kept) == 3200
    await close(recorder)


async def test_direct_failures_are_the_services_own(tones):
    page = Page()
    recorder = make(page)
    recorder.heard({"type": "open", "take": "t", "mode": "direct"}, b"", page)
    refusal = '{"error_code": 402, "error_type": "organization_balance_exhausted", "error_message": "no money"}'
    for seq, item in enumerate(
        [{"kind": "event", "event": "failed", "at_ms": 5, "payload": refusal}, {"kind": "stop"}]
    ):
        recorder.heard({"type": "item", "take": "t", "seq": seq, **item}, b"", page)
    assert "no money" in (await page.get("ended"))["text"]
    assert type(recorder.takes[0].error).__name__ == "BalanceError"
    assert recorder.state == "failed"
    await close(recorder)


async def test_keys_are_made_for_direct_widgets_only(tones):
    page = Page()
    recorder = make(page, modes=["proxy"])
    recorder.heard({"type": "need_key", "request": 1, "take": "t"}, b"", page)
    assert "mode='proxy'" in (await page.get("no_key"))["text"]
    assert tones.requests == []
    recorder.heard({"type": "open", "take": "t", "mode": "direct"}, b"", page)
    assert "requested mode 'direct'" in (await page.get("trouble"))["text"]
    await close(recorder)

    recorder = make(page, language_hints=["en"])
    recorder.heard({"type": "need_key", "request": 2, "take": "t"}, b"", page)
    answer = await page.get("key")
    assert answer["request"] == 2
    assert answer["url"] == tones.ws_url
    assert answer["start"] == recorder.options.body()
    assert answer["key"].startswith("snx_temp_")
    assert tones.key not in json.dumps(page.messages)
    await close(recorder)

    wrong = Connection(api_key="nobody-knows-this-key", api_base_url=tones.base_url)
    recorder = make(page, connection=wrong)
    recorder.heard({"type": "need_key", "request": 3, "take": "t"}, b"", page)
    refused = await page.get("no_key", 2)
    assert "401" in refused["text"]
    assert "nobody-knows-this-key" not in refused["text"]
    await close(recorder)


async def test_the_loopback_opens_once_for_one_origin():
    heard = []
    loopback = Loopback()
    offer = await loopback.offer("http://here", lambda message, data, channel: heard.append((message, data)))
    base = f"ws://127.0.0.1:{offer['port']}/"
    for path, origin in ((offer["path"], "http://elsewhere"), (offer["path"], None), ("guess", "http://here")):
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await connect(base + path, origin=origin)
    async with connect(base + offer["path"], origin="http://here") as socket:
        welcome = json.loads(await socket.recv())
        assert (welcome["type"], welcome["proof"]) == ("welcome", offer["proof"])
        with pytest.raises(websockets.InvalidStatus, match="403"):
            await connect(base + offer["path"], origin="http://here")  # used
        head = json.dumps({"type": "item", "seq": 0}).encode()
        await socket.send(struct.pack("<I", len(head)) + head + b"\x01\x02")
        await socket.send('{"type": "beat"}')
        await eventually(lambda: len(heard) == 2)
        assert heard == [({"type": "item", "seq": 0}, b"\x01\x02"), ({"type": "beat"}, b"")]
        await socket.send(b"\x09")  # no message at all
        with pytest.raises(websockets.ConnectionClosed):
            await socket.recv()
    async with connect(base + "proxy/8888/" + welcome["path"], origin="http://here") as socket:  # the next one
        assert json.loads(await socket.recv())["proof"] == welcome["next_proof"]
    await loopback.close()


@given(st.lists(st.integers(0, 9)))
def test_intake_gives_each_item_once_and_in_order(numbers):
    intake = Intake()
    given_out = [item for number in numbers for item in intake.take(number, number)]
    assert given_out == list(range(intake.next))
    assert intake.has_gap == any(number > intake.next for number in numbers)


def test_options_are_checked_before_anything_is_shown(tones):
    for wrong, words in (
        ({"mode": "both"}, "auto, proxy, direct"),
        ({"transport": "pigeon"}, "auto, comm, loopback"),
        ({"chunk_ms": 5}, "20 to 1000"),
        ({"audio_format": "mp3"}, "the package chooses the format of the audio"),
    ):
        with pytest.raises(InputError, match=words):
            sx.Microphone(**wrong)
    with pytest.raises(OptionsError, match="enable_speaker_diarization"):
        sx.Microphone(diarization=True)


def test_without_a_key_both_ways_on_are_named(monkeypatch):
    for name in ("SONIOX_API_KEY", "SONIOX_API_BASE_URL", "SONIOX_WS_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SetupError, match="local_service"):
        sx.Microphone()


def test_before_anything_was_said(tones, tmp_path):
    mic = sx.Microphone(keep_audio=False)
    assert (mic.state, mic.text, mic.segments, len(mic.tokens)) == ("idle", "", [], 0)
    assert list(mic.tokens) == list(sx.schema.LIVE_TOKENS)
    for look in (mic.result, mic.corpus, lambda: mic.log):
        with pytest.raises(InputError, match="press Start"):
            look()
    with pytest.raises(InputError, match="keep_audio=True"):
        mic.save_wav(tmp_path / "a.wav")
    with pytest.raises(InputError, match="there is no recording"):
        _ = sx.Microphone().audio
    assert tones.key not in repr(mic) + repr(mic.widget.get_state()) + repr(vars(mic))
    mic.close()


def speak_to(mic, words=None):
    """Have a page say everything to a widget; returns the page."""
    pages = Page()
    mic._comm.send = pages.send  # what would go to the page
    for content, data in [({"type": "open", "take": "t", "mode": "proxy"}, b""), *items()]:
        mic._pass_on(mic.widget, content, [memoryview(data)])
    return pages


async def test_until_stopped_waits_until_everything_is_written(tones, tmp_path, monkeypatch):
    """It takes the disk a while."""
    write = recordings.write_wav

    def slowly(*arguments):
        time.sleep(0.3)
        return write(*arguments)

    monkeypatch.setattr(recordings, "write_wav", slowly)
    mic = sx.Microphone(transport="comm", save_to=tmp_path / "kept")
    speak_to(mic)
    await mic.until_stopped()
    assert sorted(path.suffix for path in (tmp_path / "kept").iterdir()) == ["", ".wav"]
    mic.close()


@pytest.mark.parametrize(
    "error", [OSError(28, "no space"), SchemaError("not a table"), pa.ArrowInvalid("odd")], ids=repr
)
async def test_recordings_that_could_not_be_written_are_reported(tones, tmp_path, monkeypatch, caplog, error):
    monkeypatch.setattr(LiveResult, "save", lambda *_: raise_(error))
    mic = sx.Microphone(transport="comm", save_to=tmp_path / "kept")
    page = speak_to(mic)
    with pytest.raises(type(error), match=error.args[-1]) as raised:
        await mic.until_stopped()
    assert "its results are in mic.result()" in raised.value.__notes__[0]
    await eventually(lambda: page.of("trouble"))
    assert "microphone was not saved: " in page.of("trouble")[0]["text"]
    assert "microphone was not saved" in caplog.text
    assert (mic.state, mic.text.split()) == ("finished", WORDS)
    mic.close()


def raise_(error):
    raise error


async def test_internal_errors_are_raised_by_until_stopped(tones, monkeypatch):
    monkeypatch.setattr(Transcript, "fold", raising)
    mic = sx.Microphone(transport="comm")
    speak_to(mic)
    with pytest.raises(ZeroDivisionError, match="a mistake of mine"):
        await mic.until_stopped()
    assert mic.state == "failed"
    mic.close()


def test_closing_ends_the_thread_of_the_users_functions(tones):
    def threads():
        return [thread for thread in threading.enumerate() if thread.name.startswith("soniox-ds-callbacks")]

    called = threading.Event()
    mic = sx.Microphone(transport="comm", on_update=lambda update: called.set())
    speak_to(mic)
    assert called.wait(30)
    (thread,) = threads()
    mic.close()
    thread.join(30)
    assert not threads()


async def test_a_recording_as_the_widget_passes_it_on(tones, tmp_path):
    segments, updates = [], []
    mic = sx.Microphone(
        transport="comm",
        enable_endpoint_detection=True,
        on_segment=segments.append,
        on_update=updates.append,
        save_to=tmp_path / "kept",
    )
    pages = Page()
    mic._comm.send = pages.send  # what would go to the page
    waiting = asyncio.create_task(mic.until_stopped())
    for content, data in [({"type": "open", "take": "t", "mode": "proxy"}, b""), *items()]:
        mic._pass_on(mic.widget, content, [memoryview(data)])
    streamed = await waiting
    assert streamed.text.split() == WORDS
    assert mic.tokens.equals(streamed.tokens)
    assert mic.text.split() == WORDS
    assert len(mic.audio) == len(SPOKEN) // 2
    assert mic.corpus().recordings["audio_id"].tolist() == ["microphone"]
    with wave.open(str(mic.save_wav(tmp_path / "all.wav"))) as file:
        assert file.readframes(file.getnframes()) == SPOKEN
    await eventually(lambda: len(list((tmp_path / "kept").iterdir())) == 2 and len(segments) == len(mic.segments))
    assert [segment.text for segment in segments] == [segment.text for segment in mic.segments]
    assert sum(len(update.settled) for update in updates) == len(mic.tokens)
    assert (
        repr(mic) == f"Microphone(finished, 1 recording, 0:0{len(SPOKEN) // 32_000}, {len(WORDS)} words, service local)"
    )
    bundle = mic._repr_mimebundle_()
    assert WORDS[0] in bundle["text/plain"]
    assert WORDS[0] in bundle["text/html"]
    mic.close()


def test_a_still_picture_escapes_and_shows_translations():
    spoken = LiveToken(text="<script>x</script>", start_ms=61_000, speaker="<2>")
    translated = LiveToken(text="<i>", translation_status="translation")
    segments = [Segment(tokens=(spoken,), translations=(translated,))]
    html = still_html("A <b>", segments)
    assert "<script>" not in html
    assert "<i>" not in html
    assert "speaker &lt;2&gt;" in html
    assert still_text("Microphone", segments).splitlines() == [
        "Microphone",
        "  1:01 speaker <2>: <script>x</script>",
        "       → <i>",
    ]


def test_comms_go_where_the_front_end_sends_them():
    from ipykernel.comm.comm import BaseComm

    comm = BaseComm.__new__(BaseComm)
    if not hasattr(comm, "_reply_subshell_for"):
        pytest.skip("this ipykernel leaves routing to the front end")
    comm.__dict__["_reply_subshell_lock"] = None  # would be needed for its own answer
    obey_front_end(comm)
    assert comm._reply_subshell_for({}, "the front end's") == "the front end's"
    obey_front_end(object())  # older kernels have nothing to cure


def test_outside_of_a_kernel():
    assert kernel_version() is None
    assert CellWatch().is_busy() is False
