"""Results are shown as views and stay tables: bars, notes and segments, and what happens when columns are gone."""

from __future__ import annotations

import pickle
import re

import pandas as pd
import pytest
from html_pages import NASTY, Page

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.schema.result_table import ResultTable
from soniox_ds.show import result_views

ERRORS = pd.DataFrame(
    {
        "audio_id": [f"r{n}" for n in range(8)],
        "status": "scored",
        "hits": [8, 9, 10, 9, 5, 6, 7, 5],
        "substitutions": [2, 1, 0, 1, 5, 4, 3, 5],
        "deletions": 0,
        "insertions": 0,
        "reference_words": 10,
        "room": ["hall"] * 4 + ["<b>car</b>"] * 4,
    }
)
SUMMARY = sx.summarize(ERRORS, by="room")
WORDS = pd.DataFrame(
    {
        "audio_id": ["a.wav"] * 4 + ["b.wav"],
        "word_index": [0, 1, 2, 3, 0],
        "text": ["Good", "morning.", "Yes", "<i>?", "Bye."],
        "space_before": True,
        "start_ms": [0, 400, 61_000, 61_400, 0],
        "end_ms": [300, 800, 61_300, 61_900, 400],
        "speaker": ["Anna", "Anna", "2", "2", pd.NA],
        "confidence": 0.5,
    }
)


def page(table):
    return Page(table._repr_html_())


def test_a_summary_shows_its_rate_with_the_interval_and_a_bar():
    html = SUMMARY._repr_html_()
    hall = SUMMARY[SUMMARY["room"] == "hall"].iloc[0]
    assert f"10.0% [{hall.wer_low:.1%}, {hall.wer_high:.1%}]" in Page(html).text
    assert "<b>car</b>" in Page(html).text
    assert "b" not in Page(html).tags
    assert html.count("#3a87c8") == 2
    assert "neutral" not in html
    assert "failed" not in html


def test_a_bar_has_the_length_of_its_rate():
    """The longest interval ends at the right edge: its upper bound is 100 %, and all other places are in proportion."""
    widths = [float(w) for w in re.findall(r"left:0.0%;width:([\d.]+)%", SUMMARY._repr_html_())]
    largest = SUMMARY[["wer", "wer_high"]].max().max()
    assert widths == pytest.approx([100 * rate / largest for rate in SUMMARY["wer"]], abs=0.06)


def test_the_bar_of_a_difference_starts_at_zero_in_the_middle():
    other = ERRORS.assign(hits=ERRORS["hits"] + (ERRORS["substitutions"] > 0), substitutions=lambda t: 10 - t["hits"])
    compared = sx.compare_errors({"a": ERRORS, "b": other})
    html = compared._repr_html_()
    assert "left:50.0%;top:0" in html
    assert f"\N{MINUS SIGN}{abs(100 * compared['difference'][0]):.1f}" in Page(html).text


def test_notes_are_shown_in_full_and_once_if_they_are_all_the_same():
    one = sx.summarize(ERRORS.groupby("room").head(1), by="room")
    assert page(one).text.count(str(one["note"][0])) == 1
    different = one.assign(note=["first note", pd.NA])
    assert "first note" in page(different).text


def test_sorted_rows_keep_the_view_and_chosen_columns_do_not():
    assert "#3a87c8" in SUMMARY.sort_values("wer").head(1)._repr_html_()
    assert "#3a87c8" in pd.concat([SUMMARY, SUMMARY])._repr_html_()
    assert "dataframe" in SUMMARY[["room", "wer"]]._repr_html_()
    assert SUMMARY[["room", "wer"]]._repr_html_() == SUMMARY.plain[["room", "wer"]]._repr_html_()


def test_the_plain_table_is_a_dataframe_with_the_same_values():
    assert type(SUMMARY.plain) is pd.DataFrame
    pd.testing.assert_frame_equal(SUMMARY.plain, pickle.loads(pickle.dumps(SUMMARY)).plain)


