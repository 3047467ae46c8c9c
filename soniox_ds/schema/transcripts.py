"""Tables of recordings, tokens, words, segments, texts and turns."""

from __future__ import annotations

from soniox_ds.schema.columns import (
    AUDIO_ID,
    CHANNEL,
    LANGUAGE,
    SOURCE_LANGUAGE,
    SPEAKER,
    SPEAKER_LABEL,
    STATUS,
    Column,
    Table,
)

__all__ = [
    "CONCORDANCE",
    "RECORDINGS",
    "SEGMENTS",
    "TEXTS",
    "TOKENS",
    "TURNS",
    "WORDS",
]

RECORDINGS = Table(
    "recordings",
    "`corpus.recordings`: one row for each recording, including failed recordings. Your own columns "
    "(`reference`, `speaker`, `split`, ...) follow.",
    {
        "audio_id": Column("string", "unique, stable id: the relative path, the URL, or the id in the manifest"),
        "source": Column("string", "path or URL of the recording; NA for audio that was passed as bytes"),
        "sha256": Column("string", "hexadecimal SHA-256 of the bytes of the audio; NA for URLs"),
        "size_bytes": Column("Int64", "size of the audio file; NA for URLs"),
        "duration_ms": Column("Int64", "duration measured by the service, or else from the header of the file"),
        "status": Column("string", '"completed" or "failed"', repeats=True),
        "error_type": Column("string", "stable slug of the error (docs/errors.md); NA if completed", repeats=True),
        "error_message": Column("string", "description of the error, with what to do; NA if completed"),
        "service": Column(
            "string", 'host that transcribed the recording, or "local" for a stand-in on this machine', repeats=True
        ),
        "model": Column("string", "model in the request, which may be an alias", repeats=True),
        "resolved_model": Column(
            "string",
            "model that answered, by the service's list when the job or session began; NA if unknown",
            repeats=True,
        ),
        "options_hash": Column(
            "string", "first 16 hexadecimal digits of the hash of all options that shape a transcript", repeats=True
        ),
        "transcription_id": Column(
            "string", "id of the job at the service; of a recording of several jobs, their ids joined by spaces"
        ),
        "client_reference_id": Column(
            "string",
            "reference of the job in the lists and usage logs of the service, `sxds:<journal>:<job>:<attempt>`; NA if "
            "there was no job; of a recording of several jobs, their references joined by spaces",
        ),
        "submitted_at": Column(
            "datetime64[ms, UTC]",
            "time at which the job was submitted or the live session began, by the clock of this machine; NA if "
            "nothing was sent",
        ),
        "completed_at": Column("datetime64[ms, UTC]", "time at which the transcript was safe on disk"),
        "text": Column("string", "spoken text without translations, with the spaces of `texts`; NA if failed"),
        "cost_usd": Column(
            "Float64",
            "estimate from the duration and the list price; only the invoice counts, and the stand-in is free",
        ),
        "charged_usd": Column(
            "Float64",
            "cost of all attempts by the service's usage logs; NA until `sx.account.add_charges` has found some",
        ),
        "charged_requests": Column("Int64", "number of usage logs in that sum; more than 1 after several attempts"),
        "warnings": Column("string", "slugs of the warnings, joined by spaces (docs/corpus.md); NA without warnings"),
    },
)

TOKENS = Table(
    "tokens",
    "`corpus.tokens`: one row for each token, in the order of the API. Live sessions add `received_ms` and `final_ms`.",
    {
        "audio_id": AUDIO_ID,
        "token_index": Column(
            "Int32", "position in the API's order, from 0; of several channels, in the order of their times"
        ),
        "text": Column("string", "text as the API sent it, with its leading space"),
        "start_ms": Column("Int32", "start; NA in translations"),
        "end_ms": Column(
            "Int32", "end according to the API, which is not always the end of the sound; NA in translations"
        ),
        "confidence": Column("Float32", "confidence, 0 to 1"),
        "speaker": SPEAKER,
        "speaker_label": SPEAKER_LABEL,
        "channel": CHANNEL,
        "language": LANGUAGE,
        "translation_status": STATUS,
        "source_language": SOURCE_LANGUAGE,
        "is_audio_event": Column("boolean", "True for sounds that are not speech; NA if they were not requested"),
    },
)

