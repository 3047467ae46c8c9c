"""Diarization errors counted by hand, by laws, and on wrong input; RTTM there and back."""

import itertools
import json

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.io.rttm import read_rttm, write_rttm
from soniox_ds.schema import DIARIZATION_ERRORS, DIARIZATION_SUMMARY, TURNS, empty

PARTS = ["reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms"]


def turns_of(*rows, audio_id="a"):
    return pd.DataFrame([(audio_id, *row) for row in rows], columns=list(TURNS)[:4])


def errors_of(turns, reference, **options):
    """The only row."""
    found = sx.diarization_errors(turns, reference, **options)
    assert len(found) == 1
    return found.iloc[0]


REFERENCE = turns_of(("x", 1_000, 5_000), ("y", 4_000, 8_000))  # both talk from 4 to 5 s

COUNTED_BY_HAND = [
    pytest.param(REFERENCE, {}, [8_000, 0, 0, 0], id="all-right"),
    pytest.param(turns_of(("1", 1_000, 8_000)), {}, [8_000, 1_000, 0, 3_000], id="one-speaker-found"),
    pytest.param(turns_of(("1", 0, 5_000), ("2", 5_000, 9_000)), {}, [8_000, 1_000, 2_000, 0], id="too-long"),
    pytest.param(
        turns_of(("1", 0, 5_000), ("2", 5_000, 9_000)), {"uem": "reference"}, [8_000, 1_000, 0, 0], id="as-md-eval"
    ),
    pytest.param(
        turns_of(("1", 1_000, 5_000), ("2", 5_000, 8_000)), {"score_overlap": False}, [6_000, 0, 0, 0], id="no-overlap"
    ),
    pytest.param(turns_of(("1", 1_200, 5_100), ("2", 4_100, 8_200)), {"collar_ms": 200}, [6_400, 0, 0, 0], id="collar"),
    pytest.param(
        turns_of(("1", 1_200, 5_100), ("2", 4_100, 8_200)), {"collar_ms": 199}, [6_408, 1, 1, 0], id="collar-too-small"
    ),
    pytest.param(
        turns_of(("1", 1_000, 4_000), ("1", 2_000, 5_000), ("2", 4_000, 8_000)), {}, [8_000, 0, 0, 0], id="own-overlap"
    ),
    pytest.param(
        turns_of(("1", 0, 9_000)),
        {"uem": pd.DataFrame({"audio_id": "a", "start_ms": [0, 6_000], "end_ms": [2_000, 7_000]})},
        [2_000, 0, 1_000, 1_000],
        id="regions",
    ),
]


@pytest.mark.parametrize(("turns", "options", "expected"), COUNTED_BY_HAND)
def test_errors_counted_by_hand(turns, options, expected):
    row = errors_of(turns, REFERENCE, **options)
    assert row[PARTS].tolist() == expected
    assert row["der"] == pytest.approx(sum(expected[1:]) / expected[0])


def test_jer_counted_by_hand():
    """Speaker x: 3 of 4 s agree, and the union is 4 s. No speaker is left for y."""
    row = errors_of(turns_of(("1", 1_000, 4_000)), REFERENCE)
    assert row["jer"] == pytest.approx((1 / 4 + 1) / 2)
    assert row[["speakers", "reference_speakers"]].tolist() == [1, 2]
    assert json.loads(row["mapping"]) == {"1": "x"}


def test_a_turn_without_duration_has_no_collar_and_no_speaker():
    more = pd.concat([REFERENCE, turns_of(("z", 2_500, 2_500))])
    one, two = (errors_of(REFERENCE, reference, collar_ms=100) for reference in (REFERENCE, more))
    pd.testing.assert_series_equal(one, two)


