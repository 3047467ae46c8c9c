"""View of the words that normalisation changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.words.language_hints import hinted_languages
from soniox_ds.metrics.words.recording_languages import (
    Languages,
    column_languages,
    first_known,
    in_languages,
    language_of_each,
)
from soniox_ds.metrics.words.units import Lines, Vocabulary, lines_of, read_units
from soniox_ds.schema import NORMALIZATION, as_ids, conform
from soniox_ds.schema.inputs import Transcribed
from soniox_ds.text.normalizer import Normalizer, NormalizerLike

__all__ = ["normalization"]


def normalization(
    texts: Any, normalizer: NormalizerLike = "basic", *, unchanged: bool = False, language: Languages = None
) -> pd.DataFrame:
    """Show the changes that a normaliser makes to texts.

    Parameters
    ----------
    texts
        A text, a list of texts, a Series or a dict from audio_id to text, a table with `audio_id` and `reference` or
        `text`, or a corpus (its transcripts). Missing texts are left out. The default index of a Series is not used as
        ids: `audio_id` is NA then, as it is for a text or a list, and `text_index` is the number of the text.
    normalizer
        As in `align_words`.
    unchanged
        If True, unchanged words have rows too.
    language
        For ``normalizer="spoken"``: the language of the texts, or a dict from audio_id to language; by default the
        column `language` of the table or of the recordings, otherwise the language hint that a corpus was transcribed
        with.

    Returns
    -------
    DataFrame
        ``schema.NORMALIZATION``: a row for each word, or group of words, that changed together.

    Raises
    ------
    InputError
        If `texts` is of another type, or there is no such normaliser.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> sx.show.normalization("Don't wait, Dr. Grey", "whisper-english")[["position", "before", "after"]]
       position before   after
    0         0  Don't  do not
    1         1  wait,    wait
    2         2    Dr.  doctor
    3         3   Grey    gray
    >>> sx.show.normalization({"a.wav": "about twenty five"}, "whisper-english")[["audio_id", "before", "after"]]
      audio_id       before after
    0    a.wav  twenty five    25
    """
    named = _named(texts)
    chain = Normalizer.of(normalizer)
    lines = lines_of([text for _, _, text in named])
    vocabulary = Vocabulary()
    languages = first_known(
        language_of_each(language, [str(audio_id) for _, audio_id, _ in named]), _languages(texts, named)
    )
    units = read_units(lines, in_languages(chain, languages), "words", vocabulary)
    labels = vocabulary.labels().tolist()

    # Words are divided where no unit crosses the boundary; the units of each group follow in order.
    joined = np.zeros(len(lines.words) + 1, np.int64)
    np.add.at(joined, units.first + 1, 1)
    np.add.at(joined, units.last + 1, -1)
    group = np.cumsum(np.cumsum(joined)[: len(lines.words)] == 0) - 1
    after: dict[int, list[str]] = {}
    for unit, word in zip(units.ids.tolist(), units.first.tolist(), strict=True):
        after.setdefault(int(group[word]), []).append(labels[unit])
    return _table(named, lines, group.tolist(), after, chain.label, unchanged)


def _languages(texts: Any, named: list[tuple[int, Any, str]]) -> list[str | None]:
    """Return the language of each text, as far as the table of texts has it."""
    table = texts.recordings if isinstance(texts, Transcribed) else texts
    codes: list[str | None] = [None] * len(named)
    if isinstance(table, pd.DataFrame) and "language" in table:
        column = column_languages(table["language"])
        codes = [column[number] for number, _, _ in named]
    hints = hinted_languages(texts) if isinstance(texts, Transcribed) else {}
    return first_known(codes, [hints.get(str(audio_id)) for _, audio_id, _ in named])


def _table(
    named: list[tuple[int, Any, str]],
    lines: Lines,
    group: list[int],
    after: Mapping[int, list[str]],
    label: str,
    unchanged: bool,
) -> pd.DataFrame:
    rows: list[tuple[int, Any, int, str, str]] = []
    begin = 0
    for (number, audio_id, _), count in zip(named, lines.counts.tolist(), strict=True):
        word = begin
        while word < begin + count:
            stop = word + 1
            while stop < begin + count and group[stop] == group[word]:
                stop += 1
            text_before, text_after = " ".join(lines.words[word:stop]), " ".join(after.get(group[word], []))
            if unchanged or text_before != text_after:
                rows.append((number, audio_id, word - begin, text_before, text_after))
            word = stop
        begin += count
    frame = pd.DataFrame(rows, columns=["text_index", "audio_id", "position", "before", "after"])
    return conform(frame.assign(changed=frame["before"] != frame["after"], normalizer=label), NORMALIZATION)


def _named(texts: Any) -> list[tuple[int, Any, str]]:
    """Return the number, the audio_id (NA if there is none) and the text of each text that is not missing."""
    if isinstance(texts, str):
        texts = [texts]
    ids: Any = None
    if isinstance(texts, (pd.Series, Mapping)):
        has_default_index = (
            isinstance(texts, pd.Series) and isinstance(texts.index, pd.RangeIndex) and texts.index.start == 0
        )
        ids = None if has_default_index else list(texts.keys())
        values = list(texts if isinstance(texts, pd.Series) else texts.values())
    elif isinstance(texts, Transcribed):
        ids, values = texts.recordings["audio_id"], list(texts.recordings["text"])
    elif isinstance(texts, pd.DataFrame):
        name = next((name for name in ("reference", "text") if name in texts), None)
        if "audio_id" not in texts or name is None:
            raise InputError(
                f"a table of texts needs audio_id, and reference or text; this one has {list(texts.columns)}."
            )
        ids, values = texts["audio_id"], list(texts[name])
    elif isinstance(texts, Sequence):
        values = list(texts)
    else:
        raise InputError(
            f"texts must be a text, a list, a Series, a dict, a table or a corpus; found {type(texts).__name__}."
        )
    names = [pd.NA] * len(values) if ids is None else as_ids(pd.Series(list(ids), dtype=object), "texts").tolist()
    not_missing = [
        (number, audio_id, text)
        for number, (audio_id, text) in enumerate(zip(names, values, strict=True))
        if not (pd.api.types.is_scalar(text) and pd.isna(text))
    ]
    if odd := [text for _, _, text in not_missing if not isinstance(text, str)]:
        raise InputError(f"texts must be strings, found {odd[0]!r}.")
    return not_missing
