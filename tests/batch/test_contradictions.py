"""A service that contradicts itself: ids given twice, ids of others, ids that are none, pauses of hours.

Nothing is paid twice, nothing hangs, one recording's trouble is not another's, and what is paid for comes home.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import sqlite3
import uuid
import warnings

import pandas as pd
import pytest
from batches import Limits, batch, leftovers, routes, stand_in, transcribe, wav
from lying import Liar, Told

import soniox_ds as sx
from soniox_ds import exceptions
from soniox_ds.api.client import Client
from soniox_ds.api.connection import Connection
from soniox_ds.batch.clean_up import sweep_lost
from soniox_ds.batch.journal import Journal, UnansweredRequest

COUNT = 5
LIMITS = Limits(settle_s=5.0, outage_s=60.0)
HANGS_S = 120
"""On the wall, for what takes seconds."""


def honestly(response):
    return response


async def lied_to(service, tmp_path, altered, sources=None, *, refuse=lambda route: None, **changes):
    """Transcribe through a server that changes the answers; returns the corpus and the server."""
    async with Liar(service.base_url, altered, refuse) as liar, asyncio.timeout(HANGS_S):
        connection = sx.Connection(api_key=service.key, api_base_url=liar.url)
        given = {"limits": LIMITS, "connection": connection, **changes}
        return await transcribe(sources or batch(COUNT), service, tmp_path, **given), liar


def assert_all_well(corpus, service, sources=None):
    """Each recording has its own transcript, each was paid for once, and nothing is left behind."""
    assert corpus.recordings["status"].tolist() == ["completed"] * len(sources or batch(COUNT))
    assert corpus.recordings["transcription_id"].is_unique
    assert service.created.total == len(corpus.recordings)
    assert leftovers(service) == []


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The tokens of the recordings of `batch` from a service that answers correctly."""
    with stand_in() as service:
        return asyncio.run(transcribe(batch(COUNT), service, tmp_path_factory.mktemp("honest"))).tokens


def same_id(route, **more):
    """Every answer of this route has the id of the first."""
    first = []

    def altered(response):
        if response.route != route or response.status >= 300:
            return response
        first.append(response.json["id"])
        return response.saying({**response.json, "id": first[0], **more})

    return altered


def first_answer(route):
    """Every answer of this route is the first one, word for word."""
    first = []

    def altered(response):
        if response.route != route or response.status >= 300:
            return response
        first.append(response.body)
        return dataclasses.replace(response, body=first[0])

    return altered


def one_before(route, **more):
    """Every answer of this route has the id of the one before."""
    ids = []

    def altered(response):
        if response.route != route or response.status >= 300:
            return response
        ids.append(response.json["id"])
        return response.saying({**response.json, "id": ids[-2] if len(ids) > 1 else ids[0], **more})

    return altered


def with_reference(route, reference):
    def altered(response):
        return (
            response.saying({**response.json, "client_reference_id": reference})
            if response.route == route
            else response
        )

    return altered


def with_unknown_id(route, wrong):
    """Every answer of this route has an id of which the service knows nothing."""

    def altered(response):
        if response.route != route or response.status >= 300:
            return response
        return response.saying({**response.json, "id": str(uuid.uuid4()) if wrong is None else wrong})

    return altered


CONTRADICTIONS = {
    "the same id": same_id("create"),
    "the same id without a reference": same_id("create", client_reference_id=None),
    "the first answer again": first_answer("create"),
    "the id of the one before": one_before("create"),
    "the id of the one before, without references": one_before("create", client_reference_id=None, file_id=None),
    "another reference": with_reference("create", "sxds:somebody:else:1"),
    "no reference": with_reference("create", None),
    "an odd reference": with_reference("create", 5),
    "an id that nobody knows": with_unknown_id("create", None),
    "one id that nobody knows": with_unknown_id("create", "nobody-knows-this"),
    "the same file": same_id("upload"),
    "the first file again": first_answer("upload"),
    "the file of another reference": with_reference("upload", "sxds:somebody:else:1"),
    "a file that nobody knows": with_unknown_id("upload", None),
    "one file that nobody knows": with_unknown_id("upload", "nobody-knows-this"),
}


