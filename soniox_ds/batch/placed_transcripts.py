"""Transcripts that the journal does not hold any more, because they are in the folder of a corpus.

Conventions: a placement of the journal names the folder, the save and the recording. The recording there must have the
reference of the attempt, so that no recording gets the transcript of other audio. If the save was replaced, for example
because the parts were joined, the recording is looked for in the other parts of the folder.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from soniox_ds.batch.journal import Placement
from soniox_ds.corpus.appending import ASIDE
from soniox_ds.corpus.checksums import problem_of, read_sealed, reading
from soniox_ds.corpus.parts import find_parts
from soniox_ds.exceptions import InputError
from soniox_ds.schema import TOKENS, arrow_schema

__all__ = ["PlacedTranscripts", "file_of_save"]

_KEPT_PARTS = 2
"""Number of parts that are kept in memory, since neighbouring recordings are usually in the same part."""


def file_of_save(folder: str | Path, kind: str, save: str) -> Path:
    """Return the path of a file of a save that is not partitioned; `kind` is ``recordings`` or ``tokens``."""
    return Path(folder, kind, f"part-{save}-0.parquet")


class _PartContent(NamedTuple):
    rows: dict[str, tuple[str | None, str]]
    """Reference and text of each completed recording."""
    tokens: pa.Table
    spans: dict[str, tuple[int, int]]
    """First row and number of rows of the tokens of each recording."""


class PlacedTranscripts:
    """A reader of transcripts in the parts of corpora. Not safe for several threads at the same time."""

    def __init__(self) -> None:
        self._parts: OrderedDict[Path, _PartContent] = OrderedDict()
        self._files: dict[str, dict[str, Path]] = {}
        """File of recordings of each recording, by the folders that were searched."""

    def read(
        self, placements: Sequence[Placement], references: Mapping[str, str]
    ) -> tuple[dict[str, tuple[str, pa.Table]], dict[str, str]]:
        """Read the transcripts of jobs.

        Parameters
        ----------
        placements
            The places of these jobs in the order in which they are tried.
        references
            For each job the reference of the attempt that made its transcript.

        Returns
        -------
        transcripts
            The text and the tokens of each job whose transcript was found.
        problems
            Sentences about the places of the other jobs.
        """
        transcripts: dict[str, tuple[str, pa.Table]] = {}
        problems: dict[str, str] = {}
        for placed in placements:
            if placed.job_key in transcripts or placed.reference != references[placed.job_key]:
                continue
            try:
                transcripts[placed.job_key] = self._read(placed)
            except InputError as error:
                problems.setdefault(placed.job_key, str(error).rstrip("."))
        return transcripts, {key: text for key, text in problems.items() if key not in transcripts}

    def _read(self, placed: Placement) -> tuple[str, pa.Table]:
        if not Path(placed.folder).exists():
            raise InputError(f"the folder {placed.folder} is missing")
        path = file_of_save(placed.folder, "recordings", placed.save)
        if not _present(path).exists():
            path = self._found(placed.folder).get(placed.audio_id, path)
        part = self._part(path)
        reference, text = part.rows.get(placed.audio_id, (None, ""))
        if reference != placed.reference:
            raise InputError(f"{path} does not hold the transcript of {placed.audio_id!r} any more")
        return text, part.tokens.slice(*part.spans.get(placed.audio_id, (0, 0)))

    def _found(self, folder: str) -> dict[str, Path]:
        if folder not in self._files:
            self._files[folder] = {}
            try:
                parts = find_parts(Path(folder))
            except InputError:
                parts = []  # The files that are wrong are named by the error about the missing file.
            for part in parts:
                ids = read_sealed(part.recordings, columns=["audio_id"])["audio_id"].to_pylist()
                self._files[folder] |= dict.fromkeys(ids, part.recordings)
        return self._files[folder]

    def _part(self, path: Path) -> _PartContent:
        if path in self._parts:
            self._parts.move_to_end(path)
            return self._parts[path]
        tokens_path = path.parents[1] / "tokens" / path.name
        if problem := problem_of(_present(path)) or problem_of(_present(tokens_path)):
            raise InputError(problem)
        rows = read_sealed(_present(path), columns=["audio_id", "client_reference_id", "text", "status"])
        tokens = read_sealed(_present(tokens_path))
        with reading(tokens_path):
            tokens = tokens.select(list(TOKENS)).cast(arrow_schema(TOKENS)).replace_schema_metadata(None)
            tokens = tokens.unify_dictionaries().combine_chunks()
            spans: dict[str, tuple[int, int]] = {}
            if len(tokens):
                ids = tokens["audio_id"].chunk(0)
                codes = ids.indices.to_numpy()
                starts = np.concatenate([[0], np.flatnonzero(np.diff(codes)) + 1])
                counts = np.diff([*starts, len(codes)])
                for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
                    spans[ids.dictionary[codes[start]].as_py()] = (start, count)
        content = _PartContent(
            {
                row["audio_id"]: (row["client_reference_id"], row["text"] or "")
                for row in rows.to_pylist()
                if row["status"] == "completed"
            },
            tokens,
            spans,
        )
        self._parts[path] = content
        while len(self._parts) > _KEPT_PARTS:
            self._parts.popitem(last=False)
        return content


def _present(path: Path) -> Path:
    """Return the path of a file, or the path to which it was set aside when its other half was missing."""
    aside = path.with_name(ASIDE + path.name)
    return aside if aside.exists() and not path.exists() else path
