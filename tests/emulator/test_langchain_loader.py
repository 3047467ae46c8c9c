"""LangChain's document loader (langchain-soniox 0.1), unchanged, against the stand-in."""

import asyncio

import pytest
from langchain_soniox import SonioxDocumentLoader
from langchain_soniox.errors import SonioxAPIError, SonioxTranscriptionFailedError
from langchain_soniox.types import SonioxTranscriptionOptions, StructuredContext, TranslationConfig

MODELS = ["stt-async-v6", "stt-async-v5", "stt-async-v4"]


@pytest.fixture
def path(tiny_wav, tmp_path):
    return tiny_wav(tmp_path / "talk.wav", seconds=3.0)


def loader_for(service, **settings):
    given = {"base_url": f"{service.base_url}/v1", "polling_interval_seconds": 0.02}
    return SonioxDocumentLoader(**given | settings)


@pytest.mark.parametrize("model", MODELS)
def test_a_file_becomes_a_document(service, path, model):
    options = SonioxTranscriptionOptions(model=model, language_hints=["en"], enable_speaker_diarization=True)
    [document] = loader_for(service, file_path=str(path), options=options).load()
    assert document.page_content
    assert document.metadata["model"] == model
    assert document.metadata["audio_duration_ms"] == 3000
    assert document.metadata["source"] == str(path)
    tokens = document.metadata["tokens"]
    assert "".join(token["text"] for token in tokens) == document.page_content
    assert all(0 <= token["confidence"] <= 1 and token["speaker"] for token in tokens)
    assert service.created.total == 1
    assert not service.files
    assert not service.transcriptions


def test_its_default_model_and_bytes(service, path):
    [document] = loader_for(service, file_data=path.read_bytes()).load()
    assert document.page_content
    assert document.metadata["model"] == "stt-async-v4"


def test_it_can_be_awaited(service, path):
    async def load():
        return [document async for document in loader_for(service, file_path=str(path)).alazy_load()]

    [document] = asyncio.run(load())
    assert document.page_content
    assert not service.transcriptions


def test_every_option_is_taken(service, path):
    options = SonioxTranscriptionOptions(
        model="stt-async-v6",
        language_hints=["en", "de"],
        language_hints_strict=True,
        enable_language_identification=True,
        translation=TranslationConfig(type="one_way", target_language="es"),
        context=StructuredContext(text="a talk", terms=["Celebrex"]),
        client_reference_id="mine",
    )
    [document] = loader_for(service, file_path=str(path), options=options).load()
    assert {token["translation_status"] for token in document.metadata["tokens"]} >= {"translation"}


def test_refusals_are_its_own_errors(service, path):
    options = SonioxTranscriptionOptions(model="stt-async-v99")
    with pytest.raises(SonioxAPIError, match="did not pass validation"):
        loader_for(service, file_path=str(path), options=options).load()
    with pytest.raises(SonioxAPIError, match="Incorrect API key"):
        loader_for(service, file_path=str(path), api_key="wrong").load()
    with pytest.raises(SonioxTranscriptionFailedError):
        loader_for(service, file_data=b"no audio at all").load()
    assert not service.files
    assert not service.transcriptions
