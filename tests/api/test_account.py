"""Models and usage of a key."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.api.prices import ASYNC_USD_PER_HOUR, cost_usd
from soniox_ds.exceptions import OptionsError
from soniox_ds.options import ASYNC_MODEL, LIVE_MODEL


def test_models(service):
    models = sx.account.models().set_index("id")
    assert models.loc["stt-async-v4", "transcription_mode"] == "async"
    assert models.loc["stt-rt-v4", "transcription_mode"] == "real_time"
    assert models.loc["stt-async-v4", "language_count"] == 60
    assert models.loc["stt-async-v4", "languages"][2] == {"code": "ar", "name": "Arabic"}
    assert models.loc["stt-async-v4", "aliased_model_id"] == "stt-async-v5"
    assert pd.isna(models.loc["stt-async-v6", "aliased_model_id"])


def models_of(service, *models):
    """Return `sx.account.models()` for a service with these models."""
    service.call(lambda rules: setattr(rules.catalog, "listing", lambda: {"models": list(models)}))
    return sx.account.models()


def test_every_field_of_the_service_is_kept(service):
    entries = service.call(lambda rules: rules.catalog.listing()["models"])
    models = sx.account.models()
    for name in {name for entry in entries for name in entry}:
        found = models[name].astype(object)
        assert found.where(found.notna(), None).tolist() == [entry.get(name) for entry in entries], name
    assert models["supports_agent_text_input"].dtype == "boolean"
    assert models["endpoint_latency_adjustment_max_level"].dtype == "Int64"
    assert models["one_way_translation"].dtype == "string"


def test_fields_of_the_future_are_kept_as_they_are(service):
    models = models_of(
        service,
        {"id": "a", "price": 0.1, "limits": {"hours": 5}, "tags": ["new"], "rank": 2**70, "odd": 1, "beta": True},
        {"id": "b", "odd": "text", "context_version": 3},
    ).set_index("id")
    assert models.loc["a", ["price", "limits", "tags", "rank", "odd"]].tolist() == [
        0.1,
        {"hours": 5},
        ["new"],
        2**70,
        1,
    ]
    assert models["odd"].tolist() == [1, "text"]
    assert models["beta"].tolist() == [True, pd.NA]
    assert models["context_version"].tolist() == [pd.NA, 3]
    assert models["language_count"].isna().all()


def test_no_models_are_an_empty_table(service):
    models = models_of(service)
    assert models.empty
    assert {"id", "aliased_model_id", "languages", "language_count"} <= set(models.columns)


def test_our_defaults_are_the_newest_models(service):
    models = sx.account.models()
    version = models["id"].str.extract(r"-v(\d+)$")[0].astype("Int64")
    for mode, ours in (("async", ASYNC_MODEL), ("real_time", LIVE_MODEL)):
        own = models[(models["transcription_mode"] == mode) & models["aliased_model_id"].isna()]
        assert own.loc[version[own.index].idxmax(), "id"] == ours


def test_usage_counts_what_was_transcribed(service, tiny_wav, tmp_path):
    assert sx.account.usage().empty
    files = [tiny_wav(tmp_path / f"{seed}.wav", seconds=2.0, seed=seed) for seed in range(3)]
    sx.transcribe(files, journal=tmp_path / "journal.sqlite", progress=False)
    usage = sx.account.usage()
    assert usage["requests"].sum() == 3
    assert usage["audio_hours"].sum() == pytest.approx(6 / 3600)
    assert set(usage["model"]) == {ASYNC_MODEL}


@pytest.mark.parametrize("days", [0, -1, 400])
def test_an_impossible_window_is_refused(service, days):
    end = datetime(2026, 6, 1)
    with pytest.raises(OptionsError, match="366 days"):
        sx.account.usage(end - timedelta(days=days), end)


def test_an_hour_costs_the_list_price():
    assert cost_usd(3_600_000) == pytest.approx(ASYNC_USD_PER_HOUR)
    assert cost_usd(0) == 0
