"""Transcription (trn) files: one text in each line, followed by its id in parentheses.

Conventions: a line is ``words (id)``. The id is the id of the recording. With `speakers`, it consists of the speaker, a
hyphen and the id of the recording, as NIST's tools expect it (``words (speaker-utterance)``). A line that begins with
``;;`` is a comment. A text that begins with ``;;`` is therefore written with an invisible U+2060 in front, which
`read_trn` removes. Source: NIST, "sclite: File formats", https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from soniox_ds.files.atomic_files import replacing
from soniox_ds.io.contents import joined_parts, segments_to_write, texts_to_write
from soniox_ds.io.fields import content_lines, first_alternatives, malformed, names_to_write, warn_of_alternatives
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcripts

__all__ = ["read_trn", "write_trn"]

_LINE = re.compile(r"(.*?)[ \t]*\(([^()\s]+)\)", re.DOTALL)
_NO_COMMENT = "\u2060"
"""The invisible character before a text that would be a comment."""
_EXAMPLE = "good morning (call_7)"


@explains_keywords
def read_trn(path: str | Path, *, speakers: bool = False, encoding: str | None = None) -> pd.DataFrame:
    """Read the texts of a trn file.

    Parameters
    ----------
    path
        The file.
    speakers
        True if the ids begin with the speaker and a hyphen, as in ``(agent-call_7)``.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS``, one row for each line, in the order of the file. `start_ms` and `end_ms` are
        NA, because the format has no times. `text` has no line breaks and single spaces; of alternatives, such as
        ``{ gonna / going to }``, only the first is kept, and ``@`` is no word. Empty lines and comments (``;;``) have
        no row; a line with an id alone has the text "". Several lines may have the same id; `read_references` joins
        their texts.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If a line does not end with an id in parentheses, or, with `speakers`, if an id has no speaker before a hyphen;
        if the file is not text in the encoding. The message names the file and the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "calls.trn")
    ...     _ = file.write_text("good morning (agent-call_7)\\n")
    ...     sx.io.read_trn(file, speakers=True)[["audio_id", "speaker", "text"]]
      audio_id speaker          text
    0   call_7   agent  good morning
    """
    lines = pd.DataFrame(_lines(Path(path), speakers, encoding), columns=["audio_id", "speaker", "text"], dtype=object)
    return conform(lines, ANNOTATIONS)


def _lines(path: Path, speakers: bool, encoding: str | None) -> Iterator[tuple[str, str | None, str]]:
    for number, line in content_lines(path, "trn file", encoding):
        match = _LINE.fullmatch(line)
        if match is None:
            raise malformed(path, number, line, "it does not end with an id in parentheses", _EXAMPLE)
        speaker, hyphen, audio_id = match[2].partition("-")
        if speakers and not (speaker and hyphen and audio_id):
            problem = f"the id {match[2]!r} has no speaker before a hyphen; read it with speakers=False"
            raise malformed(path, number, line, problem, "good morning (agent-call_7)")
        text = first_alternatives(match[1].removeprefix(_NO_COMMENT))
        yield (audio_id, speaker, text) if speakers else (match[2], None, text)


@explains_keywords
def write_trn(transcripts: Transcripts, path: str | Path, *, speakers: bool = False) -> None:
    """Write the text of each recording as trn. Spaces and parentheses in ids become underscores.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    path
        The file to write.
    speakers
        True to write a line for each speaker of each recording, whose id begins with the speaker and a hyphen.
        Text without a speaker is that of the speaker "unknown".

    Raises
    ------
    SchemaError
        If a column is absent, or two names would become equal.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If recordings that failed or translations are left out; or if a text contains syntax of the format, such as
        ``{`` or the word ``@``, which the format cannot quote.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> tokens = pd.DataFrame({"audio_id": "call 7", "token_index": [0, 1], "text": ["good", " morning"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_trn(tokens, f"{folder}/calls.trn")
    ...     Path(folder, "calls.trn").read_text()
    'good morning (call_7)\\n'
    """
    if speakers:
        segments = segments_to_write(transcripts, "trn", timed=False)
        labels = segments["speaker"].fillna("unknown") if "speaker" in segments else "unknown"
        segments = segments.assign(speaker=labels)
        texts: dict[tuple[str, ...], str] = {
            (str(speaker), str(audio_id)): joined_parts(rows["text"])
            for (audio_id, speaker), rows in segments.groupby(["audio_id", "speaker"], sort=False)
        }
    else:
        texts = {(audio_id,): text for audio_id, text in texts_to_write(transcripts, "trn").items()}
    ids = names_to_write((names[-1] for names in texts), "audio_id", "trn", forbidden="()")
    people = names_to_write((name for names in texts for name in names[:-1]), "speaker", "trn", forbidden="()-")
    warn_of_alternatives(texts.values(), "trn")
    lines = []
    for names, text in texts.items():
        line_id = "-".join([*(people[name] for name in names[:-1]), ids[names[-1]]])
        mark = _NO_COMMENT if text.startswith(";;") else ""
        lines.append(f"{mark}{text} ({line_id})\n".lstrip(" "))
    with replacing(path) as beside:
        beside.write_text("".join(lines), encoding="utf-8", newline="\n")
