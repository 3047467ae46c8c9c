"""The websocket by plain frames, and the decoding of what comes over it."""

import asyncio
import base64
import contextlib
import io
import json
import threading
import wave

import av
import numpy as np
import pytest
import websockets
from hypothesis import given
from hypothesis import strategies as st
from waiting import PATIENCE_S, until
from websockets.sync.client import connect

from soniox_ds.emulator import Limits, local_service
from soniox_ds.emulator.clock import ServiceClock
from soniox_ds.emulator.recognizers import UndecodableAudio
from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer
from soniox_ds.emulator.stream_audio import CONTAINER_FORMATS, decoder_for

RATE = 16_000
RAW = {"model": "stt-rt-v4", "audio_format": "pcm_s16le", "sample_rate": RATE, "num_channels": 1}


def sound(seconds, rate=RATE):
    times = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)


def s16(samples):
    return (samples * 32_767).astype("<i2").tobytes()


AN_HOUR_S = 3600
"""The longest life of a temporary key: on a stand-in at speed 100 still 36 seconds."""

SPEECH = s16(sound(3.0))
SILENCE = bytes(2 * RATE * 3)


def opened(service, *, key=True, **options):
    headers = {"Authorization": f"Bearer {service.key}"} if key else {}
    return connect(service.ws_url, additional_headers=headers, **options)


def exchange(service, *messages, start=RAW, key=True):
    """Send a start message and others, and receive until the close: the frames and the close code."""
    with opened(service, key=key) as connection:
        # A refused session may be closed before everything is sent; its error frame is there all the same.
        with contextlib.suppress(websockets.ConnectionClosed):
            if start is not None:
                connection.send(start if isinstance(start, str | bytes) else json.dumps(start))
            for message in messages:
                connection.send(message)
        return received(connection)


def received(connection):
    frames = []
    try:
        while True:
            frames.append(json.loads(connection.recv(timeout=PATIENCE_S)))
    except websockets.ConnectionClosed as closed:
        return frames, closed.rcvd.code if closed.rcvd else None


def settled(frames):
    return "".join(token["text"] for frame in frames for token in frame["tokens"] if token["is_final"])


def error_of(service, *messages, **options):
    frames, code = exchange(service, *messages, **options)
    assert code == 1000, "the close code says nothing, error or not"
    last = frames[-1]
    assert set(last) == {"tokens", "error_code", "error_type", "error_message", "request_id", "more_info"}
    return last["error_code"], last["error_type"], last["error_message"]


# a session


def test_a_session_from_start_to_finished(service):
    frames, code = exchange(service, SPEECH[:40_000], SPEECH[40_000:], "")
    assert code == 1000
    *said, last = frames
    assert last == {"tokens": [], "final_audio_proc_ms": 3000, "total_audio_proc_ms": 3000, "finished": True}
    assert settled(said)
    assert all({"tokens", "final_audio_proc_ms", "total_audio_proc_ms"} == set(frame) for frame in said)
    for counter in ("final_audio_proc_ms", "total_audio_proc_ms"):
        values = [frame[counter] for frame in frames]
        assert values == sorted(values)
    for frame in frames:
        assert frame["final_audio_proc_ms"] <= frame["total_audio_proc_ms"]
        finality = [token["is_final"] for token in frame["tokens"]]
        assert finality == sorted(finality, reverse=True), "finals come first"
    tokens = [token for frame in said for token in frame["tokens"] if token["is_final"]]
    assert set(tokens[0]) == {"text", "start_ms", "end_ms", "confidence", "is_final"}
    assert not tokens[0]["text"].startswith(" ")
    starts = [token["start_ms"] for token in tokens]
    assert starts == sorted(starts)
    assert all(start % 30 == 0 for start in starts)


def test_the_official_scripts_form_with_the_key_in_the_first_message(service):
    frames, code = exchange(service, SPEECH, "", start=RAW | {"api_key": service.key}, key=False)
    assert (frames[-1]["finished"], code) == (True, 1000)


def test_the_browsers_form_with_the_key_as_subprotocol(service):
    with connect(service.ws_url, subprotocols=["soniox-api-key", service.key]) as connection:
        assert connection.subprotocol == "soniox-api-key"
        connection.send(json.dumps(RAW))
        connection.send(SPEECH)
        connection.send("")
        frames, _ = received(connection)
    assert frames[-1]["finished"]


