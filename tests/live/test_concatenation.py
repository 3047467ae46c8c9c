"""`sx.concat` of live results: recordings, logs and provenance, and what cannot be joined."""

from __future__ import annotations

import pandas as pd
import pytest
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError


def live_result(audio_id, text, **columns):
    log = Log(audio_id).opened(0).spoken(1000)
    return streamed(log.message(1100, token(text, 0, 400, final=True)), **columns)


def test_live_results_are_joined_with_their_logs():
    one, two = live_result("a", "Hello", split=["test"]), live_result("b", "Goodbye")
    both = sx.concat([one, two])
    assert isinstance(both, sx.LiveResult)
    assert both.text == "Hello\nGoodbye"
    assert both.recordings["audio_id"].tolist() == ["a", "b"]
    assert both.recordings["split"].fillna("unknown").tolist() == ["test", "unknown"]
    pd.testing.assert_frame_equal(both.log, pd.concat([one.log, two.log], ignore_index=True))
    pd.testing.assert_frame_equal(both.tokens, pd.concat([one.tokens, two.tokens], ignore_index=True))
    assert both.corpus().equals(sx.concat([one.corpus(), two.corpus()]))
    assert sx.metrics.live_latencies(both)["audio_id"].unique().tolist() == ["a", "b"]


def test_every_run_is_kept_once():
    one, two = live_result("a", "Hello"), live_result("b", "Goodbye")
    one.provenance["runs"], two.provenance["runs"] = [{"model": "x"}], [{"model": "x"}, {"model": "y"}]
    assert sx.concat([one, two]).provenance["runs"] == [{"model": "x"}, {"model": "y"}]


def test_an_id_stands_for_one_recording():
    with pytest.raises(SchemaError, match=r"1 audio_id occurs more than once: \['a'\]"):
        sx.concat([live_result("a", "Hello"), live_result("a", "Goodbye")])


def test_a_corpus_and_a_live_result_are_joined_as_corpora():
    one, two = live_result("a", "Hello").corpus(), live_result("b", "Goodbye")
    with pytest.raises(
        InputError, match=r"found Corpus and LiveResult; .* call sx\.concat\(\[corpus, live_result\.corpus"
    ):
        sx.concat([one, two])
    assert list(sx.concat([one, two.corpus()])) == ["a", "b"]


@pytest.mark.parametrize("given", [lambda one: one, lambda one: [one.tokens]])
def test_other_things_are_not_joined(given):
    with pytest.raises(InputError, match=r"found (str|DataFrame); call sx\.concat\(\[one, two\]\) .* pd\.concat"):
        sx.concat(given(live_result("a", "Hello").corpus()))
