"""Errors of words, characters, punctuation and capitals, counted by hand; what is scored and what is not."""

import warnings

import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError

COUNTS = ["hits", "substitutions", "deletions", "insertions"]
NA = pd.NA
FEW = settings(max_examples=examples(25))  # tables take their time


def errors_of(references, hypotheses, **options):
    return sx.word_errors({"a": hypotheses}, {"a": references}, **options).iloc[0]


COUNTED_BY_HAND = [
    pytest.param("a b c", "a b c", (3, 0, 0, 0), (0.0, 0.0, 0.0), id="all-right"),
    pytest.param("a b c d", "a x c", (2, 1, 1, 0), (0.5, 0.5, 1 - 4 / 12), id="one-wrong-one-lost"),
    pytest.param("a b", "x y", (0, 2, 0, 0), (1.0, 1.0, 1.0), id="all-wrong"),
    pytest.param("a b", "", (0, 0, 2, 0), (1.0, 1.0, 1.0), id="nothing-transcribed"),
    pytest.param("", "a b", (0, 0, 0, 2), (NA, 1.0, NA), id="nothing-was-to-be-said"),
    pytest.param("", "", (0, 0, 0, 0), (NA, NA, NA), id="silence"),
    pytest.param("a", "b c d", (0, 1, 0, 2), (3.0, 1.0, 1.0), id="more-than-all"),
    pytest.param("So, what?", "so what", (2, 0, 0, 0), (0.0, 0.0, 0.0), id="normalised"),
    pytest.param("we take", "we took, um", (1, 1, 0, 1), (1.0, 2 / 3, 1 - 1 / 6), id="inserted"),
]


@pytest.mark.parametrize(("said", "heard", "counts", "rates"), COUNTED_BY_HAND)
def test_word_errors(said, heard, counts, rates):
    row = errors_of(said, heard)
    assert tuple(row[COUNTS]) == counts
    for name, rate in zip(("wer", "mer", "wil"), rates, strict=True):
        assert (pd.isna(row[name]) and pd.isna(rate)) or row[name] == pytest.approx(rate)
    assert row["reference_words"] == sum(counts[:3])
    assert row["hypothesis_words"] == counts[0] + counts[1] + counts[3]
    assert row["fewest_errors"] == sum(counts[1:])


def test_the_example_of_two_utterances():
    references = {
        "1": "the patient takes five milligrams of lisinopril every day",
        "2": "can you hear me now",
    }
    hypotheses = {
        "1": "the patient take five milligrams of listen april every day",
        "2": "can you hear now okay",
    }
    sclite = sx.word_errors(hypotheses, references)
    levenshtein = sx.word_errors(hypotheses, references, cost="levenshtein")
    assert sclite[COUNTS[1:]].sum().tolist() == [2, 1, 2]
    assert levenshtein[COUNTS[1:]].sum().tolist() == [4, 0, 1]
    for table in (sclite, levenshtein):
        assert (table[COUNTS[1:]].sum().sum(), table["reference_words"].sum()) == (5, 14)


def test_sclite_takes_an_error_more_to_save_three_substitutions():
    row = errors_of("a b c d e", "d e x y z")
    assert (tuple(row[COUNTS]), row["fewest_errors"]) == ((2, 0, 3, 3), 5)
    assert tuple(errors_of("a b c d e", "d e x y z", cost="levenshtein")[COUNTS]) == (0, 5, 0, 0)


def test_the_table_is_as_documented():
    table = sx.word_errors({"a": "x"}, {"a": "x"})
    assert list(table) == list(schema.WORD_ERRORS)
    assert [str(dtype) for dtype in table.dtypes] == [column.dtype for column in schema.WORD_ERRORS.values()]
    assert table[["normalizer", "cost", "status"]].iloc[0].tolist() == ["basic 3", "sclite", "scored"]


def test_letters_in_two_spellings_are_no_error():
    assert errors_of("caf\u00e9", "cafe\u0301", normalizer="none")["wer"] == 0


def test_mixed_units():
    assert tuple(errors_of("我很爱OK你", "我爱 okay 你")[COUNTS]) == (3, 1, 1, 0)
    assert tuple(errors_of("ฉันรักเธอ", "ฉันรักแม่", units="words")[COUNTS]) == (0, 1, 0, 0)
    assert tuple(errors_of("नमस्ते दुनिया", "नमस्ते दुनीया")[COUNTS]) == (1, 1, 0, 0)


