"""Transcribed datasets: recordings, tokens and provenance.

Conventions: recordings and tokens are plain DataFrames (`schema.RECORDINGS`, `schema.TOKENS`). The user's own metadata
columns follow the columns of `schema.RECORDINGS`. Tokens are in the order of the recordings, and within a recording in
the order of the API. A corpus is not changed in place: every method returns a new corpus, which shares its data without
a copy where possible.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

import numpy as np
import pandas as pd

from soniox_ds.corpus.dtypes import concat_frames
from soniox_ds.corpus.provenance import join_provenances, new_provenance, without_secrets
from soniox_ds.corpus.selection import selection_mask
from soniox_ds.corpus.speaker_names import checked_names, with_speaker_names
from soniox_ds.corpus.validation import checked_recordings, checked_tokens
from soniox_ds.exceptions import InputError
from soniox_ds.io.csv import write_csv
from soniox_ds.io.ctm import write_ctm
from soniox_ds.io.documents import to_documents
from soniox_ds.io.eaf import write_eaf
from soniox_ds.io.excel import write_excel
from soniox_ds.io.huggingface import to_huggingface
from soniox_ds.io.kaldi import write_kaldi
from soniox_ds.io.lhotse import write_lhotse
from soniox_ds.io.nemo import write_nemo
from soniox_ds.io.rttm import write_rttm
from soniox_ds.io.seglst import write_seglst
from soniox_ds.io.soniox import write_soniox
from soniox_ds.io.srt import write_srt
from soniox_ds.io.stm import write_stm
from soniox_ds.io.textgrid import write_textgrid
from soniox_ds.io.trn import write_trn
from soniox_ds.io.txt import write_txt
from soniox_ds.io.vtt import write_vtt
from soniox_ds.io.webdataset import write_webdataset
from soniox_ds.schema import COSTS, RECORDINGS, TEXTS, TOKENS, conform, empty, frame_from_arrow
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.schema.recording_ids import renamed
from soniox_ds.stores.paths import folder_path
from soniox_ds.text import words as _text
from soniox_ds.text.translations import translation_mask

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Corpus", "concat"]


class _JoinableTables(Transcribed, Protocol):
    """A `Corpus` or a `LiveResult`."""

    @classmethod
    def concat(cls, parts: Iterable[Self], /) -> Self: ...


_Joinable = TypeVar("_Joinable", bound=_JoinableTables)


class Corpus:
    """A transcribed dataset: its recordings, tokens and provenance. The tables are checked once.

    Parameters
    ----------
    recordings
        Table in ``schema.RECORDINGS``. It must have `audio_id` (unique) and `status`. The other columns of
        ``schema.RECORDINGS`` may be absent and are then NA. All further columns are your own metadata and are kept as
        they are. The index is renumbered.
    tokens
        Table in ``schema.TOKENS`` with the tokens of these recordings. It must have `audio_id`, `token_index` and
        `text`. Pass None if there are no tokens.
    provenance
        Dict in the form that `soniox_ds.corpus.provenance.new_provenance` returns. Secret values (``api_key``,
        ``webhook_auth_header_value``) are masked.

    Raises
    ------
    SchemaError
        If a table is not as documented: a column is absent or has the wrong type, an id is repeated, tokens belong to
        an unknown recording, or two tokens of a recording have the same index. The message names the column, id or
        index.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> recordings = pd.DataFrame({"audio_id": ["a.wav", "b.wav"], "status": ["completed", "failed"], "split": "test"})
    >>> tokens = pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Hel", "lo"]})
    >>> corpus = sx.Corpus(recordings, tokens)
    >>> len(corpus), list(corpus), corpus["a.wav"].words()["text"].tolist()
    (2, ['a.wav', 'b.wav'], ['Hello'])
    >>> len(corpus.select(status="failed", split="test"))
    1
    """

    def __init__(
        self,
        recordings: pd.DataFrame,
        tokens: pd.DataFrame | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> None:
        self.recordings: pd.DataFrame = checked_recordings(recordings)
        """Table with one row for each recording, including failed recordings."""
        self.tokens: pd.DataFrame = checked_tokens(empty(TOKENS) if tokens is None else tokens, self.recordings)
        """Table with one row for each token of all recordings."""
        self.provenance: dict[str, Any] = without_secrets(new_provenance() if provenance is None else provenance)
        """Package version, time, and one entry for each run with its service, model and options (never the key)."""

    @classmethod
    def from_parts(
        cls, recordings: pd.DataFrame, tables: Iterable[pa.Table], provenance: Mapping[str, Any] | None = None
    ) -> Corpus:
        """Make a corpus from Arrow tables of tokens, one for each recording, as `decode_transcript` returns them."""
        import pyarrow as pa

        parts = list(tables)
        tokens = frame_from_arrow(pa.concat_tables(parts).unify_dictionaries(), TOKENS) if parts else None
        return cls(recordings, tokens, provenance)

    @classmethod
    def concat(cls, corpora: Iterable[Self]) -> Self:
        """Join corpora into one; see `soniox_ds.concat`."""
        parts = list(corpora)
        if not parts:
            return cls(empty(RECORDINGS))
        if len(parts) == 1:
            return parts[0]
        return cls(
            concat_frames([part.recordings for part in parts], RECORDINGS),
            concat_frames([part.tokens for part in parts], TOKENS),
            join_provenances([part.provenance for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[str]:
        return iter(self.recordings["audio_id"].tolist())

    def __contains__(self, audio_id: object) -> bool:
        return bool((self.recordings["audio_id"] == audio_id).any()) if isinstance(audio_id, str) else False

    def __getitem__(self, audio_id: str) -> Corpus:
        """Return the corpus of one recording. Raises InputError if there is no such id."""
        if not isinstance(audio_id, str):
            raise InputError(
                f"corpus[...] takes one audio_id (a string), found {audio_id!r}. For several: corpus.select(...)."
            )
        return self.select([audio_id])

    def _ipython_key_completions_(self) -> list[str]:
        """Return the ids, which notebooks offer after ``corpus["``."""
        ids: list[str] = self.recordings["audio_id"].tolist()
        return ids

    def select(self, which: Any = None, /, **columns: Any) -> Corpus:
        """Return a corpus of some of the recordings, in the same order, with their tokens.

        Parameters
        ----------
        which
            Ids, or a boolean mask with a value for each recording (a Series, array or list; NA counts as False).
        **columns
            Columns of `recordings`, each with a wanted value or a list of values. None or NA selects missing values.

        Raises
        ------
        InputError
            If an id or a column does not exist, or if the mask does not have one value for each recording.

        Examples
        --------
        >>> import pandas as pd
        >>> import soniox_ds as sx
        >>> recordings = pd.DataFrame({"audio_id": ["a", "b", "c"], "status": "completed", "accent": ["x", "y", "x"]})
        >>> corpus = sx.Corpus(recordings)
        >>> list(corpus.select(accent="x")), list(corpus.select(["c", "b"])), list(corpus.select([True, False, False]))
        (['a', 'c'], ['b', 'c'], ['a'])
        """
        keep = selection_mask(self.recordings, which, columns)
        if keep.all():
            return self
        recordings = self.recordings[keep].reset_index(drop=True)
        tokens = self.tokens[np.asarray(self.tokens["audio_id"].isin(recordings["audio_id"]), np.bool_)]
        part = Corpus.__new__(Corpus)  # The tables need not be checked again.
        part.recordings, part.tokens, part.provenance = recordings, tokens.reset_index(drop=True), self.provenance
        return part

    def words(self) -> pd.DataFrame:
        """Return the words of all recordings (``schema.WORDS``); see `soniox_ds.words`."""
        return _text.words(self.tokens)

    def segments(
        self, *, gap_ms: int | None = 1500, split_at: Collection[str] = ("speaker", "language", "sentence")
    ) -> pd.DataFrame:
        """Return the segments of all recordings (``schema.SEGMENTS``); see `soniox_ds.segments`."""
        return _text.segments(self.words(), gap_ms=gap_ms, split_at=split_at)

    def texts(self) -> pd.DataFrame:
        """Return the transcript of each completed recording, and its translation if it has one (``schema.TEXTS``).

        A completed recording without speech has the text "", since that is its transcript. A failed recording has no
        transcript and therefore no row.
        """
        of_words = _text.texts(self.words())
        completed = self.recordings.loc[self._is("completed"), "audio_id"]
        silent = completed[~completed.isin(of_words.loc[of_words["translation_status"] == "original", "audio_id"])]
        rows = pd.DataFrame({"audio_id": silent, "translation_status": "original", "text": "", "word_count": 0})
        texts = pd.concat([of_words, conform(rows, TEXTS)], ignore_index=True)
        row = pd.Index(list(self)).get_indexer(pd.Index(texts["audio_id"]))
        order = np.lexsort((translation_mask(texts), row))
        return conform(texts.take(order).reset_index(drop=True), TEXTS)

    @property
    def completed(self) -> Corpus:
        """The corpus of the recordings that were transcribed."""
        return self.select(self._is("completed"))

    @property
    def failed(self) -> Corpus:
        """The corpus of the recordings that failed. Its table `recordings` gives the reason of each failure."""
        return self.select(self._is("failed"))

    @property
    def hours(self) -> float:
        """Hours of transcribed audio. Recordings of unknown duration are not counted."""
        return float(self.recordings.loc[self._is("completed"), "duration_ms"].sum()) / 3_600_000

    @property
    def cost_usd(self) -> float:
        """Estimated cost in US dollars, by list price. NaN if no recording has a known cost."""
        return float(self.recordings["cost_usd"].astype("float64").sum(min_count=1))

    @property
    def cost(self) -> pd.DataFrame:
        """Table with the cost of each recording, ``schema.COSTS``, and the metadata columns.

        It holds the estimate, and after `sx.account.add_charges` the charges of the service. `soniox_ds.summarize` adds
        them up, for example ``sx.summarize(corpus.cost, by="split")``.
        """
        table = self.recordings.assign(estimate_usd=self.recordings["cost_usd"])
        further = [name for name in self.metadata_columns if name not in COSTS]
        return conform(table, COSTS)[[*COSTS, *further]]

    @property
    def metadata_columns(self) -> list[str]:
        """Names of the user's own columns of `recordings`."""
        return [name for name in self.recordings.columns if name not in RECORDINGS]

    def rename_speakers(self, names: Mapping[str, Mapping[str, str]], /) -> Corpus:
        """Return a corpus with names in place of the labels of some speakers.

        The names are in the column `speaker` of the tokens and of everything that is made from the tokens: words,
        segments, turns, views, exports and reports. The original labels stay in the column `speaker_label`, also in a
        saved corpus. Error rates do not change.

        Parameters
        ----------
        names
            Dict from each `audio_id` to a dict from labels to names. Give the original labels, even if a speaker
            already has a name; a second call with the same names therefore changes nothing. To remove a name, give the
            label itself as the name. An id may omit the folder and the extension if it still fits only one recording.

        Returns
        -------
        Corpus
            Recordings and speakers that are not mentioned are unchanged. If two labels get the same name, they become
            one speaker: neighbouring words of the two labels share turns and segments, whose `speaker_label` is then
            NA. The same happens if the name equals the label of another speaker of the recording, unless that speaker
            gets another name.

        Raises
        ------
        InputError
            If there is no such recording, if no speaker of the recording has the label, or if a name is blank.

        Warns
        -----
        UserWarning
            If a recording was matched by its file name, without folder and extension.

        Examples
        --------
        >>> import pandas as pd
        >>> import soniox_ds as sx
        >>> tokens = pd.DataFrame({"audio_id": "call", "token_index": [0, 1], "text": ["Hi", " you"], "speaker": "1"})
        >>> corpus = sx.Corpus(pd.DataFrame({"audio_id": ["call"], "status": "completed"}), tokens)
        >>> corpus.rename_speakers({"call": {"1": "Anna"}}).words()[["text", "speaker", "speaker_label"]]
          text speaker speaker_label
        0   Hi    Anna             1
        1  you    Anna             1
        """
        by_id = renamed(checked_names(names), self, "rename_speakers")
        selection_mask(self.recordings, list(by_id), {})  # This raises an exception for unknown ids.
        return Corpus(self.recordings, with_speaker_names(self.tokens, by_id), self.provenance)

    def redact(
        self,
        words_mask: Any,
        *,
        audio: str | None = None,
        audio_folder: str | Path | None = None,
        references: Collection[str] = ("reference",),
    ) -> Corpus:
        """Return a corpus from which words are removed: from tokens, texts, references, translations and sound.

        Each redacted stretch of words becomes ``[redacted]`` in the tokens and in the references. The translations of
        recordings with redacted words are removed. The `sha256`, `size_bytes`, `transcription_id` and
        `client_reference_id` of these recordings become NA, and so does their `source` if the audio is not redacted, so
        that nothing leads back to the words. A context of the run that contains a redacted word is masked in the
        provenance. The journal and the data on the service are not changed. If the words must not be kept there, call
        `sx.account.clean_up`, and then delete the journal.

        If a removed word is kept in another place of the same recording, it is not secret: other columns, ids, names of
        speakers and contexts may contain it, and a reference keeps it where it is not aligned with a removed word. To
        remove a word everywhere, select all of its occurrences. Addresses and identifiers that contain a removed word,
        such as an email address with a removed name, are removed without being selected, and do not count as places
        where the word is kept.

        Parameters
        ----------
        words_mask
            Boolean mask with a value for each row of ``corpus.words()``; True removes the word. If a token holds
            several words, all of them are removed.
        audio
            ``"beep"`` replaces the sound of the words by a tone of 1000 Hz, ``"drop"`` by silence. The sound is
            replaced from 0.2 s before a word until the next kept word of its channel, but at least until 0.2 s and at
            most until 1 s after the end of the word. This is done in all channels, because a voice may also be heard in
            the channels of other speakers. None writes no audio.
        audio_folder
            Folder for the redacted audio, with one FLAC file for each recording from which words are removed. It must
            be given together with `audio`.
        references
            Columns of `recordings` that contain reference texts. Words of these texts that are aligned with redacted
            words are removed.

        Raises
        ------
        InputError
            If the mask does not have one boolean for each word, or selects words of translations; if another column, an
            id or the name of a speaker contains a redacted word; or, with `audio`, if the audio of a recording is a
            URL, is missing, cannot be read or is not the audio that was transcribed (by its hash and size, or else by
            its duration), or if redacted words have no times.

        Examples
        --------
        >>> import pandas as pd
        >>> import soniox_ds as sx
        >>> recordings = pd.DataFrame({"audio_id": ["a"], "status": "completed", "reference": "I am Ann Lee"})
        >>> tokens = pd.DataFrame({"audio_id": "a", "token_index": range(4), "text": ["I", " am", " An", " Li."]})
        >>> corpus = sx.Corpus(recordings, tokens)
        >>> redacted = corpus.redact(corpus.words()["text"].isin(["An", "Li."]))
        >>> redacted.recordings["text"].item(), redacted.recordings["reference"].item()
        ('I am [redacted]', 'I am [redacted]')
        """
        from soniox_ds.corpus.redaction import redact_tables

        return Corpus(
            *redact_tables(
                self.recordings,
                self.tokens,
                self.provenance,
                words_mask,
                audio=audio,
                audio_folder=audio_folder,
                references=references,
            )
        )

    def equals(self, other: Corpus, *, provenance: bool = False) -> bool:
        """Return True if both corpora have equal recordings and tokens, including dtypes and order.

        With ``provenance=True`` their provenance must be equal as well.
        """
        return (
            _are_equal(self.recordings, other.recordings)
            and _are_equal(self.tokens, other.tokens)
            and (not provenance or self.provenance == other.provenance)
        )

    def save(
        self,
        folder: str | Path,
        *,
        partition_by: str | None = None,
        append: bool = False,
        overwrite: bool = False,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        """Write the corpus as Parquet files that `soniox_ds.open_corpus` and other tools read.

        Parameters
        ----------
        folder
            The folder, which is made if it does not exist. It must be empty unless `append` or `overwrite` is given. A
            URL names a folder in a store that fsspec can write to (``s3://``, ``gs://``, ``az://``, ...).
        partition_by
            A column of `recordings` with few values. Each value gets a folder of its own.
        append
            Add to the corpus in the folder, without changing the existing files. The corpus is partitioned in the same
            way, and the dtypes of the metadata must be the same. An empty or absent folder gets a new corpus.
        overwrite
            Replace the corpus in the folder, or add a corpus beside unrelated files, which are kept.
        storage_options
            Options of fsspec for the store, such as credentials. They are neither stored nor shown.

        Raises
        ------
        InputError
            If the corpus does not fit to the content of the folder, if the disk is full or the folder cannot be written
            to, or if another process is writing into a folder of a store other than S3. The folder is then unchanged.
        SchemaError
            If a metadata column cannot be written, or `partition_by` is not a suitable column.
        """
        path = folder_path(folder, storage_options)
        if isinstance(path, Path):
            from soniox_ds.corpus.parquet import write_corpus

            write_corpus(self, path, partition_by=partition_by, append=append, overwrite=overwrite)
        else:
            from soniox_ds.corpus.store_saves import save_in_store

            if append and overwrite:
                raise InputError(
                    "append=True keeps the corpus in the folder and overwrite=True replaces it; pass only one of them."
                )
            save_in_store(self, path, partition_by=partition_by, append=append, overwrite=overwrite)

    # Files for other tools. Each method is the function of `sx.io` with the corpus as its first argument.
    to_csv = write_csv
    to_ctm = write_ctm
    to_documents = to_documents
    to_eaf = write_eaf
    to_excel = write_excel
    to_huggingface = to_huggingface
    to_kaldi = write_kaldi
    to_lhotse = write_lhotse
    to_nemo = write_nemo
    to_rttm = write_rttm
    to_seglst = write_seglst
    to_soniox = write_soniox
    to_srt = write_srt
    to_stm = write_stm
    to_textgrid = write_textgrid
    to_trn = write_trn
    to_txt = write_txt
    to_vtt = write_vtt
    to_webdataset = write_webdataset

    def __repr__(self) -> str:
        from soniox_ds.corpus.repr import plain

        return plain(self, n_tokens=len(self.tokens))

    def _repr_html_(self) -> str:
        from soniox_ds.corpus.repr import html

        return html(self, n_tokens=len(self.tokens))

    def _is(self, status: str) -> Any:
        return np.asarray(self.recordings["status"] == status, np.bool_)


def concat(corpora: Iterable[_Joinable]) -> _Joinable:
    """Join several corpora into one corpus, or several live results into one live result.

    A metadata column that only some of the parts have is NA for the recordings of the other parts. The provenance lists
    the runs of all parts.

    Parameters
    ----------
    corpora
        Corpora, or results of ``sx.stream`` and ``sx.stream_dataset``. Their recordings follow each other in this
        order.

    Returns
    -------
    Corpus or LiveResult
        The joined recordings, as an object of the same class as the parts. If there are no parts, an empty corpus.

    Raises
    ------
    SchemaError
        If an id is in more than one part. The message names the id.
    InputError
        If the parts are neither all corpora nor all live results.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> one, two = (sx.Corpus(pd.DataFrame({"audio_id": [name], "status": "completed"})) for name in ("a.wav", "b.wav"))
    >>> list(sx.concat([one, two]))
    ['a.wav', 'b.wav']
    >>> sx.concat([one, one])
    Traceback (most recent call last):
    ...
    soniox_ds.exceptions.SchemaError: 1 audio_id occurs more than once: ['a.wav']. ...
    """
    parts = list(corpora) or [cast("_Joinable", Corpus(empty(RECORDINGS)))]
    classes = {type(part) for part in parts}
    names = " and ".join(sorted(kind.__name__ for kind in classes))
    if any(not isinstance(part, Transcribed) for part in parts):
        raise InputError(
            f"sx.concat joins corpora or live results, found {names}; call sx.concat([one, two]) with results of "
            "sx.transcribe or sx.stream, and pd.concat for other tables."
        )
    if len(classes) > 1:
        raise InputError(
            f"sx.concat joins either corpora or live results, found {names}; for a corpus of all of them, call "
            "sx.concat([corpus, live_result.corpus()])."
        )
    return classes.pop().concat(parts)


def _are_equal(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    has_same_columns = list(first.columns) == list(second.columns) and list(first.dtypes) == list(second.dtypes)
    return has_same_columns and first.equals(second)
