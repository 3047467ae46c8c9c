"""Notebooks that were saved with widgets in them, and are opened again where their kernel is gone."""

import pytest
from microphone_page import MicrophonePage, listening_service, text_words
from notebook_files import write_notebook
from test_live_captions_in_browser import PLAY, STOP, ask, opened, recording, shown_words, words  # noqa: F401  fixtures
from test_review_in_browser import CALL, QUEUE, wait_until_saved
from test_review_in_browser import opened as opened_review

STILL = ".sx-still"
TOLD = """() => /model not found|Loading widget/u.test(document.querySelector('.jp-OutputArea-output').textContent)"""


def visible(page, selector):
    return page.page.locator(selector).first.is_visible()


def open_again(page, lab, kernel):
    """End all kernels and open the notebook as it was saved, with a new kernel or without any."""
    saved = page.save()
    lab.end_kernels()
    if kernel == "none":
        saved.metadata.kernelspec.name = "gone"
        write_notebook(saved, page.path)
        lab.trust(saved)
    page.page.goto(f"{page.page.url.partition('?')[0]}?reset")
    if kernel == "none":
        page.page.locator(".jp-Dialog-button", has_text="No Kernel").click()
    else:
        page._wait_until_ready()
    page.page.wait_for_selector(f"{STILL} td")


def assert_only_the_picture_is_seen(page, part):
    page.wait_for(TOLD)
    page.until(lambda: part in page.page.inner_text(STILL), what=f"{part} in the picture")
    page.page.locator(".jp-OutputArea-child").first.wait_for(state="hidden")  # there is nothing in it to be seen
    for theme in ("light", "dark"):
        page.use_theme(theme)
        ink, ground = page.page.evaluate(
            """selector => {
                const cell = document.querySelector(`${selector} td:last-child`);
                let around = cell;
                while (getComputedStyle(around).backgroundColor === 'rgba(0, 0, 0, 0)') around = around.parentElement;
                return [getComputedStyle(cell).color, getComputedStyle(around).backgroundColor];
            }""",
            STILL,
        )
        assert contrast(ink, ground) >= 4.5, theme


def contrast(one, two):
    """Return the contrast by the formula of WCAG 2. Translucent colours are blended first."""

    def parts(color):
        numbers = [float(part) for part in color[color.index("(") + 1 : -1].split(",")]
        return numbers[:3], (numbers[3] if len(numbers) > 3 else 1.0)

    def luminance(rgb):
        linear = [
            part / 12.92 if (part := value / 255) <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for value in rgb
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ground, _ = parts(two)
    ink, alpha = parts(one)
    mixed = [alpha * above + (1 - alpha) * below for above, below in zip(ink, ground, strict=True)]
    high, low = sorted((luminance(mixed), luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def html_of(page):
    """The pictures in the notebook as it is saved now."""
    return [output.data["text/html"] for output in page.save().cells[0].outputs if "text/html" in output.data]


@pytest.mark.parametrize("kernel", ["another", "none"])
def test_the_microphone(notebook, lab, kernel):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, "enable_endpoint_detection=True, enable_speaker_diarization=True")
        nb = page.nb
        assert "idle" in html_of(nb)[0]
        page.start()
        page.wait_for_words(12)
        # a save while it records holds what was said up to the latest endpoints
        first = text_words(page)[0]
        nb.until(lambda: first in html_of(nb)[0], what="a picture of the beginning")
        nb.until(lambda: visible(nb, ".sx-mic") and not visible(nb, STILL), what="only the live widget is seen")
        page.stop()
        words = page.wait_for_these_words(text_words(page))
        nb.until(lambda: "finished" in html_of(nb)[0], what="the last picture")
        widget, picture = nb.save().cells[0].outputs
        assert "application/vnd.jupyter.widget-view+json" in widget.data
        assert "text/html" not in widget.data, "front ends without widgets show the transcript once"
        assert set(picture.data) == {"text/html", "text/plain"}
        open_again(nb, lab, kernel)
        assert_only_the_picture_is_seen(nb, words[-1])
        assert " ".join(nb.page.locator(f"{STILL} td:last-child").all_inner_texts()).split() == words
        if kernel == "another":  # run again it is the widget that is seen
            nb.run(0)
            nb.until(lambda: visible(nb, ".sx-mic") and not visible(nb, STILL), what="only the live widget is seen")


def test_live_captions(opened, lab):  # noqa: F811
    assert "not played yet" in html_of(opened)[0]
    opened.page.click(PLAY)
    opened.until(lambda: len(shown_words(opened)) >= 6, what="words")
    first = ask(opened, "captions.text").split()[0]
    opened.until(lambda: first in html_of(opened)[0], what="a picture of the beginning")
    opened.until(lambda: not visible(opened, STILL), what="only the live widget is seen")
    opened.page.click(STOP)
    opened.until(lambda: ask(opened, "captions.state") == "finished", what="the end")
    said = ask(opened, "captions.text")
    opened.until(lambda: said.split()[-1] in html_of(opened)[0], what="the last picture")
    assert len(html_of(opened)[0]) < 10_000, "no sound in the notebook"
    open_again(opened, lab, "another")
    assert_only_the_picture_is_seen(opened, said.split()[-1])


def test_the_review_queue(notebook, lab):
    page = notebook([CALL + QUEUE])
    opened_review(page)
    page.until(lambda: not visible(page, STILL), what="only the live widget is seen")
    assert "0 of 4 clips reviewed" in html_of(page)[0]
    page.page.keyboard.press("1")
    wait_until_saved(page, 1)
    page.until(lambda: "1 of 4 clips reviewed" in html_of(page)[0], what="a new picture with each verdict")
    open_again(page, lab, "another")
    assert_only_the_picture_is_seen(page, "mourning?")


def test_a_notebook_that_is_not_trusted_shows_the_transcript_too(notebook, lab):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, "enable_endpoint_detection=True")
        page.start()
        page.wait_for_words(8)
        page.stop()
        words = page.wait_for_these_words(text_words(page))
        page.nb.until(lambda: words[-1] in html_of(page.nb)[0], what="the last picture")
        saved = page.nb.save()
        saved.cells[0].outputs[1].data["text/html"] += " "  # it is no longer what was signed
        write_notebook(saved, page.nb.path)
        page.nb.page.goto(f"{page.nb.page.url.partition('?')[0]}?reset")
        lab.end_kernels()
        page.nb.page.wait_for_selector(f"{STILL} td")
        page.nb.until(lambda: words[-1] in page.nb.page.inner_text(STILL), what="the transcript")
        page.nb.wait_until_equal(
            lambda: page.nb.page.locator(".jp-OutputArea-child").first.inner_text().strip(),
            "Microphone: a live widget, which is shown only while its kernel is running",
        )
