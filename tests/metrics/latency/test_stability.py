"""Stability of shown words, compared with counts made by hand, with the written-out definitions, and with laws."""

import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.latency.stability import _unstable_and_erased
from soniox_ds.schema import LIVE_STABILITY, LIVE_STABILITY_SUMMARY


def log_of(*messages, name="a"):
    """Each message: words that it settles, words that are pending behind them."""
    log = Log(name).opened(0).audio(0, 100)
    place = 0
    for number, (settled, pending) in enumerate(messages):
        final = [token(text, 100 * (place + k), final=True) for k, text in enumerate(settled)]
        place += len(settled)
        open_end = [token(text, 100 * (place + k)) for k, text in enumerate(pending)]
        log.message(100 * (number + 1), *final, *open_end)
    return log


def counts(*messages, **options):
    row = sx.metrics.live_stability(streamed(log_of(*messages)), **options).iloc[0]
    return row["final_words"], row["unstable_words"], row["erased_words"]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        pytest.param([([], ["two"]), ([], ["two", " bees"]), (["two", " bees"], [])], (2, 0, 0), id="only-grows"),
        pytest.param([([], ["two", " bees"]), ([], ["to", " be"]), (["to", " be"], [])], (2, 2, 2), id="both-change"),
        # "bees" stays, but stands behind the first change: unstable is one word, erased are two.
        pytest.param([([], ["two", " bees"]), (["too", " bees"], [])], (2, 1, 2), id="the-first-of-two"),
        pytest.param([([], ["a", " b", " c"]), (["a", " x", " b", " c"], [])], (4, 0, 2), id="one-put-in-between"),
        pytest.param([([], ["a", " b", " c"]), ([], []), (["a"], [])], (1, 3, 3), id="taken-back"),
        pytest.param([([], ["a", " b"]), ([], ["a"]), ([], ["a", " b"]), (["a", " b"], [])], (2, 1, 1), id="flickers"),
        # What is settled stays in place, so that nothing before it is compared again.
        pytest.param([(["a"], [" b"]), ([" c"], [" d"]), ([" d"], [])], (3, 1, 1), id="behind-settled-words"),
        pytest.param([([], ["Turn", " left"]), (["Turn", " left", "."], [])], (2, 0, 0), id="a-full-stop-is-growth"),
        pytest.param([([], ["turn", " left"]), (["Turn", " left"], [])], (2, 1, 2), id="capitals-count"),
        pytest.param([([], ["lef"]), ([], ["left"]), (["left"], [])], (1, 0, 0), id="a-word-that-grows"),
        pytest.param([(["inter"], []), (["national"], [])], (1, 0, 0), id="a-settled-piece-that-grows"),
        pytest.param([(["inter"], ["view"]), (["national"], [])], (1, 1, 1), id="the-rest-of-a-word-changes"),
        pytest.param([([], ["今", "日"]), (["今", "晩"], [])], (2, 1, 1), id="characters-are-words"),
        pytest.param([(["今"], ["日", "は"]), (["日"], ["は"]), (["は"], [])], (3, 0, 0), id="settled-characters"),
    ],
)
def test_by_hand(messages, expected):
    assert counts(*messages) == expected


def test_growth_can_be_counted():
    messages = [([], ["lef"]), ([], ["left"]), (["left", "."], [])]
    assert counts(*messages) == (1, 0, 0)
    assert counts(*messages, count_growth=True) == (1, 2, 2)


def test_only_a_last_word_grows():
    """A word that becomes longer while others follow it has changed."""
    assert counts(([], ["a", " mor", " x"]), (["a", " morning", " x"], [])) == (3, 1, 2)


def test_translations_are_left_out():
    log = Log().opened(0).audio(0, 100)
    log.message(100, token("Good", 0), token("Gut", translation_status="translation"))
    log.message(200, token("Good", 0, final=True), token("Guten", translation_status="translation", final=True))
    row = sx.metrics.live_stability(streamed(log)).iloc[0]
    assert row[["final_words", "unstable_words", "updates"]].tolist() == [1, 0, 2]


def test_recordings_are_pooled_and_grouped():
    steady = log_of((["a", " b"], []), name="steady")
    restless = log_of(([], ["x"]), ([], ["y"]), (["z", " w"], []), name="restless")
    failed = log_of(([], ["q"]), (["r"], []), name="failed")
    made = streamed(steady, restless, failed, failed=["failed"], room=["1", "2", "2"])
    stability = sx.metrics.live_stability(made)
    assert list(stability) == [*LIVE_STABILITY, *(name for name in made.recordings if name not in LIVE_STABILITY)]
    assert stability["final_words"].tolist() == [2, 2, pd.NA]
    assert stability["normalized_erasure"].tolist() == [0.0, 1.0, pd.NA]
    row = sx.summarize(stability).iloc[0]
    assert list(sx.summarize(stability)) == list(LIVE_STABILITY_SUMMARY)
    assert row[["recordings", "failed", "updates", "final_words", "unstable_words"]].tolist() == [2, 1, 4, 4, 2]
    assert row[["upwr", "normalized_erasure"]].tolist() == [0.5, 0.5]
    by_room = sx.summarize(stability, by="room").set_index("room")
    assert by_room["upwr"].to_dict() == {"1": 0.0, "2": 1.0}
    assert by_room["failed"].to_dict() == {"1": 0, "2": 1}
    assert by_room["note"].str.startswith("There is only one recording, and an interval needs two or more.").all()


