"""Bad weather, one kind at a time and at a chosen moment: a failed row or a clear exception, and nothing paid twice.

What goes on all the time, at random, is in test_chaos.py; what a bad file looks like is in the tests of inspection.
"""

import asyncio
import contextlib
import math
import resource
import signal
import sqlite3
from dataclasses import replace

import pytest
from batches import (
    Limits,
    assert_same_corpus,
    batch,
    leftovers,
    routes,
    settings_for,
    stand_in,
    transcribe,
    until,
    wav,
)
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds import aio, exceptions
from soniox_ds.api.client import Client
from soniox_ds.batch import clean_up, journal
from soniox_ds.batch.journal import Journal
from soniox_ds.emulator.limits import Limits as ServiceLimits
from soniox_ds.emulator.server import Server

SHORT = Limits(request_timeout_s=1.0)
"""What hangs is given up soon; sockets live by the clock on the wall."""

SERVICE_LIMITS = ServiceLimits(requests_per_minute=None)


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


def states(corpus):
    return corpus.recordings["status"].tolist()


def count(corpus, status):
    return states(corpus).count(status)


# -- the account -------------------------------------------------------------------------------------------------------


async def test_a_wrong_key(service, tmp_path):
    wrong = sx.Connection(api_key="not-the-key", api_base_url=service.base_url)
    with pytest.raises(exceptions.AuthError, match="Check SONIOX_API_KEY") as caught:
        await transcribe(batch(60), service, tmp_path, connection=wrong)
    assert caught.value.status == 401
    assert "not-the-key" not in str(caught.value)
    assert routes(service)["upload"] == len(service.requests) - 1 <= 16  # besides them only the list of models
    assert service.created.total == 0


async def test_the_key_of_another_region(service, tmp_path):
    """According to the documentation, a key of another region gets status 401."""
    elsewhere = sx.Connection(api_key="key-of-the-eu", api_base_url=service.base_url)
    with pytest.raises(exceptions.AuthError, match="only in the region of its project"):
        await transcribe(batch(1), service, tmp_path, connection=elsewhere)


async def test_a_key_that_is_revoked_on_the_way(service, tmp_path):
    """Finished ones are kept; the same call with a key that works takes up the rest."""

    def revoke(snapshot):
        if snapshot.completed == 5:
            service.call(lambda rules: rules.keys.__init__(["another"], now=rules.now))

    with pytest.warns(exceptions.RecordingsFailedWarning, match="unauthenticated"):
        corpus = await transcribe(batch(40), service, tmp_path, progress=revoke, concurrency=2)
    assert count(corpus, "completed") >= 5
    created = service.created.total
    renewed = sx.Connection(api_key="another", api_base_url=service.base_url)
    corpus = await transcribe(batch(40), service, tmp_path, connection=renewed)
    assert states(corpus) == ["completed"] * 40
    assert created <= service.created.total == 40
    assert leftovers(service) == []


async def test_no_balance_at_the_start(service, tmp_path):
    service.faults.rate("no_balance", 1.0, "create")
    with pytest.raises(exceptions.BalanceError, match="add funds"):
        await transcribe(batch(40), service, tmp_path)
    assert service.created.total == 0
    assert leftovers(service) == []


async def test_no_balance_on_the_way(service, tmp_path):
    """Jobs that are paid for are fetched, the others fail at once, and the same call continues later."""

    def spend_it_all(snapshot):
        if snapshot.completed == 10:
            service.faults.rate("no_balance", 1.0, "create")

    with pytest.warns(exceptions.RecordingsFailedWarning, match="organization_balance_exhausted"):
        corpus = await transcribe(batch(60), service, tmp_path, progress=spend_it_all, concurrency=2)
    assert count(corpus, "completed") == service.created.total >= 10
    assert count(corpus, "failed") > 0
    assert leftovers(service) == []
    service.faults.clear()
    corpus = await transcribe(batch(60), service, tmp_path)
    assert states(corpus) == ["completed"] * 60
    assert service.created.total == 60


async def test_an_unknown_model(service, tmp_path):
    with pytest.raises(exceptions.RequestError, match="stt-async-v4"):
        await transcribe(batch(40), service, tmp_path, model="stt-async-v44")
    assert routes(service)["create"] <= 16
    assert leftovers(service) == []


