"""Search for recordings in files, folders, object stores, tables, datasets and URLs.

Conventions: nothing is decoded or hashed here (except bytes without a name, for their id), so that a million URLs take
seconds; ``inspect`` examines the recordings later. Sources that cannot be used at all raise SourceError. A problem with
a single recording makes it a failed recording in its place. The order is kept; folders and globs are sorted.

``audio_id`` is the first of these that applies. Ids that are still equal are numbered (``ids.py``):

- the ``audio_id`` of the table, or the name that was given with the bytes;
- for a file found in a folder or by a glob, also of an object store, its path below that folder;
- for a relative path, the path as it was written; for an absolute path, the name of the file, with as many folders in
  front as it needs to be unique;
- for a URL, its public form (``options.addresses``, ``stores.public_store_url``);
- for bytes, ``bytes-`` and the first 12 digits of their SHA-256.
"""

from __future__ import annotations

import gc
import hashlib
import os
import posixpath
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SonioxDSError, SourceError
from soniox_ds.files.text_files import decode_text
from soniox_ds.io.kaldi import kaldi_recordings
from soniox_ds.options.addresses import public_url
from soniox_ds.sources.class_labels import features_of_metadata, with_label_names
from soniox_ds.sources.files import (
    AUDIO_EXTENSIONS,
    KALDI_LIST,
    Listing,
    has_audio_extension,
    is_pattern,
    list_folder,
    list_pattern,
    read_sidecar,
)
from soniox_ds.sources.ids import assign_ids
from soniox_ds.sources.inspection import os_error_type
from soniox_ds.sources.manifests import MANIFEST_EXTENSIONS, SPREADSHEETS, frame_of, is_manifest, read_manifest
from soniox_ds.sources.recording import Recording, RecordingList, printable, shown, upload_name
from soniox_ds.sources.store_folders import is_folder, list_stored, read_stored_texts, texts_beside
from soniox_ds.sources.stores import StoredObject
from soniox_ds.sources.tables import AUDIO_COLUMNS, TEXT_COLUMNS, join_metadata, understand_table
from soniox_ds.sources.urls import LOCAL_SCHEMES, is_web_url, local_path, looks_like_url, url_problem
from soniox_ds.stores.store import StoreError, Stores, public_store_url

__all__ = ["AUDIO_COLUMNS", "Recording", "RecordingList", "find_recordings"]

_ACCEPTED = (
    "a path, URL, folder, glob or manifest, a list of them, a DataFrame with a 'source' column, a Hugging Face "
    "dataset, or bytes"
)
_SHOWN_NAMES = 5


