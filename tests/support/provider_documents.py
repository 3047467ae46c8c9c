"""Documents of other providers, read as `sx.io.read_transcripts` reads them."""

import contextlib
import copy

from soniox_ds.exceptions import SonioxDSError
from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.providers import provider_named, recognised_provider
from soniox_ds.io.transcript import Transcript

WRONG = (None, [], {}, -1, "x", True, 1e300)


def read(document, provider: str) -> list[Transcript]:
    """Return the transcripts of a document, which must be recognised as that of this provider and of no other.

    The document is also read with each of its values replaced by wrong ones, which may only raise our own errors.
    """
    module = provider_named(provider)
    for damaged in damaged_documents(document):
        with contextlib.suppress(SonioxDSError):
            list(module.transcripts(JsonNode(damaged)))
        module.recognises(JsonNode(damaged))
    node = JsonNode(document)
    assert recognised_provider(node) == provider
    assert module.PAGE.startswith("https://")
    return list(module.transcripts(node))


def damaged_documents(document):
    """Yield copies of a document in which one value is absent or wrong."""
    for place in places(document):
        for wrong in WRONG:
            damaged = copy.deepcopy(document)
            inner = damaged
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = wrong
            yield damaged


def places(value, place=()):
    """Yield the keys that lead to each value of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*place, key)
        yield from places(inner, (*place, key))
