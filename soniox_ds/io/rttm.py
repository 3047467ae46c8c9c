"""Rich Transcription Time Marked (RTTM) files, in which diarization tools exchange speaker turns.

Conventions: a turn is a line of ten fields, ``SPEAKER file channel onset duration <NA> <NA> speaker <NA> <NA>``, with
times in seconds; files from before 2009 lack the last field. Fields are separated by spaces or tabs. Names therefore
hold no spaces, except in files whose fields are separated by single tabs. Other line types of the standard are skipped,
and ``;;`` starts a comment. Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan",
appendix A.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.contents import channels_of, completed_ids, is_segments, with_times, without_rows
from soniox_ds.io.fields import LAST_MS, SECONDS, UNKNOWN, names_to_write, shown
from soniox_ds.metrics.speakers.turns import speaker_turns
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import TURNS, conform, need, need_milliseconds, with_ids
from soniox_ds.schema.inputs import InParts, Transcripts
from soniox_ds.text.translations import translation_mask
from soniox_ds.text.words import as_words

__all__ = ["read_rttm", "write_rttm"]

FIELDS = (9, 10)
OTHER_TYPES = frozenset(
    (
        *("SEGMENT", "NOSCORE", "NO_RT_METADATA", "LEXEME", "NON-LEX", "NON-SPEECH", "FILLER", "EDIT", "SU", "IP"),
        *("CB", "A/P", "SPKR-INFO"),
    )
)
"""Line types of the standard that hold no turns."""

_EXAMPLE = "SPEAKER call_7 1 0.40 2.15 <NA> <NA> agent <NA> <NA>"
_CHANNEL = re.compile(r"[1-9][0-9]{0,3}")


@explains_keywords
def read_rttm(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read the speaker turns of an RTTM file.

    Parameters
    ----------
    path
        The file.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.TURNS``: ``audio_id`` (the file field), ``speaker``, ``start_ms``, ``end_ms``, ``channel``, in
        the order of the file. The channel is NA if every line has channel 1, as files of mixed or mono audio have.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If the file is not RTTM, because a line does not begin with a line type of the standard; or if a SPEAKER line
        does not have nine or ten fields (a space in a name makes one more), or has no speaker, times that are not
        numbers, or a time below 0. The message names the file and the line.

    Warns
    -----
    UserWarning
        If the file has no SPEAKER line: either nobody spoke, or it is the wrong file.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> sx.io.read_rttm("data/samples/turns.rttm")["speaker"].nunique() >= 4
    True
    """
    file = Path(path)
    text = read_text(file, "RTTM file", encoding)
    turns = pd.DataFrame(_turns(file, text), columns=["audio_id", "speaker", "start_ms", "end_ms", "channel"])
    if turns.empty:
        warnings.warn(
            f"{file} has no SPEAKER line, so it contains no turns. Check that it is the right file.",
            UserWarning,
            stacklevel=2,
        )
    if turns["channel"].isin([1]).all():
        turns["channel"] = None
    return conform(turns, TURNS)


def _turns(path: Path, text: str) -> Iterator[tuple[str, str, int, int, int | None]]:
    for number, line in enumerate(lines_of_file(text), start=1):
        content = line.partition(";;")[0].strip(" \t")
        fields = content.split("\t")
        if len(fields) not in FIELDS:
            fields = re.split(r"[ \t]+", content)
        if not content or fields[0] in OTHER_TYPES:
            continue
        if fields[0] != "SPEAKER":
            raise SchemaError(
                f"{path}, line {number}: {shown(content)} does not begin with a line type of RTTM; a turn is a line "
                f"such as {_EXAMPLE}. (UEM, CTM, STM, TextGrid and CSV files have other formats.)"
            )
        if problem := _problem(fields):
            raise SchemaError(
                f"{path}, line {number} is not a SPEAKER line of RTTM: {shown(content)}: {problem}. It has ten "
                f"fields, onset and duration in seconds and not below 0, such as {_EXAMPLE}"
            )
        onset_s, duration_s = float(fields[3]), float(fields[4])
        channel = int(fields[2]) if _CHANNEL.fullmatch(fields[2]) else None
        yield fields[1], fields[7], round(onset_s * 1000), round((onset_s + duration_s) * 1000), channel