@pytest.mark.parametrize("second", [(3_000, 8_000), (5_000, 8_000), (1_000, 8_000), (2_000, 3_000)])
def test_a_collar_lies_around_what_a_speaker_says_at_a_stretch(second):
    """Overlapping or adjacent turns of the same speaker are one stretch of speech with one collar."""
    end = max(5_000, second[1])
    reference = turns_of(("x", 1_000, 5_000), ("x", *second), ("y", 1_000, end))
    row = errors_of(turns_of(("1", 0, 10_000)), reference, collar_ms=250, uem="reference")
    assert (row["reference_ms"], row["scored_ms"]) == (2 * (end - 1_000 - 500), end - 1_000 - 500)
    left_out = errors_of(turns_of(("1", 0, 10_000)), reference[:2], collar_ms=250, score_overlap=False)
    assert left_out["reference_ms"] == end - 1_000 - 500


def test_the_conventions_stand_in_the_result():
    row = errors_of(REFERENCE, REFERENCE, collar_ms=250, score_overlap=False, uem="reference", map_before_collar=True)
    assert row["collar_ms"] == 250
    assert row["conventions"] == (
        "collar 250 ms each side; overlap of the reference left out; from the first to the last speech of the "
        "reference; a speaker's own overlap counts once; speakers mapped before collar and overlap are taken out"
    )
    assert errors_of(REFERENCE, REFERENCE)["conventions"] == (
        "no collar; overlap scored; from the first to the last speech of either side; a speaker's own overlap counts "
        "once; speakers mapped after collar and overlap are taken out"
    )


def test_the_mapping_may_depend_on_what_is_scored():
    """Most of what 1 shares with x lies in the collar."""
    reference = turns_of(("x", 0, 1_000), ("y", 1_000, 1_900))
    turns = turns_of(("1", 0, 1_900))
    before = errors_of(turns, reference, collar_ms=400, map_before_collar=True)
    after = errors_of(turns, reference, collar_ms=400)
    assert json.loads(before["mapping"]) == json.loads(after["mapping"]) == {"1": "x"}
    pieces = [("x", start, start + 200) for start in range(0, 1_000, 210)]  # of a collar of 100 nothing is left
    reference = turns_of(*pieces, ("y", 1_100, 1_900))
    before = errors_of(turns, reference, collar_ms=100, map_before_collar=True)
    after = errors_of(turns, reference, collar_ms=100)
    assert (before["confusion_ms"], after["confusion_ms"]) == (600, 0)


def test_nothing_was_to_be_said():
    uem = pd.DataFrame({"audio_id": ["a"], "start_ms": [0], "end_ms": [2_000]})
    row = errors_of(turns_of(("1", 0, 500)), empty(TURNS), uem=uem)
    assert row[PARTS].tolist() == [0, 0, 500, 0]
    assert pd.isna(row["der"])
    assert pd.isna(row["jer"])
    both = sx.diarization_errors(turns_of(("1", 0, 500)), turns_of(("x", 0, 500)), uem=uem)
    assert both["der"].tolist() == [0.0]


def test_nobody_was_heard():
    row = errors_of(empty(TURNS), REFERENCE, missing="as_empty")
    assert row[PARTS].tolist() == [8_000, 8_000, 0, 0]
    assert row[["der", "jer"]].tolist() == [1, 1]
    assert row["mapping"] == "{}"


def test_failed_and_missing_recordings_have_no_score():
    tokens = pd.DataFrame(
        {"audio_id": "a", "token_index": [0], "text": ["Yes"], "start_ms": [0], "end_ms": [800], "speaker": ["1"]}
    )
    recordings = pd.DataFrame(
        {"audio_id": ["silent", "b", "a", "other"], "status": ["completed", "failed", "completed", "completed"]}
    )
    corpus = sx.Corpus(recordings.assign(room=["x", "y", "y", "z"], der=1), tokens)
    reference = pd.concat([turns_of(("x", 0, 1_000), audio_id=name) for name in ("a", "b", "gone", "silent")])
    with pytest.warns(UserWarning, match=r"1 of 4 recordings .*'gone'.*missing=\"as_empty\""):
        errors = sx.diarization_errors(corpus, reference)
    assert errors["audio_id"].tolist() == ["silent", "b", "a", "gone"]
    assert errors["status"].tolist() == ["scored", "failed", "scored", "missing"]
    assert errors["der"].tolist() == [1.0, pd.NA, 0.2, pd.NA]
    assert errors["room"].fillna("-").tolist() == ["x", "y", "y", "-"]
    assert errors["der_of_recording"].fillna(0).tolist() == [1, 1, 1, 0]
    pooled = sx.summarize(errors)
    assert pooled[["recordings", "failed", "missing", "der"]].to_numpy().tolist() == [[2, 1, 1, 0.6]]
    by_room = sx.summarize(errors, by="room").set_index("room")
    assert by_room.loc["y", ["recordings", "failed", "der"]].tolist() == [1, 1, 0.2]
    silent = sx.diarization_errors(corpus, reference, missing="as_empty")
    assert silent["der"].tolist() == [1.0, 1.0, 0.2, 1.0]


