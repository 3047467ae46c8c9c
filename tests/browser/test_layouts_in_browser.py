"""The widgets inside boxes and tabs of ipywidgets, beside controls of ipywidgets."""

from microphone_page import MicrophonePage, listening_service, text_words

LAYOUT = """
import ipywidgets
from review_samples import *
found = corpus('good mourning? every body?'.split())
queue = sx.review(clips_of(found), found)
captions = sx.LiveCaptions('call.wav')
finalize = ipywidgets.Button(description='Finalize from ipywidgets')
finalize.on_click(lambda _: mic.finalize())
tabs = ipywidgets.Tab([ipywidgets.VBox([queue, captions.widget]), ipywidgets.Label('empty')])
ipywidgets.VBox([ipywidgets.HBox([mic.widget, finalize]), tabs])
"""


def test_widgets_work_inside_boxes_of_ipywidgets(notebook):
    with listening_service() as service:
        page = MicrophonePage(notebook, service, "language_hints=['en']", [LAYOUT])
        page.nb.delete_output(0)  # the microphone is shown in the box alone
        page.nb.run(1)
        for part in (".widget-vbox .sx-mic .sx-start", ".widget-tab .sxr-words mark", ".widget-tab .sx-live-button"):
            page.nb.page.wait_for_selector(part)
        page.start()
        page.wait_for_words(4)
        page.nb.page.click("button:has-text('Finalize from ipywidgets')")
        page.nb.until(
            lambda: page.ask("bool((mic.log['payload'] == '{\"type\":\"finalize\"}').any())"), what="Finalize"
        )
        page.stop()
        page.wait_for_these_words(text_words(page))
        page.nb.page.focus(".sxr-list")
        page.nb.page.keyboard.press("1")
        page.nb.until(lambda: page.ask("queue.table['verdict'].tolist()")[:1] == ["right"], what="the verdict")
