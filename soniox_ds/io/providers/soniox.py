"""Soniox: the transcript of the asynchronous API, which `soniox_ds.io.write_soniox` writes, too.

Conventions: the tokens are read as those of a response of the service, with their translations and sounds. Source:
https://soniox.com/docs/stt/api-reference/transcriptions/get_transcription_transcript
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from soniox_ds.api.decode import decode_transcript, tokens_frame
from soniox_ds.exceptions import BadAnswerError, SchemaError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import Transcript

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Soniox"
PAGE = "https://soniox.com/docs/stt/api-reference/transcriptions/get_transcription_transcript"


def recognises(document: JsonNode) -> bool:
    """Return True for an object with a text and tokens that have a text and times."""
    if not document.has("text", "tokens"):
        return False
    tokens = document["tokens"].value
    return isinstance(tokens, list) and all(JsonNode(token).has("text") for token in tokens[:20])


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    try:
        _, tokens = decode_transcript(msgspec.json.encode(document.value), "transcript")
    except BadAnswerError as error:
        raise SchemaError(f"{error.__cause__ or error}") from error
    yield Transcript([], tokens=tokens_frame(tokens))
