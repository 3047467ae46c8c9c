"""Tables of word and character errors, alignments, intervals and comparisons."""

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

WORD_ERRORS = Table(
    "word_errors",
    "`sx.word_errors(corpus)`: one row for each recording with a reference. Your own columns follow.",
    {
        "audio_id": AUDIO_ID,
        "status": SCORED,
        **COUNTS,
        "reference_words": Column("Int64", "number of units in the reference"),
        "hypothesis_words": Column("Int64", "number of units in the transcript"),
        "fewest_errors": Column("Int64", "smallest possible number of errors, which sclite's costs can exceed"),
        "wer": Column("Float64", "all errors / reference_words, 0 or more; NA for an empty reference"),
        "mer": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA if both texts are empty"),
        "wil": Column("Float64", "1 - hits² / (reference_words × hypothesis_words), 0 to 1; NA like wer"),
        "neutral_errors": Column(
            "Int64", "errors that are not of formatting alone; NA if the language is unknown or not supported"
        ),
        "neutral_wer": Column(
            "Float64", "neutral_errors / reference_words, at most wer; NA like neutral_errors and wer"
        ),
        "duration_ms": Column("Int64", "duration of the recording; NA if unknown"),
        "normalizer": NORMALIZER,
        "cost": COST,
    },
)

CHARACTER_ERRORS = Table(
    "character_errors",
    "`sx.character_errors(corpus)`: one row for each recording with a reference, with counts of characters.",
    {
        "audio_id": AUDIO_ID,
        "status": SCORED,
        **COUNTS,
        "reference_characters": Column("Int64", "number of characters in the reference"),
        "hypothesis_characters": Column("Int64", "number of characters in the transcript"),
        "cer": Column("Float64", "all errors / reference_characters, 0 or more; NA for an empty reference"),
        "duration_ms": WORD_ERRORS["duration_ms"],
        "unit": Column("string", '"code point" or "grapheme"', repeats=True),
        "spaces": Column("boolean", "True if the space between two words counts as a character"),
        "normalizer": NORMALIZER,
        "cost": COST,
    },
)

PUNCTUATION_ERRORS = Table(
    "punctuation_errors",
    "`sx.metrics.punctuation_errors(corpus)`: errors of punctuation marks and capitals, if the references have them.",
    {
        "audio_id": AUDIO_ID,
        "status": SCORED,
        **COUNTS,
        "reference_marks": Column("Int64", "number of punctuation marks in the reference"),
        "hypothesis_marks": Column("Int64", "number of punctuation marks in the transcript"),
        "per": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA if neither text has a mark"),
        "case_words": Column("Int64", "words that are right except for capitals, if they can have capitals"),
        "case_errors": Column("Int64", "number of case_words whose capitals differ"),
        "case_error_rate": Column("Float64", "case_errors / case_words; NA without case_words"),
        "duration_ms": WORD_ERRORS["duration_ms"],
        "normalizer": NORMALIZER,
        "cost": COST,
    },
)

WORD_ALIGNMENTS = Table(
    "word_alignments",
    "`sx.align_words(corpus)`: one row for each aligned pair of words, in spoken order.",
    {
        "audio_id": AUDIO_ID,
        "position": Column("Int32", "position within the recording's alignment, from 0"),
        "operation": Column("string", '"hit", "substitution", "deletion" or "insertion"', repeats=True),
        "reference": Column("string", "normalised word of the reference; NA in insertions", repeats=True),
        "hypothesis": Column("string", "normalised word of the transcript; NA in deletions", repeats=True),
        "reference_index": Column("Int32", "position among the reference's normalised words; NA in insertions"),
        "hypothesis_index": Column("Int32", "position among the transcript's normalised words; NA in deletions"),
        "word_index": Column("Int32", "word_index of the (first) original word; NA in deletions"),
        "start_ms": Column("Int32", "start of that word; NA in deletions and if unknown"),
        "end_ms": Column("Int32", "end of that word, or of the last of several"),
        "confidence": Column("Float32", "confidence of that word, or the lowest of several words"),
        "speaker": SPEAKER,
        "language": LANGUAGE,
        "reference_speaker": Column(
            "string", "speaker in the reference; NA if the reference names no speaker", repeats=True
        ),
        "normalizer": NORMALIZER,
        "cost": COST,
    },
)

CONFUSIONS = Table(
    "confusions",
    "`sx.confusions(alignments)`: one row for each different error, most frequent first.",
    {
        "operation": Column(
            "string",
            '"substitution", "deletion", "insertion", "split" (one word became several) or "join"',
            repeats=True,
        ),
        "reference": Column("string", "words of the reference; NA in insertions"),
        "hypothesis": Column("string", "words of the transcript; NA in deletions"),
        "count": Column("Int64", "number of occurrences"),
        "recordings": Column("Int64", "number of recordings with such an error"),
        "confidence_mean": Column("Float64", "mean confidence of the transcribed words; NA in deletions"),
        "audio_id": Column("string", "recording of the first example", repeats=True),
        "start_ms": Column("Int64", "start of that example; in deletions the end of the word before"),
        "end_ms": Column("Int64", "end of that example; in deletions the start of the word after"),
        "example": Column("string", "the example with its neighbouring words, as [said → transcribed]"),
    },
)

