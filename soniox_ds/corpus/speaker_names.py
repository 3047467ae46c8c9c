"""Names of speakers in place of the labels of the service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds._arguments import did_you_mean, is_number
from soniox_ds.exceptions import InputError

__all__ = ["checked_names", "with_speaker_names"]

_SHOWN = 5


def checked_names(names: Any) -> dict[str, dict[str, str]]:
    """Return the names of speakers by recording and label, both as texts. Whole numbers become their digits.

    >>> checked_names({"call.wav": {1: "Anna"}})
    {'call.wav': {'1': 'Anna'}}
    """
    example = 'give a dict such as {"call.wav": {"1": "Anna"}}'
    if not isinstance(names, Mapping):
        raise InputError(f"rename_speakers takes names by recording and label, found {type(names).__name__}; {example}")
    checked: dict[str, dict[str, str]] = {}
    for audio_id, of_recording in names.items():
        if not isinstance(of_recording, Mapping):
            raise InputError(
                f"the names of the speakers of {audio_id!r} must be a dict by label, found "
                f"{type(of_recording).__name__}; {example}"
            )
        by_label = checked.setdefault(_text(audio_id), {})
        for label, name in of_recording.items():
            if not isinstance(name, str) or not name.strip():
                raise InputError(
                    f"the name of the speaker {label!r} of {audio_id!r} must be a text that is not blank, found "
                    f"{name!r}; the label itself, {label!r}, takes an earlier name back."
                )
            by_label[_text(label)] = name
    return checked


def with_speaker_names(tokens: pd.DataFrame, names: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return the tokens with names in `speaker` and the labels of named speakers in `speaker_label`.

    Parameters
    ----------
    tokens
        Table in ``schema.TOKENS``, recording by recording.
    names
        Names by `audio_id` and original label.

    Raises
    ------
    InputError
        If a recording has no speaker with one of the labels.
    """
    speaker = tokens["speaker"].astype(object).to_numpy(copy=True)
    label = tokens["speaker_label"].astype(object).to_numpy(copy=True)
    rows_of = tokens.groupby("audio_id", sort=False, observed=True).indices
    for audio_id, by_label in names.items():
        rows = rows_of.get(audio_id, np.zeros(0, np.intp))
        original = np.where(pd.isna(label[rows]), speaker[rows], label[rows])
        codes, unique = pd.factorize(original)
        labels = unique.tolist()
        if unknown := [each for each in by_label if each not in labels]:
            raise InputError(_why_unknown(audio_id, unknown[0], dict(zip(original, speaker[rows], strict=True))))
        renamed = [each in by_label for each in labels]
        is_renamed = np.append(np.array(renamed, np.bool_), False)[codes]  # The code of a missing speaker is -1.
        new = np.array([*(by_label.get(each, each) for each in labels), None], dtype=object)[codes]
        original[new == original] = None  # The speaker has the original label again.
        speaker[rows[is_renamed]], label[rows[is_renamed]] = new[is_renamed], original[is_renamed]
    return tokens.assign(
        speaker=pd.array(speaker, dtype="string"),
        speaker_label=pd.array(label, dtype="string"),
    )


def _why_unknown(audio_id: str, label: str, name_of: Mapping[Any, Any]) -> str:
    """Return the message about a label that no speaker of a recording has. `name_of` has the names by label."""
    labels = [each for each in name_of if not pd.isna(each)]
    if not labels:
        return (
            f"{audio_id!r} has no speaker {label!r}, because its tokens have no speakers; transcribe with "
            "enable_speaker_diarization=True."
        )
    named = [each for each in labels if name_of[each] == label]
    hint = f" {label!r} is the name of {named[0]!r}." if named else did_you_mean(label, labels)
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    return f"{audio_id!r} has no speaker with the label {label!r}; its labels are {labels[:_SHOWN]}{more}.{hint}"


def _text(key: Any) -> str:
    if isinstance(key, str):
        return key
    if is_number(key, whole=True):
        return str(int(key))
    raise InputError(f"recordings and labels of speakers are named by texts or whole numbers, found {key!r}.")
