"""Exchange of word alignments with jiwer: `jiwer.WordOutput`.

Conventions: jiwer numbers texts and has no ids. The texts of a `WordOutput` are in the order of the recordings in the
alignments; the recordings of a `WordOutput` are called "0", "1" and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import SchemaError
from soniox_ds.schema import WORD_ALIGNMENTS, conform, need, no_duplicates
from soniox_ds.schema.inputs import refuse_transcripts

if TYPE_CHECKING:
    import jiwer
    from typing_extensions import TypeIs

__all__ = ["alignments_from_jiwer", "is_jiwer_output", "jiwer_output"]

_TYPES = {"hit": "equal", "substitution": "substitute", "deletion": "delete", "insertion": "insert"}
_OPERATIONS = {kind: operation for operation, kind in _TYPES.items()}


def is_jiwer_output(value: Any) -> TypeIs[jiwer.WordOutput]:
    """Return True for a `jiwer.WordOutput`. jiwer is not imported."""
    return type(value).__name__ == "WordOutput" and type(value).__module__.startswith("jiwer.")


def jiwer_output(alignments: pd.DataFrame) -> jiwer.WordOutput:
    """Return the alignments as a `jiwer.WordOutput`, for example for `jiwer.visualize_alignment`.

    Parameters
    ----------
    alignments
        ``schema.WORD_ALIGNMENTS``, from `align_words`.

    Returns
    -------
    jiwer.WordOutput
        One text for each recording, in the order of the alignments, with jiwer's measures of all texts together.

    Raises
    ------
    SchemaError
        If a column is absent, an operation is unknown, or a row occurs twice.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> import jiwer
    >>> output = sx.metrics.jiwer_output(sx.align_words({"a": "the red fax"}, {"a": "the red fox"}))
    >>> print(jiwer.visualize_alignment(output, show_measures=False))
    === SENTENCE 1 ===
    <BLANKLINE>
    REF: the red fox
    HYP: the red fax
                   S
    <BLANKLINE>
    """
    import jiwer

    call = "sx.metrics.jiwer_output(sx.align_words(corpus, references))"
    refuse_transcripts(alignments, "a table of alignments", call)
    need(alignments, "audio_id", "position", "operation", "reference", "hypothesis", name="alignments")
    no_duplicates(alignments, "alignments", "audio_id", "position")
    if unknown := sorted({str(operation) for operation in alignments["operation"].unique()} - set(_TYPES)):
        raise SchemaError(f"alignments: the operation {unknown[0]!r} is unknown; there are {', '.join(_TYPES)}.")
    references, hypotheses, chunks = [], [], []
    for _, rows in alignments.groupby("audio_id", sort=False, observed=True):
        rows = rows.sort_values("position")
        references.append(rows["reference"].dropna().tolist())
        hypotheses.append(rows["hypothesis"].dropna().tolist())
        operations = rows["operation"].to_numpy(object)
        ends = np.append(np.flatnonzero(operations[1:] != operations[:-1]) + 1, len(operations))
        starts = np.append(0, ends[:-1])
        n_reference, n_hypothesis = (
            np.append(0, np.cumsum(rows[side].notna().to_numpy(np.bool_))) for side in ("reference", "hypothesis")
        )
        chunks.append(
            [
                jiwer.AlignmentChunk(
                    _TYPES[operations[start]],
                    *(int(n_reference[place]) for place in (start, end)),
                    *(int(n_hypothesis[place]) for place in (start, end)),
                )
                for start, end in zip(starts, ends, strict=True)
            ]
        )
    n_hits, n_substitutions, n_deletions, n_insertions = (
        int((alignments["operation"] == name).sum()) for name in _TYPES
    )
    n_errors, n_reference_words = n_substitutions + n_deletions + n_insertions, sum(map(len, references))
    n_hypothesis_words = sum(map(len, hypotheses))
    if n_reference_words:
        preserved = n_hits / n_reference_words * (n_hits / n_hypothesis_words if n_hypothesis_words else 0)
        wer, mer = n_errors / n_reference_words, n_errors / (n_hits + n_errors)
    else:  # as in jiwer: the number of insertions
        wer, mer, preserved = n_insertions, float(n_insertions > 0), float(not n_insertions)
    return jiwer.WordOutput(
        references=references,
        hypotheses=hypotheses,
        alignments=chunks,
        wer=wer,
        mer=mer,
        wil=1 - preserved,
        wip=preserved,
        hits=n_hits,
        substitutions=n_substitutions,
        deletions=n_deletions,
        insertions=n_insertions,
    )


def alignments_from_jiwer(output: jiwer.WordOutput) -> pd.DataFrame:
    """Return a `jiwer.WordOutput` as ``schema.WORD_ALIGNMENTS``, without times, confidences and labels.

    >>> import jiwer
    >>> output = jiwer.process_words(["the red fox", "hi"], ["the fax", "hi"])
    >>> alignments_from_jiwer(output)[["audio_id", "operation", "reference", "hypothesis"]]
      audio_id     operation reference hypothesis
    0        0           hit       the        the
    1        0  substitution       red        fax
    2        0      deletion       fox       <NA>
    3        1           hit        hi         hi
    """
    rows = []
    for number, (reference, hypothesis, chunks) in enumerate(
        zip(output.references, output.hypotheses, output.alignments, strict=True)
    ):
        position = 0
        for chunk in chunks:
            for place in range(max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)):
                row: dict[str, Any] = {
                    "audio_id": str(number),
                    "position": position,
                    "operation": _OPERATIONS[chunk.type],
                    "cost": "levenshtein",
                }
                if chunk.type != "insert":
                    row["reference_index"] = chunk.ref_start_idx + place
                    row["reference"] = reference[row["reference_index"]]
                if chunk.type != "delete":
                    row["hypothesis_index"] = chunk.hyp_start_idx + place
                    row["hypothesis"] = hypothesis[row["hypothesis_index"]]
                rows.append(row)
                position += 1
    return conform(pd.DataFrame(rows, columns=None if rows else list(WORD_ALIGNMENTS)), WORD_ALIGNMENTS)
