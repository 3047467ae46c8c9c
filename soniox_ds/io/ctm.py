"""Conversation time marked (CTM) files: words with times.

Conventions: a word is a line ``file channel start duration word [confidence [type [speaker]]]``, with times in seconds.
Channels are numbers from 1, or A and B. ``;;`` starts a comment. The first of several alternatives (``<ALT_BEGIN> ...
<ALT> ... <ALT_END>``) is read. Source: NIST, "sclite: File formats",
https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.files.atomic_files import replacing
from soniox_ds.io.contents import audio_ids_of, channels_of, words_to_write
from soniox_ds.io.fields import (
    SECONDS,
    UNKNOWN,
    channel_of,
    content_lines,
    malformed,
    ms_of,
    names_to_write,
    with_channels,
)
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcripts

__all__ = ["read_ctm", "write_ctm"]

_EXAMPLE = "call_7 1 0.400 0.250 hello 0.9731"
_FIELDS = range(5, 9)
_NO_WORDS = frozenset(("non-lex", "misc", "noscore"))
"""Types of lines that hold no word."""
_CHUNK = 50_000


@explains_keywords
def read_ctm(path: str | Path, *, encoding: str | None = None) -> pd.DataFrame:
    """Read the words of a CTM file.

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
        Table in ``schema.ANNOTATIONS``, one row for each word, in the order of the file, with the columns `channel`
        (NA if every line has channel 1) and `confidence` (0 to 1, NA if the file has none). `audio_id` is the file
        field, and `speaker` the eighth field, if there is one. Lines that hold no word have no row: lines of the types
        ``non-lex``, ``misc`` and ``noscore``, lines with the word ``@``, and all alternatives but the first.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If a line has a wrong number of fields, or an impossible time, channel or confidence. The message names the file
        and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "call.ctm")
    ...     _ = file.write_text("call 1 0.40 0.25 hello 0.97\\n")
    ...     sx.io.read_ctm(file)
      audio_id speaker  start_ms  end_ms   text  channel  confidence
    0     call    <NA>       400     650  hello     <NA>        0.97
    """
    file = Path(path)
    columns = [*ANNOTATIONS, "channel", "confidence"]
    words = pd.DataFrame(_words(file, encoding), columns=columns, dtype=object)
    return with_channels(conform(words, ANNOTATIONS)).astype({"confidence": "Float32"})


def _words(path: Path, encoding: str | None) -> Iterator[tuple[Any, ...]]:
    is_alternative = False
    for number, line in content_lines(path, "CTM file", encoding):
        fields = line.split()

        def wrong(problem: str, number: int = number, line: str = line) -> Exception:
            return malformed(path, number, line, problem, _EXAMPLE)

        if len(fields) not in _FIELDS:
            raise wrong(f"it has {len(fields)} fields, not 5 to 8")
        if fields[4] in ("<ALT_BEGIN>", "<ALT>", "<ALT_END>"):
            is_alternative = fields[4] == "<ALT>"
            continue
        if is_alternative or fields[4] == "@" or (len(fields) > 6 and fields[6].casefold() in _NO_WORDS):
            continue
        channel, start, duration = channel_of(fields[1]), ms_of(fields[2]), ms_of(fields[3])
        if channel is None:
            raise wrong(f"the channel is {fields[1]!r}, neither a number nor A or B")
        if start is None or duration is None:
            raise wrong(f"{fields[2 if start is None else 3]!r} is not a number of seconds from 0 to 24 days")
        end = ms_of(repr(float(fields[2]) + float(fields[3])))
        if end is None:
            raise wrong("it ends after more than 24 days")
        confidence = None
        if len(fields) > 5 and fields[5] not in UNKNOWN:
            if not SECONDS.fullmatch(fields[5]) or float(fields[5]) > 1:
                raise wrong(f"the confidence is {fields[5]!r}, not a number from 0 to 1")
            confidence = float(fields[5])
        speaker = fields[7] if len(fields) > 7 and fields[7] not in UNKNOWN else None
        yield fields[0], speaker, start, end, fields[4], channel, confidence


@explains_keywords
def write_ctm(transcripts: Transcripts, path: str | Path) -> None:
    """Write words as CTM, sorted by recording, channel and start, exact to the millisecond.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words or tokens; or segments (``schema.SEGMENTS``, ``schema.ANNOTATIONS``), whose words
        share the time of their segment in proportion to their characters.
    path
        The file to write.

    Raises
    ------
    SchemaError
        If a column is absent, a time is impossible, or two ids would become equal, because spaces in ids become
        underscores.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If failed recordings, words without times or translations are left out, or if a word is ``@``, which stands for
        "no word" in this format.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> words = pd.DataFrame({
    ...     "audio_id": ["a"],
    ...     "word_index": [0],
    ...     "text": ["hello"],
    ...     "start_ms": [400],
    ...     "end_ms": [650],
    ...     "confidence": [0.973],
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_ctm(words, f"{folder}/a.ctm")
    ...     Path(folder, "a.ctm").read_text()
    'a 1 0.400 0.250 hello 0.973000\\n'
    """
    names = names_to_write(audio_ids_of(transcripts, "CTM"), "audio_id", "CTM")
    words = words_to_write(transcripts, "CTM")
    words = words.assign(file=words["audio_id"].map(names), channel=channels_of(words))
    words = words.sort_values(["file", "channel", "start_ms"], kind="stable")
    if n_empty := int((words["text"] == "@").sum()):
        warn_caller(
            f"CTM: {n_empty} words are '@', which the format takes for no word. SegLST keeps them.", UserWarning
        )
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as opened:
        for first in range(0, len(words), _CHUNK):
            opened.write("".join(_lines(words.iloc[first : first + _CHUNK])))


def _lines(words: pd.DataFrame) -> list[str]:
    columns = [words[name].tolist() for name in ("file", "channel", "start_ms", "end_ms", "text")]
    if "confidence" not in words:
        confidences = [""] * len(words)
    else:
        confidences = [
            "" if value is pd.NA or value != value else f" {value:.6f}" for value in words["confidence"].tolist()
        ]
    return [
        f"{file} {channel} {start / 1000:.3f} {(end - start) / 1000:.3f} {text}{confidence}\n"
        for file, channel, start, end, text, confidence in zip(*columns, confidences, strict=True)
    ]
