"""Shards of WebDataset: tar files with the audio, the transcript and the metadata of each recording.

Conventions: a sample consists of the files of a shard that follow each other and have the same key. The key of a file
ends at the first dot of its name, so that keys have no dots: ``calls/7.wav``, ``calls/7.json``, ``calls/7.txt`` are a
sample with the key ``calls/7``. Readers skip names that begin with a dot or two underscores. Source:
https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing_folder
from soniox_ds.files.file_names import file_of_each
from soniox_ds.io.contents import audio_path, audio_unreadable
from soniox_ds.io.huggingface import table_of_recordings
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema.inputs import Transcribed, Transcripts

__all__ = ["write_webdataset"]

_SHARD = re.compile(r"shard-[0-9]{6,}\.tar")
_EXTENSION = re.compile(r"\.(?!(?:json|txt)$)([a-z0-9]{1,8})")


@explains_keywords
def write_webdataset(
    transcripts: Transcripts,
    path: str | Path,
    *,
    max_recordings: int = 1000,
    max_bytes: int = 1_000_000_000,
    with_audio: bool = True,
) -> None:
    """Write WebDataset shards: tar files with the audio, the text and a JSON file of each recording.

    The files of a recording are ``<key>.<extension of the audio>``, ``<key>.json`` and ``<key>.txt``. The key is the
    `audio_id` without its extension. Characters that are not allowed in file names are replaced by underscores. Dots
    are replaced too, because WebDataset ends a key at the first dot. The same corpus always gives the same bytes.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, or a table of words, tokens or segments. The shards of a table contain no audio.
    path
        The folder for the shards, which are named ``shard-000000.tar`` and so on. Existing shards in it are replaced.
    max_recordings, max_bytes
        The largest number of recordings in a shard, and the largest size of a shard. A recording that is larger than
        `max_bytes` is written to a shard of its own.
    with_audio
        False to write only the texts and the JSON files.

    Raises
    ------
    InputError
        If there is nothing to write, if the audio of a recording is not a file on this machine, if two recordings have
        the same key, if a limit is not a whole number above 0, or if the folder contains other files or cannot be
        written to. In all these cases, existing shards are kept.
    SchemaError
        If a column is absent, or one of your own columns cannot be stored.

    Warns
    -----
    UserWarning
        If failed recordings, or segments that are translations, are left out.

    Notes
    -----
    The text file contains the text of ``corpus.texts()`` without translations. The JSON file contains the columns of
    `to_huggingface` (the `audio_id`, the text, the columns of `recordings` that have values, and the lists `segments`
    and `words`); missing values are null. ``webdataset.WebDataset("shards/shard-{000000..000011}.tar")`` reads the
    shards. ``datasets.load_dataset("webdataset", data_files="shards/*.tar")`` also reads them, but it needs
    ``pip install "datasets[audio]"`` and audio files that all have the same format.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> import tarfile
    >>> from tempfile import TemporaryDirectory
    >>> tokens = pd.DataFrame({"audio_id": "v1.2/talk.wav", "token_index": [0, 1], "text": ["Good", " day"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_webdataset(tokens, f"{folder}/shards")
    ...     with tarfile.open(f"{folder}/shards/shard-000000.tar") as shard:
    ...         shard.getnames(), shard.extractfile("v1_2/talk.txt").read()
    (['v1_2/talk.json', 'v1_2/talk.txt'], b'Good day')
    """
    max_recordings = check_number(max_recordings, "max_recordings", whole=True, least=1)
    max_bytes = check_number(max_bytes, "max_bytes", whole=True, least=1)
    target = Path(path)
    if target.exists() and (target.is_file() or not all(_SHARD.fullmatch(each.name) for each in target.iterdir())):
        raise InputError(f"{path} is not an empty folder and holds more than shards; choose another folder.")
    table = table_of_recordings(transcripts, "WebDataset")
    keys = _keys(table["audio_id"].to_pylist())
    sources = _sources(transcripts) if with_audio else None
    has_values = [name for name in table.column_names if table[name].null_count < len(table)]
    table = table.select(has_values)
    encode = msgspec.json.Encoder().encode

    def samples() -> Iterator[list[_Member]]:
        for row, (audio_id, key) in enumerate(keys.items()):
            [content] = table.slice(row, 1).to_pylist()
            members = [] if sources is None else [_audio_member(key, audio_id, sources.get(audio_id))]
            members.append(_Member(_info(f"{key}.json", encoded := encode(content)), encoded))
            members.append(_Member(_info(f"{key}.txt", text := content["text"].encode()), text))
            yield members

    with replacing_folder(path) as beside:
        _write_shards(samples(), beside, max_recordings, max_bytes)


class _Member(NamedTuple):
    """A file of a shard, with its content or the file that holds it."""

    info: tarfile.TarInfo
    content: bytes | Path

    @property
    def size(self) -> int:
        """Number of bytes of the member in a tar file, with its header and padding."""
        blocks = -(-self.info.size // tarfile.BLOCKSIZE)
        return len(self.info.tobuf(tarfile.PAX_FORMAT)) + blocks * tarfile.BLOCKSIZE


def _keys(audio_ids: Iterable[str]) -> dict[str, str]:
    """Return the key of each recording. Raises InputError if two recordings have the same key.

    >>> _keys(["calls/v1.2/talk.1.wav", "__x__/.a.wav"])
    {'calls/v1.2/talk.1.wav': 'calls/v1_2/talk_1', '__x__/.a.wav': '_x__/_a'}
    """
    keys: dict[str, str] = {}
    first: dict[str, str] = {}
    for audio_id, file in file_of_each(audio_ids, "", "").items():
        key = "/".join(re.sub("^__+", "_", part.replace(".", "_")) for part in file.parts)
        if (other := first.setdefault(key.casefold(), audio_id)) != audio_id:
            raise InputError(f"{other!r} and {audio_id!r} have the same key {key!r} in WebDataset; rename one of them.")
        keys[audio_id] = key
    return keys


def _sources(transcripts: Transcripts) -> dict[str, Any] | None:
    """Return the source of the audio of each recording, or None for tables, which have no audio."""
    if not isinstance(transcripts, Transcribed):
        return None
    recordings = transcripts.recordings
    return dict(zip(recordings["audio_id"].tolist(), recordings["source"].tolist(), strict=True))


def _audio_member(key: str, audio_id: str, source: Any) -> _Member:
    advice = "Write the texts only (with_audio=False)."
    path = audio_path(audio_id, source, advice)
    try:
        with path.open("rb") as opened:
            size = os.fstat(opened.fileno()).st_size
    except OSError as error:
        raise audio_unreadable(audio_id, path, error, advice) from error
    extension = _EXTENSION.fullmatch(path.suffix.lower())
    return _Member(_info(f"{key}.{extension[1] if extension else 'audio'}", size), path)


def _info(name: str, content: bytes | int) -> tarfile.TarInfo:
    """Describe a file of a shard by its name and its content or size, without times and owners."""
    info = tarfile.TarInfo(name)
    info.size = content if isinstance(content, int) else len(content)
    return info


def _write_shards(samples: Iterable[list[_Member]], folder: Path, max_recordings: int, max_bytes: int) -> None:
    """Write samples into as few shards as the limits allow, in their order."""
    numbered = _with_shards(samples, max_recordings, max_bytes)
    for number, of_shard in groupby(numbered, key=itemgetter(0)):
        with tarfile.open(folder / f"shard-{number:06}.tar", "w", format=tarfile.PAX_FORMAT) as shard:
            for info, content in (member for _, members in of_shard for member in members):
                with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as opened:
                    shard.addfile(info, opened)


def _with_shards(
    samples: Iterable[list[_Member]], max_recordings: int, max_bytes: int
) -> Iterator[tuple[int, list[_Member]]]:
    """Yield each sample with the number of its shard."""
    number = n_recordings = n_bytes = 0
    for members in samples:
        n_recordings, n_bytes = n_recordings + 1, n_bytes + sum(member.size for member in members)
        if n_recordings > 1 and (n_recordings > max_recordings or _size_of_file(n_bytes) > max_bytes):
            number, n_recordings, n_bytes = number + 1, 1, sum(member.size for member in members)
        yield number, members


def _size_of_file(n_bytes: int) -> int:
    """Return the size of a tar file with members of this size: two empty blocks follow, and it is filled up."""
    return -(-(n_bytes + 2 * tarfile.BLOCKSIZE) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
