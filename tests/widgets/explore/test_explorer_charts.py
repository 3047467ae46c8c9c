"""The charts and the frequent errors of the explorer: bins that are filters, points, counts and places."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from test_explorer import CORPUS, asked, ids_of, rows_of

import soniox_ds as sx
from soniox_ds.widgets.explore import charts
from soniox_ds.widgets.explore.charts import Histogram, axis_of, sampled
from soniox_ds.widgets.explore.columns import UNITS, NumberColumn


@given(
    values=st.lists(st.one_of(st.none(), st.floats(0, 1), st.floats(0, 400)), min_size=1, max_size=40),
    unit=st.sampled_from(["percent", "count", "confidence", "duration"]),
)
def test_the_text_of_a_bin_selects_the_recordings_that_it_counts(values, unit):
    if unit == "confidence":
        values = [None if value is None else value / 400 for value in values]
    column = NumberColumn("c", "c", values, unit)
    histogram = Histogram(column)
    described = histogram.described()
    typed, counts = described["typed"], histogram.counts()
    assert sum(counts) == sum(value is not None for value in values)
    below = column.mask(f"< {typed[0]}").sum()  # counted in the first bin
    for number, count in enumerate(counts):
        is_last = described["has_more"] and number == len(counts) - 1
        wanted = f"≥ {typed[number]}" if is_last else f"{typed[number]} – <{typed[number + 1]}"
        at_top = 0 if is_last or number < len(counts) - 1 else column.mask(f"≥ {typed[-1]}").sum()
        assert column.mask(wanted).sum() + (below if number == 0 else 0) + at_top == count, wanted


def test_bins_are_round_and_large_values_do_not_hide_the_others():
    rates = Histogram(NumberColumn("c", "c", [*np.linspace(0, 0.5, 400), 7.0], "percent"))
    assert rates.described()["typed"][:3] == ["0", "5", "10"]
    assert rates.described()["texts"][-1] == "65.0%"
    assert rates.has_more
    axis = axis_of(NumberColumn("c", "c", [*np.linspace(1000, 9000, 400)], "duration"))
    assert [text for _, text in axis.ticks] == ["0:00.0", "0:02.5", "0:05.0", "0:07.5", "0:10.0"]
    assert not axis.has_more
    constant = Histogram(NumberColumn("c", "c", [5000.0], "duration"))
    assert sum(constant.counts()) == 1


def test_histograms_and_points_follow_the_query():
    explorer = sx.explore(CORPUS)
    start, _ = asked(explorer, "start")
    assert [each["name"] for each in start["histograms"]] == ["duration", "rate0", "confidence0"]
    assert start["axes"] == ["duration", "rate0"]
    assert sum(start["histograms"][0]["all"]) == 4
    answer, [mask] = asked(explorer, "rows", first=0, count=9, is_new=True, filters={"rate0": "> 20"})
    assert list(mask) == [0, 1, 0, 1, 0]  # the recordings in their order
    assert sum(answer["histograms"]["duration"]) == 2
    answer, [x, y] = asked(explorer, "points", x="duration", y="rate0")
    np.testing.assert_allclose(np.frombuffer(x, "<f4")[:4], [5000, 10_000, 15_000, 20_000])
    np.testing.assert_allclose(np.frombuffer(y, "<f4"), [0.2, 0.25, 0, 1, np.nan], rtol=1e-6)
    assert [axis["label"] for axis in answer["axes"]] == ["Duration", "WER"]
    assert not answer["is_diagonal"]
    assert "unknown column" in asked(explorer, "points", x="duration", y="audio_id")[0]["problem"]


def test_a_sample_of_the_points_is_drawn(monkeypatch):
    monkeypatch.setattr(charts, "MOST_POINTS", 10)
    assert sampled(10).tolist() == list(range(10))
    assert sampled(100).tolist() == [0, 11, 22, 33, 44, 55, 66, 77, 88, 99]
    recordings = pd.DataFrame({"audio_id": [f"r{n}" for n in range(100)], "status": "completed", "take": range(100)})
    explorer = sx.explore(sx.Corpus(recordings))
    answer, [x, _] = asked(explorer, "points", x="of:take", y="of:take")
    assert np.frombuffer(x, "<f4").tolist() == sampled(100).tolist()
    assert answer["n_all"] == 100
    assert asked(explorer, "recording", point=3)[0]["audio_id"] == "r33"


def test_two_rates_have_a_diagonal():
    both = sx.explore({"a": CORPUS, "b": CORPUS})
    start, _ = asked(both, "start")
    assert start["axes"] == ["rate0", "rate1"]
    assert asked(both, "points", x="rate0", y="rate1")[0]["is_diagonal"]


def test_frequent_errors_and_their_places():
    explorer = sx.explore(CORPUS)
    answer, _ = asked(explorer, "frequent", arm=0)
    errors = {tuple(row[1:4]): row for row in answer["errors"]}
    # good → mourning, little → the, hush is missing
    assert set(errors) == {
        ("substitution", "morning", "mourning"),
        ("substitution", "little", "the"),
        ("deletion", "hush", None),
    }
    assert (answer["n_errors"], answer["n_different"]) == (3, 3)
    number = errors["substitution", "little", "the"][0]
    places, _ = asked(explorer, "places", arm=0, error=number)
    assert places["places"] == [["talk10.wav", 2]]
    [arm] = asked(explorer, "recording", audio_id="talk10.wav")[0]["arms"]
    words = [word for paragraph in arm["views"]["errors"]["paragraphs"] for word in paragraph["words"]]
    assert words[2][:3] == ["S", "little", "the"]
    answer, _ = asked(explorer, "frequent", arm=0, filters={"of:room": "street"})
    assert [row[2:6] for row in answer["errors"]] == [["hush", None, 1, 1]]
    assert asked(explorer, "places", arm=0, error=number, filters={"of:room": "street"})[0]["places"] == []


def test_places_come_in_the_order_of_the_table():
    texts = {f"r{n}": ("yes", "no" if n % 2 else "yes") for n in range(6)}
    recordings = pd.DataFrame({"audio_id": list(texts), "status": "completed", "reference": "yes go", "take": range(6)})
    words = [(audio_id, place, f" {word}") for audio_id, pair in texts.items() for place, word in enumerate(pair)]
    explorer = sx.explore(sx.Corpus(recordings, pd.DataFrame(words, columns=["audio_id", "token_index", "text"])))
    [first, second] = asked(explorer, "frequent", arm=0)[0]["errors"]
    assert [first[3:6], second[3:6]] == [["yes", 3, 3], ["no", 3, 3]]
    order = ids_of(explorer, sort="of:take", descending=True)
    places, _ = asked(explorer, "places", arm=0, error=second[0], sort="of:take", descending=True)
    assert places["places"] == [[audio_id, 1] for audio_id in order if audio_id in ("r5", "r3", "r1")]


def test_errors_of_an_opened_corpus_are_counted_part_by_part(tmp_path):
    CORPUS.save(tmp_path / "saved")
    renamed = [table.assign(audio_id="x" + table["audio_id"]) for table in (CORPUS.recordings, CORPUS.tokens)]
    sx.Corpus(*renamed).save(tmp_path / "saved", append=True)
    opened = sx.open_corpus(tmp_path / "saved")
    explorer = sx.explore(opened, sx.word_errors(opened))
    assert not asked(explorer, "start")[0]["counts_at_once"]
    told, is_over = [], threading.Event()

    def send(message, buffers=None):
        told.append(message)
        if message["type"] == "counted" and message["done"] is None:
            is_over.set()

    explorer.send = send
    explorer._answer(explorer, {"type": "frequent", "view": "v", "number": 1, "arm": 0}, [])
    assert is_over.wait(60)
    assert told[0]["is_counting"] or told[-1]["is_counting"]  # the thread may be faster than the answer
    assert [(each["done"], each["total"]) for each in told if each["type"] == "counted"][:2] == [(1, 2), (2, 2)]
    counted = asked(explorer, "frequent", arm=0)[0]
    assert counted["n_errors"] == 6
    assert [row[4:] for row in counted["errors"]] == [[2, 2]] * 3


def test_places_that_were_never_counted_are_refused():
    answer, _ = asked(sx.explore(CORPUS), "places", arm=0, error=0)
    assert "have not been counted" in answer["problem"]


def test_speech_without_references_has_charts_without_rates():
    plain = sx.Corpus(CORPUS.recordings.drop(columns="reference"), CORPUS.tokens)
    explorer = sx.explore(plain)
    start, _ = asked(explorer, "start")
    assert (start["has_errors"], start["axes"]) == ([], ["duration"])
    assert [each["name"] for each in start["histograms"]] == ["duration", "confidence0"]
    assert rows_of(explorer)["summary"] == "5 recordings, 50.0 s"


def test_units_read_what_they_write():
    for name, value in (("percent", 0.123), ("confidence", 0.875), ("count", 1234.0), ("duration", 65_400.0)):
        column = NumberColumn("c", "c", [value], name)
        assert column.mask(UNITS[name].text(value)).all(), name
