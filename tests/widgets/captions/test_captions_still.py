"""The static picture of captions: languages are named where there are several."""

from html_pages import Page

from soniox_ds.live.transcript import LiveToken, Segment
from soniox_ds.widgets.captions.still import still_html, still_text


def said(text, language, start_ms=0, **labels):
    return LiveToken(text=text, language=language, start_ms=start_ms, **labels)


ENGLISH = Segment(tokens=(said("Good morning.", "en", 900, speaker="1"),))
TRANSLATED = Segment(
    tokens=(said("Wie geht", "de", 2000), said(" es?", "de", 2400)),
    translations=(LiveToken(text="How are you?", language="en", translation_status="translation"),),
)
MIXED = Segment(tokens=(said("Hola.", "es"), said(" Hello.", "en")))


def cells(segments):
    rows = still_html("Head", segments).split("<tr>")[1:]
    return [[Page(f"<td {cell}").text for cell in row.split("</tr>")[0].split("<td ")[1:]] for row in rows]


def test_one_language_is_not_named():
    assert still_text("Head", [ENGLISH]) == "Head\n  0:00 speaker 1: Good morning."
    assert cells([ENGLISH]) == [["0:00", "speaker 1", "Good morning."]]


def test_several_languages_are_named_in_each_line():
    assert still_text("Head", [ENGLISH, TRANSLATED, MIXED]).splitlines() == [
        "Head",
        "  0:00 speaker 1: [en] Good morning.",
        "  0:02 [de] Wie geht es?",
        "       → [en] How are you?",
        "  0:00 [es, en] Hola. Hello.",
    ]
    assert cells([ENGLISH, TRANSLATED, MIXED]) == [
        ["0:00", "speaker 1", "en", "Good morning.", "", ""],
        ["0:02", "", "de", "Wie geht es?", "en", "How are you?"],
        ["0:00", "", "es, en", "Hola. Hello.", "", ""],
    ]
