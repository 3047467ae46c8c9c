"""Confidence: what to listen to, and whether to believe it."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, Column, Table

__all__ = [
    "CALIBRATION",
    "CLIPS",
    "PRECISION_RECALL",
    "RELIABILITY",
    "REVIEWED_REFERENCES",
    "REVIEWS",
    "REVIEW_CURVE",
    "ROC",
]

CLIPS: Table = {
    "audio_id": AUDIO_ID,
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

REVIEWS: Table = {
    "audio_id": AUDIO_ID,
    "start_ms": Column("Int32", "start of what was reviewed"),
    "end_ms": Column("Int32", "end of what was reviewed"),
    "text": Column("string", "the transcript's words that lie wholly within, as they were when they were reviewed"),
    "verdict": Column("string", '"right", "wrong" or "unclear"; NA where there is only a note', repeats=True),
    "corrected": Column("boolean", "whether `correction` is what was said instead of `text`"),
    "correction": Column("string", "what was said; empty or NA, where `corrected`, for nothing"),
    "note": Column("string", "anything else; NA for nothing"),
    "reviewer": Column("string", "who; NA where nobody said", repeats=True),
    "reviewed_at": Column("datetime64[ms, UTC]", "when it was last changed"),
}

REVIEWED_REFERENCES: Table = {
    "audio_id": AUDIO_ID,
    "reference": Column("string", "the transcript with the corrections in it"),
    "transcript_words": Column("Int64", "words of the transcript, translations apart"),
    "checked_words": Column("Int64", "those of them that somebody confirmed or changed"),
    "coverage": Column("Float64", "checked_words / transcript_words; NA for a transcript without words"),
    "reviews": Column("Int64", "number of reviews with a verdict"),
    "corrections": Column("Int64", "number of places that were changed"),
    "open_reviews": Column("Int64", "reviews that left words in doubt, wrong or unclear, which no other one settles"),
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
    "ece_low": Column("Float64", "lower bound of its interval; NA where too little data tells of it (`note`)"),
    "ece_high": Column("Float64", "upper bound of its interval; NA likewise"),
    "ece_by_chance": Column("Float64", "mean ECE that perfectly calibrated confidences would show in so little data"),
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
    "note": Column("string", "why `ece` has no interval; NA where it has one"),
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
