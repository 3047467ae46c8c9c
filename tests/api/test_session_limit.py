"""The limit on open streams, and the arguments that it refuses."""

import asyncio

import pytest

import soniox_ds as sx
from soniox_ds.exceptions import OptionsError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sessions": 0}, "sessions is 0; it is the number of streams open at once, 1 or more"),
        ({"sessions": 2.5}, "sessions is 2"),
        ({"sessions": True}, "sessions is True"),
        ({"sessions": "5"}, "sessions is '5'"),
        ({"sessions_per_minute": 0.5}, "sessions_per_minute is 0.5"),
        ({"sessions_per_minute": float("nan")}, "sessions_per_minute is nan"),
        ({"sessions_per_minute": "100"}, "sessions_per_minute is '100'"),
    ],
)
def test_arguments_that_are_no_session_limit_are_refused(wrong, message):
    with pytest.raises(OptionsError, match=message):
        sx.SessionLimit(**wrong)


async def test_first_come_first_served():
    limit, passed = sx.SessionLimit(sessions=1), []

    async def pass_through(name):
        async with limit.pass_through():
            assert limit.open == 1
            passed.append(name)

    async with asyncio.TaskGroup() as group:
        for name in range(4):
            group.create_task(pass_through(name))
    assert passed == [0, 1, 2, 3]
    assert limit.open == 0
