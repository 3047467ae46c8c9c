"""Pairing of translations with references.

Conventions: texts are paired by position, or by `audio_id` if the translations are a mapping, a Corpus or
``schema.TEXTS``. A missing translation is None, and is never treated as an empty text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema import as_ids, matched_ids, need, with_ids, with_named_levels
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.words import texts as texts_of_tokens

__all__ = ["Texts", "texts_of", "where"]


class Texts(NamedTuple):
    """Translations, the right translations of each, the blocks they belong to, and the number of missing ones."""

    hypotheses: list[Any]
    references: list[list[str]]
    blocks: npt.NDArray[Any] | None
    missing: int


def texts_of(hypotheses: Any, references: Any, block: Any, *, keep_missing: bool = False) -> Texts:
    """Pair both sides; missing translations are None with `keep_missing`, and left out otherwise."""
    if isinstance(hypotheses, (pd.DataFrame, Mapping, Transcribed)):
        ids, right = _references_by_id(references)
        if not ids:
            raise InputError("there are no references; pass the correct translations by audio_id.")
        by_id = _translations_by_id(hypotheses)
        names = matched_ids(ids, by_id, "references")
        ids = [names.get(audio_id, audio_id) for audio_id in ids]
        translations: list[Any] = [by_id.get(audio_id) for audio_id in ids]
        if not any(text is not None for text in translations):
            raise InputError(
                f"none of the {len(ids)} references (such as {ids[:1]}) belongs to a recording that was translated; "
                "check that their ids are the audio_id of the recordings."
            )
    else:
        translations = [None if _missing(text) else text for text in _list_of_texts(hypotheses, "hypotheses")]
        column = isinstance(references, pd.DataFrame)
        if column:
            need(references, "reference", name="references")
        right = _list_of_texts(references["reference"] if column else references, "references")
        if len(translations) != len(right):
            raise InputError(
                f"there are {len(translations)} hypotheses and {len(right)} references; give one reference (or a list "
                "of them) for each, in the same order."
            )
        indexed = isinstance(hypotheses, pd.Series) and isinstance(references, (pd.Series, pd.DataFrame))
        if indexed and not hypotheses.index.equals(references.index):
            raise InputError(
                "hypotheses and references have different indexes, so it is not certain which belong together; "
                "call reset_index(drop=True) on both if their order is the same."
            )
    if wrong := [text for text in translations if text is not None and not isinstance(text, str)]:
        raise InputError(f"hypotheses must be texts, found {wrong[0]!r}.")
    lists = [_right(reference) for reference in right]
    blocks = _blocks(block, references, len(lists))
    present = [text is not None for text in translations]
    if keep_missing:
        return Texts(translations, lists, blocks, present.count(False))
    if not any(present):
        raise InputError("there is no translation to score: all hypotheses are missing.")
    return Texts(
        where(present, translations),
        where(present, lists),
        None if blocks is None else blocks[np.array(present)],
        present.count(False),
    )


def where(keep: Sequence[bool], values: Sequence[Any]) -> list[Any]:
    """Return the values to keep."""
    return [value for value, wanted in zip(values, keep, strict=True) if wanted]


def _missing(text: Any) -> bool:
    return text is None or (pd.api.types.is_scalar(text) and bool(pd.isna(text)))


def _list_of_texts(texts: Any, label: str) -> list[Any]:
    if isinstance(texts, (str, Mapping)) or not hasattr(texts, "__iter__"):
        raise InputError(
            f"{label} must be a sequence of texts, found {type(texts).__name__}; "
            "references by audio_id go with hypotheses by audio_id: a mapping, a table of texts or a Corpus."
        )
    return list(texts)


def _right(reference: Any) -> list[str]:
    """Return the references of one text as a list."""
    several = [reference] if isinstance(reference, str) or _missing(reference) else list(reference)
    if not several or not all(isinstance(text, str) for text in several):
        raise InputError(f"each reference must be a text or a list of texts, found {reference!r}.")
    return several


def _references_by_id(references: Any) -> tuple[list[str], list[Any]]:
    if isinstance(references, pd.DataFrame):
        references = with_named_levels(references, "references")
        need(references, "audio_id", "reference", name="references")
        ids, right = references["audio_id"].tolist(), references["reference"].tolist()
    elif isinstance(references, (Mapping, pd.Series)):
        ids, right = (
            list(references.keys()),
            list(references.to_numpy() if isinstance(references, pd.Series) else references.values()),
        )
    else:
        raise InputError(
            "translations by audio_id (a mapping, a table of texts, a Corpus) need references by audio_id: a mapping "
            f"to texts, or a table with audio_id and reference; found {type(references).__name__}."
        )
    ids = as_ids(pd.Series(ids, dtype=object), "references").tolist()
    if twice := pd.Index(ids)[pd.Index(ids).duplicated()].tolist():
        raise SchemaError(
            f"the references have {twice[0]!r} more than once; for several correct translations give a list of texts."
        )
    return ids, right


def _translations_by_id(source: Any) -> dict[str, str]:
    """Return the translation of each recording; for a Corpus also the empty text of a completed recording."""
    if isinstance(source, Mapping):
        named = as_ids(pd.Series(list(source), dtype=object), "hypotheses").tolist()
        return {audio_id: text for audio_id, text in zip(named, source.values(), strict=True) if not _missing(text)}
    corpus = isinstance(source, Transcribed)
    texts = texts_of_tokens(source.tokens) if corpus else source
    need(texts, "audio_id", "text", name="hypotheses")
    texts = with_ids(texts, "hypotheses")
    if "translation_status" in texts:
        texts = texts[translation_mask(texts)]
    if (twice := texts["audio_id"].duplicated()).any():
        raise SchemaError(
            f"{texts.loc[twice, 'audio_id'].iloc[0]!r} has more than one translation; give one text for each recording "
            "(from sx.texts)."
        )
    by_id = {
        audio_id: text for audio_id, text in zip(texts["audio_id"], texts["text"], strict=True) if not _missing(text)
    }
    if corpus and by_id:
        done = source.recordings.loc[source.recordings["status"] == "completed", "audio_id"]
        by_id = dict.fromkeys(done, "") | by_id
    return by_id


def _blocks(block: Any, references: Any, count: int) -> npt.NDArray[Any] | None:
    if block is None:
        return None
    if isinstance(block, str):
        if not isinstance(references, pd.DataFrame):
            raise InputError(
                f"block={block!r} names a column, but references is not a table; give a label for each text."
            )
        need(references, block, name="references")
        block = references[block]
    labels = list(block)
    if len(labels) != count:
        raise InputError(f"block has {len(labels)} labels for {count} references; give one label for each.")
    # A text without a label is a block of its own.
    return pd.factorize(np.array([f"text {n}" if _missing(x) else f"block {x}" for n, x in enumerate(labels)], object))[
        0
    ]