def test_intervals_are_those_of_rates():
    """Twelve recordings of uneven stability: the interval of the pooled rate, as for word errors."""
    logs = [
        log_of(*[([], [f"w{k}"]) for k in range(number % 5)], (["a", " b", " c"], []), name=str(number))
        for number in range(12)
    ]
    row = sx.summarize(sx.metrics.live_stability(streamed(*logs))).iloc[0]
    assert 0 <= row["upwr_low"] < row["upwr"] < row["upwr_high"]
    assert row["block"] == "audio_id"
    assert pd.isna(row["note"])


def test_no_words_no_rates():
    row = sx.metrics.live_stability(streamed(Log().opened(0).audio(0, 100).message(5))).iloc[0]
    assert row[["updates", "final_words"]].tolist() == [1, 0]
    assert pd.isna(row["upwr"])
    silent = sx.metrics.live_stability(streamed(Log("a").opened(0).message(5), Log("b").opened(0).message(5)))
    assert "no settled words" in sx.summarize(silent)["note"].iloc[0]


WORDS = st.lists(st.sampled_from(["a", "b", "ab", "abc", "c", "今"]), max_size=5)


@st.composite
def sessions(draw):
    """Texts settled and pending, message by message; words may be cut anywhere, so that pieces meet."""
    steps = draw(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=7))
    glue = draw(st.lists(st.sampled_from([" ", ""]), min_size=80, max_size=80))

    def text(words):
        return "".join(glue.pop() + word for word in words)

    return [(text(settled), text(pending)) for settled, pending in steps]


def by_definition(texts):
    """Count the unstable and erased words of whole texts, word by word. Words that grow are counted."""
    shown, settled, unstable, erased = [], "", 0, 0
    for new, pending in texts:
        settled += new
        now = [unit for word in (settled + pending).split() for unit in _apart(word)]
        prefix = 0
        while prefix < min(len(shown), len(now)) and shown[prefix] == now[prefix]:
            prefix += 1
        erased += len(shown) - prefix
        unstable += len(shown) - _common(shown, now)
        shown = now
    return unstable, erased


def _apart(word):
    pieces = [""]
    for char in word:
        if char == "今":
            pieces += [char, ""]
        else:
            pieces[-1] += char
    return [piece for piece in pieces if piece]


def _common(a, b):
    """Length of the longest common subsequence, by the textbook."""
    row = [0] * (len(b) + 1)
    for x in a:
        new = [0]
        for k, y in enumerate(b):
            new.append(row[k] + 1 if x == y else max(row[k + 1], new[-1]))
        row = new
    return row[-1]


@given(sessions())
def test_the_definitions_written_out_say_the_same(texts):
    assert _unstable_and_erased(*zip(*texts, strict=True), count_growth=True) == by_definition(texts)


@given(sessions())
def test_laws(texts):
    settled, pending = zip(*texts, strict=True)
    unstable, erased = _unstable_and_erased(settled, pending, count_growth=False)
    assert 0 <= unstable <= erased
    grown = _unstable_and_erased(settled, pending, count_growth=True)
    assert unstable <= grown[0]
    assert erased <= grown[1]
    # Nothing pending, nothing to take back.
    assert _unstable_and_erased(settled, [""] * len(settled), count_growth=False) == (0, 0)


@given(sessions(), st.data())
def test_more_messages_with_the_same_words_change_nothing(texts, data):
    """Settle the words of each message in two messages; the rest of the first one stays pending until the second."""
    cut = []
    for settled, pending in texts:
        where = data.draw(st.integers(0, len(settled)))
        cut += [(settled[:where], settled[where:] + pending), (settled[where:], pending), ("", pending)]
    for growth in (True, False):
        whole = _unstable_and_erased(*zip(*texts, strict=True), count_growth=growth)
        assert _unstable_and_erased(*zip(*cut, strict=True), count_growth=growth) == whole


@settings(max_examples=examples(30))
@given(sessions())
def test_final_tokens_never_change(texts):
    """Through the whole way from messages to tables: what was settled early is there in the end, in its place."""
    log = Log().opened(0).audio(0, 100)
    for number, (settled, pending) in enumerate(texts):
        final = [token(settled, 10 * number, final=True)] if settled else []
        log.message(number, *final, *([token(pending, 10 * number)] if pending else []))
    made = streamed(log)
    came = ""
    for text in made.updates["settled_text"]:
        came += text
        assert "".join(made.tokens["text"]).startswith(came)
    assert came == "".join(made.tokens["text"])
    sx.metrics.live_stability(made)  # and the tables are not refused


def test_settled_text_that_changed_is_refused():
    made = streamed(log_of((["one"], []), ([" two"], [])))
    made.tokens.loc[0, "text"] = "won"
    with pytest.raises(SchemaError, match="the messages of 'a' settled the text 'one"):
        sx.metrics.live_stability(made)


def test_wrong_input_is_named():
    made = streamed(log_of((["one"], [])))
    with pytest.raises(InputError, match="a DataFrame has no times of arrival"):
        sx.metrics.live_stability(made.tokens)
    with pytest.raises(InputError, match="method is 'bca'"):
        sx.summarize(sx.metrics.live_stability(made), method="bca")
    with pytest.raises(SchemaError, match="lacks"):
        sx.summarize(sx.metrics.live_stability(made), by="room")
