"""Intervals and tests equal those of tools we did not write: kaldialign, NIST's sc_stats, statsmodels."""

import random
import re
import shutil
import subprocess
import warnings

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds.exceptions import SmallSampleWarning
from soniox_ds.metrics.stats.bootstrap import bootstrap_rate, holm, mapsswe, mcnemar
from soniox_ds.metrics.stats.compare import compare_errors
from soniox_ds.metrics.stats.mapsswe import error_segments

SCTK = shutil.which("sctk")
OPERATIONS = {"C": "hit", "S": "substitution", "D": "deletion", "I": "insertion"}
needs_sctk = pytest.mark.skipif(SCTK is None, reason="sctk is not there: apt-get install sctk")


def spoiled(words, rate, rng):
    """The words with substitutions, deletions and insertions."""
    out = []
    for word in words:
        chance = rng.random()
        if chance < rate / 3:
            out.append(rng.choice("vwxyz"))
        elif chance > rate * 2 / 3:
            out.append(word)
        if rng.random() < rate / 3:
            out.append(rng.choice("vwxyz"))
    return out


def utterances(seed, count, longest, rates):
    """References, and for each rate the hypotheses of a system that errs so often."""
    rng = random.Random(seed)
    references = [[rng.choice("abcdefgh") for _ in range(rng.randint(1, longest))] for _ in range(count)]
    return references, [[spoiled(words, rate, rng) for words in references] for rate in rates]


def sclite(folder, references, systems):
    """sclite's alignments of each system: its own SGML, and the same as a table."""
    for name, texts in {"ref": references, **systems}.items():
        lines = [f"{' '.join(words)} (s{n % 5}-{n:04})" for n, words in enumerate(texts)]
        (folder / f"{name}.trn").write_text("\n".join(lines) + "\n")
    sgml, tables = "", {}
    for name in systems:
        command = [SCTK, "sclite", "-r", "ref.trn", "-h", f"{name}.trn", "-i", "spu_id", "-o", "sgml", "stdout"]
        own = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
        sgml += own
        tables[name] = table_of(own)
    return sgml, tables


def table_of(sgml):
    """``schema.WORD_ALIGNMENTS`` (what is needed of it) of sclite's SGML."""
    rows = []
    for audio_id, body in re.findall(r'<PATH id="\((\S+)\)"[^>]*>\n(.*?)\n?</PATH>', sgml, re.DOTALL):
        pairs = re.findall(r'([CSDI]),(?:"([^"]*)")?,(?:"([^"]*)")?', body)
        rows += [
            (audio_id, position, OPERATIONS[kind], reference or None, hypothesis or None)
            for position, (kind, reference, hypothesis) in enumerate(pairs)
        ]
    names = ["audio_id", "position", "operation", "reference", "hypothesis"]
    return pd.DataFrame(rows, columns=names).astype(dict.fromkeys(names[2:], "string"))


def errors_of(alignments):
    found = pd.crosstab(alignments["audio_id"], alignments["operation"]).reset_index()
    for name in OPERATIONS.values():
        found[f"{name}s"] = found.get(name, 0)
    found["reference_words"] = found["hits"] + found["substitutions"] + found["deletions"]
    return found.assign(status="scored")


def sc_stats(folder, sgml, test):
    """Return the output of `sc_stats -t` for these alignments."""
    command = [SCTK, "sc_stats", "-p", "-t", test, "-v", "-n", "out"]
    subprocess.run(command, cwd=folder, input=sgml, capture_output=True, text=True, check=True)
    return (folder / f"out.stats.{test}").read_text()


@needs_sctk
@pytest.mark.parametrize(
    ("seed", "count", "longest", "rates"),
    [
        pytest.param(1, 60, 25, (0.3, 0.2), id="different"),
        pytest.param(2, 60, 25, (0.15, 0.15), id="alike"),
        pytest.param(3, 150, 4, (0.6, 0.5), id="short-and-bad"),
        pytest.param(4, 5, 400, (0.1, 0.08), id="long"),
        pytest.param(5, 40, 12, (0.05, 0.0), id="one-without-errors"),
    ],
)
def test_matched_pairs_are_those_of_sc_stats(tmp_path, seed, count, longest, rates):
    references, (first, second) = utterances(seed, count, longest, rates)
    sgml, tables = sclite(tmp_path, references, {"sysa": first, "sysb": second})
    report = sc_stats(tmp_path, sgml, "mapsswe")
    (found,) = re.findall(
        r"# segs: (\d+).*\(mean: (\S+)\) \(std dev: (\S+)\) \(Z Stat: (\S+)\) \(Stat Diff: (\w+)", report
    )
    errors = {name: errors_of(table) for name, table in tables.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallSampleWarning)
        row = compare_errors(errors, alignments=tables, n_resamples=100).iloc[0]
    ours = [row[name] for name in ("segments", "mapsswe_mean", "mapsswe_sd", "mapsswe_z")]
    assert ours == pytest.approx([float(value) for value in found[:4]], abs=6e-4)
    assert (abs(row["mapsswe_z"]) > 1.96) == (found[4] == "Yes")


