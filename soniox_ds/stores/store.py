"""Object stores, and other file systems that fsspec reads: ``s3://``, ``gs://``, ``az://``, ``hf://``, ...

Conventions: all functions block, and are called in worker threads where an event loop runs. Every error of a store is a
`StoreError`. Credentials stay within fsspec: the values of ``storage_options`` and the query of a signed URL appear in
no repr and in no message. The URL of an object is shown without a password and without the parameters that sign it.
"""

from __future__ import annotations

import errno
import io
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from soniox_ds.api.retry import STORE_READ
from soniox_ds.exceptions import InputError, SetupError, SourceError
from soniox_ds.options.addresses import hide_addresses, public_url

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["RangeReader", "Store", "StoreError", "Stores", "public_store_url"]

SIGNED_FOR_S = 24 * 3600
"""Seconds for which a signed URL is valid. Jobs may wait for hours before the service fetches their audio."""

_PACKAGES = {
    **dict.fromkeys(["s3", "s3a"], "s3fs"),
    **dict.fromkeys(["gs", "gcs"], "gcsfs"),
    **dict.fromkeys(["az", "abfs", "abfss"], "adlfs"),
    **dict.fromkeys(["sftp", "ssh"], "paramiko"),
    "hf": "huggingface_hub",
    "oci": "ocifs",
    "oss": "ossfs",
    "smb": "smbprotocol",
    "webdav": "webdav4",
}
"""The package that fsspec needs for a protocol."""
_WITH_CONTAINER = ("abfs", "abfss", "az", "adl")
"""Protocols whose URLs may have the name of a container, instead of a user, in front of an ``@``."""
_SHORTEST_SECRET = 4

_VERSION_ATTEMPTS = 5
_REFUSALS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")

T = TypeVar("T")


class StoreError(OSError):
    """An object or a folder of a store cannot be read or written.

    `error_type` is the value of this column in the row of a recording that failed for this reason.
    """

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(errno.EIO, message)
        self.error_type = error_type

    def __str__(self) -> str:
        return str(self.strerror)


class Stores:
    """The stores of one call, opened when they are first needed."""

    def __init__(self, storage_options: Mapping[str, Any] | None = None) -> None:
        if storage_options is not None and not isinstance(storage_options, Mapping):
            raise InputError(
                f"storage_options is of type {type(storage_options).__name__}; it is a dict of the options of fsspec, "
                'such as {"profile": "research"} or {"key": ..., "secret": ...}'
            )
        self._options = dict(storage_options or {})
        self._opened: dict[tuple[str, str], Store] = {}

    @property
    def unused_options(self) -> bool:
        """True if storage options were given and no source is in a store."""
        return bool(self._options) and not self._opened

    def open(self, url: str) -> tuple[Store, str]:
        """Return the store that a URL names, and the path of the URL in this store.

        Raises
        ------
        ValueError
            If no file system is known for the URL, or if the URL is a chain (``::``), contains a password or cannot be
            read.
        SetupError
            If the package for the file system is not installed.
        SourceError
            If the storage options do not fit.
        """
        from fsspec.registry import get_filesystem_class  # fsspec is slow to import, so it is imported only here.

        protocol = url.partition("://")[0].lower()
        shown = public_store_url(url)
        if "::" in url:
            raise ValueError(f"{shown!r} is a chain of URLs (::), which cannot be read; unpack the archive first")
        if ":" in url.partition("://")[2].partition("/")[0].rpartition("@")[0]:
            raise ValueError(f"{shown!r} was given with a password in it; pass it as storage_options={{...}} instead")
        try:
            kind = get_filesystem_class(protocol)
        except ImportError as error:
            package = _PACKAGES.get(protocol)
            advice = f"pip install {package}" if package else str(error)
            raise SetupError(f"{protocol}:// URLs need a package that is not installed: {advice}") from error
        except ValueError:
            raise ValueError(
                f"no file system is known for {protocol}:// in {shown!r}; the service fetches http and https URLs, and "
                "this machine reads those that fsspec knows (s3://, gs://, az://, hf://, file://, ...)"
            ) from None
        try:
            path = str(kind._strip_protocol(url))
            of_url = kind._get_kwargs_from_urls(url)
        except Exception as error:  # noqa: BLE001  # each file system raises errors of its own
            raise ValueError(f"{shown!r} cannot be read as a URL ({type(error).__name__})") from None
        key = (kind.__name__, repr(sorted(of_url.items())))
        if key not in self._opened:
            if self._options and any(name != kind.__name__ for name, _ in self._opened):
                raise SourceError(
                    f"storage_options are for one kind of store, but the sources name another one, too: {shown!r}. "
                    "Transcribe them in two calls, or configure fsspec by its files or environment variables"
                )
            self._opened[key] = Store(protocol, kind, {**of_url, **self._options}, self._options)
        return self._opened[key], path


