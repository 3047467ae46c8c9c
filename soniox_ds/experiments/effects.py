"""Whether an option did anything: what differs between the transcripts of two arms.

Conventions: looked at are the spoken text, the speaker and the language of every letter of it, and the translations.
Times and confidences are not: they vary a little by themselves. Where the spoken texts of a recording differ, letters
cannot be set side by side, and the order in which speakers (languages) follow each other is compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.words.pairing import HasRecordings
from soniox_ds.schema import ARM_EFFECTS, conform

__all__ = ["arm_effects"]

_PARTS = {
    "text": "changed",
    "speakers": "changed_speakers",
    "languages": "changed_languages",
    "translations": "changed_translations",
}


class _Returned(NamedTuple):
    """What came back for one recording."""

    text: str
    letters: str  # of the text, without white space
    stretches: dict[str, list[tuple[str, int]]]  # of one speaker (language): label, "" for none, and letters
    translations: list[tuple[str, str]]  # language and text of each stretch


def arm_effects(arms: Mapping[str, Sequence[HasRecordings]], baseline: str) -> pd.DataFrame:
    """Compare what came back in each arm with what came back in the baseline.

    Parameters
    ----------
    arms
        The corpora of each arm, one for each repeat; the first of an arm is compared with the first of the baseline.
    baseline
        The arm that the others are compared with.

    Returns
    -------
    DataFrame
        ``schema.ARM_EFFECTS``: one row for each arm. Transcripts that failed in either arm are left out.

    Examples
    --------
    >>> class Corpus:
    ...     def __init__(self, speaker):
    ...         self.recordings = pd.DataFrame({"audio_id": ["a"], "status": ["completed"], "text": ["well yes"]})
    ...         self.tokens = pd.DataFrame({"audio_id": "a", "text": ["well", " yes"], "speaker": speaker})
    >>> arm_effects({"plain": [Corpus(pd.NA)], "speakers": [Corpus(["1", "2"])]}, "plain")[["arm", "changed", "effect"]]
            arm  changed    effect
    0     plain     <NA>      <NA>
    1  speakers      0.0  speakers
    """
    base = [_returned(corpus) for corpus in arms[baseline]]
    rows = []
    for name, corpora in arms.items():
        row: dict[str, Any] = {"arm": name}
        if name != baseline:
            row |= _compared(base, [_returned(corpus) for corpus in corpora])
        rows.append(row)
    return conform(pd.DataFrame(rows), ARM_EFFECTS)


def _compared(base: Sequence[Mapping[str, _Returned]], own: Sequence[Mapping[str, _Returned]]) -> dict[str, Any]:
    found = [
        _different(one, other[audio_id])
        for first, other in zip(base, own, strict=False)
        for audio_id, one in first.items()
        if audio_id in other
    ]
    if not found:
        return {"transcripts": 0}
    shares = {part: sum(part in different for different in found) / len(found) for part in _PARTS}
    effect = ", ".join(part for part, share in shares.items() if share) or "none"
    return {
        "transcripts": len(found),
        **{_PARTS[part]: share for part, share in shares.items()},
        "effect": effect,
    }


def _different(one: _Returned, other: _Returned) -> set[str]:
    found = set()
    for part, own in one.stretches.items():
        theirs = other.stretches[part]
        if one.letters == other.letters:
            differs = own != theirs
        else:
            differs = [label for label, _ in own] != [label for label, _ in theirs]
        if differs:
            found.add(part)
    if one.text != other.text:
        found.add("text")
    if one.translations != other.translations:
        found.add("translations")
    return found


def _returned(corpus: HasRecordings) -> dict[str, _Returned]:
    """What came back for each recording that was transcribed."""
    recordings, tokens = corpus.recordings, corpus.tokens
    done = recordings[(recordings["status"] == "completed").fillna(False) & recordings["text"].notna()]
    text, speaker, language, status = (
        _column(tokens, name) for name in ("text", "speaker", "language", "translation_status")
    )
    rows_of = tokens.groupby("audio_id", sort=False, observed=True).indices
    found = {}
    for audio_id, whole in zip(done["audio_id"].tolist(), done["text"].tolist(), strict=True):
        rows = np.sort(rows_of.get(audio_id, np.empty(0, np.intp)))
        translated = status[rows] == "translation"
        spoken, translations = rows[~translated], rows[translated]
        texts = text[spoken].tolist()
        letters = ["".join(token.split()) for token in texts]
        found[audio_id] = _Returned(
            "".join(texts) if len(rows) else whole,
            "".join(letters),
            {
                part: [(label, len(own)) for label, own in _joined(labels[spoken], letters)]
                for part, labels in (("speakers", speaker), ("languages", language))
            },
            _joined(language[translations], text[translations].tolist()),
        )
    return found


def _column(tokens: pd.DataFrame, name: str) -> npt.NDArray[np.object_]:
    """Of texts, "" where there is none."""
    if name not in tokens:
        return np.full(len(tokens), "", object)
    return tokens[name].astype("string").fillna("").to_numpy(object)


def _joined(labels: npt.NDArray[np.object_], texts: Sequence[str]) -> list[tuple[str, str]]:
    """The texts of each stretch with one label, in order; empty ones are none."""
    pairs = [(label, text) for label, text in zip(labels.tolist(), texts, strict=True) if text]
    return [(label, "".join(text for _, text in own)) for label, own in groupby(pairs, key=lambda pair: pair[0])]
