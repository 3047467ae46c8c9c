"""Audio and files that a page asks the kernel for after a recording."""

import csv
import io
import zipfile

import numpy as np
import pytest
from test_microphone import PAUSES, SPOKEN, WORDS, Page, close, items, make
from tones import ToneStream, speak

from soniox_ds.emulator import local_service
from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer
from soniox_ds.live.audio_sources import decoded

pytestmark = pytest.mark.usefixtures("own_recordings")
STARTS_MS = speak(WORDS, pauses_ms=PAUSES)[1]


async def recorded(page, messages=None, **options):
    """Return a recorder that has made one recording."""
    recorder = make(page, **options)
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    for message in messages or items():
        recorder.heard(*message, page)
    await page.get("ended")
    return recorder


def heard_in(audio):
    """The words that are said in an Ogg Opus file."""
    samples = np.frombuffer(b"".join(decoded(audio)), "<i2") / np.float32(32_768)
    stream = ToneStream({})
    final = [*stream.feed(samples.astype(np.float32)).final, *stream.close().final]
    return "".join(token["text"] for token in final).split()


def ask_for_clip(recorder, page, start_ms, end_ms, audio_id="microphone"):
    clip = {"type": "clip", "page": "p", "audio_id": audio_id, "start_ms": start_ms, "end_ms": end_ms}
    recorder.heard(clip, b"", page)


async def test_a_clip_has_the_words_that_were_said_in_its_time(tones):
    page = Page()
    recorder = await recorded(page)
    start_ms, end_ms = STARTS_MS[2] - 20, STARTS_MS[5] - 20
    ask_for_clip(recorder, page, start_ms, end_ms)
    answer = await page.get("clip")
    assert (answer["page"], answer["start_ms"], answer["end_ms"], answer["reason"]) == ("p", start_ms, end_ms, "")
    assert heard_in(page.files[0]) == WORDS[2:5]

    # without audio there is a reason
    ask_for_clip(recorder, page, len(SPOKEN) // 32, len(SPOKEN) // 32 + 100)
    assert (await page.get("clip", 2))["reason"] == "the audio ends before"
    ask_for_clip(recorder, page, 0, 100, audio_id="another")
    assert (await page.get("clip", 3))["reason"] == "this microphone has no such recording"
    assert len(page.files) == 1
    await close(recorder)


async def test_without_kept_audio_pages_are_offered_none(tones):
    page = Page()
    recorder = make(page)
    recorder.keep_audio = False
    recorder.heard({"type": "open", "take": "t", "mode": "proxy"}, b"", page)
    for message in items():
        recorder.heard(*message, page)
    assert (await page.get("ended"))["audio"] is None
    recorder.heard({"type": "hello", "page": "p", "origin": "http://here"}, b"", page)
    assert (await page.get("snapshot"))["audio"] is None
    ask_for_clip(recorder, page, 0, 100)
    assert (await page.get("clip"))["reason"] == "the audio was not kept (keep_audio=False)"
    await close(recorder)


async def export(recorder, page, kind, count=1):
    recorder.heard({"type": "export", "page": "p", "request": f"r{count}", "format": kind}, b"", page)
    answer = await page.get("exported", count)
    assert (answer["page"], answer["request"]) == ("p", f"r{count}")
    return answer


async def test_subtitles_and_table_of_what_was_said(tones):
    page = Page()
    recorder = make(page)
    assert (await export(recorder, page, "srt"))["reason"] == "nothing was recorded yet, so there is nothing to save"
    await close(recorder)
    page = Page()
    recorder = await recorded(page)
    assert (await export(recorder, page, "srt"))["name"] == "microphone.srt"
    text = page.files[0].decode()
    assert [word for line in text.splitlines() if line[:1].isalpha() for word in line.split()] == WORDS
    assert text.splitlines()[1].startswith("00:00:00,")

    answer = await export(recorder, page, "csv", 2)
    assert (answer["name"], answer["mime"]) == ("microphone.csv", "text/csv")
    rows = list(csv.DictReader(io.StringIO(page.files[1].decode("utf-8-sig"))))
    assert " ".join(row["text"] for row in rows).split() == WORDS
    assert "unknown format" in (await export(recorder, page, "exe", 3))["reason"]
    await close(recorder)


async def test_an_error_that_we_did_not_foresee_is_told_and_logged(tones, monkeypatch, caplog):
    def broken(result, name):
        raise RuntimeError("no space")

    page = Page()
    recorder = await recorded(page)
    monkeypatch.setattr("soniox_ds.widgets.microphone.recorder.export", broken)
    assert (await export(recorder, page, "srt"))["reason"] == "RuntimeError: no space"
    assert "cannot be saved as a file" in caplog.text
    await close(recorder)


async def test_translations_have_subtitles_of_their_own():
    script = [{"text": "Good morning.", "language": "en"}, {"text": "Guten Abend.", "language": "de"}]
    translation = {"type": "two_way", "language_a": "en", "language_b": "de"}
    page = Page()
    with local_service(ScriptedRecognizer(stream_script=script), speed=20):
        loud = SPOKEN[32 * STARTS_MS[0] + 640 :][:3200]  # the script goes on while there is sound
        recorder = await recorded(page, items(chunks=[loud] * 60), translation=translation)
    answer = await export(recorder, page, "srt")
    assert (answer["name"], answer["mime"]) == ("microphone.srt.zip", "application/zip")
    with zipfile.ZipFile(io.BytesIO(page.files[0])) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert "Good morning." in texts["microphone.srt"]
    assert set(texts) == {"microphone.srt", "microphone.de.srt", "microphone.en.srt"}
    await close(recorder)
