"""LangChain documents: the same as those of the vendor's loader, for the same recording at the same service."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from langchain_core.documents import Document
from langchain_soniox import SonioxDocumentLoader
from langchain_soniox.types import SonioxTranscriptionOptions
from transcripts import ODD_TEXTS, corpus_of, segments_of

import soniox_ds as sx


def both_documents(service, path, **options):
    """Return the document of this package and that of the loader for the same recording."""
    options |= {"model": "stt-async-v5", "language_hints": ["en"], "enable_speaker_diarization": True}
    loader = SonioxDocumentLoader(
        base_url=f"{service.base_url}/v1",
        polling_interval_seconds=0.02,
        file_path=str(path),
        options=SonioxTranscriptionOptions(**options),
    )
    [expected] = loader.load()
    connection = sx.Connection(api_key=service.key, api_base_url=service.base_url)
    [document] = sx.transcribe([str(path)], connection=connection, **options).to_documents()
    return document, expected


def test_documents_are_those_of_the_loader(service, tiny_wav, tmp_path):
    document, expected = both_documents(service, tiny_wav(tmp_path / "talk.wav", seconds=3.0))
    assert isinstance(document, Document)
    assert document.page_content == expected.page_content
    assert list(document.metadata)[:6] == list(expected.metadata)
    for key in ("source", "audio_duration_ms", "model", "tokens"):
        assert document.metadata[key] == expected.metadata[key]
    assert type(document.metadata["created_at"]) is type(expected.metadata["created_at"])
    pd.Timestamp(document.metadata["created_at"])
    json.dumps(document.metadata)


def test_translations_are_in_the_tokens_and_not_in_the_text(service, tiny_wav, tmp_path):
    translation = {"type": "one_way", "target_language": "de"}
    path = tiny_wav(tmp_path / "talk.wav", seconds=3.0)
    document, expected = both_documents(service, path, translation=translation)
    assert document.metadata["tokens"] == expected.metadata["tokens"]
    texts = dict.fromkeys(("original", "translation", "none"), "")
    for token in document.metadata["tokens"]:
        texts[token["translation_status"] or "none"] += token["text"]
    assert texts["translation"].strip()
    assert document.page_content == texts["original"].strip()
    assert texts["translation"].split()[0] in expected.page_content  # The loader puts all tokens into the text.


def test_texts_own_columns_and_failures():
    corpus = corpus_of({**ODD_TEXTS, "silent": ""}, failed=["lost"])
    recordings = corpus.recordings.assign(n=range(len(corpus)), day=pd.Timestamp("2026-05-01"), gap=pd.NA)
    with pytest.warns(UserWarning, match="LangChain: 1 of 9 recordings are left out because they have failed: 'lost'"):
        documents = sx.Corpus(recordings, corpus.tokens).to_documents(with_tokens=False)
    assert [document.page_content for document in documents] == [
        *(" ".join(text.split()) for text in ODD_TEXTS.values()),
        "",
    ]
    assert documents[1].metadata == {
        "source": "arabic",
        "transcription_id": None,
        "audio_duration_ms": None,
        "model": None,
        "created_at": None,
        "audio_id": "arabic",
        "n": 1,
        "day": "2026-05-01T00:00:00.000",
        "gap": None,
    }
    json.dumps([document.metadata for document in documents])


def test_tables():
    [document] = sx.io.to_documents(segments_of([("a", "1", 0, 900, "Yes."), ("a", None, 900, 1000, "No.")]))
    assert (document.page_content, document.metadata) == ("Yes. No.", {"source": "a", "audio_id": "a"})
    [document] = sx.io.to_documents(corpus_of({"a": "yes"}).tokens)
    assert document.metadata["tokens"] == [
        {
            "text": " yes",
            "start_ms": 0,
            "end_ms": 300,
            "confidence": 0.5,
            "speaker": "1",
            "language": None,
            "translation_status": None,
            "source_language": None,
            "is_audio_event": None,
        }
    ]
