"""Runs with webhooks: no listing while webhooks arrive, and nothing is lost if they do not."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import warnings
from contextlib import closing

import httpx
import pytest
from batches import assert_same_corpus, batch, leftovers, routes, settings_for, stand_in, transcribe, until, wav
from lying import Liar

import soniox_ds as sx
from soniox_ds.batch.deliveries import QUIET_S
from soniox_ds.exceptions import OptionsError, WebhookWarning

SECRET = "open-sesame-1234"
RECORDINGS = 40


@pytest.fixture(scope="module")
def recordings():
    return batch(RECORDINGS)


@pytest.fixture(scope="module")
def quiet(recordings, tmp_path_factory):
    """The corpus of a run without webhooks."""
    with stand_in() as service:
        return asyncio.run(transcribe(recordings, service, tmp_path_factory.mktemp("quiet")))


def slow_stand_in(speed=10, **settings):
    """A stand-in whose seconds are long enough for a busy machine: a run takes 10 s without a webhook for silence."""
    return stand_in(speed=speed, **settings)


def asked(service):
    """The times at which the service was asked for the states of jobs."""
    return [request.time_s for request in service.requests if request.route in ("list", "get")]


def in_journal(folder, query):
    with closing(sqlite3.connect(folder / "journal.sqlite")) as db:
        return db.execute(query).fetchall()


def receiver(**changes):
    return sx.WebhookReceiver(**{"port": 0, "auth_header_value": SECRET, **changes})


async def run(recordings, service, tmp_path, **changes):
    return await transcribe(recordings, service, tmp_path, **{"webhook": receiver(), **changes})


def check(corpus, quiet, service):
    """Everything is transcribed, nothing is paid twice, and nothing is left behind."""
    assert_same_corpus(corpus, quiet)
    assert leftovers(service) == []
    assert service.created.total == RECORDINGS


# -- webhooks arrive ---------------------------------------------------------------------------------------------------


async def test_while_webhooks_arrive_nothing_is_listed(recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        corpus = await run(recordings, service, tmp_path)
        check(corpus, quiet, service)
    each = ("upload", "create", "transcript", "delete_transcription", "delete_file")
    assert routes(service) == {**dict.fromkeys(each, RECORDINGS), "other": 1}  # the list of models
    assert len(service.webhooks) == RECORDINGS


@pytest.mark.parametrize("fault", ["doubled_webhook", "early_webhook", "late_webhook"])
async def test_webhooks_that_come_twice_or_early_or_late(fault, recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        service.faults.rate(fault, 0.5, **({"seconds": 10} if fault == "late_webhook" else {}))
        corpus = await run(recordings, service, tmp_path)
        check(corpus, quiet, service)
    assert service.faults.fired[fault, "create"] > 0
    assert routes(service)["list"] == routes(service)["get"] == 0


async def test_webhooks_of_jobs_that_failed(recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        service.faults.next("job_internal_error", "create", times=5)
        corpus = await run(recordings, service, tmp_path)
    assert_same_corpus(corpus, quiet)
    assert service.created.total == RECORDINGS + 5
    assert (routes(service)["get"], routes(service)["list"]) == (5, 0)  # for the reasons of the failures


async def test_the_duration_of_a_url_comes_from_the_service(elsewhere, tmp_path):
    with slow_stand_in() as service:
        corpus = await run([f"{elsewhere}/{number}.wav" for number in range(5)], service, tmp_path)
    assert (corpus.recordings["duration_ms"] == 100).all()
    assert (corpus.recordings["cost_usd"] > 0).all()
    assert (routes(service)["get"], routes(service)["list"]) == (5, 0)


async def test_the_service_is_asked_for_a_duration_that_the_transcript_makes_doubtful(tmp_path):
    """The service transcribes the first second of 30 s of one recording; of another one, all 30 s."""
    recordings = {"in part": wav(0, seconds=30), "whole": wav(1, seconds=30)}
    at = {"in part": 1_000, "whole": 29_000}
    names = {}

    def altered(told):
        if told.route == "create" and told.status < 300:
            names[told.json["id"]] = told.json["filename"].partition(".")[0]
        if told.route == "get":
            return told.saying({**told.json, "audio_duration_ms": 1_000})
        if told.route == "transcript":
            token = {"text": "word", "start_ms": 0, "end_ms": at[names[told.json["id"]]], "confidence": 1}
            return told.saying({**told.json, "text": "word", "tokens": [token]})
        return told

    with slow_stand_in() as service:
        async with Liar(service.base_url, altered) as liar:
            connection = sx.Connection(api_key=service.key, api_base_url=liar.url)
            corpus = await run(recordings, service, tmp_path, connection=connection)
    table = corpus.recordings.set_index("audio_id")
    assert table["duration_ms"].to_dict() == {"in part": 1_000, "whole": 30_000}
    assert table["warnings"].fillna("").to_dict() == {"in part": "heard_in_part", "whole": ""}
    assert (routes(service)["get"], routes(service)["list"]) == (1, 0)


@pytest.mark.parametrize(("channels", "n_jobs"), [("mixed", 3), ("separate", 6)])
async def test_recordings_with_two_channels(channels, n_jobs, tmp_path):
    recordings = {f"call {number}": wav(number, seconds=2, channels=2) for number in range(3)}
    with slow_stand_in() as service, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of channels that are mixed
        corpus = await run(recordings, service, tmp_path, channels=channels)
    assert len(corpus.completed) == 3
    assert service.created.total == n_jobs
    assert asked(service) == []


async def test_the_duration_of_a_truncated_file_comes_from_the_service(tmp_path):
    whole = wav(0, seconds=2)
    with slow_stand_in() as service:
        corpus = await run({"cut off": whole[: len(whole) // 2]}, service, tmp_path)
    assert "truncated_file" in corpus.recordings["warnings"][0]
    assert (routes(service)["get"], routes(service)["list"]) == (1, 0)


@pytest.fixture
async def elsewhere():
    """The address of another server, which offers audio."""
    audio = batch(1)["r000"]

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(audio) + audio)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_two_runs_share_a_receiver(recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        webhook = receiver()
        corpora = await asyncio.gather(
            run(recordings, service, tmp_path, webhook=webhook),
            run(batch(5, first=RECORDINGS), service, tmp_path, webhook=webhook),
        )
    assert_same_corpus(corpora[0], quiet)
    assert len(corpora[1].completed) == 5
    assert routes(service)["list"] == 0


async def test_a_receiver_elsewhere(recordings, quiet, tmp_path):
    with receiver(journal=tmp_path / "journal.sqlite") as there, slow_stand_in() as service:
        here = sx.WebhookReceiver(there.url, auth_header_value=SECRET)
        check(await run(recordings, service, tmp_path, webhook=here), quiet, service)
    assert routes(service)["list"] == 0


async def test_jobs_of_an_interrupted_run_are_asked_for_once(recordings, quiet, tmp_path):
    with receiver(journal=tmp_path / "journal.sqlite") as there, slow_stand_in() as service:
        here = sx.WebhookReceiver(there.url, auth_header_value=SECRET)
        service.faults.rate("late_webhook", 1, seconds=20)
        interrupted = asyncio.create_task(run(recordings, service, tmp_path, webhook=here))
        await until(
            lambda: in_journal(tmp_path, "SELECT count(*) FROM jobs WHERE state = 'created'") == [(RECORDINGS,)]
        )
        interrupted.cancel()
        await asyncio.wait([interrupted])
        n_before = len(service.requests)
        await until(lambda: len(service.webhooks) == RECORDINGS)
        check(await run(recordings, service, tmp_path, webhook=here), quiet, service)
    asked_again = routes(service, since=n_before)
    assert (asked_again["list"], asked_again["get"], asked_again["create"]) == (1, 0, 0)


async def test_webhooks_of_somebody_elses_jobs(recordings, quiet, tmp_path):
    with receiver(journal=tmp_path / "journal.sqlite") as there, slow_stand_in() as service:
        here = sx.WebhookReceiver(there.url, auth_header_value=SECRET)
        async with httpx.AsyncClient(
            base_url=f"{service.base_url}/v1", headers={"Authorization": f"Bearer {service.key}"}
        ) as other:
            file = (await other.post("/files", files={"file": ("a.wav", recordings["r000"])})).json()
            theirs = {"model": "stt-async-v6", "file_id": file["id"], **here.options()}
            foreign = [(await other.post("/transcriptions", json=theirs)).json()["id"] for _ in range(3)]
        corpus = await run(recordings, service, tmp_path, webhook=here)
        assert [job["id"] for job in service.transcriptions] == foreign  # They are neither fetched nor deleted.
        assert [stored["id"] for stored in service.files] == [file["id"]]
        await until(lambda: len(service.webhooks) == RECORDINGS + 3)
    assert_same_corpus(corpus, quiet)
    assert asked(service) == []
    assert set(foreign) < {row[0] for row in in_journal(tmp_path, "SELECT transcription_id FROM deliveries")}


# -- webhooks do not arrive --------------------------------------------------------------------------------------------


async def test_lost_webhooks_are_replaced_by_a_listing(recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        service.faults.next("lost_webhook", "create", times=8)
        with pytest.warns(WebhookWarning, match=rf"8 of {RECORDINGS} webhooks did not arrive at http://127.0.0.1:\d+/"):
            corpus = await run(recordings, service, tmp_path)
        check(corpus, quiet, service)
    first = asked(service)[0]
    before = [webhook.time_s for webhook in service.webhooks if webhook.time_s < first]
    assert first < 250 + next(request.time_s for request in service.requests if request.route == "create")
    assert first - max(before) > QUIET_S / 2  # The stand-in may note the answer to a webhook after the run has seen it.
    assert len(service.requests) <= 5.1 * RECORDINGS


async def test_a_receiver_that_cannot_be_reached(recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        with pytest.warns(WebhookWarning, match=rf"{RECORDINGS} of {RECORDINGS} .* Check that the receiver runs"):
            corpus = await run(
                recordings, service, tmp_path, webhook=receiver(port=None, url="http://127.0.0.1:1/in?token=qwertz12")
            )
        check(corpus, quiet, service)
    assert {webhook.status for webhook in service.webhooks} == {None}


async def test_a_receiver_with_another_secret(recordings, quiet, tmp_path):
    with (
        receiver(journal=tmp_path / "journal.sqlite", auth_header_value="another") as there,
        slow_stand_in() as service,
    ):
        here = sx.WebhookReceiver(there.url, auth_header_value=SECRET)
        with pytest.warns(WebhookWarning, match="expects the same header"):
            corpus = await run(recordings, service, tmp_path, webhook=here)
        check(corpus, quiet, service)
    assert {webhook.status for webhook in service.webhooks} == {401}


@pytest.mark.slow
async def test_a_lost_webhook_is_noticed_before_the_recording_is_given_up_although_others_arrive(tmp_path):
    with slow_stand_in(speed=20) as service:
        service.faults.next("lost_webhook", "create")
        with pytest.warns(WebhookWarning, match="1 of 120"):
            corpus = await run(batch(120), service, tmp_path, requests_per_minute=240, timeout_s=120)
    assert len(corpus.completed) == 120  # Without the question, the first one would be given up before the run ends.
    assert asked(service)


async def test_a_create_request_without_an_answer(recordings, quiet, tmp_path):
    with slow_stand_in() as service:
        service.faults.next("reset_after", "create", times=3)
        check(await run(recordings, service, tmp_path), quiet, service)
    assert routes(service)["list"] > 0


@pytest.mark.slow
async def test_the_run_returns_to_webhooks(recordings, quiet, tmp_path):
    """The first 30 webhooks are lost; the service works slowly, so that the run sees the last ones arrive."""
    with slow_stand_in(slots=2) as service:
        service.faults.next("lost_webhook", "create", times=30)
        with pytest.warns(WebhookWarning, match=f"30 of {RECORDINGS}"):
            corpus = await run(recordings, service, tmp_path)
        check(corpus, quiet, service)
    arrived = [webhook.time_s for webhook in service.webhooks]
    assert len(arrived) == 10
    assert asked(service)[0] < arrived[0]
    assert not [time_s for time_s in asked(service) if arrived[2] < time_s < arrived[-1]]


# -- settings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"webhook_url": "https://host.example/x"}, "webhook= and webhook_url= are given together"),
        ({"webhook": "https://me:pw9876@host.example"}, "webhook is a str; it is an object such as sx.WebhookReceiver"),
        ({"webhook": receiver(port=None)}, "no address"),
    ],
    ids=["both", "no-receiver", "no-address"],
)
async def test_wrong_settings_are_refused_before_anything_is_sent(changes, message, tmp_path):
    with slow_stand_in() as service:
        with pytest.raises(OptionsError, match=message) as caught:
            await run(batch(1), service, tmp_path, **changes)
        assert service.requests == []
    assert "pw9876" not in str(caught.value)


async def test_a_receiver_of_another_journal_is_refused(tmp_path):
    with slow_stand_in() as service:
        with pytest.raises(OptionsError, match="give both the same journal="):
            await run(batch(1), service, tmp_path, webhook=receiver(journal=tmp_path / "other.sqlite"))
        assert service.requests == []


def test_plain_calls_take_a_receiver(tmp_path):
    with slow_stand_in() as service:
        corpus = sx.transcribe(batch(2), webhook=receiver(), **settings_for(service, tmp_path))
    assert len(corpus.completed) == 2
    assert routes(service)["list"] == routes(service)["get"] == 0


async def test_the_secret_is_stored_and_shown_nowhere(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    webhook = receiver()
    with slow_stand_in() as service:
        service.faults.next("lost_webhook", "create")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            corpus = await run(batch(4), service, tmp_path, webhook=webhook)
    corpus.save(tmp_path / "saved")
    shown = repr(webhook) + repr(corpus) + str(corpus.provenance) + caplog.text + str([str(w.message) for w in caught])
    shown += "".join(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    assert "X-Soniox-Webhook-Secret" in shown
    assert SECRET not in shown
