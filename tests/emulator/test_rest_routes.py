"""REST over a real socket, by plain HTTP."""

import asyncio
import hashlib
import json
import logging
import os
import threading
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest
from steady import HandMovedClock
from waiting import PATIENCE_S, until

from soniox_ds.emulator import Limits, local_service
from soniox_ds.emulator.recognizers import Heard
from soniox_ds.emulator.store import LOCK


@pytest.fixture
def http(service):
    with client(service) as opened:
        yield opened


def client(service, key=None):
    headers = {"Authorization": f"Bearer {key or service.key}"}
    return httpx.Client(verify=False, base_url=f"{service.base_url}/v1", headers=headers, timeout=PATIENCE_S)


def upload(http, path, **fields):
    with path.open("rb") as file:
        return http.post("/files", files={"file": (path.name, file)}, data=fields)


def create(http, **fields):
    return http.post("/transcriptions", json={"model": "stt-async-v4", **fields})


def finished(http, job_id):
    """The job when it has ended."""

    def ended():
        job = http.get(f"/transcriptions/{job_id}").json()
        return job if job["status"] in ("completed", "error") else None

    return until(ended)


def plus_a_day(timestamp):
    return (datetime.fromisoformat(timestamp) + timedelta(days=1)).isoformat()


def transcribed(http, path, **fields):
    file = upload(http, path).json()
    return finished(http, create(http, file_id=file["id"], **fields).json()["id"])


def test_an_upload_is_kept_and_counted(http, service, tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / 'a "b" 😀.wav')
    answer = upload(http, path, client_reference_id="mine")
    assert answer.status_code == 201
    file = answer.json()
    assert file["filename"] == path.name
    assert (file["size"], file["client_reference_id"]) == (path.stat().st_size, "mine")
    assert http.get(f"/files/{file['id']}").json() == file
    assert http.get("/files").json() == {"files": [file], "next_page_cursor": None}
    assert http.get("/files/count").json() == {"total": 1, "public_api": 1, "playground": 0}
    url = http.get(f"/files/{file['id']}/url").json()["url"]
    assert httpx.get(url, timeout=PATIENCE_S).content == path.read_bytes()
    assert service.files == [file]
    assert service.requests[0].client_reference_id == "mine"
    assert http.delete(f"/files/{file['id']}").status_code == 204
    assert http.get(f"/files/{file['id']}").json()["error_type"] == "file_not_found"


def test_a_transcription_from_creation_to_deletion(http, service, tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav", seconds=2.0)
    file = upload(http, path).json()
    answer = create(http, file_id=file["id"], client_reference_id="mine")
    assert (answer.status_code, answer.json()["status"]) == (201, "queued")
    job = finished(http, answer.json()["id"])
    assert (job["status"], job["audio_duration_ms"]) == ("completed", 2000)
    transcript = http.get(f"/transcriptions/{job['id']}/transcript").json()
    assert transcript["text"] == "".join(token["text"] for token in transcript["tokens"])
    assert transcript["text"]
    assert http.get("/transcriptions").json() == {"transcriptions": [job], "next_page_cursor": None}
    assert http.get("/transcriptions/count").json()["total"] == 1
    assert service.created.by_reference == {"mine": 1}
    assert service.created.by_audio == {hashlib.sha256(path.read_bytes()).hexdigest(): 1}
    assert http.delete(f"/transcriptions/{job['id']}").status_code == 204
    assert http.delete(f"/transcriptions/{job['id']}").status_code == 404
    assert http.delete(f"/files/{file['id']}").status_code == 204
    assert (service.files, service.transcriptions) == ([], [])
    day = {"start_time": job["created_at"], "end_time": plus_a_day(job["created_at"])}
    [entry] = http.get("/usage-logs", params=day).json()["usage_logs"]
    assert (entry["uuid"], entry["input_audio_duration_ms"]) == (job["id"], 2000)


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/files/", 404, "not_found"),
        ("GET", "/transcriptions/", 404, "not_found"),
        ("GET", "/nothing", 404, "not_found"),
        ("PUT", "/files", 405, "method_not_allowed"),
        ("GET", "/files/17", 404, "file_not_found"),
        ("DELETE", "/files/17", 404, "file_not_found"),
        ("GET", "/files/17/url", 404, "file_not_found"),
        ("GET", "/transcriptions/17", 404, "transcription_not_found"),
        ("GET", "/transcriptions/17/transcript", 404, "transcription_not_found"),
        ("DELETE", "/transcriptions/17", 404, "transcription_not_found"),
        ("GET", "/files?limit=0", 400, "invalid_request"),
        ("GET", "/files?cursor=x", 400, "invalid_cursor"),
        ("GET", "/transcriptions?cursor=x", 400, "invalid_cursor"),
        ("GET", "/usage-logs", 400, "invalid_request"),
        ("GET", "/usage/summary?start_time=x", 400, "invalid_request"),
    ],
)
def test_every_error_has_the_documented_body(http, method, path, status, slug):
    answer = http.request(method, path)
    body = answer.json()
    assert (answer.status_code, body["status_code"], body["error_type"]) == (status, status, slug)
    assert set(body) == {"status_code", "error_type", "message", "validation_errors", "request_id", "more_info"}
    assert body["more_info"].endswith("#" + slug.replace("_", "-"))
    assert answer.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Missing API key."),
        ({"Authorization": "Basic x"}, "Authorization header must use the Bearer scheme."),
        ({"Authorization": "Bearer wrong"}, "Incorrect API key provided."),
    ],
)
def test_nobody_gets_in_without_the_key(service, headers, message):
    answer = httpx.get(f"{service.base_url}/v1/files", headers=headers, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["error_type"]) == (401, "unauthenticated")
    assert answer.json()["message"].startswith(message)


