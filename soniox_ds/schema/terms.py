"""Context terms: found, missed, hallucinated."""

from __future__ import annotations

from soniox_ds.schema.accuracy import WORD_ERRORS
from soniox_ds.schema.columns import AUDIO_ID, BLOCK, INTERVAL, Column, Table

__all__ = [
    "BIASING_ERRORS",
    "TERM_COMPARISON",
    "TERM_ERRORS",
    "TERM_OCCURRENCES",
    "TERM_SUMMARY",
]

_HITS = {
    "reference_count": Column("Int64", "how often the reference has it: hits + misses"),
    "hits": Column("Int64", "how often it came out where it was said"),
    "misses": Column("Int64", "how often it did not come out where it was said"),
    "false_hits": Column("Int64", "how often it came out where the reference has none: hallucinated"),
}

TERM_OCCURRENCES: Table = {
    "audio_id": AUDIO_ID,
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

TERM_ERRORS: Table = {
    "term": Column("string", "the term as it was given"),
    "normalized": Column("string", "the words that were looked for"),
    "distractor": Column("boolean", "whether it was given as a distractor"),
    "recordings": Column("Int64", "number of recordings with a hit, a miss or a false hit of it, each counted once"),
    **_HITS,
    "precision": Column("Float64", "hits / (hits + false_hits); NA where it never came out"),
    "recall": Column("Float64", "hits / reference_count; NA where it was never said"),
    "f1": Column("Float64", "2 hits / (2 hits + misses + false_hits); NA where it is on neither side"),
    "hours": Column("Float64", "of all audio that was transcribed and scored, repeats included; NA where not known"),
    "false_hits_per_hour": Column("Float64", "false_hits / hours"),
}

TERM_SUMMARY: Table = {
    "terms": Column("Int64", "size of the list, distractors counted along"),
    "distractors": Column("Int64", "number of distractors in it"),
    "recordings": Column("Int64", "number of scored recordings, each counted once; all that follows is of these"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a recording"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
    "hours": Column("Float64", "of audio that was transcribed, repeats included; NA where a duration is not known"),
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
    **INTERVAL,
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}

TERM_COMPARISON: Table = {
    "occurrences": Column(
        "Int64", "how often the references have it, in recordings that both arms have; each place once for all repeats"
    ),
    "recordings": Column("Int64", "number of these recordings in which they do"),
    "both": Column("Int64", "hits of both arms (with repeats: places that both hit equally often)"),
    "only_a": Column("Int64", "hits of `a` that `b` missed: lost (with repeats: places that `a` hit more often)"),
    "only_b": Column("Int64", "hits of `b` that `a` missed: won (with repeats: places that `b` hit more often)"),
    "neither": Column("Int64", "misses of both"),
    "recall_a": Column("Float64", "share of the occurrences that `a` hit, mean over repeats; NA where there are none"),
    "recall_b": Column("Float64", "share that `b` hit"),
    "difference": Column("Float64", "recall_b - recall_a: above 0 where `b` is better"),
    "difference_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "difference_high": Column("Float64", "upper bound of its interval"),
    "p": Column("Float64", "two-sided p of McNemar's exact test of only_a against only_b; NA without occurrences"),
    "p_holm": Column("Float64", "the same, by Holm's correction over the rows of the table"),
    "false_hits_a": Column("Int64", "false hits of `a`, in recordings that both arms have, in all repeats"),
    "false_hits_b": Column("Int64", "false hits of `b`, in the same"),
    "unpaired": Column("Int64", "occurrences in recordings that only one arm has, each place once; not compared"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
    **INTERVAL,
    "note": Column(
        "string",
        "why there is no interval or why a number is not reliable, in whole sentences; NA when there is nothing to say",
    ),
}

BIASING_ERRORS: Table = {
    "audio_id": AUDIO_ID,
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
