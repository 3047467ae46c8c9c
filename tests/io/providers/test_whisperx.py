"""JSON of the command whisperx, written by hand after the public page (PAGE)."""

from provider_documents import read

DOCUMENT = {
    "segments": [
        {
            "start": 0.1,
            "end": 1.9,
            "text": " In 1999, yes.",
            "speaker": "SPEAKER_00",
            "words": [
                {"word": "In", "start": 0.1, "end": 0.3, "score": 0.8, "speaker": "SPEAKER_00"},
                {"word": "1999,"},
                {"word": "yes.", "start": 1.5, "end": 1.9, "score": 0.9},
            ],
        },
        {"start": 2.0, "end": 2.5, "text": " Well", "words": [{"word": "Well", "start": 2.0, "end": 2.5}]},
    ],
    "word_segments": [],
    "language": "en",
}


def test_words_that_were_not_aligned_have_no_times():
    [transcript] = read(DOCUMENT, "whisperx")
    assert transcript.words == [
        ("In", 100, 300, 0.8, "SPEAKER_00", "en", None),
        (" 1999,", None, None, None, "SPEAKER_00", "en", None),
        (" yes.", 1500, 1900, 0.9, "SPEAKER_00", "en", None),
        (" Well", 2000, 2500, None, None, "en", None),
    ]


def test_characters_of_a_language_without_spaces_get_none():
    words = [{"word": "今", "start": 0.0, "end": 0.1}, {"word": "日", "start": 0.1, "end": 0.2}]
    segment = {"start": 0.0, "end": 0.2, "text": "今日", "words": words}
    [transcript] = read({"segments": [segment], "word_segments": words, "language": "ja"}, "whisperx")
    assert [word.text for word in transcript.words] == ["今", "日"]


def test_without_words_a_segment_is_one_piece():
    document = {"segments": [{"start": 0, "end": 1, "text": " Hi"}], "word_segments": [], "language": "en"}
    [transcript] = read(document, "whisperx")
    assert transcript.words == [("Hi", 0, 1000, None, None, "en", None)]
