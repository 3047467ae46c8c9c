"""The unchanged official SDK drives the stand-in: the oracle of what the wire must look like."""

import threading
import wave
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from soniox import AsyncSonioxClient, SonioxClient
from soniox.errors import (
    SonioxAPIError,
    SonioxAuthenticationError,
    SonioxConflictError,
    SonioxInvalidRequestError,
    SonioxNotFoundError,
    SonioxPermissionDeniedError,
    SonioxRateLimitError,
    SonioxServerError,
)
from soniox.types import CreateTranscriptionConfig, RealtimeSTTConfig, TranslationConfig, WebhookAuthConfig
from waiting import PATIENCE_S, until

from soniox_ds.emulator import Limits, local_service

# The SDK connects in a way that newer websockets announce to change.
pytestmark = pytest.mark.filterwarnings(r"ignore:connect\(\) must be used as a context manager:DeprecationWarning")

QUICK = {"wait_interval_sec": 0.02}


def addresses(service):
    return {"api_base_url": f"{service.base_url}/v1", "websocket_base_url": service.ws_url}


@pytest.fixture
def client(service):
    with SonioxClient(**addresses(service)) as opened:
        yield opened


@pytest.fixture
def path(tiny_wav, tmp_path):
    return tiny_wav(tmp_path / "talk.wav", seconds=3.0)


def test_files(client, service, path):
    file = client.files.upload(str(path), client_reference_id="mine")
    assert (file.filename, file.size, file.client_reference_id) == ("talk.wav", path.stat().st_size, "mine")
    assert client.files.upload(path.read_bytes()).filename == "upload.bin"
    with path.open("rb") as opened:
        assert client.files.upload(opened).filename == str(path)
    assert client.files.upload(path.read_bytes(), filename="naïve 😀.wav").filename == "naïve 😀.wav"
    assert client.files.count().total == 4
    assert client.files.get(file.id) == file
    assert [found.id for found in client.files.list_all(limit=1)][-1] == file.id
    client.files.delete(file.id)
    assert client.files.get_or_none(file.id) is None
    client.files.delete_if_exists(file.id)
    client.files.delete_all(limit=2)
    assert service.files == []


def test_a_transcription_step_by_step(client, path):
    file = client.files.upload(str(path))
    job = client.stt.create(file_id=file.id, client_reference_id="mine")
    assert (job.status, job.model) == ("queued", "stt-async-v5")
    job = client.stt.wait(job.id, interval_sec=0.02)
    assert (job.status, job.audio_duration_ms, job.filename) == ("completed", 3000, "talk.wav")
    transcript = client.stt.get_transcript(job.id)
    assert transcript.text == "".join(token.text for token in transcript.tokens)
    assert transcript.tokens[0].start_ms is not None
    assert (client.stt.count().total, client.stt.count().public_api) == (1, 1)
    assert [found.id for found in client.stt.list().transcriptions] == [job.id]
    client.stt.destroy(job.id)
    assert client.stt.get_or_none(job.id) is None
    assert client.files.count().total == 0


def test_transcribe_and_wait_and_delete(client, service, path):
    config = CreateTranscriptionConfig(
        language_hints=["en"],
        enable_speaker_diarization=True,
        enable_language_identification=True,
        context={"general": {"domain": "law"}, "terms": ["Celebrex"], "translation_terms": {"a": "b"}},
    )
    transcript = client.stt.transcribe_and_wait_with_tokens(file=str(path), config=config, delete_after=True, **QUICK)
    assert {token.language for token in transcript.tokens} == {"en"}
    assert all(token.speaker for token in transcript.tokens)
    job = client.stt.transcribe_and_wait(file=str(path), delete_after=True, **QUICK)
    assert job.status == "completed"
    assert (service.files, service.transcriptions) == ([], [])


def test_deleting_everything_while_paging(client, service):
    for number in range(5):
        client.stt.create(audio_url=f"http://127.0.0.1:1/{number}.wav")
    until(lambda: all(job["status"] == "error" for job in service.transcriptions))
    client.stt.delete_all(limit=2)
    assert service.transcriptions == []


def test_translation(client, path):
    job = client.stt.translate_and_wait(file=str(path), to="de", **QUICK)
    transcript = client.stt.get_transcript(job.id)
    translated = [token for token in transcript.tokens if token.translation_status == "translation"]
    assert translated
    for token in translated:
        assert (token.language, token.source_language, token.start_ms) == ("de", "en", None)


def test_models(client):
    models = {model.id: model for model in client.models.list().models}
    assert models["stt-async-v4"].aliased_model_id == "stt-async-v5"
    assert models["stt-rt-v5"].transcription_mode == "real_time"
    assert len(models["stt-rt-v5"].languages) == 60
    assert models["stt-rt-v6"].aliased_model_id is None
    assert len(models["stt-async-v6"].languages) == 60


