"""Files that an earlier version wrote are read as they were: corpora, journals, live results, reviews, recordings.

`fixtures/README.md` says what they are and which version wrote them. The stated values are those of that version.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from batches import settings_for, stand_in

import soniox_ds as sx
from soniox_ds.exceptions import RecordingsFailedWarning
from soniox_ds.widgets.microphone.recovery import RecoveryStore
from soniox_ds.widgets.review.store import read_reviews

SAMPLES = Path(__file__).parents[1] / "data" / "samples"
IDS = ["last_ferry", "platform_three", "onion_soup"]
FILES = ["last_ferry.m4a", "platform_three.ogg", "onion_soup.mp3"]
TEXTS = {
    "last_ferry": "Cousin almost planet doctor sister? Lemon point eight leader, forest grow.",
    "platform_three": "Bicycle south hello produce record island, round country degree? Button whether decide, tree "
    "table daughter write ladder example button small.",
    "onion_soup": "Listen north Sunday call special pocket empty field clear better back salt record finish. While "
    "small manage school across school.",
}
LIVE_TEXTS = [
    "Beyond little week together river circle. Whether secret follow off",
    "Beyond little week together river circle. Whether secret follow offer some voice, cross? Sister rather finger "
    "world tab",
]
OPTIONS = {
    "enable_speaker_diarization": True,
    "enable_language_identification": True,
    "translation": {"type": "one_way", "target_language": "de"},
}


@pytest.fixture
def earlier(tmp_path):
    """The folder of these files, with new times of change, so that recordings are not too old to be kept."""
    shutil.unpack_archive(Path(__file__).parent / "fixtures" / "earlier_version.zip", tmp_path / "earlier")
    return tmp_path / "earlier"


@pytest.fixture
def recordings():
    """The rows of the manifest that the earlier version transcribed."""
    manifest = pd.read_csv(SAMPLES / "manifest.csv")
    manifest = manifest[manifest["audio_id"].isin(IDS)][["audio_id", "source", "reference", "speaker", "topic"]]
    return manifest.assign(source=[str(SAMPLES / name) for name in manifest["source"]])


def test_a_corpus(earlier):
    corpus = sx.read_corpus(earlier / "corpus")
    assert list(corpus) == [*IDS, "no_audio"]
    assert corpus.recordings["status"].tolist() == ["completed"] * 3 + ["failed"]
    assert corpus.recordings["error_type"].tolist()[-1] == "unsupported_container"
    assert corpus.recordings["text"].tolist()[:3] == list(TEXTS.values())
    assert corpus.recordings["duration_ms"].tolist()[:3] == [4560, 8086, 8100]
    assert corpus.recordings["resolved_model"].tolist()[:3] == ["stt-async-v6"] * 3
    assert corpus.recordings["options_hash"].unique().tolist() == ["9c3c7f8ed84810f5"]
    assert corpus.recordings["submitted_at"][0] == pd.Timestamp("2026-11-30T09:36:20.414Z")
    assert corpus.metadata_columns == ["speaker", "topic", "reference"]
    assert corpus.tokens["audio_id"].value_counts().to_dict() == {
        "last_ferry": 45,
        "platform_three": 79,
        "onion_soup": 73,
    }
    assert corpus.tokens[["text", "start_ms", "end_ms", "speaker", "language"]].values.tolist()[:2] == [
        ["Cou", 120, 180, "1", "en"],
        ["sin", 240, 300, "1", "en"],
    ]
    assert corpus.provenance["runs"][0]["options"] == {"model": "stt-async-v6", **OPTIONS}
    summary = sx.summarize(sx.word_errors(corpus)).iloc[0]
    assert (summary["recordings"], summary["failed"], summary["reference_words"], summary["hits"]) == (3, 1, 59, 1)


def test_a_corpus_with_a_folder_for_each_topic(earlier):
    corpus = sx.read_corpus(earlier / "corpus_by_topic")
    assert corpus.equals(sx.read_corpus(earlier / "corpus").select(IDS[:2]))


def test_a_live_result(earlier):
    live = sx.read_live_result(earlier / "live")
    assert live.text.split("\n") == LIVE_TEXTS
    assert (len(live.log), len(live.updates), len(live.tokens)) == (154, 16, 53)
    assert live.tokens[["text", "start_ms", "received_ms", "final_ms"]].values.tolist()[0] == ["Bey", 330, 16, 16]
    assert sx.metrics.token_latencies(live)["finalization_lag_ms"].notna().all()


def test_a_finished_call_is_answered_by_the_journal(earlier, service, recordings):
    corpus = sx.transcribe(recordings, journal=earlier / "journal.sqlite", progress=False, **OPTIONS)
    assert service.requests == []
    assert dict(zip(corpus, corpus.recordings["text"], strict=True)) == TEXTS
    saved = sx.read_corpus(earlier / "corpus")
    for audio_id in IDS:
        pd.testing.assert_frame_equal(corpus[audio_id].tokens, saved[audio_id].tokens)


def test_an_experiment_is_answered_by_the_journal(earlier, service, recordings):
    arms = {"plain": {}, "terms": {"context": {"terms": ["Lakewood"]}}}
    trial = sx.compare(recordings, arms=arms, repeats=2, journal=earlier / "journal.sqlite", progress=False)
    assert trial.summary[["arm", "recordings", "reference_words", "hits"]].values.tolist() == [
        ["plain", 3, 118, 2],
        ["terms", 3, 118, 2],
    ]
    assert trial.summary["wer_low"].round(6).tolist() == [0.785786] * 2
    assert service.requests == []


def test_live_recordings_are_answered_by_the_journal(earlier, service):
    files = [SAMPLES / name for name in FILES[:2]]
    live = sx.stream_dataset(files, journal=earlier / "journal.sqlite", progress=False, speed=None)
    saved = sx.read_live_result(earlier / "live")
    pd.testing.assert_frame_equal(live.log.drop(columns="audio_id"), saved.log.drop(columns="audio_id"))
    assert live.text.split("\n") == LIVE_TEXTS


def test_a_sweep_is_answered_by_the_journal(earlier, service):
    sweep = sx.sweep_endpoints(
        SAMPLES / FILES[0],
        {FILES[0]: "Excuse me, does the last ferry to the island still leave from pier 4?"},
        settings=[{}, {"max_endpoint_delay_ms": 800}],
        journal=earlier / "journal.sqlite",
        progress=False,
        speed=None,
    )
    assert sweep.summary[["setting", "segments", "wer", "cost_usd"]].values.tolist() == [
        ["default", 2, 1.0, 0.0],
        ["max_endpoint_delay_ms=800", 2, 1.0, 0.0],
    ]


def test_an_interrupted_call_goes_on(earlier, tmp_path):
    """The journal has one transcript. The service does not know the two other jobs; the next call pays for them."""
    files = [SAMPLES / name for name in FILES]
    with stand_in() as service:
        call = settings_for(service, tmp_path, journal=earlier / "interrupted.sqlite", language_hints=["en"])
        with pytest.warns(RecordingsFailedWarning, match="2 of 3 recordings failed: transcription_not_found"):
            corpus = sx.transcribe(files, **call)
        assert corpus.recordings["text"].tolist()[0] == TEXTS["last_ferry"]
        assert service.created.total == 0
        corpus = sx.transcribe(files, **call)
        assert corpus.recordings["text"].tolist() == list(TEXTS.values())
        assert service.created.total == 2


def test_an_interrupted_live_recording_goes_on(earlier, service):
    files = [SAMPLES / name for name in FILES[:2]]
    live = sx.stream_dataset(files, journal=earlier / "interrupted.sqlite", progress=False, speed=2)
    assert live.text.split("\n") == LIVE_TEXTS
    connections = live.log[live.log["kind"] == "open"].groupby("audio_id", sort=False).size().tolist()
    assert connections == [1, 2]


def test_a_recording_of_the_microphone_that_was_broken_off(earlier):
    (kept,) = RecoveryStore(earlier / "cache" / "soniox_ds" / "microphone", keep_audio=True).broken_off()
    assert kept.streamed.text == "Beyond little week toge"
    assert not kept.has_ended
    assert kept.is_news
    assert kept.streamed.recordings["duration_ms"].tolist() == [1500]
    assert kept.streamed.recordings["error_type"].tolist() == ["unfinished"]


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.parquet"])
def test_reviews(earlier, name):
    reviews = read_reviews(earlier / name)
    assert reviews[["audio_id", "start_ms", "end_ms", "verdict", "corrected", "reviewer"]].values.tolist() == [
        ["last_ferry", 120, 690, "wrong", True, "Ann"],
        ["platform_three", 120, 300, "right", False, "Ann"],
    ]
    assert reviews["correction"][0] == "=good morning"
    references = sx.apply_reviews(sx.read_corpus(earlier / "corpus"), reviews)
    assert references["reference"][0] == TEXTS["last_ferry"].replace("Cousin almost", "=good morning")
    assert references["checked_words"].tolist() == [2, 1, 0]


def test_speaker_turns(earlier):
    turns = sx.io.read_rttm(earlier / "turns.rttm")
    assert turns.drop(columns=["channel", "speaker_label"]).values.tolist()[:2] == [
        ["last_ferry", "1", 120, 1950],
        ["last_ferry", "2", 2190, 4410],
    ]
    assert len(turns) == 6
