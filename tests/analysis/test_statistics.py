"""Intervals and tests on plain arrays: cases counted by hand, and laws."""

import itertools
import re

import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soniox_ds.analysis.resampling import resampled_sums
from soniox_ds.analysis.statistics import (
    METHODS,
    bootstrap_rate,
    checked_resampling,
    holm,
    mapsswe,
    mcnemar,
)
from soniox_ds.errors import InputError

units = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50)), min_size=2, max_size=25)


def drawn(pairs, **options):
    errors, words = zip(*pairs, strict=True)
    return bootstrap_rate(errors, words, **{"replicates": 500, **options})


# --- drawing


def test_every_way_to_draw_two_of_two_is_drawn():
    """Two units: both first, both second, or one of each, in the proportion 1 : 1 : 2."""
    rates = drawn([(1, 10), (3, 10)], replicates=20_000).rates
    values, counts = np.unique(rates.round(6), return_counts=True)
    assert values.tolist() == [0.1, 0.2, 0.3]
    assert counts / len(rates) == pytest.approx([0.25, 0.5, 0.25], abs=0.01)


def test_rates_are_of_sums_and_not_means_of_rates():
    """(1/10, 9/90): pooled rates 0.1 whatever is drawn; (1/10, 0/90): 0.1, 0.01, 0."""
    assert np.unique(drawn([(1, 10), (9, 90)]).rates.round(9)).tolist() == [0.1]
    assert np.unique(drawn([(1, 10), (0, 90)]).rates.round(9)).tolist() == [0.0, 0.01, 0.1]


def plain_bootstrap(errors, words, replicates, seed):
    """The loop that everyone writes."""
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(replicates):
        chosen = rng.integers(0, len(errors), len(errors))
        rates.append(errors[chosen].sum() / words[chosen].sum())
    return np.array(rates)


@pytest.mark.parametrize("few_kinds", [False, True], ids=["all-different", "drawn-by-kind"])
def test_the_replicates_are_those_of_a_plain_loop(few_kinds):
    rng = np.random.default_rng(3)
    words = rng.integers(10, 12, 1200) if few_kinds else rng.integers(10, 5000, 400)
    errors = rng.binomial(words, 0.1)
    ours = bootstrap_rate(errors, words, replicates=20_000).rates
    plain = plain_bootstrap(errors, words, 20_000, 1)
    assert ours.mean() == pytest.approx(plain.mean(), rel=0.002)
    assert ours.std() == pytest.approx(plain.std(), rel=0.03)
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx(np.quantile(plain, [0.025, 0.975]), rel=0.01)


@pytest.mark.parametrize("times", [1, 400], ids=["all-different", "by-kind"])
@pytest.mark.parametrize("kinds", [1, 2, 7, 90])
def test_as_many_units_are_drawn_as_there_are(kinds, times):
    sums = resampled_sums(np.ones((kinds, 1)), np.full(kinds, times), replicates=1000)
    assert (sums == kinds * times).all()


def test_more_units_than_a_chunk_holds():
    count = 150_000
    sums = resampled_sums(np.column_stack([np.ones(count), np.arange(count)]), np.ones(count, np.int64), replicates=100)
    assert (sums[:, 0] == count).all()
    spread = np.arange(count).std() * count**0.5
    assert sums[:, 1].mean() == pytest.approx(np.arange(count).sum(), abs=4 * spread / 10)
    assert sums[:, 1].std() == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("count", [2, 3, 10, 100, 5000, 12_000])
