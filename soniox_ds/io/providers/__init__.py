"""Transcripts of other speech-to-text providers: one module for each provider.

A module is found by its name. It defines

- ``TITLE``, the name of the provider for people, and ``PAGE``, the public page that describes its JSON;
- ``recognises(document)``, which returns True if a JSON document looks like this provider's;
- ``transcripts(document)``, which yields the transcripts in it (`soniox_ds.io.transcript.Transcript`).

Both functions get a `JsonNode`, whose checked reads raise a SchemaError that names the place in the document.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Protocol, cast

from soniox_ds._arguments import check_choice
from soniox_ds.exceptions import InputError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import Transcript

__all__ = ["Provider", "provider_named", "providers", "recognised_provider"]


class Provider(Protocol):
    """A module of this package."""

    TITLE: str
    PAGE: str

    def recognises(self, document: JsonNode) -> bool: ...
    def transcripts(self, document: JsonNode) -> Iterator[Transcript]: ...


def providers() -> dict[str, Provider]:
    """Return the modules of all providers by name."""
    return {
        module.name: cast(Provider, import_module(f"{__name__}.{module.name}"))
        for module in pkgutil.iter_modules(__path__)
    }


def provider_named(name: str) -> Provider:
    """Return the module of a provider. Raises InputError, with the names there are, for another name."""
    modules = providers()
    return modules[check_choice(name, "provider", modules)]


def recognised_provider(document: JsonNode) -> str:
    """Return the name of the provider that a document comes from.

    Raises
    ------
    InputError
        If no provider, or more than one, writes such documents.
    """
    names = [name for name, module in providers().items() if module.recognises(document)]
    if len(names) == 1:
        return names[0]
    if names:
        raise InputError(f"the document may come from {' or '.join(names)}; say which with provider=")
    if isinstance(document.value, dict):
        content = f"with {', '.join(map(repr, list(document.value)[:8])) or 'no keys'}"
    else:
        content = f"a {type(document.value).__name__} and not an object"
    raise InputError(
        f"the document ({content}) does not look like that of any known provider; say which one wrote it with "
        f"provider=, one of {', '.join(providers())}; or give the format of another tool with format=, such as "
        "'seglst', 'nemo' or 'lhotse'"
    )
