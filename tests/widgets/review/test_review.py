"""Reviews without a browser: what corrections come to, what the file keeps, what the queue answers."""

from __future__ import annotations

import csv
import io
import threading
import wave

import av
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.review_queue.reviews import VERDICTS
from soniox_ds.schema import REVIEWED_REFERENCES, REVIEWS, WORDS
from soniox_ds.widgets.review import still as review_still
from soniox_ds.widgets.review.buttons import ACTIONS
from soniox_ds.widgets.review.store import ReviewStore, read_reviews

# ---- corrections


def words_of(text, audio_id="a.wav", **columns):
    """A word per second, each half a second long."""
    texts = text.split()
    frame = {
        "audio_id": audio_id,
        "word_index": range(len(texts)),
        "text": texts,
        "start_ms": [1000 * number for number in range(len(texts))],
        "end_ms": [1000 * number + 500 for number in range(len(texts))],
        "space_before": [bool(number) for number in range(len(texts))],
    }
    return pd.DataFrame(frame | columns)


def reviews_of(*rows, audio_id="a.wav"):
    """(first word, word after the last, verdict, correction or None); equal numbers for the gap before that word."""
    found = []
    for first, last, verdict, correction in rows:
        start, end = (1000 * first, 1000 * last - 500) if last > first else (1000 * first - 500, 1000 * first)
        found.append((audio_id, start, end, verdict, correction))
    return pd.DataFrame(found, columns=["audio_id", "start_ms", "end_ms", "verdict", "correction"])


# transcript, reviews, reference, checked words, corrections, open reviews
COUNTED_BY_HAND = [
    pytest.param("a b c d", [], "a b c d", 0, 0, 0, id="none"),
    pytest.param("a b c d", [(1, 3, "right", None)], "a b c d", 2, 0, 0, id="right"),
    pytest.param("a b c d", [(1, 3, "wrong", "x")], "a x d", 2, 1, 0, id="two-words-become-one"),
    pytest.param("a b c d", [(1, 3, "wrong", "b x y c")], "a b x y c d", 2, 1, 0, id="words-inserted"),
    pytest.param("a b c d", [(1, 3, "wrong", "")], "a d", 2, 1, 0, id="nothing-was-said"),
    pytest.param("a b c d", [(0, 4, "wrong", "")], "", 4, 1, 0, id="nothing-at-all"),
    pytest.param("a b c d", [(0, 2, "wrong", "x a b")], "x a b c d", 2, 1, 0, id="inserted-at-the-start"),
    pytest.param("a b c d", [(2, 4, "wrong", "c d x")], "a b c d x", 2, 1, 0, id="inserted-at-the-end"),
    pytest.param("a b c d", [(1, 3, "wrong", None)], "a b c d", 0, 0, 1, id="wrong-without-correction"),
    pytest.param("a b c d", [(1, 3, "unclear", None)], "a b c d", 0, 0, 1, id="unclear"),
    pytest.param("a b c d", [(2, 2, "wrong", "x y")], "a b x y c d", 0, 1, 0, id="words-lost-in-a-gap"),
    pytest.param("a b c d", [(4, 4, "wrong", "x")], "a b c d x", 0, 1, 0, id="words-lost-at-the-end"),
    pytest.param("a b c d", [(2, 2, "right", None)], "a b c d", 0, 0, 0, id="nothing-in-a-gap"),
    pytest.param("a b c d", [(1, 3, "wrong", " b  c ")], "a b c d", 2, 0, 0, id="the-same-after-all"),
    pytest.param("a b c d", [(0, 2, "wrong", "ab")], "ab c d", 2, 1, 0, id="joined"),
    pytest.param("an apple a", [(0, 2, "wrong", "ant apple")], "ant apple a", 2, 1, 0, id="beginning-of-a-word"),
    pytest.param(
        "a b c d e", [(0, 3, "wrong", "x b c"), (1, 5, "wrong", "b c d y")], "x b c d y", 5, 2, 0, id="overlap-agrees"
    ),
    pytest.param(
        "a b c d", [(0, 2, "right", None), (1, 3, "wrong", "b x")], "a b x d", 3, 1, 0, id="right-beside-a-change"
    ),
    pytest.param("a b c", [(0, 2, "wrong", None), (1, 2, "wrong", "x")], "a x c", 1, 1, 1, id="half-settled"),
    pytest.param("a b c", [(1, 2, "unclear", None), (0, 3, "right", None)], "a b c", 3, 0, 0, id="settled-by-another"),
    pytest.param(
        "a b c", [(0, 2, "wrong", None), (0, 2, "wrong", "a x b")], "a x b c", 2, 1, 0, id="settled-by-an-insertion"
    ),
    pytest.param("a b", [(1, 1, "wrong", None), (1, 1, "wrong", "x")], "a x b", 0, 1, 0, id="gap-settled"),
    pytest.param("a b", [(1, 1, "wrong", None)], "a b", 0, 0, 1, id="gap-left-open"),
    pytest.param("a b c", [(0, 2, "wrong", "a x b"), (0, 3, "wrong", "a x b c")], "a x b c", 3, 1, 0, id="twice"),
]


