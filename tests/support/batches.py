"""Batches of recordings, a stand-in to transcribe them, and what the two have to say afterwards.

Everything lives by one clock that runs fast, so that waiting costs the tests nothing, and stands still where the
machine does. A process of its own has a clock of its own.
"""

from __future__ import annotations

import io
import wave
from collections import Counter

import numpy as np
import pandas as pd
from steady import SteadyClock
from waiting import until_async as until

from soniox_ds import Connection, Limits, aio, local_service

SPEED = 100
UNHURRIED = 60_000
"""Requests per minute that nobody waits for."""


def wav(seed: int, seconds: float = 0.1, rate: int = 8000, channels: int = 1) -> bytes:
    """A valid WAV file; every seed has other bytes, and every channel other samples."""
    rng = np.random.default_rng(seed)
    return wav_of(rng.integers(-3000, 3000, (round(seconds * rate), channels), dtype="<i2"), rate)


def wav_of(samples: np.ndarray, rate: int = 8000) -> bytes:
    """A WAV file of 16-bit samples, one column for each channel."""
    with io.BytesIO() as out:
        with wave.open(out, "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.astype("<i2").tobytes())
        return out.getvalue()


def batch(count: int, first: int = 0) -> dict[str, bytes]:
    """Names and audio of `count` different recordings."""
    return {f"r{number:03}": wav(number) for number in range(first, first + count)}


def stand_in(**settings):
    """A scripted service at `SPEED`, without a rate limit; the environment is left alone."""
    clock = SteadyClock(settings.pop("speed", SPEED))
    given = {"clock": clock, "requests_per_minute": None, "set_environment": False, "queue_s": 0.5, "median_s": 3.0}
    return local_service("scripted", **{**given, **settings})


def settings_for(service, tmp_path, **changes):
    """Keyword arguments that make `transcribe` talk to this service, by its own clock."""
    given = {
        "connection": Connection(api_key=service.key, api_base_url=service.base_url),
        "journal": tmp_path / "journal.sqlite",
        "clock": service.clock,
        "requests_per_minute": UNHURRIED,
        "progress": False,
    }
    return {**given, **changes}


async def transcribe(sources, service, tmp_path, **changes):
    """`soniox_ds.aio.transcribe` with the settings above."""
    return await aio.transcribe(sources, **settings_for(service, tmp_path, **changes))


def routes(service, since: int = 0) -> Counter[str]:
    """Return the number of requests that the service has received on each route."""
    return Counter(request.route for request in service.requests[since:])


def leftovers(service) -> list[dict]:
    """Return the files and transcriptions that are stored on the service."""
    return [*service.files, *service.transcriptions]


VOLATILE = ["transcription_id", "client_reference_id", "submitted_at", "completed_at", "cost_usd", "duration_ms"]


def assert_same_corpus(corpus, other) -> None:
    """The same recordings, texts and tokens; times and ids of jobs may differ."""
    pd.testing.assert_frame_equal(corpus.tokens, other.tokens)
    pd.testing.assert_frame_equal(
        corpus.recordings.drop(columns=VOLATILE), other.recordings.drop(columns=VOLATILE), check_dtype=True
    )


__all__ = [
    "SPEED",
    "UNHURRIED",
    "Limits",
    "assert_same_corpus",
    "batch",
    "leftovers",
    "routes",
    "settings_for",
    "stand_in",
    "transcribe",
    "until",
    "wav",
    "wav_of",
]
