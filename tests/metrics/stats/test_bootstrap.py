"""Intervals and tests on plain arrays: cases counted by hand, and laws."""

import itertools

import numpy as np
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.bootstrap import (
    METHODS,
    bootstrap_rate,
    checked_resampling,
    holm,
    mapsswe,
    mcnemar,
)
from soniox_ds.metrics.stats.resampling import resampled_sums

units = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 50)), min_size=2, max_size=25)


def bootstrapped(pairs, **options):
    errors, words = zip(*pairs, strict=True)
    return bootstrap_rate(errors, words, **{"n_resamples": 500, **options})


# --- drawing


def test_every_way_to_draw_two_of_two_is_drawn():
    """Two units: both first, both second, or one of each, in the proportion 1 : 1 : 2."""
    rates = bootstrapped([(1, 10), (3, 10)], n_resamples=20_000).rates
    values, counts = np.unique(rates.round(6), return_counts=True)
    assert values.tolist() == [0.1, 0.2, 0.3]
    assert counts / len(rates) == pytest.approx([0.25, 0.5, 0.25], abs=0.01)


def test_rates_are_of_sums_and_not_means_of_rates():
    """(1/10, 9/90): pooled rates 0.1 whatever is drawn; (1/10, 0/90): 0.1, 0.01, 0."""
    assert np.unique(bootstrapped([(1, 10), (9, 90)]).rates.round(9)).tolist() == [0.1]
    assert np.unique(bootstrapped([(1, 10), (0, 90)]).rates.round(9)).tolist() == [0.0, 0.01, 0.1]


def plain_bootstrap(errors, words, n_resamples, seed):
    """The loop that everyone writes."""
    rng = np.random.default_rng(seed)
    rates = []
    for _ in range(n_resamples):
        chosen = rng.integers(0, len(errors), len(errors))
        rates.append(errors[chosen].sum() / words[chosen].sum())
    return np.array(rates)


@pytest.mark.parametrize("few_kinds", [False, True], ids=["all-different", "drawn-by-kind"])
def test_the_replicates_are_those_of_a_plain_loop(few_kinds):
    rng = np.random.default_rng(3)
    words = rng.integers(10, 12, 1200) if few_kinds else rng.integers(10, 5000, 400)
    errors = rng.binomial(words, 0.1)
    ours = bootstrap_rate(errors, words, n_resamples=20_000).rates
    plain = plain_bootstrap(errors, words, 20_000, 1)
    assert ours.mean() == pytest.approx(plain.mean(), rel=0.002)
    assert ours.std() == pytest.approx(plain.std(), rel=0.03)
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx(np.quantile(plain, [0.025, 0.975]), rel=0.01)


@pytest.mark.parametrize("times", [1, 400], ids=["all-different", "by-kind"])
@pytest.mark.parametrize("kinds", [1, 2, 7, 90])
def test_each_replicate_draws_as_many_units_as_there_are(kinds, times):
    sums = resampled_sums(np.ones((kinds, 1)), np.full(kinds, times), n_resamples=1000)
    assert (sums == kinds * times).all()


def test_more_units_than_a_chunk_holds():
    count = 150_000
    sums = resampled_sums(
        np.column_stack([np.ones(count), np.arange(count)]), np.ones(count, np.int64), n_resamples=100
    )
    assert (sums[:, 0] == count).all()
    spread = np.arange(count).std() * count**0.5
    assert sums[:, 1].mean() == pytest.approx(np.arange(count).sum(), abs=4 * spread / 10)
    assert sums[:, 1].std() == pytest.approx(spread, rel=0.25)


