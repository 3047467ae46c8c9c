"""The recipe of a page that streams the microphone: directly with a temporary key, and through the proxy."""

import importlib.util
import re
import socket
import sys
import threading
from pathlib import Path

import pytest
from jupyter_lab import PATIENCE_S
from playwright.sync_api import expect

from soniox_ds.emulator import local_service

RECIPE = Path(__file__).parents[2] / "docs" / "recipes" / "direct_stream.py"


@pytest.fixture(scope="module")
def service():
    """A stand-in in real time, to which the environment points."""
    with local_service("scripted", requests_per_minute=None) as running:
        yield running


@pytest.fixture(scope="module")
def address(service):
    """The address of the recipe, served by uvicorn as its page says."""
    import uvicorn

    specification = importlib.util.spec_from_file_location("direct_stream", RECIPE)
    recipe = importlib.util.module_from_spec(specification)
    sys.modules["direct_stream"] = recipe
    specification.loader.exec_module(recipe)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(recipe.application, log_config=None, loop="asyncio"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


@pytest.fixture
def tab(browsers, sound):
    """A tab of a browser whose microphone hears `sound`."""
    page, _ = browsers.tab("allow", sound, True, (), (900, 700))
    page.set_default_timeout(PATIENCE_S * 1000)
    expect.set_options(timeout=PATIENCE_S * 1000)
    yield page
    page.close()


@pytest.mark.parametrize("way", ["directly", "through the proxy"])
def test_words_that_are_spoken_stand_on_the_page(service, address, tab, way):
    seen = len(service.requests)
    tab.goto(address + ("/?proxy" if way == "through the proxy" else "/"))
    tab.click("#start")
    expect(tab.locator("#settled")).to_have_text(re.compile(r"\w \w"))
    tab.click("#stop")
    expect(tab.locator("#state")).to_have_text("Finished")
    assert tab.locator("#problem").text_content() == ""
    assert tab.locator("#unsettled").text_content() == ""
    words = tab.locator("#settled").text_content().split()
    assert len(words) > 1
    paths = [request.path for request in service.requests[seen:]]
    assert paths.count("/transcribe-websocket") == 1
    assert paths.count("/v1/auth/temporary-api-key") == (1 if way == "directly" else 0)
    assert service.key not in tab.content()


def test_an_error_stands_on_the_page(service, address, tab):
    service.call(lambda rules: rules.keys.remove(service.key))
    try:
        tab.goto(address)
        tab.click("#start")
        expect(tab.locator("#problem")).to_have_text("the server gave no key (502)")
        expect(tab.locator("#start")).to_be_enabled()
        tab.goto(f"{address}/?proxy")
        tab.click("#start")
        expect(tab.locator("#problem")).to_contain_text("401:")
        expect(tab.locator("#state")).to_have_text("Stopped")
    finally:
        service.call(lambda rules: rules.keys.add(service.key))