def find_recordings(
    sources: Any,
    *,
    audio_column: str | None = None,
    id_column: str | None = None,
    reference_column: str | None = None,
    audio_root: str | os.PathLike[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    sidecars: bool = True,
) -> RecordingList:
    """Find all recordings in the given sources, and their metadata.

    Parameters
    ----------
    sources
        - a path or URL (str or PathLike) of an audio file, of a folder (which is searched recursively), or of a
          manifest (``.csv``, ``.tsv``, ``.jsonl``, ``.json``, ``.parquet``). Paths in a manifest are relative to its
          folder;
        - a glob such as ``"calls/**/*.wav"``. If a file has exactly this name, the glob means this file. Globs and
          the sources above may also be in an object store (``"s3://bucket/calls/"``);
        - a list, Series or other iterable, whose items may be of different kinds;
        - a DataFrame, an Arrow table or a list of dicts, with one row for each recording (``tables.py`` describes the
          columns);
        - a Hugging Face dataset, or values of its audio column (``{"bytes": ..., "path": ...}``);
        - bytes, ``(name, bytes)``, or a mapping from names to bytes, paths or URLs. The names become ids.
    audio_column
        Column that holds the audio; by default the first of `AUDIO_COLUMNS` that the table has.
    id_column
        Column that holds the ids of the recordings; by default ``audio_id``, if the table has it.
    reference_column
        Column that holds the reference texts; by default ``reference``, or ``text`` in a NeMo manifest.
    audio_root
        Folder (also of an object store) to which relative paths in tables, mappings and lists refer; by default the
        folder of the manifest, or the working directory.
    storage_options
        Options of fsspec for the object store that the sources name, such as credentials.
    sidecars
        True to read the reference of a recording from a text file beside its audio, if no column contains it:
        ``call.wav.txt`` or ``call.txt`` for ``call.wav``. An empty file means that nothing is spoken in the recording.

    Returns
    -------
    RecordingList
        The recordings, and the other columns of the tables. Recordings that are already known to be unusable have the
        ``error_type`` ``file_not_found``, ``permission_denied``, ``unreadable``, ``bad_url``, ``missing_source``,
        ``missing_id`` or ``duplicate_id``.

    Raises
    ------
    SourceError
        If there is nothing to transcribe, a table or manifest cannot be understood, or a folder of a store cannot be
        listed.
    SetupError
        If the package for a kind of store is not installed.

    Examples
    --------
    >>> found = find_recordings(["https://host.example/a.wav?sig=1f", ("hello", b"RIFF...")])
    >>> [recording.audio_id for recording in found.recordings]
    ['https://host.example/a.wav', 'hello']
    """
    root = _checked_root(audio_root)
    finder = _Finder(audio_column, id_column, reference_column, root, Stores(storage_options))
    with _collector_paused():
        finder.take(sources)
    if root is not None and not finder.used_root:
        raise SourceError("audio_root is the folder of file names in a manifest, table or list; the sources have none")
    if finder.stores.unused_options:
        raise SourceError("storage_options were given, but no source is in an object store (s3://, gs://, ...)")
    if not finder.recordings:
        raise SourceError(f"nothing to transcribe: found an empty {_kind(sources)}; give {_ACCEPTED}")
    assign_ids(finder.recordings, finder.keys, finder.given)
    metadata = join_metadata(finder.tables, len(finder.recordings))
    if sidecars:
        _take_sidecars(metadata, finder.beside, finder.beside_stored)
    return RecordingList(finder.recordings, metadata)


@contextmanager
def _collector_paused() -> Iterator[None]:
    # The garbage collector would search the new objects again and again: half of the time for a million recordings.
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Finder:
    """A collector of recordings. `keys` and `given` are the arguments of `assign_ids`."""

    def __init__(
        self,
        audio_column: str | None,
        id_column: str | None,
        reference_column: str | None,
        audio_root: str | None,
        stores: Stores,
    ) -> None:
        self.audio_column, self.id_column, self.reference_column = audio_column, id_column, reference_column
        self.audio_root, self.used_root = audio_root, False
        self.stores = stores
        self.recordings: list[Recording] = []
        self.keys: list[str | None] = []
        self.given: list[bool] = []
        self.tables: list[tuple[int, pd.DataFrame]] = []
        # Files by row that may have a text beside them, with the folder in which the text must lie (None: the file's).
        self.beside: dict[int, tuple[str, str | None]] = {}
        self.beside_stored: dict[int, StoredObject] = {}

    # -- whole sources -----------------------------------------------------------------------------------------------

    def take(self, sources: Any) -> None:
        if isinstance(sources, str | os.PathLike):
            self.take_path_or_url(os.fsdecode(sources), alone=True)
        elif isinstance(sources, pd.DataFrame):
            self.take_table(sources, "the DataFrame")
        elif hasattr(sources, "to_pandas"):
            self.take_converted(sources)
        elif isinstance(sources, pd.Series) and _names_its_values(sources):
            frame = sources.rename("source" if self.audio_column is None else self.audio_column).to_frame()
            self.take_table(frame.rename_axis([name or "audio_id" for name in frame.index.names]), "the Series")
        elif isinstance(sources, Mapping) and not _is_audio_cell(sources):
            self.take_mapping(sources)
        elif isinstance(sources, tuple) and _is_named_data(sources):
            self.add_data(bytes(sources[1]), sources[0], given=True)
        elif isinstance(sources, bytes | bytearray | memoryview | Mapping):
            self.add_cell(sources, None, "the source")
        elif isinstance(sources, Iterable):
            self.take_items(sources, getattr(sources, "features", None))
        else:
            raise SourceError(f"sources must be {_ACCEPTED}; found {_kind(sources)}")

    def take_items(self, items: Iterable[Any], features: Any = None) -> None:
        rows: list[Mapping[str, Any]] = []
        for position, item in enumerate(items, start=1):
            is_text = isinstance(item, str)  # This fast check comes first, as there may be a million items.
            if not is_text and isinstance(item, Mapping) and not _is_audio_cell(item):
                rows.append(item)
                continue
            if rows:
                self.take_table(with_label_names(frame_of(rows), features), "the table of dicts")
                rows = []
            if self.audio_root is not None and item and isinstance(item, str | os.PathLike):
                self.add_cell(item, None, f"item {position} of the list")
            elif is_text and item:
                if item.startswith(("https://", "http://")):
                    self.add_url(item)
                else:
                    self.take_path_or_url(item, alone=False)
            elif isinstance(item, os.PathLike):
                self.take_path_or_url(os.fsdecode(item), alone=False)
            elif isinstance(item, tuple) and _is_named_data(item):
                self.add_data(bytes(item[1]), item[0], given=True)
            elif not self.add_cell(item, None, f"item {position} of the list"):
                raise SourceError(f"item {position} of the list is {_described(item)}; it must be {_ACCEPTED}")
        if rows:
            self.take_table(with_label_names(frame_of(rows), features), "the table of dicts")

    def take_mapping(self, sources: Mapping[Any, Any]) -> None:
        for name, value in sources.items():
            if hasattr(value, "to_pandas") or hasattr(value, "features"):
                raise SourceError(f"found datasets under the names {list(sources)}; choose one: sources[{name!r}]")
            if not isinstance(name, str) or not name:
                raise SourceError(f"the names in a mapping become ids and must be text; found {name!r}")
            if not self.add_cell(value, None, f"the value of {shown(name)}", name=name):
                raise SourceError(
                    f"the value of {shown(name)} is {_described(value)}; it must be bytes, a path or a URL. "
                    "(A mapping maps names to audio; to pass a table, make it a DataFrame)"
                )

    def take_converted(self, sources: Any) -> None:
        converted = sources.to_pandas()
        if isinstance(converted, pd.DataFrame):
            label = f"the {_kind(sources)}"
            features = getattr(sources, "features", None)
            if features is None:
                metadata = getattr(getattr(sources, "schema", None), "metadata", None)
                features = features_of_metadata(metadata, label) if isinstance(metadata, Mapping) else None
            self.take_table(with_label_names(converted, features), label)
        else:
            self.take_items(converted)

    def take_path_or_url(self, text: str, *, alone: bool) -> None:
        """Take a path or URL as a user writes it, which may stand for many recordings."""
        if is_web_url(text):
            self.add_url(text)
            return
        if looks_like_url(text):
            if text.lower().startswith(LOCAL_SCHEMES):
                text = local_path(text)
            else:
                self.take_stored(text)
                return
        path = _native(os.path.expanduser(text))
        exists = os.path.lexists(path)
        if (folder := _kaldi_folder(path)) is not None:
            try:
                recordings = kaldi_recordings(folder)
            except SonioxDSError as error:
                raise SourceError(f"the Kaldi folder {shown(folder)} cannot be read: {error}") from error
            self.take_table(recordings, f"the Kaldi folder {shown(folder)}", folder)
        elif os.path.isdir(path):
            self.take_listing(list_folder(path), (), f"the folder {shown(text)}")
        elif exists and is_manifest(path):
            texts = TEXT_COLUMNS | {str(self.audio_column), str(self.reference_column)}
            self.take_table(read_manifest(path, texts), f"the manifest {shown(text)}", os.path.dirname(path))
        elif not exists and is_pattern(path):
            self.take_listing(list_pattern(path), (), f"the glob {shown(text)}")
        elif exists and alone and (problem := _no_audio(path)) is not None:
            raise SourceError(f"{shown(text)} {problem}")
        elif not exists and alone and not has_audio_extension(path):
            raise SourceError(
                f"{shown(text)} does not exist; looked in {shown(os.getcwd())} for a file, folder, glob or manifest "
                f"({' '.join(sorted(MANIFEST_EXTENSIONS))})"
            )
        else:
            self.add_path(path, path)

    def take_stored(self, url: str) -> None:
        """Take a URL of an object store, which may stand for many recordings."""
        try:
            store, path = self.stores.open(url)
        except ValueError:
            self.add_stored(url)
            return
        public = public_store_url(url)
        try:
            if is_manifest(path):
                texts = TEXT_COLUMNS | {str(self.audio_column), str(self.reference_column)}
                content = b"".join(StoredObject(public, store, path).looked_up().blocks())
                table = read_manifest(public, texts, content)
                self.take_table(table, f"the manifest {shown(public)}", url.rpartition("/")[0])
            elif is_pattern(path) and not store.has(path):
                self.take_listing(*list_stored(url, store, path), f"the glob {shown(public)}")
            elif is_folder(url, store, path):
                self.take_listing(*list_stored(url, store, path), f"the folder {shown(public)}")
            else:
                self.add_stored(url)
        except StoreError as error:
            raise SourceError(f"{shown(public)} {error}") from None

    def take_listing(self, listing: Listing, texts: Sequence[str], label: str) -> None:
        for relative, error in listing.refused:
            if not relative:
                raise SourceError(f"{label} cannot be searched: {error.strerror or error}") from error
        unread = _unread_lists(listing)
        if not listing.files and not listing.refused:
            raise SourceError(
                f"no audio in {label}: {listing.inventory()}. Audio files are recognised by their extensions "
                f"({' '.join(sorted(AUDIO_EXTENSIONS))}); pass files with other names as a list of "
                f"paths{f'. {unread}' if unread else ''}"
            )
        if unread:
            warn_caller(f"{label}: {unread}", UserWarning)
        if looks_like_url(listing.base):
            beside = texts_beside(listing.files, list(texts))
            for relative in listing.files:
                if relative in beside:
                    store, path = self.stores.open(f"{listing.base}/{beside[relative]}")
                    url = public_store_url(f"{listing.base}/{beside[relative]}")
                    self.beside_stored[len(self.recordings)] = StoredObject(url, store, path)
                self.add_stored(f"{listing.base}/{relative}", written=relative)
            return
        for relative in listing.files:
            self.add_path(os.path.join(listing.base, relative), relative, root=listing.base)
        for relative, error in listing.refused:
            folder = os.path.join(listing.base, relative)
            recording = Recording(audio_id=printable(relative), source=printable(folder))
            recording.fail(
                os_error_type(error), f"the folder {shown(folder)} cannot be searched: {error.strerror or error}"
            )
            self.add(recording, None)

    def take_table(self, frame: pd.DataFrame, label: str, base: str | None = None) -> None:
        """Take the rows of a table. `base` is the folder to which its paths are relative; None if it is not a file."""
        table = understand_table(
            frame,
            label,
            audio_column=self.audio_column,
            id_column=self.id_column,
            reference_column=self.reference_column,
        )
        self.tables.append((len(self.recordings), table.metadata))
        ids = table.ids
        for row, cell in enumerate(table.audio):
            row_label = f"row {row + 1} of {label}"
            if not self.add_cell(cell, base, row_label, name=(ids[row] or None) if ids is not None else None):
                raise SourceError(
                    f"{row_label} has {_described(cell)} in the column {table.audio_column!r}; it must be a path, a "
                    'URL, bytes or {"bytes": ..., "path": ...}'
                )
            if ids is not None and not ids[row]:
                self.recordings[-1].fail(
                    "missing_id", f"{row_label} has no audio_id; fill it in, or leave the column out altogether"
                )

    # -- single recordings -------------------------------------------------------------------------------------------

    def add(self, recording: Recording, key: str | None, *, given: bool = False) -> None:
        self.recordings.append(recording)
        self.keys.append(key)
        self.given.append(given)

    def add_cell(self, cell: Any, base: str | None, label: str, *, name: str | None = None) -> bool:
        """Add the audio in a cell of a table or in an item of a list. Return False if the cell holds no audio."""
        if self.audio_root is not None:
            base, self.used_root = self.audio_root, True
        if isinstance(cell, bytes | bytearray | memoryview):
            self.add_data(bytes(cell), name, given=name is not None)
        elif isinstance(cell, Mapping) and _is_audio_cell(cell):
            self.add_audio_cell(cell, base, label, name)
        elif isinstance(cell, str | os.PathLike) and (text := os.fsdecode(cell)):
            if is_web_url(text):
                self.add_url(text, name)
            elif looks_like_url(text) and not text.lower().startswith(LOCAL_SCHEMES):
                self.add_stored(text, name)
            elif base is not None and looks_like_url(base) and not (os.path.isabs(text) or looks_like_url(text)):
                self.add_stored(f"{base}/{text}", name, written=text)
            else:
                text = local_path(text) if looks_like_url(text) else text
                base = None if base is None or looks_like_url(base) else base
                path = _native(os.path.expanduser(text), base)
                self.add_path(os.path.join(base or "", path), path, name, root=base)
        elif (
            cell is None
            or cell is pd.NA
            or (isinstance(cell, str) and not cell)
            or (isinstance(cell, float) and cell != cell)
        ):
            recording = Recording(audio_id=label.partition(" of ")[0].replace(" ", "-") if name is None else name)
            recording.fail("missing_source", f"{label} names no audio; fill it in, or drop it")
            self.add(recording, name, given=name is not None)
        elif hasattr(cell, "get_all_samples"):  # This is the lazy decoder of newer versions of datasets.
            raise _decoded(label)
        else:
            return False
        return True

    def add_audio_cell(self, cell: Mapping[str, Any], base: str | None, label: str, name: str | None) -> None:
        if "array" in cell:
            raise _decoded(label)
        data, path = cell.get("bytes"), cell.get("path")
        if data is None:
            self.add_cell(path, base, label, name=name)
        else:
            self.add_data(bytes(data), name or path, given=name is not None)

    def add_url(self, url: str, name: str | None = None) -> None:
        public = printable(public_url(url))
        recording = Recording(
            audio_id=public if name is None else name,
            source=public,
            url=url,
            filename=public.partition("?")[0].rpartition("/")[2],
        )
        if (problem := url_problem(url)) is not None:
            recording.fail("bad_url", problem)
        self.add(recording, url if name is None else name, given=name is not None)

    def add_stored(self, url: str, name: str | None = None, *, written: str | None = None) -> None:
        """Add an object of a store. `written` is its name in the folder or manifest; None if its URL was given."""
        public = printable(public_store_url(url))
        audio_id = public if written is None else printable(posixpath.normpath(written))
        recording = Recording(audio_id=audio_id if name is None else name, source=public)
        recording.filename = upload_name(public.partition("?versionId=")[0])
        try:
            store, path = self.stores.open(url)
        except ValueError as error:
            if isinstance(error, SourceError):
                raise
            recording.fail("bad_url", str(error))
        else:
            recording.stored = StoredObject(public, store, path)
        self.add(recording, url if name is None else name, given=name is not None)

    def add_path(self, path: str, written: str, name: str | None = None, root: str | None = None) -> None:
        """Add a file. `written` is its name in the folder, manifest or list; its text must lie within `root`."""
        audio_id = name
        if audio_id is None:
            short = os.path.basename(written) if os.path.isabs(written) else os.path.normpath(written)
            audio_id = printable(short.replace(os.sep, "/"))
        filename = upload_name(path)
        filename = audio_id if filename == audio_id else filename  # Equal texts are kept once, for the memory.
        recording = Recording(audio_id=audio_id, source=printable(path), file=path, filename=filename)
        try:
            os.stat(path)
        except FileNotFoundError:
            below = "" if os.path.isabs(path) else f" in {shown(os.getcwd())}"
            windows = (
                "; is it a Windows path? Backslashes do not separate folders on this system, write / instead"
                if "\\" in path and os.sep == "/"
                else ""
            )
            recording.fail(
                "file_not_found",
                f"{shown(path)} does not exist{below}; "
                f"{_similar_file(path) or 'check the name and the folder'}{windows}",
            )
        except OSError as error:
            recording.fail(os_error_type(error), f"{shown(path)} cannot be opened: {error.strerror or error}")
        except ValueError as error:  # The path holds a NUL character.
            recording.fail("unreadable", f"{shown(path)} cannot be the name of a file: {error}")
        else:
            self.beside[len(self.recordings)] = path, root
        self.add(recording, os.path.abspath(path) if name is None else name, given=name is not None)

    def add_data(self, data: bytes, name: str | None, *, given: bool = False) -> None:
        recording = Recording(audio_id="", data=data, size_bytes=len(data))
        if name is None:
            recording.sha256 = hashlib.sha256(data).hexdigest()
            recording.audio_id = f"bytes-{recording.sha256[:12]}"
            self.add(recording, recording.sha256)
        else:
            recording.audio_id = printable(name if given else os.path.basename(name))
            # Rows of a dataset may have the same file name and differ, but ids that the user gave must be unique.
            self.add(recording, name if given else None, given=given)
        recording.filename = upload_name(recording.audio_id)


def _checked_root(audio_root: str | os.PathLike[str] | None) -> str | None:
    """Return the folder of the audio as text, or raise SourceError if there is no such folder."""
    if audio_root is None:
        return None
    if not isinstance(audio_root, str | os.PathLike):
        raise SourceError(f"audio_root is a folder, such as 'recordings/'; found {_described(audio_root)}")
    root = os.fsdecode(audio_root)
    if looks_like_url(root) and not root.lower().startswith(LOCAL_SCHEMES):
        return root.rstrip("/")
    root = os.path.expanduser(local_path(root) if looks_like_url(root) else root)
    if not os.path.isdir(root):
        raise SourceError(f"audio_root is a folder, and {shown(root)} is none")
    return root


def _native(path: str, base: str | None = None) -> str:
    """Return a Windows path with the separators of this system.

    The path is returned unchanged if the result is neither an existing file or folder nor a glob.
    """
    if os.sep != "/" or "\\" not in path or os.path.lexists(os.path.join(base or "", path)):
        return path
    converted = path.replace("\\", "/")
    is_glob = base is None and is_pattern(converted)
    return converted if is_glob or os.path.lexists(os.path.join(base or "", converted)) else path


def _kaldi_folder(path: str) -> str | None:
    """Return the Kaldi data folder that a path names by itself or by its list of recordings, or None."""
    folder = os.path.dirname(path) or "." if os.path.basename(path) == KALDI_LIST else path
    return folder if os.path.isfile(os.path.join(folder, KALDI_LIST)) else None


def _names_its_values(series: pd.Series[Any]) -> bool:
    """Return True for a Series whose index holds names of the values: the index has a name or holds texts."""
    names = series.index.names
    return any(name is not None for name in names) or (
        len(names) == 1 and pd.api.types.infer_dtype(series.index, skipna=True) == "string"
    )


def _no_audio(path: str) -> str | None:
    """Return the reason why a file that was passed by its own path holds no audio, or None if it may hold audio."""
    extension = os.path.splitext(path)[1].lower()
    if extension in SPREADSHEETS:
        return "is a spreadsheet, which cannot be read here: save it as CSV, or pass pandas.read_excel(...)"
    if has_audio_extension(path) or not os.path.isfile(path):
        return None
    try:
        with open(path, "rb") as file:
            text = decode_text(file.read(_MOST_TEXT))
    except (OSError, UnicodeDecodeError):
        return None  # The row of the recording will give the error.
    if not text.strip() or not all(letter.isprintable() or letter.isspace() for letter in text):
        return None
    return (
        "is a text file, not audio. If each of its lines is a path, pass a list: "
        f"sx.transcribe(open({path!r}).read().splitlines()). If it is a table, give it the extension .csv or .tsv"
    )


_MOST_TEXT = 1 << 20


def _unread_lists(listing: Listing) -> str:
    """Describe the lists of recordings in a folder that are not read, and how to use them; empty without lists."""
    if not listing.lists:
        return ""
    names = f"{', '.join(listing.lists[:_SHOWN_NAMES])}{', ...' if len(listing.lists) > _SHOWN_NAMES else ''}"
    first = os.path.join(listing.base, listing.lists[0])
    advice = f"If it lists the recordings, pass it instead of the folder: {first!r}"
    return f"{names} {'is' if len(listing.lists) == 1 else 'are'} not read, only audio files are. {advice}"


def _take_sidecars(
    metadata: pd.DataFrame, beside: Mapping[int, tuple[str, str | None]], beside_stored: Mapping[int, StoredObject]
) -> None:
    """Fill in missing references, in place, from the texts beside the files and the objects of stores."""
    if "reference" in metadata:
        unknown = metadata["reference"].isna().to_numpy()
        beside = {row: file for row, file in beside.items() if unknown[row]}
        beside_stored = {row: stored for row, stored in beside_stored.items() if unknown[row]}
    texts: dict[int, str] = {}
    unreadable: list[str] = []
    for row, text in read_stored_texts(beside_stored).items():
        if isinstance(text, str):
            texts[row] = text
        else:
            reason = text if isinstance(text, StoreError) else "is neither UTF-8 nor UTF-16"
            unreadable.append(f"{shown(beside_stored[row].url)} ({reason})")
    refused: list[str] = []
    for row, (path, root) in beside.items():
        try:
            sidecar = read_sidecar(path, root)
            refused += sidecar.refused
            if sidecar.text is not None:
                texts[row] = sidecar.text
        except (OSError, UnicodeDecodeError) as error:
            unreadable.append(f"{shown(path)} ({getattr(error, 'strerror', None) or 'neither UTF-8 nor UTF-16'})")
    if unreadable:
        warnings.warn(
            f"the reference texts beside {len(unreadable)} recordings cannot be read and are left out: "
            f"{', '.join(unreadable[:_SHOWN_NAMES])}{', ...' if len(unreadable) > _SHOWN_NAMES else ''}",
            stacklevel=2,
        )
    if refused:
        warn_caller(
            f"{len(refused)} texts beside recordings are not used as references, because they are links, are not "
            f"regular files, or lie outside the folder: {', '.join(map(shown, refused[:_SHOWN_NAMES]))}"
            f"{', ...' if len(refused) > _SHOWN_NAMES else ''}. Copy them into the folder, or put the texts into a "
            "column named reference.",
            UserWarning,
        )
    if texts:
        read = pd.Series(texts, dtype="string").reindex(metadata.index)
        metadata["reference"] = metadata["reference"].fillna(read) if "reference" in metadata else read


def _decoded(label: str) -> SourceError:
    return SourceError(
        f"{label} contains audio that was decoded to samples; pass the encoded files: "
        'dataset.cast_column("audio", Audio(decode=False))'
    )


def _is_audio_cell(value: Mapping[Any, Any]) -> bool:
    """Return True if a dict is the audio of a Hugging Face dataset, encoded or decoded."""
    names = set(value)
    return names <= {"bytes", "path", "array", "sampling_rate"} and not names.isdisjoint(("bytes", "array"))


def _is_named_data(value: tuple[Any, ...]) -> bool:
    return len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], bytes | bytearray | memoryview)


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _described(value: Any) -> str:
    return f"{_kind(value)} {printable(repr(value), limit=80)}"


def _similar_file(path: str) -> str:
    """Suggest a file whose name differs from the missing name by white space, case or extension only."""
    folder, name = os.path.split(path)
    missing, name = name, name.strip()
    names = (name, name.lower(), name.upper(), *(name + extension for extension in sorted(AUDIO_EXTENSIONS)))
    for similar in names:
        if similar and similar != missing and os.path.isfile(os.path.join(folder, similar)):
            return f"did you mean {shown(similar)}, which is there?"
    return ""
