"""The formats of other tools that a corpus can be written to and annotations can be read from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from soniox_ds._arguments import check_choice

__all__ = ["FORMATS", "Format", "format_named", "format_of_file"]


@dataclass(frozen=True)
class Format:
    """A format. It is read and written by the module of the same name in `soniox_ds.io`."""

    name: str
    """Name of the module, and of the functions ``read_<name>`` and ``write_<name>`` in it."""
    title: str
    extensions: tuple[str, ...] = ()
    """Extensions of its files in lower case, with the dot."""

    @property
    def writer(self) -> Callable[..., None] | None:
        """The function ``write_<name>(transcripts, path, ...)``, or None if the format is only read."""
        return getattr(import_module(f"soniox_ds.io.{self.name}"), f"write_{self.name}", None)

    @property
    def reader(self) -> Callable[..., Any] | None:
        """The function ``read_<name>(path, ...)``, or None if the format is only written."""
        return getattr(import_module(f"soniox_ds.io.{self.name}"), f"read_{self.name}", None)


FORMATS = {
    each.name: each
    for each in (
        Format("srt", "SRT subtitles", (".srt",)),
        Format("vtt", "WebVTT subtitles", (".vtt",)),
        Format("txt", "plain text with times and speakers"),
        Format("ctm", "CTM words", (".ctm",)),
        Format("stm", "STM segments", (".stm",)),
        Format("rttm", "RTTM speaker turns", (".rttm",)),
        Format("trn", "trn texts", (".trn",)),
        Format("seglst", "SegLST segments"),
        Format("kaldi", "Kaldi data folder"),
        Format("nemo", "NeMo manifest"),
        Format("lhotse", "Lhotse supervisions"),
        Format("soniox", "JSON of the Soniox API"),
        Format("textgrid", "Praat TextGrid", (".textgrid",)),
        Format("eaf", "ELAN", (".eaf",)),
        Format("huggingface", "dataset of Hugging Face"),
        Format("webdataset", "WebDataset shards"),
        Format("excel", "Excel workbook"),
        Format("csv", "CSV table"),
    )
}
"""All formats by name, in the order of the command ``soniox-ds export --help``."""


def format_named(name: str) -> Format:
    """Return the format with this name. Raises InputError, which lists the names, if there is none."""
    return FORMATS[check_choice(name, "format", FORMATS)]


def format_of_file(path: str | os.PathLike[str]) -> Format | None:
    """Return the format with the extension of a file, or None if no format has this extension.

    >>> format_of_file("turns.RTTM").name
    'rttm'
    """
    extension = os.path.splitext(os.fspath(path))[1].lower()
    return next((each for each in FORMATS.values() if extension in each.extensions), None)
