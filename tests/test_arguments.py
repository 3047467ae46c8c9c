"""Suggestions for misspelt names, wherever a name is looked up."""

import pytest

import soniox_ds as sx
from soniox_ds._arguments import did_you_mean

ERRORS = sx.word_errors({"a": "b c", "b": "d"}, {"a": "b d", "b": "d"}).assign(Speaker="x")


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sx.word_error, "has no attribute 'word_error'. Did you mean 'word_errors'?"),
        (lambda: sx.plot.timline, "Did you mean 'timeline'?"),
        (lambda: sx.io.read_rtm, "Did you mean 'read_rttm'?"),
        (lambda: sx.word_errors({"a": "b"}, {"a": "b"}, normalizer="basik"), "Did you mean 'basic'?"),
        (lambda: sx.word_errors({"a": "b"}, {"a": "b"}, cost="levenstein"), "Did you mean 'levenshtein'?"),
        (lambda: sx.summarize(ERRORS, by="speaker"), "Did you mean 'Speaker'?"),
        (lambda: sx.summarize(ERRORS, kind="word errors"), "Did you mean 'word_errors'?"),
        (lambda: sx.TranscriptionOptions(diarization=True), "Did you mean 'enable_speaker_diarization'?"),
    ],
)
def test_the_message_names_what_was_probably_meant(call, says):
    with pytest.raises((AttributeError, sx.exceptions.SonioxDSError)) as caught:
        call()
    assert says in str(caught.value)


def test_the_nearest_name_is_named_as_it_is_written():
    names = ["Word Errors", "word_count", 7]
    assert did_you_mean("word-errors", names) == " Did you mean 'Word Errors'?"
    assert did_you_mean("WORDCOUNT", names) == " Did you mean 'word_count'?"
    assert did_you_mean("entirely different", names) == ""
