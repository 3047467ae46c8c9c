"""Tables of clips, reviews and calibration."""

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

CLIPS = Table(
    "clips",
    "`sx.flag_low_confidence(...)`: clips of audio to listen to, with the most expected errors per second first.",
    {
        "audio_id": AUDIO_ID,
        "start_ms": Column("Int32", "start of the clip, context included"),
        "end_ms": Column("Int32", "end of the clip, context included"),
        "words": Column("Int32", "number of words that lie wholly within the clip"),
        "flagged": Column("Int32", "number of those words that were flagged"),
        "first_word": Column("Int32", "word_index of the clip's first word"),
        "text": Column("string", "words of the clip, with the spaces of the API"),
        "expected_errors": Column(
            "Float64", "sum of 1 - confidence over the words of the clip, recalibrated if requested"
        ),
        "expected_errors_per_s": Column(
            "Float64", "expected errors per second of the clip, by which the clips are ranked"
        ),
        "min_confidence": Column("Float32", "lowest confidence of the clip's words, never recalibrated"),
        "rank": Column("Int32", "rank of the clip; 1 has the most expected errors per second"),
        "cumulative_s": Column("Float64", "seconds of audio of this clip and of all clips with a smaller rank"),
        "criterion": Column(
            "string", '"threshold", "target_precision", "target_recall" or "review_budget_s"', repeats=True
        ),
        "threshold": Column("Float64", "words with at most this confidence were flagged; NA for a review budget"),
    },
)

REVIEWS = Table(
    "reviews",
    "`sx.review(...).table`: verdicts and corrections of a review queue. `sx.apply_reviews` makes "
    "references from them.",
    {
        "audio_id": AUDIO_ID,
        "start_ms": Column("Int32", "start of the reviewed passage"),
        "end_ms": Column("Int32", "end of the reviewed passage"),
        "text": Column(
            "string", "words of the transcript that lie wholly within the passage, as they were during the review"
        ),
        "verdict": Column("string", '"right", "wrong" or "unclear"; NA if there is only a note', repeats=True),
        "corrected": Column("boolean", "True if `correction` replaces `text`"),
        "correction": Column(
            "string", "corrected text; if `corrected` is True, an empty text or NA means that nothing was said"
        ),
        "note": Column("string", "note of the reviewer; NA without a note"),
        "reviewer": Column("string", "name of the reviewer; NA if unknown", repeats=True),
        "reviewed_at": Column("datetime64[ms, UTC]", "time of the latest change"),
    },
)

REVIEWED_REFERENCES = Table(
    "reviewed_references",
    "`sx.apply_reviews(words, reviews)`: transcripts with the corrections of the reviewers, and the share "
    "that a person has checked.",
    {
        "audio_id": AUDIO_ID,
        "reference": Column("string", "transcript with the corrections"),
        "transcript_words": Column("Int64", "number of words of the transcript, without translations"),
        "checked_words": Column("Int64", "number of these words that a reviewer confirmed or changed"),
        "coverage": Column("Float64", "checked_words / transcript_words; NA for a transcript without words"),
        "reviews": Column("Int64", "number of reviews with a verdict"),
        "corrections": Column("Int64", "number of passages that were changed"),
        "open_reviews": Column("Int64", "reviews that left words wrong or unclear, which no other review settles"),
    },
)

REVIEW_CURVE = Table(
    "review_curve",
    "`sx.metrics.review_curve(...)`: the share of the errors that is found, by seconds of listening, for three orders.",
    {
        "order": Column("string", 'order of listening: "confidence", "random" or "oracle"', repeats=True),
        "reviewed_s": Column("Float64", "seconds of audio that were listened to"),
        "share_reviewed": Column("Float64", "reviewed_s as a share of the time that listening to every word takes"),
        "errors_found": Column("Float64", "number of wrong words that were found; for random order the expectation"),
        "recall": Column("Float64", "errors_found as a share of all wrong words; NA without wrong words"),
        "recall_of_all": Column(
            "Float64",
            "errors_found as a share of all errors, deletions included: a lower bound of the share that is found",
        ),
    },
)