def test_a_limited_key_is_refused_where_its_permission_ends(service):
    service.call(lambda rules: rules.keys.add("files-only", {"files"}))
    with client(service, "files-only") as http:
        assert http.get("/files").status_code == 200
        answer = http.get("/transcriptions")
    assert (answer.status_code, answer.json()["error_type"]) == (403, "permission_denied")


def test_temporary_keys(http, service):
    answer = http.post("/auth/temporary-api-key", json={"usage_type": "transcribe_websocket", "expires_in_seconds": 9})
    assert answer.status_code == 201
    assert set(answer.json()) == {"api_key", "expires_at"}
    with client(service, answer.json()["api_key"]) as limited:
        assert limited.get("/files").status_code == 401
    body = http.post("/auth/temporary-api-key", json={"usage_type": "x"}).json()
    assert [error["location"] for error in body["validation_errors"]] == [
        "body.payload.expires_in_seconds",
        "body.payload.usage_type",
    ]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"data": b"x", "headers": {"Content-Type": "text/plain"}}, id="no-multipart"),
        pytest.param({"files": {"other": ("a.wav", b"x")}}, id="no-file-part"),
        pytest.param({"data": b"x", "headers": {"Content-Type": "multipart/form-data"}}, id="no-boundary"),
        pytest.param({"data": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, id="no-parts"),
        pytest.param({"files": {"file": ("a" * 1100, b"x")}}, id="long-name"),
    ],
)
def test_wrong_uploads(http, service, fields):
    if isinstance(fields.get("data"), bytes):
        fields = {**fields, "content": fields["data"]}
        del fields["data"]
    answer = http.post("/files", **fields)
    assert (answer.status_code, answer.json()["error_type"]) == (400, "invalid_request")
    assert service.files == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"x"', b"x" * 5_000_000])
