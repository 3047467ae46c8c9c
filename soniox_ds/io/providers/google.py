"""Google Cloud Speech-to-Text: responses of the versions 1 and 2, as JSON.

Conventions: times are texts such as "1.200s"; a time of 0 is left out by the API. The first alternative is read. If
version 1 was asked for speakers, its last result repeats all words with their speakers, and only that result is read. A
batch response of version 2 holds the transcripts by the address of their file. Channels (`channelTag`) count from 1; 0
means mixed. Source: `PAGE`, and https://cloud.google.com/speech-to-text/docs/reference/rest/v1/RecognizeResponse
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Google Cloud Speech-to-Text"
PAGE = "https://cloud.google.com/speech-to-text/v2/docs/reference/rest/v2/RecognizeResponse"

_FILE_RESULTS = ("inlineResult", "transcript", "cloudStorageResult", "error")
"""Fields of which a batch response has one for each file."""
_SECONDS = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")


def recognises(document: JsonNode) -> bool:
    """Return True for a response, an operation with a response, or a batch response."""
    if document.has("response"):
        return recognises(document["response"])
    if not document.has("results") or document.has("jobName") or document.has("format"):
        return False
    results = document["results"].value
    if isinstance(results, dict):
        files = [JsonNode(each) for each in results.values()]
        return bool(files) and all(any(file.has(name) for name in _FILE_RESULTS) for file in files)
    # The last result may hold nothing but its end.
    return isinstance(results, list) and any(JsonNode(each).has("alternatives") for each in results)


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of each file of the document."""
    if document.has("response"):
        document = document["response"]
    results = document.get("results")
    if results is not None and isinstance(results.value, dict):
        for address in results.value:
            file = results[address]
            if file.get("error") is not None:
                reason = file.get_text("error", "message") or "no reason is given"
                raise InputError(f"the transcription of {address!r} failed ({reason}); remove it from the document.")
            transcript = file.get("inlineResult", "transcript") or file.get("transcript")
            if transcript is None:
                place = file.get_text("cloudStorageResult", "uri") or file.get_text("uri") or "no address is given"
                raise InputError(f"the transcript of {address!r} is in another file ({place}); download and read that.")
            yield Transcript(_words(transcript.get("results")), audio_id=PurePosixPath(address).stem)
    else:
        yield Transcript(_words(results))


def _words(results: JsonNode | None) -> list[TimedWord]:
    listed = [result for result in results or () if list(result.get("alternatives") or ())]
    if listed and _is_summary(listed[-1]):
        listed = listed[-1:]
    words: list[TimedWord] = []
    for result in listed:
        best = result["alternatives"][0]
        confidence, language = best.get_confidence("confidence"), result.get_language("languageCode")
        channel = result.get_channel("channelTag", first=1) or None
        timed = best.get_items("words")
        if not timed and (text := best.get_text("transcript")):
            words.append(TimedWord(f" {text.strip()}", None, None, confidence, None, language, channel))
        for word in timed:
            speaker = word.get_text("speakerLabel") or word.get_text("speakerTag")
            words.append(
                TimedWord(
                    f" {word['word'].text()}",
                    _ms(word.get("startOffset") or word.get("startTime")),
                    _ms(word.get("endOffset") or word.get("endTime")),
                    word.get_confidence("confidence") or confidence,
                    None if speaker == "0" else speaker,
                    language,
                    channel,
                )
            )
    return words


def _is_summary(result: JsonNode) -> bool:
    """Return True for the result that repeats the words of all others with their speakers."""
    best = result["alternatives"][0]
    timed = best.get("words")
    return best.get("transcript") is None and timed is not None and any(word.get("speakerTag") for word in timed)


def _ms(time: JsonNode | None) -> int:
    """Return a time such as "1.200s" in milliseconds; the API leaves out a time of 0."""
    if time is None:
        return 0
    seconds = _SECONDS.fullmatch(time.text())
    if seconds is None:
        raise SchemaError(f"{time.place} must be a time such as '1.200s', found {time.value!r}")
    return JsonNode(seconds[1], time.place).ms()
