"""The microphone in bad weather: refused, absent, unplugged, muted; services that refuse, break and drop."""

import time

import numpy as np
import psutil
import pytest
from microphone_page import MicrophonePage, listening_service, text_words
from tones import ToneRecognizer
from waiting import until

from soniox_ds.emulator.recognizers.scripted import ScriptedRecognizer

ALL = "language_hints=['en'], enable_endpoint_detection=True, "
NASTY = [
    {
        "text": "<b>bold</b> <img src=x onerror=window.sxHurt=1> &amp; <script>window.sxHurt=1</script> done.",
        "speaker": "1",
    },
    {"text": "\u202eevil \u05e9\u05dc\u05d5\u05dd 👩‍👩‍👧 \u0000 ok <b>again</b> and again and again.", "speaker": "2"},
]


def heard_at_once(samples):
    """The words of one session that is not broken."""
    stream = ToneRecognizer().stream({})
    final = [*stream.feed(samples.astype(np.float32) / 32_768).final, *stream.close().final]
    return "".join(token["text"] for token in final).split()


@pytest.mark.parametrize(
    ("page_options", "kind", "words"),
    [
        pytest.param({"mic": "deny"}, "denied", "icon left of the page's address", id="denied"),
        pytest.param({"mic": "none"}, "none", "No microphone was found", id="no-device"),
        pytest.param({"secure": False}, "insecure", "only to secure pages", id="insecure"),
    ],
)
def test_no_microphone(notebook, page_options, kind, words):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, **page_options)
        # It is told before anything is pressed, and nothing was asked for.
        assert words in page.wait_for_note(words)
        assert page.nb.page.is_hidden(".sx-alert")
        assert page.tracks() == []
        page.nb.page.click(".sx-start")
        assert words in page.wait_for_alert(kind)
        page.nb.wait_for("() => document.querySelector('.sx-notes').hidden")  # it is said once only
        page.wait_for_status("Ready")
        assert page.nb.page.get_attribute(".sx-alert", "role") == "alert"
        assert page.ask("[mic.state, len(mic.tokens)]") == ["idle", 0]
        assert service.requests == []
        if kind != "denied":
            return
        refusals = {  # how browsers say it
            "busy": "['Could not start audio source', 'NotReadableError']",
            "missing": "['', 'OverconstrainedError']",
            "system": "['Permission denied by system', 'NotAllowedError']",
            "other": "['strange', 'TypeError']",
        }
        for wanted, arguments in refusals.items():
            page.nb.page.evaluate(
                f"""() => {{ navigator.mediaDevices.getUserMedia = async () => {{
                    throw new DOMException(...{arguments}); }}; }}"""
            )
            page.nb.page.click(".sx-start")
            page.wait_for_alert(wanted)
        page.nb.page.evaluate(
            """() => {
                Object.defineProperty(document, 'permissionsPolicy',
                    { value: { allowsFeature: () => false }, configurable: true });
                navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };
            }"""
        )
        page.nb.page.click(".sx-start")
        assert "a tab of its own" in page.wait_for_alert("policy")


def test_the_permission_is_shown_before_start_and_follows_the_user(notebook):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, flags=["--mute-audio"])  # a browser that no other test uses
        nb, context = page.nb, page.nb.page.context
        nb.is_as_loaded = False

        def wait_for_permission(text):
            nb.wait_until_equal(lambda: nb.page.inner_text(".sx-permission"), text)

        wait_for_permission("microphone allowed")
        assert nb.page.is_hidden(".sx-notes")
        session = context.new_cdp_session(nb.page)

        def set_permission(setting):
            session.send("Browser.setPermission", {"permission": {"name": "microphone"}, "setting": setting})

        set_permission("denied")
        wait_for_permission("microphone refused")
        assert "then press Start" in page.wait_for_note("icon left of the page's address")
        nb.page.click(".sx-start")
        page.wait_for_alert("denied")
        set_permission("prompt")
        wait_for_permission("the browser will ask for the microphone")
        nb.wait_for("() => document.querySelector('.sx-alert').hidden && document.querySelector('.sx-notes').hidden")
        set_permission("granted")
        wait_for_permission("microphone allowed")