def corpus(**columns):
    recordings = pd.DataFrame(
        {
            "audio_id": ["a", "b", "silent", "unread"],
            "status": ["completed", "failed", "completed", "completed"],
            "duration_ms": [1000, 2000, 3000, 4000],
            "accent": ["x", "y", "x", "y"],
            **columns,
        }
    )
    tokens = pd.DataFrame(
        {
            "audio_id": ["a", "a", "a", "a", "unread"],
            "token_index": [0, 1, 2, 3, 0],
            "text": ["Good", " morn", "ing", " Guten", "x"],
            "translation_status": ["original", "original", "original", "translation", "original"],
        }
    )
    return sx.Corpus(recordings, tokens)


REFERENCES = {"a": "good evening", "b": "lost words", "silent": "", "gone": "one two three"}


def test_failed_and_missing_recordings_are_apart():
    with pytest.warns(UserWarning, match=r"1 of 4 references have no recording: \['gone'\].*status 'missing'"):
        table = sx.word_errors(corpus(), REFERENCES)
    assert table["audio_id"].tolist() == ["a", "b", "silent", "gone"]
    assert table["status"].tolist() == ["scored", "failed", "scored", "missing"]
    assert table["hits"].tolist() == [1, NA, 0, NA]
    assert table["wer"].tolist() == [0.5, NA, NA, NA]
    assert table["duration_ms"].tolist() == [1000, 2000, 3000, NA]
    assert table["accent"].tolist()[:3] == ["x", "y", "x"]
    assert pd.isna(table["accent"].iloc[3])


def test_failed_and_missing_recordings_as_empty():
    with pytest.warns(UserWarning, match="no recording"):
        table = sx.word_errors(corpus(), REFERENCES, missing="as_empty")
    assert set(table["status"]) == {"scored"}
    assert table["deletions"].tolist() == [0, 2, 0, 3]
    assert table["wer"].tolist() == [0.5, 1.0, NA, 1.0]
    with pytest.raises(InputError, match='missing must be "exclude" or "as_empty", found \'silence\''):
        sx.word_errors(corpus(), REFERENCES, missing="silence")


def test_references_of_every_form():
    expected = sx.word_errors(corpus(), {"a": "good evening", "silent": ""})
    column = sx.word_errors(corpus(reference=["good evening", None, "", None]))
    table = pd.DataFrame({"audio_id": ["silent", "a"], "reference": ["", "good evening"], "topic": ["none", "hello"]})
    for found in (
        sx.word_errors(corpus(), table.drop(columns="topic")),
        sx.word_errors(corpus(), table.rename(columns={"reference": "text"}).drop(columns="topic")),
        sx.word_errors(corpus(), table.set_index("audio_id")["reference"]),
        column,
    ):
        pd.testing.assert_frame_equal(found, expected)
    assert sx.word_errors(corpus(), table)["topic"].tolist() == ["hello", "none"]


def test_transcripts_of_every_form():
    references = {"a": "good evening"}
    expected = sx.word_errors(corpus().select(["a"]), references)[list(schema.WORD_ERRORS)]
    texts = corpus().texts()
    for found in (
        sx.word_errors({"a": "Good morning"}, references),
        sx.word_errors(pd.Series({"a": "Good morning"}), references),
        sx.word_errors(corpus().tokens, references),
        sx.word_errors(corpus().words(), references),
        sx.word_errors(texts, references),
    ):
        pd.testing.assert_frame_equal(
            found[list(schema.WORD_ERRORS)].assign(duration_ms=expected["duration_ms"]), expected
        )


def test_a_text_that_is_missing_is_a_failure():
    table = pd.DataFrame({"audio_id": ["a", "b"], "text": ["x", None]})
    assert sx.word_errors(table, {"a": "x", "b": "y"})["status"].tolist() == ["scored", "failed"]
    recordings = pd.DataFrame({"audio_id": ["a"], "text": ["x"], "status": ["failed"]})
    assert sx.word_errors(recordings, {"a": "x"})["status"].tolist() == ["failed"]


def test_columns_of_the_same_name_are_kept_beside():
    table = sx.word_errors(corpus(cost=[1, 2, 3, 4]), {"a": "good evening"})
    assert (table["cost"].tolist(), table["cost_of_recording"].tolist()) == (["sclite"], [1])


