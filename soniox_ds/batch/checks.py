"""Plausibility checks of transcripts.

The warnings are strings in the column ``warnings`` of the recordings table, in this order:

- ``heard_in_part``, ``heard_longer``: the service's duration is shorter or longer than the measured duration of the
  file, by more than a second and more than 2 %.
- ``no_speech``: the transcript has no spoken token.
- ``odd_confidence``: a confidence is not between 0 and 1. It is NA in the tokens.
- ``starts_late``, ``ends_early``: there is no token in the first or last part of the audio, for more than 10 s and more
  than a tenth of the recording (music and silence cause this too).
- ``implausible_rate``: more than 40 characters per second between the first and the last token, not counting spaces
  (fast English has about 25). Transcripts of up to 20 characters are not checked.
- ``repeats``: the same one to twelve words occur at least four times in a row, twelve words or more in total.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from soniox_ds._caller import warn_caller
from soniox_ds.sources.inspection import SEVERAL_CHANNELS

__all__ = ["check_parts", "check_transcript", "is_duration_doubtful", "warn_of_channels", "with_possible_confidences"]

DIFFERENT_MS = 1_000
DIFFERENT_SHARE = 0.02
OF_SILENCE = ("no_speech", "starts_late", "ends_early")
QUIET_MS = 10_000
QUIET_SHARE = 0.1
CHARACTERS_PER_S = 40
FEW_CHARACTERS = 20
LONGEST_PERIOD = 12
REPETITIONS = 4
REPEATED_WORDS = 12


def check_transcript(tokens: pa.Table, duration_ms: int | None, measured_ms: int | None = None) -> list[str]:
    """List the warnings of one recording, in the order of the module's docstring.

    Parameters
    ----------
    tokens
        The tokens of one recording in ``schema.TOKENS`` (Arrow), including translations.
    duration_ms
        Duration of the audio according to the service. If it is None, ``starts_late`` and ``ends_early`` are not
        checked.
    measured_ms
        Duration of the file, measured on this machine before the upload. None for URLs. If either duration is None,
        the durations are not compared.
    """
    return [*_compare_durations(duration_ms, measured_ms), *_check_tokens(tokens, duration_ms)]


def is_duration_doubtful(tokens: pa.Table, measured_ms: int) -> bool:
    """Return True if the service may have transcribed more or less audio than was measured on this machine.

    This is the case if the transcript is empty, ends after the audio, or ends so early that `check_transcript` warns.
    """
    last_ms = pc.max(tokens["end_ms"]).as_py()
    if last_ms is None:
        return True
    return bool(
        measured_ms - last_ms > max(QUIET_MS, QUIET_SHARE * measured_ms)
        or last_ms - measured_ms > max(DIFFERENT_MS, DIFFERENT_SHARE * measured_ms)
    )


def check_parts(
    parts: Sequence[tuple[pa.Table, int | None, int | None]], tokens: pa.Table, duration_ms: int | None
) -> list[str]:
    """List the warnings of a recording that was transcribed in parts.

    ``no_speech``, ``starts_late`` and ``ends_early`` are checked for the whole recording, because a channel may be
    silent while the others are not. All other warnings are checked for each part.

    Parameters
    ----------
    parts
        The arguments of `check_transcript` for each part: its tokens, its duration according to the service, and its
        measured duration.
    tokens, duration_ms
        The tokens and the duration of the whole recording.
    """
    if len(parts) == 1:
        return check_transcript(*parts[0])
    of_whole = [slug for slug in _check_tokens(tokens, duration_ms) if slug in OF_SILENCE]
    of_parts = [slug for part in parts for slug in check_transcript(*part) if slug not in OF_SILENCE]
    return list(dict.fromkeys([*of_parts, *of_whole]))


def _compare_durations(duration_ms: int | None, measured_ms: int | None) -> list[str]:
    if not duration_ms or not measured_ms:
        return []
    difference_ms = duration_ms - measured_ms
    if abs(difference_ms) <= max(DIFFERENT_MS, DIFFERENT_SHARE * measured_ms):
        return []
    return ["heard_in_part" if difference_ms < 0 else "heard_longer"]


def _check_tokens(tokens: pa.Table, duration_ms: int | None) -> list[str]:
    starts = tokens["start_ms"]
    spoken = tokens.filter(pc.is_valid(starts)) if starts.null_count else tokens
    if not spoken.num_rows:
        return ["no_speech"]
    warnings = [] if pc.all(_is_possible(tokens)).as_py() else ["odd_confidence"]
    first_ms, last_ms = pc.min(spoken["start_ms"]).as_py(), pc.max(spoken["end_ms"]).as_py()
    if duration_ms:
        quiet_ms = max(QUIET_MS, QUIET_SHARE * duration_ms)
        if first_ms > quiet_ms:
            warnings.append("starts_late")
        if last_ms is not None and duration_ms - last_ms > quiet_ms:
            warnings.append("ends_early")
    text = "".join(spoken["text"].to_pylist())
    words = text.split()
    characters = sum(map(len, words))
    span_ms = max((last_ms or first_ms) - first_ms, 1)
    if characters > FEW_CHARACTERS and characters / span_ms * 1000 > CHARACTERS_PER_S:
        warnings.append("implausible_rate")
    if _repeats(words):
        warnings.append("repeats")
    return warnings


def warn_of_channels(slugs: Iterable[Iterable[str]]) -> None:
    """Warn once if channels that differ were mixed, or are about to be. `slugs` are the warnings of each recording."""
    of_recordings = list(slugs)
    if n_mixed := sum(SEVERAL_CHANNELS in of_recording for of_recording in of_recordings):
        warn_caller(
            f"{n_mixed} {'recording has' if n_mixed == 1 else 'recordings have'} several channels that differ and are "
            f"sent mixed (warning {SEVERAL_CHANNELS}). If each channel is one speaker, as in many recorded calls, "
            'channels="separate" transcribes each by itself; each channel is billed.',
            UserWarning,
        )


def with_possible_confidences(tokens: pa.Table) -> pa.Table:
    """Replace confidences that are not between 0 and 1 by NA, because they are not probabilities."""
    column = tokens.column_names.index("confidence")
    values = pc.if_else(_is_possible(tokens), tokens["confidence"], pa.scalar(None, pa.float32()))
    return tokens.set_column(column, tokens.field(column), values)


def _is_possible(tokens: pa.Table) -> pa.ChunkedArray:
    values = tokens["confidence"]
    return pc.fill_null(pc.and_(pc.greater_equal(values, 0), pc.less_equal(values, 1)), True)


def _repeats(words: list[str]) -> bool:
    if len(words) < REPEATED_WORDS:
        return False
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(word.casefold(), len(numbers)) for word in words])
    for period in range(1, LONGEST_PERIOD + 1):
        if len(codes) <= period:
            break
        same = codes[period:] == codes[:-period]
        needed = max((REPETITIONS - 1) * period, REPEATED_WORDS - period)
        breaks = np.flatnonzero(np.concatenate(([True], ~same, [True])))
        if np.diff(breaks).max() - 1 >= needed:
            return True
    return False