def test_the_view_follows_the_option_of_pandas():
    with pd.option_context("display.notebook_repr_html", False):
        assert SUMMARY._repr_html_() is None


def test_segments_show_times_speakers_and_whole_texts():
    text = page(sx.segments(WORDS)).text
    assert "a.wav" in text
    assert "b.wav" in text
    assert "0:00–0:00" in text
    assert "1:01–1:01" in text
    assert "Yes <i>?" in text
    assert "i" not in page(sx.segments(WORDS)).tags


def test_segments_without_speakers_have_no_column_for_them():
    assert "speaker" not in page(sx.segments(WORDS.assign(speaker=pd.NA))).text
    assert "No segments" in page(sx.segments(WORDS.iloc[:0])).text


SPOKEN_AND_TRANSLATED = pd.DataFrame(
    {
        "audio_id": ["a.wav"] * 4 + ["b.wav"] * 2,
        "word_index": [0, 1, 2, 3, 0, 1],
        "text": ["Good <i>day.", "Guten Tag.", "Danke.", "Thanks.", "Bye.", "Ade."],
        "space_before": True,
        "start_ms": pd.array([0, None, 61_000, None, 2000, None], "Int32"),
        "end_ms": pd.array([300, None, 61_300, None, 2400, None], "Int32"),
        "speaker": ["Anna", "Anna", "2", "2", "2", "2"],
        "language": ["en", "de", "de", "en", "en", "de"],
        "source_language": [None, "en", None, "de", None, "en"],
        "translation_status": ["original", "translation"] * 3,
    }
)


def test_translations_are_shown_beside_their_originals():
    shown = page(sx.metrics.translation_pairs(SPOKEN_AND_TRANSLATED))
    assert "i" not in shown.tags
    lines = " ".join(shown.text.split())
    assert "a.wav time speaker original translation 0:00–0:00 Anna [en] Good <i>day. [de] Guten Tag." in lines
    assert "1:01–1:01 2 [de] Danke. [en] Thanks. b.wav time" in lines
    assert "0:02–0:02 2 [en] Bye. [de] Ade." in lines


def test_the_languages_are_in_the_headings_if_all_rows_have_the_same():
    of_b = SPOKEN_AND_TRANSLATED[SPOKEN_AND_TRANSLATED["audio_id"] == "b.wav"]
    lines = " ".join(page(sx.metrics.translation_pairs(of_b)).text.split())
    assert "original (en) translation (de) 0:02–0:02 2 Bye. Ade." in lines
    assert "speaker" not in page(sx.metrics.translation_pairs(of_b.assign(speaker=pd.NA))).text
    assert "No translations" in page(sx.metrics.translation_pairs(of_b.iloc[:0])).text


def test_many_rows_are_cut_with_their_number():
    many = pd.concat([sx.segments(WORDS)] * 40, ignore_index=True)
    assert f"{len(many) - result_views.MOST_ROWS} more segments" in page(many).text


@pytest.mark.parametrize("name", result_views._VIEWS)
def test_every_view_shows_an_empty_table_missing_values_and_hostile_text(name):
    table = schema.TABLES[name]
    empty = ResultTable(schema.empty(table))
    assert "no rows" in page(empty).text
    missing = ResultTable({column: pd.array([pd.NA], of.dtype) for column, of in table.items()})
    assert "–" in page(missing).text
    hostile = missing.astype("object").assign(
        **{column: NASTY for column, of in table.items() if of.dtype == "string"}, group=NASTY
    )
    assert not page(hostile[["group", *table]]).tags & {"script", "i"}


def test_every_column_of_a_view_is_in_its_table():
    for name, view in result_views._VIEWS.items():
        assert {*view.rates, *view.others, *view.names} <= set(schema.TABLES[name])
        assert set(view.rates) <= set(result_views._RATES)
