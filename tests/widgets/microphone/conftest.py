"""The service that microphones in these tests talk to."""

import pytest
from tones import ToneRecognizer

from soniox_ds.emulator import local_service


@pytest.fixture
def tones():
    """A stand-in, 20 times as fast as the wall clock, whose words are tones."""
    with local_service(ToneRecognizer(), speed=20) as service:
        yield service
