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
    "CALIBRATION",
    "CLIPS",
    "DIARIZATION_ERRORS",
    "DIARIZATION_SUMMARY",
    "ERROR_COMPARISON",
    "ERROR_SUMMARY",
    "POWER",
    "PRECISION_RECALL",
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
    "TEXTS",
    "TOKENS",
    "TRANSLATION_COMPARISON",
    "TRANSLATION_PAIRS",
    "TRANSLATION_SCORES",
    "TURNS",
    "WORDS",
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
    "cost_usd": Column("Float64", "estimate from the duration and the list price; the invoice decides"),
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

TABLES: Mapping[str, Table] = {
    "recordings": RECORDINGS,
    "tokens": TOKENS,
    "words": WORDS,
    "segments": SEGMENTS,
    "texts": TEXTS,
    "turns": TURNS,
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
