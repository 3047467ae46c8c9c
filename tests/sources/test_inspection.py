"""Inspection of recordings: real files of every kind, whole and damaged, and the messages about them."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from tones import amr_file

from soniox_ds.files.media import open_media
from soniox_ds.sources.containers import CONTAINERS, sniff
from soniox_ds.sources.inspection import fingerprint, hash_audio, inspect, probe
from soniox_ds.sources.recording import Recording, upload_name

SECONDS = 2.0


def make_audio(
    path: Path, codec: str, container: str, rate: int = 16_000, seconds: float = SECONDS, **options: str
) -> Path:
    """Encode a tone that gets louder, so that a variable bit rate varies."""
    if codec == "amr_nb":
        path.write_bytes(amr_file(seconds))
        return path
    samples = np.arange(round(seconds * rate))
    tone = (np.sin(samples * 2 * np.pi * 440 / rate) * np.linspace(0, 20_000, samples.size)).astype("<i2")
    with av.open(str(path), "w", format=container, options=options) as media:
        stream = media.add_stream(codec, rate=rate, layout="mono")
        if codec.startswith("wma"):
            stream.bit_rate = 64_000
        for start in range(0, tone.size, 1024):
            frame = av.AudioFrame.from_ndarray(tone[None, start : start + 1024], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    return path


def make_video(path: Path) -> Path:
    with av.open(str(path), "w", format="mp4") as media:
        stream = media.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 64
        for _ in range(5):
            media.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        media.mux(stream.encode(None))
    return path


def wav_bytes(seconds: float = 1.0, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"\x01\x00" * round(seconds * rate))
    return buffer.getvalue()


def look(path: Path, **options: int) -> Recording:
    return inspect(Recording(audio_id=path.name, source=path.name, file=str(path), filename=path.name), **options)


# name, codec, encoder, rate, name here, extension of the upload, tolerance in ms (encoders pad, raw AAC is estimated)
KINDS = [
    pytest.param("a.wav", "pcm_s16le", "wav", 16_000, "wav", ".wav", 0, id="wav"),
    pytest.param("a.WAV", "pcm_mulaw", "wav", 8_000, "wav", ".wav", 0, id="wav-mulaw"),
    pytest.param("a.mp3", "libmp3lame", "mp3", 16_000, "mp3", ".mp3", 80, id="mp3"),
    pytest.param("a.flac", "flac", "flac", 16_000, "flac", ".flac", 0, id="flac"),
    pytest.param("a.ogg", "libopus", "ogg", 48_000, "ogg", ".opus", 20, id="ogg"),
    pytest.param("a.opus", "libopus", "ogg", 48_000, "ogg", ".opus", 20, id="opus"),
    pytest.param("a.m4a", "aac", "ipod", 16_000, "mp4", ".m4a", 130, id="m4a"),
    pytest.param("a.mp4", "aac", "mp4", 16_000, "mp4", ".m4a", 130, id="mp4"),
    pytest.param("a.webm", "libopus", "webm", 48_000, "webm", ".webm", 20, id="webm"),
    pytest.param("a.aac", "aac", "adts", 16_000, "aac", ".aac", 300, id="aac"),
    pytest.param("a.aiff", "pcm_s16be", "aiff", 16_000, "aiff", ".aiff", 0, id="aiff"),
    pytest.param("a.amr", "amr_nb", "amr", 8_000, "amr", ".amr", 40, id="amr"),
    pytest.param("a.wma", "wmav2", "asf", 44_100, "asf", ".asf", 100, id="wma"),
]


@pytest.mark.parametrize(("name", "codec", "encoder", "rate", "container", "extension", "tolerance_ms"), KINDS)
def test_every_kind_the_service_takes(tmp_path, name, codec, encoder, rate, container, extension, tolerance_ms):
    path = make_audio(tmp_path / name, codec, encoder, rate)
    found = probe(path)
    assert (found.container, found.extension, found.warnings) == (container, extension, ())
    assert found.duration_ms == pytest.approx(SECONDS * 1000, abs=tolerance_ms)
    seen = look(path)
    assert seen.error_type is None
    assert seen.filename == name
    assert seen.size_bytes == path.stat().st_size
    assert seen.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert seen.duration_ms == found.duration_ms
    in_memory = inspect(Recording(audio_id="b", data=path.read_bytes()))
    assert (in_memory.duration_ms, in_memory.sha256, in_memory.size_bytes) == (
        seen.duration_ms,
        seen.sha256,
        seen.size_bytes,
    )
    assert in_memory.filename == f"b{extension}"


@pytest.mark.parametrize(
    ("name", "uploaded"),
    [
        ("a.wav", "a.mp3"),
        ("a", "a.mp3"),
        ("call.2024", "call.2024.mp3"),
        ("b.mp3", "b.mp3"),
        ("B.MP3", "B.MP3"),
        (".m4a", ".m4a.mp3"),
    ],
)
def test_a_mislabelled_file_is_uploaded_under_its_true_extension(tmp_path, name, uploaded):
    path = make_audio(tmp_path / name, "libmp3lame", "mp3")
    seen = look(path)
    assert (seen.error_type, seen.filename) == (None, uploaded)


def test_mp3_behind_cover_art(tmp_path):
    plain = make_audio(tmp_path / "a.mp3", "libmp3lame", "mp3").read_bytes()
    start = plain.index(b"\xff", 10)
    picture = b"APIC" + struct.pack(">I", 200_000) + b"\0\0" + b"\0image/png\0\x03\0" + b"\x89PNG" * 49_996 + b"\0\0\0"
    size = len(picture)
    tag = b"ID3\x03\0\0" + bytes((size >> shift) & 127 for shift in (21, 14, 7, 0)) + picture
    path = tmp_path / "art.mp3"
    path.write_bytes(tag + plain[start:])
    assert probe(path).duration_ms == pytest.approx(2000, abs=80)


def test_flac_behind_a_small_tag(tmp_path):
    flac = make_audio(tmp_path / "a.flac", "flac", "flac").read_bytes()
    path = tmp_path / "tagged.flac"
    path.write_bytes(b"ID3\x03\0\0\0\0\0\x14" + bytes(20) + flac)
    assert (probe(path).container, probe(path).duration_ms) == ("flac", 2000)


def test_mp3_without_a_xing_header_is_estimated(tmp_path):
    path = make_audio(tmp_path / "a.mp3", "libmp3lame", "mp3", write_xing="0", id3v2_version="0")
    assert b"Info" not in path.read_bytes()[:400]
    assert probe(path).duration_ms == pytest.approx(2000, abs=120)


def test_a_stream_without_a_length_is_counted(tmp_path):
    # As a browser records: the header is never gone back to.
    path = make_audio(tmp_path / "a.webm", "libopus", "webm", 48_000, live="1")
    with av.open(str(path)) as media:
        assert media.duration is None
    assert probe(path).duration_ms == pytest.approx(2000, abs=20)


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_that_was_piped_is_whole(tmp_path, size):
    data = bytearray(wav_bytes(1.0))
    data[40:44] = struct.pack("<I", size)
    path = tmp_path / "piped.wav"
    path.write_bytes(data)
    seen = look(path)
    assert (seen.error_type, seen.duration_ms, seen.warnings) == (None, 1000, [])


@pytest.mark.parametrize(
    ("name", "codec", "encoder", "options"),
    [
        ("a.wav", "pcm_s16le", "wav", {}),
        ("a.mp3", "libmp3lame", "mp3", {}),
        ("a.aiff", "pcm_s16be", "aiff", {}),
        ("a.m4a", "aac", "ipod", {"movflags": "faststart"}),
    ],
)
def test_a_file_cut_in_half_is_transcribed_and_noted(tmp_path, name, codec, encoder, options):
    path = make_audio(tmp_path / name, codec, encoder, seconds=20, **options)
    assert look(path).warnings == []
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    seen = look(path)
    assert (seen.error_type, seen.warnings) == (None, ["truncated_file"])
    assert seen.duration_ms == pytest.approx(10_000, rel=0.05)


def with_size(path, size):
    """Write another size of the samples into the header of a WAV file."""
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "size",
    [0, 0xFFFFFFFF, 0xFFFFFFF0, 0xFFFFFFFF - 36, 0x7FFFF000, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0x80000000, 0x7FFFF024],
    ids=hex,
)
def test_a_placeholder_of_a_pipe_is_no_size(tmp_path, size):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(2.0))
    seen = look(with_size(path, size))
    assert (seen.error_type, seen.duration_ms, seen.warnings) == (None, 2000, [])


@pytest.mark.parametrize("size", [1_000_000, 0x10000000, 0x7FF00000, 0x90000000], ids=hex)
def test_a_size_that_is_no_placeholder_is_believed(tmp_path, size):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(2.0))
    assert look(with_size(path, size)).warnings == ["truncated_file"]


JOINED = {
    "a.wav": ("pcm_s16le", "wav", {}),
    "a.aiff": ("pcm_s16be", "aiff", {}),
    "a.mp3": ("libmp3lame", "mp3", {}),
    "tagged.mp3": ("libmp3lame", "mp3", {"id3v2_version": "3"}),
    "a.m4a": ("aac", "ipod", {}),
}


@pytest.mark.parametrize("name", JOINED)
def test_files_joined_byte_by_byte_are_noted(tmp_path, name):
    codec, encoder, options = JOINED[name]
    path = make_audio(tmp_path / name, codec, encoder, seconds=5, **options)
    assert look(path).warnings == []
    path.write_bytes(path.read_bytes() * 2)
    assert look(path).warnings == ["longer_than_header"]


def test_samples_behind_a_header_that_was_never_brought_up_to_date_are_noted(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(5.0))
    seen = look(with_size(path, 32_000))
    assert (seen.duration_ms, seen.warnings) == (2000, ["longer_than_header"])


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content + b"\x00" * (len(content) % 2)


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(chunk(b"LIST", b"INFOISFT" + bytes(5000)), id="list"),
        pytest.param(chunk(b"id3 ", bytes(9001)) + chunk(b"_PMX", bytes(4000)), id="two-chunks"),
        pytest.param(bytes(512), id="padding"),
        pytest.param(b"TAG" + bytes(125), id="id3v1"),
    ],
)
def test_chunks_of_text_behind_the_samples_are_no_audio(tmp_path, behind):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(2.0) + behind)
    assert look(path).warnings == []


@pytest.mark.parametrize("behind", [b"TAG" + bytes(125), b"APETAGEX" + b"cover" * 40_000], ids=["id3v1", "ape"])
def test_tags_behind_an_mp3_are_no_audio(tmp_path, behind):
    path = make_audio(tmp_path / "a.mp3", "libmp3lame", "mp3", seconds=5)
    path.write_bytes(path.read_bytes() + behind)
    assert look(path).warnings == []


@pytest.mark.parametrize(("name", "codec", "container"), [("a.mkv", "libopus", "matroska"), ("a.mp4", "aac", "mp4")])
def test_a_second_audio_track_is_noted(tmp_path, name, codec, container):
    for tracks in (1, 2):
        path = tmp_path / name
        with av.open(str(path), "w", format=container) as media:
            streams = [media.add_stream(codec, rate=48_000, layout="mono") for _ in range(tracks)]
            for start in range(0, 48_000 * 2, 960):
                for stream in streams:
                    frame = av.AudioFrame.from_ndarray(np.zeros((1, 960), "<i2"), format="s16", layout="mono")
                    frame.sample_rate, frame.pts = 48_000, start
                    media.mux(stream.encode(frame))
            for stream in streams:
                media.mux(stream.encode(None))
        assert look(path).warnings == ["several_audio_tracks"] * (tracks - 1)


def test_inspecting_twice_notes_once(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes()[:9000])
    seen = look(path)
    assert inspect(seen).warnings == ["truncated_file"]


NO_AUDIO = [
    pytest.param(b"%PDF-1.7\n%\xe2\xe3", "a PDF document", id="pdf"),
    pytest.param(b"Dear Sir or Madam, this is no audio.", "is text", id="text"),
    pytest.param(b"\n<!DOCTYPE html><html>", "a web page", id="html"),
    pytest.param(b"PK\x03\x04" + bytes(100), "ZIP", id="zip"),
    pytest.param(bytes(5000), "zero bytes only", id="zeros"),
    pytest.param(b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "git lfs pull", id="lfs"),
    pytest.param(bytes(range(7, 200)), "an unknown kind", id="random"),
    pytest.param(b"#EXTM3U\n#EXTINF:10,\n/etc/hostname\n", "is text", id="playlist"),
    pytest.param(b"caff\x00\x01" + bytes(100), "CAF", id="caf"),
    pytest.param(b"R", "is text", id="one-byte"),
]


@pytest.mark.parametrize(("content", "words"), NO_AUDIO)
def test_files_that_are_no_audio_are_named(tmp_path, content, words):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    seen = look(path)
    assert seen.error_type == "unsupported_container"
    assert words in str(seen.error_message)
    assert "'a.wav'" in str(seen.error_message)
    assert "the service accepts wav, mp3" in str(seen.error_message)


def undecodable(folder: Path) -> dict[str, bytes]:
    m4a = make_audio(folder / "whole.m4a", "aac", "ipod").read_bytes()
    header = wav_bytes()
    flac = make_audio(folder / "whole.flac", "flac", "flac").read_bytes()
    return {
        "header cut": header[:30],
        "no samples": wav_bytes(0.0),
        "samples cut off": header[:44],
        "shorter than a millisecond": wav_bytes(2 / 8000),
        "index cut off": m4a[: len(m4a) // 2],
        "flac header only": flac[:60],
        "garbage behind the header": b"OggS" + bytes(range(256)) * 8,
        "unknown codec": header[:20] + b"\x77\x77" + header[22:],
        "silent video": make_video(folder / "video.mp4").read_bytes(),
    }


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("header cut", "cannot be decoded"),
        ("no samples", ""),
        ("samples cut off", ""),
        ("shorter than a millisecond", "0 ms"),
        ("index cut off", "cannot be decoded"),
        ("flac header only", ""),
        ("garbage behind the header", "cannot be decoded"),
        ("unknown codec", ""),
        ("silent video", "no sound, only video"),
    ],
)
def test_files_that_begin_like_audio_but_are_none(tmp_path, case, words):
    path = tmp_path / "a.wav"
    path.write_bytes(undecodable(tmp_path)[case])
    seen = look(path)
    assert seen.error_type == "undecodable_audio", seen
    assert seen.error_message is not None
    assert words in seen.error_message
    assert seen.sha256 is None


def test_a_film_with_sound_is_a_recording(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as media:
        pictures, sound = media.add_stream("mpeg4", rate=10), media.add_stream("aac", rate=16_000, layout="mono")
        pictures.width = pictures.height = 64
        for _ in range(10):
            media.mux(pictures.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), "<i2"), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        media.mux(sound.encode(frame))
        media.mux(pictures.encode(None))
        media.mux(sound.encode(None))
    assert probe(path).extension == ".mp4"
    assert probe(path).duration_ms == pytest.approx(1000, abs=130)


def test_limits(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(3.0))
    assert look(path, max_bytes=path.stat().st_size, max_duration_ms=3000).error_type is None
    large = look(path, max_bytes=path.stat().st_size - 1)
    assert (large.error_type, large.size_bytes) == ("too_large", 48_044)
    assert "48,044 bytes, but the service accepts at most 48,043" in str(large.error_message)
    long = look(path, max_duration_ms=2999)
    assert (long.error_type, long.duration_ms, long.sha256) == ("too_long", 3000, None)


def test_the_limits_of_the_service_hold_without_being_asked_for(tmp_path):
    path = tmp_path / "a.wav"
    with path.open("wb") as file:  # sparse: nothing is written but the end
        file.truncate(524_288_001)
    assert look(path).error_type == "too_large"
    hours = tmp_path / "hours.wav"
    header = bytearray(wav_bytes(0.0, rate=100))
    header[40:44] = struct.pack("<I", 301 * 60 * 200)
    with hours.open("wb") as file:
        file.write(header)
        file.truncate(44 + 301 * 60 * 200)
    seen = look(hours)
    assert (seen.error_type, seen.duration_ms) == ("too_long", 301 * 60_000)
    assert "lasts 301.0 min, but the service accepts at most 300 min" in str(seen.error_message)


def test_audio_without_a_stated_length_is_counted_and_not_estimated(tmp_path):
    # Loud behind silence: the first frames are small, so that the bit rate says ten times the duration.
    rate = 16_000
    path = tmp_path / "a.aac"
    samples = np.zeros(rate * 20, "<i2")
    samples[rate * 2 :] = np.random.default_rng(0).integers(-20_000, 20_000, samples.size - rate * 2)
    with av.open(str(path), "w", format="adts") as media:
        stream = media.add_stream(
            "aac", rate=rate, layout="mono", options={"global_quality": "200", "flags": "+qscale"}
        )
        for start in range(0, samples.size, 1024):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    with open_media(str(path)) as media:
        assert media.duration > 30_000_000, "the estimate should be far off, or this test shows nothing"
    seen = look(path, max_duration_ms=25_000)
    assert (seen.error_type, seen.duration_ms) == (None, pytest.approx(20_000, abs=200))


# -- files that cannot be opened -------------------------------------------------------------------------------------


def test_missing_and_empty(tmp_path):
    seen = look(tmp_path / "gone.wav")
    assert seen.error_type == "file_not_found"
    (tmp_path / "empty.wav").touch()
    seen = look(tmp_path / "empty.wav")
    assert (seen.error_type, seen.size_bytes) == ("empty_file", 0)
    assert inspect(Recording(audio_id="b", data=b"")).error_type == "empty_file"


def test_folders_and_pipes_are_not_opened(tmp_path):
    (tmp_path / "folder.wav").mkdir()
    assert look(tmp_path / "folder.wav").error_type == "not_a_file"
    os.mkfifo(tmp_path / "pipe.wav")  # opening it would wait for ever
    assert look(tmp_path / "pipe.wav").error_type == "not_a_file"
    assert look(Path("/dev/null")).error_type == "not_a_file"


def test_names_that_cannot_be(tmp_path):
    assert look(tmp_path / ("x" * 300 + ".wav")).error_type == "unreadable"
    assert look(tmp_path / "nul\0.wav").error_type == "unreadable"


def test_links_that_lead_nowhere(tmp_path):
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing.wav")
    (tmp_path / "round.wav").symlink_to(tmp_path / "round.wav")
    assert look(tmp_path / "gone.wav").error_type == "file_not_found"
    assert look(tmp_path / "round.wav").error_type == "unreadable"


def test_files_of_others(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes())
    path.chmod(0)
    root = os.geteuid() == 0
    if root:  # root may read everything: step down for a moment
        os.seteuid(65_534)
    try:
        seen = look(path)
    finally:
        if root:
            os.seteuid(0)
    assert seen.error_type == "permission_denied"
    assert "Permission denied" in str(seen.error_message)


def test_a_read_that_fails_half_way(tmp_path, monkeypatch):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes())

    def fail(file: object, digest: str) -> None:  # a bad sector cannot be made
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(hashlib, "file_digest", fail)
    seen = look(path)
    assert seen.error_type == "unreadable"
    assert "Input/output error" in str(seen.error_message)


def test_awkward_names_are_read(tmp_path):
    names = [
        "with space.wav",
        "quo\"te's.wav",
        "emoji 🎙️.wav",
        "new\nline.wav",
        "x" * 251 + ".wav",
        "caf\udce9.wav",
        "concat:a|b.wav",
    ]
    deep = tmp_path / ("d" * 200) / ("e" * 200) / ("f" * 200)
    deep.mkdir(parents=True)
    for name in names:
        (deep / name).write_bytes(wav_bytes())
        seen = look(deep / name)
        assert (seen.error_type, seen.duration_ms) == (None, 1000), name
        assert seen.filename.isprintable()
        assert len(seen.filename) <= 200
        assert seen.filename.endswith(".wav")


# -- what the pipeline relies on -------------------------------------------------------------------------------------


def test_urls_and_failed_recordings_are_left_alone():
    url = Recording(audio_id="u", url="https://host.example/a.wav")
    assert inspect(url) is url
    assert (url.size_bytes, url.error_type) == (None, None)
    failed = Recording(audio_id="f", file="gone.wav", error_type="duplicate_id", error_message="twice")
    assert inspect(failed).error_message == "twice"


def test_a_known_hash_is_not_computed_again(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes())
    known = Recording(audio_id="a", file=str(path), filename="a.wav", sha256="known")
    assert inspect(known).sha256 == "known"
    assert look(path, hashing=False).sha256 is None


def test_fingerprint_and_hash(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 1_234_567_890))
    assert fingerprint(path) == (3, 1_234_567_890)
    # FIPS 180-2, appendix B.1
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hash_audio(path) == hash_audio(b"abc") == expected


def test_nothing_else_is_opened_by_a_recording(tmp_path):
    # A demuxer that follows references would read the second file; the container is settled before one is chosen.
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav_bytes())
    path = tmp_path / "a.wav"
    path.write_bytes(f"ffconcat version 1.0\nfile {secret}\n".encode())
    assert look(path).error_type == "unsupported_container"


def test_every_container_is_sniffed_as_itself(tmp_path):
    assert set(CONTAINERS) == {"wav", "mp3", "flac", "ogg", "aiff", "amr", "asf", "webm", "mp4", "aac"}
    for head in (b"", b"\xff", b"\xff\xfb", b"ID3", b"RIFF", b"ID3\x03\0\0\0\0\x7f\x7f", b"\xff" * 64):
        name, words = sniff(head)
        assert name is None
        assert words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("calls/a.wav", "a.wav"),
        ("c:\\calls\\a.wav", "a.wav"),
        ("x" * 300 + ".wav", "x" * 196 + ".wav"),
        ("tab\there.wav", "tab_here.wav"),
        ("y" * 300, "y" * 200),
    ],
)
def test_upload_names(name, expected):
    assert upload_name(name) == expected
