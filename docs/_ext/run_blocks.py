"""Run the Python blocks of some pages while the site is built, and show the results on the page.

The blocks of a page run in order, in one namespace. The stand-in service, which recognises speech with a real model,
takes the place of Soniox. The file of a page holds only the code: on GitHub, it is an ordinary page without results.
Blocks in an HTML comment also run, but are not shown. Transcripts stay in the journal in ``_build/cache``, so that a
second build recognises nothing.

A chart is drawn once and saved twice, for light and for dark pages. Its black and white parts get the colours of the
page.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from html import escape
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$\n?", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"^<!--(?! thumbnails).*?^-->$\n?", re.MULTILINE | re.DOTALL)
OTHER_FENCE = r"^(?P<fence>`{3,}|:{3,})\S.*?^(?P=fence)$"
PART = re.compile(
    rf"{COMMENT.pattern}|{BLOCK.pattern}|(?P<other>{OTHER_FENCE})|^#+ (?P<heading>[^\n]*)$", re.MULTILINE | re.DOTALL
)
THUMBNAILS = "<!-- thumbnails -->"

BLACK, WHITE = "#010101", "#fefefe"
"""The colours of lines, texts and backgrounds in charts. Nothing else has them, so that the colours of the page can
replace them."""
COLOURS = {
    BLACK: {"light": "#212529", "dark": "#ced6dd"},
    "#000000": {"light": "#212529", "dark": "#ced6dd"},
    WHITE: {"light": "#ffffff", "dark": "#14181e"},
    "#ffffff": {"light": "#ffffff", "dark": "#14181e"},
    "#767676": {"light": "#666666", "dark": "#a8a8a8"},
    "#0072b2": {"light": "#0072b2", "dark": "#3c9fdc"},
}
"""The colours of a chart, and their replacements on light and on dark pages."""
CHART_STYLE = {
    "axes.edgecolor": BLACK,
    "axes.facecolor": WHITE,
    "axes.labelcolor": BLACK,
    "figure.facecolor": WHITE,
    "legend.facecolor": WHITE,
    "svg.hashsalt": "soniox_ds",
    "text.color": BLACK,
    "xtick.color": BLACK,
    "ytick.color": BLACK,
}
FRAME = "`" * 8
MAX_ROWS = 12


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_config_value("run_blocks_on", [], "env")
    app.add_config_value("run_blocks_results_first", [], "env")
    app.connect("source-read", show_results)
    return {"parallel_read_safe": False}


def show_results(app: Sphinx, page: str, source: list[str]) -> None:
    """Add the results to the source of a page, if the setting `run_blocks_on` names the page."""
    if any(fnmatch(page, pattern) for pattern in app.config.run_blocks_on):
        app.env.note_dependency(__file__)
        are_results_first = page in app.config.run_blocks_results_first
        source[0] = Page(page, Path(app.outdir)).with_results(source[0], are_results_first=are_results_first)


class Page:
    """A page of the documentation whose Python blocks run."""

    def __init__(self, name: str, out: Path) -> None:
        self.name = name
        self.out = out
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.heading = ""
        self.n_charts = 0
        self.thumbnails: list[str] = []

    def with_results(self, text: str, *, are_results_first: bool) -> str:
        """Run the blocks of the page, and return its text with the result before or after each block."""

        def replace(match: re.Match[str]) -> str:
            if match["heading"] or match["other"]:
                self.heading = match["heading"] or self.heading
                return match[0]
            if match["code"] is None:
                for hidden in BLOCK.finditer(match[0]):
                    self.run(hidden["code"])
                return ""
            html = "\n".join(self.run(match["code"]))
            result = f'{FRAME}{{raw}} html\n<div class="block-result">{html}</div>\n{FRAME}\n' if html else ""
            return f"{result}\n{match[0]}" if are_results_first else f"{match[0]}\n{result}"

        with samples_and_service(self.out):
            text = PART.sub(replace, text)
        grid = f'{FRAME}{{raw}} html\n<div class="thumbnails">{"".join(self.thumbnails)}</div>\n{FRAME}\n'
        return text.replace(THUMBNAILS, grid)

    def run(self, code: str) -> list[str]:
        """Run a block, and return its output, the value of its last expression and its charts as HTML."""
        import matplotlib.pyplot as plt

        tree = ast.parse(code)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            try:
                exec(compile(tree, self.name, "exec"), self.names)
                value = eval(compile(ast.Expression(last.value), self.name, "eval"), self.names) if last else None
            except Exception as error:
                raise ExtensionError(f"a block of {self.name}.md failed with {error!r}:\n{code}") from error
        results = [f"<pre>{escape(printed.getvalue())}</pre>"] if printed.getvalue() else []
        figures = [plt.figure(number) for number in plt.get_fignums()]
        results += [self.chart(figure) for figure in figures] or [as_html(value)]
        plt.close("all")
        here = f"{Path.cwd()}/"  # a temporary folder, whose path is of no use to readers
        results = [result.replace(here, "") for result in results if result]
        if results:
            self.thumbnails.append(
                f'<a class="thumbnail" href="#{anchor(self.heading)}"><span class="preview" aria-hidden="true" inert>'
                f"{results[-1]}</span>"
                f"<span>{escape(self.heading)}</span></a>"
            )
        return results

    def chart(self, figure: Any) -> str:
        """Save a figure as SVG for light and for dark pages, and return the HTML of both images."""
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
        folder = self.out / "_images"
        folder.mkdir(parents=True, exist_ok=True)
        images = []
        self.n_charts += 1
        for theme in ("light", "dark"):
            file = f"{self.name.replace('/', '-')}-{self.n_charts}-{theme}.svg"
            (folder / file).write_text(in_theme(drawn.getvalue(), theme), encoding="utf-8")
            images.append(
                f'<img class="chart only-{theme}" src="{"../" * self.name.count("/")}_images/{file}"'
                f' alt="Chart: {escape(self.heading)}" loading="lazy">'
            )
        return "".join(images)


def in_theme(svg: str, theme: str) -> str:
    """Return a chart in the colours of light or dark pages."""
    for colour, replacement in COLOURS.items():
        svg = svg.replace(colour, replacement[theme])
    return svg


def as_html(value: Any) -> str:
    """Return a value as a notebook would show it; "" for None."""
    import pandas as pd

    from soniox_ds.schema.result_table import ResultTable
    from soniox_ds.show.result_views import result_html

    if value is None:
        return ""
    if isinstance(value, pd.Series):
        value = value.to_frame()
    if isinstance(value, ResultTable):
        return result_html(value) or table_as_html(value)
    if isinstance(value, pd.DataFrame) and type(value)._repr_html_ is pd.DataFrame._repr_html_:
        return table_as_html(value)
    if hasattr(value, "_repr_html_"):
        return str(value._repr_html_())
    return f"<pre>{escape(repr(value))}</pre>"


def table_as_html(table: Any) -> str:
    """Return the first rows of a table as HTML: numbers are aligned to the right, and the index is shown only if it has
    a name."""
    import pandas as pd

    def text(value: Any) -> str:
        if pd.api.types.is_scalar(value) and pd.isna(value):
            return "NA"
        if isinstance(value, float):
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        return escape(str(value))

    if not isinstance(table.index, pd.RangeIndex) and table.index.nlevels == 1 and table.index.name:
        table = table.reset_index()
    rows = [[text(value) for value in row] for row in table.head(MAX_ROWS).itertuples(index=False)]
    classes = []
    for number, kind in enumerate(table.dtypes):
        if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind):
            classes.append(' class="number"')
        else:
            classes.append(' class="long"' if any(len(row[number]) > 40 for row in rows) else "")
    head = "".join(f"<th{kind}>{escape(str(name))}</th>" for name, kind in zip(table.columns, classes, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{cell}</td>" for cell, kind in zip(row, classes, strict=True)) + "</tr>"
        for row in rows
    )
    n_more = len(table) - MAX_ROWS
    more = f'<p class="more-rows">and {n_more} more rows</p>' if n_more > 0 else ""
    return (
        '<div class="table-scroll" tabindex="0" role="group" aria-label="Table">'
        f'<table class="result-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}'
    )


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@contextlib.contextmanager
def samples_and_service(out: Path) -> Iterator[None]:
    """Change into a new folder with the samples, and let the stand-in take the place of the service."""
    import matplotlib as mpl
    import matplotlib.font_manager  # before the variable changes, to use the user's font cache

    cache = out.parent / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    os.environ["XDG_CACHE_HOME"] = str(cache)
    import soniox_ds as sx

    sx.local_service().start()  # it runs until the build ends; further pages get the same one
    mpl.use("agg")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), mpl.rc_context(CHART_STYLE):
        Path("data").symlink_to(ROOT / "data")
        yield