@pytest.mark.parametrize("altered", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
async def test_answers_about_something_else_are_looked_into(altered, tmp_path, honest):
    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, altered)
        assert_all_well(corpus, service)
    assert corpus.tokens.equals(honest)


def shifted():
    """Every answer to a create request has the id of the one before and no reference; the first has an unknown id."""
    ids = [str(uuid.uuid4())]

    def altered(response):
        if response.route != "create" or response.status >= 300:
            return response
        ids.append(response.json["id"])
        return response.saying({**response.json, "id": ids[-2], "client_reference_id": None, "file_id": None})

    return altered


@pytest.mark.parametrize(
    "altered",
    [
        pytest.param(shifted, id="ids of others"),
        pytest.param(lambda: same_id("create", client_reference_id=None), id="the same id"),
        pytest.param(lambda: with_reference("create", None), id="no reference"),
    ],
)
async def test_no_webhook_is_taken_for_that_of_another_job(altered, honest, tmp_path):
    """A webhook names a job by its id alone, so an id that no answer connects with the reference is not trusted."""
    with stand_in(speed=20) as service:
        webhook = sx.WebhookReceiver(port=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exceptions.WebhookWarning)
            corpus, _ = await lied_to(service, tmp_path, altered(), webhook=webhook)
        assert_all_well(corpus, service)
    pd.testing.assert_frame_equal(corpus.tokens, honest)


@pytest.mark.parametrize("more", [{}, {"client_reference_id": None}], ids=["with references", "without references"])
async def test_two_recordings_never_share_a_file(more, tmp_path, honest):
    """Each upload is answered with the id of the one before, which nothing in the answer itself speaks against."""
    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, one_before("upload", **more))
        assert_all_well(corpus, service)
    assert corpus.tokens.equals(honest)


# -- lists that give one id to several ---------------------------------------------------------------------------------


def lost_and_listed(answer, list_route, items, change):
    """Lose the responses of a route, so that the jobs or files are looked for in a list, and change this list."""

    def altered(response):
        if response.route == answer and response.status < 300:
            return dataclasses.replace(response, body=b"<html>")
        if response.route == list_route and response.status < 300:
            page = response.json
            change(page[items])
            return response.saying(page)
        return response

    return altered


def all_have(place, *names):
    """Every item has these values of one of them."""

    def change(items):
        for item in items:
            item.update({name: items[place][name] for name in names})

    return change


def swap(*names):
    """Every item has these values of the next one."""

    def change(items):
        values = [{name: item[name] for name in names} for item in items]
        for item, others in zip(items, values[1:] + values[:1], strict=True):
            item.update(others)

    return change


def without_file(change):
    def also(items):
        change(items)
        for item in items:
            item["file_id"] = None

    return also


LISTINGS = {
    "the first id": all_have(0, "id"),
    "the last id": all_have(-1, "id"),
    "the first id and file": all_have(0, "id", "file_id", "filename"),
    "the first id and no file": without_file(all_have(0, "id")),
    "swapped ids": swap("id"),
    "swapped ids and no file": without_file(swap("id")),
    "swapped references": swap("client_reference_id"),
}


@pytest.mark.parametrize("change", LISTINGS.values(), ids=LISTINGS)
async def test_a_listing_that_gives_ids_to_the_wrong_jobs(change, tmp_path, honest):
    """Nobody gets another recording's transcript; nothing is paid twice, and the next run brings everything home."""
    altered = lost_and_listed("create", "list", "transcriptions", change)
    with stand_in() as service:
        with pytest.warns(exceptions.RecordingsFailedWarning, match="contradicts itself"):
            corpus, _ = await lied_to(service, tmp_path, altered)
        assert set(corpus.failed.recordings["error_type"]) == {"bad_answer"}
        own = corpus.tokens["audio_id"].unique().tolist()
        assert corpus.tokens.equals(honest[honest["audio_id"].isin(own)].reset_index(drop=True))
        assert service.created.total == COUNT
        corpus = await transcribe(batch(COUNT), service, tmp_path)
        assert_all_well(corpus, service)
    assert corpus.tokens.equals(honest)