WRONG = [
    pytest.param(
        {"a": "x"},
        {"A": "x"},
        InputError,
        r"no reference belongs to a recording: .*\['A'\], recordings \['a'\]",
        id="ids",
    ),
    pytest.param({"a": "x"}, {}, InputError, "there are no references: the table has no rows", id="no-references"),
    pytest.param({"a": "x"}, {"a": None}, InputError, "there are no references: all 1 are NA", id="all-na"),
    pytest.param({}, {"a": "x"}, InputError, "no reference belongs to a recording", id="no-transcripts"),
    pytest.param({"a": "x"}, None, InputError, "the recordings have no columns of your own", id="none-given"),
    pytest.param(
        pd.DataFrame({"audio_id": ["a"], "text": "x", "site": "y"}),
        None,
        InputError,
        r"no column 'reference' \(your own columns are \['site'\]\)",
        id="other-columns",
    ),
    pytest.param({"a": "x"}, {"a": 3}, SchemaError, r"reference must hold texts, found 3 \(int\)", id="a-number"),
    pytest.param({"a": 3}, {"a": "x"}, SchemaError, r"text must hold texts, found 3 \(int\)", id="a-number-heard"),
    pytest.param(
        {"a": "x"},
        {True: "x"},
        SchemaError,
        "an audio_id must be a text or a whole number, found True",
        id="id-no-string",
    ),
    pytest.param({"a": "x"}, pd.Series(["x"]), InputError, "its index must hold the audio_id", id="unnamed-series"),
    pytest.param({"a": "x"}, "x", InputError, "references must be a table .* found str", id="a-text"),
    pytest.param("x", {"a": "x"}, InputError, "transcripts must be a corpus, .* found str", id="a-text-heard"),
    pytest.param(
        {"a": "x"},
        pd.DataFrame({"audio_id": ["a", "a"], "reference": ["x", "y"]}),
        SchemaError,
        r"'a' occurs more than once \(1 ids do\).*speaker and start_ms",
        id="twice",
    ),
    pytest.param(
        pd.DataFrame({"audio_id": ["a", "a"], "text": ["x", "y"]}),
        {"a": "x"},
        SchemaError,
        "transcripts: 'a' occurs more than once",
        id="heard-twice",
    ),
    pytest.param({"a": "x"}, pd.DataFrame({"audio_id": ["a"]}), SchemaError, r"lacks \['reference'\]", id="no-column"),
    pytest.param(
        {"a": "x"},
        pd.DataFrame({"audio_id": [None], "text": ["x"]}),
        SchemaError,
        "audio_id is NA in 1 rows",
        id="no-id",
    ),
]


@pytest.mark.parametrize(("heard", "said", "kind", "message"), WRONG)
@pytest.mark.parametrize("count", [sx.word_errors, sx.character_errors, sx.metrics.punctuation_errors, sx.align_words])
def test_wrong_input(count, heard, said, kind, message):
    with pytest.raises(kind, match=message):
        count(heard, said)


def test_a_near_name_is_suggested():
    with pytest.warns(UserWarning, match=r"Did you mean 'call_01.wav'\?"):
        sx.word_errors({"call_01.wav": "x", "b": "y"}, {"call_1.wav": "x", "b": "y"})


def test_a_warning_points_to_the_call():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sx.word_errors({"a": "x"}, {"a": "x", "b": "y"})
    assert caught[0].filename == __file__


CHARACTERS = [
    pytest.param("to be", "two bees", {}, (5, 0, 0, 3), id="inserted"),
    pytest.param("any more", "anymore", {}, (7, 0, 1, 0), id="a-space-is-a-character"),
    pytest.param("any more", "anymore", {"spaces": False}, (7, 0, 0, 0), id="unless-spaces-are-left-out"),
    pytest.param("", "ab", {}, (0, 0, 0, 2), id="nothing-was-to-be-said"),
    pytest.param("我爱你", "我爱他", {}, (2, 1, 0, 0), id="chinese-has-no-spaces"),
    pytest.param("दुनिया", "दुनीया", {}, (5, 1, 0, 0), id="code-points"),
    pytest.param("दुनिया", "दुनीया", {"unit": "grapheme"}, (2, 1, 0, 0), id="graphemes"),
]


@pytest.mark.parametrize(("said", "heard", "options", "counts"), CHARACTERS)
def test_character_errors(said, heard, options, counts):
    table = sx.character_errors({"a": heard}, {"a": said}, **options)
    assert list(table) == list(schema.CHARACTER_ERRORS)
    row = table.iloc[0]
    assert tuple(row[COUNTS]) == counts
    length = sum(counts[:3])
    assert pd.isna(row["cer"]) if not length else row["cer"] == pytest.approx(sum(counts[1:]) / length)
    assert (row["unit"], row["spaces"]) == (options.get("unit", "code point"), options.get("spaces", True))


def test_characters_of_unknown_kind():
    with pytest.raises(InputError, match=r"unit must be one of 'code point', 'grapheme'; found 'byte'"):
        sx.character_errors({"a": "x"}, {"a": "x"}, unit="byte")


