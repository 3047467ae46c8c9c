"""Audio files in folders and globs, and the reference texts beside them.

Conventions: folders are searched recursively. Hidden files and folders (leading dot) and names without an audio
extension are left out. Symbolic links are followed, but each real folder is entered once, and real folders come before
linked ones, so that loops end. Paths are sorted, have forward slashes, and are relative to the folder, or to the part
of a glob before its first wildcard.
"""

from __future__ import annotations

import fnmatch
import os
import stat
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import NamedTuple

from soniox_ds.files.text_files import decode_text

__all__ = [
    "AUDIO_EXTENSIONS",
    "KALDI_LIST",
    "Listing",
    "Sidecar",
    "has_audio_extension",
    "is_pattern",
    "list_folder",
    "list_pattern",
    "looks_like_list",
    "read_sidecar",
]

KALDI_LIST = "wav.scp"
"""Name of Kaldi's list of recordings."""
AUDIO_EXTENSIONS = frozenset(
    (
        *(".aac", ".aif", ".aifc", ".aiff", ".amr", ".asf", ".flac", ".m4a", ".m4b", ".mp3", ".mp4", ".oga", ".ogg"),
        *(".opus", ".wav", ".wave", ".webm", ".wma"),
    )
)
"""Extensions, in lower case, by which files in a folder are taken for recordings."""


@dataclass(slots=True)
class Listing:
    """The files found in a folder or by a glob."""

    base: str
    """Folder that `files` are relative to."""
    files: list[str] = field(default_factory=list)
    """Audio files, sorted."""
    others: Counter[str] = field(default_factory=Counter)
    """Number of files that were left out, by extension."""
    folders: list[str] = field(default_factory=list)
    """Folders that the last part of a glob matched."""
    refused: list[tuple[str, OSError]] = field(default_factory=list)
    """Folders that could not be read."""
    lists: list[str] = field(default_factory=list)
    """Files that look like lists of the recordings and are not read."""

    def inventory(self) -> str:
        """Describe what was found instead of audio."""
        if self.others:
            total = self.others.total()
            kinds = ", ".join(f"{kind} ({count})" for kind, count in self.others.most_common(6))
            return f"{total} {'file' if total == 1 else 'files'}, none with an audio extension: {kinds}"
        if self.folders:
            return f"{len(self.folders)} folders but no files; to look inside them, end the pattern with /**"
        return "no files at all (hidden files are skipped)"


def has_audio_extension(name: str) -> bool:
    """Return True if the name has the extension of an audio file, in lower or upper case.

    >>> has_audio_extension("A.WAV"), has_audio_extension("a.txt")
    (True, False)
    """
    return os.path.splitext(name)[1].lower() in AUDIO_EXTENSIONS


def is_pattern(text: str) -> bool:
    """Return True if `text` holds a wildcard. The caller checks first that no file has this very name."""
    return any(letter in text for letter in "*?[")


def list_folder(folder: str) -> Listing:
    """Find the audio files in a folder and in all folders below it."""
    return _walk(folder, ["**", "*"])


def list_pattern(pattern: str) -> Listing:
    """Find the audio files that a glob matches; ``**`` stands for any number of folders."""
    drive, rest = os.path.splitdrive(pattern)
    parts = [part for part in rest.replace(os.sep, "/").split("/") if part not in ("", ".")]
    base = drive + (os.sep if rest.startswith((os.sep, "/")) else "")
    # A folder that really is called "data [v2]" is taken by its name, not as a pattern.
    while len(parts) > 1 and (not is_pattern(parts[0]) or os.path.isdir(os.path.join(base, parts[0]))):
        base = os.path.join(base, parts.pop(0))
    if parts[-1] == "**":
        parts.append("*")
    return _walk(base or ".", parts)