def test_a_temporary_key_opens_a_stream_under_its_own_reference(service):
    body = {"usage_type": "transcribe_websocket", "expires_in_seconds": AN_HOUR_S, "client_reference_id": "minted"}
    key = service.call(lambda rules: rules.mint(body | {"single_use": True}))["api_key"]
    start = RAW | {"api_key": key, "client_reference_id": "ignored"}
    frames, _ = exchange(service, SPEECH, "", start=start, key=False)
    assert frames[-1]["finished"]
    assert service.requests[-1].client_reference_id == "minted"
    assert error_of(service, start=start, key=False)[:2] == (401, "unauthenticated")


def test_empty_binary_ends_too_and_what_follows_is_ignored(service):
    frames, code = exchange(service, SPEECH, b"", "", SPEECH, "nonsense")
    assert (frames[-1]["finished"], code) == (True, 1000)


def test_audio_may_come_as_base64_text(service):
    plain, _ = exchange(service, SPEECH, "")
    encoded, _ = exchange(service, base64.b64encode(SPEECH).decode(), "")
    assert settled(encoded) == settled(plain)


def test_a_keepalive_before_the_start_is_tolerated(service):
    frames, _ = exchange(service, json.dumps(RAW), SPEECH, "", start='{"type": "keepalive"}')
    assert frames[-1]["finished"]


def test_finalize_settles_everything_and_says_fin(service):
    with opened(service) as connection:
        connection.send(json.dumps(RAW))
        connection.send(SPEECH)
        tail = ""
        while not tail:
            tokens = json.loads(connection.recv(timeout=PATIENCE_S))["tokens"]
            tail = "".join(token["text"] for token in tokens if not token["is_final"])
        connection.send('{"type": "finalize", "trailing_silence_ms": 300}')
        frame = json.loads(connection.recv(timeout=PATIENCE_S))
        assert frame["tokens"][-1] == {"text": "<fin>", "is_final": True}
        assert all(token["is_final"] for token in frame["tokens"])
        assert frame["final_audio_proc_ms"] == frame["total_audio_proc_ms"]
        # Nothing is pending: the marker alone.
        connection.send('{"type": "finalize"}')
        assert [t["text"] for t in json.loads(connection.recv(timeout=PATIENCE_S))["tokens"]] == ["<fin>"]
        connection.send("")
        frames, _ = received(connection)
    assert frames[-1]["finished"]


@pytest.mark.parametrize("wanted", [True, False])
def test_silence_after_speech_is_an_endpoint(service, wanted):
    frames, _ = exchange(service, SPEECH, SILENCE, SILENCE, "", start=RAW | {"enable_endpoint_detection": wanted})
    texts = [token["text"] for frame in frames for token in frame["tokens"] if token["is_final"]]
    # One after the sentence and one after the speech, none for silence alone.
    assert texts.count("<end>") == (2 if wanted else 0)
    assert "<end>" not in [t["text"] for frame in frames for t in frame["tokens"] if not t["is_final"]]
    if wanted:
        assert texts[-1] == "<end>"


def test_silence_says_nothing(service):
    frames, _ = exchange(service, SILENCE, "")
    assert settled(frames) == ""
    assert frames[-1]["total_audio_proc_ms"] == 3000


def test_speaker_and_language_only_when_asked(service):
    start = RAW | {"enable_speaker_diarization": True, "enable_language_identification": True, "language_hints": ["de"]}
    frames, _ = exchange(service, SPEECH, "", start=start)
    tokens = [token for frame in frames for token in frame["tokens"]]
    assert {token["speaker"] for token in tokens} <= {"1", "2"}
    assert {token["language"] for token in tokens} == {"de"}
    assert "translation_status" not in tokens[0]


