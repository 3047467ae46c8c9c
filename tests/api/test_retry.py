"""Retry policies: every wait of the package, as it was agreed."""

from __future__ import annotations

import random
import sys

import pytest

from soniox_ds.api import retry
from soniox_ds.api.retry import Backoff
from soniox_ds.batch.limits import Limits
from soniox_ds.exceptions import InputError


@pytest.mark.parametrize(
    "wrong",
    [
        {"attempts": 0},
        {"attempts": 1.5},
        {"attempts": True},
        {"initial_s": -1},
        {"initial_s": float("nan")},
        {"max_s": float("inf")},
        {"max_s": "1"},
    ],
)
def test_a_policy_takes_sensible_numbers(wrong):
    [name] = wrong
    with pytest.raises(InputError, match=f"{name} is"):
        Backoff(**wrong)


@pytest.mark.parametrize(
    ("policy", "attempts", "waits_s"),
    [
        (retry.REQUEST, 6, [(0.5, 1), (1, 2), (2, 4), (4, 8), (8, 16), (15, 30), (15, 30)]),
        (retry.RATE_PAUSE, None, [(1.5, 2.5), (3, 5), (6, 10), (12, 20), (22.5, 37.5)]),
        (retry.UPLOAD, None, [(1, 1), (2, 2), (4, 4), (8, 8), (16, 16), (30, 30)]),
        (retry.SUBMISSION, 6, [(5, 5), (5, 5)]),
        (retry.DOWNLOAD, None, [(2, 2), (2, 2)]),
        (retry.DAMAGED_TRANSCRIPT, 3, [(2, 2), (2, 2)]),
        (retry.RECONNECT, 6, [(0.125, 0.25), (0.25, 0.5), (0.5, 1), (1, 2), (2, 4), (4, 8), (4, 8)]),
        (retry.SESSION_RATE_PAUSE, None, [(5, 5), (5, 5)]),
    ],
)
def test_the_waits_of_each_policy(policy, attempts, waits_s):
    assert policy.attempts == (sys.maxsize if attempts is None else attempts)
    rng = random.Random(0)
    for failures, (least, most) in enumerate(waits_s, start=1):
        waits = [policy.wait_s(failures, rng=rng) for _ in range(200)]
        assert least <= min(waits) <= least + 0.05 * (most - least)
        assert most - 0.05 * (most - least) <= max(waits) <= most


def test_a_refused_request_waits_five_times_as_long():
    steady = Backoff(initial_s=1, max_s=30, jitter=(1, 1))
    assert [steady.wait_s(failures, scale=retry.RATE_LIMIT_SCALE) for failures in (1, 2, 3, 4)] == [5, 10, 20, 30]


def test_endless_failures_wait_no_longer_than_the_longest_wait():
    assert Backoff(max_s=30, jitter=(1, 1)).wait_s(10_000) == 30


def test_attempts_at_a_recording_are_limited_by_the_policy():
    assert Limits().attempts == retry.SUBMISSION.attempts
