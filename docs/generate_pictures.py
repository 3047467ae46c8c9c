"""Make the pictures of the README and of the documentation, from the sample corpus: python docs/generate_pictures.py.

The explorer is photographed in JupyterLab, the alignment in a page of its own, and the chart is drawn by matplotlib.
Every picture has a version for light and one for dark pages. Needs what the tests need: JupyterLab, Playwright and
Chromium.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from PIL import Image

import soniox_ds as sx

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
sys.path += [str(HERE / "_ext"), str(TESTS / "support"), str(TESTS / "browser")]

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = HERE / "pictures"
THEMES = ("light", "dark")
PIXELS_PER_POINT = 1.5
RECORDING = "conversation_08"
SHOWN = "conversation_07"
"""The recording that is selected in the explorer."""

EXPLORER = "import soniox_ds as sx\nsx.explore(sx.load_samples())"
HAS_WAVEFORM = """() => {
    const wave = document.querySelector(".sxe-wave");
    const row = wave.getContext("2d").getImageData(0, Math.round(wave.height / 3), wave.width, 1).data;
    return row.some((value, place) => place % 4 === 3 && value > 0);
}"""
PAGE = """<!doctype html><meta charset="utf-8">
<body style="margin:0;color:{colour};background:{background};font:16px system-ui,sans-serif">
<div id="view" style="display:inline-block;width:46em;padding:1em 1.2em;box-sizing:border-box">{html}</div>"""
COLOURS = {"light": ("#1f2328", "#ffffff"), "dark": ("#e6edf3", "#0d1117")}
"""The colours of text and background on GitHub."""


def save(png: bytes, name: str) -> None:
    """Save a screenshot with a palette, which makes the file a third as large."""
    image = Image.open(io.BytesIO(png)).convert("RGB").quantize(200, dither=Image.Dither.NONE)
    image.save(PICTURES / name, optimize=True)


def photograph_alignment(page: Page) -> None:
    html = sx.show.alignment(sx.align_words(sx.load_samples()), RECORDING)._repr_html_()
    for theme in THEMES:
        colour, background = COLOURS[theme]
        page.emulate_media(color_scheme=theme)
        page.set_content(PAGE.format(colour=colour, background=background, html=html))
        save(page.locator("#view").screenshot(), f"alignment-{theme}.png")


def photograph_explorer(stack: contextlib.ExitStack, browser: Any, folder: Path) -> None:
    from jupyter_lab import JupyterLab
    from notebook_files import new_notebook, write_notebook
    from notebook_page import NotebookPage

    lab = stack.enter_context(contextlib.closing(JupyterLab(folder)))
    name = lab.write_kernelspec({})
    kernelspec = {"name": name, "display_name": name, "language": "python"}
    path = lab.root / "explorer.ipynb"
    write_notebook(new_notebook([EXPLORER], kernelspec=kernelspec), path)
    size = {"width": 1400, "height": 1700}
    tab = stack.enter_context(contextlib.closing(browser.new_page(viewport=size, device_scale_factor=PIXELS_PER_POINT)))
    page = NotebookPage(tab, folder, lab.root, path, lab.url, lab.token)
    page.run(0)
    page.page.wait_for_selector(".sxe-word")
    page.page.click(".sxe-labels th:nth-child(3) button")  # the highest error rate first
    page.page.fill(".sxe-filters td:nth-child(6) input", "0.7 – <0.94")
    page.page.fill(".sxe-filters td:nth-child(3) input", "< 31")
    page.page.click(f".sxe-rows tr:has-text('{SHOWN}')")
    page.page.wait_for_selector(f".sxe-name:has-text('{SHOWN}')")
    for theme in THEMES:
        page.use_theme(theme)
        page.page.mouse.move(0, 0)
        page.page.evaluate("() => document.activeElement.blur()")
        page.wait_for(HAS_WAVEFORM)
        page.page.wait_for_timeout(2000)  # the charts are drawn again in the colours of the theme
        save(page.page.locator(".sxe").screenshot(), f"explorer-{theme}.png")
    lab.end_kernels()


def draw_groups() -> None:
    from run_blocks import CHART_STYLE, in_theme

    with mpl.rc_context(CHART_STYLE):
        summary = sx.summarize(sx.word_errors(sx.load_samples()), by="group")
        sx.plot.error_summary(summary)
        drawn = io.StringIO()
        plt.savefig(drawn, format="svg", metadata={"Date": None}, bbox_inches="tight", transparent=True)
        plt.close()
    for theme in THEMES:
        (PICTURES / f"groups-{theme}.svg").write_text(in_theme(drawn.getvalue(), theme), encoding="utf-8")


def main() -> None:
    from browsers import FLAGS, browser_path
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    draw_groups()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=browser_path(), chromium_sandbox=False, args=FLAGS)
        stack.callback(browser.close)
        page = browser.new_page(viewport={"width": 900, "height": 700}, device_scale_factor=PIXELS_PER_POINT)
        photograph_alignment(page)
        photograph_explorer(stack, browser, folder)
    for path in sorted(PICTURES.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
