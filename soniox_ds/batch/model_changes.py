"""Warnings about transcripts that were made by another model than the requested name stands for.

Conventions: the journal recalls a transcript by the requested name of the model. If that name is an alias, it may stand
for another model now than it did when the transcript was made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.api.models import ModelList
from soniox_ds.exceptions import ModelWarning

__all__ = ["warn_of_models"]


async def warn_of_models(models: ModelList, asked: str, recordings: pd.DataFrame) -> None:
    """Warn if transcripts come from another model than `asked` stands for now, or if that is not known.

    Parameters
    ----------
    models
        The list of models of this run. A run that recalled every transcript has not requested the list.
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
                f"{asked!r} is now answered by {now!r}, but {_listed(others)} were read from the journal. "
                "refresh=True transcribes them again, which costs again; the column resolved_model shows which is "
                "which.",
                ModelWarning,
            )
    elif len(known := {name: count for name, count in made_by.items() if name is not None}) > 1:
        warn_caller(
            f"the transcripts that the journal has for {asked!r} come from several models: {_listed(known)}. The "
            "column resolved_model shows which is which.",
            ModelWarning,
        )
    if None in made_by:
        models.warn_of_trouble()


def warn_of_same_models(asked: Mapping[str, str], made_by: Mapping[str, Collection[str | None]]) -> None:
    """Warn if arms of an experiment name models that differ by name only.

    Parameters
    ----------
    asked
        The model that each arm names.
    made_by
        The models that answer for each arm, or that made its transcripts. Arms with several models are left out.
    """
    arms_of: dict[str, list[str]] = {}
    for arm, models in made_by.items():
        if len(models) == 1 and (model := next(iter(models))) is not None:
            arms_of.setdefault(model, []).append(arm)
    for model, arms in arms_of.items():
        if len({asked[arm] for arm in arms}) > 1:
            named = " and ".join(f"{arm!r} ({asked[arm]})" for arm in arms)
            warn_caller(
                f"the arms {named} are answered by the same model, {model!r}: so the differences between them are not "
                "due to the model.",
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
