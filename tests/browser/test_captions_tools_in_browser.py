"""Copying, saving and hearing what was said, in a real notebook."""

import csv
import io

from client_environments import axe_source
from microphone_page import MicrophonePage, listening_service
from tones import ToneRecognizer

OPTIONS = "enable_endpoint_detection=True, enable_speaker_diarization=True"
# The player's sound is in no document.
WATCH_SOUND = """() => {
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () {
        window.sxAudio = this;
        return play.call(this);
    };
}"""


def told(page):
    return page.nb.page.inner_text(".sx-told-tool")


def test_words_are_copied_saved_and_heard_after_the_recording(notebook, tones):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, OPTIONS, wav=tones)
        nb = page.nb
        nb.is_as_loaded = False
        nb.page.evaluate(WATCH_SOUND)
        nb.page.context.grant_permissions(["clipboard-read", "clipboard-write", "microphone"])
        assert nb.page.is_disabled(".sx-copy")
        page.start()
        assert nb.page.inner_text(".sx-permission") == ""  # it is of interest before Start only
        page.wait_for_words(8)
        page.stop()
        nb.until(lambda: page.ask("len(mic._saving)") == 0, what="the output is drawn anew")
        nb.wait_for("() => document.querySelector('.sx-word')")
        words = page.words()
        assert words == page.ask("mic.text").split()

        nb.page.click(".sx-copy")
        nb.wait_until_equal(lambda: told(page), "Copied.")
        copied = nb.page.evaluate("() => navigator.clipboard.readText()")
        assert copied.split() == ["Speaker", "1:", *" ".join(words).replace("\n", " ").split()] or all(
            line.startswith("Speaker 1: ") for line in copied.splitlines()
        )
        assert copied.replace("Speaker 1:", "").split() == words

        for kind, name in (("txt", "microphone.txt"), ("srt", "microphone.srt"), ("csv", "microphone.csv")):
            nb.page.select_option(".sx-format", kind)
            with nb.page.expect_download() as download:
                nb.page.click(".sx-save")
            assert download.value.suggested_filename == name
            nb.wait_until_equal(lambda name=name: told(page), f"Saved as {name}.")
            content = download.value.path().read_text(encoding="utf-8-sig")
            if kind == "txt":
                assert content == copied + "\n"
            elif kind == "csv":
                assert " ".join(row["text"] for row in csv.DictReader(io.StringIO(content))).split() == words
            else:
                assert [word for line in content.splitlines() if line[:1].isalpha() for word in line.split()] == words

        # a click on the fifth word plays from there
        start_s = page.ask("int(mic.tokens[mic.tokens['text'].str.startswith(' ')]['start_ms'].iloc[3])") / 1000
        nb.page.click(".sx-word >> nth=4")
        nb.wait_for("() => window.sxAudio && window.sxAudio.currentTime > 0.1")
        span = nb.page.get_attribute(".sx-word >> nth=4", "data-span")
        assert float(span.split()[0]) / 1000 == start_s
        heard = nb.wait_for("() => document.querySelector('.sx-heard')?.textContent")
        assert heard in words[4:]
        assert nb.page.is_visible(".sx-stop")
        nb.page.keyboard.press("Escape")
        nb.wait_for("() => window.sxAudio.paused && document.querySelector('.sx-stop').hidden")

        # the keyboard does the same
        nb.page.focus(".sx-log button.sx-time")
        nb.page.keyboard.press("ArrowRight")
        nb.page.keyboard.press("ArrowRight")
        assert nb.page.evaluate("() => document.activeElement.textContent") == words[1]
        nb.page.keyboard.press("Enter")
        nb.wait_for("() => !window.sxAudio.paused && window.sxAudio.currentTime > 0.05")
        nb.page.click(".sx-stop")
        nb.wait_for("() => window.sxAudio.paused")
        assert nb.cell_count() == 1

        nb.page.evaluate(axe_source())
        problems = nb.page.evaluate("async () => (await axe.run('.sx-mic')).violations")
        assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in problems] == []

        # without its kernel the page still copies and saves the text
        nb.restart_kernel()
        page.wait_for_alert("kernel")
        nb.page.select_option(".sx-format", "srt")
        nb.page.click(".sx-save")
        nb.wait_until_equal(lambda: told(page), "The kernel has ended, so only text can be saved.")
        nb.page.click(".sx-copy")
        nb.wait_until_equal(lambda: told(page), "Copied.")


def test_a_page_that_is_loaded_again_plays_the_recording(notebook, tones):
    with listening_service(ToneRecognizer()) as service:
        page = MicrophonePage(notebook, service, OPTIONS, wav=tones)
        nb = page.nb
        page.start()
        page.wait_for_words(4)
        page.stop()
        nb.until(lambda: page.ask("len(mic._saving)") == 0, what="the output is drawn anew")
        nb.reload()
        nb.page.evaluate(WATCH_SOUND)
        nb.wait_for("() => document.querySelector('.sx-word')")
        nb.is_as_loaded = False
        nb.page.click(".sx-word >> nth=1")
        nb.wait_for("() => document.querySelector('.sx-heard')")
