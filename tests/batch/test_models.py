"""The models behind requested names: aliases, the service's list of models, and recalled transcripts."""

import json
import sqlite3

import pandas as pd
import pyarrow.parquet as pq
import pytest
from batches import batch, stand_in, transcribe

import soniox_ds as sx
from soniox_ds.api import models as models_module
from soniox_ds.batch.journal import Entry, Journal
from soniox_ds.emulator.models import ModelCatalog
from soniox_ds.emulator.recognizers import Heard
from soniox_ds.exceptions import JournalError, ModelWarning

ALIAS = "stt-async-v4"  # an alias of v5, or a model of its own: `rename` says which


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


def rename(service, *, v4_is_alias):
    """Make v4 an alias of v5, or a model of its own, from now on."""

    def change(rules):
        rules.catalog = ModelCatalog(v4_is_alias=v4_is_alias)

    service.call(change)


def lists_asked_for(service):
    return sum(request.path == "/v1/models" for request in service.requests)


def resolved(corpus):
    return corpus.recordings["resolved_model"].tolist()


def provenance_of(corpus):
    return corpus.provenance["runs"][-1]["resolved_model"]


# -- asking ------------------------------------------------------------------------------------------------------------


async def test_the_list_is_asked_for_once_and_names_the_model(service, tmp_path):
    corpus = await transcribe(batch(5), service, tmp_path, model=ALIAS)
    assert corpus.recordings["model"].unique().tolist() == [ALIAS]
    assert resolved(corpus) == ["stt-async-v5"] * 5
    assert provenance_of(corpus) == "stt-async-v5"
    assert lists_asked_for(service) == 1


async def test_an_alias_of_an_alias_is_followed_to_its_end(service, tmp_path):
    corpus = await transcribe(batch(1), service, tmp_path, model="stt-async-preview")
    assert resolved(corpus) == ["stt-async-v5"]


async def test_a_model_that_is_no_alias_is_named_itself(service, tmp_path):
    corpus = await transcribe(batch(1), service, tmp_path, model="stt-async-v5")
    assert resolved(corpus) == ["stt-async-v5"]


async def test_a_recalled_run_sends_no_request_and_still_knows(service, tmp_path):
    first = await transcribe(batch(2), service, tmp_path, model=ALIAS)
    asked = len(service.requests)
    again = await transcribe(batch(2), service, tmp_path, model=ALIAS)
    assert len(service.requests) == asked
    assert resolved(again) == resolved(first) == ["stt-async-v5"] * 2
    assert provenance_of(again) == "stt-async-v5"


async def test_each_run_that_sends_anything_asks_once(service, tmp_path):
    await transcribe(batch(2), service, tmp_path, model=ALIAS)
    await transcribe(batch(4), service, tmp_path, model=ALIAS)
    assert lists_asked_for(service) == 2


async def test_bad_recordings_alone_ask_for_nothing(service, tmp_path):
    with pytest.warns(sx.exceptions.RecordingsFailedWarning):
        await transcribe([b"no audio at all"], service, tmp_path)
    assert not service.requests


async def test_the_job_itself_knows_best(service, tmp_path, monkeypatch):
    """The service may name the model that did the job where the list says nothing of an alias."""
    from soniox_ds.emulator.rules import Job

    honest = Job.wire
    monkeypatch.setattr(Job, "wire", lambda job: honest(job) | {"model": "stt-async-v5-20261101"})
    corpus = await transcribe(batch(1), service, tmp_path, model="stt-async-v5")
    assert resolved(corpus) == ["stt-async-v5-20261101"]


# -- a list that cannot be had -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"models": "none"}, id="no list"),
        pytest.param({"models": [{"name": "no id"}]}, id="no id"),
        pytest.param({}, id="empty"),
    ],
)
async def test_a_bad_list_costs_no_transcript(answer, service, tmp_path, monkeypatch):
    monkeypatch.setattr(models_module, "PATIENCE_S", 1.0)
    service.call(lambda rules: setattr(rules.catalog, "listing", lambda: answer))
    with pytest.warns(ModelWarning, match="list of models could not be read") as told:
        corpus = await transcribe(batch(3), service, tmp_path, model=ALIAS)
    assert corpus.recordings["status"].tolist() == ["completed"] * 3
    assert corpus.recordings["resolved_model"].isna().all()
    assert provenance_of(corpus) is None
    assert len(told) == 1


