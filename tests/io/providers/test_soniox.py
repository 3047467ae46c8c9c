"""The JSON of Soniox: what the stand-in answers is recognised and read with every token."""

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
