"""Coverage of intervals and false positives of tests, on simulated speakers whose true word error rate is known.

Speakers have rates of their own (lognormal, standard deviation half the mean) and speak unlike amounts; errors are
Poisson. Fixed seeds; 1,500 studies leave a standard error of 0.6 points. benchmarks/bench_coverage.py has more cases.
"""

import numpy as np
import pandas as pd
import pytest

from soniox_ds.metrics.stats.bootstrap import bootstrap_rate, mapsswe
from soniox_ds.metrics.stats.compare import compare_errors
from soniox_ds.metrics.stats.summaries import summarize

TRUE_RATE = 0.1
STUDIES = 1500


def lognormal(rng, mean, variation, shape):
    spread = np.sqrt(np.log1p(variation**2))
    return mean * np.exp(rng.normal(-(spread**2) / 2, spread, shape))


def speakers(seed, count, studies=STUDIES):
    """Words of each speaker and errors of two equal arms; one row a study."""
    rng = np.random.default_rng(seed)
    words = lognormal(rng, 400, 0.5, (studies, count)).round().clip(1)
    expected = words * lognormal(rng, TRUE_RATE, 0.5, (studies, count))
    return words, rng.poisson(expected), rng.poisson(expected)


def intervals(numerators, words, method="auto", kind="errors"):
    found = [
        bootstrap_rate(one, size, n_resamples=600, seed=seed).interval(0.95, method, kind)
        for seed, (one, size) in enumerate(zip(numerators, words, strict=True))
    ]
    existing = [bounds[:2] for bounds in found if bounds.exists]
    assert len(existing) >= 0.99 * len(found)
    return np.array(existing).T


@pytest.mark.parametrize("count", [2, 3, 5, 10, 25, 60])
def test_intervals_by_speaker_cover_the_true_rate(count):
    words, errors, _ = speakers(0, count)
    low, high = intervals(errors, words)
    assert 0.92 <= np.mean((low <= TRUE_RATE) & (high >= TRUE_RATE)) <= 0.98


def test_percentile_intervals_of_few_speakers_do_not():
    """They are not the default because they cover too little."""
    words, errors, _ = speakers(1, 10)
    low, high = intervals(errors, words, "percentile")
    assert np.mean((low <= TRUE_RATE) & (high >= TRUE_RATE)) < 0.9


@pytest.mark.parametrize("count", [2, 3, 5, 10, 25, 60])
def test_equal_arms_differ_in_5_percent_of_the_experiments(count):
    words, first, second = speakers(2, count)
    low, high = intervals(second - first, words, kind="difference")
    assert 0.03 <= np.mean((low > 0) | (high < 0)) <= 0.07


def recordings(words, errors, each):
    """Word errors of recordings, `each` of every speaker, with the speakers' errors spread over them at random."""
    rng = np.random.default_rng(int(errors.sum()))
    speaker = np.repeat(np.arange(len(words)), each)
    size = np.repeat(words // each + 1, each).astype(int)
    wrong = np.concatenate([rng.multinomial(total, np.full(each, 1 / each)) for total in errors])
    return pd.DataFrame(
        {
            "audio_id": np.arange(len(speaker)).astype(str),
            "status": "scored",
            "hits": size,
            "substitutions": 0,
            "deletions": 0,
            "insertions": wrong,
            "reference_words": size,
            "speaker": speaker.astype(str),
        }
    )


def test_the_tables_have_the_same_intervals_and_recordings_as_blocks_would_not_do():
    """The coverage above therefore holds for users too. Each speaker has 15 recordings, and only speakers differ."""
    sizes, first, second = speakers(3, 20, studies=60)
    covered = []
    for words, errors, others in zip(sizes, first, second, strict=True):
        a, b = recordings(words, errors, 15), recordings(words, others, 15)
        words_there = a["reference_words"].groupby(a["speaker"].astype(int)).sum().to_numpy()
        row, difference = summarize(a, n_resamples=200).iloc[0], compare_errors(a, b, n_resamples=200).iloc[0]
        drawn = bootstrap_rate(errors, words_there, n_resamples=200).interval()
        assert [row["wer_low"], row["wer_high"]] == pytest.approx(drawn[:2])
        drawn = bootstrap_rate(others - errors, words_there, n_resamples=200).interval(kind="difference")
        assert [difference["difference_low"], difference["difference_high"]] == pytest.approx(drawn[:2])
        single = summarize(a, block="audio_id", n_resamples=200).iloc[0]
        truth = TRUE_RATE * words.sum() / words_there.sum()  # a recording holds whole words
        covered.append(single["wer_low"] <= truth <= single["wer_high"])
    assert np.mean(covered) < 0.8


def test_mapsswe_of_equal_systems_is_significant_in_5_percent():
    """120 segments: as many errors in either arm, whatever the segment's own difficulty."""
    rng = np.random.default_rng(4)
    difficulty = rng.gamma(2, 0.7, (4000, 120))
    found = [mapsswe(a, b).p for a, b in zip(rng.poisson(difficulty), rng.poisson(difficulty), strict=True)]
    assert 0.03 <= np.mean(np.array(found) < 0.05) <= 0.07


def test_few_speakers_are_noted_and_no_reason_to_warn():
    words, first, second = speakers(5, 9, studies=1)
    a, b = (recordings(words[0], errors[0], 2) for errors in (first, second))
    row = compare_errors(a, b).iloc[0]
    assert row["note"] == "Only 9 speakers: the interval is wide. More speakers would narrow it."
    assert row["method"] == "jackknife"
    assert row[["difference_low", "difference_high", "p"]].notna().all()
