"""The table of recordings: searched, filtered and sorted by the kernel, so that the page holds a few rows only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.widgets.explore.arms import MEASURES, Arm
from soniox_ds.widgets.explore.columns import Column, NumberColumn, TextColumn, column_of

__all__ = ["Query", "RecordingTable", "Selection", "table_of_arms"]

Bools = npt.NDArray[np.bool_]


class Query(NamedTuple):
    """The search, the filters and the order of the page. Each request holds all of them and can be answered alone."""

    search: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    sort: str = ""
    descending: bool = False

    @classmethod
    def of_message(cls, content: Mapping[str, Any]) -> Query:
        """Read the query of a message of the page."""
        filters = {str(name): str(wanted) for name, wanted in dict(content.get("filters") or {}).items()}
        return cls(
            str(content.get("search") or "").strip(),
            tuple(sorted((name, wanted) for name, wanted in filters.items() if wanted.strip())),
            str(content.get("sort") or ""),
            bool(content.get("descending")),
        )


class Selection(NamedTuple):
    """The recordings that a query selects."""

    mask: npt.NDArray[np.bool_]
    positions: npt.NDArray[np.intp]
    """Positions of the selected recordings, in the order of the query."""
    problems: dict[str, str]
    """Filters that could not be read and were left out, by column."""


class RecordingTable:
    """The columns of all recordings.

    Parameters
    ----------
    audio_ids
        The recordings, in their order.
    columns
        The columns, each with a value for each recording.
    search
        Function that returns a mask of the recordings in whose texts a text occurs. The text is in lower case
        (``str.casefold``).
    """

    def __init__(self, audio_ids: Sequence[str], columns: Sequence[Column], search: Callable[[str], Bools]) -> None:
        self.audio_ids = list(audio_ids)
        self.columns = {column.name: column for column in columns}
        self._search = lru_cache(maxsize=8)(search)
        self._position = {audio_id: position for position, audio_id in enumerate(self.audio_ids)}
        self.select = lru_cache(maxsize=8)(self._select)

    def __len__(self) -> int:
        return len(self.audio_ids)

    def position(self, audio_id: str) -> int:
        """Return the position of a recording. Raises InputError if there is none."""
        if audio_id not in self._position:
            raise InputError(f"the view asked for an unknown recording: {audio_id!r}")
        return self._position[audio_id]

    def rows(self, positions: npt.NDArray[np.intp]) -> list[list[str]]:
        """Return the cells of some recordings as texts; the first one is the id."""
        columns = list(self.columns.values())
        return [
            [self.audio_ids[position], *(column.cell(position) for column in columns)]
            for position in positions.tolist()
        ]

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """Return the values of a column of numbers; NaN for missing values."""
        column = self.columns[name]
        assert isinstance(column, NumberColumn)
        return column.values

    def _select(self, query: Query) -> Selection:
        mask = np.ones(len(self), np.bool_)
        problems = {}
        if needle := query.search.casefold():
            mask &= self._search(needle)
        for name, wanted in query.filters:
            if name not in self.columns:
                raise InputError(f"the view filters by an unknown column: {name!r}")
            try:
                mask &= self.columns[name].mask(wanted)
            except InputError as error:
                problems[name] = str(error)
        if query.sort:
            if query.sort not in self.columns:
                raise InputError(f"the view sorts by an unknown column: {query.sort!r}")
            order = self.columns[query.sort].order(descending=query.descending)
            return Selection(mask, order[mask[order]], problems)
        return Selection(mask, np.flatnonzero(mask), problems)


def table_of_arms(arms: Sequence[Arm]) -> RecordingTable:
    """Build the table of the recordings of one system or several; those of the first come first."""
    ids = list(dict.fromkeys(audio_id for arm in arms for audio_id in arm.recordings["audio_id"]))
    index = pd.Index(ids)
    values = [arm.values().reindex(index) for arm in arms]
    recordings = [arm.recordings.set_index("audio_id").reindex(index) for arm in arms]
    columns: list[Column] = [TextColumn("audio_id", "Recording", ids, is_choice=False)]
    durations = recordings[0]["duration_ms"].astype("Float64")
    for other in recordings[1:]:
        durations = durations.fillna(other["duration_ms"].astype("Float64"))
    columns.append(NumberColumn("duration", "Duration", durations.array, "duration"))
    rated = [(number, arm) for number, arm in enumerate(arms) if arm.rate]
    for number, arm in rated:
        label = f"{MEASURES[arm.rate][0]} {arm.name}".strip()
        columns.append(NumberColumn(f"rate{number}", label, values[number]["rate"].array, "percent"))
    for number, arm in rated[1:]:
        first, first_arm = rated[0]
        if arm.rate == first_arm.rate:
            change = values[number]["rate"] - values[first]["rate"]
            label = "Change" if len(rated) == 2 else f"Change {arm.name}"
            columns.append(NumberColumn(f"change{number}", label, change.array, "points"))
    for number, arm in rated:
        label = f"Errors {arm.name}".strip()
        columns.append(NumberColumn(f"errors{number}", label, values[number]["n_errors"].array, "count"))
    for key, label, unit in (("n_words", "Words", "count"), ("confidence", "Confidence", "confidence")):
        for number, arm in enumerate(arms):
            if key in values[number] and values[number][key].notna().any():
                name = f"{'words' if key == 'n_words' else key}{number}"
                columns.append(NumberColumn(name, f"{label} {arm.name}".strip(), values[number][key].array, unit))
    if "n_speakers" in values[0] and (values[0]["n_speakers"].fillna(0) > 0).any():
        columns.append(NumberColumn("speakers", "Speakers", values[0]["n_speakers"].array, "count"))
    for number, arm in enumerate(arms):
        if (recordings[number]["status"] == "failed").any():
            status = recordings[number]["status"].array
            columns.append(TextColumn(f"status{number}", f"Status {arm.name}".strip(), status, is_choice=True))
    metadata = arms[0].metadata().reindex(index)
    columns += [column_of(f"of:{name}", str(name), metadata[name]) for name in metadata if metadata[name].notna().any()]
    search = _opened_search(arms, ids) if any(arm.is_opened for arm in arms) else _search(_search_texts(arms, ids))
    return RecordingTable(ids, [column for column in columns if _has_values(column)], search)


def _has_values(column: Column) -> bool:
    return column.name in ("audio_id", "duration") or not np.isnan(column.ranks).all()


def _search(texts: Sequence[str]) -> Callable[[str], Bools]:
    return lambda needle: np.fromiter((needle in text for text in texts), np.bool_, len(texts))


def _opened_search(arms: Sequence[Arm], ids: Sequence[str]) -> Callable[[str], Bools]:
    """Return a search that reads the texts again for each search, some at a time, and keeps none."""
    place = {audio_id: number for number, audio_id in enumerate(ids)}

    def search(needle: str) -> Bools:
        mask = np.fromiter((needle in audio_id.casefold() for audio_id in ids), np.bool_, len(ids))
        for arm in arms:
            for audio_id, text in arm.texts():
                if needle in text.casefold():
                    mask[place[audio_id]] = True
        for audio_id, text in arms[0].reference_texts().items():
            if audio_id in place and needle in text.casefold():
                mask[place[audio_id]] = True
        return mask

    return search


def _search_texts(arms: Sequence[Arm], ids: Sequence[str]) -> list[str]:
    parts: list[list[str]] = [[audio_id] for audio_id in ids]
    place = {audio_id: number for number, audio_id in enumerate(ids)}
    for arm in arms:
        for audio_id, text in arm.texts():
            parts[place[audio_id]].append(text)
    for audio_id, text in arms[0].reference_texts().items():
        if audio_id in place:
            parts[place[audio_id]].append(text)
    return ["\n".join(texts).casefold() for texts in parts]
