"""Experiments against the scripted stand-in. The transcripts are known, so the results can be counted by hand."""

from pathlib import Path

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.emulator import local_service
from soniox_ds.exceptions import Declined, InputError, OptionsError, SchemaError
from soniox_ds.experiments.results import Comparison
from soniox_ds.experiments.run import Estimate
from soniox_ds.options import TranscriptionOptions

TERMS = ["Celebrex", "Zyrtec"]
REFERENCES = {
    "a.wav": "please take celebrex every morning with water",
    "b.wav": "no zyrtec for the younger patient today",
    "c.wav": "we will see you again on thursday",
}


@pytest.fixture
def trial_service():
    """Every word but a context term is misheard now and then."""
    with local_service(
        "scripted", speed=100, requests_per_minute=None, scripts=dict(REFERENCES), error_rate=0.6, median_s=1.0
    ) as running:
        yield running


@pytest.fixture
def files(tiny_wav, tmp_path):
    return [tiny_wav(tmp_path / name, seconds=3.0, seed=seed) for seed, name in enumerate(REFERENCES)]


def run(files, tmp_path, **more):
    arms = more.pop("arms", {"plain": {}, "terms": {"context": {"terms": TERMS}}})
    return sx.compare(
        files, more.pop("references", REFERENCES), arms=arms, journal=tmp_path / "j", progress=False, **more
    )


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
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
    assert str(seen[0]) == "3 recordings (9.0 s) x 2 arms x 3 repeats: at most about $0.002, at $0.10 an hour"


@pytest.mark.parametrize(
    ("recordings", "hours", "unknown", "expected"),
    [
        (5, 2.5, 0, "5 recordings (2.5 h) x 2 arms x 1 repeats: at most about $0.50, at $0.10 an hour"),
        (5, 0.055, 0, "5 recordings (3.3 min) x 2 arms x 1 repeats: at most about $0.01, at $0.10 an hour"),
        (5, 0.04, 0, "5 recordings (2.4 min) x 2 arms x 1 repeats: at most about $0.008, at $0.10 an hour"),
        (0, 0, 0, "0 recordings (0.0 s) x 2 arms x 1 repeats: $0.00, at $0.10 an hour"),
        (3, 0, 3, "3 recordings (3 of unknown length) x 2 arms x 1 repeats: at $0.10 an hour"),
        (
            *(3, 1, 2),
            "3 recordings (1.0 h, 2 of unknown length) x 2 arms x 1 repeats: "
            "at most about $0.20, without those of unknown length, at $0.10 an hour",
        ),
    ],
)
def test_an_estimate_never_makes_little_look_like_nothing(recordings, hours, unknown, expected):
    estimate = Estimate(recordings=recordings, arms=2, repeats=1, hours=hours, unknown=unknown)
    assert str(estimate) == expected


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"arms": {"one": {}}}, "two or more names"),
        ({"arms": {"one": {}, "two": {}}}, "same options"),
        ({"arms": {"one": {}, "two": {"langauge_hints": ["en"]}}}, "language_hints"),
        ({"arms": {"one": {}, "two": ["en"]}}, "dict of transcription options"),
        ({"repeats": 0}, "repeats is 0"),
        ({"model": "stt-async-v5"}, "transcription options into the arms"),
    ],
)
def test_a_wrong_plan_is_refused_before_anything_is_sent(trial_service, files, tmp_path, more, message):
    with pytest.raises(OptionsError, match=message):
        run(files, tmp_path, **more)
    assert not trial_service.requests


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_distractors_among_the_terms_own_normaliser_and_blocks(trial_service, files, tmp_path):
    sources = pd.DataFrame(
        {"source": [str(path) for path in files], "audio_id": list(REFERENCES), "site": ["x", "y", "y"]}
    )
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


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"terms": ["Grafana", "grafana"]}, "'Grafana' and 'grafana' are the same after normalisation"),
        ({"terms": ["?!"]}, r"leaves nothing of the term '\?!'"),
        ({"terms": TERMS, "distractors": ["zyrtec"]}, "'Zyrtec' and 'zyrtec' are the same after normalisation"),
        ({"distractors": ["Xanax", "xanax!"]}, "'Xanax' and 'xanax!' are the same"),
        ({"terms": [5]}, "terms holds 5; it is a list of words"),
        ({"terms": 5}, "terms is 5; it is a list of words"),
        (
            {"normalizer": lambda text: " ".join(word + "x" for word in text.split())},
            "the words of the alignments are not normalised by",
        ),
    ],
)
def test_terms_that_could_not_be_counted_are_told_before_they_are_paid_for(
    trial_service, files, tmp_path, more, message
):
    with pytest.raises(InputError, match=message):
        run(files, tmp_path, confirm=lambda estimate: pytest.fail("it was asked for money"), **more)
    assert not trial_service.requests


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_the_first_of_equal_context_terms_is_counted(trial_service, files, tmp_path):
    arms = {
        "capitals": {"context": {"terms": [*TERMS, "Xanax"]}},
        "small": {"context": {"terms": ["celebrex", "valium"]}},
    }
    trial = run(files, tmp_path, arms=arms, distractors=["xanax"])
    assert trial.terms == ["Celebrex", "Zyrtec", "valium"]
    assert trial.term_errors["term"].tolist() == ["Celebrex", "Zyrtec", "valium", "xanax"] * 2


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_distractors_alone_can_be_counted(trial_service, files, tmp_path):
    arms = {"plain": {}, "terms": {"context": {"terms": ["Xanax"]}}}
    trial = run(files, tmp_path, arms=arms, distractors=["Xanax"])
    assert trial.terms == []
    assert trial.term_summary[["terms", "distractors", "reference_count"]].to_numpy().tolist() == [[1, 1, 0]] * 2


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_repeats_of_a_recogniser_that_does_not_vary_prove_nothing(trial_service, files, tmp_path):
    once, often = (run(files, tmp_path, repeats=repeats) for repeats in (1, 2))
    assert (often.variation["differ"] == 0).all()
    same = ["occurrences", "recordings", "both", "only_a", "only_b", "neither", "recall_b", "p", "p_holm", "blocks"]
    assert once.term_differences["only_b"].item() >= 1  # or this would show nothing
    pd.testing.assert_frame_equal(often.term_differences[same], once.term_differences[same])
    assert "each occurrence counts once" in often.term_differences["note"].iloc[0]
    by_term = sx.metrics.compare_terms(*often.occurrences.values())
    assert by_term[["term", "occurrences"]].to_numpy().tolist() == [["Celebrex", 1], ["Zyrtec", 1]]
    assert by_term["only_b"].sum() == once.term_differences["only_b"].item()
    assert once.differences["mcnemar_p"].tolist() == often.differences["mcnemar_p"].tolist()


