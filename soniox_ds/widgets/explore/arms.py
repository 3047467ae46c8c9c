"""The transcripts of one system: the values of each recording, and the words of the recording that is shown.

Conventions: of an opened corpus, only the table of recordings is read, without the transcripts. Words are read for the
recording that is shown.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.corpus.opened import OpenedCorpus
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.live.result import LiveResult
from soniox_ds.metrics.words.align import align_words
from soniox_ds.metrics.words.rates import word_errors
from soniox_ds.schema import CHARACTER_ERRORS, RECORDINGS, WORD_ERRORS, need, renamed, with_ids
from soniox_ds.schema.inputs import Transcribed, Transcripts, refuse_transcripts
from soniox_ds.schema.shaping import as_ids, with_named_levels
from soniox_ds.text.normalizer import Normalizer
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import as_words

__all__ = ["MEASURES", "Arm", "references_by_id"]

MEASURES = {"wer": ("WER", "reference_words", "words"), "cer": ("CER", "reference_characters", "characters")}
"""The label, the column of the reference's size and its unit, by the column of the rate."""

_COUNTS = ("substitutions", "deletions", "insertions")
_READ_AT_A_TIME = 20_000
_READ = ("audio_id", "source", "size_bytes", "sha256", "duration_ms", "status", "error_type", "error_message")
"""Columns that are read of an opened corpus, beside the metadata. The transcripts are not among them."""


