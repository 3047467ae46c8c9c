"""Word error rates with speakers: cpWER, tcpWER and WDER.

Conventions: texts are normalised before they are compared, and the result names the normaliser. Speakers are mapped one
to one in each recording, separately for each score. Every rate is stored together with the counts it was computed from,
and is pooled by adding the counts. Words without a speaker belong to one additional speaker, called "no speaker".
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from soniox_ds.metrics.speakers.speaker_words import SpeakerWords, hypothesis_words, reference_words
from soniox_ds.metrics.speakers.time_constrained import TimedWords, constrained_errors
from soniox_ds.metrics.speakers.turns import known_ids, statuses, with_metadata
from soniox_ds.metrics.stats.pool import Pooling, Rate, divide
from soniox_ds.metrics.words.edit_paths import DELETION, INSERTION, Ids, Sequences, paths
from soniox_ds.metrics.words.language_hints import hinted_languages
from soniox_ds.metrics.words.recording_languages import (
    Languages,
    first_known,
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
    renamed,
)
from soniox_ds.schema.arguments import checked_ms
from soniox_ds.schema.by_part import by_part
from soniox_ds.schema.inputs import Transcribed, Transcripts
from soniox_ds.text import runs
from soniox_ds.text.normalizer import Normalizer, NormalizerLike
from soniox_ds.text.translations import without_translations
from soniox_ds.text.words import as_words

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
    """Word errors after the cheapest mapping of speakers."""

    substitutions: int
    deletions: int
    insertions: int
    mapping: str


@by_part(references=["references"])
def speaker_word_errors(
    transcripts: Transcripts,
    references: pd.DataFrame,
    *,
    normalizer: NormalizerLike = "basic",
    units: str = "mixed",
    collar_ms: int = 5000,
    missing: str = "exclude",
    order: str = "word_index",
    language: Languages = None,
) -> pd.DataFrame:
    """Count word errors with the speakers taken into account: cpWER, tcpWER and WDER.

    Parameters
    ----------
    transcripts
        A Corpus, ``schema.WORDS`` or ``schema.TOKENS``, with speakers. Translations are left out.
    references
        One row for each turn, utterance or word: `audio_id`, `speaker`, `text`, and `start_ms` and `end_ms` if times
        are known. With times, the rows of a recording are sorted by their start; otherwise they stay in their order.
    normalizer
        See `Normalizer.of`.
    units
        ``"mixed"``: words, and single characters of scripts without spaces; ``"words"``: divided at white space only.
    collar_ms
        Greatest distance in time between two words that may be aligned, in ms; for tcpWER.
    missing
        ``"exclude"``: recordings that failed or are not among the words are rows without scores. ``"as_empty"``: they
        are scored as if nothing had been transcribed.
    order
        Order in which the words of a speaker are joined: ``"word_index"``, the order of the service, or
        ``"time"``, by their start, as the package meeteval does. Words without a time stay behind the word before them.
    language
        See `align_words`; for ``normalizer="spoken"``.

    Returns
    -------
    DataFrame
        ``schema.SPEAKER_WORD_ERRORS``: one row for each recording of the reference. For a Corpus the metadata columns
        of its recordings follow. If the reference is empty there are no rows.

    Raises
    ------
    SchemaError
        If a column is absent, an id, speaker or text of the reference is NA, or a word or a timed row of the reference
        occurs twice (without times: the whole reference).
    InputError
        If no word has a speaker, no recording is on both sides, or an option is wrong.

    Warns
    -----
    UserWarning
        If some recordings of the reference are absent, or texts contain tags that the normaliser turns into words.

    Notes
    -----
    cpWER: the words of each speaker are joined, and speakers are mapped so that the number of substitutions, deletions
    and insertions is smallest. Source: Watanabe et al., "CHiME-6 Challenge", 2020.

    tcpWER: the same, but two words may be aligned only if their times are close. The time of a reference row is divided
    among its words by their characters; a transcribed word is at the middle of its time, and must be less than
    `collar_ms` from the reference word. Source: von Neumann et al., "MeetEval: A Toolkit for Computation of Word Error
    Rates for Meeting Transcription Systems", 2023.

    WDER: all words are aligned without regard to speakers (at the costs of sclite), and speakers are mapped so that as
    many aligned words as possible have the right speaker. Source: El Shafey, Soltau and Shafran, "Joint Speech
    Recognition and Speaker Diarization via Sequence Transduction", Interspeech 2019.

    Examples
    --------
    >>> import pandas as pd
    >>> import soniox_ds as sx
    >>> reference = pd.DataFrame({"audio_id": "a", "speaker": ["x", "y"], "text": ["The cat", "sat on."]})
    >>> words = pd.DataFrame({
    ...     "audio_id": "a",
    ...     "word_index": range(4),
    ...     "text": ["the", "cat", "sat", "on"],
    ...     "speaker": ["1", "1", "1", "2"],
    ... })
    >>> errors = sx.speaker_word_errors(words, reference)
    >>> errors[["cp_deletions", "cp_insertions", "cpwer", "wder", "mapping"]]
       cp_deletions  cp_insertions  cpwer  wder               mapping
    0             1              1    0.5  0.25  {"1": "x", "2": "y"}
    """
    checked_ms(collar_ms, "collar_ms")
    chain = Normalizer.of(normalizer)
    vocabulary = Vocabulary()
    hypothesis = as_words(transcripts)
    forms = _normalizers(chain, transcripts, hypothesis, references, language)
    spoken = reference_words(references, forms, units, vocabulary)
    transcribed = hypothesis_words(hypothesis, forms, units, vocabulary, list(spoken.values()), order)
    spoken = renamed(spoken, known_ids(transcripts, transcribed), "reference")
    rows = []
    for audio_id, status in statuses(transcripts, transcribed, spoken, missing):
        row: dict[str, Any] = {"audio_id": audio_id, "status": status}
        if status == "scored":
            row |= _recording_errors(
                transcribed.get(audio_id, SpeakerWords.empty()), spoken[audio_id], float(collar_ms)
            )
        rows.append(row | {"collar_ms": collar_ms, "normalizer": chain.label})
    errors = conform(pd.DataFrame(rows, columns=list(SPEAKER_WORD_ERRORS)), SPEAKER_WORD_ERRORS)
    rates = {
        name: divide(errors[parts].sum(axis=1, skipna=False), errors[denominator])
        for name, (parts, denominator) in _RATES.items()
    }
    return with_metadata(errors.assign(**rates), transcripts)


def _normalizers(
    chain: Normalizer, words: Any, hypothesis: pd.DataFrame, reference: pd.DataFrame, language: Languages
) -> dict[str, Normalizer]:
    """Return the normaliser of each recording of either side, in its language."""
    need(reference, "audio_id", name="reference")
    need(hypothesis, "audio_id", name="words")
    of_reference, of_words = as_ids(reference["audio_id"], "reference"), as_ids(hypothesis["audio_id"], "words")
    known = known_ids(words, [str(name) for name in of_words.dropna().unique()])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the caller warns about ids that were matched
        same = matched_ids([str(name) for name in of_reference.dropna().unique()], known, "reference")
    names = list(dict.fromkeys([*known, *(same.get(str(name), str(name)) for name in of_reference.dropna().unique())]))
    codes = [language_of_each(language, names)]
    if not chain.has_forms_of_languages:
        return dict.fromkeys([*names, *same], chain)
    recordings = words.recordings if isinstance(words, Transcribed) else hypothesis.iloc[:0]
    for table, label in (
        (reference, "reference"),
        (recordings, "recordings"),
        (without_translations(hypothesis), "words"),
    ):
        if "language" in table and len(table):
            place = pd.Index(names).get_indexer(pd.Index(as_ids(table["audio_id"], label).replace(same)))
            codes.append(most_of_each(place[place >= 0], table["language"][place >= 0], len(names)))
    hints = hinted_languages(words) if isinstance(words, Transcribed) else {}
    languages = first_known(*codes, [hints.get(name) for name in names])
    forms = dict(zip(names, in_languages(chain, languages), strict=True))
    return forms | {name: forms[other] for name, other in same.items()}


def _recording_errors(hypothesis: SpeakerWords, reference: SpeakerWords, collar_ms: float) -> dict[str, Any]:
    whole = _concatenated(hypothesis, reference)
    row: dict[str, Any] = {
        "reference_words": len(reference.ids),
        "hypothesis_words": len(hypothesis.ids),
        "reference_speakers": len(reference.labels),
        "speakers": len(hypothesis.labels),
        **{f"cp_{name}": value for name, value in whole._asdict().items() if name != "mapping"},
        "mapping": whole.mapping,
        **_attributed(hypothesis, reference),
    }
    if reference.timed and hypothesis.timed:
        near = _time_constrained(hypothesis, reference, collar_ms)
        row |= {f"tcp_{name}": value for name, value in near._asdict().items()}
    return row


def _concatenated(hypothesis: SpeakerWords, reference: SpeakerWords) -> _Mapped:
    from rapidfuzz.distance import Levenshtein

    hypotheses, references = hypothesis.by_speaker(), reference.by_speaker()
    sequences = [speaker_words.ids.tolist() for speaker_words in hypotheses]
    cost = [
        [Levenshtein.distance(speaker_words.ids.tolist(), ids) for ids in sequences] for speaker_words in references
    ]
    pairs = _cheapest(
        np.array(cost, np.int64).reshape(len(references), len(hypotheses)), _lengths(references), _lengths(hypotheses)
    )
    nothing: Ids = np.zeros(0, np.int32)
    reference_ids = [nothing if row is None else references[row].ids for row, _ in pairs]
    hypothesis_ids = [nothing if column is None else hypotheses[column].ids for _, column in pairs]
    counts = paths(Sequences.of(reference_ids), Sequences.of(hypothesis_ids), "levenshtein").counts().sum(axis=0)
    return _Mapped(int(counts[1]), int(counts[2]), int(counts[3]), _mapping_json(hypothesis, reference, pairs))


def _time_constrained(hypothesis: SpeakerWords, reference: SpeakerWords, collar_ms: float) -> _Mapped:
    hypotheses = [
        TimedWords(
            speaker_words.ids,
            (speaker_words.begin + speaker_words.end) / 2 - collar_ms,
            (speaker_words.begin + speaker_words.end) / 2 + collar_ms,
        )
        for speaker_words in hypothesis.by_speaker()
    ]
    references = reference.by_speaker()
    counts = np.array(
        [[constrained_errors(speaker_words, words) for words in hypotheses] for speaker_words in references], np.int64
    )
    counts = counts.reshape(len(references), len(hypotheses), 3)
    pairs = _cheapest(counts.sum(axis=2), _lengths(references), _lengths(hypotheses))
    total = np.zeros(3, np.int64)
    for row, column in pairs:
        if column is None:
            total[1] += len(references[row].ids) if row is not None else 0
        elif row is None:
            total[2] += len(hypotheses[column].ids)
        else:
            total += counts[row, column]
    return _Mapped(int(total[0]), int(total[1]), int(total[2]), _mapping_json(hypothesis, reference, pairs))


def _lengths(speakers: Sequence[TimedWords]) -> _Ints:
    return np.array([len(words.ids) for words in speakers], np.int64)


def _cheapest(cost: _Ints, rows: _Ints, columns: _Ints) -> list[tuple[int | None, int | None]]:
    """Find the mapping of least cost; a speaker who is left over is paired with None, at the cost of all words."""
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


def _mapping_json(
    hypothesis: SpeakerWords, reference: SpeakerWords, pairs: Sequence[tuple[int | None, int | None]]
) -> str:
    known = [(row, column) for row, column in pairs if row is not None and column is not None]
    names = {
        hypothesis.labels[column]: reference.labels[row] for row, column in sorted(known, key=lambda pair: pair[1])
    }
    return json.dumps(names, ensure_ascii=False)


def _attributed(hypothesis: SpeakerWords, reference: SpeakerWords) -> dict[str, Any]:
    from scipy.optimize import linear_sum_assignment

    operations = paths(Sequences.of([reference.ids]), Sequences.of([hypothesis.ids])).operations
    down, across = operations != INSERTION, operations != DELETION
    both = down & across
    rows, columns = (np.cumsum(down) - 1)[both], (np.cumsum(across) - 1)[both]
    shared = np.zeros((len(reference.labels), len(hypothesis.labels)), np.int64)
    np.add.at(shared, (reference.speaker[rows], hypothesis.speaker[columns]), 1)
    best: tuple[runs.Ints, runs.Ints] = linear_sum_assignment(-shared)
    pairs = [(int(row), int(column)) for row, column in zip(*best, strict=True) if shared[row, column]]
    right = sum(int(shared[pair]) for pair in pairs)
    return {
        "wder_words": int(both.sum()),
        "wder_wrong": int(both.sum()) - right,
        "wder_mapping": _mapping_json(hypothesis, reference, pairs),
    }


SPEAKER_WORD_POOLING = Pooling(
    result=SPEAKER_WORD_SUMMARY,
    counts=tuple(_COUNTS),
    rates=(
        Rate("cpwer", tuple(_RATES["cpwer"][0]), "reference_words", "errors", "reference words"),
        Rate("tcpwer", tuple(_RATES["tcpwer"][0]), "reference_words", "errors", "words with times"),
        Rate("wder", "wder_wrong", "wder_words", "share", "aligned words"),
    ),
    settings=("collar_ms", "normalizer"),
    required=tuple(SPEAKER_WORD_ERRORS),
    keys=("audio_id",),
    needs_all=True,  # without the times of one recording, time-constrained errors cannot be added
)
