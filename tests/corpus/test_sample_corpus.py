"""The corpus of synthetic voices that comes with the package: its files agree with each other and with its texts."""

import hashlib
import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path

import av
import pandas as pd
import pytest

import soniox_ds as sx

FOLDER = Path(__file__).parent.parent.parent / "data" / "voices"
CONVERSATIONS = 12
VOICES = 43


@pytest.fixture(scope="module")
def corpus():
    return sx.load_samples()


@pytest.fixture(scope="module")
def recordings(corpus):
    return corpus.recordings.set_index("audio_id")


@pytest.fixture(scope="module")
def errors(corpus):
    return sx.word_errors(corpus)


@pytest.fixture(scope="module")
def turns():
    return sx.io.read_sample_turns()


@pytest.fixture(scope="module")
def texts():
    spec = importlib.util.spec_from_file_location("texts_of_voices", FOLDER / "texts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_recording_is_there_and_is_the_file_that_was_transcribed(recordings):
    assert recordings["status"].eq("completed").all()
    assert {Path(source) for source in recordings["source"]} == set((FOLDER / "audio").iterdir())
    for row in recordings.itertuples():
        content = Path(row.source).read_bytes()
        assert len(content) == row.size_bytes
        assert hashlib.sha256(content).hexdigest() == row.sha256


def test_the_manifest_lists_the_same_recordings(recordings):
    manifest = pd.read_csv(FOLDER / "manifest.csv", dtype="string").set_index("audio_id")
    assert list(manifest.index) == list(recordings.index)
    for name in manifest.columns.drop(["source", "snr_db"]):
        pd.testing.assert_series_equal(manifest[name], recordings[name], check_dtype=False)


def test_the_references_are_the_texts(texts, recordings):
    readings = recordings[recordings["kind"] == "reading"]
    spoken = [texts.plain(text) for listed in texts.TOPICS.values() for text in listed]
    assert Counter(readings["reference"]) == Counter(dict.fromkeys(spoken, 2))
    conversations = recordings[recordings["kind"] == "conversation"]["reference"].tolist()
    assert conversations == [
        " ".join(texts.plain(text) for turn in turns for text in turn) for _, _, turns in texts.CONVERSATIONS
    ]
    assert set(recordings["topic"]) == set(texts.TOPICS)
    terms = recordings.loc[
        "health_05_" + readings.loc[lambda table: table.index.str.startswith("health_05"), "speaker"]
    ]
    assert terms["terms"].tolist() == ["warfarin;apixaban"] * 2


def test_groups_and_conditions(recordings):
    readings = recordings[recordings["kind"] == "reading"]
    assert len(recordings) - len(readings) == CONVERSATIONS
    assert readings["speaker"].nunique() == VOICES
    assert readings.groupby("speaker").size().between(5, 6).all()
    assert readings.groupby("reference")["group"].nunique().gt(1).mean() > 0.8  # mostly by voices of two groups
    assert set(readings["group"]) == {f"{kind} {sex}" for kind in ("US", "UK", "other") for sex in ("female", "male")}
    for row in readings.itertuples():
        assert row.gender == {"f": "female", "m": "male"}[row.speaker[1]]
        assert row.accent == {"a": "US", "b": "UK"}.get(row.speaker[0], row.accent)
        assert (row.speaker[0] in "ab") == (not row.accent.endswith(" voice"))
    assert readings.groupby("speaker")["condition"].nunique().eq(3).all()
    assert recordings["snr_db"].notna().eq(recordings["condition"] == "noisy").all()


def test_the_turns_are_those_of_the_references(recordings, turns):
    assert list(turns["audio_id"].unique()) == list(recordings.index)
    for audio_id, of_recording in turns.groupby("audio_id"):
        row = recordings.loc[audio_id]
        assert " ".join(of_recording["text"]) == row["reference"]
        assert (of_recording["start_ms"] >= 0).all()
        assert (of_recording["start_ms"] < of_recording["end_ms"]).all()
        assert of_recording["end_ms"].max() <= row["duration_ms"]
        assert of_recording["speaker"].nunique() == (2 if row["kind"] == "conversation" else 1)
        if row["kind"] == "reading":
            assert of_recording["speaker"].tolist() == [row["speaker"]]


def test_durations_are_those_of_the_files(recordings):
    for row in recordings.iloc[::20].itertuples():
        with av.open(row.source) as file:
            assert file.streams.audio[0].channels == 1
            assert file.duration / 1000 == pytest.approx(row.duration_ms, abs=100)


def test_the_package_stays_small():
    files = [path for path in FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files if path.suffix == ".ogg") < 5_000_000
    assert sum(path.stat().st_size for path in files) < 6_000_000
    assert not [path for path in files if path.suffix in (".sqlite", ".lock")]


def test_word_errors_have_something_to_show(errors):
    assert errors["status"].eq("scored").all()
    options = {"n_resamples": 300}
    assert 0.03 < sx.summarize(errors, **options)["wer"].item() < 0.15
    for by, n_rows in (("group", 7), ("condition", 3)):
        summary = sx.summarize(errors, by=by, **options)
        assert len(summary) == n_rows
        known = summary[summary[by] != "mixed"]
        assert known["wer_low"].notna().all()
        assert (known["wer_low"] < known["wer_high"]).all()
    rate = sx.summarize(errors, by="condition", **options).set_index("condition")["wer"]
    assert rate["clean"] < rate["telephone"]
    assert rate["clean"] < rate["noisy"]


def test_confidence_has_errors_to_predict(corpus):
    alignments = sx.align_words(corpus)
    assert (alignments["operation"] != "hit").sum() > 100
    assert sx.calibration(alignments, n_resamples=100)["auc"].item() > 0.7


def test_speakers_of_conversations(corpus, turns):
    conversations = corpus.select(kind="conversation")
    references = turns[turns["audio_id"].isin(list(conversations))]
    diarization = sx.summarize(sx.diarization_errors(conversations, references), n_resamples=100)
    assert diarization["der"].item() < 0.5
    assert sx.speaker_turns(conversations)["speaker"].nunique() >= 2


def test_the_corpus_says_where_its_transcripts_come_from(corpus):
    assert re.search("Synthetic voices.*Whisper.*not by Soniox", corpus.provenance["note"])
    assert "not a Soniox transcript" in repr(corpus)
    assert "not a Soniox transcript" in corpus._repr_html_()
    assert set(corpus.recordings["service"]) == {"local"}


def test_the_corpus_is_a_copy():
    changed = sx.load_samples()
    changed.recordings["reference"] = "changed"
    assert sx.load_samples().recordings["reference"].ne("changed").all()


def test_the_audio_can_be_transcribed_again(corpus, service):
    recording = corpus.recordings.iloc[[0]]
    again = sx.transcribe(recording[["audio_id", "source", "reference"]], progress=False)
    assert again.recordings["sha256"].tolist() == recording["sha256"].tolist()
