"""Shared by the tests of live audio: a service that hears tones, good weather after each test, and a faster clock."""

import pytest
from listening import SPEED
from tones import ToneRecognizer
from waiting import until

from soniox_ds.api.clock import Clock
from soniox_ds.emulator import Limits, local_service


@pytest.fixture(scope="module")
def tones():
    limits = Limits(requests_per_minute=None, sessions_per_minute=None)
    # As the service will be from 15 January 2027 on: a key in a message opens nothing.
    with local_service(ToneRecognizer(), speed=SPEED, limits=limits, refuse_key_in_message=True) as service:
        yield service
        until(lambda: not service.open_streams)


@pytest.fixture(autouse=True)
def good_weather(request):
    yield
    if "tones" in request.fixturenames:
        request.getfixturevalue("tones").faults.clear()


@pytest.fixture
def clock():
    return Clock(speed=SPEED)