@pytest.mark.parametrize(
    ("translation", "hint", "status", "target"),
    [
        ({"type": "one_way", "target_language": "de"}, "en", "original", "de"),
        ({"type": "one_way", "target_language": "en"}, "en", "none", None),
        ({"type": "two_way", "language_a": "en", "language_b": "ja"}, "ja", "original", "en"),
        ({"type": "two_way", "language_a": "en", "language_b": "ja"}, "en", "original", "ja"),
        ({"type": "two_way", "language_a": "en", "language_b": "ja"}, "fr", "none", None),
    ],
)
def test_translation(service, translation, hint, status, target):
    start = RAW | {"translation": translation, "language_hints": [hint]}
    frames, _ = exchange(service, SPEECH, "", start=start)
    tokens = [token for frame in frames for token in frame["tokens"] if token["is_final"]]
    spoken = [token for token in tokens if token["translation_status"] != "translation"]
    translated = [token for token in tokens if token["translation_status"] == "translation"]
    assert {(token["translation_status"], token["language"]) for token in spoken} == {(status, hint)}
    assert bool(translated) == (target is not None)
    for token in translated:
        assert (token["language"], token["source_language"]) == (target, hint)
        assert "start_ms" not in token
        assert token["confidence"] > 0


@given(st.lists(st.integers(1, 12_000), max_size=30))
def test_the_size_of_chunks_does_not_change_settled_tokens(sizes):
    pcm = np.concatenate([sound(2.5), np.zeros(RATE, np.float32), sound(2.5)])
    options = {"enable_endpoint_detection": True, "enable_speaker_diarization": True}

    def run(cuts):
        stream = ScriptedRecognizer().stream(options)
        final = []
        position = 0
        for size in [*cuts, pcm.size]:
            final += stream.feed(pcm[position : position + size]).final
            position += size
        return final + stream.close().final

    assert run(sizes) == run([])


def test_a_stream_can_be_scripted(service):
    text = "One two three."
    with local_service("scripted", scripts={"greeting": text}, set_environment=False) as scripted:
        frames, _ = exchange(scripted, SPEECH, "", start=RAW | {"client_reference_id": "greeting"})
    assert settled(frames) == text


@pytest.mark.parametrize(
    "change", [{}, {"enable_agent_text_input": True}, {"enable_agent_text_input": False}, {"endpoint_sensitivity": 0.5}]
)
def test_a_session_of_the_newest_model(service, change):
    frames, _ = exchange(service, SPEECH, "", start=RAW | {"model": "stt-rt-v6"} | change)
    assert frames[-1]["finished"]
    assert settled(frames[:-1])


def test_an_older_model_may_be_told_that_no_agent_speaks(service):
    frames, _ = exchange(service, SPEECH, "", start=RAW | {"model": "stt-rt-v5", "enable_agent_text_input": False})
    assert frames[-1]["finished"]


# where the key is sent


@pytest.fixture(scope="module")
def strict():
    """A stand-in that refuses a key in the start message, as the service does from 15 January 2027 on."""
    with local_service("scripted", set_environment=False, refuse_key_in_message=True) as running:
        yield running


def test_a_key_in_the_start_message_can_be_refused(strict):
    status, slug, message = error_of(strict, start=RAW | {"api_key": strict.key}, key=False)
    assert (status, slug) == (401, "unauthenticated")
    assert "Authorization header" in message
    assert strict.key not in message
    body = {"usage_type": "transcribe_websocket", "expires_in_seconds": AN_HOUR_S}
    temporary = strict.call(lambda rules: rules.mint(body))["api_key"]
    assert error_of(strict, start=RAW | {"api_key": temporary}, key=False)[0] == 401
    assert error_of(strict, start=RAW, key=False)[2] == "Missing API key."


@pytest.mark.parametrize("way", ["header", "subprotocol"])
@pytest.mark.parametrize("lasting", ["permanent", "temporary"])
def test_a_key_that_comes_with_the_connection_is_taken(strict, way, lasting):
    body = {"usage_type": "transcribe_websocket", "expires_in_seconds": AN_HOUR_S}
    key = strict.key if lasting == "permanent" else strict.call(lambda rules: rules.mint(body))["api_key"]
    how = {
        "header": {"additional_headers": {"Authorization": f"Bearer {key}"}},
        "subprotocol": {"subprotocols": ["soniox-api-key", key]},
    }
    with connect(strict.ws_url, **how[way]) as connection:
        for message in (json.dumps(RAW), SPEECH, ""):
            connection.send(message)
        frames, _ = received(connection)
    assert frames[-1]["finished"]