NORMALIZATION = Table(
    "normalization",
    "`sx.show.normalization(texts)`: the changes of a normaliser, word by word.",
    {
        "text_index": Column("Int32", "position of the text in the argument, from 0"),
        "audio_id": Column("string", "id of the recording; NA if the texts have no ids", repeats=True),
        "position": Column("Int32", "position of the first of these words in the text, from 0"),
        "before": Column("string", "words before normalisation"),
        "after": Column("string", 'words after normalisation; "" if nothing is left'),
        "changed": Column("boolean", "True if the words before and after differ"),
        "normalizer": NORMALIZER,
    },
)

ERROR_SUMMARY = Table(
    "error_summary",
    "`sx.summarize(errors, by=...)` of word errors: pooled rates of groups with intervals. The columns of "
    "`by` come first.",
    {
        "recordings": Column(
            "Int64", "number of scored recordings, to which all following columns except failed and missing refer"
        ),
        "failed": Column("Int64", "number of recordings whose transcription failed"),
        "missing": Column("Int64", "number of references without a recording"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        "hours": Column("Float64", "hours of audio; NA if a duration is unknown"),
        "reference_words": Column("Int64", "number of words in the references"),
        "hits": Column("Int64", "words that were recognised correctly"),
        "substitutions": Column("Int64", "words of the references that were recognised as another word"),
        "deletions": Column("Int64", "words of the references that were not recognised"),
        "insertions": Column("Int64", "words of the transcripts that nobody said"),
        "wer": Column("Float64", "all errors / reference_words, 0 or more; NA without reference words"),
        "wer_low": Column(
            "Float64", "lower bound of the interval, 0 or more; NA if there is no interval, and `note` says why"
        ),
        "wer_high": Column("Float64", "upper bound of the interval"),
        "neutral_words": Column("Int64", "number of reference words in recordings that have neutral_errors"),
        "neutral_errors": Column("Int64", "errors of these recordings that are not of formatting alone"),
        "neutral_wer": Column("Float64", "neutral_errors / neutral_words, 0 or more; NA without such words"),
        "neutral_wer_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "neutral_wer_high": Column("Float64", "upper bound of its interval"),
        **INTERVAL,
        "normalizer": Column("string", "normaliser of the word errors", repeats=True),
        "note": Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise"),
    },
)

ERROR_COMPARISON = Table(
    "error_comparison",
    "`sx.compare_errors(...)`: one row for each comparison of two arms.",
    {
        "a": Column("string", "name of the first arm", repeats=True),
        "b": Column("string", "name of the second arm", repeats=True),
        "recordings": Column("Int64", "number of recordings scored in both arms, to which all following columns refer"),
        "only_a": Column("Int64", "number of recordings scored in `a` only"),
        "only_b": Column("Int64", "number of recordings scored in `b` only"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        "reference_words": Column("Int64", "number of words in the references"),
        "wer_a": Column("Float64", "pooled word error rate of `a`"),
        "wer_b": Column("Float64", "pooled word error rate of `b`"),
        "difference": Column("Float64", "wer_b - wer_a: below 0 if `b` is better"),
        "difference_low": Column(
            "Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"
        ),
        "difference_high": Column("Float64", "upper bound of its interval"),
        "neutral_words": Column("Int64", "number of reference words in recordings with neutral_errors in both arms"),
        "neutral_wer_a": Column(
            "Float64", "word error rate of `a` in these recordings without errors of formatting; NA without words"
        ),
        "neutral_wer_b": Column("Float64", "the same rate of `b`"),
        "neutral_difference": Column("Float64", "neutral_wer_b - neutral_wer_a: the difference without formatting"),
        "neutral_difference_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "neutral_difference_high": Column("Float64", "upper bound of its interval"),
        "b_better": Column("Float64", "share of replicates in which `b` has the lower rate"),
        "p": Column(
            "Float64", "two-sided p that belongs to the interval: below 1 - ci exactly if the interval excludes 0"
        ),
        "p_holm": Column("Float64", "p with Holm's correction over the comparisons of the table"),
        **INTERVAL,
        "segments": Column("Int64", "number of error segments of the matched pairs test; NA without alignments"),
        "mapsswe_mean": Column(
            "Float64", "mean over segments of errors of `a` - errors of `b`: above 0 if `b` is better"
        ),
        "mapsswe_sd": Column("Float64", "standard deviation over segments of the same difference"),
        "mapsswe_z": Column("Float64", "Z of the matched pairs test, as in NIST sc_stats"),
        "mapsswe_p": Column("Float64", "two-sided p of Z"),
        "mapsswe_p_holm": Column("Float64", "the same p with Holm's correction"),
        "both_right": Column("Int64", "number of recordings without an error in either arm"),
        "only_a_right": Column("Int64", "number of recordings without an error in `a` only"),
        "only_b_right": Column("Int64", "number of recordings without an error in `b` only"),
        "both_wrong": Column("Int64", "number of recordings with errors in both arms"),
        "mcnemar_p": Column("Float64", "two-sided p of McNemar's exact test of only_a_right against only_b_right"),
        "mcnemar_p_holm": Column("Float64", "the same p with Holm's correction"),
        "note": Column(
            "string",
            "explanation if there is no interval or if a number is not reliable; NA otherwise",
        ),
    },
)


def _of_characters(table: Table) -> dict[str, Column]:
    """Return the table with characters in place of words."""
    named = {
        name.replace("wer", "cer").replace("_words", "_characters"): column._replace(
            meaning=column.meaning.replace("wer_", "cer_").replace("word", "character")
        )
        for name, column in table.items()
        if name != "segments" and not name.startswith(("mapsswe", "neutral"))
    }
    settings = {name: CHARACTER_ERRORS[name] for name in ("unit", "spaces")}
    return {name: column for name, column in named.items() if name != "note"} | settings | {"note": named["note"]}


CHARACTER_ERROR_SUMMARY = Table(
    "character_error_summary",
    "`sx.summarize(errors)` of character errors: like error_summary, over characters.",
    _of_characters(ERROR_SUMMARY),
)

CHARACTER_ERROR_COMPARISON = Table(
    "character_error_comparison",
    "`sx.compare_errors(...)` of character errors: like error_comparison, over characters and without the "
    "matched pairs test.",
    _of_characters(ERROR_COMPARISON),
)

_OF_BOTH = ("recordings", "failed", "missing", "blocks", "block", "hours")

PUNCTUATION_ERROR_SUMMARY = Table(
    "punctuation_error_summary",
    "`sx.summarize(errors)` of punctuation errors: like error_summary, over punctuation marks and over "
    "words that can have capitals. Each rate has its interval.",
    {
        **{name: ERROR_SUMMARY[name] for name in _OF_BOTH},
        "reference_marks": Column(
            "Int64", "number of marks in the references; like all counts of marks, NA if no reference has marks"
        ),
        "hits": Column("Int64", "marks that were recognised correctly"),
        "substitutions": Column("Int64", "marks of the references that were recognised as another mark"),
        "deletions": Column("Int64", "marks of the references that were not recognised"),
        "insertions": Column("Int64", "marks that the references do not have"),
        "per": Column("Float64", "all errors / (hits + all errors), 0 to 1; NA without marks"),
        "per_low": Column("Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"),
        "per_high": Column("Float64", "upper bound of its interval"),
        "case_words": Column(
            "Int64",
            "words that are right except for capitals, if they can have capitals; NA if no reference has capitals",
        ),
        "case_errors": Column("Int64", "number of case_words whose capitals differ"),
        "case_error_rate": Column("Float64", "case_errors / case_words, 0 to 1; NA without case_words"),
        "case_error_rate_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "case_error_rate_high": Column("Float64", "upper bound of its interval"),
        **{name: ERROR_SUMMARY[name] for name in ("ci", "method", "replicates", "seed", "normalizer", "note")},
    },
)

ARM_EFFECTS = Table(
    "arm_effects",
    "`trial.effects`: the differences of each arm of an experiment from the baseline, in text, speakers, "
    "languages and translations (times and confidences are not compared). The columns from `changed` on "
    "are also in `trial.summary`.",
    {
        "arm": Column("string", "name of the arm"),
        "transcripts": Column("Int64", "number of transcripts that both the baseline and this arm have"),
        "changed": Column(
            "Float64",
            "share of transcripts whose spoken text differs, 0 to 1; NA for the baseline, or without transcripts",
        ),
        "changed_speakers": Column("Float64", "share of transcripts whose speakers differ"),
        "changed_languages": Column("Float64", "share of transcripts whose languages differ"),
        "changed_translations": Column("Float64", "share of transcripts whose translations differ"),
        "effect": Column(
            "string",
            'properties that differ in any transcript, such as "text, speakers", or "none"; NA like `changed`',
            repeats=True,
        ),
    },
)

POWER = Table(
    "power",
    "`sx.metrics.power(...)`: the number of blocks that is needed to see a difference.",
    {
        "difference": Column("Float64", "true difference in word error rate, above 0"),
        "power": Column("Float64", "probability that the interval of the difference excludes 0"),
        "blocks": Column("Int64", "number of blocks (speakers, sessions or recordings)"),
        "recordings": Column(
            "Int64", "number of recordings, if they are as large as those of the pilot; NA if unknown"
        ),
        "reference_words": Column("Int64", "number of reference words; NA if unknown"),
        "hours": Column("Float64", "hours of audio; NA if unknown"),
        "block_sd": Column("Float64", "standard deviation of the paired difference over blocks of average size"),
        "block": Column("string", "columns whose values are the blocks; NA if unknown", repeats=True),
        "basis": Column("string", "source of block_sd, in words"),
    },
)
