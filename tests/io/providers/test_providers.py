"""All providers: they are described in the docs, and a wrong document is refused by name."""

import contextlib
import re
from pathlib import Path

import pytest

from soniox_ds.exceptions import InputError, SonioxDSError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.providers import provider_named, providers, recognised_provider

PAGE = Path(__file__).parents[3] / "docs" / "other-providers.md"


def test_the_page_lists_every_provider_by_its_title():
    rows = re.findall(r"^\| ([^|(]+?)(?: \([^|]*\))? \| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name: title for title, name in rows} == {name: module.TITLE for name, module in providers().items()}


@pytest.mark.parametrize("document", [None, [], {}, 3, "text", {"results": []}, {"results": {}}, {"words": []}])
def test_no_provider_takes_just_any_document(document):
    with pytest.raises(InputError, match=r"does not look like that of any known provider.*openai_whisper"):
        recognised_provider(JsonNode(document))


@pytest.mark.parametrize("name", providers())
@pytest.mark.parametrize(
    "document", [None, [], 3, "text", {"segments": 3, "results": 3, "words": 3, "monologues": [3]}]
)
def test_a_wrong_document_never_raises_another_error(name, document):
    with contextlib.suppress(SonioxDSError):
        list(provider_named(name).transcripts(JsonNode(document)))


@pytest.mark.parametrize(
    ("name", "document"),
    [
        (
            "azure",
            {
                "combinedPhrases": [{"text": "Hello, Ann."}],
                "phrases": [
                    {"text": "Hello, Ann.", "offsetMilliseconds": 0, "durationMilliseconds": 1200, "words": []}
                ],
            },
        ),
        (
            "azure",
            {
                "recognizedPhrases": [
                    {
                        "offsetInTicks": 0,
                        "durationInTicks": 12_000_000,
                        "nBest": [{"display": "Hello, Ann.", "displayWords": [], "words": []}],
                    }
                ]
            },
        ),
        ("elevenlabs", {"language_code": "eng", "text": "Hello, Ann.", "words": None}),
        ("faster_whisper", {"segments": [{"start": 0.0, "end": 1.2, "text": "Hello, Ann.", "words": []}]}),
        (
            "gladia",
            {
                "result": {
                    "transcription": {
                        "utterances": [{"start": 0.0, "end": 1.2, "text": "Hello, Ann.", "words": []}],
                    }
                }
            },
        ),
        ("gladia", {"result": {"transcription": {"full_transcript": "Hello, Ann."}}}),
        ("google", {"results": [{"alternatives": [{"transcript": "Hello, Ann.", "words": []}]}]}),
        ("whisperx", {"segments": [{"start": 0.0, "end": 1.2, "text": "Hello, Ann.", "words": []}]}),
    ],
)
def test_an_empty_list_of_words_does_not_hide_the_text(name, document):
    [transcript] = provider_named(name).transcripts(JsonNode(document))
    assert "".join(word.text for word in transcript.words).strip() == "Hello, Ann."


def test_the_message_names_the_keys_of_the_document_or_their_absence():
    with pytest.raises(InputError, match=r"the document \(with no keys\) does not look"):
        recognised_provider(JsonNode({}))
    with pytest.raises(InputError, match=r"\(a list and not an object\) .*format=, such as 'seglst'"):
        recognised_provider(JsonNode([]))
