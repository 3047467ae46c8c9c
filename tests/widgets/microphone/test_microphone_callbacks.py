"""The user's own functions: each segment once, in order, and made of no more than what is new."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.live.transcript import Transcript
from soniox_ds.widgets.microphone.callbacks import Callbacks


class Said:
    """A take, as far as callbacks look at it."""

    def __init__(self):
        self.transcript = Transcript()


def callbacks_of(called, *, translates):
    made = Callbacks(called.append, None, translates=translates, failed=lambda text: pytest.fail(text))
    made._submit = lambda function, argument: function(argument)  # here and now
    return made


def fold(take, callbacks, tokens):
    callbacks.updated(take, take.transcript.fold({"tokens": tokens}, received_ms=0))


SPOKEN = {"text": " a", "is_final": True}
OPEN = {"text": " b", "is_final": False}
TRANSLATED = {"text": " x", "is_final": True, "translation_status": "translation"}
END = {"text": "<end>", "is_final": True}


@pytest.mark.parametrize("translates", [False, True])
@given(messages=st.lists(st.lists(st.sampled_from([SPOKEN, SPOKEN, OPEN, TRANSLATED, END]), max_size=4), max_size=25))
def test_each_segment_is_called_with_once_and_whole(translates, messages):
    """Held against all segments of the transcript, made anew."""
    take, called = Said(), []
    callbacks = callbacks_of(called, translates=translates)
    callbacks.begun()
    for tokens in messages:
        fold(take, callbacks, tokens)
        segments = take.transcript.segments
        ready = len(segments) - (1 if segments and segments[-1].is_open else 0)
        if translates and ready and ready == len(segments):
            ready -= 1
        if translates:  # a translation that is due is waited for
            assert called == segments[: len(called)]
            assert len(called) <= ready
        else:
            assert [segment.tokens for segment in called] == [segment.tokens for segment in segments[: len(called)]]
            assert len(called) <= ready or not tokens
    callbacks.ended(take)
    segments = take.transcript.segments
    assert [segment.tokens for segment in called] == [segment.tokens for segment in segments]
    if translates:
        assert called == segments
    callbacks.begun()
    callbacks.ended(Said())
    assert len(called) == len(segments)


def test_hours_make_no_update_slower(monkeypatch):
    """Only new segments are examined, however many came before."""
    seen = []
    segments = Transcript.segments.fget
    monkeypatch.setattr(
        Transcript, "segments", property(lambda self: (seen.append(len(self.settled)), segments(self))[1])
    )
    take, called = Said(), []
    callbacks = callbacks_of(called, translates=True)
    rng = random.Random(3)
    callbacks.begun()
    for _ in range(500):
        for _ in range(rng.randint(1, 12)):
            fold(take, callbacks, [SPOKEN, TRANSLATED])
        fold(take, callbacks, [END])
    assert len(take.transcript.settled) > 5_000
    assert len(called) == 499
    assert max(seen) <= 2 * 12 * 2 + 4
    callbacks.ended(take)
    assert len(called) == 500


def test_without_endpoints_nothing_is_made_before_the_end(monkeypatch):
    take, called = Said(), []
    callbacks = callbacks_of(called, translates=True)
    callbacks.begun()
    monkeypatch.setattr(Transcript, "segments", property(lambda self: pytest.fail("all of it was looked at")))
    for _ in range(50):
        fold(take, callbacks, [SPOKEN, TRANSLATED])
    monkeypatch.undo()
    callbacks.ended(take)
    assert [segment.text for segment in called] == [" ".join("a" * 50)]
