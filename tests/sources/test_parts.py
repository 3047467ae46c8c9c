"""Parts of recordings: exact cuts, cut points at pauses, and which recordings have parts at all."""

import io
from fractions import Fraction
from math import ceil

import av
import numpy as np
import pytest
from batches import wav, wav_of
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds.sources.channels import UnusableAudio, decoded_frames, opened_audio, samples_of
from soniox_ds.sources.parts import Part, longest_stretch_ms, parts_of, write_part
from soniox_ds.sources.pauses import _levels_of, cut_points, pauses_near
from soniox_ds.sources.recording import Recording

RATE = 11_025


def encoded(samples, container, codec, layout):
    out = io.BytesIO()
    with av.open(out, "w", format=container) as media:
        stream = media.add_stream(codec, rate=RATE, layout=layout)
        for start in range(0, len(samples), 4000):
            block = samples[start : start + 4000].astype("<i2")
            planar = codec == "alac"
            data = np.ascontiguousarray(block.T) if planar else block.reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(data, "s16p" if planar else "s16", layout)
            frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    return out.getvalue()


def samples_in(path):
    with opened_audio(path) as (media, rate, _):
        assert rate == RATE
        return np.concatenate([samples_of(frame)[0] for frame in decoded_frames(media)]) * 2**15


CODECS = {"wav": "pcm_s24le", "aiff": "pcm_s16be", "flac": "flac", "ogg": "flac", "mp4": "alac"}


@pytest.mark.parametrize("container", CODECS)
def test_parts_together_are_the_recording(container, tmp_path):
    samples = np.random.default_rng(1).integers(-30_000, 30_000, (20 * RATE, 2))
    path = tmp_path / f"call.{container}"
    path.write_bytes(encoded(samples, container, CODECS[container], "stereo"))
    for channel in (1, 2):
        joined = []
        for start_ms, end_ms in ((0, 3333), (3333, 9001), (9001, None)):
            part = Part(channel=channel, start_ms=start_ms, end_ms=end_ms, is_cut=True)
            write_part(path, part, tmp_path / "part.flac")
            joined.append(samples_in(tmp_path / "part.flac"))
        assert (np.concatenate(joined) == samples[:, channel - 1]).all()


@pytest.mark.parametrize("kind", ["u8", "s24", "flt", "mulaw"])
def test_other_kinds_of_samples(kind, tmp_path):
    codec = {"u8": "pcm_u8", "s24": "pcm_s24le", "flt": "pcm_f32le", "mulaw": "pcm_mulaw"}[kind]
    samples = np.random.default_rng(1).integers(-30_000, 30_000, (RATE, 2))
    audio = encoded(samples, "wav", codec, "stereo")
    write_part(audio, Part(channel=2, is_cut=True), tmp_path / "part.flac")
    with opened_audio(audio) as (media, _, _):
        right = np.concatenate([samples_of(frame)[1] for frame in decoded_frames(media)]) * 2**15
    assert np.abs(samples_in(tmp_path / "part.flac") - right).max() <= (0.5 if kind != "flt" else 2**-8)


def test_the_mix_is_the_mean(tmp_path):
    samples = np.random.default_rng(1).integers(-3000, 3000, (RATE, 2)) * 2
    write_part(encoded(samples, "wav", "pcm_s16le", "stereo"), Part(is_cut=True), tmp_path / "part.flac")
    assert (samples_in(tmp_path / "part.flac") == samples.mean(axis=1)).all()


