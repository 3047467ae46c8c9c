"""The public names of `sx.show`."""

from .alignment_view import alignment as alignment
from .normalization_table import normalization as normalization
from .transcript_view import transcript as transcript
