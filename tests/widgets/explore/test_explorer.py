"""The explorer without a browser: the columns, filters, order and answers of the kernel."""

from __future__ import annotations

import io
import queue
import wave

import av
import numpy as np
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.widgets.explore import explorer as explorer_module
from soniox_ds.widgets.explore.columns import UNITS, NumberColumn, TextColumn, column_of, parsed_range

TEXTS = {
    "talk2.wav": ("so good mourning to you", "So good morning to you", "hall", "1"),
    "talk10.wav": ("open the the window", "Open the little window", "hall", "1"),
    "talk1.wav": ("yes", "Yes", "street", "2"),
    "quiet.wav": ("", "hush", "street", "2"),
}


def corpus_of(texts=TEXTS, folder=None):
    """Return a corpus with a word of half a second in each second. Wrong words have the confidence 0.4.

    The last recording has failed.
    """
    rows, tokens = [], []
    for number, (audio_id, (text, reference, room, speaker)) in enumerate(texts.items()):
        words = text.split()
        source = None if folder is None else str(folder / audio_id)
        rows.append(
            {
                "audio_id": audio_id,
                "source": source,
                "status": "completed",
                "duration_ms": 5000 * (number + 1),
                "reference": reference,
                "room": room,
                "take": number,
                "text": text,
            }
        )
        for place, word in enumerate(words):
            tokens.append(
                {
                    "audio_id": audio_id, "token_index": place, "text": f" {word}", "start_ms": 1000 * place,
                    "end_ms": 1000 * place + 500, "confidence": 0.95 if word in reference.lower() else 0.4,
                    "speaker": speaker if place < 3 else "other",
                }
            )  # fmt: skip
    rows.append(
        {"audio_id": "lost.wav", "status": "failed", "error_message": "no audio", "reference": "Hello", "take": 9}
    )
    columns = ["audio_id", "token_index", "text", "start_ms", "end_ms", "confidence", "speaker"]
    return sx.Corpus(pd.DataFrame(rows), pd.DataFrame(tokens, columns=columns))


CORPUS = corpus_of()


def asked(explorer, kind, **content):
    """Send what a view sends, and return the answer and its buffers."""
    answers = queue.Queue()
    explorer.send = lambda message, buffers=None: answers.put((message, buffers))
    explorer._answer(explorer, {"type": kind, "view": "v", "number": 7} | content, [])
    answer, buffers = answers.get(timeout=60)
    assert answers.empty()
    assert (answer["type"], answer["view"], answer["number"]) == (kind, "v", 7)
    return answer, buffers


def rows_of(explorer, count=100, **query):
    answer, _ = asked(explorer, "rows", first=0, count=count, is_new=True, **query)
    return answer


def ids_of(explorer, **query):
    answer = rows_of(explorer, **query)
    assert answer["problems"] == {}
    return [cells[0].removesuffix(".wav") for cells in answer["rows"]]


def test_columns_and_cells():
    explorer = sx.explore(CORPUS)
    start, _ = asked(explorer, "start")
    labels = [column["label"] for column in start["columns"]]
    assert labels == [
        "Recording",
        "Duration",
        "WER",
        "Errors",
        "Words",
        "Confidence",
        "Speakers",
        "Status",
        "room",
        "take",
    ]
    assert start["total"] == 5
    rooms = next(column for column in start["columns"] if column["label"] == "room")
    assert (rooms["kind"], rooms["choices"]) == ("choice", ["hall", "street", "–"])
    rows = rows_of(explorer)["rows"]
    assert [cells[0] for cells in rows] == [*TEXTS, "lost.wav"]
    # "mourning" is wrong; so are 0.4 and four times 0.95 in the mean confidence
    assert rows[0][1:] == ["talk2.wav", "0:05.0", "20.0%", "1", "5", "0.840", "2", "completed", "hall", "0"]
    assert rows[3][1:8] == ["quiet.wav", "0:20.0", "100.0%", "1", "0", "–", "–"]
    assert rows[4][2:9] == ["–", "–", "–", "–", "–", "–", "failed"]
    assert repr(explorer) == "Explorer: 5 recordings, 50.0 s, WER 27.3%"  # 3 errors in 11 words


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"search": "MOURNING"}, ["talk2"]),  # of the transcript
        ({"search": "little"}, ["talk10"]),  # of the reference
        ({"search": "talk1"}, ["talk10", "talk1"]),
        ({"search": "nowhere"}, []),
        ({"filters": {"rate0": "> 20"}}, ["talk10", "quiet"]),
        ({"filters": {"rate0": "20"}}, ["talk2"]),
        ({"filters": {"rate0": "0 - 20 %"}}, ["talk2", "talk1"]),
        ({"filters": {"rate0": "–"}}, ["lost"]),
        ({"filters": {"duration": "10 – 15"}}, ["talk10", "talk1"]),
        ({"filters": {"duration": "≤ 0:10"}}, ["talk2", "talk10"]),
        ({"filters": {"of:room": "street", "words0": "< 1"}}, ["quiet"]),
        ({"filters": {"of:room": "–"}}, ["lost"]),
        ({"filters": {"audio_id": "TALK", "of:take": ">= 1"}}, ["talk10", "talk1"]),
        ({"sort": "audio_id"}, ["lost", "quiet", "talk1", "talk2", "talk10"]),
        ({"sort": "rate0", "descending": True}, ["quiet", "talk10", "talk2", "talk1", "lost"]),
        ({"sort": "rate0"}, ["talk1", "talk2", "talk10", "quiet", "lost"]),
        ({"sort": "of:room"}, ["talk2", "talk10", "talk1", "quiet", "lost"]),
        ({"sort": "of:room", "descending": True}, ["talk1", "quiet", "talk2", "talk10", "lost"]),
        ({"sort": "duration", "descending": True, "search": "talk"}, ["talk1", "talk10", "talk2"]),
    ],
)
def test_search_filters_and_order(query, ids):
    assert ids_of(sx.explore(CORPUS), **query) == ids


