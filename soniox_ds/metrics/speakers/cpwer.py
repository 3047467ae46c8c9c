"""Word errors that know who spoke: cpWER, tcpWER and WDER.

Conventions: texts are normalised before they are compared, and the normaliser stands in the result; speakers are mapped
one to one, recording by recording, anew for each score; counts travel with rates and are pooled by adding them up.
Words without a speaker are one speaker more, called "no speaker".
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.confidence.word_confidence import words_of
from soniox_ds.metrics.speakers.speaker_text import Said, found_said, reference_said
from soniox_ds.metrics.speakers.time_constrained import TimedWords, constrained_errors
from soniox_ds.metrics.speakers.turn_tables import HasRecordings, known_ids, statuses, with_metadata
from soniox_ds.metrics.stats.pool import Pooling, Rate, divide
from soniox_ds.metrics.words.edit_paths import DELETION, INSERTION, Ids, Sequences, paths
from soniox_ds.metrics.words.recording_languages import (
    Languages,
    first_known,
    hinted_languages,
    in_languages,
    language_of_each,
    most_of_each,
)
from soniox_ds.metrics.words.units import Vocabulary
from soniox_ds.schema import (
    SPEAKER_WORD_ERRORS,
    SPEAKER_WORD_SUMMARY,
    as_ids,
    conform,
    matched_ids,
    need,
    no_duplicates,
    renamed,
)
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.text import runs
from soniox_ds.text.normalizer import Normalizer, NormalizerLike

__all__ = ["SPEAKER_WORD_POOLING", "speaker_word_errors"]

_Ints = npt.NDArray[np.int64]
_RATES = {
    "cpwer": (["cp_substitutions", "cp_deletions", "cp_insertions"], "reference_words"),
    "tcpwer": (["tcp_substitutions", "tcp_deletions", "tcp_insertions"], "reference_words"),
    "wder": (["wder_wrong"], "wder_words"),
}
_COUNTS = [
    "reference_words",
    "hypothesis_words",
    *(name for parts, _ in _RATES.values() for name in parts),
    "wder_words",
]


class _Mapped(NamedTuple):
    """Errors after the cheapest mapping of speakers."""

    substitutions: int
    deletions: int
    insertions: int
    mapping: str


def speaker_word_errors(
    words: pd.DataFrame | HasRecordings,
    reference: pd.DataFrame,
    *,
    normalizer: NormalizerLike = "basic",
    units: str = "mixed",
    collar_ms: int = 5000,
    failed: str = "apart",
    order: str = "word_index",
    language: Languages = None,
) -> pd.DataFrame:
    """Count word errors with the speakers taken into account.

    Parameters
    ----------
    words
        A Corpus, ``schema.WORDS`` or ``schema.TOKENS``, with speakers. Translations are left out.
    reference
        One row for each turn, utterance or word: `audio_id`, `speaker`, `text`, and `start_ms` and `end_ms` where times
        are known. With times, the rows of a recording are taken in the order of their start; else as they come.
    normalizer
        See `Normalizer.of`.
    units
        ``"mixed"``: words, and single characters where a script has no spaces; ``"words"``: what white space divides.
    collar_ms
        For tcpWER: how far a word may be from its place.
    failed
        ``"apart"``: recordings that failed or are not among the words are rows without scores. ``"as_silence"``: they
        are scored as if nothing had been heard.
    order
        In which order the words of a speaker are put in a row: ``"word_index"``, as the service gave them, or
        ``"time"``, by their start, as the package meeteval does. Words without a time stay behind the word before them.
    language
        As in `align_words`, for ``normalizer="spoken"``.

    Returns
    -------
    DataFrame
        ``schema.SPEAKER_WORD_ERRORS``: one row for each recording of the reference. With a Corpus the metadata columns
        of its recordings follow. Of an empty reference there are no rows.

    Raises
    ------
    SchemaError
        If a column is absent, an id, speaker or text of the reference is NA, or a word or a timed row of the reference
        is there twice (without times: the whole reference).
    InputError
        If no word has a speaker, no recording is on both sides, or an option is wrong.

    Warns
    -----
    UserWarning
        If some recordings of the reference are not there, or texts hold tags that the normaliser makes words of.

    Notes
    -----
    cpWER: each speaker's words are put in a row, and speakers are mapped so that substitutions, deletions and
    insertions are fewest. Source: Watanabe et al., "CHiME-6 Challenge", 2020.

    tcpWER: the same, but two words may be aligned only if their times are near: those of a reference row are shared
    out among its words by their characters, a found word is at the middle of its time, and less than `collar_ms` from
    the reference word. Source: von Neumann et al., "MeetEval: A Toolkit for Computation of Word Error Rates for Meeting
    Transcription Systems", 2023.

    WDER: all words are aligned without regard to speakers (at the costs of sclite), and speakers mapped so that most of
    the aligned words have the right one. Source: El Shafey, Soltau and Shafran, "Joint Speech Recognition and Speaker
    Diarization via Sequence Transduction", Interspeech 2019.

    Examples
    --------
    >>> reference = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "text": ["The cat", "sat on."]})
    >>> words = pd.DataFrame({
    ...     "audio_id": "a",
    ...     "word_index": range(4),
    ...     "text": ["the", "cat", "sat", "on"],
    ...     "speaker": ["1", "1", "1", "2"],
    ... })
    >>> errors = speaker_word_errors(words, reference)
    >>> errors[["cp_deletions", "cp_insertions", "cpwer", "wder", "mapping"]]
       cp_deletions  cp_insertions  cpwer  wder               mapping
    0             1              1    0.5  0.25  {"1": "x", "2": "y"}
    """
    checked_ms(collar_ms, "collar_ms")
    how = Normalizer.of(normalizer)
    vocabulary = Vocabulary()
    found_words = words_of(words)
    forms = _normalizers(how, words, found_words, reference, language)
    real = reference_said(reference, forms, units, vocabulary)
    found = found_said(found_words, forms, units, vocabulary, list(real.values()), order)
    real = renamed(real, known_ids(words, found), "reference")
    rows = []
    for audio_id, status in statuses(words, found, real, failed):
        row: dict[str, Any] = {"audio_id": audio_id, "status": status}
        if status == "scored":
            row |= _score(found.get(audio_id, Said.nothing()), real[audio_id], float(collar_ms))
        rows.append(row | {"collar_ms": collar_ms, "normalizer": how.label})
    errors = conform(pd.DataFrame(rows, columns=list(SPEAKER_WORD_ERRORS)), SPEAKER_WORD_ERRORS)
    return with_metadata(errors.assign(**_rates(errors)), words)


def _normalizers(
    how: Normalizer, words: Any, found: pd.DataFrame, reference: pd.DataFrame, language: Languages
) -> dict[str, Normalizer]:
    """Return the normaliser of each recording of either side, in its language."""
    need(reference, "audio_id", name="reference")
    need(found, "audio_id", name="words")
    spoken = found
    if "translation_status" in found:
        spoken = found[found["translation_status"].ne("translation").fillna(True).to_numpy(np.bool_)]
    of_reference, of_words = as_ids(reference["audio_id"], "reference"), as_ids(found["audio_id"], "words")
    known = known_ids(words, [str(name) for name in of_words.dropna().unique()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the caller says which ids were matched
        same = matched_ids([str(name) for name in of_reference.dropna().unique()], known, "reference")
    names = list(dict.fromkeys([*known, *(same.get(str(name), str(name)) for name in of_reference.dropna().unique())]))
    codes = [language_of_each(language, names)]
    if not how.has_forms_of_languages:
        return dict.fromkeys([*names, *same], how)
    recordings = words.recordings if isinstance(words, HasRecordings) else found.iloc[:0]
    for table, what in ((reference, "reference"), (recordings, "recordings"), (spoken, "words")):
        if "language" in table and len(table):
            place = pd.Index(names).get_indexer(pd.Index(as_ids(table["audio_id"], what).replace(same)))
            codes.append(most_of_each(place[place >= 0], table["language"][place >= 0], len(names)))
    hints = hinted_languages(words) if isinstance(words, HasRecordings) else {}
    languages = first_known(*codes, [hints.get(name) for name in names])
    forms = dict(zip(names, in_languages(how, languages), strict=True))
    return forms | {name: forms[other] for name, other in same.items()}


def _rates(errors: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    return {
        name: divide(errors[parts].sum(axis=1, skipna=False), errors[whole]) for name, (parts, whole) in _RATES.items()
    }


def _checked(errors: pd.DataFrame, groups: Sequence[str]) -> pd.DataFrame:
    need(errors, *SPEAKER_WORD_ERRORS, name="errors")
    no_duplicates(errors, "errors", "audio_id", also=groups)
    return errors


def _score(found: Said, real: Said, collar_ms: float) -> dict[str, Any]:
    whole = _concatenated(found, real)
    row: dict[str, Any] = {
        "reference_words": len(real.ids),
        "hypothesis_words": len(found.ids),
        "reference_speakers": len(real.labels),
        "speakers": len(found.labels),
        **{f"cp_{name}": value for name, value in whole._asdict().items() if name != "mapping"},
        "mapping": whole.mapping,
        **_attributed(found, real),
    }
    if real.timed and found.timed:
        near = _time_constrained(found, real, collar_ms)
        row |= {f"tcp_{name}": value for name, value in near._asdict().items()}
    return row


def _concatenated(found: Said, real: Said) -> _Mapped:
    from rapidfuzz.distance import Levenshtein

    ours, theirs = found.by_speaker(), real.by_speaker()
    sequences = [said.ids.tolist() for said in ours]
    cost = [[Levenshtein.distance(said.ids.tolist(), heard) for heard in sequences] for said in theirs]
    pairs = _cheapest(np.array(cost, np.int64).reshape(len(theirs), len(ours)), _lengths(theirs), _lengths(ours))
    nothing: Ids = np.zeros(0, np.int32)
    one = [nothing if row is None else theirs[row].ids for row, _ in pairs]
    two = [nothing if column is None else ours[column].ids for _, column in pairs]
    counts = paths(Sequences.of(one), Sequences.of(two), "levenshtein").counts().sum(axis=0)
    return _Mapped(int(counts[1]), int(counts[2]), int(counts[3]), _named(found, real, pairs))


def _time_constrained(found: Said, real: Said, collar_ms: float) -> _Mapped:
    ours = [
        TimedWords(said.ids, (said.begin + said.end) / 2 - collar_ms, (said.begin + said.end) / 2 + collar_ms)
        for said in found.by_speaker()
    ]
    theirs = real.by_speaker()
    counts = np.array([[constrained_errors(said, heard) for heard in ours] for said in theirs], np.int64)
    counts = counts.reshape(len(theirs), len(ours), 3)
    pairs = _cheapest(counts.sum(axis=2), _lengths(theirs), _lengths(ours))
    total = np.zeros(3, np.int64)
    for row, column in pairs:
        if column is None:
            total[1] += len(theirs[row].ids) if row is not None else 0
        elif row is None:
            total[2] += len(ours[column].ids)
        else:
            total += counts[row, column]
    return _Mapped(int(total[0]), int(total[1]), int(total[2]), _named(found, real, pairs))


def _lengths(said: Sequence[TimedWords]) -> _Ints:
    return np.array([len(words.ids) for words in said], np.int64)


def _cheapest(cost: _Ints, rows: _Ints, columns: _Ints) -> list[tuple[int | None, int | None]]:
    """The mapping of least cost; who is left over is paired with nobody, at the cost of all words."""
    from scipy.optimize import linear_sum_assignment

    size = max(cost.shape)
    padded = np.zeros((size, size), np.int64)
    padded[: len(rows), : len(columns)] = cost
    padded[: len(rows), len(columns) :] = rows[:, None]
    padded[len(rows) :, : len(columns)] = columns[None, :]
    return [
        (int(row) if row < len(rows) else None, int(column) if column < len(columns) else None)
        for row, column in zip(*linear_sum_assignment(padded), strict=True)
    ]


def _named(found: Said, real: Said, pairs: Sequence[tuple[int | None, int | None]]) -> str:
    known = [(row, column) for row, column in pairs if row is not None and column is not None]
    names = {found.labels[column]: real.labels[row] for row, column in sorted(known, key=lambda pair: pair[1])}
    return json.dumps(names, ensure_ascii=False)


def _attributed(found: Said, real: Said) -> dict[str, Any]:
    from scipy.optimize import linear_sum_assignment

    operations = paths(Sequences.of([real.ids]), Sequences.of([found.ids])).operations
    down, across = operations != INSERTION, operations != DELETION
    both = down & across
    rows, columns = (np.cumsum(down) - 1)[both], (np.cumsum(across) - 1)[both]
    shared = np.zeros((len(real.labels), len(found.labels)), np.int64)
    np.add.at(shared, (real.speaker[rows], found.speaker[columns]), 1)
    best: tuple[runs.Ints, runs.Ints] = linear_sum_assignment(-shared)
    pairs = [(int(row), int(column)) for row, column in zip(*best, strict=True) if shared[row, column]]
    right = sum(int(shared[pair]) for pair in pairs)
    return {
        "wder_words": int(both.sum()),
        "wder_wrong": int(both.sum()) - right,
        "wder_mapping": _named(found, real, pairs),
    }


SPEAKER_WORD_POOLING = Pooling(
    result=SPEAKER_WORD_SUMMARY,
    counts=tuple(_COUNTS),
    rates=tuple(Rate(name, tuple(parts), whole) for name, (parts, whole) in _RATES.items()),
    settings=("collar_ms", "normalizer"),
    check=_checked,
    needs_all=True,  # without the times of one recording, time-constrained errors cannot be added
    has_intervals=False,
)
