"""Plain text with times and speakers, for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from soniox_ds._display import clock
from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.file_names import files_to_write
from soniox_ds.io.contents import audio_ids_of, is_segments, joined_parts, segments_to_write
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema.inputs import Transcripts

__all__ = ["plain_texts", "write_txt"]


@explains_keywords
def write_txt(
    transcripts: Transcripts, path: str | Path, *, times: bool = True, speakers: bool = True, encoding: str = "utf-8"
) -> None:
    """Write a plain text file for each recording, with a paragraph for each stretch of speech by one speaker.

    A paragraph begins with the time of its first word and the name of the speaker, as in
    ``[0:00:01.2] Speaker 1: Good morning.`` A new paragraph begins where the speaker changes.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    path
        The folder to write to. For a single recording, it may also be a file whose name ends with ``.txt``.
    times
        False to leave out the times.
    speakers
        False to leave out the speakers.
    encoding
        Encoding of the files. "utf-8-sig" writes a byte order mark, which some Windows programs need.

    Raises
    ------
    InputError
        If there is nothing to write, two recordings would be written to the same file, a file cannot be written, or
        the encoding is unknown or cannot hold a character.
    SchemaError
        If a column is absent or a time is impossible.

    Warns
    -----
    UserWarning
        If recordings that failed or translations are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> segments = pd.DataFrame({
    ...     "audio_id": "a.wav",
    ...     "speaker": ["1", "1", "Anna"],
    ...     "start_ms": [1240, 2000, 3_600_000],
    ...     "end_ms": [1900, 2800, 3_601_000],
    ...     "text": ["Good morning.", "Well?", "Yes."],
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_txt(segments, folder)
    ...     print(Path(folder, "a.txt").read_text().strip())
    [0:00:01.2] Speaker 1: Good morning. Well?
    <BLANKLINE>
    [1:00:00.0] Anna: Yes.
    """
    texts = plain_texts(transcripts, times=times, speakers=speakers)
    contents = {audio_id: _encoded(text, encoding, audio_id) for audio_id, text in texts.items()}
    for audio_id, file in files_to_write(texts, path, ".txt").items():
        with replacing(file) as beside:
            beside.write_bytes(contents[audio_id])


def plain_texts(transcripts: Transcripts, *, times: bool = True, speakers: bool = True) -> dict[str, str]:
    """Return the text of each recording by its id, as `write_txt` writes it: each paragraph on a line, and "" for none.

    >>> segments = pd.DataFrame({"audio_id": "a.wav", "speaker": ["1", "2"], "text": ["Good morning.", "Well?"]})
    >>> print(plain_texts(segments, times=False)["a.wav"], end="")
    Speaker 1: Good morning.
    <BLANKLINE>
    Speaker 2: Well?
    """
    audio_ids = audio_ids_of(transcripts, "plain text")
    segments = segments_to_write(transcripts, "plain text", timed=False)
    if is_segments(transcripts) and "start_ms" in segments:
        segments = segments.sort_values("start_ms", kind="stable")
    by_id = dict(tuple(segments.groupby("audio_id", sort=False)))
    texts = {}
    for audio_id in audio_ids:
        paragraphs = "\n\n".join(_paragraphs(by_id.get(audio_id, segments.iloc[:0]), times, speakers))
        texts[audio_id] = f"{paragraphs}\n" if paragraphs else ""
    return texts


def _encoded(text: str, encoding: str, audio_id: str) -> bytes:
    try:
        return text.encode(encoding)
    except LookupError as error:
        raise InputError(f"encoding must be the name of an encoding, such as 'latin-1', found {encoding!r}.") from error
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text of {audio_id!r} contains {text[error.start]!r}, which the encoding {encoding!r} cannot hold. "
            "Use encoding='utf-8'. Nothing was written."
        ) from error


def _paragraphs(rows: pd.DataFrame, times: bool, speakers: bool) -> Iterator[str]:
    nothing = [pd.NA] * len(rows)
    starts = rows["start_ms"].tolist() if "start_ms" in rows else nothing
    labels = rows["speaker"].tolist() if "speaker" in rows else nothing
    head, current = "", None
    texts: list[str] = []
    for start, speaker, text in zip(starts, labels, rows["text"].tolist(), strict=True):
        key = None if pd.isna(speaker) else str(speaker)
        if not texts or key != current:
            if texts:
                yield head + joined_parts(texts)
            parts = []
            if times and not pd.isna(start):
                parts.append(f"[{clock(start, tenths=True, hours=True)}]")
            if speakers and key is not None:
                parts.append(f"{'Speaker ' if key.isdigit() else ''}{' '.join(key.split())}:")
            head, texts, current = "".join(f"{part} " for part in parts), [], key
        if text:
            texts.append(text)
    if texts:
        yield head + joined_parts(texts)
