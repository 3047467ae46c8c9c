"""Inspection of a recording before it is sent: size, container, duration and hash.

Conventions: all functions block and are called in worker threads. Only the first frame of mono audio is decoded.
Durations (whole milliseconds) are taken from the headers. Raw AAC and AMR, and MP3 without a Xing header, do not
declare a duration; their packets are counted, which takes about ten milliseconds for each minute. Up to eight seconds
of audio with several channels are decoded to see whether the channels differ, which takes about ten milliseconds.
Otherwise a call takes about a millisecond, and the hash another two for each megabyte.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from soniox_ds.files.media import open_media
from soniox_ds.sources.channels import UnusableAudio, channels_differ, is_deep
from soniox_ds.sources.containers import (
    CONTAINERS,
    HEAD_BYTES,
    declared_size,
    has_audio_behind,
    has_frame_count,
    sniff,
    tag_size,
)
from soniox_ds.sources.recording import Recording, shown, upload_name
from soniox_ds.sources.stores import AudioSource, StoredObject, opened
from soniox_ds.stores.store import StoreError

__all__ = [
    "MAX_BYTES",
    "MAX_DURATION_MS",
    "SEVERAL_CHANNELS",
    "Probe",
    "UnusableAudio",
    "fingerprint",
    "hash_audio",
    "inspect",
    "look_up",
    "os_error_type",
    "os_error_words",
    "probe",
    "too_large",
    "too_long",
]

MAX_BYTES = 524_288_000
"""Largest file that the service accepts, in bytes."""
MAX_DURATION_MS = 300 * 60_000
"""Longest recording that the service accepts, in milliseconds."""

SEVERAL_CHANNELS = "several_channels"
"""Warning of a recording whose channels differ."""

# This many packets may fail before the audio counts as undecodable, because MP3 often begins in mid-stream.
_FRAMES_TRIED = 64
# Tags at the end and padding make the size differ a little from the declared size.
_CUT_BYTES = 2048
# An object of a store that is not larger is read once, as a whole; a larger object is read twice.
_READ_ONCE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The facts from the headers of one recording."""

    container: str
    """Name of the container in ``containers.CONTAINERS``."""
    extension: str
    """The right extension for the audio, with the dot."""
    duration_ms: int
    channels: int
    channel_bytes_per_s: int
    """Bytes of one second of one channel without compression."""
    warnings: tuple[str, ...] = ()


def inspect(
    recording: Recording,
    *,
    max_bytes: float = MAX_BYTES,
    max_duration_ms: float = MAX_DURATION_MS,
    hashing: bool = True,
) -> Recording:
    """Fill in size, duration, hash and upload name of a recording, or the reason why it cannot be transcribed.

    Parameters
    ----------
    recording
        The recording, which is changed in place. URLs and recordings that already failed are left as they are.
    max_bytes, max_duration_ms
        Limits of the service; ``math.inf`` for recordings that are divided before they are sent.
    hashing
        True to compute ``sha256``. A hash that is already known is never computed again.

    Returns
    -------
    Recording
        The same object. ``error_type`` is None or one of ``file_not_found``, ``not_a_file``, ``permission_denied``,
        ``unreadable``, ``empty_file``, ``too_large``, ``unsupported_container``, ``undecodable_audio``, ``too_long``;
        ``warnings`` gains ``truncated_file`` if the file ends before the end that its header declares,
        ``longer_than_header`` if more audio follows after that end, ``several_audio_tracks`` if the file has more than
        one audio track, of which the first is transcribed, and `SEVERAL_CHANNELS` if its channels differ.
    """
    if recording.error_type is not None or recording.is_remote or recording.audio is None:
        return recording
    try:
        if recording.path is None and recording.stored is not None and not recording.stored.version:
            recording.stored = recording.stored.looked_up()
        source = recording.audio
        recording.size_bytes = _size(source)
        if recording.size_bytes == 0:
            raise UnusableAudio("empty_file", "is empty (0 bytes); record or copy it again")
        if recording.size_bytes > max_bytes:
            raise too_large(recording.size_bytes, max_bytes)
        stored = source if isinstance(source, StoredObject) else None
        if stored is not None and recording.size_bytes <= _READ_ONCE_BYTES:
            source = b"".join(stored.blocks())
        facts = probe(source)
        recording.duration_ms = facts.duration_ms
        recording.channels, recording.channel_bytes_per_s = facts.channels, facts.channel_bytes_per_s
        recording.filename = _upload_name(recording.filename or recording.audio_id, facts)
        recording.warnings += [slug for slug in facts.warnings if slug not in recording.warnings]
        if facts.duration_ms > max_duration_ms:
            raise too_long(facts.duration_ms, max_duration_ms)
        if hashing and recording.sha256 is None:
            recording.sha256 = (stored.sha256 if stored is not None else None) or hash_audio(source)
        if stored is not None:
            stored.check_unchanged()
            recording.stored = replace(stored, sha256=recording.sha256)
    except UnusableAudio as error:
        recording.fail(error.error_type, f"{_quoted_name(recording)} {error}")
    except OSError as error:
        recording.fail(os_error_type(error), f"{_quoted_name(recording)} {os_error_words(error)}")
    except ValueError as error:  # The name holds a NUL character.
        recording.fail("unreadable", f"{_quoted_name(recording)} cannot be the name of a file: {error}")
    return recording


