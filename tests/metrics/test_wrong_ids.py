"""Recordings by number, rows that only look like duplicates, files that are wrong, and mappings by id."""

import functools

import pandas as pd
import pytest
from small_world import PAIRS, QUICK, call, check_same, tables, tables_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

# ids that are numbers

NUMBER_OF = {"a": 1, "b": 2, "c": 3}
OF_SESSIONS = {"sessions", "log", "latencies"}
"""Sessions are written by our own recorder, whose ids are strings."""


def renamed(table, kind):
    """The table with 1, 2, 3 instead of a, b, c, as `kind` (str, int, float)."""
    true = tables()[table]
    if "audio_id" not in true:
        return true
    return true.assign(audio_id=pd.Series([kind(NUMBER_OF[name]) for name in true["audio_id"]], index=true.index))


def numbered(name, first="1", **kinds):
    """Call a function on tables whose ids are of these kinds, by table, and of the kind `rest`."""
    spoilt = {table: renamed(table, kinds.get(table, kinds["rest"])) for table in tables_of(name)}
    return call(name, spoilt, first=first)


@functools.cache
def of_strings(name):
    return numbered(name, rest=str)


def alike(one, two):
    """`same`, whichever kind of string the ids are."""
    if isinstance(one, pd.DataFrame) and "audio_id" in one:
        one, two = (table.astype({"audio_id": "string"}) for table in (one, two))
    check_same(one, two)


NUMBERED = [(name, table) for name, table in PAIRS if "audio_id" in tables()[table] and table not in OF_SESSIONS]


@pytest.mark.parametrize("kind", [int, float])
@pytest.mark.parametrize(("name", "table"), NUMBERED)
def test_whole_numbers_are_ids_like_their_digits(name, table, kind):
    """Whichever of the tables has them, and as ids of the result they are strings."""
    alike(numbered(name, rest=str, **{table: kind}), of_strings(name))


@pytest.mark.parametrize("name", sorted({name for name, _ in NUMBERED}))
def test_numbers_in_every_table(name):
    alike(numbered(name, rest=int, first=1), of_strings(name))


NO_MATTER = {"term_errors"}
"""Their figures are of all rows, whatever the ids are."""


@pytest.mark.parametrize(("name", "table"), [(name, table) for name, table in NUMBERED if name not in NO_MATTER])
def test_fractions_are_no_ids(name, table):
    fractions = renamed(table, float).assign(audio_id=lambda rows: rows["audio_id"] + 0.5)
    with pytest.raises(
        SchemaError, match=r"an audio_id must be a text or a whole number, found \d\.5\. Convert it to text when"
    ):
        call(name, {table: fractions})


@pytest.mark.parametrize("texts", [dict, pd.Series])
def test_texts_by_numbers(texts):
    hypotheses, references = texts({1: "a", 2: "b"}), texts({1: "a", 2: "c"})
    found = sx.word_errors(hypotheses, references)
    pd.testing.assert_frame_equal(found, sx.word_errors({"1": "a", "2": "b"}, {"1": "a", "2": "c"}))
    assert found["audio_id"].tolist() == ["1", "2"]
    with pytest.raises(SchemaError, match="1' occurs more than once"):
        sx.word_errors({1: "a", "1": "b"}, references)
    with pytest.raises(SchemaError, match="an audio_id must be a text or a whole number, found True"):
        sx.word_errors({True: "a"}, references)


def test_the_same_words_in_two_arms_are_no_doubles():
    alignments = tables()["alignments"]
    arms = pd.concat([alignments.assign(arm=arm) for arm in ("plain", "terms")])
    assert sx.calibration(arms, by="arm", **QUICK)["n"].tolist() == [20, 20]
    with pytest.raises(SchemaError, match="arms and repeats need their own tables or their own ids"):
        sx.calibration(arms, **QUICK)
    pooled = pd.concat([tables()["diarization"].assign(arm=arm) for arm in ("plain", "terms")])
    assert sx.summarize(pooled, by="arm")["recordings"].tolist() == [3, 3]


def test_a_turn_may_be_said_twice_where_times_are_unknown():
    turns = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"] * 2, "text": ["yes", "no"] * 2})
    words = tables()["words"]
    assert sx.speaker_word_errors(words[words["audio_id"] == "a"], turns)["reference_words"].tolist() == [4]
    timeless = tables()["reference_turns"].drop(columns=["start_ms", "end_ms"])
    with pytest.raises(SchemaError, match="9 of 18 rows are duplicates"):
        sx.speaker_word_errors(words, pd.concat([timeless, timeless]))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"nope\.rttm does not exist \(looked for in .*\); give the path"):
        sx.io.read_rttm(tmp_path / "nope.rttm")
    with pytest.raises(InputError, match="is a folder"):
        sx.io.read_rttm(tmp_path)


@pytest.mark.parametrize("times", ["1.0 -0.5", "-1.0 0.5", "nan 1.0", "1.0 inf"])
def test_rttm_times_that_cannot_be(tmp_path, times):
    lines = [f"SPEAKER a 1 {both} <NA> <NA> x <NA> <NA>\n" for both in ("0 1", times)]
    (tmp_path / "a.rttm").write_text("".join(lines))
    with pytest.raises(SchemaError, match=r"line 2 is not a SPEAKER line .*in seconds and not below 0"):
        sx.io.read_rttm(tmp_path / "a.rttm")


def test_translations_by_id_may_be_a_mapping():
    said = {"b": "Wie geht es dir heute?", "a": "Guten Morgen."}
    right = {"a": "Guten Tag.", "b": "Wie geht es dir heute?"}
    by_id = sx.metrics.translation_scores(said, right, metric="chrf", **QUICK)
    listed = sx.metrics.translation_scores([said["a"], said["b"]], [right["a"], right["b"]], metric="chrf", **QUICK)
    pd.testing.assert_frame_equal(by_id, listed)
    assert sx.metrics.translation_scores(said, {**right, "z": "Hallo."}, metric="chrf", **QUICK)[
        "missing"
    ].tolist() == [1]
    with pytest.raises(InputError, match="need references by audio_id: a mapping"):
        sx.metrics.translation_scores(said, list(right.values()))


def test_switches_of_failed_and_missing_recordings_are_not_missed():
    recordings = pd.DataFrame({"audio_id": ["a", "b", "c"], "status": ["completed", "failed", "completed"]})
    tokens = tables()["tokens"]
    corpus = sx.Corpus(recordings, tokens[tokens["audio_id"] == "a"])
    more = pd.concat([tables()["stretches"], tables()["stretches"].iloc[:7].assign(audio_id="zz")])
    with pytest.warns(UserWarning, match="1 of 4 recordings of the references were not transcribed.*'zz'"):
        switches = sx.metrics.language_switches(corpus, more)
    assert switches.groupby("audio_id")["status"].agg(list).to_dict() == {
        "a": ["scored", "scored"],
        "b": ["failed"],
        "c": ["scored"],  # transcribed as silence: its switch was missed
        "zz": ["missing"],
    }
    assert switches["outcome"].fillna("-").tolist() == ["hit", "hit", "-", "miss", "-"]
    summary = sx.summarize(switches)
    assert summary[["failed", "missing", "reference_switches", "hits", "misses"]].iloc[0].tolist() == [1, 1, 3, 2, 1]
    by_pair = sx.summarize(switches, by=["from_language", "to_language"])
    assert by_pair[["failed", "missing"]].sum().tolist() == [1, 1]
    assert by_pair["reference_switches"].sum() == 3
