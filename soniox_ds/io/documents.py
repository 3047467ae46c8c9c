"""LangChain documents with the same metadata as those of the vendor's loader (langchain-soniox)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from soniox_ds.exceptions import SetupError
from soniox_ds.io.contents import audio_ids_of, is_segments, texts_to_write
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import RECORDINGS, TOKENS
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.words import texts

if TYPE_CHECKING:
    from langchain_core.documents import Document

__all__ = ["to_documents"]


@explains_keywords
def to_documents(transcripts: Transcripts, *, with_tokens: bool = True) -> list[Document]:
    """Return a LangChain Document for each recording, with the same metadata as the loader of ``langchain-soniox``.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    with_tokens
        False to leave out `tokens`. Vector stores often refuse metadata that are lists.

    Returns
    -------
    list of Document
        `page_content` is the spoken text without translations. The metadata begin with the fields of the loader:
        `source` (the path or URL; the `audio_id` if neither is known), `transcription_id`, `audio_duration_ms`,
        `model`, `created_at` and `tokens`. They are followed by `audio_id` and the user's own columns. Unknown values
        are None. If `transcripts` is a table, the metadata are `source`, `audio_id` and, for a table of tokens,
        `tokens`.

    Raises
    ------
    SetupError
        If ``langchain-core`` is not installed.
    InputError
        If there is no completed recording, or if `transcripts` is neither a Corpus, a LiveResult nor a table.
    SchemaError
        If a column is absent.

    Warns
    -----
    UserWarning
        If some recordings have failed. They are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> recordings = pd.DataFrame({"audio_id": ["a.wav"], "status": "completed", "topic": "greeting"})
    >>> tokens = pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Hel", "lo"]})
    >>> [document] = sx.io.to_documents(sx.Corpus(recordings, tokens))
    >>> document.page_content, document.metadata["source"], document.metadata["topic"]
    ('Hello', 'a.wav', 'greeting')
    """
    try:
        from langchain_core.documents import Document
    except ImportError as error:
        raise SetupError("to_documents needs a package that is not installed: pip install langchain-core") from error

    ids = audio_ids_of(transcripts, "LangChain")
    if is_segments(transcripts):
        text_of = texts_to_write(transcripts, "LangChain")
    else:
        table = texts(transcripts)
        spoken = table[table["translation_status"] == "original"]
        text_of = dict(zip(spoken["audio_id"].tolist(), spoken["text"].tolist(), strict=True))
    tokens = _tokens(transcripts) if with_tokens else None
    recordings = _recordings(transcripts)
    documents = []
    for audio_id in ids:
        row = recordings.get(audio_id, {})
        metadata: dict[str, Any] = {"source": row.get("source") or audio_id}
        if row:
            metadata |= {
                "transcription_id": row.get("transcription_id"),
                "audio_duration_ms": row.get("duration_ms"),
                "model": row.get("model"),
                "created_at": row.get("submitted_at"),
            }
        if tokens is not None:
            metadata["tokens"] = tokens.get(audio_id, [])
        further = {name: value for name, value in row.items() if name not in RECORDINGS and name not in metadata}
        documents.append(
            Document(page_content=text_of.get(audio_id, ""), metadata={**metadata, "audio_id": audio_id, **further})
        )
    return documents


def _recordings(transcripts: Transcripts) -> dict[str, dict[str, Any]]:
    if not isinstance(transcripts, Transcribed):
        return {}
    rows = transcripts.recordings.astype(object).to_dict("records")
    return {row["audio_id"]: {str(name): _plain(value) for name, value in row.items()} for row in rows}


def _tokens(transcripts: Transcripts) -> dict[str, list[dict[str, Any]]] | None:
    table = transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts
    if not isinstance(table, pd.DataFrame) or "token_index" not in table:
        return None
    names = [name for name in TOKENS if name not in ("audio_id", "token_index")]
    columns = [table[name].astype(object).tolist() if name in table else [None] * len(table) for name in names]
    tokens: dict[str, list[dict[str, Any]]] = {}
    for audio_id, *row in zip(table["audio_id"].tolist(), *columns, strict=True):
        token = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        for name in ("channel", "speaker_label"):
            if token[name] is None:
                del token[name]  # The service does not know them.
        tokens.setdefault(str(audio_id), []).append(token)
    return tokens


def _plain(value: Any) -> Any:
    """Convert a value of a table to a type that JSON supports."""
    if isinstance(value, pd.Timestamp):
        return None if pd.isna(value) else value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if pd.api.types.is_scalar(value):
        return None if pd.isna(value) else value.item() if hasattr(value, "item") else value
    return value
