"""Retry policies: how often something is tried again, and after which waits.

Every policy of the package is an instance in this file, also that of the browser, which gets it with the settings of
the microphone.
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass

from soniox_ds._arguments import check_number
from soniox_ds.exceptions import OptionsError

__all__ = [
    "DAMAGED_TRANSCRIPT",
    "DOWNLOAD",
    "RATE_LIMIT_SCALE",
    "RATE_PAUSE",
    "RECONNECT",
    "RECORDING_DOWNLOAD",
    "REQUEST",
    "SESSION_RATE_PAUSE",
    "STORE_READ",
    "SUBMISSION",
    "UPLOAD",
    "WATCH",
    "Backoff",
]


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Exponential backoff with jitter: ``min(initial_s * 2 ** (failures - 1), max_s) * uniform(*jitter)``.

    Parameters
    ----------
    attempts
        Largest number of attempts in total, the first included. Without a limit if something else ends them.
    initial_s
        Seconds to wait after the first failure. The wait doubles with each further failure.
    max_s
        Longest wait in seconds.
    jitter
        The range of the random factor.

    Raises
    ------
    OptionsError
        If a number is out of range.

    Examples
    --------
    >>> steady = Backoff(initial_s=1, max_s=30, jitter=(1, 1))
    >>> [steady.wait_s(failures) for failures in (1, 2, 3, 10)]
    [1.0, 2.0, 4.0, 30.0]
    """

    attempts: int = sys.maxsize
    initial_s: float = 1.0
    max_s: float = 30.0
    jitter: tuple[float, float] = (0.5, 1.0)

    def __post_init__(self) -> None:
        advice = "it is a whole number from 1 (1 means no retries)"
        check_number(self.attempts, "attempts", whole=True, least=1, advice=advice, error=OptionsError)
        for name in ("initial_s", "max_s"):
            advice = "it is a number of seconds, 0 or more"
            check_number(getattr(self, name), name, least=0, below=math.inf, advice=advice, error=OptionsError)

    def wait_s(self, failures: int, *, scale: float = 1.0, rng: random.Random | None = None) -> float:
        """Return the seconds to wait after so many failures in a row, beginning with `scale` times the first wait."""
        longest_s = min(self.initial_s * scale * 2.0 ** min(failures - 1, 64), self.max_s)
        return longest_s * (rng.uniform(*self.jitter) if rng is not None else random.uniform(*self.jitter))


REQUEST = Backoff(attempts=6, initial_s=1.0, max_s=30.0)
"""REST requests. A longer wait that the service itself asks for (``Retry-After``) is kept."""
RATE_LIMIT_SCALE = 5.0
"""Factor on the waits of `REQUEST` after an answer 429."""
RATE_PAUSE = Backoff(initial_s=2.0, max_s=30.0, jitter=(0.75, 1.25))
"""Pauses of all requests of a budget after an answer 429."""
SUBMISSION = Backoff(attempts=6, initial_s=5.0, max_s=5.0, jitter=(1.0, 1.0))
"""Submission of a job that the service failed to take. `attempts` is the default of ``Limits.attempts``, which also
ends uploads and downloads."""
UPLOAD = Backoff(initial_s=1.0, max_s=30.0, jitter=(1.0, 1.0))
"""Uploads whose answer was lost and that cannot be found in the listing."""
DOWNLOAD = Backoff(initial_s=2.0, max_s=2.0, jitter=(1.0, 1.0))
"""Transcripts that could not be fetched."""
RECORDING_DOWNLOAD = Backoff(attempts=3, initial_s=2.0, max_s=8.0)
"""Recordings at URLs that this machine downloads."""
STORE_READ = Backoff(attempts=4, initial_s=0.5, max_s=8.0)
"""Reads of object stores, in addition to those of the libraries that read them."""
DAMAGED_TRANSCRIPT = Backoff(attempts=3, initial_s=2.0, max_s=2.0, jitter=(1.0, 1.0))
"""Transcripts that came back damaged. Damage may be chance, such as a proxy that cuts an answer off. Damage that is
still there after some seconds is likely to stay, and a later run may try again."""
WATCH = Backoff(initial_s=1.0, max_s=30.0)
"""Shortest and longest wait between two looks at the states of jobs. Between them, the wait follows their age."""
RECONNECT = Backoff(attempts=6, initial_s=0.25, max_s=8.0)
"""Connections of a live session, in the kernel and in the browser."""
SESSION_RATE_PAUSE = Backoff(initial_s=5.0, max_s=5.0, jitter=(1.0, 1.0))
"""Pause of all new live sessions after the service has refused one by its rate limit."""