def test_a_filter_that_cannot_be_read_is_left_out_and_named():
    answer = rows_of(sx.explore(CORPUS), filters={"rate0": "many", "of:room": "hall"})
    assert list(answer["problems"]) == ["rate0"]
    assert "'many' is not a range of numbers; write > 10, or 5 – 10." in answer["problems"]["rate0"]
    assert answer["total"] == 2


def test_rows_come_by_pages_and_the_selected_recording_is_found_in_them():
    many = pd.DataFrame({"audio_id": [f"r{n}" for n in range(1000)], "status": "completed", "take": range(1000)})
    explorer = sx.explore(sx.Corpus(many))
    answer = rows_of(explorer, count=5000, sort="of:take", descending=True, near="r990")
    assert len(answer["rows"]) == explorer_module.MOST_ROWS == 200
    assert (answer["total"], answer["place"]) == (1000, 9)
    answer, _ = asked(explorer, "rows", first=980, count=100, search="r")
    assert [cells[0] for cells in answer["rows"]] == [f"r{n}" for n in range(980, 1000)]
    assert rows_of(explorer, search="r1", near="r990")["place"] == -1


def test_the_query_of_the_page_is_kept_for_the_user():
    explorer = sx.explore(CORPUS)
    assert len(explorer.audio_ids) == 5
    rows_of(explorer, sort="rate0", descending=True, filters={"rate0": "> 0"})
    asked(explorer, "rows", first=0, count=9)  # of another view, which only scrolls
    assert explorer.audio_ids == ["quiet.wav", "talk10.wav", "talk2.wav"]
    assert len(CORPUS.select(explorer.audio_ids)) == 3
    html = explorer._picture()["text/html"]
    assert "3 of 5 recordings" in html
    assert html.index("quiet.wav") < html.index("talk10.wav")


def test_a_recording_has_aligned_words_and_the_transcript():
    explorer = sx.explore(CORPUS)
    answer, _ = asked(explorer, "recording", audio_id="talk2.wav")
    assert explorer.audio_id == "talk2.wav"
    [arm] = answer["arms"]
    assert arm["score"] == "WER 20.0% (1 error in 5 words)"
    paragraphs = arm["views"]["errors"]["paragraphs"]
    assert [each["speaker"] for each in paragraphs] == ["speaker 1", "other"]
    assert paragraphs[0]["colour"] != paragraphs[1]["colour"]
    words = [word for each in paragraphs for word in each["words"]]
    assert words[1] == ["", "good", "good", 1000, 1500, 0.95, True]
    assert words[2] == ["S", "morning", "mourning", 2000, 2500, 0.4, True]
    spoken = [word[2] for each in arm["views"]["transcript"]["paragraphs"] for word in each["words"]]
    assert spoken == ["so", "good", "mourning", "to", "you"]
    assert ["WER", "20.0%"] in answer["facts"]

    answer, _ = asked(explorer, "recording", audio_id="quiet.wav")
    assert [word[:3] for word in answer["arms"][0]["views"]["errors"]["paragraphs"][0]["words"]] == [
        ["D", "hush", None]
    ]
    answer, _ = asked(explorer, "recording", audio_id="lost.wav")
    assert answer["arms"][0]["message"] == "The transcription failed: no audio"
    assert answer["no_audio"] == "no audio file of the recording is known"


