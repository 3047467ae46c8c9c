"""`power`: the noncentral t distribution, rows and units, and whether what it promises is seen."""

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from soniox_ds import schema
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats.bootstrap import bootstrap_rate
from soniox_ds.metrics.stats.power import power


@given(st.integers(2, 400), st.floats(0.1, 5), st.sampled_from([0.8, 0.95, 0.99]))
@settings(max_examples=examples(40))
def test_power_is_that_of_the_noncentral_t_distribution(blocks, shift, ci):
    block_sd = 0.03
    found = (
        power(block_sd=block_sd, difference=shift * block_sd / np.sqrt(blocks), blocks=blocks, ci=ci)
        if (shift * block_sd / np.sqrt(blocks) < 1)
        else None
    )
    critical = stats.t.ppf((1 + ci) / 2, blocks - 1)
    expected = stats.nct.sf(critical, blocks - 1, shift) + np.nan_to_num(stats.nct.cdf(-critical, blocks - 1, shift))
    assert found["power"][0] == pytest.approx(expected, abs=1e-5)


@given(st.floats(0.002, 0.2), st.floats(0.3, 0.99), st.floats(0.01, 0.3))
@settings(max_examples=examples(40))
def test_the_number_of_blocks_is_the_smallest_that_will_do(difference, target, block_sd):
    row = power(block_sd=block_sd, difference=difference, target=target).iloc[0]
    assert row["power"] >= target
    if row["blocks"] > 2:
        assert power(block_sd=block_sd, difference=difference, blocks=row["blocks"] - 1)["power"][0] < target
    smallest = power(block_sd=block_sd, blocks=row["blocks"], target=target).iloc[0]
    assert smallest["difference"] <= difference + 1e-9


def test_four_times_the_blocks_for_half_the_difference():
    blocks = power(block_sd=0.05, difference=[0.004, 0.002, -0.002])["blocks"]
    assert blocks[1] / blocks[0] == pytest.approx(4, rel=0.01)
    assert blocks[2] == blocks[1]
    assert power(block_sd=0.05, difference=-0.002)["difference"][0] == 0.002


def errors(wrong, words, speakers, **columns):
    """A table of errors, one recording a row."""
    return pd.DataFrame(
        {
            "audio_id": [f"{n}" for n in range(len(wrong))],
            "status": "scored",
            "hits": words - wrong,
            "substitutions": wrong,
            "deletions": 0,
            "insertions": 0,
            "reference_words": words,
            "speaker": speakers,
            "duration_ms": pd.array([60_000] * len(wrong), "Int64"),
            **columns,
        }
    )


def pilot(seed=0, speakers=12, each=3):
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(speakers), each)
    rate = rng.beta(2, 18, speakers)[speaker]
    words = np.full(len(speaker), 100)
    return [errors(rng.binomial(100, rate), words, speaker.astype(str)) for _ in range(2)]


def test_a_pilot_of_two_arms_gives_spread_and_sizes():
    a, b = pilot()
    row = power({"a": a, "b": b}, difference=0.01).iloc[0]
    per_block = (b["substitutions"] - a["substitutions"]).groupby(a["speaker"]).sum() / 300
    assert row["block_sd"] == pytest.approx(per_block.std())
    assert (row["block"], row["basis"]) == ("speaker", "paired pilot of 12 blocks")
    assert row["recordings"] == 3 * row["blocks"]
    assert row["reference_words"] == 300 * row["blocks"]
    assert row["hours"] == pytest.approx(row["blocks"] / 20)
    assert list(power([a, b], difference=0.01).columns) == list(schema.POWER)


def test_a_pilot_of_one_arm_assumes_a_correlation():
    a, _ = pilot()
    spread = (a["substitutions"].groupby(a["speaker"]).sum() / 300).std()
    row = power(a, difference=0.01).iloc[0]
    assert row["block_sd"] == pytest.approx(spread)  # √(2 (1 − 0.5)) = 1
    assert "correlation of 0.5 between arms is assumed" in row["basis"]
    assert power(a, difference=0.01, correlation=0.92)["block_sd"][0] == pytest.approx(spread * 0.4)


def test_without_a_pilot_sizes_are_unknown():
    row = power(block_sd=0.05, difference=0.01, blocks=30).iloc[0]
    assert row[["recordings", "reference_words", "hours", "block"]].isna().all()
    assert row["basis"] == "block_sd as given"


