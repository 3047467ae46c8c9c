"""Runs with the keys of several projects: jobs stay with their key, and a key that fails does not stop the others."""

import asyncio
import re
import sqlite3
from collections import Counter, defaultdict

import pytest
from batches import batch, leftovers, stand_in, transcribe

import soniox_ds as sx
from soniox_ds import aio, exceptions

KEYS = {"": "key-of-project-a", "b": "key-of-project-b", "c": "key-of-project-c"}


@pytest.fixture
def service():
    with stand_in(key=KEYS[""]) as running:
        running.call(lambda rules: [rules.keys.add(KEYS[project], project=project) for project in "bc"])
        yield running


def keys_of(service, *projects):
    return [sx.Connection(api_key=KEYS[project], api_base_url=service.base_url) for project in projects]


def created_in(service):
    """Return the references of the jobs that were created, by project."""
    created = defaultdict(set)
    for request in service.requests:
        if request.route == "create" and request.status == 201:
            created[request.project].add(request.client_reference_id)
    return created


def at(n_completed, act):
    """Return a progress function that acts once, when this many recordings are completed."""
    acted = []

    def watch(snapshot):
        if snapshot.completed >= n_completed and not acted:
            acted.append(True)
            act()

    return watch


def revoked_while_a_job_waits(service, project):
    """Return a progress function that revokes the key of a project once a job of it waits to be fetched."""

    revoked = []

    def revoke(rules):
        routes = Counter(request.route for request in service.requests if request.project == project)
        if not revoked and routes["create"] > routes["transcript"]:
            revoked.append(KEYS[project])
            rules.keys.remove(KEYS[project])

    return lambda snapshot: service.call(revoke)


def statuses(corpus):
    return Counter(corpus.recordings["error_type"].fillna("completed"))


async def test_the_jobs_are_spread_and_each_stays_with_its_key(service, tmp_path):
    corpus = await transcribe(batch(24), service, tmp_path, connection=keys_of(service, "", "b", "c"))
    assert statuses(corpus) == {"completed": 24}
    assert [len(created_in(service)[project]) for project in KEYS] == [8, 8, 8]
    assert service.created.by_reference.total() == len(service.created.by_reference) == 24
    assert {request.status for request in service.requests} <= {200, 201, 204}, "no key asked for what is another's"
    assert leftovers(service) == []
    n_requests = len(service.requests)
    again = await transcribe(batch(24), service, tmp_path, connection=keys_of(service, "c"))
    assert again.recordings["text"].tolist() == corpus.recordings["text"].tolist()
    assert len(service.requests) == n_requests, "what is in the journal needs no key"


async def test_a_key_that_is_revoked_on_the_way_leaves_the_rest_to_the_others(service, tmp_path):
    """Its unsent jobs move, and its jobs at the service wait for a key of their project. Nothing is paid for twice."""
    revoke = revoked_while_a_job_waits(service, "b")
    with pytest.warns(exceptions.RecordingsFailedWarning, match="unauthenticated"):
        corpus = await transcribe(
            batch(48), service, tmp_path, connection=keys_of(service, *KEYS), progress=revoke, concurrency=6
        )
    failed = corpus.recordings[corpus.recordings["status"] == "failed"]
    assert 0 < len(failed) <= len(created_in(service)["b"])
    assert set(failed["client_reference_id"]) <= created_in(service)["b"], "only jobs of that key are affected"
    assert failed["error_message"].str.contains("created with key 2 of 3, and the other keys cannot fetch it").all()
    assert max(service.created.by_audio.values()) == 1
    assert service.created.total == 48

    # Without a key of that project, the rows say so, and nothing is created.
    with pytest.warns(exceptions.RecordingsFailedWarning, match="created_with_another_key"):
        corpus = await transcribe(batch(48), service, tmp_path, connection=keys_of(service, "", "c"))
    assert statuses(corpus) == {"completed": 48 - len(failed), "created_with_another_key": len(failed)}
    assert service.created.total == 48

    # A new key of the project goes on with them, and deletes what the revoked key could not delete.
    service.call(lambda rules: rules.keys.add("new-key-of-b", project="b"))
    renewed = sx.Connection(api_key="new-key-of-b", api_base_url=service.base_url)
    corpus = await transcribe(batch(48), service, tmp_path, connection=[*keys_of(service, "", "c"), renewed])
    assert statuses(corpus) == {"completed": 48}
    assert service.created.total == 48
    assert leftovers(service) == []


async def test_refresh_pays_again_for_jobs_of_a_key_that_is_gone(service, tmp_path):
    revoke = revoked_while_a_job_waits(service, "b")
    with pytest.warns(exceptions.RecordingsFailedWarning):
        corpus = await transcribe(
            batch(12), service, tmp_path, connection=keys_of(service, "", "b"), progress=revoke, concurrency=6
        )
    stuck = {name: audio for name, audio in batch(12).items() if name in set(corpus.failed)}
    assert stuck
    again = await transcribe(stuck, service, tmp_path, connection=keys_of(service, ""), refresh=True)
    assert statuses(again) == {"completed": len(stuck)}
    assert service.created.total == 12 + len(stuck)


