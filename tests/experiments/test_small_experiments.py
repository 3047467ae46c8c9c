"""Experiments of one speaker, of one recording, or in which everything failed: what can be told is, and a note says why
the rest cannot."""

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.api.clock import Clock
from soniox_ds.emulator import local_service
from soniox_ds.exceptions import RecordingsFailedWarning, SchemaError, SourceError
from soniox_ds.experiments.arm_differences import arm_differences
from soniox_ds.experiments.results import Comparison
from soniox_ds.options import TranscriptionOptions
from soniox_ds.schema import ERROR_COMPARISON

pytestmark = pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")

REFERENCES = {"a.wav": "please take celebrex today", "b.wav": "no zyrtec for her"}
HYPOTHESES = {
    "plain": {"a.wav": "please take sell today", "b.wav": "no zyrtec for her"},
    "terms": {"a.wav": "please take celebrex today", "b.wav": "no zyrtec for her"},
}
ARMS = {"plain": {}, "terms": {"context": {"terms": ["Celebrex", "Zyrtec"]}}}
OF_BLOCKS = ["difference_low", "difference_high", "b_better", "p", "p_holm"]


def corpus_of(texts, failed=()):
    recordings = pd.DataFrame(
        {
            "audio_id": list(texts),
            "status": ["failed" if name in failed else "completed" for name in texts],
            "text": [pd.NA if name in failed else text for name, text in texts.items()],
            "error_type": ["internal_error" if name in failed else pd.NA for name in texts],
            "error_message": ["it broke" if name in failed else pd.NA for name in texts],
            "duration_ms": 36_000,
            "cost_usd": 0.01,
            "reference": list(REFERENCES.values())[: len(texts)],
            "speaker": "x",
        }
    )
    tokens = [
        {
            "audio_id": name,
            "token_index": place,
            "text": f" {word}",
            "start_ms": 500 * place,
            "end_ms": 500 * place + 400,
        }
        for name, text in texts.items()
        if name not in failed
        for place, word in enumerate(text.split())
    ]
    columns = ["audio_id", "token_index", "text", "start_ms", "end_ms"]
    return sx.Corpus(recordings, pd.DataFrame(tokens, columns=columns))


def trial_of(count=2, repeats=1, failed=None, block=None):
    """`failed`: which arms lost which recordings."""
    return Comparison(
        arms={name: TranscriptionOptions(**arm) for name, arm in ARMS.items()},
        corpora={
            name: [corpus_of(dict(list(texts.items())[:count]), (failed or {}).get(name, ()))] * repeats
            for name, texts in HYPOTHESES.items()
        },
        references=None,
        terms=["Celebrex", "Zyrtec"],
        distractors=[],
        normalizer="basic",
        block=block,
        ci=0.95,
        seed=0,
    )


def every_table(trial):
    return {
        name: getattr(trial, name)
        for name in ("summary", "differences", "effects", "variation", "term_errors", "term_summary", "biasing")
    } | {"term_differences": trial.term_differences, "examples": trial.examples("terms")}


@pytest.mark.parametrize("repeats", [1, 2])
def test_one_speaker_gives_everything_except_the_interval(repeats):
    trial = trial_of(repeats=repeats)
    every_table(trial)
    row = trial.differences.iloc[0]
    assert row[OF_BLOCKS].isna().all()
    assert (row["block"], row["blocks"], row["recordings"]) == ("speaker", 1, 2)
    assert (row["wer_a"], row["wer_b"], row["difference"]) == (1 / 8, 0, -1 / 8)
    assert (row["only_b_right"], row["both_right"], row["mcnemar_p"]) == (1, 1, 1)
    assert row["segments"] == 1
    assert "All 2 recordings that both arms share belong to one speaker" in row["note"]
    assert '.with_block("audio_id")' in row["note"]
    assert "below 10" not in row["note"]


def test_other_blocks_for_a_finished_experiment():
    trial = trial_of()
    assert trial.differences["blocks"].tolist() == [1]
    by_recording = trial.with_block("audio_id")
    for table in (by_recording.differences, by_recording.summary, by_recording.term_summary, by_recording.biasing):
        assert set(table["block"]) == {"audio_id"}
        assert set(table["blocks"]) == {2}
    assert by_recording.term_differences["block"].tolist() == ["audio_id"]
    assert trial.differences["blocks"].tolist() == [1], "the first is as it was"
    assert trial_of(block="audio_id").differences.equals(by_recording.differences)
    assert by_recording.with_block(None).differences.equals(trial.differences)
    with pytest.raises(SchemaError, match="site"):
        trial.with_block("site")


@pytest.mark.parametrize("repeats", [1, 2])
def test_one_recording_gives_both_rates_and_their_difference(repeats):
    trial = trial_of(count=1, repeats=repeats)
    every_table(trial)
    row = trial.differences.iloc[0]
    assert row[OF_BLOCKS].isna().all()
    assert (row["recordings"], row["wer_a"], row["wer_b"], row["difference"]) == (1, 1 / 4, 0, -1 / 4)
    assert row[["both_right", "only_a_right", "only_b_right", "both_wrong"]].tolist() == [0, 0, 1, 0]
    assert (
        row["note"] == "Only one recording is scored in both arms, and an interval needs two or more. Add recordings."
    )


