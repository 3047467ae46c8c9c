"""Speakers by classical features: bounds on the samples, and the parts by hand."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.fft
from hearing import conversations, diarization_error_rate, manifest, pcm_of, turns_of
from robots import conversation, sentence

from soniox_ds.emulator.recognizers import voices
from soniox_ds.emulator.recognizers.features import _cosines, cepstra, pitch
from soniox_ds.emulator.recognizers.pieces import Word
from soniox_ds.emulator.recognizers.speakers import SpeakerTracker, Turn, _proven, assign_speakers, find_turns

RATED_BY_HAND = [
    pytest.param([(0, 1, "a")], [(0, 1, "x")], 0.0, id="names-do-not-matter"),
    pytest.param([(0, 2, "a")], [(0, 1, "x")], 0.5, id="half-missed"),
    pytest.param([(0, 2, "a")], [(0, 3, "x")], 0.5, id="half-as-much-invented"),
    pytest.param([(0, 3, "a"), (3, 4, "b")], [(0, 4, "x")], 0.25, id="second-speaker-not-found"),
    pytest.param([(0, 4, "a")], [(0, 3, "x"), (3, 4, "y")], 0.25, id="one-speaker-split"),
    pytest.param([(0, 1, "a")], [], 1.0, id="nothing-found"),
]


@pytest.mark.parametrize(("reference", "found", "rate"), RATED_BY_HAND)
def test_diarization_error_rate(reference, found, rate):
    assert diarization_error_rate(reference, found) == pytest.approx(rate)


def spans(turns):
    return [(turn.start_s, turn.end_s, turn.speaker) for turn in turns]


@pytest.mark.parametrize("name", conversations())
def test_two_people_talking(name):
    turns = find_turns(pcm_of(name))
    assert {turn.speaker for turn in turns} == {"1", "2"}
    assert diarization_error_rate(turns_of(name), spans(turns)) < 0.12


def test_one_person_talking_is_one_speaker():
    alone = [name for name, row in manifest().items() if row["speaker"]]
    assert len(alone) >= 12
    found = {name: {turn.speaker for turn in find_turns(pcm_of(name))} for name in alone}
    assert found == {name: {"1"} for name in alone}


TWO_ROBOTS = [(110.0, 1.0), (220.0, 1.18)]


@pytest.mark.parametrize("seed", range(3))
def test_a_minute_of_two_robots_is_two_speakers(seed):
    pcm, turns = conversation(TWO_ROBOTS, 60, seed)
    found = find_turns(pcm)
    assert {turn.speaker for turn in found} == {"1", "2"}
    assert diarization_error_rate(turns, spans(found)) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("voices", [TWO_ROBOTS, [(95.0, 0.95), (180.0, 1.1)]], ids=["far", "nearer"])
def test_ten_minutes_of_two_robots_are_two_speakers(voices):
    pcm, turns = conversation(voices, 600)
    found = find_turns(pcm)
    assert {turn.speaker for turn in found} == {"1", "2"}
    assert diarization_error_rate(turns, spans(found)) < 0.15


@pytest.mark.parametrize("seed", [0, 17, 22, 24, 28])
def test_one_robot_of_a_few_seconds_is_one_speaker(seed):
    pitch_hz, tract = [(110.0, 1.0), (220.0, 1.18), (95.0, 0.95), (180.0, 1.1)][seed % 4]
    spoken = np.pad(sentence(np.random.default_rng(seed), pitch_hz, tract, sounds=24), 4_000)
    assert 4 < len(spoken) / 16_000 < 6
    assert {turn.speaker for turn in find_turns(spoken)} == {"1"}


@pytest.mark.parametrize("seed", range(3))
def test_one_robot_of_a_minute_is_one_speaker(seed):
    pcm, _ = conversation([(220.0, 1.18)], 60, seed)
    assert {turn.speaker for turn in find_turns(pcm)} == {"1"}


def test_turns_are_in_order_and_apart_and_named_as_they_appear():
    turns = find_turns(pcm_of(conversations()[0]))
    assert turns[0].speaker == "1"
    assert all(before.end_s <= after.start_s for before, after in pairwise(turns))
    assert all(turn.start_s < turn.end_s for turn in turns)


def test_the_number_of_speakers_can_be_limited():
    turns = find_turns(pcm_of(conversations()[0]), most_speakers=1)
    assert {turn.speaker for turn in turns} == {"1"}


def voice_of(seconds, apart):
    """A voice whose mean cepstra differ from those of `voice_of(..., 0)` by `apart` of `distance`."""
    frames, mean = np.float64(100 * seconds), np.zeros(voices._CEPSTRA)
    mean[0] = 1.4 * apart * np.sqrt(1.05)  # a variance of 1, and what `gaussians` adds
    squares = frames * (np.outer(mean, mean) + np.eye(len(mean)))
    return voices.Voice(frames, frames * mean, squares, frames, 5 * frames, 25.01 * frames)


@pytest.mark.parametrize(
    ("seconds", "apart", "speakers"),
    [(17, 1.3, 2), (17, 1.8, 3), (250, 1.3, 3), (3, 1.8, 2)],
    ids=["odd moments of a voice", "a speaker of a few words", "a similar speaker", "too short to tell"],
)
def test_a_small_share_of_the_speech_is_a_speaker_only_if_it_differs_clearly(seconds, apart, speakers):
    found = _proven([voice_of(250, -2.5), voice_of(250, 0), voice_of(seconds, apart)])
    assert len(found) == speakers


@pytest.mark.parametrize("seconds", [0, 0.01, 3])
def test_silence_has_no_turns(seconds):
    assert find_turns(np.zeros(round(16_000 * seconds), np.float32)) == []


@pytest.mark.parametrize("hz", [80, 120, 220, 330])
def test_pitch_of_a_buzz(hz):
    times = np.arange(16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * hz * overtone * times) / overtone for overtone in range(1, 8))
    found = pitch(0.1 * buzz.astype(np.float32))
    assert np.nanmedian(found) == pytest.approx(hz, rel=0.02)


def test_noise_has_no_pitch_and_features_have_a_row_each_10_ms():
    noise = 0.1 * np.random.default_rng(0).standard_normal(16_000 * 61).astype(np.float32)
    assert np.isnan(pitch(noise)).mean() > 0.9
    assert cepstra(noise, 16).shape == (6101, 16)
    assert pitch(noise).shape == (6101,)


def test_the_cosine_transform_is_scipys():
    bands = np.random.default_rng(0).standard_normal((5, 26))
    np.testing.assert_allclose(bands @ _cosines(16), scipy.fft.dct(bands, norm="ortho")[:, 1:17], atol=1e-12)


def word(start_s, end_s):
    return Word(text=" a", start_s=start_s, end_s=end_s, probability=1.0)


TURNS = [Turn(start_s=0, end_s=2, speaker="1"), Turn(start_s=2.5, end_s=4, speaker="2")]
ASSIGNED_BY_HAND = [
    pytest.param(word(0.5, 1.0), "1", id="inside"),
    pytest.param(word(1.9, 2.9), "2", id="larger-part"),
    pytest.param(word(2.1, 2.2), "1", id="between-nearer-the-first"),
    pytest.param(word(2.35, 2.45), "2", id="between-nearer-the-second"),
    pytest.param(word(9.0, 9.5), "2", id="after-everything"),
    pytest.param(word(1.0, 1.0), "1", id="no-length"),
]


@pytest.mark.parametrize(("one", "speaker"), ASSIGNED_BY_HAND)
def test_assign_speakers(one, speaker):
    assert [word.speaker for word in assign_speakers([one], TURNS)] == [speaker]


def test_words_where_no_voice_was_found_are_the_first_speakers():
    assert [word.speaker for word in assign_speakers([word(0, 1)], [])] == ["1"]


def test_a_tracker_knows_a_voice_again():
    name = conversations()[0]
    pcm = pcm_of(name)
    tracker = SpeakerTracker()
    names = []
    for start_s, end_s, speaker in turns_of(name)[:4]:
        part = pcm[round(start_s * 16_000) : round(end_s * 16_000)]
        (named,) = tracker.name([word(start_s + 0.5, start_s + 0.8)], part, start_s, settled=True)
        names.append((speaker, named.speaker))
    assert len({true for true, _ in names}) == 2
    assert set(names) == {(names[0][0], "1"), (names[1][0], "2")}