def look_up(recording: Recording) -> Recording:
    """Fill in the present size and version of an object in a store, or the reason why it cannot be transcribed.

    Other recordings, and those that already failed, are left as they are. If the service is to fetch the object, the
    store is also asked for a signed URL, which is not kept.
    """
    before = recording.stored
    if before is None or recording.path is not None or recording.error_type is not None:
        return recording
    try:
        recording.stored = before.looked_up()
        recording.size_bytes = recording.stored.size_bytes
        if before.version not in ("", recording.stored.version):
            recording.sha256 = None
        if recording.is_signed:
            before.signed_url()
    except StoreError as error:
        recording.fail(error.error_type, f"{_quoted_name(recording)} {error}")
    return recording


def too_large(size_bytes: int, max_bytes: float) -> UnusableAudio:
    """Return the error of a file that is larger than the service takes."""
    return UnusableAudio(
        "too_large",
        f"has {size_bytes:,} bytes, but the service accepts at most {max_bytes:,}; transcribe it with "
        'split="auto", which cuts it at pauses, or compress it (flac, opus)',
    )


def too_long(duration_ms: int, max_duration_ms: float) -> UnusableAudio:
    """Return the error of a recording that is longer than the service takes."""
    return UnusableAudio(
        "too_long",
        f"lasts {duration_ms / 60_000:.1f} min, but the service accepts at most {max_duration_ms / 60_000:g} min; "
        'transcribe it with split="auto", which cuts it at pauses',
    )


