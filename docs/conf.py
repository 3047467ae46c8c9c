"""Settings of the documentation site (`make docs`)."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "soniox_ds"
author = "the authors of soniox_ds"
copyright = f"2026, {author}, who are not affiliated with Soniox"
version = release = installed_version("soniox-ds")

extensions = ["myst_parser", "sphinx_design", "mathml", "run_blocks"]
exclude_patterns = ["_build", "recipes"]
source_suffix = {".md": "markdown"}
nitpicky = True

# Links such as metrics-words.md#formulas are checked against the headings, which get the same anchors as on GitHub.
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "dollarmath"]
# A fence "math" is a formula on GitHub too.
myst_fence_as_directive = ["math"]

# The pages whose code runs while the site is built, so that they show its results.
run_blocks_on = ["index", "tutorial", "how-to/*", "gallery"]
run_blocks_results_first = ["gallery"]

myst_dmath_allow_digits = False  # $5 and $6 are amounts
html_theme = "pydata_sphinx_theme"
html_title = "soniox_ds"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_sidebars = {"index": [], "tutorial": [], "installing": [], "gallery": []}
html_extra_path = ["llms.txt"]
html_copy_source = False
html_show_sourcelink = False


def setup(app: Sphinx) -> None:
    app.connect("source-read", link_to_pages_of_the_site)
    app.connect("build-finished", copy_markdown)


def link_to_pages_of_the_site(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Let links to files outside this folder, which work on GitHub, lead to the pages that show these files."""
    source[0] = (
        source[0].replace("](../README.md)", "](index.md)").replace("](../CONTRIBUTING.md)", "](contributing.md)")
    )


def copy_markdown(app: Sphinx, error: Exception | None) -> None:
    """Put the Markdown of each page beside its HTML, where llms.txt links to it."""
    if error is None and app.builder.name == "html":
        for page in app.env.found_docs:
            shutil.copyfile(app.env.doc2path(page), Path(app.outdir, f"{page}.md"))