def test_usage_and_concurrency(client, path):
    client.stt.transcribe_and_wait(file=str(path), client_reference_id="mine", delete_after=True, **QUICK)
    now = datetime.now(UTC)
    window = ((now - timedelta(days=1)).isoformat(), (now + timedelta(days=20)).isoformat())
    [entry] = client.usage_logs.list_all(*window)
    assert (entry.client_reference_id, entry.input_audio_duration_ms) == ("mine", 3000)
    summary = client.usage.summary(*window)
    assert summary.total.total_num_requests == 1
    assert [model.model for model in summary.models] == ["stt-async-v5"]
    limits = client.concurrency_limits.get()
    assert (limits.organization.limits.transcribe_concurrent, limits.project.limits.transcribe_concurrent) == (10, None)
    history = client.concurrency_limits.history(*window, period_sec=86_400, kind="stt")
    assert len(history.entries) in (20, 21)


# errors of every class


def test_errors(client, service, path):
    missing = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(SonioxNotFoundError, match="Transcription not found"):
        client.stt.get(missing)
    with pytest.raises(SonioxNotFoundError, match="File not found"):
        client.files.get(missing)
    with pytest.raises(SonioxInvalidRequestError) as caught:
        client.stt.create(model="stt-async-v9", audio_url="http://host/a.wav")
    assert caught.value.api_error.error_type == "invalid_request"
    assert caught.value.api_error.validation_errors[0].location == "body.payload.model"
    assert caught.value.request_id
    with pytest.raises(SonioxInvalidRequestError) as caught:
        client.files.list(cursor="rubbish")
    assert caught.value.api_error.error_type == "invalid_cursor"
    service.faults.next("stuck")
    job = client.stt.create(file_id=client.files.upload(str(path)).id)
    with pytest.raises(SonioxConflictError):
        client.stt.get_transcript(job.id)
    until(lambda: client.stt.get(job.id).status == "processing")
    with pytest.raises(SonioxConflictError):
        client.stt.delete(job.id)
    service.faults.next("server_error")
    with pytest.raises(SonioxServerError):
        client.stt.list()
    service.faults.next("html")
    with pytest.raises(SonioxServerError, match="Bad Gateway"):
        client.stt.list()
    service.faults.next("no_balance")
    with pytest.raises(SonioxAPIError) as caught:
        client.stt.create(audio_url="http://host/a.wav")
    assert caught.value.status_code == 402
    service.faults.next("reset_after")
    with pytest.raises(httpx.NetworkError):
        client.stt.list()
    service.call(lambda rules: rules.keys.add("files-only", {"files"}))
    with (
        SonioxClient(api_key="files-only", **addresses(service)) as limited,
        pytest.raises(SonioxPermissionDeniedError),
    ):
        limited.stt.list()
    with SonioxClient(api_key="wrong", **addresses(service)) as stranger, pytest.raises(SonioxAuthenticationError):
        stranger.stt.list()


def test_limits():
    limits = Limits(requests_per_minute=3, files=1)
    with local_service("scripted", limits=limits) as service, SonioxClient(**addresses(service)) as client:
        client.files.upload(b"x")
        with pytest.raises(SonioxRateLimitError, match="Total file count limit"):
            client.files.upload(b"x")
        client.files.count()
        with pytest.raises(SonioxRateLimitError, match="Rate limit for your organization"):
            client.files.count()


def test_a_failed_job(client, service):
    job = client.stt.transcribe_and_wait(file=b"this is no audio", **QUICK)
    assert (job.status, job.error_type) == ("error", "invalid_audio_file")
    with pytest.raises(SonioxConflictError):
        client.stt.transcribe_and_wait_with_tokens(file=b"nor is this", **QUICK)


def test_webhooks(client, path):
    arrived = threading.Event()
    received = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, *_):
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        auth = WebhookAuthConfig(name="X-Secret", value="s3cret")
        url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        job = client.stt.transcribe_file_with_webhook(file=str(path), webhook_url=url, webhook_auth=auth)
        assert arrived.wait(PATIENCE_S)
        server.shutdown()
        thread.join()
    headers, body = received[0]
    event = client.webhooks.unwrap(payload=body, headers=headers, auth=auth)
    assert (event.id, event.status) == (job.id, "completed")


# real time


@pytest.fixture
def pcm(path):
    with wave.open(str(path)) as file:
        return file.readframes(file.getnframes())


def chunks(data, size=3840):
    return iter([data[at : at + size] for at in range(0, len(data), size)])


RAW = {"audio_format": "pcm_s16le", "sample_rate": 16_000, "num_channels": 1}


