"""400 recordings with webhooks, of which a fifth is lost, while the receiver is killed twice and started again."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import closing

import pytest
from batches import assert_same_corpus, batch, leftovers, routes, stand_in, transcribe, until
from webhook_command import WebhookCommand

import soniox_ds as sx
from soniox_ds.batch.deliveries import QUIET_S
from soniox_ds.exceptions import WebhookWarning

RECORDINGS = 400
SECRET = "open-sesame-1234"
FEWER = 120
"""Recordings whose requests take more than a minute, too."""
REQUESTS_PER_MINUTE = 480
NOTICED_S = 5
"""Seconds of the stand-in in which the run may not have noticed a webhook yet."""


def delivered(service):
    """The times at which webhooks were taken by the receiver."""
    return [webhook.time_s for webhook in service.webhooks if webhook.status == 200]


def listed_while_webhooks_arrived(service):
    """The times of the listings that neither silence nor an earlier listing in the same silence explains."""
    arrivals, unexplained, before = delivered(service), [], 0.0
    for request in service.requests:
        if request.route not in ("list", "get"):
            continue
        latest = max((time_s for time_s in arrivals if time_s <= request.time_s - NOTICED_S), default=0.0)
        if request.time_s - latest < QUIET_S / 2 and before < latest:
            unexplained.append(request.time_s)
        before = request.time_s
    return unexplained


def unanswered(service):
    """The number of attempts to deliver a webhook that nobody answered."""
    return sum(webhook.status is None for webhook in service.webhooks)


async def kill_and_start_again(command, path, service, count):
    """Kill the receiver when this many webhooks have been taken, and start it again when others found nobody."""
    await until(lambda: len(delivered(service)) >= count)
    before = unanswered(service)
    await asyncio.to_thread(command.end, signal.SIGKILL)
    await until(lambda: unanswered(service) > before)
    return await asyncio.to_thread(WebhookCommand, path, SECRET, command.port)


@pytest.mark.slow
async def test_lost_webhooks_and_a_receiver_that_is_killed_twice(tmp_path):
    recordings = batch(RECORDINGS)
    with stand_in() as service:
        quiet = await transcribe(recordings, service, tmp_path, journal=tmp_path / "quiet.sqlite")
    path = tmp_path / "journal.sqlite"
    command = await asyncio.to_thread(WebhookCommand, path, SECRET)
    webhook = sx.WebhookReceiver(command.url, auth_header_value=SECRET)
    with stand_in(speed=10, faults="lost_webhook@create=0.2") as service:
        running = asyncio.create_task(
            transcribe(recordings, service, tmp_path, webhook=webhook, requests_per_minute=REQUESTS_PER_MINUTE)
        )
        for count in (60, 160):
            command = await kill_and_start_again(command, path, service, count)
            taken = len(delivered(service))
        with pytest.warns(WebhookWarning, match=rf"of {RECORDINGS} webhooks did not arrive"):
            corpus = await running
        assert leftovers(service) == []
    _, _, errors = await asyncio.to_thread(command.end, signal.SIGTERM)
    assert SECRET not in errors
    assert_same_corpus(corpus, quiet)
    assert (corpus.recordings["status"] == "completed").all()
    assert service.created.total == RECORDINGS
    assert max(service.created.by_audio.values()) == 1
    assert service.faults.fired["lost_webhook", "create"] > RECORDINGS / 10
    assert len(service.requests) <= 5.1 * RECORDINGS, routes(service)
    assert listed_while_webhooks_arrived(service) == []
    assert len(delivered(service)) > taken  # The run went on with webhooks after the second start.
    with closing(sqlite3.connect(path)) as db:
        written = {row[0] for row in db.execute("SELECT transcription_id FROM deliveries")}
    assert {webhook.transcription_id for webhook in service.webhooks if webhook.status == 200} <= written


@pytest.mark.slow
async def test_without_losses_nothing_is_listed(tmp_path):
    with stand_in(speed=10) as service:
        webhook = sx.WebhookReceiver(port=0, auth_header_value=SECRET)
        corpus = await transcribe(
            batch(FEWER), service, tmp_path, webhook=webhook, requests_per_minute=REQUESTS_PER_MINUTE
        )
        assert leftovers(service) == []
    assert (corpus.recordings["status"] == "completed").all()
    assert service.created.total == FEWER
    assert routes(service)["list"] == routes(service)["get"] == 0
    assert len(service.requests) == 5 * FEWER + 1  # The list of models is requested once.
