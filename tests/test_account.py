"""Models and usage of a key."""

from datetime import datetime, timedelta

import pytest

import soniox_ds as sx
from soniox_ds.errors import OptionsError
from soniox_ds.options import ASYNC_MODEL, REAL_TIME_MODEL
from soniox_ds.prices import ASYNC_USD_PER_HOUR, cost_usd


def test_models(service):
    models = sx.list_models().set_index("id")
    assert models.loc["stt-async-v4", "transcription_mode"] == "async"
    assert models.loc["stt-rt-v4", "transcription_mode"] == "real_time"
    assert models.loc["stt-async-v4", "languages"] == 60


def test_our_defaults_are_the_newest_models(service):
    models = sx.list_models()
    version = models["id"].str.extract(r"-v(\d+)$")[0].astype("Int64")
    for mode, ours in (("async", ASYNC_MODEL), ("real_time", REAL_TIME_MODEL)):
        own = models[(models["transcription_mode"] == mode) & models["aliased_model_id"].isna()]
        assert own.loc[version[own.index].idxmax(), "id"] == ours


def test_usage_counts_what_was_transcribed(service, tiny_wav, tmp_path):
    assert sx.usage().empty
    files = [tiny_wav(tmp_path / f"{seed}.wav", seconds=2.0, seed=seed) for seed in range(3)]
    sx.transcribe(files, journal=tmp_path / "journal.sqlite", progress=False)
    usage = sx.usage()
    assert usage["requests"].sum() == 3
    assert usage["audio_hours"].sum() == pytest.approx(6 / 3600)
    assert set(usage["model"]) == {ASYNC_MODEL}


@pytest.mark.parametrize("days", [0, -1, 400])
def test_an_impossible_window_is_refused(service, days):
    end = datetime(2026, 6, 1)
    with pytest.raises(OptionsError, match="366 days"):
        sx.usage(end - timedelta(days=days), end)


def test_an_hour_costs_the_list_price():
    assert cost_usd(3_600_000) == pytest.approx(ASYNC_USD_PER_HOUR)
    assert cost_usd(0) == 0
