"""Datasets transcribed live: what makes two calls the same, when it began, what failed, and how many at once."""

import asyncio
import json
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from listening import opened, recording
from waiting import until_async

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.api.session_limit import SessionLimit
from soniox_ds.exceptions import (
    AuthError,
    BalanceError,
    OptionsError,
    RecordingsFailedWarning,
    ServiceError,
    TranscriptionFailed,
)
from soniox_ds.live import dataset
from soniox_ds.live.event_store import BEGUN, DONE
from soniox_ds.live.resume import WINDOW_MS

ERRORS_PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


@pytest.fixture
def settings(tones, clock, tmp_path):
    return {
        "journal": tmp_path / "journal.sqlite",
        "clock": clock,
        "progress": False,
        "connection": sx.Connection(api_key=tones.key, api_base_url=tones.base_url),
    }


@pytest.fixture(scope="module")
def tone_recordings(tmp_path_factory):
    """Four short recordings."""
    folder = tmp_path_factory.mktemp("spoken")
    return [recording(folder / f"{seed}.wav", seed, count=6)[0] for seed in range(4)]


def logs(settings):
    return sorted(Path(f"{settings['journal']}.streams").glob("*.jsonl"))


# the same call costs nothing again ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param({"speed": 1}, {}, id="speed"),
        pytest.param({"speed": 20}, {"speed": 20.0}, id="higher-speed"),
        pytest.param(
            {"enable_endpoint_detection": True, "endpoint_sensitivity": 1},
            {"enable_endpoint_detection": True, "endpoint_sensitivity": 1.0},
            id="sensitivity",
        ),
        pytest.param({"language_hints": ("en", "de")}, {"language_hints": ["en", "de"]}, id="hints"),
        pytest.param(
            {"context": {"general": {"topic": "tones"}, "terms": ("a",)}},
            {"context": sx.Context(general=[{"key": "topic", "value": "tones"}], terms=["a"])},
            id="context",
        ),
        pytest.param({"enable_speaker_diarization": False}, {}, id="off"),
        pytest.param({"context": {"text": "", "terms": []}}, {}, id="empty-context"),
    ],
)
def test_equal_settings_in_another_form_are_one_job(tones, settings, tone_recordings, first, again):
    before = opened(tones)
    sx.stream_dataset(tone_recordings[0], **settings, **first)
    assert sx.stream_dataset(tone_recordings[0], **settings, **again).recordings["cost_usd"].tolist() == [0.0]
    assert opened(tones) == before + 1


@pytest.mark.parametrize("more", [{"speed": 2}, {"chunk_ms": 60}, {"repeat": 1}, {"max_endpoint_delay_ms": 600}])
def test_other_settings_are_another_job(tones, settings, tone_recordings, more):
    before = opened(tones)
    sx.stream_dataset(tone_recordings[0], enable_endpoint_detection=True, **settings)
    sx.stream_dataset(tone_recordings[0], enable_endpoint_detection=True, **(settings | more))
    assert opened(tones) == before + 2


# when it was ----------------------------------------------------------------------------------------------------------


def test_the_moment_it_began_and_the_moment_it_was_safe(settings, clock, tone_recordings):
    before = pd.Timestamp(clock.utcnow()).floor("ms")
    row = sx.stream_dataset(tone_recordings[0], **settings).recordings.iloc[0]
    after = pd.Timestamp(clock.utcnow())
    assert before <= row["submitted_at"] < row["completed_at"] <= after
    lasted_ms = (row["completed_at"] - row["submitted_at"]).total_seconds() * 1000
    assert lasted_ms >= row["duration_ms"], "in real time it takes as long as the recording is"

    recalled = sx.stream_dataset(tone_recordings[0], **settings).recordings.iloc[0]
    assert (recalled["submitted_at"], recalled["completed_at"]) == (row["submitted_at"], row["completed_at"])

    log = sx.stream_dataset(tone_recordings[0], **settings).log
    assert not set(log["kind"]) & {BEGUN, DONE}, "both are the store's"


