"""Answers, good and bad: which class, which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds import exceptions
from soniox_ds.api.connection import Connection
from soniox_ds.api.responses import Reply, check_transcript, error_of, object_of, page_of, quota_of, retry_after_s
from soniox_ds.emulator.refusals import QUOTA_MESSAGES, RATE_MESSAGE

CONNECTION = Connection("canary-key-0123456789", region="eu")


def reply(status, body=b"", **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status=status, headers=headers, body=body, request_name="GET /v1/things")


def api_error(status, error_type, message="It went wrong.", **more):
    body = {"status_code": status, "error_type": error_type, "message": message, "validation_errors": []}
    return reply(status, {**body, "request_id": "r-1", **more})


CLASSES = [
    (400, "invalid_request", exceptions.RequestError),
    (400, "invalid_cursor", exceptions.RequestError),
    (401, "unauthenticated", exceptions.AuthError),
    (402, "organization_balance_exhausted", exceptions.BalanceError),
    (403, "permission_denied", exceptions.AuthError),
    (403, "temp_api_key_session_expired", exceptions.AuthError),
    (404, "file_not_found", exceptions.NotFoundError),
    (408, "request_timeout", exceptions.ServiceError),
    (409, "transcription_invalid_state", exceptions.InvalidStateError),
    (413, "max_duration_reached", exceptions.RequestError),
    (429, "limit_exceeded", exceptions.RateLimitError),
    (429, "max_concurrent_connections_reached", exceptions.RateLimitError),
    (500, "internal_error", exceptions.ServiceError),
    (503, "service_unavailable", exceptions.ServiceError),
]


@pytest.mark.parametrize(("status", "error_type", "kind"), CLASSES)
def test_status_and_slug_become_a_class(status, error_type, kind):
    error = error_of(api_error(status, error_type), CONNECTION)
    assert type(error) is kind
    assert (error.status, error.error_type, error.request_id) == (status, error_type, "r-1")
    assert f"GET /v1/things: It went wrong ({status} {error_type}, request r-1)" in str(error)


@pytest.mark.parametrize(("status", "error_type", "kind"), CLASSES)
def test_an_error_in_the_form_of_a_stream_says_the_same(status, error_type, kind):
    body = {"error_code": status, "error_type": error_type, "error_message": "It went wrong.", "request_id": "r-1"}
    error = error_of(reply(status, body), CONNECTION)
    assert type(error) is kind
    assert str(error) == str(error_of(api_error(status, error_type), CONNECTION))


PAGES = [b"", b"<html><body>Bad gateway</body></html>", b'{"status_code": 4', b"[]", b"null", b"5", b"{}", b"\xff\xfe"]


@pytest.mark.parametrize("body", PAGES)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, exceptions.BadAnswerError),
        (400, exceptions.RequestError),
        (401, exceptions.AuthError),
        (402, exceptions.BalanceError),
        (403, exceptions.AuthError),
        (404, exceptions.BadAnswerError),  # not the API's own word that something is gone
        (409, exceptions.BadAnswerError),
        (429, exceptions.RateLimitError),
        (500, exceptions.ServiceError),
        (502, exceptions.ServiceError),
        (599, exceptions.ServiceError),
    ],
)
def test_without_the_apis_own_words_the_status_decides(status, kind, body):
    error = error_of(reply(status, body, x_request_id="r-2"), CONNECTION)
    assert type(error) is kind
    assert error.request_id == "r-2"
    assert error.error_type is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["status_code", "error_type", "message", "error_message", "validation_errors", "request_id"])


@given(st.integers(300, 599), st.dictionaries(names, json_values) | json_values)
def test_whatever_json_comes_there_is_one_clear_error(status, body):
    error = error_of(reply(status, body), CONNECTION)
    assert isinstance(error, exceptions.RequestError | exceptions.ServiceError)
    assert error.status == status
    assert error.error_type is None or isinstance(error.error_type, str)
    assert str(error).startswith("GET /v1/things: ")


@given(st.integers(200, 599), st.binary(max_size=60))
def test_whatever_bytes_come_only_our_own_errors_are_raised(status, body):
    answer = reply(status, body)
    error_of(answer, CONNECTION)
    for check in (
        lambda: object_of(answer, CONNECTION, "id"),
        lambda: page_of(answer, CONNECTION, "files", "id"),
        lambda: check_transcript(answer, CONNECTION, "a"),
    ):
        with pytest.raises(exceptions.BadAnswerError):
            check()


def test_wrong_fields_are_listed():
    wrong = [{"error_type": "value_error", "location": "body.payload.language_hints", "message": "Invalid hint"}]
    error = error_of(api_error(400, "invalid_request", validation_errors=wrong), CONNECTION)
    assert "; body.payload.language_hints: Invalid hint" in str(error)
    assert error.validation_errors == tuple(wrong)


def test_a_wrong_key_names_the_region():
    error = error_of(api_error(401, "unauthenticated", "Incorrect API key provided."), CONNECTION)
    assert "check SONIOX_API_KEY" in str(error).replace("Check", "check")
    assert "region 'eu'" in str(error)


def test_messages_of_the_service_never_show_the_key():
    key = CONNECTION.api_key.reveal()
    wrong = [{"location": "header", "message": f"not {key}"}]
    error = error_of(api_error(401, "unauthenticated", f"Incorrect: {key}", validation_errors=wrong), CONNECTION)
    assert key not in str(error) + repr(error) + repr(error.validation_errors)
    for answer in (reply(200, f"<{key}>".encode()), reply(200, {"x": key})):
        with pytest.raises(exceptions.BadAnswerError) as caught:
            object_of(answer, CONNECTION, "id")
        assert key not in str(caught.value)
    assert key not in str(error_of(reply(500, key.encode()), CONNECTION))


# 429 by rate or by quota

QUOTAS = [
    *((message, {"total": "transcriptions"}.get(name, name)) for name, message in QUOTA_MESSAGES.items()),
    (RATE_MESSAGE, None),
    ("Rate limit for your project has been exceeded.", None),
    ("Rate limit for file uploads has been exceeded.", None),
    ("Requests per minute limit for transcriptions exceeded.", None),
    ("Too many requests.", None),
    ("Concurrent transcription limit has been exceeded.", None),
    ("Maximum number of connections reached.", None),
    ("Total transcription count limit for your project has been exceeded. Please delete some.", "transcriptions"),
    ("Pending transcription limit for your organization has been exceeded.", "pending"),
    ("Too many pending transcriptions.", "pending"),
    ("File count limit for your organization has been exceeded.", "files"),
    ("Maximum number of files reached.", "files"),
    ("Total file storage limit for your organization has been exceeded.", "storage"),
    ("This request would exceed the total size of stored files.", "storage"),
    ("", None),
    ("Slow down.", None),
]


@pytest.mark.parametrize(("message", "quota"), QUOTAS)
def test_the_message_tells_a_quota_from_a_rate(message, quota):
    assert quota_of(message) == quota_of(message.upper()) == quota
    error = error_of(api_error(429, "limit_exceeded", message), CONNECTION)
    if quota is None:
        assert type(error) is exceptions.RateLimitError
    else:
        assert type(error) is exceptions.QuotaError
        assert error.quota == quota
        assert "sx.account.clean_up()" in str(error) or quota == "pending"


# Retry-After


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7),
        ("1.5", 1.5),
        ("-3", 0),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, expected):
    answer = reply(429, {}, retry_after=value)
    assert retry_after_s(answer, datetime(2026, 1, 1, tzinfo=UTC)) == expected


# Successes that are none

BAD_OBJECTS = [
    (b"", "is not JSON"),
    (b"<html>", "is not JSON"),
    (b'{"id": "a"', "is not JSON"),
    (b"[1]", "is not a JSON object but a list"),
    (b"null", "but null"),
    (b"{}", "lacks the string 'id' in it \\(found nothing\\)"),
    (b'{"id": 5}', "found a number"),
    (b'{"id": ""}', "found a string"),
    (b'{"id": null}', "found null"),
]


@pytest.mark.parametrize(("body", "message"), BAD_OBJECTS)
def test_an_object_has_what_others_rely_on(body, message):
    with pytest.raises(exceptions.BadAnswerError, match=message) as caught:
        object_of(reply(201, body, request_id="r-3"), CONNECTION, "id", maybe_done=True)
    assert caught.value.maybe_done
    assert caught.value.request_id == "r-3"
    assert object_of(reply(201, {"id": "a", "more": 1}), CONNECTION, "id") == {"id": "a", "more": 1}


@pytest.mark.parametrize(
    ("page", "message"),
    [
        ({}, "has no list 'files'"),
        ({"files": None}, "has no list 'files'"),
        ({"files": ["a"]}, "contains a string among 'files'"),
        ({"files": [{"id": "a"}, {}]}, "lacks the string 'id' in an item of 'files'"),
        ({"files": [], "next_page_cursor": 5}, "has a number as next_page_cursor"),
    ],
)
def test_a_page_is_a_list_of_objects(page, message):
    with pytest.raises(exceptions.BadAnswerError, match=message):
        page_of(reply(200, page), CONNECTION, "files", "id")


def test_an_absent_cursor_is_the_end():
    assert page_of(reply(200, {"files": []}), CONNECTION, "files") == {"files": [], "next_page_cursor": None}


TRANSCRIPT = {"id": "0c6b", "text": "a", "tokens": [{"text": "a", "start_ms": 0, "end_ms": 60, "confidence": 1}]}


def test_a_transcript_comes_through_as_its_bytes():
    raw = json.dumps(TRANSCRIPT).encode()
    assert check_transcript(reply(200, raw), CONNECTION, "0C6B") == raw


@given(st.integers(0, len(json.dumps(TRANSCRIPT)) - 1))
def test_a_transcript_that_is_cut_off_anywhere_is_noticed(length):
    raw = json.dumps(TRANSCRIPT).encode()[:length]
    with pytest.raises(exceptions.BadAnswerError, match="is not a transcript"):
        check_transcript(reply(200, raw), CONNECTION, "0c6b")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tokens": None}, "has no list of tokens"),
        ({"tokens": {}}, "has no list of tokens"),
        ({"text": None}, "is not a transcript"),
        ({"id": "other"}, "is the transcript of 'other' instead of '0c6b'"),
    ],
)
def test_a_transcript_is_of_the_right_shape_and_job(change, message):
    with pytest.raises(exceptions.BadAnswerError, match=message):
        check_transcript(reply(200, {**TRANSCRIPT, **change}), CONNECTION, "0c6b")
