"""The review queue in a real notebook: by keyboard, with sound, over restarts, and with text that would be markup."""

import json
import os
import signal

import pandas as pd
import pytest

HELP = "from review_samples import *\n"
CALL = HELP + "found = corpus('good mourning? every body? how are ewe? to day?'.split())\n"
QUEUE = "queue = sx.review(clips_of(found), found, save_to='reviews.csv', reviewer='ana')\nqueue"
LETTERS = "abxdzjkmy0"  # each of them a command of Lab's, or of the widget's

# keeps the sounds that the view plays
LISTEN = """() => {
    window.sxSounds = [];
    const make = URL.createObjectURL.bind(URL);
    URL.createObjectURL = blob => {
        if (blob.type.startsWith("audio/")) window.sxSounds.push(blob);
        return make(blob);
    };
}"""
# seconds, pitch by zero crossings and loudness of the middle of the latest sound
SOUND = """async () => {
    const blob = window.sxSounds.at(-1);
    const sound = await new AudioContext().decodeAudioData(await blob.arrayBuffer());
    const samples = sound.getChannelData(0).slice(0.45 * sound.sampleRate, -0.45 * sound.sampleRate);
    let crossings = 0, power = 0;
    samples.forEach((value, at) => {
        crossings += at > 0 && (value < 0) !== (samples[at - 1] < 0); power += value * value;
    });
    const seconds = samples.length / sound.sampleRate;
    return [sound.duration, crossings / 2 / seconds, Math.sqrt(power / samples.length)];
}"""


def text_of(page, selector):
    return page.page.locator(selector).first.inner_text()


def wait_until_shown(page, selector, text):
    page.wait_until_equal(lambda: text_of(page, selector), text)


def wait_until_saved(page, count):
    page.until(lambda: text_of(page, ".sxr-count").startswith(f"{count} of "), what=f"{count} reviewed")
    page.until(lambda: text_of(page, ".sxr-state") == "Saved to reviews.csv", what="saved")


def reviews_in(folder):
    """Return the reviews in the file in the order of the clips, whatever the order in which they were given."""
    reviews = pd.read_csv(folder / "reviews.csv", dtype="string", keep_default_na=False).drop(columns="reviewed_at")
    return reviews.iloc[pd.to_numeric(reviews["start_ms"]).argsort(kind="stable")].reset_index(drop=True)


def opened(page, cell=0):
    """Run a cell, and wait for its new view; that of an earlier run may still be there for a moment."""
    page.page.evaluate("() => document.querySelectorAll('.sxr').forEach(view => view.classList.add('earlier'))")
    page.run(cell)
    page.page.wait_for_selector(".sxr:not(.earlier) .sxr-words mark")
    page.page.focus(".sxr:not(.earlier) .sxr-list")


def test_a_queue_is_worked_through_by_keyboard(notebook):
    page = notebook([CALL + QUEUE, "print(queue.table['correction'].tolist())", "kept = 1"])
    before = page.sources()
    opened(page)
    keys = page.page.keyboard
    wait_until_shown(page, ".sxr-words", "mourning?")
    wait_until_shown(page, ".sxr-text", "good mourning? every body? how are ewe? to day?")
    wait_until_shown(page, ".sxr-count", "0 of 4 reviewed")

    keys.press("2")  # wrong: the words can be written anew at once
    keys.type(f"{LETTERS} morning")
    keys.press("Enter")  # and on to the next
    wait_until_shown(page, ".sxr-words", "body?")
    keys.press("1")
    wait_until_shown(page, ".sxr-words", "ewe?")
    keys.press("Enter")  # to edit; Esc leaves it as it was
    keys.type("never")
    keys.press("Escape")
    wait_until_shown(page, ".sxr-count", "2 of 4 reviewed")
    page.wait_until_equal(lambda: page.page.input_value(".sxr-field >> nth=0"), "")
    keys.press("3")
    keys.press("k")
    keys.press("k")
    keys.press("ArrowUp")
    keys.press("j")
    wait_until_shown(page, ".sxr-words", "body?")
    keys.press("1")  # the same key again takes it back
    wait_until_saved(page, 2)
    keys.press("n")
    wait_until_shown(page, ".sxr-words", "day?")
    keys.press("Enter")
    keys.press("Delete")  # nothing was said
    page.page.fill(".sxr-field >> nth=1", "only <noise>")
    wait_until_saved(page, 3)

    kept = reviews_in(page.folder)
    assert kept["text"].tolist() == ["mourning?", "body?", "ewe?", "day?"]
    assert kept["verdict"].tolist() == ["wrong", "", "unclear", "wrong"]
    assert kept["corrected"].tolist() == ["True", "False", "False", "True"]
    assert kept["correction"].tolist() == [f"{LETTERS} morning", "", "", ""]
    assert set(kept["reviewer"]) == {"ana"}
    assert page.run(1).strip() == f"['{LETTERS} morning', <NA>, <NA>, '']"
    page.until(lambda: reviews_in(page.folder)["note"].tolist()[3] == "only <noise>", what="the note")

    # with the focus anywhere in the widget, letters are no commands of Lab's
    for place in page.page.locator(".sxr button, .sxr input, .sxr-list, .sxr").all():
        if place.is_enabled():
            place.focus()
            for letter in "abxdd":
                keys.press(letter)
            keys.press("Escape")
    assert page.cell_count() == 3
    assert page.sources() == before


