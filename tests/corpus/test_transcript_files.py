"""Transcripts of other providers as a corpus."""

import json

import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

DOCUMENT = {
    "text": "Good morning.",
    "segments": [],
    "words": [{"word": "Good", "start": 0.0, "end": 0.3}, {"word": "morning", "start": 0.4, "end": 0.9}],
}


@pytest.fixture
def folder(tmp_path):
    for name in ("b.json", "calls/a.json"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(DOCUMENT))
    return tmp_path


def test_a_corpus_from_a_folder(folder, tmp_path):
    corpus = sx.io.read_transcripts(folder, provider="openai_whisper")
    assert list(corpus) == ["b", "a"]
    assert corpus.recordings["text"].tolist() == ["Good morning."] * 2
    assert corpus.recordings["service"].tolist() == ["openai_whisper"] * 2
    assert corpus.recordings["duration_ms"].tolist() == [900, 900]
    assert corpus.tokens["token_index"].tolist() == [0, 1, 0, 1]
    assert corpus.tokens["confidence"].isna().all()
    corpus.save(tmp_path / "saved")
    assert sx.read_corpus(tmp_path / "saved").equals(corpus)
    errors = sx.word_errors(corpus, {"a": "good morning", "b": "good evening"})
    assert errors.set_index("audio_id")["wer"].to_dict() == {"a": 0.0, "b": 0.5}


def test_a_transcript_without_words_has_an_empty_text():
    document = {"text": "", "segments": [], "language": "en"}
    corpus = sx.io.read_transcripts({"silence": document}, provider="openai_whisper")
    assert corpus.recordings["text"].tolist() == [""]


def test_files_globs_lists_dicts_and_lines(folder):
    lines = folder / "all.jsonl"
    lines.write_text("\n".join(json.dumps(DOCUMENT | {"text": text}) for text in ("Good morning",)) + "\n\n")
    provider = "openai_whisper"
    assert list(sx.io.read_transcripts(folder / "b.json", provider=provider)) == ["b"]
    assert list(sx.io.read_transcripts(str(folder / "*.json"), provider=provider)) == ["b"]
    assert list(sx.io.read_transcripts([folder / "calls", folder / "b.json"], provider=provider)) == ["a", "b"]
    assert list(sx.io.read_transcripts({"x.wav": folder / "b.json", "y.wav": DOCUMENT}, provider=provider)) == [
        "x.wav",
        "y.wav",
    ]
    assert list(sx.io.read_transcripts(lines, provider=provider)) == ["all"]


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("{", SchemaError, r"x\.json, line 1: this is not JSON"),
        ("[" * 100_000, SchemaError, r"x\.json: this is not JSON"),
        ('{"a": 1}', InputError, r"x\.json: the document \(with 'a'\) does not look like that of any known provider"),
        ('{"text": "a", "words": [{"word": "a"}]}', SchemaError, r"x\.json: words\[0\] has no 'start'"),
    ],
)
def test_what_cannot_be_read(tmp_path, content, error, message):
    file = tmp_path / "x.json"
    file.write_text(content)
    with pytest.raises(error, match=message):
        sx.io.read_transcripts(file, provider="openai_whisper" if "words" in content else None)


def test_wrong_arguments(folder, tmp_path):
    with pytest.raises(InputError, match=r"provider must be one of .*openai_whisper.*; found 'whisperer'"):
        sx.io.read_transcripts(folder, provider="whisperer")
    with pytest.raises(InputError, match=r"no\.json does not exist"):
        sx.io.read_transcripts(tmp_path / "no.json")
    with pytest.raises(InputError, match="no file matches"):
        sx.io.read_transcripts(str(tmp_path / "no*.json"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty has no file of \.json or \.jsonl"):
        sx.io.read_transcripts(tmp_path / "empty")
    with pytest.raises(InputError, match=r"b\.json and .*b\.json are both transcripts of 'b'"):
        sx.io.read_transcripts([folder / "b.json", folder / "b.json"], provider="openai_whisper")
    with pytest.raises(InputError, match="path must be a file, a folder"):
        sx.io.read_transcripts(3)


def test_a_format_that_does_not_exist_is_answered_with_those_that_hold_texts(tmp_path):
    with pytest.raises(InputError, match=r"format must be one of 'srt'.*found 'foo'") as caught:
        sx.io.read_transcripts(tmp_path / "x", format="foo")
    assert "excel" not in str(caught.value)
    with pytest.raises(InputError, match=r"Excel workbook cannot be read as texts; formats with texts are srt"):
        sx.io.read_transcripts(tmp_path / "x", format="excel")
