"""Calls in which some recordings fail, and the checks before a call begins."""

import re
import warnings
from pathlib import Path

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds import exceptions
from soniox_ds.batch.failures import first_error, report_failures
from soniox_ds.exceptions import error_type_of

ERRORS_PAGE = Path(__file__).parents[2] / "docs" / "errors.md"


def recordings(*error_types):
    return pd.DataFrame(
        {
            "audio_id": [f"{place}.wav" for place in range(len(error_types))],
            "status": ["completed" if kind is None else "failed" for kind in error_types],
            "error_type": error_types,
            "error_message": [kind and f"message {place}" for place, kind in enumerate(error_types)],
        }
    )


def report(table, *, fatal=None, on_error="report"):
    report_failures(table, fatal=fatal, on_error=on_error, all_in="corpus.failed")


def test_a_few_failures_are_shown_and_all_are_counted():
    with pytest.warns(exceptions.RecordingsFailedWarning) as warned:
        report(recordings(None, "x", "y", "y", "y"))
    (message,) = [str(one.message) for one in warned]
    assert message == (
        "4 of 5 recordings failed: y (3), x (1).\n  1.wav: message 1\n  2.wav: message 2\n  3.wav: message 3\n"
        "  ... and 1 more in corpus.failed"
    )


def test_nothing_is_said_where_nothing_failed():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report(recordings(None, None), fatal=exceptions.AuthError("not for these"), on_error="raise")


def test_a_cause_for_all_is_raised_where_nothing_is_complete():
    with pytest.raises(exceptions.AuthError, match="wrong key"):
        report(recordings("unauthenticated", "file_not_found"), fatal=exceptions.AuthError("wrong key"))
    with pytest.warns(exceptions.RecordingsFailedWarning):
        report(recordings("unauthenticated", None), fatal=exceptions.AuthError("wrong key"))


def test_the_group_holds_every_failure():
    with pytest.raises(ExceptionGroup, match="3 of 4 recordings failed: x \\(3\\)") as group:
        report(recordings("x", None, "x", "x"), on_error="raise")
    assert [(str(one), one.audio_id, one.error_type) for one in group.value.exceptions] == [
        (f"{place}.wav: message {place}", f"{place}.wav", "x") for place in (0, 2, 3)
    ]


def test_the_journal_is_named_first_and_otherwise_what_came_first():
    full = exceptions.JournalError("full")
    nested = ExceptionGroup("", [ValueError("first"), ExceptionGroup("", [KeyError("second"), full])])
    assert first_error(nested) is full
    assert str(first_error(ExceptionGroup("", [ExceptionGroup("", [ValueError("first")]), KeyError("x")]))) == "first"


# -- error types -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (exceptions.AuthError, "unauthenticated"),
        (exceptions.BalanceError, "organization_balance_exhausted"),
        (exceptions.QuotaError, "limit_exceeded"),
        (exceptions.RateLimitError, "limit_exceeded"),
        (exceptions.NotFoundError, "invalid_request"),
        (exceptions.RequestError, "invalid_request"),
        (exceptions.ConnectionFailed, "connection_failed"),
        (exceptions.BadAnswerError, "bad_answer"),
        (exceptions.ServiceError, "service_error"),
        (exceptions.SourceError, "unreadable"),
        (exceptions.JournalError, "journal_error"),
        (exceptions.SetupError, "error"),
    ],
)
def test_each_error_has_a_documented_type(kind, expected):
    assert error_type_of(kind("x")) == expected
    assert f"`{expected}`" in ERRORS_PAGE.read_text(encoding="utf-8")
    if issubclass(kind, exceptions.RequestError | exceptions.ServiceError):
        assert error_type_of(kind("x", error_type="its_own")) == "its_own"


def test_every_slug_in_the_code_is_documented():
    """Each `error_type` in the code is listed in docs/errors.md."""
    package = Path(sx.__file__).parent
    told = set()
    for path in [path for room in ("batch", "live", "sources") for path in (package / room).glob("*.py")]:
        code = path.read_text(encoding="utf-8")
        told |= set(re.findall(r'(?:\.fail|UnusableAudio)\(\s*"([a-z]+_[a-z_]+)"', code))
        told |= set(re.findall(r'error_type(?:, error_message)? = "([a-z_]+)"', code))
        told |= set(re.findall(r'error_type="([a-z_]+)"', code))
    assert {"url_not_streamed", "answer_lost"} <= told
    told -= {"abandoned", "moved"}  # of the journal alone: no recording of a call has it
    page = ERRORS_PAGE.read_text(encoding="utf-8")
    assert sorted(slug for slug in told if f"`{slug}`" not in page) == []


# -- arguments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"repeat": -1}, "repeat is -1; it is the number of the repetition, a whole number, 0 or more"),
        ({"repeat": True}, "repeat is True"),
        ({"repeat": 1.0}, r"repeat is 1\.0"),
        ({"repeat": None}, "repeat is None"),
        ({"concurrency": 0}, "concurrency is 0; it is the number of uploads at once"),
        ({"concurrency": True}, "concurrency is True"),
        ({"on_error": "ignore"}, "on_error is 'ignore'"),
    ],
)
def test_wrong_settings_are_told_before_anything_is_read(wrong, message):
    with pytest.raises(exceptions.OptionsError, match=message):
        sx.transcribe("no such file.wav", **wrong)


@pytest.mark.parametrize("repeats", [0, -1, True, 2.0])
def test_experiments_need_a_number_of_repeats(repeats):
    with pytest.raises(
        exceptions.OptionsError, match=r"repeats is .*; it is the number of times that each arm is transcribed"
    ):
        sx.compare("no such file.wav", arms={"a": {}, "b": {"language_hints": ["en"]}}, repeats=repeats)
