"""Recordings with a channel for each speaker: each channel is a job, and the recording is one row."""

import asyncio
import warnings

import numpy as np
import pandas as pd
import pytest
from batches import Limits, leftovers, routes, stand_in, transcribe, until, wav, wav_of

import soniox_ds as sx
from soniox_ds.api.client import Client
from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer
from soniox_ds.exceptions import OptionsError

SCRIPTS = {
    "call.ch1.flac": [{"text": "Hello there, how are you?", "start_ms": 0, "end_ms": 2000, "speaker": "1"}],
    "call.ch2.flac": [{"text": "Yes, hello.", "start_ms": 500, "end_ms": 1500, "speaker": "1"}],
    "call.wav": [{"text": "Hello there.", "start_ms": 0, "end_ms": 2000}],
}


@pytest.fixture
def service():
    with stand_in(scripts=SCRIPTS) as running:
        yield running


@pytest.fixture
def call(tmp_path):
    path = tmp_path / "call.wav"
    path.write_bytes(wav(1, seconds=3, channels=2))
    return path


async def separate(sources, service, tmp_path, **changes):
    return await transcribe(sources, service, tmp_path, **{"channels": "separate", **changes})


# -- the ordinary case -------------------------------------------------------------------------------------------------


async def test_two_channels_are_two_jobs_and_one_row(call, service, tmp_path):
    corpus = await separate(call, service, tmp_path)
    assert service.created.total == 2
    assert routes(service)["upload"] == 2
    assert corpus.recordings["status"].tolist() == ["completed"]
    assert corpus.recordings["duration_ms"].tolist() == [3000]
    assert len(corpus.recordings["transcription_id"][0].split()) == 2
    assert corpus.recordings["warnings"].isna().all()
    assert corpus.recordings["text"].tolist() == ["Hello there, how are you? Yes, hello."]
    assert leftovers(service) == []


async def test_tokens_are_in_the_order_of_their_times_and_say_their_channel(call, service, tmp_path):
    tokens = (await separate(call, service, tmp_path)).tokens
    assert tokens["token_index"].tolist() == list(range(len(tokens)))
    assert tokens["start_ms"].is_monotonic_increasing
    assert tokens["channel"].drop_duplicates().tolist() == [1, 2]
    assert tokens["channel"].dtype == "Int16"
    assert (tokens["speaker"] == "ch" + tokens["channel"].astype("string")).all()
    changes = (tokens["channel"].diff() != 0).sum()
    assert changes > 3  # the channels speak at the same time
    texts = tokens.groupby("channel")["text"].agg("".join)
    assert texts.to_dict() == {1: "Hello there, how are you?", 2: "Yes, hello."}


async def test_words_segments_and_turns_have_one_channel(call, service, tmp_path):
    corpus = await separate(call, service, tmp_path)
    words = corpus.words()
    assert words.groupby("channel")["text"].agg(list).to_dict() == {
        1: ["Hello", "there,", "how", "are", "you?"],
        2: ["Yes,", "hello."],
    }
    assert words["word_index"].tolist() == list(range(7))
    assert words["text"].tolist() == ["Hello", "there,", "how", "are", "you?", "Yes,", "hello."]  # not word by word
    segments = sx.segments(words)
    assert segments[["text", "speaker", "channel"]].values.tolist() == [
        ["Hello there, how are you?", "ch1", 1],
        ["Yes, hello.", "ch2", 2],
    ]
    turns = sx.speaker_turns(words)
    assert turns[["speaker", "channel"]].values.tolist() == [["ch1", 1], ["ch2", 2]]
    assert turns["start_ms"][1] < turns["end_ms"][0]  # they overlap


async def test_speakers_of_different_channels_are_different_people(call, service, tmp_path):
    tokens = (await separate(call, service, tmp_path, enable_speaker_diarization=True)).tokens
    assert set(tokens["speaker"]) == {"ch1:1", "ch2:1"}


