"""RTTM files of other programs: read as they are meant, or refused with the file and the line."""

from __future__ import annotations

import pandas as pd
import pytest
from transcripts import corpus_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

GOOD = "SPEAKER talk 1 0.4 1.0 <NA> <NA> A <NA> <NA>\n"


def write(tmp_path, text, encoding="utf-8", name="a.rttm"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end(tmp_path, encoding, end):
    text = (GOOD + GOOD.replace(" A ", " Łucja ").replace("0.4", "2")).replace("\n", end)
    read = sx.io.read_rttm(write(tmp_path, text, encoding))
    assert read.drop(columns=["channel", "speaker_label"]).to_numpy().tolist() == [
        ["talk", "A", 400, 1400],
        ["talk", "Łucja", 2000, 3000],
    ]
    assert read["channel"].isna().all()


def test_channels_are_read_and_written(tmp_path):
    turns = sx.io.read_rttm(write(tmp_path, GOOD + GOOD.replace(" 1 ", " 2 ", 1)))
    assert turns["channel"].tolist() == [1, 2]
    sx.io.write_rttm(turns, tmp_path / "again.rttm")
    pd.testing.assert_frame_equal(sx.io.read_rttm(tmp_path / "again.rttm"), turns)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SPEAKER talk 1 0.0 5.0 <NA> <NA> Speaker 1 <NA> <NA>", "11 fields; a file or speaker name with a space"),
        ("SPEAKER my talk 1 0.0 5.0 <NA> <NA> A <NA> <NA>", "11 fields; a file or speaker name with a space"),
        ("SPEAKER my long talk 1 0.0 5.0 <NA> <NA> Dr. A <NA> <NA>", "13 fields"),
        ("SPEAKER my talk 1 0.0 5.0 <NA> <NA> A <NA>", r"the speaker \(field 8\) is '<NA>'"),  # of nine fields
        ("SPEAKER talk 1 0.0 5.0 <NA> <NA> Speaker A <NA>", "confidence is 'A'.*check whether a name contains a space"),
        ("SPEAKER talk 1 0.0 5.0 <NA> <NA> Speaker 2 <NA>", "confidence is '2', above 1"),
        ("SPEAKER talk 1 0.0 5.0 <NA> <NA> A", "8 fields"),
        ("SPEAKER talk 1 0.0 5.0", "5 fields"),
        ("SPEAKER", "1 fields"),
        ("SPEAKER talk 1 0,5 5.0 <NA> <NA> A <NA> <NA>", "onset '0,5' is not a number of seconds"),
        ("SPEAKER talk 1 1_0 5.0 <NA> <NA> A <NA> <NA>", "onset '1_0' is not a number of seconds"),
        ("SPEAKER talk 1 0.0 -5.0 <NA> <NA> A <NA> <NA>", "duration '-5.0' is not a number"),
        ("SPEAKER talk 1 0.0 1e300 <NA> <NA> A <NA> <NA>", "more than 24 days"),
        ("SPEAKER <NA> 1 0.0 5.0 <NA> <NA> A <NA> <NA>", r"the file \(field 2\) is '<NA>'"),
    ],
)
def test_a_line_that_would_be_misread_is_refused_and_named(tmp_path, line, words):
    with pytest.raises(SchemaError, match=rf"a\.rttm, line 2 is not a SPEAKER line .*{words}"):
        sx.io.read_rttm(write(tmp_path, GOOD + line + "\n"))


@pytest.mark.parametrize(
    "text",
    [
        "talk 1 0.0 10.0\n",  # UEM
        "talk 1 0.40 0.20 hello 0.9\n",  # CTM
        "audio_id,speaker,start_ms,end_ms\ntalk,A,0,1000\n",
        'File type = "ooTextFile"\nObject class = "TextGrid"\n',
        GOOD + "SPEKAER talk 1 2.0 1.0 <NA> <NA> A <NA> <NA>\n",  # a turn would be lost
        GOOD + "speaker talk 1 2.0 1.0 <NA> <NA> A <NA> <NA>\n",
    ],
)
def test_another_kind_of_file_is_refused(tmp_path, text):
    with pytest.raises(
        SchemaError, match=r"a\.rttm, line \d: .*does not begin with a line type of RTTM; a turn is a line"
    ):
        sx.io.read_rttm(write(tmp_path, text))


def test_bytes_that_are_no_text_are_refused_by_name(tmp_path, tiny_wav):
    for name, raw in (("latin.rttm", GOOD.replace("A", "café").encode("latin-1")), ("odd.rttm", b"\xff\xfeS\x00P")):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(SchemaError, match=rf"{name}, line 1"):
            sx.io.read_rttm(tmp_path / name)
    with pytest.raises(SchemaError, match=r"a\.wav"):
        sx.io.read_rttm(tiny_wav(tmp_path / "a.wav"))


@pytest.mark.parametrize(
    "text", ["", "\n\n", ";; only a comment\n", "SPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA> <NA>\n"]
)
def test_a_file_in_which_nobody_speaks_is_told(tmp_path, text):
    with pytest.warns(UserWarning, match=r"a\.rttm has no SPEAKER line.*Check that it is the right file"):
        assert len(sx.io.read_rttm(write(tmp_path, text))) == 0


