"""Experiments, against the scripted stand-in: what is heard is known, so the results can be counted by hand."""

from pathlib import Path

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.emulator import local_service
from soniox_ds.errors import Declined, InputError, OptionsError

TERMS = ["Celebrex", "Zyrtec"]
SAID = {
    "a.wav": "please take celebrex every morning with water",
    "b.wav": "no zyrtec for the younger patient today",
    "c.wav": "we will see you again on thursday",
}


@pytest.fixture
def trial_service():
    """Every word but a context term is misheard now and then."""
    with local_service(
        "scripted", speed=100, requests_per_minute=None, scripts=dict(SAID), error_rate=0.6, median_s=1.0
    ) as running:
        yield running


@pytest.fixture
def files(tiny_wav, tmp_path):
    return [tiny_wav(tmp_path / name, seconds=3.0, seed=seed) for seed, name in enumerate(SAID)]


def run(files, tmp_path, **more):
    arms = more.pop("arms", {"plain": {}, "terms": {"context": {"terms": TERMS}}})
    return sx.compare(files, more.pop("references", SAID), arms=arms, journal=tmp_path / "j", progress=False, **more)


@pytest.mark.filterwarnings("ignore::soniox_ds.errors.SmallSampleWarning")
def test_terms_that_context_brings_back(trial_service, files, tmp_path):
    trial = run(files, tmp_path)
    assert list(trial.corpora) == ["plain", "terms"]
    summary = trial.summary.set_index("arm")
    assert summary["recordings"].tolist() == [3, 3]
    assert pd.isna(summary.loc["plain", "changed"])
    terms = trial.term_errors.set_index(["arm", "term"])
    assert terms.loc[("terms", "Celebrex"), "recall"] == 1
    assert terms.loc[("terms", "Zyrtec"), "recall"] == 1
    recovered = 2 - int(terms.loc["plain", "hits"].sum())
    won = trial.examples("terms").query("change == 'won'")
    assert {"celebrex", "zyrtec"} >= set(won["reference"]) & {"celebrex", "zyrtec"}
    pooled = trial.term_summary.set_index("arm")
    if recovered:
        cost = trial.corpora["terms"][0].recordings["cost_usd"].sum()
        assert pooled.loc["terms", "cost_usd_per_recovered_term"] == pytest.approx(cost / recovered)
    biasing = trial.biasing
    assert set(biasing["arm"]) == {"plain", "terms"}
    of_list = biasing[(biasing["arm"] == "terms") & (biasing["part"] == "biased")].iloc[0]
    assert of_list["wer"] == 0  # every term was heard
    assert trial.term_differences["arm"].tolist() == ["terms"]
    assert trial.differences[["a", "b"]].to_numpy().tolist() == [["plain", "terms"]]
    assert "not of Soniox" in trial._repr_html_()
    assert "Comparison of 2 arms" in repr(trial)


def test_running_it_again_asks_for_nothing(trial_service, files, tmp_path):
    first = run(files, tmp_path)
    asked = len(trial_service.requests)
    again = run(files, tmp_path)
    assert len(trial_service.requests) == asked
    for name in first.corpora:
        assert again.corpora[name][0].equals(first.corpora[name][0])


def test_repeats_are_jobs_of_their_own(trial_service, files, tmp_path):
    trial = run(files, tmp_path, repeats=2)
    assert trial_service.created.total == 3 * 2 * 2
    assert [len(repeats) for repeats in trial.corpora.values()] == [2, 2]
    variation = trial.variation.set_index("arm")
    assert variation["repeats"].tolist() == [2, 2]
    assert (variation["differ"] == 0).all()  # the scripted recognizer hears the same each time
    single = run(files, tmp_path)
    assert trial.summary["wer"].tolist() == pytest.approx(single.summary["wer"].tolist())
    assert trial.errors["plain"]["reference_words"].sum() == 2 * single.errors["plain"]["reference_words"].sum()