@pytest.mark.parametrize(("text", "rows", "reference", "checked", "corrections", "left"), COUNTED_BY_HAND)
def test_apply_reviews(text, rows, reference, checked, corrections, left):
    words = words_of(text)
    [row] = sx.apply_reviews(words, reviews_of(*rows)).to_dict("records")
    assert row["reference"] == reference
    assert (row["transcript_words"], row["checked_words"]) == (len(words), checked)
    assert (row["corrections"], row["open_reviews"]) == (corrections, left)
    assert row["reviews"] == len(rows)
    assert row["coverage"] == pytest.approx(checked / len(words))
    assert sx.reviewed_words(words, reviews_of(*rows))["text"].tolist() == reference.split()


CONTRADICTIONS = [
    pytest.param([(1, 3, "right", None), (1, 3, "wrong", "x")], id="right-and-changed"),
    pytest.param([(1, 3, "right", None), (1, 3, "wrong", None)], id="right-and-wrong"),
    pytest.param([(1, 3, "wrong", "x"), (1, 3, "wrong", "y")], id="two-texts"),
    pytest.param([(0, 2, "wrong", "x y"), (1, 3, "wrong", "z w")], id="changes-overlap"),
    pytest.param([(0, 2, "wrong", "a x"), (1, 3, "wrong", "b y")], id="confirmed-by-a-correction"),
    pytest.param([(1, 3, "right", None), (2, 2, "wrong", "x")], id="inserted-into-what-is-right"),
    pytest.param([(2, 2, "right", None), (1, 3, "wrong", "b x c")], id="inserted-where-nothing-was-said"),
    pytest.param([(2, 2, "right", None), (2, 2, "wrong", None)], id="gap-right-and-wrong"),
]


@pytest.mark.parametrize("rows", CONTRADICTIONS)
@pytest.mark.parametrize("turned", [False, True])
def test_reviews_that_contradict_each_other_are_refused(rows, turned):
    with pytest.raises(InputError, match=r"'a.wav' contradict each other: .* ms .* and .* ms"):
        sx.apply_reviews(words_of("a b c d"), reviews_of(*(rows[::-1] if turned else rows)))


def test_every_recording_has_a_row_and_the_schema_holds():
    words = pd.concat([words_of("a b"), words_of("c d", audio_id="b.wav")])
    table = sx.apply_reviews(words, reviews_of((0, 1, "wrong", "x")))
    assert list(table.columns) == list(REVIEWED_REFERENCES)
    assert table.dtypes.astype(str).to_dict() == {name: column.dtype for name, column in REVIEWED_REFERENCES.items()}
    assert table[["audio_id", "reference", "coverage"]].values.tolist() == [["a.wav", "x b", 0.5], ["b.wav", "c d", 0]]
    words = sx.reviewed_words(words, reviews_of((0, 1, "wrong", "x")))
    assert list(words.columns) == [*WORDS, "checked"]
    assert words["checked"].tolist() == [True, False, False, False]


def test_a_silent_recording_can_be_corrected_and_a_failed_one_has_no_row():
    recordings = pd.DataFrame({"audio_id": ["silent.wav", "failed.wav"], "status": ["completed", "failed"]})
    corpus = sx.Corpus(recordings)
    reviews = reviews_of((1, 1, "wrong", "hello there"), audio_id="silent.wav")
    [row] = sx.apply_reviews(corpus, reviews).to_dict("records")
    assert (row["audio_id"], row["reference"], row["transcript_words"]) == ("silent.wav", "hello there", 0)
    assert pd.isna(row["coverage"])
    [row] = sx.apply_reviews(corpus, reviews.assign(verdict=pd.NA, correction=pd.NA)).to_dict("records")
    assert (row["audio_id"], row["reference"], row["reviews"]) == ("silent.wav", "", 0)