def test_durations_are_added_and_jer_is_the_mean_over_speakers():
    reference = pd.concat([REFERENCE, turns_of(("x", 0, 2_000), audio_id="b")])
    turns = pd.concat([REFERENCE, turns_of(("1", 0, 1_000), audio_id="b")])
    pooled = sx.summarize(sx.diarization_errors(turns, reference)).iloc[0]
    assert pooled["der"] == pytest.approx(1_000 / 10_000)
    assert pooled["jer"] == pytest.approx(0.5 / 3)
    assert pooled["reference_speakers"] == 3


def test_the_columns_are_the_documented_ones():
    errors = sx.diarization_errors(REFERENCE, REFERENCE)
    for table, columns in ((errors, DIARIZATION_ERRORS), (sx.summarize(errors), DIARIZATION_SUMMARY)):
        assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
            name: column.dtype for name, column in columns.items()
        }
    assert sx.summarize(errors[:0])["der"].isna().all()


# laws

TICK_MS = 100
"""Laws count in ticks: nobody takes turns every few milliseconds, and such tables are refused."""

some_turns = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 40), st.integers(10, 40)).map(lambda t: (t[0], t[1], t[1] + t[2])),
    min_size=1,
    max_size=8,
)


def active(rows):
    """At each tick the speakers who talk."""
    return [{who for who, start, end in rows if start <= tick < end} for tick in range(100)]


def at(active, tick):
    """Return the active speakers at a tick, and an empty set outside the recording."""
    return active[tick] if 0 <= tick < len(active) else set()


def ticking(rows):
    return turns_of(*[(who, TICK_MS * start, TICK_MS * end) for who, start, end in rows])


def mappings(found, real):
    """Yield all one-to-one mappings of the recognised speakers to reference speakers or to None."""
    names = sorted({who for who, _, _ in real})
    who = sorted({who for who, _, _ in found})
    for targets in itertools.permutations(names + [None] * len(who), len(who)):
        yield dict(zip(who, targets, strict=True))


@pytest.mark.filterwarnings("ignore:the der is NA")  # of short turns a collar may leave nothing
@given(some_turns, some_turns, st.sampled_from([0, 3]), st.booleans())
def test_errors_agree_with_counting_every_tick(found, real, collar, score_overlap):
    hypotheses, references = active(found), active(real)
    bounds = {
        tick
        for tick in range(101)
        for who in "ABC"
        if (who in at(references, tick - 1)) != (who in at(references, tick))
    }
    scored = [
        tick
        for tick in range(100)
        if (score_overlap or len(references[tick]) < 2)
        and not any(bound - collar <= tick < bound + collar for bound in bounds)
    ]
    total = sum(len(references[tick]) for tick in scored)
    missed = sum(max(len(references[tick]) - len(hypotheses[tick]), 0) for tick in scored)
    false_alarm = sum(max(len(hypotheses[tick]) - len(references[tick]), 0) for tick in scored)
    both = sum(min(len(references[tick]), len(hypotheses[tick])) for tick in scored)
    agreed = max(
        sum(len({mapping[who] for who in hypotheses[tick]} & references[tick]) for tick in scored)
        for mapping in mappings(found, real)
    )
    row = errors_of(ticking(found), ticking(real), collar_ms=TICK_MS * collar, score_overlap=score_overlap)
    assert row[PARTS].tolist() == [TICK_MS * ticks for ticks in (total, missed, false_alarm, both - agreed)]
    assert (
        pd.isna(row["der"])
        if not total
        else row["der"] == pytest.approx((missed + false_alarm + both - agreed) / total)
    )