async def test_the_uploads_are_the_samples_of_the_channels(service, tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    samples = rng.integers(-3000, 3000, (8000, 3))
    uploads = {}
    upload_file = Client.upload_file

    async def keep(self, source, **settings):
        uploads[settings["filename"]] = source.read_bytes()
        return await upload_file(self, source, **settings)

    monkeypatch.setattr(Client, "upload_file", keep)
    await separate({"call": wav_of(samples)}, service, tmp_path)
    assert sorted(uploads) == [f"call.ch{number}.flac" for number in (1, 2, 3)]
    for number in (1, 2, 3):
        path = tmp_path / "upload.flac"
        path.write_bytes(uploads[f"call.ch{number}.flac"])
        import av

        with av.open(str(path)) as media:
            assert media.streams.audio[0].codec_context.layout.nb_channels == 1
            assert media.streams.audio[0].rate == 8000
            decoded = np.concatenate([frame.to_ndarray().ravel() for frame in media.decode(audio=0)])
        assert (decoded == samples[:, number - 1]).all()


async def test_a_mono_recording_is_one_job_which_mixed_calls_share(service, tmp_path):
    audio = {"mono": wav(2, seconds=2)}
    mixed = await transcribe(audio, service, tmp_path)
    corpus = await separate(audio, service, tmp_path)
    assert service.created.total == 1
    assert set(corpus.tokens["channel"]) == {1}
    assert set(corpus.tokens["speaker"]) == {"ch1"}
    assert mixed.tokens["channel"].isna().all()
    assert corpus.recordings["text"].tolist() == mixed.recordings["text"].tolist()


async def test_a_recording_that_is_listed_twice_is_paid_for_once(call, service, tmp_path):
    again = tmp_path / "again.wav"
    again.write_bytes(call.read_bytes())
    corpus = await separate([call, again], service, tmp_path)
    assert service.created.total == 2
    assert (corpus.recordings["cost_usd"] > 0).tolist() == [True, False]
    assert len(corpus.tokens) == 2 * (corpus.tokens["audio_id"] == corpus.recordings["audio_id"][0]).sum()


# -- costs -------------------------------------------------------------------------------------------------------------


async def test_the_same_call_again_pays_nothing(call, service, tmp_path):
    first = await separate(call, service, tmp_path)
    requests = len(service.requests)
    again = await separate(call, service, tmp_path)
    assert len(service.requests) == requests
    pd.testing.assert_frame_equal(first.tokens, again.tokens)


async def test_each_channel_is_billed_and_the_cost_is_shown_before(call, service, tmp_path):
    seen = []
    created = []

    def note(snapshot):
        seen.append(snapshot)
        created.append(service.created.total)

    with pytest.warns(UserWarning, match="several channels"):
        mixed = await transcribe(call, service, tmp_path)
    before = service.created.total
    corpus = await separate(call, service, tmp_path, progress=note)
    assert corpus.recordings["cost_usd"][0] == pytest.approx(2 * mixed.recordings["cost_usd"][0])
    assert seen[-1].cost_usd == pytest.approx(corpus.recordings["cost_usd"][0])
    assert (seen[-1].done, seen[-1].total) == (1, 1)
    planned = next(number for number, snapshot in enumerate(seen) if "each channel is billed" in snapshot.line)
    assert created[planned] == before
    assert "2 jobs for 1 recordings" in seen[planned].line


# -- what is refused, and what goes wrong ------------------------------------------------------------------------------


async def test_a_url_is_refused_before_anything_is_sent(service, tmp_path):
    with pytest.warns(UserWarning, match="url_not_downloaded"):
        corpus = await separate("https://host.example/call.wav", service, tmp_path)
    assert corpus.recordings["error_type"].tolist() == ["url_not_downloaded"]
    assert "download=True" in corpus.recordings["error_message"][0]
    assert len(service.requests) == 0


async def test_a_url_is_downloaded_on_request(call, service, tmp_path):
    with stand_in() as host:
        connection = sx.Connection(api_key=host.key, api_base_url=host.base_url)
        async with Client(connection) as client:
            file = await client.upload_file(call)
            url = (await client.get_file_url(file["id"]))["url"]
        corpus = await separate([url, f"{url}?again=1"], service, tmp_path, download=True)
        with pytest.warns(UserWarning, match="download_failed"):
            missing = await separate(f"{host.base_url}/nothing.wav", service, tmp_path, download=True)
    assert corpus.recordings["status"].tolist() == ["completed"] * 2
    assert corpus.tokens["channel"].drop_duplicates().tolist() == [1, 2]
    assert corpus.recordings["source"].notna().all()
    assert service.created.total == 2  # both addresses have the same audio
    assert missing.recordings["error_type"].tolist() == ["download_failed"]


async def test_an_interrupt_leaves_no_download_behind(call, service, tmp_path):
    with stand_in() as host:
        connection = sx.Connection(api_key=host.key, api_base_url=host.base_url)
        async with Client(connection) as client:
            file = await client.upload_file(call)
            url = (await client.get_file_url(file["id"]))["url"]
        service.faults.rate("stuck", 1.0, "create")
        task = asyncio.create_task(separate(url, service, tmp_path, download=True))
        await until(lambda: service.created.total == 2)
        assert list((tmp_path / "temporary").glob("soniox-ds-*"))
        task.cancel()
        await asyncio.wait([task])
    names = [path.name for path in (tmp_path / "temporary").iterdir() if not path.name.startswith("soniox-ds-local-")]
    assert names == []


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    """Let temporary files be made where the tests can see whether any is left."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


async def test_one_channel_fails(call, service, tmp_path, monkeypatch):
    plain = ScriptedRecognizer.transcribe

    def failing(self, path, *, filename, options):
        if filename == "call.ch2.flac":
            raise RuntimeError("the second channel")
        return plain(self, path, filename=filename, options=options)

    settings = {"limits": Limits(attempts=1)}
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedRecognizer, "transcribe", failing)
        with pytest.warns(UserWarning, match="internal_error"):
            corpus = await separate(call, service, tmp_path, **settings)
    row = corpus.recordings.iloc[0]
    assert (row["status"], row["error_type"]) == ("failed", "internal_error")
    assert row["error_message"].startswith("channel 2: ")
    assert "pays only for what failed" in row["error_message"]
    assert row["cost_usd"] > 0  # one channel is paid for
    assert corpus.tokens.empty
    created = service.created.total
    again = await separate(call, service, tmp_path, **settings)
    assert service.created.total == created + 1
    assert again.recordings["status"].tolist() == ["completed"]
    assert set(again.tokens["channel"]) == {1, 2}


async def test_one_silent_channel_is_no_warning(service, tmp_path):
    scripts = {
        "call.ch1.flac": "Hello there, how are you?",
        "call.ch2.flac": [],
        "silent.ch1.flac": [],
        "silent.ch2.flac": [],
    }
    with stand_in(scripts=scripts) as service:
        audio = {"call": wav(1, seconds=3, channels=2), "silent": wav(2, seconds=3, channels=2)}
        corpus = await separate(audio, service, tmp_path)
    assert corpus.recordings["warnings"].fillna("").tolist() == ["", "no_speech"]
    assert corpus.recordings["text"].tolist() == ["Hello there, how are you?", ""]


@pytest.mark.parametrize("name", ["channels", "split", "download"])
def test_wrong_values(name):
    with pytest.raises(OptionsError, match=name):
        sx.TranscriptionOptions(**{name: "both"})


def test_mixed_is_the_default():
    assert sx.TranscriptionOptions(channels="mixed") == sx.TranscriptionOptions()
    assert sx.TranscriptionOptions(channels="separate").hash() != sx.TranscriptionOptions().hash()
    assert "channels" not in sx.TranscriptionOptions(channels="separate").body()


# -- the warning -------------------------------------------------------------------------------------------------------


async def test_channels_that_differ_and_are_mixed_are_a_warning(call, service, tmp_path):
    samples = np.random.default_rng(1).integers(-3000, 3000, (24_000, 1))
    same = tmp_path / "same.wav"
    same.write_bytes(wav_of(np.repeat(samples, 2, axis=1)))
    other = tmp_path / "other.wav"
    other.write_bytes(wav(5, seconds=3, channels=3))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        corpus = await transcribe([call, same, other], service, tmp_path)
    assert corpus.recordings["warnings"].fillna("").tolist() == ["several_channels", "", "several_channels"]
    texts = [str(warning.message) for warning in caught if "channels" in str(warning.message)]
    assert len(texts) == 1
    assert texts[0].startswith("2 recordings have several channels")
    assert 'channels="separate"' in texts[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = await separate([call, same, other], service, tmp_path)
    assert again.recordings["warnings"].isna().all()


async def test_channels_that_differ_only_late_are_seen(service, tmp_path):
    samples = np.repeat(np.random.default_rng(1).integers(-3000, 3000, (80_000, 1)), 2, axis=1)
    samples[45_000:, 1] = 0
    with pytest.warns(UserWarning, match="several channels"):
        corpus = await transcribe({"late": wav_of(samples)}, service, tmp_path)
    assert corpus.recordings["warnings"].tolist() == ["several_channels"]


# -- experiments and corpora -------------------------------------------------------------------------------------------


def test_an_arm_of_an_experiment(call, tmp_path):
    estimates = []
    with (
        sx.local_service("scripted", speed=100, scripts=SCRIPTS),
        pytest.warns(UserWarning, match="1 recording has several channels"),
    ):
        trial = sx.compare(
            call,
            {"call.wav": "hello there how are you yes hello"},
            arms={"mixed": {}, "separate": {"channels": "separate"}},
            journal=tmp_path / "journal.sqlite",
            confirm=lambda estimate: estimates.append(estimate) or True,
            progress=False,
        )
    assert trial.corpora["separate"][0].tokens["channel"].notna().all()
    assert trial.corpora["mixed"][0].tokens["channel"].isna().all()
    assert estimates[0].cost_usd == pytest.approx(3 * 3 / 3600 * 0.10)
    assert "3.0 s more for separate channels" in str(estimates[0])
    assert trial.summary.set_index("arm")["wer"].to_dict() == {"mixed": pytest.approx(5 / 7), "separate": 0}


async def test_a_corpus_keeps_the_channels(call, service, tmp_path):
    corpus = await separate(call, service, tmp_path)
    corpus.save(tmp_path / "corpus")
    pd.testing.assert_frame_equal(sx.read_corpus(tmp_path / "corpus").tokens, corpus.tokens)
