"""Names of the class labels of Hugging Face datasets, which store them as numbers.

Conventions: the package ``datasets`` is not imported; a feature is recognised by its class and its attributes, or by
the JSON that datasets write into the metadata of Arrow tables and Parquet files. The label -1, by which datasets mark
an unknown label, becomes NA.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import SourceError

__all__ = ["features_of_metadata", "with_label_names"]

_UNKNOWN = -1
_Namer = Callable[[Any], Any]


def with_label_names(frame: pd.DataFrame, features: Any) -> pd.DataFrame:
    """Replace the numbers of class labels in a dataset by their names, including labels within lists and structs.

    Parameters
    ----------
    frame
        The dataset as a table.
    features
        The ``features`` of the dataset, or the result of `features_of_metadata`; None if they are not known.

    Raises
    ------
    SourceError
        If a label has a number for which the dataset has no name.
    """
    if not isinstance(features, Mapping):
        return frame
    named = frame.copy(deep=False)
    for name, feature in features.items():
        namer: _Namer | None = _namer(feature, str(name)) if name in frame else None
        if namer is not None:
            values = [namer(value) for value in list(frame[name])]
            plain = all(value is None or isinstance(value, str) for value in values)
            named[name] = pd.Series(values, index=frame.index, dtype="string" if plain else object)
    return named


def features_of_metadata(metadata: Mapping[bytes, bytes] | None, label: str) -> Mapping[str, Any] | None:
    """Return the features of a Hugging Face dataset from the metadata of an Arrow schema, or None if it has none.

    `label` is the name of the table in messages.

    Raises
    ------
    SourceError
        If the features cannot be read.

    Examples
    --------
    >>> left = b'{"info": {"features": {"gender": {"names": ["male", "female"], "_type": "ClassLabel"}}}}'
    >>> features = features_of_metadata({b"huggingface": left}, "the table")
    >>> with_label_names(pd.DataFrame({"gender": [1, -1]}), features)["gender"].tolist()
    ['female', <NA>]
    """
    if (written := (metadata or {}).get(b"huggingface")) is None:
        return None
    try:
        content = json.loads(written)
    except ValueError as error:
        raise SourceError(
            f"{label}: the Hugging Face features in its metadata cannot be read ({error}), so the names of the class "
            "labels are unknown; write the table again, or write it without this metadata"
        ) from error
    info = content.get("info") if isinstance(content, Mapping) else None
    features = info.get("features") if isinstance(info, Mapping) else None
    return features if isinstance(features, Mapping) else None


def _namer(feature: Any, column: str) -> _Namer | None:
    """Return a function that names the labels in a value of this feature, or None if the feature has no labels."""
    if isinstance(feature, Mapping) and isinstance(kind := feature.get("_type"), str):
        names = feature.get("names")
        if kind == "ClassLabel":
            return _label_namer([str(name) for name in names], column) if isinstance(names, list) else None
        feature = [feature.get("feature")]
    if type(feature).__name__ == "ClassLabel":
        return _label_namer(list(feature.names), column)
    if isinstance(feature, Mapping):
        parts = {key: namer for key, value in feature.items() if (namer := _namer(value, column)) is not None}
        return _struct_namer(parts) if parts else None
    items = feature[0] if isinstance(feature, list | tuple) and feature else getattr(feature, "feature", None)
    inner = None if items is None else _namer(items, column)
    return None if inner is None else _list_namer(inner)


def _label_namer(names: list[str], column: str) -> _Namer:
    def named(value: Any) -> Any:
        if isinstance(value, list | tuple | np.ndarray):  # A sequence of structs is stored as a struct of sequences.
            return [named(item) for item in value]
        if isinstance(value, str):
            return value
        if value is None or value is pd.NA or value != value or int(value) == _UNKNOWN:
            return None
        if not 0 <= int(value) < len(names):
            raise SourceError(
                f"the column {column!r} contains the label {value}, but names only the labels 0 to {len(names) - 1}"
            )
        return names[int(value)]

    return named


def _struct_namer(parts: Mapping[str, _Namer]) -> _Namer:
    def named(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {key: parts[key](inner) if key in parts else inner for key, inner in value.items()}

    return named


def _list_namer(inner: _Namer) -> _Namer:
    def named(value: Any) -> Any:
        return [inner(item) for item in value] if isinstance(value, list | tuple | np.ndarray) else inner(value)

    return named