def test_devices_that_change_mute_fall_silent_and_go(notebook, tmp_path):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL)
        page.start()
        page.wait_for_words(2)
        labels = page.nb.wait_for(
            """() => { const found = [...document.querySelectorAll('.sx-device option')].map(o => o.text);
                return found.includes('Fake Audio Input 1') && found; }"""
        )
        page.nb.page.select_option(".sx-device", label="Fake Audio Input 2")
        page.nb.until(lambda: page.tracks() == ["ended", "live"], what="the other device is used")
        track = "window.sxStreams.at(-1).getTracks()[0]"
        page.nb.page.evaluate(f"() => {track}.dispatchEvent(new Event('mute'))")
        page.wait_for_note("muted")
        page.nb.page.evaluate(f"() => {track}.dispatchEvent(new Event('unmute'))")
        page.nb.wait_for("() => document.querySelector('.sx-notes').textContent === ''")
        page.nb.page.evaluate(f"() => {{ {track}.enabled = false; }}")  # samples of nothing but zeros
        page.wait_for_note("Nothing is heard")
        page.nb.page.evaluate(f"() => {{ {track}.enabled = true; }}")
        page.nb.wait_for("() => document.querySelector('.sx-notes').textContent === ''")
        heard = len(page.samples())
        page.nb.until(lambda: len(page.samples()) > heard)
        page.nb.page.evaluate(f"() => {{ {track}.stop(); {track}.dispatchEvent(new Event('ended')); }}")
        assert "was disconnected" in page.wait_for_alert("unplugged")
        page.wait_for_status("Stopped")
        page.nb.until(lambda: service.open_streams == 0)
        assert len(labels) > 2
        assert page.ask("mic.state") == "finished"
        page.wait_for_these_words(text_words(page))
        assert service.hearing.heard().tolist() == page.samples().tolist()


@pytest.mark.parametrize("mode", ["proxy", "direct"])
def test_a_service_that_breaks_off_every_few_seconds(notebook, tones, mode):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, f"{ALL} mode='{mode}'", wav=tones)
        for kind, frames in (("ws_drop", 18), ("ws_503", 25), ("ws_drop", 22)):
            service.faults.next(kind, "websocket", frames=frames)
        page.start()
        page.nb.until(lambda: len(service.hearing.streams) == 4, what="the fourth connection")
        page.wait_for_words(14)
        page.stop()
        page.nb.until(lambda: service.open_streams == 0)
        assert text_words(page) == heard_at_once(page.samples())
        page.wait_for_these_words(text_words(page))
        assert page.ask("mic.result().log['kind'].tolist()").count("lost") == 3
        assert page.ask("int(mic.result().tokens['session'].max())") == 3
        assert page.ask("mic.result().text") == page.ask("mic.text")
        assert page.ask("mic.audio.size") == page.samples().size


def test_a_socket_to_the_kernel_that_breaks(notebook):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, f"{ALL} mode='proxy'")
        page.nb.python(
            "from soniox_ds._background import event_loop\n"
            "import asyncio\n"
            "async def cut():\n"
            "    server = mic._recorder.loopback._server\n"
            "    for socket in list(server.connections): socket.transport.abort()\n"
        )
        page.start()
        page.wait_for_words(2)
        for link in ("own socket", "notebook connection"):
            if link == "notebook connection":  # and now nothing can be opened any more
                page.nb.python("mic._recorder.loopback._server.close(close_connections=False)")
            page.nb.python("asyncio.run_coroutine_threadsafe(cut(), event_loop()).result()")
            page.nb.wait_for("link => document.querySelector('.sx-link').textContent.includes(link)", link)
            page.wait_for_words(len(page.words()) + 3)
        page.stop()
        assert service.hearing.heard().tolist() == page.samples().tolist()
        assert len(service.hearing.streams) == 1
        page.wait_for_these_words(text_words(page))


