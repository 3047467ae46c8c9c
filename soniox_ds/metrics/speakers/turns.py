"""Speaker turns.

Conventions: times are whole milliseconds from the start of the audio; speaker labels are valid within one recording
only.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from soniox_ds.schema import need, need_milliseconds, no_duplicates
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part, need_in_any_part
from soniox_ds.schema.inputs import Transcripts
from soniox_ds.text import runs
from soniox_ds.text.translations import channel_codes, translation_mask
from soniox_ds.text.words import as_words

__all__ = ["speaker_turns"]


@by_part()
def speaker_turns(transcripts: Transcripts, *, gap_ms: int = 2000) -> pd.DataFrame:
    """Merge the neighbouring words of each speaker into turns.

    A turn ends at the next word of another speaker in the API's order, or at silence longer than `gap_ms`. Channels
    that were transcribed separately are read one by one, so that their turns may overlap. Translations, words without
    a speaker and words without times are left out: they neither belong to a turn nor end one.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.WORDS`` or ``schema.TOKENS``.
    gap_ms
        Silence that ends a turn, in ms from the end of a word to the start of the next. The service's tokens often end
        well before the sound does, so a value below about 1000 divides sentences.

    Returns
    -------
    DataFrame
        ``schema.TURNS``: recordings in their order of appearance, turns in the order of their first words. `end_ms` is
        the latest end of the turn's words. If the words of a turn have different original labels, which
        `Corpus.rename_speakers` gave one name, `speaker_label` is NA.

    Raises
    ------
    SchemaError
        If a column is absent, a word occurs twice, or a time is impossible or has a fraction.
    InputError
        If there are words but no word has a speaker, or `gap_ms` is not a whole number of 0 or more.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> words = pd.DataFrame({
    ...     "audio_id": "call.wav",
    ...     "word_index": range(4),
    ...     "start_ms": [0, 300, 900, 1500],
    ...     "end_ms": [240, 600, 1200, 1800],
    ...     "speaker": ["1", "1", "2", "1"],
    ... })
    >>> sx.speaker_turns(words)[["audio_id", "speaker", "start_ms", "end_ms"]]
       audio_id speaker  start_ms  end_ms
    0  call.wav       1         0     600
    1  call.wav       2       900    1200
    2  call.wav       1      1500    1800
    """
    checked_ms(gap_ms, "gap_ms")
    words = as_words(transcripts)
    need(words, "audio_id", "word_index", "start_ms", "end_ms", "speaker", name="words")
    words = need_milliseconds(words, "words")
    no_duplicates(words, "words", "audio_id", "word_index", also=["translation_status"])
    audio = runs.codes_of(words, "audio_id", required=True)
    speaker = runs.codes_of(words, "speaker")
    index = runs.numbers_of(words, "word_index", "Int32").values
    start = runs.numbers_of(words, "start_ms", "Int32")
    end = runs.numbers_of(words, "end_ms", "Int32")
    spoken = ~translation_mask(words)
    if spoken.any():
        need_in_any_part(
            "speakers",
            bool((speaker.codes[spoken] >= 0).any()),
            f"none of the {int(spoken.sum())} words has a speaker; transcribe with enable_speaker_diarization=True.",
        )

    channel = runs.numbers_of(words, "channel", "Int16")
    channels = channel_codes(audio, channel)
    rows = runs.lexical_order(channels, index)
    rows = rows[(spoken & (speaker.codes >= 0) & start.known & end.known)[rows]]
    new = runs.changes(channels[rows]) | runs.changes(speaker.codes[rows])
    silence = start.values[rows][1:].astype(np.int64) - end.values[rows][:-1]
    new[1:] |= silence > gap_ms
    starts = np.flatnonzero(new)
    latest = np.maximum.reduceat(end.values[rows], starts) if len(starts) else end.values[:0]
    earliest = np.minimum.reduceat(start.values[rows], starts) if len(starts) else start.values[:0]
    first = rows[starts]
    label = runs.codes_of(words, "speaker_label")
    label = runs.only_code(runs.Codes(label.codes[rows], label.labels), starts)
    order = runs.lexical_order(audio.codes[first], index[first])
    return pd.DataFrame(
        {
            "audio_id": runs.take_labels(audio, first[order]),
            "speaker": runs.take_labels(speaker, first[order]),
            "start_ms": pd.array(earliest[order], dtype="Int32"),
            "end_ms": pd.array(latest[order], dtype="Int32"),
            "channel": runs.masked(runs.at(channel, first[order]), "Int16"),
            "speaker_label": runs.take_labels(label, order),
        }
    )