def test_a_key_in_the_start_message_is_warned_of_once(caplog):
    with local_service("scripted", set_environment=False) as lenient:
        for _ in range(3):
            frames, _ = exchange(lenient, SPEECH, "", start=RAW | {"api_key": lenient.key}, key=False)
            assert frames[-1]["finished"]
        exchange(lenient, SPEECH, "", start=RAW)
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 1
    assert "15 January 2027" in told[0]
    assert lenient.key not in told[0]


# refusals

WRONG = [
    pytest.param({"model": "stt-rt-v9"}, (400, "model_not_available", "Invalid model specified."), id="model"),
    pytest.param({"model": None}, (400, "model_not_available", "Invalid model specified."), id="no-model"),
    pytest.param({"model": "stt-async-v4"}, (400, "model_not_available", "Invalid model specified."), id="async-model"),
    pytest.param({"audio_format": None}, (400, "invalid_request", "Missing audio format."), id="no-format"),
    pytest.param({"audio_format": "m4a"}, (400, "invalid_request", "Invalid audio data format: m4a"), id="m4a"),
    pytest.param({"audio_format": "pcm_s12le"}, (400, "invalid_request", "Invalid audio data format"), id="s12"),
    pytest.param(
        {"sample_rate": None},
        (400, "invalid_request", "Audio data sample rate must be specified for PCM"),
        id="no-rate",
    ),
    pytest.param(
        {"num_channels": None},
        (400, "invalid_request", "Audio data channels must be specified for PCM"),
        id="no-channels",
    ),
    pytest.param({"sample_rate": 0}, (400, "invalid_request", "Invalid audio data sample rate"), id="rate-0"),
    pytest.param({"language_hints": ["xx"]}, (400, "invalid_request", "Invalid language hint."), id="hint"),
    pytest.param(
        {"language_hints": ["en", "en"]}, (400, "invalid_request", "Language hints must be unique."), id="hint-twice"
    ),
    pytest.param(
        {"context": "x" * 10_001}, (400, "invalid_request", "Context is too long (max length 10000)."), id="context"
    ),
    pytest.param(
        {"translation": {"type": "one_way", "target_language": "xx"}},
        (400, "invalid_request", "Invalid translation target language."),
        id="target",
    ),
    pytest.param(
        {"client_reference_id": "x" * 257}, (400, "invalid_request", "Client reference ID is too long"), id="ref"
    ),
    pytest.param({"max_endpoint_delay_ms": 499}, (400, "invalid_request", "max_endpoint_delay_ms must be"), id="delay"),
    pytest.param(
        {"endpoint_sensitivity": 1.5}, (400, "invalid_request", "endpoint_sensitivity must be"), id="sensitive"
    ),
    pytest.param({"endpoint_latency_adjustment_level": 4}, (400, "invalid_request", "endpoint_latency"), id="level"),
    pytest.param({"enable_agent_text_input": 1}, (400, "invalid_request", "Start request is malformed."), id="agent"),
    pytest.param(
        {"enable_agent_text_input": True, "model": "stt-rt-v5"},
        (400, "invalid_request", "Model does not support enable_agent_text_input."),
        id="agent-v5",
    ),
    pytest.param(
        {"enable_endpoint_detection": "on"}, (400, "invalid_request", "Start request is malformed."), id="bool"
    ),
]


@pytest.mark.parametrize(("change", "expected"), WRONG)
def test_wrong_start_messages(service, change, expected):
    code, slug, message = error_of(service, start=RAW | change)
    assert (code, slug) == expected[:2]
    assert message.startswith(expected[2])


@pytest.mark.parametrize(
    ("messages", "start", "expected"),
    [
        pytest.param([], b"\0\0", "Start request must be a text message.", id="audio-first"),
        pytest.param([], "{", "Start request is malformed.", id="no-json"),
        pytest.param([], "[]", "Start request is malformed.", id="no-object"),
        pytest.param([""], RAW, "No audio received.", id="no-audio"),
        pytest.param(["{x"], RAW, "Control request is malformed.", id="bad-control"),
        pytest.param(['{"type": "keep_alive"}'], RAW, "Control request invalid type.", id="unknown-control"),
        pytest.param(["not base64!"], RAW, "Invalid base64.", id="bad-base64"),
        pytest.param(
            [b"this is no audio" * 2000, ""],
            {"model": "stt-rt-v4", "audio_format": "auto"},
            "Audio decode error",
            id="text",
        ),
        pytest.param([b"\0", ""], {"model": "stt-rt-v4", "audio_format": "wav"}, "Audio decode error", id="broken-wav"),
    ],
)
def test_wrong_frames(service, messages, start, expected):
    assert error_of(service, *messages, start=start) == (400, "invalid_request", expected)