PUNCTUATION = [
    pytest.param("So, we meet. Yes?", "So, we meet. Yes?", (3, 0, 0, 0), (4, 0), id="all-right"),
    pytest.param("So, we meet.", "so we meet!", (0, 1, 1, 0), (3, 1), id="wrong-and-lost"),
    pytest.param("Hello there.", "Hello, there, um.", (1, 0, 0, 2), (2, 0), id="an-inserted-word-between"),
    pytest.param("lisinopril. Now", "listen april. Now", (1, 0, 0, 0), (1, 0), id="a-split-word-keeps-its-mark"),
    pytest.param(
        "Pay 3.5 at 7:30, e-mail me.", "Pay 3.5 at 7:30 email me.", (1, 0, 1, 0), (3, 0), id="inner-marks-are-none"
    ),
    pytest.param("Ça va ? Oui.", "Ça va? oui.", (2, 0, 0, 0), (3, 1), id="a-mark-by-itself"),
    pytest.param("¿Qué pasa?", "Qué pasa?", (1, 0, 1, 0), (2, 0), id="an-opening-mark"),
    pytest.param("我爱你。", "我爱你，", (0, 1, 0, 0), (NA, NA), id="chinese"),
    pytest.param("I like Paris.", "i like london.", (1, 0, 0, 0), (2, 1), id="capitals-of-wrong-words-are-left-out"),
]


ONE_MARK_IN_TWO_SPELLINGS = [
    pytest.param("well... ok", "well… ok", 1, id="ellipsis"),
    pytest.param("well. . . ok", "well⋯ ok", 1, id="spaced-ellipsis"),
    pytest.param("等等……好。。。", "等等...好…", 2, id="chinese-ellipsis"),
    pytest.param("Что?.. Да", "Что?... Да", 2, id="russian-ellipsis"),
    pytest.param("你好，世界。真的吗？", "你好,世界.真的吗?", 3, id="full-width"),
    pytest.param("一｡二､", "一。二、", 2, id="half-width"),
    pytest.param("नमस्ते। आप कैसे हैं?", "नमस्ते. आप कैसे हैं?", 2, id="danda"),
    pytest.param("مرحبا، كيف حالك؟", "مرحبا, كيف حالك?", 2, id="arabic"),
    pytest.param("What⁉ No‼", "What!? No!!", 4, id="two-marks-in-one-character"),
    pytest.param("Τι; Ναι", "Τι\u037e Ναι", 1, id="greek-question-mark"),
    pytest.param("Wait!\ufe0f Now.", "Wait! Now.", 2, id="selector"),
]


@pytest.mark.parametrize(("one", "other", "marks"), ONE_MARK_IN_TWO_SPELLINGS)
def test_a_mark_in_two_spellings_is_one(one, other, marks):
    for references, hypotheses in ((one, other), (other, one)):
        row = sx.metrics.punctuation_errors({"a": hypotheses}, {"a": references}).iloc[0]
        assert (row["hits"], row["reference_marks"], row["hypothesis_marks"], row["per"]) == (marks, marks, marks, 0)


WITHOUT_SPACES = [
    pytest.param("你好吗。我很好。", "你好吗？我很好。", (1, 1, 0, 0), id="chinese"),
    pytest.param("はい、そうです。でも「だめ。」", "はいそうです。でも「だめ、」", (1, 1, 1, 0), id="japanese"),
    pytest.param("สบายดีไหม?ผมสบายดี", "สบายดีไหมผมสบายดี!", (0, 0, 1, 1), id="thai"),
    pytest.param("พ.ศ.นี้,ปีหน้า", "พ.ศ.นี้ปีหน้า", (0, 0, 1, 0), id="thai-abbreviation"),
    pytest.param("我用OK，3.5元。好", "我用OK。3.5元，好", (0, 2, 0, 0), id="numbers-and-latin-letters"),
    pytest.param("你好。世界", "你好。新。世界", (1, 0, 0, 1), id="an-inserted-character-between"),
    pytest.param("他说：「你好。」我走了。", "他说「你好。」我走了。", (2, 0, 1, 0), id="quotes"),
]


@pytest.mark.parametrize(("said", "heard", "marks"), WITHOUT_SPACES)
def test_marks_inside_text_without_spaces_count(said, heard, marks):
    assert tuple(sx.metrics.punctuation_errors({"a": heard}, {"a": said}).iloc[0][COUNTS]) == marks