@pytest.mark.parametrize("count", [2, 3, 10, 100, 5000, 12_000])
def test_each_unit_is_drawn_as_often_as_by_lot(count):
    """The numbers of draws of two of `count` units follow the multinomial distribution."""
    columns = np.zeros((count, 2))
    columns[0, 0] = columns[count // 2, 1] = 1
    pairs = resampled_sums(columns, np.ones(count, np.int64), n_resamples=20_000, seed=5).astype(int)
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
    ours, turned = bootstrapped(pairs, seed=seed), bootstrapped(pairs[::-1], seed=seed)
    assert (ours.rates == turned.rates).all()
    assert ours.interval() == pytest.approx(turned.interval(), nan_ok=True)
    hundredfold = bootstrapped([(errors, 100 * words) for errors, words in pairs], seed=seed)
    for method in METHODS:
        low, high, made_by, remark = ours.interval(method=method)
        other = hundredfold.interval(method=method)
        assert (made_by, remark) == (other.method, other.remark)
        assert [low, high] == pytest.approx([100 * other.low, 100 * other.high], nan_ok=True, rel=1e-6, abs=1e-9)


# --- intervals


KINDS = ("errors", "rate", "share", "difference")


@given(units, st.sampled_from(METHODS), st.sampled_from([0.5, 0.9, 0.95]), st.sampled_from(KINDS))
@settings(max_examples=examples(60))
def test_an_interval_is_there_or_says_why(pairs, method, ci, kind):
    if kind == "share":
        pairs = [(min(errors, words), words) for errors, words in pairs]
    found = bootstrapped(pairs)
    low, high, made_by, remark = found.interval(ci, method, kind)
    if made_by is None:
        assert np.isnan([low, high]).all()
        assert remark is not None
        return
    assert np.isfinite([low, high]).all()
    assert low < high
    assert made_by == ("poisson" if remark == "no-errors" else made_by if method == "auto" else method)
    if kind != "difference":
        assert low >= 0
    if kind == "share":
        assert high <= 1
    if made_by in ("cr2", "jackknife", "poisson"):
        assert low <= found.estimate <= high
    wider = found.interval(0.99, made_by if made_by in METHODS else method, kind)
    if wider.exists:
        assert wider.low <= low <= high <= wider.high


@given(units, st.sampled_from(KINDS))
@settings(max_examples=examples(60))
def test_auto_has_an_interval_wherever_anything_varies(pairs, kind):
    if kind == "share":
        pairs = [(min(errors, words), words) for errors, words in pairs]
    found = bootstrapped(pairs)
    if found.standard_error > 0:
        assert found.interval(kind=kind).exists


@given(st.lists(st.tuples(st.integers(-10, 10), st.integers(1, 50)), min_size=2, max_size=25), st.sampled_from(METHODS))
@settings(max_examples=examples(60))
def test_p_is_below_5_percent_just_where_the_interval_excludes_0(pairs, method):
    found = bootstrapped(pairs, n_resamples=999)
    low, high, made_by, _ = found.interval(0.95, method, "difference")
    if made_by is None:
        return
    p = found.p_value(made_by)
    assert 0 < p <= 1
    resampled = made_by in ("studentized", "percentile")
    if abs(p - 0.05) > (0.005 if resampled else 1e-9):  # quantiles of 999 replicates lie between replicates
        assert (p < 0.05) == (low > 0 or high < 0)


def test_intervals_counted_by_hand():
    """Two speakers of 100 words with 8 and 12 errors.

    Jackknife: leaving one out gives 0.12 and 0.08, standard error √(1/2 · 2 · 0.02²) = 0.02, one degree of freedom, so
    0.1 ± 12.706 · 0.02. CR2: residuals ±2, variance 2 · 4 / 0.5 / 200² = 0.0004, the same standard error and degree of
    freedom; on the scale of the cube root 0.1^(1/3) ± 12.706 · 0.02 / (3 · 0.1^(2/3)).
    """
    two = bootstrap_rate([8, 12], [100, 100])
    assert two.interval(method="jackknife", kind="difference")[:2] == pytest.approx((-0.15412, 0.35412), abs=1e-5)
    assert (two.cr2_error, two.cr2_freedom) == (pytest.approx(0.02), pytest.approx(1))
    root, reach = 0.1 ** (1 / 3), 12.7062 * 0.02 / (3 * 0.1 ** (2 / 3))
    assert two.interval()[:2] == pytest.approx((max(0, root - reach) ** 3, (root + reach) ** 3), abs=1e-5)
    assert two.interval(kind="difference").method == "jackknife"


@pytest.mark.parametrize("count", [2, 3, 7, 40])
def test_the_cr2_variance_is_that_of_the_matrices(count):
    """Bell and McCaffrey's definition with the whole matrices, for a working covariance of diag(words²)."""
    rng = np.random.default_rng(count)
    words = rng.integers(1, 500, count).astype(float)
    errors = rng.poisson(words / 10).astype(float)
    share = words / words.sum()
    residual_maker = np.eye(count) - np.outer(share, np.ones(count))
    scale = np.diag(1 / (1 - share))
    middle = scale @ residual_maker @ np.diag(words**2) @ residual_maker.T
    found = bootstrap_rate(errors, words, n_resamples=100)
    variance = errors @ residual_maker.T @ scale @ residual_maker @ errors / words.sum() ** 2
    assert found.cr2_error == pytest.approx(variance**0.5)
    assert found.cr2_freedom == pytest.approx(np.trace(middle) ** 2 / np.trace(middle @ middle))


def test_a_share_and_its_complement_have_mirrored_intervals():
    right, of = [9, 10, 8, 10, 7], [10, 10, 10, 11, 10]
    wrong = [many - one for one, many in zip(right, of, strict=True)]
    low, high, _, _ = bootstrap_rate(right, of).interval(kind="share")
    other = bootstrap_rate(wrong, of).interval(kind="share")
    assert (low, high) == pytest.approx((1 - other.high, 1 - other.low))


def test_without_a_single_error_the_upper_end_is_the_exact_poisson_bound():
    """P(no error | 3.689 expected) = 0.025."""
    for words in ([50, 150], [200]):
        found = bootstrap_rate([0] * len(words), words).interval()
        assert found[:3] == (0.0, pytest.approx(3.688879 / 200), "poisson")
        assert np.exp(-found.high * 200) == pytest.approx(0.025)
    assert not bootstrap_rate([0, 0], [50, 150]).interval(kind="share").exists


def test_the_studentized_interval_of_many_equal_units_is_that_of_the_normal_distribution():
    rng = np.random.default_rng(0)
    words = np.full(2000, 20)
    errors = rng.binomial(20, 0.2, 2000)
    found = bootstrap_rate(errors, words)
    error = errors.std(ddof=1) / 20 / np.sqrt(2000)
    assert found.standard_error == pytest.approx(error, rel=1e-3)
    for method in METHODS:
        assert found.interval(method=method)[:2] == pytest.approx(
            [found.estimate - 1.96 * error, found.estimate + 1.96 * error], rel=5e-3
        )


def test_the_studentized_interval_is_wider_than_the_percentile_one_for_few_units():
    few = bootstrapped([(10, 100), (12, 110), (30, 120), (8, 90), (15, 100), (11, 100)], n_resamples=10_000)
    widths = {method: np.ptp(few.interval(method=method)[:2]) for method in METHODS}
    assert widths["studentized"] > 1.3 * widths["percentile"]


@pytest.mark.parametrize(
    ("pairs", "remark"),
    [
        pytest.param([], "no-units", id="nothing"),
        pytest.param([(1, 10)], "one-unit", id="one"),
        pytest.param([(1, 0), (0, 0)], "no-denominator", id="no-words"),
        pytest.param([(1, 10), (2, 20)], "no-variation", id="same-rate"),
        pytest.param([(0, 10), (2, 0)], "one-holds-all", id="one-holds-all"),
    ],
)
def test_cases_without_an_interval(pairs, remark):
    found = bootstrap_rate([one for one, _ in pairs], [many for _, many in pairs])
    for method in METHODS:
        low, high, made_by, why = found.interval(method=method)
        assert (made_by, why) == (None, remark)
        assert np.isnan([low, high]).all()


def test_a_studentized_interval_without_a_bound_does_not_exist_and_auto_takes_another():
    few = bootstrap_rate([0, 2, 1], [10, 20, 30])
    assert few.interval(method="studentized")[2:] == (None, "no-studentized")
    assert few.interval()[2:] == ("cr2", "few-units")


def test_auto_takes_the_cr2_interval_if_a_few_of_many_units_decide():
    """Thirteen speakers as uneven as those of the samples."""
    wrong = [14, 1, 0, 1, 8, 0, 1, 0, 1, 0, 3, 5, 0]
    words = [40, 27, 14, 23, 34, 21, 23, 42, 22, 60, 80, 106, 0]
    uneven = bootstrap_rate(wrong, words)
    widths = {method: np.ptp(uneven.interval(method=method)[:2]) for method in METHODS}
    assert widths["studentized"] > 2 * widths["percentile"]
    assert uneven.interval()[2:] == ("cr2", "uneven")
    assert widths["percentile"] < widths["auto"] == widths["cr2"] < widths["studentized"]
    even = bootstrap_rate([1, 2, 1, 3, 2, 1, 2, 0, 1, 2, 1, 3], [20] * 12)
    assert even.interval()[2:] == ("studentized", None)


def test_units_without_words_count_their_errors():
    found = bootstrapped([(2, 0), (1, 10), (3, 10), (0, 20), (4, 20)])
    assert found.estimate == pytest.approx(10 / 60)
    assert found.interval().exists


def test_share_below():
    assert bootstrapped([(-1, 10), (-2, 10)]).share_below() == 1
    assert bootstrapped([(0, 10), (0, 10)]).share_below() == 0  # a tie is no win
    assert bootstrapped([(-1, 10), (1, 10)], n_resamples=20_000).share_below() == pytest.approx(0.25, abs=0.01)
    assert np.isnan(bootstrapped([(-1, 10)]).share_below())


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
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4], n_resamples=10), "100 or more", id="replicates"),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4]).interval(95), "such as 0.95", id="level"),
        pytest.param(
            lambda: bootstrap_rate([1, 2], [3, 4]).interval(0.9, "bca"), "'auto' or 'studentized' or", id="method"
        ),
        pytest.param(lambda: bootstrap_rate([1, 2], [3, 4]).p_value("t"), "method is 't'", id="method-of-p"),
        pytest.param(lambda: checked_resampling(0.95, "percentile", 1000, -1), "seed is -1", id="seed"),
        pytest.param(lambda: mcnemar(-1, 2), "two counts", id="counts"),
    ],
)
def test_wrong_input(call, words):
    with pytest.raises(InputError, match=words):
        call()
