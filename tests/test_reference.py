"""The pages of docs/reference are those that the code gives today. ``make reference`` writes them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import soniox_ds as sx
from soniox_ds.schema import TABLES

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


@pytest.fixture(scope="module")
def pages():
    spec = importlib.util.spec_from_file_location("generate_reference", FOLDER.parent / "generate_reference.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    return generator.pages()


def test_the_pages_are_up_to_date(pages):
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(pages)
    stale = [name for name, text in pages.items() if (FOLDER / name).read_text(encoding="utf-8") != text]
    assert not stale, f"run `make reference`: {', '.join(stale)} of docs/reference differ from the code"


def test_every_table_and_every_column_is_there(pages):
    for name, table in TABLES.items():
        section = pages["tables.md"].split(f"### {name}\n", 1)[1].split("\n### ", 1)[0]
        assert re.findall(r"^\| `(\w+)` +\| (\S.*?) +\|", section, re.MULTILINE) == [
            (column, about.dtype) for column, about in table.items()
        ]


def test_every_public_name_is_there(pages):
    for name in set(sx.__all__) - {"account", "aio", "exceptions", "io", "metrics", "plot", "schema", "show"}:
        assert f"[`sx.{name}`]" in pages["README.md"]
        assert sum(f"\n## {name}\n\n```python\nsx.{name}(" in text for text in pages.values()) == 1, name


def test_links_lead_to_a_heading(pages):
    for name, text in pages.items():
        for page, heading in LINK.findall(text):
            if page.startswith("http"):
                continue
            target = (FOLDER / page).read_text(encoding="utf-8") if page.startswith("..") else pages[page or name]
            headings = [line.lstrip("# ").lower().replace(" ", "-") for line in target.splitlines() if line[:1] == "#"]
            assert not heading or heading in headings, f"{name} links to {page}#{heading}"
