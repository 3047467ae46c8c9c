"""Scores of speakers equal those of the tools that the field uses, convention by convention."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soniox_ds.io.rttm import read_rttm, write_rttm
from soniox_ds.metrics.speakers.cpwer import speaker_word_errors
from soniox_ds.metrics.speakers.diarization import diarization_errors
from soniox_ds.metrics.stats.summaries import summarize

SAMPLES = Path(__file__).parents[2] / "data" / "samples"
MD_EVAL = shutil.which("md-eval") or shutil.which("md-eval.pl", path="/usr/lib/sctk/bin:/usr/bin")
PARTS = ["reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms"]

needs_md_eval = pytest.mark.skipif(MD_EVAL is None, reason="md-eval is missing: apt-get install sctk")


def oracle(name):
    return pytest.importorskip(name, reason=f'{name} is missing: pip install -e ".[oracles]"')


def random_side(rng, speakers, label, audio_id, instants, *, disjoint=True):
    """Turns of some speakers between some instants; each speaker's own are apart, or overlap and touch."""
    rows = []
    for speaker in range(speakers):
        times = np.sort(rng.choice(instants, size=2 * rng.integers(1, 5), replace=False))
        if not disjoint:
            later = rng.choice(np.setdiff1d(instants, times))
            times = np.append(rng.permutation(times), [times[-1], later])  # one more turn, which may touch another
        rows += [(audio_id, f"{label}{speaker}", *sorted(pair)) for pair in times.reshape(-1, 2).tolist()]
    return rows


def random_recordings(seed, count=60, *, disjoint=True):
    """Few instants, so that boundaries coincide, but far apart, so that seldom two mappings are equally good."""
    rng = np.random.default_rng(seed)
    reference, turns = [], []
    for number in range(count):
        audio_id = f"r{number}"
        instants = rng.choice(100_000, size=60, replace=False)
        reference += random_side(rng, rng.integers(1, 5), "ref", audio_id, instants, disjoint=disjoint)
        turns += random_side(rng, rng.integers(0, 6), "", audio_id, instants, disjoint=disjoint)
    columns = ["audio_id", "speaker", "start_ms", "end_ms"]
    return pd.DataFrame(turns, columns=columns), pd.DataFrame(reference, columns=columns)


def extents(*tables):
    """First to last speech of each recording."""
    both = pd.concat(tables)
    return (
        both.groupby("audio_id", sort=False).agg(start_ms=("start_ms", "min"), end_ms=("end_ms", "max")).reset_index()
    )


def triples(table):
    return {
        audio_id: list(own[["speaker", "start_ms", "end_ms"]].itertuples(index=False, name=None))
        for audio_id, own in table.groupby("audio_id", sort=False)
    }


# spy-der


def by_spyder(turns, reference, uem, *, collar_ms, regions):
    spyder = oracle("spyder")
    real, found, scored = triples(reference), triples(turns), {}
    for audio_id, start, end in uem.itertuples(index=False, name=None):
        scored.setdefault(audio_id, []).append((start, end))
    rows = {}
    for audio_id in real:
        try:
            metrics = spyder.DER(
                real[audio_id], found.get(audio_id, []), uem=scored[audio_id], collar=collar_ms, regions=regions
            )
        except IndexError:  # it cannot take an empty hypothesis by itself
            continue
        parts = np.array([1, metrics.miss, metrics.falarm, metrics.conf]) * metrics.duration
        rows[audio_id] = parts
    return pd.DataFrame.from_dict(rows, orient="index", columns=PARTS)


def assert_equal_parts(own, expected):
    """Both by recording: the same durations, in ms."""
    own = own.set_index("audio_id").loc[expected.index, PARTS].to_numpy(float)
    np.testing.assert_allclose(own, expected[PARTS].to_numpy(float), rtol=1e-9, atol=0.01)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("collar_ms", [0, 900])
