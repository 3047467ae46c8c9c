"""Captions by themselves in Chromium: languages, groups, and what assistive technology and the eye get of them."""

import json

import pytest
from client_environments import axe_source
from test_looks_in_browser import CONTRASTS

from soniox_ds.widgets._assets import source
from soniox_ds.widgets.captions.grouping import GROUPS

SCRIPTS = source("keyboard_focus.js", "captions/captions.js", "captions/caption_tools.js")

# Two people who translate each other: each token of a translation follows its original, as the service sends it.
TWO_WAY = [
    {"text": "Good morning.", "start_ms": 900, "speaker": "1", "language": "en"},
    {"text": "Guten Morgen.", "is_translation": True, "speaker": "1", "language": "de", "source_language": "en"},
    {"text": "Wie geht", "start_ms": 2000, "speaker": "2", "language": "de"},
    {"text": " es?", "start_ms": 2400, "speaker": "2", "language": "de"},
    {"text": "How are you?", "is_translation": True, "speaker": "2", "language": "en", "source_language": "de"},
    {"text": "Fine.", "start_ms": 61_000, "speaker": "1", "language": "en"},
    {"text": "Gut.", "is_translation": True, "speaker": "1", "language": "de", "source_language": "en"},
]
# The shown lines in their order: group, time, speaker, badge and words, badge and translation.
LINES = """() => [...document.querySelectorAll(".sx-line")].map((line) => {
    const shown = (part) => (part && part.offsetWidth ? part.innerText : null);
    const text = (selector) => shown(line.querySelector(selector));
    return [line.closest(".sx-group")?.getAttribute("aria-label") ?? null, text(".sx-time"), text(".sx-who"),
        text(".sx-original .sx-language"), text(".sx-said"), text(".sx-translated .sx-language"),
        text(".sx-translation")];
})"""

DARK = """
    --jp-layout-color1: #111; --jp-layout-color2: #212121; --jp-layout-color3: #424242; --jp-border-color2: #424242;
    --jp-content-font-color1: #fff; --jp-content-font-color2: rgba(255, 255, 255, 0.7);
"""


@pytest.fixture
def page(bare_browser):
    opened = bare_browser.new_page(viewport={"width": 900, "height": 700})
    opened.set_content("<!doctype html><html lang='en'><title>Captions</title><main></main></html>")
    opened.add_style_tag(content=source("captions/captions.css", "microphone/microphone.css"))
    yield opened
    opened.close()


def show(page, tokens, ends=(), *, group_by="utterance", then=""):
    """Draw captions of these tokens, one after the other, as ``window.captions``, with their tools."""
    page.evaluate(
        f"""([tokens, ends, groupBy, groups]) => {{ {SCRIPTS}
            const root = Object.assign(document.createElement("div"), {{ className: "sx-mic" }});
            const inner = document.createElement("div");
            root.append(inner);
            document.querySelector("main").replaceChildren(root);
            const captions = new Captions(inner, {{ label: "Live captions", groupBy }});
            const kept = {{ groupBy }};
            const tools = new CaptionTools(root, captions, {{ groups, kept }});
            Object.assign(window, {{ captions, kept, tools }});
            tokens.forEach((token, index) => captions.add([token], ends.includes(index + 1) ? [1] : []));
            {then} }}""",
        [tokens, list(ends), group_by, GROUPS],
    )


def test_each_line_of_a_two_way_translation_names_its_language(page):
    show(page, TWO_WAY, ends=[2, 5])
    assert page.evaluate(LINES) == [
        [None, "0:00", "Speaker 1", "EN", "Good morning.", "DE", "Guten Morgen."],
        [None, "0:02", "Speaker 2", "DE", "Wie geht es?", "EN", "How are you?"],
        [None, "1:01", "Speaker 1", "EN", "Fine.", "DE", "Gut."],
    ]
    assert page.locator(".sx-said").evaluate_all("all => all.map(one => one.lang)") == ["en", "de", "en"]
    assert page.locator(".sx-language").first.get_attribute("aria-label") == "English"


def test_languages_are_named_only_where_there_are_several(page):
    english = [token for token in TWO_WAY if token["language"] == "en" and "is_translation" not in token]
    show(page, english, ends=[1])
    assert [line[3] for line in page.evaluate(LINES)] == [None, None]
    show(page, [{"text": "No language."}, *english], ends=[1, 2])
    assert [line[3] for line in page.evaluate(LINES)] == [None, None, None]
    show(page, [*english, {"text": "Ja.", "speaker": "1", "language": "de"}], ends=[1])
    assert [line[3:5] for line in page.evaluate(LINES)] == [["EN", "Good morning."], ["EN", "Fine."], ["DE", "Ja."]]


def test_a_speaker_who_changes_the_language_begins_a_line_and_translations_find_theirs(page):
    said = [
        {"text": "Hola amigo.", "start_ms": 0, "speaker": "1", "language": "es"},
        {"text": " Good morning.", "start_ms": 900, "speaker": "1", "language": "en"},
        {"text": "Hello friend.", "is_translation": True, "speaker": "1", "language": "en", "source_language": "es"},
        {"text": "Buenos días.", "is_translation": True, "speaker": "1", "language": "es", "source_language": "en"},
    ]
    show(page, said)
    assert page.evaluate(LINES) == [
        [None, "0:00", "Speaker 1", "ES", "Hola amigo.", "EN", "Hello friend."],
        [None, "0:00", None, "EN", "Good morning.", "ES", "Buenos días."],
    ]


