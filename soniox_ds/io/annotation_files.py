"""Files of any format that holds annotations: found by their extension or by the name of the format."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds._arguments import check_choice
from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError
from soniox_ds.io.contents import joined_parts
from soniox_ds.io.formats import FORMATS, Format, format_of_file
from soniox_ds.io.kaldi import is_kaldi_folder
from soniox_ds.io.nemo import read_nemo
from soniox_ds.io.stm import read_stm
from soniox_ds.text.scripts import ends_sentence

_GAP_MS = 1500
"""Silence between two words of a channel that ends a segment."""

__all__ = ["format_of_path", "joined_texts", "read_annotations"]


def format_of_path(path: str | os.PathLike[str]) -> Format | None:
    """Return the format of a file by its extension, of a Kaldi data folder, or of the only format in a folder.

    None if the extension belongs to no format, or the folder has files of none or several.
    """
    if is_kaldi_folder(path):
        return FORMATS["kaldi"]
    if not os.path.isdir(path):
        return format_of_file(path)
    formats = {found.name: found for file in Path(path).rglob("*") if (found := format_of_file(file)) is not None}
    return next(iter(formats.values())) if len(formats) == 1 else None


def read_annotations(
    path: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    name: str,
    *,
    is_transcript: bool = False,
    encoding: str | None = None,
) -> list[tuple[Path, pd.DataFrame]]:
    """Read a file, the files in a folder, or a list of files.

    Parameters
    ----------
    path
        The file, the folder (searched recursively for files with an extension of the format), a glob, or a list of
        them. For Kaldi, the folder is the data folder.
    name
        Name of the format.
    is_transcript
        True to read the hypothesis instead of the reference, in formats that hold both.
    encoding
        Encoding of the files. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    list
        Each file, and its rows in ``schema.ANNOTATIONS``. A file that names no recording is the recording of its own
        name, with the folders below `path` in front.

    Raises
    ------
    InputError
        If the format cannot be read or has no text, or if there is no file.
    """
    texts = [each for each in FORMATS if each != "rttm" and FORMATS[each].reader]
    form = FORMATS[name if name in FORMATS else check_choice(name, "format", texts)]
    if name not in texts:
        raise InputError(f"{form.title} cannot be read as texts; formats with texts are {', '.join(texts)}.")
    if not isinstance(path, str | os.PathLike):
        parts = [read_annotations(each, name, is_transcript=is_transcript, encoding=encoding) for each in path]
        return [table for part in parts for table in part]
    file = Path(path)
    if not file.exists() and glob.has_magic(os.fspath(path)):
        if not (matches := sorted(glob.glob(os.fspath(path), recursive=True))):
            raise InputError(f"no file matches {os.fspath(path)!r}.")
        return read_annotations(matches, name, is_transcript=is_transcript, encoding=encoding)
    if not file.is_dir() or name == "kaldi":
        return [(file, _read(form, file, is_transcript, encoding))]
    files = sorted(each for each in file.rglob("*") if each.suffix.lower() in form.extensions and each.is_file())
    if not files:
        raise InputError(f"the folder {file} has no file of {' or '.join(form.extensions) or form.title}.")
    tables = []
    for each in files:
        table = _read(form, each, is_transcript, encoding)
        if set(table["audio_id"]) == {each.stem}:
            audio_id = each.relative_to(file).with_suffix("").as_posix()
            table = table.assign(audio_id=pd.array([audio_id] * len(table), dtype="string"))
        tables.append((each, table))
    return tables


def joined_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Join the texts of each recording, in the order of time, into the columns `audio_id` and `reference`.

    Rows without a text are left out; a recording that has only such rows has the reference NA.
    """
    ordered = table.iloc[np.argsort(_starts(table), kind="stable")]
    texts = ordered[ordered["text"].notna()].groupby("audio_id", sort=False)["text"]
    joined = texts.agg(joined_parts)
    ids = table["audio_id"].drop_duplicates().reset_index(drop=True)
    return pd.DataFrame({"audio_id": ids, "reference": ids.map(joined).astype("string")})


def _starts(table: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the time by which each row is sorted: its start, or the start of its segment for words of several
    channels.

    People who speak at the same time in two channels therefore do not interrupt each other's sentences. Rows without a
    time come last.
    """
    starts = table["start_ms"].to_numpy(np.float64, na_value=np.inf)
    has_words = not table["text"].str.contains(r"\s").any()
    if "channel" not in table or table["channel"].nunique() < 2 or not has_words:
        return starts
    keys = [pd.factorize(table[name])[0] for name in ("channel", "audio_id")]
    order = np.lexsort((np.arange(len(table)), starts, *keys))
    is_new = np.append(True, np.any([np.diff(key[order]) != 0 for key in keys], axis=0))
    silence_ms = starts[order][1:] - table["end_ms"].to_numpy(np.float64, na_value=np.inf)[order][:-1]
    is_end = np.array([bool(text) and ends_sentence(text) for text in table["text"].fillna("").tolist()], np.bool_)
    is_new[1:] |= (silence_ms > _GAP_MS) | is_end[order][:-1]
    placed = np.empty_like(starts)
    placed[order] = starts[order][is_new][np.cumsum(is_new) - 1]
    return placed


def _read(form: Format, file: Path, is_transcript: bool, encoding: str | None) -> pd.DataFrame:
    assert form.reader is not None
    if form.name == "nemo" and is_transcript:
        table = read_nemo(file, text_key="pred_text", encoding=encoding)
        return table if table["text"].notna().any() else read_nemo(file, encoding=encoding)
    if form.name == "stm":
        table = read_stm(file, ignored=True, encoding=encoding)
        is_ignored = table.pop("is_ignored").to_numpy(np.bool_)
        rows = table[is_ignored]
        if is_ignored.any() and not is_transcript:
            seconds = int((rows["end_ms"] - rows["start_ms"]).sum()) / 1000
            warn_caller(
                f"{file}: {int(is_ignored.sum())} regions ({seconds:.1f} s) are not to be scored and have no text, so "
                "that words recognised in them count as insertions. sx.io.read_stm(path, ignored=True) lists them.",
                UserWarning,
            )
        return table[~is_ignored].reset_index(drop=True)
    table = form.reader(file, encoding=encoding)
    assert isinstance(table, pd.DataFrame)
    return table
