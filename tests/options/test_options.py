"""Options: what is sent equals what the official SDK sends, and every mistake is explained."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from soniox import SonioxClient
from soniox.errors import SonioxAPIError
from soniox.types import CreateTranscriptionConfig, StructuredContext

from soniox_ds.exceptions import OptionsError
from soniox_ds.options import ASYNC_MODEL, Context, LiveOptions, TranscriptionOptions, Translation
from soniox_ds.options.languages import LANGUAGES, suggest_language


@pytest.fixture(scope="module")
def sent_by_sdk():
    """The JSON that SDK 2.10 puts on the wire for a creation with the options given."""
    sent = []

    def answer(request):
        sent.append(json.loads(request.content))
        return httpx.Response(500)

    with SonioxClient(api_key="key", api_base_url="http://127.0.0.1:1/v1") as client:
        client._http_client.close()
        client._http_client = httpx.Client(base_url=client.api_base_url, transport=httpx.MockTransport(answer))

        def ask(model=ASYNC_MODEL, **options):
            sent.clear()
            with pytest.raises(SonioxAPIError):
                client.stt.create(model=model, file_id="f", config=CreateTranscriptionConfig(**options))
            [body] = sent
            assert body.pop("file_id") == "f"
            return body

        yield ask


ONE_BY_ONE = [
    {},
    {"model": "stt-async-v5"},
    {"language_hints": ["en", "no"]},
    {"language_hints": []},
    {"language_hints": ["tl"], "language_hints_strict": True},
    {"language_hints_strict": False},
    {"enable_speaker_diarization": True},
    {"enable_speaker_diarization": False},
    {"enable_language_identification": True},
    {"enable_language_identification": False},
    {"translation": {"type": "one_way", "target_language": "es"}},
    {"translation": {"type": "two_way", "language_a": "en", "language_b": "de"}},
    {"context": {}},
    {"context": {"general": {"domain": "Healthcare", "topic": "diabetes"}}},
    {"context": {"general": [{"key": "domain", "value": "Healthcare"}]}},
    {"context": {"text": "Zürich – 東京 🎧"}},
    {"context": {"terms": ["Celebrex", "Zyrtec"]}},
    {"context": {"terms": []}},
    {"context": {"translation_terms": {"Mr. Smith": "Sr. Smith"}}},
    {"context": {"translation_terms": [{"source": "MRI", "target": "RM"}]}},
    {"webhook_url": "https://example.com/hook?id=1"},
    {
        "webhook_url": "http://example.com",
        "webhook_auth_header_name": "X-Secret",
        "webhook_auth_header_value": "open sesame",
    },
]


def test_one_hint_and_a_list_of_terms_need_no_more_brackets():
    plain = TranscriptionOptions(language_hints="en", context=["Celebrex", "Zyrtec"])
    written = TranscriptionOptions(language_hints=["en"], context={"terms": ["Celebrex", "Zyrtec"]})
    assert plain == written
    assert plain.hash() == written.hash()


@pytest.mark.parametrize("options", ONE_BY_ONE, ids=str)
def test_the_body_is_the_one_of_the_sdk(sent_by_sdk, options):
    assert TranscriptionOptions(**options).body() == sent_by_sdk(**options)


codes = st.sampled_from(sorted(LANGUAGES))
words = st.text(min_size=1, max_size=20).filter(lambda text: text.strip() and text.isprintable())
pairs = st.dictionaries(words, words, max_size=3)
contexts = st.fixed_dictionaries(
    {}, optional={"general": pairs, "text": words, "terms": st.lists(words, max_size=3), "translation_terms": pairs}
)
translations = st.one_of(
    codes.map(lambda code: {"type": "one_way", "target_language": code}),
    st.lists(codes, min_size=2, max_size=2, unique=True).map(
        lambda two: {"type": "two_way", "language_a": two[0], "language_b": two[1]}
    ),
)
all_options = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["stt-async-v4", "stt-async-v5", "stt-async-v6", "stt-async-preview"]),
        "language_hints": st.lists(codes, min_size=1, max_size=4, unique=True),
        "enable_speaker_diarization": st.booleans(),
        "enable_language_identification": st.booleans(),
        "translation": translations,
        "context": contexts,
        "webhook_url": st.just("https://example.com/hook"),
    },
)


@given(options=all_options)
def test_every_combination_is_sent_as_the_sdk_sends_it(sent_by_sdk, options):
    typed = dict(options)
    if "context" in typed:
        typed["context"] = StructuredContext(**typed["context"])
    assert TranscriptionOptions(**options).body() == sent_by_sdk(**typed)


@given(all_options)
def test_objects_dicts_and_pairs_are_the_same_options(options):
    plain = TranscriptionOptions(**options)
    typed = dict(options)
    if "translation" in typed:
        typed["translation"] = Translation(**typed["translation"])
    if "context" in typed:
        context = dict(typed["context"])
        for section in ("general", "translation_terms"):
            if section in context:
                context[section] = list(context[section].items())
        typed["context"] = Context(**context)
    assert TranscriptionOptions(**typed) == plain
    assert dataclasses.replace(plain) == plain
    assert pickle.loads(pickle.dumps(plain)) == plain
    assert hash(plain) == hash(TranscriptionOptions(**typed))


# The hash


def test_the_hash_covers_what_shapes_a_transcript_and_nothing_else():
    base = TranscriptionOptions(language_hints=["en"])
    same = [
        {"model": "stt-async-v5"},
        {"webhook_url": "https://example.com"},
        {"client_reference_id_prefix": "run 7"},
        {"enable_speaker_diarization": False},
        {"context": {}},
        {"context": {"text": ""}},
        {"context": {"text": " \n"}},
        {"context": {"terms": []}},
        {"context": {"general": {}, "text": "", "terms": [], "translation_terms": {}}},
        {"language_hints_strict": False},
    ]
    other = [
        {"language_hints": ["de"]},
        {"language_hints": ["en", "de"]},
        {"language_hints_strict": True},
        {"enable_speaker_diarization": True},
        {"enable_language_identification": True},
        {"translation": {"type": "one_way", "target_language": "es"}},
        {"context": {"terms": ["a"]}},
        {"context": {"text": "a"}},
        {"context": {"general": {"a": "b"}}},
        {"context": {"translation_terms": {"a": "b"}}},
    ]
    assert re.fullmatch("[0-9a-f]{16}", base.hash())
    assert {TranscriptionOptions(**{"language_hints": ["en"], **change}).hash() for change in same} == {base.hash()}
    hashes = {TranscriptionOptions(**{"language_hints": ["en"], **change}).hash() for change in other}
    assert len(hashes - {base.hash()}) == len(other)
    terms, more = {"terms": ["a"]}, {"terms": ["a"], "text": "", "general": {}}
    assert TranscriptionOptions(context=terms).hash() == TranscriptionOptions(context=more).hash()


def test_the_hash_does_not_depend_on_the_order_of_a_set():
    terms = ["a", "b", "c", "d"]
    assert TranscriptionOptions(context={"terms": set(terms)}) == TranscriptionOptions(context={"terms": terms})


# Mistakes

MISTAKES = [
    ({"language_hints": ["english"]}, r"language_hints: 'english' .* did you mean 'en' \(English\)\?"),
    ({"language_hints": ["jp"]}, "did you mean 'ja'"),
    ({"language_hints": ["nb"]}, "did you mean 'no'"),
    ({"language_hints": ["zh-TW"]}, "did you mean 'zh'"),
    ({"language_hints": ["pt_BR"]}, "did you mean 'pt'"),
    ({"language_hints": ["EN"]}, "did you mean 'en'"),
    ({"language_hints": ["deu"]}, "did you mean 'de'"),
    ({"language_hints": ["fil"]}, "did you mean 'tl'"),
    ({"language_hints": ["xx"]}, "the service knows these 60: af ar az"),
    ({"language_hints": "english"}, "'english' is not a language code of the service; did you mean 'en'"),
    ({"language_hints": ["en", "de", "en"]}, "holds en more than once"),
    ({"language_hints": [None]}, "language_hints holds None"),
    ({"language_hints": 5}, "language_hints is 5"),
    ({"language_hints_strict": True}, 'has no effect without language hints: add language_hints=\\["en"\\]'),
    ({"language_hints": [], "language_hints_strict": True}, "no effect without"),
    ({"language_hints_strict": "yes"}, "language_hints_strict is 'yes'; it is True, False or None"),
    ({"enable_speaker_diarization": 1}, "enable_speaker_diarization is 1"),
    ({"enable_language_identification": "true"}, "enable_language_identification is 'true'"),
    ({"model": ""}, "model is empty"),
    ({"model": "  "}, "model is empty"),
    ({"model": None}, "model is None"),
    ({"model": "m" * 33}, "model has 33 characters, 1 more than"),
    ({"model": "stt-rt-v4"}, "'stt-rt-v4' is for live audio; for recordings use 'stt-async-v4'"),
    ({"translation": "es"}, "translation is 'es'; it is a dict"),
    ({"translation": {}}, 'translation type is None; it is "one_way" or "two_way"'),
    ({"translation": {"type": "oneway"}}, "translation type is 'oneway'"),
    ({"translation": {"type": ["one_way"]}}, "translation type is"),
    ({"translation": {"type": "one_way"}}, "one_way needs target_language; for example"),
    ({"translation": {"type": "two_way", "language_a": "en"}}, "two_way needs language_b; for example"),
    ({"translation": {"type": "two_way"}}, "needs language_a and language_b"),
    (
        {"translation": {"type": "one_way", "target_language": "es", "language_a": "en"}},
        "one_way does not take language_a",
    ),
    (
        {"translation": {"type": "two_way", "target_language": "es"}},
        "needs language_a and language_b and does not take target_language",
    ),
    (
        {"translation": {"type": "one_way", "target_language": "spanish"}},
        "translation target_language: 'spanish' .* did you mean 'es'",
    ),
    (
        {"translation": {"type": "two_way", "language_a": "en", "language_b": "en"}},
        "has 'en' on both sides",
    ),
    ({"translation": {"type": "one_way", "target": "es"}}, "no option 'target'. Did you mean 'target_language'"),
    ({"context": "patient notes"}, 'write context={"text": "..."}'),
    ({"context": 5}, "context is 5; it is a dict with general, text, terms, translation_terms"),
    ({"context": {"term": ["a"]}}, "context has no option 'term'. Did you mean 'terms'"),
    ({"context": {"words": ["a"]}}, "It has general, text, terms, translation_terms"),
    ({"context": {"terms": "Celebrex"}}, "context terms is 'Celebrex'; it is a list of strings"),
    ({"context": {"terms": ["a", ""]}}, "context terms holds ''"),
    ({"context": {"terms": ["a", 5]}}, "context terms holds 5"),
    ({"context": {"text": ["a"]}}, "context text is"),
    ({"context": {"general": "medicine"}}, "context general is 'medicine'; it is a dict, or a list of pairs"),
    ({"context": {"general": {"a": 5}}}, r"context general holds \('a', 5\)"),
    ({"context": {"general": ["ab"]}}, "context general holds 'ab'"),
    ({"context": {"general": [{"key": "a"}]}}, "context general holds"),
    ({"context": {"general": [{"key": "a", "val": "b"}]}}, "has no option 'val'. Did you mean 'value'"),
    ({"webhook_url": "ftp://example.com"}, "webhook_url 'ftp://example.com' is not an address that starts"),
    ({"webhook_url": "https://example.com/a b"}, "no white space"),
    ({"webhook_url": "https://example.com/" + "a" * 256}, "webhook_url has 276 characters, 20 more"),
    ({"webhook_url": "http://a", "webhook_auth_header_name": "X"}, "_name is given without webhook_auth_header_value"),
    ({"webhook_url": "http://a", "webhook_auth_header_value": "s"}, "_value is given without webhook_auth_header_name"),
    ({"webhook_auth_header_name": "X", "webhook_auth_header_value": "s"}, "without webhook_url"),
    ({"client_reference_id_prefix": "p" * 129}, "client_reference_id_prefix has 129 characters"),
    ({"client_reference_id_prefix": "a\nb"}, "cannot be printed"),
    ({"languge_hints": ["en"]}, "no option 'languge_hints'. Did you mean 'language_hints'"),
    ({"speaker_diarization": True}, "Did you mean 'enable_speaker_diarization'"),
    ({"diarize": True}, "Did you mean 'enable_speaker_diarization'"),
    ({"language": "en"}, 'Did you mean language_hints=\\["en"\\]'),
    ({"terms": ["a"]}, 'Did you mean context={"terms"'),
    ({"client_reference_id": "a"}, "client_reference_id_prefix"),
    ({"api_key": "a"}, "SONIOX_API_KEY"),
    ({"frobnicate": 1}, "It has model, language_hints"),
]


@pytest.mark.parametrize(("options", "message"), MISTAKES, ids=lambda value: str(value)[:60])
def test_a_mistake_is_explained(options, message):
    with pytest.raises(OptionsError, match=message):
        TranscriptionOptions(**options)


@pytest.mark.parametrize("header", ["canary\r\nX: y", " canary", "canary\u2603", "", "canary" * 50, 5])
def test_a_wrong_header_value_is_not_repeated(header):
    options = {"webhook_url": "http://a", "webhook_auth_header_name": "X", "webhook_auth_header_value": header}
    with pytest.raises(OptionsError, match="webhook_auth_header_value") as caught:
        TranscriptionOptions(**options)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("name", ["X Y", "X:", "", "é"])
def test_a_header_name_is_one(name):
    with pytest.raises(OptionsError, match="webhook_auth_header_name"):
        TranscriptionOptions(webhook_url="http://a", webhook_auth_header_name=name, webhook_auth_header_value="s")


def test_the_header_value_is_in_no_repr():
    options = TranscriptionOptions(
        webhook_url="http://a", webhook_auth_header_name="X", webhook_auth_header_value="canary"
    )
    assert "canary" not in repr(options)
    assert options.body()["webhook_auth_header_value"] == "canary"


def test_a_context_over_the_limit_says_by_how_much_and_where():
    """The number counted by hand is 10,016: 6 + 10 characters in general, 9,000 in text and 2 x 500 in terms."""
    sections = {"general": {"domain": "Healthcare"}, "text": "é" * 9000, "terms": ["a" * 500, "b" * 500]}
    with pytest.raises(OptionsError, match=r"has 10,016 characters, 16 more .* largest section is text with 9,000"):
        Context(**sections)
    Context(**{**sections, "text": "é" * 8984})


@given(st.sampled_from(sorted(LANGUAGES.items())))
def test_every_language_is_known_by_code_and_by_name(language):
    code, name = language
    assert Translation(type="one_way", target_language=code).body()["target_language"] == code
    assert suggest_language(name) == suggest_language(name.upper()) == suggest_language(code.upper()) == code


def test_there_are_sixty_languages():
    assert len(LANGUAGES) == 60
    assert all(re.fullmatch("[a-z]{2}", code) for code in LANGUAGES)


@given(st.text(max_size=12))
def test_a_suggestion_is_a_language(text):
    assert suggest_language(text) in {None, *LANGUAGES}


def test_agent_text_input_is_sent_and_shapes_the_transcript():
    plain = LiveOptions()
    assert "enable_agent_text_input" not in plain.body()
    for value in (True, False):
        options = LiveOptions(enable_agent_text_input=value)
        assert options.body()["enable_agent_text_input"] is value
        assert (options.hash() != plain.hash()) == value  # off is the service's default
    with pytest.raises(OptionsError, match="enable_agent_text_input is 'yes'; it is True, False or None"):
        LiveOptions(enable_agent_text_input="yes")