@pytest.mark.parametrize("more", [{"terms": "abc"}, {"distractors": "Xanax"}, {"normalizer": "bogus"}])
def test_wrong_arguments_are_told_before_anything_is_sent(trial_service, files, tmp_path, more):
    with pytest.raises(InputError):
        run(files, tmp_path, **more)
    assert not trial_service.requests


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"references": 5}, "references must be a table"),
        ({"references": {"x.wav": "hello"}}, "no reference belongs to a recording"),
        ({"references": None}, "there are no references"),
        ({"references": pd.DataFrame({"audio_id": ["a.wav"]})}, "reference"),
        ({"block": "speaker"}, "speaker"),
        ({"ci": 95}, "ci is 95"),
    ],
)
def test_problems_of_scoring_are_reported_before_anything_is_estimated(trial_service, files, tmp_path, more, message):
    with pytest.raises((InputError, SchemaError), match=message):
        run(files, tmp_path, confirm=lambda estimate: pytest.fail("it was asked for money"), **more)
    assert not trial_service.requests


def test_references_of_broken_recordings_alone_are_none(trial_service, files, tmp_path):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"")
    with pytest.raises(InputError, match="none of the 3 recordings that can be transcribed"):
        run([*files, broken], tmp_path, references={"broken.wav": "hello"})
    assert not trial_service.requests


def test_recordings_without_a_reference_are_told_before_they_are_paid_for(trial_service, files, tmp_path):
    with pytest.warns(UserWarning, match=r"2 of 3 recordings have a reference"), pytest.raises(Declined):
        run(
            files,
            tmp_path,
            references={name: REFERENCES[name] for name in ("a.wav", "b.wav")},
            confirm=lambda estimate: False,
        )
    assert not trial_service.requests