def test_bodies_that_are_no_json_object(http, body):
    answer = http.post("/transcriptions", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error_type"]) == (400, "invalid_request")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_a_file_over_the_limit_is_refused(tmp_path, announced):
    with (
        local_service("scripted", limits=Limits(file_bytes=200_000), set_environment=False) as service,
        client(service) as http,
    ):
        if announced:
            answer = http.post("/files", files={"file": ("a.wav", b"x" * 300_000)})
        else:
            head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
            parts = iter([head, *[b"x" * 50_000] * 6, b"\r\n--b--\r\n"])
            answer = http.post("/files", content=parts, headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.status_code == 400
        assert answer.json()["validation_errors"][0]["location"] == "body.file"
        assert service.files == []
        assert os.listdir(service._server._store.folder) == [LOCK]


def test_memory_does_not_grow_with_an_upload():
    size = 150_000_000
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    with local_service("scripted", set_environment=False) as service, client(service) as http:
        process = psutil.Process()
        before = process.memory_info().rss
        seen = []

        def parts():
            yield head
            for _ in range(size // 1_000_000):
                seen.append(process.memory_info().rss)
                yield bytes(1_000_000)
            yield b"\r\n--b--\r\n"

        answer = http.post("/files", content=parts(), headers={"Content-Type": "multipart/form-data; boundary=b"})
        assert answer.json()["size"] == size
    assert max(seen) - before < 32_000_000


# what becomes of jobs


@pytest.mark.parametrize(
    "data",
    [b"", b"this is text", b"RIFF\x24\x00\x00\x00WAVEfmt ", b"\x89PNG\r\n\x1a\n" + bytes(100)],
    ids=["empty", "text", "broken-wav", "image"],
)
def test_files_that_are_no_audio_end_the_job(http, tmp_path, data):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    job = transcribed(http, path)
    assert (job["status"], job["error_type"]) == ("error", "invalid_audio_file")
    assert str(tmp_path) not in job["error_message"]
    answer = http.get(f"/transcriptions/{job['id']}/transcript")
    assert (answer.status_code, answer.json()["error_type"]) == (409, "transcription_invalid_state")


def test_audio_over_five_hours_ends_the_job(tmp_path, tiny_wav):
    limits = Limits(duration_ms=1500)
    with local_service("scripted", limits=limits, speed=100, set_environment=False) as service, client(service) as http:
        assert transcribed(http, tiny_wav(tmp_path / "a.wav", seconds=1.5))["status"] == "completed"
        job = transcribed(http, tiny_wav(tmp_path / "b.wav", seconds=1.6))
    assert (job["status"], job["error_type"]) == ("error", "max_duration_reached")


def test_a_queued_job_can_be_cancelled_and_a_running_one_not(tmp_path, tiny_wav):
    path = tiny_wav(tmp_path / "a.wav")
    options = {"median_s": 1000, "sigma": 0}
    with (
        local_service("scripted", slots=1, queue_s=0, set_environment=False, **options) as service,
        client(service) as http,
    ):
        file = upload(http, path).json()
        first, second = (create(http, file_id=file["id"]).json()["id"] for _ in range(2))
        until(lambda: http.get(f"/transcriptions/{first}").json()["status"] != "queued")
        answer = http.delete(f"/transcriptions/{first}")
        assert (answer.status_code, answer.json()["error_type"]) == (409, "transcription_invalid_state")
        assert http.get(f"/transcriptions/{first}").json()["audio_duration_ms"] == 1000
        assert http.get(f"/transcriptions/{second}").json()["status"] == "queued"
        assert http.delete(f"/transcriptions/{second}").status_code == 204
        # Its file may go meanwhile: the running job holds on to the bytes.
        assert http.delete(f"/files/{file['id']}").status_code == 204
        assert [job["id"] for job in service.transcriptions] == [first]


class Slow:
    """A recognizer that reads its file only after a signal."""

    name = "slow"

    def __init__(self):
        self.begun, self.go_on = threading.Event(), threading.Event()

    def transcribe(self, audio, *, filename, options):
        self.begun.set()
        assert self.go_on.wait(PATIENCE_S)
        return Heard(tokens=[{"text": str(len(audio.read_bytes()))}], duration_ms=1000)

    def stream(self, options):
        raise NotImplementedError


def test_a_queued_job_whose_file_is_gone_ends_in_error(tmp_path, tiny_wav):
    """It waits behind another one while its file is deleted."""
    recognizer = Slow()
    with local_service(recognizer, slots=1, speed=100, set_environment=False) as service, client(service) as http:
        file_ids = [upload(http, tiny_wav(tmp_path / f"{number}.wav")).json()["id"] for number in range(2)]
        first, second = (create(http, file_id=file_id).json()["id"] for file_id in file_ids)
        assert recognizer.begun.wait(PATIENCE_S)
        assert http.delete(f"/files/{file_ids[1]}").status_code == 204
        recognizer.go_on.set()
        assert finished(http, second)["error_type"] == "file_not_found"
        assert finished(http, first)["status"] == "completed"


def test_a_running_job_holds_on_to_a_deleted_file(tmp_path, tiny_wav):
    path = tiny_wav(tmp_path / "a.wav")
    recognizer = Slow()
    with local_service(recognizer, speed=100, set_environment=False) as service, client(service) as http:
        file = upload(http, path).json()
        job = create(http, file_id=file["id"]).json()
        assert recognizer.begun.wait(PATIENCE_S)
        assert http.delete(f"/files/{file['id']}").status_code == 204
        recognizer.go_on.set()
        finished(http, job["id"])
        text = http.get(f"/transcriptions/{job['id']}/transcript").json()["text"]
        assert text == str(path.stat().st_size)
        until(lambda: os.listdir(service._server._store.folder) == [LOCK])


class Elsewhere(BaseHTTPRequestHandler):
    """Another server: it offers audio, and takes webhooks."""

    def do_GET(self):
        self.send_response(200 if self.path == "/good.wav" else 404)
        self.end_headers()
        self.wfile.write(self.server.audio)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.hooks.append((self.path, self.headers.get("X-Secret"), body))
        self.send_response(self.server.answers.pop(0) if self.server.answers else 200)
        self.end_headers()

    def log_message(self, *_):
        """Quiet."""


@pytest.fixture
def elsewhere(tiny_wav, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.audio = tiny_wav(tmp_path / "there.wav").read_bytes()
    server.hooks, server.answers = [], []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_audio_is_fetched_from_a_url(http, service, elsewhere):
    answer = create(http, audio_url=f"{elsewhere.url}/good.wav", file_id=None)
    assert (answer.status_code, answer.json()["filename"]) == (201, "good.wav")
    assert finished(http, answer.json()["id"])["status"] == "completed"
    assert service.created.by_audio == {f"{elsewhere.url}/good.wav": 1}


@pytest.mark.parametrize("url", ["{server}/missing.wav", "http://127.0.0.1:1/a.wav", "http://nowhere.invalid/a.wav"])
def test_a_dead_url_fails_the_job_and_not_the_request(http, elsewhere, url):
    answer = create(http, audio_url=url.format(server=elsewhere.url))
    assert answer.status_code == 201
    job = finished(http, answer.json()["id"])
    assert (job["status"], job["error_type"]) == ("error", "file_download_error")


def with_webhook(http, elsewhere, tiny_wav, tmp_path):
    file = upload(http, tiny_wav(tmp_path / "a.wav")).json()
    return create(
        http,
        file_id=file["id"],
        webhook_url=f"{elsewhere.url}/hook?call=7",
        webhook_auth_header_name="X-Secret",
        webhook_auth_header_value="s3cret",
    ).json()["id"]


@pytest.mark.parametrize(
    ("answers", "tries", "status"),
    [([204], 1, 204), ([500, 200], 2, 200), ([500, 502, 503, 200], 3, 503)],
    ids=["at-once", "at-second-try", "never"],
)
def test_webhooks(http, elsewhere, tiny_wav, tmp_path, answers, tries, status):
    elsewhere.answers = answers
    job_id = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    until(lambda: http.get(f"/transcriptions/{job_id}").json()["webhook_status_code"] == status)
    assert elsewhere.hooks == [("/hook?call=7", "s3cret", {"id": job_id, "status": "completed"})] * tries


def test_a_lost_webhook_is_lost(http, service, elsewhere, tiny_wav, tmp_path):
    service.faults.next("lost_webhook")
    lost = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    finished(http, lost)
    sent = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    until(lambda: http.get(f"/transcriptions/{sent}").json()["webhook_status_code"])
    assert [hook[2]["id"] for hook in elsewhere.hooks] == [sent]
    assert http.get(f"/transcriptions/{lost}").json()["webhook_status_code"] is None


def test_a_doubled_webhook_comes_twice_although_it_was_answered_well(http, service, elsewhere, tiny_wav, tmp_path):
    service.faults.next("doubled_webhook")
    job_id = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    until(lambda: len(elsewhere.hooks) == 2)
    assert [hook[2] for hook in elsewhere.hooks] == [{"id": job_id, "status": "completed"}] * 2


def test_a_late_webhook(http, service, elsewhere, tiny_wav, tmp_path):
    service.faults.next("late_webhook", seconds=40)
    job_id = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    (webhook,) = until(lambda: service.webhooks)
    assert (webhook.transcription_id, webhook.status) == (job_id, 200)
    assert webhook.time_s >= service.call(lambda rules: rules.job(job_id).started_at) + 40


def test_an_early_webhook_comes_before_the_answer_to_the_create_request(http, service, elsewhere, tiny_wav, tmp_path):
    service.faults.next("early_webhook")
    job_id = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    assert [hook[2]["id"] for hook in elsewhere.hooks] == [job_id]


def test_a_redirect_is_no_delivery(http, service, elsewhere, tiny_wav, tmp_path):
    elsewhere.answers = [302]
    with_webhook(http, elsewhere, tiny_wav, tmp_path)
    until(lambda: len(service.webhooks) == 2)
    assert [webhook.status for webhook in service.webhooks] == [302, 200]


def test_a_receiver_that_is_down_is_tried_three_times(http, service, elsewhere, tiny_wav, tmp_path):
    elsewhere.url = "http://127.0.0.1:1"
    job_id = with_webhook(http, elsewhere, tiny_wav, tmp_path)
    until(lambda: len(service.webhooks) == 3)
    assert [webhook.status for webhook in service.webhooks] == [None] * 3
    job = http.get(f"/transcriptions/{job_id}").json()
    assert (job["status"], job["webhook_status_code"]) == ("completed", None)


class Broken:
    name = "broken"

    def transcribe(self, audio, *, filename, options):
        raise ZeroDivisionError("a mistake")

    def stream(self, options):
        raise ZeroDivisionError("a mistake")


def test_a_recognizer_that_fails_fails_its_job_only(tmp_path, tiny_wav, caplog):
    caplog.set_level(logging.CRITICAL, "soniox_ds.emulator.jobs")
    with local_service(Broken(), speed=100) as service, client(service) as http:
        job = transcribed(http, tiny_wav(tmp_path / "a.wav"))
    assert (job["status"], job["error_type"]) == ("error", "internal_error")


# rate and speed


def test_the_minute_is_full_and_empties_with_the_services_clock():
    clock = HandMovedClock()
    with (
        local_service("scripted", requests_per_minute=5, clock=clock, set_environment=False) as service,
        client(service) as http,
    ):
        answers = [http.get("/files/count") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {200}
        answer = http.get("/files/count")
        assert (answer.status_code, answer.json()["error_type"]) == (429, "limit_exceeded")
        assert answer.json()["message"] == "Rate limit for your organization has been exceeded."
        clock.move(59)
        assert http.get("/files/count").status_code == 429
        clock.move(1)
        assert http.get("/files/count").status_code == 200


async def test_many_jobs_at_once(tmp_path, tiny_wav):
    paths = [tiny_wav(tmp_path / f"{number}.wav", seconds=0.3, seed=number) for number in range(60)]
    with local_service("scripted", speed=1000, requests_per_minute=None, set_environment=False) as service:
        headers = {"Authorization": f"Bearer {service.key}"}
        async with httpx.AsyncClient(
            verify=False, base_url=f"{service.base_url}/v1", headers=headers, timeout=PATIENCE_S
        ) as http:

            async def ended(job_id):
                async with asyncio.timeout(PATIENCE_S):
                    status = None
                    while status not in ("completed", "error"):
                        await asyncio.sleep(0.02)
                        status = (await http.get(f"/transcriptions/{job_id}")).json()["status"]

            async def one(path):
                file = (await http.post("/files", files={"file": (path.name, path.read_bytes())})).json()
                job = (await http.post("/transcriptions", json={"model": "stt-async-v4", "file_id": file["id"]})).json()
                await ended(job["id"])
                return (await http.get(f"/transcriptions/{job['id']}/transcript")).json()["text"]

            texts = await asyncio.gather(*map(one, paths))
    assert len(set(texts)) == 60
    assert service.created.total == 60


def test_a_file_with_one_hundred_thousand_tokens(tmp_path, tiny_wav):
    path = tiny_wav(tmp_path / "long.wav")
    scripts = {"long.wav": " ".join(["day"] * 100_000)}
    with (
        local_service("scripted", speed=1000, scripts=scripts, set_environment=False) as service,
        client(service) as http,
    ):
        job = transcribed(http, path)
        assert len(http.get(f"/transcriptions/{job['id']}/transcript").json()["tokens"]) == 100_000