async def test_an_address_that_is_not_the_api(tmp_path):
    """A proxy, a captive portal or a wrong path: HTML all the way."""
    with stand_in(faults={"html": 1.0}) as service:
        with pytest.raises(exceptions.ServiceError, match="Run the same call again"):
            await transcribe(batch(20), service, tmp_path)
        assert service.created.total == 0


async def test_nobody_listens(service, tmp_path):
    settings = settings_for(service, tmp_path)
    service.stop()
    with pytest.raises(exceptions.ConnectionFailed, match="no connection"):
        await aio.transcribe(batch(20), **settings)


# -- recordings that only the service can judge ------------------------------------------------------------------------


async def test_dead_urls(service, tmp_path):
    urls = ["http://127.0.0.1:9/refused.wav", f"{service.base_url}/content/gone.wav"]
    with pytest.warns(exceptions.RecordingsFailedWarning, match="file_download_error"):
        corpus = await transcribe([*urls, wav(1)], service, tmp_path)
    assert states(corpus) == ["failed", "failed", "completed"]
    assert leftovers(service) == []
    created = service.created.total
    assert created == 3  # each once: downloading again at once would not help
    with pytest.warns(exceptions.RecordingsFailedWarning):
        await transcribe([*urls, wav(1)], service, tmp_path)
    assert service.created.total == created + 2  # but it may another time


async def test_longer_than_the_service_takes(tmp_path):
    with stand_in(limits=replace(SERVICE_LIMITS, duration_ms=1000)) as service:
        with pytest.warns(exceptions.RecordingsFailedWarning, match="max_duration_reached"):
            corpus = await transcribe({"long": wav(1, seconds=1.5), "short": wav(2)}, service, tmp_path)
        assert states(corpus) == ["failed", "completed"]
        assert leftovers(service) == []


async def test_larger_than_the_service_takes(tmp_path):
    with stand_in(limits=replace(SERVICE_LIMITS, file_bytes=10_000)) as service:
        with pytest.warns(exceptions.RecordingsFailedWarning, match="too large"):
            corpus = await transcribe({"large": wav(1, seconds=1.0), "small": wav(2)}, service, tmp_path)
        assert states(corpus) == ["failed", "completed"]
        assert leftovers(service) == []


async def test_a_headline_longer_than_five_hours_is_never_sent(service, tmp_path):
    """A WAV header that promises more than there is: judged before anything is uploaded."""
    corpus = None
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.write(wav(1)[:40])
        file.write((2_000_000_000).to_bytes(4, "little"))
        file.truncate(300_000_000)
    with pytest.warns(exceptions.RecordingsFailedWarning, match="too_long"):
        corpus = await transcribe([path, wav(2)], service, tmp_path)
    assert states(corpus) == ["failed", "completed"]
    assert service.created.total == 1


# -- answers that are lost or wrong ------------------------------------------------------------------------------------

LOSING = [
    "reset_before",
    "reset_after",
    "error_after",
    "truncated",
    "malformed",
    "html",
    "timeout_after",
    "server_error",
]
ROUTES = ["upload", "create", "transcript", "delete_transcription", "delete_file", "list", "files"]


@pytest.mark.parametrize("kind", LOSING)
@pytest.mark.parametrize("route", ROUTES)
async def test_three_answers_in_a_row_are_lost(kind, route, service, tmp_path):
    if route == "files":
        service.faults.next("reset_after", "upload")  # or nobody would look at the list of files
    service.faults.next(kind, route, times=3)
    corpus = await transcribe(batch(8), service, tmp_path, limits=SHORT)
    assert service.faults.fired[kind, route] >= 3
    assert states(corpus) == ["completed"] * 8
    assert service.created.total == 8
    assert leftovers(service) == []


async def test_a_created_job_is_found_although_the_listing_lags(service, tmp_path):
    service.faults.next("reset_after", "create", times=2)
    corpus = await transcribe(batch(2), service, tmp_path)
    assert states(corpus) == ["completed"] * 2
    lagging = stand_in()
    with lagging as service:
        service.faults.rate("listing_lag", 1.0, "create", seconds=15)
        corpus = await transcribe(batch(5), service, tmp_path, journal=tmp_path / "other.sqlite")
        assert states(corpus) == ["completed"] * 5
        assert service.created.total == 5


