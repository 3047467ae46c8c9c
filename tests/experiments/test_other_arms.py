"""Arms of other providers: finished corpora and functions, beside an arm of the scripted stand-in."""

import threading
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.emulator import local_service
from soniox_ds.exceptions import InputError, OptionsError, RecordingsFailedWarning, SourceError
from soniox_ds.experiments.other_arms import warn_of_failures
from soniox_ds.io.transcript import TimedWord

pytestmark = pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")

REFERENCES = {
    "a.wav": "please take celebrex every morning with water",
    "b.wav": "no zyrtec for the younger patient today",
    "c.wav": "we will see you again on thursday",
}
WRONG = {"a": "please take celery every morning with water", "b": "no zyrtec for younger patient today"}


@pytest.fixture
def service():
    """Every transcript is right."""
    with local_service("scripted", speed=100, requests_per_minute=None, scripts=dict(REFERENCES)) as running:
        yield running


@pytest.fixture
def files(tiny_wav, tmp_path):
    return [tiny_wav(tmp_path / name, seconds=3.0, seed=seed) for seed, name in enumerate(REFERENCES)]


def compare(files, tmp_path, arms, **more):
    more = {"references": REFERENCES, "journal": tmp_path / "journal", "progress": False} | more
    return sx.compare(files, arms=arms, **more)


def deepgram(texts, speaker=0):
    """Return a corpus read from Deepgram's JSON of these texts, one word in half a second."""
    documents = {}
    for name, text in texts.items():
        words = [
            {"word": word, "start": 0.5 * number, "end": 0.5 * number + 0.4, "confidence": 0.9, "speaker": speaker}
            for number, word in enumerate(text.split())
        ]
        channels = [{"alternatives": [{"words": words}]}]
        documents[name] = {"metadata": {"duration": 3.0}, "results": {"channels": channels}}
    return sx.io.read_transcripts(documents, provider="deepgram")


def test_a_corpus_is_matched_by_file_names_and_what_it_lacks_is_a_failed_row(service, files, tmp_path):
    with pytest.warns(UserWarning, match="arm 'deepgram'") as seen:
        trial = compare(files, tmp_path, {"soniox": {}, "deepgram": deepgram(WRONG)})
    messages = [str(warning.message) for warning in seen]
    assert any("arm 'deepgram': 2 of 2 ids were matched by file names" in text for text in messages)
    assert any("arm 'deepgram': 1 of 3 recordings have no transcript in its corpus: ['c.wav']" in m for m in messages)
    rows = trial.corpora["deepgram"][0].recordings.set_index("audio_id")
    assert rows["status"].tolist() == ["completed", "completed", "failed"]
    assert rows.loc["c.wav", "error_type"] == "no_transcript"
    assert "has no transcript of 'c.wav'; its 2 ids are ['a.wav', 'b.wav']" in rows.loc["c.wav", "error_message"]
    assert rows["service"].tolist()[:2] == ["deepgram", "deepgram"]
    assert rows["sha256"].notna().all()
    assert rows["cost_usd"].isna().all()
    summary = trial.summary.set_index("arm")
    assert summary["failed"].tolist() == [0, 1]
    assert summary.loc["deepgram", ["substitutions", "deletions", "reference_words"]].tolist() == [1, 1, 14]
    assert summary["cost_usd"].isna().tolist() == [False, True]
    assert trial.differences["recordings"].tolist() == [2]
    assert trial.differences["only_a_right"].tolist() == [2]