def test_keys_are_refused_after_the_start_message_with_one_answer_for_each_mistake(service):
    assert error_of(service, key=False) == (401, "unauthenticated", "Missing API key.")
    assert error_of(service, start=RAW | {"api_key": "wrong"}, key=False)[:2] == (401, "unauthenticated")
    assert error_of(service, start=RAW | {"api_key": "temp:X"}, key=False)[2] == "Invalid/expired temporary API key."
    assert error_of(service, start=RAW | {"api_key": service.key})[:2] == (400, "invalid_request")
    service.call(lambda rules: rules.keys.add("files-only", {"files"}))
    assert error_of(service, start=RAW | {"api_key": "files-only"}, key=False)[:2] == (403, "permission_denied")


# limits and timers


def test_sessions_at_once_and_open_connections():
    limits = Limits(sessions=1, open_connections=2)
    with local_service("scripted", limits=limits, set_environment=False) as service, opened(service) as first:
        first.send(json.dumps(RAW))
        first.send(SPEECH)
        first.recv(timeout=PATIENCE_S)
        found = error_of(service)
        assert found == (429, "limit_exceeded", "Your organization has exceeded max number of concurrent requests.")
        with opened(service):
            assert error_of(service)[:2] == (429, "max_concurrent_connections_reached")
        first.send("")
        received(first)
        until(lambda: service.call(lambda rules: rules.usage._streams))
        assert exchange(service, SPEECH, "")[0][-1]["finished"]


def test_session_starts_per_minute():
    limits = Limits(sessions_per_minute=1)
    with local_service("scripted", limits=limits, set_environment=False) as service:
        exchange(service, SPEECH, "")
        assert error_of(service) == (429, "limit_exceeded", "Rate limit for your organization has been exceeded.")


