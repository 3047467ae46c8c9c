"""Recordings above the limits are cut at pauses, and their transcripts are joined."""

import asyncio
import subprocess
import sys
import textwrap
from fractions import Fraction

import av
import numpy as np
import pandas as pd
import pytest
from batches import Limits, leftovers, routes, stand_in, transcribe, until, wav, wav_of
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds.emulator.limits import Limits as ServiceLimits

RATE = 8000
LONGEST_MS = 5_000


def long_stand_in(**settings):
    return stand_in(limits=ServiceLimits(duration_ms=LONGEST_MS, requests_per_minute=None), **settings)


@pytest.fixture
def service():
    with long_stand_in() as running:
        yield running


def speech(seconds, *pauses, channels=1, seed=1):
    """Noise with silence between pairs of seconds."""
    samples = np.random.default_rng(seed).integers(-3000, 3000, (round(seconds * RATE), channels))
    for start_s, end_s in pauses:
        samples[round(start_s * RATE) : round(end_s * RATE)] = 0
    return wav_of(samples)


@pytest.fixture
def meeting():
    """Twelve seconds with pauses at 3.5 s and 8.5 s."""
    return speech(12, (3.25, 3.75), (8.25, 8.75))


async def split(sources, service, tmp_path, **changes):
    limits = Limits(duration_ms=LONGEST_MS)
    return await transcribe(sources, service, tmp_path, **{"split": "auto", "limits": limits, **changes})


async def test_without_the_option_it_is_a_failed_row_that_names_it(meeting, service, tmp_path):
    with pytest.warns(UserWarning, match="too_long"):
        corpus = await split({"meeting": meeting}, service, tmp_path, split=None)
    assert corpus.recordings["error_type"].tolist() == ["too_long"]
    assert 'split="auto"' in corpus.recordings["error_message"][0]
    assert len(service.requests) == 0


async def test_a_long_recording_is_several_jobs_and_one_row(meeting, service, tmp_path):
    corpus = await split({"meeting": meeting}, service, tmp_path)
    assert service.created.total == 3
    assert corpus.recordings["status"].tolist() == ["completed"]
    assert corpus.recordings["duration_ms"][0] == pytest.approx(12_000, abs=3)
    assert corpus.recordings["warnings"].isna().all()
    assert leftovers(service) == []
    tokens = corpus.tokens
    assert tokens["token_index"].tolist() == list(range(len(tokens)))
    assert tokens["start_ms"].is_monotonic_increasing
    assert tokens["channel"].isna().all()
    for start_ms, end_ms in ((0, 3500), (3500, 8500), (8500, 12_000)):
        assert tokens["start_ms"].between(start_ms, end_ms).any()


async def test_times_are_those_of_the_stretches(meeting, tmp_path):
    scripts = {
        f"meeting.part{number}.flac": [{"text": f"Part {number} begins.", "start_ms": 0, "end_ms": 1000}]
        for number in (1, 2, 3)
    }
    with long_stand_in(scripts=scripts) as service:
        corpus = await split({"meeting": meeting}, service, tmp_path)
    words = corpus.words()
    assert corpus.recordings["text"].tolist() == ["Part 1 begins. Part 2 begins. Part 3 begins."]
    starts = words.loc[words["text"] == "Part", "start_ms"].tolist()
    assert np.diff(starts) == pytest.approx([3500, 4880], abs=25)


async def test_speakers_of_later_stretches_are_marked_as_in_live_sessions(meeting, service, tmp_path):
    tokens = (await split({"meeting": meeting}, service, tmp_path, enable_speaker_diarization=True)).tokens
    labels = set(tokens["speaker"])
    assert labels <= {"1", "2", "1@2", "2@2", "1@3", "2@3"}
    assert {label.partition("@")[2] for label in labels} == {"", "2", "3"}


