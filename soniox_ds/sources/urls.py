"""Checks of the URLs of audio.

Messages show the public form of a URL (``options.addresses``). A secret that is part of the path is not recognised;
give such recordings an ``audio_id`` and pass the audio in another way.
"""

from __future__ import annotations

import re

from soniox_ds.options.addresses import public_url
from soniox_ds.sources.recording import shown

__all__ = ["LONGEST_URL", "looks_like_url", "url_problem"]

LONGEST_URL = 4096
"""Largest number of characters that the service accepts in ``audio_url``."""

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


def url_problem(url: str) -> str | None:
    """Return the reason why the service would refuse `url`, or None if the URL looks right."""
    if url.isprintable() and " " not in url and len(url) <= LONGEST_URL and _HTTP.match(url) is not None:
        return None  # Nearly all URLs pass this fast check, and there may be a million.
    if _HTTP.match(url) is None:
        scheme = url.partition(":")[0]
        if scheme.lower() not in ("http", "https"):
            return (
                f"the service fetches only http and https URLs, found {scheme}:// in {shown(public_url(url))}; "
                "make a signed https URL, or download the file and pass its path"
            )
        return (
            f"{shown(public_url(url))} has no host; a URL must be passed as str (pathlib drops one of the two slashes)"
        )
    if _SPACE.search(url):
        return f"{shown(public_url(url))} contains white space or a control character; write a space as %20"
    if len(url) > LONGEST_URL:
        return f"{shown(public_url(url))} has {len(url)} characters, but the service accepts at most {LONGEST_URL}"
    return None
