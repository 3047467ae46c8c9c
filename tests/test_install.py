"""The package as somebody installs it: `make test-install` runs these tests on an installed wheel with new releases."""

from __future__ import annotations

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from notebook_files import new_notebook, run_notebook
from tones import amr_file
from waiting import PATIENCE_S

import soniox_ds as sx
from soniox_ds import demo
from soniox_ds.cli import main
from soniox_ds.widgets.captions.live_captions import LiveCaptionsWidget
from soniox_ds.widgets.microphone.microphone import MicrophoneWidget
from soniox_ds.widgets.review.queue import ReviewQueue

ENCODERS = {
    "wav": ("wav", "pcm_s16le", 16_000),
    "mp3": ("mp3", "libmp3lame", 16_000),
    "flac": ("flac", "flac", 16_000),
    "ogg": ("ogg", "libopus", 48_000),
    "opus": ("ogg", "libopus", 48_000),
    "m4a": ("ipod", "aac", 16_000),
    "mp4": ("mp4", "aac", 16_000),
    "webm": ("webm", "libopus", 48_000),
    "aac": ("adts", "aac", 16_000),
    "aiff": ("aiff", "pcm_s16be", 16_000),
    "wma": ("asf", "wmav2", 44_100),
}


def encoded(path: Path, container: str, codec: str, rate: int) -> None:
    """Write two seconds of a tone with a title; the pitch differs from file to file."""
    pitch = 300 + 20 * len(path.name) + ord(path.suffix[1])
    tone = (9000 * np.sin(2 * np.pi * pitch * np.arange(2 * rate) / rate)).astype("<i2")
    with av.open(str(path), "w", format=container) as media:
        media.metadata["title"] = "Ein Gespräch"
        stream = media.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":  # has no default that it accepts
            stream.bit_rate = 64_000
        frame = av.AudioFrame.from_ndarray(tone[None], "s16", "mono")
        frame.sample_rate = rate
        size = stream.codec_context.frame_size or None
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=size)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            media.mux(stream.encode(part))
        media.mux(stream.encode(None))


def test_recordings_of_every_container_are_transcribed(tmp_path, service):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for extension, encoder in ENCODERS.items():
        encoded(folder / f"{extension}.{extension}", *encoder)
    (folder / "amr.amr").write_bytes(amr_file(2.0))
    journal = tmp_path / "journal.sqlite"
    corpus = sx.transcribe(folder, enable_speaker_diarization=True, journal=journal, progress=False)
    assert len(corpus.completed) == 12, corpus.failed
    lengths = corpus.recordings.set_index("audio_id")["duration_ms"]
    # Encoders pad, and the length of raw AAC is estimated.
    assert {name: length for name, length in lengths.items() if abs(length - 2000) > 300} == {}
    assert len(sx.words(corpus.tokens))
    corpus.save(tmp_path / "corpus")
    assert len(sx.read_corpus(tmp_path / "corpus").tokens) == len(corpus.tokens)
    asked = len(service.requests)
    assert len(sx.transcribe(folder, enable_speaker_diarization=True, journal=journal, progress=False).completed) == 12
    assert len(service.requests) == asked  # recalled
    assert sx.stream(folder / "mp3.mp3", speed=None).recordings["status"].tolist() == ["completed"]


def test_a_notebook_runs(tmp_path):
    recording = str(sx.io.samples_folder() / "choir_practice.mp3")
    cells = [
        "import soniox_ds as sx\nservice = sx.local_service('scripted', speed=100).start()",
        f"corpus = sx.transcribe({recording!r}, enable_speaker_diarization=True, journal='journal.sqlite')\ncorpus",
        "sx.plot.timeline(sx.speaker_turns(corpus))",
        "sx.Microphone()",
    ]
    outputs = [cell.outputs for cell in run_notebook(new_notebook(cells), timeout_s=PATIENCE_S, folder=tmp_path).cells]
    assert "1 recording" in outputs[1][-1].data["text/plain"]
    assert "image/png" in outputs[2][-1].data
    kinds = {kind for output in outputs[3] for kind in output.get("data", {})}
    assert "application/vnd.jupyter.widget-view+json" in kinds


def test_each_widget_comes_with_its_scripts_and_styles():
    """They lie beside the Python modules; the notebook gets them joined."""
    for widget in (MicrophoneWidget, LiveCaptionsWidget, ReviewQueue):
        assert "export default" in widget._esm
        assert ".sx-still" in widget._css


def test_every_module_is_imported_without_a_deprecated_call():
    code = (
        "import pkgutil, importlib, soniox_ds\n"
        "for module in pkgutil.walk_packages(soniox_ds.__path__, 'soniox_ds.'):\n"
        "    if not module.name.endswith('__main__'):\n"
        "        importlib.import_module(module.name)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
@pytest.mark.xdist_group("whisper")
def test_the_quick_demo_and_the_commands_that_it_prints(tmp_path, monkeypatch, capsys):
    for name in ("SONIOX_API_KEY", "SONIOX_DS_WHISPER_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.defpath)  # as after `make demo`: nothing of the environment is on it
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # a journal of its own
    assert main(["demo", "--quick", "--local", "--out", "demo output"]) == 0
    shown = capsys.readouterr().out
    assert "2 recordings" in shown
    assert "LOCAL" in shown
    assert "one page, with players: demo output/report.html" in shown
    assert (tmp_path / "demo output" / "report.html").stat().st_size > 10_000
    steps = shown.partition("What to type next\n")[2].strip().splitlines()
    assert len(steps) == 3
    for step in steps:
        ran = subprocess.run(step, shell=True, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, (step, ran.stderr)
    own = sx.read_corpus(tmp_path / "demo output" / "lighthouse")
    assert own.recordings["service"].tolist() == ["local"]
    assert "lighthouse" in own.recordings["text"].iloc[0].lower()


def test_the_commands_name_the_programs_as_the_shell_finds_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path(sys.executable).parent
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.defpath]))
    assert [shlex.split(step)[0] for step in demo.next_steps(Path("out"), True)[:2]] == ["python", "soniox-ds"]
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.chdir(folder.parent)
    assert shlex.split(demo.next_steps(Path("out"), True)[1])[0] == f"{folder.name}/soniox-ds"


def test_the_notebook_is_offered_where_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert not [step for step in demo.next_steps(Path("out"), False) if "jupyter" in step]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / demo.NOTEBOOK).touch()
    *install, start = [step for step in demo.next_steps(Path("out"), False) if "jupyter" in step]
    assert start.endswith(demo.NOTEBOOK)
    assert ("--allow-root" in start) == (os.geteuid() == 0)
    assert len(install) == (importlib.util.find_spec("jupyterlab") is None)
    if not install:
        assert subprocess.run([shlex.split(start)[0], "--version"], check=False, capture_output=True).returncode == 0
