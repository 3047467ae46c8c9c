"""The stand-in service: what a client may expect of the real one, on this machine.

Written from the API's documents alone; it imports nothing of the rooms that use the service, or it would share their
mistakes. Start it with ``local_service()`` or ``python -m soniox_ds.emulator``.
"""

from soniox_ds.emulator.faults import Faults
from soniox_ds.emulator.limits import Limits
from soniox_ds.emulator.local import LocalService, LocalServiceError, local_service

__all__ = ["Faults", "Limits", "LocalService", "LocalServiceError", "local_service"]
