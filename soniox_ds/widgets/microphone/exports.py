"""Files with the transcript of a recording, which a reader saves from the page of the microphone."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from soniox_ds.exceptions import InputError
from soniox_ds.io.formats import format_named
from soniox_ds.live.result import LiveResult

__all__ = ["EXPORTS", "Export", "export"]

EXPORTS = {"txt": "text", "srt": "subtitles (SRT)", "csv": "table (CSV)"}
"""The formats, with their labels in the page. The page itself writes plain text."""

_OPTIONS = {"csv": {"rows": "segments", "byte_order_mark": True}}


class Export(NamedTuple):
    """A file to save: its name, its media type and its content."""

    name: str
    mime: str
    content: bytes


def export(result: LiveResult, name: str) -> Export:
    """Write a recording in one of the formats that the kernel writes, ``"srt"`` or ``"csv"``.

    If there are several files, because translations have subtitles of their own, they are in a ZIP file.

    Raises
    ------
    InputError
        If the recording has no words, or the kernel does not write the format.
    """
    if name not in EXPORTS or name == "txt":
        raise InputError(f"the page asked for a file of the unknown format {name!r}")
    if result.tokens.empty:
        raise InputError("nothing was said yet, so there is nothing to save")
    (audio_id,) = result.recordings["audio_id"]
    writer = format_named(name).writer
    assert writer is not None
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # The page already says whether the recording is complete.
        writer(result, Path(folder) / f"{audio_id}.{name}", **_OPTIONS.get(name, {}))
        files = {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}
    if len(files) == 1:
        ((file_name, content),) = files.items()
        return Export(file_name, "text/csv" if name == "csv" else "application/x-subrip", content)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file_name, content in files.items():
            archive.writestr(file_name, content)
    return Export(f"{audio_id}.{name}.zip", "application/zip", packed.getvalue())