def test_damage_in_the_middle_loses_only_itself(tmp_path):
    samples = np.random.default_rng(1).integers(-30_000, 30_000, (20 * RATE, 2))
    audio = bytearray(encoded(samples, "flac", "flac", "stereo"))
    audio[len(audio) // 2 : len(audio) // 2 + 100] = bytes(100)
    write_part(bytes(audio), Part(channel=1, is_cut=True), tmp_path / "part.flac")
    assert len(samples_in(tmp_path / "part.flac")) > 0.9 * len(samples)


def test_no_audio_in_a_part(tmp_path):
    with pytest.raises(UnusableAudio, match="channel 1, part 2"):
        write_part(wav(1), Part(channel=1, stretch=2, start_ms=5000, is_cut=True), tmp_path / "part.flac")


# -- cut points --------------------------------------------------------------------------------------------------------


def test_cuts_lie_in_the_middle_of_the_longest_pause():
    samples = np.random.default_rng(1).integers(-3000, 3000, (60 * 8000, 1))
    for start_s, end_s in ((13, 13.2), (18, 19), (22, 22.5), (37, 38), (41, 41.4), (50, 55)):
        samples[int(start_s * 8000) : int(end_s * 8000)] //= 1000
    assert cut_points(wav_of(samples), 25_000) == pytest.approx([18_500, 37_500], abs=20)
    assert cut_points(wav_of(samples), 60_000) == []


@pytest.mark.parametrize("n_samples", [1, 159, 160, 161, 40_959, 40_960, 41_119, 96_000])
def test_every_block_has_a_level(n_samples):
    block_ms, levels = _levels_of(wav_of(np.full((n_samples, 1), 1000)), lambda: False)
    assert block_ms == 20
    assert len(levels) == ceil(n_samples / 160)
    assert levels == pytest.approx(20 * np.log10(1000 / 2**15), abs=0.01)


@settings(deadline=None)
@given(
    st.lists(st.floats(-120, 0), min_size=1, max_size=40),
    st.integers(50, 400),
    st.sampled_from([20.0, 19.95]),
    st.integers(200, 5_000),
)
def test_no_stretch_is_longer_than_allowed(pattern, n_blocks, block_ms, longest_ms):
    levels = np.resize(np.array(pattern, np.float32), n_blocks)
    cuts = pauses_near(levels, block_ms, longest_ms)
    borders = [0, *cuts, n_blocks * block_ms]
    lengths = np.diff(borders)
    assert (lengths > 0).all()
    assert (lengths <= longest_ms + 1).all()
    assert len(lengths) <= 2 * ceil(n_blocks * block_ms / longest_ms)


# -- which parts -------------------------------------------------------------------------------------------------------


def recording(**facts):
    known = {"size_bytes": 1000, "duration_ms": 10_000, "channels": 2, "channel_bytes_per_s": 16_000}
    return Recording(audio_id="a.wav", **(known | facts))


def parts(of, *, is_separate=False, is_split=False, cuts_ms=None, max_bytes=10**6, max_duration_ms=60_000):
    return parts_of(
        of,
        is_separate=is_separate,
        is_split=is_split,
        cuts_ms=cuts_ms,
        max_bytes=max_bytes,
        max_duration_ms=max_duration_ms,
    )


def test_most_recordings_are_one_part():
    assert parts(recording()) == [Part()]
    assert parts(recording(), is_split=True) == [Part()]
    assert parts(recording(channels=1), is_separate=True) == [Part(channel=1)]


def test_each_channel_and_each_stretch_is_a_part():
    separate = [Part(channel=1, is_cut=True), Part(channel=2, is_cut=True)]
    assert parts(recording(), is_separate=True) == separate
    # The file is too large, but its channels are not.
    assert parts(recording(size_bytes=2 * 10**6), is_separate=True) == separate
    long = recording(duration_ms=100_000)
    assert parts(long, is_separate=True, is_split=True) is None
    names = [part.name for part in parts(long, is_separate=True, is_split=True, cuts_ms=[50_000])]
    assert names == ["channel 1, part 1", "channel 2, part 1", "channel 1, part 2", "channel 2, part 2"]


@pytest.mark.parametrize("facts", [{"duration_ms": 61_000}, {"size_bytes": 10**6 + 1}])
def test_what_is_above_the_limits_names_the_option(facts):
    with pytest.raises(UnusableAudio, match='split="auto"'):
        parts(recording(**facts))


def test_a_stretch_fits_into_the_largest_file_whatever_it_holds(tmp_path):
    noise = wav(1, seconds=20)
    of = recording(channel_bytes_per_s=16_000)
    longest_ms = longest_stretch_ms(of, 100_000, 60_000)
    write_part(noise, Part(end_ms=longest_ms, is_cut=True), tmp_path / "part.flac")
    assert 50_000 < (tmp_path / "part.flac").stat().st_size <= 100_000