def test_each_unit_is_drawn_as_often_as_by_lot(count):
    """Of two units among `count`: drawn k and l times as the multinomial distribution has it."""
    columns = np.zeros((count, 2))
    columns[0, 0] = columns[count // 2, 1] = 1
    pairs = resampled_sums(columns, np.ones(count, np.int64), replicates=20_000, seed=5).astype(int)
    seen = np.zeros((4, 4))
    np.add.at(seen, tuple(pairs.clip(max=3).T), 1)
    law = stats.multinomial(count, [1 / count, 1 / count, 1 - 2 / count])
    most = min(count, 12)
    chances = np.zeros((4, 4))
    for first in range(most + 1):
        for second in range(min(most, count - first) + 1):
            chances[min(first, 3), min(second, 3)] += law.pmf([first, second, count - first - second])
    there = chances.ravel() * 20_000 > 5
    expected = chances.ravel()[there] / chances.ravel()[there].sum()
    counted = seen.ravel()[there]
    assert stats.chisquare(counted, expected * counted.sum()).pvalue > 0.001
    assert seen.ravel()[~there].sum() < 40


@given(units, st.integers(0, 5))
@settings(max_examples=examples(30))
def test_the_order_of_units_and_the_unit_of_counting_change_nothing(pairs, seed):
    ours, turned = drawn(pairs, seed=seed), drawn(pairs[::-1], seed=seed)
    assert (ours.rates == turned.rates).all()
    assert ours.interval() == pytest.approx(turned.interval(), nan_ok=True)
    hundredfold = drawn([(errors, 100 * words) for errors, words in pairs], seed=seed)
    for method in METHODS:
        low, high, reason, _ = ours.interval(method=method)
        if reason is not None and "would reach from" in reason:
            continue  # that is said of rates, and so depends on what is counted
        other = hundredfold.interval(method=method)
        assert (reason is None) == (other.reason is None)
        assert [low, high] == pytest.approx([100 * other.low, 100 * other.high], nan_ok=True, rel=1e-6, abs=1e-9)


# --- intervals


@given(units, st.sampled_from(METHODS), st.sampled_from([0.5, 0.9, 0.95]))
@settings(max_examples=examples(60))
def test_an_interval_is_there_or_says_why(pairs, method, ci):
    found = drawn(pairs)
    low, high, reason, _ = found.interval(ci, method)
    if reason is None:
        assert low <= high
        assert np.isfinite([low, high]).all()
        wider = found.interval(0.99, method)
        if wider.reason is None:
            assert wider.low <= low <= high <= wider.high
    else:
        assert np.isnan([low, high]).all()


@given(st.lists(st.tuples(st.integers(-10, 10), st.integers(1, 50)), min_size=2, max_size=25), st.sampled_from(METHODS))
@settings(max_examples=examples(60))
def test_p_is_below_5_percent_just_where_the_interval_excludes_0(pairs, method):
    found = drawn(pairs, replicates=999)
    low, high, reason, _ = found.interval(0.95, method)
    p = found.p_value(method)
    if reason is not None:
        return
    assert 0 < p <= 1
    if abs(p - 0.05) > 0.005:  # quantiles of 999 replicates lie between replicates
        assert (p < 0.05) == (low > 0 or high < 0)


def test_the_studentized_interval_of_many_equal_units_is_that_of_the_normal_distribution():
    rng = np.random.default_rng(0)
    words = np.full(2000, 20)
    errors = rng.binomial(20, 0.2, 2000)
    found = bootstrap_rate(errors, words)
    error = errors.std(ddof=1) / 20 / np.sqrt(2000)
    assert found.standard_error == pytest.approx(error, rel=1e-3)
    assert found.interval()[:2] == pytest.approx(
        [found.estimate - 1.96 * error, found.estimate + 1.96 * error], rel=5e-3
    )


def test_the_studentized_interval_is_wider_than_the_percentile_one_for_few_units():
    few = drawn([(10, 100), (12, 110), (30, 120), (8, 90), (15, 100), (11, 100)], replicates=10_000)
    widths = {method: np.ptp(few.interval(method=method)[:2]) for method in METHODS}
    assert widths["studentized"] > 1.3 * widths["percentile"]


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        pytest.param([], "0 blocks: an interval needs two or more", id="nothing"),
        pytest.param([(1, 10)], "1 block: an interval needs two or more", id="one"),
        pytest.param([(1, 0), (0, 0)], "no reference words", id="no-words"),
        pytest.param([(1, 10), (2, 20)], "all blocks have the same rate", id="same-rate"),
        pytest.param([(0, 10), (0, 20)], "all blocks have the same rate", id="all-right"),
        pytest.param([(0, 10), (2, 0)], "one block holds all the reference words", id="one-holds-all"),
        pytest.param(
            [(0, 10), (2, 20), (1, 30)], "in too many replicates all units drawn have the same rate", id="three"
        ),
    ],
)
def test_where_there_is_no_interval(pairs, words):
    found = bootstrap_rate([one for one, _ in pairs], [many for _, many in pairs])
    low, high, reason, _ = found.interval()
    assert words in reason
    assert np.isnan([low, high]).all()


@pytest.mark.parametrize(
    ("errors", "words", "says"),
    [
        pytest.param([0, 1, 0, 0, 1, 60], [99, 90, 100, 110, 95, 150], r"be \d+\.\d times as wide as", id="wide"),
        pytest.param([8, 1, 1, 2, 3], [10, 10, 10, 10, 10], r"reach from -?\d+% to 1\d\d%", id="above-1"),
        pytest.param([-8, -1, -1, -2, -3], [10, 10, 10, 10, 10], r"reach from -1\d\d% to -?\d+%", id="below-1"),
    ],
)
def test_an_interval_beyond_sense_is_none(errors, words, says):
    found = bootstrap_rate(errors, words)
    low, high, reason, _ = found.interval()
    assert np.isnan([low, high]).all()
    assert re.search(f"a few blocks decide: the studentized interval would {says}", reason)
    assert 'more blocks would help, method="percentile"' in reason
    assert found.interval(method="percentile").reason is None


