"""Recordings of tones, and a count of the sessions of a service, for the tests of live audio."""

import wave

from tones import pcm_bytes, random_words, speak

SPEED = 20
"""Of the service's clock, and of the clocks of those who speak to it."""


def recording(path, seed, count=12, rate=16_000):
    """A WAV file of words, and the words."""
    words, pauses = random_words(seed, count)
    samples, _ = speak(words, pauses_ms=pauses, rate=rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm_bytes(samples))
    return path, " ".join(words)


def opened(service):
    return sum(request.route == "websocket" for request in service.requests)
