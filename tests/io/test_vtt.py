"""WebVTT files: read back by webvtt-py and pysubs2, written by them, and refused where they are damaged."""

from __future__ import annotations

import html

import pysubs2
import pytest
import webvtt
from transcripts import ODD_TEXTS, corpus_of, segments_of

import soniox_ds as sx
from soniox_ds.exceptions import SchemaError

GOOD = """\
WEBVTT a title

STYLE
::cue { color: white }

NOTE
a remark --- and more

intro
00:01.000 --> 00:02.500 align:start line:10%
<v.loud Anna &amp; Tom>Good <i>morning</i>

00:00:03.000 --> 00:00:04.000
<v Anna>to you<v Tom>all &lt;3
here</v>
"""
ROWS = [
    ["a", "Anna & Tom", 1000, 2500, "Good morning"],
    ["a", "Anna", 3000, 4000, "to you"],
    ["a", "Tom", 3000, 4000, "all <3 here"],
]


def test_names_styles_notes_settings_and_voices(tmp_path):
    (tmp_path / "a.vtt").write_text(GOOD)
    assert sx.io.read_vtt(tmp_path / "a.vtt").to_numpy().tolist() == ROWS


def test_other_tools_read_what_is_written(tmp_path):
    corpus = corpus_of(ODD_TEXTS, dict.fromkeys(ODD_TEXTS, "Anna <1> & Tom"))
    corpus.to_vtt(tmp_path, line_length=200)
    corpus.to_vtt(tmp_path / "plain", line_length=200, voice_tags=False)
    for name, text in ODD_TEXTS.items():
        spoken = " ".join(text.split())
        made = sx.io.read_vtt(tmp_path / f"{name}.vtt")
        assert " ".join(made["text"]) == spoken
        assert set(made["speaker"]) == {"Anna <1> & Tom"}
        captions = webvtt.read(tmp_path / f"{name}.vtt")
        assert html.unescape(" ".join(caption.text for caption in captions)) == spoken
        assert {html.unescape(caption.voice) for caption in captions} == {"Anna <1> & Tom"}
        seconds = [(round(1000 * each.start_in_seconds), round(1000 * each.end_in_seconds)) for each in captions]
        events = pysubs2.load(tmp_path / "plain" / f"{name}.vtt")
        assert [(event.start, event.end) for event in events] == list(
            zip(made["start_ms"], made["end_ms"], strict=True)
        )
        assert all(abs(start - event.start) < 1000 for (start, _), event in zip(seconds, events, strict=True))
        assert html.unescape(" ".join(event.text for event in events)) == spoken


def test_files_of_other_tools_are_read(tmp_path):
    captions = webvtt.WebVTT()
    captions.captions.append(webvtt.Caption("00:00:01.000", "00:00:02.500", "<v Anna>Good\nmorning"))
    captions.captions.append(webvtt.Caption("30:00:03.000", "30:00:04.000", ["to you"], identifier="second"))
    captions.save(str(tmp_path / "a.vtt"))
    assert sx.io.read_vtt(tmp_path / "a.vtt").fillna("?").to_numpy().tolist() == [
        ["a", "Anna", 1000, 2500, "Good morning"],
        ["a", "?", 108_003_000, 108_004_000, "to you"],
    ]
    subtitles = pysubs2.SSAFile()
    subtitles.append(pysubs2.SSAEvent(1000, 2500, "Good\\Nmorning"))
    subtitles.save(tmp_path / "b.vtt")
    assert sx.io.read_vtt(tmp_path / "b.vtt")["text"].tolist() == ["Good morning"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (("WEBVTT a title", "1"), "line 1: a WebVTT file begins with WEBVTT, found '1'"),
        (("WEBVTT a title", "WEBVTTs"), "line 1: a WebVTT file begins with WEBVTT"),
        (("00:01.000 -->", "1 -->"), "line 10: the times .* cannot be read"),
        (("00:00:04.000", "00:00:02.000"), "line 13: .*ends before it starts"),
        (("00:00:03.000 -->", "00:00:03.000 ->"), "line 13: .*belongs to no cue"),
    ],
)
def test_damaged_lines_are_refused(tmp_path, damage, message):
    (tmp_path / "a.vtt").write_text(GOOD.replace(*damage, 1))
    with pytest.raises(SchemaError, match=rf"a\.vtt, {message}"):
        sx.io.read_vtt(tmp_path / "a.vtt")


def test_empty_cues_and_files(tmp_path):
    (tmp_path / "a.vtt").write_text("WEBVTT\n")
    assert len(sx.io.read_vtt(tmp_path / "a.vtt")) == 0
    (tmp_path / "a.vtt").write_text("WEBVTT\n\n00:01.000 --> 00:02.000\n\n00:03.000 --> 00:04.000\nyes\n")
    assert sx.io.read_vtt(tmp_path / "a.vtt")["text"].tolist() == ["", "yes"]
    corpus_of({"silent": ""}).to_vtt(tmp_path)
    assert (tmp_path / "silent.vtt").read_text() == "WEBVTT\n\n"


def test_speakers_of_a_corpus_are_voices(tmp_path):
    rows = [("a", "1", 0, 900, "Yes?"), ("a", None, 1000, 1900, "No."), ("a", "Dr. Ü", 2000, 2900, "Well.")]
    sx.io.write_vtt(segments_of(rows), tmp_path / "a.vtt")
    assert [caption.voice for caption in webvtt.read(tmp_path / "a.vtt")] == ["1", None, "Dr. Ü"]


def test_a_cue_may_follow_the_header_without_an_empty_line(tmp_path):
    file = tmp_path / "talk.vtt"
    file.write_text("WEBVTT\nKind: captions\n00:01.000 --> 00:02.000\nhi\n\n00:03.000 --> 00:04.000\nyou\n")
    assert sx.io.read_vtt(file)[["start_ms", "text"]].to_numpy().tolist() == [[1000, "hi"], [3000, "you"]]


def test_a_line_of_spaces_is_part_of_a_cue_as_youtube_writes_it(tmp_path):
    file = tmp_path / "a.vtt"
    first = "00:00.000 --> 00:02.000 align:start\n \nhello<00:00:00.500><c> there</c>\n\n"
    first += "00:02.000 --> 00:03.000\nyou\n \n\n"
    # In front of the name of a cue, and after a note, such a line separates.
    others = "NOTE ends\n \nname\n00:04.000 --> 00:05.000\nbye\n \nnext\n00:05.000 --> 00:06.000\nnow\n"
    file.write_text(f"WEBVTT\nKind: captions\n\n{first}{others}")
    assert sx.io.read_vtt(file)["text"].tolist() == ["hello there", "you", "bye", "now"]