@pytest.mark.parametrize("fault", ["server_error", "timeout", "html", "reset_before", "malformed"])
async def test_a_list_that_fails_costs_no_transcript(fault, service, tmp_path, monkeypatch):
    monkeypatch.setattr(models_module, "PATIENCE_S", 1.0)
    service.faults.rate(fault, 1.0, "other")  # the list is the only one of the other routes that a run asks for
    with pytest.warns(ModelWarning, match="list of models could not be read"):
        corpus = await transcribe(batch(3), service, tmp_path, model=ALIAS)
    assert corpus.recordings["status"].tolist() == ["completed"] * 3
    assert corpus.recordings["resolved_model"].isna().all()


async def test_a_list_that_fails_once_is_asked_for_again(service, tmp_path):
    service.faults.next("unavailable", "other")
    corpus = await transcribe(batch(1), service, tmp_path, model=ALIAS)
    assert resolved(corpus) == ["stt-async-v5"]


async def test_a_key_that_may_not_list_models_may_still_transcribe(service, tmp_path):
    """A list that lacks the model says nothing about it."""
    service.call(lambda rules: setattr(rules.catalog, "listing", lambda: {"models": [{"id": "stt-async-v9"}]}))
    corpus = await transcribe(batch(1), service, tmp_path, model=ALIAS)
    assert corpus.recordings["resolved_model"].isna().all()


# -- an alias that changes its meaning ---------------------------------------------------------------------------------


async def test_recalled_transcripts_of_another_model_are_told(service, tmp_path):
    rename(service, v4_is_alias=False)
    await transcribe(batch(2), service, tmp_path, model=ALIAS)
    rename(service, v4_is_alias=True)
    with pytest.warns(ModelWarning, match="'stt-async-v4' is now answered by 'stt-async-v5', but 2 transcripts of"):
        corpus = await transcribe(batch(3), service, tmp_path, model=ALIAS)
    assert resolved(corpus) == [ALIAS, ALIAS, "stt-async-v5"]
    assert provenance_of(corpus) == "stt-async-v5"
    with pytest.warns(ModelWarning, match="come from several models: 2 transcripts of 'stt-async-v4' and 1 transcript"):
        recalled = await transcribe(batch(3), service, tmp_path, model=ALIAS)
    assert provenance_of(recalled) is None
    fresh = await transcribe(batch(3), service, tmp_path, model=ALIAS, refresh=True)
    assert resolved(fresh) == ["stt-async-v5"] * 3


async def test_a_job_of_a_run_that_was_cut_off_keeps_the_model_that_it_was_created_with(service, tmp_path):
    rename(service, v4_is_alias=False)
    service.faults.next("stuck", "create")
    with pytest.warns(sx.exceptions.RecordingsFailedWarning, match="timeout"):
        await transcribe(batch(1), service, tmp_path, model=ALIAS, timeout_s=300)
    rename(service, v4_is_alias=True)
    [left] = service.transcriptions
    service.call(lambda rules: rules.complete(left["id"], Heard(tokens=[], duration_ms=100)))
    with pytest.warns(ModelWarning, match="1 transcript of 'stt-async-v4'"):
        corpus = await transcribe(batch(1), service, tmp_path, model=ALIAS)
    assert resolved(corpus) == [ALIAS]


# -- tables and journals of the version before -------------------------------------------------------------------------


VERSION_1 = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE jobs (
    job_key TEXT NOT NULL, generation INTEGER NOT NULL, reference TEXT NOT NULL, service TEXT NOT NULL,
    state TEXT NOT NULL, source TEXT NOT NULL, model TEXT NOT NULL, options_hash TEXT NOT NULL,
    file_id TEXT, file_gone INTEGER NOT NULL, transcription_id TEXT, transcription_gone INTEGER NOT NULL,
    duration_ms INTEGER, submitted_at TEXT, completed_at TEXT, error_type TEXT, error_message TEXT,
    changed_at REAL NOT NULL,
    PRIMARY KEY (job_key, generation));
CREATE TABLE transcripts (job_key TEXT PRIMARY KEY, bytes INTEGER NOT NULL, zstd BLOB NOT NULL);
CREATE TABLE lost (reference TEXT PRIMARY KEY, service TEXT NOT NULL, kind TEXT NOT NULL, noted_at REAL NOT NULL);
CREATE TABLE claims (job_key TEXT PRIMARY KEY, run TEXT NOT NULL);
CREATE TABLE inspected (
    path TEXT PRIMARY KEY, size_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL, duration_ms INTEGER, filename TEXT NOT NULL, warnings TEXT NOT NULL);
