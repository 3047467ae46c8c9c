"""Rich Transcription Time Marked files: who spoke when, as diarization tools exchange it.

Conventions: ten fields a line, ``SPEAKER file channel onset duration <NA> <NA> speaker <NA> <NA>``, times in seconds;
other line types are passed over; ``;;`` starts a comment. Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting
Recognition Evaluation Plan", appendix A.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from pathlib import Path

import pandas as pd

from soniox_ds.errors import SchemaError
from soniox_ds.schema import TURNS, conform, need, need_milliseconds, with_ids

__all__ = ["read_rttm", "write_rttm"]

FIELDS = 10


def read_rttm(path: str | Path) -> pd.DataFrame:
    """Read the speaker turns of an RTTM file.

    Returns
    -------
    DataFrame
        ``schema.TURNS``: ``audio_id`` (the file field), ``speaker``, ``start_ms``, ``end_ms``, in the file's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    SchemaError
        If a SPEAKER line has too few fields, times that are no numbers or a duration below 0; the message names the
        line.

    Examples
    --------
    >>> read_rttm("data/samples/turns.rttm")["speaker"].nunique() >= 4
    True
    """
    file = Path(path)
    if not file.is_file():
        kind = "is a folder" if file.is_dir() else "does not exist"
        raise FileNotFoundError(
            f"{file} {kind} (looked for in {file.absolute().parent}); give the path of one RTTM file, such as "
            "turns.rttm. Several become one table with pd.concat(map(sx.read_rttm, files))."
        )
    return conform(pd.DataFrame(_turns(file), columns=list(TURNS)), TURNS)


def _turns(path: Path) -> Iterator[tuple[str, str, int, int]]:
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        fields = line.partition(";;")[0].split()
        if not fields or fields[0] != "SPEAKER":
            continue
        try:
            onset_s, duration_s = float(fields[3]), float(fields[4])
            speaker = fields[7]
            if not (isfinite(onset_s) and isfinite(duration_s) and onset_s >= 0 and duration_s >= 0):
                raise ValueError("times are 0 or more")
        except (IndexError, ValueError) as error:
            raise SchemaError(
                f"{path}, line {number} is not a SPEAKER line of RTTM: {line.strip()!r}; it has ten fields, onset "
                "and duration in seconds and not below 0, such as "
                "SPEAKER call_7 1 0.40 2.15 <NA> <NA> agent <NA> <NA>"
            ) from error
        yield fields[1], speaker, round(onset_s * 1000), round((onset_s + duration_s) * 1000)


def write_rttm(turns: pd.DataFrame, path: str | Path) -> None:
    """Write turns (``schema.TURNS``) as RTTM, to the millisecond; spaces in names become underscores.

    Raises
    ------
    SchemaError
        If a column is absent, or a value is NA or a time that cannot be (one in seconds, too).

    Examples
    --------
    >>> turns = pd.DataFrame({"audio_id": ["a"], "speaker": ["1"], "start_ms": [400], "end_ms": [2550]})
    >>> write_rttm(turns, getfixture("tmp_path") / "a.rttm")
    >>> (getfixture("tmp_path") / "a.rttm").read_text()
    'SPEAKER a 1 0.400 2.150 <NA> <NA> 1 <NA> <NA>\\n'
    """
    need(turns, "audio_id", "speaker", "start_ms", "end_ms", name="turns")
    turns = with_ids(turns, "turns")
    turns = need_milliseconds(turns, "turns")
    for name in ("audio_id", "speaker", "start_ms", "end_ms"):
        if missing := int(turns[name].isna().sum()):
            raise SchemaError(f"turns: {name} is missing in {missing} of {len(turns)} rows; RTTM needs it.")
    lines = [
        f"SPEAKER {'_'.join(str(audio_id).split())} 1 {start_ms / 1000:.3f} {(end_ms - start_ms) / 1000:.3f} "
        f"<NA> <NA> {'_'.join(str(speaker).split())} <NA> <NA>\n"
        for audio_id, speaker, start_ms, end_ms in turns[["audio_id", "speaker", "start_ms", "end_ms"]].itertuples(
            index=False
        )
    ]
    Path(path).write_text("".join(lines), encoding="utf-8")
