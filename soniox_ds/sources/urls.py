"""Checks of the URLs of audio.

Messages show the public form of a URL (``options.addresses``). A secret that is part of the path is not recognised;
give such recordings an ``audio_id`` and pass the audio in another way.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from soniox_ds.options.addresses import public_url
from soniox_ds.sources.recording import shown

__all__ = ["LOCAL_SCHEMES", "LONGEST_URL", "is_web_url", "local_path", "looks_like_url", "url_problem"]

LONGEST_URL = 4096
"""Largest number of characters that the service accepts in ``audio_url``."""

LOCAL_SCHEMES = ("file://", "local://")
"""Beginnings, in lower case, of URLs that name files of this machine."""

# A single letter before the colon is a Windows drive. pathlib leaves only one of the two slashes of a URL.
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]+://|https?:/", re.IGNORECASE)
_HTTP = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_SPACE = re.compile(r"\s|[\x00-\x20\x7f]")


def looks_like_url(text: str) -> bool:
    """Return True if `text` is meant as a URL and not as a path.

    >>> looks_like_url("s3://bucket/a.wav"), looks_like_url("C:/calls/a.wav"), looks_like_url("calls/a.wav")
    (True, False, False)
    """
    return _SCHEME.match(text) is not None


def local_path(url: str) -> str:
    """Return the path that a ``file://`` URL names. Letters written as ``%20`` are read if no file has that very name.

    >>> local_path("file:///calls/a.wav"), local_path("file:///calls/no%20such.wav")
    ('/calls/a.wav', '/calls/no such.wav')
    """
    from fsspec.implementations.local import LocalFileSystem  # fsspec is slow to import.

    path = str(LocalFileSystem._strip_protocol(url))
    return path if os.path.lexists(path) else unquote(path)


def is_web_url(text: str) -> bool:
    """Return True for a URL that the service fetches, or that is meant to be one: http or https.

    >>> is_web_url("https:/host/a.wav"), is_web_url("s3://bucket/a.wav")
    (True, False)
    """
    return text[:8].lower().startswith(("http:/", "https:/"))


def url_problem(url: str) -> str | None:
    """Return the reason why the service would refuse `url`, or None if the URL looks right."""
    if url.isprintable() and " " not in url and len(url) <= LONGEST_URL and _HTTP.match(url) is not None:
        return None  # Nearly all URLs pass this fast check, and there may be a million.
    if _HTTP.match(url) is None:
        return (
            f"{shown(public_url(url))} has no host; a URL must be passed as str (pathlib drops one of the two slashes)"
        )
    if _SPACE.search(url):
        return f"{shown(public_url(url))} contains white space or a control character; write a space as %20"
    if len(url) > LONGEST_URL:
        return f"{shown(public_url(url))} has {len(url)} characters, but the service accepts at most {LONGEST_URL}"
    return None