def test_a_queue_is_taken_up_again_after_rerun_reload_and_restart(notebook):
    page = notebook([CALL + QUEUE])
    opened(page)
    page.page.keyboard.press("1")
    wait_until_saved(page, 1)

    opened(page)  # the cell run again
    wait_until_shown(page, ".sxr-count", "1 of 4 reviewed")
    wait_until_shown(page, ".sxr-words", "body?")
    page.page.keyboard.press("1")
    wait_until_saved(page, 2)

    page.reload()
    page.page.wait_for_selector(".sxr-words mark")  # the view comes back, the kernel has the rest
    page.until(lambda: text_of(page, ".sxr-count") == "2 of 4 reviewed", what="the reviews are there")

    page.restart_kernel()
    page.until(lambda: "kernel behind this queue is gone" in text_of(page, ".sxr-problem"), what="told")
    assert "takes up what is in reviews.csv" in text_of(page, ".sxr-problem")
    opened(page)
    wait_until_shown(page, ".sxr-count", "2 of 4 reviewed")
    wait_until_shown(page, ".sxr-words", "ewe?")
    assert len(reviews_in(page.folder)) == 2


# The share of the waveform's bars that are drawn clearly, at half of its height.
CLEAR_SHARE = """() => {
    const canvas = document.querySelector(".sxr-wave");
    const row = canvas.getContext("2d").getImageData(0, Math.floor(canvas.height / 2), canvas.width, 1).data;
    const alphas = [...row].filter((_value, place) => place % 4 === 3 && _value > 60);
    return alphas.filter((alpha) => alpha > 160).length / Math.max(alphas.length, 1);
}"""


def test_clips_are_heard(notebook):
    page = notebook([CALL + QUEUE, "import os; os.remove('call.wav')\n" + QUEUE])
    page.page.evaluate(LISTEN)
    opened(page)
    keys = page.page.keyboard
    # the clip that is shown is fetched for its waveform, and no other
    page.wait_until_equal(lambda: page.page.evaluate("() => window.sxSounds.length"), 1)
    page.wait_until_equal(lambda: page.page.evaluate(CLEAR_SHARE) > 0, True)
    assert page.page.evaluate("() => window.sxSounds.length") == 1
    keys.press("j")
    keys.press(" ")
    page.until(lambda: "Pause" in text_of(page, ".sxr-play"), what="playing")
    page.until(lambda: "Play" in text_of(page, ".sxr-play"), what="played to its end")
    seconds, pitch, loudness = page.page.evaluate(SOUND)
    assert seconds == pytest.approx(1.0 + 2 * 0.15, abs=0.05)  # 2.75 to 3.75 s and the margins
    assert pitch == pytest.approx(350, abs=6)  # the tone of second 3
    assert loudness == pytest.approx(0.3 / 2**0.5, abs=0.03)
    # of 1.3 s, the second between the margins is drawn clearly
    assert page.page.evaluate(CLEAR_SHARE) == pytest.approx(1 / 1.3, abs=0.03)
    page.page.check(".sxr-auto input")
    keys.press("j")
    page.until(lambda: page.page.evaluate("() => window.sxSounds.length") == 3, what="fetched when moving")
    assert page.page.evaluate(SOUND)[1] == pytest.approx(500, abs=6)  # second 6
    keys.press("k")
    page.until(lambda: "Pause" in text_of(page, ".sxr-play"), what="playing again")
    assert page.page.evaluate("() => window.sxSounds.length") == 3  # not fetched twice

    opened(page, cell=1)
    second = page.page.locator(".sxr >> nth=1")
    page.wait_until_equal(
        lambda: second.locator(".sxr-length").inner_text(), "No sound: the audio file is no longer there"
    )
    assert second.locator(".sxr-play").is_disabled()
    assert second.locator(".sxr-wave").is_hidden()
    second.locator(".sxr-right").last.click()
    page.until(lambda: second.locator(".sxr-count").inner_text() == "1 of 4 reviewed", what="judged all the same")


