"""Removal of words from a corpus: from its tokens, texts, references and sound.

Conventions: a redacted word leaves a placeholder in the transcript, and so do the words of the reference that were
aligned with it, so that the error rate hardly changes. Everything that could bring the words back is removed too:
translations of the recording, the address and hash of its audio, its id at the service, and the context of the run.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.corpus.provenance import MASK
from soniox_ds.exceptions import InputError
from soniox_ds.files.audio_excerpts import is_unchanged, why_not
from soniox_ds.files.file_names import file_of_each
from soniox_ds.files.redacted_audio import write_redacted
from soniox_ds.metrics.words.edit_paths import DELETION, HIT, INSERTION, paths
from soniox_ds.metrics.words.units import Vocabulary, lines_of, read_units
from soniox_ds.schema import RECORDINGS, TOKENS
from soniox_ds.text.normalizer import Normalizer
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.word_boundaries import without_markers
from soniox_ds.text.words import WordTokens, spoken_texts, word_tokens

__all__ = ["AUDIO_CHOICES", "RedactedTables", "redact_tables"]

PLACEHOLDER = "[redacted]"
AUDIO_CHOICES = ("beep", "drop")
MARGIN_MS = 200
"""Sound before and after a word that is replaced with it, since the times of tokens are not exact."""
LONGEST_TAIL_MS = 1000
"""The longest sound after the end of a word that is replaced, if the next word begins later."""

Bools = npt.NDArray[np.bool_]


class RedactedTables(NamedTuple):
    """The tables of a redacted corpus, and its provenance."""

    recordings: pd.DataFrame
    tokens: pd.DataFrame
    provenance: dict[str, Any]


def redact_tables(
    recordings: pd.DataFrame,
    tokens: pd.DataFrame,
    provenance: Mapping[str, Any],
    words_mask: Any,
    *,
    audio: str | None,
    audio_folder: str | os.PathLike[str] | None,
    references: Collection[str],
) -> RedactedTables:
    """Remove words from the tables of a corpus; `Corpus.redact` describes the arguments and errors."""
    if audio is not None and audio not in AUDIO_CHOICES:
        raise InputError(f"audio must be one of {list(AUDIO_CHOICES)} or None, found {audio!r}.")
    if (audio is None) != (audio_folder is None):
        raise InputError(
            "give audio='beep' or audio='drop' together with audio_folder, the folder for the redacted audio."
        )
    made = word_tokens(tokens)
    words = made.words
    mask = _mask_of(words, words_mask)
    if not mask.any():
        return RedactedTables(recordings, tokens, dict(provenance))
    if bool((mask & translation_mask(words)).any()):
        raise InputError(
            "words_mask selects words of a translation. Select the spoken words: the translations of their recordings "
            "are removed with them."
        )
    secrets, mask = _secret_units(words, mask)
    is_redacted = recordings["audio_id"].isin(secrets)
    recordings = recordings.copy()
    for column in recordings.columns.difference([*RECORDINGS, *references]):
        _refuse_secrets(recordings.loc[is_redacted], column, secrets)
    _refuse_secrets(recordings.loc[is_redacted], "audio_id", secrets)
    _refuse_secret_names(tokens, secrets)
    for column in tokens.select_dtypes(exclude="number").columns.difference([*TOKENS]):
        _refuse_secrets(tokens[tokens["audio_id"].isin(secrets)], column, secrets)
    for column in [name for name in references if name in recordings]:
        is_text = recordings[column].map(lambda value: isinstance(value, str))
        _refuse_secrets(recordings.loc[is_redacted & ~is_text], column, secrets)
        redacted = [
            _redacted_reference(value, words, mask, audio_id, secrets[audio_id])
            if audio_id in secrets and isinstance(value, str)
            else value
            for audio_id, value in zip(recordings["audio_id"], recordings[column], strict=True)
        ]
        recordings[column] = pd.array(redacted, dtype="string")
    new_audio = {} if audio is None else _write_audio(recordings[is_redacted], words, mask, audio, audio_folder)
    tokens = _redacted_tokens(tokens, made, mask, set(secrets))
    recordings.loc[is_redacted, ["sha256", "size_bytes", "transcription_id", "client_reference_id"]] = pd.NA
    recordings.loc[is_redacted, "source"] = recordings.loc[is_redacted, "audio_id"].map(new_audio).astype("string")
    texts = spoken_texts(tokens)
    recordings.loc[is_redacted, "text"] = recordings.loc[is_redacted, "audio_id"].map(texts).fillna("").astype("string")
    return RedactedTables(recordings, tokens, _redacted_provenance(provenance, set().union(*secrets.values())))


def _mask_of(words: pd.DataFrame, words_mask: Any) -> Bools:
    mask = pd.Series(words_mask).reset_index(drop=True)
    if len(mask) != len(words):
        raise InputError(
            f"words_mask must have a value for each of the {len(words)} words of corpus.words(), found {len(mask)}."
        )
    if not pd.api.types.is_bool_dtype(mask) or mask.isna().any():
        raise InputError(f"words_mask must hold only True and False, found {mask.dtype} with {mask.isna().sum()} NA.")
    return mask.to_numpy(np.bool_)


_BASIC = Normalizer.of("basic")


_POSSESSIVE = re.compile(r"['’]s?$")
_IDENTIFIER = re.compile(
    r"^(?=.*(?:[^\W\d_]{2}|\d{3})).*(?:[@_=/\\#%&+~]|[^\W\d_]{2}\.[^\W\d_]{2}|[^\W\d_]\d|\d[^\W\d_])"
)
"""An address, path or identifier: letters or a longer number, with signs that ordinary words do not contain."""
_PARTS_OF_IDENTIFIER = re.compile(r"[^\W\d_]{2,}|\d{3,}")


def _units(text: str) -> set[str]:
    """Return the normalised words of a text.

    Words that end with an apostrophe or ``'s`` are also given without it, and addresses and identifiers also by the
    words and numbers in them.

    >>> sorted(_units("Ann's car"))
    ['ann', "ann's", 'car']
    >>> sorted(_units("bob@mail.example"))
    ['bob', 'bob@mail', 'example', 'mail']
    """
    units = _BASIC(text).split()
    identifiers = [unquote(word) for word in unicodedata.normalize("NFC", text).split() if _IDENTIFIER.search(word)]
    parts = _BASIC(" ".join(_PARTS_OF_IDENTIFIER.findall(" ".join(identifiers)))).split()
    return {*units, *(_POSSESSIVE.sub("", unit) for unit in units), *parts} - {""}


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the texts in a value: the text or number itself, or the keys and items of lists, dicts and arrays in it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts_in(key)
            yield from _texts_in(item)
    elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
        for item in value:
            yield from _texts_in(item)
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, float | np.floating) and float(value).is_integer():
        yield f"{value:.0f}"
    elif not (value is None or value is pd.NA):
        yield str(value)


def _secret_units(words: pd.DataFrame, mask: Bools) -> tuple[dict[str, set[str]], Bools]:
    """Return the secret words of each redacted recording, and the mask of all words to remove.

    The secret words are the normalised words that `mask` selects, except those that also occur in the rest of the
    transcript. The second value is `mask` with the addresses and identifiers that contain a secret word. The other
    parts of such an address do not become secret. If `mask` itself selects an address, other addresses are not removed
    because they share a part with it.
    """
    secrets = {}
    mask = mask.copy()
    is_identifier = words["text"].str.contains(_IDENTIFIER).to_numpy(np.bool_)
    is_spoken = ~translation_mask(words)
    for audio_id, of_recording in words.groupby("audio_id", sort=False, observed=True).indices.items():
        rows = np.asarray(of_recording)[is_spoken[of_recording]]
        if not mask[rows].any():
            continue
        text, is_masked, is_address = words["text"].to_numpy(object)[rows], mask[rows], is_identifier[rows]
        names = _units(" ".join(text[is_masked & ~is_address])) - _units(" ".join(text[~is_masked & ~is_address]))
        has_name = np.array([bool(_units(word) & names) for word in text[is_address]], np.bool_)
        is_removed = is_masked.copy()
        is_removed[is_address] |= has_name
        secrets[str(audio_id)] = _units(" ".join(text[is_masked])) - _units(" ".join(text[~is_removed]))
        mask[rows] = is_removed
    return secrets, mask


def _refuse_secrets(recordings: pd.DataFrame, column: str, secrets: Mapping[str, set[str]]) -> None:
    for audio_id, value in zip(recordings["audio_id"], recordings[column], strict=True):
        if any(_units(text) & secrets[audio_id] for text in _texts_in(value)):
            way_out = (
                "rename the recording before it is redacted"
                if column == "audio_id"
                else f"drop the column, or name it in references=[..., {column!r}] if it holds what was spoken, as text"
            )
            raise InputError(f"the column {column!r} of {audio_id!r} contains a word to be redacted; {way_out}.")


def _refuse_secret_names(tokens: pd.DataFrame, secrets: Mapping[str, set[str]]) -> None:
    """Raise InputError if the name of a speaker contains a word to be redacted."""
    named = tokens.loc[tokens["speaker_label"].notna(), ["audio_id", "speaker", "speaker_label"]].drop_duplicates()
    for audio_id, name, label in named.itertuples(index=False):
        if audio_id in secrets and _units(name) & secrets[audio_id]:
            raise InputError(
                f"the name {name!r} of a speaker of {audio_id!r} contains a word to be redacted; take it back first: "
                f"corpus.rename_speakers({{{audio_id!r}: {{{label!r}: {label!r}}}}})."
            )


def _redacted_reference(reference: str, words: pd.DataFrame, mask: Bools, audio_id: str, secrets: set[str]) -> str:
    """Return a reference without the words that were aligned with redacted words.

    The recogniser may have split, joined or missed words. Therefore, all reference words between the last correctly
    recognised word before a redacted stretch and the first one after it are removed.
    """
    is_spoken = (words["audio_id"] == audio_id).to_numpy(np.bool_) & ~translation_mask(words)
    hypothesis, mask = words.loc[is_spoken, "text"], mask[is_spoken]
    vocabulary = Vocabulary()
    lines = lines_of([reference])
    of_reference = read_units(lines, _BASIC, "mixed", vocabulary)
    of_hypothesis = read_units(lines_of([" ".join(hypothesis)]), _BASIC, "mixed", vocabulary)
    # A word of a transcript contains no spaces, so that the words of the line are those of the table.
    operations = paths(of_reference.sequences(), of_hypothesis.sequences()).operations.tolist()
    is_secret = np.zeros(len(lines.words) + 1, np.bool_)
    row = column = 0
    open_rows: list[int] = []
    is_open = False
    for operation in [*operations, None]:
        is_masked = operation not in (DELETION, None) and bool(
            mask[of_hypothesis.first[column] : of_hypothesis.last[column] + 1].any()
        )
        if operation is None or (operation == HIT and not is_masked):
            if is_open:
                is_secret[open_rows] = True
            open_rows, is_open = [], False
        else:
            is_open |= is_masked
            if operation != INSERTION:
                open_rows += range(of_reference.first[row], of_reference.last[row] + 1)
        row += operation not in (INSERTION, None)
        column += operation not in (DELETION, None)
    kept: list[str] = []
    for position, word in enumerate(lines.words):
        is_secret[position] |= bool(_units(word) & secrets)
        if not is_secret[position]:
            kept.append(word)
        elif not position or not is_secret[position - 1]:
            kept.append(PLACEHOLDER)
    return " ".join(kept)


def _redacted_tokens(tokens: pd.DataFrame, made: WordTokens, mask: Bools, audio_ids: set[str]) -> pd.DataFrame:
    """Return the tokens without those of the redacted words, and with a placeholder for each redacted stretch.

    The translations of the recordings `audio_ids` are removed. A stretch lies in one channel.
    """
    by_stream = tokens.reset_index(drop=True).take(made.reading)
    edges = np.zeros(len(tokens) + 1, np.int64)
    np.add.at(edges, made.first[mask], 1)
    np.add.at(edges, made.last[mask] + 1, -1)
    secret = np.cumsum(edges)[:-1] > 0
    labels = by_stream[["audio_id", "channel", "speaker"]].astype("string").fillna("")
    is_change = (labels != labels.shift()).any(axis=1).to_numpy(np.bool_)
    begins = secret & (is_change | ~np.append(False, secret[:-1]))
    placeholders = by_stream.loc[begins].copy()
    of_stretch = by_stream.loc[secret].groupby(np.cumsum(begins)[secret])
    placeholders["end_ms"] = of_stretch["end_ms"].max().to_numpy()
    placeholders["text"] = [
        f"{' ' * first[:1].isspace()}{PLACEHOLDER}{' ' * without_markers(last)[-1:].isspace()}"
        for first, last in zip(of_stretch["text"].first(), of_stretch["text"].last(), strict=True)
    ]
    placeholders["confidence"] = pd.NA
    is_gone = secret | (by_stream["audio_id"].isin(audio_ids).to_numpy(np.bool_) & translation_mask(by_stream))
    remaining: pd.DataFrame = pd.concat([by_stream.loc[~is_gone], placeholders.astype(tokens.dtypes)]).sort_index()
    return remaining.reset_index(drop=True)


def _write_audio(
    recordings: pd.DataFrame, words: pd.DataFrame, mask: Bools, audio: str, folder: str | os.PathLike[str] | None
) -> dict[str, str]:
    """Write the redacted audio of each recording, and return the paths of the files."""
    masked = words[mask]
    if untimed := masked.loc[masked["start_ms"].isna() | masked["end_ms"].isna(), "audio_id"].unique().tolist():
        raise InputError(
            f"words to be redacted have no times in {untimed[:3]}, so their sound cannot be found; use audio=None."
        )
    for _, recording in recordings.iterrows():
        reason = why_not(recording)
        if not reason and not is_unchanged(Path(recording["source"]), recording):
            reason = "the audio file is not the one that was transcribed"
        if reason:
            raise InputError(f"the sound of {recording['audio_id']!r} cannot be redacted: {reason}; use audio=None.")
    files = file_of_each(recordings["audio_id"], Path(folder or ""), ".flac")
    for audio_id, source in zip(recordings["audio_id"], recordings["source"], strict=True):
        if files[audio_id].exists() and files[audio_id].samefile(source):
            raise InputError(f"{files[audio_id]} is the recording itself; name another audio_folder.")
    is_known = (recordings["sha256"].notna() | recordings["size_bytes"].notna()).to_numpy(np.bool_)
    durations = recordings["duration_ms"].mask(is_known).tolist()
    for audio_id, source, duration in zip(recordings["audio_id"], recordings["source"], durations, strict=True):
        of_recording = (words["audio_id"] == audio_id).to_numpy(np.bool_)
        stretches = list(_stretches(words[of_recording], mask[of_recording]))
        duration_ms = None if pd.isna(duration) else int(duration)
        write_redacted(source, files[audio_id], stretches, beep=audio == "beep", duration_ms=duration_ms)
    return {audio_id: str(file) for audio_id, file in files.items()}


def _stretches(words: pd.DataFrame, mask: Bools) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of the sound of each redacted word, up to the next kept word of its channel."""
    channels = words["channel"].fillna(0).to_numpy(np.int64)
    for channel in np.unique(channels[mask]).tolist():
        of_channel = channels == channel
        kept_starts = np.sort(words.loc[of_channel & ~mask, "start_ms"].dropna().to_numpy(np.int64))
        for start_ms, end_ms in words.loc[of_channel & mask, ["start_ms", "end_ms"]].itertuples(index=False):
            position = int(np.searchsorted(kept_starts, end_ms))
            next_ms = int(kept_starts[position]) if position < len(kept_starts) else end_ms + LONGEST_TAIL_MS
            yield max(start_ms - MARGIN_MS, 0), max(end_ms + MARGIN_MS, min(next_ms, end_ms + LONGEST_TAIL_MS))


def _redacted_provenance(provenance: Mapping[str, Any], secrets: set[str]) -> dict[str, Any]:
    """Return the provenance without the contexts of the runs that contain a redacted word."""
    runs = []
    for run in provenance.get("runs", []):
        options = dict(run.get("options") or {})
        if _units(str(options.get("context", ""))) & secrets:
            options["context"] = MASK
        runs.append({**run, "options": options, "redacted": True})
    return {**provenance, "runs": runs}
