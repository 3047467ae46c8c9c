"""Warnings about transcripts, with counts made by hand."""

import pyarrow as pa
import pytest

from soniox_ds.batch.checks import check_transcript
from soniox_ds.schema import TOKENS, arrow_schema


def tokens(*words, times=None):
    """Return one token for each word, by default one second apart. Tokens without a time (None) are translations."""
    times = range(0, 1000 * len(words), 1000) if times is None else times
    rows = [
        {
            "audio_id": "a",
            "token_index": index,
            "text": word,
            "start_ms": start,
            "end_ms": None if start is None else start + 60,
        }
        for index, (word, start) in enumerate(zip(words, times, strict=True))
    ]
    return pa.Table.from_pylist(rows, schema=arrow_schema(TOKENS))


def words(text):
    return [f" {word}" for word in text.split()]


COUNTED_BY_HAND = [
    pytest.param(tokens(), 60_000, ["no_speech"], id="nothing"),
    pytest.param(tokens(" oui", times=[None]), 60_000, ["no_speech"], id="only-a-translation"),
    pytest.param(tokens(*words("all is well")), 3_000, [], id="all-is-well"),
    pytest.param(tokens(*words("all is well")), None, [], id="duration-not-known"),
    pytest.param(tokens(" late", times=[10_001]), 12_000, ["starts_late"], id="starts-late"),
    pytest.param(tokens(" late", times=[10_000]), 12_000, [], id="just-in-time"),
    pytest.param(tokens(" soon", times=[0]), 10_061, ["ends_early"], id="ends-early"),
    pytest.param(tokens(" soon", times=[0]), 10_060, [], id="a-short-silence"),
    pytest.param(tokens(" soon", times=[15_000]), 160_000, ["ends_early"], id="a-tenth-of-a-long-one"),
    pytest.param(tokens(" soon", "ner", times=[15_000, 145_000]), 160_000, [], id="less-than-a-tenth"),
    pytest.param(tokens(" " + "x" * 43, times=[0]), None, ["implausible_rate"], id="43-letters-in-60-ms"),
    pytest.param(tokens(" " + "x" * 20, times=[0]), None, [], id="too-few-letters-to-say"),
    pytest.param(tokens(*words("no " * 12)), None, ["repeats"], id="twelve-times-no"),
    pytest.param(tokens(*words("no " * 11)), None, [], id="eleven-times-no"),
    pytest.param(tokens(*words("thank you so " * 4)), None, ["repeats"], id="four-times-three-words"),
    pytest.param(tokens(*words("thank you so much " * 3)), None, [], id="three-times-four-words"),
    pytest.param(tokens(*words("Go Home go home GO home go HOME go home go home")), None, ["repeats"], id="any-case"),
    pytest.param(tokens(*words(" ".join("abcdefghijklm") + " " + " ".join("abcdefghijklm"))), None, [], id="twice-13"),
]


@pytest.mark.parametrize(("table", "duration_ms", "expected"), COUNTED_BY_HAND)
def test_warnings(table, duration_ms, expected):
    assert check_transcript(table, duration_ms) == expected


@pytest.mark.parametrize(
    ("heard_ms", "measured_ms", "expected"),
    [
        pytest.param(60_000, 60_000, [], id="equal"),
        pytest.param(59_000, 60_000, [], id="a-second-shorter"),
        pytest.param(58_000, 60_000, ["heard_in_part"], id="two-seconds-shorter"),
        pytest.param(61_201, 60_000, ["heard_longer"], id="longer-by-more-than-two-percent"),
        pytest.param(3_590_000, 3_600_000, [], id="ten-seconds-of-an-hour"),
        pytest.param(3_500_000, 3_600_000, ["heard_in_part"], id="three-percent-of-an-hour"),
        pytest.param(60_000, None, [], id="a-url"),
        pytest.param(None, 60_000, [], id="the-service-does-not-say"),
    ],
)
def test_the_length_heard_is_compared_with_the_length_measured(heard_ms, measured_ms, expected):
    spoken = tokens(*words("all is well"), times=[0, 1000, (heard_ms or 3000) - 100])
    found = check_transcript(spoken, heard_ms, measured_ms)
    assert [slug for slug in found if slug.startswith("heard")] == expected
