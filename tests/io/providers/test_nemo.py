"""Lines of transcribe_speech.py of NVIDIA NeMo, written by hand after the public page (PAGE)."""

import json

from provider_documents import read

import soniox_ds as sx

LINE = {"audio_filepath": "/data/calls/a.wav", "duration": 2.5, "pred_text": "good day"}


def test_words_with_times():
    timed = [{"word": "good", "start_offset": 2, "end_offset": 5, "start": 0.16, "end": 0.4}]
    [transcript] = read(LINE | {"timestamps_word": timed}, "nemo")
    assert (transcript.audio_id, transcript.duration_ms) == ("a", 2500)
    assert transcript.words == [(" good", 160, 400, None, None, None, None)]


def test_words_without_times():
    [transcript] = read(LINE, "nemo")
    assert [word.text for word in transcript.words] == [" good", " day"]
    assert transcript.words[0].start_ms is None


def test_many_recordings_in_one_file(tmp_path):
    file = tmp_path / "out.jsonl"
    lines = [LINE, LINE | {"audio_filepath": "b.wav", "pred_text": ""}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = sx.io.read_transcripts(file)
    assert corpus.recordings["audio_id"].tolist() == ["a", "b"]
    assert corpus.recordings["text"].tolist() == ["good day", ""]


def test_a_dict_names_the_recording(tmp_path):
    assert list(sx.io.read_transcripts({"zzz": LINE}, provider="nemo")) == ["zzz"]
    file = tmp_path / "out.json"
    file.write_text(json.dumps(LINE))
    assert list(sx.io.read_transcripts({"zzz": file})) == ["zzz"]
    assert list(sx.io.read_transcripts(file)) == ["a"]
