"""Whatever becomes of cell, page and kernel: no microphone and no session stays open, no final word is lost."""

import json

import psutil
import pytest
from microphone_page import BUSY, HOLD, MicrophonePage, listening_service, text_words

ALL = "language_hints=['en'], enable_endpoint_detection=True, "


def closed(page, service):
    """Wait until neither a microphone nor a session is open."""
    page.nb.until(lambda: set(page.tracks()) <= {"ended"}, what="the microphone is let go")
    page.nb.until(lambda: service.open_streams == 0, what="the session is closed")


@pytest.mark.parametrize(
    ("options", "work"),
    [
        pytest.param("mode='proxy', transport='loopback'", "cpu", id="loopback"),
        pytest.param("mode='proxy', transport='comm'", "sleep", id="comm"),
        pytest.param("mode='direct', transport='comm'", "cpu", id="direct"),
    ],
)
def test_captions_go_on_while_a_cell_runs(notebook, options, work):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL + options, [BUSY[work]])
        page.start()
        before = len(page.wait_for_words(2))
        page.nb.run(1, wait=False)
        page.wait_for_words(before + 8)
        page.go()
        page.nb.wait_for_cell(1)
        page.stop()
        page.wait_for_these_words(text_words(page))


def test_a_cell_that_delays_messages_is_reported_and_nothing_is_lost(notebook):
    """Front ends without subshells, and ipykernel 6."""
    with listening_service() as service:
        page = MicrophonePage(
            notebook,
            service,
            ALL + "mode='proxy', transport='comm'",
            [BUSY["sleep"]],
            before="from soniox_ds.widgets.microphone import page_closing\npage_closing.LOST_AFTER_S = 3",
        )
        page.nb.page.evaluate(
            "() => { jupyterapp.shell.currentWidget.sessionContext.session.kernel.commsOverSubshells = 'disabled'; }"
        )
        page.start()
        page.wait_for_words(2)
        page.nb.run(1, wait=False)
        page.nb.wait_for(  # for longer than the kernel's patience
            """() => {
                const notes = document.querySelector('.sx-notes').textContent;
                const told = /The kernel is busy: ([\\d.]+) s of audio waits/u.exec(notes);
                return told && Number(told[1]) >= 5;
            }"""
        )
        page.go()
        page.nb.wait_for_cell(1)
        page.nb.wait_for("() => document.querySelector('.sx-notes').textContent === ''")
        page.stop()
        assert service.hearing.heard().tolist() == page.samples().tolist()
        assert page.ask("[mic.state, len(mic.result())]") == ["finished", 1]
        page.wait_for_these_words(text_words(page))


LATER = f"""
import threading
def hold():
    while not pathlib.Path('go').exists(): time.sleep(0.02)
    {HOLD.replace(chr(10), "; ")}
threading.Thread(target=hold).start()
"""


@pytest.mark.parametrize("transport", ["loopback", "comm"])
@pytest.mark.parametrize("holds", ["cell", "thread"])
def test_code_that_holds_pythons_lock_ends_no_recording(notebook, transport, holds):
    """The kernel cannot even say that it is busy; a thread may hold the lock while no cell runs at all."""
    with listening_service() as service:
        options = f"{ALL} mode='proxy', transport='{transport}'"
        page = MicrophonePage(notebook, service, options, [HOLD if holds == "cell" else LATER])
        page.start()
        page.wait_for_words(2)
        page.nb.run(1, wait=holds == "thread")
        page.go()
        page.nb.wait_for(  # for longer than a kernel may be silent whose process may have ended
            """() => {
                const notes = document.querySelector('.sx-notes').textContent;
                const told = /([\\d.]+) s of audio waits in this page/u.exec(notes);
                return told && Number(told[1]) >= 7;
            }"""
        )
        page.let_go()
        page.nb.wait_for("() => document.querySelector('.sx-notes').textContent === ''")
        page.stop()
        assert service.hearing.heard().tolist() == page.samples().tolist()
        assert page.ask("[mic.state, len(mic.result())]") == ["finished", 1]
        page.wait_for_these_words(text_words(page))


@pytest.mark.parametrize("options", ["mode='proxy', transport='comm'", "mode='direct', transport='loopback'"])
def test_a_kernel_that_is_killed_is_told_at_once(notebook, options):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, f"{ALL}{options}")
        page.start()
        page.wait_for_words(2)
        psutil.Process(page.nb.python("import os; print(os.getpid())")).kill()
        assert "restarted or has ended" in page.wait_for_alert("kernel")
        closed(page, service)


def test_cell_run_again_output_deleted_and_started_twice(notebook):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL)
        page.nb.page.evaluate("() => { const go = document.querySelector('.sx-start'); go.click(); }")
        page.tell("start")  # a second time, from Python
        page.wait_for_words(3)
        assert page.tracks() == ["live"]
        page.nb.python("first = mic")
        page.nb.run(0)
        closed(page, service)
        page.nb.until(lambda: page.ask("first.state") == "finished")
        assert len(page.ask("first.text").split()) >= 3
        assert page.ask("[mic.state, mic.text]") == ["idle", ""]

        page.start()
        words = page.wait_for_words(3)
        page.nb.delete_output(0)
        closed(page, service)
        page.nb.until(lambda: page.ask("mic.state") == "finished")
        assert page.ask("mic.text").split()[:3] == words[:3]