def fingerprint(path: Path) -> tuple[int, int]:
    """Return the size in bytes and the modification time in ns. A cached hash is valid as long as both are the same."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns


def hash_audio(source: AudioSource) -> str:
    """Return the SHA-256 of audio, hexadecimal. A file or an object of a store is read a little at a time."""
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    if isinstance(source, StoredObject):
        digest = hashlib.sha256()
        for block in source.blocks():
            digest.update(block)
        return digest.hexdigest()
    with open(source, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def probe(source: AudioSource) -> Probe:
    """Read container and duration from the headers, and decode one frame to check that the audio can be decoded.

    Raises
    ------
    UnusableAudio
        If the container is not supported (``unsupported_container``) or cannot be decoded (``undecodable_audio``).
    OSError
        If the file cannot be read.
    """
    with opened(source) as file:
        head = file.read(HEAD_BYTES)
        if (tag := tag_size(head)) > HEAD_BYTES // 2:  # A large tag, such as cover art, precedes the first frame.
            file.seek(tag)
            container, words = sniff(file.read(HEAD_BYTES))
        else:
            container, words = sniff(head)
        if container is None:
            raise UnusableAudio(
                "unsupported_container",
                f"is {words}; the service accepts {', '.join(CONTAINERS)} (these include m4a, opus and wma)",
            )
        size_bytes = file.seek(0, os.SEEK_END)
        declared = declared_size(file, container, size_bytes)
        is_truncated = declared is not None and declared > size_bytes + (_CUT_BYTES if container == "mp3" else 1)
        warnings = ["truncated_file"] if is_truncated else []
        if declared is not None and not is_truncated and has_audio_behind(file, container, declared, size_bytes):
            warnings.append("longer_than_header")
        is_counted = container in ("aac", "amr") or (
            container == "mp3" and ("longer_than_header" in warnings or not has_frame_count(file))
        )
        file.seek(0)
        audio = _measure(file, container, is_counted)
        file.seek(0)
        if audio.channels > 1 and channels_differ(file, container, audio.duration_ms):
            warnings.append(SEVERAL_CHANNELS)
    duration_ms = audio.duration_ms
    if audio.tracks > 1:
        warnings.append("several_audio_tracks")
    if is_truncated and declared and container != "wav":  # For wav files the decoder counts the bytes that are there.
        duration_ms = duration_ms * size_bytes // declared
    return Probe(
        container=container,
        extension=_extension(container, head, audio.has_video),
        duration_ms=duration_ms,
        channels=audio.channels,
        channel_bytes_per_s=audio.channel_bytes_per_s,
        warnings=tuple(warnings),
    )


def os_error_type(error: OSError) -> str:
    """Return the slug for an error of the operating system or of a store."""
    if isinstance(error, StoreError):
        return error.error_type
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "file_not_found"
    if isinstance(error, PermissionError):
        return "permission_denied"
    if isinstance(error, IsADirectoryError):
        return "not_a_file"
    return "unreadable"


def os_error_words(error: OSError) -> str:
    """Describe an error of the operating system or of a store, to follow the name of the recording."""
    return str(error) if isinstance(error, StoreError) else f"cannot be read: {error.strerror or error}"


def _size(source: AudioSource) -> int:
    if isinstance(source, bytes):
        return len(source)
    if isinstance(source, StoredObject):
        return source.size_bytes or 0
    status = os.stat(source)
    if stat.S_ISDIR(status.st_mode):
        raise UnusableAudio(
            "not_a_file",
            "is a folder, but each row must be one recording; pass the folder itself to transcribe all of its files",
        )
    # Opening a pipe waits for its other end, possibly for ever.
    if not stat.S_ISREG(status.st_mode):
        raise UnusableAudio("not_a_file", "is a pipe, socket or device; write the audio to a file first")
    return status.st_size


class _Measured(NamedTuple):
    duration_ms: int
    has_video: bool
    tracks: int
    channels: int
    channel_bytes_per_s: int


def _measure(file: BinaryIO, container: str, is_counted: bool) -> _Measured:
    """Measure the first audio track of a file.

    The duration is counted from the packets if `is_counted`, or if the header does not give it.
    """
    import av  # PyAV is slow to import, so it is imported only here.

    try:
        with open_media(file, format=CONTAINERS[container].demuxer) as media:
            if not media.streams.audio:
                kinds = ", ".join(sorted({stream.type for stream in media.streams})) or "nothing"
                raise UnusableAudio("undecodable_audio", f"contains no sound, only {kinds}")
            audio = media.streams.audio[0]
            _decode_one(media, audio)
            duration_ms = None
            if audio.duration is not None and audio.time_base is not None:
                duration_ms = round(audio.duration * audio.time_base * 1000)
            elif media.duration is not None:
                duration_ms = round(media.duration / 1000)
            tracks, channels = len(media.streams.audio), audio.codec_context.layout.nb_channels
            channel_bytes_per_s = audio.codec_context.sample_rate * (3 if is_deep(audio.codec_context) else 2)
            has_video = any(
                not stream.disposition & av.stream.Disposition.attached_pic for stream in media.streams.video
            )
        if duration_ms is None or is_counted:
            file.seek(0)
            with open_media(file, format=CONTAINERS[container].demuxer) as media:
                duration_ms = _counted_ms(media)
    except (av.error.FFmpegError, ValueError) as error:
        if isinstance(error, OSError) and not isinstance(error, av.error.FFmpegError):
            raise
        raise UnusableAudio(
            "undecodable_audio", f"begins like {container} but cannot be decoded ({_words(error)}); export it again"
        ) from error
    if duration_ms <= 0:
        raise UnusableAudio("undecodable_audio", f"is {container} without any audio in it (0 ms)")
    return _Measured(duration_ms, has_video, tracks, channels, channel_bytes_per_s)


def _decode_one(media: Any, audio: Any) -> None:
    import av

    trouble: Exception | None = None
    for tried, packet in enumerate(media.demux(audio)):
        try:
            if packet.decode():
                return
        except av.error.FFmpegError as error:
            trouble = error
        if tried >= _FRAMES_TRIED:
            break
    reason = (
        f"none of its first frames can be decoded: {_words(trouble)}"
        if trouble
        else "no frame of audio follows its header"
    )
    raise UnusableAudio("undecodable_audio", f"has a header but {reason}; export it again")


def _counted_ms(media: Any) -> int:
    """Add up the durations of all packets without decoding them, for streams that declare no duration."""
    audio = media.streams.audio[0]
    end = counted = 0
    for packet in media.demux(audio):
        counted += packet.duration or 0
        if packet.pts is not None:
            end = max(end, packet.pts + (packet.duration or 0))
    duration_ms: int = round(max(end, counted) * audio.time_base * 1000)
    return duration_ms


def _extension(container: str, head: bytes, has_video: bool) -> str:
    if container == "mp4" and not has_video:
        return ".m4a"
    if container == "ogg" and b"OpusHead" in head[:128]:
        return ".opus"
    return CONTAINERS[container].extensions[0]


def _upload_name(name: str, facts: Probe) -> str:
    """Return the name of an upload with the right extension for its container."""
    name = upload_name(name)
    stem, extension = os.path.splitext(name)
    if extension.lower() in CONTAINERS[facts.container].extensions:
        return name
    is_of_other_container = any(extension.lower() in container.extensions for container in CONTAINERS.values())
    return upload_name((stem if is_of_other_container else name) + facts.extension)


def _quoted_name(recording: Recording) -> str:
    return shown(recording.source if recording.source is not None else recording.audio_id)


def _words(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
