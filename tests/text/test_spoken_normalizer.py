"""The normaliser "spoken" wherever a normaliser is taken, and where it has the language from."""

import warnings

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.language_hints import hinted_languages
from soniox_ds.text.spoken import SPOKEN_LANGUAGES

WRITTEN = {"en": ("seven", "7"), "de": ("sieben", "7"), "es": ("siete", "7"), "fr": ("sept", "7")}


def wer(references, hypotheses, **options):
    return sx.word_errors({"a": hypotheses}, {"a": references}, normalizer="spoken", **options)["wer"].item()


@pytest.mark.parametrize("language", SPOKEN_LANGUAGES)
def test_numbers_of_each_language(language):
    references, hypotheses = WRITTEN[language]
    assert wer(references, hypotheses, language=language) == 0
    assert sx.word_errors({"a": hypotheses}, {"a": references})["wer"].item() == 1


PAIRS = [
    pytest.param("at seven fifteen", "at 7:15", id="time"),
    pytest.param("fifteen dollars and twenty cents", "$15.20", id="money"),
    pytest.param("the centre", "the center", id="spelling"),
    pytest.param("NP-38BX", "NP38BX", id="code"),
]


@pytest.mark.parametrize(("said", "heard"), PAIRS)
def test_formatting_is_no_error(said, heard):
    assert wer(said, heard, language="en") == 0
    assert sx.character_errors({"a": heard}, {"a": said}, normalizer="spoken", language="en")["cer"].item() == 0
    aligned = sx.align_words({"a": heard}, {"a": said}, normalizer="spoken", language="en")
    assert (aligned["operation"] == "hit").all()
    assert sx.confusions(aligned).empty
    assert aligned["normalizer"].unique().tolist() == ["spoken 2"]


def corpus(*, languages=(None, None), column=None, hints=None):
    """Two recordings of one word each."""
    recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "options_hash": ["x", "y"]})
    if column is not None:
        recordings["language"] = column
    tokens = pd.DataFrame(
        {"audio_id": ["a", "b"], "token_index": 0, "text": ["7", "7"], "language": pd.array(languages, "string")}
    )
    provenance = None
    if hints is not None:
        runs = [
            {"options": {"language_hints": own}, "options_hash": name} for name, own in zip("xy", hints, strict=True)
        ]
        provenance = {"runs": runs}
    return sx.Corpus(recordings, tokens, provenance)


REFERENCES = {"a": "seven", "b": "sieben"}
TABLE = pd.DataFrame({"audio_id": ["a", "b"], "reference": ["seven", "sieben"]})
SOURCES = [
    pytest.param(corpus(), REFERENCES, {"a": "en", "b": "German"}, id="argument-by-id"),
    pytest.param(corpus(), TABLE.assign(language=["en-US", "deu"]), None, id="references"),
    pytest.param(corpus(column=["en", "de"]), REFERENCES, None, id="recordings"),
    pytest.param(corpus(languages=["en", "de"]), REFERENCES, None, id="words"),
    pytest.param(corpus(hints=[["en"], ["de"]]), REFERENCES, None, id="hints"),
    pytest.param(corpus(column=["de", "en"]), REFERENCES, {"a": "en", "b": "de"}, id="argument-before-recordings"),
    pytest.param(
        corpus(column=["de", "en"]), TABLE.assign(language=["en", "de"]), None, id="references-before-recordings"
    ),
    pytest.param(corpus(column=["en", "de"], languages=["de", "en"]), REFERENCES, None, id="recordings-before-words"),
    pytest.param(corpus(languages=["en", "de"], hints=[["de"], ["en"]]), REFERENCES, None, id="words-before-hints"),
    pytest.param(corpus(languages=["en", None], hints=[["es"], ["de"]]), REFERENCES, None, id="what-is-known-of-each"),
]


@pytest.mark.parametrize(("transcripts", "references", "language"), SOURCES)
def test_sources_of_the_language(transcripts, references, language):
    errors = sx.word_errors(transcripts, references, normalizer="spoken", language=language)
    assert errors["wer"].tolist() == [0, 0]


def test_two_hints_say_nothing():
    assert hinted_languages(corpus(hints=[["en", "de"], ["de"]])) == {"b": "de"}


def test_most_words_decide():
    words = pd.DataFrame(
        {"audio_id": "a", "word_index": range(3), "text": ["7", "oui", "7"], "language": ["en", "fr", "en"]}
    )
    assert sx.word_errors(words, {"a": "seven oui seven"}, normalizer="spoken")["wer"].item() == 0