def test_the_estimate_comes_before_the_money(trial_service, files, tmp_path):
    seen = []

    def no(estimate):
        seen.append(estimate)
        return False

    with pytest.raises(Declined, match=r"3 recordings .* x 2 arms x 3 repeats"):
        run(files, tmp_path, repeats=3, confirm=no)
    assert not trial_service.requests
    assert seen[0].hours == pytest.approx(9 / 3600)
    assert seen[0].cost_usd == pytest.approx(9 / 3600 * 0.10 * 6)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"arms": {"one": {}}}, "two or more names"),
        ({"arms": {"one": {}, "two": {}}}, "same options"),
        ({"arms": {"one": {}, "two": {"langauge_hints": ["en"]}}}, "language_hints"),
        ({"arms": {"one": {}, "two": ["en"]}}, "dict of transcription options"),
        ({"repeats": 0}, "repeats is 0"),
        ({"model": "stt-async-v5"}, "belong into the arms"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_sent(trial_service, files, tmp_path, more, message):
    with pytest.raises(OptionsError, match=message):
        run(files, tmp_path, **more)
    assert not trial_service.requests


@pytest.mark.filterwarnings("ignore::soniox_ds.errors.SmallSampleWarning")
def test_distractors_among_the_terms_own_normaliser_and_blocks(trial_service, files, tmp_path):
    sources = pd.DataFrame({"source": [str(path) for path in files], "audio_id": list(SAID), "site": ["x", "y", "y"]})
    trial = run(
        sources,
        tmp_path,
        arms={"plain": {}, "terms": {"context": {"terms": [*TERMS, "Xanax"]}}},
        distractors=["Xanax"],
        normalizer=lambda text: text.casefold(),
        block="site",
    )
    assert trial.terms == TERMS
    assert trial.term_errors.query("arm == 'terms'")["distractor"].tolist() == [False, False, True]
    assert set(trial.biasing["part"]) == {"biased", "unbiased"}
    difference = trial.term_differences.iloc[0]
    assert (difference["block"], difference["blocks"]) == ("site", 2)


@pytest.mark.parametrize("more", [{"terms": "abc"}, {"distractors": "Xanax"}, {"normalizer": "bogus"}])
def test_wrong_arguments_are_told_before_anything_is_sent(trial_service, files, tmp_path, more):
    with pytest.raises(InputError):
        run(files, tmp_path, **more)
    assert not trial_service.requests


def test_an_experiment_without_terms_says_so(trial_service, files, tmp_path):
    trial = run(files, tmp_path, arms={"plain": {}, "hints": {"language_hints": ["en"]}})
    with pytest.raises(InputError, match="no terms"):
        trial.term_errors  # noqa: B018
    with pytest.raises(InputError, match="other arms are hints"):
        trial.examples("plain")


@pytest.mark.slow
@pytest.mark.xdist_group("whisper")
@pytest.mark.filterwarnings("ignore::soniox_ds.errors.SmallSampleWarning")
def test_real_recognition_with_and_without_context(tmp_path):
    """The samples' own experiment: terms wrong without context and right with it, distractors accounted for."""
    terms = ["lisinopril", "metoprolol", "atorvastatin"]
    distractors = ["Xylophone", "Zirconium"]
    folder = Path(__file__).parent.parent / "data" / "samples"
    samples = pd.read_csv(folder / "manifest.csv").query("audio_id in ['clinic_note', 'market_stall']")
    samples = samples.assign(source=[str(folder / name) for name in samples["source"]])
    with local_service("whisper"):
        trial = sx.compare(
            samples,
            arms={
                "plain": {},
                "terms": {"context": {"terms": terms}},
                "more": {"context": {"terms": terms + distractors}},
            },
            terms=terms,
            distractors=distractors,
            journal=tmp_path / "j",
            progress=False,
        )
    hits = trial.term_errors.groupby(["arm", "distractor"])["hits"].sum()
    assert hits["plain", False] == 0
    assert hits["terms", False] == 3
    false_hits = trial.term_errors.query("arm == 'more' and distractor")["false_hits"].sum()
    heard = " ".join(trial.corpora["more"][0].recordings["text"]).casefold()
    assert false_hits == sum(heard.count(word.casefold()) for word in distractors)
