"""Counts of words and characters against tools we did not write: jiwer, NIST sclite, kaldialign.

What holds: at ``cost="levenshtein"`` hits and each kind of error are jiwer's; at ``cost="sclite"`` they are sclite's,
and their cost is kaldialign's (which breaks ties differently). `fewest_errors` is jiwer's total in either case.

``sample_transcripts.json`` is what Whisper tiny.en made of data/samples, as data/samples/measure_samples.py runs it.
"""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import soniox_ds as sx
from soniox_ds.metrics.words import long_paths

COUNTS = ["hits", "substitutions", "deletions", "insertions"]
SAMPLES = Path(__file__).parents[2] / "data" / "samples" / "manifest.csv"
TRANSCRIPTS = Path(__file__).parent / "sample_transcripts.json"

needs_sclite = pytest.mark.skipif(shutil.which("sctk") is None, reason="apt-get install sctk")


def random_pairs(count, seed):
    """Half of them alike, as transcripts are; half of unlike words of a small vocabulary, where ties abound."""
    rng = np.random.default_rng(seed)
    references, hypotheses = {}, {}
    for number in range(count):
        name = f"u{number:05d}"
        words = int(rng.choice([2, 3, 8, 50] if number % 2 else [50, 400]))
        one = rng.integers(0, words, rng.integers(1, 30)).tolist()
        if number % 2:
            two = rng.integers(0, words, rng.integers(1, 30)).tolist()
        else:
            two = []
            for word in one:
                fate = rng.random()
                two += [] if fate < 0.04 else [int(rng.integers(words))] if fate < 0.1 else [word]
                two += [int(rng.integers(words))] if fate > 0.96 else []
            two = two or one
        references[name] = " ".join(f"w{word}" for word in one)
        hypotheses[name] = " ".join(f"w{word}" for word in two)
    return references, hypotheses


def sample_texts():
    with SAMPLES.open(encoding="utf-8", newline="") as file:
        references = {row["audio_id"]: row["reference"] for row in csv.DictReader(file)}
    return references, json.loads(TRANSCRIPTS.read_text(encoding="utf-8"))


def normalized(texts, name):
    chain = sx.Normalizer.of(name)
    return {audio_id: chain(text) for audio_id, text in texts.items()}


RANDOM = random_pairs(2000, seed=11)
SETS = {
    "random": RANDOM,
    "samples-basic": tuple(normalized(texts, "basic") for texts in sample_texts()),
    "samples-whisper": tuple(normalized(texts, "whisper-english") for texts in sample_texts()),
}


@pytest.fixture(params=list(SETS))
def texts(request):
    return SETS[request.param]


def jiwers(references, hypotheses):
    import jiwer

    rows = []
    for name, reference in references.items():
        if not reference:  # jiwer counts these too, but not by process_words
            rows.append((0, 0, 0, len(hypotheses[name].split())))
            continue
        found = jiwer.process_words(reference, hypotheses[name])
        rows.append((found.hits, found.substitutions, found.deletions, found.insertions))
    return np.array(rows)


def test_levenshtein_is_jiwer(texts):
    references, hypotheses = texts
    errors = sx.word_errors(hypotheses, references, normalizer="none", cost="levenshtein")
    expected = jiwers(references, hypotheses)
    assert (errors[COUNTS].to_numpy(int) == expected).all()
    import jiwer

    spoken = [name for name in references if references[name]]
    found = jiwer.process_words([references[name] for name in spoken], [hypotheses[name] for name in spoken])
    own = errors[errors["reference_words"] > 0]
    assert own[COUNTS[1:]].sum().sum() / own["reference_words"].sum() == pytest.approx(found.wer)
    for name, row in zip(spoken[:200], own.to_dict("records"), strict=False):
        one = jiwer.process_words(references[name], hypotheses[name])
        assert (row["wer"], row["mer"], row["wil"]) == pytest.approx((one.wer, one.mer, one.wil))


def test_fewest_errors_are_jiwers(texts):
    references, hypotheses = texts
    errors = sx.word_errors(hypotheses, references, normalizer="none")
    assert errors["fewest_errors"].tolist() == jiwers(references, hypotheses)[:, 1:].sum(axis=1).tolist()


def test_sclites_total_is_jiwers_for_similar_texts(texts):
    """It differs only where three substitutions or more can be had for one error more; never in real transcripts."""
    references, hypotheses = texts
    errors = sx.word_errors(hypotheses, references, normalizer="none")
    total = errors[COUNTS[1:]].sum(axis=1)
    alike = errors["wer"].fillna(0) < 0.3
    assert alike.sum() > 0
    assert (total == errors["fewest_errors"])[alike].all()
    assert (total >= errors["fewest_errors"]).all()


