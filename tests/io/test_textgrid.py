"""TextGrid files: read by Praat itself (parselmouth) and praatio, written by them, and refused where damaged."""

from __future__ import annotations

import warnings

import parselmouth
import pytest
from parselmouth.praat import call
from praatio import textgrid
from praatio.data_classes.interval_tier import IntervalTier
from praatio.data_classes.textgrid import Textgrid
from transcripts import ODD_TEXTS, corpus_of, segments_of, translated_tokens

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

TALK = [
    ("talk", "Anna", 400, 2000, "Good morning."),
    ("talk", "Tom", 1500, 2500, 'He said "no".'),
    ("talk", "Anna", 3000, 4000, "Well."),
]


def rows_of(table):
    return table[["speaker", "start_ms", "end_ms", "text"]].fillna("?").to_numpy().tolist()


def praat_tiers(path):
    """The intervals with a text in each tier, as Praat reads them."""
    grid = parselmouth.read(str(path))
    return {
        call(grid, "Get tier name", tier): [
            (
                round(1000 * call(grid, "Get start time of interval", tier, number)),
                round(1000 * call(grid, "Get end time of interval", tier, number)),
                label,
            )
            for number in range(1, call(grid, "Get number of intervals", tier) + 1)
            if (label := call(grid, "Get label of interval", tier, number))
        ]
        for tier in range(1, call(grid, "Get number of tiers") + 1)
    }


def praatio_tiers(path):
    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False)
    return {
        tier.name: [(round(1000 * each.start), round(1000 * each.end), each.label) for each in tier.entries]
        for tier in grid.tiers
    }


@pytest.mark.parametrize("tiers_of", [praat_tiers, praatio_tiers])
def test_other_tools_read_segments(tmp_path, tiers_of):
    sx.io.write_textgrid(segments_of(TALK), tmp_path)
    assert tiers_of(tmp_path / "talk.TextGrid") == {
        "Anna - segments": [(400, 2000, "Good morning."), (3000, 4000, "Well.")],
        "Tom - segments": [(1500, 2500, 'He said "no".')],
    }
    assert rows_of(sx.io.read_textgrid(tmp_path / "talk.TextGrid")) == [list(TALK[n][1:]) for n in (0, 2, 1)]


@pytest.mark.parametrize("tiers_of", [praat_tiers, praatio_tiers])
def test_other_tools_read_words_of_a_corpus(tmp_path, tiers_of):
    corpus = corpus_of(ODD_TEXTS, dict.fromkeys(ODD_TEXTS, 'Anna "A" / Ü'))
    corpus.to_textgrid(tmp_path)
    words = corpus.words()
    for name, text in ODD_TEXTS.items():
        tiers = tiers_of(tmp_path / f"{name}.TextGrid")
        assert list(tiers) == ['Anna "A" / Ü - segments', 'Anna "A" / Ü - words']
        segments, written = tiers.values()
        spoken = words[words["audio_id"] == name]
        if tiers_of is praat_tiers and name != "markup":  # Praat shows backslash sequences as other signs.
            assert [each[2] for each in written] == spoken["text"].tolist()
        if len(set(spoken["start_ms"])) == len(spoken):  # Words of one token share its time.
            assert [each[:2] for each in written] == list(zip(spoken["start_ms"], spoken["end_ms"], strict=True))
        assert " ".join(each[2] for each in segments) == " ".join(text.split())
        made = sx.io.read_textgrid(tmp_path / f"{name}.TextGrid")
        assert " ".join(made["text"]) == " ".join(text.split())
        assert set(made["speaker"]) == {'Anna "A" / Ü'}
        of_words = sx.io.read_textgrid(tmp_path / f"{name}.TextGrid", tiers='Anna "A" / Ü - words')
        assert of_words["text"].tolist() == spoken["text"].tolist()


def test_overlaps_go_to_further_tiers(tmp_path):
    rows = [
        ("a", "1", 0, 1000, "one"),
        ("a", "1", 500, 1500, "two"),
        ("a", "1", 1000, 2000, "three"),
        ("a", None, 0, 0, "no length"),
        ("a", None, 0, 0, "neither"),
    ]
    sx.io.write_textgrid(segments_of(rows), tmp_path / "a.TextGrid")
    assert praat_tiers(tmp_path / "a.TextGrid") == {
        "segments": [(0, 1, "no length")],
        "segments 2": [(0, 1, "neither")],
        "1 - segments": [(0, 1000, "one"), (1000, 2000, "three")],
        "1 - segments 2": [(500, 1500, "two")],
    }
    made = sx.io.read_textgrid(tmp_path / "a.TextGrid")
    assert set(made["text"]) == {row[4] for row in rows}
    assert made["speaker"].fillna("?").tolist() == ["?", "?", "1", "1", "1"]


