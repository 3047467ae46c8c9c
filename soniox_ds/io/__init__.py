"""Files of other tools: one module for each format."""

from soniox_ds import _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
