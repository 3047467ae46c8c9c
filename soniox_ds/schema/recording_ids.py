"""Matching of ids that leave out the folder or the extension.

Annotation tools name a recording by the stem of its file ("talk", "calls/talk"), transcriptions by the whole path
("calls/talk.wav"). Two ids mean the same recording if one path is the end of the other, after extensions of audio and
annotation files are removed. Formats whose names cannot hold spaces or parentheses have underscores in their place, so
that these and underscores are equal for ids that are left. An id that could mean several recordings is refused.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import InputError

__all__ = ["matched_ids", "renamed"]

_EXTENSIONS = frozenset(
    (
        *(".aac", ".aif", ".aifc", ".aiff", ".amr", ".asf", ".au", ".avi", ".caf", ".flac", ".gsm", ".m4a", ".m4b"),
        *(".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".nist", ".oga", ".ogg", ".opus", ".sph"),
        *(".wav", ".wave", ".weba", ".webm", ".wma", ".wmv", ".3gp"),
        *(".ctm", ".eaf", ".json", ".lab", ".rttm", ".srt", ".stm", ".textgrid", ".trn", ".trs", ".txt", ".vtt"),
    )
)
_SHOWN = 3

_Value = TypeVar("_Value")


def matched_ids(wanted: Iterable[str], known: Iterable[str], label: str) -> dict[str, str]:
    """Match ids to the recordings that they name in another way.

    Parameters
    ----------
    wanted
        The ids of references, turns or other annotations.
    known
        The ids of the recordings.
    label
        The kind of annotation for messages, such as "references".

    Returns
    -------
    dict
        A mapping from wanted ids to known ids. It contains only ids that differ from the id of the recording that
        they name. Equal ids, and ids that name no recording, are not in it.

    Raises
    ------
    InputError
        If an id could mean more than one recording, or two ids mean the same one.

    Warns
    -----
    UserWarning
        If an id was matched in this way.

    Examples
    --------
    >>> import warnings
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     matched_ids(["talk", "b.wav", "c"], ["calls/talk.wav", "b.wav"], "references")
    {'talk': 'calls/talk.wav'}
    """
    ids, recordings = list(dict.fromkeys(wanted)), dict.fromkeys(known)
    open_ids = [audio_id for audio_id in ids if audio_id not in recordings]
    if not open_ids:
        return {}
    others = recordings.keys() - set(ids)
    known_to_match = [audio_id for audio_id in recordings if audio_id in others]
    matched = _matched_by_path(open_ids, known_to_match, _path, label)
    left = [audio_id for audio_id in open_ids if audio_id not in matched]
    if left:
        taken = set(matched.values())
        known_left = [audio_id for audio_id in known_to_match if audio_id not in taken]
        matched |= _matched_by_path(left, known_left, _path_without_spaces, label)
    if matched:
        pairs = [f"{audio_id!r} is matched to {name!r}" for audio_id, name in list(matched.items())[:_SHOWN]]
        rest = f" and {len(matched) - _SHOWN} more" if len(matched) > _SHOWN else ""
        warn_caller(
            f"{label}: {len(matched)} of {len(ids)} ids were matched by file names, without folders and extensions: "
            f"{', '.join(pairs)}{rest}.",
            UserWarning,
        )
    return matched


def renamed(by_id: Mapping[str, _Value], known: Iterable[str], label: str) -> dict[str, _Value]:
    """Return the values with the ids of the recordings as keys; see `matched_ids`."""
    names = matched_ids(by_id, known, label)
    return {names.get(audio_id, audio_id): value for audio_id, value in by_id.items()}


def _matched_by_path(
    ids: Sequence[str], recordings: Sequence[str], path_of: Callable[[str], tuple[str, ...]], label: str
) -> dict[str, str]:
    by_stem: defaultdict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for audio_id in recordings:
        path = path_of(audio_id)
        by_stem[path[-1]].append((path, audio_id))
    matched: dict[str, str] = {}
    id_of: dict[str, str] = {}
    for audio_id in ids:
        path = path_of(audio_id)
        candidates = []
        for longer, name in by_stem[path[-1]]:
            n_shared = min(len(path), len(longer))
            if path[-n_shared:] == longer[-n_shared:]:
                candidates.append(name)
        if len(candidates) > 1:
            listed = " or ".join(map(repr, candidates[:_SHOWN]))
            rest = f" and {len(candidates) - _SHOWN} more" if len(candidates) > _SHOWN else ""
            raise InputError(
                f"{label}: {audio_id!r} could mean {listed}{rest}. Where file names alone are not unique, an audio_id "
                "must be written exactly as in the recordings."
            )
        if candidates:
            earlier = id_of.setdefault(candidates[0], audio_id)
            if earlier != audio_id:
                raise InputError(
                    f"{label}: {earlier!r} and {audio_id!r} both mean the recording {candidates[0]!r}. Write each "
                    "audio_id exactly as in the recordings, and only once."
                )
            matched[audio_id] = candidates[0]
    return matched


def _path_without_spaces(audio_id: str) -> tuple[str, ...]:
    """Return the folders and the stem of an id, with an underscore for white space, parentheses and underscores."""
    return tuple(re.sub(r"[\s()_]+", "_", part) for part in _path(audio_id))


def _path(audio_id: str) -> tuple[str, ...]:
    """Return the folders and the stem of an id."""
    text = unicodedata.normalize("NFC", audio_id).strip().replace("\\", "/")
    if "://" in text:
        text = text.partition("://")[2].partition("?")[0]
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not parts:
        return (audio_id,)
    stem, extension = os.path.splitext(parts[-1])
    while extension.lower() in _EXTENSIONS:
        parts[-1] = stem
        stem, extension = os.path.splitext(stem)
    return tuple(parts)
