"""SRT files: read back by pysubs2 and srt, written by them, and refused where they are damaged."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pysubs2
import pytest
import srt
from transcripts import ODD_TEXTS, corpus_of, segments_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

GOOD = "1\n00:00:01,000 --> 00:00:02,500\nGood morning\n\n2\n00:00:03,000 --> 00:00:04,000\nto <b>you</b>\nall\n"
ROWS = [["a", pd.NA, 1000, 2500, "Good morning"], ["a", pd.NA, 3000, 4000, "to you all"]]


def plain(text):
    return text.replace("\u2060", "").replace("\\N", " ").replace("\n", " ")


def test_other_tools_read_what_is_written(tmp_path):
    corpus = corpus_of(ODD_TEXTS)
    corpus.to_srt(tmp_path, line_length=200)
    for name, text in ODD_TEXTS.items():
        content = (tmp_path / f"{name}.srt").read_text(encoding="utf-8")
        made = sx.io.read_srt(tmp_path / f"{name}.srt")
        by_srt = list(srt.parse(content))
        by_pysubs2 = pysubs2.load(tmp_path / f"{name}.srt")
        spoken = " ".join(text.split())
        assert " ".join(made["text"]) == spoken
        assert " ".join(plain(cue.content) for cue in by_srt) == spoken
        if name != "numbers":  # pysubs2 takes a number at the end for that of a further cue.
            assert " ".join(plain(event.text) for event in by_pysubs2) == spoken
        times = list(zip(made["start_ms"], made["end_ms"], strict=True))
        assert times == [
            (cue.start // timedelta(milliseconds=1), cue.end // timedelta(milliseconds=1)) for cue in by_srt
        ]
        assert times == [(event.start, event.end) for event in by_pysubs2]


def test_files_of_other_tools_are_read(tmp_path):
    subtitles = pysubs2.SSAFile()
    subtitles.append(pysubs2.SSAEvent(1000, 2500, "{\\i1}Good{\\i0} morning"))
    subtitles.append(pysubs2.SSAEvent(3000, 4000, "to you\\Nall"))
    subtitles.save(tmp_path / "a.srt")
    assert sx.io.read_srt(tmp_path / "a.srt").fillna("").to_numpy().tolist() == [
        [*row[:1], "", *row[2:]] for row in ROWS
    ]
    cues = [
        srt.Subtitle(7, timedelta(hours=30), timedelta(hours=30, seconds=2), "late\n\nand\n\nodd"),
        srt.Subtitle(8, timedelta(hours=31), timedelta(hours=32), "12"),
    ]
    (tmp_path / "a.srt").write_text(srt.compose(cues, strict=False), encoding="utf-16")
    made = sx.io.read_srt(tmp_path / "a.srt")
    assert made["text"].tolist() == ["late and odd", "12"]
    assert made["start_ms"].tolist() == [30 * 3_600_000, 31 * 3_600_000]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_every_encoding_and_line_end(tmp_path, encoding, end):
    (tmp_path / "a.srt").write_bytes(GOOD.replace("\n", end).encode(encoding))
    assert sx.io.read_srt(tmp_path / "a.srt")["text"].tolist() == ["Good morning", "to you all"]


def test_another_encoding_is_refused_and_can_be_named(tmp_path):
    (tmp_path / "a.srt").write_bytes(GOOD.replace("all", "für").encode("latin-1"))
    with pytest.raises(SchemaError, match=r"a\.srt, line 8: this SRT file is not UTF-8 or UTF-16.*encoding='latin-1'"):
        sx.io.read_srt(tmp_path / "a.srt")
    assert sx.io.read_srt(tmp_path / "a.srt", encoding="latin-1")["text"][1] == "to you für"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("00:00:03,000 --> 00:00:04,000", "00:00:03,000 -> 00:00:04,000"), r"line 6: the times of a cue must follow"),
        (("00:00:03,000 --> 00:00:04,000", "00:00:03,000 --> soon"), r"line 6: the times .* cannot be read"),
        (("00:00:03,000 --> 00:00:04,000", "00:00:03,000 --> 00:00:02,000"), r"line 6: .*ends before it starts"),
        (("00:00:03,000 --> 00:00:04,000", "00:75:03,000 --> 00:80:02,000"), r"line 6: the times .* cannot be read"),
        (("00:00:03,000 --> 00:00:04,000", "00:00:03,000 --> 999:00:02,000"), r"line 6: .*more than 24 days"),
        (("1\n", "Subtitles of a talk\n"), r"line 1: .*belongs to no cue"),
    ],
)
def test_damaged_lines_are_refused(tmp_path, damage, message):
    (tmp_path / "a.srt").write_text(GOOD.replace(*damage, 1))
    with pytest.raises(SchemaError, match=rf"a\.srt, {message}"):
        sx.io.read_srt(tmp_path / "a.srt")


def test_an_empty_file_has_no_rows(tmp_path):
    (tmp_path / "a.srt").write_text("\n")
    assert len(sx.io.read_srt(tmp_path / "a.srt")) == 0


def test_a_file_is_written_again_as_it_was(tmp_path):
    (tmp_path / "a.srt").write_text(GOOD.replace("<b>", "").replace("</b>", ""))
    as_it_is = {"characters_per_s": None, "min_ms": 0, "gap_ms": 0, "line_length": 14}
    sx.io.write_srt(sx.io.read_srt(tmp_path / "a.srt"), tmp_path / "b.srt", **as_it_is)
    assert (
        sx.io.read_srt(tmp_path / "b.srt")
        .drop(columns="audio_id")
        .equals(sx.io.read_srt(tmp_path / "a.srt").drop(columns="audio_id"))
    )


def test_names_of_files(tmp_path):
    corpus_of({"calls/7.wav": "Hello", "calls/8": "you"}).to_srt(tmp_path / "subs")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.srt")) == [
        "subs/calls/7.srt",
        "subs/calls/8.srt",
    ]
    with pytest.raises(InputError, match=r"one\.srt is the name of one file, and there are 2 recordings"):
        corpus_of({"a": "Hello", "b": "you"}).to_srt(tmp_path / "one.srt")
    with pytest.raises(InputError, match="cannot be written"):
        corpus_of({"a": "Hello"}).to_srt(tmp_path / "subs" / "calls" / "7.srt" / "below")


def test_a_translation_is_a_further_file(tmp_path):
    tokens = pd.DataFrame(
        {
            "audio_id": "a.wav",
            "token_index": [0, 1],
            "text": ["Good morning.", "Guten Morgen."],
            "start_ms": [0, None],
            "end_ms": [900, None],
            "language": ["en", "de"],
            "translation_status": ["original", "translation"],
            "source_language": [None, "en"],
        }
    )
    sx.io.write_srt(tokens, tmp_path / "talk.srt")
    assert sx.io.read_srt(tmp_path / "talk.de.srt")[["start_ms", "end_ms", "text"]].to_numpy().tolist() == [
        [0, 900, "Guten Morgen."]
    ]
    assert sx.io.read_srt(tmp_path / "talk.srt")["text"].tolist() == ["Good morning."]


def test_thirty_hours_and_ten_thousand_speakers(tmp_path):
    rows = [("a", f"speaker {n}", 10_800 * n, 10_800 * n + 900, f"turn {n}") for n in range(10_000)]
    sx.io.write_srt(segments_of(rows), tmp_path / "a.srt", speaker_labels=True)
    subtitles = pysubs2.load(tmp_path / "a.srt")
    assert len(subtitles) == 10_000
    assert (subtitles[-1].start, subtitles[-1].text) == (10_800 * 9999, "speaker 9999: turn 9999")


def test_lines_from_right_to_left_can_be_marked(tmp_path):
    corpus = corpus_of({"a": ODD_TEXTS["hebrew"], "b": "Salut"})
    corpus.to_srt(tmp_path, direction_marks=True)
    assert (tmp_path / "a.srt").read_text(encoding="utf-8").splitlines()[2] == f"\u202b{ODD_TEXTS['hebrew']}\u202c"
    assert (tmp_path / "b.srt").read_text(encoding="utf-8").splitlines()[2] == "Salut"
    assert sx.io.read_srt(tmp_path / "a.srt")["text"].tolist() == [ODD_TEXTS["hebrew"]]


def test_marks_of_lines_from_right_to_left_are_removed_from_webvtt(tmp_path):
    sx.io.write_vtt(segments_of([("a", "1", 0, 900, ODD_TEXTS["hebrew"])]), tmp_path / "a.vtt", direction_marks=True)
    assert "\u202b" in (tmp_path / "a.vtt").read_text(encoding="utf-8")
    assert sx.io.read_vtt(tmp_path / "a.vtt")["text"].tolist() == [ODD_TEXTS["hebrew"]]


def test_failed_recordings_are_told_once(tmp_path):
    with pytest.warns(UserWarning, match="1 of 2 recordings are left out") as told:
        corpus_of({"a.wav": "Hello"}, failed=["c.wav"]).to_srt(tmp_path)
    assert len(told) == 1


@pytest.mark.parametrize("name", ["srt", "vtt"])
@pytest.mark.parametrize("other", ["a.de.wav", "A.DE.wav"])
def test_a_translation_does_not_replace_the_file_of_another_recording(tmp_path, name, other):
    tokens = pd.DataFrame(
        {
            "audio_id": ["a.wav", "a.wav", other],
            "token_index": [0, 1, 0],
            "text": ["Hi", "Hallo", "Other"],
            "start_ms": pd.array([0, None, 0], "Int32"),
            "end_ms": pd.array([500, None, 500], "Int32"),
            "translation_status": ["original", "translation", "none"],
            "language": ["en", "de", "en"],
        }
    )
    message = f"'{other}' and the translation of 'a.wav' \\(de\\) would both be written to a.de.{name}"
    with pytest.raises(InputError, match=message):
        getattr(sx.io, f"write_{name}")(tokens, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    getattr(sx.io, f"write_{name}")(tokens[tokens["audio_id"] == "a.wav"], tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {f"a.{name}", f"a.de.{name}"}
