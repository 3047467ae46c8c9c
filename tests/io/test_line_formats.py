"""CTM, STM, RTTM, trn, SegLST and plain text, against meeteval and the tools of NIST."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import meeteval
import pandas as pd
import pytest
from transcripts import ODD_TEXTS, corpus_of, segments_of, tokens_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

SCTK = Path("/usr/lib/sctk/bin")
ROWS = [
    ("talk b", "Dr A", 1500, 3_000, "Good  morning\nto\tyou"),
    ("talk b", "B", 1000, 2_000, ODD_TEXTS["arabic"]),
    ("talk/a.wav", None, 108_000_000, 108_000_250, "late"),
]
CALLS = corpus_of({"b.wav": "Good morning to you.", "a.wav": ODD_TEXTS["markup"], "silent.wav": ""})


def written(name, transcripts, tmp_path, **options):
    path = tmp_path / f"file.{name}"
    getattr(sx.io, f"write_{name}")(transcripts, path, **options)
    return path


def test_ctm_is_read_by_meeteval_and_sorted(tmp_path):
    path = written("ctm", CALLS, tmp_path)
    lines = meeteval.io.CTM.load(path).lines
    words = CALLS.words().sort_values(["audio_id", "start_ms"], kind="stable")
    assert [line.filename for line in lines] == words["audio_id"].tolist()
    assert [line.word for line in lines] == words["text"].tolist()
    assert [round(line.begin_time * 1000) for line in lines] == words["start_ms"].tolist()
    assert [round(line.duration * 1000) for line in lines] == [300] * len(lines)
    assert [float(line.confidence) for line in lines] == pytest.approx(words["confidence"].tolist(), abs=5e-7)
    made = sx.io.read_ctm(path)
    assert made["text"].tolist() == words["text"].tolist()
    assert made["confidence"].tolist() == pytest.approx(words["confidence"].tolist(), abs=5e-7)
    assert made["channel"].isna().all()


def test_segments_of_the_same_time_keep_their_times_in_ctm(tmp_path):
    rows = [("a", "Anna", 0, 1000, "hello"), ("a", "Ben", 0, 1000, "bye now"), ("a", "Ben", 1000, 1400, "so")]
    sx.io.write_ctm(segments_of(rows), tmp_path / "a.ctm")
    made = meeteval.io.CTM.load(tmp_path / "a.ctm").lines
    # "bye now" has 6 characters without the space: 3 / 6 of 1 s for each word.
    assert [(each.word, float(each.begin_time), float(each.duration)) for each in made] == [
        ("hello", 0, 1),
        ("bye", 0, 0.5),
        ("now", 0.5, 0.5),
        ("so", 1, 0.4),
    ]


def test_ctm_of_other_tools_is_read(tmp_path):
    line = meeteval.io.ctm.CTMLine(filename="a", channel="B", begin_time=1.25, duration=0.5, word="hi", confidence=0.25)
    (tmp_path / "a.ctm").write_text(
        ";; a comment\n"
        + meeteval.io.CTM([line]).dumps()
        + "a 2 2.00 0.5 uh 0.9 lex agent\na 2 2.5 0.5 %laugh 0.9 non-lex agent\n"
        + "a 2 * * <ALT_BEGIN>\na 2 3.0 0.5 gonna\na 2 * * <ALT>\n"
        + "a 2 3.0 0.2 going\na 2 3.2 0.2 to\na 2 * * <ALT_END>\n"
    )
    made = sx.io.read_ctm(tmp_path / "a.ctm").astype(object).where(lambda table: table.notna(), None)
    assert made.to_numpy().tolist() == [
        ["a", None, 1250, 1750, "hi", 2, 0.25],
        ["a", "agent", 2000, 2500, "uh", 2, pytest.approx(0.9)],
        ["a", None, 3000, 3500, "gonna", 2, None],
    ]


def test_channels_are_written(tmp_path):
    tokens = tokens_of({"a": "one two"}).assign(channel=pd.array([2, 1], dtype="Int16"))
    words = sx.words(tokens).assign(channel=pd.array([2, 1], dtype="Int16"))
    assert sx.io.read_ctm(written("ctm", words, tmp_path))["channel"].tolist() == [1, 2]
    segments = segments_of([("a", "1", 0, 900, "yes")]).assign(channel=pd.array([2], dtype="Int16"))
    for name in ("stm", "seglst"):
        path = written(name, segments, tmp_path)
        assert getattr(sx.io, f"read_{name}")(path)["channel"].tolist() == [2]
    assert written("rttm", segments, tmp_path).read_text().split()[2] == "2"


@pytest.mark.skipif(not SCTK.exists(), reason="apt-get install sctk")
def test_sclite_scores_ctm_stm_and_trn(tmp_path):
    reference = segments_of([("a", "x", 0, 1900, "good morning to you"), ("b", "y", 0, 900, "hello there")])
    recognised = corpus_of({"b": "hello there", "a": "good mourning to you"})
    files = {name: written(name, reference, tmp_path) for name in ("stm",)} | {
        "ctm": written("ctm", recognised, tmp_path)
    }
    shutil.move(written("trn", reference, tmp_path, speakers=True), tmp_path / "reference.trn")
    sx.io.write_trn(tokens_of({"b": "hello there"}, {"b": "y"}), tmp_path / "hypothesis.trn", speakers=True)
    by_time = sclite("-r", files["stm"], "stm", "-h", files["ctm"], "ctm", "-o", "sum", "stdout")
    assert by_time.split("Sum/Avg")[1].split("\n")[0].split()[1:3] == ["2", "6"]  # segments and words
    assert "16.7" in by_time.split("Sum/Avg")[1].split("\n")[0]
    by_text = sclite(
        "-r", tmp_path / "hypothesis.trn", "trn", "-h", tmp_path / "hypothesis.trn", "trn", "-i", "rm", "-o", "sum",
        "stdout",
    )  # fmt: skip
    assert "y" in by_text
    assert "100.0" in by_text


def sclite(*arguments):
    done = subprocess.run([SCTK / "sclite", *map(str, arguments)], capture_output=True, text=True, check=True)
    return done.stdout


def test_stm_is_read_by_meeteval(tmp_path):
    path = written("stm", segments_of(ROWS), tmp_path)
    lines = meeteval.io.STM.load(path).lines
    assert [
        (line.filename, line.speaker_id, round(line.begin_time * 1000), round(line.end_time * 1000), line.transcript)
        for line in lines
    ] == [
        ("talk/a.wav", "unknown", 108_000_000, 108_000_250, "late"),
        ("talk_b", "B", 1000, 2000, ODD_TEXTS["arabic"]),
        ("talk_b", "Dr_A", 1500, 3000, "Good morning to you"),
    ]
    made = sx.io.read_stm(path)
    assert made["speaker"].fillna("-").tolist() == ["-", "B", "Dr_A"]
    assert made["text"].tolist() == [line.transcript for line in lines]


def test_regions_that_are_not_scored(tmp_path):
    (tmp_path / "a.stm").write_text(
        ';; CATEGORY "0" "" ""\n'
        "a 1 inter_segment_gap 0 1.5 <o,,unknown>\n"
        "a A agent 1.5 2.5 <o,f0,male> you { gonna / going to / @ } like it\n"
        "a 1 agent 2.5 3.5 <o,f0,male> IGNORE_TIME_SEGMENT_IN_SCORING\n"
        "a 1 inter_segment_gap 3.5 4 <o,,unknown> ignore_time_segment_in_scoring\n"
        "a 1 agent 4 5\n"
    )
    made = sx.io.read_stm(tmp_path / "a.stm")
    assert made[["start_ms", "text"]].to_numpy().tolist() == [[1500, "you gonna like it"], [4000, ""]]
    whole = sx.io.read_stm(tmp_path / "a.stm", ignored=True)
    assert whole["is_ignored"].tolist() == [True, False, True, True, False]
    assert set(whole["text"][whole["is_ignored"]]) == {""}


def test_trn_in_both_forms(tmp_path):
    path = written("trn", segments_of(ROWS), tmp_path)
    assert sx.io.read_trn(path)[["audio_id", "text"]].to_numpy().tolist() == [
        ["talk_b", f"{ODD_TEXTS['arabic']} Good morning to you"],
        ["talk/a.wav", "late"],
    ]
    path = written("trn", segments_of(ROWS), tmp_path, speakers=True)
    made = sx.io.read_trn(path, speakers=True)
    assert made[["audio_id", "speaker"]].to_numpy().tolist() == [
        ["talk_b", "Dr_A"],
        ["talk_b", "B"],
        ["talk/a.wav", "unknown"],
    ]
    path = written("trn", corpus_of({"silent(1)": "", "a": "well (no)"}), tmp_path)
    assert path.read_text() == "(silent_1_)\nwell (no) (a)\n"
    assert sx.io.read_trn(path)["text"].tolist() == ["", "well (no)"]


def test_seglst_is_read_and_written_by_meeteval(tmp_path):
    path = written("seglst", segments_of(ROWS), tmp_path)
    rows = meeteval.io.SegLST.load(path).segments
    assert [row["words"] for row in rows] == ["Good morning to you", ODD_TEXTS["arabic"], "late"]
    assert [round(row["start_time"] * 1000) for row in rows] == [1500, 1000, 108_000_000]
    assert [row.get("speaker") for row in rows] == ["Dr A", "B", None]
    meeteval.io.SegLST(rows).dump(tmp_path / "b.json")
    made = sx.io.read_seglst(tmp_path / "b.json")
    assert made.drop(columns=["channel", "text"]).equals(
        segments_of(ROWS).drop(columns="text").astype(made.drop(columns=["channel", "text"]).dtypes)
    )
    untimed = written("seglst", tokens_of({"a": "no times"}).drop(columns=["start_ms", "end_ms"]), tmp_path)
    assert json.loads(untimed.read_text()) == [{"session_id": "a", "speaker": "1", "words": "no times"}]


def test_rttm_of_channels_and_slashes(tmp_path):
    lines = meeteval.io.RTTM.load(written("rttm", CALLS, tmp_path)).lines
    assert {(line.filename, line.channel) for line in lines} == {("a.wav", "1"), ("b.wav", "1")}


GOLDEN = """\
[0:00:00.0] Speaker 1: Good morning. How are you?