WORDS = Table(
    "words",
    "`sx.words(tokens)`: one row for each word. See [how tokens become words](../corpus.md#words).",
    {
        "audio_id": AUDIO_ID,
        "word_index": Column("Int32", "position within the recording, from 0, including translations"),
        "text": Column("string", "the word with the punctuation attached to it, without surrounding spaces"),
        "start_ms": Column("Int32", "start of its first piece; NA in translations"),
        "end_ms": Column("Int32", "end of its last piece; NA in translations"),
        "confidence": Column(
            "Float32", "lowest confidence of its pieces with a letter or digit (of all pieces if there are none)"
        ),
        "confidence_mean": Column("Float32", "mean confidence of the same pieces"),
        "speaker": SPEAKER,
        "speaker_label": SPEAKER_LABEL,
        "channel": CHANNEL,
        "language": LANGUAGE,
        "translation_status": STATUS,
        "source_language": SOURCE_LANGUAGE,
        "first_token": Column("Int32", "token_index of its first piece"),
        "token_count": Column("Int32", "number of pieces"),
        "space_before": Column("boolean", "True if there is white space between this word and the word before"),
    },
)

SEGMENTS = Table(
    "segments",
    "`sx.segments(words)`: stretches of one speaker, language and stream, cut at pauses and at the ends of sentences.",
    {
        "audio_id": AUDIO_ID,
        "segment_index": Column("Int32", "position within the recording, from 0"),
        "text": Column("string", "its words, with the spaces of the API"),
        "start_ms": Column("Int32", "start of its first word; NA in translations"),
        "end_ms": Column("Int32", "end of its last word; NA in translations"),
        "speaker": SPEAKER,
        "speaker_label": SPEAKER_LABEL,
        "channel": CHANNEL,
        "language": LANGUAGE,
        "translation_status": STATUS,
        "source_language": SOURCE_LANGUAGE,
        "confidence_mean": Column("Float32", "mean confidence of its words"),
        "first_word": Column("Int32", "word_index of its first word"),
        "word_count": Column("Int32", "number of words"),
    },
)

TEXTS = Table(
    "texts",
    "`sx.texts(words)`: one row for each recording and stream.",
    {
        "audio_id": AUDIO_ID,
        "translation_status": Column(
            "string", '"original" for spoken text (translated or not), "translation" for translations', repeats=True
        ),
        "language": Column("string", "language of the stream if it has only one; NA otherwise", repeats=True),
        "text": Column(
            "string", "its words, with the spaces of the API and a space where the speaker or language changes"
        ),
        "word_count": Column("Int32", "number of words"),
    },
)

CONCORDANCE = Table(
    "concordance",
    "`sx.find(corpus, phrase)`: the places where words were spoken, each with the words before and after it.",
    {
        "audio_id": AUDIO_ID,
        "start_ms": Column("Int32", "start of its first word; NA in translations"),
        "end_ms": Column("Int32", "end of its last word; NA in translations"),
        "left": Column("string", 'the words before the match, with the spaces of `texts`; "" if there are none'),
        "match": Column("string", "the words of the match, with the punctuation attached to them"),
        "right": Column("string", 'the words after the match; "" if there are none'),
        "speaker": SPEAKER,
        "speaker_label": SPEAKER_LABEL,
        "channel": CHANNEL,
        "confidence": Column("Float32", "lowest confidence of its words"),
        "language": LANGUAGE,
        "translation_status": STATUS,
        "first_word": Column("Int32", "word_index of its first word"),
        "word_count": Column("Int32", "number of words"),
    },
)

TURNS = Table(
    "turns",
    "`sx.speaker_turns(words)` and `sx.io.read_rttm(path)`: one row for each speaker turn.",
    {
        "audio_id": AUDIO_ID,
        "speaker": Column("string", "label or name of the speaker", repeats=True),
        "start_ms": Column("Int32", "start of the turn"),
        "end_ms": Column("Int32", "end of the turn"),
        "channel": CHANNEL,
        "speaker_label": SPEAKER_LABEL,
    },
)
