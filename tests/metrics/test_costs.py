"""Costs of groups of recordings, and of recognised terms: hand-counted cases."""

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SchemaError

RECORDINGS = pd.DataFrame(
    {
        "audio_id": ["a", "b", "c", "d"],
        "status": ["completed", "completed", "completed", "failed"],
        "duration_ms": [3_600_000, 1_800_000, 1_800_000, 60_000],
        "cost_usd": [0.10, 0.05, 0.05, None],
        "charged_usd": [0.12, 0.04, None, 0.01],
        "charged_requests": [2, 1, None, 1],
        "split": ["train", "test", "test", "test"],
    }
)
COST = sx.Corpus(RECORDINGS).cost


def test_costs_have_the_users_columns():
    assert list(COST) == [*sx.schema.COSTS, "split"]


def test_a_group_adds_what_is_known():
    summary = sx.summarize(COST, by="split").set_index("split")
    assert list(sx.summarize(COST)) == [*sx.schema.COST_SUMMARY]
    test = summary.loc["test"]
    assert test[["recordings", "failed", "charged_recordings"]].tolist() == [2, 1, 2]
    assert test["hours"] == 1.0
    assert test["estimate_usd"] == pytest.approx(0.10)
    assert test["charged_usd"] == pytest.approx(0.05), "the failed recording was charged as well"
    assert test["charged_usd_per_hour"] == pytest.approx(0.04 / 0.5), "only b has a charge and a duration"
    assert summary.loc["train", "charged_usd_per_hour"] == pytest.approx(0.12)


def test_nothing_known_is_na():
    summary = sx.summarize(COST.assign(charged_usd=pd.NA, charged_requests=pd.NA)).iloc[0]
    assert summary["charged_recordings"] == 0
    assert pd.isna(summary["charged_usd"])
    assert pd.isna(summary["charged_usd_per_hour"])


OCCURRENCES = pd.DataFrame(
    {
        "audio_id": ["a", "a", "b", "c", "a"],
        "term": ["x", "x", "y", "y", "z"],
        "distractor": [False, False, False, False, True],
        "outcome": ["hit", "miss", "hit", "false_hit", "false_hit"],
        "reference_index": [0, 1, 0, None, None],
        "hypothesis_index": [0, 1, 0, 1, 2],
    }
)


def test_a_term_costs_all_recordings_divided_by_its_hits():
    costs = sx.metrics.term_costs(OCCURRENCES, COST).set_index("term")
    assert costs.index.tolist() == ["x", "y"]
    assert costs["hits"].tolist() == [1, 1]
    assert costs["reference_count"].tolist() == [2, 1]
    assert costs["estimate_usd_per_hit"].tolist() == pytest.approx([0.20, 0.20])
    assert costs["charged_usd"].isna().all(), "the charge of c is not known"
    known = COST.assign(charged_usd=COST["charged_usd"].fillna(0.03))
    both = sx.metrics.term_costs(OCCURRENCES, known, by=None)
    assert both["hits"].tolist() == [2]
    assert both["charged_usd_per_hit"][0] == pytest.approx((0.12 + 0.04 + 0.03 + 0.01) / 2)


def test_arms_have_their_own_costs():
    cost = pd.concat([COST.assign(arm="p"), COST.assign(arm="q", estimate_usd=COST["estimate_usd"] * 2)])
    occurrences = pd.concat([OCCURRENCES.assign(arm="p"), OCCURRENCES.assign(arm="q")])
    costs = sx.metrics.term_costs(occurrences, cost, by="arm")
    assert costs["estimate_usd_per_hit"].tolist() == pytest.approx([0.10, 0.20])
    assert costs["hits"].tolist() == [2, 2]


def test_without_hits_there_is_no_price():
    missed = OCCURRENCES[OCCURRENCES["outcome"] == "miss"]
    assert sx.metrics.term_costs(missed, COST)["estimate_usd_per_hit"].isna().all()
    assert len(sx.metrics.term_costs(missed[:0], COST)) == 0


def test_mistakes_are_explained():
    with pytest.raises(SchemaError, match="occurrences"):
        sx.metrics.term_costs(COST, COST)
    with pytest.raises(SchemaError, match="speaker"):
        sx.metrics.term_costs(OCCURRENCES, COST, by="speaker")
    with pytest.raises(InputError, match="columns of the result"):
        sx.metrics.term_costs(OCCURRENCES.assign(hits=1), COST, by="hits")
