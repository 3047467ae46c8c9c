"""Local stand-in for the Soniox service.

It is written from the API's documentation alone. It imports nothing from the rooms that use the service, so that it
does not share their mistakes. Start it with ``local_service()`` or ``python -m soniox_ds.emulator``.
"""

from soniox_ds.emulator.faults import Faults
from soniox_ds.emulator.limits import Limits
from soniox_ds.emulator.local import LocalService, LocalServiceError, local_service
from soniox_ds.emulator.recognizers.weights import ModelUnavailable, whisper_model_folder

__all__ = [
    "Faults",
    "Limits",
    "LocalService",
    "LocalServiceError",
    "ModelUnavailable",
    "local_service",
    "whisper_model_folder",
]
