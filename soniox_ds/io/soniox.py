"""Transcripts as the Soniox API returns them: JSON with the text and the tokens of one recording.

Conventions: the keys of ``GET /v1/transcriptions/{id}/transcript``. Keys whose value is NA are left out, as the service
leaves out what was not asked for. Two keys of tokens are not the service's: `channel`, if the channels were transcribed
separately, and `speaker_label`, the original label of a speaker with a name. `soniox_ds.io.read_transcripts` reads such
files (``provider="soniox"``). Source:
https://soniox.com/docs/stt/api-reference/transcriptions/get_transcription_transcript
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.files.atomic_files import replacing
from soniox_ds.files.file_names import files_to_write
from soniox_ds.io.contents import audio_ids_of
from soniox_ds.options.keywords import explains_keywords
from soniox_ds.schema import TOKENS, need
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import spoken_texts

__all__ = ["write_soniox"]

_KEYS = [name for name in TOKENS if name not in ("audio_id", "token_index")]
_CHUNK = 20_000


@explains_keywords
def write_soniox(transcripts: Transcripts, path: str | Path) -> None:
    """Write transcripts in the form of the Soniox API: a JSON file for each recording, with all of its tokens.

    `id` is the `transcription_id` of the recording, or its `audio_id` if it has no known `transcription_id`. `text` is
    the spoken text. Tokens of channels that were transcribed separately have the key `channel`, and tokens of speakers
    who were given names the key `speaker_label`, which the API does not have. ``sx.io.read_transcripts(...,
    provider="soniox")`` reads them.

    Parameters
    ----------
    transcripts
        A Corpus, a LiveResult or tokens.
    path
        The folder to write to; or, for one recording, a file that ends with ``.json``.

    Raises
    ------
    InputError
        If there is nothing to write, the table has no tokens, two recordings would be written to the same file, or a
        file cannot be written.

    Warns
    -----
    UserWarning
        If recordings that failed are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> tokens = pd.DataFrame({
    ...     "audio_id": "a.wav", "token_index": [0, 1], "text": ["Hi", " you"], "start_ms": [0, 90], "end_ms": [60, 150]
    ... })
    >>> with TemporaryDirectory() as folder:
    ...     sx.io.write_soniox(tokens, folder)
    ...     sx.io.read_transcripts(folder, provider="soniox").words()["text"].tolist()
    ['Hi', 'you']
    """
    if isinstance(transcripts, pd.DataFrame) and "token_index" not in transcripts:
        raise InputError("the JSON of Soniox is written from tokens: give a Corpus, a LiveResult or a table of tokens.")
    ids = audio_ids_of(transcripts, "Soniox JSON")
    names = dict(zip(ids, ids, strict=True))
    if isinstance(transcripts, Transcribed) and "transcription_id" in transcripts.recordings:
        known = transcripts.recordings.dropna(subset="transcription_id")
        names |= dict(zip(known["audio_id"].tolist(), known["transcription_id"].tolist(), strict=True))
    table = transcripts.tokens if isinstance(transcripts, Transcribed) else transcripts
    need(table, "audio_id", "token_index", "text", name="tokens")
    files = files_to_write(ids, path, ".json")
    by_id = dict(tuple(table.groupby("audio_id", sort=False)))
    encode = msgspec.json.Encoder().encode
    for audio_id, file in files.items():
        tokens = by_id.get(audio_id, table.iloc[:0]).sort_values("token_index", kind="stable")
        if "channel" in tokens and tokens["channel"].notna().any():  # The tokens of channels alternate.
            text = spoken_texts(tokens).get(audio_id, "")
        else:
            text = "".join(without_translations(tokens)["text"].tolist())
        with replacing(file) as beside, beside.open("wb") as opened:
            opened.write(b'{"id":' + encode(str(names[audio_id])) + b',"text":' + encode(text) + b',"tokens":[')
            for first in range(0, len(tokens), _CHUNK):
                opened.write(b"," if first else b"")
                opened.write(encode(_tokens(tokens.iloc[first : first + _CHUNK]))[1:-1])
            opened.write(b"]}")


def _tokens(table: pd.DataFrame) -> list[dict[str, Any]]:
    keys = [key for key in _KEYS if key in table]
    return [
        {
            key: value
            for key, value in zip(keys, values, strict=True)
            if value is not None and value is not pd.NA and value == value
        }
        for values in zip(*(table[key].tolist() for key in keys), strict=True)
    ]
