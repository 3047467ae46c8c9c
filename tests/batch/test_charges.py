"""Charges of recordings, from the usage logs of the service."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest
from batches import batch, settings_for, stand_in, transcribe, wav

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.emulator.limits import Limits as ServiceLimits
from soniox_ds.exceptions import AuthError, BadAnswerError, InputError, OptionsError, RecordingsFailedWarning

HOUR_USD = 0.10


def charge_of(seconds, usd_per_hour=HOUR_USD):
    return pytest.approx(seconds / 3600 * usd_per_hour, abs=1e-10)


def connection_to(service):
    return sx.Connection(api_key=service.key, api_base_url=service.base_url)


def book(service, reference, cost, **changes):
    """Add a usage log as another client's request would."""

    def add(rules):
        rules.usage.add(
            **{"uuid": f"log-{len(rules.usage._entries)}", "model": "stt-async-v6", "mode": "async"}
            | {"started_at": rules.now(), "audio_ms": round(cost / HOUR_USD * 3_600_000), "output_tokens": 1}
            | {"client_reference_id": reference}
            | changes
        )

    service.call(add)


async def charged(corpus, service, **changes):
    return await aio.account.add_charges(corpus, **{"connection": connection_to(service), "progress": False} | changes)


async def test_the_charge_stands_beside_the_estimate(tmp_path):
    sources = {"a": wav(1, 0.5), "b": wav(2, 1.0)}
    with stand_in() as service:
        corpus = await transcribe(sources, service, tmp_path)
        assert corpus.cost["charged_usd"].isna().all()
        corpus = await charged(corpus, service)
    cost = corpus.cost.set_index("audio_id")
    assert list(corpus.cost) == [*sx.schema.COSTS]
    assert cost.loc["a", "charged_usd"] == charge_of(0.5)
    assert cost.loc["b", "charged_usd"] == charge_of(1.0)
    assert cost["charged_requests"].tolist() == [1, 1]
    assert cost["estimate_usd"].tolist() == corpus.recordings["cost_usd"].tolist()
    assert "charged" in repr(corpus)


async def test_the_charge_is_that_of_the_service_and_not_the_estimate(tmp_path):
    with stand_in() as service:
        service.call(lambda rules: setattr(rules.usage, "add", tripled(rules.usage.add)))
        corpus = await charged(await transcribe({"a": wav(1, 1.0)}, service, tmp_path), service)
    assert corpus.cost["charged_usd"][0] == charge_of(3.0)
    assert corpus.cost["estimate_usd"][0] == charge_of(1.0)


async def test_the_charges_of_all_channels_are_added(tmp_path):
    with stand_in() as service:
        audio = {"call": wav(1, 1.0, channels=2), "mono": wav(2, 1.0)}
        corpus = await charged(await transcribe(audio, service, tmp_path, channels="separate"), service)
    assert len(corpus.recordings["client_reference_id"][0].split()) == 2
    assert corpus.cost["charged_usd"].tolist() == [charge_of(2.0), charge_of(1.0)]
    assert corpus.cost["charged_requests"].tolist() == [2, 1]


@pytest.mark.parametrize(("channels", "n_channels"), [("mixed", 1), ("separate", 2)])
async def test_the_charges_of_all_stretches_are_added(channels, n_channels, tmp_path):
    with stand_in(limits=ServiceLimits(duration_ms=5_000, requests_per_minute=None)) as service:
        settings = {"split": "auto", "channels": channels, "limits": sx.Limits(duration_ms=5_000)}
        audio = {"meeting": wav(1, 12.0, channels=n_channels), "short": wav(2, 1.0)}
        corpus = await charged(await transcribe(audio, service, tmp_path, **settings), service)
    n_jobs = len(corpus.recordings["client_reference_id"][0].split())
    assert n_jobs >= 3 * n_channels
    assert corpus.cost["charged_requests"].tolist() == [n_jobs, 1]
    # Each stretch is cut at a whole sample, so that its length may differ by a millisecond.
    assert corpus.cost["charged_usd"][0] == pytest.approx(n_channels * 12 / 3600 * HOUR_USD, abs=n_jobs * 3e-8)
    assert corpus.cost["charged_usd"][1] == charge_of(1.0)


def tripled(add):
    return lambda *, audio_ms, **given: add(audio_ms=3 * audio_ms, **given)