[0:00:02.4] Anna: Fine, "thanks" <b>!

[0:00:04.0] nobody knows

[30:00:00.1] Speaker 1: שלום
"""


def test_plain_text_is_as_it_should_be(tmp_path):
    rows = [
        ("a/b.wav", "1", 0, 900, "Good morning."),
        ("a/b.wav", "1", 1000, 1900, "How are\nyou?"),
        ("a/b.wav", "Anna", 2499, 2900, 'Fine, "thanks" <b>!'),
        ("a/b.wav", None, 4000, 4100, "nobody\tknows"),
        ("a/b.wav", "1", 108_000_100, 108_000_300, "שלום"),
    ]
    sx.io.write_txt(segments_of(rows), tmp_path)
    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == GOLDEN
    sx.io.write_txt(segments_of(rows), tmp_path / "b.txt", times=False, speakers=False, encoding="utf-8-sig")
    assert (tmp_path / "b.txt").read_bytes().startswith(b"\xef\xbb\xbfGood morning. How are you?\n\nFine")
    corpus_of({"silent": ""}).to_txt(tmp_path / "silent.txt")
    assert (tmp_path / "silent.txt").read_text() == ""


@pytest.mark.parametrize(
    ("encoding", "message"),
    [("latin-1", "the text of 'b' contains '\u0645', which the encoding 'latin-1'"), ("klingon", "found 'klingon'")],
)
def test_an_encoding_that_cannot_hold_the_text_is_refused_before_anything_is_written(tmp_path, encoding, message):
    rows = segments_of([("a", "1", 0, 900, "Good"), ("b", "1", 0, 900, "\u0645")])
    with pytest.raises(InputError, match=message):
        sx.io.write_txt(rows, tmp_path, encoding=encoding)
    assert not list(tmp_path.iterdir())


def test_a_failed_recording_is_told_once_by_plain_text(tmp_path):
    with pytest.warns(UserWarning, match="plain text: 1 of 2 recordings are left out") as caught:
        corpus_of({"a": "Good"}, failed=["b"]).to_txt(tmp_path)
    assert len(caught) == 1


def test_plain_text_of_a_table_is_in_the_order_of_time(tmp_path):
    rows = [("a", "1", 5000, 5900, "late"), ("a", "1", 1000, 1900, "early"), ("a", "2", 3000, 3900, "mid")]
    sx.io.write_txt(segments_of(rows), tmp_path / "a.txt", times=False)
    assert (tmp_path / "a.txt").read_text() == "Speaker 1: early\n\nSpeaker 2: mid\n\nSpeaker 1: late\n"


@pytest.mark.parametrize("name", ["ctm", "stm", "seglst", "trn"])
def test_what_is_left_out_is_told(tmp_path, name):
    corpus = corpus_of({"a": "one two"}, failed=["b"])
    translated = pd.DataFrame(
        {"audio_id": "a", "token_index": [2], "text": [" eins"], "translation_status": ["translation"]}
    )
    corpus = sx.Corpus(corpus.recordings, pd.concat([corpus.tokens, translated], ignore_index=True))
    with pytest.warns(UserWarning, match="left out") as caught:
        getattr(corpus, f"to_{name}")(tmp_path / "a")
    messages = " ".join(str(warning.message) for warning in caught)
    assert "1 of 2 recordings are left out because they have failed: 'b'" in messages
    assert "translat" in messages


@pytest.mark.parametrize("name", ["ctm", "stm", "rttm", "trn", "kaldi"])
def test_names_that_would_become_one_are_refused(tmp_path, name):
    rows = segments_of([("a b", "x", 0, 900, "one"), ("a_b", "x", 0, 900, "two")])
    with pytest.raises(SchemaError, match="'a b' and 'a_b' would both be written as 'a_b'"):
        written(name, rows, tmp_path)


@pytest.mark.parametrize("name", ["ctm", "stm", "seglst", "trn", "txt", "kaldi", "nemo", "lhotse", "srt"])
def test_an_empty_table_and_a_wrong_type_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="there is no completed recording to write"):
        written(name, segments_of([]), tmp_path)
    with pytest.raises(InputError, match="is written from a Corpus, a LiveResult or a table, found str"):
        written(name, "corpus", tmp_path)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("ctm", "a 1 0.0 0.5", "it has 4 fields, not 5 to 8"),
        ("ctm", "a 1 0.0 0.5 two words 0.5 lex x y", "it has 10 fields"),
        ("ctm", "a left 0.0 0.5 word", "the channel is 'left'"),
        ("ctm", "a 1 0,0 0.5 word", "'0,0' is not a number of seconds"),
        ("ctm", "a 1 0.0 -0.5 word", "'-0.5' is not a number of seconds"),
        ("ctm", "a 1 2000000 2000000 word", "ends after more than 24 days"),
        ("ctm", "a 1 0.0 0.5 word 93", "the confidence is '93'"),
        ("stm", "a 1 x 0.5", "it has 4 fields, not 5 or more"),
        ("stm", "a x x 0.5 1.5 yes", "the channel is 'x'"),
        ("stm", "a 1 x 1e99 1.5 yes", "'1e99' is not a number of seconds"),
        ("stm", "a 1 x 2.5 1.5 yes", "it ends before it starts"),
        ("trn", "no id here", "does not end with an id in parentheses"),
        ("trn", "an (empty) id ()", "does not end with an id in parentheses"),
    ],
)
def test_malformed_lines_are_refused_by_name(tmp_path, name, line, message):
    good = {"ctm": "a 1 0.0 0.5 yes 0.5", "stm": "a 1 x 0.0 0.5 yes", "trn": "yes (a)"}[name]
    (tmp_path / f"a.{name}").write_text(f";; x\n{good}\n\n{line}\n")
    with pytest.raises(SchemaError, match=rf"a\.{name}, line 4: .*{message}"):
        getattr(sx.io, f"read_{name}")(tmp_path / f"a.{name}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"session_id": "a"}', "the document must be a list"),
        ('[{"session_id": "a"}]', r"\[0\] has no 'words'"),
        ('[{"session_id": "a", "words": "x", "start_time": -1}]', r"\[0\]\.start_time must be a time"),
        ('[{"session_id": "a", "words": "x", "start_time": 2, "end_time": 1}]', r"\[0\] ends before it starts"),
        ('[\n{"session_id": "a",,}]', "line 2: this is not JSON"),
    ],
)
def test_malformed_seglst_is_refused_by_name(tmp_path, content, message):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(SchemaError, match=rf"a\.json.*{message}"):
        sx.io.read_seglst(tmp_path / "a.json")


def test_speakers_of_trn_need_a_hyphen(tmp_path):
    (tmp_path / "a.trn").write_text("yes (call)\n")
    with pytest.raises(SchemaError, match=r"line 1: .*has no speaker before a hyphen"):
        sx.io.read_trn(tmp_path / "a.trn", speakers=True)


def test_channels_that_were_transcribed_separately(tmp_path):
    """Two people speak at the same time, each on a channel of their own."""
    tokens = pd.concat([tokens_of({"a": "I was saying."}, {"a": "1"}), tokens_of({"a": "No, wait."}, {"a": "2"})])
    tokens = tokens.assign(channel=pd.array([1] * 3 + [2] * 2, dtype="Int16")).sort_values("start_ms", kind="stable")
    tokens = tokens.assign(token_index=range(len(tokens))).reset_index(drop=True)
    made = sx.io.read_ctm(written("ctm", tokens, tmp_path))
    assert made["text"].tolist() == ["I", "was", "saying.", "No,", "wait."]
    assert made["channel"].tolist() == [1, 1, 1, 2, 2]
    for name in ("stm", "seglst", "lhotse"):
        path = tmp_path / f"a.{name}.jsonl"
        getattr(sx.io, f"write_{name}")(tokens, path)
        made = getattr(sx.io, f"read_{name}")(path)
        assert made[["channel", "text"]].to_numpy().tolist() == [[1, "I was saying."], [2, "No, wait."]]
    rttm = sx.io.read_rttm(written("rttm", tokens, tmp_path))
    assert rttm["channel"].tolist() == [1, 2]
    sx.io.write_srt(tokens, tmp_path / "a.srt")
    assert sorted(sx.io.read_srt(tmp_path / "a.srt")["text"]) == ["I was saying.", "No, wait."]


def test_tables_of_words_of_other_origin(tmp_path):
    """Words with white space are divided, and speakers may be numbers or None."""
    words = pd.DataFrame(
        {
            "audio_id": "a",
            "word_index": [0, 1, 2],
            "text": ["New\n\nYork", "is", "big"],
            "start_ms": [0, 1000, 2000],
            "end_ms": [900, 1500, 2500],
            "speaker": [1, None, 2],
        }
    )
    made = sx.io.read_ctm(written("ctm", words, tmp_path))
    assert made[["text", "start_ms", "end_ms"]].to_numpy().tolist() == [
        ["New", 0, 385],
        ["York", 385, 900],
        ["is", 1000, 1500],
        ["big", 2000, 2500],
    ]
    sx.io.write_vtt(words, tmp_path / "a.vtt")
    assert " ".join(sx.io.read_vtt(tmp_path / "a.vtt")["text"]) == "New York is big"
    segments = segments_of([("a", 1, 0, 900, "yes"), ("a", None, 1000, 1900, "no")])
    for name in ("stm", "seglst", "kaldi", "lhotse"):
        path = tmp_path / f"numbers.{name}"
        getattr(sx.io, f"write_{name}")(segments, path)
        assert getattr(sx.io, f"read_{name}")(path)["speaker"].isna().sum() == 1


@pytest.mark.parametrize("speakers", [False, True])
def test_a_text_that_begins_like_a_comment_of_trn_is_kept(tmp_path, speakers):
    segments = segments_of([("a", "1", 0, 900, ";; hi"), ("b", "1", 0, 900, "you ;; me")])
    path = written("trn", segments, tmp_path, speakers=speakers)
    read = sx.io.read_trn(path, speakers=speakers)
    assert dict(zip(read["audio_id"], read["text"], strict=True)) == {"a": ";; hi", "b": "you ;; me"}
    if (SCTK / "sclite").exists():
        command = [SCTK / "sclite", "-r", path, "trn", "-h", path, "trn", "-i", "rm", "-o", "pralign", "stdout"]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.count("Scores:") == 2


@pytest.mark.parametrize("name", ["stm", "trn"])
@pytest.mark.parametrize(
    "text", ["{you / me} and i", "meet me @ noon", "an open { brace", "ignore_time_segment_in_scoring"]
)
def test_a_text_that_the_format_cannot_quote_is_told(tmp_path, name, text):
    segments = segments_of([("a", "1", 0, 900, text), ("a", "1", 1000, 1900, "mail me@home / now }")])
    expected = text if name == "stm" or text.startswith("ignore") else f"{text} mail me@home / now }}"
    if text.startswith("ignore") and name == "trn":
        segments = segments.iloc[:1]
    with pytest.warns(
        UserWarning, match=rf"{name.upper() if name == 'stm' else name}: 1 texts .*{re.escape(repr(expected))}"
    ):
        written(name, segments, tmp_path)


@pytest.mark.parametrize("name", ["stm", "trn"])
def test_other_signs_are_not_told(tmp_path, name):
    written(name, segments_of([("a", "1", 0, 900, "mail me@home / now } (or) later ;; <b>")]), tmp_path)


@pytest.mark.parametrize("name", ["stm", "trn"])
def test_of_alternatives_the_first_is_read(tmp_path, name):
    text = "{ um / @ } hello { gonna / going to } { a / { b / c } } { @ / oh } go"
    file = tmp_path / f"a.{name}"
    file.write_text(f"a 1 agent 0.40 2.55 {text}\n" if name == "stm" else f"{text} (a)\n")
    table = getattr(sx.io, f"read_{name}")(file)
    assert table["text"].tolist() == ["um hello gonna a go"]


def test_the_word_that_ctm_takes_for_no_word_is_told(tmp_path):
    tokens = pd.DataFrame(
        {"audio_id": "a", "token_index": range(2), "text": ["me", " @"], "start_ms": [0, 9], "end_ms": [5, 20]}
    )
    with pytest.warns(UserWarning, match="CTM: 1 words are '@', which the format takes for no word"):
        sx.io.write_ctm(tokens, tmp_path / "a.ctm")


@pytest.mark.parametrize(("column", "reason"), [("speaker", "unknown speakers"), ("start_ms", "unknown time")])
def test_words_that_rttm_cannot_hold_are_told(tmp_path, column, reason):
    tokens = pd.DataFrame(
        {
            "audio_id": ["a", "b"],
            "token_index": 0,
            "text": "hi",
            "start_ms": pd.array([0, 9], "Int32"),
            "end_ms": [5, 20],
            "speaker": pd.array(["1", "1"], "string"),
        }
    )
    tokens.loc[1, column] = pd.NA
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a", "b"], "status": "completed"}), tokens)
    with pytest.warns(UserWarning, match=rf"RTTM: 1 of 2 words are left out \(words of {reason}\).*'b'"):
        corpus.to_rttm(tmp_path / "a.rttm")


@pytest.mark.parametrize("name", ["ctm", "csv", "soniox"])
def test_a_folder_that_does_not_exist_is_named(tmp_path, name):
    words = pd.DataFrame(
        {"audio_id": "a", "token_index": [0], "text": "hi", "start_ms": 0, "end_ms": 5, "confidence": 0.5}
    )
    file = tmp_path / "nowhere" / {"ctm": "a.ctm", "csv": "a.csv", "soniox": "a.json"}[name]
    with pytest.raises(InputError, match=r"because the folder .*nowhere does not exist\. Create it"):
        getattr(sx.io, f"write_{name}")(words, file)


def test_sentences_of_scripts_without_spaces_are_not_divided(tmp_path):
    tokens = pd.DataFrame({"audio_id": "a", "token_index": range(10), "text": list("好玩。明天见！他说。")})
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed", "source": "a.wav"}), tokens)
    corpus.to_trn(tmp_path / "a.trn")
    corpus.to_trn(tmp_path / "b.trn", speakers=True)
    corpus.to_txt(tmp_path / "a.txt")
    corpus.to_nemo(tmp_path / "a.json")
    assert (tmp_path / "a.trn").read_text(encoding="utf-8") == "好玩。明天见！他说。 (a)\n"
    assert (tmp_path / "b.trn").read_text(encoding="utf-8") == "好玩。明天见！他说。 (unknown-a)\n"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "好玩。明天见！他说。\n"
    assert json.loads((tmp_path / "a.json").read_bytes())["pred_text"] == "好玩。明天见！他说。"


def test_the_words_of_two_channels_of_ctm_do_not_interrupt_each_other(tmp_path):
    file = tmp_path / "a.ctm"
    lines = ["a 1 0.0 0.3 good", "a 2 0.1 0.3 yes", "a 1 0.4 0.3 morning.", "a 2 0.5 0.3 please."]
    file.write_text("\n".join([*lines, "a 1 3.0 0.3 bye", "a 2 2.0 0.3 ok"]))
    assert sx.read_references(file)["reference"].tolist() == ["good morning. yes please. ok bye"]


def test_a_column_name_is_no_formula(tmp_path):
    recordings = pd.DataFrame({"audio_id": ["a"], "status": "completed", '=HYPERLINK("x")': "y"})
    sx.Corpus(recordings).to_csv(tmp_path / "a.csv", rows="recordings")
    assert "'=HYPERLINK" in (tmp_path / "a.csv").read_text().partition("\n")[0]


@pytest.mark.parametrize(
    ("file", "line", "problem"),
    [
        ("utt2spk", "u2", "it has 1 fields, not 2"),
        ("utt2spk", "u2 anna smith", "it has 3 fields, not 2"),
        ("segments", "u2 call 1.0", "it has 3 fields, not 4"),
        ("segments", "u2 call 1.0 2.0 1 x", "it has 6 fields, not 4"),
    ],
)
def test_lines_of_kaldi_with_a_wrong_number_of_fields_are_refused(tmp_path, file, line, problem):
    (tmp_path / "text").write_text("u1 hello\nu2 you\n")
    (tmp_path / "utt2spk").write_text("u1 anna\n" + (f"{line}\n" if file == "utt2spk" else "u2 anna\n"))
    (tmp_path / "segments").write_text("u1 call 0 1.0\n" + (f"{line}\n" if file == "segments" else "u2 call 1 2\n"))
    with pytest.raises(SchemaError, match=rf"{file}, line 2: .*{problem}"):
        sx.io.read_kaldi(tmp_path)
