"""The notebook views: texts are escaped, and errors and low confidences are marked by more than colour."""

from __future__ import annotations

import pandas as pd
import pytest
from html_pages import Page
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds import show
from soniox_ds._display import direction
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.exceptions import InputError, SchemaError

ALLOWED = {"div", "p", "b", "bdi", "mark", "span", "sup", "i"}


def words_of(*rows, audio_id="a.wav"):
    frame = pd.DataFrame(rows, columns=["text", "start_ms", "end_ms", "confidence", "speaker"])
    dtypes = {"start_ms": "Int32", "end_ms": "Int32", "confidence": "Float32", "speaker": "string"}
    return frame.assign(audio_id=audio_id).astype(dtypes)


WORDS = words_of(
    ("Good", 0, 300, 0.99, "1"),
    ("mourning.", 350, 700, 0.31, "1"),
    ("Hi,", 800, 900, 0.65, "2"),
    ("how", 950, 1000, 0.85, "2"),
    ("are", 5000, 5100, pd.NA, "2"),
)


def alignment_of(*rows, audio_id="a.wav"):
    return pd.DataFrame(rows, columns=["operation", "reference", "hypothesis"]).assign(audio_id=audio_id)


ALIGNMENT = alignment_of(
    ("hit", "can", "can"),
    ("substitution", "you", "ewe"),
    ("deletion", "hear", pd.NA),
    ("hit", "me", "me"),
    ("hit", "now", "now"),
    ("hit", "then", "then"),
    ("insertion", pd.NA, "okay"),
)


def test_a_transcript_is_in_paragraphs_by_speaker_and_pause_with_doubt_marked():
    html = show.transcript(WORDS)._repr_html_()
    page = Page(html)
    assert "a.wav: 5 words, 1 below 0.5" in page.text
    assert "0:00 · speaker 1Good mourning. 0:00 · speaker 2Hi, how 0:05 · speaker 2are" in page.text
    titles = [value for tag, name, value in page.attributes if name == "title"]
    assert titles == ["confidence 0.31 at 0:00", "confidence 0.65 at 0:00", "confidence 0.85 at 0:00"]
    styles = [value for tag, name, value in page.attributes if tag == "mark" and name == "style"]
    assert [next(kind for kind in ("solid", "dashed", "dotted") if kind in style) for style in styles] == [
        "solid",
        "dashed",
        "dotted",
    ]
    assert all("color:inherit" in style for style in styles)  # readable on a dark page too


def test_a_transcript_in_plain_text():
    assert repr(show.transcript(WORDS)) == (
        "a.wav: 5 words, 1 below 0.5\n"
        "  0:00 speaker 1: Good mourning.{0.31}\n"
        "  0:00 speaker 2: Hi, how\n"
        "  0:05 speaker 2: are"
    )


def test_a_window_the_levels_and_the_stream_can_be_chosen():
    assert show.transcript(WORDS, start_ms=700, end_ms=5000).words["text"].tolist() == ["Hi,", "how"]
    assert not len(show.transcript(WORDS, start_ms=700_000).words)
    with pytest.raises(InputError, match=r"start_ms is 0\.7; give whole milliseconds, .* Are these seconds\?"):
        show.transcript(WORDS, start_ms=0.7, end_ms=5)
    with pytest.warns(UserWarning, match=r"from start_ms=1 to end_ms=2 are 1 ms of a recording .* Are these seconds\?"):
        assert show.transcript(WORDS, start_ms=1, end_ms=2).words["text"].tolist() == ["Good"]
    assert "0 below 0.1" in repr(show.transcript(WORDS, levels=(0.1, 0.2, 0.3)))
    both = WORDS.assign(translation_status=["original", "translation", pd.NA, "none", "original"])
    assert show.transcript(both).words["text"].tolist() == ["Good", "Hi,", "how", "are"]
    assert show.transcript(both, stream="translation").words["text"].tolist() == ["mourning."]
    for wrong in ({"levels": (0.9, 0.5, 0.1)}, {"levels": (0.5,)}, {"stream": "german"}):
        with pytest.raises(InputError, match=r"levels must be|stream is"):
            show.transcript(WORDS, **wrong)


def test_a_corpus_can_be_shown_and_one_of_several_must_be_named():
    recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed"})
    tokens = pd.DataFrame({"audio_id": ["a", "b"], "token_index": 0, "text": ["One", "Two"]})
    corpus = Corpus(recordings, tokens)
    assert repr(show.transcript(corpus, "b")) == "b: 1 word, 0 below 0.5\n  Two"
    with pytest.raises(InputError, match=r"choose it with audio_id="):
        show.transcript(corpus)
    with pytest.raises(SchemaError, match="confidence"):
        show.transcript(WORDS.drop(columns="confidence"))
    assert "No words" in show.transcript(WORDS.iloc[:0])._repr_html_()


