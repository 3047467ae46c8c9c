"""Languages and translations."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, BLOCK, INTERVAL, SCORED, SPEAKER, Column, Table

__all__ = [
    "LANGUAGE_CONFUSION",
    "LANGUAGE_ERRORS",
    "LANGUAGE_SUMMARY",
    "LANGUAGE_SWITCHES",
    "LANGUAGE_SWITCH_SUMMARY",
    "LANGUAGE_WORD_ERRORS",
    "TRANSLATION_COMPARISON",
    "TRANSLATION_PAIRS",
    "TRANSLATION_SCORES",
]

LANGUAGE_CONFUSION: Table = {
    "reference_language": Column("string", "language that was spoken; NA outside all references", repeats=True),
    "language": Column("string", "language that it was taken for; NA where the words have none", repeats=True),
    "time_ms": Column("Int64", "length of the words, together"),
    "words": Column("Int64", "number of words; one that crosses a border counts where its middle is"),
    "share": Column("Float64", "of the labelled time of this reference language; NA where one side has no language"),
}

LANGUAGE_ERRORS: Table = {
    "audio_id": AUDIO_ID,
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
    "block": BLOCK,
    "labelled_ms": Column("Int64", "length of the words that have a language on both sides"),
    "wrong_ms": Column("Int64", "length of those in which the two differ"),
    "unlabelled_ms": Column("Int64", "length of words without a language"),
    "unreferenced_ms": Column("Int64", "length of words with a language outside all references"),
    "error_rate": Column("Float64", "wrong_ms / labelled_ms; NA where nothing is labelled"),
    "error_rate_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "error_rate_high": Column("Float64", "upper bound of its interval"),
    **INTERVAL,
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}

LANGUAGE_SWITCHES: Table = {
    "audio_id": AUDIO_ID,
    "status": SCORED,
    "outcome": Column(
        "string",
        '"hit", "miss" (only in the reference) or "false_alarm" (only found); NA unless scored, as all that follows',
        repeats=True,
    ),
    "from_language": Column("string", "language before the switch", repeats=True),
    "to_language": Column("string", "language after the switch", repeats=True),
    "reference_ms": Column("Int64", "when it happened; NA for a false alarm"),
    "found_ms": Column("Int64", "start of the first word that was labelled with the new language; NA for a miss"),
    "error_ms": Column("Int64", "found_ms - reference_ms: above 0 where it was found late; NA unless a hit"),
}

LANGUAGE_SWITCH_SUMMARY: Table = {
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a transcript"),
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
    "block": BLOCK,
    "reference_words": Column("Int64", "number of words in the references"),
    "hits": Column("Int64", "words that were right"),
    "substitutions": Column("Int64", "words that came out as another one"),
    "deletions": Column("Int64", "words that did not come out"),
    "insertions": Column("Int64", "words that nobody said"),
    "wer": Column("Float64", "all errors / reference_words; NA without reference words"),
    "wer_low": Column("Float64", "lower bound of its interval; NA where there is none, and `note` says why"),
    "wer_high": Column("Float64", "upper bound of its interval"),
    **INTERVAL,
    "note": Column(
        "string", "why there is no interval, or why it is wide, in whole sentences; NA when there is nothing to say"
    ),
}

TRANSLATION_PAIRS: Table = {
    "audio_id": AUDIO_ID,
    "pair_index": Column("Int32", "position within the recording, from 0"),
    "speaker": SPEAKER,
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