class Arm:
    """The transcripts of one system.

    Parameters
    ----------
    name
        Name of the system, or "" if it is the only one.
    transcripts
        A corpus, an opened corpus, a live result, or a table of words or tokens.
    errors
        ``schema.WORD_ERRORS`` or ``schema.CHARACTER_ERRORS``. If it is None, the word errors of transcripts in memory
        are computed when they have references.
    references
        See `references_by_id`; None for the column `reference` of the recordings.
    scoring
        The options `normalizer` and `language` of `align_words`.
    """

    def __init__(
        self,
        name: str,
        transcripts: Transcripts,
        errors: pd.DataFrame | None,
        references: Any,
        scoring: Mapping[str, Any],
    ) -> None:
        if not isinstance(transcripts, (pd.DataFrame, OpenedCorpus, Transcribed)):
            raise InputError(
                "sx.explore needs a corpus, a live result, a table of words, or a dict of them by name; found "
                f"{type(transcripts).__name__}."
            )
        self.name = name
        self.is_opened = isinstance(transcripts, OpenedCorpus)
        self._transcripts: Any = transcripts.corpus() if isinstance(transcripts, LiveResult) else transcripts
        self._references = references_by_id(references, self.recordings["audio_id"].tolist())
        self._scoring = dict(scoring)
        if errors is not None:
            refuse_transcripts(errors, "a table of errors", "sx.explore(corpus, sx.word_errors(corpus))")
            self.errors: pd.DataFrame | None = self._checked_errors(errors)
        elif self._can_be_scored():
            self.errors = self._checked_errors(word_errors(self._transcripts, references, **self._scoring))
        else:
            self.errors = None

    @cached_property
    def recordings(self) -> pd.DataFrame:
        """The table of recordings: without transcripts if the corpus is opened, with ids only for a table of words."""
        if isinstance(self._transcripts, OpenedCorpus):
            own = [name for name in self._transcripts.metadata_columns if name != "reference"]
            return self._transcripts.read_recordings([*_READ, *own])
        if isinstance(self._transcripts, pd.DataFrame):
            ids = self._words["audio_id"].drop_duplicates().reset_index(drop=True)
            return pd.DataFrame({"audio_id": ids.astype("string")}).reindex(columns=list(_READ))
        recordings: pd.DataFrame = self._transcripts.recordings
        return recordings

    @property
    def rate(self) -> str:
        """The column of the error rate, "wer" or "cer"; "" without errors."""
        return "" if self.errors is None else next(name for name in MEASURES if name in self.errors)

    def metadata(self) -> pd.DataFrame:
        """Return the user's own columns by `audio_id`: those of the recordings, then further ones of the errors."""
        table = self.recordings.set_index("audio_id")
        own = table[[name for name in table if name not in RECORDINGS and name != "reference"]]
        if self.errors is None:
            return own
        known = {*WORD_ERRORS, *CHARACTER_ERRORS, *own, *RECORDINGS, "reference"}
        further = [name for name in self.errors if name not in known and not str(name).endswith("_of_recording")]
        return own.join(self.errors[further])

    def values(self) -> pd.DataFrame:
        """Return `n_words`, `confidence` (mean), `n_speakers` and the error rate and counts, by `audio_id`."""
        index = pd.Index(self.recordings["audio_id"])
        if self.is_opened:
            table = pd.DataFrame(index=index)
        else:
            by_recording = self._words.groupby("audio_id", sort=False)
            table = pd.DataFrame({"n_words": by_recording.size()})
            if "confidence" in self._words:
                table["confidence"] = by_recording["confidence"].mean()
            if "speaker" in self._words:
                table["n_speakers"] = by_recording["speaker"].nunique()
            table = table.reindex(index)
            is_completed = (self.recordings["status"] != "failed").fillna(True).to_numpy(bool)
            table["n_words"] = table["n_words"].fillna(0).where(is_completed)
        if self.errors is not None:
            scores = self.errors.reindex(index)
            size = MEASURES[self.rate][1]
            wrong = scores[list(_COUNTS)].sum(axis=1, min_count=len(_COUNTS))
            table = table.assign(rate=scores[self.rate], n_errors=wrong, size=scores[size])
            if self.is_opened and "hypothesis_words" in scores:
                table["n_words"] = scores["hypothesis_words"]
        return table

    @property
    def playable(self) -> pd.DataFrame | None:
        """The table of recordings with the source of their audio; None for a table of words."""
        return None if isinstance(self._transcripts, pd.DataFrame) else self.recordings

    def part(self, audio_id: str) -> Any:
        """Return the transcript of one recording, as a corpus or a table of words; None if this system lacks it."""
        if isinstance(self._transcripts, pd.DataFrame):
            words = self._words[(self._words["audio_id"] == audio_id).to_numpy(bool)]
            return words.reset_index(drop=True) if len(words) else None
        if audio_id not in self._position:
            return None
        return self._transcripts[audio_id]

    def aligned(self, part: Any) -> pd.DataFrame | None:
        """Align the transcript of one recording with its reference; None if it has no reference or has failed."""
        given = self._references_of(part)
        if given is None:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # The errors of all recordings have warned already.
            return align_words(part, *given, **self._scoring)

    def alignments(self, progress: Callable[[int, int], object] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the alignments of all recordings with references, for an opened corpus one part after the other.

        `progress` is called with the number of parts that were read, and of all parts.
        """
        readers = self._transcripts.part_readers() if self.is_opened else [None]
        for number, reader in enumerate(readers):
            part = self._transcripts if reader is None else reader.read()
            if (given := self._references_of(part)) is not None:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # see `aligned`
                    yield align_words(part, *given, **self._scoring)
            if progress is not None:
                progress(number + 1, len(readers))

    def _references_of(self, part: Any) -> tuple[Any, ...] | None:
        """Return the further arguments of `align_words` for a part; None if none of its recordings has a reference."""
        if self._references is None:
            return () if not isinstance(part, pd.DataFrame) and self._has_reference(part.recordings) else None
        ids = part["audio_id"].unique() if isinstance(part, pd.DataFrame) else part.recordings["audio_id"]
        given = {audio_id: self._references[audio_id] for audio_id in ids if audio_id in self._references}
        if not given:
            return None
        tables = [value for value in given.values() if isinstance(value, pd.DataFrame)]
        return (pd.concat(tables, ignore_index=True) if tables else given,)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield ids and texts for the search: transcripts, and of an opened corpus also the references in its columns.

        An opened corpus is read some recordings at a time.
        """
        if not self.is_opened:
            if "text" in self.recordings:
                known = self.recordings[["audio_id", "text"]].dropna()
                yield from zip(known["audio_id"], known["text"], strict=True)
            return
        names = [name for name in ("text", "reference") if name in ("text", *self._transcripts.metadata_columns)]
        for first in range(0, len(self._position), _READ_AT_A_TIME):
            mask = np.zeros(len(self._position), np.bool_)
            mask[first : first + _READ_AT_A_TIME] = True
            table = self._transcripts.select(mask).read_recordings(["audio_id", *names])
            for name in names:
                known = table[["audio_id", name]].dropna()
                yield from zip(known["audio_id"], known[name].astype(str), strict=True)

    def reference_texts(self) -> dict[str, str]:
        """Return the references that are texts and in memory, by id, for the search."""
        if self._references is not None:
            return {name: text for name, text in self._references.items() if isinstance(text, str)}
        if self.is_opened or "reference" not in self.recordings:
            return {}
        known = self.recordings[["audio_id", "reference"]].dropna()
        return dict(zip(known["audio_id"], known["reference"].astype(str), strict=True))

    @cached_property
    def _position(self) -> dict[str, int]:
        return {audio_id: position for position, audio_id in enumerate(self.recordings["audio_id"])}

    @cached_property
    def _words(self) -> pd.DataFrame:
        return without_translations(as_words(self._transcripts))

    def _can_be_scored(self) -> bool:
        if self.is_opened:
            return False
        if self._references is not None:
            return True
        return self._has_reference(self.recordings)

    @staticmethod
    def _has_reference(recordings: pd.DataFrame) -> bool:
        return "reference" in recordings and bool(recordings["reference"].notna().any())

    def _checked_errors(self, errors: pd.DataFrame) -> pd.DataFrame:
        named = f"errors of {self.name!r}" if self.name else "errors"
        need(errors, "audio_id", *_COUNTS, name=named)
        rate = next((name for name in MEASURES if name in errors), None)
        if rate is None:
            raise SchemaError(
                f"{named}: the table has neither wer nor cer; give the result of sx.word_errors or sx.character_errors."
            )
        need(errors, MEASURES[rate][1], name=named)
        table = with_ids(errors, named)
        if table["audio_id"].duplicated().any():
            twice = table.loc[table["audio_id"].duplicated(), "audio_id"].iloc[0]
            raise SchemaError(f"{named}: the recording {twice!r} occurs twice; give one row for each recording.")
        known = table["audio_id"].isin(self.recordings["audio_id"])
        if len(table) and not known.any():
            raise InputError(
                f"{named}: none of the {len(table)} recordings is in the transcripts; the errors have "
                f"{table['audio_id'].tolist()[:3]}, the transcripts {self.recordings['audio_id'].tolist()[:3]}."
            )
        label = Normalizer.of(self._scoring["normalizer"]).label
        if "normalizer" in table and len(others := set(table["normalizer"].dropna()) - {label}):
            raise InputError(
                f"{named}: the errors were counted after the normaliser {sorted(others)[0]!r}, but words would be "
                f"aligned after {label!r}; pass the same normalizer= that you gave to sx.word_errors."
            )
        return table[known.to_numpy(np.bool_)].set_index("audio_id")


def references_by_id(references: Any, audio_ids: list[str]) -> dict[str, Any] | None:
    """Return the text, or the table of turns, of each recording.

    `references` is a table with `audio_id` and `reference` (or `text`), a Series or a dict from audio_id to text. Ids
    that name a recording without its folder or extension are matched.

    >>> references_by_id({"a.wav": "Good day"}, ["a.wav"])
    {'a.wav': 'Good day'}
    """
    if references is None:
        return None
    if isinstance(references, pd.DataFrame):
        table = with_ids(with_named_levels(references, "references"), "references")
        text = "reference" if "reference" in table else "text"
        need(table, "audio_id", text, name="references")
        if "start_ms" in table and "speaker" in table:
            by_id: dict[str, Any] = {str(name): rows for name, rows in table.groupby("audio_id", sort=False)}
        else:
            known = table.dropna(subset=["audio_id", text])
            by_id = dict(zip(known["audio_id"], known[text], strict=True))
    elif isinstance(references, (pd.Series, Mapping)):
        names = as_ids(pd.Series(list(references.keys()), dtype=object), "references").tolist()
        values = references.tolist() if isinstance(references, pd.Series) else list(references.values())
        by_id = {name: text for name, text in zip(names, values, strict=True) if not pd.isna(text)}
    else:
        raise InputError(
            "references must be a table with audio_id and reference, or texts by audio_id (a Series or a dict), found "
            f"{type(references).__name__}."
        )
    return dict(renamed(by_id, audio_ids, "references"))