def _problem(fields: list[str]) -> str | None:
    """Return what is wrong with the fields of a SPEAKER line, or None if they are right."""
    if len(fields) not in FIELDS:
        spaces = "; a file or speaker name with a space in it? Write it with _ instead" if len(fields) > 10 else ""
        return f"it has {len(fields)} fields{spaces}"
    for name, value in (("file", fields[1]), ("speaker", fields[7])):
        if value in ("", "<NA>"):
            return f"the {name} (field {8 if name == 'speaker' else 2}) is {value!r}"
    for name, value in (("onset", fields[3]), ("duration", fields[4])):
        if not SECONDS.fullmatch(value):
            return f"the {name} {value!r} is not a number of seconds"
    if not (float(fields[3]) + float(fields[4])) * 1000 <= LAST_MS:
        return "it ends after more than 24 days"
    for name, value in (("confidence", fields[8]), ("lookahead", fields[9] if len(fields) > 9 else "<NA>")):
        if value not in UNKNOWN and not SECONDS.fullmatch(value):
            return f"the {name} is {value!r}, neither a number nor <NA>; check whether a name contains a space"
    if len(fields) > 9 and SECONDS.fullmatch(fields[8]) and float(fields[8]) > 1:
        return f"the confidence is {fields[8]!r}, above 1; check whether the speaker's name contains a space"
    return None


@explains_keywords
def write_rttm(transcripts: Transcripts, path: str | Path) -> None:
    """Write speaker turns as RTTM, exact to the millisecond. Spaces in names become underscores.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens, whose turns are those of `speaker_turns`; or turns
        (``schema.TURNS``). Where `channel` is absent or NA, channel 1 is written.
    path
        The file to write.

    Raises
    ------
    SchemaError
        If a column is absent, an `audio_id` is NA, a time is impossible or not a whole number, or two names would
        become equal because they differ in spaces and underscores only.
    InputError
        If no recording of a corpus is completed, no word or turn has a speaker, or the file cannot be written. In all
        these cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If failed recordings, words without a speaker or times, or turns of a table that are translations or have no
        speaker or times are left out. The words of an opened corpus are not counted.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> turns = pd.DataFrame({"audio_id": ["a"], "speaker": ["1"], "start_ms": [400], "end_ms": [2550]})
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_rttm(turns, f"{folder}/a.rttm")
    ...     Path(folder, "a.rttm").read_text()
    'SPEAKER a 1 0.400 2.150 <NA> <NA> 1 <NA> <NA>\\n'
    """
    if not isinstance(transcripts, pd.DataFrame) and hasattr(transcripts, "recordings"):
        completed_ids(transcripts.recordings, "RTTM")  # Also of an opened corpus, whose tokens are not in memory.
    if is_segments(transcripts):
        turns = transcripts
    elif not isinstance(transcripts, pd.DataFrame) and isinstance(transcripts, InParts):
        turns = speaker_turns(transcripts)
    else:
        words = as_words(transcripts)
        turns = speaker_turns(words)
        words = words[~translation_mask(words)]
        is_unknown = words["speaker"].isna().to_numpy(np.bool_)
        words = without_rows(words, is_unknown, "RTTM", "words of unknown speakers", "it needs speakers")
        with_times(words, "RTTM", "words")
    need(turns, "audio_id", "speaker", "start_ms", "end_ms", name="turns")
    turns = with_ids(turns, "turns")
    turns = need_milliseconds(turns, "turns")
    if missing := int(turns["audio_id"].isna().sum()):
        raise SchemaError(f"turns: audio_id is missing in {missing} of {len(turns)} rows; RTTM needs it.")
    has_speaker = turns["speaker"].notna().to_numpy(np.bool_)
    if len(turns) and not has_speaker.any():
        raise InputError(f"RTTM: none of the {len(turns)} turns has a speaker, so there is nothing to write.")
    turns = without_rows(turns, ~has_speaker, "RTTM", "turns of unknown speakers", "it needs speakers")
    turns = without_rows(turns, translation_mask(turns), "RTTM", "turns of translations", "it holds spoken words only")
    turns = with_times(turns, "RTTM", "turns")
    names = {name: names_to_write(turns[name], name, "RTTM") for name in ("audio_id", "speaker")}
    lines = [
        f"SPEAKER {names['audio_id'][audio_id]} {channel} {start_ms / 1000:.3f} {(end_ms - start_ms) / 1000:.3f} "
        f"<NA> <NA> {names['speaker'][speaker]} <NA> <NA>\n"
        for audio_id, speaker, start_ms, end_ms, channel in zip(
            *(turns[name].tolist() for name in ("audio_id", "speaker", "start_ms", "end_ms")),
            channels_of(turns),
            strict=True,
        )
    ]
    with replacing(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8")
