"""Recognition of audio containers by their first bytes, and of truncated files by their headers.

Conventions: containers have the names in `CONTAINERS`. Only a recognised file is handed to the decoder, and the decoder
is told the container, because a playlist named ``.wav`` must not make it open other files.

References: RIFF/WAVE (Microsoft 1994) and RF64 (EBU Tech 3306), AIFF (Apple 1989), MP4 boxes (ISO/IEC 14496-12), frames
of MPEG audio and AAC (ISO/IEC 11172-3, 13818-7), and the Xing header as LAME documents it.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

__all__ = [
    "CONTAINERS",
    "HEAD_BYTES",
    "Container",
    "declared_size",
    "has_audio_behind",
    "has_frame_count",
    "sniff",
    "tag_size",
]

HEAD_BYTES = 4096
"""Number of bytes at the start of a file that `sniff` needs."""


_LITTLE_BYTES = 2048  # This much after the samples may be padding.


class Container(NamedTuple):
    """A container: its extensions (the usual extension first) and the name that the decoder has for it."""

    extensions: tuple[str, ...]
    demuxer: str


CONTAINERS = {
    "wav": Container((".wav", ".wave"), "wav"),
    "mp3": Container((".mp3",), "mp3"),
    "flac": Container((".flac",), "flac"),
    "ogg": Container((".ogg", ".oga", ".opus"), "ogg"),
    "aiff": Container((".aiff", ".aif", ".aifc"), "aiff"),
    "amr": Container((".amr", ".awb"), "amr"),
    "asf": Container((".asf", ".wma", ".wmv"), "asf"),
    "webm": Container((".webm", ".mka", ".mkv", ".weba"), "matroska"),
    "mp4": Container((".mp4", ".m4a", ".m4b", ".m4v", ".mov", ".3gp"), "mov"),
    "aac": Container((".aac", ".adts"), "aac"),
}
"""Containers that the service accepts, by name."""

_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or an Office document)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"caff", "a CAF file"),
    (b".snd", "an AU file"),
    (b"riff.\x91\xcf\x11", "a Wave64 file"),
    (b"#!SILK", "a SILK file"),
    (b"NIST_1A", "a NIST SPHERE file"),
    (b"\x02#!SILK", "a SILK file"),
    (b"MAC ", "a Monkey's Audio file"),
    (b"wvpk", "a WavPack file"),
    (b"\x0b\x77", "an AC-3 file"),
    (b"\x00\x00\x01\xba", "an MPEG programme stream"),
    (b"version https://git-lfs", "a Git LFS pointer (fetch the real file with git lfs pull)"),
    (b"PAR1", "a Parquet file"),
    (b"\x93NUMPY", "a NumPy array"),
)


def sniff(head: bytes) -> tuple[str | None, str]:
    """Return the name of the container that begins with `head`, or None, and a description in words.

    >>> sniff(b"RIFF\\x24\\x00\\x00\\x00WAVEfmt ")
    ('wav', 'wav')
    >>> sniff(b"%PDF-1.7")
    (None, 'a PDF document')
    """
    name = _container(head[tag_size(head) :])
    if name is not None:
        return name, name
    for magic, words in _OTHERS:
        if head.startswith(magic):
            return None, words
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml")):
        return None, "a web page or XML (an error page saved under the audio's name?)"
    if not head.strip(b"\x00"):
        return None, "zero bytes only (an unfinished download or copy?)"
    if start and all(byte >= 32 or byte in b"\t\r\n\f" for byte in start):
        return None, "text"
    return None, f"an unknown kind of file beginning with {head[:8].hex(' ')}"


def _container(head: bytes) -> str | None:
    form = head[8:12]
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and form == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[4:8] == b"ftyp" or head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return "mp4"
    for magic, name in (
        (b"fLaC", "flac"),
        (b"OggS", "ogg"),
        (b"#!AMR", "amr"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "asf"),
        (b"\x1a\x45\xdf\xa3", "webm"),
    ):
        if head.startswith(magic):
            return name
    return _mpeg(head)


def _mpeg(head: bytes) -> str | None:
    """Tell MPEG audio and AAC apart by the first frame header. A second frame must follow directly after the first."""
    # Encoders pad and editors cut, so the first whole frame may begin a little after the start.
    for offset in range(min(len(head) - 7, 2048)):
        if head[offset] != 0xFF or head[offset + 1] & 0xE0 != 0xE0:
            continue
        for name, size in (("aac", _adts_size(head, offset)), ("mp3", _mp3_size(head, offset))):
            if not size:
                continue
            following = offset + size
            if following + 2 > len(head):
                if offset == 0:
                    return name
            elif head[offset] == head[following] and head[offset + 1] & 0xFE == head[following + 1] & 0xFE:
                return name
    return None


def _adts_size(head: bytes, at: int) -> int:
    if head[at + 1] & 0xF6 != 0xF0 or (head[at + 2] >> 2) & 0xF > 12:
        return 0
    size = (head[at + 3] & 3) << 11 | head[at + 4] << 3 | head[at + 5] >> 5
    return size if size > 7 else 0


_BITRATES = {  # kbit/s by (MPEG version 1?, layer); index 0 is "free", 15 is not allowed
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def _mp3_size(head: bytes, at: int) -> int:
    version, layer = (head[at + 1] >> 3) & 3, 4 - ((head[at + 1] >> 1) & 3)
    index, rate = head[at + 2] >> 4, (head[at + 2] >> 2) & 3
    if version == 1 or layer == 4 or index in (0, 15) or rate == 3:
        return 0
    hertz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _BITRATES[version == 3, layer][index] * 1000
    padding = (head[at + 2] >> 1) & 1
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    samples = 72 if layer == 3 and version != 3 else 144
    return samples * bits // hertz + padding


def tag_size(head: bytes) -> int:
    """Return the size in bytes of the ID3v2 tag at the start of the file, or 0 if there is no tag."""
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    a, b, c, d = head[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if head[5] & 0x10 else 0)


def declared_size(file: BinaryIO, container: str, size_bytes: int) -> int | None:
    """Return the size in bytes that the headers of the file declare, or None if they declare no size.

    The size is known for wav, aiff, mp4, and mp3 with a Xing or Info header. A program that writes into a pipe cannot
    go back to fill in the size and leaves a placeholder (see `_is_placeholder`), which counts as no size.
    """
    if container == "wav":
        return _riff_size(file, size_bytes)
    if container == "aiff":
        return _aiff_size(file, size_bytes)
    if container == "mp4":
        return _mp4_size(file, size_bytes)
    if container == "mp3":
        return _xing_size(file)
    return None


def _is_placeholder(size: int) -> bool:
    """Return True for sizes that mean "not known".

    Such a size is 0, or close to 2 GB or 4 GB: ffmpeg writes 0xFFFFFFFF, sox 0x7FFFF000, arecord 0x80000000, others
    0x7FFFFFFF or 0xFFFFFFF0, and some of them include the header.
    """
    near = 1 << 16
    return size == 0 or (1 << 31) - near <= size <= (1 << 31) + near or size >= (1 << 32) - near


def has_audio_behind(file: BinaryIO, container: str, declared: int, size_bytes: int) -> bool:
    """Return True if the file has more audio after the end that its header declares.

    This is so for files joined by ``cat``, and for recordings whose header was never updated. Chunks of text after the
    samples, tags and padding do not count as audio.
    """
    if container in ("wav", "aiff"):
        return size_bytes - _end_of_chunks(file, container, declared, size_bytes) > _LITTLE_BYTES
    if container == "mp3":
        behind = _at(file, declared, HEAD_BYTES)
        tag = tag_size(behind)
        return _mpeg(_at(file, declared + tag, HEAD_BYTES) if tag else behind) == "mp3"
    return container == "mp4" and _count_boxes(file, b"ftyp", size_bytes) > 1


def has_frame_count(file: BinaryIO) -> bool:
    """Return True for an mp3 file whose Xing or Info header gives the number of frames."""
    frame = _at(file, tag_size(_at(file, 0, 10)), 2048)
    position = max(frame.find(b"Xing", 0, 200), frame.find(b"Info", 0, 200))
    return position >= 0 and len(frame) >= position + 8 and bool(frame[position + 7] & 1)


def _end_of_chunks(file: BinaryIO, container: str, position: int, size_bytes: int) -> int:
    """Return the end of the last chunk behind the samples, which themselves end at `position`."""
    order = "<I" if container == "wav" else ">I"
    position += position % 2
    while position < size_bytes and len(header := _at(file, position, 8)) == 8:
        name, size = header[:4], struct.unpack(order, header[4:])[0]
        is_chunk = all(32 <= byte < 127 for byte in name) and name not in (b"RIFF", b"RF64", b"FORM", b"data")
        if not is_chunk or position + 8 + size > size_bytes + 1:
            break
        position += 8 + size + size % 2
    return position


def _count_boxes(file: BinaryIO, name: bytes, size_bytes: int) -> int:
    """Count the boxes with this name at the top level of an MP4 file."""
    position = count = 0
    while position < size_bytes and len(header := _at(file, position, 16)) >= 8:
        size = struct.unpack(">I", header[:4])[0]
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
        count += header[4:8] == name
        if size < 8:
            break
        position += size
    return count


def _riff_size(file: BinaryIO, size_bytes: int) -> int | None:
    file.seek(0)
    wide = file.read(12)[:4] != b"RIFF"
    position, long_data = 12, 0
    while len(header := _at(file, position, 8)) == 8 and position < size_bytes:
        name, size = header[:4], struct.unpack("<I", header[4:])[0]
        if name == b"ds64":
            long_data = struct.unpack("<Q", _at(file, position + 16, 8).ljust(8, b"\x00"))[0]
        if name == b"data":
            if wide and size == 0xFFFFFFFF:
                size = long_data
            return None if _is_placeholder(size) else position + 8 + size
        position += 8 + size + size % 2
    return None


def _aiff_size(file: BinaryIO, size_bytes: int) -> int | None:
    position = 12
    while len(header := _at(file, position, 8)) == 8 and position < size_bytes:
        name, size = header[:4], struct.unpack(">I", header[4:])[0]
        if name == b"SSND":
            return None if _is_placeholder(size) else position + 8 + size
        position += 8 + size + size % 2
    return None


def _mp4_size(file: BinaryIO, size_bytes: int) -> int | None:
    position = 0
    while position < size_bytes:
        header = _at(file, position, 16)
        if len(header) < 8:
            return None
        size = struct.unpack(">I", header[:4])[0]
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:])[0]
        if size < 8:  # The size 0 means that the box reaches to the end of the file.
            return None
        position += size
    return position


def _xing_size(file: BinaryIO) -> int | None:
    start = tag_size(_at(file, 0, 10))
    frame = _at(file, start, 2048)
    position = max(frame.find(b"Xing", 0, 200), frame.find(b"Info", 0, 200))
    if position < 0 or len(frame) < position + 16:
        return None
    flags, *values = struct.unpack(">III", frame[position + 4 : position + 16])
    if not flags & 2:
        return None
    stated: int = values[1 if flags & 1 else 0]
    return start + stated if stated else None


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)
