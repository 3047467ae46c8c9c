"""Types of the argument `transcripts` of the functions of analysis: a corpus, a live result, or a plain table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError

__all__ = ["InParts", "PartReader", "Transcribed", "Transcripts", "refuse_transcripts"]


@runtime_checkable
class Transcribed(Protocol):
    """An object with tables of recordings and tokens: a `Corpus` or a `LiveResult`."""

    @property
    def recordings(self) -> pd.DataFrame: ...
    @property
    def tokens(self) -> pd.DataFrame: ...


@runtime_checkable
class InParts(Protocol):
    """An opened corpus: its ids, and its parts."""

    executor: Executor | None
    """The executor in which functions are applied to the parts; None for this process."""

    def __iter__(self) -> Iterator[str]: ...
    def part_readers(self) -> Sequence[PartReader]: ...
    def load(self) -> Transcribed: ...


class PartReader(Protocol):
    """A reader of one part, which can be sent to another process."""

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """The positions of its recordings among the ids of the corpus."""

    def read(self) -> Transcribed:
        """Read the recordings and tokens of the part."""


Transcripts: TypeAlias = "Transcribed | pd.DataFrame"
"""A corpus, a live result, or a table (tokens, words, and where a function says so, turns or alignments)."""


def refuse_transcripts(given: Any, needs: str, call: str) -> None:
    """Raise InputError, with the right call, if transcripts were given to a function that needs a metric of them.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> corpus = SimpleNamespace(recordings=pd.DataFrame(), tokens=pd.DataFrame())
    >>> refuse_transcripts(corpus, "a table of errors", "sx.summarize(sx.word_errors(corpus))")
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.InputError: sx.summarize needs a table of errors, but found a SimpleNamespace; call
    sx.summarize(sx.word_errors(corpus)).
    """
    if not isinstance(given, pd.DataFrame) and isinstance(given, (InParts, Transcribed)):
        function, kind = call.partition("(")[0], type(given).__name__
        article = "an" if kind[0] in "AEIOU" else "a"
        raise InputError(f"{function} needs {needs}, but found {article} {kind}; call {call}.")
