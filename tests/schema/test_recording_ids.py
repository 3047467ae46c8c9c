"""Ids of references, turns and other annotations that are not written as the recordings' `audio_id`."""

from __future__ import annotations

from operator import attrgetter

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds.cli import main
from soniox_ds.exceptions import InputError
from soniox_ds.schema import matched_ids

TAKEN = r"1 of \d ids were matched by file names, without folders and extensions: 'talk' is matched to 'calls/talk.wav'"


def corpus(*ids, **more):
    recordings = pd.DataFrame({"audio_id": ids, "status": "completed", "duration_ms": 2000, **more})
    tokens = pd.DataFrame(
        {
            "audio_id": [audio_id for audio_id in ids for _ in range(2)],
            "token_index": [0, 1] * len(ids),
            "text": ["Good", " day"] * len(ids),
            "start_ms": [0, 1000] * len(ids),
            "end_ms": [900, 2000] * len(ids),
            "speaker": "1",
            "language": "en",
        }
    )
    return sx.Corpus(recordings, tokens)


def turns(*ids):
    return pd.DataFrame({"audio_id": ids, "speaker": "A", "start_ms": 0, "end_ms": 2000, "text": "Good day"})


@pytest.mark.filterwarnings("ignore:.*were matched by file names")
@pytest.mark.parametrize(
    ("wanted", "known", "expected"),
    [
        (["talk"], ["talk.wav"], {"talk": "talk.wav"}),
        (["talk.wav"], ["talk"], {"talk.wav": "talk"}),
        (["talk"], ["calls/2024/talk.flac"], {"talk": "calls/2024/talk.flac"}),
        (["2024/talk"], ["calls/2024/talk.flac"], {"2024/talk": "calls/2024/talk.flac"}),
        (["talk.flac"], ["talk.wav"], {"talk.flac": "talk.wav"}),
        (["talk.TextGrid", "b.txt"], ["talk.WAV", "b"], {"talk.TextGrid": "talk.WAV", "b.txt": "b"}),
        (["talk.wav.txt"], ["talk.wav"], {"talk.wav.txt": "talk.wav"}),
        ([r"calls\talk.wav"], ["calls/talk.wav"], {r"calls\talk.wav": "calls/talk.wav"}),
        (["./talk.wav"], ["talk.wav"], {"./talk.wav": "talk.wav"}),
        (["/data/calls/talk.wav"], ["calls/talk.wav"], {"/data/calls/talk.wav": "calls/talk.wav"}),
        (
            ["talk"],
            ["https://host.example/calls/talk.mp3?part=2"],
            {"talk": "https://host.example/calls/talk.mp3?part=2"},
        ),
        (["cafe\u0301"], ["caf\u00e9.wav"], {"cafe\u0301": "caf\u00e9.wav"}),  # as a Mac writes file names
        ([" talk"], ["talk.wav"], {" talk": "talk.wav"}),
        (["7"], ["7.wav"], {"7": "7.wav"}),
        # Formats whose names hold no spaces have underscores in their place.
        (["Interview_1.wav"], ["Interview 1.wav"], {"Interview_1.wav": "Interview 1.wav"}),
        (["Interview_1"], ["my calls/Interview  1.wav"], {"Interview_1": "my calls/Interview  1.wav"}),
        (["c__2_.wav"], ["c (2).wav", "c (3).wav"], {"c__2_.wav": "c (2).wav"}),  # as trn writes it
        (["my_calls/a"], ["my calls/a.wav", "his calls/a.wav"], {"my_calls/a": "my calls/a.wav"}),
        (["a b"], ["a_b.wav"], {"a b": "a_b.wav"}),
        (["a b"], ["a b.wav", "a_b.wav"], {"a b": "a b.wav"}),
        (["a b", "a_b"], ["a b.wav", "a_b.wav"], {"a b": "a b.wav", "a_b": "a_b.wav"}),
        (["a b", "a_b"], ["a b.wav"], {"a b": "a b.wav"}),
        (["a_b"], ["a b", "a_b"], {}),
        # nothing is meant
        (["talk"], ["talk"], {}),
        (["a/talk"], ["b/talk.wav"], {}),
        (["talk"], ["talking.wav"], {}),
        (["v1.1"], ["v1.0"], {}),
        (["7"], ["007.wav"], {}),
        (["Talk"], ["talk.wav"], {}),
        (["talk", "talk.wav"], ["talk.wav"], {}),  # the second has it
        ([], ["a"], {}),
        (["", "/"], ["a", "/b"], {}),
    ],
)
def test_which_ids_mean_the_same(wanted, known, expected):
    assert matched_ids(wanted, known, "references") == expected