def test_errors_are_marked_with_letters_and_said_aloud():
    html = show.alignment(ALIGNMENT)._repr_html_()
    page = Page(html)
    assert "a.wav: 3 errors in 6 reference words (S 1, D 1, I 1)" in page.text
    assert "can [youS→ewe] [hearD→–] me now then [–I→okay]" in page.text
    references = [value for _, name, value in page.attributes if name == "aria-label"]
    assert references == ["substitution", "deletion", "insertion"]


def test_only_the_surroundings_of_errors_can_be_shown():
    text = Page(show.alignment(ALIGNMENT, context=1)._repr_html_()).text
    assert "me … 1 word right … then" in text
    only_errors = Page(show.alignment(ALIGNMENT.iloc[3:], context=0)._repr_html_()).text
    assert "… 3 words right … [–I→okay]" in only_errors
    with pytest.raises(InputError, match="context is -1"):
        show.alignment(ALIGNMENT, context=-1)


def test_an_alignment_in_plain_text_keeps_its_columns():
    wide = alignment_of(("hit", "東京", "東京"), ("substitution", "a", "京都"), ("hit", "b", "b"))
    assert repr(show.alignment(wide)).splitlines()[1:] == [
        "  reference  東京 a    b",
        "  heard      東京 京都 b",
        "  errors          S",
    ]
    long = alignment_of(*[("hit", "word", "word")] * 1000)
    lines = repr(show.alignment(long)).splitlines()
    assert max(map(len, lines)) <= 101
    assert lines[-1].endswith("more lines")


def test_required_columns_of_an_alignment():
    with pytest.raises(SchemaError, match=r"lacks \['reference'\]"):
        show.alignment(ALIGNMENT.drop(columns="reference"))
    with pytest.raises(SchemaError, match="'skip' is not known"):
        show.alignment(ALIGNMENT.assign(operation="skip"))
    with pytest.raises(InputError, match=r"no alignments of 'b\.wav'"):
        show.alignment(ALIGNMENT, "b.wav")
    assert "No words" in show.alignment(ALIGNMENT.iloc[:0])._repr_html_()


def test_right_to_left_texts_run_from_the_right():
    arabic = [("hit", "ذهبت", "ذهبت"), ("substitution", "إلى", "علی"), ("hit", "USB", "USB"), ("hit", "السوق", "السوق")]
    html = show.alignment(alignment_of(*arabic))._repr_html_()
    assert ("div", "dir", "rtl") in Page(html).attributes
    words = words_of(*((word, 0, 400, 0.9, "1") for word in ("שלום", "עולם", "OK"))).assign(language="he")
    page = Page(show.transcript(words)._repr_html_())
    assert ("div", "dir", "rtl") in page.attributes
    assert ("div", "lang", "he") in page.attributes
    assert direction(["Hallo", "שלום"]) == "ltr"


def test_marks_of_direction_do_not_reach_beyond_their_word():
    words = words_of(("\u202eevil", 0, 1, 0.9, "1"), ("good", 2, 3, 0.9, "1"))
    assert "<bdi>\u202eevil</bdi> good" in show.transcript(words, levels=(0, 0, 0))._repr_html_()


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=12),
    st.sampled_from(
        ["<script>alert(1)</script>", '"><img src=x onerror=y>', "</bdi></div>", "&lt;", "\x00\x1b[31m", "😀"]
    ),
)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_text_is_text(text, other, speaker, audio_id):
    words = words_of((text, 0, 1, 0.2, speaker), (other, 2, 3, 0.99, speaker), audio_id=audio_id).assign(language=other)
    alignments = alignment_of(("substitution", text, other), ("hit", other, other), audio_id=audio_id)
    alignments = alignments.assign(speaker=speaker, language=text, start_ms=5, confidence=0.5)
    for view in (show.transcript(words), show.alignment(alignments), show.alignment(alignments, context=0)):
        page = Page(view._repr_html_())
        assert page.tags <= ALLOWED
        assert {name for _, name, _ in page.attributes} <= {
            "class",
            "style",
            "title",
            "dir",
            "lang",
            "role",
            "aria-label",
            "aria-hidden",
        }
        assert repr(view)


def test_a_confidence_on_a_level_is_not_below_it_in_single_precision_too():
    tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["good", " day"]})
    tokens["confidence"] = pd.array([0.9, 0.8999], "Float32")
    view = show.transcript(Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed"}), tokens))
    assert view._repr_html_().count("<mark") == 1
    on_it = show.transcript(view.words.assign(confidence=pd.array([0.7, 0.6999], "Float32")), levels=(0.7, 0.8, 0.9))
    assert repr(on_it).splitlines()[0] == "a: 2 words, 1 below 0.7"
    assert "good day{0.70}" in repr(on_it)


def test_nothing_to_show_is_said():
    empty = show.alignment(pd.DataFrame({name: [] for name in ("audio_id", "operation", "reference", "hypothesis")}))
    assert repr(empty) == "nothing: No words."
    assert "No words." in empty._repr_html_()
    assert repr(show.transcript(words_of().astype({"audio_id": "string"}))) == "nothing: No words."