class HandMoved(ServiceClock):
    """A wall clock that moves when the test says so, and knows until when the one session waits."""

    def __init__(self):
        super().__init__()
        self._changed = threading.Condition()
        self._wall_s = 0.0
        self._until_s = None
        self._ring = None

    def wall(self):
        return self._wall_s

    async def before(self, until, work):
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        work, alarm = asyncio.ensure_future(work), asyncio.ensure_future(over.wait())
        with self._changed:
            self._until_s, self._ring = until, lambda: loop.call_soon_threadsafe(over.set)
            self._changed.notify_all()
        try:
            await asyncio.wait({work, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            raise TimeoutError
        finally:
            work.cancel()
            alarm.cancel()
            with self._changed:
                self._until_s = self._ring = None

    def waits_until(self, until_s):
        """Come back when the session has begun to wait until then."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._until_s == until_s, PATIENCE_S):
                raise TimeoutError(f"the session waits until {self._until_s}, not {until_s}")

    def move_to(self, wall_s):
        with self._changed:
            self._wall_s = wall_s
            if self._until_s is not None and wall_s >= self._until_s:
                self._ring()


@pytest.fixture
def by_hand():
    """A clock that is moved by hand, and a stand-in that lives by it: 10 s for a start message, 20 s for a message."""
    clock = HandMoved()
    limits = Limits(start_s=10, idle_s=20)
    with local_service("scripted", clock=clock, limits=limits, set_environment=False) as service:
        yield clock, service


@pytest.mark.parametrize(
    ("messages", "wait_s", "complaint"),
    [
        ([], 10, "Start request timeout"),
        ([json.dumps(RAW)], 20, "Timed out while waiting for the first audio chunk"),
        ([json.dumps(RAW), SPEECH], 20, "Request timeout."),
    ],
    ids=["start", "first-audio", "more-audio"],
)
def test_timers(by_hand, messages, wait_s, complaint):
    clock, service = by_hand
    with opened(service) as connection:
        for message in messages:
            connection.send(message)
        if SPEECH in messages:
            connection.recv(timeout=PATIENCE_S)
        clock.waits_until(wait_s)
        clock.move_to(wait_s)
        frames, code = received(connection)
    last = frames[-1]
    assert (last["error_code"], last["error_type"], last["error_message"]) == (408, "request_timeout", complaint)
    assert code == 1000


def test_keepalives_keep_a_session_alive(by_hand):
    clock, service = by_hand
    with opened(service) as connection:
        connection.send('{"type": "keepalive"}')
        clock.waits_until(10)
        clock.move_to(6)
        connection.send(json.dumps(RAW))
        clock.waits_until(26)
        connection.send(SPEECH)
        connection.recv(timeout=PATIENCE_S)
        for moment in (25, 44, 63, 82):
            clock.waits_until(clock.wall() + 20)
            clock.move_to(moment)
            connection.send('{"type": "keepalive"}')
            clock.waits_until(moment + 20)
        connection.send("")
        assert received(connection)[0][-1]["finished"]


def test_pings_are_answered_and_do_not_keep_a_session_alive(by_hand):
    clock, service = by_hand
    with opened(service, ping_interval=None) as connection:
        connection.send(json.dumps(RAW))
        connection.send(SPEECH)
        connection.recv(timeout=PATIENCE_S)
        clock.waits_until(20)
        clock.move_to(15)
        assert connection.ping().wait(PATIENCE_S)
        clock.waits_until(20)
        clock.move_to(20)
        frames, _ = received(connection)
    assert frames[-1]["error_code"] == 408


def test_a_session_ends_with_its_temporary_key(service):
    body = {"usage_type": "transcribe_websocket", "expires_in_seconds": AN_HOUR_S, "max_session_duration_seconds": 10}
    key = service.call(lambda rules: rules.mint(body))["api_key"]
    found = error_of(service, SPEECH, start=RAW | {"api_key": key}, key=False)
    assert found[:2] == (403, "temp_api_key_session_expired")


def test_too_much_audio():
    with local_service("scripted", limits=Limits(duration_ms=2999), set_environment=False) as service:
        assert error_of(service, SPEECH) == (413, "max_duration_reached", "Audio is too long.")


def test_a_stream_is_booked(service):
    exchange(service, SPEECH, "", start=RAW | {"client_reference_id": "me"})
    entries = until(lambda: service.call(lambda rules: rules.usage._entries))
    assert (entries[0].client_reference_id, entries[0].model) == ("me", "stt-rt-v4")
    assert entries[0].audio_ms >= 3000


# faults


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("ws_503", {}, (503, "service_unavailable")),
        (
            "ws_error",
            {"code": 408, "error_type": "request_timeout", "message": "Input too slow"},
            (408, "request_timeout"),
        ),
        ("rate_limit", {}, (429, "limit_exceeded")),
        ("no_balance", {}, (402, "organization_balance_exhausted")),
    ],
)
def test_faults_with_an_error_frame(service, kind, options, expected):
    service.faults.next(kind, route="websocket", **options)
    assert error_of(service, *[SPEECH[:9600]] * 5)[:2] == expected
    assert service.requests[-1].fault == kind
    assert exchange(service, SPEECH, "")[0][-1]["finished"]


def test_a_dropped_stream(service):
    service.faults.next("ws_drop", frames=1)
    _, code = exchange(service, SPEECH)
    assert code is None, "no close frame came"


# decoding

TONE = sound(1.0)
WHOLE = {
    f"pcm_{kind}{bits}{order}": (kind, bits, order)
    for kind in "su"
    for bits in (8, 16, 24, 32)
    for order in (("le", "be") if bits > 8 else ("",))
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_number_formats(name):
    kind, bits, order = WHOLE[name]
    half = 2 ** (bits - 1)
    values = np.round(TONE.astype(float) * (half - 1)).astype(int)
    sign = "big" if order == "be" else "little"
    width = bits // 8
    data = b"".join(
        int(value + (half if kind == "u" else 0)).to_bytes(width, sign, signed=kind == "s") for value in values
    )
    decoder = decoder_for(name, RATE, 1)
    # Cut in the middle of a sample.
    heard = np.concatenate([decoder.feed(data[:1001]), decoder.feed(data[1001:]), decoder.finish()])
    assert heard.dtype == np.float32
    np.testing.assert_allclose(heard, values / half, atol=1e-6)


@pytest.mark.parametrize("name", ["pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be"])
def test_float_formats(name):
    dtype = name[4:].replace("f32", "f4").replace("f64", "f8")
    dtype = (">" if dtype.endswith("be") else "<") + dtype[:2]
    data = TONE.astype(dtype).tobytes()
    np.testing.assert_allclose(decoder_for(name, RATE, 1).feed(data), TONE, atol=1e-6)
    wild = np.array([np.nan, np.inf, -np.inf, 2.0]).astype(dtype).tobytes()
    assert decoder_for(name, RATE, 1).feed(wild).tolist() == [0.0, 1.0, -1.0, 1.0]


@pytest.mark.parametrize(("name", "codec"), [("mulaw", "pcm_mulaw"), ("alaw", "pcm_alaw")])
def test_companded_formats_agree_with_ffmpeg(name, codec):
    context = av.CodecContext.create(codec, "r")
    context.sample_rate, context.layout = 8000, "mono"
    every_code = bytes(range(256))
    [frame] = context.decode(av.Packet(every_code))
    expected = frame.to_ndarray().reshape(-1) / 32_768
    np.testing.assert_allclose(decoder_for(name, RATE, 1).feed(every_code), expected, atol=1e-7)


def test_channels_are_averaged_and_rates_converted():
    stereo = np.stack([sound(1.0, 48_000), np.zeros(48_000, np.float32)], axis=1).reshape(-1)
    decoder = decoder_for("pcm_f32le", 48_000, 2)
    data = stereo.astype("<f4").tobytes()
    heard = np.concatenate(
        [*(decoder.feed(data[at : at + 7001]) for at in range(0, len(data), 7001)), decoder.finish()]
    )
    assert abs(heard.size - RATE) <= 2
    middle = slice(2000, 14_000)
    np.testing.assert_allclose(heard[middle], sound(1.0)[middle] / 2, atol=2e-3)


CODECS = {
    "wav": ("wav", "pcm_s16le", RATE),
    "flac": ("flac", "flac", RATE),
    "mp3": ("mp3", "mp3", RATE),
    "ogg": ("ogg", "libopus", 48_000),
    "webm": ("webm", "libopus", 48_000),
    "aac": ("adts", "aac", RATE),
    "aiff": ("aiff", "pcm_s16be", RATE),
    "amr": ("amr", "libopencore_amrnb", 8000),
    "m4a": ("ipod", "aac", RATE),
}


def encoded(name, seconds=2.0):
    container_name, codec, rate = CODECS[name]
    if codec not in av.codecs_available:
        pytest.skip(f"this ffmpeg has no encoder {codec}")
    file = io.BytesIO()
    with av.open(file, "w", format=container_name) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((sound(seconds, rate) * 32_767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size or None
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("name", [name for name in CODECS if name in CONTAINER_FORMATS])
@pytest.mark.parametrize("auto", [True, False])
def test_containers_are_decoded_while_they_come_in(name, auto):
    data = encoded(name)
    decoder = decoder_for("auto" if auto else name)
    heard = [decoder.feed(data[at : at + 1000]) for at in range(0, len(data), 1000)]
    heard.append(decoder.finish())
    decoder.close()
    # Lossy codecs pad the beginning or the end.
    assert 2 * RATE - 100 <= sum(part.size for part in heard) <= 2.12 * RATE
    assert np.abs(np.concatenate(heard)).max() > 0.2


def test_m4a_cannot_be_streamed():
    decoder = decoder_for("auto")
    with pytest.raises(UndecodableAudio):
        decoder.feed(encoded("m4a"))
    decoder.close()


def test_a_wav_stream_over_the_socket(service):
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(SPEECH)
    data = file.getvalue()
    frames, _ = exchange(
        service,
        *(data[at : at + 3840] for at in range(0, len(data), 3840)),
        "",
        start={"model": "stt-rt-v5", "audio_format": "auto"},
    )
    assert frames[-1]["total_audio_proc_ms"] == 3000
    assert settled(frames)
