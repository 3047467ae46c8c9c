"""Every table of the package, written down once: columns, types, units, meaning.

Conventions: times are whole milliseconds from the start of the audio; a value that is not known is NA, never 0, "" or a
missing column; rates and confidences lie between 0 and 1 unless said otherwise. In Arrow and Parquet the same columns
have the same types, and the ones marked ``repeats`` are dictionary-encoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pandas as pd

from soniox_ds.errors import SchemaError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BIASING_ERRORS",
    "CALIBRATION",
    "CHARACTER_ERRORS",
    "CLIPS",
    "CONFUSIONS",
    "DIARIZATION_ERRORS",
    "DIARIZATION_SUMMARY",
    "ERROR_COMPARISON",
    "ERROR_SUMMARY",
    "LANGUAGE_CONFUSION",
    "LANGUAGE_ERRORS",
    "LANGUAGE_SUMMARY",
    "LANGUAGE_SWITCHES",
    "LANGUAGE_SWITCH_SUMMARY",
    "LANGUAGE_WORD_ERRORS",
    "NORMALIZATION",
    "POWER",
    "PRECISION_RECALL",
    "PUNCTUATION_ERRORS",
    "RECORDINGS",
    "RELIABILITY",
    "REVIEW_CURVE",
    "ROC",
    "SEGMENTS",
    "SPEAKER_STATS",
    "SPEAKER_TRANSITIONS",
    "SPEAKER_WORD_ERRORS",
    "SPEAKER_WORD_SUMMARY",
    "TABLES",
    "TERM_COMPARISON",
    "TERM_ERRORS",
    "TERM_OCCURRENCES",
    "TERM_SUMMARY",
    "TEXTS",
    "TOKENS",
    "TRANSLATION_COMPARISON",
    "TRANSLATION_PAIRS",
    "TRANSLATION_SCORES",
    "TURNS",
    "WORDS",
    "WORD_ALIGNMENTS",
    "WORD_ERRORS",
    "Column",
    "Table",
    "arrow_schema",
    "conform",
    "empty",
    "frame_from_arrow",
    "frame_to_arrow",
    "need",
]


class Column(NamedTuple):
    """One column: its pandas dtype, what it holds, and whether few values repeat often."""

    dtype: str
    meaning: str
    repeats: bool = False


Table = Mapping[str, Column]

_AUDIO_ID = Column("string", "which recording", repeats=True)
_SPEAKER = Column(
    "string", 'label of the speaker within this recording, "1", "2", ...; NA without diarization', repeats=True
)
_LANGUAGE = Column("string", "two-letter code of the language; NA without language identification", repeats=True)
_STATUS = Column("string", '"original", "translation" or "none"; NA when no translation was asked for', repeats=True)
_SOURCE_LANGUAGE = Column("string", "language that a translation was made from; NA otherwise", repeats=True)

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
    "model": Column("string", "model that was asked for", repeats=True),
    "options_hash": Column(
        "string", "first 16 hexadecimal digits of the hash of all options that shape a transcript", repeats=True
    ),
    "transcription_id": Column("string", "the service's id of the job"),
    "submitted_at": Column("datetime64[ms, UTC]", "when the job was created"),
    "completed_at": Column("datetime64[ms, UTC]", "when its transcript was safe in the journal"),
    "text": Column("string", "the transcript as the service assembled it; NA when failed"),
    "cost_usd": Column(
        "Float64", "estimate from the duration and the list price; the invoice decides, and the stand-in is free"
    ),
    "warnings": Column("string", "slugs of what looks wrong, joined by spaces (docs/tables.md); NA when nothing does"),
}

TOKENS: Table = {
    "audio_id": _AUDIO_ID,
    "token_index": Column("Int32", "position in the API's order, from 0"),
    "text": Column("string", "as the API sent it, leading space kept"),
    "start_ms": Column("Int32", "start; NA in translations"),
    "end_ms": Column("Int32", "end as the API gave it, which is not always the end of the sound; NA in translations"),
    "confidence": Column("Float32", "0 to 1"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "translation_status": _STATUS,
    "source_language": _SOURCE_LANGUAGE,
    "is_audio_event": Column("boolean", "True for sounds that are not speech; NA where not asked for"),
}

WORDS: Table = {
    "audio_id": _AUDIO_ID,
    "word_index": Column("Int32", "position within the recording, from 0, translations counted along"),
    "text": Column("string", "the word with the punctuation attached to it, without surrounding spaces"),
    "start_ms": Column("Int32", "start of its first piece; NA in translations"),
    "end_ms": Column("Int32", "end of its last piece; NA in translations"),
    "confidence": Column(
        "Float32", "lowest confidence of its pieces that hold a letter or digit (of all where none does)"
    ),
    "confidence_mean": Column("Float32", "mean over the same pieces"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "translation_status": _STATUS,
    "source_language": _SOURCE_LANGUAGE,
    "first_token": Column("Int32", "token_index of its first piece"),
    "token_count": Column("Int32", "number of pieces"),
    "space_before": Column("boolean", "whether white space stands between it and the word before"),
}

SEGMENTS: Table = {
    "audio_id": _AUDIO_ID,
    "segment_index": Column("Int32", "position within the recording, from 0"),
    "text": Column("string", "its words, spaced as the API spaced them"),
    "start_ms": Column("Int32", "start of its first word; NA in translations"),
    "end_ms": Column("Int32", "end of its last word; NA in translations"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "translation_status": _STATUS,
    "source_language": _SOURCE_LANGUAGE,
    "confidence_mean": Column("Float32", "mean of its words' confidence"),
    "first_word": Column("Int32", "word_index of its first word"),
    "word_count": Column("Int32", "number of words"),
}

TEXTS: Table = {
    "audio_id": _AUDIO_ID,
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
    "audio_id": _AUDIO_ID,
    "speaker": Column("string", "label of the speaker", repeats=True),
    "start_ms": Column("Int32", "start of the turn"),
    "end_ms": Column("Int32", "end of the turn"),
}

SPEAKER_STATS: Table = {
    "audio_id": _AUDIO_ID,
    "speaker": Column("string", "label of the speaker", repeats=True),
    "talk_ms": Column("Int64", "time within the speaker's turns, each instant once"),
    "talk_share": Column("Float64", "of the talk_ms of all speakers of the recording"),
    "turns": Column("Int64", "number of turns"),
    "mean_turn_ms": Column("Float64", "mean length of a turn"),
    "longest_turn_ms": Column("Int64", "length of the longest turn"),
    "words": Column("Int64", "number of words; NA where only turns were given"),
    "words_per_minute": Column("Float64", "words per minute of talk_ms; NA where only turns were given"),
    "overlap_ms": Column("Int64", "of talk_ms, while someone else talks too"),
    "backchannels": Column("Int64", "turns that lie within one turn of someone else: they do not take the floor"),
    "floor_taken": Column("Int64", "how often the speaker took the floor from someone else"),
    "median_offset_ms": Column(
        "Float64", "from the other's end to the speaker's start, median over floor_taken; negative: before that end"
    ),
    "gaps": Column("Int64", "of floor_taken, those at or after the other's end"),
    "mean_gap_ms": Column("Float64", "mean silence of those gaps"),
    "interruptions": Column("Int64", "of floor_taken, those well before the other's end"),
    "interrupted": Column("Int64", "how often someone else did so to the speaker"),
}

SPEAKER_TRANSITIONS: Table = {
    "audio_id": _AUDIO_ID,
    "from_speaker": Column("string", "who had the floor", repeats=True),
    "to_speaker": Column("string", "who took it", repeats=True),
    "at_ms": Column("Int64", "start of the turn that took it"),
    "offset_ms": Column("Int64", "silence before it; negative: how long both talked"),
    "kind": Column("string", '"gap" (0 ms or more), "overlap" (less) or "interruption" (much less)', repeats=True),
}

_SCORED = Column(
    "string", '"scored", "failed" (its transcription did) or "missing" (a reference without recording)', repeats=True
)

_COUNTS: Table = {
    "hits": Column("Int64", "units that were right; NA unless scored, as all counts"),
    "substitutions": Column("Int64", "units that came out as another one"),
    "deletions": Column("Int64", "units that did not come out"),
    "insertions": Column("Int64", "units that nobody said"),
}
_NORMALIZER = Column("string", "names and versions of the steps that both texts went through", repeats=True)
_COST = Column("string", '"sclite" or "levenshtein": the costs of the alignment', repeats=True)

WORD_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "status": _SCORED,
    **_COUNTS,
    "reference_words": Column("Int64", "number of units in the reference"),
    "hypothesis_words": Column("Int64", "number of units in the transcript"),
    "fewest_errors": Column("Int64", "errors of the alignment that has the fewest; above it only by sclite's costs"),
    "wer": Column("Float64", "all errors / reference_words, 0 or more; NA where nothing was to be said"),
    "mer": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA where both texts are empty"),
    "wil": Column("Float64", "1 - hits² / (reference_words × hypothesis_words), 0 to 1; NA as wer"),
    "duration_ms": Column("Int64", "of the recording; NA where it is not known"),
    "normalizer": _NORMALIZER,
    "cost": _COST,
}

CHARACTER_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "status": _SCORED,
    **_COUNTS,
    "reference_characters": Column("Int64", "number of characters in the reference"),
    "hypothesis_characters": Column("Int64", "number of characters in the transcript"),
    "cer": Column("Float64", "all errors / reference_characters, 0 or more; NA where nothing was to be said"),
    "duration_ms": WORD_ERRORS["duration_ms"],
    "unit": Column("string", '"code point" or "grapheme"', repeats=True),
    "spaces": Column("boolean", "whether the space between two words counts as a character"),
    "normalizer": _NORMALIZER,
    "cost": _COST,
}

PUNCTUATION_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "status": _SCORED,
    **_COUNTS,
    "reference_marks": Column("Int64", "number of punctuation marks in the reference"),
    "hypothesis_marks": Column("Int64", "number of punctuation marks in the transcript"),
    "per": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA where neither text has a mark"),
    "case_words": Column("Int64", "words that are right but for capitals, where a capital is possible"),
    "case_errors": Column("Int64", "of these, those whose capitals differ"),
    "case_error_rate": Column("Float64", "case_errors / case_words; NA where there are none"),
    "duration_ms": WORD_ERRORS["duration_ms"],
    "normalizer": _NORMALIZER,
    "cost": _COST,
}

WORD_ALIGNMENTS: Table = {
    "audio_id": _AUDIO_ID,
    "position": Column("Int32", "position within the recording's alignment, from 0"),
    "operation": Column("string", '"hit", "substitution", "deletion" or "insertion"', repeats=True),
    "reference": Column("string", "normalised word of the reference; NA in insertions", repeats=True),
    "hypothesis": Column("string", "normalised word of the transcript; NA in deletions", repeats=True),
    "reference_index": Column("Int32", "position among the reference's normalised words; NA in insertions"),
    "hypothesis_index": Column("Int32", "position among the transcript's normalised words; NA in deletions"),
    "word_index": Column("Int32", "of the word (the first of several) that it came from; NA in deletions"),
    "start_ms": Column("Int32", "start of that word; NA in deletions and where it is not known"),
    "end_ms": Column("Int32", "end of that word, or of the last of several"),
    "confidence": Column("Float32", "of that word; the lowest of several"),
    "speaker": _SPEAKER,
    "language": _LANGUAGE,
    "reference_speaker": Column("string", "who said it by the reference; NA where it names nobody", repeats=True),
    "normalizer": _NORMALIZER,
    "cost": _COST,
}

CONFUSIONS: Table = {
    "operation": Column(
        "string", '"substitution", "deletion", "insertion", "split" (one word became several) or "join"', repeats=True
    ),
    "reference": Column("string", "what was said; NA in insertions"),
    "hypothesis": Column("string", "what was transcribed; NA in deletions"),
    "count": Column("Int64", "how often"),
    "recordings": Column("Int64", "in how many recordings"),
    "confidence_mean": Column("Float64", "mean confidence of the transcribed words; NA in deletions"),
    "audio_id": Column("string", "recording of the first example", repeats=True),
    "start_ms": Column("Int64", "start of that example; in deletions the end of the word before"),
    "end_ms": Column("Int64", "end of that example; in deletions the start of the word after"),
    "example": Column("string", "the example among its neighbours, as [said → transcribed]"),
}

NORMALIZATION: Table = {
    "audio_id": Column("string", "which text: its audio_id, label or number", repeats=True),
    "position": Column("Int32", "position of the first of these words in the text, from 0"),
    "before": Column("string", "words as they were written"),
    "after": Column("string", 'what became of them; "" where nothing is left'),
    "changed": Column("boolean", "whether they differ"),
    "normalizer": _NORMALIZER,
}

DIARIZATION_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "status": _SCORED,
    "scored_ms": Column("Int64", "audio that was scored, silence included; NA unless scored, as all that follows"),
    "reference_ms": Column("Int64", "reference speech in it, overlapping speakers counted each"),
    "missed_ms": Column("Int64", "reference speech beyond the number of speakers found at that instant"),
    "false_alarm_ms": Column("Int64", "speech found beyond the number of reference speakers at that instant"),
    "confusion_ms": Column("Int64", "speech found that is somebody else's"),
    "der": Column("Float64", "diarization error rate: the three errors over reference_ms; NA without reference speech"),
    "jer": Column("Float64", "Jaccard error rate, mean over reference speakers; NA without any"),
    "speakers": Column("Int64", "number of speakers found in what is scored"),
    "reference_speakers": Column("Int64", "number of reference speakers in it"),
    "mapping": Column("string", "JSON: the reference speaker of each found one that shares speech with it"),
    "collar_ms": Column("Int64", "not scored to each side of a reference boundary", repeats=True),
    "conventions": Column("string", "all conventions in words", repeats=True),
}

DIARIZATION_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without recording"),
    **{
        name: DIARIZATION_ERRORS[name]
        for name in ("scored_ms", "reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms", "der", "jer")
    },
    "reference_speakers": Column("Int64", "number of reference speakers, those of each recording counted anew"),
    "collar_ms": DIARIZATION_ERRORS["collar_ms"],
    "conventions": DIARIZATION_ERRORS["conventions"],
}

SPEAKER_WORD_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "status": _SCORED,
    "reference_words": Column("Int64", "words of the reference; NA unless scored, as all that follows"),
    "hypothesis_words": Column("Int64", "words of the transcript"),
    "reference_speakers": Column("Int64", "speakers of the reference that say a word"),
    "speakers": Column("Int64", "speakers of the transcript that say a word"),
    "cp_substitutions": Column("Int64", "after mapping whole speakers"),
    "cp_deletions": Column("Int64", "the same; all words of a reference speaker without a match"),
    "cp_insertions": Column("Int64", "the same; all words of a found speaker without a match"),
    "cpwer": Column("Float64", "the three over reference_words; NA without reference words"),
    "tcp_substitutions": Column("Int64", "as before, words aligned only within the time collar; NA without times"),
    "tcp_deletions": Column("Int64", "the same"),
    "tcp_insertions": Column("Int64", "the same"),
    "tcpwer": Column("Float64", "the three over reference_words; NA without reference words or times"),
    "wder_words": Column("Int64", "correct and substituted words of one alignment that ignores speakers"),
    "wder_wrong": Column("Int64", "of these, the words given to the wrong speaker"),
    "wder": Column("Float64", "wder_wrong over wder_words; NA where no word is aligned"),
    "mapping": Column("string", "JSON: the reference speaker of each found one, as cpwer maps them"),
    "tcp_mapping": Column("string", "JSON: the same for tcpwer; NA without times"),
    "wder_mapping": Column("string", "JSON: the same for wder"),
    "collar_ms": Column("Int64", "time collar of tcpwer", repeats=True),
    "normalizer": Column("string", "name and version of what both texts were normalised with", repeats=True),
}

SPEAKER_WORD_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without recording"),
    **{
        name: column
        for name, column in SPEAKER_WORD_ERRORS.items()
        if name.startswith(("reference_words", "hypothesis_words", "cp", "tcpwer", "tcp_", "wder"))
        and "mapping" not in name
    },
    "collar_ms": SPEAKER_WORD_ERRORS["collar_ms"],
    "normalizer": SPEAKER_WORD_ERRORS["normalizer"],
}

_BLOCK = Column(
    "string", 'the columns whose values are the blocks, joined by "+"; "audio_id" for single recordings', repeats=True
)
_INTERVAL = {
    "ci": Column("Float64", "level of the interval, such as 0.95"),
    "method": Column("string", '"studentized" or "percentile"', repeats=True),
    "replicates": Column("Int64", "number of bootstrap replicates"),
    "seed": Column("Int64", "of the replicates"),
}

ERROR_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings; all that follows is of these"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a recording"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": _BLOCK,
    "hours": Column("Float64", "of audio; NA where a duration is not known"),
    "reference_words": Column("Int64", "number of words in the references"),
    "hits": Column("Int64", "words that were right"),
    "substitutions": Column("Int64", "words that came out as another one"),
    "deletions": Column("Int64", "words that did not come out"),
    "insertions": Column("Int64", "words that nobody said"),
    "wer": Column("Float64", "all errors / reference_words, 0 or more; NA without reference words"),
    "wer_low": Column("Float64", "lower bound of the interval, 0 or more; NA where there is none, and `note` says why"),
    "wer_high": Column("Float64", "upper bound of the interval"),
    **_INTERVAL,
    "normalizer": Column("string", "of the word errors", repeats=True),
    "note": Column("string", "why there is no interval, or why to doubt it; NA when nothing is to be said"),
}

ERROR_COMPARISON: Table = {
    "a": Column("string", "name of the one arm", repeats=True),
    "b": Column("string", "name of the other arm", repeats=True),
    "recordings": Column("Int64", "number of recordings scored in both; all that follows is of these"),
    "only_a": Column("Int64", "number of recordings scored in `a` only"),
    "only_b": Column("Int64", "number of recordings scored in `b` only"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": _BLOCK,
    "reference_words": Column("Int64", "number of words in the references"),
    "wer_a": Column("Float64", "pooled word error rate of `a`"),
    "wer_b": Column("Float64", "pooled word error rate of `b`"),
    "difference": Column("Float64", "wer_b - wer_a: below 0 where `b` is better"),
    "difference_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "difference_high": Column("Float64", "upper bound of its interval"),
    "b_better": Column("Float64", "share of replicates in which `b` has the lower rate"),
    "p": Column("Float64", "two-sided p of the interval: below 1 - ci just where it excludes 0"),
    "p_holm": Column("Float64", "the same, by Holm's correction over the comparisons of the table"),
    **_INTERVAL,
    "segments": Column("Int64", "number of error segments of the matched pairs test; NA without alignments"),
    "mapsswe_mean": Column(
        "Float64", "mean over segments of errors of `a` - errors of `b`: above 0 where `b` is better"
    ),
    "mapsswe_sd": Column("Float64", "standard deviation of the same"),
    "mapsswe_z": Column("Float64", "its Z, as NIST sc_stats has it"),
    "mapsswe_p": Column("Float64", "two-sided p of Z"),
    "mapsswe_p_holm": Column("Float64", "the same, by Holm's correction"),
    "both_right": Column("Int64", "number of recordings without an error in either arm"),
    "only_a_right": Column("Int64", "number of recordings without an error in `a` only"),
    "only_b_right": Column("Int64", "number of recordings without an error in `b` only"),
    "both_wrong": Column("Int64", "number of recordings with errors in both"),
    "mcnemar_p": Column("Float64", "two-sided p of McNemar's exact test of only_a_right against only_b_right"),
    "mcnemar_p_holm": Column("Float64", "the same, by Holm's correction"),
    "note": Column("string", "why there is no interval, or why to doubt a number; NA when nothing is to be said"),
}

POWER: Table = {
    "difference": Column("Float64", "true difference in word error rate, above 0"),
    "power": Column("Float64", "probability that the interval of the difference excludes 0"),
    "blocks": Column("Int64", "number of blocks (speakers, sessions or recordings)"),
    "recordings": Column("Int64", "the same in recordings as large as those given; NA where not known"),
    "reference_words": Column("Int64", "the same in reference words; NA where not known"),
    "hours": Column("Float64", "the same in hours of audio; NA where not known"),
    "block_sd": Column("Float64", "standard deviation of the paired difference over blocks of average size"),
    "block": Column("string", "the columns whose values are the blocks; NA where not known", repeats=True),
    "basis": Column("string", "where block_sd is from, in words"),
}

CLIPS: Table = {
    "audio_id": _AUDIO_ID,
    "start_ms": Column("Int32", "start of the clip, context included"),
    "end_ms": Column("Int32", "end of the clip, context included"),
    "words": Column("Int32", "number of words that lie wholly within the clip"),
    "flagged": Column("Int32", "number of those words that were flagged"),
    "first_word": Column("Int32", "word_index of the clip's first word"),
    "text": Column("string", "the clip's words, spaced as the API spaced them"),
    "expected_errors": Column("Float64", "sum of 1 - confidence (recalibrated if asked for) over the clip's words"),
    "expected_errors_per_s": Column("Float64", "the same per second of clip; what the clips are ranked by"),
    "min_confidence": Column("Float32", "lowest confidence of the clip's words, never recalibrated"),
    "rank": Column("Int32", "1 for the clip that is most worth hearing"),
    "cumulative_s": Column("Float64", "seconds of audio of this clip and all of lower rank"),
    "criterion": Column(
        "string", '"threshold", "target_precision", "target_recall" or "review_budget_s"', repeats=True
    ),
    "threshold": Column("Float64", "words with at most this confidence were flagged; NA for a review budget"),
}

REVIEW_CURVE: Table = {
    "order": Column("string", '"confidence", "random" or "oracle": what decides what is heard first', repeats=True),
    "reviewed_s": Column("Float64", "seconds of audio heard"),
    "share_reviewed": Column("Float64", "the same as a share of what hearing every word takes"),
    "errors_found": Column("Float64", "wrong words heard; for random order the expectation"),
    "recall": Column("Float64", "the same as a share of all wrong words; NA where none is wrong"),
    "recall_of_all": Column(
        "Float64", "as a share of all errors, with deletions counted as never found: the least that is found"
    ),
}

CALIBRATION: Table = {
    "n": Column("Int64", "words with a confidence: hits, substitutions and insertions"),
    "errors": Column("Int64", "wrong ones among them: substitutions and insertions"),
    "accuracy": Column("Float64", "share that is right"),
    "confidence_mean": Column("Float64", "mean confidence; above accuracy where the recogniser is overconfident"),
    "ece": Column("Float64", "expected calibration error, over the bins"),
    "ece_low": Column("Float64", "lower bound of its interval; NA for fewer than two blocks"),
    "ece_high": Column("Float64", "upper bound of its interval; NA for fewer than two blocks"),
    "ece_by_chance": Column(
        "Float64", "mean ECE that perfectly calibrated confidences would show in so little data; NA as above"
    ),
    "brier": Column("Float64", "mean squared difference of confidence and verdict; 0 is best"),
    "nce": Column(
        "Float64", "normalised cross entropy: 1 is best, 0 as good as saying the accuracy; NA if all right or wrong"
    ),
    "auc": Column(
        "Float64", "area under the ROC curve of errors: 1 is best, 0.5 is chance; NA if all right or all wrong"
    ),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": Column("string", "the column whose values are the blocks", repeats=True),
    "bins": Column("Int64", "number of bins asked for"),
    "binning": Column("string", '"equal_width" or "equal_mass"', repeats=True),
    "ci": Column("Float64", "level of the interval, such as 0.95"),
    "replicates": Column("Int64", "number of bootstrap replicates"),
    "seed": Column("Int64", "of the replicates"),
}

RELIABILITY: Table = {
    "bin": Column("Int32", "number of the bin, from 0"),
    "low": Column("Float64", "the bin holds confidences above this (the first one: from this on)"),
    "high": Column("Float64", "and up to this"),
    "n": Column("Int64", "words in the bin"),
    "confidence_mean": Column("Float64", "their mean confidence; NA in an empty bin"),
    "accuracy": Column("Float64", "share of them that is right; NA in an empty bin"),
    "accuracy_low": Column("Float64", "lower bound of its interval; NA where its words are of fewer than two blocks"),
    "accuracy_high": Column("Float64", "upper bound of its interval"),
}

ROC: Table = {
    "threshold": Column("Float64", "words with at most this confidence are flagged; NA in the first row: none is"),
    "flagged": Column("Int64", "words flagged"),
    "errors_found": Column("Int64", "wrong words among them"),
    "false_positive_rate": Column("Float64", "share of the right words that is flagged; NA where none is right"),
    "true_positive_rate": Column("Float64", "share of the wrong words that is flagged; NA where none is wrong"),
}

PRECISION_RECALL: Table = {
    "threshold": Column("Float64", "words with at most this confidence are flagged"),
    "flagged": Column("Int64", "words flagged"),
    "errors_found": Column("Int64", "wrong words among them"),
    "precision": Column("Float64", "share of the flagged words that is wrong"),
    "recall": Column("Float64", "share of the wrong words that is flagged; NA where none is wrong"),
}

TRANSLATION_PAIRS: Table = {
    "audio_id": _AUDIO_ID,
    "pair_index": Column("Int32", "position within the recording, from 0"),
    "speaker": _SPEAKER,
    "source_language": Column("string", "language that was spoken", repeats=True),
    "language": Column("string", "language of the translation; NA where there is none", repeats=True),
    "original": Column("string", "what was said; NA for a translation that no original was found for"),
    "translation": Column("string", "what came of it; NA where there is none"),
    "start_ms": Column("Int32", "start of the original; a translation has no times of its own"),
    "end_ms": Column("Int32", "end of the original"),
    "original_words": Column("Int32", "number of words of the original"),
    "translation_words": Column("Int32", "number of words of the translation"),
    "translation_status": Column(
        "string", 'of the original: "original" for what was to be translated, "none" for what was not', repeats=True
    ),
}

TRANSLATION_SCORES: Table = {
    "metric": Column("string", '"bleu", "chrf", "chrf++" or "ter"', repeats=True),
    "score": Column("Float64", "of all texts together, as sacrebleu prints it: 0 to 100; TER may be above 100"),
    "score_low": Column("Float64", "lower bound of its interval; NA for fewer than two units"),
    "score_high": Column("Float64", "upper bound of its interval"),
    "score_mean": Column("Float64", "mean of the replicates, the value before ± where sacrebleu prints an interval"),
    "texts": Column("Int64", "number of texts scored"),
    "missing": Column("Int64", "number of references without a translation, which are not scored"),
    "units": Column("Int64", "number of texts or blocks that were resampled"),
    "ci": Column("Float64", "level of the interval, such as 0.95"),
    "replicates": Column("Int64", "number of bootstrap replicates"),
    "seed": Column("Int64", "of the replicates"),
    "signature": Column("string", "sacrebleu's own: to be quoted with the score"),
}

TRANSLATION_COMPARISON: Table = {
    "metric": Column("string", '"bleu", "chrf", "chrf++" or "ter"', repeats=True),
    "score_a": Column("Float64", "score of `a`"),
    "score_b": Column("Float64", "score of `b`"),
    "difference": Column("Float64", "score_b - score_a: above 0 where `b` is better, but below 0 for TER"),
    "difference_low": Column("Float64", "lower bound of its interval; NA for fewer than two units"),
    "difference_high": Column("Float64", "upper bound of its interval"),
    "b_better": Column("Float64", "share of replicates in which `b` has the better score"),
    "p": Column("Float64", "of the paired test, not corrected for several metrics"),
    "test": Column("string", '"bootstrap" or "randomization"', repeats=True),
    "texts": Column("Int64", "number of texts scored in both"),
    "only_a": Column("Int64", "number of references with a translation in `a` only; not scored"),
    "only_b": Column("Int64", "number of references with a translation in `b` only; not scored"),
    "units": Column("Int64", "number of texts or blocks that were resampled"),
    "ci": Column("Float64", "level of the interval, such as 0.95"),
    "replicates": Column("Int64", "number of bootstrap replicates"),
    "seed": Column("Int64", "of the replicates"),
    "signature": Column("string", "sacrebleu's own: to be quoted with the scores"),
}

LANGUAGE_CONFUSION: Table = {
    "reference_language": Column("string", "language that was spoken; NA outside all references", repeats=True),
    "language": Column("string", "language that it was taken for; NA where the words have none", repeats=True),
    "time_ms": Column("Int64", "length of the words, together"),
    "words": Column("Int64", "number of words; one that crosses a border counts where its middle is"),
    "share": Column("Float64", "of the labelled time of this reference language; NA where one side has no language"),
}

LANGUAGE_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "status": Column("string", '"scored", "failed" or "missing" (a reference without a transcript)', repeats=True),
    "labelled_ms": Column("Int64", "length of the words that have a language on both sides; NA unless scored"),
    "wrong_ms": Column("Int64", "length of those in which the two differ"),
    "unlabelled_ms": Column("Int64", "length of words without a language"),
    "unreferenced_ms": Column("Int64", "length of words with a language outside all references"),
    "words": Column("Int64", "number of words that have a language on both sides"),
    "wrong_words": Column("Int64", "number of those in which the two differ"),
    "error_rate": Column("Float64", "wrong_ms / labelled_ms; NA where nothing is labelled"),
    "reference_language": Column("string", "language that was spoken longest", repeats=True),
    "language": Column("string", "language that was found longest", repeats=True),
}

LANGUAGE_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings; all that follows is of these"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a transcript"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": _BLOCK,
    "labelled_ms": Column("Int64", "length of the words that have a language on both sides"),
    "wrong_ms": Column("Int64", "length of those in which the two differ"),
    "unlabelled_ms": Column("Int64", "length of words without a language"),
    "unreferenced_ms": Column("Int64", "length of words with a language outside all references"),
    "error_rate": Column("Float64", "wrong_ms / labelled_ms; NA where nothing is labelled"),
    "error_rate_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "error_rate_high": Column("Float64", "upper bound of its interval"),
    **_INTERVAL,
    "note": Column("string", "why there is no interval, or why to doubt it; NA when nothing is to be said"),
}

LANGUAGE_SWITCHES: Table = {
    "audio_id": _AUDIO_ID,
    "outcome": Column("string", '"hit", "miss" (only in the reference) or "false_alarm" (only found)', repeats=True),
    "from_language": Column("string", "language before the switch", repeats=True),
    "to_language": Column("string", "language after the switch", repeats=True),
    "reference_ms": Column("Int64", "when it happened; NA for a false alarm"),
    "found_ms": Column("Int64", "start of the first word that was labelled with the new language; NA for a miss"),
    "error_ms": Column("Int64", "found_ms - reference_ms: above 0 where it was found late; NA unless a hit"),
}

LANGUAGE_SWITCH_SUMMARY: Table = {
    "reference_switches": Column("Int64", "number of switches in the references"),
    "found_switches": Column("Int64", "number of switches that were found, false ones too"),
    "hits": Column("Int64", "switches of the references that were found"),
    "misses": Column("Int64", "switches of the references that were not"),
    "false_alarms": Column("Int64", "switches that were found and are in no reference"),
    "precision": Column("Float64", "hits / found_switches; NA where none was found"),
    "recall": Column("Float64", "hits / reference_switches; NA where there is none"),
    "f1": Column("Float64", "2 hits / (reference_switches + found_switches); NA where there are none"),
    "error_ms_mean": Column("Float64", "mean error_ms of the hits: above 0 where switches are found late"),
    "error_ms_absolute": Column("Float64", "mean of the same without its sign: the switch-point error"),
    "error_ms_median": Column("Float64", "median of the same without its sign"),
}

LANGUAGE_WORD_ERRORS: Table = {
    "reference_language": Column("string", "language that was spoken; NA outside all references", repeats=True),
    "language_status": Column(
        "string", '"right" or "wrong"; "unknown" where either side has no language', repeats=True
    ),
    "recordings": Column("Int64", "number of recordings that have such words"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": _BLOCK,
    "reference_words": Column("Int64", "number of words in the references"),
    "hits": Column("Int64", "words that were right"),
    "substitutions": Column("Int64", "words that came out as another one"),
    "deletions": Column("Int64", "words that did not come out"),
    "insertions": Column("Int64", "words that nobody said"),
    "wer": Column("Float64", "all errors / reference_words; NA without reference words"),
    "wer_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "wer_high": Column("Float64", "upper bound of its interval"),
    **_INTERVAL,
    "note": Column("string", "why there is no interval, or why to doubt it; NA when nothing is to be said"),
}

TERM_OCCURRENCES: Table = {
    "audio_id": _AUDIO_ID,
    "term": Column("string", "the term as it was given", repeats=True),
    "distractor": Column("boolean", "whether it was given as a distractor"),
    "outcome": Column("string", '"hit", "miss" or "false_hit" (in the transcript, not in the reference)', repeats=True),
    "reference": Column("string", "normalised words of the reference there; NA where there are none"),
    "hypothesis": Column(
        "string", "normalised words of the transcript there, of a miss with the insertions beside it; NA for none"
    ),
    "reference_index": Column("Int32", "position of its first word among the reference's; NA for a false hit"),
    "hypothesis_index": Column("Int32", "position of the first word among the transcript's; NA where there is none"),
    "word_index": Column("Int32", "of that word; NA where there is none"),
    "position": Column("Int32", "of the first aligned pair"),
    "start_ms": Column("Int32", "start of those words; where there are none, end of the word before (0 for none)"),
    "end_ms": Column("Int32", "end of those words; where there are none, start of the next word; NA where not known"),
    "confidence": Column("Float32", "lowest confidence of those words"),
}

_HITS = {
    "reference_count": Column("Int64", "how often the reference has it: hits + misses"),
    "hits": Column("Int64", "how often it came out where it was said"),
    "misses": Column("Int64", "how often it did not come out where it was said"),
    "false_hits": Column("Int64", "how often it came out where the reference has none: hallucinated"),
}

TERM_ERRORS: Table = {
    "term": Column("string", "the term as it was given"),
    "normalized": Column("string", "the words that were looked for"),
    "distractor": Column("boolean", "whether it was given as a distractor"),
    "recordings": Column("Int64", "number of recordings with a hit, a miss or a false hit of it"),
    **_HITS,
    "precision": Column("Float64", "hits / (hits + false_hits); NA where it never came out"),
    "recall": Column("Float64", "hits / reference_count; NA where it was never said"),
    "f1": Column("Float64", "2 hits / (2 hits + misses + false_hits); NA where it is on neither side"),
    "hours": Column("Float64", "of audio of all scored recordings; NA where not known"),
    "false_hits_per_hour": Column("Float64", "false_hits / hours"),
}

TERM_SUMMARY: Table = {
    "terms": Column("Int64", "size of the list, distractors counted along"),
    "distractors": Column("Int64", "number of distractors in it"),
    "recordings": Column("Int64", "number of scored recordings; all that follows is of these"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a recording"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": _BLOCK,
    "hours": Column("Float64", "of audio; NA where a duration is not known"),
    **_HITS,
    "distractor_false_hits": Column("Int64", "how many of the false hits are of distractors"),
    "hallucinated_terms": Column("Int64", "number of different terms among the false hits"),
    "precision": Column("Float64", "hits / (hits + false_hits)"),
    "precision_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "precision_high": Column("Float64", "upper bound of its interval"),
    "recall": Column("Float64", "hits / reference_count"),
    "recall_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "recall_high": Column("Float64", "upper bound of its interval"),
    "f1": Column("Float64", "2 hits / (2 hits + misses + false_hits)"),
    "f1_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "f1_high": Column("Float64", "upper bound of its interval"),
    "false_hits_per_hour": Column("Float64", "hallucinated terms per hour of audio; NA where hours are not known"),
    "false_hits_per_hour_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "false_hits_per_hour_high": Column("Float64", "upper bound of its interval"),
    "false_hits_per_hour_per_100_terms": Column("Float64", "the same for every hundred terms of the list"),
    **_INTERVAL,
    "note": Column("string", "why there is no interval, or why to doubt it; NA when nothing is to be said"),
}

TERM_COMPARISON: Table = {
    "occurrences": Column("Int64", "how often the references have it, in recordings that both arms have"),
    "recordings": Column("Int64", "number of these recordings in which they do"),
    "both": Column("Int64", "hits of both arms"),
    "only_a": Column("Int64", "hits of `a` that `b` missed: lost"),
    "only_b": Column("Int64", "hits of `b` that `a` missed: won"),
    "neither": Column("Int64", "misses of both"),
    "recall_a": Column("Float64", "share of the occurrences that `a` hit; NA where there are none"),
    "recall_b": Column("Float64", "share that `b` hit"),
    "difference": Column("Float64", "recall_b - recall_a: above 0 where `b` is better"),
    "difference_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "difference_high": Column("Float64", "upper bound of its interval"),
    "p": Column("Float64", "two-sided p of McNemar's exact test of only_a against only_b; NA without occurrences"),
    "p_holm": Column("Float64", "the same, by Holm's correction over the rows of the table"),
    "false_hits_a": Column("Int64", "false hits of `a`, in recordings that both arms have"),
    "false_hits_b": Column("Int64", "false hits of `b`, in the same"),
    "unpaired": Column("Int64", "occurrences in recordings that only one arm has; not compared"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": _BLOCK,
    **_INTERVAL,
    "note": Column("string", "why there is no interval, or why to doubt a number; NA when nothing is to be said"),
}

BIASING_ERRORS: Table = {
    "audio_id": _AUDIO_ID,
    "part": Column("string", '"biased" (words of the list) or "unbiased" (all others)', repeats=True),
    "status": WORD_ERRORS["status"],
    **{name: WORD_ERRORS[name] for name in ("hits", "substitutions", "deletions", "insertions")},
    "reference_words": Column("Int64", "number of units in this part of the reference"),
    "wer": Column("Float64", "all errors of the part / its reference_words; NA where it has none"),
    "duration_ms": WORD_ERRORS["duration_ms"],
    "against": Column("string", '"list" or "utterance": what makes an inserted word biased', repeats=True),
    "normalizer": WORD_ERRORS["normalizer"],
    "cost": WORD_ERRORS["cost"],
}

TABLES: Mapping[str, Table] = {
    "recordings": RECORDINGS,
    "tokens": TOKENS,
    "words": WORDS,
    "segments": SEGMENTS,
    "texts": TEXTS,
    "turns": TURNS,
    "word_errors": WORD_ERRORS,
    "character_errors": CHARACTER_ERRORS,
    "punctuation_errors": PUNCTUATION_ERRORS,
    "word_alignments": WORD_ALIGNMENTS,
    "confusions": CONFUSIONS,
    "normalization": NORMALIZATION,
    "diarization_errors": DIARIZATION_ERRORS,
    "diarization_summary": DIARIZATION_SUMMARY,
    "speaker_stats": SPEAKER_STATS,
    "speaker_transitions": SPEAKER_TRANSITIONS,
    "speaker_word_errors": SPEAKER_WORD_ERRORS,
    "speaker_word_summary": SPEAKER_WORD_SUMMARY,
    "error_summary": ERROR_SUMMARY,
    "error_comparison": ERROR_COMPARISON,
    "power": POWER,
    "clips": CLIPS,
    "review_curve": REVIEW_CURVE,
    "calibration": CALIBRATION,
    "reliability": RELIABILITY,
    "roc": ROC,
    "precision_recall": PRECISION_RECALL,
    "translation_pairs": TRANSLATION_PAIRS,
    "translation_scores": TRANSLATION_SCORES,
    "translation_comparison": TRANSLATION_COMPARISON,
    "language_confusion": LANGUAGE_CONFUSION,
    "language_errors": LANGUAGE_ERRORS,
    "language_summary": LANGUAGE_SUMMARY,
    "language_switches": LANGUAGE_SWITCHES,
    "language_switch_summary": LANGUAGE_SWITCH_SUMMARY,
    "language_word_errors": LANGUAGE_WORD_ERRORS,
    "term_occurrences": TERM_OCCURRENCES,
    "term_errors": TERM_ERRORS,
    "term_summary": TERM_SUMMARY,
    "term_comparison": TERM_COMPARISON,
    "biasing_errors": BIASING_ERRORS,
}


def need(table: pd.DataFrame, *columns: str) -> None:
    """Raise SchemaError unless every column is there.

    >>> need(pd.DataFrame({"text": ["a"]}), "text", "start_ms")
    Traceback (most recent call last):
    ...
    soniox_ds.errors.SchemaError: the table lacks ['start_ms']; it has ['text']. Which ...
    """
    if missing := [name for name in columns if name not in table]:
        raise SchemaError(
            f"the table lacks {missing}; it has {list(table.columns)}. "
            "Which table each function takes is in docs/tables.md."
        )


def empty(table: Table) -> pd.DataFrame:
    """A table without rows that has every column of `table` in its dtype."""
    return pd.DataFrame({name: pd.Series(dtype=column.dtype) for name, column in table.items()})


def conform(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return `frame` with the columns of `table` first, in order and dtype, absent ones NA.

    Other columns follow untouched.
    """
    known = {
        name: frame[name].astype(cast(Any, column.dtype))
        if name in frame
        else pd.Series(pd.NA, index=frame.index, dtype=column.dtype)
        for name, column in table.items()
    }
    others = {name: frame[name] for name in frame.columns if name not in table}
    return pd.DataFrame({**known, **others}, index=frame.index)


