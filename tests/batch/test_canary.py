"""The API key appears nowhere: a key that can be recognised is planted, and whatever leaves a trace is searched."""

import base64
import logging
import pickle
import traceback
import warnings

import pytest
from batches import Limits, batch, settings_for, stand_in

import soniox_ds as sx
from soniox_ds import aio, exceptions
from soniox_ds.batch.journal import Journal

CANARY = "canary-5f1c9e7d0b"
TRACES = [CANARY, base64.b64encode(CANARY.encode()).decode().rstrip("="), CANARY.encode().hex()]


def assert_clean(text, where):
    for trace in TRACES:
        assert trace not in text, f"the key is in {where}"


def assert_clean_error(error, where):
    """Words, arguments, attributes, causes, and the variables of every frame that a tool might show."""
    seen = set()
    todo = [error]
    while todo:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        assert_clean("".join(traceback.format_exception(each)), f"the traceback of {where}")
        assert_clean(repr(each) + str(each) + repr(vars(each)), where)
        shown = traceback.TracebackException.from_exception(each, capture_locals=True)
        assert_clean("".join(shown.format()), f"the variables of {where}")
        todo += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


@pytest.fixture
def log(caplog):
    for name in (None, "soniox_ds", "httpx", "httpcore", "asyncio", "anyio"):
        caplog.set_level(logging.DEBUG, name)
    return caplog


@pytest.fixture
def service():
    with stand_in(key=CANARY) as running:
        yield running


def assert_clean_disk(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            assert_clean(path.read_bytes().decode("latin-1"), path.name)


async def test_a_run_in_bad_weather(service, tmp_path, log, capfd):
    for kind in ("reset_before", "reset_after", "html", "malformed", "error_after", "rate_limit", "timeout"):
        service.faults.rate(kind, 0.03)
    settings = settings_for(service, tmp_path, progress=None, limits=Limits(request_timeout_s=1.0))
    seen = []
    journal = Journal.open(settings["journal"])  # one more user, so that the files beside it are there to be searched
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        corpus = await aio.transcribe({**batch(40), "bad": b"x"}, **settings)
    await aio.transcribe({**batch(2)}, **{**settings, "progress": seen.append})
    assert caught
    assert_clean(" ".join(str(warning.message) for warning in caught), "a warning")
    assert_clean(
        repr(corpus) + corpus._repr_html_() + corpus.recordings.to_csv() + repr(corpus.provenance), "the corpus"
    )
    assert_clean(repr(seen), "a snapshot")
    assert_clean(repr(settings) + str(settings), "the settings")
    corpus.save(tmp_path / "corpus")
    assert (tmp_path / "journal.sqlite-wal").exists()
    assert_clean_disk(tmp_path)
    journal.close()
    assert_clean_disk(tmp_path)
    assert "httpcore" in {record.name.split(".")[0] for record in log.records}
    assert "soniox_ds" in {record.name.split(".")[0] for record in log.records}
    assert_clean(log.text + repr([record.__dict__ for record in log.records]), "a log")
    out, err = capfd.readouterr()
    assert_clean(out + err, "what was printed")


@pytest.mark.parametrize(
    "fault", ["reset_before", "timeout", "html", "no_balance", "server_error", "malformed", "truncated"]
)
async def test_errors(fault, service, tmp_path, log):
    service.faults.rate(fault, 1.0, "create" if fault == "no_balance" else "any")
    settings = settings_for(service, tmp_path, limits=Limits(request_timeout_s=0.05))
    with pytest.raises(exceptions.SonioxDSError) as caught:
        await aio.transcribe(batch(3), **settings)
    assert_clean_error(caught.value, fault)
    assert_clean(log.text, "a log")
    assert_clean_disk(tmp_path)


async def test_a_key_that_is_refused(service, tmp_path, log):
    connection = sx.Connection(api_key=CANARY + "-refused", api_base_url=service.base_url)
    with pytest.raises(exceptions.AuthError) as caught:
        await aio.transcribe(batch(3), **settings_for(service, tmp_path, connection=connection))
    assert_clean_error(caught.value, "an AuthError")
    assert_clean(log.text, "a log")


def test_the_connection_itself(service):
    connection = sx.Connection(api_key=CANARY, api_base_url=service.base_url)
    assert_clean(repr(connection) + str(connection) + f"{connection}", "the connection")
    try:
        kept = pickle.dumps(connection)
    except (TypeError, exceptions.SonioxDSError):
        return
    assert_clean(kept.decode("latin-1"), "the pickled connection")
