"""Appearance and keyboard access of the widgets: contrast in both themes, narrow outputs, the focus after Stop."""

import json
from itertools import pairwise

import pytest
from microphone_page import MicrophonePage, listening_service
from test_live_captions_in_browser import PLAY, STOP, ask, opened, recording, shown_words, words  # noqa: F401  fixtures

from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer
from soniox_ds.widgets._assets import source
from soniox_ds.widgets.captions.grouping import GROUPS
from soniox_ds.widgets.microphone.constants import page_constants
from soniox_ds.widgets.microphone.microphone import SCRIPTS

ALL = "language_hints=['en'], enable_endpoint_detection=True, "
SHORT = [{"text": f"This is sentence number {n}.", "speaker": str(1 + n % 2)} for n in range(40)]

# Of each element with text of its own: its class, its contrast against what lies behind it.
CONTRASTS = """root => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    const parents = (node) => (node ? [...parents(node.parentElement), node] : []);
    const painted = (node, text) => {
        brush.globalAlpha = 1;
        brush.fillStyle = "#fff";
        brush.fillRect(0, 0, 1, 1);
        let opacity = 1;
        for (const each of parents(node)) {
            const style = getComputedStyle(each);
            opacity *= Number(style.opacity);
            brush.globalAlpha = opacity;
            brush.fillStyle = style.backgroundColor;
            brush.fillRect(0, 0, 1, 1);
        }
        if (text) {
            brush.fillStyle = getComputedStyle(node).color;
            brush.fillRect(0, 0, 1, 1);
        }
        return [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (rgb) => {
        const linear = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        const [r, g, b] = rgb.map((part) => linear(part / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    return [...root.querySelectorAll("*")]
        .filter((node) => [...node.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.data.trim()))
        .filter((node) => node.offsetWidth && !node.closest(":disabled, [aria-disabled=true], option, .sx-told"))
        .map((node) => {
            const [high, low] = [light(painted(node, true)), light(painted(node, false))].sort((a, b) => b - a);
            return [node.className || node.tagName, (high + 0.05) / (low + 0.05)];
        });
}"""


def contrasts(page, selector):
    return page.evaluate(f"() => ({CONTRASTS})(document.querySelector('{selector}'))")


def test_every_text_of_the_microphone_can_be_read_in_both_themes(notebook):
    with listening_service(ScriptedRecognizer(stream_script=SHORT)) as service:
        page = MicrophonePage(
            notebook,
            service,
            f"{ALL} enable_speaker_diarization=True, translation={{'type': 'one_way', 'target_language': 'de'}}",
        )
        for theme in ("light", "dark"):
            page.nb.use_theme(theme)
            page.start()
            page.wait_for_words(6)
            # what is measured stays while it is measured
            page.nb.wait_for(
                """() => {
                    window.sxFrozen = document.querySelector(".sx-mic").cloneNode(true);
                    return window.sxFrozen.querySelector(".sx-pending")?.textContent.trim();
                }"""
            )
            page.nb.page.evaluate(
                """() => {
                    window.sxFrozen.querySelectorAll(".sx-alert, .sx-notes, .sx-latest").forEach((part) => {
                        part.hidden = false;
                        part.append("Something is told.");
                    });
                    document.querySelector(".sx-mic").after(window.sxFrozen);
                    window.sxFrozen.classList.add("sx-frozen");
                }"""
            )
            found = contrasts(page.nb.page, ".sx-frozen")
            page.nb.page.evaluate("() => window.sxFrozen.remove()")
            assert {"sx-pending", "sx-said", "sx-time", "sx-notes", "sx-alert", "sx-link"} <= {
                name for name, _ in found
            }
            assert [(name, round(ratio, 2)) for name, ratio in found if ratio < 4.5] == [], theme
            page.stop()


def test_stop_by_the_keyboard_keeps_the_focus_and_the_latest_words(notebook):
    with listening_service(ScriptedRecognizer(stream_script=SHORT)) as service:
        page = MicrophonePage(notebook, service, ALL)
        nb = page.nb
        nb.is_as_loaded = False
        nb.page.add_style_tag(content=".sx-log { max-height: 70px !important; min-height: 0 !important; }")
        nb.page.focus(".sx-start")
        nb.page.keyboard.press("Enter")
        page.wait_for_status("Recording")
        nb.wait_for("() => document.querySelectorAll('.sx-line').length >= 6")
        nb.page.keyboard.press("Enter")
        page.wait_for_status("Stopped")
        nb.until(lambda: page.ask("len(mic._saving)") == 0, what="the output is drawn anew")
        nb.wait_for("() => document.activeElement?.matches('.sx-start')")
        nb.wait_for(
            """() => { const log = document.querySelector('.sx-log');
                return log.scrollHeight > log.clientHeight + 30
                    && log.scrollHeight - log.scrollTop - log.clientHeight < 4; }"""
        )
        nb.wait_until_equal(lambda: nb.page.inner_text(".sx-start"), "● Start")
        nb.page.keyboard.press("Enter")  # and it goes on with the same key
        page.wait_for_status("Recording")
        nb.wait_for("() => document.querySelectorAll('.sx-line').length >= 6")
        nb.page.keyboard.press("Enter")
        page.wait_for_status("Stopped")
        assert nb.cell_count() == 1

        # whoever reads further up stays there
        nb.wait_for("() => document.activeElement?.matches('.sx-start')")
        nb.wait_for(
            """() => { document.querySelector('.sx-log').scrollTop = 20;
                return !document.querySelector('.sx-latest').hidden; }"""
        )
        assert nb.page.evaluate("() => document.querySelector('.sx-log').scrollTop") == 20


