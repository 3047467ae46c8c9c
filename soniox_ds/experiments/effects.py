"""Effect of an option: the differences between the transcripts of two arms.

Conventions: the spoken text, the speaker and the language of each of its letters, and the translations are compared.
Times and confidences are not, because they vary a little by themselves. Where the spoken texts of a recording differ,
their letters cannot be paired, and the order in which speakers (languages) follow each other is compared instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.schema import ARM_EFFECTS, conform
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.text.translations import translation_mask

__all__ = ["arm_effects"]

_PARTS = {
    "text": "changed",
    "speakers": "changed_speakers",
    "languages": "changed_languages",
    "translations": "changed_translations",
}


class _Transcript(NamedTuple):
    """The parts of one recording's transcript that are compared."""

    text: str
    letters: str  # of the text, without white space
    stretches: dict[str, list[tuple[str, int]]]  # label ("" if unknown) and number of letters of each run
    translations: list[tuple[str, str]]  # language and text of each stretch


def arm_effects(arms: Mapping[str, Sequence[Transcribed]], baseline: str) -> pd.DataFrame:
    """Compare the transcripts of each arm with those of the baseline.

    Parameters
    ----------
    arms
        The corpora of each arm, one for each repeat. Repeat n of an arm is compared with repeat n of the baseline.
    baseline
        Name of the arm that the others are compared with.

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
    base = [_transcripts(corpus) for corpus in arms[baseline]]
    rows = []
    for name, corpora in arms.items():
        row: dict[str, Any] = {"arm": name}
        if name != baseline:
            row |= _effect_of(base, [_transcripts(corpus) for corpus in corpora])
        rows.append(row)
    return conform(pd.DataFrame(rows), ARM_EFFECTS)


def _effect_of(base: Sequence[Mapping[str, _Transcript]], arm: Sequence[Mapping[str, _Transcript]]) -> dict[str, Any]:
    differing = [
        _differing_parts(transcript, other[audio_id])
        for first, other in zip(base, arm, strict=False)
        for audio_id, transcript in first.items()
        if audio_id in other
    ]
    if not differing:
        return {"transcripts": 0}
    shares = {part: sum(part in parts for parts in differing) / len(differing) for part in _PARTS}
    effect = ", ".join(part for part, share in shares.items() if share) or "none"
    return {
        "transcripts": len(differing),
        **{_PARTS[part]: share for part, share in shares.items()},
        "effect": effect,
    }


def _differing_parts(base: _Transcript, arm: _Transcript) -> set[str]:
    parts = set()
    for part, labelled in base.stretches.items():
        labelled_arm = arm.stretches[part]
        if base.letters == arm.letters:
            differs = labelled != labelled_arm
        else:
            differs = [label for label, _ in labelled] != [label for label, _ in labelled_arm]
        if differs:
            parts.add(part)
    if base.text != arm.text:
        parts.add("text")
    if base.translations != arm.translations:
        parts.add("translations")
    return parts


def _transcripts(corpus: Transcribed) -> dict[str, _Transcript]:
    """Return the compared parts of each recording that was transcribed, by `audio_id`."""
    recordings, tokens = corpus.recordings, corpus.tokens
    done = recordings[(recordings["status"] == "completed").fillna(False) & recordings["text"].notna()]
    text, speaker, language = (_column(tokens, name) for name in ("text", "speaker", "language"))
    is_translation = translation_mask(tokens)
    rows_of = tokens.groupby("audio_id", sort=False, observed=True).indices
    transcripts = {}
    for audio_id, whole in zip(done["audio_id"].tolist(), done["text"].tolist(), strict=True):
        rows = np.sort(rows_of.get(audio_id, np.empty(0, np.intp)))
        spoken, translations = rows[~is_translation[rows]], rows[is_translation[rows]]
        texts = text[spoken].tolist()
        letters = ["".join(token.split()) for token in texts]
        transcripts[audio_id] = _Transcript(
            ("".join(texts) if len(rows) else whole).strip(),
            "".join(letters),
            {
                part: [(label, len(joined)) for label, joined in _joined(labels[spoken], letters)]
                for part, labels in (("speakers", speaker), ("languages", language))
            },
            _joined(language[translations], text[translations].tolist()),
        )
    return transcripts


def _column(tokens: pd.DataFrame, name: str) -> npt.NDArray[np.object_]:
    """Return a column as strings, with "" for missing values."""
    if name not in tokens:
        return np.full(len(tokens), "", object)
    return tokens[name].astype("string").fillna("").to_numpy(object)


def _joined(labels: npt.NDArray[np.object_], texts: Sequence[str]) -> list[tuple[str, str]]:
    """Join the texts of each run of equal labels, in order, skipping empty texts."""
    pairs = [(label, text) for label, text in zip(labels.tolist(), texts, strict=True) if text]
    return [
        (label, "".join(text for _, text in same_label))
        for label, same_label in groupby(pairs, key=lambda pair: pair[0])
    ]
