"""Errors that are not of formatting alone, beside the word errors."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx

COUNTED_BY_HAND = [
    pytest.param("call seven people", "call 7 people", 1, 0, id="formatting-alone"),
    pytest.param("call seven people now", "call 7 people no", 2, 1, id="formatting-and-an-error"),
    pytest.param("it costs fifteen dollars and twenty cents", "it costs $15.20", 5, 0, id="several-words-for-one"),
    pytest.param("it costs fifteen dollars and twenty cents", "it costs $50.20", 5, 1, id="another-amount"),
    pytest.param("the centre is here", "the center is there", 2, 1, id="spelling"),
    pytest.param("at seven fifteen", "at 8:20", 2, 2, id="never-more-than-word-errors"),
    pytest.param("all is well", "all is well", 0, 0, id="no-error"),
    pytest.param("one two three", "", 3, 1, id="nothing-transcribed"),
    pytest.param("", "seven", 1, 1, id="nothing-was-said"),
]


@pytest.mark.parametrize(("said", "heard", "raw", "neutral"), COUNTED_BY_HAND)
def test_counted_by_hand(said, heard, raw, neutral):
    row = sx.word_errors({"a": heard}, {"a": said}, language="en").iloc[0]
    assert row[["substitutions", "deletions", "insertions"]].sum() == raw
    assert row["neutral_errors"] == neutral
    if said:
        assert row["neutral_wer"] == neutral / len(said.split())
    else:
        assert pd.isna(row["neutral_wer"])


def test_the_other_columns_do_not_change():
    hypotheses, references = {"a": "call 7 people no"}, {"a": "call seven people now"}
    without, beside = sx.word_errors(hypotheses, references), sx.word_errors(hypotheses, references, language="en")
    assert without[["neutral_errors", "neutral_wer"]].isna().all(axis=None)
    own = [name for name in without if not name.startswith("neutral")]
    pd.testing.assert_frame_equal(without[own], beside[own])


def test_languages_that_are_not_known_have_none():
    references = {"a": "seven", "b": "hét", "c": "seven", "d": "sieben"}
    hypotheses = dict.fromkeys(references, "7")
    errors = sx.word_errors(hypotheses, references, language={"a": "en", "b": "hu", "d": "German"})
    assert errors["neutral_errors"].tolist() == [0, pd.NA, pd.NA, 0]
    pooled = sx.summarize(errors).iloc[0]
    assert pooled[["reference_words", "neutral_words", "neutral_errors", "neutral_wer"]].tolist() == [4, 2, 0, 0]
    assert pooled["wer"] == 1
    none = sx.summarize(sx.word_errors(hypotheses, references))
    columns = ["neutral_words", "neutral_errors", "neutral_wer", "neutral_wer_low", "neutral_wer_high"]
    assert none[columns].isna().all(axis=None)


NORMALIZERS = [
    pytest.param(["tags", "basic"], "seven [noise] cats", 0, id="basic-among-others"),
    pytest.param("spoken", "seven cats", 0, id="spoken-itself"),
    pytest.param("none", "seven cats", pd.NA, id="none"),
    pytest.param(str.upper, "seven cats", pd.NA, id="a-function"),
]


@pytest.mark.parametrize(("normalizer", "said", "neutral"), NORMALIZERS)
def test_other_normalisers(normalizer, said, neutral):
    found = sx.word_errors({"a": "7 cats"}, {"a": said}, normalizer=normalizer, language="en")["neutral_errors"].item()
    assert (pd.isna(found) and pd.isna(neutral)) or found == neutral


def test_a_difference_in_a_long_recording():
    words = [f"word{number} and" for number in range(2000)]
    reference = " ".join([*words, "it costs fifteen dollars and twenty cents", *words, "no, at seven", *words])
    hypothesis = " ".join([*words, "it costs $15.20", *words, "now, at 7", *words])
    row = sx.word_errors({"a": hypothesis}, {"a": reference}, language="en").iloc[0]
    assert (row["substitutions"] + row["deletions"] + row["insertions"], row["neutral_errors"]) == (7, 1)


PHRASES = [
    "the cat",
    "sat on",
    "twenty five",
    "25",
    "seven",
    "7",
    "$15.20",
    "centre",
    "center",
    "e-mail",
    "email",
    "NP-38BX",
    "it's",
    "3.5 percent",
    "3.5%",
    "and",
    "mat.",
    "O'Neil",
]
phrases = st.lists(st.sampled_from(PHRASES), max_size=30).map(" ".join)


@given(phrases, phrases)
@settings(max_examples=50, deadline=None)
def test_never_more_than_word_errors_and_none_for_equal_texts(said, heard):
    errors = sx.word_errors({"a": heard, "b": said}, {"a": said, "b": said}, language="en")
    raw = errors[["substitutions", "deletions", "insertions"]].sum(axis=1)
    assert (errors["neutral_errors"] <= raw).all()
    assert errors["neutral_errors"].iloc[1] == 0


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["plain words here", "and so on"]),
            st.sampled_from(
                [
                    ("seven", "7"),
                    ("twenty five", "25"),
                    ("centre", "center"),
                    ("cat", "dog"),
                    ("hot", ""),
                    ("3.5%", "three point five percent"),
                ]
            ),
        ),
        max_size=12,
    )
)
@settings(max_examples=40, deadline=None)
def test_stretches_count_what_whole_texts_count(parts):
    reference = " ".join(f"{before * 4} we say {one} then" for before, (one, _) in parts)
    hypothesis = " ".join(f"{before * 4} we say {other} then" for before, (_, other) in parts)
    wrong = sum(one in ("cat", "hot") for _, (one, _) in parts)
    assert sx.word_errors({"a": hypothesis}, {"a": reference}, language="en")["neutral_errors"].item() == wrong
    whole = sx.word_errors({"a": hypothesis}, {"a": reference}, language="en", normalizer="spoken")
    assert whole[["substitutions", "deletions", "insertions"]].sum(axis=1).item() == wrong


def test_written_words_that_are_several_units():
    reference = "so we send an e-mail about seven things at the well-known centre, ok? " * 3
    hypothesis = "so we send an e mail about 7 things at the well known center ok " * 3
    assert sx.word_errors({"a": hypothesis}, {"a": reference}, language="en")["neutral_errors"].item() == 0


def test_summaries_have_the_rate_with_its_interval():
    references = {f"r{number}": "we call seven people and one more" for number in range(12)}
    hypotheses = dict.fromkeys(references, "we call 7 people and one more")
    hypotheses["r3"], hypotheses["r7"] = "we call 7 people and more", "we call 8 people and one more"
    pooled = sx.summarize(sx.word_errors(hypotheses, references, language="en")).iloc[0]
    assert pooled["wer"] == pytest.approx(13 / 84)
    assert pooled["neutral_wer"] == pytest.approx(2 / 84)
    assert pooled["neutral_wer_low"] < 2 / 84 < pooled["neutral_wer_high"] < pooled["wer"]


def test_a_comparison_has_the_difference_without_formatting_beside_its_own():
    asked = {f"{place}": "it costs fifteen dollars today" for place in range(6)}
    plain = sx.word_errors(dict(asked), asked, language="en")
    written = sx.word_errors(
        {name: "It costs $15 today." if name < "4" else "it costs fifty dollars today" for name in asked},
        asked,
        language="en",
    )
    row = sx.compare_errors({"plain": plain, "written": written}).iloc[0]
    # "$15" for "fifteen dollars" is a substitution and a deletion, "fifty" for "fifteen" an error of recognition
    assert row["difference"] == pytest.approx((4 * 2 + 2) / 30)
    assert row[["neutral_words", "neutral_wer_a"]].tolist() == [30, 0]
    assert row["neutral_wer_b"] == row["neutral_difference"] == pytest.approx(2 / 30)
    assert row["neutral_difference_low"] < 2 / 30 < row["neutral_difference_high"]

    some = written.assign(neutral_errors=written["neutral_errors"].where(written["audio_id"] < "4"))
    row = sx.compare_errors({"plain": plain, "written": some}).iloc[0]
    assert row[["neutral_words", "neutral_difference"]].tolist() == [20, 0]
    none = sx.compare_errors({"plain": plain.drop(columns="neutral_errors"), "written": written}).iloc[0]
    assert none[["neutral_words", "neutral_wer_b", "neutral_difference", "neutral_difference_low"]].isna().all()
    assert none["difference"] == pytest.approx(10 / 30)


@pytest.mark.parametrize("language", ["en", None])
def test_the_most_frequent_errors_of_a_report_are_not_of_formatting(tmp_path, language):
    recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "duration_ms": 1000})
    texts = {"a": ["call", " 7", " people", " no"], "b": ["call", " 7", " houses"]}
    tokens = pd.DataFrame(
        [
            {"audio_id": name, "token_index": place, "text": text, "start_ms": 100 * place, "end_ms": 100 * place + 90}
            for name, parts in texts.items()
            for place, text in enumerate(parts)
        ]
    ).assign(confidence=0.9)
    asked = {"a": "call seven people now", "b": "call seven houses"}
    page = sx.report(sx.Corpus(recordings, tokens), tmp_path / "r.html", asked, language=language)
    section = page.read_text(encoding="utf-8").split("The most frequent confusions")[1].split("</table>")[0]
    assert "now → no" in section
    assert ("seven → 7" in section) is (language is None)
    assert ("differences of formatting alone are left out" in section) is (language is not None)
