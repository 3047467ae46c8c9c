"""The scripted recognizer: what it says, how sure it is, and that it always says the same."""

import hashlib
import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.emulator.models import LANGUAGES
from soniox_ds.emulator.recognizers.invented import UNSPACED, misheard, pseudo_word, sentences
from soniox_ds.emulator.recognizers.script_table import ScriptTable, Turn
from soniox_ds.emulator.recognizers.scripted import Labels, ScriptedRecognizer, make_tokens

DIALOGUE = [
    {"speaker": "1", "language": "en", "text": "How are you?", "start_ms": 300, "end_ms": 1200},
    {"speaker": "2", "language": "de", "text": "Gut, danke.", "start_ms": 1500, "end_ms": 2700},
]
EVERYTHING = {"enable_speaker_diarization": True, "enable_language_identification": True}


def text_of(heard):
    return "".join(token["text"] for token in heard.tokens)


def transcribe(path, recognizer=None, name=None, **options):
    return (recognizer or ScriptedRecognizer()).transcribe(path, filename=name or path.name, options=options)


def test_the_same_bytes_give_the_same_and_others_give_something_else(tiny_wav, tmp_path):
    first, second = (tiny_wav(tmp_path / f"{seed}.wav", seed=seed) for seed in (1, 2))
    assert transcribe(first) == transcribe(first, name="renamed.wav")
    assert text_of(transcribe(first)) != text_of(transcribe(second))
    assert text_of(transcribe(first)) != text_of(transcribe(first, ScriptedRecognizer(seed=1)))
    assert transcribe(first).processing_s != transcribe(second).processing_s