CALIBRATION = Table(
    "calibration",
    "`sx.calibration(...)`: one row for each group. The columns of `by` come first.",
    {
        "n": Column("Int64", "number of words with a confidence: hits, substitutions and insertions"),
        "errors": Column("Int64", "number of wrong words among them: substitutions and insertions"),
        "accuracy": Column("Float64", "share of the words that is right"),
        "confidence_mean": Column("Float64", "mean confidence; above accuracy if the recogniser is overconfident"),
        "ece": Column("Float64", "expected calibration error, over the bins"),
        "ece_low": Column("Float64", "lower bound of its interval; NA if there is too little data (`note`)"),
        "ece_high": Column("Float64", "upper bound of its interval; NA like ece_low"),
        "ece_by_chance": Column(
            "Float64", "mean ECE that perfectly calibrated confidences would show in the same amount of data"
        ),
        "brier": Column("Float64", "mean squared difference of confidence and correctness (0 or 1); 0 is best"),
        "nce": Column(
            "Float64",
            "normalised cross entropy: 1 is best, 0 is as good as the constant accuracy; NA if all are right or wrong",
        ),
        "auc": Column(
            "Float64", "area under the ROC curve of errors: 1 is best, 0.5 is chance; NA if all are right or wrong"
        ),
        "blocks": Column("Int64", "number of blocks that were resampled"),
        "block": Column("string", "column whose values are the blocks", repeats=True),
        "bins": Column("Int64", "number of bins that was requested"),
        "binning": Column("string", '"equal_width" or "equal_mass"', repeats=True),
        "ci": Column("Float64", "level of the interval, such as 0.95"),
        "replicates": Column("Int64", "number of bootstrap replicates"),
        "seed": Column("Int64", "seed of the bootstrap; the same seed gives the same interval"),
        "note": Column("string", "explanation if `ece` has no interval; NA otherwise"),
    },
)

RELIABILITY = Table(
    "reliability",
    "`sx.metrics.reliability(...)`: the bins of the calibration. The columns of `by` come first.",
    {
        "bin": Column("Int32", "number of the bin, from 0"),
        "low": Column("Float64", "lower edge, which belongs to the bin only in the first bin"),
        "high": Column("Float64", "upper edge, which belongs to the bin"),
        "n": Column("Int64", "number of words in the bin"),
        "confidence_mean": Column("Float64", "their mean confidence; NA in an empty bin"),
        "accuracy": Column("Float64", "share of right words; NA in an empty bin"),
        "accuracy_low": Column(
            "Float64", "lower bound of its interval; NA if the words come from fewer than two blocks"
        ),
        "accuracy_high": Column("Float64", "upper bound of its interval"),
    },
)

ROC = Table(
    "roc",
    "`sx.metrics.roc(...)`: flagged errors and flagged right words, with one row for each threshold.",
    {
        "threshold": Column(
            "Float64",
            "words with at most this confidence are flagged; NA in the first row, in which no word is flagged",
        ),
        "flagged": Column("Int64", "number of flagged words"),
        "errors_found": Column("Int64", "number of wrong words among them"),
        "false_positive_rate": Column("Float64", "share of the right words that is flagged; NA without right words"),
        "true_positive_rate": Column("Float64", "share of the wrong words that is flagged; NA without wrong words"),
    },
)

PRECISION_RECALL = Table(
    "precision_recall",
    "`sx.metrics.precision_recall(...)`: one row for each threshold, in rising order.",
    {
        "threshold": Column("Float64", "words with at most this confidence are flagged"),
        "flagged": Column("Int64", "number of flagged words"),
        "errors_found": Column("Int64", "number of wrong words among them"),
        "precision": Column("Float64", "share of the flagged words that is wrong"),
        "recall": Column("Float64", "share of the wrong words that is flagged; NA without wrong words"),
    },
)
