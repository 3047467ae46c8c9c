"""Former names of modules and functions: they work, they warn, and they are the same objects."""

import importlib
import pkgutil
import subprocess
import sys

import pandas as pd
import pytest
from stream_logs import Log, streamed, token

import soniox_ds as sx
from soniox_ds import _renamed


@pytest.mark.parametrize("name", sorted(_renamed._MODULES))
def test_every_former_module_is_one_of_today(name):
    sys.modules.pop(f"soniox_ds.{name}", None)
    with pytest.warns(DeprecationWarning, match="is now soniox_ds"):
        module = importlib.import_module(f"soniox_ds.{name}")
    assert module is importlib.import_module(f"soniox_ds.{_renamed._MODULES[name]}")
    assert module.__spec__.name == module.__name__ == f"soniox_ds.{_renamed._MODULES[name]}"


@pytest.mark.parametrize("former", sorted(_renamed.NAMES))
def test_former_public_names_are_those_of_today(former):
    package, _, name = f"soniox_ds.{former}".rpartition(".")
    module, new = importlib.import_module(package), _renamed.NAMES[former]
    vars(module).pop(name, None)  # an import of the former module has bound it
    with pytest.warns(DeprecationWarning, match=f"soniox_ds.{former} is now soniox_ds.{new}") as warned:
        value = getattr(module, name)
    assert warned[0].filename == __file__
    assert value is pkgutil.resolve_name(f"soniox_ds.{new}")
    assert name not in dir(module)


def test_former_functions_count_and_summarize():
    references, transcripts = {"a": "the red fox", "b": "a dog"}, {"a": "the red fax", "b": "a dog"}
    aligned, errors = sx.align_words(transcripts, references), sx.word_errors(transcripts, references)
    aligned["language"] = "en"
    made = streamed(Log("a").opened(0).audio(0, 100).message(5, token("Hi", 0, final=True)))
    for former, name, arguments, by in (
        ("summarize_terms", "term_counts", (aligned, ["fox"], errors), "audio_id"),
        ("language_word_errors", "word_errors_by_language", (aligned, {"a": "en", "b": "en"}), None),
        ("stream_latencies", "live_latencies", (made,), "audio_id"),
        ("stream_stability", "live_stability", (made,), "audio_id"),
    ):
        with pytest.warns(
            DeprecationWarning,
            match=rf"soniox_ds\.{former}\(\.\.\.\) is now soniox_ds\.summarize\(soniox_ds\.metrics\.{name}\(\.\.\.\)\)",
        ) as warned:
            function = getattr(sx, former)
        assert warned[0].filename == __file__
        expected = sx.summarize(getattr(sx.metrics, name)(*arguments), by, n_resamples=200)
        grouped = {} if by is None else {"by": by}
        pd.testing.assert_frame_equal(function(*arguments, **grouped, n_resamples=200), expected)


def test_statements_of_older_notebooks_run():
    code = (
        "import soniox_ds as sx, soniox_ds.analysis.normalize\n"
        "from soniox_ds.analysis import text, statistics\n"
        "from soniox_ds.transcription.inspect import inspect\n"
        "from soniox_ds.errors import InputError\n"
        "from soniox_ds import errors\n"
        "from soniox_ds.plots.style import clock\n"
        "from soniox_ds import plot_timeline, StreamOptions\n"
        "assert plot_timeline is sx.plot.timeline and StreamOptions is sx.LiveOptions\n"
        "assert errors.InputError is InputError is sx.exceptions.InputError\n"
        "assert text.words is sx.words\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