def test_sound_comes_in_stretches(tmp_path):
    corpus = corpus_of(folder=tmp_path)
    rate = 16_000
    samples = np.concatenate([0.3 * np.sin(2 * np.pi * f * np.arange(2 * rate) / rate) for f in (300, 600)])
    with wave.open(str(tmp_path / "talk2.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    explorer = sx.explore(corpus)
    answer, [audio] = asked(explorer, "clip", audio_id="talk2.wav", start_ms=2000, end_ms=4000)
    assert (answer["start_ms"], answer["reason"], answer["mime"]) == (2000, "", "audio/ogg")
    with av.open(io.BytesIO(audio)) as opened:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in opened.decode(audio=0)])
    assert len(heard) == pytest.approx(2 * 48_000, abs=2000)
    crossings = np.count_nonzero(np.diff(np.signbit(heard[9600:-9600])))
    assert crossings / 2 / ((len(heard) - 19_200) / 48_000) == pytest.approx(600, abs=10)
    answer, buffers = asked(explorer, "clip", audio_id="talk10.wav", start_ms=0, end_ms=2000)
    assert (answer["reason"], buffers) == ("the audio file is no longer there", [])
    elsewhere = sx.explore(corpus, audio={"talk10.wav": tmp_path / "talk2.wav"})
    assert asked(elsewhere, "clip", audio_id="talk10.wav", start_ms=0, end_ms=2000)[1]
    assert asked(sx.explore(sx.words(corpus)), "recording", audio_id="talk2.wav")[0]["no_audio"].startswith(
        "the audio is not known: pass the corpus"
    )


def test_two_systems_side_by_side():
    other = corpus_of({**TEXTS, "talk2.wav": ("so good morning to you", *TEXTS["talk2.wav"][1:])})
    both = sx.explore(
        {"base": CORPUS, "context": other}, {"base": sx.word_errors(CORPUS), "context": sx.word_errors(other)}
    )
    assert repr(both) == "Explorer: 5 recordings, 50.0 s, WER base 27.3%, WER context 18.2%"
    labels = [column["label"] for column in asked(both, "start")[0]["columns"]]
    assert labels[:7] == ["Recording", "Duration", "WER base", "WER context", "Change", "Errors base", "Errors context"]
    assert rows_of(both)["rows"][0][3:6] == ["20.0%", "0.0%", "−20.0"]
    assert ids_of(both, filters={"change1": "< 0"}) == ["talk2"]
    assert ids_of(both, filters={"change1": "-20"}) == ["talk2"]
    answer, _ = asked(both, "recording", audio_id="talk2.wav")
    assert [arm["name"] for arm in answer["arms"]] == ["base", "context"]
    only_base = sx.explore({"base": CORPUS, "context": other.select(["talk1.wav"])})
    answer, _ = asked(only_base, "recording", audio_id="talk2.wav")
    assert answer["arms"][1]["message"] == "There is no transcript of this recording."


def test_a_comparison_is_shown_with_its_references_and_normaliser():
    plain = sx.Corpus(CORPUS.recordings.drop(columns="reference"), CORPUS.tokens)
    references = {audio_id: f"<noise> {reference}" for audio_id, (_, reference, *_) in TEXTS.items()}
    sources = [str(audio_id) for audio_id in TEXTS]
    arms = {"plain": plain, "again": plain}
    comparison = sx.compare(sources, arms=arms, references=references, normalizer=["tags", "basic"])
    explorer = sx.explore(comparison)
    assert repr(explorer).endswith("WER plain 27.3%, WER again 27.3%")
    answer, _ = asked(explorer, "recording", audio_id="talk1.wav")
    assert [arm["score"] for arm in answer["arms"]] == ["WER 0.0% (0 errors in 1 word)"] * 2


def test_character_errors_and_references_of_their_own():
    references = {"talk2": "So good morning to you", "talk1": "Yes"}  # named without the extension
    plain = sx.Corpus(CORPUS.recordings.drop(columns="reference"), CORPUS.tokens)
    with pytest.warns(UserWarning, match="matched"):
        errors = sx.character_errors(plain, references)
    with pytest.warns(UserWarning, match="matched"):
        explorer = sx.explore(plain, errors, references=references)
    answer, _ = asked(explorer, "recording", audio_id="talk2.wav")
    assert answer["arms"][0]["score"] == "CER 4.5% (1 error in 22 characters)"
    words = [word for each in answer["arms"][0]["views"]["errors"]["paragraphs"] for word in each["words"]]
    assert [word[0] for word in words] == ["", "", "S", "", ""]
    answer, _ = asked(explorer, "recording", audio_id="talk10.wav")
    assert list(answer["arms"][0]["views"]) == ["transcript"]
    assert "WER" not in repr(sx.explore(plain))