async def test_the_exhausted_budget_of_one_project_does_not_stop_the_others(service, tmp_path):
    exhaust = at(4, lambda: service.call(lambda rules: rules.keys.add(KEYS["b"], project="b", has_budget=False)))
    corpus = await transcribe(
        batch(40), service, tmp_path, connection=keys_of(service, *KEYS), progress=exhaust, concurrency=6
    )
    assert statuses(corpus) == {"completed": 40}
    assert max(service.created.by_audio.values()) == 1
    assert len(created_in(service)["b"]) < 13
    assert leftovers(service) == [], "uploads to the exhausted project are deleted"


async def test_if_every_key_is_refused_the_call_ends_with_the_reason(service, tmp_path):
    service.call(lambda rules: [rules.keys.remove(key) for key in KEYS.values()])
    with pytest.raises(exceptions.AuthError, match="Check SONIOX_API_KEY"):
        await transcribe(batch(30), service, tmp_path, connection=keys_of(service, *KEYS))
    assert service.created.total == 0


async def test_a_key_that_is_wrong_from_the_start_costs_nothing(service, tmp_path):
    wrong = sx.Connection(api_key="never-a-key", api_base_url=service.base_url)
    corpus = await transcribe(batch(20), service, tmp_path, connection=[wrong, *keys_of(service, "b")])
    assert statuses(corpus) == {"completed": 20}
    assert corpus.recordings["resolved_model"].notna().all(), "the list of models is asked for with the other key"
    assert service.created.total == 20
    assert leftovers(service) == []


async def test_the_journal_holds_fingerprints_and_no_keys(service, tmp_path):
    await transcribe(batch(6), service, tmp_path, connection=keys_of(service, *KEYS))
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        fingerprints = {print_ for (print_,) in db.execute("SELECT key_fingerprint FROM jobs")}
    assert len(fingerprints) == 3
    assert all(re.fullmatch("[0-9a-f]{8}", print_) for print_ in fingerprints)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(key.encode() in written for key in KEYS.values())


async def test_entries_of_earlier_versions_are_found_in_whichever_project_has_them(service, tmp_path):
    """An entry without a fingerprint is that of a job which one of the present keys may have created."""
    wait = asyncio.ensure_future(
        transcribe(batch(4), service, tmp_path, connection=keys_of(service, "c"), timeout_s=10_000)
    )
    while service.created.total < 4:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    wait.cancel()
    await asyncio.wait([wait])
    with sqlite3.connect(tmp_path / "journal.sqlite") as db:
        db.execute("UPDATE jobs SET key_fingerprint = NULL")
    corpus = await transcribe(batch(4), service, tmp_path, connection=keys_of(service, *KEYS))
    assert statuses(corpus) == {"completed": 4}
    assert service.created.total == 4
    assert leftovers(service) == []


def test_a_plan_counts_the_quotas_of_each_organisation(tmp_path):
    def shortest(*organisations):
        connections = [sx.Connection(f"key-{n}", organisation=name) for n, name in enumerate(organisations)]
        plan = sx.plan(
            batch(60), connection=connections, journal=tmp_path / "j", limits=sx.Limits(pending=1), progress=False
        )
        return plan.quotas.set_index("quota").loc["pending transcriptions", "shortest_s"]

    assert shortest("acme", "acme", "acme") == shortest(None) == 600
    assert shortest("acme", "other", "third") == 200


async def test_clean_up_leaves_what_another_key_has_sent(service, tmp_path):
    revoke = revoked_while_a_job_waits(service, "b")
    with pytest.warns(exceptions.RecordingsFailedWarning):
        await transcribe(batch(12), service, tmp_path, connection=keys_of(service, "", "b"), progress=revoke)
    service.call(lambda rules: rules.keys.add(KEYS["b"], project="b"))
    n_left = len(leftovers(service))
    assert n_left
    [here, there] = keys_of(service, "", "b")
    table = await aio.account.clean_up(tmp_path / "journal.sqlite", connection=here, unfinished=True)
    assert set(table["outcome"]) == {"other key"}
    assert len(leftovers(service)) == n_left
    table = await aio.account.clean_up(tmp_path / "journal.sqlite", connection=there, unfinished=True)
    assert set(table["outcome"]) == {"deleted"}
    assert leftovers(service) == []


@pytest.mark.parametrize(
    ("connection", "message"), [([], "empty list"), (["a", "a"], "not shown"), (7, "it is an object such as")]
)
def test_wrong_connections_are_refused_by_every_function(connection, message, tmp_path):
    sources = batch(1)
    for call in (
        lambda: sx.transcribe(sources, connection=connection, journal=tmp_path / "j"),
        lambda: sx.plan(sources, connection=connection, journal=tmp_path / "j"),
        lambda: sx.compare(
            sources, {"r000": "hello"}, arms={"x": {}, "y": {"language_hints": ["en"]}}, connection=connection
        ),
    ):
        with pytest.raises(exceptions.OptionsError, match=message):
            call()