def test_a_resumed_recording_keeps_its_first_start(settings, clock, tone_recordings):
    sx.stream_dataset(tone_recordings[0], **settings)
    (log,) = logs(settings)
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    assert f'"{BEGUN}"' in lines[0]
    # As a crash in the middle of another day leaves it.
    long_ago = re.sub(r'"20[^"]*"', '"2024-05-06T07:08:09+00:00"', lines[0])
    log.write_text("".join([long_ago, *lines[1 : len(lines) // 2]]), encoding="utf-8")
    row = sx.stream_dataset(tone_recordings[0], **settings).recordings.iloc[0]
    assert row["status"] == "completed"
    assert row["submitted_at"] == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert row["completed_at"] > pd.Timestamp.now(UTC) - pd.Timedelta(days=1)


def test_a_log_of_an_earlier_version_does_not_say_when(tones, settings, tone_recordings):
    whole = sx.stream_dataset(tone_recordings[0], **settings)
    (log,) = logs(settings)
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    done = re.sub(r'"20[^"]*"', "null", lines[-1])
    log.write_text("".join([*lines[1:-1], done]), encoding="utf-8")
    before = opened(tones)
    old = sx.stream_dataset(tone_recordings[0], **settings)
    assert opened(tones) == before, "it is recalled all the same"
    assert old.recordings[["submitted_at", "completed_at"]].isna().all(axis=None)
    pd.testing.assert_frame_equal(old.tokens, whole.tokens)
    # Broken off, too: what is taken up did not begin now.
    log.write_text("".join(lines[1 : len(lines) // 2]), encoding="utf-8")
    taken_up = sx.stream_dataset(tone_recordings[0], **settings).recordings.iloc[0]
    assert taken_up["status"] == "completed"
    assert pd.isna(taken_up["submitted_at"])


def test_nothing_was_submitted_where_nothing_was_sent(tones, settings, tone_recordings, tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"ws://127.0.0.1:{nobody.getsockname()[1]}"
        deaf = sx.Connection(api_key=tones.key, api_base_url=tones.base_url, websocket_url=address)
        with pytest.warns(RecordingsFailedWarning, match="2 of 2"):
            failed = sx.stream_dataset(
                [tmp_path / "missing.wav", tone_recordings[0]], **(settings | {"connection": deaf})
            ).recordings
    assert failed["error_type"].tolist() == ["file_not_found", "connection_failed"]
    assert failed[["submitted_at", "completed_at"]].isna().all(axis=None)
    row = sx.stream_dataset(tone_recordings[0], **settings).recordings.iloc[0]
    assert pd.notna(row["submitted_at"]), "what never got through begins when it does"


# what failed ----------------------------------------------------------------------------------------------------------


def documented_error_types():
    return set(re.findall(r"`([a-z_]+)`", ERRORS_PAGE.read_text(encoding="utf-8")))


@pytest.mark.parametrize("slug", ["project_monthly_budget_exhausted", ""])
def test_one_cause_has_one_error_type(tones, settings, tone_recordings, slug):
    sx.stream_dataset(tone_recordings[0], **settings)
    tones.faults.next("ws_error", "websocket", frames=1, code=402, error_type=slug, message="No money.")
    with pytest.warns(RecordingsFailedWarning) as warned:
        live = sx.stream_dataset([*tone_recordings, "https://example.org/x.wav"], concurrency=1, **settings)
    rows = live.recordings
    cause = slug or "organization_balance_exhausted"
    assert rows["status"].tolist() == ["completed", "failed", "failed", "failed", "failed"]
    assert rows["error_type"].tolist()[1:] == [cause] * 3 + ["url_not_streamed"]
    assert set(rows["error_type"].dropna()) <= documented_error_types()
    (message,) = [str(one.message) for one in warned]
    assert message.startswith(f"4 of 5 recordings failed: {cause} (3), url_not_streamed (1).\n")
    assert message.count("No money") == 3
    assert f"\n  {rows['audio_id'][1]}: " in message
    assert message.endswith("\n  ... and 1 more in streamed.recordings")


def test_every_failure_can_be_raised(settings, tone_recordings, tmp_path):
    with pytest.raises(
        ExceptionGroup, match='the same call with on_error="report" returns it and costs nothing'
    ) as all:
        sx.stream_dataset([tone_recordings[0], tmp_path / "missing.wav"], on_error="raise", **settings)
    (failure,) = all.value.exceptions
    assert isinstance(failure, TranscriptionFailed)
    assert failure.error_type == "file_not_found"
    assert str(failure).startswith(f"{failure.audio_id}: ")


def test_stored_recordings_are_recalled_without_a_balance(tones, settings, tone_recordings):
    sx.stream_dataset(tone_recordings[1:3], **settings)
    before = opened(tones)
    tones.faults.next("ws_error", "websocket", frames=1, code=402, error_type="", message="No money.")
    with pytest.warns(RecordingsFailedWarning):
        live = sx.stream_dataset(tone_recordings, concurrency=1, **settings)
    assert live.recordings["status"].tolist() == ["failed", "completed", "completed", "failed"]
    assert live.recordings["cost_usd"].tolist()[1:3] == [0, 0]
    assert opened(tones) == before + 1, "nothing more is asked for"


def test_an_empty_balance_is_raised_if_it_concerns_all_recordings(tones, settings, tone_recordings):
    tones.faults.rate("ws_error", 1.0, "websocket", frames=1, code=402, error_type="", message="No money.")
    with pytest.raises(BalanceError, match="No money"):
        sx.stream_dataset(tone_recordings, **settings)


# how many at once -----------------------------------------------------------------------------------------------------


class CountingLimit(sx.SessionLimit):
    """A session limit that remembers how many sessions waited or were open at once."""

    wanted = most_wanted = 0

    def pass_through(self):
        return self._counted(super().pass_through())

    def _counted(self, passing):
        outer = self

        class Counted:
            async def __aenter__(self):
                outer.wanted += 1
                outer.most_wanted = max(outer.most_wanted, outer.wanted)
                await passing.__aenter__()

            async def __aexit__(self, *error):
                outer.wanted -= 1
                return await passing.__aexit__(*error)

        return Counted()


@pytest.mark.parametrize(("sessions", "concurrency"), [(2, None), (3, 1)])
def test_no_session_waits_for_the_limit(settings, clock, tone_recordings, sessions, concurrency):
    """Audio is handed over while a session waits, and its latencies would include this wait."""
    session_limit = CountingLimit(sessions=sessions, clock=clock)
    live = sx.stream_dataset(tone_recordings, session_limit=session_limit, concurrency=concurrency, **settings)
    assert live.recordings["status"].tolist() == ["completed"] * 4
    assert 1 <= session_limit.most_wanted <= (concurrency or sessions)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"concurrency": 50},
            r"the session limit allows 10 sessions .*default of the service; .*=sx\.SessionLimit\(sessions=50\)",
        ),
        (
            {"concurrency": 3, "session_limit": sx.SessionLimit(sessions=2)},
            "the session limit allows 2 sessions at once; if",
        ),
        ({"concurrency": 0}, "concurrency is 0; it is the number of sessions at once"),
        ({"concurrency": True}, "concurrency is True"),
        ({"concurrency": 2.0}, r"concurrency is 2\.0"),
        ({"session_limit": 5}, r"session_limit is 5; .*sx\.SessionLimit\(sessions=5\)"),
        ({"repeat": -1}, "repeat is -1; it is the number of the repetition, a whole number, 0 or more"),
        ({"repeat": True}, "repeat is True"),
        ({"repeat": 1.0}, r"repeat is 1\.0"),
        ({"repeat": "1"}, "repeat is '1'"),
        ({"repeat": None}, "repeat is None"),
        ({"on_error": "ignore"}, "on_error is 'ignore'"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_read(settings, wrong, message):
    with pytest.raises(OptionsError, match=message):
        sx.stream_dataset("no such file.wav", **settings, **wrong)


def test_a_higher_limit_opens_more_sessions():
    from soniox_ds.api.session_limit import sessions_at_once

    assert sessions_at_once(50, sx.SessionLimit(sessions=50)) == 50
    assert sessions_at_once(None, sx.SessionLimit(sessions=50)) == 50


# what it does, whatever the weather -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    calls = tmp_path / "calls"
    calls.mkdir()
    texts = {}
    for seed in range(6):
        path, texts[f"{seed}.wav"] = recording(calls / f"{seed}.wav", seed + 20)
        path.with_suffix(".txt").write_text(texts[f"{seed}.wav"])
    return calls, texts


def test_a_dataset_and_again_for_nothing(tones, clock, folder, settings):
    calls, texts = folder
    session_limit = SessionLimit(sessions=3, clock=clock)
    first = sx.stream_dataset(calls, session_limit=session_limit, **settings)
    said = dict(zip(first.recordings["audio_id"], first.recordings["text"], strict=True))
    assert said == texts
    assert first.recordings["reference"].tolist() == list(texts.values())
    before = opened(tones)
    again = sx.stream_dataset(calls, **settings)
    assert opened(tones) == before
    assert again.recordings["cost_usd"].tolist() == [0.0] * 6
    pd.testing.assert_frame_equal(first.tokens, again.tokens)
    pd.testing.assert_frame_equal(first.log, again.log)
    sx.stream_dataset(calls, repeat=1, **settings)
    assert opened(tones) == before + 6, "a repetition is streamed"


def test_the_same_audio_twice_is_streamed_once(tones, tmp_path, settings):
    path, text = recording(tmp_path / "a.wav", 31)
    (tmp_path / "b.wav").write_bytes(path.read_bytes())
    before = opened(tones)
    streamed = sx.stream_dataset([path, tmp_path / "b.wav"], **settings)
    assert streamed.recordings["text"].tolist() == [text, text]
    assert opened(tones) == before + 1


def test_bad_recordings_are_rows(folder, settings):
    calls, _ = folder
    (calls / "broken.wav").write_bytes(b"RIFF")
    with pytest.warns(RecordingsFailedWarning, match="2 of 8"):
        streamed = sx.stream_dataset([*sorted(calls.glob("*.wav")), "https://example.org/x.wav"], **settings)
    failed = streamed.recordings[streamed.recordings["status"] == "failed"]
    assert len(streamed) == 8
    assert failed["error_message"].str.len().min() > 10
    assert failed["text"].isna().all()
    with pytest.raises(ExceptionGroup, match="2 of 8"):
        sx.stream_dataset(
            [*sorted(calls.glob("*.wav")), "https://example.org/x.wav"],
            on_error="raise",
            **settings,
        )


def test_a_recording_that_vanishes_is_a_row(folder, monkeypatch, settings):
    calls, texts = folder
    inspect = dataset.inspect

    def inspected(recording):
        inspect(recording)
        if recording.path.name == "3.wav":
            recording.path.unlink()

    monkeypatch.setattr(dataset, "inspect", inspected)
    with pytest.warns(RecordingsFailedWarning, match="1 of 6"):
        streamed = sx.stream_dataset(calls, **settings)
    recordings = streamed.recordings.set_index("audio_id")
    assert "no file" in recordings.loc["3.wav", "error_message"]
    assert recordings["text"].dropna().to_dict() == {name: text for name, text in texts.items() if name != "3.wav"}


def test_a_wrong_key_ends_it(tones, folder, settings):
    connection = sx.Connection(api_key="wrong-key-wrong-key", api_base_url=tones.base_url)
    with pytest.raises(AuthError):
        sx.stream_dataset(folder[0], **settings | {"connection": connection})


@pytest.mark.parametrize("lines", [1, 40, 120, 250])
async def test_broken_off_it_is_taken_up_where_it_stopped(tmp_path, lines, settings):
    path, text = recording(tmp_path / "a.wav", 33, count=60)

    def written():
        return sum(log.read_bytes().count(b"\n") for log in (tmp_path / "journal.sqlite.streams").glob("*.jsonl"))

    task = asyncio.create_task(aio.stream_dataset(path, **settings))
    await until_async(lambda: written() >= lines)
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    streamed = await aio.stream_dataset(path, **settings)
    assert streamed.text == text
    opened_at = streamed.log.index[streamed.log["kind"] == "open"]
    assert len(opened_at) == 1 + (lines > 1)
    if lines > 1:
        before = streamed.log.loc[: opened_at[1]].query("kind == 'message'")["payload"]
        settled_ms = max((json.loads(message)["final_audio_proc_ms"] for message in before), default=0)
        assert streamed.log.loc[opened_at[1], "offset_ms"] >= max(settled_ms - WINDOW_MS, 0), "not from the start"
        assert settled_ms > 0 or lines < 100
    assert (np.diff(streamed.log["at_ms"]) >= 0).all()
    assert (streamed.tokens["received_ms"] <= streamed.tokens["final_ms"]).all()


def test_a_log_that_a_crash_cut_off_is_taken_up(tmp_path, settings):
    path, text = recording(tmp_path / "a.wav", 34, count=30)
    sx.stream_dataset(path, **settings)
    (log,) = (tmp_path / "journal.sqlite.streams").glob("*.jsonl")
    lines = log.read_bytes()
    log.write_bytes(lines[: len(lines) * 2 // 3])
    assert sx.stream_dataset(path, **settings).text == text


def test_dropped_sockets_of_a_dataset_lose_nothing(tones, folder, settings):
    calls, texts = folder
    tones.faults.rate("ws_drop", 0.5, "websocket", frames=20)
    streamed = sx.stream_dataset(calls, **settings)
    assert dict(zip(streamed.recordings["audio_id"], streamed.recordings["text"], strict=True)) == texts


def test_an_outage_fails_the_row_and_the_next_run_goes_on(tones, clock, tmp_path, settings):
    path, text = recording(tmp_path / "a.wav", 35)
    tones.faults.rate("unavailable", 1.0, "websocket")
    with pytest.warns(RecordingsFailedWarning):
        streamed = sx.stream_dataset(path, **settings)
    assert streamed.recordings["status"].tolist() == ["failed"]
    tones.faults.clear()
    assert sx.stream_dataset(path, **settings).text == text
    tones.faults.rate("unavailable", 1.0, "websocket")
    with pytest.raises(ServiceError):
        sx.stream(path, clock=clock)