@pytest.mark.parametrize("form", ["Save as text file...", "Save as short text file..."])
@pytest.mark.parametrize("text", ["ascii", "übung 今天 שלום"])
def test_files_of_praat_are_read(tmp_path, form, text):
    grid = call("Create TextGrid", 0, 3, "Mary John bell", "bell")
    call(grid, "Insert boundary", 1, 0.5)
    call(grid, "Insert boundary", 1, 1.25)
    call(grid, "Set interval text", 1, 2, f'he said "{text}"! <exists> 7')
    call(grid, "Insert point", 3, 2.5, "ding")
    path = tmp_path / "a.TextGrid"
    call(grid, form, str(path))
    assert rows_of(sx.io.read_textgrid(path)) == [
        ["Mary", 500, 1250, f'he said "{text}"! <exists> 7'],
        ["bell", 2500, 2500, "ding"],
    ]
    assert path.read_bytes().startswith(b"File" if text == "ascii" else b"\xfe\xff")  # Praat writes UTF-16.
    call(grid, "Save as binary file...", str(path))
    with pytest.raises(SchemaError, match=r"a\.TextGrid is a binary TextGrid; save it in Praat as a text file"):
        sx.io.read_textgrid(path)


@pytest.mark.parametrize("form", ["short_textgrid", "long_textgrid"])
def test_files_of_praatio_are_read(tmp_path, form):
    grid = Textgrid(0, 200_000)
    for name in ("Anna - words", "Anna - phones", "notes"):
        grid.addTier(IntervalTier(name, [(0.1, 0.5, name), (108_000.25, 108_001.0, "two\nlines")], 0, 200_000))
    grid.save(str(tmp_path / "a.TextGrid"), form, includeBlankSpaces=True)
    made = sx.io.read_textgrid(tmp_path / "a.TextGrid")
    assert made["tier"].tolist() == ["Anna - words", "Anna - words", "notes", "notes"]
    assert rows_of(made)[1:3] == [["Anna", 108_000_250, 108_001_000, "two lines"], ["notes", 100, 500, "notes"]]
    phones = sx.io.read_textgrid(tmp_path / "a.TextGrid", tiers=["Anna - phones"])
    assert phones["text"].tolist() == ["Anna - phones", "two lines"]
    with pytest.raises(InputError, match=r"has no tier 'x'; its tiers are \['Anna - words', 'Anna - phones', 'notes'"):
        sx.io.read_textgrid(tmp_path / "a.TextGrid", tiers="x")


GOOD = """\
File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 2
tiers? <exists>
size = 1
item []:
    item [1]: ! a remark
        class = "IntervalTier"
        name = "Anna"
        xmin = 0
        xmax = 2
        intervals: size = 1
        intervals [1]:
            xmin = 0.5
            xmax = 2
            text = "hello"
"""


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (('"ooTextFile"', '"text"'), "line 1: a TextGrid begins with"),
        (('"TextGrid"', '"Sound"'), "line 2: the file is a 'Sound' and not a TextGrid"),
        (("<exists>", "<maybe>"), "line 6: tiers"),
        (("size = 1", "size = 1.5"), "line 7: the number of tiers must be a whole number, found '1.5'"),
        (("IntervalTier", "Tier"), "line 10: the class of a tier must be"),
        (("xmin = 0.5", "xmin = half"), "line 18: the end of an interval must be a number, found 'hello'"),
        (("xmin = 0.5", "xmin = -0.5"), "line 16: an interval with a text starts before 0"),
        (("xmin = 0.5", "xmin = 2.5"), "line 16: an interval ends before it starts"),
        (("xmin = 0.5", "xmin = 1e99"), "line 16: the start of an interval, 1e99 s, is after more than 24 days"),
        (('"hello"', '"hello'), "line 18: the quotation mark that begins here has no end"),
        (('text = "hello"\n', ""), "line 18: the text of an interval must be a text in quotation marks, the file ends"),
    ],
)
def test_damaged_files_are_refused(tmp_path, damage, message):
    path = tmp_path / "a.TextGrid"
    path.write_text(GOOD)
    assert rows_of(sx.io.read_textgrid(path)) == [["Anna", 500, 2000, "hello"]]
    path.write_text(GOOD.replace(*damage, 1))
    with pytest.raises(SchemaError, match=rf"a\.TextGrid, {message}"):
        sx.io.read_textgrid(path)


TRANSLATED_TIERS = {
    "1 - segments": [(0, 900, "Good morning."), (5000, 5500, "Fine.")],
    "1 - translation de": [(0, 900, "Guten Morgen."), (5000, 5500, "Gut.")],
    "2 - segments": [(3000, 4500, "Wie geht's?")],
    "2 - translation en": [(3000, 4500, "How are you?")],
}


