"""Tables of languages and translations."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, BLOCK, COUNTS, INTERVAL, NOTE, SCORED, SPEAKER, Column, Table, rate

__all__ = [
    "LANGUAGE_CONFUSION",
    "LANGUAGE_ERRORS",
    "LANGUAGE_SUMMARY",
    "LANGUAGE_SWITCHES",
    "LANGUAGE_SWITCH_SUMMARY",
    "LANGUAGE_WORD_ERROR_SUMMARY",
    "TRANSLATION_COMPARISON",
    "TRANSLATION_PAIRS",
    "TRANSLATION_SCORES",
    "WORD_ERRORS_BY_LANGUAGE",
]

LANGUAGE_CONFUSION = Table(
    "language_confusion",
    "`sx.metrics.language_confusion(...)`: one row for each pair of a reference language and a recognised language.",
    {
        "reference_language": Column(
            "string", "spoken language by the reference; NA outside all references", repeats=True
        ),
        "language": Column("string", "recognised language; NA if the words have no language", repeats=True),
        "time_ms": Column("Int64", "total length of the words"),
        "words": Column("Int64", "number of words; a word that crosses a border counts on the side of its middle"),
        "share": Column(
            "Float64", "share of the labelled time of this reference language; NA if one side has no language"
        ),
    },
)

LANGUAGE_ERRORS = Table(
    "language_errors",
    "`sx.metrics.language_errors(...)`: errors of language identification, with one row for each recording.",
    {
        "audio_id": AUDIO_ID,
        "status": Column("string", '"scored", "failed" or "missing" (a reference without a transcript)', repeats=True),
        "labelled_ms": Column("Int64", "total length of the words with a language on both sides; NA unless scored"),
        "wrong_ms": Column("Int64", "total length of the words whose two languages differ"),
        "unlabelled_ms": Column("Int64", "total length of the words without a recognised language"),
        "unreferenced_ms": Column(
            "Int64", "total length of the words with a recognised language outside all references"
        ),
        "words": Column("Int64", "number of words with a language on both sides"),
        "wrong_words": Column("Int64", "number of words whose two languages differ"),
        "error_rate": Column("Float64", "wrong_ms / labelled_ms; NA if labelled_ms is 0"),
        "reference_language": Column("string", "language with the most time in the reference", repeats=True),
        "language": Column("string", "language with the most time in the transcript", repeats=True),
    },
)

LANGUAGE_SUMMARY = Table(
    "language_summary",
    "`sx.summarize(errors, by=...)` of language errors, pooled, with intervals. The columns of `by` come first.",
    {
        "recordings": Column(
            "Int64", "number of scored recordings, to which all following columns except failed and missing refer"
        ),
        "failed": Column("Int64", "number of recordings whose transcription failed"),
        "missing": Column("Int64", "number of references without a transcript"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        "labelled_ms": Column("Int64", "total length of the words with a language on both sides"),
        "wrong_ms": Column("Int64", "total length of the words whose two languages differ"),
        "unlabelled_ms": Column("Int64", "total length of the words without a recognised language"),
        "unreferenced_ms": Column(
            "Int64", "total length of the words with a recognised language outside all references"
        ),
        "error_rate": Column("Float64", "wrong_ms / labelled_ms; NA if labelled_ms is 0"),
        "error_rate_low": Column(
            "Float64", "lower bound of its interval; NA if there is no interval, and `note` says why"
        ),
        "error_rate_high": Column("Float64", "upper bound of its interval"),
        **INTERVAL,
        "note": Column("string", "explanation if there is no interval or if the interval is wide; NA otherwise"),
    },
)

LANGUAGE_SWITCHES = Table(
    "language_switches",
    "`sx.metrics.language_switches(...)`: one row for each change of language, with its error in time.",
    {
        "audio_id": AUDIO_ID,
        "status": SCORED,
        "outcome": Column(
            "string",
            '"hit", "miss" or "false_alarm"; NA unless scored, like all following columns',
            repeats=True,
        ),
        "from_language": Column("string", "language before the switch", repeats=True),
        "to_language": Column("string", "language after the switch", repeats=True),
        "reference_ms": Column("Int64", "time of the switch in the reference; NA for a false alarm"),
        "hypothesis_ms": Column(
            "Int64", "start of the first word that was labelled with the new language; NA for a miss"
        ),
        "error_ms": Column(
            "Int64", "hypothesis_ms - reference_ms: above 0 if the switch was found late; NA unless a hit"
        ),
    },
)

LANGUAGE_SWITCH_SUMMARY = Table(
    "language_switch_summary",
    "`sx.summarize(switches)` of language switches, pooled, with intervals of the three rates.",
    {
        "failed": Column("Int64", "number of recordings whose transcription failed"),
        "missing": Column("Int64", "number of references without a transcript"),
        "reference_switches": Column("Int64", "number of switches in the references"),
        "hypothesis_switches": Column("Int64", "number of switches in the transcripts, including false ones"),
        "hits": Column("Int64", "number of switches of the references that were found"),
        "misses": Column("Int64", "number of switches of the references that were not found"),
        "false_alarms": Column("Int64", "number of switches in the transcripts that match no switch of a reference"),
        **rate("precision", "hits / hypothesis_switches; NA if no switch was found"),
        **rate("recall", "hits / reference_switches; NA without switches in the references"),
        **rate("f1", "2 hits / (reference_switches + hypothesis_switches); NA without switches"),
        "error_ms_mean": Column("Float64", "mean error_ms of the hits: above 0 if switches are found late"),
        "error_ms_absolute": Column("Float64", "mean absolute error_ms of the hits: the switch-point error"),
        "error_ms_median": Column("Float64", "median absolute error_ms of the hits"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        **INTERVAL,
        "note": NOTE,
    },
)

WORD_ERRORS_BY_LANGUAGE = Table(
    "word_errors_by_language",
    "`sx.metrics.word_errors_by_language(alignments, references)`: word errors of each recording where "
    "the identified language was right, and where it was wrong.",
    {
        "audio_id": AUDIO_ID,
        "reference_language": Column(
            "string", "spoken language by the reference; NA outside all references", repeats=True
        ),
        "language_status": Column(
            "string", '"right" or "wrong", or "unknown" if either side has no language', repeats=True
        ),
        "reference_words": Column("Int64", "number of words in the reference"),
        **COUNTS,
        "wer": Column("Float64", "all errors / reference_words; NA without reference words"),
    },
)

LANGUAGE_WORD_ERROR_SUMMARY = Table(
    "language_word_error_summary",
    "`sx.summarize(errors, by=...)` of word errors by language, pooled, with intervals. The columns of "
    "`by` come after the first two.",
    {
        "reference_language": WORD_ERRORS_BY_LANGUAGE["reference_language"],
        "language_status": WORD_ERRORS_BY_LANGUAGE["language_status"],
        "recordings": Column("Int64", "number of recordings with such words"),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": BLOCK,
        "reference_words": Column("Int64", "number of words in the references"),
        "hits": Column("Int64", "words that were recognised correctly"),
        "substitutions": Column("Int64", "words of the references that were recognised as another word"),
        "deletions": Column("Int64", "words of the references that were not recognised"),
        "insertions": Column("Int64", "words of the transcripts that nobody said"),
        **rate("wer", "all errors / reference_words; NA without reference words"),
        **INTERVAL,
        "note": NOTE,
    },
)

TRANSLATION_PAIRS = Table(
    "translation_pairs",
    "`sx.metrics.translation_pairs(...)`: originals with their translations.",
    {
        "audio_id": AUDIO_ID,
        "pair_index": Column("Int32", "position within the recording, from 0"),
        "speaker": SPEAKER,
        "source_language": Column("string", "spoken language", repeats=True),
        "language": Column("string", "language of the translation; NA without a translation", repeats=True),
        "original": Column("string", "spoken text; NA for a translation without a matching original"),
        "translation": Column("string", "text of the translation; NA without a translation"),
        "start_ms": Column("Int32", "start of the original; translations have no times"),
        "end_ms": Column("Int32", "end of the original"),
        "original_words": Column("Int32", "number of words of the original"),
        "translation_words": Column("Int32", "number of words of the translation"),
        "translation_status": Column(
            "string", 'status of the original: "original" if it was to be translated, otherwise "none"', repeats=True
        ),
    },
)

TRANSLATION_SCORES = Table(
    "translation_scores",
    "`sx.metrics.translation_scores(...)`: BLEU, chrF or TER from sacrebleu, with their signatures.",
    {
        "metric": Column("string", '"bleu", "chrf", "chrf++" or "ter"', repeats=True),
        "score": Column(
            "Float64", "score of all texts together, as printed by sacrebleu: 0 to 100; TER may be above 100"
        ),
        "score_low": Column("Float64", "lower bound of its interval; NA for fewer than two units"),
        "score_high": Column("Float64", "upper bound of its interval"),
        "score_mean": Column("Float64", "mean of the replicates, the value before ± in sacrebleu's intervals"),
        "texts": Column("Int64", "number of scored texts"),
        "missing": Column("Int64", "number of references without a translation, which are not scored"),
        "units": Column("Int64", "number of texts or blocks that were resampled"),
        "ci": Column("Float64", "level of the interval, such as 0.95"),
        "replicates": Column("Int64", "number of bootstrap replicates"),
        "seed": Column("Int64", "seed of the bootstrap; the same seed gives the same interval"),
        "signature": Column("string", "sacrebleu's signature, to be reported with the score"),
    },
)

TRANSLATION_COMPARISON = Table(
    "translation_comparison",
    "`sx.metrics.compare_translations(...)`: paired comparison of two systems on the same texts.",
    {
        "metric": Column("string", '"bleu", "chrf", "chrf++" or "ter"', repeats=True),
        "score_a": Column("Float64", "score of `a`"),
        "score_b": Column("Float64", "score of `b`"),
        "difference": Column("Float64", "score_b - score_a: above 0 if `b` is better, but below 0 for TER"),
        "difference_low": Column("Float64", "lower bound of its interval; NA for fewer than two units"),
        "difference_high": Column("Float64", "upper bound of its interval"),
        "b_better": Column("Float64", "share of replicates in which `b` has the better score"),
        "p": Column("Float64", "p of the paired test, not corrected for several metrics"),
        "test": Column("string", '"bootstrap" or "randomization"', repeats=True),
        "texts": Column("Int64", "number of texts that are scored in both arms"),
        "only_a": Column("Int64", "number of references with a translation in `a` only; not scored"),
        "only_b": Column("Int64", "number of references with a translation in `b` only; not scored"),
        "units": Column("Int64", "number of texts or blocks that were resampled"),
        "ci": Column("Float64", "level of the interval, such as 0.95"),
        "replicates": Column("Int64", "number of bootstrap replicates"),
        "seed": Column("Int64", "seed of the bootstrap; the same seed gives the same interval"),
        "signature": Column("string", "sacrebleu's signature, to be reported with the scores"),
    },
)