@given(some_turns, some_turns)
def test_jer_is_the_best_of_all_mappings(found, real):
    hypotheses, references = active(found), active(real)
    names = sorted({who for who, _, _ in real})

    def error(mapping):
        errors = []
        for name in names:
            own = next((who for who, target in mapping.items() if target == name), None)
            one = {tick for tick in range(100) if name in references[tick]}
            two = {tick for tick in range(100) if own in hypotheses[tick]}
            errors.append(1 - len(one & two) / len(one | two))
        return sum(errors) / len(errors)

    best = min(error(mapping) for mapping in mappings(found, real))
    assert errors_of(ticking(found), ticking(real))["jer"] == pytest.approx(best)


@given(some_turns, some_turns)
def test_names_and_order_of_turns_do_not_matter(found, real):
    one = errors_of(ticking(found), ticking(real))
    renamed = [({"A": "b", "B": "c", "C": "a"}[who], *times) for who, *times in reversed(found)]
    two = errors_of(ticking(renamed), ticking(reversed(real)))
    assert one[[*PARTS, "jer"]].tolist() == pytest.approx(two[[*PARTS, "jer"]].tolist())


@given(some_turns, some_turns)
def test_exchanging_the_sides_exchanges_missed_and_false_alarm(found, real):
    one, two = errors_of(ticking(found), ticking(real)), errors_of(ticking(real), ticking(found))
    assert (
        one[["missed_ms", "false_alarm_ms", "confusion_ms"]].tolist()
        == two[["false_alarm_ms", "missed_ms", "confusion_ms"]].tolist()
    )


# wrong input

SECONDS = turns_of(("x", 1.0, 5.5), ("y", 4.0, 8.0))


@pytest.mark.parametrize(
    ("turns", "reference", "options", "error", "message"),
    [
        (
            REFERENCE,
            SECONDS,
            {},
            SchemaError,
            r"reference: end_ms contains 5\.5.* Are these seconds\? Multiply by 1000",
        ),
        (REFERENCE.drop(columns="end_ms"), REFERENCE, {}, SchemaError, r"lacks \['end_ms'\]"),
        (REFERENCE, REFERENCE.drop(columns="speaker"), {}, SchemaError, r"lacks \['speaker'\]"),
        (REFERENCE, turns_of(("x", 5, 3)), {}, SchemaError, "reference: end_ms comes before start_ms"),
        (REFERENCE, turns_of((None, 5, 9)), {}, SchemaError, "reference: speaker is NA in 1 of 1 rows"),
        (
            REFERENCE,
            turns_of(("x", 1_000, 5_000), audio_id="b"),
            {},
            InputError,
            "such as 'b'.*for example, 'a'.*same on both sides",
        ),
        (REFERENCE, empty(TURNS), {}, InputError, "there are no reference turns: .* give the regions: uem="),
        (REFERENCE, REFERENCE[:0], {"uem": "reference"}, InputError, "there are no reference turns"),
        (
            REFERENCE,
            empty(TURNS),
            {"uem": pd.DataFrame({"audio_id": [], "start_ms": [], "end_ms": []})},
            InputError,
            "there are no reference turns",
        ),
        (REFERENCE, REFERENCE, {"collar_ms": -1}, InputError, "collar_ms is -1"),
        (
            REFERENCE,
            REFERENCE,
            {"uem": "all"},
            InputError,
            r"uem must be one of \['both', 'reference'\] or a table.*'all'",
        ),
        (REFERENCE, REFERENCE, {"missing": "skip"}, InputError, "missing must be one of"),
        (
            REFERENCE,
            REFERENCE,
            {"uem": pd.DataFrame({"audio_id": ["b"], "start_ms": [0], "end_ms": [9_000]})},
            InputError,
            r"uem has no region for \['a'\] \(1 of 1",
        ),
        (
            REFERENCE,
            REFERENCE,
            {"uem": pd.DataFrame({"audio_id": [None], "start_ms": [0], "end_ms": [9_000]})},
            SchemaError,
            "uem: audio_id is NA",
        ),
    ],
)
def test_impossible_calls_say_what_to_do(turns, reference, options, error, message):
    with pytest.raises(error, match=message):
        sx.diarization_errors(turns, reference, **options)


