"""The ways of the audio: which one is taken, what a line that does not answer looks like, and what a reload leaves."""

import pytest
from bad_line import BadLine
from microphone_page import HOLD, MicrophonePage, listening_service, text_words
from tones import ToneRecognizer

ALL = "language_hints=['en'], enable_endpoint_detection=True, "
# Sockets to the service fail, those to the kernel do not.
UNREACHABLE = """port => { window.WebSocket = class extends WebSocket {
    constructor(url, ...all) {
        super(new URL(url).port === port ? `ws://${new URL(url).host}/nowhere` : url, ...all);
    } }; }"""
# Everything that screen readers are told: how often it was rewritten.
REWRITTEN = """() => {
    window.sxRewritten = [];
    window.sxNotes = [];
    const root = document.querySelector(".sx-mic");
    for (const region of root.querySelectorAll("[role=status], [role=alert], [aria-live]:not([aria-live=off])")) {
        new MutationObserver(() => window.sxRewritten.push(region.textContent))
            .observe(region, { childList: true, characterData: true, subtree: true });
    }
    new MutationObserver(() => window.sxNotes.push(root.querySelector(".sx-notes").textContent))
        .observe(root.querySelector(".sx-notes"), { childList: true, characterData: true, subtree: true });
}"""


def test_auto_goes_directly_and_a_cell_that_holds_pythons_lock_delays_nothing(notebook):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL, [HOLD])
        page.start()
        page.wait_for_words(2)
        page.wait_for_link("direct to the service")
        before = sum(piece.size for piece in service.hearing.streams[-1])
        page.nb.run(1, wait=False)
        page.nb.until(  # for longer than a kernel may be silent whose process may have ended
            lambda: sum(piece.size for piece in service.hearing.streams[-1]) > before + 7 * 16_000,
            what="seven more seconds at the service",
        )
        page.let_go()
        page.nb.wait_for_cell(1)
        page.stop()
        page.wait_for_these_words(text_words(page))
        page.nb.python("mic.save_wav('said.wav') and None")
        samples = page.samples().tolist()
        assert page.ask("np.round(mic.audio * 32768).astype(int).tolist()") == samples
        assert service.hearing.heard().tolist() == samples
        assert (page.nb.folder / "said.wav").stat().st_size == 2 * len(samples) + 44


NO_KEY = """
from soniox_ds.widgets.microphone import recorder
async def no_key(*given, **named): raise sx.exceptions.AuthError("the key may make no other keys")
recorder.temporary_key = no_key
"""


@pytest.mark.parametrize(
    ("before", "options", "link", "why"),
    [
        pytest.param("NO_KEY", "", "own socket", "may make no other keys", id="no-key-loopback"),
        pytest.param("", "", "own socket", "cannot be reached", id="unreachable-loopback"),
        pytest.param("", "transport='comm'", "notebook connection", "cannot be reached", id="unreachable-comm"),
    ],
)
def test_auto_goes_through_the_kernel_where_the_direct_way_is_closed(notebook, before, options, link, why):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL + options, before=NO_KEY if before else "")
        if not before:
            page.nb.page.evaluate(UNREACHABLE, service.ws_url.rpartition(":")[2].partition("/")[0])
        page.start()
        page.wait_for_words(2)
        page.wait_for_link(f"through the kernel, {link}")
        assert why in page.nb.page.get_attribute(".sx-link", "title")
        page.stop()
        assert service.hearing.heard().tolist() == page.samples().tolist()
        assert page.ask("mic.audio.size") == page.samples().size


@pytest.mark.parametrize("mode", ["proxy", "direct"])
def test_a_service_that_does_not_answer_is_told_and_replaced(notebook, tones, mode):
    with listening_service(ToneRecognizer()) as service, BadLine(service.ws_url) as line:
        env = service.environment | {"SONIOX_WS_URL": line.url}
        page = MicrophonePage(notebook, service, f"{ALL} mode='{mode}'", wav=tones, loop=True, env=env)
        page.start()
        page.wait_for_words(3)
        page.nb.page.evaluate(REWRITTEN)
        line.freeze()
        page.wait_for_note("The service does not answer")
        page.wait_for_note("of audio waits")
        assert page.nb.page.inner_text(".sx-status") == "Recording"
        page.nb.until(lambda: line.connections == 2, what="another connection")
        page.wait_for_words(len(page.words()) + 8)
        page.nb.wait_for("() => !document.querySelector('.sx-notes').textContent.includes('service')")
        page.stop()
        page.wait_for_these_words(text_words(page))
        rewritten = page.nb.page.evaluate("() => window.sxRewritten.filter(text => text.includes('does not answer'))")
        assert rewritten == ["The service does not answer. The recording goes on, and nothing is lost."]
        kinds = page.ask("mic.result().log['kind'].tolist()")
        assert kinds.index("silent") < kinds.index("lost")
        assert page.ask("mic.result().recordings['status'].tolist()") == ["completed"]
        assert page.ask("mic.audio.size") == page.samples().size


