"""Write docs/llms.txt: a list of all pages with a line about each, for programs that read documentation.

Run it as ``make reference``. `tests/test_docs.py` fails if the file is out of date. The form is that of
https://llmstxt.org. The pages are linked as Markdown, which the site has beside its HTML.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

DOCS = Path(__file__).parent
FILE = DOCS / "llms.txt"
SUMMARY = """\
# soniox_ds

> A Python toolkit for Jupyter on the Soniox speech-to-text API: transcribe recordings into token-level pandas
> DataFrames, and measure how good the transcripts are.

`import soniox_ds as sx`. To try code without a key, run it inside `with sx.local_service():`, which starts a stand-in
for the service on this machine.
"""
ENTRY = re.compile(r"^- \[(?P<title>[^\]]+)\]\((?P<link>[^)]+\.md)\): (?P<about>.+)$", re.MULTILINE)


def text() -> str:
    """Return the text of llms.txt, made from the lists in the pages of the sections."""
    sections = {
        "Start": [
            ("Installing", "installing.md", "the package and its extras, the API key, tested versions."),
            ("Tutorial", "tutorial.md", "six steps, from a folder of recordings to a comparison of two options."),
            ("Gallery", "gallery.md", "every chart and every view, with the code that makes it."),
        ],
        "How-tos": entries("how-to/index.md"),
        "User guide": entries("user-guide.md"),
        "Reference": reference(),
        "Optional": entries("project.md"),
    }
    lines = [SUMMARY]
    for title, rows in sections.items():
        lines += [f"## {title}", "", *(f"- [{name}]({link}): {about}" for name, link, about in rows), ""]
    return "\n".join(lines)


def entries(page: str) -> list[tuple[str, str, str]]:
    """Return the title, the link and the description of each page that a page lists."""
    folder = Path(page).parent
    found = ENTRY.findall((DOCS / page).read_text(encoding="utf-8"))
    return [(title, (folder / link).as_posix(), about) for title, link, about in found]


def reference() -> list[tuple[str, str, str]]:
    spec = importlib.util.spec_from_file_location("generate_reference", DOCS / "generate_reference.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    rows = [
        ("All names", "reference/README.md", "every public name with a line about it."),
        ("Tables", "reference/tables.md", "every table with its columns and their types."),
    ]
    for page, (title, about, _) in generator.TOP_PAGES.items():
        rows.append((title, f"reference/{page}.md", about[0].lower() + about[1:]))
    for name, title in generator.NAMESPACES.items():
        rows.append((title, f"reference/{name}.md", f"the names of `sx.{name}`."))
    return rows


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
