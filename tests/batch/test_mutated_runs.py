"""Whole runs against a service of which one kind of answer is mutated: own errors only, no hang, nothing paid twice.

After each of them the same call against the honest service completes every recording, and each was paid for once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import warnings

import pytest
from batches import Limits, batch, settings_for, stand_in, transcribe
from fuzzing import examples, seed
from lying import Liar
from mutations import mutated_answer, mutated_text

import soniox_ds as sx
from soniox_ds import aio, exceptions
from soniox_ds.batch import clean_up

pytestmark = pytest.mark.fuzz

ROUTES = ["upload", "create", "list", "get", "transcript", "files", "delete_file", "delete_transcription", "models"]
LIMITS = Limits(settle_s=5.0, outage_s=30.0, attempts=3, request_timeout_s=5.0)
HANGS_S = 120


def liar(route, rng):
    """Mutates the answers of one route: always, some of them, or the first ones."""
    share = rng.choice([1.0, 0.5, 0.2])
    only = rng.choice([1, 2, 10**6])
    count = 0

    def change(response):
        nonlocal count
        if route == "files" and response.route == "upload" and rng.random() < 0.5:
            return b""  # or nobody would look at the list of files
        if response.route != route or count >= only or rng.random() > share:
            return response
        count += 1
        if not response.body:
            return mutated_answer(mutated_text({}, rng), rng, response.status)
        return mutated_answer(mutated_text(response.json, rng), rng, response.status)

    return change


@pytest.mark.parametrize("route", ROUTES)
async def test_mutated_answers_cost_nothing_twice(route, tmp_path, monkeypatch):
    rng = random.Random(f"{route} {seed()}")
    with stand_in() as service:
        monkeypatch.setattr(clean_up, "Clock", lambda: service.clock)
        for number in range(examples(5)):
            sources = batch(rng.choice([2, 3, 6]), first=10 * number)
            before = service.created.total
            folder = tmp_path / str(number)
            async with Liar(service.base_url, liar(route, rng)) as lying, asyncio.timeout(HANGS_S):
                connection = sx.Connection(api_key=service.key, api_base_url=lying.url)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)
                    with contextlib.suppress(exceptions.SonioxDSError):
                        corpus = await transcribe(sources, service, folder, connection=connection, limits=LIMITS)
                        assert list(corpus) == list(sources)
                    with contextlib.suppress(exceptions.SonioxDSError):
                        await aio.account.clean_up(folder / "journal.sqlite", connection=connection)
            async with asyncio.timeout(HANGS_S):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", exceptions.RecordingsFailedWarning)
                    warnings.simplefilter("ignore", exceptions.ModelWarning)  # a mutated answer can name another model
                    corpus = await aio.transcribe(sources, **settings_for(service, folder, limits=LIMITS))
            assert corpus.recordings["status"].tolist() == ["completed"] * len(sources), (
                corpus.failed.recordings.to_dict()
            )
            assert service.created.total - before == len(sources)
            assert max(service.created.by_audio.values()) == 1