@pytest.mark.parametrize(
    ("wanted", "known", "words"),
    [
        (["talk"], ["talk.wav", "talk.mp3"], "'talk' could mean 'talk.wav' or 'talk.mp3'"),
        (["talk"], ["a/talk.wav", "b/talk.wav"], "'talk' could mean 'a/talk.wav' or 'b/talk.wav'"),
        (["talk", "x/talk"], ["x/talk.wav"], "'talk' and 'x/talk' both mean the recording 'x/talk.wav'"),
        (["talk.txt", "talk.lab"], ["talk.wav"], "'talk.txt' and 'talk.lab' both mean the recording"),
    ],
)
def test_ambiguous_ids_are_refused(wanted, known, words):
    with pytest.raises(InputError, match=f"references: {words}"):
        matched_ids(wanted, known, "references")
    with pytest.raises(InputError, match=words):
        sx.word_errors(dict.fromkeys(known, "x"), dict.fromkeys(wanted, "x"))


NAMES = st.lists(
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(["", "a/", "b/", "a/b/"]), st.sampled_from("xyz"), st.sampled_from(["", ".wav", ".mp3"])
        ),
    ),
    unique=True,
    max_size=5,
)


@pytest.mark.filterwarnings("ignore:.*were matched by file names")
@given(NAMES, NAMES)
def test_no_recording_is_taken_twice(wanted, known):
    try:
        found = matched_ids(wanted, known, "references")
    except InputError:
        return
    taken = [*found.values(), *(name for name in wanted if name in known)]
    assert len(set(taken)) == len(taken)
    assert set(found) <= set(wanted) - set(known)
    assert set(found.values()) <= set(known) - set(wanted)


REFERENCE_FORMS = {
    "dict": {"talk": "Good day", "b.wav": "Good day"},
    "series": pd.Series({"talk": "Good day", "b.wav": "Good day"}),
    "table": pd.DataFrame({"audio_id": ["talk", "b.wav"], "reference": "Good day"}),
    "index": pd.DataFrame({"reference": "Good day"}, index=pd.Index(["talk", "b.wav"], name="audio_id")),
}


@pytest.mark.parametrize("form", REFERENCE_FORMS)
@pytest.mark.parametrize("function", ["word_errors", "character_errors", "align_words", "metrics.punctuation_errors"])
def test_references(form, function):
    with pytest.warns(UserWarning, match=TAKEN):
        table = attrgetter(function)(sx)(corpus("calls/talk.wav", "b.wav"), REFERENCE_FORMS[form])
    assert set(table["audio_id"]) == {"calls/talk.wav", "b.wav"}
    if "status" in table:
        assert set(table["status"]) == {"scored"}
    else:
        assert set(table["operation"]) == {"hit"}


def test_turns():
    hypotheses = corpus("calls/talk.wav", "b.wav")
    for function in (sx.diarization_errors, sx.speaker_word_errors):
        with pytest.warns(UserWarning, match=TAKEN):
            errors = function(hypotheses, turns("talk", "b.wav"))
        assert dict(zip(errors["audio_id"], errors["status"], strict=True)) == {
            "calls/talk.wav": "scored",
            "b.wav": "scored",
        }
        assert not errors[[name for name in ("der", "cpwer") if name in errors]].to_numpy(float).any()
        with pytest.raises(InputError, match=r"could mean 'a/talk\.wav' or 'b/talk\.wav'"):
            function(corpus("a/talk.wav", "b/talk.wav"), turns("talk"))


def test_regions():
    uem = pd.DataFrame({"audio_id": ["talk"], "start_ms": [0], "end_ms": [1000]})
    with pytest.warns(UserWarning, match="matched by file names"):
        errors = sx.diarization_errors(corpus("calls/talk.wav"), turns("talk"), uem=uem)
    assert errors[["audio_id", "scored_ms"]].to_numpy().tolist() == [["calls/talk.wav", 1000]]


def test_languages():
    hypotheses = corpus("calls/talk.wav", "b.wav")
    stretches = pd.DataFrame({"audio_id": ["talk", "b.wav"], "language": "en", "start_ms": 0, "end_ms": 2000})
    for references in ({"talk": "en", "b.wav": "en"}, stretches, stretches.set_index("audio_id")):
        with pytest.warns(UserWarning, match=TAKEN):
            errors = sx.metrics.language_errors(hypotheses, references)
        assert errors["audio_id"].tolist() == ["calls/talk.wav", "b.wav"]
        assert errors["status"].tolist() == ["scored", "scored"]


def test_reviews():
    reviews = pd.DataFrame(
        {"audio_id": ["talk"], "start_ms": [0], "end_ms": [900], "verdict": "wrong", "correction": "Bad"}
    )
    with pytest.warns(UserWarning, match="'talk' is matched to 'calls/talk.wav'"):
        table = sx.apply_reviews(corpus("calls/talk.wav", "b.wav"), reviews)
    assert table["reference"].tolist() == ["Bad day", "Good day"]


