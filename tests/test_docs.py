"""Checks of README and docs: their Python runs, and their links have targets."""

import importlib.util
import re
from pathlib import Path

import pytest

import soniox_ds as sx
from soniox_ds import exceptions

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks():
    for page in PAGES:
        found = BLOCK.findall(page.read_text(encoding="utf-8"))
        if found:
            yield pytest.param(found, id=page.name)


# The invented transcripts of the two arms of an experiment are the same, so that there is nothing to estimate.
@pytest.mark.filterwarnings("ignore::soniox_ds.exceptions.SmallSampleWarning")
@pytest.mark.parametrize("code", list(blocks()))
def test_python_blocks_run(code, service, tmp_path, monkeypatch):
    """The blocks of a page run in order, in the same session and in a folder that has the samples."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    mpl.use("agg")
    (tmp_path / "data").symlink_to(ROOT / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SONIOX_API_WEBHOOK_SECRET", "a long random text")
    monkeypatch.setattr(sx, "local_service", lambda *_, **__: service_again(service))
    names = {}
    for block in code:
        exec(compile(block, "block", "exec"), names)
    plt.close("all")


class service_again:
    """The stand-in of the fixture in place of a new one: a page needs no second recognizer."""

    def __init__(self, service):
        self._service = service

    def __enter__(self):
        return self._service

    def __exit__(self, *_):
        pass

    def start(self):
        return self._service


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if not link.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_the_pictures_of_the_readme_exist_in_two_themes_and_have_a_text():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    dark, light = re.findall(r'srcset="([^"]+)"', readme), re.findall(r'<img src="([^"]+)"', readme)
    assert dark == [name.replace("light", "dark") for name in light] != light
    assert sum((ROOT / name).stat().st_size for name in dark + light) < 500_000
    assert all(len(text) > 60 for text in re.findall(r'alt="([^"]+)"', readme))
    assert readme.count("alt=") == len(light)


def test_the_version_is_the_same_everywhere():
    assert f"\nversion: {sx.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "docs" / "changelog.md").read_text(encoding="utf-8")
    assert f"Everything below will be part of {sx.__version__}." in changelog


def test_the_errors_page_names_every_exception():
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    for name in exceptions.__all__:
        assert f"`{name}`" in page, name


def test_the_gallery_has_every_plot_and_view():
    page = (ROOT / "docs" / "gallery.md").read_text(encoding="utf-8")
    missing = [
        f"sx.{room}.{name}"
        for room in ("plot", "show")
        for name in getattr(sx, room).__all__
        if f"sx.{room}.{name}(" not in page
    ]
    assert not missing


def test_llms_txt_is_up_to_date_and_lists_every_page():
    docs = ROOT / "docs"
    spec = importlib.util.spec_from_file_location("generate_llms_txt", docs / "generate_llms_txt.py")
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    text = (docs / "llms.txt").read_text(encoding="utf-8")
    assert text == generator.text(), "run `make reference`"
    pages = {path.relative_to(docs).as_posix() for path in docs.rglob("*.md") if "_build" not in path.parts}
    sections = {"index.md", "how-to/index.md", "user-guide.md", "project.md"}
    assert set(LINK.findall(text)) == pages - sections
