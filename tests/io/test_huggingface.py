"""Datasets of Hugging Face, read back by the package `datasets`."""

from __future__ import annotations

import datasets
import pandas as pd
import pytest
from transcripts import ODD_TEXTS, corpus_of, segments_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError


@pytest.fixture(autouse=True)
def quiet():
    datasets.disable_progress_bars()


def with_audio(folder):
    corpus = corpus_of(ODD_TEXTS)
    sources = []
    for name in ODD_TEXTS:
        (folder / f"{name}.wav").write_bytes(f"RIFF {name}".encode())
        sources.append(str(folder / f"{name}.wav"))
    own = {"split": "test", "n": range(len(corpus)), "group": pd.Categorical(list("ab" * 4)[: len(corpus)])}
    return sx.Corpus(corpus.recordings.assign(source=sources, **own), corpus.tokens)


@pytest.mark.parametrize("audio", ["path", "bytes"])
def test_a_saved_dataset_is_loaded(tmp_path, audio):
    corpus = with_audio(tmp_path)
    sx.io.write_huggingface(corpus, tmp_path / "set", audio=audio)
    sx.io.write_huggingface(corpus, tmp_path / "set", audio=audio)  # It replaces the first.
    made = datasets.load_from_disk(str(tmp_path / "set"))
    if audio == "path":
        assert made["audio"][:] == [str(tmp_path / f"{name}.wav") for name in ODD_TEXTS]
        made = made.cast_column("audio", datasets.Audio(decode=False))
    assert made.features["audio"] == datasets.Audio(decode=False)
    words = corpus.words()
    for row, (name, text) in zip(made, ODD_TEXTS.items(), strict=True):
        raw, folder = (f"RIFF {name}".encode(), "") if audio == "bytes" else (None, f"{tmp_path}/")
        assert row["audio"] == {"bytes": raw, "path": f"{folder}{name}.wav"}
        assert (row["audio_id"], row["text"], row["split"]) == (name, " ".join(text.split()), "test")
        spoken = words[words["audio_id"] == name]
        assert [word["text"] for word in row["words"]] == spoken["text"].tolist()
        assert [word["start_ms"] for word in row["words"]] == spoken["start_ms"].tolist()
        assert [word["confidence"] for word in row["words"]] == pytest.approx(spoken["confidence"].tolist())
        assert " ".join(segment["text"] for segment in row["segments"]) == " ".join(text.split())
        assert {segment["speaker"] for segment in row["segments"]} == {"1"}
    assert made["group"][:3] == ["a", "b", "a"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["set"]


def test_a_dataset_can_be_transcribed_again(service, tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "talk.wav", seconds=3.0)
    arguments = {"connection": sx.Connection(api_key=service.key, api_base_url=service.base_url)}
    corpus = sx.transcribe([str(path)], **arguments)
    assert corpus.to_huggingface()[0]["audio"] == {"bytes": None, "path": str(path)}
    again = sx.transcribe(corpus.to_huggingface(audio="bytes").select_columns(["audio", "audio_id"]), **arguments)
    assert again.recordings["text"].tolist() == corpus.recordings["text"].tolist()
    assert again.recordings["sha256"].tolist() == corpus.recordings["sha256"].tolist()


def test_tables_silence_and_failures():
    corpus = corpus_of({"a": "yes", "silent": ""}, failed=["lost"])
    with pytest.warns(UserWarning, match="Hugging Face: 1 of 3 recordings are left out because they have failed"):
        made = corpus.to_huggingface(audio=None)
    assert "audio" not in made.column_names
    assert (made["audio_id"][:], made["text"][:]) == (["a", "silent"], ["yes", ""])
    assert made[1]["words"] == made[1]["segments"] == []
    made = sx.io.to_huggingface(
        segments_of([("b", "1", 0, 900, "Yes."), ("a", None, 5, 990, ""), ("b", "2", 9, 1000, "No.")])
    )
    assert made.column_names == ["audio_id", "text", "segments"]
    assert made["text"][:] == ["Yes. No.", ""]
    assert made[1]["segments"] == [
        {
            "text": "",
            "start_ms": 5,
            "end_ms": 990,
            "speaker": None,
            "speaker_label": None,
            "language": None,
            "channel": None,
        }
    ]


def test_words_and_segments_have_their_channels():
    corpus = corpus_of({"a": "yes no"})
    corpus = sx.Corpus(corpus.recordings, corpus.tokens.assign(channel=pd.array([1, 2], dtype="Int16")))
    [row] = corpus.to_huggingface(audio=None)
    assert [word["channel"] for word in row["words"]] == [1, 2]
    assert [segment["channel"] for segment in row["segments"]] == [1, 2]


def test_what_cannot_be_stored_is_refused(tmp_path):
    corpus = corpus_of({"a": "yes"})
    with pytest.raises(InputError, match="audio must be 'path', 'bytes' or None, found 'array'"):
        corpus.to_huggingface(audio="array")
    with pytest.raises(InputError, match=r"the audio of 'a' is not known: .*audio='path'"):
        corpus.to_huggingface(audio="bytes")
    mixed = pd.Series([object()], dtype=object)
    with pytest.raises(SchemaError, match="the column 'mixed' cannot be stored in a dataset"):
        sx.Corpus(corpus.recordings.assign(mixed=mixed), corpus.tokens).to_huggingface()
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="is not an empty folder and holds no dataset"):
        sx.io.write_huggingface(corpus, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
