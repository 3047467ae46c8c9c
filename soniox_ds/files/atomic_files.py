"""Files that are replaced as a whole, or not at all.

Conventions: new content is written beside the file until it is complete. An existing file keeps its permissions, and a
new file gets the usual ones (umask). A symbolic link stays a link, and the file it leads to is replaced. Pipes and
devices (``/dev/null``, ``/dev/stdout``) are written to, never replaced.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from soniox_ds.exceptions import InputError

__all__ = ["replacing", "replacing_folder", "sync_folder", "writing"]


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn an OSError into an InputError that names the path which could not be written."""
    try:
        yield
    except FileNotFoundError as error:
        folder = Path(path).parent
        if folder.is_dir():
            raise
        raise InputError(
            f"{os.fspath(path)} cannot be written, because the folder {os.fspath(folder)} does not exist. Create it, "
            "or choose another folder. Nothing was changed."
        ) from error
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{os.fspath(path)} cannot be written: a file has the name of a folder that is needed. Choose another "
            "folder. Nothing was changed."
        ) from error
    except OSError as error:
        raise InputError(
            f"{os.fspath(path)} cannot be written: {error.strerror or error}. Free disk space, or choose another "
            "folder. Nothing was changed."
        ) from error


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of an empty file to write to, which replaces `path` when the block ends.

    If the block raises, `path` is unchanged and the new file is deleted. Raises InputError if the folder does not exist
    or cannot be written to, or if the disk is full.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = Path(folder, "page.html")
    ...     with replacing(page) as beside:
    ...         _ = beside.write_text("complete", encoding="utf-8")
    ...     page.read_text(encoding="utf-8"), len(os.listdir(folder))
    ('complete', 1)
    """
    target = Path(path)
    is_special = target.exists() and not target.is_file() and not target.is_dir()
    with writing(path), _written_into(target) if is_special else _replacing(Path(os.path.realpath(path))) as beside:
        yield beside


@contextmanager
def replacing_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give the path of an empty folder to write to, which replaces the folder `path` when the block ends.

    If the block raises, `path` is unchanged and the new folder is deleted. Raises InputError if it cannot be written.
    """
    target = Path(os.path.realpath(path))
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with writing(path):
        beside.mkdir(parents=True)
        try:
            yield beside
            if target.exists():
                shutil.rmtree(target)
            beside.replace(target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Force the names of the files in a folder to the disk, where the system can do this."""
    if os.name == "nt":  # Windows cannot open a folder, and writes the names by itself.
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _written_into(target: Path) -> Iterator[Path]:
    """Give a temporary file, whose content is copied to a pipe or device when the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder, "written")
        beside.touch()
        yield beside
        with beside.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    # Until the new file has the permissions of the old one, only the user may read it.
    os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600))
    try:
        yield beside
        if mode is not None:
            beside.chmod(mode)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