def test_a_line_slower_than_the_audio_is_told_and_kept(notebook):
    with listening_service() as service, BadLine(service.ws_url) as line:
        env = service.environment | {"SONIOX_WS_URL": line.url}
        page = MicrophonePage(notebook, service, f"{ALL} mode='direct'", env=env)
        page.start()
        page.wait_for_words(2)
        line.throttle(12_000)  # a second of this sound is about 30,000 bytes, compressed
        assert "The service is" in page.wait_for_note("behind what is said")
        line.throttle(None)
        page.nb.wait_for("() => !document.querySelector('.sx-notes').textContent.includes('behind')")
        page.stop()
        assert line.connections == 1
        page.wait_for_these_words(text_words(page))


def test_while_it_reconnects_screen_readers_are_told_once(notebook, tones):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, f"{ALL} mode='proxy'", wav=tones, loop=True)
        page.start()
        page.wait_for_words(2)
        page.nb.page.evaluate(REWRITTEN)
        service.faults.next("unavailable", "websocket", times=5)
        page.nb.python(
            "from soniox_ds._background import event_loop\n"
            "event_loop().call_soon_threadsafe(mic._recorder.running._session._socket.drop)\n"
        )
        page.wait_for_note("Reconnecting to the service")
        page.nb.wait_for("() => window.sxNotes.filter(text => text.includes('audio waits')).length >= 6")
        page.nb.wait_for("() => !document.querySelector('.sx-notes').textContent.includes('service')")
        page.stop()
        told = page.nb.page.evaluate("() => window.sxRewritten.filter(text => text.includes('Reconnecting'))")
        assert told == ["Reconnecting to the service; nothing is lost."]


PATIENT = """
from soniox_ds.widgets.microphone import page_closing
page_closing.LOST_AFTER_S = page_closing.CUT_OFF_AFTER_S = 600
"""


@pytest.mark.parametrize("options", ["mode='proxy'", "mode='proxy', transport='comm'", "mode='direct'"])
def test_a_page_that_is_loaded_again_says_that_it_leaves(notebook, options):
    """And what it recorded ends at once, not after a silence."""
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL + options, before=PATIENT)
        page.start()
        page.wait_for_words(3)
        page.nb.save()
        words = page.wait_for_words(3)
        page.nb.page.reload()
        page.nb.until(lambda: service.open_streams == 0, what="the session is closed")
        page.nb._wait_until_ready()
        page.wait_for_first_words(words)
        page.wait_for_status("Ready")
        page.nb.wait_until_equal(lambda: page.ask("mic.state"), "lost")


def test_a_page_that_does_not_record_says_that_a_recording_goes_on(notebook):
    """A second page shows the recording if the first page disappeared without a message, and if it still exists."""
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL, before=PATIENT)
        page.nb.save()
        page.start()
        page.wait_for_words(3)
        other = page.nb.page.context.new_page()
        other.goto(page.nb.page.url)
        other.wait_for_selector(".sx-mic .sx-start")
        other.wait_for_function(
            "() => document.querySelector('.sx-status').textContent === 'Recording in another page'"
        )
        assert "is billed" in other.inner_text(".sx-notes")
        assert other.inner_text(".sx-start") == "■ Stop"
        other.click(".sx-start")
        other.wait_for_function("() => document.querySelector('.sx-status').textContent === 'Ready'")
        page.wait_for_status("Stopped")
        page.nb.until(lambda: service.open_streams == 0, what="the session is closed")
        assert page.ask("mic.state") == "finished"
        assert other.inner_text(".sx-start") == "● Start"
        other.close()
