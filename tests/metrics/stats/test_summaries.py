"""`summarize`: counts by hand, blocks, groups, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap as scipy_bootstrap

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.stats.blocks import blocks_of
from soniox_ds.metrics.stats.bootstrap import bootstrap_rate
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.schema import DIARIZATION_ERRORS, SPEAKER_WORD_ERRORS


def table(rows, **columns):
    """Errors out of (audio_id, status, substitutions, deletions, insertions, reference words)."""
    frame = pd.DataFrame(
        rows, columns=["audio_id", "status", "substitutions", "deletions", "insertions", "reference_words"]
    )
    counts = ["substitutions", "deletions", "insertions", "reference_words"]
    frame[counts] = frame[counts].astype("Int64")
    frame["hits"] = frame["reference_words"] - frame["substitutions"] - frame["deletions"]
    return frame.assign(normalizer="basic-1", duration_ms=pd.array([1_800_000] * len(frame), "Int64"), **columns)


SIX = table(
    [
        ("a", "scored", 1, 0, 0, 10),
        ("b", "scored", 2, 1, 1, 20),
        ("c", "scored", 0, 0, 2, 10),
        ("d", "scored", 0, 0, 1, 0),
        ("e", "failed", None, None, None, None),
        ("f", "missing", None, None, None, None),
    ],
    speaker=["ann", "ann", "bob", "eve", "bob", "ann"],
    room=["x", "x", "y", "y", "y", "x"],
)


def test_counted_by_hand():
    row = summarize(SIX).iloc[0]
    assert len(summarize(SIX)) == 1
    assert (row["recordings"], row["failed"], row["missing"]) == (4, 1, 1)
    assert (row["blocks"], row["block"]) == (3, "speaker")
    assert (row["hits"], row["substitutions"], row["deletions"], row["insertions"]) == (36, 3, 1, 4)
    assert row["reference_words"] == 40
    assert row["wer"] == pytest.approx(8 / 40)  # the empty reference still adds its insertion
    assert row["hours"] == 2.0
    assert (row["ci"], row["method"], row["replicates"], row["seed"]) == (0.95, "cr2", 10_000, 0)
    assert row["normalizer"] == "basic-1"
    assert list(summarize(SIX).columns) == list(schema.ERROR_SUMMARY)


def test_groups_are_sorted_and_stand_before_the_documented_columns():
    found = summarize(SIX, by=["room", "speaker"])
    assert list(found.columns) == ["room", "speaker", *schema.ERROR_SUMMARY]
    assert found[["room", "speaker"]].to_numpy().tolist() == [["x", "ann"], ["y", "bob"], ["y", "eve"]]
    assert found["wer"].tolist()[:2] == pytest.approx([5 / 30, 2 / 10])
    assert pd.isna(found["wer"][2])
    assert found["failed"].tolist() == [0, 1, 0]
    assert found.dtypes["wer"] == "Float64"
    assert found.dtypes["recordings"] == "Int64"


def test_a_missing_value_is_a_group_and_a_group_may_be_without_scores():
    errors = SIX.assign(accent=["p", None, None, "p", "q", "q"])
    found = summarize(errors, by="accent")
    assert found["recordings"].tolist() == [2, 0, 2]
    assert found["accent"].isna().tolist() == [False, False, True]
    assert found["failed"].tolist() == [0, 1, 0]
    assert found["missing"].tolist() == [0, 1, 0]
    assert pd.isna(found["wer"][1])
    assert found["note"][1] == "Nothing was scored, so there is no interval."


@pytest.mark.parametrize(
    ("columns", "by", "asked", "block", "blocks"),
    [
        pytest.param({}, None, None, "speaker", 3, id="speaker"),
        pytest.param({"session": list("ssttuu")}, None, None, "speaker", 3, id="speaker-before-session"),
        pytest.param({"speaker": None, "session": list("ssttuu")}, None, None, "session", 2, id="session"),
        pytest.param({"speaker": None}, None, None, "audio_id", 4, id="recordings"),
        pytest.param({}, None, "audio_id", "audio_id", 4, id="recordings-asked-for"),
        pytest.param({}, None, ["room", "speaker"], "room+speaker", 3, id="two-columns"),
        pytest.param({"speaker": ["ann", None, "bob", None, "x", "x"]}, None, None, "speaker", 4, id="some-unknown"),
    ],
)
def test_blocks(columns, by, asked, block, blocks):
    row = summarize(SIX.assign(**columns), by, block=asked).iloc[0]
    assert (row["block"], row["blocks"]) == (block, blocks)


def test_recordings_without_a_block_are_kept_apart():
    found = blocks_of(pd.DataFrame({"speaker": [None, "bob", None, "ann", "bob"]}), ["speaker"])
    assert found.codes.tolist() == [0, 1, 2, 3, 1]
    assert (found.total, found.unlabelled) == (4, 2)


def test_recordings_without_a_block_are_said_to_be_one_each():
    note = summarize(SIX.assign(speaker=["ann", None, "bob", None, "x", "x"]))["note"][0]
    assert "2 recordings have no speaker and each count as one block." in note


def test_the_block_is_not_the_column_grouped_by():
    found = summarize(SIX, by="speaker")
    assert found["block"].unique().tolist() == ["audio_id"]
    assert found["blocks"].tolist() == [2, 1, 1]


def many(speakers=30, each=5, seed=0):
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(speakers), each)
    words = rng.integers(5, 40, speakers * each)
    wrong = rng.binomial(words, rng.beta(2, 18, speakers)[speaker])
    rows = [(f"{n}", "scored", int(e), 0, 0, int(w)) for n, (e, w) in enumerate(zip(wrong, words, strict=True))]
    return table(rows, speaker=speaker.astype(str), half=np.where(speaker % 2, "odd", "even"))


def test_enough_blocks_leave_nothing_to_be_noted():
    row = summarize(many()).iloc[0]
    assert pd.isna(row["note"])
    assert 0 <= row["wer_low"] < row["wer"] < row["wer_high"]
    few = summarize(many(speakers=8)).iloc[0]
    assert few["note"] == "Only 8 speakers: the interval is wide. More speakers would narrow it."
    assert few["wer_low"] < few["wer"] < few["wer_high"]


def test_a_group_without_errors_has_the_poisson_bound():
    errors = table([(f"{n}", "scored", 0, 0, 0, 10) for n in range(12)], room=["x"] * 11 + ["y"])
    found = summarize(errors, by="room")
    assert found["wer"].tolist() == [0, 0]
    assert found["wer_low"].tolist() == [0, 0]
    assert found["wer_high"].tolist() == pytest.approx([3.688879 / 110, 3.688879 / 10])
    assert found["method"].tolist() == ["poisson", "poisson"]
    assert found["note"][0] == (
        "There are no errors at all. The upper end is the exact Poisson bound, which treats the reference words as "
        "independent and ignores the recordings."
    )


def test_two_speakers_have_an_interval():
    row = summarize(many(speakers=2)).iloc[0]
    assert 0 <= row["wer_low"] < row["wer"] < row["wer_high"]
    assert row["method"] == "cr2"
    assert row["note"] == "Only 2 speakers: the interval is wide. More speakers would narrow it."


def test_blocks_that_are_all_alike_have_no_interval_and_the_note_says_what_to_do():
    row = summarize(table([(f"{n}", "scored", 1, 0, 0, 10) for n in range(12)], session=list("aabbccddeeff")))
    row = row.iloc[0]
    assert row[["wer_low", "wer_high", "method"]].isna().all()
    assert row["note"] == (
        "All 6 sessions have the same rate. Without variation there is no interval. Add sessions, or pass "
        'block="audio_id" for an interval that treats the recordings as independent.'
    )


def test_blocks_make_the_interval_wider_where_speakers_differ():
    by_speaker, by_recording = (summarize(many(), block=block).iloc[0] for block in ("speaker", "audio_id"))
    assert by_speaker["wer"] == by_recording["wer"]
    assert by_speaker["wer_high"] - by_speaker["wer_low"] > 1.3 * (by_recording["wer_high"] - by_recording["wer_low"])


def test_a_group_does_not_depend_on_the_others_nor_on_the_order_of_rows():
    errors = many()
    both = summarize(errors.sample(frac=1, random_state=1), by="half")
    alone = summarize(errors[errors["half"] == "odd"], by="half")
    pd.testing.assert_frame_equal(both[1:].reset_index(drop=True), alone)
    assert summarize(errors, seed=1)["wer_low"][0] != summarize(errors, seed=2)["wer_low"][0]


def test_the_lower_bound_is_never_below_0():
    rows = [("a", "scored", 0, 0, 0, 1), ("b", "scored", 0, 0, 1, 1), ("c", "scored", 1, 0, 0, 4)]
    rows += [("d", "scored", 0, 0, 3, 1), ("e", "scored", 0, 0, 3, 2)]
    drawn = bootstrap_rate([0, 1, 1, 3, 3], [1, 1, 4, 1, 2])
    assert drawn.interval(method="jackknife", kind="difference").low < 0
    assert summarize(table(rows), method="jackknife")["wer_low"][0] == 0
    assert summarize(table(rows))["wer_low"][0] >= 0


counts = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(10, 30))


@given(st.lists(st.tuples(counts, st.sampled_from("xyz")), min_size=1, max_size=15))
@settings(max_examples=examples(25))
def test_groups_add_up_to_the_whole(rows):
    errors = table([(f"{n}", "scored", *one) for n, (one, _) in enumerate(rows)], group=[group for _, group in rows])
    whole = summarize(errors, n_resamples=100).iloc[0]
    parts = summarize(errors, by="group", n_resamples=100)
    for name in ("recordings", "hits", "substitutions", "deletions", "insertions", "reference_words"):
        assert parts[name].sum() == whole[name]
    assert (parts["wer"] * parts["reference_words"]).sum() == pytest.approx(whole["wer"] * whole["reference_words"])
    assert parts["wer"].min() <= whole["wer"] + 1e-12
    assert whole["wer"] <= parts["wer"].max() + 1e-12


def test_hours_are_unknown_where_a_duration_is():
    assert pd.isna(summarize(SIX.assign(duration_ms=pd.array([9000, pd.NA, *[9000] * 4], "Int64")))["hours"][0])
    assert pd.isna(summarize(SIX.drop(columns="duration_ms"))["hours"][0])


def test_grouping_by_the_normaliser():
    errors = SIX.assign(normalizer=["basic-1", "basic-1", "none-1", "none-1", pd.NA, pd.NA])
    found = summarize(errors, by="normalizer")
    assert found.columns.is_unique
    assert found["recordings"].tolist() == [2, 2, 0]


@pytest.mark.parametrize(
    ("errors", "options", "kind", "words"),
    [
        pytest.param(SIX.drop(columns="hits"), {}, SchemaError, r"lacks \['hits'\]", id="column"),
        pytest.param(SIX, {"by": "accent"}, SchemaError, r"lacks \['accent'\]", id="no-such-group"),
        pytest.param(SIX, {"block": "session"}, SchemaError, r"lacks \['session'\]", id="no-such-block"),
        pytest.param(SIX.assign(session=None), {"block": "session"}, InputError, "all its values", id="block-of-NA"),
        pytest.param(SIX, {"block": []}, InputError, "block is an empty list", id="empty-block"),
        pytest.param(SIX[:0], {}, InputError, "has no rows", id="empty"),
        pytest.param(pd.concat([SIX, SIX]), {}, SchemaError, "'a' occurs more than once", id="twice"),
        pytest.param(SIX.assign(status="done"), {}, SchemaError, "status 'done'", id="status"),
        pytest.param(SIX.assign(status="scored"), {}, SchemaError, "without counts", id="scored-without-counts"),
        pytest.param(SIX.assign(hits=1), {}, SchemaError, "differ from reference_words", id="inconsistent"),
        pytest.param(SIX, {"by": "status"}, None, None, id="by-status-is-fine"),
        pytest.param(SIX.assign(wer=1), {"by": "wer"}, InputError, "columns of the result", id="clash"),
        pytest.param(SIX, {"by": ["room", "room"]}, InputError, "a column twice", id="by-twice"),
        pytest.param(
            SIX.assign(normalizer=["a", "b", "a", "a", "a", "a"]), {}, InputError, "different normalisers", id="mixed"
        ),
        pytest.param(SIX, {"ci": 95}, InputError, "such as 0.95", id="ci"),
        pytest.param(SIX, {"method": "bca"}, InputError, "method is 'bca'", id="method"),
        pytest.param(SIX, {"n_resamples": 1}, InputError, "100 or more", id="n_resamples"),
        pytest.param(SIX, {"seed": None}, InputError, "seed is None", id="seed"),
        pytest.param({"a": SIX}, {}, InputError, "found dict; call sx.word_errors", id="dict"),
    ],
)
def test_wrong_input(errors, options, kind, words):
    if kind is None:
        assert summarize(errors, **options)["recordings"].sum() == 4
        return
    with pytest.raises(kind, match=words):
        summarize(errors, **options)


# errors of punctuation and capitals

TEXTS = {
    "a": ("So, we meet in Paris.", "So we meet in paris."),  # marks: 1 deleted of 2; capitals: 1 of 5 words
    "b": ("Is it late? Yes.", "Is it late. Yes!"),  # 2 substituted of 2; none of 4
    "c": ("We met Ann.", "We met, Ann."),  # 1 right, 1 inserted; none of 3
    "d": ("Good day.", "good day."),  # 1 right; 1 of 2
}


def punctuated(**columns):
    hypotheses, references = ({name: texts[side] for name, texts in TEXTS.items()} for side in (1, 0))
    return sx.metrics.punctuation_errors(hypotheses, references).assign(**columns)


def test_punctuation_and_capitals_are_pooled():
    found = summarize(punctuated(), n_resamples=200)
    assert list(found) == list(schema.PUNCTUATION_ERROR_SUMMARY)
    row = found.iloc[0]
    counts = ["reference_marks", "hits", "substitutions", "deletions", "insertions", "case_words", "case_errors"]
    assert row[counts].tolist() == [6, 3, 2, 1, 1, 14, 2]
    assert row["per"] == pytest.approx(4 / 7)
    assert row["case_error_rate"] == pytest.approx(2 / 14)
    assert (row["blocks"], row["block"], row["normalizer"]) == (4, "audio_id", "basic 3")
    for rate, wrong, whole in (("per", [1, 2, 1, 0], [2, 2, 2, 1]), ("case_error_rate", [1, 0, 0, 1], [5, 4, 3, 2])):
        drawn = bootstrap_rate(wrong, whole, n_resamples=200).interval(kind="share")
        assert [row[f"{rate}_low"], row[f"{rate}_high"]] == pytest.approx(drawn[:2])
    assert row["method"] == "cr2"


def test_punctuation_by_group_and_block():
    errors = punctuated(speaker=["x", "x", "y", "y"], room=["p", "p", "q", "q"])
    found = summarize(errors, by="room", block="audio_id", n_resamples=200)
    assert found["room"].tolist() == ["p", "q"]
    assert found["per"].tolist() == pytest.approx([3 / 4, 1 / 3])
    assert found["case_error_rate"].tolist() == pytest.approx([1 / 9, 1 / 5])
    assert summarize(errors, n_resamples=200)["blocks"].tolist() == [2]
    one = summarize(errors, by="room", n_resamples=200)["note"][0]
    assert one.startswith("There is only one speaker, and an interval needs two or more.")  # once for both rates
    assert one.count("only one speaker") == 1


def test_rates_of_marks_or_capitals_that_the_references_lack_are_unknown():
    marks = sx.metrics.punctuation_errors({"a": "so. we", "b": "we meet"}, {"a": "so, we", "b": "we. meet"})
    row = summarize(marks, n_resamples=200).iloc[0]
    assert row["per"] == 1
    assert row[["case_words", "case_errors", "case_error_rate"]].isna().all()
    assert "case_error_rate: There are no reference words that can have capitals" in row["note"]
    capitals = sx.metrics.punctuation_errors({"a": "So we", "b": "We. meet"}, {"a": "so We", "b": "We meet"})
    row = summarize(capitals, n_resamples=200).iloc[0]
    assert row[["reference_marks", "hits", "insertions", "per"]].isna().all()
    assert row["case_errors"] == 2
    assert "per: There are no reference marks" in row["note"]
    failed = marks.assign(status="failed")
    assert summarize(failed)[["hits", "case_words"]].iloc[0].tolist() == [0, 0]


def test_unsupported_calls_with_punctuation_are_refused():
    errors = punctuated()
    for call in (lambda: sx.compare_errors(errors, errors), lambda: sx.metrics.power(errors, difference=0.01)):
        with pytest.raises(InputError, match=r"errors of punctuation and capitals.*Compare word or character errors"):
            call()
    with pytest.raises(SchemaError, match="more case_errors than case_words"):
        summarize(errors.assign(case_words=0))
    with pytest.raises(SchemaError, match=r"lacks .'case_words'"):
        summarize(errors.drop(columns="case_words"))
    ax = sx.plot.error_summary(summarize(errors, n_resamples=200))
    assert ax.get_xlabel().startswith("punctuation error rate (%)")
    assert "6 marks" in ax.texts[0].get_text()


# intervals that a few blocks decide


def test_the_note_says_that_few_of_many_blocks_decide():
    """Thirteen blocks as uneven as those of the samples."""
    wrong = [14, 1, 0, 1, 8, 0, 1, 0, 1, 0, 3, 5, 0]
    words = [40, 27, 14, 23, 34, 21, 23, 42, 22, 60, 80, 106, 0]
    rows = [(f"r{place}", "scored", error, 0, 0, max(size, error)) for place, (error, size) in
            enumerate(zip(wrong, words, strict=True))]  # fmt: skip
    row = summarize(table(rows)).iloc[0]
    assert row["method"] == "cr2"
    assert row["note"] == (
        "A few of the 13 recordings dominate the rate: the interval is wide. More recordings would narrow it."
    )
    ax = sx.plot.error_summary(summarize(table(rows)))
    assert ax.texts[0].get_text().startswith("6.9% · n = 13")
    assert {line.get_linestyle() for line in ax.lines if line.get_linewidth() == 1.8} == {"--"}


# groups that cannot be


def test_groups_must_be_single_values_of_one_kind():
    lists = SIX.assign(tags=[["x"], ["y"], ["x", "y"], [], ["x"], ["y"]])
    with pytest.raises(SchemaError, match=r"the column 'tags' in by contains \['x'\] \(list\), but a group needs"):
        summarize(lists, by="tags")
    mixed = SIX.assign(day=[1, pd.Timestamp("2026-01-02"), 1, 2, 3, pd.NA])
    with pytest.raises(SchemaError, match=r"the column 'day' in by mixes Timestamp and int, so .*astype\(str\)"):
        summarize(mixed, by="day")
    assert len(summarize(mixed.astype({"day": str}), by="day")) == 5


def resampled_rates(counts, numerator, denominator, block, n_resamples, seed):
    """An independent bootstrap: draw as many blocks as there are, add their rows, divide."""
    blocks = [rows for _, rows in counts.groupby(block, sort=False)]
    sums = np.array(
        [
            [rows[list(numerator)].to_numpy(float).sum(), rows[list(denominator)].to_numpy(float).sum()]
            for rows in blocks
        ]
    )
    rng = np.random.default_rng(seed)
    totals = sums[rng.integers(0, len(blocks), (n_resamples, len(blocks)))].sum(axis=1)
    return totals[:, 0] / totals[:, 1]


def diarized(seed=0, size=40):
    rng = np.random.default_rng(seed)
    reference_ms, speakers = rng.integers(5_000, 60_000, size), rng.integers(1, 5, size)
    missed, false, confused = (rng.integers(0, 4_000, size) for _ in range(3))
    return pd.DataFrame(
        {
            **dict.fromkeys(DIARIZATION_ERRORS),
            "audio_id": [f"r{n}" for n in range(size)],
            "status": "scored",
            "scored_ms": reference_ms + 5_000,
            "reference_ms": reference_ms,
            "missed_ms": missed,
            "false_alarm_ms": false,
            "confusion_ms": confused,
            "jer": rng.uniform(0, 0.6, size),
            "reference_speakers": speakers,
            "collar_ms": 250,
            "conventions": "",
            "room": [f"room {n % 12}" for n in range(size)],
        }
    )


def speaker_words(seed=0, size=40):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: pd.array([None] * size, column.dtype) for name, column in SPEAKER_WORD_ERRORS.items()})
    counts = {
        name: rng.integers(0, 9, size) for name in table if name.startswith(("cp_", "tcp_")) and "mapping" not in name
    }
    aligned = rng.integers(40, 200, size)
    return table.assign(
        audio_id=[f"r{n}" for n in range(size)],
        status="scored",
        reference_words=aligned + rng.integers(0, 9, size),
        hypothesis_words=aligned,
        wder_words=aligned,
        wder_wrong=rng.binomial(aligned, 0.1),
        collar_ms=5000,
        normalizer="basic",
        room=[f"room {n % 12}" for n in range(size)],
        **counts,
    )


def switches(seed=0, size=40):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        [
            (f"r{n}", rng.choice(["hit", "hit", "miss", "false_alarm"]))
            for n in range(size)
            for _ in range(rng.integers(1, 9))
        ],
        columns=["audio_id", "outcome"],
    )
    return rows.assign(
        status="scored", error_ms=100, room="room " + (rows["audio_id"].str[1:].astype(int) % 12).astype(str)
    )


def jer_sums(table):
    return table.assign(jaccard=table["jer"] * table["reference_speakers"])


def outcomes(table):
    return table.assign(**{name: (table["outcome"] == name).astype(int) for name in ("hit", "miss", "false_alarm")})


INTERVALS = [
    ("der", diarized, None, ["missed_ms", "false_alarm_ms", "confusion_ms"], ["reference_ms"]),
    ("jer", diarized, jer_sums, ["jaccard"], ["reference_speakers"]),
    ("cpwer", speaker_words, None, ["cp_substitutions", "cp_deletions", "cp_insertions"], ["reference_words"]),
    ("tcpwer", speaker_words, None, ["tcp_substitutions", "tcp_deletions", "tcp_insertions"], ["reference_words"]),
    ("wder", speaker_words, None, ["wder_wrong"], ["wder_words"]),
    ("precision", switches, outcomes, ["hit"], ["hit", "false_alarm"]),
    ("recall", switches, outcomes, ["hit"], ["hit", "miss"]),
    ("f1", switches, outcomes, ["hit", "hit"], ["hit", "hit", "miss", "false_alarm"]),
]


@pytest.mark.parametrize("block", ["audio_id", "room"])
@pytest.mark.parametrize(("rate", "make", "count", "numerator", "denominator"), INTERVALS)
def test_percentile_intervals_are_those_of_a_plain_bootstrap(rate, make, count, numerator, denominator, block):
    """A bound of 20,000 draws has a standard error of 0.02 standard deviations of the rates; 4 are allowed."""
    table = make()
    rates = resampled_rates(count(table) if count else table, numerator, denominator, block, 20_000, seed=9)
    row = summarize(table, block=block, method="percentile", ci=0.9, n_resamples=20_000).iloc[0]
    assert row["blocks"] == table[block].nunique()
    np.testing.assert_allclose(
        [row[f"{rate}_low"], row[f"{rate}_high"]], np.quantile(rates, [0.05, 0.95]), atol=0.08 * rates.std()
    )
    assert row["method"] == "percentile"


@pytest.mark.parametrize(("rate", "make", "count", "numerator", "denominator"), INTERVALS)
def test_percentile_intervals_are_those_of_scipy(rate, make, count, numerator, denominator):
    table = count(make()) if count else make()
    sums = table.groupby("room")[sorted({*numerator, *denominator})].sum()
    parts = [sum(sums[name] for name in side).to_numpy(float) for side in (numerator, denominator)]
    result = scipy_bootstrap(
        parts,
        lambda above, below, axis=-1: above.sum(axis=axis) / below.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=0.9,
        n_resamples=20_000,
        random_state=1,
    )
    row = summarize(make(), block="room", method="percentile", ci=0.9, n_resamples=20_000).iloc[0]
    np.testing.assert_allclose(
        [row[f"{rate}_low"], row[f"{rate}_high"]], result.confidence_interval, atol=0.08 * result.standard_error
    )


@pytest.mark.parametrize("method", ["auto", "studentized", "cr2", "jackknife"])
@pytest.mark.parametrize("make", [diarized, speaker_words, switches])
def test_the_method_is_used(make, method):
    row = summarize(make(), method=method, n_resamples=500).iloc[0]
    assert row["method"] == ("studentized" if method == "auto" else method)
    assert row["block"] == "audio_id"


def test_rates_of_counts_that_are_not_known_have_no_interval():
    table = speaker_words()
    table.loc[3, ["tcp_substitutions", "tcp_deletions", "tcp_insertions"]] = pd.NA
    row = summarize(table, n_resamples=500).iloc[0]
    assert row[["tcp_deletions", "tcpwer", "tcpwer_low", "tcpwer_high"]].isna().all()
    assert row["cpwer_low"] < row["cpwer"] < row["cpwer_high"]
