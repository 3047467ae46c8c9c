"""The buttons of the microphone and the constants of its page, which are written once and handed to the page."""

import json

import pytest

import soniox_ds as sx
from soniox_ds.api.retry import Backoff
from soniox_ds.widgets.microphone import constants
from soniox_ds.widgets.microphone.buttons import ACTIONS, ACTIVE_STATES, BUTTONS, STATES
from soniox_ds.widgets.microphone.constants import page_constants
from soniox_ds.widgets.microphone.takes import Take


def test_the_tables_agree():
    assert [name for names in BUTTONS for name in names] == list(ACTIONS)
    assert set(ACTIVE_STATES) <= set(STATES)
    for action in ACTIONS.values():
        assert {*action.allowed_in, *action.waits_in} <= set(STATES)
        assert action.leads_to is None or action.leads_to in ACTIVE_STATES
    for names in BUTTONS:
        states = [state for name in names for state in ACTIONS[name].allowed_in]
        assert len(states) == len(set(states)), "two actions of one button are possible at once"


@pytest.mark.parametrize("name", ["start", "stop", "pause", "resume", "finalize"])
def test_methods_of_the_microphone_are_actions(name, monkeypatch):
    assert name in ACTIONS
    commands = []
    monkeypatch.setattr(sx.Microphone, "_command", lambda self, action: commands.append(action))
    getattr(sx.Microphone, name)(object.__new__(sx.Microphone))
    assert commands == [name]


def test_kernel_actions_are_methods_of_the_recording():
    calls = []

    class Recorded(Take):
        def __init__(self):
            for name in ACTIONS:
                setattr(self, name, lambda name=name: calls.append(name))

    for action in ACTIONS.values():
        if action.in_kernel is not None:
            action.in_kernel(Recorded())
    assert calls == [name for name, action in ACTIONS.items() if action.in_kernel is not None]


def test_the_page_gets_the_numbers_of_the_kernel(service, monkeypatch):
    monkeypatch.setattr(constants, "RECONNECT", Backoff(attempts=3, initial_s=0.5, max_s=2.0))
    direct = page_constants()["direct"]
    assert (direct["attempts"], direct["wait_ms"], direct["max_wait_ms"]) == (3, 500, 2000)
    assert sx.Microphone().widget.settings["constants"] == page_constants()
    assert json.loads(json.dumps(page_constants()))["buttons"] == [list(names) for names in BUTTONS]