@pytest.mark.parametrize("score_overlap", [True, False])
def test_der_equals_spyder(seed, collar_ms, score_overlap):
    turns, reference = random_recordings(seed)
    uem = extents(turns, reference)
    regions = "all" if score_overlap else "nonoverlap"
    expected = by_spyder(turns, reference, uem, collar_ms=collar_ms, regions=regions).dropna()
    own = diarization_errors(
        turns,
        reference,
        collar_ms=collar_ms,
        score_overlap=score_overlap,
        map_before_collar=True,
        missing="as_empty",
    )
    expected = expected[expected["reference_ms"] > 0]  # without reference speech it calls everything 0
    assert len(expected) > 40
    assert_equal_parts(own, expected)


# md-eval


def by_md_eval(turns, reference, folder, *, collar_ms, score_overlap, uem=None):
    """Milliseconds are written as seconds, because it prints two decimals."""
    paths = {"-r": reference, "-s": turns}
    command = [MD_EVAL, "-a", "f", "-c", str(collar_ms)] + ([] if score_overlap else ["-1"])
    for flag, table in paths.items():
        scaled = table.assign(start_ms=table["start_ms"] * 1000, end_ms=table["end_ms"] * 1000)
        write_rttm(scaled, folder / f"{flag[1]}.rttm")
        command += [flag, str(folder / f"{flag[1]}.rttm")]
    if uem is not None:
        lines = [f"{audio_id} 1 {start} {end}\n" for audio_id, start, end in uem.itertuples(index=False)]
        (folder / "uem").write_text("".join(lines))
        command += ["-u", str(folder / "uem")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = {}
    for block in printed.split("*** Performance analysis for Speaker Diarization for ")[1:]:
        name = re.search(r"f=(\S+)", block.splitlines()[0])
        audio_id = name[1] if name else "ALL"
        labels = ["SCORED SPEAKER", "MISSED SPEAKER", "FALARM SPEAKER", "SPEAKER ERROR"]
        rows[audio_id] = [float(re.search(rf"{label} TIME =\s*([\d.]+)", block)[1]) for label in labels]
    return pd.DataFrame.from_dict(rows, orient="index", columns=PARTS)


@needs_md_eval
@pytest.mark.parametrize("collar_ms", [0, 900])
@pytest.mark.parametrize("score_overlap", [True, False])
@pytest.mark.parametrize("with_uem", [True, False])
def test_der_equals_md_eval(collar_ms, score_overlap, with_uem, tmp_path):
    turns, reference = random_recordings(3)
    uem = extents(turns, reference) if with_uem else None
    expected = by_md_eval(turns, reference, tmp_path, collar_ms=collar_ms, score_overlap=score_overlap, uem=uem)
    own = diarization_errors(
        turns,
        reference,
        collar_ms=collar_ms,
        score_overlap=score_overlap,
        uem="reference" if uem is None else uem,
        map_before_collar=True,
        missing="as_empty",
    )
    total, expected = expected.loc["ALL"], expected.drop(index="ALL")
    assert len(expected) == 60
    assert_equal_parts(own, expected)
    np.testing.assert_allclose(summarize(own)[PARTS].iloc[0].astype(float), total, atol=0.01)


def test_the_samples_by_md_eval_and_spyder(tmp_path):
    """Each found speaker of the samples is a shifted reference speaker."""
    reference = read_rttm(SAMPLES / "turns.rttm")
    turns = reference.assign(start_ms=reference["start_ms"] + 130, end_ms=reference["end_ms"] + 90)
    own = diarization_errors(turns, reference, uem="reference")
    if MD_EVAL:
        expected = by_md_eval(turns, reference, tmp_path, collar_ms=0, score_overlap=True)
        assert_equal_parts(own, expected.drop(index="ALL"))
    own = diarization_errors(turns, reference)
    assert_equal_parts(own, by_spyder(turns, reference, extents(turns, reference), collar_ms=0, regions="all"))


def put_together(reference):
    """Each speaker's turns without overlap, counted apart from the package."""
    rows = []
    for (audio_id, speaker), own in reference.sort_values("start_ms").groupby(["audio_id", "speaker"], sort=False):
        parts = []
        for start, end in own[["start_ms", "end_ms"]].itertuples(index=False):
            if parts and start <= parts[-1][1]:
                parts[-1][1] = max(parts[-1][1], end)
            else:
                parts.append([start, end])
        rows += [(audio_id, speaker, *part) for part in parts]
    return pd.DataFrame(rows, columns=["audio_id", "speaker", "start_ms", "end_ms"])


@needs_md_eval
@pytest.mark.parametrize("collar_ms", [0, 250])
@pytest.mark.parametrize("score_overlap", [True, False])
def test_md_eval_agrees_on_a_speakers_own_overlap_once_the_turns_are_put_together(collar_ms, score_overlap, tmp_path):
    """Its own rule is another: a collar for each turn, and with -1 a speaker's own overlap is left out."""
    turns, reference = random_recordings(7, disjoint=False)
    how = {"collar_ms": collar_ms, "score_overlap": score_overlap}
    own = diarization_errors(turns, reference, uem="reference", map_before_collar=True, missing="as_empty", **how)
    own = own[own["reference_ms"] > 0]  # it divides by what is scored, without asking
    there = reference[reference["audio_id"].isin(own["audio_id"])]
    assert_equal_parts(own, by_md_eval(turns, put_together(there), tmp_path, **how).drop(index="ALL"))
    if how == {"collar_ms": 0, "score_overlap": True}:
        assert_equal_parts(own, by_md_eval(turns, there, tmp_path, **how).drop(index="ALL"))


@needs_md_eval
def test_md_evals_own_rules_for_a_speakers_own_overlap(tmp_path):
    """The turns of one speaker overlap from 4 to 6 s. docs/metrics-speakers.md states these durations."""
    columns = ["audio_id", "speaker", "start_ms", "end_ms"]
    reference = pd.DataFrame([("a", "x", 0, 6_000), ("a", "x", 4_000, 10_000)], columns=columns)
    turns = pd.DataFrame([("a", "1", 0, 10_000)], columns=columns)

    def scored(collar_ms, score_overlap):
        how = {"collar_ms": collar_ms, "score_overlap": score_overlap}
        theirs = by_md_eval(turns, reference, tmp_path, **how).loc["ALL", "reference_ms"]
        return theirs, diarization_errors(turns, reference, **how)["reference_ms"][0]

    assert scored(250, True) == (8_500, 9_500)
    assert scored(0, False) == (8_000, 10_000)


@pytest.mark.parametrize("collar_ms", [0, 250])
@pytest.mark.parametrize("score_overlap", [True, False])
def test_a_speakers_own_overlap_is_that_of_spyder_and_of_pyannotes_support(collar_ms, score_overlap):
    diarization = oracle("pyannote.metrics.diarization")
    turns, reference = random_recordings(8, disjoint=False)
    how = {"collar_ms": collar_ms, "score_overlap": score_overlap, "missing": "as_empty"}
    metric = diarization.DiarizationErrorRate(collar=2 * collar_ms, skip_overlap=not score_overlap)
    rows = {}
    for audio_id, real, found, uem in annotations(turns, reference):
        parts = metric(real.support(), found.support(), uem=uem, detailed=True)
        rows[audio_id] = [parts[name] for name in ("total", "missed detection", "false alarm", "confusion")]
    assert_equal_parts(
        diarization_errors(turns, reference, **how), pd.DataFrame.from_dict(rows, orient="index", columns=PARTS)
    )
    uem, regions = extents(turns, reference), "all" if score_overlap else "nonoverlap"
    expected = by_spyder(turns, reference, uem, collar_ms=collar_ms, regions=regions)
    expected = expected[expected["reference_ms"] > 0]
    assert len(expected) > 35
    assert_equal_parts(diarization_errors(turns, reference, map_before_collar=True, **how), expected)


# pyannote.metrics


def annotations(turns, reference):
    """Return both sides of each recording as pyannote annotations, and its region of speech. Times are in ms."""
    core = oracle("pyannote.core")
    found, real = triples(turns), triples(reference)

    def annotation(rows):
        made = core.Annotation()
        for track, (speaker, start, end) in enumerate(rows):
            made[core.Segment(start, end), track] = speaker
        return made

    for audio_id, start, end in extents(turns, reference).itertuples(index=False, name=None):
        uem = core.Timeline([core.Segment(start, end)])
        yield audio_id, annotation(real[audio_id]), annotation(found.get(audio_id, [])), uem


@pytest.mark.parametrize("collar_ms", [0, 900])
@pytest.mark.parametrize("score_overlap", [True, False])
def test_der_equals_pyannote(collar_ms, score_overlap):
    """Its collar is the whole width."""
    diarization = oracle("pyannote.metrics.diarization")
    turns, reference = random_recordings(11)
    metric = diarization.DiarizationErrorRate(collar=2 * collar_ms, skip_overlap=not score_overlap)
    rows = {}
    for audio_id, real, found, uem in annotations(turns, reference):
        parts = metric(real, found, uem=uem, detailed=True)
        rows[audio_id] = [parts[name] for name in ("total", "missed detection", "false alarm", "confusion")]
    own = diarization_errors(turns, reference, collar_ms=collar_ms, score_overlap=score_overlap, missing="as_empty")
    assert_equal_parts(own, pd.DataFrame.from_dict(rows, orient="index", columns=PARTS))
    assert summarize(own)["der"].iloc[0] == pytest.approx(abs(metric))


def test_jer_is_pyannotes_or_better():
    """It maps speakers by time in agreement, DIHARD's tool and we so that the error is smallest."""
    diarization = oracle("pyannote.metrics.diarization")
    turns, reference = random_recordings(12)
    own = diarization_errors(turns, reference, missing="as_empty").set_index("audio_id")["jer"]
    metric = diarization.JaccardErrorRate()
    theirs = pd.Series(
        {audio_id: metric(real, found, uem=uem) for audio_id, real, found, uem in annotations(turns, reference)}
    )
    difference = theirs - own.reindex(theirs.index)
    assert (difference > -1e-9).all()
    assert (difference.abs() < 1e-9).mean() > 0.5


# meeteval

VOCABULARY = ["a", "b", "c", "dd", "eee", "f"]


def random_talk(rng, audio_id, speakers, segments, label):
    """Rows of a few words, in order of their start, on whole seconds, so that times coincide."""
    rows = []
    for start in np.sort(rng.integers(0, 30, segments)):
        text = " ".join(rng.choice(VOCABULARY, rng.integers(0, 5)))
        end = start + rng.integers(1, 6)
        rows.append((audio_id, f"{label}{rng.integers(speakers)}", int(start) * 1000, int(end) * 1000, text))
    return pd.DataFrame(rows, columns=["audio_id", "speaker", "start_ms", "end_ms", "text"])


def random_meetings(seed, count=80):
    rng = np.random.default_rng(seed)
    reference, words = [], []
    for number in range(count):
        reference.append(random_talk(rng, f"r{number}", rng.integers(1, 5), rng.integers(1, 9), "ref"))
        own = random_talk(rng, f"r{number}", rng.integers(1, 6), rng.integers(0, 20), "")
        own["text"] = own["text"].str.split().str[0]  # one word to a row
        words.append(own.dropna().assign(word_index=range(own["text"].notna().sum())))
    return pd.concat(words, ignore_index=True), pd.concat(reference, ignore_index=True)


def segments(table):
    """Return a table of words as segments of meeteval, with times in ms."""
    names = {"audio_id": "session_id", "text": "words", "start_ms": "start_time", "end_ms": "end_time"}
    return oracle("meeteval").io.SegLST(table.rename(columns=names).to_dict("records"))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("collar_ms", [0, 2000, 5000])
def test_cpwer_and_tcpwer_equal_meeteval(seed, collar_ms):
    wer = oracle("meeteval").wer
    words, reference = random_meetings(seed)
    real, found = segments(reference).groupby("session_id"), segments(words).groupby("session_id")
    own = speaker_word_errors(words, reference, normalizer="none", collar_ms=collar_ms, missing="as_empty")
    empty = segments(words[:0])
    for row in own.itertuples():
        sides = real[row.audio_id], found.get(row.audio_id, empty)
        theirs = wer.cp_word_error_rate(*sides)
        assert row.cp_substitutions + row.cp_deletions + row.cp_insertions == theirs.errors
        assert row.reference_words == theirs.length
        near = wer.time_constrained_minimum_permutation_word_error_rate(*sides, collar=collar_ms)
        assert row.tcp_substitutions + row.tcp_deletions + row.tcp_insertions == near.errors
    pooled = summarize(own)
    both = [wer.cp_word_error_rate(real[name], found.get(name, empty)) for name in real]
    assert pooled["cpwer"].iloc[0] == pytest.approx(wer.combine_error_rates(*both).error_rate)


@pytest.mark.parametrize("seed", [1, 2])
def test_words_out_of_order_equal_meeteval_by_time(seed):
    """Meeteval sorts by time; by default the order of the service stays, and then the errors are others."""
    wer = oracle("meeteval").wer
    words, reference = random_meetings(seed)
    words["start_ms"] += words["word_index"]  # no two at the same time
    words["end_ms"] += 100
    order = np.random.default_rng(seed).permutation(len(words))
    words["word_index"] = words["word_index"].to_numpy()[order]
    words["word_index"] = words.groupby("audio_id")["word_index"].rank(method="first").astype(int) - 1
    real, found = segments(reference).groupby("session_id"), segments(words).groupby("session_id")
    options = {"normalizer": "none", "missing": "as_empty"}
    errors = {
        order_by: speaker_word_errors(words, reference, order=order_by, **options).set_index("audio_id")
        for order_by in ("time", "word_index")
    }
    parts = ["cp_substitutions", "cp_deletions", "cp_insertions"]
    by_time, by_index = (errors[order_by][parts].sum(axis=1) for order_by in ("time", "word_index"))
    empty = segments(words[:0])
    theirs = {name: wer.cp_word_error_rate(real[name], found.get(name, empty)).errors for name in real}
    assert by_time.to_dict() == theirs
    assert (by_time != by_index).sum() > 10


def test_the_samples_by_meeteval():
    """The reference turns, some words wrong and some with the wrong speaker, are the transcript."""
    wer = oracle("meeteval").wer
    reference = pd.read_csv(SAMPLES / "turns.csv")
    references = reference.assign(
        text=reference["text"].str.lower().str.replace(r"[^\w\s]", "", regex=True).str.split()
    )
    words = references.explode("text", ignore_index=True)
    words["word_index"] = words.groupby("audio_id").cumcount()
    words.loc[words.index % 7 == 0, "speaker"] = "af_heart"
    words.loc[words.index % 11 == 0, "text"] = "something"
    own = speaker_word_errors(words, reference.assign(text=references["text"].str.join(" ")), normalizer="none")
    real, found = segments(reference.assign(text=references["text"].str.join(" "))), segments(words)
    for name, theirs in wer.cpwer(real, found).items():
        row = own.set_index("audio_id").loc[name]
        assert row[["cp_substitutions", "cp_deletions", "cp_insertions"]].sum() == theirs.errors
    for name, theirs in wer.tcpwer(real, found, collar=5000).items():
        row = own.set_index("audio_id").loc[name]
        assert row[["tcp_substitutions", "tcp_deletions", "tcp_insertions"]].sum() == theirs.errors
    assert own["cpwer"].gt(0).any()
