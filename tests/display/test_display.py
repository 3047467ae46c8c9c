"""Texts, times and HTML for people: all HTML is in templates, which escape every value."""

from __future__ import annotations

import ast
import re
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from html_pages import NASTY, Page
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds
from soniox_ds._display import clock, duration_text, isolated, render, visible

PACKAGE = Path(soniox_ds.__file__).parent
TEMPLATES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.html.j2"))
SHOWN = "<script>alert('x')</script>\"' onload=\"x\" {{ 7 * 7 }} &amp; \u202eשלום\ufffd\ufffd[31m"

# Elements that stand in HTML only, and those whose names are no ordinary words
TAG = re.compile(
    r"(?<!\?P)</?(?:a|abbr|article|aside|audio|b|bdi|body|br|caption|code|dd|del|details|div|dl|dt|em|figcaption|figure|footer|h[1-6]|"
    r"head|header|hr|html|i|iframe|img|ins|li|link|main|mark|meta|nav|object|ol|p|pre|progress|script|section|small|source|"
    r"span|strong|style|sub|summary|sup|svg|table|tbody|td|tfoot|th|thead|title|tr|u|ul|video)(?:\s[^<>]*)?/?>"
    r"|<!doctype|&(?:amp|lt|gt|quot|nbsp|#[0-9]+);",
    re.IGNORECASE,
)
NO_HTML_OF_OURS = {
    "emulator/server.py": "the error page of a proxy, which the stand-in imitates on the wire",
    "io/eaf.py": "the XML of ELAN",
    "io/vtt.py": "the markup of WebVTT",
}