def test_scripts_without_spaces_keep_none():
    words = words_of("你 好 吗", space_before=False)
    assert sx.apply_reviews(words, reviews_of((0, 3, "wrong", "你们好吗")))["reference"].tolist() == ["你们好吗"]
    assert sx.apply_reviews(words, reviews_of((0, 3, "wrong", "你好")))["reference"].tolist() == ["你好"]
    joined = words_of("x y z", space_before=[False, True, False])
    assert sx.apply_reviews(joined, reviews_of((1, 2, "wrong", "")))["reference"].tolist() == ["x z"]
    mixed = words_of("你 好 x", space_before=[False, False, True])
    assert sx.apply_reviews(mixed, reviews_of((0, 3, "wrong", "你x")))["reference"].tolist() == ["你x"]


def test_corrected_words_keep_times_where_each_replaces_one():
    words = words_of("a b c d", speaker="2", confidence=0.5)
    fresh = sx.reviewed_words(words, reviews_of((0, 2, "wrong", "x y"), (3, 4, "wrong", "z w")))
    assert fresh["text"].tolist() == ["x", "y", "c", "z", "w"]
    assert fresh["start_ms"].tolist() == [0, 1000, 2000, pd.NA, pd.NA]
    assert fresh["confidence"].isna().tolist() == [True, True, False, True, True]
    assert set(fresh["speaker"]) == {"2"}
    assert fresh["word_index"].tolist() == [0, 1, 2, 3, 4]


def test_translations_are_left_alone():
    words = words_of("a b x y", translation_status=["original", "original", "translation", "translation"])
    words.loc[2:, ["start_ms", "end_ms"]] = pd.NA
    assert sx.apply_reviews(words, reviews_of((0, 1, "wrong", "c")))["reference"].tolist() == ["c b"]


def test_reviews_that_cannot_be_applied_are_refused():
    words = words_of("a b c d")
    with pytest.raises(InputError, match=r"'b d' was reviewed, but the words there are 'b c'"):
        sx.apply_reviews(words, reviews_of((1, 3, "right", None)).assign(text="b d"))
    assert len(sx.apply_reviews(words, reviews_of((1, 3, "right", None)).assign(text=" b  c")))
    with pytest.raises(SchemaError, match=r"verdict contains \['good'\]"):
        sx.apply_reviews(words, reviews_of((1, 3, "good", None)))
    with pytest.raises(SchemaError, match='correction although their verdict is not "wrong"'):
        sx.apply_reviews(words, reviews_of((1, 3, "right", "x")))
    with pytest.raises(InputError, match="have no recording in common"):
        sx.apply_reviews(words, reviews_of((1, 3, "right", None), audio_id="b.wav"))
    with pytest.raises(SchemaError, match=r"lacks \['verdict'\]"):
        sx.apply_reviews(words, reviews_of().drop(columns="verdict"))
    spoken_over = words_of("a b c d").assign(end_ms=[500, 4500, 2500, 3500])  # b goes on until after d
    with pytest.raises(InputError, match="two people speak at once"):
        sx.apply_reviews(spoken_over, reviews_of((0, 3, "wrong", "x")))
    assert sx.apply_reviews(spoken_over, reviews_of((0, 3, "right", None)))["checked_words"].tolist() == [3]


SPOKEN_WORDS = st.lists(st.sampled_from(["a", "b", "ab", "你"]), min_size=1, max_size=8)


@given(SPOKEN_WORDS, st.data())
def test_a_correction_stands_where_the_words_stood(texts, data):
    first = data.draw(st.integers(0, len(texts) - 1))
    last = data.draw(st.integers(first + 1, len(texts)))
    correction = data.draw(st.lists(st.sampled_from(["a", "b", "ab", "你"]), max_size=5))
    words = words_of(" ".join(texts))
    [row] = sx.apply_reviews(words, reviews_of((first, last, "wrong", " ".join(correction)))).to_dict("records")
    assert row["reference"].split() == texts[:first] + correction + texts[last:]
    assert row["checked_words"] == last - first


SPANS = st.tuples(st.integers(0, 7), st.integers(1, 3), st.sampled_from(["right", "unclear", None]))


@given(SPOKEN_WORDS, st.lists(SPANS, max_size=6), st.booleans())
def test_without_corrections_the_text_stays(texts, spans, spaced):
    assume(texts)
    words = words_of(" ".join(texts), space_before=spaced)
    rows = [(first, min(first + length, len(texts)), verdict, None) for first, length, verdict in spans]
    rows = [row for row in rows if row[0] < row[1]]
    table = sx.apply_reviews(words, reviews_of(*rows))
    assert table["reference"].tolist() == sx.texts(words)["text"].tolist()
    right = {word for first, last, verdict, _ in rows if verdict == "right" for word in range(first, last)}
    assert table["checked_words"].tolist() == [len(right)]
    if len(right) == len(texts):
        assert table["coverage"].tolist() == [1.0]


