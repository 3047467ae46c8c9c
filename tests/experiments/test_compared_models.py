"""Experiments whose arms name different models: are they different ones?"""

import warnings

import pytest

import soniox_ds as sx
from soniox_ds.emulator.models import ModelCatalog
from soniox_ds.exceptions import Declined, ModelWarning

V4, V5, V6 = ({"model": f"stt-async-v{version}"} for version in (4, 5, 6))


@pytest.fixture
def sources(tiny_wav, tmp_path):
    return [tiny_wav(tmp_path / f"{seed}.wav", seed=seed) for seed in range(2)]


@pytest.fixture
def compare(service, sources, tmp_path):
    def run(arms, **settings):
        references = {path.name: "some words" for path in sources}
        given = {"journal": tmp_path / "journal.sqlite", "progress": False}
        return sx.compare(sources, references, arms=arms, **given | settings)

    return run


def rename(service, *, v4_is_alias):
    def change(rules):
        rules.catalog = ModelCatalog(v4_is_alias=v4_is_alias)

    service.call(change)


def lists_asked_for(service):
    return sum(request.path == "/v1/models" for request in service.requests)


def test_a_model_is_not_compared_with_itself_without_a_word(service, compare):
    asked_before = []

    def confirm(estimate):
        asked_before.append((lists_asked_for(service), service.created.total))
        return True

    with pytest.warns(
        ModelWarning, match=r"'old' \(stt-async-v4\) and 'new' \(stt-async-v5\) are answered by the same"
    ):
        trial = compare({"old": V4, "new": V5}, confirm=confirm)
    assert asked_before == [(1, 0)]
    assert lists_asked_for(service) == 1
    for name in ("old", "new"):
        assert trial.corpora[name][0].recordings["resolved_model"].unique().tolist() == ["stt-async-v5"]


def test_it_is_told_before_anything_is_paid(service, compare):
    with pytest.warns(ModelWarning, match="the same model"), pytest.raises(Declined):
        compare({"old": V4, "new": V5}, confirm=lambda estimate: False)
    assert service.created.total == 0


def test_different_models_are_compared_without_a_word(service, compare):
    compare({"old": V5, "new": V6})
    assert lists_asked_for(service) == 1


def test_arms_of_one_model_are_compared_without_a_word(service, compare):
    compare({"plain": V4, "hinted": V4 | {"language_hints": ["en"]}})
    assert lists_asked_for(service) == 1


def test_options_beside_the_model_are_no_excuse(service, compare):
    with pytest.warns(ModelWarning, match="are not due to the model"):
        compare({"old": V4, "hinted": V5 | {"language_hints": ["en"]}, "newest": V6})


def test_running_it_again_sends_nothing_and_warns_again(service, compare):
    with pytest.warns(ModelWarning, match="the same model"):
        compare({"old": V4, "new": V5})
    asked = len(service.requests)
    with pytest.warns(ModelWarning, match="the same model"):
        compare({"old": V4, "new": V5})
    assert len(service.requests) == asked


def test_recalled_transcripts_of_the_model_before_the_alias_are_told(service, compare):
    rename(service, v4_is_alias=False)
    compare({"old": V4, "new": V5})
    rename(service, v4_is_alias=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trial = compare({"old": V4, "new": V5})  # everything is recalled, and these were two models
    assert trial.corpora["old"][0].recordings["resolved_model"].unique().tolist() == ["stt-async-v4"]
    with pytest.warns(ModelWarning) as told:
        compare({"old": V4, "new": V5, "newest": V6})
    assert any("2 transcripts of 'stt-async-v4' were read from the journal" in str(warning.message) for warning in told)
