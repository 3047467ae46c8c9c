"""Recordings in the folders of object stores, and the reference texts beside them.

Conventions: as in local folders (``files.py``), except that a text beside a recording is only used if the folder or the
glob was listed, because a look for the text of every single object would be a request of its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from soniox_ds.files.text_files import decode_text
from soniox_ds.sources.files import Listing, has_audio_extension, is_pattern, looks_like_list
from soniox_ds.sources.manifests import is_manifest
from soniox_ds.sources.stores import StoredObject
from soniox_ds.stores.store import Store, StoreError

__all__ = ["THREADS", "is_folder", "list_stored", "read_stored_texts", "texts_beside"]

THREADS = 16
"""Number of requests to a store at the same time."""


def is_folder(url: str, store: Store, path: str) -> bool:
    """Return True if a URL names a folder. The store is only asked if the name does not tell."""
    if url.endswith("/") or not path.strip("/"):
        return True
    if has_audio_extension(path) or is_manifest(path):
        return False
    try:
        return store.info(path).get("type") == "directory"
    except StoreError:
        return False  # The row of the recording will give the error.


def list_stored(url: str, store: Store, path: str) -> tuple[Listing, list[str]]:
    """Find the audio files below a folder, or that a glob matches, and return them with the names of all texts.

    Raises
    ------
    StoreError
        If the folder cannot be listed.
    """
    base_url, base = url.rstrip("/"), path.rstrip("/")
    if is_pattern(path):
        while is_pattern(base):
            base_url, base = base_url.rpartition("/")[0], base.rpartition("/")[0]
        paths = store.glob(path)
    else:
        paths = store.find(path)
    listing = Listing(base_url)
    texts = []
    for full in paths:
        relative = full[len(base) :].lstrip("/")
        parts = relative.split("/")
        if not parts[-1] or any(part.startswith(".") for part in parts):
            continue
        if has_audio_extension(relative):
            listing.files.append(relative)
            continue
        listing.others[os.path.splitext(relative)[1].lower() or "no extension"] += 1
        if relative.lower().endswith(".txt"):
            texts.append(relative)
        elif looks_like_list(parts[-1], at_top=len(parts) == 1):
            listing.lists.append(relative)
    stems = {os.path.splitext(name)[0] for name in listing.files}
    listing.lists = [name for name in listing.lists if os.path.splitext(name)[0] not in stems]
    return listing, texts


def texts_beside(files: list[str], texts: list[str]) -> dict[str, str]:
    """Return the text beside each audio file: of ``call.wav`` the text ``call.wav.txt`` or else ``call.txt``."""
    names = set(texts)
    beside = {}
    for file in files:
        for text in (f"{file}.txt", f"{os.path.splitext(file)[0]}.txt"):
            if text in names:
                beside[file] = text
                break
    return beside


def read_stored_texts(objects: Mapping[int, StoredObject]) -> dict[int, str | Exception]:
    """Read small texts from a store, several at the same time. An error takes the place of a text."""

    def read(stored: StoredObject) -> str | Exception:
        try:
            present = stored.looked_up()
            return decode_text(b"".join(replace(present, sha256=None).blocks())).rstrip()
        except (StoreError, UnicodeDecodeError) as error:
            return error

    with ThreadPoolExecutor(THREADS, thread_name_prefix="soniox-ds-store") as threads:
        return dict(zip(objects, threads.map(read, objects.values()), strict=True))