def test_words_of_views_are_heard(notebook):
    page = notebook(
        [
            HELP + "found = corpus('<b>good</b> mourning? everybody how are you today?'.split(), '<i>a  b.wav')\n"
            "sx.show.transcript(found)",
            "sx.find(found, 'everybody')",
        ]
    )
    page.page.evaluate(LISTEN)
    page.run(0)
    ready = page.page.locator(".sx-spoken-ready")
    ready.first.wait_for()
    assert page.page.evaluate("() => window.sxSounds.length") == 0  # nothing is fetched before it is asked for
    assert not page.page.locator(".sx-still").is_visible()
    assert ready.locator(":is(b, i)", has_text="good").count() == 0
    keys = page.page.keyboard
    ready.locator("[data-span]", has_text="how").click()
    page.until(lambda: page.page.evaluate("() => window.sxSounds.length") == 1, what="a word is fetched")
    seconds = page.page.evaluate(
        "async () => (await new AudioContext().decodeAudioData(await window.sxSounds.at(-1).arrayBuffer())).duration"
    )
    assert seconds == pytest.approx(0.5 + 2 * 0.08, abs=0.05)
    page.until(lambda: ready.locator(".sx-playing").count() == 0, what="played to its end")

    keys.press("ArrowLeft")  # one word can take the focus, and is a button then
    focused = page.page.locator(":focus")
    assert [focused.inner_text(), focused.get_attribute("role")] == ["everybody", "button"]
    assert ready.locator("[tabindex='0']").count() == 1
    keys.press("ArrowUp")
    assert focused.get_attribute("aria-label") == "Play 0:00"
    keys.press("Enter")  # the paragraph, whose words are marked while they are heard
    page.until(lambda: page.page.evaluate("() => window.sxSounds.length") == 2, what="the paragraph is fetched")
    assert page.page.evaluate(SOUND)[0] == pytest.approx(6.5 + 0.08, abs=0.05)
    page.until(lambda: "mourning" in "".join(ready.locator(".sx-heard").all_inner_texts()), what="the word is marked")
    keys.press("Escape")
    page.wait_until_equal(lambda: ready.locator(".sx-playing, .sx-heard").count(), 0)
    assert page.cell_count() == 2

    page.run(1)
    page.until(lambda: ready.count() == 2, what="the concordance")
    line = ready.last
    line.locator("td", has_text="everybody").last.click()
    page.until(lambda: page.page.evaluate("() => window.sxSounds.length") == 3, what="the line is fetched")
    assert page.page.evaluate(SOUND)[0] == pytest.approx(0.5 + 2 * 1.5, abs=0.05)
    page.python("import os; os.remove('<i>a  b.wav')")
    keys.press("Escape")
    ready.first.locator("[data-span]", has_text="you").click()
    page.wait_until_equal(
        lambda: ready.first.locator("[role=status]").inner_text(), "No sound: the audio file is no longer there."
    )
    page.restart_kernel()
    ready.last.locator("button[data-span]").click()
    page.until(lambda: "Run the cell again" in ready.last.inner_text(), what="told")


def test_text_is_text(notebook):
    page = notebook(
        [
            HELP + "found = corpus([text for nasty in NASTY for text in ('and', nasty + '?')], '<i>call.wav')\n"
            "queue = sx.review(clips_of(found), found, save_to='reviews.csv')\nqueue",
            "import json; print(json.dumps(NASTY))",
        ]
    )
    opened(page)
    nasty = json.loads(page.run(1))
    page.page.focus(".sxr-list")
    keys = page.page.keyboard
    for text in nasty:
        wait_until_shown(page, ".sxr-words", f"{text}?")
        keys.press("2")
        keys.insert_text(f"{text} <u>נכון</u>")
        keys.press("Enter")
    wait_until_saved(page, len(nasty))
    assert page.page.locator(".sxr :is(b, i, u, script, img)").count() == 0
    assert page.page.evaluate("() => window.sxHacked") is None
    corrections = [f"{text} <u>נכון</u>" for text in nasty]
    page.wait_until_equal(lambda: page.page.locator(".sxr-row .sxr-line").all_inner_texts(), corrections)
    assert reviews_in(page.folder)["correction"].tolist() == corrections
    keys.press("Home")
    keys.press("j")
    keys.press("j")  # written from right to left
    direction = "selector => getComputedStyle(document.querySelector(selector)).direction"
    page.wait_until_equal(lambda: page.page.evaluate(direction, ".sxr-field"), "rtl")
    assert page.page.evaluate("() => window.sxHacked") is None


