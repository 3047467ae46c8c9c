"""Tags that are not written in UTF-8: whoever reads an audio file must read this one too."""

from __future__ import annotations

import struct
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.emulator.audio import decode_file, duration_ms
from soniox_ds.emulator.stream_audio import decoder_for
from soniox_ds.files.audio_excerpts import excerpt
from soniox_ds.files.media import open_media
from soniox_ds.live.audio_sources import decoded
from soniox_ds.sources.inspection import probe

TITLE = "Gespräch über Öl"
PLACEHOLDER = "Gespr?ch ?ber ?l"  # as many bytes as the title has in Latin-1


def encoded(path: Path, container: str, codec: str, rate: int) -> bytes:
    """Two seconds of a tone, with a title in ASCII."""
    options = (
        {"id3v2_version": "0"} if container == "mp3" else {}
    )  # an ID3v2 tag would hide the one that is added below
    with av.open(str(path), "w", format=container, options=options) as media:
        media.metadata["title"] = PLACEHOLDER
        stream = media.add_stream(codec, rate=rate, layout="mono")
        times = np.arange(2 * rate) / rate
        frame = av.AudioFrame.from_ndarray((9000 * np.sin(times * 1400)).astype("<i2")[None], "s16", "mono")
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            media.mux(stream.encode(part))
        media.mux(stream.encode(None))
    return path.read_bytes()


def in_latin_1(kind: str, folder: Path) -> Path:
    """A recording whose title is written in Latin-1, where the format's rules ask for UTF-8 or do not say."""
    containers = {
        "wav": ("wav", "pcm_s16le", 16_000),
        "mp3": ("mp3", "libmp3lame", 16_000),
        "flac": ("flac", "flac", 16_000),
        "opus": ("ogg", "libopus", 48_000),
        "m4a": ("ipod", "aac", 16_000),
        "webm": ("webm", "libopus", 48_000),
    }
    path = folder / f"a.{kind}"
    data = encoded(path, *containers[kind])
    title = TITLE.encode("latin-1")
    if kind == "mp3":  # an ID3v1 tag: the last 128 bytes, whose encoding nothing states
        data += struct.pack("3s30s30s30s4s30sB", b"TAG", title, b"", b"", b"1999", b"", 0)
    elif kind == "opus":  # Ogg pages have checksums, and the tags stand in the second page
        data = with_ogg_checksums(data.replace(PLACEHOLDER.encode(), title))
    else:
        assert PLACEHOLDER.encode() in data
        data = data.replace(PLACEHOLDER.encode(), title)
    path.write_bytes(data)
    return path


def with_ogg_checksums(data: bytes) -> bytes:
    pages, start = bytearray(), 0
    while start < len(data):
        segments = data[start + 26]
        end = start + 27 + segments + sum(data[start + 27 : start + 27 + segments])
        page = bytearray(data[start:end])
        page[22:26] = bytes(4)
        checksum = 0
        for byte in page:
            checksum ^= byte << 24
            for _ in range(8):
                checksum = (checksum << 1) ^ (0x104C11DB7 if checksum & 0x80000000 else 0)
        page[22:26] = struct.pack("<I", checksum)
        pages += page
        start = end
    return bytes(pages)


@pytest.mark.parametrize("kind", ["wav", "mp3", "flac", "opus", "m4a", "webm"])
def test_tags_in_latin_1_disturb_nobody(tmp_path, kind):
    path = in_latin_1(kind, tmp_path)
    with open_media(str(path)) as media:
        titles = [tags.get("title", "") for tags in (media.metadata, media.streams.audio[0].metadata)]
    assert any(title.startswith("Gespr") and title.isascii() is False for title in titles), "the tag is not in the file"
    assert probe(path).duration_ms == pytest.approx(2000, abs=130)
    assert probe(path.read_bytes()).duration_ms == pytest.approx(2000, abs=130)
    assert sum(map(len, decoded(path))) / 32 == pytest.approx(2000, abs=130)
    assert sum(map(len, decoded(path.read_bytes()))) / 32 == pytest.approx(2000, abs=130)
    # The stand-in: a file, its length, and the same bytes in a stream.
    assert len(decode_file(path)) / 16 == pytest.approx(2000, abs=130)
    assert duration_ms(path) == pytest.approx(2000, abs=130)
    if kind != "m4a":  # cannot be streamed
        decoder = decoder_for("auto")
        heard = [decoder.feed(path.read_bytes()), decoder.finish()]
        decoder.close()
        assert sum(map(len, heard)) / 16 == pytest.approx(2000, abs=130)
    # What the reports play.
    row = pd.Series({"source": str(path), "size_bytes": path.stat().st_size, "sha256": pd.NA})
    assert excerpt(row, 200, 900).audio.startswith(b"OggS")


def test_tags_in_latin_1_are_transcribed(tmp_path, service):
    for kind in ("wav", "mp3"):
        in_latin_1(kind, tmp_path)
    corpus = sx.transcribe(tmp_path, journal=tmp_path / "journal.sqlite", progress=False)
    assert corpus.recordings["status"].tolist() == ["completed", "completed"]