@pytest.mark.parametrize(("hidden_s", "created"), [(10, 1), (math.inf, 2)], ids=["in time", "too late"])
async def test_a_lost_job_that_is_not_listed_yet(hidden_s, created, service, tmp_path, monkeypatch):
    """Its answer was lost. In time it is found; else it is created again, and the first one deleted when it shows."""
    mark = Server._mark
    hidden = []

    def hide_the_first(self, job, fault):
        mark(self, job, fault)
        if not hidden:
            hidden.append(job)
            job.listed_from = job.created_at + hidden_s
        else:  # the second shows that the first was given up: now it may show
            hidden[0].listed_from = job.created_at

    monkeypatch.setattr(Server, "_mark", hide_the_first)
    service.faults.next("reset_after", "create")
    corpus = await transcribe(batch(1), service, tmp_path, limits=Limits(settle_s=50))
    assert states(corpus) == ["completed"]
    assert service.created.total == created
    assert leftovers(service) == []


async def test_a_job_that_was_certainly_not_created_is_not_looked_for(service, tmp_path):
    """After so many rate refusals that a single request gives up, the same attempt continues later."""
    call = asyncio.create_task(transcribe(batch(20), service, tmp_path, concurrency=1))
    await until(lambda: routes(service)["create"] >= 3)
    service.faults.next("rate_limit", "create", times=8)
    assert states(await call) == ["completed"] * 20
    assert {reference.rpartition(":")[2] for reference in service.created.by_reference} == {"1"}


async def test_transcripts_that_cannot_be_fetched_for_a_while(service, tmp_path):
    service.faults.next("reset_before", "transcript", times=4 * 6)
    corpus = await transcribe(batch(4), service, tmp_path)
    assert states(corpus) == ["completed"] * 4
    assert service.created.total == 4


async def test_a_service_that_never_answers_creates_is_given_up(service, tmp_path):
    service.faults.rate("reset_before", 1.0, "create")
    with pytest.warns(exceptions.RecordingsFailedWarning, match="answer_lost"):
        corpus = await transcribe({"bad": b"x", **batch(1)}, service, tmp_path, limits=Limits(attempts=2))
    assert corpus.recordings["error_type"].tolist() == ["unsupported_container", "answer_lost"]
    assert leftovers(service) == []


async def test_a_transcript_that_is_never_readable_stays_for_another_day(service, tmp_path):
    service.faults.rate("malformed", 1.0, "transcript")
    with pytest.warns(exceptions.RecordingsFailedWarning, match="bad_answer"):
        corpus = await transcribe({"bad": b"x", **batch(1)}, service, tmp_path, limits=Limits(attempts=2))
    assert len(service.transcriptions) == 1, "it is paid for, so it must not be deleted"
    assert corpus.recordings["error_type"].tolist() == ["unsupported_container", "bad_answer"]
    service.faults.clear()
    assert states(await transcribe(batch(1), service, tmp_path)) == ["completed"]
    assert service.created.total == 1
    assert leftovers(service) == []


async def test_leftovers_are_deleted_by_the_next_run(service, tmp_path):
    service.faults.rate("server_error", 1.0, "delete_file")
    corpus = await transcribe(batch(3), service, tmp_path)
    assert states(corpus) == ["completed"] * 3
    assert len(service.files) == 3
    service.faults.clear()
    await transcribe(batch(1, first=9), service, tmp_path)
    assert leftovers(service) == []


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_more_requests_than_the_service_takes(tmp_path):
    # slow enough that any machine asks too often
    with stand_in(speed=50, requests_per_minute=20) as service:
        corpus = await transcribe(batch(10), service, tmp_path, requests_per_minute=1200)
        assert states(corpus) == ["completed"] * 10
        assert 429 in {request.status for request in service.requests}
        assert leftovers(service) == []


async def test_calls_of_one_process_share_the_requests_of_a_minute(tmp_path):
    """Two calls at the same time, and then a third, which begins within the same minute of the service."""
    with stand_in(speed=50, limits=ServiceLimits(requests_per_minute=60)) as service:
        journals = [tmp_path / f"{number}.sqlite" for number in range(3)]
        corpora = await asyncio.gather(
            *(
                transcribe(batch(8), service, tmp_path, journal=journal, requests_per_minute=60)
                for journal in journals[:2]
            )
        )
        corpora.append(await transcribe(batch(4), service, tmp_path, journal=journals[2], requests_per_minute=60))
        assert [states(corpus) for corpus in corpora] == [["completed"] * 8] * 2 + [["completed"] * 4]
        assert 429 not in {request.status for request in service.requests}
        assert len(service.requests) > 60
        assert leftovers(service) == []