def test_marks_inside_text_without_spaces_count_alike_in_tokens():
    reference = "พ.ศ.นี้,ปีหน้า。我爱Paris，你呢"
    pieces = ["พ.", "ศ.", "นี้,", "ปีหน้า", "。", "我", "爱", "Paris", "，", "你", "呢"]
    tokens = pd.DataFrame({"audio_id": "a", "token_index": range(len(pieces)), "text": pieces})
    row = sx.metrics.punctuation_errors(tokens, {"a": reference}).iloc[0]
    assert tuple(row[COUNTS]) == (3, 0, 0, 0)
    assert (row["case_words"], row["case_errors"]) == (1, 0)


def test_the_marks_asked_for_are_compared_in_every_spelling():
    row = sx.metrics.punctuation_errors({"a": "好,是吗?"}, {"a": "好，是吗。"}, marks="，").iloc[0]
    assert tuple(row[COUNTS]) == (1, 0, 0, 0)


@pytest.mark.parametrize(("said", "heard", "marks", "case"), PUNCTUATION)
def test_punctuation_errors(said, heard, marks, case):
    table = sx.metrics.punctuation_errors({"a": heard}, {"a": said})
    assert list(table) == list(schema.PUNCTUATION_ERRORS)
    row = table.iloc[0]
    assert tuple(row[COUNTS]) == marks
    assert row["per"] == pytest.approx(sum(marks[1:]) / sum(marks))
    assert [row["case_words"], row["case_errors"]] == list(case)
    assert row["reference_marks"] == sum(marks[:3])
    assert row["hypothesis_marks"] == marks[0] + marks[1] + marks[3]


def test_references_without_punctuation_say_nothing():
    row = sx.metrics.punctuation_errors({"a": "Hello, Ann."}, {"a": "hello Ann"}).iloc[0]
    assert row[COUNTS].isna().all()
    assert pd.isna(row["per"])
    assert (row["case_words"], row["case_errors"], row["case_error_rate"]) == (2, 1, 0.5)
    with pytest.raises(InputError, match="neither punctuation nor capitals"):
        sx.metrics.punctuation_errors({"a": "Hello, Ann."}, {"a": "hello ann"})


def test_capitals_are_compared_in_words_of_one_spelling():
    row = sx.metrics.punctuation_errors({"a": "The Color."}, {"a": "The colour."}, normalizer="whisper-english").iloc[0]
    assert (row["hits"], row["case_words"], row["case_errors"]) == (1, 1, 0)


def test_marks_stay_within_their_recording():
    table = sx.metrics.punctuation_errors({"a": "Yes", "b": "No."}, {"a": "Yes.", "b": "No"})
    assert table[COUNTS].to_numpy().tolist() == [[0, 0, 1, 0], [0, 0, 0, 1]]


def test_one_kind_of_mark():
    assert sx.metrics.punctuation_errors({"a": "so we. Yes"}, {"a": "So, we. Yes"}, marks=".").iloc[0]["per"] == 0


text = st.lists(st.sampled_from(["a", "b", "c."]), max_size=8).map(" ".join)
tables = st.dictionaries(st.sampled_from("wxyz"), st.tuples(text, text), min_size=1)


@given(tables)
@FEW
def test_swapping_the_texts_keeps_what_errors_cost(texts):
    references, hypotheses = (
        {name: one for name, (one, _) in texts.items()},
        {name: two for name, (_, two) in texts.items()},
    )
    for cost, prices in (("levenshtein", [1, 1, 1]), ("sclite", [4, 3, 3])):
        there, back = (
            sx.word_errors(hypotheses, references, cost=cost),
            sx.word_errors(references, hypotheses, cost=cost),
        )
        assert ((there[COUNTS[1:]] * prices).sum(axis=1) == (back[COUNTS[1:]] * prices).sum(axis=1)).all()
        assert (there["fewest_errors"] == back["fewest_errors"]).all()
        assert (there["fewest_errors"] <= there[COUNTS[1:]].sum(axis=1)).all()


@given(tables)
@FEW
def test_each_recording_is_counted_as_if_alone(texts):
    references, hypotheses = (
        {name: one for name, (one, _) in texts.items()},
        {name: two for name, (_, two) in texts.items()},
    )
    for count in (sx.word_errors, sx.character_errors):
        together = count(hypotheses, references)
        alone = pd.concat(
            [count({name: hypotheses[name]}, {name: references[name]}) for name in references], ignore_index=True
        )
        pd.testing.assert_frame_equal(together, alone)


@given(tables)
@FEW
def test_a_text_against_itself_is_right(texts):
    references = {name: one for name, (one, _) in texts.items()}
    for count in (sx.word_errors, sx.character_errors):
        assert (count(references, references)[COUNTS[1:]] == 0).all(axis=None)
