"""Running text agrees with `sx.texts` wherever it is read, also where the service leaves spaces out."""

import asyncio

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import soniox_ds as sx
from soniox_ds._background import submit
from soniox_ds.emulator import local_service
from soniox_ds.live.audio_sources import decoded
from soniox_ds.live.replay import tokens_table
from soniox_ds.live.transcript import LiveToken, Transcript, texts_of

pytestmark = pytest.mark.usefixtures("own_recordings")
ONE_WAY = {"type": "one_way", "target_language": "de"}


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"enable_speaker_diarization": True}, id="speakers"),
        pytest.param({"enable_language_identification": True}, id="languages"),
        pytest.param({"enable_speaker_diarization": True, "translation": ONE_WAY}, id="translated"),
    ],
)
def test_no_utterances_are_glued_together(tmp_path, options):
    with local_service("scripted", speed=20):
        path = "data/samples/garden_centre_call.ogg"
        streamed = sx.stream(path, speed=None, enable_endpoint_detection=True, **options)
        corpus = sx.transcribe([path], journal=tmp_path / "journal", progress=False, **options)
        mic = sx.Microphone(transport="comm", enable_endpoint_detection=True, **options)
        asyncio.run(record(mic, b"".join(decoded(path))))
        plain = sx.transcribe([path], journal=tmp_path / "journal", progress=False)

    for text, recordings, tokens in [
        (streamed.text, streamed.recordings, streamed.tokens),
        (mic.text, mic.result().recordings, mic.tokens),
        (corpus.recordings["text"][0], corpus.recordings, corpus.tokens),
    ]:
        written = sx.texts(tokens).set_index("translation_status")["text"]
        assert text == written["original"] == recordings["text"][0]
        assert text.split() == " ".join(sx.words(originals(tokens))["text"]).split()
    assert corpus.recordings["text"][0] == plain.recordings["text"][0], "neither speakers nor translations change it"
    assert " ".join(segment.text for segment in mic.segments) == mic.text
    if "translation" in options:
        written = sx.texts(mic.tokens).set_index("translation_status")["text"]
        assert " ".join(segment.translation for segment in mic.segments) == written["translation"]


def originals(tokens):
    return tokens[~(tokens["translation_status"] == "translation").fillna(False)]


async def record(mic, sound):
    """Let a page record, as far as the kernel sees it."""

    async def page():
        say = mic._recorder.heard
        say({"type": "open", "take": "t", "mode": "proxy"}, b"", mic._comm)
        for seq, at in enumerate(range(0, len(sound), 32_000)):
            say({"type": "item", "take": "t", "seq": seq, "kind": "audio"}, sound[at : at + 32_000], mic._comm)
        say({"type": "item", "take": "t", "seq": seq + 1, "kind": "stop"}, b"", mic._comm)

    submit(page()).result()
    await mic.until_stopped()


pieces = st.sampled_from(["a", " b", "C", ".", " ", "好", "«", "?", " d e", "3", "-", "é\n"])
labels = st.sampled_from([None, "1", "2"])
kinds = st.sampled_from([None, None, "original", "translation"])


@given(st.lists(st.builds(LiveToken, text=pieces, speaker=labels, language=labels, translation_status=kinds)))
def test_texts_are_those_of_the_tables(tokens):
    table = sx.texts(tokens_table(tokens, "a"))
    written = dict(zip(table["translation_status"], table["text"], strict=True))
    assert texts_of(tokens)._asdict() == {
        "original": written.get("original", ""),
        "translation": written.get("translation", ""),
    }


END = {"text": "<end>", "is_final": True}


def final(text, **more):
    return {"text": text, "is_final": True, "start_ms": 0, "end_ms": 60, **more}


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        pytest.param([final("One."), END, final("Two")], "One. Two", id="endpoint"),
        pytest.param([final("One."), END, final(" Two")], "One. Two", id="endpoint-with-a-space"),
        pytest.param([final("One"), END, final("."), final("Two")], "One.Two", id="punctuation-comes-late"),
        pytest.param([final("好"), END, final("的")], "好的", id="script-without-spaces"),
        pytest.param([final("Yes.", speaker="1"), final("No.", speaker="2")], "Yes. No.", id="speakers"),
        pytest.param([final("Ja.", language="de"), final("No", language="en")], "Ja. No", id="languages"),
        pytest.param([final("Ja", speaker="1"), final("?", speaker="2"), final("No")], "Ja? No", id="late-mark"),
        pytest.param([final("far"), final("away")], "faraway", id="pieces-of-a-word"),
    ],
)
def test_spaces_that_the_service_leaves_out(tokens, text):
    transcript = Transcript()
    transcript.fold({"tokens": tokens}, received_ms=0.0)
    assert transcript.text == text
    table = tokens_table(transcript.settled, "a")
    assert sx.texts(table)["text"].tolist() == [text]


def test_translations_of_several_chunks_are_not_glued_in_their_segment():
    def german(text):
        return final(text, language="de", source_language="en", translation_status="translation")

    transcript = Transcript()
    chunks = [final("Tomorrow.", language="en"), german("Morgen."), final(" How?", language="en"), german("Wie?")]
    transcript.fold({"tokens": chunks}, received_ms=0.0)
    (segment,) = transcript.segments
    assert (segment.text, segment.translation) == ("Tomorrow. How?", "Morgen. Wie?")


def test_a_log_of_no_words_has_no_text():
    log = pd.DataFrame({"audio_id": [], "at_ms": [], "kind": [], "session": [], "offset_ms": [], "payload": []})
    assert sx.LiveResult(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}), log).text == ""
