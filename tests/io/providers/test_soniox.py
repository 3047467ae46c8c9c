"""The JSON of Soniox: what the stand-in answers is recognised and read with every token."""

import json

import httpx
import pandas as pd

import soniox_ds as sx
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.providers import recognised_provider
from soniox_ds.io.providers.soniox import recognises


def test_the_transcript_of_the_service_is_read(service, tiny_wav, tmp_path):
    path = tiny_wav(tmp_path / "a.wav")
    corpus = sx.transcribe(path, enable_speaker_diarization=True, progress=False)
    headers = {"Authorization": f"Bearer {service.key}"}
    with httpx.Client(base_url=service.base_url, headers=headers) as client:
        file = client.post("/v1/files", files={"file": ("a.wav", path.read_bytes())}).json()
        options = {"model": "stt-async-v4", "file_id": file["id"], "enable_speaker_diarization": True}
        job = client.post("/v1/transcriptions", json=options).json()
        while client.get(f"/v1/transcriptions/{job['id']}").json()["status"] not in ("completed", "error"):
            pass
        document = client.get(f"/v1/transcriptions/{job['id']}/transcript").json()
    assert recognised_provider(JsonNode(document)) == "soniox"
    read = sx.io.read_transcripts({"a.wav": document})
    columns = ["text", "start_ms", "end_ms", "speaker"]
    pd.testing.assert_frame_equal(read.tokens[columns], corpus.tokens[columns])


def test_documents_of_others_are_not_recognised():
    assert not recognises(JsonNode({"text": "x", "tokens": [1, 2]}))
    assert not recognises(JsonNode({"text": "x"}))


def test_what_is_written_is_a_transcript_of_the_official_sdk(service, tiny_wav, tmp_path):
    from soniox.types import TranscriptionTranscript

    corpus = sx.transcribe(tiny_wav(tmp_path / "a.wav"), progress=False)
    corpus.to_soniox(tmp_path / "a.json")
    written = TranscriptionTranscript.model_validate_json((tmp_path / "a.json").read_bytes())
    assert written.id == corpus.recordings["transcription_id"].item()
    assert written.text == corpus.recordings["text"].item()
    assert len(written.tokens) == len(corpus.tokens)
    sx.io.write_soniox(corpus.tokens, tmp_path / "a.json")  # A table does not know the id of the service.
    assert TranscriptionTranscript.model_validate_json((tmp_path / "a.json").read_bytes()).id == "a.wav"


def test_the_text_of_separate_channels_is_that_of_the_recording(tmp_path):
    tokens = pd.DataFrame(
        {
            "audio_id": "call",
            "token_index": range(4),
            "text": ["Good", "Yes", " day.", " please."],
            "channel": [1, 2, 1, 2],
            "start_ms": [0, 50, 100, 150],
            "end_ms": [60, 110, 160, 210],
        }
    )
    sx.io.write_soniox(tokens, tmp_path / "call.json")
    assert json.loads((tmp_path / "call.json").read_bytes())["text"] == "Good day. Yes please."
