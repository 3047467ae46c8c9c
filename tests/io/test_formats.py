"""Tests of the rules that hold for all readers and writers."""

import inspect

import pytest

import soniox_ds as sx
from soniox_ds.exceptions import OptionsError
from soniox_ds.io.formats import FORMATS

CORPUS = sx.Corpus.__new__(sx.Corpus)  # No function gets as far as to look at it.


WITH_KEYWORDS = [
    name for name in dir(sx.io) if not name.startswith("_") and inspect.signature(getattr(sx.io, name)).parameters
]


@pytest.mark.parametrize("name", WITH_KEYWORDS)
def test_a_keyword_that_does_not_exist_is_an_error_that_lists_those_that_do(name):
    with pytest.raises(OptionsError, match=rf"^{name}\(\) has no option 'zzz'\. It has "):
        getattr(sx.io, name)("nowhere", zzz=1)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.writer and name != "huggingface"])
def test_the_methods_of_a_corpus_have_the_same_error(name):
    with pytest.raises(OptionsError, match=r"has no option 'pth'\. Did you mean 'path'\?"):
        getattr(CORPUS, f"to_{name}")(pth="nowhere")


def test_a_misspelt_keyword_is_explained():
    with pytest.raises(OptionsError, match=r"has no option 'line_len'\. Did you mean 'line_length'\?"):
        CORPUS.to_srt("nowhere", line_len=3)
    with pytest.raises(OptionsError, match=r"has no option 'word'\. Did you mean 'with_words'\?"):
        CORPUS.to_textgrid("nowhere", word=False)
    with pytest.raises(OptionsError, match=r"has no option 'encodng'\. Did you mean 'encoding'\?"):
        sx.io.read_trn("nowhere", encodng="utf-8")