def test_options_change_labels_and_not_the_words(tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav", seconds=20)
    plain, labelled = transcribe(path), transcribe(path, **EVERYTHING)
    assert set(plain.tokens[0]) == {"text", "start_ms", "end_ms", "confidence"}
    assert {token["speaker"] for token in labelled.tokens} == {"1", "2"}
    assert [token["start_ms"] for token in plain.tokens] == [token["start_ms"] for token in labelled.tokens]
    assert plain.processing_s == labelled.processing_s


def test_processing_times_are_lognormal(tiny_wav, tmp_path):
    times = [transcribe(tiny_wav(tmp_path / "a.wav", 0.1, seed=seed)).processing_s for seed in range(200)]
    logs = np.log(times)
    assert np.exp(np.median(logs)) == pytest.approx(7, rel=0.15)
    assert logs.std() == pytest.approx(0.5, rel=0.2)
    exact = ScriptedRecognizer(median_s=3, sigma=0)
    assert transcribe(tmp_path / "a.wav", exact).processing_s == 3


# scripts


@pytest.mark.parametrize("form", ["mapping", "json", "csv", "folder"])
def test_scripts_from_everywhere(tiny_wav, tmp_path, form):
    path = tiny_wav(tmp_path / "audio" / "call.wav", seconds=3)
    text = "Hello there,\nhow are you?"
    if form == "mapping":
        scripts = {"somewhere/call.wav": text}
    elif form == "json":
        scripts = tmp_path / "scripts.json"
        scripts.write_text(json.dumps({"call.wav": text}), encoding="utf-8")
    elif form == "csv":
        scripts = tmp_path / "scripts.csv"
        scripts.write_text('filename,text\ncall.wav,"Hello there,"\ncall.wav,how are you?\n', encoding="utf-8")
    else:
        scripts = tmp_path / "scripts"
        scripts.mkdir()
        (scripts / "call.txt").write_text(text, encoding="utf-8")
    recognizer = ScriptedRecognizer(scripts)
    assert text_of(transcribe(path, recognizer, "/elsewhere/call.wav")) == "Hello there, how are you?"
    assert text_of(transcribe(path, recognizer, "other.wav")) == text_of(transcribe(path))


def test_a_script_may_be_found_by_the_bytes(tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav")
    recognizer = ScriptedRecognizer({hashlib.sha256(path.read_bytes()).hexdigest(): "By its bytes."})
    assert text_of(transcribe(path, recognizer, "unknown.wav")) == "By its bytes."


def test_turns_keep_their_times_speakers_and_languages(tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav", seconds=3)
    heard = transcribe(path, ScriptedRecognizer({"a.wav": DIALOGUE}), **EVERYTHING)
    # The space goes where the transcript shows that somebody else speaks.
    assert text_of(heard) == "How are you?Gut, danke."
    for turn in DIALOGUE:
        mine = [token for token in heard.tokens if token["speaker"] == turn["speaker"]]
        assert {token["language"] for token in mine} == {turn["language"]}
        assert turn["start_ms"] - 30 <= mine[0]["start_ms"]
        assert mine[-1]["end_ms"] <= turn["end_ms"]
    assert text_of(transcribe(path, ScriptedRecognizer({"a.wav": DIALOGUE}))) == "How are you? Gut, danke."


TRANSLATED = [
    {
        "text": "How are you today?",
        "language": "en",
        "translations": {"de": "Wie geht es Ihnen?", "ja": "元気 ですか？"},
    },
    {"text": "Gut, danke.", "language": "de", "translations": {"en": "Fine, thank you very much."}},
]


def translations_of(tokens, language):
    """The text of all translations into a language."""
    return "".join(
        token["text"]
        for token in tokens
        if token.get("translation_status") == "translation" and token["language"] == language
    )


def test_a_script_has_its_own_translations(tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav", seconds=3)
    recognizer = ScriptedRecognizer({"a.wav": TRANSLATED})
    both = {"type": "two_way", "language_a": "de", "language_b": "en"}
    tokens = transcribe(path, recognizer, translation=both).tokens
    assert translations_of(tokens, "de") == "Wie geht es Ihnen?"
    assert translations_of(tokens, "en") == "Fine, thank you very much."
    tokens = transcribe(path, recognizer, translation={"type": "one_way", "target_language": "ja"}).tokens
    assert translations_of(tokens, "ja").startswith("元気ですか？")  # and an invented one of the second turn
    french = transcribe(path, recognizer, translation={"type": "one_way", "target_language": "fr"}).tokens
    assert len(re.findall(r"\w+", translations_of(french, "fr"))) == 6  # one made up for each word


def test_a_stream_sends_the_translation_of_a_script_as_its_words_are_settled():
    stream = ScriptedRecognizer(stream_script=TRANSLATED[:1]).stream(
        {"translation": {"type": "one_way", "target_language": "de"}}
    )
    loud = np.tile(np.float32([0.5, -0.5]), 8_000)
    updates = [stream.feed(loud).final for _ in range(6)]
    assert any(translations_of(update, "de") for update in updates)
    tokens = [token for update in [*updates, stream.close().final] for token in update]
    assert translations_of(tokens, "de").strip() == "Wie geht es Ihnen?"


@pytest.mark.parametrize("translations", ["Guten Tag", {"de": 1}])
def test_translations_are_texts_by_language(translations):
    with pytest.raises(ValueError, match="texts by language"):
        ScriptTable({"a.wav": [{"text": "Good day", "translations": translations}]})


@pytest.mark.parametrize(
    ("scripts", "complaint"),
    [("nowhere", "neither a folder nor"), ({"a": [{"speaker": "1"}]}, "needs a text"), ("bad.csv", "needs a filename")],
)
def test_scripts_that_cannot_be_used(tmp_path, scripts, complaint):
    (tmp_path / "bad.csv").write_text("text\nhello\n", encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        ScriptTable(tmp_path / scripts if isinstance(scripts, str) else scripts)


# tokens


@given(
    st.lists(st.text(st.characters(categories=("L", "N", "P", "Zs")), max_size=80), max_size=6),
    st.integers(1, 60_000),
    st.integers(0, 99),
)
def test_laws_of_tokens(texts, length_ms, seed):
    turns = [Turn(text=text, speaker=str(index % 2 + 1)) for index, text in enumerate(texts)]
    tokens = make_tokens(turns, length_ms, rng=np.random.default_rng(seed))
    starts = [token["start_ms"] for token in tokens]
    assert starts == sorted(starts)
    assert "".join(token["text"] for token in tokens) == " ".join(" ".join(texts).split())
    for token in tokens:
        assert token["start_ms"] % 30 == 0
        assert token["end_ms"] - token["start_ms"] == 60
        assert token["end_ms"] <= max(length_ms, 60)
        assert 0 < token["confidence"] <= 1
        assert token["confidence"] == float(np.float32(token["confidence"])), "float32 values, as the service sends"


# errors


def test_about_as_many_errors_as_asked_for():
    words = [word for sentence in sentences(np.random.default_rng(0), 5000) for word in sentence]
    heard = misheard(words, np.random.default_rng(1), 0.2)
    wrong = sum(bad for _, bad in heard)
    deleted = len(words) - sum(not bad for _, bad in heard) - round(wrong * 3 / 4)
    assert wrong + deleted == pytest.approx(1000, rel=0.2)
    assert misheard(words, np.random.default_rng(1), 0.0) == [(word, False) for word in words]


def test_errors_are_less_certain_and_terms_are_never_misheard(tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav", seconds=60)
    scripts = {"a.wav": "Celebrex " * 200}
    deaf = ScriptedRecognizer(scripts, error_rate=0.5)
    wrong = transcribe(path, deaf)
    assert text_of(wrong).count("Celebrex") < 180
    assert min(token["confidence"] for token in wrong.tokens) < 0.7
    told = transcribe(path, deaf, context={"terms": ["celebrex"]})
    assert text_of(told) == ("Celebrex " * 200).strip()


# translation


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_language_has_its_words(language):
    word = pseudo_word("Hello,", language, {})
    assert word.endswith(",")
    assert word[:-1].isprintable()
    assert word == pseudo_word("hello,", language, {})
    if language == "ru":
        assert all("а" <= letter <= "я" for letter in word[:-1])


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ({"type": "one_way", "target_language": "fr"}, [("en", "fr"), ("de", "fr")]),
        ({"type": "one_way", "target_language": "de"}, [("en", "de"), ("de", None)]),
        ({"type": "two_way", "language_a": "en", "language_b": "ja"}, [("en", "ja"), ("de", None)]),
        ({"type": "two_way", "language_a": "de", "language_b": "en"}, [("en", "de"), ("de", "en")]),
    ],
)
def test_translations_follow_their_turn(tiny_wav, tmp_path, translation, expected):
    path = tiny_wav(tmp_path / "a.wav", seconds=3)
    heard = transcribe(path, ScriptedRecognizer({"a.wav": DIALOGUE}), translation=translation)
    runs = []
    for token in heard.tokens:
        run = (token["translation_status"], token["language"], token.get("source_language"))
        if not runs or runs[-1] != run:
            runs.append(run)
        assert ("start_ms" in token) == (token["translation_status"] != "translation")
    wanted = []
    for language, target in expected:
        wanted.append(("original" if target else "none", language, None))
        if target:
            wanted.append(("translation", target, language))
    assert runs == wanted


def test_translation_terms_and_scripts_without_spaces():
    labels = Labels.of(
        {
            "translation": {"type": "one_way", "target_language": "ja"},
            "context": {"translation_terms": [{"source": "Tokyo", "target": "東京"}]},
        }
    )
    text = "".join(token["text"] for token in labels.translate(["In", "Tokyo."], "1", "en", 0.9, {}))
    assert text.endswith("東京.")
    assert " " not in text
    assert "ja" in UNSPACED
