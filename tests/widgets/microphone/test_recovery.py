"""Storage of recordings in progress, and their recovery after the kernel has ended."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from filelock import FileLock
from tones import ToneRecognizer, pcm_bytes, random_words, speak

import soniox_ds as sx
from soniox_ds._background import submit
from soniox_ds.emulator import local_service
from soniox_ds.exceptions import InputError, RecordingsFailedWarning
from soniox_ds.options import LiveOptions
from soniox_ds.widgets.microphone import recovery
from soniox_ds.widgets.microphone.recovery import RecoveryStore

OPTIONS = LiveOptions(
    audio_format="pcm_s16le",
    sample_rate=16_000,
    num_channels=1,
    language_hints=["en"],
    context={"terms": ["Wörter"]},
)
# A recording as pages make it, in a process that is killed while it goes on.
CRASH = """
import asyncio, os, signal, sys
import soniox_ds as sx
from soniox_ds._background import submit
from soniox_ds.widgets.microphone.recorder import Recorder

mic = sx.Microphone(mode="proxy", save_to=sys.argv[2] or None)
sound = open(sys.argv[1], "rb").read()

async def record():
    send = mic._recorder.heard
    send({"type": "open", "take": "t", "mode": "proxy"}, b"", mic._comm)
    for seq, at in enumerate(range(0, len(sound), 3200)):
        send({"type": "item", "take": "t", "seq": seq, "kind": "audio"}, sound[at : at + 3200], mic._comm)
    while len(mic.text.split()) < 5:
        await asyncio.sleep(0.02)
    print(mic.text, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

submit(record()).result()
"""


@pytest.fixture
def speech(tmp_path):
    """The samples of some words, in a file, and the words."""
    words, pauses_ms = random_words(21, 12)
    path = tmp_path / "spoken.pcm"
    path.write_bytes(pcm_bytes(speak(words, pauses_ms=pauses_ms)[0]))
    return path, words


@pytest.fixture
def cache(tmp_path, own_recordings):
    return tmp_path / "cache"


def killed_while_recording(service, path, save_to):
    """Returns what was settled by then, as that process saw it."""
    ended = subprocess.run(
        [sys.executable, "-c", CRASH, str(path), save_to],
        capture_output=True,
        text=True,
        env=os.environ | service.environment,
        timeout=120,
    )
    assert ended.returncode == -9, ended.stderr
    return ended.stdout.strip()


@pytest.fixture
def tones():
    with local_service(ToneRecognizer(), speed=20) as service:
        yield service


def test_a_killed_kernel_leaves_what_was_settled_in_the_folder(tones, speech, cache, tmp_path):
    path, words = speech
    folder = tmp_path / "kept"
    seen = killed_while_recording(tones, path, str(folder))
    with pytest.warns(RecordingsFailedWarning, match=r"ended with its kernel; \d+ words were settled and are in"):
        sx.Microphone(save_to=folder)
    assert len(list(folder.iterdir())) == 2, "tables and sound, nothing else"
    (kept,) = (found for found in folder.iterdir() if not found.suffix)
    streamed = sx.read_live_result(kept)
    assert streamed.text.startswith(seen)
    assert " ".join(words).startswith(streamed.text)
    assert streamed.recordings[["audio_id", "status", "error_type"]].values.tolist() == [
        ["microphone", "failed", "unfinished"]
    ]
    with wave.open(str(kept.with_suffix(".wav"))) as file:
        sound = file.readframes(file.getnframes())
    assert len(sound) > 0
    assert path.read_bytes().startswith(sound)
    sx.Microphone(save_to=folder)  # nothing to be told any more


def test_without_a_folder_it_is_recovered_and_told_once(tones, speech, cache):
    path, words = speech
    seen = killed_while_recording(tones, path, "")
    with pytest.warns(RecordingsFailedWarning, match=r"are in mic\.recovered"):
        mic = sx.Microphone()
    assert mic.recovered.text.startswith(seen)
    assert " ".join(words).startswith(mic.recovered.text)
    assert mic.recovered.text == sx.Microphone().recovered.text
    assert not list(cache.rglob("*.pcm")), "sound goes to disk where a folder was named only"
    assert all(path.stat().st_mode & 0o077 == 0 for path in cache.rglob("*.streams"))
    for path in cache.rglob("*.jsonl"):
        os.utime(path, times=(time.time() - 31 * 86_400,) * 2)
    with pytest.raises(InputError, match="there is no recording to recover"):
        _ = mic.recovered
    assert not list(cache.rglob("*.jsonl"))


def begun(place, **settings):
    safe = RecoveryStore(place, keep_audio=True, **settings)
    return safe, safe.begin(audio_id="a", options=OPTIONS, service="local", begun_at=datetime(2026, 5, 4, tzinfo=UTC))


def recorded(sound, *, stop=True, **settings):
    """Return a microphone that has received this audio, and has settled all of it if it was stopped."""
    mic = sx.Microphone(mode="proxy", transport="comm", **settings)

    async def record():
        send = mic._recorder.heard
        send({"type": "open", "take": "t", "mode": "proxy"}, b"", mic._comm)
        for seq, at in enumerate(range(0, len(sound), 3200)):
            send({"type": "item", "take": "t", "seq": seq, "kind": "audio"}, sound[at : at + 3200], mic._comm)
        if stop:
            send({"type": "item", "take": "t", "seq": seq + 1, "kind": "stop"}, b"", mic._comm)
        while not (mic._recorder.takes and (mic._recorder.takes[0].is_over or not stop)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await mic._all_put_away()
        while not mic._recorder.takes[0].transcript.settled:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    submit(record()).result(timeout=60)
    return mic


def unread(cache):
    return list(cache.rglob("*.jsonl"))


@pytest.mark.parametrize("reading", ["text", "tokens", "segments", "log", "result", "corpus"])
def test_unread_recordings_are_recovered_after_the_cell_was_run_again(tones, speech, cache, reading):
    path, words = speech
    first = recorded(path.read_bytes())
    assert repr(first).startswith("Microphone(finished, 1 recording")  # neither this nor a picture of it reads it
    first._repr_mimebundle_()
    assert len(unread(cache)) == 1
    told = rf"was neither read nor saved; {len(words)} words were settled and are in mic\.recovered"
    with pytest.warns(RecordingsFailedWarning, match=told):
        second = sx.Microphone()
    assert second.recovered.text.split() == words
    assert second.recovered.recordings["status"].tolist() == ["completed"]
    sx.Microphone()  # told once
    found = getattr(first, reading)
    assert len(found() if callable(found) else found) > 0
    submit(asyncio.sleep(0)).result()  # the background loop has forgotten the recording
    with pytest.raises(InputError, match="there is no recording to recover"):
        _ = second.recovered
    assert not unread(cache)


def test_a_recording_that_goes_on_while_the_cell_is_run_again(tones, speech, cache):
    path, words = speech
    first = recorded(path.read_bytes(), stop=False)
    with pytest.warns(RecordingsFailedWarning, match="has not ended yet"):
        second = sx.Microphone()
    assert " ".join(words).startswith(second.recovered.text)
    first.stop()
    first.close()
    assert second.recovered.text.split() == words
    assert first.text.split() == words


def test_recordings_may_be_removed_while_others_are_looked_for(tmp_path):
    over = threading.Event()

    def come_and_go():
        while not over.is_set():
            _, kept = begun(tmp_path / "place")
            kept.forget()

    looking = RecoveryStore(tmp_path / "place", keep_audio=True)
    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(come_and_go) for _ in range(3)]
        try:
            for _ in range(300):
                looking.broken_off()
        finally:
            over.set()
        for other in others:
            other.result()


def test_a_recording_begins_although_another_kernel_looks_at_its_file(tmp_path, monkeypatch):
    """A beginning that is repeated, because the folder was removed, may have left a file that another kernel reads."""
    monkeypatch.setattr("secrets.token_hex", lambda size: "0" * 2 * size)
    (tmp_path / "place.streams").mkdir()
    looking = FileLock(tmp_path / "place.streams" / "20260504T000000-00000000.lock", thread_local=False)
    looking.acquire()
    threading.Timer(0.2, looking.release).start()
    _, kept = begun(tmp_path / "place")
    assert kept is not None
    kept.forget()


def test_several_that_nobody_read_are_told_apart(tones, speech, cache):
    path, words = speech
    made = [recorded(path.read_bytes())]
    for _ in range(2):
        with pytest.warns(RecordingsFailedWarning, match="neither read nor saved"):
            made.append(recorded(path.read_bytes()))
    with pytest.warns(RecordingsFailedWarning, match="neither read nor saved"):
        recovered = sx.Microphone().recovered
    assert len(set(recovered.recordings["audio_id"])) == 3
    assert [text.split() for text in recovered.text.split("\n")] == [words] * 3
    for mic in made:
        assert mic.text


HELPERS = [str(Path(module.__file__).parent) for module in (sys.modules[__name__], sys.modules["tones"])]
LEFT = """
import asyncio, os, signal, sys
import soniox_ds as sx
from soniox_ds._background import submit
sys.path[:0] = sys.argv[2].split(os.pathsep)
from test_recovery import recorded

mic = recorded(open(sys.argv[1], "rb").read())
if sys.argv[3] == "read":
    print(mic.text)
    submit(asyncio.sleep(0)).result()
elif sys.argv[3] == "wait":
    print("recorded", flush=True)
    sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def in_another_kernel(service, path, then):
    return subprocess.Popen(
        [sys.executable, "-c", LEFT, str(path), os.pathsep.join(HELPERS), then],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | service.environment,
    )


def test_unread_recordings_of_an_ended_kernel_are_recovered_whole(tones, speech, cache):
    path, words = speech
    with in_another_kernel(tones, path, "read") as kernel:
        kernel.wait(timeout=120)
    sx.Microphone()  # nothing to tell
    with in_another_kernel(tones, path, "wait") as kernel:
        assert kernel.stdout.readline() == "recorded\n"
        sx.Microphone()  # that kernel lives, and has it
        kernel.stdin.close()
        kernel.wait(timeout=120)
    with pytest.warns(RecordingsFailedWarning, match=f"before its kernel ended; {len(words)} words were settled"):
        mic = sx.Microphone()
    assert mic.recovered.text.split() == words
    assert mic.recovered.recordings["status"].tolist() == ["completed"]


def test_running_recordings_continue_and_forgotten_ones_leave_no_files(tmp_path):
    safe, kept = begun(tmp_path / "x")
    kept.audio(b"\1\0" * 100)
    assert safe.broken_off() == []
    kept.close()
    (found,) = safe.broken_off()
    assert (found.pcm, found.begun_at.year, found.is_news) == (b"\1\0" * 100, 2026, True)
    assert found.streamed.recordings["options_hash"].tolist() == [OPTIONS.hash()]
    safe.forget(found)
    assert not safe.folder.exists()
    _, kept = begun(tmp_path / "x")
    kept.forget()
    assert not safe.folder.exists()


def test_a_disk_that_fails_is_told_once_and_costs_the_recording_nothing(tmp_path, monkeypatch):
    told = []
    _, kept = begun(tmp_path / "x", trouble=told.append)
    kept._sound.close()
    kept._sound = kept._stack.enter_context(open("/dev/full", "wb", buffering=0))  # noqa: SIM115
    for _ in range(3):
        kept.audio(b"\1\0")
    assert len(told) == 1
    assert "No space left" in told[0]
    monkeypatch.setattr(recovery.secrets, "token_hex", lambda size: "x")
    (tmp_path / "y.streams" / "20260504T000000-x.pcm").mkdir(parents=True)
    safe, kept = begun(tmp_path / "y", trouble=told.append)
    assert kept is None
    assert len(safe.broken_off()) == 1, "no lock is left"
    told.pop()
    (tmp_path / "file").write_text("")
    _, kept = begun(tmp_path / "file" / "x", trouble=told.append)
    assert kept is None
    assert len(told) == 2
