"""The hand-written documents of the providers, parsed with the response types of their official SDKs."""

import copy
import dataclasses
import json
import re
from pathlib import Path

import pytest
import test_assemblyai
import test_azure
import test_deepgram
import test_elevenlabs
import test_faster_whisper
import test_gladia
import test_google
import test_openai_whisper
import test_rev
import test_speechmatics
from client_environments import python_of_clients, run_client

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.providers import provider_named, providers

pytestmark = pytest.mark.xdist_group("clients")  # so that only one worker waits for the installation

READ = Path(__file__).with_name("official_types.py")

DOCUMENTS = {
    "assemblyai": {"mixed": test_assemblyai.DOCUMENT},
    "azure": {"fast": test_azure.FAST},
    "deepgram": {
        "mixed": test_deepgram.document([test_deepgram.WORD]),
        "channels": test_deepgram.document([test_deepgram.WORD], [test_deepgram.WORD | {"language": "de"}], channels=2),
        "silent": test_deepgram.document([], model_info={}, models=[]),
    },
    "elevenlabs": {"mixed": test_elevenlabs.DOCUMENT, "channels": test_elevenlabs.CHANNELS},
    "gladia": {"mixed": test_gladia.document(), "channels": test_gladia.document(n_channels=2)},
    "google": {
        "version 1": {"results": [test_google.V1]},
        "operation": test_google.WITH_OPERATION,
        "version 2": test_google.V2,
        "batch": test_google.BATCH,
    },
    "openai_whisper": {"api": test_openai_whisper.API},
    "rev": {"turns": test_rev.DOCUMENT},
    "speechmatics": {
        "mixed": test_speechmatics.MIXED,
        "channels": test_speechmatics.CHANNELS,
        **test_speechmatics.DELIMITED,
    },
}

# The types for Azure are those of fast transcription. No SDK has a type of the files that batch transcription writes.
WITHOUT_TYPES = {
    "aws_transcribe": "botocore describes the job, whose transcript is an address; no SDK has a type of the file there",
    "nemo": "the lines are written by a script, without a type",
    "soniox": "the official SDK reads such documents from the stand-in in tests/emulator/test_official_sdk.py",
    "whisperx": "its types are in a package that needs torch",
}

NOT_IN_THE_TYPES = {
    # They are on the public pages, and the SDKs keep them as further fields.
    "deepgram": [".results.channels.alternatives.words.punctuated_word"],
    "openai_whisper": [".task"],
    "speechmatics": [".results.entity_class"],
}


@pytest.fixture(scope="module")
def parsed():
    """Return the words and times that the official SDKs read from each document, in an environment of their own."""
    return json.loads(run_client([python_of_clients(), READ], {}, json.dumps(DOCUMENTS)))


@pytest.mark.parametrize(("provider", "case"), [(name, case) for name, cases in DOCUMENTS.items() for case in cases])
def test_words_are_those_of_the_official_types(parsed, provider, case):
    official = parsed[provider][case]
    assert set(official["unknown"]) <= set(NOT_IN_THE_TYPES.get(provider, ()))
    transcripts = list(provider_named(provider).transcripts(JsonNode(DOCUMENTS[provider][case])))
    words = [word for transcript in transcripts for word in transcript.words]
    assert len(words) == len(official["words"])
    for word, other in zip(words, official["words"], strict=True):
        assert other["text"].strip().lower() in word.text.lower()  # ours has its punctuation, Deepgram's its capitals
        assert (word.start_ms, word.end_ms) == (round(1000 * other["start_s"]), round(1000 * other["end_s"]))
        assert word.confidence == pytest.approx(other["confidence"])
        assert word.speaker == other["speaker"]
        assert word.channel == (None if other["channel"] is None else int(other["channel"]))
    if "text" in official:
        # The SDK begins a paragraph for each speaker.
        spoken = re.sub(r"^SPEAKER \w+: ", "", official["text"], flags=re.MULTILINE)
        assert "".join(word.text for word in words).split() == spoken.split()
    if official["duration_s"] is not None:
        assert [transcript.duration_ms for transcript in transcripts] == [round(1000 * official["duration_s"])]


def test_a_field_with_another_name_is_seen():
    documents = copy.deepcopy(
        {name: dict([next(iter(DOCUMENTS[name].items()))]) for name in ("deepgram", "rev", "gladia")}
    )
    documents["deepgram"]["mixed"]["results"]["channels"][0]["alternatives"][0]["words"][0]["colour"] = "red"
    documents["rev"]["turns"]["monologues"][0]["colour"] = "red"
    documents["gladia"]["mixed"]["result"]["metadata"]["colour"] = "red"
    read = json.loads(run_client([python_of_clients(), READ], {}, json.dumps(documents)))
    seen = {name: [field for each in cases.values() for field in each["unknown"]] for name, cases in read.items()}
    assert all(any(field.endswith(".colour") for field in fields) for fields in seen.values()), seen


def test_the_types_of_faster_whisper():
    from faster_whisper.transcribe import Segment, TranscriptionInfo, Word

    for kind, document in (
        (Segment, test_faster_whisper.SEGMENT),
        (Word, test_faster_whisper.WORDS[0]),
        (TranscriptionInfo, test_faster_whisper.INFO),
    ):
        assert set(document) <= {field.name for field in dataclasses.fields(kind)}


def test_every_provider_is_compared_or_it_is_said_why_not():
    compared = {*DOCUMENTS, "faster_whisper"}
    assert compared | set(WITHOUT_TYPES) == set(providers())
    assert not compared & set(WITHOUT_TYPES)
