"""Corpora made from the transcripts of other providers."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd

from soniox_ds._caller import warn_caller
from soniox_ds.corpus.corpus import Corpus
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import InputError, SchemaError, SourceError
from soniox_ds.files.text_files import lines_of_file, read_text
from soniox_ds.io.annotation_files import format_of_path, read_annotations
from soniox_ds.io.contents import listed
from soniox_ds.io.json_nodes import JsonNode, parsed
from soniox_ds.io.kaldi import kaldi_audio
from soniox_ds.io.providers import provider_named, recognised_provider
from soniox_ds.io.transcript import TimedWord, Transcript
from soniox_ds.options.addresses import public_url
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import RECORDINGS, TOKENS, conform, matched_ids
from soniox_ds.sources.files import has_audio_extension
from soniox_ds.sources.search import find_recordings
from soniox_ds.text.words import spoken_texts

__all__ = ["read_transcripts"]

PathOrPaths: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Mapping[str, Any]"
EXTENSIONS = (".json", ".jsonl")


@explains_keywords
def read_transcripts(
    path: PathOrPaths,
    *,
    provider: str | None = None,
    format: str | None = None,
    audio: Any = None,
    encoding: str | None = None,
) -> Corpus:
    """Read the transcripts of another provider or tool as a corpus, to score them beside those of Soniox.

    Parameters
    ----------
    path
        A JSON file of the provider, a folder or glob of such files, a list of them, or a dict of files (or of parsed
        JSON) by `audio_id`. A ``.jsonl`` file holds a document in each line, and so may a ``.json`` file. Files of the
        other formats of `sx.io`, such as subtitles, are given in the same way; of Kaldi, give the data folder.
    provider
        Name of the provider, one of the modules in ``soniox_ds.io.providers``, such as "deepgram". None recognises it
        from the document.
    format
        Name of a format of `sx.io` that is not the JSON of a provider, such as "srt" or "seglst". None recognises it
        from the extension.
    audio
        The audio of the recordings: a folder, a glob, a list of files, a manifest, a dict of files by `audio_id`, or
        whatever else `soniox_ds.transcribe` takes. It is matched by `audio_id`, or by file names where these are
        unambiguous. None takes the audio that the file of the transcript names (NeMo, ``wav.scp`` of Kaldi), or the
        audio file whose path is the `audio_id`. The audio is not read.
    encoding
        Encoding of the files. None reads UTF-8 and UTF-16.

    Returns
    -------
    Corpus
        The transcripts in the order of their files, as one token for each word, with times, confidences, speakers and
        languages where the provider gives them. `audio_id` is the key of the dict, or else the name of the recording in
        the document, or else the name of the file without its extension. `service` is the name of the provider or
        format, and `source` the audio, NA if it is not known. In the files of a format, each segment (cue, utterance)
        is one token, so that its words share its times.

    Raises
    ------
    InputError
        If there is no file, if the provider or format is not recognised, if two transcripts have the same
        `audio_id`, if a transcript could mean several files of `audio`, or if one of these does not exist.
    SchemaError
        If a file is not JSON or not in the provider's form. The message names the file and the place in it.

    Warns
    -----
    UserWarning
        If transcripts have no audio in `audio`, or were matched to it by file names.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> document = {
    ...     "text": "Good morning.",
    ...     "language": "en",
    ...     "segments": [],
    ...     "words": [{"word": "Good", "start": 0.0, "end": 0.3}, {"word": "morning", "start": 0.4, "end": 0.9}],
    ... }
    >>> corpus = sx.io.read_transcripts({"a.wav": document}, provider="openai_whisper")
    >>> corpus.words()[["audio_id", "text", "start_ms", "end_ms"]]
      audio_id      text  start_ms  end_ms
    0    a.wav      Good         0     300
    1    a.wav  morning.       400     900
    """
    if provider is not None and format is not None:
        raise InputError(f"give provider= or format=, not both; found {provider!r} and {format!r}.")
    if provider is None and (name := format or _format_of(path)) is not None:
        return _from_annotations(path, name, audio, encoding)
    recordings: list[dict[str, Any]] = []
    tables: list[pd.DataFrame] = []
    places: list[str] = []
    for place, file, audio_id, document in _documents(path, encoding):
        try:
            name = provider or recognised_provider(document)
            transcripts = list(provider_named(name).transcripts(document))
        except SchemaError as error:
            raise SchemaError(f"{place}: {error}.") from error
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
        for transcript in transcripts:
            given_id = audio_id if isinstance(path, Mapping) else transcript.audio_id or audio_id
            recordings.append(_recording(transcript, given_id, _named_audio(transcript.source, file), name))
            tables.append(_tokens(transcript, recordings[-1]["audio_id"]))
            places.append(place)
    return _corpus(recordings, tables, places, audio)


def _format_of(path: PathOrPaths) -> str | None:
    """Return the name of the format of the files by their extensions, or None for JSON and for mixed files."""
    given = list(path.values()) if isinstance(path, Mapping) else path if isinstance(path, Sequence) else [path]
    given = [path] if isinstance(path, str) else given
    if not all(isinstance(each, str | os.PathLike) for each in given) or any(
        file.suffix.lower() in EXTENSIONS for each in given if os.path.isdir(each) for file in Path(each).rglob("*")
    ):
        return None
    formats = [format_of_path(each) for each in given]
    names = {found.name for found in formats if found is not None}
    return names.pop() if len(names) == 1 and None not in formats else None


def _from_annotations(path: PathOrPaths, name: str, audio: Any, encoding: str | None) -> Corpus:
    read: list[tuple[Path, pd.DataFrame]] = []
    if isinstance(path, Mapping):
        for audio_id, file in path.items():
            [(place, table)] = read_annotations([file], name, is_transcript=True, encoding=encoding)
            if table["audio_id"].nunique() > 1:
                raise InputError(f"{place} has {table['audio_id'].nunique()} recordings; give the file, not a dict.")
            read.append((place, table.assign(audio_id=pd.array([str(audio_id)] * len(table), dtype="string"))))
    else:
        read = read_annotations(path, name, is_transcript=True, encoding=encoding)
    recordings, tables, places = [], [], []
    for file, table in read:
        files = kaldi_audio(file) if name == "kaldi" else {}
        ids = table["audio_id"].drop_duplicates().tolist()
        table = table[table["text"].notna()].sort_values("start_ms", kind="stable")
        groups = dict(tuple(table.groupby("audio_id")))
        for audio_id in ids or [file.stem]:
            rows = groups.get(audio_id, table.iloc[:0])
            tokens = rows.assign(token_index=range(len(rows)), text=" " + rows["text"])
            tables.append(conform(tokens, TOKENS)[list(TOKENS)])
            recordings.append(
                {
                    "audio_id": audio_id,
                    "source": files.get(audio_id) or (_named_audio(audio_id, file) if name == "nemo" else None),
                    "duration_ms": rows["end_ms"].max(),
                    "status": "completed",
                    "service": name,
                    "model": None,
                }
            )
            places.append(str(file))
    return _corpus(recordings, tables, places, audio)


def _named_audio(name: str | None, file: Path | None) -> str | None:
    """Return the audio that a file names. A relative path may refer to the folder of the file."""
    if name is None or "://" in name:
        return None if name is None else public_url(name)
    beside = None if file is None else file.parent / name
    return str(beside) if beside is not None and beside.is_file() else name


def _recording(transcript: Transcript, audio_id: str, source: str | None, provider: str) -> dict[str, Any]:
    last_ms = max((word.end_ms for word in transcript.words if word.end_ms is not None), default=None)
    if transcript.tokens is not None:
        last_ms = transcript.tokens["end_ms"].max()
    return {
        "audio_id": audio_id,
        "source": source,
        "duration_ms": last_ms if transcript.duration_ms is None else transcript.duration_ms,
        "status": "completed",
        "service": provider,
        "model": transcript.model,
    }


def _tokens(transcript: Transcript, audio_id: str) -> pd.DataFrame:
    if transcript.tokens is not None:
        return transcript.tokens.assign(audio_id=pd.array([audio_id] * len(transcript.tokens), dtype="string"))
    words = pd.DataFrame(transcript.words, columns=list(TimedWord._fields)).dropna(axis=1, how="all")
    words = words.assign(text=[word.text for word in transcript.words])
    return conform(words.assign(audio_id=audio_id, token_index=range(len(words))), TOKENS)


def _corpus(recordings: list[dict[str, Any]], tables: list[pd.DataFrame], places: list[str], audio: Any) -> Corpus:
    rows = conform(pd.DataFrame(recordings, columns=list(RECORDINGS)), RECORDINGS)
    place_of: dict[str, str] = {}
    for audio_id, place in zip(rows["audio_id"], places, strict=True):
        if audio_id in place_of:
            raise InputError(
                f"{place_of[audio_id]} and {place} are both transcripts of {audio_id!r}; give a dict of files by "
                "audio_id, or read one of them."
            )
        place_of[audio_id] = place
    if audio is not None:
        rows["source"] = rows["audio_id"].map(_audio_of(list(place_of), audio)).astype("string")
    else:
        audio_of = {name: name for name in place_of if has_audio_extension(name) and os.path.isfile(name)}
        rows["source"] = rows["source"].fillna(rows["audio_id"].map(audio_of).astype("string"))
    sizes = [os.path.getsize(source) if os.path.isfile(source) else pd.NA for source in rows["source"].fillna("")]
    rows["size_bytes"] = pd.Series(sizes, index=rows.index, dtype="Int64")
    tokens = pd.concat(tables, ignore_index=True) if tables else None
    if tokens is not None:
        texts = spoken_texts(tokens)
        rows["text"] = rows["audio_id"].map(texts).astype("string").fillna("")
    models = dict.fromkeys((str(row["service"]), row["model"]) for row in recordings)
    runs = [new_run(service=service, model=model, options={}) for service, model in models]
    return Corpus(rows, tokens, new_provenance(*runs))


def _audio_of(audio_ids: list[str], audio: Any) -> dict[str, str]:
    """Return the path or URL of the audio of each recording that has some. Warns of the others."""
    try:
        found = find_recordings(audio, sidecars=False).recordings
    except SourceError as error:
        raise SourceError(f"audio: {error}") from error
    for recording in found:
        if recording.error_type is not None:
            raise SourceError(f"audio: {recording.error_message}.")
    by_id = {recording.audio_id: recording.source for recording in found if recording.source is not None}
    names = matched_ids(audio_ids, by_id, "audio")
    sources = {audio_id: by_id.get(names.get(audio_id, audio_id)) for audio_id in audio_ids}
    if missing := [audio_id for audio_id, source in sources.items() if source is None]:
        warn_caller(
            f"audio: {len(missing)} of {len(audio_ids)} transcripts have no audio of the same name: "
            f"{listed(missing)}. A dict of files by audio_id names it otherwise.",
            UserWarning,
        )
    return {audio_id: source for audio_id, source in sources.items() if source is not None}


def _documents(path: PathOrPaths, encoding: str | None) -> Iterator[tuple[str, Path | None, str, JsonNode]]:
    """Yield the place (for messages), the file, the id by the name of the file, and the content of each document."""
    if isinstance(path, Mapping):
        for audio_id, given in path.items():
            if isinstance(given, dict | list):
                yield f"the document of {audio_id!r}", None, str(audio_id), JsonNode(given)
            else:
                for place, file, _, document in _documents(given, encoding):
                    yield place, file, str(audio_id), document
        return
    for file in _files(path):
        text = read_text(file, "JSON file of a provider", encoding)
        if file.suffix.lower() != ".jsonl":
            try:
                yield str(file), file, file.stem, JsonNode(parsed(text, str(file)))
                continue
            except SchemaError as error:
                if not _is_first_line(error.__cause__):
                    raise
        for number, line in enumerate(lines_of_file(text), start=1):
            if line.strip():
                place = f"{file}, line {number}"
                yield place, file, file.stem, JsonNode(parsed(line, place))


def _is_first_line(error: BaseException | None) -> bool:
    """Return True for the error of a text that goes on behind a first line of JSON."""
    return (
        isinstance(error, json.JSONDecodeError)
        and error.msg == "Extra data"
        and "\n" not in error.doc[: error.pos].strip()
    )


def _files(path: Any) -> list[Path]:
    if isinstance(path, str | os.PathLike):
        folder = Path(path)
        if folder.is_dir():
            files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in EXTENSIONS)
            if not files:
                raise InputError(f"the folder {folder} has no file of {' or '.join(EXTENSIONS)}.")
            return files
        if not folder.exists() and glob.has_magic(os.fspath(path)):
            files = [Path(name) for name in sorted(glob.glob(os.fspath(path), recursive=True))]
            if not files:
                raise InputError(f"no file matches {os.fspath(path)!r}.")
            return files
        return [folder]
    if isinstance(path, Sequence) and not isinstance(path, bytes):
        return [file for item in path for file in _files(item)]
    raise InputError(f"path must be a file, a folder, a list of files or a dict of them, found {type(path).__name__}.")
