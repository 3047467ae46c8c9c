"""Bad weather: the injector alone, and what each fault looks like to a client."""

import asyncio
import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from steady import HandMovedClock
from waiting import PATIENCE_S, until, until_async

from soniox_ds.emulator import local_service
from soniox_ds.emulator.faults import KINDS, OF_JOBS, OF_STREAMS, ROUTES, Faults


@pytest.fixture
def http(service):
    headers = {"Authorization": f"Bearer {service.key}"}
    with httpx.Client(verify=False, base_url=f"{service.base_url}/v1", headers=headers, timeout=PATIENCE_S) as opened:
        yield opened


def make_file(http, tiny_wav, tmp_path, seed=0):
    path = tiny_wav(tmp_path / f"{seed}.wav", seed=seed)
    return http.post("/files", files={"file": (path.name, path.read_bytes())})


def make_job(http, tiny_wav, tmp_path):
    file = make_file(http, tiny_wav, tmp_path).json()
    return http.post("/transcriptions", json={"model": "stt-async-v4", "file_id": file["id"]})


# the injector


def test_the_next_n_requests_of_a_route(service):
    faults = Faults()
    faults.next("server_error", route="get", times=2)
    drawn = [faults.draw(route) for route in ("list", "get", "get", "get")]
    assert [fault and fault.kind for fault in drawn] == [None, "server_error", "server_error", None]
    assert faults.fired == {("server_error", "get"): 2}


@given(st.integers(0, 1000), st.floats(0, 1))
def test_a_rate_is_drawn_from_the_seed(seed, rate):
    def hits():
        faults = Faults(seed=seed)
        faults.rate("rate_limit", rate)
        return [faults.draw("get") is not None for _ in range(400)]

    assert hits() == hits()
    # Six standard deviations of a binomial, and a half for small rates.
    assert abs(sum(hits()) - 400 * rate) <= 6 * (400 * rate * (1 - rate)) ** 0.5 + 0.5


def test_numbers_come_before_rates():
    faults = Faults("server_error=1,html=1x")
    assert [faults.draw("get").kind for _ in range(2)] == ["html", "server_error"]


def test_faults_are_cleared():
    faults = Faults("rate_limit=1")
    faults.clear()
    assert faults.draw("get") is None
    assert repr(faults) == "Faults(none)"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ("storm=0.1", "unknown fault 'storm'"),
        ("slow@nowhere=0.1", "unknown route 'nowhere'"),
        ("slow", "the form is"),
        ("slow=2", "between 0 and 1"),
        ("slow=much", "could not convert"),
        ("slow=0x", "at least 1"),
        ("slow=0.1:seconds", "the form is"),
        ("slow=0.1:hours=1", "no option hours"),
        ("stuck@get=0.1", "cannot occur on the route get"),
        ("quota=0.1:which=none", "unknown quota"),
    ],
)
def test_a_text_that_cannot_be_read_is_explained(spec, complaint):
    with pytest.raises(ValueError, match=complaint):
        Faults(spec)


def test_the_text_form_says_the_same_as_the_calls():
    faults = Faults(" reset_after@create=0.05, rate_limit=3x ,slow@transcript=1:seconds=2,")
    assert repr(faults) == "Faults(reset_after@create=0.05, rate_limit@any=3x, slow@transcript=1)"
    assert repr(Faults({"reset_after@create": 0.05})) == "Faults(reset_after@create=0.05)"
    [slow] = [faults.draw("transcript") for _ in range(4)][3:]
    assert slow.options == {"seconds": 2.0}


def test_every_kind_can_happen_somewhere():
    for kind in KINDS:
        faults = Faults({kind: 1.0})
        hit = {route for route in ROUTES if faults.draw(route)}
        assert hit
        assert ("websocket" in hit) == (
            kind in OF_STREAMS or kind in {"rate_limit", "no_balance", "server_error", "unavailable"}
        )
        if kind in OF_JOBS:
            assert hit == {"create"}


