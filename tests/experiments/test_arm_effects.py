"""The effect of an arm: every difference between the results is found and named."""

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.api.clock import Clock
from soniox_ds.emulator import local_service
from soniox_ds.experiments.effects import arm_effects
from soniox_ds.schema import ARM_EFFECTS

WORDS = ["please", " take", " it"]


def corpus_of(*recordings, failed=()):
    """Recordings as lists of tokens: (text, speaker, language, translation status)."""
    rows = [
        {"audio_id": f"{number}.wav", "token_index": place, **dict(zip(COLUMNS, token, strict=False))}
        for number, tokens in enumerate(recordings)
        for place, token in enumerate(tokens)
    ]
    texts = ["".join(token[0] for token in tokens) for tokens in recordings]
    table = pd.DataFrame({"audio_id": [f"{number}.wav" for number in range(len(recordings))], "text": texts})
    table["status"] = ["failed" if number in failed else "completed" for number in range(len(recordings))]
    return sx.Corpus(table, pd.DataFrame(rows, columns=["audio_id", "token_index", *COLUMNS]))


COLUMNS = ["text", "speaker", "language", "translation_status"]
PLAIN = [(word, None, None, None) for word in WORDS]


@pytest.mark.parametrize(
    ("own", "effect"),
    [
        (PLAIN, "none"),
        ([("please take", None, None, None), (" it", None, None, None)], "none"),  # in other pieces
        ([(word, None, None, "none") for word in WORDS], "none"),
        ([("Please", None, None, None), *PLAIN[1:]], "text"),
        ([(word, "1", None, None) for word in WORDS], "speakers"),
        ([(word, None, "en", None) for word in WORDS], "languages"),
        ([*PLAIN, (" tómelo", None, None, "translation")], "translations"),
        ([("Please", "1", "en", None), *PLAIN[1:]], "text, speakers, languages"),
    ],
)
def test_differences_are_named(own, effect):
    found = arm_effects({"plain": [corpus_of(PLAIN, PLAIN)], "other": [corpus_of(own, PLAIN)]}, "plain")
    assert list(found) == list(ARM_EFFECTS)
    assert found.iloc[0].drop("arm").isna().all()
    row = found.iloc[1]
    assert (row["transcripts"], row["effect"]) == (2, effect)
    for part, column in (
        ("text", "changed"),
        ("speakers", "changed_speakers"),
        ("languages", "changed_languages"),
        ("translations", "changed_translations"),
    ):
        assert row[column] == (0.5 if part in effect else 0), column


def test_speakers_beside_each_other_and_in_turn():
    def effect_of(one, other):
        corpora = ([list(zip(words, labels, strict=True))] for words, labels in (one, other))
        first, second = (corpus_of(*own) for own in corpora)
        return arm_effects({"a": [first], "b": [second]}, "a")["effect"][1]

    assert effect_of((WORDS, "112"), (WORDS, "112")) == "none"
    assert effect_of((WORDS, "112"), (WORDS, "122")) == "speakers"  # the same speakers change at another word
    # The letters differ, so only the order of the speakers counts.
    assert effect_of((WORDS, "112"), (["please", " do", " it"], "122")) == "text"
    assert effect_of((WORDS, "112"), (["please", " do", " it"], "111")) == "text, speakers"


def test_recordings_that_failed_in_either_arm_are_left_out():
    labelled = [(word, "1") for word in WORDS]
    arms = {"plain": [corpus_of(PLAIN, PLAIN, failed=[0])], "who": [corpus_of(labelled, PLAIN)]}
    assert arm_effects(arms, "plain")["effect"][1] == "none"
    assert arm_effects(arms, "plain")["transcripts"][1] == 1


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_options_beside_the_text_have_an_effect(tiny_wav, tmp_path):
    references = {"a.wav": "please take it every morning", "b.wav": "not today"}
    files = [tiny_wav(tmp_path / name, seconds=2.0, seed=seed) for seed, name in enumerate(references)]
    arms = {
        "plain": {},
        "who": {"enable_speaker_diarization": True},
        "which": {"enable_language_identification": True},
        "es": {"translation": {"type": "one_way", "target_language": "es"}},
        "hint": {"language_hints": ["en"]},
    }
    with local_service("scripted", speed=100, requests_per_minute=None, scripts=references, median_s=1.0):
        trial = sx.compare(files, references, arms=arms, journal=tmp_path / "j", progress=False, clock=Clock(speed=20))
    effects = trial.effects.set_index("arm")
    assert effects.loc["who", ["changed", "changed_speakers", "effect"]].tolist() == [0, 1, "speakers"]
    assert effects.loc["which", "effect"] == "languages"
    assert "translations" in effects.loc["es", "effect"]
    assert effects.loc["es", "changed"] == 0, "what was spoken is the same"
    assert effects.loc["hint", "effect"] == "none"
    summary = trial.summary.set_index("arm")
    assert summary["effect"].tolist()[1:] == effects["effect"].tolist()[1:]
    assert "speakers" in repr(trial)
    page = sx.report(trial.corpora["plain"][0], path=tmp_path / "page.html", comparison=trial, clips=0, recordings=0)
    text = page.read_text(encoding="utf-8")
    assert "text changed" in text
    assert ">speakers<" in text
