"""Three arms of 40 recordings with differing words: rates, tests and intervals as jiwer and SciPy compute them."""

import random
from pathlib import Path

import jiwer
import numpy as np
import pandas as pd
import pytest
from scipy import stats

import soniox_ds as sx
from soniox_ds.emulator import local_service

WORDS = [
    "amber",
    "basket",
    "candle",
    "dinner",
    "engine",
    "forest",
    "garden",
    "hollow",
    "island",
    "jacket",
    "kettle",
    "ladder",
    "marble",
    "napkin",
    "orchard",
]
N_RECORDINGS = 40
LENGTH = 24
PLACES = (3, 9, 15, 20)
"""Places of possible errors. At least two right words stand between them, so that each is a segment of MAPSSWE."""


def spoken(number):
    return random.Random(number).choices(WORDS, k=LENGTH)


def heard(number, arm):
    """Return the words of an arm: each place is wrong with a probability that depends on the arm."""
    chance = random.Random(f"{arm} {number}")
    words = spoken(number)
    for place in PLACES:
        if chance.random() < {"soniox": 0.15, "function": 0.3, "deepgram": 0.5}[arm]:
            words[place] = f"wrong{arm}"
    return words


NAMES = [f"r{number:02d}.wav" for number in range(N_RECORDINGS)]
REFERENCES = {name: " ".join(spoken(number)) for number, name in enumerate(NAMES)}


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    """The experiment with an arm of the scripted stand-in, a function and transcripts in the form of Deepgram."""
    import wave

    folder = tmp_path_factory.mktemp("audio")
    noise = np.random.default_rng(0)
    for name in NAMES:
        with wave.open(str(folder / name), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
            file.writeframes(noise.integers(-99, 99, 8000 * 12).astype(np.int16).tobytes())
    documents = {}
    for number, name in enumerate(NAMES):
        words = [
            {"word": word, "start": 0.4 * place, "end": 0.4 * place + 0.3, "confidence": 0.9}
            for place, word in enumerate(heard(number, "deepgram"))
        ]
        documents[name] = {
            "metadata": {"duration": 12.0},
            "results": {"channels": [{"alternatives": [{"words": words}]}]},
        }
    scripts = {name: " ".join(heard(number, "soniox")) for number, name in enumerate(NAMES)}
    with local_service("scripted", speed=200, requests_per_minute=None, scripts=scripts):
        return sx.compare(
            [folder / name for name in NAMES],
            REFERENCES,
            arms={
                "soniox": {},
                "function": lambda path: " ".join(heard(NAMES.index(Path(path).name), "function")),
                "deepgram": sx.io.read_transcripts(documents, provider="deepgram"),
            },
            journal=folder / "journal",
            progress=False,
            block="audio_id",
        )


def counts(arm):
    """Return the errors and reference words of each recording, as jiwer counts them."""
    of_each = [jiwer.process_words(REFERENCES[name], " ".join(heard(n, arm))) for n, name in enumerate(NAMES)]
    errors = [one.substitutions + one.deletions + one.insertions for one in of_each]
    words = [one.substitutions + one.deletions + one.hits for one in of_each]
    return np.array(errors), np.array(words)


def test_the_rates_are_those_of_jiwer(trial):
    assert trial.summary["arm"].tolist() == ["soniox", "function", "deepgram"]
    for row in trial.summary.itertuples():
        hypotheses = [" ".join(heard(number, row.arm)) for number in range(N_RECORDINGS)]
        assert row.wer == pytest.approx(jiwer.wer(list(REFERENCES.values()), hypotheses), abs=1e-12)
    assert trial.summary["wer"].is_monotonic_increasing


@pytest.mark.parametrize("arm", ["function", "deepgram"])
def test_the_p_values_are_those_of_scipy(trial, arm):
    row = trial.differences.set_index("b").loc[arm]
    a, b = counts("soniox")[0], counts(arm)[0]
    only_a, only_b = int(((a == 0) & (b > 0)).sum()), int(((b == 0) & (a > 0)).sum())
    assert (row["only_a_right"], row["only_b_right"]) == (only_a, only_b)
    assert row["mcnemar_p"] == pytest.approx(stats.binomtest(only_a, only_a + only_b).pvalue, abs=1e-12)
    number = {"soniox": [], arm: []}  # errors in each segment: every place where one of the two arms is wrong
    for recording in range(N_RECORDINGS):
        wrong = {name: [heard(recording, name)[p] != spoken(recording)[p] for p in PLACES] for name in number}
        for place in range(len(PLACES)):
            if wrong["soniox"][place] or wrong[arm][place]:
                for name, errors in number.items():
                    errors.append(int(wrong[name][place]))
    z = stats.ttest_rel(number["soniox"], number[arm]).statistic
    assert row["segments"] == len(number[arm])
    assert abs(row["mapsswe_z"]) == pytest.approx(abs(z), abs=1e-9)
    assert row["mapsswe_p"] == pytest.approx(2 * stats.norm.sf(abs(z)), abs=1e-9)


def test_the_corrected_p_values_are_holms(trial):
    for name in ("mapsswe_p", "mcnemar_p"):
        small, large = np.sort(trial.differences[name].to_numpy(float))
        expected = [min(1, 2 * small), max(min(1, 2 * small), large)]
        assert np.sort(trial.differences[f"{name}_holm"].to_numpy(float)) == pytest.approx(expected)


@pytest.mark.parametrize("arm", ["function", "deepgram"])
def test_the_percentile_interval_is_that_of_scipy(trial, arm):
    """SciPy computes percentiles of whole recordings, drawn in pairs, as we do, with other random numbers."""
    (a, words), (b, _) = counts("soniox"), counts(arm)
    table = sx.compare_errors(
        {name: trial.errors[name] for name in ("soniox", arm)},
        block="audio_id",
        method="percentile",
        n_resamples=20_000,
    )
    expected = stats.bootstrap(
        (a, b, words),
        lambda a, b, n, axis: (b.sum(axis) - a.sum(axis)) / n.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20_000,
        random_state=0,
    ).confidence_interval
    row = table.iloc[0]
    assert (row["difference_low"], row["difference_high"]) == pytest.approx(tuple(expected), abs=0.003)
    assert row["difference"] == pytest.approx((b.sum() - a.sum()) / words.sum(), abs=1e-12)
    default = trial.differences.set_index("b").loc[arm]
    assert default["difference"] == pytest.approx(row["difference"], abs=1e-12)
    assert (default["difference_low"], default["difference_high"]) == pytest.approx(tuple(expected), abs=0.01)


def test_the_report_shows_the_arms_side_by_side(trial, tmp_path):
    page = sx.report(trial.corpora["soniox"][0], tmp_path / "report.html", REFERENCES, comparison=trial)
    section = page.read_text(encoding="utf-8").partition('id="arms"')[2].partition("</section>")[0]
    for row in trial.summary.itertuples():
        assert f"{row.wer:.1%}" in section
        assert section.count(row.arm) >= 2
    assert "finished transcripts (deepgram)" in section
    assert pd.notna(trial.differences["p_holm"]).all()
    assert trial.calibration["arm"].tolist() == ["soniox", "deepgram"]
