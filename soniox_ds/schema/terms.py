"""Tables of context terms."""

from __future__ import annotations

from soniox_ds.schema.accuracy import WORD_ERRORS
from soniox_ds.schema.columns import AUDIO_ID, BLOCK, INTERVAL, Column, Table

__all__ = [
    "BIASING_ERRORS",
    "TERM_COMPARISON",
    "TERM_COUNTS",
    "TERM_ERRORS",
    "TERM_OCCURRENCES",
    "TERM_SUMMARY",
]

_HITS = {
    "reference_count": Column("Int64", "number of occurrences in the reference: hits + misses"),
    "hits": Column("Int64", "number of occurrences that were recognised where they were said"),
    "misses": Column("Int64", "number of occurrences that were not recognised where they were said"),
    "false_hits": Column(
        "Int64", "number of occurrences in the transcript but not in the reference: hallucinated terms"
    ),
}

TERM_OCCURRENCES = Table(
    "term_occurrences",
    "`sx.metrics.term_occurrences(alignments, terms)`: one row for each hit, miss or false hit of a term.",
    {
        "audio_id": AUDIO_ID,
        "term": Column("string", "the term as it was given", repeats=True),
        "distractor": Column("boolean", "True if the term was given as a distractor"),
        "outcome": Column(
            "string", '"hit", "miss" or "false_hit" (in the transcript, not in the reference)', repeats=True
        ),
        "reference": Column("string", "normalised words of the reference at this place; NA without words"),
        "hypothesis": Column(
            "string",
            "normalised words of the transcript at this place, with the insertions beside a miss; NA without words",
        ),
        "reference_index": Column("Int32", "position of its first word in the reference; NA for a false hit"),
        "hypothesis_index": Column(
            "Int32", "position of its first word in the transcript; NA without words in the transcript"
        ),
        "word_index": Column("Int32", "word_index of that word; NA without words in the transcript"),
        "position": Column("Int32", "position of the first aligned pair"),
        "start_ms": Column(
            "Int32", "start of the words of the transcript; without words, the end of the word before (or 0)"
        ),
        "end_ms": Column(
            "Int32", "end of the words of the transcript; without words, the start of the next word; NA if unknown"
        ),
        "confidence": Column("Float32", "lowest confidence of the words of the transcript"),
    },
)

TERM_ERRORS = Table(
    "term_errors",
    "`sx.term_errors(alignments, terms)`: hits, misses and false hits of each term.",
    {
        "term": Column("string", "the term as it was given"),
        "normalized": Column("string", "normalised words of the term"),
        "distractor": Column("boolean", "True if the term was given as a distractor"),
        "recordings": Column("Int64", "number of recordings with a hit, a miss or a false hit, each counted once"),
        **_HITS,
        "precision": Column("Float64", "hits / (hits + false_hits); NA if the term was never recognised"),
        "recall": Column("Float64", "hits / reference_count; NA if the term was never said"),
        "f1": Column(
            "Float64", "2 hits / (2 hits + misses + false_hits); NA if the term was neither said nor recognised"
        ),
        "hours": Column("Float64", "hours of transcribed and scored audio, repeats included; NA if unknown"),
        "false_hits_per_hour": Column("Float64", "false_hits / hours"),
    },
)

TERM_COUNTS = Table(
    "term_counts",
    "`sx.metrics.term_counts(alignments, terms, errors)`: hits, misses and false hits of all terms in "
    "each recording. Your own columns of the errors follow.",
    {
        "audio_id": AUDIO_ID,
        "status": WORD_ERRORS["status"],
        "reference_words": WORD_ERRORS["reference_words"],
        **_HITS,
        "distractor_false_hits": Column("Int64", "number of false hits of distractors"),
        "hallucinated_terms": Column("string", "JSON array of the different terms among the false hits"),
        "precision": Column("Float64", "hits / (hits + false_hits); NA without terms in the transcript"),
        "recall": Column("Float64", "hits / reference_count; NA without terms in the reference"),
        "f1": Column("Float64", "2 hits / (2 hits + misses + false_hits); NA without terms"),
        "duration_ms": WORD_ERRORS["duration_ms"],
        "terms": Column("Int64", "size of the list, including distractors"),
        "distractors": Column("Int64", "number of distractors in the list"),
        "normalizer": WORD_ERRORS["normalizer"],
    },
)