async def test_a_listing_that_names_a_job_of_an_earlier_run(tmp_path, honest):
    """Its id is known in the journal, because its deletion failed."""

    def keep_all(response):
        return dataclasses.replace(response, status=500) if response.route == "delete_transcription" else response

    earlier = []

    def change(items):
        for item in items:
            item["id"] = earlier[0]

    with stand_in() as service:
        before, _ = await lied_to(service, tmp_path, keep_all, batch(1, first=50))
        earlier += before.recordings["transcription_id"].tolist()
        with pytest.warns(exceptions.RecordingsFailedWarning):
            corpus, _ = await lied_to(service, tmp_path, lost_and_listed("create", "list", "transcriptions", change))
        assert corpus.recordings["error_type"].tolist() == ["bad_answer"] * COUNT
        assert (await transcribe(batch(COUNT), service, tmp_path)).tokens.equals(honest)
        assert service.created.total == COUNT + 1


@pytest.mark.parametrize(
    "change",
    [all_have(0, "id"), all_have(-1, "id"), swap("id"), swap("client_reference_id")],
    ids=["the first id", "the last id", "swapped ids", "swapped references"],
)
async def test_a_list_of_files_that_gives_ids_to_the_wrong_uploads(change, tmp_path, honest):
    with stand_in() as service:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", exceptions.RecordingsFailedWarning)
            with contextlib.suppress(exceptions.ServiceError):
                corpus, _ = await lied_to(service, tmp_path, lost_and_listed("upload", "files", "files", change))
                own = corpus.tokens["audio_id"].unique().tolist()
                assert corpus.tokens.equals(honest[honest["audio_id"].isin(own)].reset_index(drop=True))
        corpus = await transcribe(batch(COUNT), service, tmp_path)
        assert_all_well(corpus, service)
    assert corpus.tokens.equals(honest)


async def test_the_same_answer_to_every_question_about_a_state(tmp_path):
    """The answer to a GET is about another job: the listing says what became of each."""
    with stand_in() as service:
        corpus, liar = await lied_to(service, tmp_path, first_answer("get"), batch(2))
        assert_all_well(corpus, service, batch(2))
    assert liar.asked["list"] >= 1


async def test_a_listing_that_swaps_references_starves_nobody(tmp_path):
    def altered(response):
        if response.route != "list" or response.status >= 300:
            return response
        page = response.json
        names = [job["client_reference_id"] for job in page["transcriptions"]]
        for job, name in zip(page["transcriptions"], names[1:] + names[:1], strict=True):
            job["client_reference_id"] = name
        return response.saying(page)

    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, altered)
        assert service.created.total == COUNT
        again = await transcribe(batch(COUNT), service, tmp_path)
        assert_all_well(again, service)
    assert set(corpus.recordings["status"]) <= {"completed", "failed"}


@pytest.mark.parametrize("known", [True, False], ids=["created and gone", "never created"])
async def test_the_time_of_a_recording_is_limited_whatever_is_looked_for(known, tmp_path):
    """The listing never ends, so that nothing can be concluded of it; `timeout_s` is heeded all the same."""
    pages = iter(range(10**9))

    def altered(response):
        if response.route == "create":
            return response.saying({"id": "nobody-knows-this" if known else "", "status": "queued"})
        if response.route == "list":
            response = dataclasses.replace(response, status=200)
            number = next(pages)
            job = {"id": f"other{number}", "status": "queued"}
            return response.saying({"transcriptions": [job], "next_page_cursor": f"c{number}"})
        return response

    with stand_in() as service:
        with pytest.warns(exceptions.RecordingsFailedWarning):
            corpus, _ = await lied_to(service, tmp_path, altered, timeout_s=20.0)
        assert corpus.recordings["error_type"].tolist() == ["timeout"] * COUNT
        assert service.created.total == COUNT
        assert_all_well(await transcribe(batch(COUNT), service, tmp_path), service)


# -- ids that are none -------------------------------------------------------------------------------------------------

NO_IDS = ["job:1/a", "x" * 100_000, "../../models", "a b", "é", "-"]


