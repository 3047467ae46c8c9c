"""Real-time recognition of real audio that is sent without pacing."""

import numpy as np
import pytest
from hearing import RECOGNIZER, conversations, pcm_of, terms_heard, terms_of, text_of, word_error_rate

from soniox_ds.emulator.recognizers.model import SpeechModel
from soniox_ds.emulator.recognizers.pieces import Word
from soniox_ds.emulator.recognizers.streaming import _unsettled

pytestmark = pytest.mark.xdist_group("recognizer")  # so that the same stretch of sound is recognized once

RATE = 16_000
SPEECH = ("market_stall", "platform_three", "evening_forecast", "new_colleagues")


@pytest.fixture(scope="module", autouse=True)
def recognized():
    """Let the model recognize each stretch of sound once, since streams ask for the same stretches in many tests."""
    recognize, results = SpeechModel._decode, {}

    def recognize_once(model, pcm, *options):
        key = pcm.tobytes(), getattr(model._window, "frames", None), options
        if key not in results:
            results[key] = recognize(model, pcm, *options)
        return results[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SpeechModel, "_decode", recognize_once)
        yield results


def updates_of(pcm, chunk_s=0.12, **options):
    """All updates of a session, the last one that of the close."""
    stream = RECOGNIZER.stream(options)
    size = round(chunk_s * RATE)
    updates = [stream.feed(pcm[start : start + size]) for start in range(0, len(pcm), size)]
    return [*updates, stream.close()]


def finals(updates):
    return [token for update in updates for token in update.final]


def check_laws(updates):
    """Check the laws of a session: settled tokens are in order, pending tokens follow them, counters only grow."""
    settled_ms = final_ms = total_ms = 0
    for update in updates:
        for token in update.final:
            if "start_ms" in token:
                assert token["start_ms"] >= settled_ms
                assert token["start_ms"] % 30 == 0
                assert token["end_ms"] == token["start_ms"] + 60
                settled_ms = token["end_ms"]
        assert all(token["start_ms"] >= settled_ms for token in update.tail)
        assert update.total_ms >= total_ms
        assert final_ms <= update.final_ms <= update.total_ms
        total_ms, final_ms = update.total_ms, update.final_ms
    assert updates[-1].tail == []
    text = text_of(finals(updates))
    assert not text.startswith(" ")


@pytest.mark.slow
def test_a_conversation_is_recognized_while_it_goes_on():
    name = conversations()[-1]
    updates = updates_of(pcm_of(name), enable_speaker_diarization=True)
    check_laws(updates)
    assert word_error_rate({name: text_of(finals(updates))}) < 0.12
    # Words are shown before they are settled, and settled long before the end.
    assert any(update.tail for update in updates)
    assert sum(bool(update.final) for update in updates) > 3
    assert finals(updates)[0]["speaker"] == "1"
    assert {token["speaker"] for token in finals(updates)} == {"1", "2"}


def test_the_cut_into_chunks_changes_nothing(recognized):
    texts = {}
    for name in SPEECH:
        once = updates_of(pcm_of(name), chunk_s=0.12)
        if name == SPEECH[0]:
            recognized.clear()  # so that one recording is really recognized twice
        again = updates_of(pcm_of(name), chunk_s=0.37)
        check_laws(once)
        check_laws(again)
        assert finals(once) == finals(again)
        texts[name] = text_of(finals(once))
    assert word_error_rate(texts) < 0.12


def test_a_whole_recording_at_once_gives_its_text_too():
    texts = {}
    for name in SPEECH:
        updates = updates_of(pcm_of(name), chunk_s=100)
        check_laws(updates)
        texts[name] = text_of(finals(updates))
    assert word_error_rate(texts) < 0.12


def word(text, start_s, end_s):
    return Word(text=text, start_s=start_s, end_s=end_s, probability=1.0)


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        pytest.param(word(" no", 1.1, 1.5), ["no", "more"], id="behind"),
        pytest.param(word(" no,", 0.9, 1.4), ["more"], id="the-same-again-a-little-later"),
        pytest.param(word(" no", 1.0, 1.2), ["no", "more"], id="said-twice"),
        pytest.param(word(" not", 0.9, 1.4), ["not", "more"], id="another-word"),
        pytest.param(word(" not", 0.7, 1.1), ["more"], id="in-its-place"),
    ],
)
def test_settled_words_are_not_repeated(second, kept):
    words = [word(" oh", 0.0, 0.5), second, word(" more", 2.0, 2.5)]
    found = _unsettled(words, last=word(" No.", 0.6, 1.0))
    assert [one.text.strip() for one in found] == kept


def test_finalize_settles_what_was_heard_and_the_session_goes_on():
    pcm = np.concatenate([pcm_of("short_answer"), np.zeros(RATE // 4, np.float32)])
    stream = RECOGNIZER.stream({})
    updates = [stream.feed(pcm)]
    updates.append(stream.finalize())
    first = finals(updates)
    assert first[-1] == {"text": "<fin>"}
    assert "correct" in text_of(first).lower()
    assert updates[-1].tail == []
    assert updates[-1].final_ms == updates[-1].total_ms == round(len(pcm) / 16)
    assert [token["text"] for token in stream.finalize().final] == ["<fin>"]
    rest = [stream.feed(pcm), stream.close()]
    assert "correct" in text_of(finals(rest)).lower()
    assert text_of(finals(rest)).startswith(" ")
    check_laws([*updates, *rest])


def test_a_pause_ends_an_utterance_where_endpoints_were_asked_for():
    pause = np.zeros(round(1.5 * RATE), np.float32)
    pcm = np.concatenate([pcm_of("short_answer"), pause, pcm_of("short_answer"), pause])
    texts = [token["text"] for token in finals(updates_of(pcm, enable_endpoint_detection=True))]
    assert texts.count("<end>") == 2
    assert texts[-1] == "<end>"
    assert 2 < texts.index("<end>") < len(texts) - 3
    assert "<end>" not in [token["text"] for token in finals(updates_of(pcm))]


def test_silence_says_nothing_and_is_done_with():
    updates = updates_of(pcm_of("quiet_room"), chunk_s=0.5, enable_endpoint_detection=True)
    assert finals(updates) == []
    assert all(update.tail == [] for update in updates)
    assert updates[-1].final_ms == updates[-1].total_ms == 10_000


def test_terms_and_languages_reach_a_stream():
    options = {"context": {"terms": terms_of("clinic_note")}, "enable_language_identification": True}
    tokens = finals(updates_of(pcm_of("clinic_note"), chunk_s=5, **options))
    assert terms_heard({"clinic_note": text_of(tokens)}) >= 2
    assert {token["language"] for token in tokens} == {"en"}


def test_a_session_without_audio_says_nothing():
    assert finals([RECOGNIZER.stream({}).close()]) == []
