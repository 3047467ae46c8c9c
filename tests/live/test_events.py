"""Folding: cases counted by hand, and laws that hold however the messages are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.exceptions import BadAnswerError
from soniox_ds.live.resume import WINDOW_MS, first_new, resume_at
from soniox_ds.live.transcript import LiveToken, Transcript


def token(text, start_ms=0, final=True, **more):
    return {"text": text, "start_ms": start_ms, "end_ms": start_ms + 60, "confidence": 0.9, "is_final": final, **more}


def message(*tokens, **counters):
    return {"tokens": list(tokens), "final_audio_proc_ms": 0, "total_audio_proc_ms": 0, **counters}


def folded(*messages, transcript=None):
    transcript = transcript or Transcript()
    updates = [transcript.fold(each, received_ms=100.0 * number) for number, each in enumerate(messages)]
    return transcript, updates


def test_pending_is_replaced_and_settled_stays():
    transcript, updates = folded(
        message(token("Tern", final=False)),
        message(token("Turn"), token(" le", 300, final=False)),
        message(token(" left", 300), token(".", 600)),
    )
    assert [update.text for update in updates] == ["", "Turn", " left."]
    assert [update.pending_text for update in updates] == ["Tern", " le", ""]
    assert transcript.text == "Turn left."


def test_when_a_token_came_and_when_it_was_settled():
    transcript, _ = folded(
        message(token("a", 0, final=False)),  # at 0
        message(token("a", 0, final=False), token(" b", 500, final=False)),  # at 100
        message(token("a", 0)),  # at 200
        message(token(" b", 500), token(" c", 900)),  # at 300
    )
    assert [(each.text, each.received_ms, each.final_ms) for each in transcript.settled] == [
        ("a", 0.0, 200.0),
        (" b", 100.0, 300.0),
        (" c", 300.0, 300.0),
    ]


def test_markers_are_no_text_and_cut_segments():
    transcript, updates = folded(
        message(token("One."), {"text": "<end>", "is_final": True}, token("Two", 900)),
        message({"text": "<fin>"}, {"text": "<end>"}, {"text": "<end>"}),
    )
    assert transcript.text == "One. Two"
    assert [(segment.text, segment.is_open) for segment in transcript.segments] == [("One.", False), ("Two", False)]
    assert [(update.is_endpoint, update.is_finalized) for update in updates] == [(True, False), (True, True)]


def test_translations_are_paired_with_what_they_translate():
    def german(text):
        return {"text": text, "is_final": True, "language": "de", "source_language": "en",
                "translation_status": "translation", "confidence": 0.9}  # fmt: skip

    def english(text, at):
        return token(text, at, language="en", translation_status="original")

    transcript, _ = folded(
        message(english("Good", 0), english(" morning", 300), german("Guten"), german(" Morgen")),
        message({"text": "<end>", "is_final": True}),
        message(german(".")),  # after the endpoint
        message(english("Bye", 2000), german("Tschüs")),
    )
    assert transcript.text == "Good morning Bye"
    assert [(segment.text, segment.translation) for segment in transcript.segments] == [
        ("Good morning", "Guten Morgen."),
        ("Bye", "Tschüs"),
    ]
    assert all(each.received_ms is None for each in transcript.settled if each.is_translation)


HOSTILE = "<b>x</b><script>alert(1)</script>\u202eabc 👩‍👩‍👧 &amp; <END> < end>"


def test_text_is_text():
    transcript, _ = folded(message(token(HOSTILE)))
    assert transcript.text == HOSTILE


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param({"tokens": "abc"}, id="no-list"),
        pytest.param({"tokens": [{"start_ms": 0}]}, id="no-text"),
        pytest.param({"tokens": [None]}, id="null"),
        pytest.param({"tokens": [{"text": "a", "start_ms": "soon"}]}, id="time"),
        pytest.param({"tokens": [token("a")], "final_audio_proc_ms": "x"}, id="counter"),
    ],
)
def test_a_message_that_is_none_changes_nothing(bad):
    transcript, _ = folded(message(token("a"), token(" b", 300, final=False)))
    before = list(transcript.settled), transcript.pending
    with pytest.raises(BadAnswerError):
        transcript.fold(bad, received_ms=5.0)
    assert (transcript.settled, transcript.pending) == before


def test_undocumented_fields_are_accepted():
    transcript, updates = folded(
        {"tokens": [{"text": "a", "is_final": True, "new_field": [1]}], "surprise": {}},
        {},
        {"tokens": [], "finished": True},
    )
    assert transcript.text == "a"
    assert updates[-1].is_finished


# laws ----------------------------------------------------------------------------------------------------------------

texts = st.sampled_from(["a", " b", " c", "d", "。", " <end", "<end>", "<fin>"])


@st.composite
def final_tokens(draw):
    """Final tokens in order, markers among them."""
    at, tokens = 0, []
    for text in draw(st.lists(texts, max_size=25)):
        at += draw(st.integers(0, 900))
        tokens.append({"text": text, "is_final": True} if text in ("<end>", "<fin>") else token(text, at))
    return tokens


def cut(data, tokens):
    """The same tokens in messages, each followed by any pending ones."""
    messages, rest = [], list(tokens)
    while rest:
        size = data.draw(st.integers(0, len(rest)))
        pending = [token(text, 99_999, final=False) for text in data.draw(st.lists(st.sampled_from("xy"), max_size=3))]
        messages.append(message(*rest[:size], *pending))
        rest = rest[size:]
    return messages


@given(st.data())
def test_however_the_messages_are_cut_the_settled_tokens_are_the_same(data):
    first, second = data.draw(final_tokens()), data.draw(final_tokens())
    results = []
    for _ in range(2):
        transcript = Transcript()
        seen = []
        for number, (offset_ms, tokens) in enumerate([(0, first), (3000, second), (6000, first)]):
            for each in cut(data, tokens):
                before = tuple(transcript.settled)
                update = transcript.fold(each, received_ms=0.0, session=number, offset_ms=offset_ms)
                assert tuple(transcript.settled[: len(before)]) == before, "settled tokens never change"
                assert tuple(transcript.settled[len(before) :]) == update.settled, "each is told once"
                seen += update.settled
        seen += transcript.close().settled
        assert seen == transcript.settled
        results.append(
            [(each.text, each.start_ms, each.session) for each in transcript.settled]
            + [[segment.text for segment in transcript.segments]]
        )
    assert results[0] == results[1]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(60, 2000)), max_size=30), st.integers(0, 5000))
def test_repeated_audio_is_never_longer_than_the_window_and_never_ahead(words, silence_ms):
    at, tokens = 0, []
    for text, pause_ms in words:
        at += pause_ms
        tokens.append(LiveToken(text=f" {text}", start_ms=at, end_ms=at + 60))
    final_ms = (tokens[-1].end_ms if tokens else 0) + silence_ms
    resume_ms = resume_at(tokens, final_ms)
    assert max(0, final_ms - WINDOW_MS) <= resume_ms <= final_ms


@given(st.lists(st.sampled_from(["ab", "cd", "ef"]), max_size=12), st.integers(0, 12), st.integers(-60, 60))
def test_repeated_words_are_told_from_new_ones(words, old, shift_ms):
    """Even if words recur: all of the old ones are dropped, none of the new ones."""
    heard = [LiveToken(text=f" {word}", start_ms=400 * n, end_ms=400 * n + 60) for n, word in enumerate(words)]
    expected = [
        LiveToken(text=f" {word}", start_ms=400 * n + shift_ms, end_ms=400 * n + 60 + shift_ms)
        for n, word in enumerate(words[:old])
    ]
    assert first_new(expected, heard) == len(expected)


def test_times_decide_if_the_new_session_recognised_other_words():
    def tokens(text, *starts):
        return [
            LiveToken(text=f" {word}", start_ms=at, end_ms=at + 60)
            for word, at in zip(text.split(), starts, strict=True)
        ]

    assert first_new(tokens("metoprolol", 1000), tokens("my top roll and then", 990, 1010, 1030, 1500, 1800)) == 3


def test_a_speaker_of_a_later_session_is_nobody_of_an_earlier_one():
    transcript = Transcript()
    transcript.fold(message(token("Hi", 0, speaker="1")), received_ms=0.0)
    transcript.fold(message(token("Hi", 0, speaker="1"), token(" you", 2000, speaker="2")), received_ms=0.0,
                    session=1, offset_ms=0)  # fmt: skip
    transcript.close()
    assert [(each.text, each.speaker) for each in transcript.settled] == [("Hi", "1"), (" you", "2@2")]


def test_a_word_that_goes_on_behind_a_seam_is_not_torn():
    transcript = Transcript()
    transcript.fold(message(token("far", 0), token(" bey", 300), final_audio_proc_ms=360), received_ms=0.0)
    again = {"session": 1, "offset_ms": 210}
    transcript.fold(message(token("bey", 90), token("ond", 200), token(" it", 500)), received_ms=1.0, **again)
    transcript.close()
    assert transcript.text == "far beyond it"


def test_an_end_among_what_is_repeated_releases_nothing():
    transcript = Transcript()
    end = {"text": "<end>", "is_final": True}
    words = [("juliett", 510), (" india", 1680)]
    transcript.fold(message(token(*words[0]), end, token(*words[1]), final_audio_proc_ms=1860), received_ms=0.0)
    ends = list(transcript.ends)
    again = {"session": 1, "offset_ms": 420}
    update = transcript.fold(message(token("juliett", 90), end), received_ms=1.0, **again)
    assert not update.settled
    assert not update.is_endpoint
    transcript.fold(message(token(" india", 1260), end, token(" foxtrot", 1680), end), received_ms=2.0, **again)
    transcript.fold(message(finished=True), received_ms=3.0, **again)
    assert transcript.text == "juliett india foxtrot"
    assert [segment.text for segment in transcript.segments] == ["juliett", "india", "foxtrot"]
    assert transcript.ends == [*ends, 2, 3]


def test_words_held_back_are_settled_when_the_audio_has_passed():
    transcript = Transcript()
    transcript.fold(message(token("one", 0), final_audio_proc_ms=60), received_ms=0.0)
    transcript.fold(message(token("one", 0), token(" two", 300)), received_ms=1.0, session=1, offset_ms=0)
    assert transcript.text == "one"
    assert [each.text for each in transcript.pending] == [" two"], "what is held back is shown as open"
    update = transcript.fold(message(final_audio_proc_ms=700), received_ms=2.0, session=1, offset_ms=0)
    assert update.text == " two"


def test_a_second_break_at_the_first_one_is_reported():
    transcript = Transcript()
    seen = []
    for session, offset_ms, each in [
        (0, 0, message(token("one", 0), token(" two", 400), final_audio_proc_ms=460)),
        (1, 300, message(token("two", 100), token(" three", 500))),  # held back: it may be a repetition
        (2, 700, message(token("four", 900), token(" five", 2500))),
    ]:
        update = transcript.fold(each, received_ms=offset_ms, session=session, offset_ms=offset_ms)
        seen += update.settled
    seen += transcript.close().settled
    assert seen == transcript.settled
    assert transcript.text.split() == ["one", "two", "three", "four", "five"]


def test_the_first_word_behind_a_seam_keeps_its_distance():
    transcript = Transcript()
    transcript.fold(message(token("Hello", 0), final_audio_proc_ms=3000), received_ms=0.0)
    transcript.fold(message(token("World", 500)), received_ms=0.0, session=1, offset_ms=3000)
    assert transcript.text == "Hello World"
    transcript = Transcript()
    transcript.fold(message(token("你好", 0), final_audio_proc_ms=3000), received_ms=0.0)
    transcript.fold(message(token("世界", 500)), received_ms=0.0, session=1, offset_ms=3000)
    assert transcript.text == "你好世界"


@pytest.mark.parametrize("text", [" amen.<end>", " amen. <end>", " amen.<end> "])
def test_a_marker_inside_a_token_ends_the_utterance_and_is_no_text(text):
    transcript = Transcript()
    tokens = [{"text": text, "start_ms": 0, "end_ms": 60, "is_final": True}, {"text": " go", "is_final": False}]
    update = transcript.fold({"tokens": tokens}, received_ms=100.0)
    assert [token.text.strip() for token in transcript.settled] == ["amen."]
    assert update.is_endpoint
    assert "<" not in update.text + update.pending_text
