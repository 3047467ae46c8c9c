"""The extension of the documentation site that runs the blocks of a page and shows their results."""

import importlib.util
import re
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "docs" / "_ext" / "run_blocks.py"


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page that needs no service."""
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("run_blocks", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import matplotlib as mpl

    mpl.use("agg")
    monkeypatch.setattr(module, "samples_and_service", lambda out: mpl.rc_context(module.CHART_STYLE))
    return module.Page("how-to/page", tmp_path)


CHARTS = """\
# Charts

```sh
# not a heading
```

<!-- Hidden.
```python
import matplotlib.pyplot as plt

value = 3
```
-->

```python
plt.plot([0, value])
plt.title("first")
```

```python
plt.plot([0, value], color="#000000")
```
"""


def test_each_chart_has_a_file_for_light_and_for_dark_pages(page, tmp_path):
    text = page.with_results(CHARTS, are_results_first=False)
    files = re.findall(r'src="\.\./(_images/[^"]+)"', text)
    assert files == [f"_images/how-to-page-{number}-{theme}.svg" for number in (1, 2) for theme in ("light", "dark")]
    drawn = [(tmp_path / file).read_text(encoding="utf-8") for file in files]
    assert len(set(drawn)) == 4
    assert not any(colour in svg for svg in drawn for colour in ("#010101", "#fefefe"))
    assert not any(colour in svg for svg in drawn[1::2] for colour in ("#000000", "#ffffff"))
    assert text.count('alt="Chart: Charts"') == 4


def test_hidden_blocks_run_and_are_not_shown(page):
    text = page.with_results(CHARTS, are_results_first=False)
    assert "value = 3" not in text
    assert "# not a heading" in text
    assert page.names["value"] == 3


def test_tables_and_printed_text_are_shown_as_text(page):
    code = """\
```python
import pandas as pd

print("<b>printed</b>")
pd.DataFrame({"name": ["<i>a</i>", None], "rate": [0.12345, float("nan")]})
```
"""
    text = page.with_results(code, are_results_first=False)
    assert "<pre>&lt;b&gt;printed&lt;/b&gt;\n</pre>" in text
    assert '<td>&lt;i&gt;a&lt;/i&gt;</td><td class="number">0.123</td>' in text
    assert text.count("NA</td>") == 2


def test_a_block_that_fails_is_named(page):
    with pytest.raises(Exception, match=r"(?s)how-to/page\.md failed with ZeroDivisionError.*1 / 0"):
        page.with_results("```python\n1 / 0\n```\n", are_results_first=False)
