"""The same numbers by tools that we did not write: sclite (NIST) and scikit-learn."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soniox_ds.metrics.confidence.calibration import calibration, reliability
from soniox_ds.metrics.confidence.calibration_counts import confidence_counts
from soniox_ds.metrics.confidence.calibration_error import bin_edges
from soniox_ds.metrics.confidence.recalibration import fit_recalibration
from soniox_ds.metrics.confidence.roc import precision_recall, roc

SCTK = shutil.which("sctk")
needs_sclite = pytest.mark.skipif(not SCTK, reason="needs sclite: apt-get install sctk")
CASES = [(0, 3), (1, 3), (2, 2), (3, None)]  # seed, digits kept: few digits make ties


def words(seed, digits=None, count=600, recordings=12):
    rng = np.random.default_rng(seed)
    confidence = rng.beta(5, 1, count)
    right = rng.random(count) < confidence**1.5
    return pd.DataFrame(
        {
            "audio_id": rng.integers(0, recordings, count).astype(str),
            "operation": np.where(right, "hit", rng.choice(["substitution", "insertion"], count)),
            "confidence": confidence if digits is None else confidence.round(digits),
        }
    )


def of_sklearn(judged):
    """Labels (1 is an error) and scores (the higher, the likelier an error)."""
    return (judged["operation"] != "hit").to_numpy(int), -judged["confidence"].to_numpy(float)


def isotonic_by_sklearn(isotonic, confidence, right, at):
    """Its steps, kept away from 0 and 1 as ours are, and linear between as its own ``predict`` is."""
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(confidence, right)
    np.testing.assert_allclose(np.interp(at, theirs.X_thresholds_, theirs.y_thresholds_), theirs.predict(at))
    margin = 1 / (len(confidence) + 2)
    return np.interp(at, theirs.X_thresholds_, theirs.y_thresholds_.clip(margin, 1 - margin))


def ctm(rng, folder, seconds=0.4):
    """Write a reference and a hypothesis of some recordings, the latter with confidences; return the two files."""
    vocabulary = [f"w{number}" for number in range(12)]
    texts = {"ref": [], "hyp": []}
    for name in ("aa", "bb", "cc"):
        references = list(rng.choice(vocabulary, 60))
        hypotheses = []
        for word in references:
            kind = rng.choice(["same", "other", "lost", "more"], p=[0.7, 0.12, 0.08, 0.1])
            hypotheses += {"same": [word], "other": [rng.choice(vocabulary)], "lost": [], "more": [word, "um"]}[kind]
        for file, line in (("ref", references), ("hyp", hypotheses)):
            for place, word in enumerate(line):
                score = f" {rng.beta(4, 1):.6f}" if file == "hyp" else ""
                texts[file].append(f"{name} 1 {place * seconds:.2f} {seconds:.2f} {word}{score}")
    paths = [folder / f"{file}.ctm" for file in texts]
    for path, lines in zip(paths, texts.values(), strict=True):
        path.write_text("\n".join(lines) + "\n")
    return paths


def sclite(reference: Path, hypothesis: Path, *outputs):
    command = [SCTK, "sclite", "-r", reference, "ctm", "-h", hypothesis, "ctm", "-o", *outputs, "stdout"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, cwd=reference.parent)
    return done.stdout


@needs_sclite
@pytest.mark.parametrize("seed", range(8))
def test_nce_equals_sclites(seed, tmp_path):
    """sclite's own alignment is the input, so that nothing but the formula is compared; it prints three decimals."""
    files = ctm(np.random.default_rng(seed), tmp_path)
    rows = []
    for speaker in re.findall(r'<PATH [^>]*file="(\w+)"[^>]*>\n(.*?)\n</PATH>', sclite(*files, "sgml"), re.DOTALL):
        for pair in speaker[1].split(":"):
            fields = pair.split(",")
            rows.append({"audio_id": speaker[0], "operation": fields[0], "confidence": fields[-1] or None})
    names = {"C": "hit", "S": "substitution", "I": "insertion", "D": "deletion"}
    judged = pd.DataFrame(rows).assign(
        operation=lambda table: table["operation"].map(names),
        confidence=lambda table: pd.to_numeric(table["confidence"]),
    )
    assert set(judged["operation"]) == set(names.values())
    report = sclite(*files, "rsum")
    theirs = {
        name.strip().removesuffix("-1"): float(nce)
        for name, nce in re.findall(r"^\s*\| (\w+(?:-1)?) +\|.*\| +(-?[\d.]+) +\|$", report, re.MULTILINE)
    }
    ours = calibration(judged, "audio_id").set_index("audio_id")["nce"]
    for name in ("aa", "bb", "cc"):
        assert ours[name] == pytest.approx(theirs[name], abs=5.1e-4)
    assert calibration(judged)["nce"].iat[0] == pytest.approx(theirs["Sum"], abs=5.1e-4)


@needs_sclite
def test_sclite_has_no_nce_either_where_all_is_right(tmp_path):
    (tmp_path / "ref.ctm").write_text("aa 1 0.0 0.5 can\naa 1 0.5 0.5 you\n")
    (tmp_path / "hyp.ctm").write_text("aa 1 0.0 0.5 can 0.9\naa 1 0.5 0.5 you 0.8\n")
    report = sclite(tmp_path / "ref.ctm", tmp_path / "hyp.ctm", "rsum")
    assert "-2147483.648" in report  # its way to print what is not a number
    judged = pd.DataFrame({"audio_id": "aa", "operation": "hit", "confidence": [0.9, 0.8]})
    assert calibration(judged)["nce"].isna().all()


