"""The models behind requested names in live sessions."""

import warnings

import pytest
from listening import recording
from tones import pcm_bytes, random_words, speak
from waiting import until_async

import soniox_ds as sx
from soniox_ds.api import models as models_module
from soniox_ds.emulator.models import ModelCatalog
from soniox_ds.exceptions import ModelWarning
from soniox_ds.live.audio_sources import RAW
from soniox_ds.live.model_event import resolved_model_of
from soniox_ds.live.session import LiveSession
from soniox_ds.options import LiveOptions
from soniox_ds.widgets.microphone.recovery import RecoveryStore
from soniox_ds.widgets.microphone.takes import DirectTake, ProxyTake

ALIAS = "stt-rt-v4"  # an alias of v5, or a model of its own: `rename` says which


def rename(service, *, v4_is_alias):
    def change(rules):
        rules.catalog = ModelCatalog(v4_is_alias=v4_is_alias)

    service.call(change)


@pytest.fixture(autouse=True)
def good_names(request):
    yield
    if "tones" in request.fixturenames:
        rename(request.getfixturevalue("tones"), v4_is_alias=True)


def lists_asked_for(service):
    return sum(request.path == "/v1/models" for request in service.requests)


def only(streamed, column="resolved_model"):
    [value] = streamed.recordings[column].tolist()
    return value


def run_of(streamed):
    return streamed.provenance["runs"][-1]["resolved_model"]


# -- one recording -----------------------------------------------------------------------------------------------------


def test_a_stream_names_the_model(tones, tmp_path):
    path, _ = recording(tmp_path / "a.wav", 1)
    before = lists_asked_for(tones)
    streamed = sx.stream(path, speed=None, model=ALIAS)
    assert (only(streamed, "model"), only(streamed), run_of(streamed)) == (ALIAS, "stt-rt-v5", "stt-rt-v5")
    assert lists_asked_for(tones) == before + 1
    kinds = streamed.log["kind"].tolist()
    assert kinds.count("model") == 1
    assert kinds[-1] == "end"
    again = sx.read_live_result(streamed.save(tmp_path / "kept"))
    assert only(again) == "stt-rt-v5"


def test_a_session_without_audio_asks_for_nothing(tones):
    before = len(tones.requests)
    sx.stream(iter(()), **RAW)
    assert len(tones.requests) == before


def test_a_list_that_fails_costs_no_words(tones, tmp_path, monkeypatch):
    monkeypatch.setattr(models_module, "PATIENCE_S", 0.5)
    path, text = recording(tmp_path / "a.wav", 1)
    tones.faults.rate("server_error", 1.0, "other")
    with pytest.warns(ModelWarning, match="list of models could not be read") as told:
        streamed = sx.stream(path, speed=None, model=ALIAS)
    assert len(told) == 1
    assert streamed.text == text
    assert streamed.recordings["resolved_model"].isna().all()
    assert run_of(streamed) is None


async def test_a_session_that_is_called_off_does_not_wait_for_the_list(tones):
    tones.faults.rate("timeout", 1.0, "other")
    words, pauses = random_words(1, 3)
    session = LiveSession(LiveOptions(**RAW))
    await session.__aenter__()
    session.send(pcm_bytes(speak(words, pauses_ms=pauses, rate=16_000)[0]))
    await until_async(lambda: session.sessions)
    await session.abort()
    assert session.is_over
    assert session.result().recordings["resolved_model"].isna().all()


# -- many recordings ---------------------------------------------------------------------------------------------------


def dataset(tmp_path, *seeds, **options):
    paths = [recording(tmp_path / f"{seed}.wav", seed)[0] for seed in seeds]
    given = {"speed": None, "model": ALIAS, "journal": tmp_path / "journal.sqlite", "progress": False}
    return sx.stream_dataset(paths, **given | options)


def test_a_dataset_asks_once_and_recalls_the_model(tones, tmp_path):
    before = lists_asked_for(tones)
    first = dataset(tmp_path, 1, 2, 3)
    assert first.recordings["resolved_model"].tolist() == ["stt-rt-v5"] * 3
    assert lists_asked_for(tones) == before + 1
    asked = len(tones.requests)
    again = dataset(tmp_path, 1, 2, 3)
    assert len(tones.requests) == asked
    assert again.recordings["resolved_model"].tolist() == ["stt-rt-v5"] * 3
    assert run_of(again) == run_of(first) == "stt-rt-v5"