@given(SPOKEN_WORDS, st.lists(st.tuples(st.integers(0, 7), st.integers(1, 3)), max_size=4), st.data())
def test_the_order_of_reviews_does_not_matter(texts, spans, data):
    rows = []
    for first, length in spans:
        last = min(first + length, len(texts))
        if first < last:
            said = data.draw(st.one_of(st.none(), st.lists(st.sampled_from(["a", "b"]), max_size=3).map(" ".join)))
            rows.append((first, last, "right" if said is None else "wrong", said))
    words = words_of(" ".join(texts))

    def outcome(order):
        try:
            return sx.apply_reviews(words, reviews_of(*order)).drop(columns="audio_id").values.tolist()
        except InputError:
            return "contradiction"

    assert outcome(rows) == outcome(data.draw(st.permutations(rows)))


# ---- the file


def a_review(row, verdict="right", when="2026-01-01T00:00:00.123Z", **more):
    kept = dict.fromkeys(REVIEWS) | {"audio_id": "a.wav", "start_ms": 1000 * row, "end_ms": 1000 * row + 500}
    return kept | {"text": "NA", "verdict": verdict, "corrected": False, "reviewed_at": pd.Timestamp(when)} | more


@pytest.mark.parametrize("name", ["reviews.csv", "reviews.parquet"])
def test_saved_reviews_are_read_again(tmp_path, name):
    path = tmp_path / name
    store = ReviewStore(path)
    rows = [
        a_review(0, text='say "null",\nand <b>', note="=1+1 👩‍🔬 שלום", reviewer="ana"),
        a_review(1, "wrong", corrected=True, correction="two"),
        a_review(2, "wrong", corrected=True, correction=""),
        a_review(3, "wrong"),
        a_review(4, None, note="only a note"),
    ]
    for row in rows:
        store.keep(row)
    keys = [("a.wav", 1000 * row, 1000 * row + 500) for row in range(5)]
    again = ReviewStore(path).table(keys)
    assert list(again.columns) == list(REVIEWS)
    assert again.dtypes.astype(str).to_dict() == {name: column.dtype for name, column in REVIEWS.items()}
    before = store.table(keys)
    before["correction"] = before["correction"].replace("", pd.NA)  # .csv cannot tell; `corrected` does
    again["correction"] = again["correction"].replace("", pd.NA)
    pd.testing.assert_frame_equal(again, before)
    assert again["corrected"].tolist() == [False, True, True, False, False]
    assert {found.name for found in tmp_path.iterdir()} <= {name, f".{name}.lock"}


def test_nothing_said_survives_a_spreadsheet(tmp_path):
    path = tmp_path / "reviews.csv"
    ReviewStore(path).keep(a_review(1, "wrong", corrected=True, correction="", text="b"))
    plain = pd.read_csv(path)  # as anybody reads it
    assert sx.apply_reviews(words_of("a b c"), plain)["reference"].tolist() == ["a c"]


