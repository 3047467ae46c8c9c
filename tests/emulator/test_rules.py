"""The rules alone: no socket, no disk, a clock that is set by hand."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.emulator.keys import PERMISSIONS
from soniox_ds.emulator.limits import Limits, RateWindow
from soniox_ds.emulator.models import LANGUAGES, ModelCatalog
from soniox_ds.emulator.recognizers import Heard
from soniox_ds.emulator.refusals import Refusal
from soniox_ds.emulator.rules import Rules

DAY = 86_400
NOON = 1_750_075_200.0  # 2025-06-16T12:00:00Z


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def rules(clock):
    return Rules(now=clock, keys=["right"])


def small(clock, **limits):
    return Rules(now=clock, limits=Limits(**limits))


def upload(rules, name="a.wav", size=10):
    return rules.add_file(filename=name, size=size, sha256="ab", path="/nowhere", client_reference_id=None)


def create(rules, **fields):
    if "file_id" not in fields and "audio_url" not in fields:
        fields["audio_url"] = "https://host/a.mp3"
    return rules.create({"model": "stt-async-v4", **fields})


def recognition(ms=1000, words=1):
    return Heard(tokens=[{"text": "a", "start_ms": 0, "end_ms": 60, "confidence": 1.0}] * words, duration_ms=ms)


def refusal(call, *arguments, **fields):
    with pytest.raises(Refusal) as caught:
        call(*arguments, **fields)
    return caught.value


# life of a job


def test_a_job_from_creation_to_deletion(rules):
    file = upload(rules, "talk.wav")
    job = create(rules, file_id=file.id, client_reference_id="mine", enable_speaker_diarization=True)
    assert job.wire() == {
        "id": job.id,
        "status": "queued",
        "created_at": "2025-06-16T12:00:00.000Z",
        "model": "stt-async-v4",
        "audio_url": None,
        "file_id": file.id,
        "filename": "talk.wav",
        "language_hints": None,
        "enable_speaker_diarization": True,
        "enable_language_identification": False,
        "audio_duration_ms": None,
        "error_type": None,
        "error_message": None,
        "webhook_url": None,
        "webhook_auth_header_name": None,
        "webhook_auth_header_value": None,
        "webhook_status_code": None,
        "client_reference_id": "mine",
    }
    rules.start(job.id, 1000)
    assert (job.wire()["status"], job.wire()["audio_duration_ms"]) == ("processing", 1000)
    rules.complete(job.id, recognition())
    token = {"text": "a", "start_ms": 0, "end_ms": 60, "confidence": 1.0}
    absent = dict.fromkeys(("speaker", "language", "translation_status", "source_language", "is_audio_event"))
    assert rules.transcript(job.id) == {"id": job.id, "text": "a", "tokens": [token | absent]}
    rules.delete_job(job.id)
    assert refusal(rules.job, job.id).error_type == "transcription_not_found"
    assert rules.file(file.id) is file, "deleting a transcription leaves its file"


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        pytest.param([], None, id="queued"),
        pytest.param(["start"], 409, id="processing"),
        pytest.param(["start", "complete"], None, id="completed"),
        pytest.param(["start", "fail"], None, id="failed"),
        pytest.param(["fail"], None, id="failed-before-processing"),
    ],
)
def test_deleting_by_state(rules, steps, outcome):
    job = create(rules)
    for step in steps:
        arguments = {"start": (1000,), "complete": (recognition(),), "fail": ("invalid_audio_file", "no audio")}[step]
        getattr(rules, step)(job.id, *arguments)
    if outcome is None:
        rules.delete_job(job.id)
        assert rules.jobs == []
    else:
        found = refusal(rules.delete_job, job.id)
        assert (found.status, found.error_type) == (outcome, "transcription_invalid_state")


def test_there_is_no_transcript_before_the_end_nor_after_a_failure(rules):
    job = create(rules)
    for step in (lambda: None, lambda: rules.start(job.id, 5), lambda: rules.fail(job.id, "internal_error", "x")):
        step()
        assert refusal(rules.transcript, job.id).error_type == "transcription_invalid_state"
    assert (job.wire()["error_type"], job.wire()["error_message"]) == ("internal_error", "x")


def test_later_events_of_a_deleted_job_change_nothing(rules):
    job = create(rules)
    rules.delete_job(job.id)
    assert rules.start(job.id, 1) is None
    rules.complete(job.id, recognition())
    rules.fail(job.id, "x", "y")
    assert rules.count_jobs() == {"total": 0, "public_api": 0, "playground": 0}


def test_the_webhook_secret_is_never_shown(rules):
    job = create(rules, webhook_url="https://me/hook", webhook_auth_header_name="X", webhook_auth_header_value="s3cret")
    assert job.wire()["webhook_auth_header_value"] == "*" * 18


# quotas and age


def test_each_quota_refuses_with_its_own_message(clock):
    rules = small(clock, files=2, storage_bytes=100, file_bytes=60, transcriptions=3, pending=2)
    assert refusal(upload, rules, size=61).error_type == "invalid_request"
    upload(rules, size=60)
    assert "storage" in refusal(upload, rules, size=41).message
    second = upload(rules, size=40)
    assert "file count" in refusal(upload, rules, size=0).message
    rules.delete_file(second.id)
    upload(rules, size=40)
    first = create(rules)
    create(rules)
    found = refusal(create, rules)
    assert (found.status, found.error_type) == (429, "limit_exceeded")
    assert found.message.startswith("Pending transcription count limit")
    rules.start(first.id, 1)
    create(rules)
    rules.fail(first.id, "internal_error", "a failed one counts too")
    assert refusal(create, rules).message == (
        "Total transcription count limit for your organization has been exceeded. Please delete some."
    )
    rules.delete_job(first.id)
    assert refusal(create, rules).message.startswith("Pending")


def test_everything_goes_after_thirty_days(clock):
    gone = []
    rules = Rules(now=clock, discard=gone.append)
    old = upload(rules, size=10)
    create(rules, file_id=old.id)
    clock.time += 1
    young = upload(rules)
    clock.time += 30 * DAY - 1
    assert rules.files == [young]
    assert rules.jobs == []
    assert gone == [old]
    assert refusal(rules.file, old.id).error_type == "file_not_found"
    clock.time += 1
    assert rules.files == []


@given(st.lists(st.floats(0, 40), max_size=60), st.integers(1, 5))
def test_no_sixty_seconds_hold_more_than_the_limit(gaps, limit):
    clock = Clock()
    window = RateWindow(limit, now=clock)
    admitted = []
    for gap in gaps:
        clock.time += gap
        if window.admit():
            admitted.append(clock.time)
        else:
            assert sum(clock.time - 60 < moment for moment in admitted) == limit, "refused although there was room"
    for moment in admitted:
        assert sum(moment <= other < moment + 60 for other in admitted) <= limit


def test_refused_requests_do_not_count(clock):
    rules = small(clock, requests_per_minute=2)
    rules.admit_request()
    rules.admit_request()
    for _ in range(59):
        clock.time += 1
        assert refusal(rules.admit_request).message == "Rate limit for your organization has been exceeded."
    clock.time += 1
    rules.admit_request()


# lists


@given(st.data())
def test_pages_show_everything_once_although_it_is_deleted_meanwhile(data):
    rules = Rules(now=Clock())
    kept = [upload(rules).id for _ in range(data.draw(st.integers(0, 12)))]
    seen, cursor = [], ""
    while cursor is not None:
        limit = data.draw(st.integers(1, 5))
        page = rules.list_files({"limit": str(limit), "cursor": cursor})
        assert len(page["files"]) <= limit
        seen += [file["id"] for file in page["files"]]
        cursor = page["next_page_cursor"]
        # Between the pages: some that were listed and some that were not are deleted, and new ones come.
        gone = data.draw(st.sets(st.integers(0, len(kept) - 1))) if kept else set()
        for index in gone:
            rules.delete_file(kept[index])
        kept = [file_id for index, file_id in enumerate(kept) if index not in gone]
        if data.draw(st.booleans()):
            upload(rules)
    assert len(seen) == len(set(seen))
    assert set(kept) <= set(seen)


def test_lists_are_newest_first(rules, clock):
    ids = []
    for _ in range(3):
        clock.time += 1
        ids.append(create(rules).id)
    assert [job["id"] for job in rules.list_jobs({})["transcriptions"]] == ids[::-1]
    assert rules.list_jobs({})["next_page_cursor"] is None


@pytest.mark.parametrize("cursor", ["rubbish", "ZmlsZXM6", "ZmlsZXM6eA==", "é"])
def test_a_cursor_that_was_never_given_out_is_refused(rules, cursor):
    assert refusal(rules.list_files, {"cursor": cursor}).error_type == "invalid_cursor"


def test_a_cursor_belongs_to_one_list(rules):
    upload(rules), upload(rules)
    cursor = rules.list_files({"limit": "1"})["next_page_cursor"]
    assert refusal(rules.list_jobs, {"cursor": cursor}).error_type == "invalid_cursor"


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "x", "1.5", ""])
def test_page_sizes_lie_between_1_and_1000(rules, limit):
    found = refusal(rules.list_files, {"limit": limit})
    assert found.validation_errors[0]["location"] == "query.payload.limit"


# validation

FILE = str(uuid.uuid4())
WRONG = [
    pytest.param({"model": None}, "model", "missing", id="no-model"),
    pytest.param({"model": "m" * 33}, "model", "string_too_long", id="long-model"),
    pytest.param({"model": "stt-async-v9"}, "model", "value_error", id="unknown-model"),
    pytest.param({"model": "stt-rt-v4"}, "model", "value_error", id="model-of-the-other-mode"),
    pytest.param({"model": 4}, "model", "string_type", id="number-as-model"),
    pytest.param({"audio_url": "ftp://host/a"}, "audio_url", "string_pattern_mismatch", id="ftp"),
    pytest.param({"audio_url": "http://host/a b"}, "audio_url", "string_pattern_mismatch", id="space-in-url"),
    pytest.param({"audio_url": "http://" + "a" * 4090}, "audio_url", "string_too_long", id="long-url"),
    pytest.param({"file_id": FILE}, None, "value_error", id="both-sources"),
    pytest.param({"audio_url": None}, None, "value_error", id="no-source"),
    pytest.param({"audio_url": None, "file_id": "17"}, "file_id", "uuid_parsing", id="no-uuid"),
    pytest.param({"language_hints": "en"}, "language_hints", "list_type", id="hints-no-list"),
    pytest.param({"language_hints": ["en"] * 101}, "language_hints", "too_long", id="101-hints"),
    pytest.param({"language_hints": ["english-british"]}, "language_hints", "string_too_long", id="long-hint"),
    pytest.param({"language_hints": ["nb"]}, "language_hints", "value_error", id="unknown-hint"),
    pytest.param({"language_hints": ["en", "en"]}, "language_hints", "value_error", id="hint-twice"),
    pytest.param({"language_hints": [1]}, "language_hints", "string_type", id="number-as-hint"),
    pytest.param({"language_hints_strict": "yes"}, "language_hints_strict", "bool_type", id="strict"),
    pytest.param({"enable_speaker_diarization": 1}, "enable_speaker_diarization", "bool_type", id="diarization"),
    pytest.param({"translation": "de"}, "translation", "dict_type", id="translation-no-object"),
    pytest.param({"translation": {"type": "three_way"}}, "translation", "value_error", id="three-way"),
    pytest.param({"translation": {"type": ["x"]}}, "translation", "value_error", id="type-a-list"),
    pytest.param({"translation": {"type": "one_way"}}, "translation", "value_error", id="no-target"),
    pytest.param({"translation": {"type": "one_way", "target_language": "xx"}}, "translation", "value_error", id="xx"),
    pytest.param({"translation": {"type": "two_way", "language_a": "en"}}, "translation", "value_error", id="half"),
    pytest.param(
        {"translation": {"type": "two_way", "language_a": "en", "language_b": "en"}},
        "translation",
        "value_error",
        id="same-pair",
    ),
    pytest.param({"context": 5}, "context", "value_error", id="context-number"),
    pytest.param({"context": "x" * 10_001}, "context", "value_error", id="context-string-too-long"),
    pytest.param(
        {"context": {"text": "x" * 9_000, "terms": ["y" * 1_001]}}, "context", "value_error", id="context-sum"
    ),
    pytest.param({"context": {"terms": "a"}}, "context", "list_type", id="terms-no-list"),
    pytest.param({"context": {"terms": [1]}}, "context", "string_type", id="term-number"),
    pytest.param({"context": {"general": [{"key": "a"}]}}, "context", "string_type", id="general-half"),
    pytest.param({"context": {"general": ["a"]}}, "context", "dict_type", id="general-string"),
    pytest.param({"webhook_url": "x"}, "webhook_url", "string_pattern_mismatch", id="webhook"),
    pytest.param({"webhook_url": "http://" + "x" * 250}, "webhook_url", "string_too_long", id="long-webhook"),
    pytest.param({"client_reference_id": "x" * 257}, "client_reference_id", "string_too_long", id="long-reference"),
]


@pytest.mark.parametrize(("change", "field", "code"), WRONG)
def test_a_wrong_field_is_named(rules, change, field, code):
    body = {"model": "stt-async-v4", "audio_url": "https://host/a.mp3"} | change
    found = refusal(rules.create, {name: value for name, value in body.items() if value is not None})
    assert (found.status, found.error_type) == (400, "invalid_request")
    [error] = found.validation_errors
    assert error["location"] == ("body.payload" if field is None else f"body.payload.{field}")
    assert error["error_type"] == code
    assert rules.jobs == []


def test_every_wrong_field_is_named_at_once(rules):
    found = refusal(rules.create, {"model": "x", "webhook_url": "y"})
    assert [error["location"] for error in found.validation_errors] == [
        "body.payload.model",
        "body.payload.webhook_url",
        "body.payload",
    ]


def test_everything_documented_is_accepted(rules):
    create(
        rules,
        language_hints=sorted(LANGUAGES),
        language_hints_strict=True,
        enable_speaker_diarization=True,
        enable_language_identification=True,
        translation={"type": "two_way", "language_a": "en", "language_b": "de", "target_language": None},
        context={
            "general": [{"key": "domain", "value": "law"}],
            "text": "x" * 9_950,
            "terms": ["Celebrex"],
            "translation_terms": [{"source": "a", "target": "b"}],
        },
        webhook_url="https://me/hook?x=1",
        webhook_auth_header_name="X-Secret",
        webhook_auth_header_value="s",
        client_reference_id="x" * 256,
        something_new=1,
    )
    create(rules, context="x" * 10_000)


def test_an_unknown_file_is_a_404(rules):
    assert refusal(create, rules, file_id=FILE).error_type == "file_not_found"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/calls/coffee_shop.mp3", "coffee_shop.mp3"),
        ("https://host/a%20b.wav?sig=1#x", "a b.wav"),
        ("https://host/", "audio"),
        ("https://host", "audio"),
    ],
)
def test_a_url_gives_its_file_a_name(rules, url, name):
    assert create(rules, audio_url=url).filename == name


# models


def test_the_models_are_listed_with_their_aliases():
    models = {model["id"]: model for model in ModelCatalog().listing()["models"]}
    assert len(LANGUAGES) == 60
    assert models["stt-async-v4"]["aliased_model_id"] == "stt-async-v5"
    assert models["stt-rt-preview"]["aliased_model_id"] == "stt-rt-v4"
    own = {name for name, model in models.items() if model["aliased_model_id"] is None}
    assert own == {"stt-async-v5", "stt-rt-v5", "stt-async-v6", "stt-rt-v6"}
    assert [name for name, model in models.items() if model["supports_agent_text_input"]] == ["stt-rt-v6"]
    for model in models.values():
        assert len(model["languages"]) == 60
        assert model["supports_max_endpoint_delay"] == (model["transcription_mode"] == "real_time")
        assert model.keys() == models["stt-rt-v5"].keys()
    assert models["stt-rt-v4"]["supports_endpoint_sensitivity"]
    assert models["stt-rt-v6"]["supports_endpoint_sensitivity"]
    assert not models["stt-async-v6"]["supports_endpoint_sensitivity"]
    older = ModelCatalog(v4_is_alias=False).resolve("stt-rt-v3", "real_time")
    assert (older["id"], older["supports_endpoint_sensitivity"]) == ("stt-rt-v4", False)


# keys


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (None, "Missing API key."),
        ("", "Missing API key."),
        ("Basic abc", "Authorization header must use the Bearer scheme."),
        ("Bearer wrong", "Incorrect API key provided."),
        ("Bearer temp:ABC", "Invalid/expired temporary API key."),
    ],
)
def test_a_wrong_key_is_told_why_and_not_repeated(rules, header, message):
    found = refusal(rules.keys.of_header, header)
    assert (found.status, found.error_type) == (401, "unauthenticated")
    assert found.message.startswith(message)
    assert "wrong" not in found.message


def test_keys_may_be_limited(rules):
    rules.keys.add("files-only", {"files"})
    caller = rules.keys.of_header("bearer files-only")
    caller.need("files")
    found = refusal(caller.need, "stt_async")
    assert (found.status, found.error_type) == (403, "permission_denied")
    assert rules.keys.of_header("Bearer right").permissions == set(PERMISSIONS)
    assert "files-only" not in repr(rules.keys)


def mint(rules, **fields):
    return rules.mint({"usage_type": "transcribe_websocket", "expires_in_seconds": 60, **fields})


def test_a_temporary_key_opens_streams_until_it_expires(rules, clock):
    minted = mint(rules, client_reference_id="who", max_session_duration_seconds=5)
    assert minted["expires_at"] == "2025-06-16T12:01:00.000Z"
    key = minted["api_key"]
    clock.time += 59
    caller = rules.keys.open_stream(key)
    assert (caller.client_reference_id, caller.max_session_s) == ("who", 5)
    clock.time += 1
    assert refusal(rules.keys.open_stream, key).message == "Invalid/expired temporary API key."
    assert refusal(rules.keys.of_header, f"Bearer {key}").status == 401


def test_a_single_use_key_opens_one_stream(rules):
    key = mint(rules, single_use=True)["api_key"]
    rules.keys.open_stream(key)
    assert refusal(rules.keys.open_stream, key).status == 401


def test_a_key_for_speech_synthesis_opens_no_stream(rules):
    assert refusal(rules.keys.open_stream, mint(rules, usage_type="tts_rt")["api_key"]).status == 401


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"usage_type": None}, "usage_type", "missing"),
        ({"usage_type": "x"}, "usage_type", "enum"),
        ({"expires_in_seconds": 3601}, "expires_in_seconds", "less_than_equal"),
        ({"expires_in_seconds": 0}, "expires_in_seconds", "greater_than_equal"),
        ({"expires_in_seconds": True}, "expires_in_seconds", "int_type"),
        ({"max_session_duration_seconds": 18_001}, "max_session_duration_seconds", "less_than_equal"),
    ],
)
def test_wrong_requests_for_temporary_keys(rules, change, field, code):
    body = {"usage_type": "transcribe_websocket", "expires_in_seconds": 60} | change
    [error] = refusal(rules.mint, {k: v for k, v in body.items() if v is not None}).validation_errors
    assert (error["location"], error["error_type"]) == (f"body.payload.{field}", code)


# usage


def use(rules, clock, at, *, model="stt-async-v4", ms=3_600_000):
    clock.time = at
    job = create(rules, model=model, client_reference_id="r")
    rules.start(job.id, ms)
    rules.complete(job.id, recognition(ms, words=7))
    return job


def window(start, end):
    return {"start_time": start, "end_time": end}


def test_usage_is_logged_with_its_cost(rules, clock):
    job = use(rules, clock, NOON)
    [entry] = rules.usage.logs(window("2025-06-16T12:00:00Z", "2025-06-16T12:00:01Z"))["usage_logs"]
    assert (entry["uuid"], entry["client_reference_id"]) == (job.id, "r")
    assert entry["cost_usd"] == entry["input_audio_cost_usd"] == "0.1000000000"
    assert (entry["input_audio_duration_ms"], entry["input_audio_tokens"], entry["output_text_tokens"]) == (
        3_600_000,
        30_000,
        7,
    )
    assert rules.usage.logs(window("2025-06-16T11:00:00Z", "2025-06-16T12:00:00Z"))["usage_logs"] == []


def test_usage_logs_in_pages(rules, clock):
    jobs = [use(rules, clock, NOON + second).id for second in range(5)]
    query = window("2025-06-16T00:00:00Z", "2025-06-17T00:00:00Z") | {"limit": "2"}
    for sort, expected in (("end_time_asc", jobs), ("end_time_desc", jobs[::-1])):
        seen, cursor = [], ""
        while cursor is not None:
            page = rules.usage.logs(query | {"sort": sort, "cursor": cursor})
            seen += [entry["uuid"] for entry in page["usage_logs"]]
            cursor = page["next_page_cursor"]
        assert seen == expected
    cursor = rules.usage.logs(query)["next_page_cursor"]
    assert refusal(rules.usage.logs, query | {"cursor": cursor, "sort": "end_time_desc"}).error_type == "invalid_cursor"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2025-06-16", ""),
        ("tomorrow", "2025-06-16"),
        ("2025-06-16T12:00:00Z", "2025-06-16T12:00:00Z"),
        ("2025-05-01", "2025-06-16"),
        ("2025-01-01", "2025-01-02"),
    ],
    ids=["missing", "no-time", "empty-window", "over-31-days", "over-91-days-ago"],
)
def test_windows_that_usage_logs_refuse(rules, start, end):
    assert refusal(rules.usage.logs, window(start, end)).error_type == "invalid_request"


def test_usage_is_summed_by_day_and_model(rules, clock):
    use(rules, clock, NOON)
    use(rules, clock, NOON + DAY, ms=1_800_000)
    use(rules, clock, NOON + DAY, model="stt-async-v5", ms=900_000)
    summary = rules.usage.summary(window("2025-06-15T10:00:00Z", "2025-06-18T00:00:00Z"))
    total = summary["total"]
    assert total["model"] is None
    assert total["days"] == ["2025-06-15", "2025-06-16", "2025-06-17"]
    assert total["num_requests"] == [0, 1, 2]
    assert total["cost_usd"] == ["0.0000000000", "0.1000000000", "0.0750000000"]
    assert (total["total_cost_usd"], total["total_num_requests"]) == ("0.1750000000", 3)
    assert [entry["model"] for entry in summary["models"]] == ["stt-async-v4", "stt-async-v5"]
    assert summary["models"][1]["input_audio_duration_ms"] == [0, 0, 900_000]
    assert refusal(rules.usage.summary, window("2024-01-01", "2025-06-16")).error_type == "invalid_request"


def test_concurrent_streams_by_minute_hour_and_day(rules, clock):
    def stream(start, end):
        clock.time = end
        rules.usage.add(
            uuid=str(uuid.uuid4()),
            model="stt-rt-v4",
            mode="real_time",
            started_at=start,
            audio_ms=1,
            output_tokens=0,
            client_reference_id=None,
        )

    # Two at once in the first minute of the hour, one of them into the third minute.
    stream(NOON + 10, NOON + 30)
    stream(NOON + 20, NOON + 130)

    def entries(period, start="2025-06-16T12:00:00Z", end="2025-06-16T12:04:00Z"):
        query = window(start, end) | {"period_sec": period, "kind": "stt"}
        return rules.usage.stream_history(query)["entries"]

    assert [entry["sample_max"] for entry in entries("60")] == [2, 1, 1, 0]
    [hour] = entries("3600")
    assert (hour["sample_max"], hour["sample_sum"], hour["sample_count"], hour["total_count"]) == (2, 4, 3, 60)
    [day] = entries("86400", "2025-06-16", "2025-06-17")
    assert (day["sample_max"], day["sample_sum"], day["total_count"]) == (2, 2, 24)
    query = window("2025-06-01", "2025-06-16") | {"period_sec": "60", "kind": "stt"}
    assert refusal(rules.usage.stream_history, query).error_type == "invalid_request"