def test_other_languages_go_through_basic_with_a_warning():
    hypotheses = {"a": "7", "b": "ÖT", "c": "7"}
    references = {"a": "seven", "b": "öt", "c": "seven"}
    message = r"'spoken 2' supports only the languages en, .* 2 of 3 texts are .* 'basic' .*: hu \(1\), not known \(1\)"
    with pytest.warns(UserWarning, match=message):
        errors = sx.word_errors(hypotheses, references, normalizer="spoken", language={"a": "en", "b": "hu"})
    assert errors["wer"].tolist() == [0, 0, 1]
    assert errors["normalizer"].unique().tolist() == ["spoken 2"]


def test_only_this_normaliser_asks_for_the_language():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sx.word_errors({"a": "7"}, {"a": "seven"})
        sx.word_errors({"a": "7"}, {"a": "seven"}, language="en")
    with pytest.raises(InputError, match="language is 'klingon'; give a two-letter language code"):
        sx.word_errors({"a": "7"}, {"a": "seven"}, language="klingon")
    with pytest.raises(InputError, match="or a dict from audio_id to language; found 3"):
        sx.word_errors({"a": "7"}, {"a": "seven"}, normalizer="spoken", language=3)


def test_with_other_steps():
    errors = sx.word_errors({"a": "7 cats"}, {"a": "seven [noise] cats"}, normalizer=["tags", "spoken"], language="en")
    assert errors[["wer", "normalizer"]].to_numpy().tolist() == [[0, "tags 2 + spoken 2"]]


def test_the_chain_by_itself():
    assert sx.Normalizer.of("spoken", language="en")("Seven") == sx.Normalizer.of("spoken", language="en")("7")
    assert sx.Normalizer.of("spoken", language="hu")("ÖT!") == "öt"
    assert sx.Normalizer.of("basic", language="en").label == "basic 3"
    with pytest.raises(InputError, match=r"depends on the language of the text: sx.Normalizer.of\('spoken', language="):
        sx.Normalizer.of("spoken")("seven")


def test_changes_of_the_spoken_step_are_shown():
    shown = sx.show.normalization("It costs $15.20", "spoken", language="en", unchanged=True)
    assert " ".join(shown["after"]) == sx.Normalizer.of("spoken", language="en")("It costs $15.20")
    assert sx.show.normalization(TABLE.assign(language=["en", "de"]), "spoken")["after"].tolist() == ["7", "7"]
    with pytest.warns(UserWarning, match="not known"):
        assert sx.show.normalization("seven", "spoken", unchanged=True)["after"].tolist() == ["seven"]


def test_speakers():
    reference = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "text": ["seven cats", "at seven fifteen"]})
    words = pd.DataFrame(
        {"audio_id": "a", "word_index": range(4), "text": ["7", "cats", "at", "7:15"], "speaker": list("1122")}
    )
    errors = sx.speaker_word_errors(words, reference, normalizer="spoken", language="en")
    assert errors[["cpwer", "wder", "normalizer"]].to_numpy().tolist() == [[0, 0, "spoken 2"]]
    labelled = sx.speaker_word_errors(words, reference.assign(language="en"), normalizer="spoken")
    pd.testing.assert_frame_equal(labelled, errors)
    identified = sx.speaker_word_errors(words.assign(language="en"), reference, normalizer="spoken")
    pd.testing.assert_frame_equal(identified, errors)


def test_speakers_of_recordings_whose_ids_are_written_in_two_ways():
    reference = pd.DataFrame({"audio_id": "talk", "speaker": ["x"], "text": ["seven cats"], "language": "en"})
    words = pd.DataFrame({"audio_id": "talk.wav", "word_index": [0, 1], "text": ["7", "cats"], "speaker": "1"})
    with pytest.warns(UserWarning, match="talk.wav"):
        errors = sx.speaker_word_errors(words, reference, normalizer="spoken")
    assert errors["cpwer"].tolist() == [0]


def test_punctuation():
    row = sx.metrics.punctuation_errors(
        {"a": "At 7:15, go."}, {"a": "At seven fifteen, go."}, normalizer="spoken", language="en"
    )
    assert row["hits"].item() == 2


def test_terms_need_to_be_told_the_language():
    aligned = sx.align_words({"a": "take 25 now"}, {"a": "take twenty five now"}, normalizer="spoken", language="en")
    with pytest.raises(InputError, match=r"depends on the language, which cannot be told from terms.*language=\"en\""):
        sx.term_errors(aligned, ["twenty five"])
    found = sx.term_errors(aligned, ["twenty five"], normalizer=sx.Normalizer.of("spoken", language="en"))
    assert found["hits"].tolist() == [1]


SAID_OF_TWO = ["it costs fifteen dollars and twenty cents", "call seven people"]