# refusals: nothing is done


@pytest.mark.parametrize(
    ("kind", "options", "status", "slug", "message"),
    [
        ("rate_limit", {}, 429, "limit_exceeded", "Rate limit for your organization has been exceeded."),
        ("quota", {}, 429, "limit_exceeded", "Total transcription count limit"),
        ("quota", {"which": "pending"}, 429, "limit_exceeded", "Pending transcription count limit"),
        ("quota", {"which": "files"}, 429, "limit_exceeded", "Total file count limit"),
        ("quota", {"which": "storage"}, 429, "limit_exceeded", "Total file storage limit"),
        ("server_error", {}, 500, "internal_error", "Internal server error."),
        ("unavailable", {}, 503, "service_unavailable", "Cannot continue request (code 1)."),
        ("no_balance", {}, 402, "organization_balance_exhausted", "Organization balance exhausted."),
        (
            "no_balance",
            {"which": "project_monthly_budget_exhausted"},
            402,
            "project_monthly_budget_exhausted",
            "Project monthly budget exhausted.",
        ),
    ],
)
def test_refusals(http, service, tiny_wav, tmp_path, kind, options, status, slug, message):
    service.faults.next(kind, route="create", **options)
    answer = make_job(http, tiny_wav, tmp_path)
    assert (answer.status_code, answer.json()["error_type"]) == (status, slug)
    assert answer.json()["message"].startswith(message)
    assert "retry-after" not in answer.headers
    assert service.created.total == 0
    assert (service.requests[-1].status, service.requests[-1].fault) == (status, kind)


def test_a_retry_after_may_be_sent(http, service):
    service.faults.next("rate_limit", retry_after=2)
    assert http.get("/files").headers["retry-after"] == "2"


def test_a_page_instead_of_json(http, service):
    service.faults.next("html")
    answer = http.get("/files")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (502, "text/html")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_a_reset_before_the_work(http, service, tiny_wav, tmp_path):
    service.faults.next("reset_before", route="upload")
    # Which of the two depends on whether the reset meets the writing or the reading.
    with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
        make_file(http, tiny_wav, tmp_path)
    assert service.files == []


@pytest.mark.parametrize(("kind", "done"), [("timeout", 0), ("timeout_after", 1)])
async def test_no_answer_until_the_client_gives_up(service, kind, done):
    """The client gets no response while the service hangs. The service continues after the client has gone."""

    def open_tasks():
        return service.call(lambda _: len(asyncio.all_tasks()))

    quiet = open_tasks()
    service.faults.next(kind, route="upload")
    headers = {"Authorization": f"Bearer {service.key}"}
    async with httpx.AsyncClient(
        verify=False, base_url=f"{service.base_url}/v1", headers=headers, timeout=PATIENCE_S
    ) as http:
        asked = asyncio.create_task(http.post("/files", files={"file": ("a.wav", b"x")}))
        await until_async(lambda: service.faults.fired == {(kind, "upload"): 1} and len(service.files) == done)
        # Requests on other connections are answered meanwhile, this one is not.
        for _ in range(3):
            assert len((await http.get("/files")).json()["files"]) == done
        assert not asked.done()
        asked.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asked
    await until_async(lambda: open_tasks() == quiet)
    assert len(service.files) == done


# the work is done, the answer is lost


