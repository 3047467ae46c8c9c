"""Datasets of Hugging Face.

Conventions: an audio column holds the path or the bytes of each recording, which are not decoded
(``Audio(decode=False)``). Source: https://huggingface.co/docs/datasets/audio_dataset
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError, SetupError
from soniox_ds.files.atomic_files import replacing_folder
from soniox_ds.io.contents import (
    audio_ids_of,
    audio_path,
    audio_unreadable,
    is_segments,
    segments_to_write,
    texts_to_write,
)
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import RECORDINGS, frame_to_arrow
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.words import as_words, segments, texts

if TYPE_CHECKING:
    import pyarrow as pa
    from datasets import Dataset

__all__ = ["table_of_recordings", "to_huggingface", "write_huggingface"]

_OF_WORDS = ("text", "start_ms", "end_ms", "speaker", "speaker_label", "language", "channel", "confidence")
_OF_SEGMENTS = ("text", "start_ms", "end_ms", "speaker", "speaker_label", "language", "channel")
_AUDIO = ("path", "bytes", None)


@explains_keywords
def to_huggingface(transcripts: Transcripts, *, audio: str | None = "path") -> Dataset:
    """Return a dataset of the package ``datasets``, with a row for each recording.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    audio
        Content of the column `audio`, which is not decoded (``Audio(decode=False)``): ``"path"`` for the path or URL,
        ``"bytes"`` for the file itself (all files are in memory then), None for no such column. Tables of words, tokens
        or segments have no audio.

    Returns
    -------
    datasets.Dataset
        Columns `audio`, `audio_id`, `text` (without translations), the other columns of `recordings`, and the lists
        `segments` and `words` of the recording, with `text`, `start_ms`, `end_ms`, `speaker`, `speaker_label`,
        `language`, `channel` and (for words) `confidence`. For a table, only `audio_id`, `text` and these lists; for
        segments, no `words`.

    Raises
    ------
    SetupError
        If ``datasets`` is not installed.
    InputError
        If there is nothing to write, or ``audio="bytes"`` and a recording is not a file on this machine.
    SchemaError
        If a column is absent, or one of your own columns cannot be stored.

    Warns
    -----
    UserWarning
        If recordings that failed or segments of translations are left out.

    Notes
    -----
    ``dataset.cast_column("audio", datasets.Audio())`` decodes the audio, which needs ``pip install "datasets[audio]"``
    (torch). ``dataset.push_to_hub(...)`` uploads the files, too. Words of translations are left out of the lists.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> recordings = pd.DataFrame({"audio_id": ["a.wav"], "status": "completed", "source": "calls/a.wav"})
    >>> tokens = pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Good", " day"]})
    >>> [row] = sx.io.to_huggingface(sx.Corpus(recordings, tokens))
    >>> row["audio"], row["text"], [word["text"] for word in row["words"]]
    ({'bytes': None, 'path': 'calls/a.wav'}, 'Good day', ['Good', 'day'])
    """
    try:
        import datasets
    except ImportError as error:
        raise SetupError("to_huggingface needs a package that is not installed: pip install datasets") from error

    if audio not in _AUDIO:
        raise InputError(f"audio must be 'path', 'bytes' or None, found {audio!r}.")
    table = table_of_recordings(transcripts, "Hugging Face", audio)
    dataset = datasets.Dataset(table)
    return dataset.cast_column("audio", datasets.Audio(decode=False)) if "audio" in table.column_names else dataset


@explains_keywords
def write_huggingface(transcripts: Transcripts, path: str | Path, *, audio: str | None = "path") -> None:
    """Write the dataset of `to_huggingface` to a folder, which ``datasets.load_from_disk`` reads.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    audio
        Content of the column `audio`. ``"bytes"`` stores the files themselves, and None stores no such column.
        ``"path"`` stores the path or URL as a text, because ``datasets`` cannot save an audio column without its bytes.
        After loading, ``dataset.cast_column("audio", datasets.Audio(decode=False))`` turns these texts into an audio
        column again.
    path
        The folder. A dataset in it is replaced.

    Raises
    ------
    SetupError, SchemaError
        For the same reasons as in `to_huggingface`.
    InputError
        For the same reasons as in `to_huggingface`; or if `path` is not an empty folder and holds no dataset, or cannot
        be written.

    Warns
    -----
    UserWarning
        If recordings that failed or segments of translations are left out.

    Examples
    --------
    >>> import datasets
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from tempfile import TemporaryDirectory
    >>> datasets.disable_progress_bars()
    >>> rows = pd.DataFrame({"audio_id": ["talk"], "start_ms": [400], "end_ms": [1200], "text": ["Good morning."]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_huggingface(rows, f"{folder}/talks")
    ...     datasets.load_from_disk(f"{folder}/talks")["text"][:]
    ['Good morning.']
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not (target / "dataset_info.json").is_file() and (target.is_file() or any(target.iterdir())):
        raise InputError(f"{path} is not an empty folder and holds no dataset; choose another folder.")
    dataset = to_huggingface(transcripts, audio=audio)
    if audio == "path" and "audio" in dataset.column_names:
        paths = dataset.data.column("audio").combine_chunks().field("path")
        place = dataset.column_names.index("audio")
        dataset = type(dataset)(dataset.data.table.set_column(place, "audio", paths).replace_schema_metadata(None))
    with replacing_folder(path) as beside:
        dataset.save_to_disk(os.fspath(beside))


def table_of_recordings(transcripts: Transcripts, title: str, audio: str | None = None) -> pa.Table:
    """Return a table with a row for each recording, as `to_huggingface` describes it.

    `title` is the name of the format for messages.
    """
    import pyarrow as pa

    ids = audio_ids_of(transcripts, title)
    lists = {}
    if is_segments(transcripts):
        text_of = texts_to_write(transcripts, title)
        lists["segments"] = _lists(segments_to_write(transcripts, title, timed=False), ids, _OF_SEGMENTS)
    else:
        words = as_words(transcripts)
        streams = texts(words)
        spoken = streams[streams["translation_status"] == "original"]
        text_of = dict(zip(spoken["audio_id"].tolist(), spoken["text"].tolist(), strict=True))
        words = words[~translation_mask(words)]
        lists = {"segments": _lists(segments(words), ids, _OF_SEGMENTS), "words": _lists(words, ids, _OF_WORDS)}
    columns: dict[str, Any] = {}
    of_recordings: dict[str, Any] = {}
    if isinstance(transcripts, Transcribed):
        recordings = transcripts.recordings.set_index("audio_id", drop=False).loc[ids].reset_index(drop=True)
        if audio is not None:
            columns["audio"] = _audio(recordings["source"], ids, audio)
        of_recordings = _columns(recordings)
    columns["audio_id"] = pa.array(ids, pa.string())
    columns["text"] = pa.array([text_of.get(audio_id, "") for audio_id in ids], pa.string())
    columns |= {name: column for name, column in of_recordings.items() if name not in columns and name not in lists}
    return pa.table(columns | lists)


def _audio(sources: pd.Series[Any], ids: list[str], audio: str) -> pa.StructArray:
    import pyarrow as pa

    advice = "Write the paths or URLs only (audio='path')."
    contents: list[bytes | None] = [None] * len(ids)
    if audio == "bytes":
        for row, (source, audio_id) in enumerate(zip(sources, ids, strict=True)):
            path = audio_path(audio_id, source, advice)
            try:
                contents[row] = path.read_bytes()
            except OSError as error:
                raise audio_unreadable(audio_id, path, error, advice) from error
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    rows = [
        {"bytes": content, "path": None if pd.isna(source) else str(source)}
        for content, source in zip(contents, sources, strict=True)
    ]
    return pa.array(rows, kind)


def _columns(recordings: pd.DataFrame) -> dict[str, Any]:
    import pyarrow as pa

    standard = frame_to_arrow(recordings, RECORDINGS)
    columns = {name: standard.column(name) for name in standard.column_names}
    for name in recordings.columns:
        if name not in RECORDINGS:
            try:
                columns[name] = pa.array(recordings[name], from_pandas=True)
            except (pa.ArrowException, TypeError, ValueError) as error:
                raise SchemaError(f"recordings: the column {name!r} cannot be stored in a dataset: {error}") from error
    return {
        name: column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for name, column in columns.items()
    }


def _lists(table: pd.DataFrame, ids: list[str], names: tuple[str, ...]) -> pa.ListArray:
    """Return the rows of each recording as a list of structs."""
    import pyarrow as pa

    audio = pd.Index(ids).get_indexer(pd.Index(table["audio_id"].astype(object)))
    rows = np.argsort(audio, kind="stable")
    rows = rows[audio[rows] >= 0]
    kinds = {"start_ms": pa.int32(), "end_ms": pa.int32(), "channel": pa.int16(), "confidence": pa.float32()}
    fields = {}
    for name in names:
        column = table[name].take(rows) if name in table else pd.Series([None] * len(rows), dtype=object)
        fields[name] = pa.array(column.astype(object), kinds.get(name, pa.string()), from_pandas=True)
    offsets = np.searchsorted(audio[rows], np.arange(len(ids) + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(list(fields.values()), list(fields)))