def naming(wrong, places):
    """Return a change of responses that gives one job the wrong id on these routes."""
    real = []

    def altered(response):
        if response.route == "create" and response.status < 300 and not real:
            real.append(response.json["id"])
        if response.route in places and real and response.status < 300:
            return dataclasses.replace(response, body=response.body.replace(real[0].encode(), wrong.encode()))
        return response

    return altered


@pytest.mark.parametrize("wrong", NO_IDS)
async def test_an_id_that_is_none_is_asked_for_in_the_listing(wrong, tmp_path):
    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, naming(wrong, ("create",)))
        assert_all_well(corpus, service)


@pytest.mark.parametrize("wrong", NO_IDS)
async def test_one_id_that_is_none_everywhere_fails_one_recording(wrong, tmp_path):
    """Nor does it spoil the runs after that one; and once the service is well again, all of them come."""
    altered = naming(wrong, ("create", "list", "get"))
    with stand_in() as service:
        for _ in range(2):
            with pytest.warns(exceptions.RecordingsFailedWarning, match="it cannot be requested"):
                corpus, _ = await lied_to(service, tmp_path, altered)
            assert sorted(corpus.recordings["status"]) == ["completed"] * (COUNT - 1) + ["failed"]
            assert corpus.failed.recordings["error_type"].tolist() == ["bad_answer"]
            assert service.created.total == COUNT
        assert_all_well(await transcribe(batch(COUNT), service, tmp_path), service)


@pytest.mark.parametrize("wrong", [*NO_IDS[:3], None, 5, {"a": 1}])
async def test_one_file_without_a_usable_id_fails_one_recording(wrong, tmp_path):
    references = []

    def altered(response):
        if response.route == "upload":
            reference = response.json["client_reference_id"].rpartition(":")[0]
            references.append(reference)
            if reference == references[0]:
                return response.saying({**response.json, "id": wrong})
        if response.route == "files":
            page = response.json
            for file in page["files"]:
                if file["client_reference_id"].startswith(references[0]):
                    file["id"] = wrong if isinstance(wrong, str) else "job:1/a"
            return response.saying(page)
        return response

    with stand_in() as service:
        with pytest.warns(exceptions.RecordingsFailedWarning):
            corpus, _ = await lied_to(service, tmp_path, altered)
        assert sorted(corpus.recordings["status"]) == ["completed"] * (COUNT - 1) + ["failed"]
        assert_all_well(await transcribe(batch(COUNT), service, tmp_path), service)


def change_journal(path, statement, *values):
    Journal.open(path).close()
    with sqlite3.connect(path) as db:
        changed = db.execute(statement, values).rowcount
    db.close()
    assert changed
    return changed


async def stopped_halfway(service, tmp_path):
    """A run that ended while all its jobs were under way."""
    with pytest.warns(exceptions.RecordingsFailedWarning, match="timeout"):
        await transcribe(batch(COUNT), service, tmp_path, timeout_s=1.0)
    assert service.created.total == COUNT


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jobs SET transcription_id = 'job:1/a' WHERE rowid = (SELECT min(rowid) FROM jobs)",
        "UPDATE jobs SET transcription_id = 'job:1/a'",
        "UPDATE jobs SET transcription_id = (SELECT max(transcription_id) FROM jobs)",
        "UPDATE jobs SET transcription_id = (SELECT max(transcription_id) FROM jobs) "
        "WHERE rowid = (SELECT min(rowid) FROM jobs)",
        "UPDATE jobs SET transcription_id = 'gone' || rowid",
        "UPDATE jobs SET transcription_id = zeroblob(100000)",
        "UPDATE jobs SET transcription_id = NULL",
        "UPDATE jobs SET file_id = 'file:1/a'",
        "UPDATE jobs SET file_id = NULL, transcription_id = ''",
    ],
)
async def test_a_journal_that_holds_wrong_ids_still_works(statement, tmp_path):
    """An older version has stored the id as it was sent."""
    with stand_in(queue_s=60.0) as service:
        await stopped_halfway(service, tmp_path)
        change_journal(tmp_path / "journal.sqlite", statement)
        corpus = await transcribe(batch(COUNT), service, tmp_path, limits=LIMITS)
        assert corpus.recordings["status"].tolist() == ["completed"] * COUNT
        assert service.created.total == COUNT
        assert service.transcriptions == []