def test_unlike_conventions_are_not_pooled():
    errors = [sx.diarization_errors(REFERENCE, REFERENCE, collar_ms=collar) for collar in (0, 250)]
    with pytest.raises(InputError, match=r"different settings of .conventions.*collar 250 ms"):
        sx.summarize(pd.concat(errors))
    with pytest.raises(InputError, match=r"by contains \['der'\]"):
        sx.summarize(errors[0], by="der")


# RTTM


def test_turns_in_whole_seconds_on_both_sides_are_asked_about():
    """They look like turns of 30 ms, one behind the other."""
    seconds = turns_of(*[("xy"[place % 2], 30 * place, 30 * place + 29) for place in range(20)])
    for call in (
        lambda: sx.diarization_errors(seconds, seconds, collar_ms=10),
        lambda: sx.speaker_stats(seconds),
        lambda: sx.plot.timeline(seconds),
    ):
        with pytest.warns(
            UserWarning, match=r": 20 turns follow each other at intervals of 30 ms.* end by 599 ms\. Are these"
        ):
            call()
    some = turns_of(*[("xyz"[place], 0, 200) for place in range(3)])  # three who laugh at once
    assert errors_of(some, some)["der"] == 0


def test_why_there_is_no_rate_is_said():
    short = turns_of(("x", 0, 300), ("y", 300, 600))
    with pytest.warns(
        UserWarning,
        match=r"^the der is NA: no reference speech is left to score \(for example in 'a'\), .* leaves out 250 ms",
    ):
        assert sx.diarization_errors(short, short, collar_ms=250)["der"].isna().all()
    whole = pd.concat([short, turns_of(("x", 0, 60_000), audio_id="b")])
    table = sx.diarization_errors(whole, whole, collar_ms=250)  # something is left
    assert table["der"].isna().tolist() == [True, False]
    assert sx.summarize(table)["der"].tolist() == [0.0]


@given(some_turns)
def test_rttm_there_and_back(rows):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "turns.rttm"
        write_rttm(turns_of(*rows), path)
        read = read_rttm(path)
    assert read.drop(columns=["channel", "speaker_label"]).to_numpy().tolist() == turns_of(*rows).to_numpy().tolist()


def test_rttm_of_others(tmp_path):
    path = tmp_path / "a.rttm"
    path.write_text(
        ";; a comment\nSPKR-INFO a 1 <NA> <NA> <NA> unknown x <NA> <NA>\n\n"
        "SPEAKER a 1 0.41 2.1504 <NA> <NA> x <NA> <NA> ;; trailing\nSPEAKER a 1 3 1 <NA> <NA> y <NA>\n"
    )
    assert read_rttm(path).drop(columns=["channel", "speaker_label"]).to_numpy().tolist() == [
        ["a", "x", 410, 2560],
        ["a", "y", 3000, 4000],
    ]


@pytest.mark.parametrize("line", ["SPEAKER a 1 zero 1 <NA> <NA> x <NA> <NA>", "SPEAKER a 1 0 1"])
def test_a_broken_rttm_line_is_named(tmp_path, line):
    path = tmp_path / "a.rttm"
    path.write_text("SPEAKER a 1 0 1 <NA> <NA> x <NA> <NA>\n" + line + "\n")
    with pytest.raises(SchemaError, match="line 2 is not a SPEAKER line"):
        read_rttm(path)