def arrow_schema(table: Table) -> pa.Schema:
    """The same table in Arrow; columns that repeat are dictionary-encoded."""
    import pyarrow as pa

    plain: dict[str, Any] = {
        "string": pa.string(),
        "Int32": pa.int32(),
        "Int64": pa.int64(),
        "Float32": pa.float32(),
        "Float64": pa.float64(),
        "boolean": pa.bool_(),
        "datetime64[ms, UTC]": pa.timestamp("ms", tz="UTC"),
    }

    def kind(column: Column) -> pa.DataType:
        arrow = plain[column.dtype]
        return pa.dictionary(pa.int32(), arrow) if column.repeats else arrow

    return pa.schema([pa.field(name, kind(column)) for name, column in table.items()])


def frame_from_arrow(arrow: pa.Table, table: Table) -> pd.DataFrame:
    """The columns of `table` out of Arrow, in the order and the dtypes of `table`; absent ones are NA.

    >>> frame_from_arrow(arrow_schema(TURNS).empty_table(), TURNS).dtypes["speaker"]
    <StringDtype(na_value=<NA>)>
    """
    import pyarrow as pa

    targets = arrow_schema(table)

    def one(name: str, column: Column) -> Any:
        if name not in arrow.column_names:
            return pd.Series(pd.NA, index=range(arrow.num_rows), dtype=column.dtype).array
        kind = targets.field(name).type
        plain = kind.value_type if pa.types.is_dictionary(kind) else kind
        values = arrow[name].cast(plain)
        dtype: Any = pd.api.types.pandas_dtype(column.dtype)
        if hasattr(dtype, "__from_arrow__"):
            return dtype.__from_arrow__(values)
        return values.to_pandas().astype(dtype)

    return pd.DataFrame({name: one(name, column) for name, column in table.items()}, copy=False)


def frame_to_arrow(frame: pd.DataFrame, table: Table) -> pa.Table:
    """The columns of `table` in Arrow, as `arrow_schema` has them; other columns are left out."""
    import pyarrow as pa

    own = conform(frame, table)[list(table)]
    return pa.Table.from_pandas(own, schema=arrow_schema(table), preserve_index=False).replace_schema_metadata(None)