# -- pauses ------------------------------------------------------------------------------------------------------------

RATE = {
    "status_code": 429,
    "error_type": "limit_exceeded",
    "message": "Rate limit has been exceeded.",
    "request_id": "r",
}


def pausing(route, value, after=0, times=1):
    """Refuses so many requests of a route, after some that went through."""
    seen = []

    def refuse(asked):
        if asked != route:
            return None
        seen.append(asked)
        body = json.dumps(RATE).encode()
        return (
            Told(route, 429, body, b"", (("Retry-After", str(value)),)) if after < len(seen) <= after + times else None
        )

    return refuse


async def test_a_pause_of_minutes_is_shown_and_waited_for(tmp_path):
    notes = []
    with stand_in() as service:
        began = service.clock.now()
        corpus, _ = await lied_to(
            service, tmp_path, honestly, refuse=pausing("list", 120), progress=lambda shown: notes.append(shown.note)
        )
        assert service.clock.now() - began >= 120
        assert_all_well(corpus, service)
    assert any("pausing for 1" in note for note in notes)
    assert "pausing" not in notes[-1]


@pytest.mark.parametrize("value", [3600, "Fri, 31 Dec 9999 23:59:59 GMT"])
@pytest.mark.parametrize(("route", "after"), [("upload", 2), ("create", 2), ("list", 0), ("transcript", 2)])
async def test_a_pause_of_an_hour_ends_the_run_and_what_is_paid_for_comes_later(route, after, value, tmp_path):
    shut = pausing(route, value, after=after, times=10**6)
    with stand_in() as service:
        began = service.clock.now()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                corpus, _ = await lied_to(service, tmp_path, honestly, refuse=shut)
                text, kinds = str(warned[-1].message), set(corpus.failed.recordings["error_type"])
            except exceptions.QuotaError as error:
                text, kinds = str(error), {error.error_type}
        assert "pause of" in text
        assert kinds == {"limit_exceeded"}
        assert service.clock.now() - began < 300
        assert_all_well(await transcribe(batch(COUNT), service, tmp_path), service)


async def test_an_hour_from_the_first_request_on_is_an_exception(tmp_path):
    with stand_in() as service:
        with pytest.raises(exceptions.QuotaError, match="pause of 60 minutes") as caught:
            await lied_to(service, tmp_path, honestly, refuse=pausing("upload", 3600, times=10**6))
        assert caught.value.retry_after_s == 3600
        assert routes(service)["create"] == 0


# -- values beyond all bounds ------------------------------------------------------------------------------------------

BEYOND = {
    "duration 2^63": {"audio_duration_ms": 2**63},
    "duration 2^31": {"audio_duration_ms": 2**31},
    "duration huge": {"audio_duration_ms": 10**300},
    "duration negative": {"audio_duration_ms": -(2**70)},
    "duration float": {"audio_duration_ms": 1e300},
    "duration true": {"audio_duration_ms": True},
    "created in 9999": {"created_at": "9999-12-31T23:59:59.999-14:00"},
    "created in 1": {"created_at": "0001-01-01T00:00:00+14:00"},
    "created in 2500": {"created_at": "2500-01-01T00:00:00Z"},
    "created object": {"created_at": {"a": [1]}},
    "created number": {"created_at": 2**70},
    "model": {"model": {"a": 1}},
    "long model": {"model": "m" * 100_000},
    "webhook": {"webhook_url": 5, "webhook_auth_header_value": [2**64]},
    "filename": {"filename": 2**64},
}


@pytest.mark.parametrize("beyond", BEYOND.values(), ids=BEYOND)
async def test_values_that_cannot_be_harm_nobody(beyond, tmp_path):
    def altered(response):
        if response.status < 300 and response.route in ("create", "get"):
            return response.saying({**response.json, **beyond})
        if response.status < 300 and response.route == "list":
            page = response.json
            return response.saying({**page, "transcriptions": [{**job, **beyond} for job in page["transcriptions"]]})
        return response

    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, altered)
        assert_all_well(corpus, service)
        few, _ = await lied_to(service, tmp_path, altered, batch(2, first=50))
        assert few.recordings["status"].tolist() == ["completed"] * 2