def _walk(base: str, parts: list[str]) -> Listing:
    listing = Listing(base)
    last = len(parts) - 1

    def reached(positions: set[int]) -> frozenset[int]:
        # "**" may stand for no folder at all, so the part after it is reached as well.
        for position in sorted(positions):
            while parts[position] == "**" and position < last:
                position += 1
                positions.add(position)
        return frozenset(positions)

    def fits(name: str, position: int) -> bool:
        if name.startswith(".") and not parts[position].startswith("."):
            return False
        return parts[position] == "**" or fnmatch.fnmatch(name, parts[position])

    todo: deque[tuple[str, frozenset[int]]] = deque([("", reached({0}))])
    linked: deque[tuple[str, frozenset[int]]] = deque()
    seen: set[tuple[str, frozenset[int]]] = set()
    while todo or linked:
        relative, positions = todo.popleft() if todo else linked.popleft()
        folder = os.path.join(base, relative) if relative else base
        if (key := (os.path.realpath(folder), positions)) in seen:
            continue
        seen.add(key)
        try:
            with os.scandir(folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError as error:
            listing.refused.append((relative, error))
            continue
        for entry in entries:
            inner = f"{relative}/{entry.name}" if relative else entry.name
            if _is_folder(entry):
                if last in positions and parts[-1] != "*" and fits(entry.name, last):
                    listing.folders.append(inner)
                further = {
                    position if parts[position] == "**" else position + 1
                    for position in positions
                    if position < last and fits(entry.name, position)
                }
                if further:
                    (linked if entry.is_symlink() else todo).append((inner, reached(further)))
            elif last in positions and fits(entry.name, last):
                if has_audio_extension(entry.name):
                    listing.files.append(inner)
                else:
                    if looks_like_list(entry.name, at_top=not relative):
                        listing.lists.append(inner)
                    listing.others[os.path.splitext(entry.name)[1].lower() or "no extension"] += 1
    listing.files.sort()
    stems = {os.path.splitext(name)[0] for name in listing.files}
    listing.lists = [name for name in listing.lists if os.path.splitext(name)[0] not in stems]
    return listing


def looks_like_list(name: str, *, at_top: bool) -> bool:
    """Return True for a list of recordings of Kaldi or Hugging Face, and for a table at the top of a folder."""
    stem, extension = os.path.splitext(name.lower())
    if name == KALDI_LIST:
        return True
    if stem in ("metadata", "manifest"):
        return extension in (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
    return at_top and extension in (".csv", ".tsv", ".jsonl", ".ndjson")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # A link that refers to itself is listed as a file, which fails visibly when it is opened.
        return False


class Sidecar(NamedTuple):
    """The reference text beside a recording."""

    text: str | None
    """The reference text; None if there is no file with it."""
    refused: tuple[str, ...]
    """Files with the right name that are not read: links, files that are not regular, and files outside the folder."""


def read_sidecar(path: str, root: str | None = None) -> Sidecar:
    """Read the reference text beside ``call.wav``: ``call.wav.txt`` or, failing that, ``call.txt``.

    White space at the end is dropped. An empty file is the reference "": nothing is spoken in the recording. A text
    must be a regular file, not a link, and lie within `root`; otherwise any file of the machine could become a
    reference and appear in reports. If `path` is itself ``call.txt``, it is not used as its own reference.

    Parameters
    ----------
    path
        The audio file.
    root
        The folder in which the text must lie, at any depth; None for the folder of the audio file.

    Raises
    ------
    OSError
        If the text exists and cannot be read.
    UnicodeDecodeError
        If it is neither UTF-8 nor UTF-16.
    """
    refused = []
    for name in (f"{path}.txt", f"{os.path.splitext(path)[0]}.txt"):
        try:
            status = os.lstat(name)
        except (OSError, ValueError):  # The file does not exist, or the name is not possible.
            continue
        if stat.S_ISDIR(status.st_mode) or os.path.samestat(status, os.stat(path)):
            continue
        top = os.path.realpath((os.path.dirname(name) if root is None else root) or ".")
        is_within = os.path.realpath(name).startswith(os.path.join(top, ""))
        if not stat.S_ISREG(status.st_mode) or not is_within:
            refused.append(name)
            continue
        with open(name, "rb") as file:
            return Sidecar(decode_text(file.read()).rstrip(), tuple(refused))
    return Sidecar(None, tuple(refused))
