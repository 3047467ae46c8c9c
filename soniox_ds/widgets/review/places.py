"""Clips of a review queue: their words, the doubtful words among them, and the words around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.audio_excerpts import Excerpt
from soniox_ds.files.sounds import AudioFiles, Sounds
from soniox_ds.review_queue.merging import words_within
from soniox_ds.review_queue.reviews import spoken_in_order
from soniox_ds.schema import need, need_milliseconds, no_duplicates

__all__ = ["Piece", "Place", "Places"]


class Piece(NamedTuple):
    """A part of a clip's text; `confidence` is set for a single doubtful word."""

    text: str
    doubtful: bool
    confidence: float | None


class Place(NamedTuple):
    """A clip to be reviewed."""

    audio_id: str
    start_ms: int
    end_ms: int
    text: str
    """The words completely within the clip, as `apply_reviews` will take them."""
    before: str
    pieces: list[Piece]
    after: str
    hint: str
    """The reference text, if the clips came with one."""


class _Words(NamedTuple):
    """The words of one recording."""

    texts: list[str]
    start: npt.NDArray[np.float64]
    end: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float32]


class Places:
    """The clips of a queue, whose contents are looked up when they are needed.

    Parameters
    ----------
    clips
        Table with `audio_id`, `start_ms` and `end_ms`, checked here; no clip may occur twice.
    words
        ``schema.WORDS``, or None.
    recordings
        ``schema.RECORDINGS``, or None.
    audio
        Paths by `audio_id`, which replace those of the recordings.
    root
        Folder of relative paths.
    """

    def __init__(
        self,
        clips: pd.DataFrame,
        words: pd.DataFrame | None,
        recordings: pd.DataFrame | None,
        audio: AudioFiles,
        root: Path | None,
        context_words: int,
    ) -> None:
        self._clips = _checked(clips)
        self._rows: list[dict[str, Any]] = [
            {str(name): value for name, value in row.items()} for row in self._clips.to_dict("records")
        ]
        self._spoken_words = None if words is None else spoken_in_order(words)
        self._indices = {} if self._spoken_words is None else self._spoken_words.groupby("audio_id", sort=False).indices
        self._words: dict[str, _Words] = {}
        self._context_words = context_words
        self._sounds = Sounds(recordings, audio, root)
        listed = {str(name) for name in self._clips["audio_id"]}
        known_ids = {str(name) for name in self._indices} | (self._sounds.ids() if recordings is not None else set())
        if words is not None and (strange := sorted(listed - known_ids)):
            raise InputError(
                f"clips contain {len(strange)} recordings that the transcripts do not have, such as {strange[0]!r}; "
                f"the transcripts have {sorted(known_ids)[:3]}. Pass the corpus that the clips were made from."
            )

    def __len__(self) -> int:
        return len(self._rows)

    def key(self, row: int) -> tuple[str, int, int]:
        """Return the key of this clip's review."""
        clip = self._rows[row]
        return str(clip["audio_id"]), int(clip["start_ms"]), int(clip["end_ms"])

    def __getitem__(self, row: int) -> Place:
        audio_id, start_ms, end_ms = self.key(row)
        clip = self._rows[row]
        hint = _text(clip.get("reference"))
        if self._spoken_words is None:
            text = _text(clip.get("text"))
            return Place(audio_id, start_ms, end_ms, text, "", [Piece(text, False, None)] if text else [], "", hint)
        words = self._words_of(audio_id)
        first, last, _ = words_within(words.start, words.end, start_ms, end_ms)
        doubtful = _doubtful(words.confidence[first:last], clip)
        return Place(
            audio_id,
            start_ms,
            end_ms,
            "".join(words.texts[first:last]).strip(),
            "".join(words.texts[max(first - self._context_words, 0) : first]).strip(),
            _pieces(words.texts[first:last], doubtful, words.confidence[first:last]),
            "".join(words.texts[last : last + self._context_words]).strip(),
            hint,
        )

    def no_audio(self, row: int) -> str:
        """Return the reason why this clip cannot be played, as far as it is known before; otherwise ""."""
        return self._sounds.why_not(self.key(row)[0])

    def audio(self, row: int, margin_ms: int) -> Excerpt:
        """Return the clip's audio with a margin on either side; of a long clip only the beginning."""
        audio_id, start_ms, end_ms = self.key(row)
        return self._sounds.excerpt(audio_id, max(start_ms - margin_ms, 0), end_ms + margin_ms)

    def _words_of(self, audio_id: str) -> _Words:
        if audio_id not in self._words:
            assert self._spoken_words is not None
            rows = self._spoken_words.iloc[self._indices.get(audio_id, [])]
            spaced = rows["space_before"].fillna(True).astype(bool)
            confidence = rows["confidence"] if "confidence" in rows else pd.Series(pd.NA, index=rows.index)
            self._words[audio_id] = _Words(
                [
                    f" {text}" if space else str(text)
                    for text, space in zip(rows["text"].astype("string").fillna(""), spaced, strict=True)
                ],
                rows["start_ms"].to_numpy(np.float64, na_value=np.nan),
                rows["end_ms"].to_numpy(np.float64, na_value=np.nan),
                confidence.astype("Float32").to_numpy(np.float32, na_value=np.nan),
            )
        return self._words[audio_id]


def _checked(clips: pd.DataFrame) -> pd.DataFrame:
    need(clips, "audio_id", "start_ms", "end_ms", name="clips")
    checked = need_milliseconds(clips, "clips")
    if missing := int(checked[["audio_id", "start_ms", "end_ms"]].isna().any(axis=1).sum()):
        raise SchemaError(
            f"clips: {missing} of {len(checked)} rows have no recording or no time and cannot be played; leave "
            'them out: clips.dropna(subset=["audio_id", "start_ms", "end_ms"]).'
        )
    no_duplicates(checked, "clips", "audio_id", "start_ms", "end_ms")
    return checked.reset_index(drop=True)


def _text(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _doubtful(confidence: npt.NDArray[np.float32], clip: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Return a mask of the words of a clip that were flagged for review.

    With a threshold, these are the words with at most this confidence; without one, the `flagged` words with the lowest
    confidence.
    """
    threshold, flagged = clip.get("threshold"), clip.get("flagged")
    none = np.zeros(len(confidence), np.bool_)
    if threshold is not None and not pd.isna(threshold):
        return np.asarray(confidence <= np.float32(threshold), np.bool_)
    if flagged is None or pd.isna(flagged):
        return none
    none[np.argsort(confidence, kind="stable")[: int(flagged)]] = True
    return none & ~np.isnan(confidence)


def _pieces(texts: list[str], doubtful: npt.NDArray[np.bool_], confidence: npt.NDArray[np.float32]) -> list[Piece]:
    """Divide a text into single doubtful words and the text between them."""
    pieces: list[Piece] = []
    for number, text in enumerate(texts):
        if doubtful[number]:
            if text.startswith(" ") and pieces:
                pieces.append(Piece(" ", False, None))
            pieces.append(Piece(text.strip(), True, round(float(confidence[number]), 4)))
        elif pieces and not pieces[-1].doubtful:
            pieces[-1] = pieces[-1]._replace(text=pieces[-1].text + text)
        else:
            pieces.append(Piece(text if pieces else text.lstrip(), False, None))
    return pieces