def test_a_function_gets_paths_and_returns_texts_words_or_a_corpus(service, files, tmp_path):
    calls = []

    def other(path):
        calls.append((path, threading.current_thread()))
        name = Path(path).name
        if name == "a.wav":
            return WRONG["a"]
        if name == "b.wav":
            words = [{"text": word, "start_ms": 100 * n, "end_ms": 100 * n + 90, "confidence": 0.5} for n, word in
                     enumerate(WRONG["b"].split())]  # fmt: skip
            return [{**words[0], "speaker": 1, "language": "en"}, *words[1:]]
        return deepgram({"any name": REFERENCES["c.wav"]})

    trial = compare(files, tmp_path, {"soniox": {}, "other": other})
    assert [path for path, _ in calls] == [str(path) for path in files]
    assert all(isinstance(path, str) for path, _ in calls)
    assert threading.main_thread() not in {thread for _, thread in calls}
    corpus = trial.corpora["other"][0]
    assert corpus.recordings["text"].tolist() == [WRONG["a"], WRONG["b"], REFERENCES["c.wav"]]
    assert corpus.recordings["service"].tolist() == ["function", "function", "deepgram"]
    assert (corpus.recordings["completed_at"] >= corpus.recordings["submitted_at"]).all()
    assert corpus.recordings["cost_usd"].isna().all()
    words = corpus["b.wav"].words()
    assert words["start_ms"].tolist() == [0, 100, 200, 300, 400, 500]
    assert words["speaker"].tolist()[0] == "1"
    assert words["confidence"].tolist() == [0.5] * 6
    summary = trial.summary.set_index("arm")
    assert summary.loc["other", ["substitutions", "deletions", "insertions"]].tolist() == [1, 1, 0]
    assert summary["turnaround_s"].notna().all()
    assert pd.isna(summary.loc["other", "cost_usd"])
    assert trial.cost.set_index("arm")["estimate_usd"].isna().groupby(level=0).all().to_dict() == {
        "soniox": False,
        "other": True,
    }


def test_an_exception_of_the_function_fails_one_recording(service, files, tmp_path):
    def other(path):
        if "b.wav" in path:
            raise RuntimeError("out of memory")
        return REFERENCES[Path(path).name]

    with pytest.warns(
        RecordingsFailedWarning, match=r"arm 'other': 1 of 3 .* b\.wav: other raised RuntimeError: out of"
    ):
        trial = compare(files, tmp_path, {"soniox": {}, "other": other})
    row = trial.corpora["other"][0].failed.recordings.iloc[0]
    assert (row["audio_id"], row["error_type"]) == ("b.wav", "function_error")
    assert row["error_message"] == "other raised RuntimeError: out of memory"
    assert trial.summary["failed"].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (None, r"the function returned None \(NoneType\); a function returns the text"),
        ({"text": "a"}, "the function returned {'text': 'a'} "),
        (["good"], r"word 0 of the function's result is 'good' \(str\)"),
        ([{"word": "good", "start": 0.5}], r"has \['word', 'start'\]; a word has text, .*round\(1000 \* start\)"),
        ([{"text": None}], "word 0 of the function's result has the text None"),
        ([{"text": "a"}, {"text": "b", "start_ms": 0.52}], r"start_ms of word 1 .* is 0\.52; times are whole millisec"),
        ([{"text": "a", "end_ms": -1}], "end_ms of word 0 .* is -1; times are"),
        ([{"text": "a", "end_ms": 2**31}], "end_ms of word 0 .* is 2147483648; times are"),
        ([{"text": "a", "confidence": 95}], "confidence of word 0 .* is 95; it is a number from 0 to 1"),
        (b"good", r"the function returned b'good' \(bytes\)"),
    ],
)
def test_a_result_of_another_form_is_a_failed_row_that_says_what_is_wrong(files, tmp_path, result, message):
    with pytest.warns(RecordingsFailedWarning, match=message):
        trial = compare(files, tmp_path, {"right": lambda path: REFERENCES[Path(path).name], "odd": lambda _: result})
    failed = trial.corpora["odd"][0].failed.recordings
    assert failed["error_type"].tolist() == ["bad_result"] * 3
    assert trial.summary["failed"].tolist() == [0, 3]
    assert "No recording is scored in both arms" in trial.differences["note"].item()


def test_words_may_be_numbers_of_numpy_named_tuples_and_texts_with_their_own_spaces(files, tmp_path):
    words = [
        {"text": " we", "start_ms": np.float64(100.0), "end_ms": np.int64(200), "confidence": float("nan")},
        TimedWord("'ll", 200, 300),
        {"text": " see", "start_ms": None},
    ]
    trial = compare(files, tmp_path, {"a": lambda _: words, "b": lambda _: ""})
    corpus = trial.corpora["a"][0]
    assert corpus.recordings["text"].tolist() == ["we'll see"] * 3
    assert corpus["a.wav"].tokens["start_ms"].tolist()[:2] == [100, 200]
    silent = trial.corpora["b"][0]
    assert silent.recordings["text"].tolist() == [""] * 3
    assert trial.summary["deletions"].tolist()[1] == 21


