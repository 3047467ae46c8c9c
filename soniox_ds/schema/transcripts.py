"""Recordings and what is made of their transcripts: tokens, words, segments, texts, turns."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, LANGUAGE, SOURCE_LANGUAGE, SPEAKER, STATUS, Column, Table

__all__ = [
    "RECORDINGS",
    "SEGMENTS",
    "TEXTS",
    "TOKENS",
    "TURNS",
    "WORDS",
]

RECORDINGS: Table = {
    "audio_id": Column("string", "unique, stable, readable: the relative path, the URL, or the manifest's own id"),
    "source": Column("string", "path or URL as it was found; NA for audio handed over as bytes"),
    "sha256": Column("string", "of the audio's bytes, hexadecimal; NA for URLs"),
    "size_bytes": Column("Int64", "of the audio file; NA for URLs"),
    "duration_ms": Column("Int64", "as the service measured it, else as the file's header says"),
    "status": Column("string", '"completed" or "failed"', repeats=True),
    "error_type": Column("string", "why it failed, a stable slug (docs/errors.md); NA when completed", repeats=True),
    "error_message": Column("string", "the same in words, with what to do"),
    "service": Column("string", 'host that transcribed it, or "local" for a stand-in on this machine', repeats=True),
    "model": Column("string", "model that was asked for, which may be an alias", repeats=True),
    "resolved_model": Column(
        "string",
        "model that answered for it, by the service's own list when the job or session began; NA where not known",
        repeats=True,
    ),
    "options_hash": Column(
        "string", "first 16 hexadecimal digits of the hash of all options that shape a transcript", repeats=True
    ),
    "transcription_id": Column("string", "the service's id of the job"),
    "submitted_at": Column(
        "datetime64[ms, UTC]", "when the job was created, or the live session began; NA where nothing was sent"
    ),
    "completed_at": Column("datetime64[ms, UTC]", "when its transcript was safe on disk"),
    "text": Column("string", "what was said, without its translation, as `texts` writes it; NA when failed"),
    "cost_usd": Column(
        "Float64", "estimate from the duration and the list price; the invoice decides, and the stand-in is free"
    ),
    "warnings": Column("string", "slugs of what looks wrong, joined by spaces (docs/tables.md); NA when nothing does"),
}

TOKENS: Table = {
    "audio_id": AUDIO_ID,
    "token_index": Column("Int32", "position in the API's order, from 0"),
    "text": Column("string", "as the API sent it, leading space kept"),
    "start_ms": Column("Int32", "start; NA in translations"),
    "end_ms": Column("Int32", "end as the API gave it, which is not always the end of the sound; NA in translations"),
    "confidence": Column("Float32", "0 to 1"),
    "speaker": SPEAKER,
    "language": LANGUAGE,
    "translation_status": STATUS,
    "source_language": SOURCE_LANGUAGE,
    "is_audio_event": Column("boolean", "True for sounds that are not speech; NA where not asked for"),
}

WORDS: Table = {
    "audio_id": AUDIO_ID,
    "word_index": Column("Int32", "position within the recording, from 0, translations counted along"),
    "text": Column("string", "the word with the punctuation attached to it, without surrounding spaces"),
    "start_ms": Column("Int32", "start of its first piece; NA in translations"),
    "end_ms": Column("Int32", "end of its last piece; NA in translations"),
    "confidence": Column(
        "Float32", "lowest confidence of its pieces that hold a letter or digit (of all where none does)"
    ),
    "confidence_mean": Column("Float32", "mean over the same pieces"),
    "speaker": SPEAKER,
    "language": LANGUAGE,
    "translation_status": STATUS,
    "source_language": SOURCE_LANGUAGE,
    "first_token": Column("Int32", "token_index of its first piece"),
    "token_count": Column("Int32", "number of pieces"),
    "space_before": Column("boolean", "whether white space stands between it and the word before"),
}

SEGMENTS: Table = {
    "audio_id": AUDIO_ID,
    "segment_index": Column("Int32", "position within the recording, from 0"),
    "text": Column("string", "its words, spaced as the API spaced them"),
    "start_ms": Column("Int32", "start of its first word; NA in translations"),
    "end_ms": Column("Int32", "end of its last word; NA in translations"),
    "speaker": SPEAKER,
    "language": LANGUAGE,
    "translation_status": STATUS,
    "source_language": SOURCE_LANGUAGE,
    "confidence_mean": Column("Float32", "mean of its words' confidence"),
    "first_word": Column("Int32", "word_index of its first word"),
    "word_count": Column("Int32", "number of words"),
}

TEXTS: Table = {
    "audio_id": AUDIO_ID,
    "translation_status": Column(
        "string", '"original" for what was spoken (translated or not), "translation" for the other stream', repeats=True
    ),
    "language": Column("string", "the stream's language where it has only one; NA otherwise", repeats=True),
    "text": Column(
        "string", "its words, spaced as the API spaced them, with a space where speaker or language changes"
    ),
    "word_count": Column("Int32", "number of words"),
}

TURNS: Table = {
    "audio_id": AUDIO_ID,
    "speaker": Column("string", "label of the speaker", repeats=True),
    "start_ms": Column("Int32", "start of the turn"),
    "end_ms": Column("Int32", "end of the turn"),
}