def test_a_socket_that_breaks_with_the_question_for_a_key(notebook, tones):
    """The question goes with it; it is asked again over what is left."""
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, f"{ALL} mode='direct', transport='loopback'", wav=tones)
        page.nb.python(
            "recorder = mic._recorder\n"
            "hand_over, questions = recorder._hand_over_key, []\n"
            "async def cut_off(message, channel):\n"
            "    questions.append(channel.name)\n"
            "    if len(questions) != 2: return await hand_over(message, channel)\n"
            "    server = recorder.loopback._server\n"
            "    for socket in list(server.connections): socket.transport.abort()\n"
            "    server.close(close_connections=False)\n"
            "recorder._hand_over_key = cut_off\n"
        )
        service.faults.next("ws_drop", "websocket", frames=20)
        page.start()
        page.nb.until(lambda: len(service.hearing.streams) == 2, what="the second connection")
        page.wait_for_words(len(page.words()) + 5)
        assert page.ask("questions") == ["loopback", "loopback", "comm"]
        page.stop()
        assert page.wait_for_these_words(text_words(page)) == heard_at_once(page.samples())


def test_keys_that_are_refused(notebook):
    with listening_service() as service:
        wrong = service.environment | {"SONIOX_API_KEY": "a-key-that-nobody-knows"}
        page = MicrophonePage(notebook, None, "mode='proxy'", env=wrong)
        page.nb.page.click(".sx-start")
        assert "SONIOX_API_KEY" in page.wait_for_alert("service")
        page.nb.until(lambda: set(page.tracks()) == {"ended"})
        page.nb.wait_until_equal(lambda: page.ask("mic.state"), "failed")
        assert "AuthError" in str(page.ask("[repr(take.error) for take in mic._takes]"))
        assert "a-key-that-nobody-knows" not in page.nb.page.content()

        page = MicrophonePage(notebook, None, "mode='direct'", env=wrong)
        page.nb.page.click(".sx-start")
        assert "could not be reached directly" in page.wait_for_alert("link")
        page.nb.until(lambda: set(page.tracks()) == {"ended"})


def test_temporary_keys_are_used_once_and_a_session_that_expires_is_followed_by_the_next(notebook, tones):
    real = "the-real-key-which-only-the-kernel-knows"
    with listening_service(ToneRecognizer(), key=real) as service:
        page = MicrophonePage(
            notebook,
            service,
            "language_hints=['en'], mode='direct', transport='loopback'",
            wav=tones,
            before="from soniox_ds.widgets.microphone import temporary_keys\ntemporary_keys.SESSION_S = 3",
        )
        seen = []

        def watch(socket):
            seen.append(socket.url)
            socket.on("framesent", lambda data: seen.append(data))
            socket.on("framereceived", lambda data: seen.append(data))

        page.nb.page.on("websocket", watch)
        page.start()
        page.nb.until(lambda: len(service.hearing.streams) == 2, what="a second session")
        page.wait_for_words(len(page.words()) + 3)
        page.stop()
        keys = service.call(lambda rules: list(rules.keys._temporary.values()))
        assert len(keys) >= 2
        assert all(key.single_use and key.used and key.max_session_s == 3 for key in keys)
        assert all(key.expires_at - service.call(lambda rules: rules.now()) <= 60 for key in keys)
        assert page.wait_for_these_words(text_words(page)) == heard_at_once(page.samples())

        # the real key is nowhere that a browser, a file or a reader of the notebook could see it
        state = page.nb.page.evaluate("() => JSON.stringify(document.documentElement.outerHTML)")
        model = page.ask("repr(mic.widget.get_state())")
        texts = [item if isinstance(item, str) else bytes(item).decode("latin-1") for item in seen]
        assert any("snx_temp_" in text for text in texts)  # what is looked for would be found
        files = [path.read_text(errors="replace") for path in page.nb.folder.rglob("*") if path.is_file()]
        page.nb.save()
        everything = [state, model, *texts, *files, str(page.nb.console), page.nb.path.read_text()]
        assert not any(real in text for text in everything)
        assert not any(
            "snx_temp_" in text
            for text in [state, model, page.nb.path.read_text(), page.ask("repr(mic.log.to_dict())")]
        )


def test_text_is_text(notebook):
    with listening_service(ScriptedRecognizer(stream_script=NASTY)) as service:
        page = MicrophonePage(notebook, service, f"{ALL} enable_speaker_diarization=True")
        page.start()
        page.wait_for_words(14)
        page.stop()
        for part in ("<b>bold</b>", "<script>window.sxHurt=1</script>"):
            page.nb.wait_for("part => document.querySelector('.sx-log').innerText.includes(part)", part)
        assert page.nb.page.query_selector(".sx-log b, .sx-log img, .sx-log script") is None
        assert page.nb.page.evaluate("() => window.sxHurt") is None
        page.nb.wait_until_equal(
            lambda: set(page.nb.page.eval_on_selector_all(".sx-said", "all => all.map(one => one.dir)")), {"auto"}
        )

        def saved():
            return page.nb.save().cells[0].outputs[1].data["text/html"]

        page.nb.until(lambda: "&lt;b&gt;bold" in saved(), what="the words are kept in the notebook")
        assert "<b>" not in saved()


