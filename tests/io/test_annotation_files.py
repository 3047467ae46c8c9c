"""Files of other tools as references and as corpora."""

from __future__ import annotations

import pandas as pd
import pytest
from transcripts import corpus_of, segments_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError, SonioxDSError
from soniox_ds.io.formats import FORMATS

TEXTS = {"calls/a.wav": "Good morning. How are you?", "calls/b.wav": "Fine, thanks.", "c.wav": "Bye"}
OF_RECORDINGS = ("srt", "vtt", "textgrid", "eaf")
"""Formats with a file for each recording."""
NAMES = [name for name, each in FORMATS.items() if each.writer and each.reader and name not in ("rttm", *OF_RECORDINGS)]


@pytest.mark.parametrize("name", [name for name in NAMES if name in ("ctm", "stm", "trn", "kaldi")])
def test_references_of_a_file(tmp_path, name):
    path = tmp_path / f"references.{name}"
    getattr(corpus_of(TEXTS), f"to_{name}")(path) if name != "kaldi" else kaldi(path)
    references = sx.read_references(path)
    assert dict(references.to_numpy().tolist()) == TEXTS
    assert sx.word_errors(corpus_of(TEXTS), references)["wer"].tolist() == [0, 0, 0]


def kaldi(path):
    with pytest.warns(UserWarning, match="wav.scp lacks"):
        corpus_of(TEXTS).to_kaldi(path)


@pytest.mark.parametrize("name", OF_RECORDINGS)
def test_references_of_a_folder_match_by_stem(tmp_path, name):
    getattr(corpus_of(TEXTS), f"to_{name}")(tmp_path)
    references = sx.read_references(tmp_path)
    assert sorted(references["audio_id"]) == ["c", "calls/a", "calls/b"]
    with pytest.warns(UserWarning, match="3 of 3 ids were matched by file names"):
        assert sx.word_errors(corpus_of(TEXTS), references)["wer"].tolist() == [0, 0, 0]
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\nGood\n")
    ambiguous = sx.read_references(tmp_path / "a.srt")
    with pytest.raises(InputError, match=r"'a' could mean 'calls/a\.wav' or 'other/a\.wav'"):
        sx.word_errors(corpus_of(TEXTS | {"other/a.wav": "x"}), ambiguous)


def test_references_are_in_the_order_of_time_and_leave_gaps_out(tmp_path):
    (tmp_path / "a.stm").write_text(
        "a 1 x 5 6 second\na 1 inter_segment_gap 0 1\na 1 y 1 2 first\na 1 x 7 8 ignore_time_segment_in_scoring\n"
    )
    with pytest.warns(UserWarning, match=r"a\.stm: 2 regions \(2\.0 s\) are not to be scored"):
        references = sx.read_references(tmp_path / "a.stm")
    assert references.to_numpy().tolist() == [["a", "first second"]]
    assert sx.io.read_transcripts(tmp_path / "a.stm").recordings["text"].tolist() == ["first second"]


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_overlapping_cues_are_all_kept_in_the_order_of_their_starts(tmp_path, name):
    """Cues that start together keep the order of the file, and no cue interrupts another."""
    cues = [(3, 9, "third and long"), (4, 5, "within the third"), (1, 3, "first"), (1, 2, "second")]
    cues += [(3, 9, "third and long")]
    point = "," if name == "srt" else "."
    blocks = [f"00:00:0{start}{point}500 --> 00:00:0{end}{point}900\n{text}\n" for start, end, text in cues]
    numbered = [f"{number}\n{block}" for number, block in enumerate(blocks, start=1)]
    file = tmp_path / f"talk.{name}"
    file.write_text(("WEBVTT\n\n" if name == "vtt" else "") + "\n".join(numbered))
    expected = "first second third and long third and long within the third"
    assert sx.read_references(file)["reference"].tolist() == [expected]
    corpus = sx.io.read_transcripts(file)
    assert len(corpus.tokens) == len(cues)
    assert corpus.recordings["text"].tolist() == [expected]
    assert sx.word_errors(corpus, sx.read_references(file))["wer"].tolist() == [0]


def test_encodings_of_references(tmp_path):
    for name, text in (("a.trn", "für (a)\n"), ("a.csv", "audio_id,reference\na,für\n")):
        (tmp_path / name).write_bytes(text.encode("latin-1"))
        with pytest.raises((SchemaError, InputError), match="line"):
            sx.read_references(tmp_path / name)
        assert sx.read_references(tmp_path / name, encoding="latin-1")["reference"].tolist() == ["für"]
        with pytest.raises(InputError, match="encoding must be the name of an encoding"):
            sx.read_references(tmp_path / name, encoding="latin-99")


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_of_every_format(tmp_path, name):
    path = tmp_path / f"corpus.{name}"
    if name == "kaldi":
        kaldi(path)
    else:
        getattr(corpus_of(TEXTS), f"to_{name}")(path)
    corpus = sx.io.read_transcripts(path, format=name)
    spoken = dict(zip(corpus.recordings["audio_id"], corpus.recordings["text"], strict=True))
    assert spoken == TEXTS
    assert set(corpus.recordings["service"]) == {name}
    if name not in ("trn", "nemo"):
        assert corpus.words()["start_ms"].min() == 0
    assert sx.word_errors(corpus, TEXTS)["wer"].tolist() == [0] * 3