@pytest.mark.parametrize("model", ["stt-async-v6", "stt-async-v5", "stt-async-v4"])
def test_every_model_for_recordings(client, path, model):
    job = client.stt.transcribe_and_wait(model=model, file=str(path), **QUICK)
    assert (job.status, job.model) == ("completed", model)
    assert client.stt.get_transcript(job.id).text


@pytest.mark.parametrize("model", ["stt-rt-v6", "stt-rt-v5", "stt-rt-v4"])
def test_a_real_time_session(client, pcm, model):
    config = RealtimeSTTConfig(
        model=model,
        enable_endpoint_detection=True,
        endpoint_sensitivity=0.5,
        enable_speaker_diarization=True,
        enable_language_identification=True,
        translation=TranslationConfig(type="one_way", target_language="de"),
        **RAW,
    )
    with client.realtime.stt.connect(config=config) as session:
        session.send_bytes(chunks(pcm), finish=False)
        session.keep_alive()
        session.finalize()
        session.finish()
        events = list(session.receive_events())
    assert events[-1].finished
    assert all(event.error_code is None for event in events)
    final = [token for event in events for token in event.tokens if token.is_final]
    assert [token.text for token in final].count("<fin>") == 1
    assert {token.translation_status for token in final} >= {"original", "translation"}
    assert events[-1].total_audio_proc_ms == 3000


def test_a_real_time_session_over_a_container(client, path):
    config = RealtimeSTTConfig(model="stt-rt-v4")
    with client.realtime.stt.connect(config=config) as session:
        session.send_bytes(chunks(path.read_bytes()))
        events = list(session.receive_events())
    assert events[-1].finished
    assert "".join(token.text for event in events for token in event.tokens if token.is_final)


def test_a_real_time_session_where_keys_in_messages_are_refused(pcm):
    """This SDK sends its key in a header, which is still accepted after 15 January 2027."""
    with local_service("scripted", speed=100, refuse_key_in_message=True) as strict:
        config = RealtimeSTTConfig(model="stt-rt-v6", **RAW)
        with (
            SonioxClient(**addresses(strict)) as client,
            client.realtime.stt.connect(config=config) as session,
        ):
            session.send_bytes(chunks(pcm))
            assert list(session.receive_events())[-1].finished


def test_pause_and_resume(client, pcm):
    with client.realtime.stt.connect(config=RealtimeSTTConfig(model="stt-rt-v4", **RAW)) as session:
        session.send_byte_chunk(pcm)
        session.pause()
        session.send_byte_chunk(pcm)
        session.resume()
        session.send_bytes(chunks(pcm))
        events = list(session.receive_events())
    assert events[-1].finished
    assert events[-1].total_audio_proc_ms == 6000, "what was sent while paused was dropped"


def test_a_real_time_error_is_an_event(client):
    config = RealtimeSTTConfig(model="stt-rt-v9", **RAW)
    with client.realtime.stt.connect(config=config) as session:
        [event] = session.receive_events()
    assert (event.error_code, event.error_type) == (400, "model_not_available")
    with client.realtime.stt.connect(config=config, api_key="wrong") as session:
        [event] = session.receive_events()
    assert event.error_code == 401


def test_a_temporary_key_opens_a_session(client, pcm):
    minted = client.auth.create_temporary_api_key(
        single_use=True, expires_in_seconds=3600, max_session_duration_seconds=18_000
    )
    config = RealtimeSTTConfig(model="stt-rt-v4", **RAW)
    with client.realtime.stt.connect(config=config, api_key=minted.api_key) as session:
        session.send_bytes(chunks(pcm))
        assert list(session.receive_events())[-1].finished


# the same, asynchronously


async def test_the_async_client(service, path, pcm):
    client = AsyncSonioxClient(**addresses(service))
    try:
        transcript = await client.stt.transcribe_and_wait_with_tokens(file=str(path), delete_after=True, **QUICK)
        assert transcript.text
        file = await client.files.upload(str(path))
        job = await client.stt.wait((await client.stt.create(file_id=file.id)).id, interval_sec=0.02)
        assert job.status == "completed"
        assert (await client.stt.count()).total == (await client.files.count()).total == 1
        await client.stt.destroy_all()
        assert (service.files, service.transcriptions) == ([], [])
        assert (await client.models.list()).models
        with pytest.raises(SonioxNotFoundError):
            await client.stt.get(job.id)
        config = RealtimeSTTConfig(model="stt-rt-v4", enable_endpoint_detection=True, **RAW)
        async with client.realtime.stt.connect(config=config) as session:
            for chunk in chunks(pcm):
                await session.send_byte_chunk(chunk)
            await session.finish()
            events = [event async for event in session.receive_events()]
        assert events[-1].finished
    finally:
        await client.aclose()
