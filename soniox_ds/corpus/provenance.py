"""Provenance of a corpus: package version, time, and one entry for each run.

Conventions: a provenance is JSON: ``{"soniox_ds": version, "created_at": time, "runs": [{"soniox_ds", "created_at",
"service", "model", "resolved_model", "options", ...}]}``, with times in ISO 8601 (UTC). `resolved_model` is the model
that answered for `model`, which may be an alias; it is null if it is not known. A provenance holds no secrets.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from soniox_ds.exceptions import SchemaError
from soniox_ds.options.addresses import MASK, public_webhook

__all__ = ["MASK", "join_provenances", "new_provenance", "new_run", "without_secrets"]

_SECRETS = ("api_key", "webhook_auth_header_value", "authorization")


def new_provenance(*runs: Mapping[str, Any]) -> dict[str, Any]:
    """Return a provenance of these runs with the present time.

    >>> new_provenance()["runs"]
    []
    """
    return {**_stamp(), "runs": [dict(run) for run in runs]}


def new_run(
    *, service: str, model: str | None, options: Mapping[str, Any], resolved_model: str | None = None, **more: Any
) -> dict[str, Any]:
    """Return the entry of one run with the present time.

    >>> run = new_run(service="local", model="stt-async-v4", options={"language_hints": ["en"]})
    >>> run["service"], run["options"]
    ('local', {'language_hints': ['en']})
    """
    request = {"service": service, "model": model, "resolved_model": resolved_model, "options": dict(options)}
    return {**_stamp(), **request, **more}


def join_provenances(provenances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the provenance of joined corpora, with every run once, in order, and the time of the first corpus."""
    runs: list[Any] = []
    for provenance in provenances:
        runs += [run for run in provenance.get("runs", []) if run not in runs]
    return {**(dict(provenances[0]) if provenances else _stamp()), "runs": runs}


def without_secrets(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Copy a provenance with its secrets masked. Raises SchemaError for values that JSON cannot hold.

    Values whose names mark them as secrets are replaced, and only the public part of a webhook's address is kept.

    >>> without_secrets({"runs": [{"options": {"webhook_auth_header_value": "s3cret", "model": "m"}}]})
    {'runs': [{'options': {'webhook_auth_header_value': '***', 'model': 'm'}}]}
    >>> without_secrets({"webhook_url": "https://me:pw@host.example/done?token=ab12"})
    {'webhook_url': 'https://host.example/done'}
    """
    try:
        copy = json.loads(json.dumps(_masked(provenance), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise SchemaError(f"provenance must be JSON (text, numbers, lists, dicts with text keys): {error}.") from error
    return dict(copy)


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _masked_value(str(key).lower(), inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(inner) for inner in value]
    return value


def _masked_value(name: str, value: Any) -> Any:
    if name in _SECRETS and value is not None:
        return MASK
    if name == "webhook_url" and isinstance(value, str):
        return public_webhook(value)
    return _masked(value)


def _stamp() -> dict[str, str]:
    return {
        "soniox_ds": metadata.version("soniox-ds"),
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
