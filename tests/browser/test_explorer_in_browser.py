"""The explorer in a real notebook: search, filters, order, the selected recording, and its sound."""

HELP = "from review_samples import NASTY, write_tones\n"
CORPUS = """import pandas as pd
import soniox_ds as sx
rows, tokens = [], []
for number in range(300):
    name = "<i>call</i>.wav" if number == 7 else f"r{number:03}.wav"
    words = ["hello", "big" if number % 3 else "pig", "world", *(NASTY if number == 7 else [])]
    rows.append({"audio_id": name, "source": "call.wav", "status": "completed", "duration_ms": 3000 + number,
                 "reference": "hello big world", "room": f"room {number % 4}", "text": " ".join(words)})
    tokens += [{"audio_id": name, "token_index": place, "text": f" {word}", "start_ms": 1000 * place,
                "end_ms": 1000 * place + 500, "confidence": 0.4 if word == "pig" else 0.95, "speaker": "1"}
               for place, word in enumerate(words)]
write_tones("call.wav", 3)
corpus = sx.Corpus(pd.DataFrame(rows), pd.DataFrame(tokens))
explorer = sx.explore(corpus)
explorer"""


def texts_of(page, selector):
    return page.page.locator(selector).all_text_contents()


def first_ids(page):
    return texts_of(page, ".sxe-rows tr td:first-child")[:3]


def test_recordings_are_searched_sorted_and_heard(notebook):
    page = notebook([HELP + CORPUS, "print(len(explorer.audio_ids), explorer.audio_ids[:1], explorer.audio_id)"])
    page.run(0)
    page.page.wait_for_selector(".sxe-word")
    keys = page.page.keyboard
    assert texts_of(page, ".sxe-name") == ["r000.wav"]
    assert 20 < page.page.locator(".sxe-rows tr").count() <= 200
    tops = "() => [...document.querySelectorAll('.sxe-facts div')].slice(0, 3).map(fact => fact.offsetTop)"
    assert len(set(page.page.evaluate(tops))) == 1  # the facts about the recording flow, as words do

    # sorted by the error rate, the largest first; the recording with markup in its texts is the worst
    page.page.click(".sxe-labels th:nth-child(3) button")
    page.wait_until_equal(lambda: first_ids(page), ["<i>call</i>.wav", "r000.wav", "r003.wav"])
    assert page.page.get_attribute(".sxe-labels th:nth-child(3)", "aria-sort") == "descending"
    page.page.locator(".sxe-rows tr").first.click()
    page.wait_until_equal(lambda: texts_of(page, ".sxe-name"), ["<i>call</i>.wav"])
    assert page.page.locator(".sxe :is(i, b, script, img)").count() == 0
    assert page.page.evaluate("() => window.sxHacked") is None

    # a filter of numbers and a choice
    page.page.fill(".sxe-filters td:nth-child(3) input", "30 – 40")
    page.page.select_option(".sxe-filters select", "room 0")
    page.until(lambda: "25 of 300 recordings" in texts_of(page, ".sxe-summary")[0], what="filtered")
    page.page.fill(".sxe-filters td:nth-child(3) input", "much")
    page.until(lambda: "'much' is not a range" in texts_of(page, ".sxe-problem")[0], what="told")
    page.page.fill(".sxe-filters td:nth-child(3) input", "")
    page.page.fill(".sxe-search", "R29")
    page.until(lambda: "2 of 300 recordings" in texts_of(page, ".sxe-summary")[0], what="searched")
    assert page.run(1).strip() == "2 ['r292.wav'] <i>call</i>.wav"
    page.page.click(".sxe-clear")
    page.until(lambda: texts_of(page, ".sxe-summary")[0].startswith("300 recordings"), what="all are shown again")

    # by keyboard: the end of the table, whose rows are fetched
    page.page.focus(".sxe-table")
    keys.press("End")
    page.until(lambda: texts_of(page, ".sxe-name") == ["r299.wav"], what="the last recording")
    keys.press("k")
    page.until(lambda: texts_of(page, ".sxe-name") == ["r298.wav"], what="the one before")
    assert page.page.locator(".sxe-rows tr").count() <= 200
    keys.press("Home")
    keys.press("j")
    page.until(lambda: texts_of(page, ".sxe-name") == ["r000.wav"], what="the second recording")
    assert texts_of(page, ".sxe-error .sxe-reference bdi") == ["big"]
    assert texts_of(page, ".sxe-error .sxe-hypothesis") == ["pig"]

    # heard from a word on, by keyboard
    page.page.focus(".sxe-words")
    keys.press("ArrowRight")
    keys.press("Enter")
    page.until(lambda: "Pause" in texts_of(page, ".sxe-play")[0], what="playing")
    page.until(lambda: page.page.locator(".sxe-heard").count() == 1, what="the word that is heard is marked")
    page.until(lambda: "Play" in texts_of(page, ".sxe-play")[0], what="played to its end")
    assert page.page.evaluate(
        """() => { const { data } = document.querySelector(".sxe-wave").getContext("2d").getImageData(0, 0, 4000, 60);
            return data.some((value) => value > 0); }"""
    )
    page.page.click(".sxe-mode >> nth=1")
    page.until(lambda: page.page.locator(".sxe-error").count() == 0, what="the transcript alone")
    assert texts_of(page, ".sxe-words .sxe-low0") == ["pig"]

    # a bar of a histogram is a filter; a frequent error leads to its places
    bins = page.page.locator(".sxe-bins").nth(1)
    bins.click(position={"x": 2, "y": 30})
    page.until(lambda: texts_of(page, ".sxe-summary")[0].startswith("199 of 300"), what="the bin without errors")
    assert page.page.input_value(".sxe-filters td:nth-child(3) input").startswith("0 – <")
    bins.click(position={"x": 2, "y": 30})
    page.until(lambda: texts_of(page, ".sxe-summary")[0].startswith("300 rec"), what="taken back")
    page.until(lambda: texts_of(page, ".sxe-times")[:1] == ["100"], what="the errors are counted")
    assert texts_of(page, ".sxe-change")[0] == "big → pig"
    page.page.focus(".sxe-frequent-list")
    keys.press("Enter")
    page.until(lambda: texts_of(page, ".sxe-where") == ["1 of 100"], what="its first place")
    page.until(lambda: texts_of(page, ".sxe-found .sxe-hypothesis") == ["pig"], what="the word is marked")
    before = texts_of(page, ".sxe-name")
    keys.press("Enter")
    page.until(lambda: texts_of(page, ".sxe-where") == ["2 of 100"], what="the next place")
    page.until(lambda: texts_of(page, ".sxe-name") != before, what="another recording")
    assert page.page.evaluate("() => document.activeElement.className") == "sxe-frequent-list"

    saved = page.save()
    assert "widgets" not in saved.metadata
    _, output = saved.cells[0].outputs
    assert "300 recordings" in output["data"]["text/html"]

    page.restart_kernel()
    page.until(lambda: "kernel behind this explorer is gone" in texts_of(page, ".sxe-problem")[0], what="told")