def test_a_wide_interval_that_says_something_stays():
    """Nearly three times as wide as the percentile one, or of a rate that is high itself."""
    assert bootstrap_rate([10, 12, 30, 8, 15], [100] * 5, seed=1).interval().reason is None
    assert bootstrap_rate([9, 6, 12, 5, 15], [10] * 5).interval().high > 1


def test_units_without_words_count_their_errors():
    found = drawn([(2, 0), (1, 10), (3, 10), (0, 20), (4, 20)])
    assert found.estimate == pytest.approx(10 / 60)
    assert found.interval().reason is None


def test_share_below():
    assert drawn([(-1, 10), (-2, 10)]).share_below() == 1
    assert drawn([(0, 10), (0, 10)]).share_below() == 0  # a tie is no win
    assert drawn([(-1, 10), (1, 10)], replicates=20_000).share_below() == pytest.approx(0.25, abs=0.01)
    assert np.isnan(drawn([(-1, 10)]).share_below())


# --- tests


def test_mapsswe_counted_by_hand():
    """d = 2, 0, 1, -1, 2: mean 0.8, sum of squares about it 6.8, s.d. √1.7; Z = 0.8 / (1.3038 / √5) = 1.372."""
    found = mapsswe([2, 1, 1, 0, 3], [0, 1, 0, 1, 1])
    assert found.segments == 5
    assert found[1:4] == pytest.approx((0.8, 1.7**0.5, 1.3720), abs=1e-4)
    assert found.p == pytest.approx(0.1701, abs=1e-4)


@pytest.mark.parametrize(("a", "b"), [([1, 1, 1], [0, 0, 0]), ([2, 2], [2, 2])])
def test_mapsswe_without_spread_is_0_as_in_sc_stats(a, b):
    assert mapsswe(a, b)[2:] == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("count", [0, 1])
def test_mapsswe_of_fewer_than_two_segments_is_unknown(count):
    found = mapsswe([1] * count, [0] * count)
    assert found.segments == count
    assert np.isnan(found[1:]).all()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=30))
def test_mapsswe_changes_its_sign_with_the_arms(pairs):
    a, b = zip(*pairs, strict=True)
    there, back = mapsswe(a, b), mapsswe(b, a)
    assert (there.mean, there.z) == pytest.approx((-back.mean, -back.z))
    assert there.p == pytest.approx(back.p)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"), [(0, 0, 1), (1, 0, 1), (0, 5, 2 / 32), (1, 4, 12 / 32), (3, 3, 1), (0, 10, 2 / 1024)]
)
def test_mcnemar_counted_by_hand(only_a, only_b, p):
    assert mcnemar(only_a, only_b) == pytest.approx(p)
    assert mcnemar(only_b, only_a) == pytest.approx(p)


def test_holm_counted_by_hand():
    """Sorted 0.01, 0.02, 0.03: times 3, 2, 1 gives 0.03, 0.04, 0.03, and none may be below the one before."""
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_the_plain_p_and_bonferroni(p_values):
    corrected = holm(p_values)
    assert (corrected >= p_values).all()
    assert (corrected <= np.minimum(1, np.array(p_values) * len(p_values))).all()
    for (p, one), (q, other) in itertools.combinations(zip(p_values, corrected, strict=True), 2):
        assert (p <= q) <= (one <= other)
    with_gap = holm([*p_values, float("nan")])
    assert with_gap[:-1] == pytest.approx(corrected)
    assert np.isnan(with_gap[-1])


# --- wrong input


@pytest.mark.parametrize(
    ("call", "words"),
    [
        pytest.param(lambda: bootstrap_rate([1, 2], [3]), "shape", id="lengths"),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, -1]), "0 or more", id="negative"),
        pytest.param(lambda: bootstrap_rate([1, float("nan")], [3, 1]), "finite", id="nan"),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4], replicates=10), "100 or more", id="replicates"),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4]).interval(95), "such as 0.95", id="level"),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4]).interval(0.9, "bca"), "'studentized' or", id="method"),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4]).p_value("t"), "method is 't'", id="method-of-p"),
        pytest.param(lambda: checked_resampling(0.95, "percentile", 1000, -1), "seed is -1", id="seed"),
        pytest.param(lambda: mcnemar(-1, 2), "two counts", id="counts"),
    ],
)
def test_wrong_input(call, words):
    with pytest.raises(InputError, match=words):
        call()
