"""`compare_errors` and its error segments: counts by hand, laws, and what is refused."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError, SmallSampleWarning
from soniox_ds.metrics.stats.bootstrap import METHODS, mapsswe
from soniox_ds.metrics.stats.compare import compare_errors
from soniox_ds.metrics.stats.mapsswe import error_segments

LETTERS = {"h": "hit", "s": "substitution", "d": "deletion", "i": "insertion"}


def aligned(**recordings):
    """Alignments out of one letter for each pair: h, s, d, i."""
    rows = [
        (audio_id, position, LETTERS[letter], None if letter == "i" else f"w{sum(c != 'i' for c in text[:position])}")
        for audio_id, text in recordings.items()
        for position, letter in enumerate(text)
    ]
    frame = pd.DataFrame(rows, columns=["audio_id", "position", "operation", "reference"])
    return frame.astype({"audio_id": "string", "position": "int64", "operation": "string", "reference": "string"})


def errors_of(alignments, ids, **columns):
    """The word errors of such alignments."""
    operations = pd.crosstab(alignments["audio_id"], alignments["operation"]).reindex(ids, fill_value=0)
    frame = pd.DataFrame({"audio_id": ids, "status": "scored"})
    for letter in "hsdi":
        name = LETTERS[letter]
        frame[f"{name}s"] = operations[name].to_numpy() if name in operations else 0
    frame["reference_words"] = frame["hits"] + frame["substitutions"] + frame["deletions"]
    return frame.assign(duration_ms=pd.array([60_000] * len(ids), "Int64"), **columns)


def segments(a, b):
    found = error_segments(aligned(x=a), aligned(x=b))
    return list(zip(found["errors_a"], found["errors_b"], strict=True))


# --- segments


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param("hhhh", "hhhh", [], id="all-right"),
        pytest.param("shhs", "hhhh", [(1, 0), (1, 0)], id="two-good-words-end-it"),
        pytest.param("shsh", "hhhh", [(2, 0)], id="one-does-not"),
        pytest.param("shhh", "hhhs", [(1, 0), (0, 1)], id="good-in-both-counts"),
        pytest.param("shhs", "hshs", [(2, 2)], id="good-in-one-does-not"),
        pytest.param("shihs", "hhhh", [(3, 0)], id="an-insertion-parts-good-words"),
        pytest.param("shhs", "hhhih", [(1, 0), (1, 1)], id="an-insertion-after-them-opens-the-next"),
        pytest.param("ihh", "hh", [(1, 0)], id="insertion-first"),
        pytest.param("hhi", "hhii", [(1, 2)], id="insertion-last"),
        pytest.param("hhi", "hh", [(1, 0)], id="insertion-last-in-one"),
        pytest.param("i", "", [(1, 0)], id="nothing-was-to-be-said"),
        pytest.param("", "ii", [(0, 2)], id="nor-heard-by-the-first"),
        pytest.param("dd", "hh", [(2, 0)], id="nothing-was-heard"),
        pytest.param("", "", [], id="silence"),
    ],
)
def test_segments_counted_by_hand(a, b, expected):
    assert segments(a, b) == expected
    assert segments(b, a) == [pair[::-1] for pair in expected]


def test_a_segment_ends_with_its_recording():
    found = error_segments(aligned(x="hs", y="sh"), aligned(x="hh", y="hh"))
    assert found["audio_id"].tolist() == ["x", "y"]
    assert found["errors_a"].tolist() == [1, 1]


def plain_segments(a, b):
    """The walk of the definition, a word at a time; a and b are of the same reference."""

    def slots(text):
        """Return the insertions before each reference word, whether it is wrong, and the insertions at the end."""
        before, words = 0, []
        for letter in text:
            if letter == "i":
                before += 1
            else:
                words.append((before, letter != "h"))
                before = 0
        return [*words, (before, None)]

    found, now, good = [], None, 0
    for (inserted_a, wrong_a), (inserted_b, wrong_b) in zip(slots(a), slots(b), strict=True):
        if inserted_a or inserted_b:
            now = now or [0, 0]
            now[0] += inserted_a
            now[1] += inserted_b
            good = 0
        if wrong_a or wrong_b:
            now = now or [0, 0]
            now[0] += wrong_a
            now[1] += wrong_b
            good = 0
        elif now is not None and wrong_a is not None:
            good += 1
            if good == 2:
                found.append(tuple(now))
                now, good = None, 0
    return [*found, tuple(now)] if now else found


@st.composite
def two_alignments(draw):
    words = draw(st.integers(0, 12))

    def one():
        letters = "".join(draw(st.sampled_from(["h", "h", "h", "s", "d", "ih", "ii" + "h"])) for _ in range(words))
        return letters + draw(st.sampled_from(["", "", "i"]))

    return one(), one()


@given(two_alignments())
def test_segments_are_those_of_the_definition(pair):
    assert segments(*pair) == plain_segments(*pair)


@given(st.lists(two_alignments(), min_size=1, max_size=5), st.randoms())
@settings(max_examples=examples(50))
def test_the_order_of_rows_does_not_matter_and_no_error_is_lost(pairs, random):
    first, second = (aligned(**{f"r{n}": pair[arm] for n, pair in enumerate(pairs)}) for arm in (0, 1))
    found = error_segments(first, second)
    order = random.sample(range(len(first)), len(first))
    shuffled = error_segments(first.iloc[order], second)
    assert sorted(found.itertuples(index=False)) == sorted(shuffled.itertuples(index=False))
    assert found["errors_a"].sum() == (first["operation"] != "hit").sum()
    assert found["errors_b"].sum() == (second["operation"] != "hit").sum()


# --- comparisons


def arms(*texts, **columns):
    """Return the alignments and the errors of each arm, which has one text for each recording."""
    ids = [f"r{n:03}" for n in range(len(texts[0]))]
    alignments = [aligned(**dict(zip(ids, one, strict=True))) for one in texts]
    return alignments, [errors_of(one, ids, **columns) for one in alignments]


def simulated(seed, recordings=60, speakers=20, rates=(0.1, 0.1)):
    rng = np.random.default_rng(seed)
    texts = [
        ["".join("s" if wrong else "h" for wrong in rng.random(20) < rate) for _ in range(recordings)] for rate in rates
    ]
    return arms(*texts, speaker=[f"s{n % speakers}" for n in range(recordings)])


def test_counted_by_hand():
    """Four recordings of 4 words; A has 1 + 2 + 0 + 1 errors, B 0 + 1 + 0 + 2."""
    alignments, (a, b) = arms(["shhh", "shsh", "hhhh", "hhhih"], ["hhhh", "hhsh", "hhhh", "sshh"])
    with pytest.warns(SmallSampleWarning, match="a and b: Only 4 recordings: .* Only 3 error segments: with fewer"):
        row = compare_errors(a, b, alignments=alignments, method="percentile").iloc[0]
    assert (row["a"], row["b"]) == ("a", "b")
    assert (row["recordings"], row["only_a"], row["only_b"], row["reference_words"]) == (4, 0, 0, 16)
    assert (row["blocks"], row["block"]) == (4, "audio_id")
    assert (row["wer_a"], row["wer_b"]) == pytest.approx((4 / 16, 3 / 16))
    assert row["difference"] == pytest.approx(-1 / 16)
    assert (row["both_right"], row["only_a_right"], row["only_b_right"], row["both_wrong"]) == (1, 0, 1, 2)
    assert row["mcnemar_p"] == 1
    assert row["segments"] == 3  # r0: (1, 0); r1: (2, 1); r3: (1, 2), one good word between the errors
    assert row["mapsswe_mean"] == pytest.approx((1 + 1 - 1) / 3)
    assert row["mapsswe_z"] == pytest.approx(mapsswe([1, 2, 1], [0, 1, 2]).z)
    assert [row["mapsswe_p_holm"], row["mcnemar_p_holm"], row["p_holm"]] == pytest.approx(
        [row["mapsswe_p"], 1, row["p"]]
    )
    assert list(compare_quietly(a, b).columns) == list(schema.ERROR_COMPARISON)


def compare_quietly(*given, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        return compare_errors(*given, **{"n_resamples": 500, **options})


def test_a_clear_difference_is_seen_by_every_test():
    alignments, errors = simulated(0, recordings=100, rates=(0.3, 0.1))
    row = compare_errors(*errors, alignments=alignments).iloc[0]
    assert row["difference_low"] < row["difference"] < row["difference_high"] < 0
    assert row["b_better"] == 1
    assert row["mapsswe_z"] > 1.96
    assert max(row["p"], row["mapsswe_p"], row["mcnemar_p"]) < 0.01
    assert (row["block"], row["blocks"]) == ("speaker", 20)
    assert pd.isna(row["note"])


def test_few_error_segments_are_warned_of_though_there_are_many_blocks():
    alignments, errors = simulated(6, recordings=12, rates=(0.05, 0.04))
    with pytest.warns(
        SmallSampleWarning,
        match=r"a and b: Only \d+ error segments: with fewer than 30 the p value of MAPSSWE is not",
    ):
        row = compare_errors(*errors, alignments=alignments).iloc[0]
    assert row["blocks"] == 12
    assert row["segments"] < 30


def test_equal_arms():
    alignments, errors = simulated(1)
    row = compare_quietly(errors[0], errors[0], alignments=[alignments[0], alignments[0]]).iloc[0]
    assert (row["difference"], row["b_better"], row["mapsswe_z"], row["mcnemar_p"]) == (0, 0, 0, 1)
    assert pd.isna(row["difference_low"])
    assert pd.isna(row["p"])
    assert "All 20 speakers have the same difference." in row["note"]


def test_recordings_of_one_arm_only_are_counted_and_left_out():
    _, (a, b) = simulated(2)
    a.loc[:2, ["status", "hits", "substitutions", "deletions", "insertions", "reference_words"]] = [
        "failed",
        *[pd.NA] * 5,
    ]
    row = compare_quietly(a, b[:50].iloc[::-1]).iloc[0]
    assert (row["recordings"], row["only_a"], row["only_b"]) == (47, 10, 3)
    same = compare_quietly(a[3:50], b[3:50]).iloc[0]
    assert [row[name] for name in ("wer_a", "wer_b", "difference_low", "difference_high", "p")] == pytest.approx(
        [same[name] for name in ("wer_a", "wer_b", "difference_low", "difference_high", "p")]
    )


@given(st.integers(0, 1000), st.sampled_from(METHODS))
@settings(max_examples=examples(15))
def test_swapping_the_arms_turns_the_signs(seed, method):
    alignments, (a, b) = simulated(seed, recordings=30, rates=(0.2, 0.15))
    there = compare_quietly(a, b, alignments=alignments, method=method).iloc[0]
    back = compare_quietly(b, a, alignments=alignments[::-1], method=method).iloc[0]
    assert there["difference"] == pytest.approx(-back["difference"])
    assert there["mapsswe_z"] == pytest.approx(-back["mapsswe_z"])
    assert there["mcnemar_p"] == pytest.approx(back["mcnemar_p"])
    assert (there["only_a_right"], there["only_b_right"]) == (back["only_b_right"], back["only_a_right"])
    # the units are drawn in another order, so that the bounds agree but for chance
    width = there["difference_high"] - there["difference_low"]
    assert abs(there["difference_low"] + back["difference_high"]) < 0.3 * width


def test_more_than_two_arms_are_corrected_by_holm():
    alignments, errors = simulated(5, rates=(0.2, 0.17, 0.1))
    named = dict(zip(("plain", "general", "terms"), errors, strict=True))
    walks = dict(zip(("terms", "general", "plain"), alignments[::-1], strict=True))
    found = compare_quietly(named, alignments=walks)
    assert found[["a", "b"]].to_numpy().tolist() == [["plain", "general"], ["plain", "terms"], ["general", "terms"]]
    for name in ("p", "mapsswe_p", "mcnemar_p"):
        smallest = found[name].astype(float).idxmin()
        assert found[f"{name}_holm"][smallest] == pytest.approx(min(1, 3 * found[name][smallest]))
        assert (found[f"{name}_holm"] >= found[name]).all()
    against = compare_quietly(named, baseline="terms")
    assert against[["a", "b"]].to_numpy().tolist() == [["terms", "plain"], ["terms", "general"]]
    assert against["segments"].isna().all()
    assert against["mapsswe_p_holm"].isna().all()


def test_the_blocks_may_be_known_of_one_arm_only():
    _, (a, b) = simulated(3)
    row = compare_quietly(a.drop(columns="speaker"), b).iloc[0]
    assert (row["block"], row["blocks"]) == ("speaker", 20)
    assert compare_quietly(a, b, block="audio_id")["blocks"][0] == 60


ALIGNMENTS, (A, B) = simulated(4)


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_one_block_has_a_difference_and_no_interval(method):
    row = compare_errors(A.assign(speaker="x"), B.assign(speaker="x"), method=method, alignments=ALIGNMENTS).iloc[0]
    of_recordings = compare_errors(A, B, block="audio_id", alignments=ALIGNMENTS).iloc[0]
    assert (row["block"], row["blocks"]) == ("speaker", 1)
    same = ["recordings", "wer_a", "wer_b", "difference", "mapsswe_p", "mcnemar_p", "both_right", "segments"]
    assert row[same].tolist() == of_recordings[same].tolist()
    assert row[["difference_low", "difference_high", "p", "p_holm", "b_better", "method"]].isna().all()
    assert "There is only one speaker, and an interval needs two or more." in row["note"]


@pytest.mark.parametrize(
    ("given", "options", "kind", "words"),
    [
        pytest.param([A], {}, InputError, "two arms or more, found 1", id="one-arm"),
        pytest.param([{"a": A}, B], {}, InputError, "either one mapping", id="mapping-and-table"),
        pytest.param([A, "b.csv"], {}, InputError, "arm 'b' must be a table of word_errors, found str", id="path"),
        pytest.param([A, B[:0]], {}, InputError, "arm 'b' has no rows", id="empty"),
        pytest.param([A, B.drop(columns="status")], {}, SchemaError, "lacks", id="column"),
        pytest.param([A[:1], B], {}, InputError, "1 scored recording in common", id="one-recording"),
        pytest.param([A, B.assign(audio_id=B["audio_id"] + ".wav")], {}, InputError, "look like", id="other-ids"),
        pytest.param([A, B.assign(speaker="x")], {}, InputError, "different values of 'speaker'", id="blocks-disagree"),
        pytest.param(
            [A, B.assign(hits=B["hits"] + 1, reference_words=21)], {}, InputError, "different references", id="words"
        ),
        pytest.param(
            [A.assign(normalizer="x"), B.assign(normalizer="y")], {}, InputError, "different normalisers", id="norm"
        ),
        pytest.param(
            [A.assign(cost="sclite"), A.assign(cost="levenshtein")], {}, InputError, "different costs", id="cost"
        ),
        pytest.param([A, B], {"alignments": ALIGNMENTS[:1]}, InputError, "for each arm", id="alignments"),
        pytest.param([A, B], {"alignments": {"a": 1, "c": 2}}, InputError, "for each arm", id="alignment-names"),
        pytest.param([A, B], {"alignments": ALIGNMENTS[::-1]}, InputError, "not those of the errors", id="swapped"),
        pytest.param([A, B], {"baseline": "plain"}, InputError, "the arms are", id="baseline"),
        pytest.param([A, B], {"ci": 0}, InputError, "ci is 0", id="ci"),
        pytest.param([A, B], {"method": "t"}, InputError, "method is 't'", id="method"),
    ],
)
def test_wrong_input(given, options, kind, words):
    with pytest.raises(kind, match=words):
        compare_errors(*given, **options)


@pytest.mark.parametrize(
    ("a", "b", "kind", "words"),
    [
        (aligned(x="hh"), aligned(x="hhh"), InputError, "'x' have different reference words"),
        (aligned(x="hh"), aligned(x="hh").assign(reference="other"), InputError, "same normaliser"),
        (aligned(x="hh"), aligned(x="hh").assign(operation="C"), SchemaError, "operation 'C'"),
        (aligned(x="hh").drop(columns="position"), aligned(x="hh"), SchemaError, "position"),
    ],
    ids=["length", "words", "operation", "column"],
)
def test_wrong_alignments(a, b, kind, words):
    with pytest.raises(kind, match=words):
        error_segments(a, b)
