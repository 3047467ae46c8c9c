"""Manifests of NVIDIA NeMo: files in which each line is a JSON object.

Conventions: `audio_filepath` is the audio, `duration` its length in seconds, `text` the reference and `pred_text` the
transcript. Segments of a file have their start in `offset`. The text "-" means that there is no transcript. Source:
https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/datasets.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import msgspec
import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.exceptions import SchemaError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.contents import audio_ids_of, listed, segments_to_write, text_on_one_line, texts_to_write
from soniox_ds.io.json_nodes import JsonNode, parsed
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import ANNOTATIONS, conform
from soniox_ds.schema.inputs import Transcribed, Transcripts

__all__ = ["read_nemo", "write_nemo"]

NO_TEXT = "-"


@explains_keywords
def read_nemo(path: str | Path, *, text_key: str = "text", encoding: str | None = None) -> pd.DataFrame:
    """Read a NeMo manifest.

    Parameters
    ----------
    path
        The file.
    text_key
        Key of the text: "text" for references, "pred_text" for transcripts.
    encoding
        Encoding of the file. None reads UTF-8 and UTF-16, and raises SchemaError for any other encoding; the message
        names the line.

    Returns
    -------
    DataFrame
        Table in ``schema.ANNOTATIONS``, one row for each line. `audio_id` is `audio_filepath`. The times are those of
        `offset` (0 if absent) and `duration`. A text that is absent or "-" is NA.

    Raises
    ------
    InputError
        If the file does not exist or cannot be read.
    SchemaError
        If a line is not a JSON object with `audio_filepath`, or has an impossible time. The message names the file and
        the line.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "manifest.json")
    ...     _ = file.write_text('{"audio_filepath": "a.wav", "duration": 2.5, "text": "hello"}\\n')
    ...     sx.io.read_nemo(file)
      audio_id speaker  start_ms  end_ms   text
    0    a.wav    <NA>         0    2500  hello
    """
    file = Path(path)
    rows = []
    for number, line in enumerate(lines_of_file(read_text(file, "NeMo manifest", encoding)), start=1):
        if line.strip():
            place = f"{file}, line {number}"
            node = JsonNode(parsed(line, place))
            try:
                rows.append(_row(node, text_key))
            except SchemaError as error:
                raise SchemaError(f"{place}: {error}.") from error
    return conform(pd.DataFrame(rows, columns=list(ANNOTATIONS), dtype=object), ANNOTATIONS)


def _row(node: JsonNode, text_key: str) -> tuple[Any, ...]:
    text, speaker = node.get(text_key), node.get("speaker")
    offset, duration = node.get("offset"), node.get("duration")
    start_ms = 0 if offset is None else offset.ms()
    words = None if text is None else text_on_one_line(text.text())
    return (
        node["audio_filepath"].text(),
        None if speaker is None else speaker.text(),
        None if duration is None else start_ms,
        None if duration is None else JsonNode(start_ms + duration.ms(), "the end of the segment").ms(1000),
        None if words == NO_TEXT else words,
    )


@explains_keywords
def write_nemo(transcripts: Transcripts, path: str | Path, *, segments: bool = False) -> None:
    """Write a NeMo manifest, with a line for each recording or for each segment.

    `pred_text` is the transcript. `text` is the reference of the recording, from the column `reference`. If there is no
    reference, the line has no `text`, so that no program scores the transcript against itself. `audio_filepath` is the
    source of the recording, or its `audio_id` if the source is not known.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult, words, tokens or segments.
    path
        The file to write.
    segments
        True to write a line for each segment. The line contains the start of the segment as `offset`, and its
        transcript as `text`.

    Raises
    ------
    SchemaError
        If a column is absent or a time is impossible.
    InputError
        If there is nothing to write, or the file cannot be written. In both cases, an existing file is kept.

    Warns
    -----
    UserWarning
        If failed recordings, translations, or segments without times are left out, or if the audio of recordings whose
        `audio_id` is no file name is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> rows = pd.DataFrame({"audio_id": ["a.wav"], "start_ms": [400], "end_ms": [2550], "text": ["hello you"]})
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_nemo(rows, f"{folder}/manifest.json", segments=True)
    ...     Path(folder, "manifest.json").read_text()
    '{"audio_filepath":"a.wav","offset":0.4,"duration":2.15,"text":"hello you"}\\n'
    """
    rows = _segment_lines(transcripts) if segments else _recording_lines(transcripts)
    encode = msgspec.json.Encoder().encode
    with replacing(path) as beside, beside.open("wb") as opened:
        opened.writelines(encode(row) + b"\n" for row in rows)


def _recording_lines(transcripts: Transcripts) -> Iterator[dict[str, Any]]:
    texts = texts_to_write(transcripts, "NeMo")
    recordings = _recordings(transcripts, texts)
    table = transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts
    assert isinstance(table, pd.DataFrame)
    ends = table.groupby("audio_id")["end_ms"].max().to_dict() if "end_ms" in table else {}
    for audio_id, text in texts.items():
        recording = recordings.get(audio_id, {})
        line: dict[str, Any] = {"audio_filepath": _known(recording.get("source")) or audio_id}
        duration_ms = _known(recording.get("duration_ms"))
        if duration_ms is None:
            duration_ms = _known(ends.get(audio_id))
        if duration_ms is not None:
            line["duration"] = int(duration_ms) / 1000
        reference = _known(recording.get("reference"))
        if reference is not None:
            line["text"] = str(reference)
        yield line | {"pred_text": text}


def _segment_lines(transcripts: Transcripts) -> Iterator[dict[str, Any]]:
    recordings = _recordings(transcripts, audio_ids_of(transcripts, "NeMo"))
    table = segments_to_write(transcripts, "NeMo")
    keys = [name for name in ("speaker", "speaker_label", "language") if name in table]
    names = ["audio_id", "start_ms", "end_ms", "text", *keys]
    for audio_id, start, end, text, *labels in zip(*(table[name].tolist() for name in names), strict=True):
        yield {
            "audio_filepath": _known(recordings.get(audio_id, {}).get("source")) or audio_id,
            "offset": start / 1000,
            "duration": (end - start) / 1000,
            "text": text,
            **{
                "lang" if key == "language" else key: label
                for key, label in zip(keys, labels, strict=True)
                if _known(label) is not None
            },
        }


def _recordings(transcripts: Transcripts, audio_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what is known of the recordings. Warns if ids without an extension stand for the audio."""
    if not isinstance(transcripts, Transcribed):
        return {}
    recordings = transcripts.recordings
    recordings = recordings[recordings["audio_id"].isin(list(audio_ids))]
    sources = recordings["source"] if "source" in recordings else pd.Series(pd.NA, index=recordings.index)
    unknown = recordings.loc[sources.isna(), "audio_id"].tolist()
    if missing := [audio_id for audio_id in unknown if not PurePath(audio_id).suffix]:
        warn_caller(
            f"NeMo: the audio of {len(missing)} of {len(recordings)} recordings is not known, so that audio_filepath "
            f"is their audio_id: {listed(missing)}. For transcripts of other tools, sx.io.read_transcripts has audio=.",
            UserWarning,
        )
    names = [name for name in ("source", "duration_ms", "reference") if name in recordings]
    rows = recordings[names].to_dict("records")
    return {
        str(audio_id): {str(key): value for key, value in row.items()}
        for audio_id, row in zip(recordings["audio_id"], rows, strict=True)
    }


def _known(value: Any) -> Any:
    return None if value is None or value is pd.NA or value != value else value