@pytest.mark.parametrize(
    "limit",
    [{"pending": 2}, {"transcriptions": 3}, {"files": 3}, {"storage_bytes": 3 * len(wav(0))}],
    ids=lambda limit: next(iter(limit)),
)
async def test_quotas_smaller_than_we_believe(limit, tmp_path):
    """The service says no; what makes room is our own cleaning up."""
    # long enough in the queue that a third job comes while two are pending
    with stand_in(limits=replace(SERVICE_LIMITS, **limit), queue_s=30.0 if "pending" in limit else 0.5) as service:
        corpus = await transcribe(batch(20), service, tmp_path)
        assert states(corpus) == ["completed"] * 20
        assert 429 in {request.status for request in service.requests}
        assert service.created.total == 20
        assert leftovers(service) == []


@pytest.mark.parametrize(
    "limit",
    [{"pending": 2}, {"transcriptions": 3}, {"files": 3}, {"storage_bytes": 3 * len(wav(0))}],
    ids=lambda limit: next(iter(limit)),
)
async def test_quotas_that_we_know_are_never_overstepped(limit, tmp_path):
    with stand_in(limits=replace(SERVICE_LIMITS, **limit)) as service:
        corpus = await transcribe(batch(12), service, tmp_path, limits=Limits(**limit))
        assert states(corpus) == ["completed"] * 12
        if "pending" not in limit:  # a job that has started counts as pending with us until we see it
            assert {request.status for request in service.requests} <= {200, 201, 204}


async def fill(service, *, files=0, jobs=0):
    """Store files and transcriptions of another program on the service."""
    async with Client(sx.Connection(api_key=service.key, api_base_url=service.base_url)) as client:
        for number in range(files):
            await client.upload_file(wav(1000 + number), filename="others.wav")
        for _ in range(jobs):
            url = "http://127.0.0.1:9/others.wav"
            await client.create_transcription({"model": "stt-async-v4", "audio_url": url})


@pytest.mark.parametrize(
    ("limit", "others", "message"),
    [
        ({"files": 3}, {"files": 3}, "stored files"),
        ({"transcriptions": 3}, {"jobs": 3}, "stored transcriptions"),
        ({"storage_bytes": 3 * len(wav(0))}, {"files": 3}, "bytes of stored files"),
        ({"pending": 3}, {"jobs": 3}, "pending transcriptions"),
    ],
    ids=["files", "transcriptions", "storage", "pending"],
)
async def test_others_have_taken_all_the_room(limit, others, message, tmp_path):
    slots = {"queue_s": 1e6} if "pending" in limit else {}
    with stand_in(limits=replace(SERVICE_LIMITS, **limit), **slots) as service:
        await fill(service, **others)
        before = leftovers(service)
        with pytest.raises(
            exceptions.QuotaError, match=rf"The quota \({message}\) is used up by others than this call"
        ):
            await transcribe(batch(20), service, tmp_path)
        assert [thing["id"] for thing in leftovers(service)] == [thing["id"] for thing in before]


async def test_others_make_room_in_time(tmp_path):
    with stand_in(limits=replace(SERVICE_LIMITS, files=3)) as service:
        await fill(service, files=3)
        patient = Limits(quota_patience_s=1e6)
        call = asyncio.create_task(transcribe(batch(6), service, tmp_path, limits=patient))
        await until(lambda: 429 in {request.status for request in service.requests})
        service.call(lambda rules: [rules.delete_file(file.id) for file in rules.files])
        assert states(await call) == ["completed"] * 6


async def test_deleted_leftovers_of_an_earlier_run_make_room(tmp_path):
    """Three leftover files fill the account. The next run needs room and deletes them."""
    with stand_in(limits=replace(SERVICE_LIMITS, files=3)) as service:
        service.faults.rate("server_error", 1.0, "delete_file")
        await transcribe(batch(3), service, tmp_path)
        assert len(service.files) == 3
        service.faults.clear()
        corpus = await transcribe(batch(3, first=5), service, tmp_path)
        assert states(corpus) == ["completed"] * 3
        assert leftovers(service) == []