def test_audio_as_bytes_is_a_file_while_the_function_runs_and_urls_and_bad_files_fail(tiny_wav, tmp_path):
    seen = []

    def other(path):
        seen.append((path, Path(path).read_bytes()[:4]))
        return "yes"

    (tmp_path / "empty.wav").touch()
    sources = {
        "bytes": tiny_wav(tmp_path / "x.wav", seconds=1.0).read_bytes(),
        "url": "https://host.example/a.wav",
        "empty": tmp_path / "empty.wav",
    }
    with pytest.warns(RecordingsFailedWarning, match="2 of 3 recordings failed"):
        trial = compare(sources, tmp_path, {"a": other, "b": lambda _: "no"}, references=dict.fromkeys(sources, "yes"))
    assert len(seen) == 1
    assert seen[0][1] == b"RIFF"
    assert seen[0][0].endswith(".wav")
    assert not Path(seen[0][0]).exists()
    rows = trial.corpora["a"][0].recordings
    assert rows["error_type"].fillna("").tolist() == ["", "url_not_downloaded", "empty_file"]


def test_the_estimate_counts_only_the_arms_of_the_service(service, files, tmp_path):
    estimates = []
    arms = {"soniox": {}, "corpus": deepgram(REFERENCES), "function": lambda path: REFERENCES[Path(path).name]}
    trial = compare(files, tmp_path, arms, repeats=2, confirm=lambda estimate: estimates.append(estimate) or True)
    assert trial.effects["changed"].tolist()[1:] == [0, 0]  # the space before the first word is no difference
    assert estimates[0].arms == 1
    assert estimates[0].cost_usd == pytest.approx(9 / 3600 * 0.10 * 2)


def test_repeats_call_the_function_again_and_count_a_corpus_each_time(service, files, tmp_path):
    calls = []

    def other(path):
        calls.append(path)
        return "no" if len(calls) > 3 else REFERENCES[Path(path).name]

    arms = {"soniox": {}, "corpus": deepgram(WRONG | {"c": REFERENCES["c.wav"]}), "function": other}
    with pytest.warns(UserWarning, match="matched by file names"):
        trial = compare(files, tmp_path, arms, repeats=2)
    assert len(calls) == 6
    summary = trial.summary.set_index("arm")
    assert summary.loc["corpus", ["recordings", "reference_words", "substitutions", "deletions"]].tolist() == [
        3,
        42,
        2,
        2,
    ]
    variation = trial.variation.set_index("arm")
    assert variation["repeats"].to_dict() == {"soniox": 2, "corpus": 1, "function": 2}
    assert pd.isna(variation.loc["corpus", "differ"])
    assert variation.loc["function", "differ"] == 1
    assert trial.differences["b"].tolist() == ["corpus", "function"]


def test_a_saved_corpus_is_an_arm_without_the_service(service, files, tmp_path):
    first = compare(files, tmp_path, {"soniox": {}, "other": lambda _: "no"})
    first.corpora["soniox"][0].save(tmp_path / "saved")
    n_requests = len(service.requests)
    again = compare(files, tmp_path, {"earlier": sx.read_corpus(tmp_path / "saved"), "other": lambda _: "no"})
    assert len(service.requests) == n_requests
    assert again.summary["wer"].tolist() == first.summary["wer"].tolist()
    assert again.summary["cost_usd"].isna().all()
    assert list(again.corpora["earlier"][0].recordings) == list(first.corpora["soniox"][0].recordings)


def test_the_time_to_a_transcript_leaves_out_times_of_two_clocks(files, tmp_path):
    """Journals of earlier versions hold the service's time of submission and this machine's time of completion."""
    corpus = sx.Corpus(
        pd.DataFrame(
            {
                "audio_id": list(REFERENCES),
                "status": "completed",
                "submitted_at": pd.Timestamp("2026-11-30T10:00", tz="UTC"),
                "completed_at": pd.to_datetime(["2026-11-30T09:57:00", "2026-11-30T10:00:08", None], utc=True),
            }
        )
    )
    assert compare(files, tmp_path, {"a": corpus, "b": corpus}).summary["turnaround_s"].tolist() == [8.0, 8.0]
    early = corpus.recordings["completed_at"] < corpus.recordings["submitted_at"]
    only_early = corpus.recordings.assign(completed_at=corpus.recordings["completed_at"].where(early))
    trial = compare(files, tmp_path, {"a": sx.Corpus(only_early), "b": corpus})
    assert trial.summary["turnaround_s"].isna().tolist() == [True, False]


