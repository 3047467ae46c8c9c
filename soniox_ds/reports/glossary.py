"""Explanations of the technical terms of the report.

Conventions: a term is looked up by the name that a column or a fact has on the page. The page explains only the terms
that it uses, and every use is a link to the explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Term", "anchor", "explanations"]


class Term(NamedTuple):
    """A technical term, its id on the page, and its explanation."""

    name: str
    anchor: str
    text: str


_MEANINGS = {
    "word error rate": "The number of wrong words (substitutions, deletions and insertions) divided by the number of "
    "words in the reference. 0 % is a perfect transcript. With many insertions it can exceed 100 %.",
    "formatting-neutral": "The word error rate without differences of spelling that sound the same, such as “7” for "
    "“seven” or “$15.20” for “fifteen dollars and twenty cents”.",
    "interval": "The two numbers in brackets after a rate. If many other sets of recordings of the same kind were "
    "measured, about 95 of 100 such intervals would contain the true rate. A wide interval means that there is too "
    "little audio for a precise rate.",
    "substitutions": "Words of the reference that were recognised as other words.",
    "deletions": "Words of the reference that are missing in the transcript.",
    "insertions": "Words of the transcript that nobody said.",
    "blocks": "Groups of recordings that belong together, usually those of one speaker, because the errors of one "
    "speaker resemble each other. An interval is narrow only if there are many blocks.",
    "mean confidence": "The confidence of a word is the recogniser's own estimate, from 0 to 1, of the probability "
    "that the word is right. This is the mean over all words.",
    "lowest confidence": "The recogniser's own estimate, from 0 to 1, of the probability that the least certain word "
    "of the place is right.",
    "expected errors": "The number of wrong words that the confidences predict: the sum of 1 − confidence over the "
    "words.",
    "calibration error (ECE)": "The mean distance between the confidence of words and the share of them that is right "
    "(expected calibration error). Near 0, the confidences can be taken as probabilities.",
    "ECE by chance alone": "The calibration error that perfectly calibrated confidences would have with this number of "
    "words. A calibration error that is not much larger is no sign of bad confidences.",
    "Brier score": "The mean squared distance between the confidence of a word and 1 (right) or 0 (wrong). Lower is "
    "better, and 0 is perfect.",
    "normalised cross entropy": "The information that the confidences give about which words are right. 1 is perfect, "
    "0 is no better than one confidence for all words, and negative values are worse than that.",
    "area under the ROC curve": "The probability that a wrong word has a lower confidence than a right word. 1 is "
    "perfect, and 0.5 is chance.",
    "diarization error rate": "The time in which speech was missed, found where nobody spoke, or given to the wrong "
    "speaker, divided by the time of speech in the reference.",
    "missed": "Speech of the reference that no speaker has in the transcript.",
    "false alarm": "Time in which the transcript has a speaker, but nobody spoke.",
    "wrong speaker": "Speech that was given to another speaker than in the reference.",
    "interruptions": "Turns that begin while another speaker is still talking.",
    "arm": "One of the variants that are compared: a set of options, a model or a provider.",
    "difference": "The word error rate of the arm minus that of the baseline, in percentage points, on the same "
    "recordings. Below 0, the arm makes fewer errors. If its interval contains 0, the recordings do not show which of "
    "them is better.",
    "p value": "The probability of a difference of at least this size if the two arms were equally good. It is "
    "corrected for the number of arms (Holm's method). Below 0.05, a difference is usually called significant.",
    "MAPSSWE p value": "The p value of a second test (matched pairs sentence-segment word error), which compares the "
    "errors in short stretches of text. NIST, the American institute of standards, uses it for speech recognition.",
    "text changed": "The share of recordings whose text differs from that of the baseline.",
    "effect on": "The parts of the transcripts that differ from those of the baseline: text, speakers, languages or "
    "translations. “none” means that the options had no effect.",
    "cost by list price": "The duration of the audio multiplied by the published price.",
    "seconds (median)": "The time from sending a recording to its transcript, for the recording in the middle of the "
    "order.",
    "recall": "The share of the spoken terms that were recognised.",
    "precision": "The share of the recognised terms that were really said.",
    "made up": "Terms in the transcripts that nobody said.",
    "distractors made up": "Terms that were listed although nobody says them, and that appear in the transcripts all "
    "the same.",
    "right words": "The share of the words heard in this language that are right.",
    "hash of the options": "A short code that is equal if and only if the options of the transcription are equal.",
}
_SAME = {
    "formatting-neutral word error rate": "formatting-neutral",
    "area under the ROC curve of errors": "area under the ROC curve",
}
"""Names of facts that have the explanation of another name."""
_WITH_INTERVALS = {"word error rate", "calibration error (ECE)", "recall", "diarization error rate", "difference"}


def anchor(name: str) -> str:
    """Return the id that the explanation of a term has on the page; "" if the name needs no explanation.

    >>> anchor("p value"), anchor("recordings")
    ('term-p-value', '')
    """
    name = _SAME.get(name, name)
    return "term-" + re.sub("[^a-z]+", "-", name.lower()).strip("-") if name in _MEANINGS else ""


def explanations(names: Iterable[str]) -> list[Term]:
    """Return the explanations of the terms among the names, in the order of this module.

    >>> [term.name for term in explanations(["p value", "recordings", "arm"])]
    ['arm', 'p value']
    """
    used = {_SAME.get(name, name) for name in names}
    if used & _WITH_INTERVALS:
        used.add("interval")
    return [Term(name, anchor(name), text) for name, text in _MEANINGS.items() if name in used]