@pytest.mark.parametrize("options", ["mode='proxy'", "mode='direct', transport='comm'"], ids=["proxy", "direct"])
def test_page_reload_loses_no_final_word(notebook, options):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL + options)
        page.start()
        page.wait_for_words(5)
        page.nb.save()
        words = page.wait_for_words(5)
        page.nb.page.reload()
        page.nb.until(lambda: service.open_streams == 0, what="the session is closed")
        page.nb._wait_until_ready()
        page.nb.until(lambda: page.ask("mic.state") == "lost")
        assert text_words(page)[: len(words)] == words
        page.wait_for_these_words(text_words(page))  # shown again
        page.wait_for_status("Ready")
        page.nb.page.click(".sx-start")  # and it can go on
        page.wait_for_status("Recording")
        page.stop()
        assert page.ask("mic.result().recordings['status'].tolist()") == ["failed", "completed"]
        assert page.ask("mic.result().recordings['error_type'].tolist()[0]") == "unfinished"


def test_a_reload_and_the_cell_run_again_lose_no_word(notebook):
    """The next microphone has the settled words, and the cell says so, whatever happened to the first one's page."""
    with listening_service() as service:
        page = MicrophonePage(notebook, service, ALL)
        page.start()
        words = page.wait_for_words(5)
        page.nb.reload()
        assert "are in mic.recovered" in page.nb.run(0)
        page.nb.until(lambda: service.open_streams == 0, what="the session is closed")
        assert page.ask("[mic.state, mic.text]") == ["idle", ""]
        page.nb.wait_until_equal(lambda: page.ask("mic.recovered.text").split()[: len(words)], words)

        page.nb.wait_for("() => !document.querySelector('.sx-start').disabled")
        page.start()
        page.wait_for_words(3)
        page.stop()
        # `text_words` would read the recording, which then needs no recovering
        words = page.wait_for_these_words(page.ask("mic._takes[-1].transcript.text").split())
        page.nb.reload()
        assert "was neither read nor saved" in page.nb.run(0)
        page.nb.until(lambda: len(page.ask("mic.recovered.recordings['status'].tolist()")) == 2)
        assert page.ask("mic.recovered.text").split("\n")[1].split() == words


def test_kernel_restart(notebook):
    for options in ("mode='proxy', transport='comm'", "mode='direct'"):
        with listening_service() as service:
            page = MicrophonePage(notebook, service, f"{ALL}{options}, save_to='kept'")
            page.start()
            words = page.wait_for_words(4)
            page.nb.restart_kernel()
            assert "kernel was restarted" in page.wait_for_alert("kernel")
            closed(page, service)
            page.wait_for_first_words(words)  # still there to be read
            assert page.nb.page.is_disabled(".sx-start")
            page.nb.run(0)  # and the next one finds what the kernel had
            (kept,) = (found for found in (page.nb.folder / "kept").iterdir() if not found.suffix)
            assert page.ask(f"sx.read_live_result({json.dumps(str(kept))}).text.split()[:{len(words)}]") == words
            assert kept.with_suffix(".wav").stat().st_size > 32_000


def test_everything_from_python(notebook):
    with listening_service() as service:
        page = MicrophonePage(
            notebook,
            service,
            ALL + "save_to='kept', on_segment=lambda segment: 1 / 0",
            ["done = await mic.until_stopped()"],
        )
        page.tell("start")
        page.wait_for_words(3)
        page.nb.run(1, wait=False)
        page.wait_for_note("raised ZeroDivisionError")  # a callback's mistake is told and costs nothing
        page.nb.page.focus(".sx-pause")
        page.nb.page.keyboard.press("Enter")
        page.wait_for_status("Paused")
        page.nb.page.keyboard.type("bax")  # would insert and cut cells
        assert page.nb.cell_count() == 2
        assert service.open_streams == 1
        page.nb.page.keyboard.press(" ")
        page.wait_for_status("Recording")
        page.wait_for_words(len(page.words()) + 2)
        page.stop()
        page.nb.wait_for_cell(1)
        assert page.ask("[done.text == mic.text, mic.state]") == [True, "finished"]
        assert service.hearing.heard().tolist() == page.samples().tolist()
        assert len(service.hearing.streams) == 1
        page.nb.until(lambda: len(list((page.nb.folder / "kept").iterdir())) == 2)
        saved = sorted((page.nb.folder / "kept").iterdir())
        assert [path.suffix for path in saved] == ["", ".wav"]
        kept = page.ask(f"sx.read_live_result({json.dumps(str(saved[0]))}).text")
        assert kept == page.ask("mic.text")