async def test_a_file_that_never_fits_is_a_row_of_its_own(service, tmp_path):
    limits = Limits(storage_bytes=5000)
    with pytest.warns(exceptions.RecordingsFailedWarning, match="at once are more than"):
        corpus = await transcribe({"large": wav(1, seconds=1.0), "small": wav(2)}, service, tmp_path, limits=limits)
    assert states(corpus) == ["failed", "completed"]


# -- the service goes away ---------------------------------------------------------------------------------------------


class Outage:
    """Cuts every connection between two moments, counted in recordings that are done."""

    def __init__(self, service, after):
        self.service, self.after = service, after
        self.began = False

    def __call__(self, snapshot):
        if snapshot.completed >= self.after and not self.began:
            self.began = True
            self.service.faults.rate("reset_before", 1.0)


async def test_the_service_goes_away_and_comes_back(service, tmp_path):
    """The service is away for two minutes of its clock, longer than the retries of a single request."""
    outage = Outage(service, after=10)

    async def come_back():
        await until(lambda: outage.began)
        await service.clock.sleep(120)
        service.faults.clear()

    back = asyncio.create_task(come_back())
    corpus = await transcribe(batch(40), service, tmp_path, progress=outage, concurrency=4)
    await back
    assert states(corpus) == ["completed"] * 40
    assert service.created.total == 40
    assert leftovers(service) == []


async def test_the_service_goes_away_for_good(service, tmp_path):
    outage = Outage(service, after=10)
    limits = Limits(outage_s=60)
    with pytest.warns(exceptions.RecordingsFailedWarning, match="connection_failed"):
        corpus = await transcribe(batch(40), service, tmp_path, progress=outage, concurrency=4, limits=limits)
    assert count(corpus, "completed") >= 10
    service.faults.clear()
    corpus = await transcribe(batch(40), service, tmp_path)
    assert states(corpus) == ["completed"] * 40
    assert service.created.total == 40
    assert leftovers(service) == []


# -- the disk ----------------------------------------------------------------------------------------------------------


def pages(path):
    with sqlite3.connect(path) as db:
        used = db.execute("PRAGMA page_count").fetchone()[0]
    db.close()
    return used


@pytest.fixture(scope="module")
def with_room(tmp_path_factory):
    """The corpus of a run that has room on the disk, and the pages of its journal."""
    folder = tmp_path_factory.mktemp("room")
    with stand_in() as service:
        corpus = asyncio.run(transcribe(batch(30), service, folder))
    return corpus, pages(folder / "journal.sqlite")


@pytest.mark.parametrize("room", [0.0, 0.2, 0.4, 0.6, 0.8])
async def test_the_disk_is_full(room, with_room, service, tmp_path):
    """A real SQLITE_FULL after this share of what is needed; nothing that was paid for is deleted or paid again."""
    path = tmp_path / "journal.sqlite"
    quiet, needed = with_room
    Journal.open(path).close()
    limit = pages(path) + int(room * (needed - pages(path)))
    prepare = journal.prepare

    def with_little_room(db, where):
        found = prepare(db, where)
        db.execute(f"PRAGMA max_page_count={limit}")
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journal, "prepare", with_little_room)
        with pytest.raises(exceptions.JournalError, match=r"full\..*Free disk space"):
            await transcribe(batch(30), service, tmp_path)
        Journal.open(path).close()
    corpus = await transcribe(batch(30), service, tmp_path)
    assert_same_corpus(corpus, quiet)
    assert service.created.total == 30
    assert leftovers(service) == []


