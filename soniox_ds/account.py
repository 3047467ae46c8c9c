"""The account behind an API key: its models, its usage, and what interrupted runs have left on the service."""

from soniox_ds._background import plain
from soniox_ds.api import account as _account
from soniox_ds.batch import charges as _charges
from soniox_ds.batch import clean_up as _clean_up

__all__ = ["add_charges", "clean_up", "models", "usage"]

add_charges = plain(_charges.add_charges, "account")
clean_up = plain(_clean_up.clean_up, "account")
models = plain(_account.models, "account")
usage = plain(_account.usage, "account")


def __dir__() -> list[str]:
    return __all__
