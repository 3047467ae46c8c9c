"""Errors of words and characters, alignments, and what their uncertainty is."""

from __future__ import annotations

from soniox_ds.schema.columns import (
    AUDIO_ID,
    BLOCK,
    COST,
    COUNTS,
    INTERVAL,
    LANGUAGE,
    NORMALIZER,
    SCORED,
    SPEAKER,
    Column,
    Table,
)

__all__ = [
    "ARM_EFFECTS",
    "CHARACTER_ERRORS",
    "CHARACTER_ERROR_COMPARISON",
    "CHARACTER_ERROR_SUMMARY",
    "CONFUSIONS",
    "ERROR_COMPARISON",
    "ERROR_SUMMARY",
    "NORMALIZATION",
    "POWER",
    "PUNCTUATION_ERRORS",
    "PUNCTUATION_ERROR_SUMMARY",
    "WORD_ALIGNMENTS",
    "WORD_ERRORS",
]

WORD_ERRORS: Table = {
    "audio_id": AUDIO_ID,
    "status": SCORED,
    **COUNTS,
    "reference_words": Column("Int64", "number of units in the reference"),
    "hypothesis_words": Column("Int64", "number of units in the transcript"),
    "fewest_errors": Column("Int64", "errors of the alignment that has the fewest; above it only by sclite's costs"),
    "wer": Column("Float64", "all errors / reference_words, 0 or more; NA where nothing was to be said"),
    "mer": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA where both texts are empty"),
    "wil": Column("Float64", "1 - hits² / (reference_words × hypothesis_words), 0 to 1; NA as wer"),
    "neutral_errors": Column(
        "Int64", "errors that are not of formatting alone; NA where the language is not known or has no spoken form"
    ),
    "neutral_wer": Column("Float64", "neutral_errors / reference_words, at most wer; NA as both"),
    "duration_ms": Column("Int64", "of the recording; NA where it is not known"),
    "normalizer": NORMALIZER,
    "cost": COST,
}

CHARACTER_ERRORS: Table = {
    "audio_id": AUDIO_ID,
    "status": SCORED,
    **COUNTS,
    "reference_characters": Column("Int64", "number of characters in the reference"),
    "hypothesis_characters": Column("Int64", "number of characters in the transcript"),
    "cer": Column("Float64", "all errors / reference_characters, 0 or more; NA where nothing was to be said"),
    "duration_ms": WORD_ERRORS["duration_ms"],
    "unit": Column("string", '"code point" or "grapheme"', repeats=True),
    "spaces": Column("boolean", "whether the space between two words counts as a character"),
    "normalizer": NORMALIZER,
    "cost": COST,
}

PUNCTUATION_ERRORS: Table = {
    "audio_id": AUDIO_ID,
    "status": SCORED,
    **COUNTS,
    "reference_marks": Column("Int64", "number of punctuation marks in the reference"),
    "hypothesis_marks": Column("Int64", "number of punctuation marks in the transcript"),
    "per": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA where neither text has a mark"),
    "case_words": Column("Int64", "words that are right but for capitals, where a capital is possible"),
    "case_errors": Column("Int64", "of these, those whose capitals differ"),
    "case_error_rate": Column("Float64", "case_errors / case_words; NA where there are none"),
    "duration_ms": WORD_ERRORS["duration_ms"],
    "normalizer": NORMALIZER,
    "cost": COST,
}

WORD_ALIGNMENTS: Table = {
    "audio_id": AUDIO_ID,
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
    "speaker": SPEAKER,
    "language": LANGUAGE,
    "reference_speaker": Column("string", "who said it by the reference; NA where it names nobody", repeats=True),
    "normalizer": NORMALIZER,
    "cost": COST,
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
    "text_index": Column("Int32", "which text, in the order they were given, from 0"),
    "audio_id": Column("string", "which recording; NA where the texts came without ids", repeats=True),
    "position": Column("Int32", "position of the first of these words in the text, from 0"),
    "before": Column("string", "words as they were written"),
    "after": Column("string", 'what became of them; "" where nothing is left'),
    "changed": Column("boolean", "whether they differ"),
    "normalizer": NORMALIZER,
}

ERROR_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings; all that follows is of these"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a recording"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
    "hours": Column("Float64", "of audio; NA where a duration is not known"),
    "reference_words": Column("Int64", "number of words in the references"),
    "hits": Column("Int64", "words that were right"),
    "substitutions": Column("Int64", "words that came out as another one"),
    "deletions": Column("Int64", "words that did not come out"),
    "insertions": Column("Int64", "words that nobody said"),
    "wer": Column("Float64", "all errors / reference_words, 0 or more; NA without reference words"),
    "wer_low": Column(
        "Float64", "lower bound of the interval, 0 or more; NA where there is no interval, and `note` says why"
    ),
    "wer_high": Column("Float64", "upper bound of the interval"),
    "neutral_words": Column("Int64", "number of reference words in recordings that have neutral_errors"),
    "neutral_errors": Column("Int64", "errors of these recordings that are not of formatting alone"),
    "neutral_wer": Column("Float64", "neutral_errors / neutral_words, 0 or more; NA without such words"),
    "neutral_wer_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "neutral_wer_high": Column("Float64", "upper bound of its interval"),
    **INTERVAL,
    "normalizer": Column("string", "of the word errors", repeats=True),
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}

