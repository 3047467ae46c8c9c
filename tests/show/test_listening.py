"""Tests of the sound of views, and of when a notebook shows them with sound; without a browser."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from html_pages import Page

import soniox_ds as sx
from soniox_ds import show
from soniox_ds.exceptions import InputError
from soniox_ds.show.listening import span
from soniox_ds.widgets import _kernel
from soniox_ds.widgets.player.spoken_view import SpokenView


@pytest.fixture(scope="module")
def samples():
    return sx.load_samples().select(kind="conversation")


@pytest.fixture
def messages(monkeypatch):
    """Show views as in a notebook; return what the widgets send to the page."""
    sent, made = [], []
    monkeypatch.setattr(_kernel, "kernel_version", lambda: 7)
    monkeypatch.setattr(SpokenView, "display", lambda self: made.append(self))
    monkeypatch.setattr(SpokenView, "send", lambda self, content, buffers=None: sent.append((content, buffers)))
    return lambda view: (view._ipython_display_(), made.pop(), sent)[1:]


def spans_of(html):
    return [value for _, name, value in Page(html).attributes if name == "data-span"]


def test_words_and_paragraphs_have_their_times_with_a_margin(samples):
    view = show.transcript(samples, "conversation_03")
    spans = spans_of(view._html(is_spoken=True))
    words = view.words
    paragraphs = len(list(view._paragraphs()))
    assert len(spans) == len(words) + paragraphs
    first, last = words.iloc[0], words.iloc[-1]
    assert spans[1] == f"{max(first['start_ms'] - 80, 0)} {first['end_ms'] + 80}"
    assert spans[-1] == f"{last['start_ms'] - 80} {last['end_ms'] + 80}"
    buttons = [
        value
        for tag, name, value in Page(view._html(is_spoken=True)).attributes
        if tag == "button" and name == "aria-label"
    ]
    assert len(buttons) == paragraphs
    assert buttons[0] == "Play 0:00 · speaker 1"
    n_words = len(next(view._paragraphs()))
    ends = [int(each.split()[1]) for each in spans[1 : n_words + 1]]
    assert spans[0] == f"{spans[1].split()[0]} {max(ends)}"


def test_a_missed_word_lasts_from_the_word_before_to_the_word_after():
    alignments = pd.DataFrame(
        {
            "audio_id": "a",
            "operation": ["deletion", "hit", "deletion", "deletion", "insertion", "hit", "deletion"],
            "reference": ["oh", "can", "you", "hear", pd.NA, "me", "now"],
            "hypothesis": [pd.NA, "can", pd.NA, pd.NA, "uh", "me", pd.NA],
            "start_ms": pd.array([pd.NA, 2000, pd.NA, pd.NA, 5000, 6000, pd.NA], "Int32"),
            "end_ms": pd.array([pd.NA, 2300, pd.NA, pd.NA, 5200, 6200, pd.NA], "Int32"),
        }
    )
    view = show.alignment(alignments, audio={"a": b"RIFF"})
    spans = spans_of(view._html(is_spoken=True))
    assert spans == [
        "750 7450",  # the paragraph
        "750 2250",
        "1920 2380",
        "2050 5250",
        "2050 5250",
        "4920 5280",
        "5920 6280",
        "5950 7450",
    ]
    only_errors = show.alignment(alignments.iloc[1:], context=0, audio={"a": b"RIFF"})
    assert spans_of(only_errors._html(is_spoken=True)) == [
        "2050 7450",
        "2050 5250",
        "2050 5250",
        "4920 5280",
        "5950 7450",
    ]
    assert span(10, pd.NA) == ""


def test_static_views_have_nothing_to_press(samples):
    for view in (
        show.transcript(samples, "conversation_03"),
        show.alignment(samples["conversation_03"]),
        sx.find(samples, "half past"),
    ):
        html, spoken = view._repr_html_(), view._html(is_spoken=True)
        assert not re.search(r"data-|<button", html)
        assert Page(html).text == Page(spoken).text
        assert spans_of(spoken)
        assert "No sound" not in html


def test_a_notebook_shows_the_view_and_plays_its_clips(samples, messages):
    widget, sent = messages(show.transcript(samples, "conversation_03"))
    widget._answer(None, {"type": "start", "view": "v"}, [])
    widget._answer(None, {"type": "clip", "view": "v", "audio_id": "conversation_03", "start_ms": 0, "end_ms": 900}, [])
    (start, _), (clip, buffers) = sent
    assert start["view"] == clip["view"] == "v"
    assert start["audio_ids"] == ["conversation_03"]
    assert "data-span" in start["html"]
    assert clip["reason"] == ""
    assert clip["mime"] == "audio/ogg"
    assert buffers[0].startswith(b"OggS")
    assert len(buffers[0]) < 6000
    assert widget.settings == {"name": "Transcript", "longest_ms": 30_000}  # Saved notebooks hold no words of it.
    picture = widget._picture()
    assert "To listen, run the cell again." in picture["text/html"]
    assert "data-span" not in picture["text/html"]
    for wrong in ({"type": "other"}, {"type": "clip", "audio_id": "conversation_03", "start_ms": 5, "end_ms": 5}):
        with pytest.raises(InputError, match="the view"):
            widget._answer(None, wrong, [])


def test_lines_of_a_concordance_name_their_recordings(samples, messages):
    matches = sx.find(samples, "morning|tomorrow|half past", regex=True)
    widget, sent = messages(matches)
    widget._answer(None, {"type": "start"}, [])
    start, _ = sent[0]
    assert matches["audio_id"].nunique() > 1
    numbers = [int(value) for _, name, value in Page(start["html"]).attributes if name == "data-audio"]
    assert [start["audio_ids"][number] for number in numbers] == matches["audio_id"].tolist()
    assert spans_of(start["html"])[0] == span(matches["start_ms"].iloc[0], matches["end_ms"].iloc[0], 1500)
    assert type(matches.iloc[:1]) is pd.DataFrame  # Selections are ordinary tables, without a player.


@pytest.mark.parametrize("source", ["https://example.org/a.wav", "gone.wav", pd.NA])
def test_without_audio_the_view_says_what_to_do_and_is_static(source, messages):
    recordings = pd.DataFrame({"audio_id": ["a"], "source": pd.array([source], "string"), "status": "completed"})
    tokens = pd.DataFrame(
        {"audio_id": "a", "token_index": [0], "text": ["Hello"], "start_ms": 0, "end_ms": 400, "confidence": 0.9}
    )
    corpus = sx.Corpus(recordings, tokens)
    for view in (show.transcript(corpus), sx.find(corpus, "hello")):
        with pytest.raises(NotImplementedError):
            view._ipython_display_()
        assert "To listen, pass the file: audio={audio_id: path}." in Page(view._repr_html_()).text
    assert "No sound" not in show.transcript(corpus.tokens)._repr_html_()  # No audio is expected of a table.
    widget, _ = messages(show.transcript(corpus, audio={"a": b"RIFF"}))
    assert isinstance(widget, SpokenView)


def test_audio_is_files_or_a_corpus(samples, messages):
    alignments = sx.align_words(samples)
    widget, _ = messages(show.alignment(alignments, "conversation_03", audio=samples))
    assert isinstance(widget, SpokenView)
    with pytest.raises(NotImplementedError):
        show.alignment(alignments, "conversation_03")._ipython_display_()
    for wrong in ("a.wav", samples.recordings, 3):
        with pytest.raises(InputError, match="audio is a"):
            show.alignment(alignments, "conversation_03", audio=wrong)


def test_outside_a_notebook_the_view_is_static(samples):
    with pytest.raises(NotImplementedError):
        show.transcript(samples, "conversation_03")._ipython_display_()


def test_an_opened_corpus_is_asked_for_its_audio(samples, tmp_path, messages):
    samples.save(tmp_path / "corpus")
    widget, sent = messages(sx.find(sx.open_corpus(tmp_path / "corpus"), "half past"))
    audio_id = widget._audio_ids[0]
    widget._answer(None, {"type": "clip", "audio_id": audio_id, "start_ms": 0, "end_ms": 300}, [])
    assert sent[-1][0]["reason"] == ""
