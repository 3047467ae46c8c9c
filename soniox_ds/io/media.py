"""Audio files opened with PyAV, in any of its versions."""

from __future__ import annotations

from typing import Any

__all__ = ["open_media"]


def open_media(file: Any, **options: Any) -> Any:
    """Open a file for reading, also when its tags are not written in UTF-8.

    Until version 18, PyAV raises UnicodeDecodeError for a title in Latin-1 unless it is told otherwise. From version 19
    on it never does, and the argument that told it is gone.

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
    import av  # heavy: only where audio is looked at

    if int(av.__version__.partition(".")[0]) < 19:
        options["metadata_errors"] = "replace"
    return av.open(file, mode="r", **options)