BY_SPEAKER = [
    ["Speaker 1", "0:00", None, "EN", "Good morning.", "DE", "Guten Morgen."],
    ["Speaker 1", "1:01", None, "EN", "Fine.", "DE", "Gut."],
    ["Speaker 2", "0:02", None, "DE", "Wie geht es?", "EN", "How are you?"],
]
BY_LANGUAGE = [
    ["English", "0:00", "Speaker 1", None, "Good morning.", None, None],
    ["English", "0:02", "Speaker 2", None, None, None, "How are you?"],
    ["English", "1:01", "Speaker 1", None, "Fine.", None, None],
    ["German", "0:00", "Speaker 1", None, None, None, "Guten Morgen."],
    ["German", "0:02", "Speaker 2", None, "Wie geht es?", None, None],
    ["German", "1:01", "Speaker 1", None, None, None, "Gut."],
]


@pytest.mark.parametrize(("group_by", "lines"), [("speaker", BY_SPEAKER), ("language", BY_LANGUAGE)])
def test_lines_are_grouped_by_option_and_by_control_alike(page, group_by, lines):
    show(page, TWO_WAY, ends=[2, 5], group_by=group_by)
    assert page.evaluate(LINES) == lines
    show(page, TWO_WAY, ends=[2, 5])
    as_said = page.evaluate(LINES)
    page.get_by_label("Group lines by").select_option(group_by)
    assert page.evaluate(LINES) == lines
    assert page.evaluate("() => kept.groupBy") == group_by
    # Lines that move are not read aloud again.
    live = "() => { captions.regroup('utterance'); return captions.log.getAttribute('aria-live'); }"
    assert page.evaluate(live) == "off"
    page.wait_for_function("() => captions.log.getAttribute('aria-live') === 'polite'")
    assert page.evaluate(LINES) == as_said


def test_groups_grow_while_words_come_and_follow_the_latest(page):
    page.add_style_tag(content=".sx-log { max-height: 90px !important; min-height: 0 !important; }")
    more = [
        {"text": f"Sentence {n}.", "start_ms": 1000 * n, "speaker": str(1 + n % 2), "language": "en"} for n in range(20)
    ]
    show(page, more, ends=range(1, 21), group_by="speaker")
    is_seen = """(text) => {
        const log = captions.log.getBoundingClientRect();
        const line = [...document.querySelectorAll(".sx-line")].find((each) => each.innerText.includes(text));
        const { top, bottom } = line.getBoundingClientRect();
        return top >= log.top - 1 && bottom <= log.bottom + 1;
    }"""
    assert page.evaluate(is_seen, "Sentence 19.")
    page.evaluate("() => captions.add([{ text: 'A late word.', speaker: '1', language: 'en' }], [1])")
    assert page.evaluate(is_seen, "A late word.")
    page.evaluate("() => captions.pending([{ text: 'Somebody new', speaker: '7' }])")
    assert "Speaker 7" in page.inner_text(".sx-log")
    page.evaluate("() => captions.pending([])")
    assert "Speaker 7" not in page.inner_text(".sx-log")  # nothing was settled, so there is no such group
    assert page.locator(".sx-latest").is_hidden()
    page.evaluate("() => { captions.log.scrollTop = 0; }")
    page.wait_for_function("() => !captions.latest.hidden")
    page.evaluate("() => captions.add([{ text: 'The end.', speaker: '2', language: 'en' }], [1])")
    assert page.evaluate("() => captions.log.scrollTop") == 0
    page.click(".sx-latest")
    assert page.evaluate(is_seen, "The end.")


@pytest.mark.parametrize("group_by", list(GROUPS))
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 900])
def test_captions_have_no_barriers_and_can_be_read(page, group_by, theme, width):
    page.set_viewport_size({"width": width, "height": 700})
    if theme == "dark":
        page.evaluate("() => { document.body.dataset.jpThemeLight = 'false'; }")
        page.add_style_tag(content=f"body {{ {DARK} background: #111; color: #fff; }}")
    show(page, TWO_WAY, ends=[2, 5], group_by=group_by, then="captions.pending([{ text: 'Und', speaker: '2' }]);")
    found = page.evaluate(f"() => ({CONTRASTS})(document.querySelector('.sx-mic'))")
    assert {name for name, _ in found} >= {"sx-said", "sx-translation", "sx-time"}
    assert [(name, round(ratio, 2)) for name, ratio in found if ratio < 4.5] == []
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    page.evaluate(axe_source())
    problems = page.evaluate("async () => (await axe.run()).violations")
    # A part of a notebook is not a page: these two rules are about the page around it.
    left = [problem for problem in problems if problem["id"] not in {"page-has-heading-one", "landmark-one-main"}]
    assert left == [], json.dumps([(each["id"], [node["html"] for node in each["nodes"]]) for each in left], indent=1)
