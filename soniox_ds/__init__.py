"""Transcription of datasets with Soniox speech-to-text into token-level DataFrames, and metrics for the results.

Every module is imported when it is first used, so that ``import soniox_ds`` is fast.
"""

from __future__ import annotations

import sys
from typing import Any

import lazy_loader

from soniox_ds import _renamed
from soniox_ds._forks import check_imports, watch_forks

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

watch_forks()
_renamed.support_former_modules()


def __getattr__(name: str) -> Any:
    if name in _renamed.NAMES:
        return _renamed.current_value(sys.modules[__name__], name)
    if name not in __all__:
        raise AttributeError(f"module 'soniox_ds' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    check_imports()
    value = globals()[name] = _load(name)
    return value
