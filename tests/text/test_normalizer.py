"""Normalisers, and which words the normalised ones came from."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds import schema
from soniox_ds.exceptions import InputError, SetupError
from soniox_ds.metrics.words.units import Lines, Vocabulary, lines_of, read_units, split_units
from soniox_ds.text import normalizer
from soniox_ds.text.normalizer import NormalizationStep, Normalizer

pytest.importorskip("whisper_normalizer", reason="pip install whisper-normalizer")

BASIC = [
    pytest.param("Hello, World!", "hello world", id="plain"),
    pytest.param("don’t STOP – rock'n'roll 'quoted'", "don't stop rock'n'roll quoted", id="apostrophes"),
    pytest.param("at 7:30, 3.5 km or 10,000 m; 5.", "at 7:30 3.5 km or 10,000 m 5", id="numbers"),
    pytest.param("$5 & 10% @home C# 20°", "$5 & 10% @home c# 20°", id="spoken-signs"),
    pytest.param("e-mail twenty\u00adone “x”…", "e mail twentyone x", id="hyphen-and-soft-hyphen"),
    pytest.param("निम्बू, पानी।", "निम्बू पानी", id="hindi-keeps-its-marks"),
    pytest.param("น้ำ ที่นี่!", "น้ำ ที่นี่", id="thai-keeps-its-marks"),
    pytest.param("می\u200cروم، بله؟", "مي\u200cروم بله", id="persian-keeps-the-non-joiner"),
    pytest.param("Straße ΣΑΣ", "strasse σασ", id="full-case-folding"),
    pytest.param("cafe\u0301", "caf\u00e9", id="composed"),
    pytest.param("दु’आ", "दु'आ", id="apostrophe-after-a-vowel-sign"),
    pytest.param("I\u0307stanbul", "istanbul", id="dotted-capital"),
    pytest.param("好的，谢谢。", "好的 谢谢", id="chinese"),
    pytest.param("", "", id="nothing"),
    pytest.param(" \t\n ", "", id="blank"),
]


WRITTEN_IN_TWO_WAYS = [
    pytest.param("love ❤️ it", "love it", id="emoji-selector"),
    pytest.param("ok 👍🏽 👩‍💻 🏴󠁧󠁢󠁥󠁮󠁧󠁿 go", "ok go", id="emoji-of-several-characters"),
    pytest.param("♥︎ hearts", "hearts", id="text-selector"),
    pytest.param("葛󠄀城", "葛城", id="ideographic-selector"),
    pytest.param("press 1️⃣ now", "press 1 now", id="keycap"),
    pytest.param("dial #️⃣ 2⃣", "dial # 2", id="keycap-without-selector"),
    pytest.param("İstanbul İZMİR'de", "istanbul izmir'de", id="turkish-dotted-capital"),
    pytest.param("DIYARBAKIR Iğdır", "diyarbakır ığdır", id="turkish-dotless-capital"),
    pytest.param("ＳＩＭ １２", "sim 12", id="full-width"),
    pytest.param("３．５％ ７：３０ １０，０００", "3.5% 7:30 10,000", id="full-width-numbers"),
    pytest.param("ｱﾊﾟｰﾄ ｶﾞﾗｽ", "アパート ガラス", id="half-width-katakana"),
    pytest.param("か゛く", "がく", id="sound-mark-on-its-own"),
    pytest.param("كتـــاب", "كتاب", id="tatweel"),
    pytest.param("ﻛﺘﺎﺏ ﻻ ﷲ", "كتاب لا الله", id="arabic-presentation-forms"),
    pytest.param("کتاب علی", "كتاب علي", id="persian-and-arabic-keyboards"),
    pytest.param("ٱلله", "الله", id="alef-of-the-quran"),
    pytest.param("کار\u200cها", "کارها", id="non-joiner-that-changes-nothing"),
    pytest.param("١٢٫٥ ۴۵ १२", "12.5 45 12", id="digits-of-other-scripts"),
    pytest.param("rock´n´roll don`t l’eau", "rock'n'roll don't l'eau", id="apostrophes"),
    pytest.param("Hawaiʻi п’ять пʼять oʻzbek", "Hawai'i п'ять п'ять o‘zbek", id="apostrophes-of-other-scripts"),
    pytest.param("ג׳ירפה", "ג'ירפה", id="geresh"),
    pytest.param("co\u00adoperate auf\u200clage a\u2060b", "cooperate auflage ab", id="invisible-inside-words"),
    pytest.param("\u200fשלום\u200e \u2067abc\u2069 \ufeffword", "שלום abc word", id="marks-of-direction"),
    pytest.param("\u061cمرحبا", "مرحبا", id="arabic-letter-mark"),
    pytest.param("hello\u200b world", "hello world", id="zero-width-space"),
    pytest.param("នេះ\u200bជា", "នេះជា", id="zero-width-space-in-khmer"),
    pytest.param("ﬁrst ﬂoor ﬀ ĳs ǆ ſun", "first floor ff ijs dž sun", id="ligatures"),
    pytest.param("𝐇𝐞𝐥𝐥𝐨 𝟙 Ⅳ ① ㎏", "hello 1 iv 1 kg", id="letters-of-other-fonts"),
    pytest.param("re\u2011use 5\u00a0km 5\u202fkm", "re-use 5 km 5 km", id="non-breaking"),
    pytest.param("−5 5–6 5—6", "-5 5-6 5-6", id="dashes-and-minus"),
    pytest.param("1½ cups", "1 1/2 cups", id="fractions"),
    pytest.param("m² CO₂ 1ˢᵗ 1.º", "m2 co2 1st 1º", id="superscripts"),
    pytest.param("20℃ 20˚C", "20°C 20°C", id="degrees"),
    pytest.param("well… ok", "well... ok", id="ellipsis"),
    pytest.param("„so“ «so» ‹so› 「so」", '"so" "so" "so" "so"', id="quotes"),
    pytest.param("เเม่ นำ้", "แม่ น้ำ", id="thai-vowels-in-another-order"),
    pytest.param("നന്\u200dമ അവര്\u200d", "നൻമ അവർ", id="old-chillu-letters"),
    pytest.param("ক্\u200cষ ক্\u200dষ", "ক্ষ ক্ষ", id="joiners-after-a-virama"),
    pytest.param("București țară", "Bucureşti ţară", id="comma-and-cedilla"),
    pytest.param("cafe\u0301 한", "café 한", id="decomposed"),
]


@pytest.mark.parametrize(("one", "other"), WRITTEN_IN_TWO_WAYS)
def test_characters_without_a_sound_are_no_errors(one, other):
    errors = sx.word_errors({"a": one, "b": other}, {"a": other, "b": one})
    assert errors["wer"].tolist() == [0, 0]
    assert sx.character_errors({"a": one}, {"a": other})["cer"].tolist() == [0]
    assert Normalizer.of("basic")(one) == Normalizer.of("basic")(other)


DIFFERENT = [
    pytest.param("की", "कि", id="hindi-vowel-signs"),
    pytest.param("निम्बू", "नम्ब", id="hindi-marks"),
    pytest.param("مي\u200cروم", "ميروم", id="persian-letters-that-are-divided"),
    pytest.param("র\u200d্যা", "র্যা", id="bengali-r-before-y"),
    pytest.param("10²", "102", id="a-power"),
    pytest.param("1½", "11/2", id="a-fraction-beside-a-number"),
    pytest.param("Windows™", "WindowsTM", id="a-trade-mark"),
    pytest.param("e\u0301te\u0301", "ete", id="accents"),
    pytest.param("น้า", "น้ำ", id="thai-vowels"),
    pytest.param("שבת", "שבט", id="hebrew-letters"),
    pytest.param("علي", "على", id="arabic-yeh-and-alef-maksura"),
    pytest.param("أحمد", "احمد", id="hamza"),
    pytest.param("كَتَبَ", "كُتِبَ", id="harakat-that-differ"),
    pytest.param("か", "が", id="voiced"),
    pytest.param("пʼять", "пять", id="an-apostrophe-that-is-there"),
    pytest.param("50%", "50", id="spoken-signs"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_audible_differences_stay_errors(one, other):
    assert sx.word_errors({"a": one}, {"a": other})["wer"].item() > 0


VOWEL_MARKS = [
    pytest.param("كِتَابٌ", "كتاب", id="harakat"),
    pytest.param("مُحَمَّدٌ رَسُولُ", "محمد رسول", id="shadda"),
    pytest.param("هٰذا", "هذا", id="superscript-alef"),
    pytest.param("שָׁלוֹם", "שלום", id="niqqud"),
    pytest.param("בְּרֵאשִׁ֖ית", "בראשית", id="cantillation"),
    pytest.param("שׁלום", "שלום", id="hebrew-presentation-form"),
]


@pytest.mark.parametrize(("pointed", "plain"), VOWEL_MARKS)
@pytest.mark.parametrize("chain", [["vowel-marks", "basic"], ["basic", "vowel-marks"]])
def test_vowel_marks_are_a_step_of_their_own(pointed, plain, chain):
    errors = sx.word_errors({"a": plain}, {"a": pointed}, normalizer=chain)
    assert errors["wer"].tolist() == [0]
    assert "vowel-marks 1" in errors["normalizer"].item()
    assert sx.word_errors({"a": plain}, {"a": pointed})["wer"].item() > 0


@pytest.mark.parametrize("text", ["निम्बू पानी", "น้ำที่", "café naïve", "tiếng Việt", "آب أخ إن", "カ\u3099"])
def test_other_marks_are_no_vowel_marks(text):
    assert Normalizer.of(["vowel-marks", "basic"])(text) == Normalizer.of("basic")(text)


def test_quotation_marks_inside_unspaced_text_are_no_apostrophes():
    assert sx.word_errors({"a": "他说'好'吧"}, {"a": "他说“好”吧"})["wer"].item() == 0
    assert sx.word_errors({"a": "他说‘好’吧"}, {"a": "他说「好」吧"})["wer"].item() == 0


@pytest.mark.parametrize(("text", "expected"), BASIC)
def test_basic(text, expected):
    assert Normalizer.of("basic")(text) == expected


@given(st.text())
def test_basic_twice_is_basic_once(text):
    once = Normalizer.of("basic")(text)
    assert Normalizer.of("basic")(once) == once


@given(st.text(alphabet="ab éé́ñ́'.,-1 "))
def test_a_letter_in_two_spellings_is_one(text):
    import unicodedata

    for name in ("none", "basic", "punctuation", "casefold", "apostrophes", "characters", "vowel-marks"):
        chain = Normalizer.of(name)
        assert chain(unicodedata.normalize("NFD", text)) == chain(unicodedata.normalize("NFC", text))


def test_steps_that_decompose_are_composed_again():
    import unicodedata

    def decomposed(text):
        return unicodedata.normalize("NFD", text)

    assert Normalizer.of(["basic", decomposed])("Café") == "caf\u00e9"
    assert sx.word_errors({"a": "caf\u00e9"}, {"a": "caf\u00e9"}, normalizer=decomposed)["wer"].tolist() == [0]


def test_whisper_english_is_the_package_on_whole_texts():
    from whisper_normalizer.english import EnglishTextNormalizer

    text = "Mr. O'Neil won't pay twenty five dollars [laughs] for, um, one oh one colours."
    chain = Normalizer.of("whisper-english")
    assert chain(text) == " ".join(EnglishTextNormalizer()(text).split())
    assert chain.label.startswith("whisper-english 0.")
    assert "$25" in chain(text)


def test_typographic_apostrophes_before_whisper_english():
    assert Normalizer.of("whisper-english")("don’t") == "don t"
    chain = Normalizer.of(["apostrophes", "whisper-english"])
    assert chain("don’t") == "do not"
    assert chain.label.startswith("apostrophes 2 + whisper-english 0.")


def test_labels():
    def shout(text):
        return text.upper()

    def whisper(text):
        return text.lower()

    assert Normalizer.of("none").label == "none 1"
    assert Normalizer.of([]).label == "none 1"
    own = Normalizer.of(shout).label
    assert own == Normalizer.of(shout).label
    assert own.startswith("shout ")
    assert own.split()[1] != Normalizer.of(whisper).label.split()[1]
    shout.version = "7"
    assert Normalizer.of(["basic", shout]).label == "basic 3 + shout 7"
    assert Normalizer.of(NormalizationStep("mine", "2", str.upper)).label == "mine 2"
    assert Normalizer.of(str.upper).label.startswith("upper python-")


WRONG = [
    pytest.param("basik", r"there is no normaliser 'basik'; pass one of \['none', 'basic'", id="unknown-name"),
    pytest.param(7, "normalizer must be one of .* found 7", id="a-number"),
    pytest.param(["basic", None], "found None", id="within-a-list"),
]


@pytest.mark.parametrize(("normalizer", "message"), WRONG)
def test_wrong_normalisers(normalizer, message):
    with pytest.raises(InputError, match=message):
        sx.word_errors({"a": "x"}, {"a": "x"}, normalizer=normalizer)


def test_a_function_that_returns_no_text():
    with pytest.raises(InputError, match=r"step '<lambda>' must return a string; for 'x' it returned \['x'\]"):
        sx.word_errors({"a": "x"}, {"a": "x"}, normalizer=lambda text: text.split())


def test_a_function_that_fails():
    def broken(text):
        raise KeyError("no such word")

    with pytest.raises(InputError, match="step 'broken' failed on 'x': KeyError"):
        sx.word_errors({"a": "x"}, {"a": "x"}, normalizer=broken)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "whisper_normalizer.english", None)
    normalizer._whisper_english.cache_clear()
    with pytest.raises(SetupError, match="pip install whisper-normalizer"):
        Normalizer.of("whisper-english")


UNITS = [
    pytest.param("hello", ["hello"], id="latin"),
    pytest.param("안녕하세요", ["안녕하세요"], id="korean-has-spaces"),
    pytest.param("好的ok吗", ["好", "的", "ok", "吗"], id="mixed"),
    pytest.param("น้ำ", ["น้ำ"], id="thai-marks-stay"),
    pytest.param("ที่นี่", ["ที่", "นี่"], id="thai"),
    pytest.param("カー", ["カ", "ー"], id="japanese-long-vowel"),
]


@pytest.mark.parametrize(("word", "units"), UNITS)
def test_units(word, units):
    assert split_units(word) == units


@given(st.text())
def test_units_lose_nothing(word):
    assert "".join(split_units(word)) == word
    assert all(split_units(word)) or not word


WORDS = [
    "twenty",
    "five",
    "one",
    "oh",
    "won't",
    "um",
    "[noise",
    "here]",
    "O'Neil",
    "Dr.",
    "dollars",
    "colour",
    "and",
    "a",
    "x-y",
    "…",
]


@pytest.mark.parametrize("name", ["none", "basic", "whisper-english"])
@given(texts=st.lists(st.lists(st.sampled_from(WORDS)), max_size=3))
def test_units_come_from_words_in_order(name, texts):
    chain, vocabulary = Normalizer.of(name), Vocabulary()
    lines = lines_of([" ".join(words) for words in texts])
    units = read_units(lines, chain, "words", vocabulary)
    labels = vocabulary.labels().tolist()
    assert units.counts.sum() == len(units.ids)
    for words, ids in zip(texts, units.sequences().each(), strict=True):
        assert " ".join(labels[unit] for unit in ids) == chain(" ".join(words))
    text_of_word = np.repeat(np.arange(len(texts)), lines.counts)
    text_of_unit = np.repeat(np.arange(len(texts)), units.counts)
    assert (units.first <= units.last).all()
    assert (np.diff(units.first) >= 0).all()
    assert (np.diff(units.last) >= 0).all()
    assert (text_of_word[units.first] == text_of_unit).all()
    assert (text_of_word[units.last] == text_of_unit).all()


ORIGINS = [
    pytest.param("pay twenty five dollars now", [("pay", 0, 0), ("$25", 1, 3), ("now", 4, 4)], id="several-become-one"),
    pytest.param(
        "you won't go", [("you", 0, 0), ("will", 1, 1), ("not", 1, 1), ("go", 2, 2)], id="one-becomes-several"
    ),
    pytest.param("um well [loud noise] yes", [("well", 1, 1), ("yes", 4, 4)], id="some-vanish"),
    pytest.param("um", [], id="all-vanish"),
]


@pytest.mark.parametrize(("text", "origins"), ORIGINS)
def test_origins(text, origins):
    vocabulary = Vocabulary()
    units = read_units(lines_of([text]), Normalizer.of("whisper-english"), "words", vocabulary)
    labels = vocabulary.labels().tolist()
    found = zip((labels[unit] for unit in units.ids), units.first.tolist(), units.last.tolist(), strict=True)
    assert list(found) == origins


def test_words_without_space_between_are_one_word_on_request():
    lines = Lines(["好", "的", "ok"], np.array([2, 0, 1]), np.array([False, False, False]))
    vocabulary = Vocabulary()
    units = read_units(lines, Normalizer.of("none"), "words", vocabulary)
    assert vocabulary.labels().tolist() == ["好的", "ok"]
    assert (units.counts.tolist(), units.first.tolist(), units.last.tolist()) == ([1, 0, 1], [0, 2], [1, 2])


def test_the_table_of_normalization_steps():
    shown = sx.show.normalization({"a": "So, twenty five", "b": "ok"}, "whisper-english")
    assert list(shown) == list(schema.NORMALIZATION)
    assert shown[["audio_id", "position", "before", "after"]].to_numpy().tolist() == [
        ["a", 0, "So,", "so"],
        ["a", 1, "twenty five", "25"],
    ]
    assert sx.show.normalization("ok").empty
    assert sx.show.normalization(["ok", "um no"], "whisper-english", unchanged=True)["after"].tolist() == [
        "ok",
        "",
        "no",
    ]


@given(st.lists(st.sampled_from(WORDS)))
@settings(max_examples=examples(25))
def test_shown_texts_are_the_compared_texts(words):
    text = " ".join(words)
    for name in ("basic", "whisper-english"):
        shown = sx.show.normalization(text, name, unchanged=True)
        assert " ".join(" ".join(shown["after"]).split()) == Normalizer.of(name)(text)
        assert " ".join(shown["before"]) == text


SHOWN = [
    pytest.param(pd.Series({"a": "A"}), id="series"),
    pytest.param(pd.DataFrame({"audio_id": ["a", "b"], "text": ["A", None]}), id="table"),
    pytest.param(sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": "completed", "text": "A"})), id="corpus"),
]


@pytest.mark.parametrize("texts", SHOWN)
def test_texts_of_every_form(texts):
    shown = sx.show.normalization(texts)
    assert shown[["audio_id", "before", "after", "changed"]].to_numpy().tolist() == [["a", "A", "a", True]]


NUMBERED = [
    pytest.param("A", id="text"),
    pytest.param(["A"], id="list"),
    pytest.param(pd.Series(["A"]), id="series"),
    pytest.param(pd.DataFrame({"audio_id": ["a.wav"], "reference": ["A"]})["reference"], id="column"),
]


@pytest.mark.parametrize("texts", NUMBERED)
def test_texts_without_ids_have_none(texts):
    shown = sx.show.normalization(texts)
    assert shown["audio_id"].isna().all()
    assert shown["text_index"].tolist() == [0]


def test_the_number_of_a_text_counts_missing_ones_along():
    shown = sx.show.normalization(pd.Series([None, "A", "b", "C"]))
    assert shown[["text_index", "after"]].to_numpy().tolist() == [[1, "a"], [3, "c"]]
    assert sx.show.normalization(pd.Series({7: "A"}))["audio_id"].tolist() == ["7"]


def test_texts_that_are_none():
    with pytest.raises(InputError, match="texts must be strings, found 3"):
        sx.show.normalization(["a", 3])
    with pytest.raises(InputError, match="found int"):
        sx.show.normalization(3)
    with pytest.raises(InputError, match=r"has \['words'\]"):
        sx.show.normalization(pd.DataFrame({"words": ["a"]}))


@pytest.mark.parametrize("language", ["tr", "az"])
@pytest.mark.parametrize("normalizer", ["basic", "casefold", "spoken", ["tags", "basic"]])
@pytest.mark.parametrize(
    ("written", "other", "equal"),
    [
        ("ISPARTA", "ısparta", True),
        ("İzmir", "izmir", True),
        ("I\u0307zmir", "izmir", True),
        ("i\u0307zmir", "izmir", True),
        ("ılık", "ilik", False),
        ("ISI", "isi", False),
        ("IŞIK", "ışık", True),
        ("IŞIK", "işik", False),
        ("İ", "I", False),
    ],
)
def test_the_four_letters_i_of_turkish(language, normalizer, written, other, equal):
    bound = Normalizer.of(normalizer, language=language)
    assert (bound(written) == bound(other)) is equal
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "spoken" has no forms for these languages
        errors = sx.word_errors({"a": other}, {"a": written}, normalizer=normalizer, language=language)
        of_characters = sx.character_errors({"a": other}, {"a": written}, normalizer=normalizer, language=language)
    assert bool(errors["wer"].item() == 0) is equal
    assert bool(of_characters["cer"].item() == 0) is equal


def test_the_language_of_each_recording_says_which_letters_it_has():
    written, hypotheses = {"a": "ılık", "b": "ılık", "c": "ılık"}, {"a": "ilik", "b": "ilik", "c": "ılık"}
    errors = sx.word_errors(hypotheses, written, language={"a": "tr", "b": "en", "c": "tr"})
    assert errors["wer"].tolist() == [1.0, 0.0, 0.0]
    table = pd.DataFrame({"audio_id": ["a", "b", "c"], "reference": "ılık", "language": ["tr", "en", "tr"]})
    assert sx.word_errors(hypotheses, table)["wer"].tolist() == [1.0, 0.0, 0.0]
    assert sx.word_errors(hypotheses, written)["wer"].tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("written", "plain"),
    [("Ինչպե՞ս ես", "ինչպես ես"), ("Բարե՜ւ։", "բարեւ"), ("հա՛յ", "հայ"), ("Այո՞", "այո"), ("արդ՟", "արդ")],
)
def test_armenian_marks_stand_inside_words(written, plain):
    assert Normalizer.of("basic")(written) == plain


@pytest.mark.parametrize(
    ("written", "heard"),
    [("Բարեւ։ Այո։", "Բարեւ. Այո."), ("ሰላም፣ እንዴት ነህ፧", "ሰላም, እንዴት ነህ?"), ("сайн᠂ уу᠃", "сайн, уу.")],
)
def test_marks_of_other_scripts(written, heard):
    row = sx.metrics.punctuation_errors({"u": heard}, {"u": written}).iloc[0]
    assert row[["hits", "substitutions", "deletions", "insertions"]].tolist() == [2, 0, 0, 0]
    row = sx.metrics.punctuation_errors({"u": written.replace(written[-1], "")}, {"u": written}).iloc[0]
    assert row["deletions"] >= 1