FORMULAS = [
    "=1+1",
    "+1",
    "-x",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://host.example";"x")',
    "＝1",
    "'=1",
    "''-",
    "a=1",
    "'tis",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_of_a_csv_is_a_formula(tmp_path, text):
    path = tmp_path / "reviews.csv"
    row = a_review(0, "wrong", corrected=True, correction=text, text=text, note=text, reviewer=text, audio_id=text)
    ReviewStore(path).keep(row)
    with path.open(newline="", encoding="utf-8") as file:
        cells = list(csv.reader(file))[1]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n", "＝")]
    read = read_reviews(path).iloc[0]
    assert [read[name] for name in ("audio_id", "text", "correction", "note", "reviewer")] == [text] * 5


def test_a_file_with_quoted_formulas_is_applied_however_it_was_read(tmp_path):
    path = tmp_path / "reviews.csv"
    ReviewStore(path).keep(a_review(1, "wrong", corrected=True, correction="-5", text="-4"))
    for table in (pd.read_csv(path), read_reviews(path)):
        assert sx.apply_reviews(words_of("a -4 c"), table)["reference"].tolist() == ["a -5 c"]


def test_a_file_that_a_spreadsheet_saved_is_read(tmp_path):
    path = tmp_path / "reviews.csv"
    ReviewStore(path).keep(a_review(1, "wrong", corrected=True, correction="b; c", text="NA"))
    rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows(rows)
    assert read_reviews(path)[["text", "correction"]].to_numpy().tolist() == [["NA", "b; c"]]
    path.write_text(path.read_text(encoding="utf-8-sig").replace("NA", '"NA', 1), encoding="utf-8")
    with pytest.raises(SchemaError, match=r"not a table of reviews: the reviews .* line 2: a quote is opened"):
        read_reviews(path)


def test_two_queues_share_a_file_and_the_latest_review_counts(tmp_path):
    path = tmp_path / "reviews.csv"
    one, two = ReviewStore(path), ReviewStore(path)
    one.keep(a_review(0))
    two.keep(a_review(1))
    one.keep(a_review(2))
    two.keep(a_review(0, "unclear", "2026-01-02T00:00:00Z"))
    one.keep(a_review(3))
    read = read_reviews(path).sort_values("start_ms")
    assert read["verdict"].tolist() == ["unclear", "right", "right", "right"]
    assert one.get(("a.wav", 0, 500))["verdict"] == "unclear"


def test_many_hands_at_once_lose_nothing(tmp_path):
    path = tmp_path / "reviews.csv"
    stores = [ReviewStore(path) for _ in range(4)]
    hands = [
        threading.Thread(target=lambda own=number: [stores[own].keep(a_review(4 * row + own)) for row in range(6)])
        for number in range(4)
    ]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted(read_reviews(path)["start_ms"]) == [1000 * row for row in range(24)]


def test_a_file_that_holds_something_else_is_left_alone(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("wer\n0.5\n")
    with pytest.raises(SchemaError, match=r"scores.csv: the table lacks \['audio_id', 'start_ms'"):
        ReviewStore(path)
    assert path.read_text() == "wer\n0.5\n"
    for content, told in [
        ("audio_id,start_ms,end_ms,verdict\na,x,1,right\n", "not a table of reviews"),
        ("audio_id,start_ms,end_ms,verdict,corrected\na,0,500,right,maybe\n", "corrected contains 'maybe'"),
        ("", "not a table of reviews"),
    ]:
        path.write_text(content)
        with pytest.raises(SchemaError, match=told):
            ReviewStore(path)
    with pytest.raises(InputError, match=r"saved as .csv or .parquet"):
        ReviewStore(tmp_path / "reviews.xlsx")
    with pytest.raises(InputError, match="does not exist; create it first"):
        ReviewStore(tmp_path / "nowhere" / "reviews.csv")


def damaged(path, how):
    """Make a good file of reviews a bad one."""
    ReviewStore(path).keep(a_review(0))
    good = path.read_bytes()
    path.write_bytes({"cut": good[: len(good) // 2], "none": b"", "text": b"audio_id\n" * 9, "torn": _torn(good)}[how])
    return path


def _torn(good):
    """A Parquet file whose ends are whole: the foot is there, but says nothing."""
    return good[:-200] + bytes(192) + good[-8:]


@pytest.mark.parametrize("how", ["cut", "none", "text", "torn"])
def test_a_damaged_file_is_told_and_left_alone(tmp_path, how):
    path = damaged(tmp_path / "reviews.parquet", how)
    bad = path.read_bytes()
    with pytest.raises(SchemaError, match=r"reviews.parquet: this is not a table of reviews"):
        ReviewStore(path)
    assert path.read_bytes() == bad


def test_times_that_are_none_are_told(tmp_path):
    path = tmp_path / "reviews.parquet"
    odd = pd.DataFrame({"audio_id": ["a"], "start_ms": [[1]], "end_ms": [[2]], "verdict": ["right"]})
    odd.to_parquet(path)
    with pytest.raises(SchemaError, match="not a table of reviews"):
        ReviewStore(path)


# ---- the queue


@pytest.fixture
def corpus(tmp_path):
    """Six words, two of them doubtful, over 6 s of audio: a tone in second 2, silence elsewhere."""
    rate = 16_000
    times = np.arange(6 * rate) / rate
    tone = np.where(np.floor(times) == 2, 0.5 * np.sin(2 * np.pi * 440 * times), 0)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((tone * 32_767).astype("<i2").tobytes())
    tokens = pd.DataFrame(
        {
            "audio_id": "a.wav",
            "token_index": range(6),
            "text": [" please", " take", " listen", " april", " <daily>", " now"],
            "start_ms": [0, 1000, 2000, 3000, 4000, 5000],
            "end_ms": [500, 1500, 2500, 3500, 4500, 5500],
            "confidence": [0.9, 0.9, 0.4, 0.3, 0.9, 0.9],
        }
    )
    recordings = pd.DataFrame({"audio_id": ["a.wav"], "source": ["a.wav"], "status": ["completed"]})
    return sx.Corpus(recordings, tokens)


@pytest.fixture
def ask():
    """``ask(queue, type, ...)`` sends what a view sends and returns the answer and its buffers."""

    def sent(queue, kind, **content):
        answers = []
        queue.send = lambda message, buffers=None: answers.append((message, buffers))
        queue._answer(queue, {"type": kind, "view": "v"} | content, [])
        [(message, buffers)] = answers
        assert message["view"] == content.get("view", "v")
        return message, buffers

    return sent


def samples(audio):
    with av.open(io.BytesIO(audio)) as file:
        return np.concatenate([frame.to_ndarray().mean(axis=0) for frame in file.decode(audio=0)]), 48_000


def test_a_clip_shows_its_words_and_those_around(corpus, ask):
    clips = sx.flag_low_confidence(corpus, 0.5, context_ms=100)
    queue = sx.review(clips, corpus, context_words=1)
    message, _ = ask(queue, "rows", first=0, count=50)
    [row] = message["rows"]
    assert (row["before"], row["text"], row["after"]) == ("take", "listen april", "<daily>")
    assert row["pieces"] == [["listen", True, 0.4], [" ", False, None], ["april", True, 0.3]]
    assert ask(queue, "start")[0]["verdicts"] == [None]


@pytest.mark.parametrize(
    ("change", "marked"),
    [
        pytest.param({}, ["listen", "april"], id="threshold"),
        pytest.param({"threshold": 0.35}, ["april"], id="lower-threshold"),
        pytest.param({"threshold": pd.NA, "flagged": 1}, ["april"], id="budget"),
        pytest.param({"threshold": pd.NA, "flagged": pd.NA}, [], id="unknown"),
    ],
)
def test_flagged_words_are_marked(corpus, ask, change, marked):
    clips = sx.flag_low_confidence(corpus, 0.5, context_ms=1500).assign(**change)
    [row] = ask(sx.review(clips, corpus), "rows", first=0, count=1)[0]["rows"]
    assert [text for text, doubtful, _ in row["pieces"] if doubtful] == marked
    assert "".join(text for text, _, _ in row["pieces"]) == row["text"] == "take listen april <daily>"


@pytest.mark.filterwarnings("ignore:the references contain the tags '<daily>'")  # it is a word of this transcript
def test_places_of_other_tables_can_be_reviewed(corpus, ask):
    references = pd.DataFrame({"audio_id": ["a.wav"], "reference": ["please take your lisinopril <daily> now"]})
    confusions = sx.confusions(sx.align_words(corpus, references, normalizer="none"))
    queue = sx.review(confusions, corpus, save_to=None)
    rows = ask(queue, "rows", first=0, count=50)[0]["rows"]
    assert {(row["text"], row["hint"]) for row in rows} == {("listen", "your"), ("april", "lisinopril")}


def test_the_sound_is_that_of_the_clip(corpus, ask, tmp_path):
    clips = pd.DataFrame({"audio_id": ["a.wav"] * 2, "start_ms": [2000, 2500], "end_ms": [3000, 3500]})
    queue = sx.review(clips, corpus, audio_root=tmp_path, margin_ms=0)
    message, [audio] = ask(queue, "clip", row=0)
    found, rate = samples(audio)
    assert (message["row"], message["mime"], message["reason"]) == (0, "audio/ogg", "")
    assert len(found) / rate == pytest.approx(1.0, abs=0.03)
    inner = found[rate // 10 : -rate // 10]
    assert np.sqrt((inner**2).mean()) == pytest.approx(0.5 / np.sqrt(2), abs=0.03)
    assert (np.diff(np.signbit(inner)).sum() / 2) / (len(inner) / rate) == pytest.approx(440, abs=5)
    later, _ = samples(ask(queue, "clip", row=1)[1][0])
    assert np.abs(later[: rate // 3]).max() > 0.4
    assert np.abs(later[2 * rate // 3 :]).max() < 0.02  # silence after the tone
    wide = sx.review(clips, corpus, audio_root=tmp_path, margin_ms=500)
    assert len(samples(ask(wide, "clip", row=0)[1][0])[0]) / rate == pytest.approx(2.0, abs=0.03)


def test_missing_audio_is_said_and_does_not_hinder(corpus, ask, tmp_path):
    clips = pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [2000], "end_ms": [3000]})
    moved = sx.review(clips, corpus, audio_root=tmp_path / "nowhere")
    assert ask(moved, "rows", first=0, count=1)[0]["rows"][0]["no_audio"] == "the audio file is no longer there"
    assert ask(moved, "clip", row=0) == (
        {"type": "clip", "view": "v", "row": 0, "mime": "audio/ogg", "reason": "the audio file is no longer there"},
        [],
    )
    ask(moved, "review", row=0, number=1, verdict="right", correction=None, note="")
    assert moved.table["verdict"].tolist() == ["right"]
    words_only = sx.review(clips, corpus.words())
    assert "pass the corpus" in ask(words_only, "rows", first=0, count=1)[0]["rows"][0]["no_audio"]
    told = sx.review(clips, corpus.words(), audio={"a.wav": tmp_path / "a.wav"})
    assert ask(told, "rows", first=0, count=1)[0]["rows"][0]["no_audio"] == ""
    assert len(ask(told, "clip", row=0)[1]) == 1
    (tmp_path / "b.wav").write_bytes(b"no audio")
    broken = sx.review(clips, corpus, audio={"a.wav": tmp_path / "b.wav"})
    assert "cannot be read" in ask(broken, "clip", row=0)[0]["reason"]


@pytest.mark.filterwarnings("ignore:the references contain the tags '<daily>'")  # it is a word of this transcript
def test_verdicts_become_a_table_a_file_and_references(corpus, ask, tmp_path):
    clips = sx.flag_low_confidence(corpus, 0.35, context_ms=100)
    path = tmp_path / "reviews.csv"
    queue = sx.review(clips, corpus, save_to=path, reviewer="ana")
    message, _ = ask(queue, "review", row=0, number=7, verdict="wrong", correction=" lisin\n opril ", note="quiet")
    assert message == {
        "type": "kept",
        "view": "v",
        "row": 0,
        "number": 7,
        "problem": "",
        "verdict": "wrong",
        "correction": "lisin opril",
        "note": "quiet",
    }
    [row] = queue.table.to_dict("records")
    assert (row["text"], row["correction"], row["reviewer"], row["note"]) == ("april", "lisin opril", "ana", "quiet")
    assert abs(pd.Timestamp.now("UTC") - row["reviewed_at"]) < pd.Timedelta("1min")
    references = sx.apply_reviews(corpus, queue.table)
    assert references["reference"].tolist() == ["please take listen lisin opril <daily> now"]
    errors = sx.word_errors(corpus, references, normalizer="none")
    assert errors[["hits", "substitutions", "deletions", "insertions"]].values.tolist() == [[5, 1, 1, 0]]

    again = sx.review(clips, corpus, save_to=path)
    assert ask(again, "start")[0] == {"type": "start", "view": "v", "verdicts": ["wrong"], "saved_to": "reviews.csv"}
    pd.testing.assert_frame_equal(again.table, queue.table)
    other = sx.review(sx.flag_low_confidence(corpus, 0.5, merge_gap_ms=0, context_ms=0), corpus, save_to=path)
    assert other.table.empty  # other clips
    ask(other, "review", row=0, number=1, verdict="unclear", correction=None, note=None)
    assert sorted(read_reviews(path)["verdict"]) == ["unclear", "wrong"]
    ask(again, "review", row=0, number=1, verdict=None, correction=None, note=None)
    assert again.table["verdict"].isna().tolist() == [True]  # taken back


def test_unwritten_reviews_are_reported_and_kept_for_later(corpus, ask, tmp_path):
    clips = pd.DataFrame({"audio_id": ["a.wav"] * 2, "start_ms": [2000, 3000], "end_ms": [2500, 3500]})
    path = tmp_path / "reviews.csv"
    queue = sx.review(clips, corpus, save_to=path)
    path.mkdir()
    message, _ = ask(queue, "review", row=0, number=1, verdict="right", correction=None, note=None)
    assert "reviews.csv could not be written: " in message["problem"]
    assert queue.table["verdict"].tolist() == ["right"]
    path.rmdir()
    assert ask(queue, "review", row=1, number=2, verdict="wrong", correction=None, note=None)[0]["problem"] == ""
    assert read_reviews(path)["verdict"].tolist() == ["right", "wrong"]


def test_a_file_that_is_damaged_meanwhile_is_said_in_the_view(corpus, ask, tmp_path):
    clips = pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [2000], "end_ms": [2500]})
    path = tmp_path / "reviews.parquet"
    queue = sx.review(clips, corpus, save_to=path)
    damaged(path, "cut")
    message, _ = ask(queue, "review", row=0, number=1, verdict="right", correction=None, note=None)
    assert message["type"] == "kept"
    assert "reviews.parquet could not be written: " in message["problem"]
    assert queue.table["verdict"].tolist() == ["right"]


def test_a_verdict_that_arrives_after_a_later_one_of_its_view_is_not_taken(corpus, ask):
    queue = sx.review(pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [2000], "end_ms": [2500]}), corpus)
    ask(queue, "review", view="one", row=0, number=2, verdict="unclear", correction=None, note=None)
    message, _ = ask(queue, "review", view="one", row=0, number=1, verdict="right", correction=None, note=None)
    assert (message["number"], message["verdict"]) == (1, "unclear")
    assert queue.table["verdict"].tolist() == ["unclear"]
    ask(queue, "review", view="two", row=0, number=1, verdict="wrong", correction=None, note=None)
    assert queue.table["verdict"].tolist() == ["wrong"]


def test_clips_that_cannot_be_reviewed_are_refused(corpus):
    clips = pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [2000], "end_ms": [3000]})
    with pytest.raises(InputError, match=r"transcripts do not have, such as 'b.wav'"):
        sx.review(clips.assign(audio_id="b.wav"), corpus)
    with pytest.raises(SchemaError, match=r"clips: 1 of 1 rows have no recording or no time"):
        sx.review(clips.assign(start_ms=pd.NA), corpus)
    with pytest.raises(SchemaError, match="clips: 1 of 2 rows are duplicates"):
        sx.review(pd.concat([clips, clips]), corpus)
    with pytest.raises(SchemaError, match=r"clips: the table lacks \['start_ms', 'end_ms'\]"):
        sx.review(clips[["audio_id"]], corpus)
    with pytest.raises(InputError, match="margin_ms is -1"):
        sx.review(clips, corpus, margin_ms=-1)
    with pytest.raises(InputError, match=r"context_words is 1\.5"):
        sx.review(clips, corpus, context_words=1.5)


@pytest.mark.parametrize(
    "content",
    [
        {"type": "delete"},
        {"type": "clip", "row": 1},
        {"type": "clip", "row": -1},
        {"type": "review", "row": 0, "verdict": "good"},
        None,
    ],
)
def test_messages_out_of_the_ordinary_change_nothing(corpus, content):
    queue = sx.review(pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [2000], "end_ms": [3000]}), corpus)
    with pytest.raises(InputError, match="the view"):
        queue._answer(queue, content, [])
    assert queue.table.empty