def test_the_disk_is_full_by_the_operating_system(service, tmp_path):
    """The largest file is 200 kB, and the write-ahead log reaches this size in the middle of the run."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    Journal.open(tmp_path / "journal.sqlite")
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
        with pytest.raises(exceptions.JournalError, match="Free disk space"):
            sx.transcribe(batch(100), **settings_for(service, tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    corpus = sx.transcribe(batch(100), **settings_for(service, tmp_path))
    assert states(corpus) == ["completed"] * 100
    assert service.created.total == 100
    assert leftovers(service) == []


async def test_a_journal_that_cannot_be_written_at_all(service, tmp_path):
    with pytest.raises(exceptions.JournalError, match="is a folder"):
        await transcribe(batch(1), service, tmp_path, journal=tmp_path)
    (tmp_path / "broken.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(exceptions.JournalError, match="not a database"):
        await transcribe(batch(1), service, tmp_path, journal=tmp_path / "broken.sqlite")
    assert service.requests == []


# -- interrupted -------------------------------------------------------------------------------------------------------


def noting(begun, method):
    """The method, which notes that it is called."""

    async def noted(*arguments, **keywords):
        begun.append(method.__name__)
        return await method(*arguments, **keywords)

    return noted


@pytest.mark.parametrize("requests", [0, 1, 5, 20, 45, 70, 100, 140])
async def test_interrupted_after_so_many_requests(requests, service, tmp_path, monkeypatch):
    """Cancelled again and again at that distance until it is through."""
    sources = batch(30)
    begun = []
    for name in ("upload_file", "create_transcription"):
        monkeypatch.setattr(Client, name, noting(begun, getattr(Client, name)))
    interrupts = 0
    while True:
        since = len(service.requests)
        call = asyncio.create_task(transcribe(sources, service, tmp_path))
        await until(lambda since=since, call=call: len(service.requests) - since >= requests or call.done())
        if interrupts == 4:
            break
        interrupts += 1
        call.cancel()
        begun.clear()
        try:
            await call
        except asyncio.CancelledError:
            # One for each worker that was between an answer and its next request.
            assert len(begun) <= 16, "it went on spending"
            continue
        break
    corpus = await call
    assert states(corpus) == ["completed"] * 30
    assert service.created.total == 30
    assert leftovers(service) == []


async def test_nothing_goes_on_after_an_interrupt(service, tmp_path):
    call = asyncio.create_task(transcribe(batch(40), service, tmp_path))
    await until(lambda: routes(service)["create"] >= 10)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    # What was under way has reached the service once it has no connection any more.
    await until(lambda: service.call(lambda _: not service._server._runner.server.connections))
    asked = len(service.requests)
    await service.clock.sleep(30)
    assert len(service.requests) == asked
    assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}


async def test_clean_up_after_an_interrupt(tmp_path):
    """Unfinished jobs that are paid for are kept unless the user gives them up."""
    with stand_in(queue_s=300.0) as service:
        call = asyncio.create_task(transcribe(batch(12), service, tmp_path))
        await until(lambda: len(service.transcriptions) >= 6)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await fill(service, files=1)
        connection = settings_for(service, tmp_path)["connection"]
        kept = await aio.account.clean_up(tmp_path / "journal.sqlite", connection=connection)
        jobs = len(service.transcriptions)
        assert jobs >= 5
        assert (kept["outcome"] == "kept").sum() >= jobs - 1
        await aio.account.clean_up(tmp_path / "journal.sqlite", connection=connection, unfinished=True)
        assert service.transcriptions == []
        assert [file["filename"] for file in service.files] == ["others.wav"]


def uploads_known(path):
    """The number of uploads whose answers have arrived: an upload without one is looked for by a later run."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT count(file_id) FROM jobs").fetchone()[0]


async def test_an_interrupt_takes_away_what_is_not_needed(tmp_path, monkeypatch):
    """Six files are uploaded and one job is pending: the five others say goodbye."""
    monkeypatch.setattr(clean_up, "INTERRUPT_S", PATIENCE_S)
    with stand_in(queue_s=300.0) as service:
        call = asyncio.create_task(transcribe(batch(6), service, tmp_path, limits=Limits(pending=1)))
        await until(lambda: len(service.files) == 6 and len(service.transcriptions) == 1)
        await until(lambda: uploads_known(tmp_path / "journal.sqlite") == 6)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        [job] = service.transcriptions
        assert [file["id"] for file in service.files] == [job["file_id"]]
        assert states(await transcribe(batch(6), service, tmp_path)) == ["completed"] * 6
        assert service.created.total == 6
        assert 404 not in {request.status for request in service.requests}


async def test_an_upload_that_nobody_can_ask_about_is_swept(service, tmp_path):
    """Its answer is lost, and the list of files cannot be had either: uploaded again, the first one deleted."""
    call = asyncio.create_task(transcribe(batch(40), service, tmp_path, concurrency=1))
    await until(lambda: routes(service)["create"] >= 3)
    service.faults.next("reset_after", "upload")
    service.faults.next("reset_before", "files", times=6)
    assert states(await call) == ["completed"] * 40
    assert routes(service)["upload"] == 41
    assert service.created.total == 40
    assert leftovers(service) == []
