"""Awaitable forms of the functions of ``soniox_ds.account``."""

from soniox_ds.api.account import models, usage
from soniox_ds.batch.charges import add_charges
from soniox_ds.batch.clean_up import clean_up

__all__ = ["add_charges", "clean_up", "models", "usage"]