def sclites(references, hypotheses, folder):
    """Counts and alignments as sclite prints them."""
    ids = {name: f"(s-{number})" for number, name in enumerate(references)}
    for file, side in (("ref.trn", references), ("hyp.trn", hypotheses)):
        (folder / file).write_text("".join(f"{text} {ids[name]}\n" for name, text in side.items()), encoding="utf-8")
    output = subprocess.run(
        ["sctk", "sclite", "-s", "-i", "rm", "-r", "ref.trn", "trn", "-h", "hyp.trn", "trn", "-o", "pralign", "stdout"],
        cwd=folder,
        capture_output=True,
        check=True,
    ).stdout.decode("utf-8", "replace")
    blocks = re.findall(
        r"id: \(s-(\d+)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)\nAttributes: .*\nREF:(.*)\nHYP:(.*)\n",
        output,
    )
    assert len(blocks) == len(references)
    return {int(number): (list(map(int, counts)), ref.split(), hyp.split()) for number, *counts, ref, hyp in blocks}


@needs_sclite
def test_sclite_is_sclite(texts, tmp_path):
    references, hypotheses = ({name: side[name] for name in texts[0] if texts[0][name]} for side in texts)
    found = sclites(references, hypotheses, tmp_path)
    errors = sx.word_errors(hypotheses, references, normalizer="none")
    assert errors[COUNTS].to_numpy(int).tolist() == [found[number][0] for number in range(len(references))]
    # Not only the counts: the same words stand opposite each other.
    aligned = dict(iter(sx.align_words(hypotheses, references, normalizer="none").groupby("audio_id")))
    for number, name in enumerate(references):
        for side, column in ((1, "reference"), (2, "hypothesis")):
            own = [
                ("***" if word is None else word.lower())
                for word in aligned[name][column].astype(object).where(aligned[name][column].notna(), None)
            ]
            theirs = ["***" if set(word) == {"*"} else word.lower() for word in found[number][side]]
            assert own == theirs, name


@needs_sclite
def test_long_pairs_are_sclites_too(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    one = np.minimum(rng.zipf(1.3, 1500), 5000)
    two = np.where(rng.random(1500) < 0.15, np.minimum(rng.zipf(1.3, 1500), 5000), one)[rng.random(1500) > 0.05]
    references, hypotheses = ({"a": " ".join(f"w{word}" for word in side)} for side in (one, two))
    monkeypatch.setattr(long_paths, "_HALF_WIDTHS", (40, 160, 500))
    errors = sx.word_errors(hypotheses, references, normalizer="none")
    assert errors[COUNTS].to_numpy(int).tolist() == [sclites(references, hypotheses, tmp_path)[0][0]]


def test_sclites_cost_is_kaldialigns(texts):
    kaldialign = pytest.importorskip("kaldialign", reason="pip install kaldialign")
    references, hypotheses = texts
    errors = sx.word_errors(hypotheses, references, normalizer="none")
    cost = 4 * errors["substitutions"] + 3 * (errors["deletions"] + errors["insertions"])
    for name, ours in zip(references, cost, strict=True):
        found = kaldialign.edit_distance(references[name].split(), hypotheses[name].split(), sclite_mode=True)
        assert ours == 4 * found["sub"] + 3 * (found["del"] + found["ins"]), name


@pytest.mark.parametrize("name", list(SETS))
def test_characters_are_jiwers(name):
    import jiwer

    references, hypotheses = (dict(list(side.items())[:300]) for side in SETS[name])
    errors = sx.character_errors(hypotheses, references, normalizer="none")
    for row in errors.to_dict("records"):
        if references[row["audio_id"]]:
            found = jiwer.process_characters(references[row["audio_id"]], hypotheses[row["audio_id"]])
            assert [row[column] for column in COUNTS] == [
                found.hits, found.substitutions, found.deletions, found.insertions
            ]  # fmt: skip
            assert row["cer"] == pytest.approx(found.cer)


def as_measured(text):
    """Normalise a text as data/samples/measure_samples.py does."""
    return re.sub(r"[^\w']|_", " ", text.lower())


def test_the_samples_are_as_their_readme_says():
    references, hypotheses = sample_texts()
    errors = sx.word_errors(hypotheses, references, normalizer=as_measured).set_index("audio_id")
    total = errors[COUNTS[1:]].sum(axis=1)
    assert (total.sum(), errors["reference_words"].sum()) == (30, 494)
    assert total[total > 0].to_dict() == {
        "garden_centre_call": 5,
        "choir_practice": 4,
        "clinic_note": 4,
        "release_note": 6,
        "harbour_warning": 2,
        "workshop_number": 7,
        "new_colleagues": 1,
        "onion_soup": 1,
    }
    splits = sx.confusions(sx.align_words(hypotheses, references)).query("operation == 'split'")
    assert {("lisinopril", "listen opera"), ("postgresql", "poster sql")} <= set(
        zip(splits["reference"], splits["hypothesis"], strict=True)
    )
