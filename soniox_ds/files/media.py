"""Access to audio files with any version of PyAV."""

from __future__ import annotations

from typing import Any

__all__ = ["open_media"]


def open_media(file: Any, **options: Any) -> Any:
    """Open a file for reading, even if its tags are not UTF-8.

    Up to version 18, PyAV raises UnicodeDecodeError for a title in Latin-1 unless ``metadata_errors`` is given. From
    version 19 on it never does, and the argument no longer exists.

    Parameters
    ----------
    file
        A path, or a binary file that can be read.
    options
        Further arguments of ``av.open``.

    Returns
    -------
    av.container.InputContainer
        A context manager that closes the file.

    Raises
    ------
    av.FFmpegError, OSError, ValueError
        As ``av.open`` does.
    """
    import av  # PyAV is slow to import, so it is imported only here.

    if int(av.__version__.partition(".")[0]) < 19:
        options["metadata_errors"] = "replace"
    return av.open(file, mode="r", **options)
