"""Valid answers made odd: what no honest service says, but proxies, captive portals, bugs and attackers do.

A mutation begins with a valid JSON value or a valid HTTP answer and changes one or two things about it: a value's type,
its size, its key, its place; the bytes of the text; the status and the headers around it. The same seed gives the same.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
import zlib
from collections.abc import Callable
from typing import Any

__all__ = ["mutated_answer", "mutated_json", "mutated_text"]

RAW = {
    "@nan@": "NaN",
    "@inf@": "-Infinity",
    "@1e400@": "1e400",
    "@digits@": "9" * 5000,
    "@lone@": '"\\ud83d"',
    "@lone key@": '{"\\udc00": 1}',
    "@bare@": "undefined",
    "@deep@": "[" * 3000 + "]" * 3000,
}
"""What `json` does not write; stands in the text at last."""

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**31 - 1,
        2**31,
        2**53,
        2**63,
        2**64,
        -(2**63) - 1,
        10**300,
        0.5,
        -0.0,
        1e308,
        1e-320,
    ),
    *(
        "",
        " ",
        "0",
        "null",
        "x" * 20_000,
        "../x",
        "a/b?c#d",
        "job:1/a",
        "\x00",
        "a\nb",
        "é😀",
        "\u202e",
        "%2e%2e",
        "0" * 40,
    ),
    *("9999-12-31T23:59:59.999999-14:00", "0001-01-01T00:00:00+14:00", "2026-02-30T25:61:61Z", "1e9"),
    *([], [None], [[]], {}, {"": ""}, {"id": {"id": 1}}, list(range(2000)), [{"text": None}]),
    *RAW,
]


def _places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += _places(inner, (*here, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += _places(inner, (*here, index))
    return found


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for step in place:
        value = value[step]
    return value


def _put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    if not place:
        return new
    _at(value, place[:-1])[place[-1]] = new
    return value


def mutated_json(value: Any, rng: random.Random) -> Any:
    """Return the value with a single change."""
    value = copy.deepcopy(value)
    place = rng.choice(_places(value))
    old = _at(value, place)
    parent = _at(value, place[:-1]) if place else None
    how = rng.choice(["odd", "odd", "odd", "delete", "wrap", "text", "elsewhere", "rename", "repeat", "more"])
    if how == "delete" and parent is not None:
        del parent[place[-1]]
    elif how == "wrap":
        value = _put(value, place, rng.choice([[old], {"value": old}, [old, old]]))
    elif how == "text":
        value = _put(value, place, old[:1] if isinstance(old, str) else json.dumps(old)[:200])
    elif how == "elsewhere":
        value = _put(value, place, copy.deepcopy(_at(value, rng.choice(_places(value)))))
    elif how == "rename" and isinstance(parent, dict):
        parent[rng.choice([f"{place[-1]}s", str(place[-1]).upper(), "", "\u0456d"])] = parent.pop(place[-1])
    elif how == "repeat" and isinstance(old, list):
        value = _put(value, place, old * rng.choice([2, 50]))
    elif how == "more" and isinstance(old, dict):
        old[rng.choice(["error_code", "error_message", "surprise", "@twice@"])] = rng.choice(ODD[:40])
    else:
        value = _put(value, place, copy.deepcopy(rng.choice(ODD)))
    return value


def mutated_text(value: Any, rng: random.Random) -> bytes:
    """The JSON of a value, the value or the text mutated."""
    changed = mutated_json(value, rng) if rng.random() < 0.8 else value
    if rng.random() < 0.2:
        changed = mutated_json(changed, rng)
    text = json.dumps(changed)
    for name, raw in RAW.items():
        text = text.replace(json.dumps(name), raw)
    if rng.random() < 0.1 and text.startswith("{") and '": ' in text:
        first = text[1:].split(",")[0]
        text = "{" + rng.choice([first, first.split(":")[0] + ": null"]).rstrip("}") + ", " + text[1:]  # a key twice
    raw = text.encode()
    return rng.choice(_BYTES)(raw, rng) if rng.random() < 0.25 else raw


def _scattered(raw: bytes, rng: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.choice([1, 3, 20])):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


_BYTES: list[Callable[[bytes, random.Random], bytes]] = [
    lambda raw, rng: raw[: rng.randrange(len(raw) + 1)],
    lambda raw, rng: b"",
    lambda raw, rng: b"<!DOCTYPE html><html><body>Please log in</body></html>",
    lambda raw, rng: b"\xef\xbb\xbf" + raw,
    lambda raw, rng: raw.decode("utf-8", "replace").encode(rng.choice(["utf-16", "utf-16-le", "utf-32", "cp037"])),
    lambda raw, rng: raw + raw,
    lambda raw, rng: raw + rng.choice([b"\n\n", b"\0", b"garbage", b"}"]),
    lambda raw, rng: b" " * 100_000 + raw,
    lambda raw, rng: rng.randbytes(rng.choice([1, 10, 1000])),
    _scattered,
]

STATUSES = [
    *(
        200,
        201,
        202,
        203,
        204,
        206,
        226,
        299,
        300,
        301,
        302,
        304,
        305,
        307,
        308,
        400,
        401,
        402,
        403,
        404,
        405,
        408,
        409,
    ),
    *(410, 413, 418, 422, 425, 429, 431, 451, 499, 500, 501, 502, 503, 504, 511, 520, 599, 600, 999),
]

HEADERS = [
    *("Location: http://[", "Location: //", "Location: https://elsewhere.example/\x7f", "Location: " + "a" * 5000),
    *("Retry-After: soon", "Retry-After: -5", "Retry-After: 1e300", "Retry-After: Fri, 31 Dec 9999 23:59:59 -1400"),
    *("Retry-After: 99999999999999999999", "Retry-After: Thu, 01 Jan 0001 00:00:00 +1400", "Retry-After: 0"),
    *("Content-Type: text/html; charset=nonsense", "Content-Type: \xff\xfe", "X-Request-Id: " + "x" * 5000),
    *("Set-Cookie: a=b; expires=Fri, 31 Dec 99999 23:59:59 GMT; Max-Age=9e99", "Set-Cookie: \x01=\x02"),
    *("Content-Encoding: br", "Content-Encoding: gzip", "Content-Encoding: gzip, deflate, gzip", "Trailer: x"),
    *(
        "Connection: upgrade",
        "Upgrade: h2c",
        "Date: yesterday",
        "no colon",
        ": no name",
        "X-\xe9: \xe9",
        "A: " + "b" * 70_000,
    ),
    *(
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip",
        "Content-Length: 5",
        "Content-Length: -1",
        "Content-Length: x",
    ),
]


def mutated_answer(body: bytes, rng: random.Random, status: int = 200) -> bytes:
    """A whole HTTP answer with this body, with something odd about its head where chance will have it."""
    version, reason, length = "HTTP/1.1", "OK", True
    lines = ["Content-Type: application/json"]
    how = rng.choice(["plain", "plain", "status", "header", "packed", "framing", "first line"])
    if how == "status":
        status = rng.choice(STATUSES)
    elif how == "header":
        status = rng.choice([status, status, 302, 429, 503])
        lines += rng.sample(HEADERS, rng.choice([1, 1, 3]))
    elif how == "packed":
        packer = rng.choice([gzip.compress, zlib.compress])
        lines.append(f"Content-Encoding: {'gzip' if packer is gzip.compress else 'deflate'}")
        body = packer(body)
        body = rng.choice([body, body[: len(body) // 2], body + b"\0\0", _scattered(body, rng)])
    elif how == "framing":
        length = False
        lines += rng.choice(
            [
                ["Content-Length: 999999"],
                ["Content-Length: 1", "Content-Length: 2"],
                ["Transfer-Encoding: chunked"],
                ["Transfer-Encoding: chunked", "Content-Length: 3"],
                [],
            ]
        )
        if rng.random() < 0.5:
            body = b"%x\r\n%s\r\n" % (len(body), body) + rng.choice([b"0\r\n\r\n", b"", b"zz\r\n", b"0\r\nX: y"])
    elif how == "first line":
        version, reason = rng.choice(
            [("HTTP/1.0", "OK"), ("HTTP/2.0", "OK"), ("HTTP/1.1", "\xff\xff"), ("ICY", ""), ("", "")]
        )
        status = rng.choice([status, status, 99, 100, 101, 103, 199, 1000])
    if length:
        lines.append(f"Content-Length: {len(body)}")
    head = f"{version} {status} {reason}\r\n" + "".join(f"{line}\r\n" for line in lines) + "\r\n"
    return head.encode("latin-1") + body
