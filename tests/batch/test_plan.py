"""`sx.plan`: what a run would do, found by its own preparation, with nothing sent."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from batches import batch, settings_for, stand_in, transcribe, wav

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.batch.limits import Limits
from soniox_ds.cli import main
from soniox_ds.exceptions import OptionsError, SourceError

URL = "https://host.example/a.wav"


@pytest.fixture
def service():
    with stand_in() as running:
        yield running


async def plan(sources, service, tmp_path, **changes):
    settings = settings_for(service, tmp_path, requests_per_minute=480, clock=None)
    return await aio.plan(sources, **{**settings, **changes})


async def test_a_plan_counts_what_would_be_sent_and_sends_nothing(service, tmp_path):
    sources = {
        **batch(3),
        "again": batch(1)["r000"],
        "url": URL,
        "empty": b"",
        "missing": str(tmp_path / "gone.wav"),
        "long": wav(7, seconds=36),
    }
    planned = await plan(sources, service, tmp_path)
    assert not service.requests
    table = planned.recordings.set_index("audio_id")
    assert table["action"].to_dict() == {
        **dict.fromkeys(["r000", "r001", "r002", "url", "long"], "transcribe"),
        "again": "share",
        **dict.fromkeys(["empty", "missing"], "fail"),
    }
    assert planned.failed["error_type"].tolist() == ["empty_file", "file_not_found"]
    # Four uploads of five requests and one URL of three, one listing for every forty, and the list of models.
    assert planned.requests == 4 * 5 + 3 + 1 + 1
    # Three recordings of 0.1 s and one of 36 s at 0.10 USD an hour; the URL is 0 to 300 minutes.
    assert planned.cost_usd == pytest.approx((36.3 / 3600 * 0.1, 36.3 / 3600 * 0.1 + 0.5))
    assert planned.hours == pytest.approx((36.3 / 3600, 36.3 / 3600 + 5))
    assert planned.n_unknown == 1
    assert len(planned) == 8
    text = repr(planned)
    assert "fails: 1 × empty_file: " in text
    assert "new jobs: 5 (1 of unknown length, each 0 to 5 h)" in text
    assert "No quota makes the run wait." in text
    assert "No quota makes the run wait." in planned._repr_html_()
    with pytest.warns(sx.exceptions.RecordingsFailedWarning):
        corpus = await transcribe({name: audio for name, audio in sources.items() if name != "url"}, service, tmp_path)
    assert corpus.cost_usd == pytest.approx(planned.cost_usd[0])
    asked = len(service.requests)
    after = await plan(sources, service, tmp_path)
    assert after.counts == {"transcribe": 1, "continue": 0, "share": 0, "recall": 5, "fail": 2}
    assert (await plan(sources, service, tmp_path, refresh=True)).counts["transcribe"] == 5
    assert len(service.requests) == asked


async def test_a_plan_knows_channels_and_lengths_as_a_run_does(service, tmp_path):
    stereo = {"call": wav(1, seconds=36, channels=2)}
    assert (await plan(stereo, service, tmp_path)).cost_usd[0] == pytest.approx(0.001)
    separate = await plan({**stereo, "url": URL}, service, tmp_path, channels="separate")
    assert separate.recordings["jobs"].tolist() == [2, 0]
    assert separate.cost_usd == pytest.approx((0.002, 0.002))
    assert separate.failed["error_type"].tolist() == ["url_not_downloaded"]
    short = Limits(duration_ms=30_000)
    assert (await plan(stereo, service, tmp_path, limits=short)).counts["fail"] == 1
    assert (await plan(stereo, service, tmp_path, limits=short, split="auto")).recordings["jobs"].tolist() == [2]
    assert not service.requests


async def test_paid_jobs_are_continued_and_cost_nothing(service, tmp_path):
    await transcribe(batch(2), service, tmp_path)
    with sqlite3.connect(tmp_path / "journal.sqlite") as journal:
        journal.execute("UPDATE jobs SET state = 'created' WHERE job_key = (SELECT min(job_key) FROM jobs)")
    planned = await plan(batch(2), service, tmp_path)
    assert planned.counts == {"transcribe": 0, "continue": 1, "share": 0, "recall": 1, "fail": 0}
    assert planned.cost_usd == (0, 0)
    assert planned.requests == 3 + 1 + 1


async def test_the_quotas_that_a_date_needs(service, tmp_path):
    urls = [f"https://host.example/{number}.wav" for number in range(12_000)]
    planned = await plan(urls, service, tmp_path, processing_s=20)
    # 12,000 URLs take 36,000 requests and 900 listings, which fill 76.875 minutes. Those of the first minute start at
    # once, and those of the last, incomplete minute after 76 minutes. 100 pending jobs of 20 s: 2,400 s.
    bounds = planned.quotas.set_index("quota")["shortest_s"]
    assert planned.requests == 36_000 + 900 + 1
    assert bounds["requests per minute"] == 76 * 60
    assert bounds["pending transcriptions"] == 2_400
    assert bounds["stored files"] == 0
    assert planned.days == pytest.approx(76 / 1440)
    assert planned.to_ask_for.empty
    end = datetime.now(UTC) + timedelta(minutes=30)
    hurried = await plan(urls, service, tmp_path, processing_s=20, finish_by=end)
    asked = hurried.to_ask_for.set_index("quota")["needed"]
    assert asked.to_dict() == pytest.approx(
        {"requests per minute": 36_901 / 30, "pending transcriptions": 240_000 / 1800}, rel=0.01
    )
    assert "Bounds from the quotas (no prediction), if a job takes 20 s at the service:" in repr(hurried)
    assert "requests per minute (480): at least 1.3 h; 1,2" in repr(hurried)
    assert "stored files" not in repr(hurried)
    assert "ask for: requests per minute 1,2" in repr(hurried)
    assert "pending transcriptions 13" in hurried._repr_html_()
    relaxed = await plan(urls, service, tmp_path, finish_by="2999-01-01")
    assert "the quotas are sufficient" in repr(relaxed)


async def test_wrong_arguments_of_a_plan(service, tmp_path):
    for changes, message in [
        ({"finish_by": "yesterday"}, "finish_by is 'yesterday'"),
        ({"finish_by": "2001-01-01"}, "is past"),
        ({"processing_s": 0}, "processing_s is 0"),
        ({"limits": 5}, "limits is 5"),
    ]:
        with pytest.raises(OptionsError, match=message):
            await plan(batch(1), service, tmp_path, **changes)
    with pytest.raises(SourceError):
        await plan([], service, tmp_path)
    with pytest.raises(OptionsError, match="Did you mean 'language_hints'"):
        await plan(batch(1), service, tmp_path, langauge_hints=["en"])


def test_the_command_needs_no_key(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("SONIOX_API_KEY", raising=False)
    (tmp_path / "a.wav").write_bytes(wav(1, seconds=36))
    (tmp_path / "b.wav").write_bytes(b"")
    command = ["plan", str(tmp_path / "*.wav"), "--journal", str(tmp_path / "j.sqlite"), "--finish-by", "2999-01-01"]
    assert main(command) == 1
    text = capsys.readouterr().out
    assert "Plan: 2 recordings, 36.0 s, about $0.001, at least" in text
    assert "fails: 1 × empty_file" in text
    assert main([*command[:-1], "tomorrow"]) == 2