@pytest.mark.parametrize(("seed", "digits"), CASES)
def test_scores_equal_scikit_learns(seed, digits):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed, digits)
    row = calibration(judged).iloc[0]
    labels, scores = of_sklearn(judged)
    assert row["auc"] == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert row["brier"] == pytest.approx(metrics.brier_score_loss(1 - labels, judged["confidence"]))
    loss = metrics.log_loss(1 - labels, judged["confidence"].clip(1e-7, 1 - 1e-7))
    accuracy = 1 - labels.mean()
    entropy = metrics.log_loss(1 - labels, np.full(len(labels), accuracy))
    assert row["nce"] == pytest.approx(1 - loss / entropy)


@pytest.mark.parametrize(("seed", "digits"), CASES)
def test_roc_equals_scikit_learns(seed, digits):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed, digits)
    false, true, thresholds = metrics.roc_curve(*of_sklearn(judged), drop_intermediate=False)
    ours = roc(judged)
    np.testing.assert_allclose(ours["false_positive_rate"].to_numpy(float), false)
    np.testing.assert_allclose(ours["true_positive_rate"].to_numpy(float), true)
    np.testing.assert_allclose(ours["threshold"].to_numpy(float)[1:], -thresholds[1:])


@pytest.mark.parametrize(("seed", "digits"), CASES)
def test_precision_and_recall_equal_scikit_learns(seed, digits):
    metrics = pytest.importorskip("sklearn.metrics", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed, digits)
    precision, recall, thresholds = metrics.precision_recall_curve(*of_sklearn(judged))
    ours = precision_recall(judged)
    # scikit-learn goes the other way, and adds a point (recall 0, precision 1) that no threshold gives
    np.testing.assert_allclose(ours["precision"].to_numpy(float), precision[:-1][::-1])
    np.testing.assert_allclose(ours["recall"].to_numpy(float), recall[:-1][::-1])
    np.testing.assert_allclose(ours["threshold"].to_numpy(float), -thresholds[::-1])


@pytest.mark.parametrize(("binning", "strategy"), [("equal_width", "uniform"), ("equal_mass", "quantile")])
@pytest.mark.parametrize(("seed", "digits"), CASES)
def test_bins_equal_scikit_learns(seed, digits, binning, strategy):
    curves = pytest.importorskip("sklearn.calibration", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed, digits)
    labels, _ = of_sklearn(judged)
    share, mean = curves.calibration_curve(1 - labels, judged["confidence"], n_bins=10, strategy=strategy)
    ours = reliability(judged, bins=10, binning=binning).query("n > 0")
    np.testing.assert_allclose(ours["accuracy"].to_numpy(float), share)
    np.testing.assert_allclose(ours["confidence_mean"].to_numpy(float), mean)
    assert ours["n"].sum() == len(judged)
    confidence = judged["confidence"].to_numpy(float)
    edges = bin_edges(confidence_counts(confidence, np.ones(len(confidence), bool)), 10, binning)
    assert len(edges) <= 11
    if binning == "equal_mass":
        np.testing.assert_array_equal(edges, np.unique(np.quantile(confidence, np.linspace(0, 1, 11))))


@pytest.mark.parametrize(("seed", "digits"), CASES)
def test_isotonic_recalibration_equals_scikit_learns(seed, digits):
    isotonic = pytest.importorskip("sklearn.isotonic", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed, digits)
    labels, _ = of_sklearn(judged)
    at = np.linspace(0, 1, 401)
    expected = isotonic_by_sklearn(isotonic, judged["confidence"], 1 - labels, at)
    np.testing.assert_allclose(fit_recalibration(judged).apply(at), expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_platts_curve_equals_scikit_learns(seed):
    """A logistic regression without penalty on the logit, each word there twice with Platt's targets as weights."""
    linear = pytest.importorskip("sklearn.linear_model", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed)
    labels, _ = of_sklearn(judged)
    right = 1 - labels

    def logit(confidence):
        clipped = np.clip(confidence, 1e-4, 1 - 1e-4)
        return np.log(clipped / (1 - clipped))[:, None]

    target = np.where(right, (right.sum() + 1) / (right.sum() + 2), 1 / (labels.sum() + 2))
    twice = np.vstack([logit(judged["confidence"].to_numpy())] * 2)
    theirs = linear.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(
        twice, np.repeat([1, 0], len(judged)), np.concatenate([target, 1 - target])
    )
    at = np.linspace(0, 1, 101)
    ours = fit_recalibration(judged, "platt").apply(at)
    np.testing.assert_allclose(ours, theirs.predict_proba(logit(at))[:, 1], atol=2e-5)


@pytest.mark.parametrize("seed", range(3))
def test_cross_fitting_equals_scikit_learns_maps_of_the_other_recordings(seed):
    isotonic = pytest.importorskip("sklearn.isotonic", reason="needs scikit-learn: pip install scikit-learn")
    judged = words(seed, 3, recordings=4)
    crossed = fit_recalibration(judged, folds=4).cross_fitted["confidence"].to_numpy(float)
    right = 1 - of_sklearn(judged)[0]
    for audio_id in judged["audio_id"].unique():
        own = (judged["audio_id"] == audio_id).to_numpy()
        expected = isotonic_by_sklearn(
            isotonic, judged["confidence"][~own], right[~own], judged["confidence"][own].to_numpy(float)
        )
        np.testing.assert_allclose(crossed[own], expected, atol=1e-12)
