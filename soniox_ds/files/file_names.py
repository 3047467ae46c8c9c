"""Names of files that are written for recordings, one file for each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import urlsplit

from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import writing

__all__ = ["file_of_each", "files_to_write"]

_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
"""Characters that Windows does not allow in file names."""
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
"""Names of devices, which Windows does not allow as file names."""
_LONGEST_BYTES = 200


def file_of_each(audio_ids: Iterable[str], folder: str | Path, suffix: str) -> dict[str, Path]:
    """Return the path of the file to write for each recording, by `audio_id`, without creating it.

    If an id is a path, its folders become subfolders of `folder` ("calls/7.wav" becomes "calls/7.srt"). If an id is a
    URL, its host and path are kept. Characters that are not allowed in file names become underscores.

    Parameters
    ----------
    audio_ids
        The ids.
    folder
        The folder to write to.
    suffix
        The extension of the files, with its dot. It replaces the extension of the audio file.

    Raises
    ------
    InputError
        If two ids would be written to the same file. The message names both.

    Examples
    --------
    >>> files = file_of_each(["calls/7.wav", "https://example.com/a/b.mp3?v=2"], "subs", ".srt")
    >>> [path.as_posix() for path in files.values()]
    ['subs/calls/7.srt', 'subs/example.com/a/b.srt']
    """
    files: dict[str, Path] = {}
    first: dict[str, str] = {}
    for audio_id in dict.fromkeys(audio_ids):
        url = urlsplit(audio_id) if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", audio_id) else None
        path = f"{url.netloc.rpartition('@')[2]}/{url.path}" if url else audio_id
        parts = [_safe(part) for part in path.split("/") if part not in ("", ".", "..")] or ["_"]
        stem = parts[-1].rpartition(".")
        if re.fullmatch(r"[A-Za-z0-9]{1,5}", stem[2]) and not stem[2].isdigit() and stem[0]:
            parts[-1] = stem[0]
        name = "/".join(parts) + suffix
        other = first.setdefault(name.casefold(), audio_id)
        if other != audio_id:
            raise InputError(
                f"{other!r} and {audio_id!r} would both be written to {name}; rename one of the recordings, or write "
                "them to different folders (corpus.select([...]))."
            )
        files[audio_id] = Path(folder, *name.split("/"))
    return files


def files_to_write(audio_ids: Collection[str], path: str | Path, extension: str) -> dict[str, Path]:
    """Return the path of the file to write for each recording, by `audio_id`, and create the folders of these files.

    `path` is a folder, or the path of the file if there is only one recording and the path has the given `extension`
    (in lower case, with its dot).

    Raises
    ------
    InputError
        If `path` is a file and there are several recordings, if two ids would be written to the same file, or if a
        folder cannot be created.
    """
    target = Path(path)
    if target.suffix.lower() == extension and not target.is_dir():
        if len(audio_ids) != 1:
            raise InputError(
                f"{target} is the name of one file, and there are {len(audio_ids)} recordings; give a folder."
            )
        return dict.fromkeys(audio_ids, target)
    files = file_of_each(audio_ids, target, extension)
    with writing(path):
        for folder in {file.parent for file in files.values()}:
            folder.mkdir(parents=True, exist_ok=True)
    return files


def _safe(part: str) -> str:
    """Convert a part of a path to a name that every file system allows."""
    name = _FORBIDDEN.sub("_", part).rstrip(" .") or "_"
    name = f"_{name}" if _RESERVED.fullmatch(name) else name
    while len(name.encode("utf-8", "replace")) > _LONGEST_BYTES:
        name = name[:-1]
    return name
