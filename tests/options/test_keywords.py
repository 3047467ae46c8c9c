"""Keyword arguments that are options: every function lists and describes them, and explains wrong names."""

from __future__ import annotations

import dataclasses
import inspect
import pickle
import re
import typing
from typing import get_overloads

import pytest

import soniox_ds as sx
from soniox_ds import aio
from soniox_ds.batch import pipeline
from soniox_ds.batch.keywords import TranscribeKeywords
from soniox_ds.exceptions import OptionsError
from soniox_ds.options import Context, LiveOptions, TranscriptionOptions, Translation
from soniox_ds.options.live import AudioKeywords, LiveKeywords, SessionKeywords
from soniox_ds.options.transcription import TranscriptionKeywords

TAKERS = [
    (sx.transcribe, TranscriptionOptions, TranscriptionKeywords),
    (aio.transcribe, TranscriptionOptions, TranscriptionKeywords),
    (sx.stream, LiveOptions, AudioKeywords),
    (aio.stream, LiveOptions, AudioKeywords),
    (sx.stream_updates, LiveOptions, AudioKeywords),
    (aio.stream_updates, LiveOptions, AudioKeywords),
    (sx.stream_dataset, LiveOptions, LiveKeywords),
    (aio.stream_dataset, LiveOptions, LiveKeywords),
    (sx.Microphone, LiveOptions, LiveKeywords),
    (sx.LiveCaptions, LiveOptions, LiveKeywords),
    (sx.sweep_endpoints, LiveOptions, SessionKeywords),
    (aio.sweep_endpoints, LiveOptions, SessionKeywords),
    (TranscriptionOptions, TranscriptionOptions, TranscriptionKeywords),
    (LiveOptions, LiveOptions, AudioKeywords),
]


def name_of(value):
    return f"{value.__module__}.{value.__qualname__}" if callable(value) else str(value)


@pytest.mark.parametrize(("taker", "options", "keywords"), TAKERS, ids=name_of)
def test_every_option_is_in_the_signature_and_described(taker, options, keywords):
    parameters = inspect.signature(taker).parameters
    known = {field.name: field for field in dataclasses.fields(options)}
    assert keywords.__optional_keys__ <= set(known)
    assert keywords.__optional_keys__ == set(known) & set(parameters)
    assert not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in keywords.__optional_keys__:
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        default = known[name].default if name != "audio_format" or taker is LiveOptions else None
        assert parameters[name].default == default
        described = re.search(rf"^ *{name} : (.*), default (.*)\n +(\S.*)", taker.__doc__, re.MULTILINE)
        assert described, f"{name} is not described"
        assert described[1] == known[name].type
        assert described[2] == repr(default)
        assert known[name].metadata["description"].startswith(described[3])
    assert "**options" not in taker.__doc__


@pytest.mark.parametrize(
    ("options", "keywords"), [(TranscriptionOptions, TranscriptionKeywords), (LiveOptions, AudioKeywords)]
)
def test_keywords_have_the_types_of_the_fields(options, keywords):
    types = typing.get_type_hints(options)
    expected = {field.name: types[field.name] for field in dataclasses.fields(options)}
    if "audio_format" in expected:
        expected["audio_format"] |= None  # by default that of the source
    assert typing.get_type_hints(keywords) == expected


def test_the_type_of_the_result_of_transcribe_depends_on_out():
    parameters = dict(inspect.signature(pipeline.transcribe).parameters)
    for name in ("sources", "out", *TranscriptionKeywords.__optional_keys__):
        del parameters[name]
    own = {
        name: reference.__forward_arg__
        for name, reference in TranscribeKeywords.__annotations__.items()
        if name not in TranscriptionKeywords.__optional_keys__
    }
    assert own == {name: parameter.annotation for name, parameter in parameters.items()}
    results = [(f.__annotations__["out"], f.__annotations__["return"]) for f in get_overloads(pipeline.transcribe)]
    assert results == [
        ("None", "Corpus"),
        ("str | Path", "OpenedCorpus"),
        ("str | Path | None", "Corpus | OpenedCorpus"),
    ]


