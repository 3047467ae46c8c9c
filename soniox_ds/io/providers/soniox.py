"""Soniox: the transcript of the asynchronous API, which `soniox_ds.io.write_soniox` writes, too.

Conventions: the tokens are read as those of a response of the service, with their translations and sounds. The keys
`channel` and `speaker_label`, which `write_soniox` adds, are read, too. Source:
https://soniox.com/docs/stt/api-reference/transcriptions/get_transcription_transcript
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import pandas as pd

from soniox_ds.api.decode import decode_transcript, tokens_frame
from soniox_ds.exceptions import BadAnswerError, SchemaError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import Transcript
from soniox_ds.schema import TOKENS, conform

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Soniox"
PAGE = "https://soniox.com/docs/stt/api-reference/transcriptions/get_transcription_transcript"


class _OwnKeys(msgspec.Struct, gc=False):
    """The keys of a token that the service does not have."""

    channel: Annotated[int, msgspec.Meta(ge=1, le=2**15 - 1)] | None = None
    speaker_label: str | None = None


class _Document(msgspec.Struct):
    tokens: list[_OwnKeys]


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
        own_keys = msgspec.convert(document.value, _Document).tokens
    except BadAnswerError as error:
        raise SchemaError(f"{error.__cause__ or error}") from error
    except msgspec.ValidationError as error:
        raise SchemaError(str(error)) from error
    channels = pd.array([token.channel for token in own_keys], dtype="Int16")
    labels = pd.array([token.speaker_label for token in own_keys], dtype="string")
    yield Transcript([], tokens=conform(tokens_frame(tokens).assign(channel=channels, speaker_label=labels), TOKENS))
