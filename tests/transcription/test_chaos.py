"""Bad weather all the time: 5 % of all requests fail, in each way, and nobody notices.

A job that the service itself ends in an error and that is tried again is created twice on purpose: nothing was
transcribed the first time, so nothing is paid twice. Only that fault may do it.
"""

import pytest
from batches import Limits, assert_same_corpus, batch, leftovers, stand_in, transcribe

RECORDINGS = 400
RATE = 0.05
FAILS_JOBS = "job_internal_error"
KINDS = [
    "rate_limit",
    "server_error",
    "unavailable",
    "html",
    "reset_before",
    "timeout",
    "reset_after",
    "timeout_after",
    "error_after",
    "truncated",
    "malformed",
    "slow",
    "listing_lag",
    "quota",
    FAILS_JOBS,
]


@pytest.fixture(scope="module")
def recordings():
    return batch(RECORDINGS)


@pytest.fixture(scope="module")
def quiet(recordings, tmp_path_factory):
    """What comes out when nothing goes wrong."""
    import asyncio

    with stand_in(seed=1) as service:
        return asyncio.run(transcribe(recordings, service, tmp_path_factory.mktemp("quiet")))


async def weather_the(faults, recordings, tmp_path):
    """Transcribe under these faults; returns the corpus and the service as they are at the end."""
    # What hangs is given up quickly, and what trickles does so quickly: sockets live by the clock on the wall.
    limits = Limits(request_timeout_s=0.5)
    with stand_in(seed=1, faults=faults) as service:
        for kind in ("slow",):
            if kind in faults:
                service.faults.clear()
                service.faults.rate(kind, faults[kind], seconds=0.1)
        corpus = await transcribe(recordings, service, tmp_path, limits=limits)
        remains = leftovers(service)
    return corpus, service, remains


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
async def test_one_kind_of_failure(kind, recordings, quiet, tmp_path):
    corpus, service, remains = await weather_the({kind: RATE}, recordings, tmp_path)
    assert service.faults.fired.total() > 10, "the weather was too good to prove anything"
    assert_same_corpus(corpus, quiet)
    assert remains == []
    assert len(service.created.by_audio) == RECORDINGS
    if kind == FAILS_JOBS:
        failed = service.faults.fired[FAILS_JOBS, "create"]
        assert service.created.total == RECORDINGS + failed
    else:
        assert service.created.total == RECORDINGS


@pytest.mark.slow
async def test_everything_at_once(recordings, quiet, tmp_path):
    kinds = [kind for kind in KINDS if kind != "slow"]
    corpus, service, remains = await weather_the(dict.fromkeys(kinds, 0.012), recordings, tmp_path)
    assert len({kind for kind, _ in service.faults.fired}) == len(kinds)
    assert_same_corpus(corpus, quiet)
    assert remains == []
    failed = service.faults.fired[FAILS_JOBS, "create"]
    assert service.created.total == RECORDINGS + failed