HANG = "const hang = (ms) => { for (const until = performance.now() + ms; performance.now() < until;); };"


@pytest.mark.parametrize("transport", ["loopback", "comm"])
def test_a_page_that_hangs_for_seconds_goes_on_where_it_was(notebook, tones, transport):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, f"{ALL} mode='proxy', transport='{transport}'", wav=tones)
        page.nb.page.evaluate(
            f"() => {{ {HANG} hang(2500); document.querySelector('.sx-start').click(); hang(2500); }}"
        )
        page.wait_for_status("Recording")
        page.wait_for_words(2)
        page.nb.page.evaluate(f"() => {{ {HANG} hang(7000); }}")  # for longer than the kernel may be silent
        # and what was pressed meanwhile comes all at once
        page.nb.page.evaluate("() => { for (let n = 0; n < 4; n += 1) document.querySelector('.sx-pause').click(); }")
        page.wait_for_status("Recording")
        page.wait_for_words(len(page.words()) + 8)
        page.stop()
        assert page.ask("mic.state") == "finished"
        assert service.hearing.heard().tolist() == page.samples().tolist()
        page.wait_for_these_words(text_words(page))


def test_a_page_that_hangs_while_stopping_loses_nothing(notebook, tones):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, f"{ALL} mode='proxy'", wav=tones)
        for _ in range(3):
            page.start()
            page.wait_for_words(3)
            page.nb.page.evaluate(
                """() => {
                    document.querySelector('.sx-start').click();
                    const until = performance.now() + 1500;
                    while (performance.now() < until);
                }"""
            )
            page.wait_for_status("Stopped")
            assert service.hearing.heard().tolist() == page.samples().tolist()
            page.nb.page.evaluate("() => { window.sxSamples.length = 0; }")


def processes_of(profile):
    """The browser that has its profile there, and all its children."""
    for process in psutil.process_iter(["cmdline"]):
        arguments = process.info["cmdline"] or ()
        is_child = any(argument.startswith("--type=") for argument in arguments)
        if f"--user-data-dir={profile}" in arguments and not is_child:
            return [process, *process.children(recursive=True)]
    raise AssertionError("no browser is there")


WATCH_STATE = """
import threading
def watch():
    while True:
        pathlib.Path('state.new').write_text(mic.state)
        pathlib.Path('state.new').replace('state')  # nobody reads half of it
        time.sleep(0.05)
threading.Thread(target=watch, daemon=True).start()
"""


@pytest.mark.parametrize("mode", ["proxy", "direct"])
def test_a_computer_that_sleeps_is_said_and_the_recording_goes_on(notebook, tones, mode):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(
            notebook,
            service,
            f"{ALL} mode='{mode}', transport='loopback'",
            wav=tones,
            loop=True,
            before="from soniox_ds.widgets.microphone import page_closing\npage_closing.LOST_AFTER_S = 4.5",
        )
        page.start()
        page.wait_for_words(3)
        page.nb.python(WATCH_STATE)
        state = page.nb.folder / "state"
        until(lambda: state.exists() and state.read_text() == "recording")
        asleep = processes_of(page.nb.profile)
        for process in asleep:
            process.suspend()
        try:
            until(lambda: state.read_text() != "recording")
            assert state.read_text() == "paused"
            time.sleep(8)  # the computer sleeps
            assert state.read_text() == "paused"
        finally:
            for process in reversed(asleep):
                process.resume()
        assert "slept for" in page.wait_for_alert("sleep")
        page.wait_for_status("Paused")
        before = len(page.words())
        page.nb.page.click(".sx-pause")
        page.wait_for_status("Recording")
        page.nb.wait_for("() => document.querySelector('.sx-alert').hidden")
        page.wait_for_words(before + 3)
        page.stop()
        assert page.ask("[mic.state, len(mic.result())]") == ["finished", 1]
        page.wait_for_these_words(text_words(page))