async def test_all_attempts_at_a_job_are_added(tmp_path):
    """Answers are lost, so that jobs are created twice; the service charges both, and so do we."""
    with stand_in(faults={"error_after@create": 0.5}, seed=3) as service:
        corpus = await transcribe(batch(12), service, tmp_path)
        assert corpus.recordings["status"].eq("completed").all()
        for reference in corpus.recordings["client_reference_id"][:3]:
            first, _, attempt = reference.rpartition(":")
            book(service, f"{first}:{int(attempt) + 1}", 0.25)
        corpus = await charged(corpus, service)
        logs = service.call(lambda rules: [entry.wire() for entry in rules.usage._entries])
    total = sum(Decimal(log["cost_usd"]) for log in logs)
    assert corpus.cost["charged_usd"].sum() == pytest.approx(float(total), abs=1e-9)
    assert corpus.cost["charged_requests"].sum() == len(logs)
    assert (corpus.cost["charged_requests"][:3] >= 2).all()
    assert (corpus.cost["charged_usd"][:3] > 0.25).all()


async def test_a_refreshed_recording_costs_twice(tmp_path):
    sources = {"a": wav(1, 1.0)}
    with stand_in() as service:
        await transcribe(sources, service, tmp_path)
        corpus = await charged(await transcribe(sources, service, tmp_path, refresh=True), service)
        assert corpus.cost["charged_usd"][0] == charge_of(2.0)
        assert corpus.cost["charged_requests"][0] == 2
        later = corpus.recordings["submitted_at"][0].to_pydatetime() - timedelta(milliseconds=1)
        only_second = await charged(corpus, service, start=later)
    assert only_second.cost["charged_requests"][0] == 1


async def test_other_peoples_requests_are_left_out(tmp_path):
    sources = {"a": wav(1, 1.0)}
    with stand_in() as service:
        corpus = await transcribe(sources, service, tmp_path)
        await transcribe(sources, service, tmp_path / "somebody_else")  # the same audio in another journal
        reference = corpus.recordings["client_reference_id"][0]
        for other in ("", "order 17", reference[:-2], reference + "x", reference.replace("sxds", "SXDS")):
            book(service, other, 5.0)
        corpus = await charged(corpus, service)
    assert corpus.cost["charged_usd"][0] == charge_of(1.0)


async def test_a_prefix_of_the_users_own_changes_nothing(tmp_path):
    with stand_in() as service:
        settings = {"client_reference_id_prefix": "team-7:"}
        corpus = await charged(await transcribe({"a": wav(1, 1.0)}, service, tmp_path, **settings), service)
    assert corpus.recordings["client_reference_id"][0].startswith("team-7:sxds:")
    assert corpus.cost["charged_usd"][0] == charge_of(1.0)


async def test_the_same_audio_twice_is_charged_once(tmp_path):
    with stand_in() as service:
        corpus = await transcribe({"a": wav(1, 1.0), "again": wav(1, 1.0)}, service, tmp_path)
        corpus = await charged(corpus, service)
    assert corpus.cost["charged_usd"].tolist() == [charge_of(1.0), 0.0]
    assert corpus.cost["charged_requests"].tolist() == [1, 0]
    assert corpus.cost["estimate_usd"].tolist() == [charge_of(1.0), 0.0]


async def test_logs_that_lag_behind_are_missing_and_not_zero(tmp_path):
    with stand_in(limits=ServiceLimits(requests_per_minute=None, usage_lag_s=1e6)) as service:
        corpus = await transcribe(batch(5), service, tmp_path)
        with pytest.warns(UserWarning, match=r"5 of 5 recordings \('r000', 'r001', 'r002', \.\.\.\) have no usage log"):
            corpus = await charged(corpus, service)
        assert corpus.cost["charged_usd"].isna().all()
        service.call(lambda rules: setattr(rules.usage, "_lag_s", 0))
        corpus = await charged(corpus, service)
    assert corpus.cost["charged_usd"].notna().all()


async def test_what_is_known_stays_known_when_the_logs_are_gone(tmp_path):
    with stand_in() as service:
        corpus = await charged(await transcribe(batch(2), service, tmp_path), service)
        service.call(lambda rules: rules.usage._entries.clear())
        again = await charged(corpus, service)
    pd.testing.assert_frame_equal(again.cost, corpus.cost)


async def test_parquet_keeps_the_charges(tmp_path):
    with stand_in() as service:
        corpus = await charged(await transcribe(batch(3), service, tmp_path), service)
    corpus.save(tmp_path / "corpus")
    assert sx.read_corpus(tmp_path / "corpus").equals(corpus)


async def test_windows_are_no_longer_than_the_service_allows(tmp_path):
    with stand_in() as service:
        corpus = await transcribe(batch(2), service, tmp_path)
        seen = len(service.requests)
        await charged(corpus, service, start=datetime.now(UTC) - timedelta(days=400))
        windows = [request for request in service.requests[seen:] if request.path == "/v1/usage-logs"]
    assert len(windows) == 3
    assert all(request.status == 200 for request in windows)