@pytest.mark.parametrize("kind", ["reset_after", "truncated", "malformed", "error_after", "slow"])
@pytest.mark.parametrize("route", ["upload", "create", "delete_transcription", "delete_file", "get", "list", "files"])
def test_the_work_is_done_whatever_comes_back(http, service, tiny_wav, tmp_path, kind, route):
    service.faults.next(kind, route=route, **({"seconds": 0.05} if kind == "slow" else {}))
    calls = {
        "upload": lambda: http.post("/files", files={"file": ("a.wav", b"x")}),
        "create": lambda: http.post(
            "/transcriptions", json={"model": "stt-async-v4", "audio_url": "http://127.0.0.1:1"}
        ),
    }
    if route == "delete_file":
        file = http.post("/files", files={"file": ("a.wav", b"x")}).json()
        calls[route] = lambda: http.delete(f"/files/{file['id']}")
    elif route in ("get", "delete_transcription"):
        job = calls["create"]().json()
        until(lambda: http.get("/transcriptions").json()["transcriptions"][0]["status"] == "error")
        calls["get"] = lambda: http.get(f"/transcriptions/{job['id']}")
        calls["delete_transcription"] = lambda: http.delete(f"/transcriptions/{job['id']}")
    calls |= {"list": lambda: http.get("/transcriptions"), "files": lambda: http.get("/files")}
    if kind in ("reset_after", "truncated"):
        # An answer without a body cannot be cut short: its connection is reset.
        cut = kind == "truncated" and "delete" not in route
        with pytest.raises(httpx.RemoteProtocolError if cut else httpx.NetworkError):
            calls[route]()
    elif kind == "error_after":
        assert calls[route]().json()["error_type"] == "internal_error"
    elif kind == "slow":
        assert calls[route]().is_success
    else:
        answer = calls[route]()
        assert answer.status_code == 200
        with pytest.raises(ValueError, match=r"Unterminated|Expecting|delimiter"):
            answer.json()
    assert service.faults.fired == {(kind, route): 1}
    if route == "upload":
        assert len(service.files) == 1
    elif route == "create":
        assert service.created.total == 1
    elif route.startswith("delete"):
        assert (service.files, service.transcriptions) == ([], [])


# faults of jobs


def test_a_new_job_is_missing_from_some_listings(http, service, tiny_wav, tmp_path):
    service.faults.next("listing_lag", listings=2)
    job = make_job(http, tiny_wav, tmp_path).json()
    listed = [len(http.get("/transcriptions").json()["transcriptions"]) for _ in range(3)]
    assert listed == [0, 0, 1]
    assert http.get(f"/transcriptions/{job['id']}").status_code == 200


def test_a_new_job_is_missing_from_listings_for_a_while(tiny_wav, tmp_path):
    clock = HandMovedClock()
    with local_service("scripted", clock=clock, set_environment=False, faults="listing_lag=1:seconds=10") as service:
        headers = {"Authorization": f"Bearer {service.key}"}
        with httpx.Client(verify=False, base_url=f"{service.base_url}/v1", headers=headers, timeout=PATIENCE_S) as http:
            make_job(http, tiny_wav, tmp_path)
            listed = []
            for _ in range(3):
                listed.append(len(http.get("/transcriptions").json()["transcriptions"]))
                clock.move(5)
    assert listed == [0, 0, 1]


def test_a_stuck_job_and_one_that_fails_inside(http, service, tiny_wav, tmp_path):
    service.faults.next("stuck")
    stuck = make_job(http, tiny_wav, tmp_path).json()["id"]
    service.faults.next("job_internal_error")
    failing = make_job(http, tiny_wav, tmp_path).json()["id"]

    def states():
        jobs = {job["id"]: job for job in http.get("/transcriptions").json()["transcriptions"]}
        return jobs if (jobs[stuck]["status"], jobs[failing]["status"]) == ("processing", "error") else None

    jobs = until(states)
    assert jobs[failing]["error_type"] == "internal_error"
    assert jobs[stuck]["status"] == "processing"
    assert http.delete(f"/transcriptions/{stuck}").status_code == 409


def test_the_weather_given_at_the_start(tiny_wav, tmp_path):
    with local_service("scripted", faults="server_error@files=2x", set_environment=False) as service:
        headers = {"Authorization": f"Bearer {service.key}"}
        with httpx.Client(verify=False, base_url=f"{service.base_url}/v1", headers=headers, timeout=PATIENCE_S) as http:
            assert [http.get("/files").status_code for _ in range(3)] == [500, 500, 200]