"""


def made_older(path):
    """Rewrite a journal as version 1 of the package wrote it."""
    Journal.open(path).close()
    new = sqlite3.connect(path)
    old = sqlite3.connect(path.with_suffix(".old"))
    old.executescript(VERSION_1)
    for (table,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        names = ",".join(row[1] for row in old.execute(f"PRAGMA table_info({table})"))
        rows = new.execute(f"SELECT {names} FROM {table}").fetchall()
        old.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * (names.count(',') + 1))})", rows)
    old.execute(f"PRAGMA application_id={0x73786473}")
    old.execute("PRAGMA user_version=1")
    old.commit()
    old.close()
    new.close()
    for end in ("", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    path.with_suffix(".old").rename(path)


async def test_a_journal_of_the_version_before_recalls_everything(service, tmp_path):
    first = await transcribe(batch(2), service, tmp_path, model=ALIAS)
    made_older(tmp_path / "journal.sqlite")
    asked = len(service.requests)
    again = await transcribe(batch(2), service, tmp_path, model=ALIAS)
    assert len(service.requests) == asked
    assert again.recordings["text"].tolist() == first.recordings["text"].tolist()
    assert again.recordings["resolved_model"].isna().all()
    with pytest.warns(ModelWarning, match="2 transcripts of an unknown model were read from the journal"):
        more = await transcribe(batch(3), service, tmp_path, model=ALIAS)
    assert more.recordings["resolved_model"].notna().tolist() == [False, False, True]


async def test_an_older_journal_of_a_pinned_model_raises_no_doubt(service, tmp_path):
    await transcribe(batch(1), service, tmp_path, model="stt-async-v5")
    made_older(tmp_path / "journal.sqlite")
    await transcribe(batch(2), service, tmp_path, model="stt-async-v5")


async def test_an_older_journal_is_brought_up_to_date_once(tmp_path):
    path = tmp_path / "journal.sqlite"
    Journal.open(path).close()
    made_older(path)
    for _ in range(2):
        journal = Journal.open(path)
        entry = Entry("k", 1, "r", "s", "done", "a", "m", "h", resolved_model="n")
        await journal.put(entry)
        assert (await journal.known(["k"]))["k"].newest.resolved_model == "n"
        journal.close()


def test_a_journal_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "journal.sqlite"
    Journal.open(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA application_id={0x73786473}")
        db.execute("PRAGMA user_version=99")
    connection = sx.Connection(api_key="any", region="us")
    with pytest.raises(JournalError, match="written by a newer soniox_ds"):
        sx.transcribe("data/samples/short_answer.wav", journal=path, connection=connection)


async def test_a_recordings_table_of_the_version_before_can_be_transcribed_again(service, tmp_path, tiny_wav):
    tiny_wav(tmp_path / "a.wav")
    corpus = await transcribe(tmp_path / "a.wav", service, tmp_path)
    older = corpus.recordings.drop(columns="resolved_model")
    again = await transcribe(older, service, tmp_path)
    pd.testing.assert_frame_equal(again.recordings, corpus.recordings.assign(cost_usd=again.recordings["cost_usd"]))


def without_the_column(path):
    """Rewrite a file of recordings as version 1 of the package wrote it: without this column and without a digest."""
    table = pq.read_table(path, partitioning=None).drop_columns("resolved_model")
    metadata = dict(table.schema.metadata)
    note = json.loads(metadata[b"soniox_ds"])
    del note["columns"]["resolved_model"], note["check"]
    metadata[b"soniox_ds"] = json.dumps(note).encode()
    pq.write_table(table.replace_schema_metadata(metadata), path)


async def test_a_corpus_of_the_version_before_is_read_and_appended_to(service, tmp_path):
    first = await transcribe(batch(2), service, tmp_path)
    first.save(tmp_path / "corpus")
    [path] = (tmp_path / "corpus" / "recordings").glob("*.parquet")
    without_the_column(path)
    older = sx.read_corpus(tmp_path / "corpus")
    assert older.recordings["resolved_model"].isna().all()
    assert older.recordings["text"].tolist() == first.recordings["text"].tolist()
    more = await transcribe(batch(1, first=2), service, tmp_path)
    more.save(tmp_path / "corpus", append=True)
    both = sx.read_corpus(tmp_path / "corpus")
    assert both.recordings["resolved_model"].isna().tolist() == [True, True, False]
    assert list(both.recordings.columns) == list(more.recordings.columns)