def test_translations():
    with pytest.warns(UserWarning, match=TAKEN):
        scores = sx.metrics.translation_scores(
            {"calls/talk.wav": "Guten Tag", "b.wav": "Ja"},
            {"talk": "Guten Tag", "b.wav": "Ja"},
            metric="chrf",
            n_resamples=200,
        )
    assert scores[["score", "texts", "missing"]].to_numpy().tolist() == [[100.0, 2, 0]]


def test_comparing_looks_before_it_pays(service, tiny_wav, tmp_path):
    tiny_wav(tmp_path / "a" / "talk.wav", seed=1)
    tiny_wav(tmp_path / "b" / "talk.wav", seed=2)
    arms = {"plain": {}, "terms": {"context": {"terms": ["x"]}}}
    with pytest.raises(InputError, match="could mean"):
        sx.compare(tmp_path, {"talk": "one"}, arms=arms, progress=False)
    assert not service.requests
    with pytest.warns(UserWarning, match="'talk' is matched to 'talk.wav'"):
        trial = sx.compare(tmp_path / "a", {"talk": "one"}, arms=arms, progress=False, journal=tmp_path / "j.sqlite")
    with pytest.warns(UserWarning, match="'talk' is matched to 'talk.wav'"):
        assert trial.summary["recordings"].tolist() == [1, 1]


def test_reports(tmp_path, capsys):
    corpus("calls/talk.wav", "b.wav").save(tmp_path / "c")
    (tmp_path / "t.rttm").write_text("SPEAKER talk 1 0.0 2.0 <NA> <NA> A <NA> <NA>\n")
    (tmp_path / "r.csv").write_text("audio_id,reference\ntalk,good day\n")
    page = tmp_path / "r.html"
    call = ["report", str(tmp_path / "c"), "-o", str(page)]
    with pytest.warns(UserWarning, match="'talk' is matched to 'calls/talk.wav'"):
        assert main([*call, "--turns", str(tmp_path / "t.rttm"), "--references", str(tmp_path / "r.csv")]) == 0
    text = page.read_text(encoding="utf-8")
    assert "diarization error rate" in text
    assert "Word errors" in text
    corpus("a/talk.wav", "b/talk.wav").save(tmp_path / "c", overwrite=True)
    for option, name in (("--turns", "t.rttm"), ("--references", "r.csv")):
        assert main([*call, option, str(tmp_path / name)]) == 2
        assert "'talk' could mean 'a/talk.wav' or 'b/talk.wav'" in capsys.readouterr().err


def test_a_warning_on_the_command_line_is_one_line(tmp_path):
    import subprocess
    import sys

    corpus("talk.wav").save(tmp_path / "c")
    (tmp_path / "r.csv").write_text("audio_id,reference\ntalk,good day\n")
    code = "from soniox_ds.cli import main; raise SystemExit(main())"
    arguments = ["report", str(tmp_path / "c"), "--references", str(tmp_path / "r.csv"), "-o", str(tmp_path / "r.html")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "soniox-ds: references: 1 of 1 ids were matched by file names, without folders and extensions: 'talk' is "
        "matched to 'talk.wav'."
    ]


def test_an_underscore_that_could_mean_several_recordings_is_refused():
    with pytest.raises(InputError, match=r"references: 'a_b_c' could mean 'a b_c\.wav' or 'a_b c\.wav'"):
        matched_ids(["a_b_c"], ["a b_c.wav", "a_b c.wav"], "references")


def test_a_recording_with_parentheses_in_its_name_matches_its_own_trn(tmp_path):
    transcripts = corpus("c (2).wav")
    transcripts.to_trn(tmp_path / "a.trn")
    references = sx.read_references(tmp_path / "a.trn")
    with pytest.warns(UserWarning, match=r"'c__2_\.wav' is matched to 'c \(2\)\.wav'"):
        assert sx.word_errors(transcripts, references)["wer"].tolist() == [0]


@pytest.mark.parametrize("name", ["stm", "trn", "ctm"])
def test_a_recording_with_a_space_in_its_name_matches_its_own_export(tmp_path, name):
    transcripts = corpus("Interview 1.wav")
    getattr(transcripts, f"to_{name}")(tmp_path / f"a.{name}")
    references = sx.read_references(tmp_path / f"a.{name}")
    with pytest.warns(UserWarning, match=r"'Interview_1\.wav' is matched to 'Interview 1\.wav'"):
        assert sx.word_errors(transcripts, references)["wer"].tolist() == [0]