def test_annotations_are_readable():
    signature = str(inspect.signature(sx.transcribe))
    assert "language_hints: list[str] | str | None = None" in signature
    assert "context: Context | dict[str, Any] | list[str] | None = None" in signature
    assert signature.endswith("-> Corpus | OpenedCorpus")
    for hidden in (": '", "soniox_ds.", "collections.", "typing.", "pathlib."):
        assert hidden not in signature


def test_compare_lists_what_it_hands_to_transcribe():
    compared, transcribed = inspect.signature(sx.compare).parameters, inspect.signature(sx.transcribe).parameters
    for name in ("connection", "concurrency", "requests_per_minute", "limits", "journal", "timeout_s", "clock"):
        assert compared[name] == transcribed[name]


WRONG_NAMES = [
    ("diarization", "'enable_speaker_diarization'"),
    ("diarisation", "'enable_speaker_diarization'"),
    ("speaker_diarization", "'enable_speaker_diarization'"),
    ("enable_diarization", "'enable_speaker_diarization'"),
    ("identification", "'enable_language_identification'"),
    ("language_identification", "'enable_language_identification'"),
    ("hints", "'language_hints'"),
    ("languge_hint", "'language_hints'"),
    ("strict", "'language_hints_strict'"),
    ("webhookurl", "'webhook_url'"),
    ("contxt", "'context'"),
    ("jounal", "'journal'"),
    ("concurrent", "'concurrency'"),
    ("timeout", "'timeout_s'"),
    ("speaker_labels", "'enable_speaker_diarization'"),
    ("language", 'language_hints=["en"]'),
]


@pytest.mark.parametrize(("wrong", "meant"), WRONG_NAMES)
def test_a_wrong_keyword_is_answered_with_the_name_that_was_meant(wrong, meant):
    message = f"transcribe() has no option {wrong!r}. Did you mean {meant}?"
    with pytest.raises(OptionsError, match=re.escape(message)):
        sx.transcribe("no such file.wav", **{wrong: True})


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda **wrong: sx.stream("no such file.wav", **wrong), "stream"),
        (lambda **wrong: list(sx.stream_updates("no such file.wav", **wrong)), "stream_updates"),
        (lambda **wrong: sx.stream_dataset("no such file.wav", **wrong), "stream_dataset"),
        (lambda **wrong: sx.sweep_endpoints("no such file.wav", settings=[{}, {"x": 1}], **wrong), "sweep_endpoints"),
        (lambda **wrong: sx.Microphone(**wrong), "Microphone"),
        (lambda **wrong: sx.LiveCaptions("no such file.wav", **wrong), "LiveCaptions"),
        (TranscriptionOptions, "TranscriptionOptions"),
        (LiveOptions, "LiveOptions"),
    ],
)
def test_every_function_with_options_explains_wrong_keywords(call, name):
    message = f"{name}() has no option 'diarization'. Did you mean 'enable_speaker_diarization'?"
    with pytest.raises(OptionsError, match=re.escape(message)):
        call(diarization=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Context(term=["a"]), "Context() has no option 'term'. Did you mean 'terms'?"),
        (lambda: Context(language="en"), "Context() has no option 'language'. It has general, text, terms"),
        (lambda: Translation(type="one_way", target="es"), "Did you mean 'target_language'?"),
        (
            lambda: sx.compare("a.wav", {}, arms={}, repeat=2),
            "compare() has no option 'repeat'. Did you mean 'repeats'?",
        ),
        (
            lambda: sx.compare("a.wav", {}, arms={}, enable_speaker_diarization=True),
            "transcription options into the arms",
        ),
    ],
)
def test_other_wrong_keywords_are_explained(call, message):
    with pytest.raises(OptionsError, match=re.escape(message)):
        call()


def test_options_can_be_copied_and_read_back():
    options = LiveOptions(language_hints=["en"], enable_endpoint_detection=True, endpoint_sensitivity=1)
    assert pickle.loads(pickle.dumps(options)) == dataclasses.replace(options) == options
    assert options.body()["endpoint_sensitivity"] == 1.0
    assert LiveOptions(**options.body()) == options