async def test_many_pages_show_progress(tmp_path, monkeypatch):
    monkeypatch.setattr("soniox_ds.batch.charges.PAGE", 4)
    seen = []
    with stand_in() as service:
        corpus = await charged(await transcribe(batch(11), service, tmp_path), service, progress=seen.append)
    assert corpus.cost["charged_requests"].tolist() == [1] * 11
    assert seen[-1].closed
    assert (seen[-1].done, seen[-1].total, seen[-1].stopped) == (11, 11, False)
    assert any("usage logs read" in snapshot.line for snapshot in seen)


async def test_a_log_that_comes_twice_counts_once(tmp_path):
    with stand_in() as service:
        corpus = await transcribe({"a": wav(1, 1.0)}, service, tmp_path)
        service.call(lambda rules: rules.usage._entries.append(rules.usage._entries[0]))
        corpus = await charged(corpus, service)
    assert corpus.cost["charged_requests"][0] == 1


async def test_failed_recordings_show_what_they_cost(tmp_path):
    with stand_in() as service:
        with pytest.warns(RecordingsFailedWarning):
            corpus = await transcribe({"good": wav(1), "bad": b"RIFF not audio"}, service, tmp_path)
        corpus = await charged(corpus, service)
    cost = corpus.cost.set_index("audio_id")
    assert pd.isna(cost.loc["bad", "charged_usd"])
    assert cost.loc["good", "charged_usd"] > 0


async def test_costs_that_are_no_numbers_are_refused(tmp_path):
    with stand_in() as service:
        corpus = await transcribe(batch(1), service, tmp_path)
        log = {"uuid": "a", "client_reference_id": "b", "cost_usd": "free"}
        answer = {"usage_logs": [log], "next_page_cursor": None}
        service.call(lambda rules: setattr(rules.usage, "logs", lambda query: answer))
        with pytest.raises(BadAnswerError, match="cost_usd"):
            await charged(corpus, service)


async def test_a_key_without_the_permission(tmp_path):
    with stand_in() as service:
        corpus = await transcribe(batch(1), service, tmp_path)
        service.call(lambda rules: rules.keys.add("narrow", ["files"]))
        narrow = sx.Connection(api_key="narrow", api_base_url=service.base_url)
        with pytest.raises(AuthError, match="usage"):
            await charged(corpus, service, connection=narrow)


async def test_mistakes_are_explained(tmp_path):
    with stand_in() as service:
        corpus = await transcribe(batch(1), service, tmp_path)
        with pytest.raises(OptionsError, match="future"):
            await charged(corpus, service, start=datetime.now() + timedelta(days=40))
        with pytest.raises(InputError, match="pass the connection of their service"):
            await aio.account.add_charges(corpus, connection=sx.Connection(api_key="k" * 8, region="eu"))
        old = sx.Corpus(corpus.recordings.assign(client_reference_id=None), corpus.tokens)
        with pytest.raises(InputError, match=r"the same sx\.transcribe call again"):
            await charged(old, service)
        with pytest.raises(InputError, match="found DataFrame"):
            await charged(corpus.recordings, service)


def test_the_cost_of_arms_and_terms(tmp_path):
    with stand_in() as service:
        trial = sx.compare(
            {"a": wav(1, 1.0), "b": wav(2, 0.5)},
            {"a": "one two", "b": "three"},
            arms={"plain": {}, "terms": {"context": {"terms": ["two"]}}},
            repeats=2,
            **settings_for(service, tmp_path),
        )
        assert trial.cost["charged_usd"].isna().all()
        assert trial.summary["charged_usd"].isna().all()
        trial = sx.account.add_charges(trial, connection=connection_to(service), progress=False)
    cost = trial.cost
    assert list(cost.columns[:3]) == ["arm", "repeat", "audio_id"]
    assert cost[["arm", "repeat"]].drop_duplicates().values.tolist() == [
        ["plain", 0],
        ["plain", 1],
        ["terms", 0],
        ["terms", 1],
    ]
    by_arm = sx.summarize(cost, by="arm")
    assert by_arm["charged_usd"].tolist() == [charge_of(3.0)] * 2
    assert trial.summary["charged_usd"].tolist() == [charge_of(3.0)] * 2
    assert by_arm["charged_recordings"].tolist() == [4, 4]
    assert "charged_usd" in repr(trial)
    of_terms = trial.term_costs
    assert of_terms[["arm", "term"]].values.tolist() == [["plain", "two"], ["terms", "two"]]
    assert of_terms["charged_usd"].tolist() == [charge_of(3.0)] * 2
    hits = trial.term_summary["hits"].tolist()
    assert of_terms["hits"].tolist() == hits


def test_plain_and_awaitable(tmp_path):
    with stand_in() as service:
        corpus = asyncio.run(transcribe(batch(2), service, tmp_path))
        plain = sx.account.add_charges(corpus, connection=connection_to(service), progress=False)
        assert plain.equals(asyncio.run(charged(corpus, service)))