def test_each_difference_with_each_number_of_blocks():
    found = power(block_sd=0.05, difference=[0.01, 0.02], blocks=[20, 80])
    assert found[["difference", "blocks"]].to_numpy().tolist() == [[0.01, 20], [0.01, 80], [0.02, 20], [0.02, 80]]
    assert found["power"].is_monotonic_increasing or found["power"][1] >= found["power"][0]


def study(rng, gain, skewed, speakers):
    """Words and differences in errors of speakers with rates of their own; B gains points, or a share of the rate."""
    words = rng.integers(200, 600, speakers)
    rate = rng.gamma(4, 0.025, speakers) + 0.05
    better = rate * (1 - gain / 0.15) if skewed else np.clip(rate - rng.normal(gain, 0.02, speakers), 0.001, None)
    return words, rng.poisson(better * words) - rng.poisson(rate * words)


@pytest.mark.parametrize(
    ("gain", "skewed", "tolerance"),
    [
        pytest.param(0.008, False, 0.04, id="small-gain-many-speakers"),
        pytest.param(0.008, True, 0.04, id="small-gain-in-proportion"),
        pytest.param(0.02, False, 0.08, id="large-gain-few-speakers"),
        pytest.param(0.02, True, 0.08, id="large-gain-in-proportion"),
    ],
)
def test_the_power_promised_is_the_share_of_studies_that_see_the_difference(gain, skewed, tolerance):
    """1,000 studies of the size that 80 % need (standard error 1.3 points)."""
    rng = np.random.default_rng(8)
    words, difference = study(rng, gain, skewed, 50_000)
    block_sd = np.std((difference - difference.sum() / words.sum() * words) / words.mean())
    row = power(block_sd=block_sd, difference=difference.sum() / words.sum()).iloc[0]
    seen = []
    for seed in range(1000):
        words, difference = study(rng, gain, skewed, row["blocks"])
        low, high = bootstrap_rate(difference, words, n_resamples=500, seed=seed).interval(kind="difference")[:2]
        seen.append(low > 0 or high < 0)
    assert np.mean(seen) == pytest.approx(row["power"], abs=tolerance)


A, B = pilot(1)


MIXED = pd.concat([A.assign(cost="sclite"), B.assign(cost="levenshtein", audio_id=B["audio_id"] + " again")])


@pytest.mark.parametrize(
    ("given", "options", "words"),
    [
        pytest.param([], {"difference": 0.01}, "pass the errors of a pilot", id="nothing"),
        pytest.param([A], {}, "pass difference= for the number of blocks", id="no-question"),
        pytest.param([A], {"difference": 0.01, "block_sd": 1}, "not both", id="both"),
        pytest.param([A], {"difference": 2}, "0.01 is one percentage point", id="percent"),
        pytest.param([A], {"difference": 0}, "between 0 and 1", id="zero"),
        pytest.param([A], {"difference": []}, "an empty list", id="empty-list"),
        pytest.param([A], {"difference": "0.1"}, "difference is '0.1'", id="text"),
        pytest.param([A], {"blocks": 1}, "2 or more", id="one-block-planned"),
        pytest.param([A], {"blocks": 4.5}, "whole number", id="fraction"),
        pytest.param([A], {"difference": 0.01, "target": 80}, "target is 80", id="target"),
        pytest.param([A], {"blocks": 10, "target": 0.04}, "no difference at all", id="target-below-chance"),
        pytest.param([A], {"difference": 0.01, "correlation": 1}, "correlation is 1", id="correlation"),
        pytest.param([A], {"difference": 1e-9}, "no study can detect it", id="tiny"),
        pytest.param([], {"difference": 0.01, "block_sd": 0}, "above 0", id="no-spread"),
        pytest.param([[A, B, A]], {"difference": 0.01}, "of 3; give one table", id="three-arms"),
        pytest.param(["errors.csv"], {"difference": 0.01}, "str", id="path"),
        pytest.param([[A, A]], {"difference": 0.01}, "the same rate", id="equal-arms"),
        pytest.param([A[:1]], {"difference": 0.01}, "two or more", id="one-block"),
        pytest.param(
            [[A.assign(cost="sclite"), B.assign(cost="levenshtein")]], {"blocks": 9}, "different costs", id="costs"
        ),
        pytest.param([MIXED], {"blocks": 9}, "different costs of the alignment", id="costs-within"),
        pytest.param([A], {"difference": 0.01, "ci": 95}, "such as 0.95", id="ci"),
    ],
)
def test_wrong_input(given, options, words):
    with pytest.raises(InputError, match=words):
        power(*given, **options)