def test_fields_divided_by_tabs_may_hold_spaces(tmp_path):
    lines = "".join(
        "\t".join(["SPEAKER", "my talk", "1", str(5 * n), "5.0", "<NA>", "<NA>", f"Speaker {n}", "<NA>", "<NA>"]) + "\n"
        for n in (0, 1)
    )
    read = sx.io.read_rttm(write(tmp_path, lines))
    assert read[["audio_id", "speaker"]].to_numpy().tolist() == [["my talk", "Speaker 0"], ["my talk", "Speaker 1"]]
    one = pd.DataFrame({"audio_id": ["my talk"], "speaker": ["x"], "start_ms": [0], "end_ms": [10_000]})
    assert sx.diarization_errors(one, read)["der"].tolist() == [0.5]  # 5 s of 10 s confused


def test_several_spaces_and_confidences_are_no_fault(tmp_path):
    text = "SPEAKER  talk\t1   0.5 1.  <NA> <NA>\tA 0.93 <NA>  \nSPEAKER talk 1 .5 +1 <NA> <NA> B NA -\n"
    assert sx.io.read_rttm(write(tmp_path, text)).drop(columns=["channel", "speaker_label"]).to_numpy().tolist() == [
        ["talk", "A", 500, 1500],
        ["talk", "B", 500, 1500],
    ]


def test_a_file_that_cannot_be_opened_is_an_error_of_the_package(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        sx.io.read_rttm(tmp_path / "gone.rttm")
    with pytest.raises(InputError, match="is a folder"):
        sx.io.read_rttm(tmp_path)


def test_names_that_would_become_one_are_not_written(tmp_path):
    turns = pd.DataFrame({"audio_id": "a", "speaker": ["Dr A", "Dr_A"], "start_ms": [0, 500], "end_ms": [500, 900]})
    with pytest.raises(SchemaError, match="'Dr A' and 'Dr_A' would both be written as 'Dr_A'"):
        sx.io.write_rttm(turns, tmp_path / "a.rttm")
    for name in ("", " ", "<NA>", "a;;b"):
        with pytest.raises(SchemaError, match="cannot be written as a field of RTTM"):
            sx.io.write_rttm(turns.assign(speaker=name), tmp_path / "a.rttm")
    sx.io.write_rttm(turns.assign(speaker=["Dr A", "Dr B"]), tmp_path / "a.rttm")
    assert sx.io.read_rttm(tmp_path / "a.rttm")["speaker"].tolist() == ["Dr_A", "Dr_B"]


def test_failed_recordings_are_left_out_with_a_warning(tmp_path):
    corpus = corpus_of({"a.wav": "good morning", "b.wav": "late"})
    recordings = corpus.recordings.assign(status=["completed", "failed"])
    tokens = corpus.tokens[corpus.tokens["audio_id"] == "a.wav"].assign(speaker="1")
    with pytest.warns(UserWarning, match=r"RTTM: 1 of 2 recordings are left out because they have failed: 'b\.wav'"):
        sx.Corpus(recordings, tokens).to_rttm(tmp_path / "a.rttm")
    assert sx.io.read_rttm(tmp_path / "a.rttm")["audio_id"].unique().tolist() == ["a.wav"]


@pytest.mark.filterwarnings("ignore:RTTM. 2 of 2 recordings")
@pytest.mark.parametrize("status", ["failed", None])
def test_nothing_to_write_is_refused_as_in_all_formats(tmp_path, status):
    corpus = corpus_of({"a.wav": "good morning", "b.wav": "late"})
    recordings = corpus.recordings.iloc[:0] if status is None else corpus.recordings.assign(status=status)
    with pytest.raises(InputError, match="RTTM: there is no completed recording to write"):
        sx.Corpus(recordings, corpus.tokens.iloc[:0]).to_rttm(tmp_path / "a.rttm")
    assert not (tmp_path / "a.rttm").exists()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("speaker", r"RTTM: 1 of 2 turns are left out \(turns of unknown speakers\), because it needs speakers"),
        ("end_ms", r"RTTM: 1 of 2 turns are left out \(turns of unknown time\), because it needs times"),
    ],
)
def test_turns_without_a_speaker_or_times_are_left_out_with_a_warning(tmp_path, column, message):
    turns = pd.DataFrame({"audio_id": "a", "speaker": ["A", "B"], "start_ms": [0, 500], "end_ms": [500, 900]})
    turns[column] = turns[column].astype("object").where([True, False], None)
    with pytest.warns(UserWarning, match=message):
        sx.io.write_rttm(turns, tmp_path / "a.rttm")
    assert sx.io.read_rttm(tmp_path / "a.rttm")["speaker"].tolist() == ["A"]


def test_turns_of_which_none_has_a_speaker_are_refused(tmp_path):
    turns = pd.DataFrame({"audio_id": ["a"], "speaker": [None], "start_ms": [0], "end_ms": [500]})
    with pytest.raises(InputError, match="RTTM: none of the 1 turns has a speaker"):
        sx.io.write_rttm(turns, tmp_path / "a.rttm")
