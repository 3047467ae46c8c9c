"""The public names of `sx.plot`."""

from .confidence_curves import reliability as reliability, review_curve as review_curve, roc as roc
from .errors import error_comparison as error_comparison, error_summary as error_summary
from .languages import language_confusion as language_confusion
from .live import lag_distribution as lag_distribution, token_arrival as token_arrival
from .recording import confidence as confidence, error_positions as error_positions
from .speaker_timeline import timeline as timeline