@pytest.mark.parametrize("repeats", [1, 2])
@pytest.mark.parametrize("arms", [("terms",), ("plain",), ("plain", "terms")])
def test_the_note_names_an_arm_that_failed_altogether(repeats, arms):
    trial = trial_of(repeats=repeats, failed=dict.fromkeys(arms, ("a.wav", "b.wav")))
    every_table(trial)
    repr(trial)
    row = trial.differences.iloc[0]
    assert row[["wer_a", "wer_b", "difference", "mcnemar_p", *OF_BLOCKS]].isna().all()
    lost = [2 if name in arms else 0 for name in HYPOTHESES]
    assert (row["recordings"], row["only_a"], row["only_b"]) == (0, 2 - lost[0], 2 - lost[1])
    assert row["note"] == (
        f"No recording is scored in both arms: of 2 recordings, {lost[0]} in 'plain' and {lost[1]} in 'terms' failed. "
        "The column error_message says why."
    )
    assert trial.effects["transcripts"].tolist()[1] == 0
    assert pd.isna(trial.effects["effect"][1])


def test_arms_that_can_be_compared_stand_beside_those_that_cannot():
    many = {f"{number}.wav": text for number in range(12) for text in ["we take it every day"]}
    texts = pd.DataFrame({"audio_id": list(many), "text": "we make it"})
    tables = {
        "plain": sx.word_errors(dict.fromkeys(many, "we take it every day"), many),
        "worse": sx.word_errors({n: "we make it every day" if int(n[:-4]) % 3 else t for n, t in many.items()}, many),
        "one": sx.word_errors(texts.assign(status=["completed", *["failed"] * 11]), many),
    }
    table = arm_differences(tables, baseline="plain")
    assert list(table) == list(ERROR_COMPARISON)
    assert table["b"].tolist() == ["worse", "one"]
    assert table["p"].notna().tolist() == [True, False]
    assert table["p_holm"][0] == table["p"][0], "what was not tested is not corrected for"
    alone = sx.compare_errors({name: tables[name] for name in ("plain", "worse")}, baseline="plain")
    names = [name for name in table if name not in ("mcnemar_p_holm",)]
    pd.testing.assert_series_equal(table[names].iloc[0], alone[names].iloc[0])


@pytest.mark.parametrize(
    ("count", "failed", "said"),
    [
        (2, None, "share belong to one speaker"),
        (1, None, "Only one recording is scored in both arms"),
        (2, {"plain": ("a.wav", "b.wav"), "terms": ("a.wav", "b.wav")}, "No recording is scored in both arms"),
    ],
    ids=["one-speaker", "one-recording", "all-failed"],
)
def test_the_page_shows_what_there_is(tmp_path, count, failed, said):
    trial = trial_of(count=count, failed=failed)
    page = sx.report(
        corpus_of(HYPOTHESES["plain"]), path=tmp_path / "page.html", comparison=trial, clips=0, recordings=0
    )
    assert said in page.read_text(encoding="utf-8")


# before money is spent ------------------------------------------------------------------------------------------------


def test_with_nothing_that_can_be_sent_nobody_is_asked_for_money(service, tiny_wav, tmp_path):
    broken = []
    for name in ("1.wav", "2.wav", "3.wav", "4.wav"):
        broken.append(tmp_path / name)
        broken[-1].write_bytes(b"")
    references = {path.name: "hello" for path in broken}
    asked = {"progress": False, "confirm": lambda estimate: pytest.fail("asked"), "journal": tmp_path / "j"}
    with pytest.raises(SourceError, match="none of the 4 recordings can be transcribed") as refused:
        sx.compare(broken, references, arms=ARMS, **asked)
    assert "\n  1.wav: " in str(refused.value)
    assert "0 bytes" in str(refused.value)
    assert str(refused.value).endswith("\n  ... and 1 more")
    with pytest.raises(SourceError, match="the recording cannot be transcribed") as refused:
        sx.compare(broken[0], {"1.wav": "hello"}, arms=ARMS, **asked)
    settings = [{}, {"max_endpoint_delay_ms": 800}]
    with pytest.raises(SourceError, match="none of the 4 recordings can be transcribed"):
        sx.sweep_endpoints(broken, settings=settings, **asked)
    with pytest.raises(SourceError, match="live audio is sent from this machine"):
        sx.sweep_endpoints("https://example.org/a.wav", settings=settings, **asked)
    assert not service.requests


def test_an_experiment_in_which_the_service_fails_is_an_experiment(tiny_wav, tmp_path):
    files = [tiny_wav(tmp_path / name, seconds=1.0, seed=seed) for seed, name in enumerate(REFERENCES)]
    with local_service("scripted", speed=100, requests_per_minute=None) as running:
        running.faults.rate("job_internal_error", 1.0, "create")
        with pytest.warns(RecordingsFailedWarning, match="2 of 2") as warned:
            trial = sx.compare(
                files, REFERENCES, arms=ARMS, journal=tmp_path / "j", progress=False, clock=Clock(speed=100)
            )
    assert {warning.filename for warning in warned} == {__file__}
    assert trial.differences["recordings"].tolist() == [0]
    assert "2 in 'plain' and 2 in 'terms' failed" in trial.differences["note"][0]
    assert trial.summary["failed"].tolist() == [2, 2]
