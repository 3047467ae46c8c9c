"""Read provider documents with the response types of the official SDKs: JSON in, JSON out.

The input is ``{provider: {case: document}}``. The output has, for each case, the words as the types hold them, the
duration in seconds, the fields of the document that the types do not know, and the text if the SDK joins the words. A
document that a type refuses ends the program with the error of the SDK.
"""

import dataclasses
import json
import sys


def extra_fields(value, place=""):
    """Yield the fields that pydantic models have kept although their types do not name them."""
    if isinstance(value, list):
        for item in value:
            yield from extra_fields(item, place)
    elif hasattr(value, "model_fields_set"):
        yield from (f"{place}.{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from extra_fields(getattr(value, name), f"{place}.{name}")


def lost_fields(document, parsed, place=""):
    """Yield the fields of a document that are not in what an SDK has made of it."""
    if isinstance(document, list):
        for before, after in zip(document, parsed, strict=True):
            yield from lost_fields(before, after, place)
    elif isinstance(document, dict) and isinstance(parsed, dict):
        for name, value in document.items():
            if name not in parsed:
                yield f"{place}.{name}"
            elif value is not None:
                yield from lost_fields(value, parsed[name], f"{place}.{name}")


def word(text, start_s, end_s, confidence=None, speaker=None, channel=None):
    return {
        "text": text,
        "start_s": start_s,
        "end_s": end_s,
        "confidence": confidence,
        "speaker": None if speaker is None else str(speaker),
        "channel": channel,
    }


def assemblyai(document):
    from assemblyai.types import TranscriptResponse

    parsed = TranscriptResponse(**document)
    words = [
        word(each.text, each.start / 1000, each.end / 1000, each.confidence, each.speaker, each.channel)
        for each in parsed.words
    ]
    return words, parsed.audio_duration, lost_fields(document, json.loads(parsed.json()))


def azure(document):
    from azure.ai.transcription.models import TranscriptionResult

    def unknown(value, place=""):
        if isinstance(value, list):
            for item in value:
                yield from unknown(item, place)
        elif hasattr(value, "_attr_to_rest_field"):
            names = {field._rest_name: name for name, field in value._attr_to_rest_field.items()}
            yield from (f"{place}.{name}" for name in value if name not in names)
            for rest_name, name in names.items():
                yield from unknown(getattr(value, name), f"{place}.{rest_name}")

    parsed = TranscriptionResult(document)
    words = [
        word(
            each.text,
            each.offset_milliseconds / 1000,
            (each.offset_milliseconds + each.duration_milliseconds) / 1000,
            phrase.confidence,
            phrase.speaker,
            None if phrase.channel is None else phrase.channel + 1,
        )
        for phrase in parsed.phrases
        for each in phrase.words or [phrase]
    ]
    return words, parsed.duration_milliseconds / 1000, unknown(parsed)


def deepgram(document):
    from deepgram.types import ListenV1Response

    parsed = ListenV1Response.model_validate(document)
    channels = parsed.results.channels
    words = [
        word(each.word, each.start, each.end, each.confidence, each.speaker, number if len(channels) > 1 else None)
        for number, channel in enumerate(channels, 1)
        for each in channel.alternatives[0].words
    ]
    return words, parsed.metadata.duration, extra_fields(parsed)


def elevenlabs(document):
    import math

    from elevenlabs.types import MultichannelSpeechToTextResponseModel, SpeechToTextChunkResponseModel

    if "transcripts" in document:
        parsed = MultichannelSpeechToTextResponseModel.model_validate(document)
        transcripts = parsed.transcripts
    else:
        parsed = SpeechToTextChunkResponseModel.model_validate(document)
        transcripts = [parsed]
    words = [
        word(
            each.text,
            each.start,
            each.end,
            math.exp(each.logprob),
            each.speaker_id,
            None if transcript.channel_index is None else transcript.channel_index + 1,
        )
        for transcript in transcripts
        for each in transcript.words
        if each.type == "word"
    ]
    return words, parsed.audio_duration_secs, extra_fields(parsed)


def gladia(document):
    from gladiaio_sdk.v2.prerecorded.generated_types import PreRecordedV2Response

    def unknown(value, place=""):
        if isinstance(value, list):
            for item in value:
                yield from unknown(item, place)
        elif dataclasses.is_dataclass(value):
            yield from (f"{place}.{name}" for name in value._unknown_fields)
            for field in dataclasses.fields(value):
                if field.name != "_unknown_fields":
                    yield from unknown(getattr(value, field.name), f"{place}.{field.name}")

    parsed = PreRecordedV2Response.from_dict(document)
    metadata = parsed.result.metadata
    words = [
        word(
            each.word,
            each.start,
            each.end,
            each.confidence,
            utterance.speaker,
            utterance.channel + 1 if metadata.number_of_distinct_channels > 1 else None,
        )
        for utterance in parsed.result.transcription.utterances
        for each in utterance.words
    ]
    return words, metadata.audio_duration, unknown(parsed)


def google(document):
    """Parse strictly: the JSON format of protobuf refuses fields that a message does not have."""
    from google.cloud import speech_v1, speech_v2
    from google.longrunning.operations_pb2 import Operation
    from google.protobuf.json_format import ParseDict

    v2 = "uri" in json.dumps(document) or "Offset" in json.dumps(document)
    if "name" in document:
        operation = ParseDict(document, Operation())
        message = (speech_v2.BatchRecognizeResponse if v2 else speech_v1.LongRunningRecognizeResponse).pb()()
        assert operation.response.Unpack(message)
    else:
        message = ParseDict(document, (speech_v2.RecognizeResponse if v2 else speech_v1.RecognizeResponse).pb()())
    files = [message]
    if hasattr(message, "results") and hasattr(message.results, "values"):
        files = [each.inline_result.transcript for each in message.results.values()]
    words = []
    for file in files:
        results = list(file.results)
        # With speakers, the last result of version 1 repeats the words of all results before it.
        if not v2 and any(each.speaker_tag for best in results[-1].alternatives for each in best.words):
            results = results[-1:]
        for result in results:
            for best in list(result.alternatives)[:1]:
                for each in best.words:
                    start, end = (each.start_offset, each.end_offset) if v2 else (each.start_time, each.end_time)
                    speaker = each.speaker_label if v2 else each.speaker_tag
                    words.append(
                        word(
                            each.word,
                            start.ToMicroseconds() / 1e6,
                            end.ToMicroseconds() / 1e6,
                            each.confidence or best.confidence or None,
                            speaker or None,
                            result.channel_tag or None,
                        )
                    )
    return words, None, ()


def openai_whisper(document):
    from openai.types.audio import TranscriptionVerbose

    parsed = TranscriptionVerbose.model_validate(document)
    words = [word(each.word, each.start, each.end) for each in parsed.words]
    return words, parsed.duration, extra_fields(parsed)


def rev(document):
    from rev_ai.models.asynchronous.transcript import Transcript

    parsed = Transcript.from_json(document)
    words = [
        word(each.value, each.timestamp, each.end_timestamp, each.confidence, monologue.speaker)
        for monologue in parsed.monologues
        for each in monologue.elements
        if each.type_ == "text"
    ]
    return words, None, lost_fields(document, parsed.to_dict())


def speechmatics(document):
    from speechmatics.batch import Transcript

    parsed = Transcript.from_dict(document)
    channels = list(dict.fromkeys(item.channel for item in parsed.results if item.channel))
    words = [
        word(
            part.alternatives[0].content,
            part.start_time,
            part.end_time,
            part.alternatives[0].confidence,
            None if item.alternatives[0].speaker == "UU" else item.alternatives[0].speaker,
            channels.index(item.channel) + 1 if item.channel else None,
        )
        for item in parsed.results
        if item.type != "punctuation"
        for part in item.written_form or [item]
    ]
    return words, parsed.job.duration, lost_fields(document, dataclasses.asdict(parsed)), parsed.transcript_text


def main():
    result = {}
    for provider, documents in json.load(sys.stdin).items():
        result[provider] = {}
        for case, document in documents.items():
            words, duration_s, unknown, *text = globals()[provider](document)
            result[provider][case] = {"words": words, "duration_s": duration_s, "unknown": sorted(set(unknown))}
            result[provider][case] |= {"text": text[0]} if text else {}
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