@pytest.mark.parametrize("tiers_of", [praat_tiers, praatio_tiers])
def test_each_language_of_a_translation_has_a_tier(tmp_path, tiers_of):
    file = tmp_path / "talk.TextGrid"
    sx.io.write_textgrid(translated_tokens(), file, with_words=False)
    assert tiers_of(file) == TRANSLATED_TIERS
    assert list(tiers_of(file)) == list(TRANSLATED_TIERS)
    assert rows_of(sx.io.read_textgrid(file)) == [
        ["1", 0, 900, "Good morning."],
        ["1", 5000, 5500, "Fine."],
        ["2", 3000, 4500, "Wie geht's?"],
    ]
    assert rows_of(sx.io.read_textgrid(file, tiers="2 - translation en")) == [["2", 3000, 4500, "How are you?"]]


def test_all_tiers_of_a_speaker_follow_each_other(tmp_path):
    tokens = translated_tokens().drop(index=[2, 3])  # The first words that are translated come after those of 2.
    sx.io.write_textgrid(tokens, tmp_path / "talk.TextGrid", with_words=False)
    assert list(praat_tiers(tmp_path / "talk.TextGrid")) == list(TRANSLATED_TIERS)


def test_a_file_with_nothing_but_translations_is_read(tmp_path):
    rows = translated_tokens().assign(translation_status="original")
    sx.io.write_textgrid(rows.dropna(subset="start_ms"), tmp_path / "talk.TextGrid", with_words=False)
    text = (tmp_path / "talk.TextGrid").read_text()
    (tmp_path / "b.TextGrid").write_text(text.replace("1 - segments", "1 - translation de").replace("2 - s", "s"))
    assert sx.io.read_textgrid(tmp_path / "b.TextGrid")["speaker"].fillna("?").tolist() == ["1", "1", "?"]


def test_translations_without_speakers_language_or_times(tmp_path):
    tokens = translated_tokens().drop(columns=["speaker", "source_language"])
    is_translation = tokens["translation_status"] == "translation"
    tokens["language"] = tokens["language"].mask(is_translation)
    sx.io.write_textgrid(tokens, tmp_path / "talk.TextGrid")
    assert list(praat_tiers(tmp_path / "talk.TextGrid")) == ["segments", "words", "translation"]
    assert len(sx.io.read_textgrid(tmp_path / "talk.TextGrid")) == 3
    tokens[["start_ms", "end_ms"]] = None
    with (
        pytest.warns(UserWarning, match="TextGrid: 5 of 5 words are left out"),
        pytest.warns(UserWarning, match="TextGrid: 3 of 3 stretches of translation are left out, because they belong"),
    ):
        sx.io.write_textgrid(tokens, tmp_path / "talk.TextGrid")


def test_segments_with_translations(tmp_path):
    segments = sx.segments(sx.words(translated_tokens()))
    sx.io.write_textgrid(segments, tmp_path / "talk.TextGrid")
    assert praat_tiers(tmp_path / "talk.TextGrid") == TRANSLATED_TIERS


def test_empty_tiers_and_recordings(tmp_path):
    corpus_of({"calls/7.wav": "", "calls/8.wav": "yes"}).to_textgrid(tmp_path)
    assert praat_tiers(tmp_path / "calls" / "7.TextGrid") == {"segments": [], "words": []}
    assert len(sx.io.read_textgrid(tmp_path / "calls" / "7.TextGrid")) == 0
    grid = call("Create TextGrid", 0, 3, "Mary", "")
    call(grid, "Save as text file...", str(tmp_path / "a.TextGrid"))
    assert len(sx.io.read_textgrid(tmp_path / "a.TextGrid")) == 0


def test_failures_and_words_without_times_are_counted_once(tmp_path):
    corpus = corpus_of({"a": "one two"}, failed=["b"])
    tokens = corpus.tokens.copy()
    tokens.loc[1, ["start_ms", "end_ms"]] = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sx.Corpus(corpus.recordings, tokens).to_textgrid(tmp_path)
    assert [str(each.message).partition(",")[0] for each in caught] == [
        "TextGrid: 1 of 2 recordings are left out because they have failed: 'b'.",
        "TextGrid: 1 of 2 words are left out (words of unknown time)",
    ]
    assert praat_tiers(tmp_path / "a.TextGrid") == {
        "1 - segments": [(0, 300, "one two")],
        "1 - words": [(0, 300, "one")],
    }


def test_thirty_hours_and_ten_thousand_speakers(tmp_path):
    rows = [("a", f"S{n}", n * 10_000, n * 10_000 + 9_999, f"word {n}") for n in range(10_800)]
    sx.io.write_textgrid(segments_of(rows), tmp_path / "a.TextGrid")
    assert rows_of(sx.io.read_textgrid(tmp_path / "a.TextGrid")) == [list(row[1:]) for row in rows]
    assert call(parselmouth.read(str(tmp_path / "a.TextGrid")), "Get number of tiers") == 10_800


def test_texts_are_references_in_the_order_of_time(tmp_path):
    sx.io.write_textgrid(segments_of(TALK), tmp_path)
    sx.io.write_eaf(segments_of(TALK), tmp_path)
    for file in ("talk.TextGrid", "talk.eaf"):
        [reference] = sx.read_references(tmp_path / file)["reference"]
        assert reference == 'Good morning. He said "no". Well.'
