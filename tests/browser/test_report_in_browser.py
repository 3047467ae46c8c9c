"""The report in Chromium: on a narrow screen, on paper, and its players."""

import pytest

import soniox_ds as sx

EVERY = 25
"""Every token whose number is divisible by this is left out of the second arm."""


@pytest.fixture(scope="module")
def page_of_report(bare_browser, tmp_path_factory):
    corpus = sx.load_samples()
    tokens = corpus.tokens[(corpus.tokens["token_index"] % EVERY != 3).fillna(True)]
    trial = sx.compare(
        corpus.recordings, arms={"all": corpus, "fewer": sx.Corpus(corpus.recordings, tokens)}, progress=False
    )
    path = sx.report(trial, tmp_path_factory.mktemp("report") / "report.html", turns=sx.io.read_sample_turns())
    page = bare_browser.new_page()
    page.goto(path.as_uri())
    yield page
    page.close()


@pytest.mark.parametrize("width", [320, 420, 700, 800, 1000, 1200])
def test_nothing_is_cut_off_or_scrolls_sideways(page_of_report, width):
    page_of_report.set_viewport_size({"width": width, "height": 800})
    beyond = page_of_report.evaluate(
        """() => [...document.querySelectorAll("body *")]
            .filter(each => !each.closest("thead, svg") && each.getBoundingClientRect().right > innerWidth + 1)
            .map(each => `${each.tagName} in ${each.closest("section")?.id}`)"""
    )
    assert beyond == []
    assert page_of_report.evaluate("document.documentElement.scrollWidth") <= width


def test_cells_of_a_narrow_screen_show_the_names_of_their_columns(page_of_report):
    page_of_report.set_viewport_size({"width": 420, "height": 800})
    label = page_of_report.evaluate("getComputedStyle(document.querySelector('#errors td'), '::before').content")
    assert label == '"word error rate"'
    page_of_report.set_viewport_size({"width": 1200, "height": 800})
    content = page_of_report.evaluate("getComputedStyle(document.querySelector('#errors td'), '::before').content")
    assert content == "none"


def test_players_know_their_length(page_of_report):
    page_of_report.wait_for_function("[...document.querySelectorAll('audio')].every(each => each.readyState >= 1)")
    lengths = page_of_report.evaluate("[...document.querySelectorAll('audio')].map(each => each.duration)")
    assert len(lengths) > 5
    assert all(0.2 < length <= 15.1 for length in lengths)


def test_the_printed_page_has_light_colours_and_no_players(page_of_report):
    page_of_report.emulate_media(media="print", color_scheme="dark")
    page_of_report.set_viewport_size({"width": 680, "height": 1000})  # A4 within its margins
    shown = page_of_report.evaluate(
        """() => ({
            background: getComputedStyle(document.body).backgroundColor,
            players: [...document.querySelectorAll("audio, nav")].filter(each => each.offsetParent !== null).length,
            beyond: [...document.querySelectorAll("td")]
                .filter(each => each.getBoundingClientRect().right > innerWidth + 1).length,
        })"""
    )
    page_of_report.emulate_media(media="screen", color_scheme="light")
    assert shown == {"background": "rgb(255, 255, 255)", "players": 0, "beyond": 0}
