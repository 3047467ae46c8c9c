"""Web addresses in the form that may be stored and shown.

A signed URL is a key to somebody's storage, and the address of a webhook is often one to somebody's chat or server.
`public_url` gives the form of an audio URL that tables may hold: without user and password, without the fragment, and
without the query parameters that sign, authorise or expire (``X-Amz-*``, ``sig``, ``token``, ``key``, ...). An object
whose URL is signed again therefore keeps its name. `public_webhook` also masks the parts of the path and of the query
that look like a token, and the parameters of the path (``;token=...``, ``/key=...``) that have such a name. A short
secret that is a part of the path and has no name is not recognised.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["MASK", "hide_addresses", "public_url", "public_webhook", "unsigned_url"]

MASK = "***"

_SECRET = re.compile(
    r"x-(amz|goog|oss|ms|cos|obs)-|.*(token|secret|signature|credential|passw|api[-_]?key|access[-_]?(key|id)|session|jwt)"
    r"|o?auth(?!or(?!i[sz]))|bearer|(.*[-_])?key$|(sig|sas|pw|pwd|pass|passphrase|policy|expires|expiry|hmac|key-pair-id|code)$",
    re.IGNORECASE,
)
# The remaining parameters of an Azure signature are harmless, but they differ each time the same object is signed.
_AZURE = frozenset(
    (
        *("sv", "ss", "srt", "sp", "se", "st", "spr", "sip", "sr", "sdd", "scid"),
        *("skoid", "sktid", "skt", "ske", "sks", "skv", "saoid", "suoid"),
    )
)
_SIGNED_BY_PREFIX = re.compile(r"x-(amz|goog|oss|obs|tos)-signature")
# These parameters belong together in older signatures of S3, Google and Alibaba, and in those of CloudFront.
_KEYS = frozenset(("awsaccesskeyid", "googleaccessid", "ossaccesskeyid", "key-pair-id"))
_SIGNED_BY_KEY = _KEYS | {"signature", "expires", "policy", "x-amz-security-token", "security-token"}
_ADDRESS = re.compile(r"https?://[^\s\"'<>\\]+", re.IGNORECASE)
_SHORTEST_TOKEN = 16
_JSON_WEB_TOKEN = re.compile(r"eyJ[\w-]+(\.[\w-]*){1,4}")
_SEPARATOR = re.compile(r"([&;])")


def public_url(url: str) -> str:
    """Return the form of an audio URL that may be stored and shown.

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


def unsigned_url(url: str) -> str:
    """Return a URL without the parameters that sign it, if it is signed in the way of a known store.

    An object whose URL is signed again has the same unsigned URL. Other parameters are kept, even if `public_url` would
    hide them, because ``?key=7`` may well name a recording.

    >>> unsigned_url("https://bucket.s3.amazonaws.com/a.wav?versionId=7&X-Amz-Date=20260101&X-Amz-Signature=ab12")
    'https://bucket.s3.amazonaws.com/a.wav?versionId=7'
    >>> unsigned_url("https://host.example/a.wav?signature=2")
    'https://host.example/a.wav?signature=2'
    """
    address, mark, query = url.partition("?")
    if not mark:
        return url
    query, hash_mark, fragment = query.partition("#")
    fields = query.split("&")
    names = [unquote(field.partition("=")[0]).lower() for field in fields]
    prefixes = tuple(name.removesuffix("signature") for name in names if _SIGNED_BY_PREFIX.fullmatch(name))
    signed = frozenset(name for name in names if prefixes and name.startswith(prefixes))
    if {"signature", "expires"} <= set(names) or {"signature", "policy"} <= set(names):
        signed |= _SIGNED_BY_KEY if _KEYS.intersection(names) else frozenset()
    if {"sig", "sv"} <= set(names):
        signed |= _AZURE | {"sig"}
    kept = "&".join(field for field, name in zip(fields, names, strict=True) if name not in signed)
    return f"{address}{'?' if kept else ''}{kept}{hash_mark}{fragment}"


def public_webhook(url: str) -> str:
    """Return the form of a webhook's address that may be stored and shown, or ``***`` if the text is not an address.

    >>> public_webhook("https://me:pw@hooks.example/done/T0X9f3Kq81LmZ2vB7c?job=7&token=ab12")
    'https://hooks.example/done/***?job=7'
    """
    if "://" not in url:
        return MASK
    address, mark, query = public_url(url).partition("?")
    scheme, slashes, rest = address.partition("://")
    host, *path = rest.split("/")
    path = ["".join(map(_masked, _SEPARATOR.split(part))) for part in path]
    return f"{scheme}{slashes}{'/'.join([host, *path])}{mark}{''.join(map(_masked, _SEPARATOR.split(query)))}"


def hide_addresses(text: str) -> str:
    """Return a text in which every web address has the form that `public_webhook` gives.

    >>> hide_addresses('{"audio_url":"https://host.example/a.wav?sig=ab12","status":"queued"}')
    '{"audio_url":"https://host.example/a.wav","status":"queued"}'
    """
    return _ADDRESS.sub(lambda match: public_webhook(match[0]), text)


def _masked(part: str) -> str:
    """Return a word, or a ``name=value``, with the value masked if it looks like a token or is named like a secret."""
    name, sign, value = part.partition("=")
    if not sign:
        return MASK if _is_like_a_token(part) else part
    secret = _is_like_a_token(value) or _SECRET.match(unquote(name).strip())
    return f"{MASK if _is_like_a_token(name) else name}={MASK if secret else value}"


def _is_like_a_token(part: str) -> bool:
    """Return True for at least 16 characters that are hardly a chosen name: letters with digits or in mixed case."""
    if _JSON_WEB_TOKEN.fullmatch(part):
        return True
    if len(part) < _SHORTEST_TOKEN or "." in part:  # a host or the name of a file
        return False
    has_lower, has_upper = part != part.upper(), part != part.lower()
    return (has_lower != has_upper and any(map(str.isdigit, part))) or (has_lower and has_upper)


def _without_secrets(query: str) -> str:
    parts = _SEPARATOR.split(query)
    fields, separators = parts[::2], ["", *parts[1::2]]
    names = [unquote(field.partition("=")[0]).strip() for field in fields]
    azure = any(name.lower() == "sig" for name in names)
    kept = [
        separator + field
        for separator, field, name in zip(separators, fields, names, strict=True)
        if _SECRET.match(name) is None and not (azure and name.lower() in _AZURE)
    ]
    return "".join(kept).lstrip("&;")