@pytest.mark.parametrize("name", ["textgrid", "eaf"])
def test_a_corpus_of_a_folder_of_annotations(tmp_path, name):
    getattr(corpus_of(TEXTS), f"to_{name}")(tmp_path)
    corpus = sx.io.read_transcripts(tmp_path)
    spoken = dict(zip(corpus.recordings["audio_id"], corpus.recordings["text"], strict=True))
    assert spoken == {audio_id.removesuffix(".wav"): text for audio_id, text in TEXTS.items()}
    assert set(corpus.tokens["speaker"]) == {"1"}


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_a_corpus_of_subtitles_is_recognised_by_the_extension(tmp_path, name):
    getattr(corpus_of(TEXTS), f"to_{name}")(tmp_path)
    for path in (tmp_path, f"{tmp_path}/**/*.{name}", {"c.wav": tmp_path / f"c.{name}"}, [tmp_path / f"c.{name}"]):
        corpus = sx.io.read_transcripts(path)
        assert corpus.recordings["text"].str.contains("Bye").any()
    assert list(sx.io.read_transcripts({"c.wav": tmp_path / f"c.{name}"})) == ["c.wav"]
    # A cue is one token, and the words of a cue share its time when they are written again.
    corpus = sx.io.read_transcripts(tmp_path)
    assert len(corpus["calls/a"].tokens) == 2
    corpus["calls/a"].to_ctm(tmp_path / "a.ctm")
    assert sx.io.read_ctm(tmp_path / "a.ctm")["start_ms"].is_monotonic_increasing


def test_wrong_arguments(tmp_path):
    (tmp_path / "a.rttm").write_text("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n")
    with pytest.raises(InputError, match="RTTM speaker turns cannot be read as texts"):
        sx.io.read_transcripts(tmp_path / "a.rttm")
    with pytest.raises(InputError, match="format must be one of 'srt', 'vtt'"):
        sx.io.read_transcripts(tmp_path / "a.rttm", format="srtt")
    with pytest.raises(InputError, match="give provider= or format=, not both"):
        sx.io.read_transcripts(tmp_path / "a.rttm", format="srt", provider="soniox")
    with pytest.raises(InputError, match=r"has no file of \.srt"):
        sx.io.read_transcripts(tmp_path, format="srt")
    with pytest.raises(InputError, match="cannot be read as texts"):
        sx.read_references(tmp_path / "a.rttm")


def test_annotations_are_reference_turns(tmp_path):
    rows = segments_of([("a", "x", 0, 1000, "good morning"), ("a", "y", 1200, 2000, "hello")])
    sx.io.write_vtt(rows, tmp_path / "a.vtt", characters_per_s=None, min_ms=0)
    turns = sx.io.read_vtt(tmp_path / "a.vtt")
    assert sx.diarization_errors(rows, turns)["der"].tolist() == [0]
    words = pd.DataFrame(
        {"audio_id": "a", "token_index": [0, 1], "text": ["good morning", " hello"], "speaker": ["1", "2"]}
    )
    assert sx.speaker_word_errors(words, turns)["cpwer"].tolist() == [0]


@pytest.mark.parametrize(
    ("name", "extension"), [("seglst", "seglst.json"), ("lhotse", "jsonl"), ("lhotse", "jsonl.gz")]
)
def test_references_of_formats_in_json_are_read_by_the_name_of_the_format(tmp_path, name, extension):
    path = tmp_path / f"x.{extension}"
    getattr(corpus_of(TEXTS), f"to_{name}")(path)
    references = sx.read_references(path, format=name)
    assert dict(references.to_numpy().tolist()) == TEXTS
    with pytest.raises(SonioxDSError, match=r"format='?(seglst|lhotse|, such as 'lhotse')"):
        sx.read_references(path)


def test_the_format_of_references_comes_before_the_extension(tmp_path):
    corpus_of(TEXTS).to_stm(tmp_path / "x.csv")
    assert dict(sx.read_references(tmp_path / "x.csv", format="stm").to_numpy().tolist()) == TEXTS
    with pytest.raises(InputError, match="format must be one of 'srt', 'vtt'"):
        sx.read_references(tmp_path / "x.csv", format="stmm")
    line = '{"audio_filepath": "a.wav", "offset": 0, "duration": 1, "text": "%s"}\n'
    (tmp_path / "segments.json").write_text(line % "good" + line % "day")
    references = sx.read_references(tmp_path / "segments.json", format="nemo")
    assert references.to_numpy().tolist() == [["a.wav", "good day"]]


@pytest.mark.parametrize(
    ("name", "extension"),
    [("seglst", "json"), ("nemo", "json"), ("nemo", "jsonl"), ("lhotse", "json"), ("lhotse", "jsonl")],
)
def test_transcripts_of_formats_in_json_are_refused_with_the_argument_to_give(tmp_path, name, extension):
    getattr(corpus_of(TEXTS), f"to_{name}")(tmp_path / f"x.{extension}")
    if name == "nemo":
        assert len(sx.io.read_transcripts(tmp_path / f"x.{extension}")) == 3  # A provider, too.
        return
    with pytest.raises(SonioxDSError, match="format="):
        sx.io.read_transcripts(tmp_path / f"x.{extension}")