def failed_with(**error):
    """Return a function by which every job has failed with this error, listed or asked for alone."""

    def altered(response):
        if response.status >= 300 or response.route not in ("get", "list"):
            return response
        answer = response.json
        for job in answer["transcriptions"] if response.route == "list" else [answer]:
            job |= {"status": "error", **error}
        return response.saying(answer)

    return altered


@pytest.mark.parametrize(
    "error", [{"error_type": {"a": 1}}, {"error_type": "x" * 10_000}, {"error_type": 2**64}, {"error_message": ["no"]}]
)
async def test_an_error_that_is_told_oddly_is_a_row_all_the_same(error, tmp_path):
    altered = failed_with(**{"error_type": "invalid_audio_file", "error_message": "no", **error})
    with stand_in() as service, pytest.warns(exceptions.RecordingsFailedWarning):
        corpus, _ = await lied_to(service, tmp_path, altered, limits=dataclasses.replace(LIMITS, attempts=1))
    assert (corpus.recordings["status"] == "failed").all()
    assert (corpus.recordings["error_type"].str.len() <= 100).all()
    assert (corpus.recordings["error_message"].str.len() < 2000).all()


def test_signatures_are_not_in_what_a_job_failed_with(tmp_path):
    message = "cannot fetch https://me:pw123@host.example/a.wav?sig=s3cretsig"
    altered = failed_with(error_type="file_download_error", error_message=message)
    with stand_in() as service, pytest.warns(exceptions.RecordingsFailedWarning) as warned:
        corpus, _ = asyncio.run(lied_to(service, tmp_path, altered))
    response = " ".join(corpus.recordings["error_message"].dropna()) + str(warned[0].message)
    assert "host.example/a.wav" in response
    assert "s3cretsig" not in response
    assert "pw123" not in response
    assert b"s3cretsig" not in (tmp_path / "journal.sqlite").read_bytes()


@pytest.mark.parametrize("wrong", [{"start_ms": -1}, {"start_ms": 500, "end_ms": 400}, {"end_ms": -(2**31)}])
async def test_times_that_cannot_be_cost_nobody_a_transcript(wrong, tmp_path, honest):
    """A transcript that is paid for is kept as it came, and the other recordings are not held up by it."""
    first = []

    def altered(response):
        if response.route == "transcript" and response.status < 300:
            first.append(response.json["id"])
            if response.json["id"] == first[0]:
                return response.saying(
                    {**response.json, "tokens": [{**response.json["tokens"][0], **wrong}, *response.json["tokens"][1:]]}
                )
        return response

    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, altered)
        assert_all_well(corpus, service)
    assert corpus.tokens["text"].equals(honest["text"])
    assert (corpus.recordings["text"].str.len() > 0).all()


# -- transcripts that are always damaged -------------------------------------------------------------------------------


def saying_it_wrongly(**wrong):
    return lambda response: response.saying({**response.json, **wrong})


