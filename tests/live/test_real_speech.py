"""Real recognition, live: what comes when, and what a cut costs."""

import re

import jiwer
import pytest

import soniox_ds as sx

pytestmark = [pytest.mark.xdist_group("whisper"), pytest.mark.slow]

RECORDING = "data/samples/platform_three.ogg"


def plain(text):
    return " ".join(re.sub(r"[^\w ]", " ", text.lower()).split())


def test_cut_real_speech_says_the_same_as_uncut():
    with sx.local_service("whisper") as service:
        uncut = plain(sx.stream(RECORDING, speed=4.0).text)
        for frames in (9, 22, 31):
            service.faults.next("ws_drop", "websocket", frames=frames)
            streamed = sx.stream(RECORDING, speed=4.0)
            assert (streamed.log["kind"] == "open").sum() == 2
            errors = jiwer.process_words(uncut, plain(streamed.text))
            assert errors.wer < 0.11, (uncut, streamed.text)  # as for the samples' own recognition
            assert errors.insertions == 0, "nothing is there twice"