def test_hundreds_of_rows_stay_light(notebook):
    page = notebook([HELP + "found = many(300)\n" + QUEUE])
    opened(page)
    keys = page.page.keyboard
    wait_until_shown(page, ".sxr-count", "0 of 300 reviewed")
    assert page.page.locator(".sxr-row").count() < 30
    keys.press("End")
    page.until(lambda: text_of(page, ".sxr-words") == "doubt299?", what="the last page has come")
    assert page.page.locator(".sxr-row").count() < 30
    assert page.page.locator('.sxr-row[aria-selected="true"]').get_attribute("aria-posinset") == "300"
    keys.press("1")
    wait_until_saved(page, 1)
    page.page.locator(".sxr-list").evaluate("list => { list.scrollTop = 150 * 32; }")
    page.until(lambda: "doubt152?" in text_of(page, ".sxr-list"), what="rows come as one scrolls")
    page.page.locator(".sxr-row", has_text="doubt152?").click()
    page.until(lambda: text_of(page, ".sxr-words") == "doubt152?", what="chosen by mouse")

    saved = page.save()
    assert "widgets" not in saved.metadata
    assert page.path.stat().st_size < 60_000
    _, output = saved.cells[0].outputs
    assert "1 of 300 clips reviewed" in output["data"]["text/html"]
    assert "doubt0?" in output["data"]["text/plain"]


def test_typed_text_is_kept_wherever_the_focus_goes(notebook):
    page = notebook([CALL + QUEUE, "queue"])
    opened(page)
    page.page.click(".sxr-field >> nth=0")
    page.page.fill(".sxr-field >> nth=0", "morning")
    page.page.locator(".sxr-row", has_text="ewe?").click()  # without Enter
    wait_until_saved(page, 1)
    wait_until_shown(page, ".sxr-words", "ewe?")
    page.page.click(".sxr-field >> nth=0")  # looked at, not changed
    page.page.click(".sxr-field >> nth=1")
    page.page.fill(".sxr-field >> nth=1", "baa")
    page.run(1)  # a second view of the same queue
    page.until(lambda: page.page.locator(".sxr").count() == 2, what="two views")
    second = page.page.locator(".sxr >> nth=1")
    page.until(lambda: second.locator(".sxr-count").inner_text() == "1 of 4 reviewed", what="it knows the reviews")
    page.until(lambda: second.locator(".sxr-words").inner_text() == "body?", what="its rows have come")
    second.locator("button.sxr-right").click()
    wait_until_saved(page, 2)  # seen in the first
    kept = reviews_in(page.folder)
    assert kept["correction"].tolist()[0] == "morning"
    assert kept.loc[kept["text"] == "ewe?", ["verdict", "note"]].values.tolist() == [["", "baa"]]


def test_a_kernel_that_does_not_answer_is_said_and_nothing_is_lost(notebook):
    page = notebook([CALL + QUEUE])
    opened(page)
    kernel = page.python("import os; print(os.getpid())")
    os.kill(kernel, signal.SIGSTOP)
    try:
        page.page.keyboard.press("1")
        page.page.keyboard.press("3")
        wait_until_shown(page, ".sxr-count", "2 of 4 reviewed")
        page.until(lambda: text_of(page, ".sxr-state") == "The kernel is busy: 2 verdicts wait for it.", what="told")
    finally:
        os.kill(kernel, signal.SIGCONT)
    wait_until_saved(page, 2)
    assert reviews_in(page.folder)["verdict"].tolist() == ["right", "unclear"]
    (page.folder / "reviews.csv").unlink()
    (page.folder / "reviews.csv").mkdir()
    page.page.keyboard.press("1")
    page.until(lambda: "reviews.csv could not be written" in text_of(page, ".sxr-problem"), what="told")
    (page.folder / "reviews.csv").rmdir()
    page.page.keyboard.press("1")
    page.until(lambda: not page.page.locator(".sxr-problem").is_visible(), what="written after all")
    assert reviews_in(page.folder)["verdict"].tolist() == ["right", "unclear", "right", "right"]