class Store:
    """A file system of fsspec."""

    def __init__(
        self, protocol: str, kind: type[AbstractFileSystem], arguments: Mapping[str, Any], secrets: Mapping[str, Any]
    ) -> None:
        self.protocol = protocol
        self._arguments = protocol, kind, arguments, secrets
        self._secrets = sorted(_texts_in(secrets), key=len, reverse=True)
        trouble = None
        try:
            # The cache of fsspec would keep the credentials after the call.
            self._fs = kind(**arguments, skip_instance_cache=True)
        except Exception as error:  # noqa: BLE001  # each file system raises errors of its own
            trouble = self._words(error)
        if trouble is not None:  # Raised here, because the original error may quote the credentials.
            raise SourceError(f"the file system for {protocol}:// cannot be opened with these options: {trouble}")

    def __repr__(self) -> str:
        return f"Store({self.protocol!r})"

    def __reduce__(self) -> tuple[type[Store], tuple[Any, ...]]:
        return Store, self._arguments  # Another process opens the store anew.

    def info(self, path: str) -> dict[str, Any]:
        """Return the metadata of a path, such as its size. They come from the store itself and not from a cache."""
        return self._retried(lambda: dict(self._fs.info(path, refresh=True)))

    def has(self, path: str) -> bool:
        """Return True if there is an object or a folder with exactly this path."""
        try:
            self.info(path)
        except StoreError as error:
            if error.error_type != "file_not_found":
                raise
            return False
        return True

    def read(self, path: str, start: int, end: int) -> bytes:
        """Return the bytes of an object from `start` up to `end`."""
        return self._retried(lambda: bytes(self._fs.cat_file(path, start=start, end=end)))

    def read_all(self, path: str) -> bytes:
        """Return the content of an object."""
        return self._retried(lambda: bytes(self._fs.cat_file(path)))

    def read_end(self, path: str, n_bytes: int) -> bytes:
        """Return the last `n_bytes` bytes of an object."""
        return self._retried(lambda: bytes(self._fs.cat_file(path, start=-n_bytes)))

    def write(self, path: str, content: bytes) -> None:
        """Write an object as a whole. An existing object is replaced."""
        self._retried(lambda: self._fs.pipe_file(path, content))

    def create(self, path: str, content: bytes) -> None:
        """Write an object that does not exist yet. Raises FileExistsError if it exists.

        Whether two writers can both succeed at the same moment depends on the store. S3, Google Cloud Storage and Azure
        let only one of them succeed.
        """
        condition = {"IfNoneMatch": "*"} if self.has_conditional_writes else {"mode": "create"}
        self._conditional_write(path, content, condition)

    @property
    def has_conditional_writes(self) -> bool:
        """True if `replace` is possible."""
        return self.protocol in ("s3", "s3a")

    def read_version(self, path: str) -> tuple[bytes, str] | None:
        """Return the content of a small object and its version for `replace`; None if it does not exist."""
        for _ in range(_VERSION_ATTEMPTS):
            try:
                before, content = self.info(path).get("ETag"), self.read_all(path)
                if before is not None and before == self.info(path).get("ETag"):
                    return content, str(before)
            except StoreError as error:
                if error.error_type != "file_not_found":
                    raise
                return None
        raise _changed()

    def replace(self, path: str, content: bytes, version: str) -> None:
        """Replace an object if it still has this version. Raises FileExistsError if another writer has changed it."""
        self._conditional_write(path, content, {"IfMatch": version})

    def delete(self, path: str) -> None:
        """Delete an object, if it exists."""
        try:
            self._retried(lambda: self._fs.rm_file(path))
        except StoreError as error:
            if error.error_type != "file_not_found":
                raise

    def _conditional_write(self, path: str, content: bytes, condition: dict[str, str]) -> None:
        def write() -> None:
            try:
                self._fs.pipe_file(path, content, **condition)
            except Exception as error:
                if not isinstance(error, FileExistsError) and not _is_precondition(error):
                    raise
                # If an answer was lost, the file system has repeated the request, which then found its own object.
                is_own = self.has(path) and self.read_all(path) == content
            else:
                is_own = True
            refused.append(not is_own)

        refused: list[bool] = []
        self._retried(write)
        if refused[-1]:
            raise FileExistsError(errno.EEXIST, "another writer was faster")

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the sizes in bytes of all files below a folder, by their paths."""
        listed = self._retried(lambda: self._fs.find(folder, detail=True))
        self._fs.invalidate_cache()
        return {path: int(info["size"]) for path, info in sorted(listed.items())}

    def find(self, folder: str) -> list[str]:
        """Return the paths of all files below a folder, sorted."""
        return self._listed(lambda: sorted(self._fs.find(folder)))

    def glob(self, pattern: str) -> list[str]:
        """Return the paths of the files that a pattern matches, sorted."""
        return self._listed(
            lambda: sorted(path for path, info in self._fs.glob(pattern, detail=True).items() if info["type"] == "file")
        )

    def sign(self, path: str) -> str:
        """Return a signed URL of an object, which is valid for `SIGNED_FOR_S` seconds.

        Raises StoreError if the store cannot sign URLs.
        """
        try:
            return self._retried(lambda: str(self._fs.sign(path, expiration=SIGNED_FOR_S)))
        except NotImplementedError:
            raise StoreError(
                "url_not_signed", f"is in a store that cannot sign URLs ({self.protocol}://); leave signed_urls out"
            ) from None

    def _listed(self, look: Callable[[], list[str]]) -> list[str]:
        paths = self._retried(look)
        self._fs.invalidate_cache()  # Later requests for single objects must show their present state.
        return paths

    def _retried(self, request: Callable[[], T]) -> T:
        attempt = 1
        while True:
            try:
                return request()
            except NotImplementedError:
                raise
            except Exception as error:  # noqa: BLE001  # each file system raises errors of its own
                trouble = self._trouble(error)
            if attempt == STORE_READ.attempts or trouble.error_type != "unreadable":
                raise trouble
            time.sleep(STORE_READ.wait_s(attempt))
            attempt += 1

    def _trouble(self, error: Exception) -> StoreError:
        if isinstance(error, FileNotFoundError):
            return StoreError("file_not_found", "does not exist; check the name of the bucket and of the object")
        if isinstance(error, PermissionError) or "credentials" in type(error).__name__.lower():
            return StoreError(
                "permission_denied",
                f"may not be read ({self._words(error)}); check the credentials in storage_options=, in the "
                "environment or in the configuration of the store",
            )
        if isinstance(error, TimeoutError):
            return StoreError("unreadable", f"cannot be read: the store did not answer in time ({self._words(error)})")
        return StoreError("unreadable", f"cannot be read: {self._words(error)}")

    def _words(self, error: Exception) -> str:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return hide_addresses(text)


class RangeReader(io.RawIOBase):
    """A read-only binary file. A function reads ranges of its bytes."""

    def __init__(self, read_range: Callable[[int, int], bytes], size: int) -> None:
        self._read_range, self._size, self._position = read_range, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if begin + offset < 0:
            raise ValueError("the position lies before the beginning")
        self._position = begin + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        block = self._read_range(self._position, end)
        buffer[: len(block)] = block
        self._position += len(block)
        return len(block)


def _is_precondition(error: BaseException | None) -> bool:
    """Return True if a store refused a write because its condition does not hold."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, Mapping) and response.get("Error", {}).get("Code") in _REFUSALS:
            return True
        error = error.__cause__
    return False


def _changed() -> StoreError:
    return StoreError("unreadable", "changed while it was being read; run the same call again")


def public_store_url(url: str) -> str:
    """Return the form of a store's URL that may be stored and shown.

    >>> public_store_url("s3://me:pw@bucket/take #1.wav"), public_store_url("az://container@account/a.wav?sig=ab12")
    ('s3://bucket/take #1.wav', 'az://container@account/a.wav')
    """
    scheme, slashes, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    user, at, host = authority.rpartition("@")
    if at and (":" in user or scheme.lower() not in _WITH_CONTAINER):
        authority = host
    address, mark, query = path.partition("?")
    if mark and "=" in query:
        path = public_url(f"https://host/?{query.replace('#', '%23')}").removeprefix("https://host/")
        path = address + path.replace("%23", "#")
    return f"{scheme}{slashes}{authority}{slash}{path}"


def _texts_in(options: Mapping[str, Any]) -> set[str]:
    """Return all texts in the values of options, at any depth, that may be secrets.

    Addresses and very short texts are left out.
    """
    texts: set[str] = set()
    waiting: list[Any] = [options]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif isinstance(value, str) and len(value) >= _SHORTEST_SECRET and "://" not in value:
            texts.add(value)
    return texts
