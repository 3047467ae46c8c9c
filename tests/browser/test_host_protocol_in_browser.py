"""The widgets in a host that has only what anywidget promises: VS Code, Colab and other hosts cannot run in a test.

The host imports the module, calls the default export if it is a function, then ``initialize`` and ``render``. The model
has ``get``, ``set``, ``save_changes``, ``on``, ``off``, ``send`` and ``widget_manager``, and nothing else. Whatever a
widget takes hold of is given back by the functions that ``render`` and ``initialize`` return.
"""

import base64
import json

import pytest

import soniox_ds as sx
from soniox_ds.files.audio_excerpts import opus
from soniox_ds.files.sounds import Sounds
from soniox_ds.widgets.player.spoken_view import SpokenView

pytestmark = pytest.mark.usefixtures("own_recordings")

HOST = """async ([source, state]) => {
    const sent = [], strange = [], listeners = [], alive = new Set();
    const known = {
        get: (name) => JSON.parse(JSON.stringify(state[name] ?? null)),
        set: () => {},
        save_changes: () => {},
        on: (event, callback) => { listeners.push([event, callback]); },
        off: (event, callback) => {
            const place = listeners.findIndex(([name, listener]) => name === event && listener === callback);
            if (place < 0) strange.push(`off ${event}`);
            else listeners.splice(place, 1);
        },
        send: (content, callbacks, buffers = []) => {
            sent.push(JSON.parse(JSON.stringify(content)));
            if (!buffers.every((buffer) => buffer instanceof ArrayBuffer || ArrayBuffer.isView(buffer))) {
                strange.push("buffers");
            }
        },
        widget_manager: undefined,
    };
    const model = new Proxy(known, { get: (target, name) => {
        if (!(name in target)) strange.push(String(name));
        return target[name];
    } });
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { default: exported } = await import(url);
    const widget = typeof exported === "function" ? await exported() : exported;
    const end = await widget.initialize?.({ model });
    const views = [];
    const draw = async () => {
        const el = document.createElement("div");
        document.body.append(el);
        const close = await widget.render({ model, el });
        if (close !== undefined && typeof close !== "function") strange.push("render");
        views.push({ el, close });
    };
    // Two views at the same time, as hosts may have.
    await draw();
    await draw();
    window.host = {
        sent, strange, listeners,
        say: (content, base64) => {
            const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const buffers = base64 === null ? [] : [new DataView(bytes(base64).buffer)];
            for (const [event, callback] of [...listeners]) {
                if (event === "msg:custom") callback(content, buffers);
            }
        },
        close: async () => {
            for (const { el, close } of views) {
                await close?.();
                el.remove();
            }
            await end?.();
        },
    };
    return sent.map(({ type }) => type);
}"""


def widgets():
    corpus = sx.load_samples()
    words = sx.words(corpus["conversation_03"].tokens)
    clips = words[["audio_id", "start_ms", "end_ms"]].head(3)
    recording = b"".join([b"RIFF", (36 + 32_000).to_bytes(4, "little"), b"WAVEfmt ", (16).to_bytes(4, "little"),
        (1).to_bytes(2, "little"), (1).to_bytes(2, "little"), (16_000).to_bytes(4, "little"),
        (32_000).to_bytes(4, "little"), (2).to_bytes(2, "little"), (16).to_bytes(2, "little"), b"data",
        (32_000).to_bytes(4, "little"), bytes(32_000)])  # fmt: skip
    return {
        "microphone": lambda: sx.Microphone().widget,
        "captions": lambda: sx.LiveCaptions(recording).widget,
        "review": lambda: sx.review(clips, corpus),
        "explorer": lambda: sx.explore(corpus),
        "view": lambda: SpokenView("View", ["a"], static=lambda: ("", ""), with_spans=lambda: "", sounds=Sounds(None)),
    }


@pytest.fixture
def bare(bare_browser):
    page = bare_browser.new_page()
    page.set_content("<!doctype html><body></body>")
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert errors == []


@pytest.mark.parametrize("name", ["microphone", "captions", "review", "explorer", "view"])
def test_widgets_need_no_more_than_anywidget_promises(bare, name):
    with sx.local_service("scripted"):
        widget = widgets()[name]()
        state = {key: getattr(widget, key) for key in widget.keys if not key.startswith("_") and key != "layout"}
        bare.add_style_tag(content=str(widget._css))
        asked = bare.evaluate(HOST, [str(widget._esm), json.loads(json.dumps(state, default=str))])
        assert asked, "the page asks the kernel for what it shows"
        sound = base64.b64encode(opus(bytes(32_000), 16_000)).decode()
        # Messages of another view, of an unknown kind, and with bytes are taken without an error.
        bare.evaluate("() => host.say({ type: 'unheard of' }, null)")
        bare.evaluate("sound => host.say({ type: 'clip', view: 'other', page: 'other', reason: '' }, sound)", sound)
        bare.evaluate("() => host.close()")
        assert bare.evaluate("() => [host.strange, host.listeners.map(([event]) => event)]") == [[], []]
        widget.close()