ERROR_COMPARISON: Table = {
    "a": Column("string", "name of the one arm", repeats=True),
    "b": Column("string", "name of the other arm", repeats=True),
    "recordings": Column("Int64", "number of recordings scored in both; all that follows is of these"),
    "only_a": Column("Int64", "number of recordings scored in `a` only"),
    "only_b": Column("Int64", "number of recordings scored in `b` only"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
    "reference_words": Column("Int64", "number of words in the references"),
    "wer_a": Column("Float64", "pooled word error rate of `a`"),
    "wer_b": Column("Float64", "pooled word error rate of `b`"),
    "difference": Column("Float64", "wer_b - wer_a: below 0 where `b` is better"),
    "difference_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "difference_high": Column("Float64", "upper bound of its interval"),
    "neutral_words": Column("Int64", "number of reference words in recordings that have neutral_errors in both"),
    "neutral_wer_a": Column("Float64", "word error rate of `a` there, without errors of formatting; NA without words"),
    "neutral_wer_b": Column("Float64", "the same of `b`"),
    "neutral_difference": Column("Float64", "neutral_wer_b - neutral_wer_a: the difference without formatting"),
    "neutral_difference_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "neutral_difference_high": Column("Float64", "upper bound of its interval"),
    "b_better": Column("Float64", "share of replicates in which `b` has the lower rate"),
    "p": Column("Float64", "two-sided p of the interval: below 1 - ci just where it excludes 0"),
    "p_holm": Column("Float64", "the same, by Holm's correction over the comparisons of the table"),
    **INTERVAL,
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
    "note": Column(
        "string",
        "why there is no interval or why a number is not reliable, in whole sentences; NA when there is nothing to say",
    ),
}


def _of_characters(table: Table) -> Table:
    """The same table where characters were counted in place of words."""
    named = {
        name.replace("wer", "cer").replace("_words", "_characters"): column._replace(
            meaning=column.meaning.replace("wer_", "cer_").replace("word", "character")
        )
        for name, column in table.items()
        if name != "segments" and not name.startswith(("mapsswe", "neutral"))
    }
    settings = {name: CHARACTER_ERRORS[name] for name in ("unit", "spaces")}
    return {name: column for name, column in named.items() if name != "note"} | settings | {"note": named["note"]}


CHARACTER_ERROR_SUMMARY: Table = _of_characters(ERROR_SUMMARY)

CHARACTER_ERROR_COMPARISON: Table = _of_characters(ERROR_COMPARISON)

_OF_BOTH = ("recordings", "failed", "missing", "blocks", "block", "hours")

PUNCTUATION_ERROR_SUMMARY: Table = {
    **{name: ERROR_SUMMARY[name] for name in _OF_BOTH},
    "reference_marks": Column("Int64", "number of marks in the references; NA where none has one, as all their counts"),
    "hits": Column("Int64", "marks that were right"),
    "substitutions": Column("Int64", "marks that came out as another one"),
    "deletions": Column("Int64", "marks that did not come out"),
    "insertions": Column("Int64", "marks that the references do not have"),
    "per": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA without marks"),
    "per_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "per_high": Column("Float64", "upper bound of its interval"),
    "case_words": Column("Int64", "words that are right but for capitals, where a capital is possible; NA as above"),
    "case_errors": Column("Int64", "of these, those whose capitals differ"),
    "case_error_rate": Column("Float64", "case_errors / case_words, 0 to 1; NA where there are none"),
    "case_error_rate_low": Column("Float64", "lower bound of its interval; NA where there is none"),
    "case_error_rate_high": Column("Float64", "upper bound of its interval"),
    **{name: ERROR_SUMMARY[name] for name in ("ci", "method", "replicates", "seed", "normalizer", "note")},
}

ARM_EFFECTS: Table = {
    "arm": Column("string", "name of the arm"),
    "transcripts": Column("Int64", "number of transcripts that both the baseline and this arm have"),
    "changed": Column(
        "Float64", "share of them whose spoken text differs, 0 to 1; NA for the baseline, or without any"
    ),
    "changed_speakers": Column("Float64", "share whose speakers differ"),
    "changed_languages": Column("Float64", "share whose languages differ"),
    "changed_translations": Column("Float64", "share whose translations differ"),
    "effect": Column(
        "string", 'what differs anywhere, such as "text, speakers"; "none"; NA as `changed`', repeats=True
    ),
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
