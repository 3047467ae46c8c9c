"""Warnings about transcripts that other models made than the name that was asked for suggests.

Conventions: the journal recalls a transcript by the name of the model that was asked for. Where that name is an alias,
it may mean another model by now than it did when the transcript was made.
"""

from __future__ import annotations

from collections import Counter

import pandas as pd

from soniox_ds.callers import warn_caller
from soniox_ds.errors import ModelWarning
from soniox_ds.service.models import ModelList

__all__ = ["warn_of_models"]


async def warn_of_models(models: ModelList, asked: str, recordings: pd.DataFrame) -> None:
    """Warn where transcripts come from another model than `asked` means now, or where that is not known.

    Parameters
    ----------
    models
        The list of this run; a run that recalled everything has not asked for it.
    asked
        The model that the call names.
    recordings
        ``schema.RECORDINGS`` of the run.
    """
    resolved = recordings.loc[recordings["status"] == "completed", "resolved_model"].astype(object)
    made_by = Counter(resolved.where(resolved.notna(), None))
    now = await models.resolved(asked)
    if now is not None:
        current = {now, *models.named_by_jobs.get(asked, ())}
        is_alias = current != {asked}
        others = {
            name: count for name, count in made_by.items() if name not in current and (name is not None or is_alias)
        }
        if others:
            warn_caller(
                f"{asked!r} is answered by {now!r} now, but {_listed(others)} were recalled from the journal. "
                "refresh=True transcribes them again, and pays again; the column resolved_model tells them apart.",
                ModelWarning,
            )
    elif len(known := {name: count for name, count in made_by.items() if name is not None}) > 1:
        warn_caller(
            f"the transcripts recalled for {asked!r} come from several models: {_listed(known)}. The column "
            "resolved_model tells them apart.",
            ModelWarning,
        )
    if models.trouble is not None and None in made_by:
        warn_caller(
            "the service's list of models could not be had, so the column resolved_model is NA for what was "
            f"transcribed now ({models.trouble}). The transcripts themselves are complete.",
            ModelWarning,
        )


def _listed(made_by: dict[str | None, int]) -> str:
    """Name the models with the number of transcripts of each.

    >>> _listed({"stt-async-v4": 2, None: 1})
    "2 transcripts of 'stt-async-v4' and 1 transcript of an unknown model"
    """
    parts = [
        f"{count} transcript{'s' * (count != 1)} of {'an unknown model' if name is None else repr(name)}"
        for name, count in made_by.items()
    ]
    return " and ".join(parts)