def literals(path: Path):
    """Every string of a module but the docstrings; of an f-string its fixed parts, joined."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation, parts = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            documentation.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            parts |= set(node.values)
            yield node.lineno, "x".join(part.value for part in node.values if isinstance(part, ast.Constant))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation | parts:
            yield node.lineno, node.value


def test_no_html_stands_in_python():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if lines := [f"{line}: {text}" for line, text in literals(path) if TAG.search(text)]:
            found[path.relative_to(PACKAGE).as_posix()] = lines
    assert {name: lines for name, lines in found.items() if name not in NO_HTML_OF_OURS} == {}
    assert set(found) == set(NO_HTML_OF_OURS), "an exception that is no longer needed"


def test_the_search_for_html_finds_it(tmp_path):
    path = tmp_path / "example.py"
    path.write_text(
        '"""<b>"""\nx = f"<p class={1}>"\ny = "a" "</td>"\nz = "<end> a < b", f"{2}<br>"\n', encoding="utf-8"
    )
    assert [line for line, text in literals(path) if TAG.search(text)] == [2, 4, 3]


def test_only_figures_tables_of_pandas_and_views_count_as_html():
    """Text that is marked as HTML is not escaped."""
    templates = {name: (PACKAGE / name).read_text(encoding="utf-8") for name in TEMPLATES}
    assert [name for name, text in templates.items() for _ in re.findall(r"\|\s*safe\b|autoescape", text)] == [
        "reports/templates/elements.html.j2",
        "widgets/player/still.html.j2",  # the static view, which a template of show made
    ]
    marked = [path for path in PACKAGE.rglob("*.py") if "Markup(" in path.read_text(encoding="utf-8")]
    assert marked == [PACKAGE / "_display" / "__init__.py"]


TABLE = pd.DataFrame({"audio_id": ["<script>\"'</script>"], "text": ["<i onload='x'>"]})
SMALL = {
    "batch/plan_result.html.j2": {
        "summary": NASTY,
        "lines": [(NASTY, NASTY)],
        "failures": [(NASTY, 1, NASTY)],
        "quotas": [{"quota": NASTY, "text": NASTY, "needed": NASTY, "is_longest": True}],
        "bounds": NASTY,
        "advice": NASTY,
    },
    "corpus/repr.html.j2": {
        "name": NASTY,
        "facts": [NASTY],
        "services": [{"text": NASTY, "is_stand_in": True}, {"text": NASTY, "is_stand_in": False}],
        "failures": [(NASTY, 1, NASTY)],
        "rows": [(NASTY, NASTY, NASTY)],
        "title": NASTY,
    },
    "experiments/comparison.html.j2": {
        "tables": [TABLE],
        "is_stand_in": True,
        "arms": {NASTY: NASTY},
    },
    "live/result.html.j2": {"facts": NASTY, "segments": TABLE},
    "progress/bar.html.j2": {"line": NASTY, "done": 1, "total": 2, "is_closed": False},
    "widgets/captions/still.html.j2": {
        "heading": NASTY,
        "segments": [
            {
                "start_ms": 61_000,
                "speaker": NASTY,
                "language": NASTY,
                "text": NASTY,
                "target_language": NASTY,
                "translation": NASTY,
            }
        ],
        "has_translations": True,
        "has_many_languages": True,
    },
    "widgets/explore/still.html.j2": {
        "head": NASTY,
        "columns": [{"label": NASTY, "is_number": False}, {"label": NASTY, "is_number": True}],
        "rows": [[NASTY, NASTY]],
        "more": 3,
    },
    "widgets/review/still.html.j2": {
        "head": NASTY,
        "rows": [dict.fromkeys(("verdict", "audio_id", "start", "text", "correction"), NASTY)],
        "more": 3,
    },
}
# Frames and macros; the tests of the reports, the views and the stand-in render them with such texts.
ELSEWHERE = (
    "_display/",
    "emulator/banner",
    "reports/templates/",
    "show/templates/",
    "widgets/player/",
    "widgets/still.html.j2",
)


def test_every_template_has_a_test_with_hostile_text():
    assert [name for name in TEMPLATES if name not in SMALL and not name.startswith(ELSEWHERE)] == []


@pytest.mark.parametrize("template", SMALL)
def test_text_stays_text(template):
    page = Page(render(template, **SMALL[template]))
    assert not page.tags & {"script", "i"}
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert not {char for char in page.text if char in "\x00\x1b"}
    assert SHOWN in page.text


@given(st.text())
def test_a_text_is_on_one_line_and_has_no_control_characters(text):
    line = visible(text)
    assert "\n" not in line
    assert line == " ".join(line.split())
    assert visible(line) == line
    assert render("progress/bar.html.j2", line=text, done=0, total=None, is_closed=True).count("<") == 4
    plain = isolated(text)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2069") & set(plain.removesuffix("\u2069"))


def test_times():
    assert [clock(ms) for ms in (0, 999, 59_999, 60_000, 3_599_999, 3_600_000, 36_000_000)] == [
        "0:00",
        "0:00",
        "0:59",
        "1:00",
        "59:59",
        "1:00:00",
        "10:00:00",
    ]
    assert clock(None) == clock(float("nan")) == clock(pd.NA, tenths=True, hours=True) == ""
    assert clock(3_675_950, tenths=True) == "1:01:15.9"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0.0 s"),
        (49, "0.0 s"),
        (1_000, "1.0 s"),
        (59_949, "59.9 s"),
        (59_950, "1.0 min"),
        (90_000, "1.5 min"),
        (3_596_900, "59.9 min"),
        (3_597_100, "1.0 h"),
        (5_400_000, "1.5 h"),
        (4_000 * 3_600_000, "4,000.0 h"),
    ],
)
def test_durations(milliseconds, text):
    assert duration_text(milliseconds) == text


def test_a_value_that_a_template_lacks_is_an_error():
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError, match="'line' is undefined"):
        render("progress/bar.html.j2", done=0, total=None, is_closed=True)


def test_the_wheel_holds_the_templates_and_style_sheets(tmp_path):
    wheel = pytest.importorskip("hatchling.builders.wheel", reason="pip install hatchling builds the wheel")
    root = PACKAGE.parent
    if not (root / "pyproject.toml").is_file():
        pytest.skip("the package is not in a checkout")
    (built,) = wheel.WheelBuilder(str(root)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
    assert {f"soniox_ds/{name}" for name in TEMPLATES} <= names
    assert {path.relative_to(root).as_posix() for path in PACKAGE.rglob("*.css")} <= names