def test_recalled_recordings_of_another_model_are_told(tones, tmp_path):
    rename(tones, v4_is_alias=False)
    dataset(tmp_path, 1)
    rename(tones, v4_is_alias=True)
    with pytest.warns(
        ModelWarning, match="'stt-rt-v4' is now answered by 'stt-rt-v5', but 1 transcript of 'stt-rt-v4'"
    ):
        both = dataset(tmp_path, 1, 2)
    assert both.recordings["resolved_model"].tolist() == [ALIAS, "stt-rt-v5"]
    with pytest.warns(ModelWarning, match="come from several models"):
        dataset(tmp_path, 1, 2)


def test_a_dataset_without_a_list_is_complete(tones, tmp_path, monkeypatch):
    monkeypatch.setattr(models_module, "PATIENCE_S", 0.5)
    tones.faults.rate("server_error", 1.0, "other")
    with pytest.warns(ModelWarning, match="list of models could not be read") as told:
        streamed = dataset(tmp_path, 1, 2)
    assert len(told) == 1
    assert streamed.recordings["status"].tolist() == ["completed"] * 2
    assert streamed.recordings["resolved_model"].isna().all()


def test_a_sweep_asks_once(tones, tmp_path):
    before = lists_asked_for(tones)
    sweep = sx.sweep_endpoints(
        recording(tmp_path / "a.wav", 1)[0],
        settings=[{}, {"max_endpoint_delay_ms": 800}],
        speed=None,
        model=ALIAS,
        journal=tmp_path / "journal.sqlite",
        progress=False,
    )
    assert lists_asked_for(tones) == before + 1
    for streamed in sweep.streamed.values():
        assert only(streamed) == "stt-rt-v5"


# -- the microphone ----------------------------------------------------------------------------------------------------


def take_of(kind, **settings):
    options = LiveOptions(model=ALIAS, **RAW)
    return kind(
        audio_id="microphone",
        options=options,
        connection=sx.Connection(),
        keep_audio=False,
        on_update=lambda take, update: None,
        on_state=lambda take, state: None,
        **settings,
    )


async def test_a_recording_through_the_kernel_names_the_model(tones, tmp_path):
    safe = RecoveryStore(tmp_path / "safe", keep_audio=False)
    take = take_of(ProxyTake, recovery_store=safe)
    await take.begin()
    words, pauses = random_words(1, 3)
    take.audio(pcm_bytes(speak(words, pauses_ms=pauses, rate=16_000)[0]))
    await take.finish()
    assert only(take.result()) == "stt-rt-v5"
    take.safe.close()
    [kept] = safe.broken_off()
    assert only(kept.streamed) == "stt-rt-v5"


async def test_a_recording_past_the_kernel_names_the_model(tones, tmp_path):
    safe = RecoveryStore(tmp_path / "safe", keep_audio=False)
    take = take_of(DirectTake, recovery_store=safe)
    before = lists_asked_for(tones)
    await take.begin()
    take.event({"event": "connecting", "at_ms": 0.0})
    take.event({"event": "open", "at_ms": 1.0})
    take.event({"event": "connecting", "at_ms": 2.0, "session": 1})
    await take.finish()
    assert only(take.result()) == "stt-rt-v5"
    assert take.result().log["kind"].tolist()[-2:] == ["model", "end"]
    assert lists_asked_for(tones) == before + 1
    take.safe.close()
    [kept] = safe.broken_off()
    assert only(kept.streamed) == "stt-rt-v5"


def test_one_name_for_several_models_is_no_name():
    assert resolved_model_of([("model", "a"), ("open", None), ("model", "a")]) == "a"
    assert resolved_model_of([("model", "a"), ("model", "b")]) is None
    assert resolved_model_of([]) is None


def test_nothing_is_said_where_all_is_well(tones, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset(tmp_path, 1)
