"""The account behind an API key: its models, usage and charges, what the service stores for it, and temporary keys."""

from soniox_ds._background import plain
from soniox_ds.api import account as _account
from soniox_ds.api import temporary_keys as _temporary_keys
from soniox_ds.batch import charges as _charges
from soniox_ds.batch import clean_up as _clean_up
from soniox_ds.batch import stored as _stored

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

add_charges = plain(_charges.add_charges, "account")
clean_up = plain(_clean_up.clean_up, "account")
delete_files = plain(_stored.delete_files, "account")
delete_transcriptions = plain(_stored.delete_transcriptions, "account")
files = plain(_stored.files, "account")
models = plain(_account.models, "account")
temporary_key = plain(_temporary_keys.temporary_key, "account")
transcriptions = plain(_stored.transcriptions, "account")
usage = plain(_account.usage, "account")


def __dir__() -> list[str]:
    return __all__
