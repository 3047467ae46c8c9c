"""Shared by the tests and by the examples in docstrings, which ``tests/conftest.py`` does not reach."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def closed_figures(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close the figures that an example in a docstring has opened; matplotlib warns when twenty are open."""
    yield
    if isinstance(request.node, pytest.DoctestItem) and "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