# What the service hears in the first and the second repeat of either arm; counted by hand below.
HYPOTHESES = {
    "plain": [
        {"a.wav": "please take sell a brex every morning with water", "b.wav": "no zyrtec for the patient today"},
        {"a.wav": "please take celebrex every morning with water", "b.wav": "no sir tech for the patient today"},
    ],
    "terms": [
        {"a.wav": "please take celebrex every morning with water", "b.wav": "no zyrtec for the patient today"},
        {"a.wav": "please take celebrex every morning with water", "b.wav": "celebrex zyrtec for the patient today"},
    ],
}


def corpus_of(texts):
    """A corpus of 36 s recordings that cost a cent each."""
    recordings = pd.DataFrame(
        {"audio_id": list(texts), "status": "completed", "text": list(texts.values()), "duration_ms": 36_000}
    ).assign(cost_usd=0.01)
    tokens = [
        {"audio_id": audio_id, "token_index": place, "text": f" {word}"}
        for audio_id, text in texts.items()
        for place, word in enumerate(text.split())
    ]
    return sx.Corpus(recordings, pd.DataFrame(tokens))


def repeated(block=None, repeats=2):
    said = {"a.wav": REFERENCES["a.wav"], "b.wav": "no zyrtec for the patient today"}
    return Comparison(
        arms={"plain": TranscriptionOptions(), "terms": TranscriptionOptions(context={"terms": TERMS})},
        corpora={name: [corpus_of(texts) for texts in hypotheses[:repeats]] for name, hypotheses in HYPOTHESES.items()},
        references=pd.DataFrame({"audio_id": list(said), "reference": list(said.values()), "site": ["x", "y"]}),
        terms=TERMS,
        distractors=[],
        normalizer="basic",
        block=block,
        ci=0.95,
        seed=0,
    )


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_terms_are_counted_over_all_repeats():
    trial = repeated()
    terms = trial.term_errors.set_index(["arm", "term"])
    assert terms.loc["plain", ["hits", "misses"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    assert terms.loc["terms", ["hits", "misses", "false_hits"]].to_numpy().tolist() == [[2, 0, 1], [2, 0, 0]]
    pooled = trial.term_summary.set_index("arm")
    assert pooled["reference_count"].tolist() == [4, 4]
    assert pooled["recall"].tolist() == [0.5, 1.0]
    assert pooled["false_hits_per_hour"].tolist() == pytest.approx([0, 1 / (4 * 36 / 3600)])
    assert pooled[["block", "blocks"]].to_numpy().tolist() == [["audio_id", 2]] * 2
    assert pooled.loc["terms", "cost_usd_per_recovered_term"] == pytest.approx(0.04 / 2)
    biased = trial.biasing.query("part == 'biased'").set_index("arm")
    assert biased["reference_words"].tolist() == [4, 4]
    assert biased["blocks"].tolist() == [2, 2]
    row = trial.term_differences.iloc[0]
    assert (row["occurrences"], row["both"], row["only_b"], row["neither"]) == (2, 0, 2, 0)  # 1 of 2, then 2 of 2
    assert (row["recall_a"], row["recall_b"], row["p"]) == (0.5, 1.0, 0.5)
    assert (row["block"], row["blocks"], row["false_hits_b"]) == ("audio_id", 2, 1)
    places = trial.occurrences["terms"].query("outcome == 'false_hit'")
    assert places[["audio_id", "repeat"]].to_numpy().tolist() == [["b.wav", 1]]
    assert trial.effects["changed"].tolist()[1] == pytest.approx(2 / 4)


def counted_in(trial):
    """`recordings` and `hours` of every table that has them, and what the words were counted over."""
    tables = {"summary": trial.summary, "term_summary": trial.term_summary, "biasing": trial.biasing}
    found = {
        name: set(table[["recordings", "hours"]].itertuples(index=False, name=None)) for name, table in tables.items()
    }
    found["term_errors"] = {(min(trial.term_errors["recordings"]), hours) for hours in trial.term_errors["hours"]}
    return found


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
@pytest.mark.parametrize("repeats", [1, 2])
def test_one_rule_for_recordings_and_hours_in_every_table(repeats):
    trial = repeated(repeats=repeats)
    one = pytest.approx(repeats * 2 * 36 / 3600)
    for name, found in counted_in(trial).items():
        for recordings, hours in found:
            assert (recordings, hours) == ({"term_errors": 1}.get(name, 2), one), name
    words = trial.summary["reference_words"]
    parts = trial.biasing.groupby("arm", sort=False)["reference_words"].sum()
    assert words.tolist() == parts.tolist() == [repeats * 13] * 2


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_a_recording_that_failed_once_counts_nowhere():
    trial = repeated()
    lost = trial.corpora["terms"][1]
    recordings = lost.recordings.copy()
    recordings.loc[recordings["audio_id"] == "a.wav", ["status", "text"]] = ["failed", pd.NA]
    trial.corpora["terms"][1] = sx.Corpus(recordings, lost.tokens[lost.tokens["audio_id"] != "a.wav"])
    for table in (trial.summary, trial.term_summary, trial.biasing[trial.biasing["part"] == "biased"]):
        own = table.set_index("arm")
        assert own[["recordings", "failed"]].to_numpy().tolist() == [[2, 0], [1, 1]]
        assert own["hours"].tolist() == pytest.approx([4 * 36 / 3600, 2 * 36 / 3600])
    assert trial.term_summary["reference_count"].tolist() == [4, 2]
    assert set(trial.occurrences["terms"]["audio_id"]) == {"b.wav"}
    difference = trial.term_differences.iloc[0]
    assert difference[["occurrences", "recordings", "only_b", "unpaired"]].tolist() == [1, 1, 1, 1]
    # Of two repeats of b.wav the arm won one; what it heard where the baseline failed is not recovered.
    assert trial.term_summary["cost_usd_per_recovered_term"].iloc[1] == pytest.approx(0.04)


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_blocks_of_the_users_own_hold_all_repeats():
    trial = repeated(block="site")
    assert trial.term_summary[["block", "blocks"]].to_numpy().tolist() == [["site", 2]] * 2
    assert trial.term_differences["blocks"].tolist() == [2]


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_with_repeats_the_matched_pairs_test_is_of_the_first():
    once, twice = repeated(repeats=1).differences.iloc[0], repeated().differences.iloc[0]
    assert "MAPSSWE uses only the first repeat of each arm" in twice["note"]
    assert "first repeat of each arm" not in once["note"]
    names = ["segments", *(f"mapsswe_{name}" for name in ("mean", "sd", "z", "p", "p_holm"))]
    pd.testing.assert_series_equal(twice[names], once[names])
    assert twice["segments"] == 1
    assert twice["reference_words"] == 2 * once["reference_words"]


def test_examples_show_all_that_was_heard_of_a_word():
    trial = repeated()
    found = trial.examples("terms")
    assert found[["audio_id", "change", "reference", "baseline", "arm"]].to_numpy().tolist() == [
        ["a.wav", "won", "celebrex", "sell a brex", "celebrex"]
    ]
    assert trial.examples("terms", most=0).empty


def test_an_experiment_without_terms_says_so(trial_service, files, tmp_path):
    trial = run(files, tmp_path, arms={"plain": {}, "hints": {"language_hints": ["en"]}})
    with pytest.raises(InputError, match="no terms"):
        trial.term_errors  # noqa: B018
    with pytest.raises(InputError, match="other arms are hints"):
        trial.examples("plain")


@pytest.mark.slow
@pytest.mark.xdist_group("whisper")
@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_real_recognition_with_and_without_context(tmp_path):
    """The samples' own experiment: terms wrong without context and right with it, distractors accounted for."""
    terms = ["lisinopril", "metoprolol", "atorvastatin"]
    distractors = ["Xylophone", "Zirconium"]
    folder = Path(__file__).parents[2] / "data" / "samples"
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
    assert hits["terms", False] > hits["plain", False]  # none and all three, where this was written
    false_hits = trial.term_errors.query("arm == 'more' and distractor")["false_hits"].sum()
    hypotheses = " ".join(trial.corpora["more"][0].recordings["text"]).casefold()
    assert false_hits == sum(hypotheses.count(word.casefold()) for word in distractors)