async def test_channels_and_stretches(service, tmp_path):
    audio = speech(8, (3.75, 4.25), channels=2)
    corpus = await split({"call": audio}, service, tmp_path, channels="separate")
    assert service.created.total == 4
    assert set(corpus.tokens["speaker"]) == {"ch1", "ch2"}  # a channel is the same speaker in every stretch
    again = await split({"call": audio}, service, tmp_path, channels="separate", enable_speaker_diarization=True)
    assert {label.partition("@")[2] for label in set(again.tokens["speaker"])} == {"", "2"}
    assert set(again.tokens["speaker"].str[:4]) == {"ch1:", "ch2:"}


async def test_the_price_is_that_of_the_duration_and_is_paid_once(meeting, service, tmp_path, monkeypatch):
    first = await split({"meeting": meeting}, service, tmp_path)
    assert first.recordings["cost_usd"][0] == pytest.approx(12 / 3600 * 0.10, rel=0.01)
    requests = len(service.requests)

    def never(*_):
        raise AssertionError("the cut points are in the journal")

    monkeypatch.setattr("soniox_ds.batch.division.cut_points", never)
    again = await split({"meeting": meeting}, service, tmp_path)
    assert len(service.requests) == requests
    pd.testing.assert_frame_equal(first.tokens, again.tokens)


async def test_a_file_that_is_too_large(tmp_path):
    audio = wav_of(np.repeat(np.random.default_rng(1).integers(-3000, 3000, (6 * RATE, 1)), 2, axis=1))
    limits = ServiceLimits(file_bytes=60_000, requests_per_minute=None)
    with stand_in(limits=limits) as service:
        ours = Limits(file_bytes=60_000)
        with pytest.warns(UserWarning, match="too_large"):
            whole = await split({"a": audio}, service, tmp_path, split=None, limits=ours)
        corpus = await split({"a": audio}, service, tmp_path, limits=ours)
        sizes = [request for request in service.requests if request.route == "upload"]
    assert 'split="auto"' in whole.recordings["error_message"][0]
    assert corpus.recordings["status"].tolist() == ["completed"]
    assert len(sizes) == 2  # the mean of both channels is half as large


async def test_one_stretch_fails(meeting, service, tmp_path):
    service.faults.next("job_internal_error", "create")
    with pytest.warns(UserWarning, match="internal_error"):
        corpus = await split(
            {"meeting": meeting}, service, tmp_path, limits=Limits(duration_ms=LONGEST_MS, attempts=1), concurrency=1
        )
    assert corpus.recordings["error_message"][0].startswith("part ")
    created = service.created.total
    again = await split({"meeting": meeting}, service, tmp_path)
    assert service.created.total == created + 1
    assert again.recordings["status"].tolist() == ["completed"]


async def test_short_recordings_are_not_touched(service, tmp_path):
    short = {"short": wav(3, seconds=2)}
    plain = await transcribe(short, service, tmp_path)
    corpus = await split(short, service, tmp_path)
    assert service.created.total == 1
    pd.testing.assert_frame_equal(plain.tokens, corpus.tokens)


async def test_an_interrupted_call_goes_on(meeting, service, tmp_path):
    task = asyncio.create_task(split({"meeting": meeting}, service, tmp_path))
    await until(lambda: service.created.total > 0)
    task.cancel()
    await asyncio.wait([task])
    corpus = await split({"meeting": meeting}, service, tmp_path)
    assert service.created.total == 3
    assert corpus.recordings["status"].tolist() == ["completed"]
    assert leftovers(service) == []


async def test_a_long_url_names_the_options(meeting, service, tmp_path):
    from soniox_ds.api.client import Client

    with stand_in() as host:
        connection = sx.Connection(api_key=host.key, api_base_url=host.base_url)
        async with Client(connection) as client:
            file = await client.upload_file(meeting, filename="meeting.wav")
            url = (await client.get_file_url(file["id"]))["url"]
        with pytest.warns(UserWarning, match="max_duration_reached"):
            corpus = await split(url, service, tmp_path)
        assert "download=True" in corpus.recordings["error_message"][0]
        assert routes(service)["upload"] == 0
        corpus = await split(url, service, tmp_path, download=True)
    assert corpus.recordings["status"].tolist() == ["completed"]
    assert routes(service)["upload"] == 3