@needs_sctk
def test_the_sentences_right_are_those_of_sc_stats(tmp_path):
    references, (first, second) = utterances(6, 80, 12, (0.15, 0.05))
    sgml, tables = sclite(tmp_path, references, {"sysa": first, "sysb": second})
    matrix = re.search(r"corr\s+(\d+)\s+(\d+)\s+incorr\s+(\d+)\s+(\d+)", sc_stats(tmp_path, sgml, "mcn"))
    row = compare_errors({name: errors_of(table) for name, table in tables.items()}, n_resamples=100).iloc[0]
    ours = [row[name] for name in ("both_right", "only_a_right", "only_b_right", "both_wrong")]
    assert ours == [int(number) for number in matrix.groups()]


@needs_sctk
def test_all_pairs_differing_alike_give_0(tmp_path):
    """NIST's own answer where the standard deviation is 0, however clear the difference."""
    references = [list("abcd") for _ in range(10)]
    wrong = [list("abxd") for _ in range(10)]
    sgml, tables = sclite(tmp_path, references, {"sysa": wrong, "sysb": references})
    assert "(Z Stat: 0.000)" in sc_stats(tmp_path, sgml, "mapsswe")
    segments = error_segments(tables["sysa"], tables["sysb"])
    assert mapsswe(segments["errors_a"], segments["errors_b"])[:4] == (10, 1.0, 0.0, 0.0)


def test_replicates_are_those_of_kaldialign():
    """It reports mean ± 1.96 standard deviations of the replicates, and the share that system 2 wins."""
    kaldialign = pytest.importorskip("kaldialign", reason="pip install 'soniox-ds[oracles]'")
    references, (first, second) = utterances(7, 120, 20, (0.2, 0.17))
    theirs = kaldialign.bootstrap_wer_ci(references, first, second, replications=20_000)
    errors = [
        np.array([kaldialign.edit_distance(r, h)["total"] for r, h in zip(references, hypotheses, strict=True)])
        for hypotheses in (first, second)
    ]
    words = np.array([len(reference) for reference in references])
    for wrong, name in zip(errors, ("system1", "system2"), strict=True):
        rates = bootstrap_rate(wrong, words, n_resamples=20_000).rates
        assert rates.mean() == pytest.approx(theirs[name]["wer"], abs=0.0005)
        assert 1.96 * rates.std() == pytest.approx(theirs[name]["ci95"], rel=0.03)
    difference = bootstrap_rate(errors[1] - errors[0], words, n_resamples=20_000)
    assert difference.share_below() == pytest.approx(theirs["p_s2_improv_over_s1"], abs=0.01)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_that_of_statsmodels(only_a, only_b):
    tables = pytest.importorskip("statsmodels.stats.contingency_tables", reason="pip install 'soniox-ds[oracles]'")
    if only_a + only_b:
        expected = tables.mcnemar([[7, only_a], [only_b, 9]], exact=True).pvalue
        assert mcnemar(only_a, only_b) == pytest.approx(expected)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
@settings(max_examples=examples(50))
def test_holm_is_that_of_statsmodels(p_values):
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="pip install 'soniox-ds[oracles]'")
    assert holm(p_values) == pytest.approx(multitest.multipletests(p_values, method="holm")[1])


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(5, 60)), min_size=3, max_size=30))
@settings(max_examples=examples(40))
def test_the_standard_error_is_that_of_a_plain_jackknife(pairs):
    errors, words = (np.array(column, float) for column in zip(*pairs, strict=True))
    kept = [np.arange(len(words)) != n for n in range(len(words))]
    without = np.array([errors[keep].sum() / words[keep].sum() for keep in kept])
    expected = np.sqrt((len(words) - 1) * without.var())
    assert bootstrap_rate(errors, words, n_resamples=100).standard_error == pytest.approx(expected, rel=1e-6, abs=1e-12)
