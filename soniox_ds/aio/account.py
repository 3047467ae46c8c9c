"""Awaitable forms of the functions of ``soniox_ds.account``."""

from soniox_ds.api.account import models, usage
from soniox_ds.api.temporary_keys import temporary_key
from soniox_ds.batch.charges import add_charges
from soniox_ds.batch.clean_up import clean_up
from soniox_ds.batch.stored import delete_files, delete_transcriptions, files, transcriptions

__all__ = [
    "add_charges",
    "clean_up",
    "delete_files",
    "delete_transcriptions",
    "files",
    "models",
    "temporary_key",
    "transcriptions",
    "usage",
]