def test_live_captions_keep_the_focus_when_they_are_stopped(opened):  # noqa: F811
    opened.page.focus(PLAY)
    opened.page.keyboard.press("Enter")
    opened.until(lambda: len(shown_words(opened)) >= 2, what="the first words")
    opened.page.focus(STOP)
    opened.page.keyboard.press("Enter")
    opened.until(lambda: ask(opened, "captions.state") == "finished", what="the end")
    opened.until(lambda: ask(opened, "captions._over.is_set()"), what="the output is drawn anew")
    opened.wait_for(
        "() => document.activeElement?.matches('.sx-live-button') && document.activeElement.textContent === '■ Stop'"
    )


@pytest.fixture
def bare(bare_browser):
    page = bare_browser.new_page()
    page.set_content("<body></body>")
    page.add_style_tag(
        content=source("captions/captions.css", "microphone/microphone.css", "captions/live_captions.css")
    )
    yield page
    page.close()


SENTENCE = "Everything that people say is shown here as it is understood"
DRAW = """([frame, width, text]) => {
    const root = Object.assign(document.createElement("div"), { className: frame });
    root.style.width = `${width}px`;
    const inner = document.createElement("div");
    root.append(inner);
    document.body.replaceChildren(root);
    const captions = new Captions(inner);
    const words = text.split(" ");
    captions.add(words.map((text, n) => ({ text: n ? ` ${text}` : text, start_ms: 300 * n, speaker: "1" })), []);
    captions.pending([{ text: " and more", speaker: "1" }]);
    window.captions = captions;
}"""


@pytest.mark.parametrize("frame", ["sx-mic", "sx-live"])
@pytest.mark.parametrize("width", [100, 160, 300, 1200])
def test_lines_hold_words_however_narrow_the_output_is(bare, frame, width):
    bare.evaluate(f"argument => {{ {source('captions/captions.js')}\n ({DRAW})(argument); }}", [frame, width, SENTENCE])
    rows, needed = bare.evaluate(
        """() => {
            const said = document.querySelector(".sx-said");
            const rows = new Map();
            for (const node of said.childNodes) {
                if (node.nodeType !== Node.TEXT_NODE) continue;
                for (let at = 0; at < node.data.length; at += 1) {
                    const range = document.createRange();
                    range.setStart(node, at);
                    range.setEnd(node, at + 1);
                    const { top } = range.getBoundingClientRect();
                    rows.set(top, (rows.get(top) ?? "") + node.data[at]);
                }
            }
            return [[...rows.values()], said.closest(".sx-captions").scrollWidth];
        }"""
    )
    assert "".join(rows).split() == SENTENCE.split()
    assert len(rows) <= {100: 11, 160: 7, 300: 4, 1200: 1}[width]
    assert needed <= width


@pytest.mark.parametrize("width", [100, 160, 300, 1200])
def test_nothing_of_the_microphone_reaches_out_of_a_narrow_output(bare, width):
    sources = source(*SCRIPTS[:-1])  # The last script has the export, which a function cannot hold.
    outside = bare.evaluate(
        f"""width => {{ {sources}
            useConstants({json.dumps(page_constants())});
            const settings = {{ usd_per_hour: 0.12, service: "stt-rt.soniox.com", groups: {json.dumps(GROUPS)} }};
            const model = {{ get: () => settings, on() {{}}, off() {{}}, send() {{}} }};
            const root = document.createElement("div");
            root.style.width = `${{width}}px`;
            document.body.replaceChildren(root);
            const recorder = new Recorder(model);
            clearInterval(recorder.timer);
            recorder.state = "recording";
            recorder.link = "through the kernel, notebook connection";
            recorder.devices = [{{ deviceId: "a", label: "A microphone with a name that is long" }}];
            recorder.deviceId = "a";
            const view = new MicrophoneView(recorder, root, new FocusMemory());
            recorder.attach(view);
            recorder.note("service", "The service does not answer. The recording goes on, and nothing is lost.");
            recorder.set("recording", {{ kind: "link", text: "Something is wrong, and this says what to do." }});
            view.captions.add([{{ text: "Everything that people say.", speaker: "1", start_ms: 3600000 }}]);
            const {{ right }} = root.getBoundingClientRect();
            return [...root.querySelectorAll("*")].filter((part) => part.getBoundingClientRect().right > right + 0.5)
                .map((part) => part.className);
        }}""",
        width,
    )
    assert outside == []


def test_a_word_in_pieces_is_one_text_node_of_the_log(bare):
    nodes = bare.evaluate(
        f"""() => {{ {source("captions/captions.js")}
            const root = document.createElement("div");
            document.body.replaceChildren(root);
            const captions = new Captions(root);
            const translated = {{ is_translation: true, language: "de" }};
            captions.add([{{ text: " Be" }}, {{ text: "yo" }}]);
            captions.pending([{{ text: "nd" }}, {{ text: " the" }}, {{ text: " s" }}, {{ text: "ea" }}]);
            captions.add([{{ text: "nd" }}, {{ text: " " }}, {{ text: "the" }}, {{ text: " sea" }}, {{ text: "." }}]);
            captions.add([{{ text: "Jen", ...translated }}, {{ text: "seits", ...translated }}]);
            captions.pending([{{ text: " W" }}, {{ text: "here" }}]);
            const texts = (cell) => [...cell.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE)
                .map((node) => node.data);
            return [".sx-said", ".sx-translation"].map((name) => texts(root.querySelector(name)))
                .concat([[...root.querySelectorAll(".sx-pending")].map((ghost) => ghost.textContent)]);
        }}"""
    )
    said, translation, pending = nodes
    assert "".join(said) == "Beyond the sea."
    assert not any(before[-1].isalnum() and after[0].isalnum() for before, after in pairwise(said))
    assert translation == ["Jenseits"]
    assert pending == [" Where"]
