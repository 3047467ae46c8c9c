"""Lengths and samples of files, in every container that this machine can write."""

import av
import numpy as np
import pytest

from soniox_ds.emulator.audio import decode_file, duration_ms
from soniox_ds.emulator.recognizers import UndecodableAudio

WRITERS = {
    "a.wav": ("wav", "pcm_s16le", 16_000),
    "u8.wav": ("wav", "pcm_u8", 8_000),
    "f32.wav": ("wav", "pcm_f32le", 44_100),
    "alaw.wav": ("wav", "pcm_alaw", 8_000),
    "adpcm.wav": ("wav", "adpcm_ms", 16_000),
    "a.flac": ("flac", "flac", 16_000),
    "a.mp3": ("mp3", "mp3", 16_000),
    "a.ogg": ("ogg", "libopus", 48_000),
    "a.webm": ("webm", "libopus", 48_000),
    "a.m4a": ("ipod", "aac", 16_000),
    "a.mp4": ("mp4", "aac", 16_000),
    "a.aac": ("adts", "aac", 16_000),
    "a.aiff": ("aiff", "pcm_s16be", 16_000),
    "a.amr": ("amr", "libopencore_amrnb", 8_000),
}


def write(path, container, codec, rate, seconds=3.0):
    if codec not in av.codecs_available:
        pytest.skip(f"this ffmpeg has no encoder {codec}")
    times = np.arange(round(seconds * rate)) / rate
    tone = (0.3 * np.sin(2 * np.pi * 220 * times) * 32_767).astype(np.int16)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[None], "s16", "mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            format=stream.format.name, layout="mono", rate=rate, frame_size=stream.codec_context.frame_size or None
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("name", WRITERS)
def test_lengths_agree_with_the_samples(tmp_path, name):
    path = write(tmp_path / name, *WRITERS[name])
    samples = decode_file(path)
    assert samples.dtype == np.float32
    assert 0.2 < np.abs(samples).max() < 0.5
    # Lossy codecs pad the beginning and the end by a frame or two.
    assert duration_ms(path) == pytest.approx(3000, abs=120)
    assert len(samples) / 16 == pytest.approx(3000, abs=120)


def test_the_extension_does_not_matter(tmp_path):
    path = write(tmp_path / "a.wav", *WRITERS["a.mp3"])
    assert duration_ms(path) == pytest.approx(3000, abs=120)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.aac"])
def test_a_file_that_breaks_off_is_as_long_as_what_is_there(tmp_path, name):
    path = write(tmp_path / name, *WRITERS[name])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    half_ms = len(decode_file(path)) / 16
    assert 600 < half_ms < 2500
    assert duration_ms(path) == pytest.approx(half_ms, abs=150)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text " * 500,
        b"RIFF",
        b"RIFF\0\0\0\0WAVE",
        b"%PDF-1.4" + bytes(500),
        b"\x00\x00\x00\x1cftypM4A " + bytes(99),
    ],
    ids=["empty", "text", "riff", "wave", "pdf", "m4a-head"],
)
def test_files_that_are_no_audio(tmp_path, data):
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    for function in (duration_ms, decode_file):
        with pytest.raises(UndecodableAudio) as caught:
            function(path)
        assert str(tmp_path) not in str(caught.value)


def test_a_container_that_the_service_does_not_take(tmp_path):
    path = write(tmp_path / "a.au", "au", "pcm_s16be", 16_000)
    with pytest.raises(UndecodableAudio, match=r"unsupported audio \(au\)"):
        duration_ms(path)


def test_decoding_goes_on_behind_what_cannot_be_decoded(tmp_path):
    """Two recordings joined byte by byte: a tag that is no audio stands between them."""
    write(tmp_path / "a.mp3", "mp3", "mp3", 16_000)
    whole = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "joined.mp3").write_bytes(
        whole + b"ID3" + bytes([3, 0, 0, 0, 0, 7, 104]) + bytes(range(256)) * 4 + whole
    )
    assert len(decode_file(tmp_path / "joined.mp3")) / 16_000 == pytest.approx(6, abs=0.3)
    assert duration_ms(tmp_path / "joined.mp3") == pytest.approx(6_000, abs=300)