def test_an_empty_queue_is_one(corpus, ask):
    queue = sx.review(sx.flag_low_confidence(corpus, 0.1), corpus)
    assert ask(queue, "start")[0]["verdicts"] == []
    assert ask(queue, "rows", first=0, count=50)[0]["rows"] == []
    assert "0 of 0 clips" in repr(queue)
    assert len(sx.apply_reviews(corpus, queue.table)) == 1


def test_nothing_of_the_data_is_in_the_widgets_state(corpus):
    queue = sx.review(sx.flag_low_confidence(corpus, 0.5), corpus, reviewer="ana")
    state = str({name: value for name, value in queue.get_state().items() if name not in ("_esm", "_css")})
    assert "listen" not in state
    assert "a.wav" not in state
    assert len(state) < 1500


def test_the_still_table_is_text_and_stays_small(ask):
    nasty = "<script>alert(1)</script> שלום \u202e\x00 " + "long " * 100
    clips = pd.DataFrame(
        {"audio_id": "<b>.wav", "start_ms": range(0, 300_000, 1000), "end_ms": range(500, 300_500, 1000), "text": nasty}
    )
    queue = sx.review(clips)
    ask(queue, "review", row=0, number=1, verdict="wrong", correction="<i>", note=None)
    bundle = queue._repr_mimebundle_()[0]
    page = bundle["text/html"]
    assert "<script" not in page
    assert "<b>" not in page
    assert "\x00" not in page
    assert "<ins><bdi>&lt;i&gt;</bdi></ins>" in page
    assert "1 of 300 clips reviewed (1 wrong)" in page
    assert "and 240 more" in page
    assert page.count("<tr>") == review_still.MOST_ROWS + 1
    assert len(page) < 50_000
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert repr(queue) == bundle["text/plain"]
    assert repr(queue).count("\n") == 6


def test_every_verdict_has_a_button_a_key_and_a_sign_of_its_own():
    assert tuple(ACTIONS) == VERDICTS
    for field in ("label", "sign", "shortcut"):
        assert len({getattr(action, field) for action in ACTIONS.values()}) == len(VERDICTS)