def test_an_opened_corpus_is_shown_without_its_tokens(tmp_path, monkeypatch):
    CORPUS.save(tmp_path / "saved")
    errors = sx.word_errors(CORPUS)
    opened = sx.open_corpus(tmp_path / "saved")
    monkeypatch.setattr(type(opened), "load", lambda self: pytest.fail("all tokens are read"))
    explorer = sx.explore(opened, errors)
    assert rows_of(explorer)["rows"][0][1:6] == ["talk2.wav", "0:05.0", "20.0%", "1", "5"]
    assert ids_of(explorer, search="MOURNING") == ["talk2"]
    assert ids_of(explorer, search="little") == ["talk10"]
    assert "recordings" not in opened.__dict__  # the table with all transcripts
    monkeypatch.undo()
    answer, _ = asked(explorer, "recording", audio_id="talk2.wav")
    assert (
        answer["arms"][0]["views"]
        == asked(sx.explore(CORPUS), "recording", audio_id="talk2.wav")[0]["arms"][0]["views"]
    )
    assert repr(sx.explore(opened)) == "Explorer: 5 recordings, 50.0 s"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sx.explore(["a"]), "sx.explore needs a corpus, .*found list"),
        (lambda: sx.explore({}), "the dict is empty"),
        (lambda: sx.explore(CORPUS, CORPUS), r"needs a table of errors, but found a Corpus; call sx\.explore\("),
        (lambda: sx.explore(CORPUS, {"a": sx.word_errors(CORPUS)}), "only one system"),
        (lambda: sx.explore({"a": CORPUS}, {"b": sx.word_errors(CORPUS)}), "errors has 'b'"),
        (lambda: sx.explore({"a": CORPUS}, sx.word_errors(CORPUS)), r"dict with the names of the transcripts: \['a'\]"),
        (lambda: sx.explore(CORPUS, sx.word_errors(CORPUS, normalizer="casefold")), "pass the same normalizer="),
        (lambda: sx.explore(CORPUS, references=["a"]), "references must be a table"),
        (
            lambda: sx.explore(CORPUS, sx.word_errors(CORPUS).assign(audio_id=lambda table: table["audio_id"] + "x")),
            "none of the 5 recordings is in the transcripts",
        ),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_wrong_tables():
    errors = sx.word_errors(CORPUS)
    with pytest.raises(SchemaError, match="neither wer nor cer"):
        sx.explore(CORPUS, errors.drop(columns="wer"))
    with pytest.raises(SchemaError, match="occurs twice"):
        sx.explore(CORPUS, pd.concat([errors, errors]))
    with pytest.raises(InputError, match="unknown type"):
        asked(sx.explore(CORPUS), "unheard")
    assert "unknown recording" in asked(sx.explore(CORPUS), "recording", audio_id="x")[0]["problem"]


def test_text_of_data_is_never_markup():
    nasty = {"<b>a</b>": ("<i>x</i>", "well", "<script>", "<s>1</s>")}
    html = sx.explore(corpus_of(nasty))._picture()["text/html"]
    assert "&lt;b&gt;a&lt;/b&gt;" in html
    assert not any(tag in html for tag in ("<b>", "<script>", "<s>"))


@pytest.mark.parametrize(
    ("text", "unit", "low", "high"),
    [
        ("5..10", "count", 5, 10),
        ("10 to 5", "count", 5, 10),
        ("-5 – -1", "points", -0.05, -0.01),
        ("1:00-1:30", "duration", 60_000, 90_000),
        ("12.3 %", "percent", 0.1225, 0.1235),
        ("1,000", "count", 1000, 1000),
    ],
)
def test_ranges_that_people_type(text, unit, low, high):
    assert parsed_range(text, UNITS[unit])[:2] == pytest.approx((low, high))


def test_columns_of_metadata():
    assert column_of("n", "n", pd.Series([1, None, 3])).kind == "number"
    assert column_of("flag", "flag", pd.Series([True, False, True])).choices == ["False", "True"]
    assert column_of("id", "id", pd.Series(["a", "b", "c"])).kind == "text"
    mixed = TextColumn("m", "m", ["b", None, "a", "b"])
    assert mixed.order(descending=False).tolist() == [2, 0, 3, 1]
    assert mixed.order(descending=True).tolist() == [0, 3, 2, 1]
    assert NumberColumn("d", "d", [None, 5_400_000], "duration").cell(1) == "1:30:00.0"
