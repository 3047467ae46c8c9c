"""URLs of audio: which the service takes, and under which name they may appear in tables.

A signed URL is a key to somebody's storage. What is stored and shown is therefore its public form: without user and
password, without the fragment, and without the query parameters that sign, authorise or expire (``X-Amz-*``, ``sig``,
``token``, ``key``, ...). The same object signed anew keeps its name. A secret that is part of the path cannot be told
from a path; give such recordings an ``audio_id`` and hand the audio over in another way.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from soniox_ds.transcription.recording import shown

__all__ = ["LONGEST_URL", "looks_like_url", "public_url", "url_problem"]

LONGEST_URL = 4096
"""Characters that the service accepts in ``audio_url``."""

# A single letter before the colon is a Windows drive. One slash is what pathlib leaves of a URL.
_SCHEME = re.compile(r"[a-z][a-z0-9+.\-]+://|https?:/", re.IGNORECASE)
_HTTP = re.compile(r"https?://[^\s/?#]", re.IGNORECASE)
_SPACE = re.compile(r"\s|[\x00-\x20\x7f]")
_SECRET = re.compile(
    r"x-(amz|goog|oss|ms|cos|obs)-|.*(token|secret|signature|credential|passw|api[-_]?key|access[-_]?(key|id)|session|jwt)"
    r"|o?auth(?!or)|(sig|sas|key|pwd|pass|policy|expires|expiry|hmac|key-pair-id|code)$",
    re.IGNORECASE,
)
# The other half of an Azure signature: harmless, but different each time the same object is signed.
_AZURE = frozenset(
    (
        *("sv", "ss", "srt", "sp", "se", "st", "spr", "sip", "sr", "sdd", "scid"),
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid"),
    )
)


def looks_like_url(text: str) -> bool:
    """Whether `text` is meant as a URL rather than a path.

    >>> looks_like_url("s3://bucket/a.wav"), looks_like_url("C:/calls/a.wav"), looks_like_url("calls/a.wav")
    (True, False, False)
    """
    return _SCHEME.match(text) is not None


def url_problem(url: str) -> str | None:
    """Say why the service would refuse `url`, or None where it looks right."""
    if url.isprintable() and " " not in url and len(url) <= LONGEST_URL and _HTTP.match(url) is not None:
        return None  # nearly all of them, a million times
    if _HTTP.match(url) is None:
        scheme = url.partition(":")[0]
        if scheme.lower() not in ("http", "https"):
            return (
                f"the service fetches http and https only, found {scheme}:// in {shown(public_url(url))}; "
                "make a signed https URL, or download the file and pass its path"
            )
        return (
            f"{shown(public_url(url))} has no host; a URL must be passed as str (pathlib drops one of the two slashes)"
        )
    if _SPACE.search(url):
        return f"{shown(public_url(url))} holds white space or a control character; write a space as %20"
    if len(url) > LONGEST_URL:
        return f"{shown(public_url(url))} has {len(url)} characters, the service takes at most {LONGEST_URL}"
    return None


def public_url(url: str) -> str:
    """Return the form of `url` that may be stored and shown.

    >>> public_url("https://me:pw@host.example/a.wav?channel=2&X-Amz-Signature=ab12#t")
    'https://host.example/a.wav?channel=2'
    """
    if "?" not in url and "@" not in url and "#" not in url:
        return url
    scheme, slashes, rest = url.partition("://")
    if not slashes:
        scheme, slashes, rest = url.partition(":/")
    rest = rest.partition("#")[0]
    authority, slash, tail = rest.partition("/")
    rest = authority.rpartition("@")[2] + slash + tail
    rest, mark, query = rest.partition("?")
    if mark:
        query = _without_secrets(query)
    return f"{scheme}{slashes}{rest}?{query}" if query else f"{scheme}{slashes}{rest}"


def _without_secrets(query: str) -> str:
    fields = query.split("&")
    names = [unquote(field.partition("=")[0]).strip() for field in fields]
    azure = any(name.lower() == "sig" for name in names)
    return "&".join(
        field
        for field, name in zip(fields, names, strict=True)
        if _SECRET.match(name) is None and not (azure and name.lower() in _AZURE)
    )