def test_terms_confidences_and_speakers_are_compared(service, files, tmp_path):
    corpus = deepgram(WRONG | {"c": REFERENCES["c.wav"]})
    arms = {"soniox": {"enable_speaker_diarization": True}, "deepgram": corpus, "text": lambda _: "no"}
    with pytest.warns(UserWarning, match="matched by file names"):
        trial = compare(files, tmp_path, arms, terms=["celebrex", "zyrtec"])
    assert trial.term_summary["recall"].tolist() == [1, 0.5, 0]
    assert trial.term_summary["cost_usd_per_recovered_term"].isna().all()
    calibration = trial.calibration.set_index("arm")
    assert list(calibration.index) == ["soniox", "deepgram"]  # the function gives no confidences
    assert calibration.loc["deepgram", "confidence_mean"] == pytest.approx(0.9)
    assert calibration.loc["deepgram", "accuracy"] == pytest.approx(19 / 20)
    turns = pd.DataFrame({"audio_id": list(REFERENCES), "speaker": "x", "start_ms": 0, "end_ms": 3400})
    diarization = trial.diarization(turns)
    assert diarization["arm"].tolist() == ["soniox", "deepgram"]
    assert diarization["recordings"].tolist() == [3, 3]
    report = sx.report(trial.corpora["soniox"][0], tmp_path / "page.html", REFERENCES, comparison=trial, turns=turns)
    page = report.read_text(encoding="utf-8")
    for part in ("finished transcripts (deepgram)", "the function", "Confidences", "Speakers"):
        assert part in page.partition('id="arms"')[2].partition("</section>")[0]
    assert trial.plot().get_yticklabels()[0].get_text() == "deepgram − soniox"
    shown = trial._repr_html_()
    assert "finished transcripts (deepgram)" in shown
    assert "the function &lt;lambda&gt;" in shown
    assert "Comparison of 3 arms" in repr(trial)


def test_charges_are_looked_up_for_the_arms_of_the_service_alone(service, files, tmp_path):
    trial = compare(files, tmp_path, {"soniox": {}, "other": lambda _: "no"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        charged = sx.account.add_charges(trial)
    assert charged.summary["charged_usd"].isna().tolist() == [False, True]


def test_mistakes_are_found_before_anything_is_sent(service, files, tmp_path):
    async def later(path):
        return path

    for arm, message in [
        (3, "arm 'x' is 3; it is a dict of transcription options .* a Corpus of finished transcripts, or a function"),
        (lambda: "text", r"arm 'x': <lambda>\(\) cannot be called with the path of one recording"),
        (later, "arm 'x' is the async function later"),
    ]:
        with pytest.raises(OptionsError, match=message):
            compare(files, tmp_path, {"soniox": {}, "x": arm})
    with pytest.raises(InputError, match=r"arm 'x': none of its 1 transcripts belongs to a recording\. It has \['z'\]"):
        compare(files, tmp_path, {"soniox": {}, "x": deepgram({"z": "no"})})
    with pytest.raises(InputError, match=r"arm 'x': 'a' and 'a\.json' both mean the recording 'a\.wav'"):
        compare(files, tmp_path, {"soniox": {}, "x": deepgram({"a": "no", "a.json": "no"})})
    with pytest.raises(SourceError, match="cannot be transcribed"):
        compare([tmp_path / "gone.wav"], tmp_path, {"soniox": {}, "x": len}, references={"gone.wav": "yes"})
    assert not service.requests


def test_progress_counts_every_arm_and_names_the_recording(files, tmp_path):
    shown = []
    arms = {"a": lambda _: "no", "b": deepgram(REFERENCES)}
    compare(files, tmp_path, arms, progress=shown.append)
    assert shown[-1].done == shown[-1].total == 6
    assert any("arm a: recording 2 of 3" in snapshot.note for snapshot in shown)


def test_the_warning_counts_all_recordings_of_an_arm_not_those_of_one_stretch():
    def corpus_of(names, status):
        rows = pd.DataFrame({"audio_id": names, "status": status, "error_message": "no sound"})
        return sx.Corpus(rows, pd.DataFrame({"audio_id": [], "token_index": [], "text": []}))

    stretches = [
        corpus_of([f"a{n}" for n in range(20)], ["failed"] + ["completed"] * 19),
        corpus_of([f"b{n}" for n in range(12)], "completed"),
    ]
    with pytest.warns(RecordingsFailedWarning, match="arm 'local': 1 of 32 recordings failed, the first of them a0:"):
        warn_of_failures("local", stretches)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_failures("local", stretches[1:])
