"""The number of examples of a test: the same few in every run of the suite, many random ones in `make fuzz`.

Tests that use Hypothesis follow the profile that conftest.py loads. A test that makes its own random input is marked
``fuzz`` and asks here for its number of examples and its seed.
"""

from __future__ import annotations

import os
import random

from hypothesis import settings

__all__ = ["FUZZING", "examples", "load_profile", "mutated", "seed"]

FUZZING = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
"""True in `make fuzz`."""

FACTOR = int(os.environ.get("FUZZ_FACTOR", "20"))
"""How many times as many examples `make fuzz` tries."""


def examples(number: int) -> int:
    """Return `number` in a run of the suite, and `FUZZ_FACTOR` times as many in `make fuzz`."""
    return number * FACTOR if FUZZING else number


def seed() -> int:
    """Return 0 in a run of the suite, and another number each time in `make fuzz`; pytest shows it on failure."""
    chosen = random.SystemRandom().getrandbits(32) if FUZZING else 0
    print(f"random seed: {chosen}")
    return chosen


def load_profile() -> None:
    """Choose the settings of Hypothesis by the environment variable HYPOTHESIS_PROFILE."""
    # A busy machine must not fail a good test, hence no deadline. A change must not fail for what another one broke,
    # hence the same examples in every run; the random search is a task of its own.
    settings.register_profile("suite", deadline=None, derandomize=True)
    settings.register_profile("fuzz", deadline=None, max_examples=examples(100), print_blob=True)
    settings.load_profile("fuzz" if FUZZING else "suite")


PIECES = [
    b'"',
    b",",
    b";",
    b"\t",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"sep=;\n",
    b"{",
    b"[",
    b"]",
    b"}",
]
PIECES += [
    b"null",
    b"NaN",
    b"-1",
    b"1e999",
    b"9" * 30,
    b"9" * 5000,
    b"\xed\xa0\x80",
    b"\\ud800",
    b"<NA>",
    b";;",
    b" ",
    b"=",
    b"''",
]
"""Pieces of files that mean something in many formats."""


def mutated(raw: bytes, rng: random.Random) -> bytes:
    """Change a file in one to four places: bytes, meaningful pieces, cuts, and copies of its own parts."""
    data = bytearray(raw)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] = rng.randrange(256)
        elif kind == 1:
            data[at:at] = rng.choice(PIECES)
        elif kind == 2:
            del data[at : at + rng.randint(1, 20)]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            start = rng.randrange(len(data) + 1)
            data[at:at] = data[start : start + rng.randint(1, 60)]
        elif data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
    return bytes(data)