TERM_SUMMARY = Table(
    "term_summary",
    "`sx.summarize(counts, by=...)` of term counts: all terms together, with intervals. The columns of "
    "`by` come first.",
    {
        "terms": Column("Int64", "size of the list, including distractors"),
        "distractors": Column("Int64", "number of distractors in the list"),
        "recordings": Column(
            "Int64",
            "number of scored recordings, each counted once; all following columns except failed and missing "
            "refer to them",
        ),
        "failed": Column("Int64", "number of recordings whose transcription failed"),
        "missing": Column("Int64", "number of references without a recording"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        "hours": Column("Float64", "hours of transcribed audio, repeats included; NA if a duration is unknown"),
        **_HITS,
        "distractor_false_hits": Column("Int64", "number of false hits of distractors"),
        "hallucinated_terms": Column("Int64", "number of different terms among the false hits"),
        "precision": Column("Float64", "hits / (hits + false_hits)"),
        "precision_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "precision_high": Column("Float64", "upper bound of its interval"),
        "recall": Column("Float64", "hits / reference_count"),
        "recall_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "recall_high": Column("Float64", "upper bound of its interval"),
        "f1": Column("Float64", "2 hits / (2 hits + misses + false_hits)"),
        "f1_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "f1_high": Column("Float64", "upper bound of its interval"),
        "false_hits_per_hour": Column("Float64", "false hits per hour of audio; NA if hours is NA"),
        "false_hits_per_hour_low": Column("Float64", "lower bound of its interval; NA if there is no interval"),
        "false_hits_per_hour_high": Column("Float64", "upper bound of its interval"),
        "false_hits_per_hour_per_100_terms": Column(
            "Float64", "false hits per hour for every hundred terms of the list"
        ),
        **INTERVAL,
        "note": Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise"),
    },
)

TERM_COMPARISON = Table(
    "term_comparison",
    "`sx.metrics.compare_terms(a, b)`: comparison of the hits of two arms.",
    {
        "occurrences": Column(
            "Int64", "number of occurrences in recordings of both arms; each place counts once for all repeats"
        ),
        "recordings": Column("Int64", "number of these recordings with an occurrence"),
        "both": Column("Int64", "number of hits of both arms (with repeats: places that both hit equally often)"),
        "only_a": Column(
            "Int64", "number of hits of `a` that `b` missed (with repeats: places that `a` hit more often)"
        ),
        "only_b": Column(
            "Int64", "number of hits of `b` that `a` missed (with repeats: places that `b` hit more often)"
        ),
        "neither": Column("Int64", "number of misses of both arms"),
        "recall_a": Column(
            "Float64", "share of the occurrences that `a` hit, mean over repeats; NA without occurrences"
        ),
        "recall_b": Column("Float64", "share of the occurrences that `b` hit, mean over repeats"),
        "difference": Column("Float64", "recall_b - recall_a: above 0 if `b` is better"),
        "difference_low": Column(
            "Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"
        ),
        "difference_high": Column("Float64", "upper bound of its interval"),
        "p": Column("Float64", "two-sided p of McNemar's exact test of only_a against only_b; NA without occurrences"),
        "p_holm": Column("Float64", "p with Holm's correction over the rows of the table"),
        "false_hits_a": Column("Int64", "number of false hits of `a` in recordings of both arms, in all repeats"),
        "false_hits_b": Column("Int64", "number of false hits of `b` in the same recordings"),
        "unpaired": Column(
            "Int64", "number of occurrences in recordings of only one arm, each place once; not compared"
        ),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        **INTERVAL,
        "note": Column(
            "string",
            "explanation if there is no interval or if a number is not reliable; NA otherwise",
        ),
    },
)

BIASING_ERRORS = Table(
    "biasing_errors",
    "`sx.metrics.biasing_errors(...)`: B-WER and U-WER, errors on words of the list and on all others.",
    {
        "audio_id": AUDIO_ID,
        "part": Column("string", '"biased" (words of the list) or "unbiased" (all others)', repeats=True),
        "status": WORD_ERRORS["status"],
        **{name: WORD_ERRORS[name] for name in ("hits", "substitutions", "deletions", "insertions")},
        "reference_words": Column("Int64", "number of units in this part of the reference"),
        "wer": Column("Float64", "all errors of the part / reference_words; NA without reference words"),
        "duration_ms": WORD_ERRORS["duration_ms"],
        "against": Column("string", 'rule for inserted words: "list" or "utterance"', repeats=True),
        "normalizer": WORD_ERRORS["normalizer"],
        "cost": WORD_ERRORS["cost"],
    },
)