def experiment(**options):
    from soniox_ds.experiments.results import Comparison
    from soniox_ds.options import TranscriptionOptions

    hypotheses = {"plain": ["it costs $15.20", "call 7 people"], "terms": ["it costs $50.20", "call seven people"]}
    corpora = {}
    for name, texts in hypotheses.items():
        recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "text": texts})
        tokens = [
            {"audio_id": audio_id, "token_index": place, "text": f" {word}"}
            for audio_id, text in zip("ab", texts, strict=True)
            for place, word in enumerate(text.split())
        ]
        corpora[name] = [sx.Corpus(recordings.assign(duration_ms=60_000, cost_usd=0.0), pd.DataFrame(tokens))]
    said = pd.DataFrame({"audio_id": ["a", "b"], "reference": SAID_OF_TWO})
    return Comparison(
        arms={"plain": TranscriptionOptions(), "terms": TranscriptionOptions(context={"terms": ["seven"]})},
        corpora=corpora,
        references=said,
        terms=["seven"],
        distractors=[],
        block="audio_id",
        ci=0.95,
        seed=0,
        **options,
    )


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_an_experiment():
    trial = experiment(normalizer="spoken", language="en")
    assert trial.summary["wer"].tolist()[0] == 0
    assert trial.summary["wer"].tolist()[1] > 0
    assert trial.summary["normalizer"].tolist() == ["spoken 2"] * 2
    assert trial.term_summary["recall"].tolist() == [1, 1]
    assert trial.term_errors["hits"].tolist() == [1, 1]


def test_a_report_and_the_command_line(tmp_path):
    from soniox_ds.cli import main

    corpus_of_one = experiment(normalizer="basic").corpora["plain"][0]
    corpus_of_one.save(tmp_path / "corpus")
    references = tmp_path / "references.csv"
    references.write_text(
        "audio_id,reference\na,it costs fifteen dollars and twenty cents\nb,call [noise] seven people\n"
    )
    page = tmp_path / "report.html"
    arguments = ["report", str(tmp_path / "corpus"), "--references", str(references), "-o", str(page)]
    assert main([*arguments, "--normalizer", "tags", "spoken", "--language", "English"]) == 0
    written = page.read_text(encoding="utf-8")
    assert "tags 2 + spoken 2" in written
    assert "No scored recording has an error." in written
    with pytest.warns(UserWarning, match="the references contain"):
        assert main(arguments) == 0


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_reports_and_experiments_show_both_rates_side_by_side(tmp_path):
    trial = experiment(normalizer="basic", language="en")
    assert trial.summary["wer"].tolist() == [6 / 10, 5 / 10]
    assert trial.summary["neutral_wer"].tolist() == [0, 1 / 10]
    assert "neutral_wer" in repr(trial)
    corpus_of_one = trial.corpora["plain"][0]
    corpus_of_one = sx.Corpus(corpus_of_one.recordings.assign(reference=SAID_OF_TWO), corpus_of_one.tokens)
    page = sx.report(corpus_of_one, path=tmp_path / "report.html", language="en", comparison=trial).read_text("utf-8")
    assert page.count("formatting-neutral") >= 3  # the summary, the table of errors, the arms
    assert "Formatting-neutral: numbers, times" in page
    assert "The formatting-neutral rate is of" not in page
    partly = sx.report(corpus_of_one, path=tmp_path / "report.html", language={"a": "en"}).read_text("utf-8")
    assert "The formatting-neutral rate is of 7 of 10 reference words" in partly
    without = sx.report(corpus_of_one, path=tmp_path / "report.html").read_text("utf-8")
    assert "There is no formatting-neutral word error rate" in without
    assert "formatting-neutral</th>" not in without
    assert "neutral_wer" not in repr(experiment(normalizer="basic"))


@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
def test_repeats_add_their_neutral_errors_up():
    trial = experiment(normalizer="basic", language="en")
    repeated = experiment(normalizer="basic", language="en")
    repeated.corpora = {name: own * 2 for name, own in repeated.corpora.items()}
    assert repeated.summary["neutral_wer"].tolist() == trial.summary["neutral_wer"].tolist()
    assert repeated.summary["neutral_errors"].tolist() == [0, 2]


def test_an_experiment_looks_at_terms_in_the_language_of_the_recordings(tmp_path):
    tone = "data/samples/clinic_note.flac"
    arms = {"a": {}, "b": {"language_hints": ["en"]}}
    with pytest.raises(InputError, match=r"'seven' and '7' are the same after normalisation"):
        sx.compare(tone, {tone: "x"}, arms=arms, terms=["seven", "7"], normalizer="spoken", journal=tmp_path / "j")
    with pytest.raises(InputError, match=r"'sieben' and '7' are the same after normalisation"):
        sx.compare(
            tone,
            {tone: "x"},
            arms=arms,
            terms=["sieben", "7"],
            normalizer="spoken",
            language="de",
            journal=tmp_path / "j",
        )
