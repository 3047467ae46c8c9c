"""Markers never become words, and impossible confidences are refused by everything that reads them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import SchemaError


def tokens(*texts, **columns):
    count = len(texts)
    return pd.DataFrame(
        {
            "audio_id": "x",
            "token_index": range(count),
            "text": texts,
            "start_ms": [100 * place for place in range(count)],
            "end_ms": [100 * place + 60 for place in range(count)],
            "confidence": 0.9,
            **columns,
        }
    )


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([" Hi", " <end>", " there"], ["Hi", "there"]),
        ([" Hi", "<end> ", "there"], ["Hi", "there"]),
        ([" Hi", " <end> ", "there"], ["Hi", "there"]),
        ([" Hi", "\t<fin>\n", " there"], ["Hi", "there"]),
        ([" Hi.<end>", " there"], ["Hi.", "there"]),
        ([" Hi.<end>there"], ["Hi.", "there"]),
        ([" Hi.", "<end>there"], ["Hi.", "there"]),
        ([" a", "men.<end>", "<fin>"], ["amen."]),
        ([" Hi <end><fin> you"], ["Hi", "you"]),
        (["<fin><end>", " Hi"], ["Hi"]),
        ([" <end>"], []),
        ([" a<", "b", " end"], ["a<b", "end"]),  # no markers
    ],
)
def test_markers_are_no_words_wherever_they_stand(texts, expected):
    table = tokens(*texts)
    words = sx.words(table)
    assert words["text"].tolist() == expected
    assert sx.texts(table)["text"].str.replace(" ", "").tolist() == (["".join(expected)] if expected else [])
    for rule in ("mean", "product"):
        assert len(sx.metrics.word_confidence(words, rule, tokens=table)) == len(expected)
    if expected:
        errors = sx.word_errors(table, {"x": " ".join(expected)}, normalizer="none")
        assert errors[["wer", "hypothesis_words"]].to_numpy().tolist() == [[0.0, len(expected)]]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["cir", "cle.", "<end>", "Whe", "ther", "<fin>", "Yes"], "circle. Whether Yes"),
        (["One", "<end>", ".", " Two"], "One. Two"),  # a mark that comes late
        (["One", "<end>", "¿", "Dos?"], "One ¿Dos?"),
        (["好。", "<end>", "的"], "好。的"),
        (["<end>", "One"], "One"),
        (["One.<end>Two"], "One. Two"),
    ],
)
def test_utterances_are_not_glued_together(texts, expected):
    table = tokens(*texts)
    assert sx.texts(table)["text"].tolist() == sx.texts(sx.words(table))["text"].tolist() == [expected]
    assert " ".join(sx.segments(sx.words(table))["text"]).replace("。 ", "。") == expected


def test_words_around_a_sound_are_not_glued_together():
    table = tokens("Oh.", "[laughter]", "Yes", is_audio_event=[False, True, False])
    assert sx.texts(table)["text"].tolist() == ["Oh. Yes"]


def test_markers_in_texts_are_no_words_either():
    for hypotheses in ("Hi.<end> there <fin>", "Hi. there<end>"):
        assert sx.word_errors({"x": hypotheses}, {"x": "Hi. there"})["wer"].tolist() == [0.0]
    words = pd.DataFrame({"audio_id": "x", "word_index": [0, 1, 2], "text": ["Hi.<end>", "<end>", "there"]})
    aligned = sx.align_words(words, {"x": "hi there <end>"})
    assert aligned[["operation", "hypothesis", "word_index"]].to_numpy().tolist() == [
        ["hit", "hi", 0],
        ["hit", "there", 2],
    ]


@pytest.mark.parametrize("values", [[1.0000001, 0.5], [900.0, 80.0], [-3.0, 80.0]])
def test_not_every_impossible_confidence_is_a_percentage(values):
    with pytest.raises(SchemaError, match="must lie between 0 and 1") as raised:
        sx.words(tokens("Hi", " you", confidence=values))
    assert "percentages" not in str(raised.value)


IMPOSSIBLE = [
    pytest.param([90, 80], r"found \[90.0, 80.0\] in rows \[0, 1\].*percentages: divide them by 100", id="percent"),
    pytest.param([0.9, 90.0], r"found \[90.0\] in rows \[1\]", id="one-percent"),
    pytest.param([-0.1, 0.9], r"found \[-0.1\] in rows \[0\]", id="negative"),
    pytest.param([1.01, 0.5], r"found \[1.01\]", id="above-one"),
    pytest.param([float("inf"), 0.5], r"found \[inf\]", id="infinite"),
    pytest.param(["high", "low"], "must contain numbers from 0 to 1, found dtype", id="words"),
]


@pytest.mark.parametrize(("values", "words"), IMPOSSIBLE)
def test_impossible_confidences_are_refused_by_all_that_read_them(values, words, tmp_path):
    references = tokens(" Hi", " there", confidence=values)
    good = tokens(" Hi", " there")
    of_words = sx.words(good).assign(confidence=values)
    of_mean = sx.words(good).assign(confidence_mean=values)
    aligned = sx.align_words(sx.words(good), {"x": "hi you"}).assign(confidence=values)
    recordings = pd.DataFrame({"audio_id": ["x"], "status": "completed", "reference": "hi you"})
    calls = {
        "tokens: confidence": [
            lambda: sx.words(references),
            lambda: sx.texts(references),
            lambda: sx.align_words(references, {"x": "hi"}),
            lambda: sx.word_errors(references, {"x": "hi"}),
            lambda: sx.Corpus(recordings, references),
            lambda: sx.metrics.word_confidence(sx.words(good), "product", tokens=references),
            lambda: sx.show.transcript(references),
        ],
        "words: confidence": [
            lambda: sx.segments(of_words),
            lambda: sx.align_words(of_words, {"x": "hi"}),
            lambda: sx.flag_low_confidence(of_words, threshold=0.5),
            lambda: sx.metrics.word_confidence(of_words),
            lambda: sx.plot.confidence(of_words),
            lambda: sx.show.transcript(of_words),
            lambda: sx.apply_reviews(of_words, pd.DataFrame(columns=["audio_id", "start_ms", "end_ms", "verdict"])),
        ],
        "words: confidence_mean": [lambda: sx.metrics.word_confidence(of_mean, "mean"), lambda: sx.segments(of_mean)],
        "alignments: confidence": [
            lambda: sx.calibration(aligned),
            lambda: sx.metrics.reliability(aligned),
            lambda: sx.metrics.roc(aligned),
            lambda: sx.metrics.precision_recall(aligned),
            lambda: sx.metrics.fit_recalibration(aligned),
            lambda: sx.metrics.review_curve(sx.words(good), aligned),
            lambda: sx.confusions(aligned),
            lambda: sx.metrics.term_occurrences(aligned, ["you"]),
            lambda: sx.term_errors(aligned, ["you"]),
            lambda: sx.show.alignment(aligned),
        ],
    }
    for where, functions in calls.items():
        for function in functions:
            with pytest.raises(
                SchemaError,
                match=f"{where} {words}" if words.startswith("must") else f"{where} must lie between 0 and 1, {words}",
            ):
                function()


def test_confidences_at_the_edge_and_missing_ones_are_fine():
    for values in ([0, 1], [0.0, None], [pd.NA, 1.0], [None, None]):
        words = sx.words(tokens(" Hi", " there", confidence=pd.array(values, dtype="Float32")))
        assert words["confidence"].isna().tolist() == pd.isna(pd.Series(values, dtype=object)).tolist()


def test_an_odd_confidence_of_the_service_costs_nothing_but_itself(service, tiny_wav, tmp_path, monkeypatch):
    from soniox_ds.batch import assemble

    decode = assemble.decode_transcript

    def odd(raw, audio_id):
        body = json.loads(raw)
        body["tokens"][0]["confidence"] = 97.5
        return decode(json.dumps(body).encode(), audio_id)

    monkeypatch.setattr(assemble, "decode_transcript", odd)
    corpus = sx.transcribe(tiny_wav(tmp_path / "a.wav"), progress=False, journal=tmp_path / "j.sqlite")
    assert "odd_confidence" in corpus.recordings["warnings"][0].split()
    assert corpus.tokens["confidence"].isna().tolist() == [True] + [False] * (len(corpus.tokens) - 1)
    assert len(corpus.words())