def test_the_command_line(meeting, tmp_path, capsys):
    from soniox_ds.cli import main

    path = tmp_path / "meeting.wav"
    path.write_bytes(speech(3, channels=2))
    with long_stand_in(set_environment=True):
        arguments = ["--channels", "separate", "--split", "auto", "--journal", str(tmp_path / "journal.sqlite")]
        assert main(["transcribe", str(path), "--out", str(tmp_path / "out"), *arguments]) == 0
    assert set(sx.read_corpus(tmp_path / "out").tokens["channel"]) == {1, 2}


# -- thirty hours ------------------------------------------------------------------------------------------------------

HOURS = 30


@pytest.fixture(scope="module")
def thirty_hours(tmp_path_factory):
    """Thirty hours of silence with a click every 25 minutes, as FLAC."""
    path = tmp_path_factory.mktemp("long") / "thirty_hours.flac"
    block = np.zeros((1, 60 * RATE), np.int16)
    with av.open(str(path), "w") as media:
        # Large frames, since each of the thirty hours' frames costs the encoder and the decoder more than its samples.
        stream = media.add_stream("flac", rate=RATE, layout="mono", options={"frame_size": "16384"})
        for minute in range(HOURS * 60):
            block[0, :RATE] = 3000 if minute % 25 == 0 else 0
            frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
            frame.sample_rate, frame.pts, frame.time_base = RATE, minute * block.shape[1], Fraction(1, RATE)
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    return path


@pytest.mark.slow
def test_thirty_hours_are_cut_with_little_memory(thirty_hours):
    code = """
        import resource, sys
        from pathlib import Path
        from soniox_ds.sources.inspection import MAX_DURATION_MS, inspect
        from soniox_ds.sources.parts import Part, write_part
        from soniox_ds.sources.pauses import cut_points
        from soniox_ds.sources.recording import Recording

        path, target = map(Path, sys.argv[1:])
        recording = inspect(Recording(audio_id="a", file=str(path)))
        assert recording.error_type == "too_long", recording
        before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        cuts = cut_points(path, MAX_DURATION_MS)
        assert len(cuts) == 6, cuts
        borders = [0, *cuts, recording.duration_ms]
        assert all(end - start <= MAX_DURATION_MS for start, end in zip(borders, borders[1:]))
        write_part(path, Part(start_ms=cuts[-1], is_cut=True), target)
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) // 1024)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), thirty_hours, thirty_hours.with_name("part.flac")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S * 4, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 250  # MB; all samples would be 1,700


async def test_a_recording_whose_parts_do_not_all_fit_into_the_limit_is_set_aside(service, tmp_path):
    """Two meetings of 12 s in three parts each. At $0.10 an hour, a meeting costs $0.000333."""
    second_usd = 0.1 / 3600
    meetings = {name: speech(12, (3.25, 3.75), (8.25, 8.75), seed=seed) for seed, name in enumerate("ab")}
    with pytest.warns(UserWarning, match="max_cost_reached"):
        corpus = await split(meetings, service, tmp_path, max_cost_usd=20 * second_usd)  # room for 8 s more than one
    assert corpus.recordings["status"].tolist() == ["completed", "failed"]
    assert corpus.recordings["error_type"][1] == "max_cost_reached"
    assert "this recording would cost about $0.00033" in corpus.recordings["error_message"][1]
    assert corpus.cost_usd == pytest.approx(12 * second_usd, abs=1e-9)
    assert service.created.total == 3
    again = await split(meetings, service, tmp_path, max_cost_usd=12 * second_usd)  # the first costs nothing now
    assert again.recordings["status"].tolist() == ["completed"] * 2
    assert again.cost_usd == pytest.approx(24 * second_usd, abs=1e-9)
    assert service.created.total == 6