DAMAGED_ANSWERS = {
    "no JSON": lambda response: dataclasses.replace(response, body=response.body[: len(response.body) // 2]),
    "a page": lambda response: dataclasses.replace(response, body=b"<html>Please log in</html>"),
    "nothing": lambda response: dataclasses.replace(response, body=b""),
    "no UTF-8": lambda response: dataclasses.replace(response, body=b"\xff" + response.body),
    "another id": saying_it_wrongly(id="somebody-elses"),
    "no tokens": saying_it_wrongly(tokens=None),
    "a time beyond all bounds": saying_it_wrongly(tokens=[{"text": "a", "start_ms": 2**31, "end_ms": 2**31}]),
    "a fraction of a millisecond": saying_it_wrongly(tokens=[{"text": "a", "start_ms": 0.5, "end_ms": 1}]),
    "a number for a text": saying_it_wrongly(text=5),
    "packed wrongly": lambda response: dataclasses.replace(
        response, headers=(*response.headers, ("Content-Encoding", "gzip"))
    ),
    "too long": lambda response: dataclasses.replace(response, body=response.body + b" " * (18 << 20)),
}


@pytest.mark.parametrize("how", DAMAGED_ANSWERS.values(), ids=DAMAGED_ANSWERS)
async def test_a_transcript_that_is_always_damaged_fails_its_row_soon(how, tmp_path):
    first = []

    def altered(response):
        if response.route != "transcript" or response.status >= 300:
            return response
        first.append(response.json["id"])
        return how(response) if response.json["id"] == first[0] else response

    with stand_in() as service:
        with pytest.warns(exceptions.RecordingsFailedWarning, match="damaged in 3 downloads.*paid for"):
            corpus, liar = await lied_to(service, tmp_path, altered)
        assert liar.asked["transcript"] == COUNT - 1 + 3
        assert corpus.failed.recordings["error_type"].tolist() == ["bad_answer"]
        assert (corpus.recordings["status"] == "completed").sum() == COUNT - 1
        assert len(service.transcriptions) == 1
        assert_all_well(await transcribe(batch(COUNT), service, tmp_path), service)


async def test_a_transcript_that_is_damaged_twice_comes(tmp_path):
    def altered(response):
        return (
            dataclasses.replace(response, body=b"{") if response.route == "transcript" and next(count) < 2 else response
        )

    count = iter(range(10**6))
    with stand_in() as service:
        corpus, _ = await lied_to(service, tmp_path, altered, batch(1))
        assert_all_well(corpus, service, batch(1))


# -- transcripts that the journal has lost -----------------------------------------------------------------------------


def damage(path, how):
    with sqlite3.connect(path) as db:
        [(row, size, packed)] = db.execute("SELECT rowid, bytes, zstd FROM transcripts ORDER BY rowid LIMIT 1")
        size, packed = how(size, packed)
        if packed is None:
            db.execute("DELETE FROM transcripts WHERE rowid = ?", [row])
        else:
            db.execute("UPDATE transcripts SET bytes = ?, zstd = ? WHERE rowid = ?", [size, packed, row])
    db.close()


def flipped(packed, place):
    place %= len(packed)
    return packed[:place] + bytes([packed[place] ^ 255]) + packed[place + 1 :]


DAMAGES = {
    **{
        f"byte {place}": lambda size, packed, place=place: (size, flipped(packed, place))
        for place in (0, 9, 20, 60, -30, -1)
    },
    "shorter": lambda size, packed: (size, packed[: len(packed) // 2]),
    "empty": lambda size, packed: (size, b""),
    "text": lambda size, packed: (size, "not bytes"),
    "too small": lambda size, packed: (size - 1, packed),
    "too large": lambda size, packed: (size + 1000, packed),
    "negative": lambda size, packed: (-1, packed),
    "enormous": lambda size, packed: (2**62, packed),
    "a size that is text": lambda size, packed: ("x", packed),
    "gone": lambda size, packed: (None, None),
}


@pytest.mark.parametrize("how", DAMAGES.values(), ids=DAMAGES)
async def test_one_damaged_transcript_fails_its_own_row_only(how, tmp_path):
    path = tmp_path / "journal.sqlite"
    with stand_in() as service:
        whole = await transcribe(batch(COUNT), service, tmp_path)
        Journal.open(path).close()
        damage(path, how)
        since = len(service.requests)
        with pytest.warns(exceptions.RecordingsFailedWarning, match=r"damaged.*refresh=True"):
            corpus = await transcribe(batch(COUNT), service, tmp_path)
        assert len(service.requests) == since
        failed = corpus.failed.recordings
        assert failed["error_type"].tolist() == ["damaged_transcript"]
        assert "proxy" not in failed["error_message"].iloc[0]
        good = corpus.recordings[corpus.recordings["status"] == "completed"]["audio_id"].tolist()
        assert corpus.select(good).tokens.equals(whole.select(good).tokens)
        name = failed["audio_id"].iloc[0]
        again = await transcribe({name: batch(COUNT)[name]}, service, tmp_path, refresh=True)
        assert again.recordings["status"].tolist() == ["completed"]
        assert (await transcribe(batch(COUNT), service, tmp_path)).tokens.equals(whole.tokens)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("duration_ms", "abc"),
        ("duration_ms", b"\xff"),
        ("duration_ms", -(2**63)),
        ("duration_ms", 2**62),
        ("resolved_model", b"\xff\x00"),
        ("submitted_at", b"\xff"),
        ("completed_at", "yesterday"),
        ("error_type", b"\xff"),
        ("changed_at", "noon"),
        ("changed_at", float("inf")),
        ("state", "funny"),
        ("state", b"\xff"),
    ],
)
async def test_a_damaged_value_of_a_finished_job_costs_nothing_but_itself(column, value, tmp_path):
    with stand_in() as service:
        whole = await transcribe(batch(COUNT), service, tmp_path)
        Journal.open(tmp_path / "journal.sqlite").close()
        with sqlite3.connect(tmp_path / "journal.sqlite") as db:
            db.execute(f"UPDATE jobs SET {column} = ? WHERE rowid = (SELECT min(rowid) FROM jobs)", [value])
        db.close()
        since = len(service.requests)
        corpus = await transcribe(batch(COUNT), service, tmp_path)
        assert len(service.requests) == since
        assert corpus.tokens.equals(whole.tokens)
        assert corpus.recordings["status"].tolist() == ["completed"] * COUNT


async def test_a_damaged_page_of_the_journal_hides_no_other_transcript(tmp_path):
    """Bytes of the file itself, where one long transcript lies."""
    path = tmp_path / "journal.sqlite"
    with stand_in() as service:
        sources = batch(40)
        await transcribe(sources, service, tmp_path)
        Journal.open(path).close()
        with sqlite3.connect(path) as db:
            [(packed,)] = db.execute("SELECT zstd FROM transcripts ORDER BY rowid LIMIT 1 OFFSET 20")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        raw = path.read_bytes()
        place = raw.index(packed[:40])
        path.write_bytes(raw[: place + 10] + bytes(20) + raw[place + 30 :])
        with pytest.warns(exceptions.RecordingsFailedWarning, match="1 of 40 recordings failed: damaged_transcript"):
            corpus = await transcribe(sources, service, tmp_path)
    assert (corpus.recordings["status"] == "completed").sum() == 39


async def test_a_journal_of_an_earlier_version_has_no_checksums(tmp_path):
    path = tmp_path / "journal.sqlite"
    with stand_in() as service:
        whole = await transcribe(batch(COUNT), service, tmp_path)
        Journal.open(path).close()
        with sqlite3.connect(path) as db:
            db.execute("UPDATE transcripts SET zstd = substr(zstd, 1, length(zstd) - 24)")
        db.close()
        assert (await transcribe(batch(COUNT), service, tmp_path)).tokens.equals(whole.tokens)


@pytest.mark.parametrize(("route", "items"), [("list", "transcriptions"), ("files", "files")])
async def test_a_listing_that_gives_a_lost_reference_to_somebody_elses_things_deletes_none_of_them(
    route, items, tmp_path
):
    lost = UnansweredRequest("sxds:j:k:0", "transcription" if items == "transcriptions" else "file", 0.0)

    def altered(response):
        if response.route != route:
            return response
        page = response.json
        for item in page.get(items, []):  # one file alone has the same route
            item["client_reference_id"] = lost.reference
        return response.saying(page)

    with stand_in() as service:
        async with (
            Liar(service.base_url, altered) as liar,
            Client(Connection(service.key, api_base_url=liar.url), clock=service.clock) as client,
            Journal.using(tmp_path / "journal.sqlite") as journal,
        ):
            file = await client.upload_file(wav(1), filename="theirs.wav", client_reference_id="theirs")
            body = {"model": "stt-async-v6", "file_id": file["id"], "client_reference_id": "theirs"}
            job = await client.create_transcription(body)
            while (await client.get_transcription(job["id"]))["status"] != "completed":
                await service.clock.sleep(0.5)
            swept = await sweep_lost(client, journal, "local", [lost])
            assert swept.gone == 0
            assert (await client.get_file(file["id"]))["id"] == file["id"]
            assert (await client.get_transcription(job["id"]))["id"] == job["id"]
