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


def nemo_lines(*names):
    return "".join(f'{{"audio_filepath": "{name}", "duration": 2.0, "pred_text": "hi there"}}\n' for name in names)


@pytest.mark.parametrize("provider", ["nemo", None])
def test_a_json_file_with_an_object_in_each_line(tmp_path, provider):
    file = tmp_path / "manifest.json"
    file.write_text(nemo_lines("x/a.wav", "x/b.wav"))
    corpus = sx.io.read_transcripts(file, provider=provider)
    assert corpus.recordings["text"].tolist() == ["hi there"] * 2
    assert list(corpus) == ["a", "b"]
    file.write_text(nemo_lines("x/a.wav") + "{oops")
    with pytest.raises(SchemaError, match=r"manifest\.json, line 2: this is not JSON"):
        sx.io.read_transcripts(file, provider=provider)


def test_two_objects_of_several_lines_are_refused(tmp_path):
    file = tmp_path / "two.json"
    file.write_text(2 * json.dumps(DOCUMENT, indent=1))
    with pytest.raises(SchemaError, match=r"two\.json, line 16: this is not JSON: Extra data"):
        sx.io.read_transcripts(file, provider="openai_whisper")


def exported_audio(corpus, folder):
    """Return the audio that exports of a corpus name: NeMo, Kaldi, and Hugging Face."""
    corpus.to_nemo(folder / "out.jsonl")
    corpus.to_nemo(folder / "segments.jsonl", segments=True)
    corpus.to_kaldi(folder / "kaldi")
    lines = [
        json.loads(line) for name in ("out", "segments") for line in (folder / f"{name}.jsonl").read_text().splitlines()
    ]
    audio_files = (folder / "kaldi" / "wav.scp").read_text().splitlines()
    return (
        {line["audio_filepath"] for line in lines},
        {line.split(" ", 1)[1] for line in audio_files},
        {cell["path"] for cell in corpus.to_huggingface()["audio"]},
    )


@pytest.mark.parametrize("kind", ["folder", "glob", "dict", "table"])
def test_exports_name_the_audio_that_is_given(folder, tmp_path, kind):
    calls = tmp_path / "audio"
    calls.mkdir()
    for name in ("a.wav", "b.flac", "c.wav"):
        (calls / name).write_bytes(b"RIFF")
    by_id = {"a": str(calls / "a.wav"), "b": str(calls / "b.flac")}
    table = [{"source": source, "audio_id": audio_id} for audio_id, source in by_id.items()]
    audio = {"folder": calls, "glob": f"{calls}/*", "dict": by_id, "table": table}[kind]
    paths = [folder / "b.json", folder / "calls"]
    if kind in ("folder", "glob"):
        with pytest.warns(UserWarning, match="audio: 2 of 2 ids were matched by file names"):
            corpus = sx.io.read_transcripts(paths, provider="openai_whisper", audio=audio)
    else:
        corpus = sx.io.read_transcripts(paths, provider="openai_whisper", audio=audio)
    files = set(by_id.values())
    assert set(corpus.recordings["source"]) == files
    assert corpus.recordings["size_bytes"].tolist() == [4, 4]
    assert exported_audio(corpus, tmp_path) == (files, files, files)


def test_without_audio_no_export_names_the_transcript(folder, tmp_path):
    corpus = sx.io.read_transcripts(folder / "b.json", provider="openai_whisper")
    assert corpus.recordings["source"].isna().all()
    with pytest.warns(UserWarning, match=r"NeMo: the audio of 1 of 1 recordings is not known, .*: 'b'\. .*audio="):
        corpus.to_nemo(tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "out.jsonl").read_text())["audio_filepath"] == "b"
    with pytest.warns(UserWarning, match=r"wav\.scp lacks 1 of 1 recordings"):
        corpus.to_kaldi(tmp_path / "kaldi")
    assert not (tmp_path / "kaldi" / "wav.scp").exists()
    assert corpus.to_huggingface()["audio"][0]["path"] is None
    with pytest.raises(InputError, match=r"was read by sx\.io\.read_transcripts without audio="):
        corpus.to_webdataset(tmp_path / "shards")
    corpus.to_eaf(tmp_path / "b.eaf")
    assert "MEDIA_DESCRIPTOR" not in (tmp_path / "b.eaf").read_text()


def test_audio_that_files_and_ids_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "x" / "manifest.jsonl").write_text(nemo_lines("a.wav", "gone.wav"))
    beside_the_manifest = [str(tmp_path / "x" / "a.wav"), "gone.wav"]
    for named in ({"provider": "nemo"}, {"format": "nemo"}):
        corpus = sx.io.read_transcripts(tmp_path / "x" / "manifest.jsonl", **named)
        assert corpus.recordings["source"].tolist() == beside_the_manifest
    kaldi = tmp_path / "kaldi"
    kaldi.mkdir()
    (kaldi / "text").write_text("a hi there\nb you\n")
    (kaldi / "wav.scp").write_text(f"a {tmp_path}/x/a.wav\nb sox b.wav -t wav - |\n")
    corpus = sx.io.read_transcripts(kaldi)
    assert corpus.recordings["source"].fillna("").tolist() == [f"{tmp_path}/x/a.wav", ""]
    corpus = sx.io.read_transcripts({"x/a.wav": DOCUMENT, "x/gone.wav": DOCUMENT}, provider="openai_whisper")
    assert corpus.recordings["source"].fillna("").tolist() == ["x/a.wav", ""]


def test_wrong_audio(folder):
    with pytest.raises(InputError, match=r"audio: .*nowhere' does not exist"):
        sx.io.read_transcripts(folder / "b.json", provider="openai_whisper", audio=folder / "nowhere")
    with pytest.raises(InputError, match=r"audio: .*gone\.wav' does not exist"):
        sx.io.read_transcripts(folder / "b.json", provider="openai_whisper", audio={"b": folder / "gone.wav"})
    with pytest.warns(UserWarning, match=r"audio: 1 of 1 transcripts have no audio of the same name: 'b'"):
        corpus = sx.io.read_transcripts(folder / "b.json", provider="openai_whisper", audio=[("other.wav", b"RIFF")])
    assert corpus.recordings["source"].isna().all()
