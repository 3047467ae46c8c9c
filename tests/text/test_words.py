"""Tokens to words, segments and texts: token sequences with the words counted by hand, and laws."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.metrics.speakers.turns import speaker_turns
from soniox_ds.schema import SEGMENTS, TEXTS, TOKENS, TURNS, WORDS, empty
from soniox_ds.text.scripts import is_unspaced
from soniox_ds.text.words import segments, texts, words


def tokens_of(pieces, audio_id="a.wav", **columns):
    """Tokens from a list of texts, or from one string in which | separates them; "-" in a column is missing."""
    pieces = pieces.split("|") if isinstance(pieces, str) else pieces
    frame = pd.DataFrame({"audio_id": audio_id, "token_index": range(len(pieces)), "text": pieces})
    for name, values in columns.items():
        frame[name] = [None if value == "-" else value for value in values]
    return frame


def words_in(pieces, **columns):
    return words(tokens_of(pieces, **columns))["text"].tolist()


SPLIT_BY_HAND = [
    ("Beau|ti|ful", ["Beautiful"]),
    ("Wh|at|'s| the| we|ather| in| San| Franc|isc|o,", ["What's", "the", "weather", "in", "San", "Francisco,"]),
    (
        "This| is| a| test| record|ing| 6|0| second|s,| so| me|as|ure|—|the time",
        ["This", "is", "a", "test", "recording", "60", "seconds,", "so", "measure—the", "time"],
    ),
    ("well|-|known| co|-op| rock| 'n'| roll", ["well-known", "co-op", "rock", "'n'", "roll"]),
    (" Hello| | |there|  x ", ["Hello", "there", "x"]),
    ("end |of|\nthe\t| line", ["end", "of", "the", "line"]),
    ("of the", ["of", "the"]),
    (" $|5|.|3|0| 1|,|000| 5|0|%", ["$5.30", "1,000", "50%"]),
    (" ¿|Có|mo| está|?| (|sí|)", ["¿Cómo", "está?", "(sí)"]),
    ("«|Bon|jour|»| „|Hallo|“| quoi| ?", ["«Bonjour»", "„Hallo“", "quoi", "?"]),
    ("한|국어|는| 좋|다|.", ["한국어는", "좋다."]),
    ("שלום| עו|לם|!", ["שלום", "עולם!"]),
    ("你|好|，|世|界|。", ["你", "好，", "世", "界。"]),
    ("他|说|：|「|你|好|」|。", ["他", "说：", "「你", "好」。"]),
    ("我|用| Py|thon| 写", ["我", "用", "Python", "写"]),
    ("我|用|Py|thon|写|（|新|）|！", ["我", "用", "Python", "写", "（新）！"]),
    ("用|Python|(|三|)|3|.|1|4|年", ["用", "Python", "(三)", "3.14", "年"]),
    ("你| -|abc| -|好", ["你", "-abc", "-", "好"]),
    ("第|6|0|年", ["第", "60", "年"]),
    ("好|,|Python", ["好,", "Python"]),
    ("今日は|、|ラ|ー|メン|を", ["今日は、", "ラー", "メン", "を"]),
    ("きょ|う|は|ｶ|ﾞ", ["きょ", "う", "は", "ｶﾞ"]),
    ("สวั|ส|ดี| ครับ|ๆ", ["สวั", "ส", "ดี", "ครับๆ"]),
    ("ก|ำ|ลัง|\u0e31", ["กำ", "ลัง\u0e31"]),
    ("ភា|សា|ខ្មែរ|។", ["ភា", "សា", "ខ្មែរ។"]),
    ("មាន|\u17d2|ត", ["មាន\u17d2ត"]),
    ("မြန်|မာ|။", ["မြန်", "မာ။"]),
    ("ສະ|ບາຍ|ດີ", ["ສະ", "ບາຍ", "ດີ"]),
    ("e|\u0301|te|\u0301", ["e\u0301te\u0301"]),
    ("👍|\U0001f3fd| 👩|\u200d|👧", ["👍\U0001f3fd", "👩\u200d👧"]),
    ("न|म|स्|ते| भार|त|।", ["नमस्ते", "भारत।"]),
    ('"|Hi|"|,| she| said', ['"Hi",', "she", "said"]),
    ('"|你|好|"', ['"你', '好"']),
    ("yes|<end>|no|<fin>| so| <end>", ["yes", "no", "so"]),
    ("|a||b|", ["ab"]),
    ("...| —| !", ["...", "—", "!"]),
]


@pytest.mark.parametrize(("pieces", "expected"), SPLIT_BY_HAND, ids=[pieces for pieces, _ in SPLIT_BY_HAND])
def test_words_of_one_speaker(pieces, expected):
    assert words_in(pieces) == expected


@pytest.mark.parametrize(
    ("pieces", "speakers", "expected", "whose"),
    [
        ("How| are| you|?|I| am", "111122", ["How", "are", "you?", "I", "am"], "11122"),
        ("How| are| you|?|I| am", "111222", ["How", "are", "you?", "I", "am"], "11122"),
        ("you|?|!|I", "1222", ["you?!", "I"], "12"),
        ("yes|¿|no", "112", ["yes", "¿no"], "12"),
        ("yes|(|no|)", "1122", ["yes", "(no)"], "12"),
        ("yes| ?|no", "112", ["yes", "?", "no"], "112"),
        ("a|\u0301|b", "122", ["a\u0301", "b"], "12"),
        ("yes|.|你|好", "1222", ["yes.", "你", "好"], "122"),
        ('yes|"|no', "122", ["yes", '"no'], "12"),
        ("yes|no", "-1", ["yes", "no"], "-1"),
    ],
)
def test_punctuation_goes_to_the_word_it_belongs_to_across_speakers(pieces, speakers, expected, whose):
    found = words(tokens_of(pieces, speaker=speakers))
    assert found["text"].tolist() == expected
    assert found["speaker"].fillna("-").tolist() == list(whose)


def test_a_change_of_language_begins_a_word_without_a_space():
    pieces = "How| are| you|?|Gu|ten| Morgen|!|Cómo| está| every|one|?"
    found = words(tokens_of(pieces, language=["en"] * 4 + ["de"] * 4 + ["es"] * 2 + ["en"] * 3))
    assert found["text"].tolist() == ["How", "are", "you?", "Guten", "Morgen!", "Cómo", "está", "everyone?"]
    assert found["space_before"].tolist() == [False, True, True, False, True, False, True, True]


STREAMS = {
    "pieces": ["Good", " morn", "Gu", "ing", "ten", " Mor", " there", "gen"],
    "translation_status": [
        *("original", "original", "translation", "none", "translation", "translation", "none", "translation")
    ],
}


def test_streams_do_not_break_each_others_words():
    found = words(tokens_of(**STREAMS))
    assert found["text"].tolist() == ["Good", "morning", "Guten", "Morgen", "there"]
    assert found["first_token"].tolist() == [0, 1, 2, 5, 6]
    assert found["token_count"].tolist() == [1, 2, 2, 2, 1]
    assert texts(found)[["translation_status", "text", "word_count"]].values.tolist() == [
        ["original", "Good morning there", 3],
        ["translation", "Guten Morgen", 2],
    ]


CHUNKS = [
    pytest.param("o Who?|t ¿Nun|t ca?|o Me.|t marpa|t na", "¿Nunca? marpana", id="behind-a-sentence"),
    pytest.param("o Who?|t hica?|t mar", "hica?mar", id="within-a-chunk"),
    pytest.param("o Who|t marpa|o ?|t na.", "marpana.", id="within-a-word"),
    pytest.param("o Who?|t Na|t.|o Me.|t ,|t so", "Na.,so", id="punctuation"),
    pytest.param("o Who?|t Na.|o Me.|t ¿|t So?", "Na. ¿So?", id="opening-punctuation"),
    pytest.param("o Who?|t Na. |o Me.|t So", "Na. So", id="a-space-already"),
    pytest.param("o Who?|t 你|t。|o Me.|t 好|t。", "你。好。", id="no-spaces-in-the-script"),
    pytest.param("o Who?|t 你|t。|o Me.|t So", "你。So", id="a-script-without-spaces-before"),
    pytest.param("o Who?|t Na.|o <end>|t So", "Na. So", id="a-marker-is-of-its-stream"),
]


@pytest.mark.parametrize(("chunks", "expected"), CHUNKS)
def test_a_chunk_of_translation_behind_a_sentence_begins_a_word(chunks, expected):
    pieces = [(piece[0], piece[1:].removeprefix(" ")) for piece in chunks.split("|")]
    status = ["translation" if kind == "t" else "original" for kind, _ in pieces]
    found = texts(tokens_of([text for _, text in pieces], translation_status=status))
    assert found.set_index("translation_status").loc["translation", "text"] == expected


@settings(max_examples=examples(100))
@given(st.lists(st.tuples(st.booleans(), st.sampled_from(["so?", " no.", "ing", " a", "!", "你", "。", " ¿", ""]))))
def test_words_and_their_spaces_are_the_text(pieces):
    status = ["translation" if translated else "original" for translated, _ in pieces]
    tokens = tokens_of([text for _, text in pieces], translation_status=status)
    found, whole = words(tokens), texts(tokens).set_index("translation_status")["text"]
    for name, own in found.groupby("translation_status"):
        parts = [" " * bool(space) + text for space, text in zip(own["space_before"], own["text"], strict=True)]
        assert "".join(parts).strip() == whole[name]
        if len(set(status)) == 1:  # no chunks: the spaces are the tokens' own
            assert whole[name] == collapsed("".join(tokens["text"]))


def test_the_columns_of_a_word():
    found = words(
        tokens_of(
            ["Franc", "isc", "o", ",", " —"],
            start_ms=[0, 60, 120, None, 300],
            end_ms=[60, 120, 180, None, 360],
            confidence=[0.5, None, 1.0, 0.1, 0.25],
            language=["en", "en", "en", "en", "en"],
        )
    )
    assert list(found) == list(WORDS)
    assert {name: str(found[name].dtype) for name in found} == {name: column.dtype for name, column in WORDS.items()}
    first, dash = found.to_dict("records")
    assert (first["text"], first["start_ms"], first["end_ms"], first["token_count"]) == ("Francisco,", 0, 180, 4)
    assert (first["confidence"], first["confidence_mean"]) == (0.5, 0.75)  # the comma's 0.1 does not count
    assert (dash["text"], dash["confidence"], dash["confidence_mean"]) == ("—", 0.25, 0.25)  # nothing but punctuation
    assert found["speaker"].isna().all()


def test_confidence_and_times_that_are_absent_stay_absent():
    found = words(tokens_of("a|b"))
    assert found[["start_ms", "end_ms", "confidence", "confidence_mean"]].isna().all(axis=None)


def test_sounds_are_no_words_but_end_one():
    found = words(tokens_of("ha| |[laughter]|ha", is_audio_event=[False, False, True, None]))
    assert found["text"].tolist() == ["ha", "ha"]


def test_divided_tokens_share_time_and_confidence():
    found = words(tokens_of([" of the end", "ing"], start_ms=[10, 70], end_ms=[70, 130], confidence=[0.5, 0.25]))
    assert found[["text", "start_ms", "end_ms", "confidence", "first_token"]].values.tolist() == [
        ["of", 10, 70, 0.5, 0],
        ["the", 10, 70, 0.5, 0],
        ["ending", 10, 130, 0.25, 0],
    ]


def test_rows_are_read_by_token_index_and_never_by_time():
    tokens = tokens_of("Hel|lo| you", start_ms=[500, 400, 0])
    assert words(tokens.iloc[[2, 0, 1]])["text"].tolist() == ["Hello", "you"]


def test_tables_without_rows():
    assert list(words(empty(TOKENS))) == list(WORDS)
    assert list(segments(words(empty(TOKENS)))) == list(SEGMENTS)
    assert list(texts(empty(TOKENS))) == list(TEXTS)
    assert list(speaker_turns(empty(WORDS))) == list(TURNS)
    for found, table in ((words(empty(TOKENS)), WORDS), (texts(empty(TOKENS)), TEXTS)):
        assert {name: str(found[name].dtype) for name in found} == {
            name: column.dtype for name, column in table.items()
        }


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (pd.DataFrame({"text": ["a"]}), r"lacks \['audio_id', 'token_index'\]"),
        (tokens_of("a|b").assign(token_index=3), "'a.wav' has two rows with token_index 3"),
        (tokens_of("a|b").assign(text=[None, "b"]), "text is NA in 1 of 2 rows"),
        (tokens_of("a|b").assign(audio_id=[None, "b"]), "audio_id is NA in 1 of 2 rows"),
        (tokens_of("a|b").assign(token_index=[None, 1]), "token_index is NA in 1 of 2 rows"),
        (tokens_of("a|b").assign(start_ms=["x", "y"]), "start_ms must contain milliseconds"),
    ],
)
def test_tables_that_are_not_as_documented(tokens, says):
    with pytest.raises(SchemaError, match=says):
        words(tokens)


# Laws

few = settings(max_examples=examples(50))  # each example holds two recordings of up to 25 tokens

PIECES = [
    " a",
    "b",
    "ing",
    " the",
    " ",
    "",
    "?",
    ",",
    " ¿",
    "¿",
    '"',
    "(",
    ")",
    " 6",
    "0",
    "你",
    "好",
    "。",
    "「",
    "」",
    "ก",
]
PIECES += ["\u0301", "\u200d", "👍", "of the", " x ", "<end>", "שלום", " —", "한"]
token = st.fixed_dictionaries(
    {
        "text": st.sampled_from(PIECES),
        "speaker": st.sampled_from(["1", "2", None]),
        "language": st.sampled_from(["en", "zh"]),
        "translation_status": st.sampled_from(["original", "none", "translation", None]),
        "confidence": st.none() | st.floats(0, 1, width=32),
        "is_audio_event": st.sampled_from([None, None, None, True, False]),
    }
)


@st.composite
def token_tables(draw):
    parts = []
    for audio_id in draw(st.permutations(["b.wav", "a.wav"])):
        part = pd.DataFrame(draw(st.lists(token, max_size=25)), columns=list(token_fields))
        start = np.cumsum([30 * draw(st.integers(0, 4)) for _ in range(len(part))])
        known = (part["translation_status"] != "translation").to_numpy(bool)
        part["start_ms"] = pd.array(start, dtype="Int32")
        part["end_ms"] = part["start_ms"] + 60
        part.loc[~known, ["start_ms", "end_ms"]] = pd.NA
        parts.append(part.assign(audio_id=audio_id, token_index=range(len(part))))
    return pd.concat(parts, ignore_index=True)


token_fields = ["text", "speaker", "language", "translation_status", "confidence", "is_audio_event"]


def spoken_tokens(tokens):
    hypotheses = tokens["is_audio_event"].astype("boolean").fillna(False)
    return tokens[~tokens["text"].isin(["<end>", "<fin>"]) & ~hypotheses]


def stream_of(table):
    return np.where(table["translation_status"].fillna("") == "translation", "translation", "original")


def collapsed(text):
    return re.sub(r"\s+", " ", text).strip()


def without_chunk_spaces(text):
    """Without the spaces that may have been put behind the end of a sentence."""
    return text.replace("? ", "?")


@few
@given(token_tables())
def test_words_and_their_spaces_give_the_streams_text_back(tokens):
    kept = spoken_tokens(tokens)
    found = words(tokens)
    for key, own in kept.groupby(["audio_id", stream_of(kept)]):
        mine = found[(found["audio_id"] == key[0]) & (stream_of(found) == key[1])]
        again = "".join(
            " " * bool(space) + text for space, text in zip(mine["space_before"], mine["text"], strict=True)
        )
        # a space beside a sound or marker is the word's, though the sound itself is left out of both
        assert again.replace(" ", "") == re.sub(r"\s", "", "".join(own["text"]))
        if len(own) == len(tokens[(tokens["audio_id"] == key[0]) & (stream_of(tokens) == key[1])]):
            assert without_chunk_spaces(again) == without_chunk_spaces(collapsed("".join(own["text"])))


@few
@given(token_tables())
def test_token_counts_add_up(tokens):
    kept = spoken_tokens(tokens)
    pieces = sum(len(text.split()) for text in kept["text"])  # blank tokens are in no word
    assert words(tokens)["token_count"].sum() == pieces


@few
@given(token_tables())
def test_recordings_do_not_touch_each_other(tokens):
    apart = [words(own) for _, own in tokens.groupby("audio_id", sort=False)]
    whole = words(tokens)
    pd.testing.assert_frame_equal(pd.concat([whole.iloc[:0], *apart], ignore_index=True), whole)


@few
@given(token_tables())
def test_no_word_holds_a_space_and_none_begins_with_a_mark_that_could_hang_on(tokens):
    found = words(tokens)
    assert not found["text"].str.contains(r"\s").any()
    for _, mine in found.groupby(["audio_id", stream_of(found)]):
        # only white space, or nothing at all, stands before such a word
        bare = mine["text"].str.match("[\u0301\u200d]") & ~mine["space_before"]
        assert not bare.iloc[1:].any()


@few
@given(token_tables())
def test_times_and_confidence_lie_within_those_of_the_pieces(tokens):
    found = words(tokens)
    for key, mine in found.groupby("audio_id"):
        own = tokens[tokens["audio_id"] == key]
        for word in mine.itertuples():
            if word.start_ms is not pd.NA:
                assert word.start_ms >= own.loc[own["token_index"] == word.first_token, "start_ms"].iat[0]
                assert word.end_ms > word.start_ms
            if word.confidence is not pd.NA:
                assert word.confidence <= word.confidence_mean + 1e-6


@pytest.mark.parametrize("count", [0, 1, 5])
def test_one_token_is_one_word_in_an_unspaced_script(count):
    assert words_in(["好"] * count) == ["好"] * count


@few
@given(
    token_tables(), st.sampled_from([(), ("speaker",), ("speaker", "language", "sentence")]), st.none() | st.just(90)
)
def test_segments_partition_the_words(tokens, split_at, gap_ms):
    references = words(tokens)
    found = segments(references, gap_ms=gap_ms, split_at=split_at)
    assert found["word_count"].sum() == len(references)
    assert sorted("".join(found["text"]).replace(" ", "")) == sorted("".join(references["text"]))
    for _, mine in found.groupby("audio_id"):
        assert mine["segment_index"].tolist() == list(range(len(mine)))
        assert mine["first_word"].is_monotonic_increasing


@few
@given(token_tables())
def test_texts_count_every_word_once(tokens):
    found = texts(tokens)
    assert found["word_count"].sum() == len(words(tokens))
    assert not found.duplicated(["audio_id", "translation_status"]).any()


# Segments, texts, turns

TALK = {
    "pieces": "How| are| you|?|Fine|.| Dr|.| No| and| so",
    "speaker": "11112222222",
    "start_ms": [0, 60, 120, 180, 300, 360, 420, 480, 3000, 3060, 3120],
    "end_ms": [60, 120, 180, 240, 360, 420, 480, 540, 3060, 3120, 3180],
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["How are you?", "Fine.", "Dr.", "No and so"]),
        ({"split_at": ["speaker"], "gap_ms": None}, ["How are you?", "Fine. Dr. No and so"]),
        ({"split_at": ["speaker"]}, ["How are you?", "Fine. Dr.", "No and so"]),
        ({"split_at": [], "gap_ms": None}, ["How are you?Fine. Dr. No and so"]),
        ({"split_at": ["speaker"], "gap_ms": 2460}, ["How are you?", "Fine. Dr. No and so"]),
        ({"split_at": ["speaker"], "gap_ms": 2459}, ["How are you?", "Fine. Dr.", "No and so"]),
    ],
)
def test_ends_of_segments(options, expected):
    assert segments(words(tokens_of(**TALK)), **options)["text"].tolist() == expected


def test_no_sentence_ends_before_a_small_letter():
    references = words(tokens_of(["e.g.", " this", "。", "好", "。", "再"]))
    assert segments(references)["text"].tolist() == ["e.g. this。", "好。", "再"]


def test_the_columns_of_a_segment():
    references = words(tokens_of(**TALK, confidence=[1, 0.5] + [1] * 9, language=["en"] * 10 + ["de"]))
    found = segments(references, split_at=["speaker"])
    assert {name: str(found[name].dtype) for name in found} == {name: column.dtype for name, column in SEGMENTS.items()}
    first, *_ = found.to_dict("records")
    assert (first["start_ms"], first["end_ms"], first["first_word"], first["word_count"]) == (0, 240, 0, 3)
    assert first["confidence_mean"] == pytest.approx(2.5 / 3)
    assert found["language"].fillna("mixed").tolist() == ["en", "en", "mixed"]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"split_at": "speaker"}, "collection"), ({"split_at": ["x"]}, r"\['x'\]"), ({"gap_ms": -1}, "-1")],
)
def test_segments_refuse_options_that_mean_nothing(options, says):
    with pytest.raises(InputError, match=says):
        segments(words(tokens_of("a")), **options)


def test_texts_put_a_space_where_the_speaker_changes_and_none_into_chinese():
    assert texts(tokens_of("How| are|?|Fine", speaker="1112"))["text"].tolist() == ["How are? Fine"]
    found = texts(tokens_of("你|好|。|再|见", language=["zh"] * 5))
    assert found[["text", "language", "word_count"]].values.tolist() == [["你好。再见", "zh", 4]]


def test_turns_of_speakers():
    turns = speaker_turns(words(tokens_of(**TALK)), gap_ms=1000)
    assert turns[["speaker", "start_ms", "end_ms"]].values.tolist() == [
        ["1", 0, 240],
        ["2", 300, 540],
        ["2", 3000, 3180],
    ]
    assert {name: str(turns[name].dtype) for name in turns} == {name: column.dtype for name, column in TURNS.items()}
    assert len(speaker_turns(words(tokens_of(**TALK)), gap_ms=2460)) == 2


def test_turns_leave_out_translations_and_unknown_speakers():
    references = words(
        tokens_of(
            " a| x| b| c",
            speaker="121-",
            start_ms=[0, None, 60, 120],
            end_ms=[60, None, 120, 180],
            translation_status=["original", "translation", "original", "original"],
        )
    )
    assert speaker_turns(references)[["speaker", "start_ms", "end_ms"]].values.tolist() == [["1", 0, 120]]


def test_turns_need_speakers():
    with pytest.raises(InputError, match=r"none of the 1 words has a speaker.*enable_speaker_diarization"):
        speaker_turns(words(tokens_of("a", start_ms=[0], end_ms=[60])))
    with pytest.raises(InputError, match="gap_ms is -1"):
        speaker_turns(words(tokens_of("a", speaker="1")), gap_ms=-1)


@pytest.mark.parametrize("char", "你好ไทยລາວខ្មမြあアーㄅꀀ、。「")
def test_unspaced_characters(char):
    assert is_unspaced(char)


@pytest.mark.parametrize("char", "aéяשعक한ᄒ1.,—¿€👍")
def test_spaced_characters(char):
    assert not is_unspaced(char)
