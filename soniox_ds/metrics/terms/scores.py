"""Precision, recall and F1 of terms, pooled over recordings and compared between arms.

Conventions: precision, recall and F1 are pooled over occurrences, as rates whose numerators and denominators are added;
their intervals come from resampling blocks of recordings (see `soniox_ds.metrics.stats.blocks`). Arms are compared
occurrence by occurrence: the same place of the same reference, hit by one arm and missed by the other. A place counts
once, however often its recording was transcribed.

References: McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
Psychometrika 1947; Holm, "A simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from soniox_ds.exceptions import InputError
from soniox_ds.metrics.stats import bootstrap
from soniox_ds.metrics.stats.blocks import (
    Blocks,
    block_columns,
    blocks_of,
    checked_durations,
    checked_errors,
    counted,
    known,
    note_of,
)
from soniox_ds.metrics.stats.pool import Pooling, Rate, added, divide, total_hours
from soniox_ds.metrics.stats.repeats import places
from soniox_ds.metrics.terms.occurrences import occurrence_rows
from soniox_ds.metrics.terms.search import aligned_words, checked_terms, same_transcripts
from soniox_ds.metrics.words.alignments import Alignments
from soniox_ds.schema import (
    TERM_COMPARISON,
    TERM_COUNTS,
    TERM_SUMMARY,
    WORD_ERRORS,
    conform,
    empty,
    need,
    no_duplicates,
    with_ids,
)
from soniox_ds.schema.inputs import refuse_transcripts
from soniox_ds.schema.result_table import ResultTable
from soniox_ds.text.normalizer import NormalizerLike

__all__ = ["TERM_POOLING", "compare_terms", "term_counts"]

_OUTCOMES = {"hits": "hit", "misses": "miss", "false_hits": "false_hit"}
_RATES = (
    Rate("precision", "hits", ("hits", "false_hits"), "share", "occurrences"),
    Rate("recall", "hits", ("hits", "misses"), "share", "occurrences"),
    Rate("f1", ("hits", "hits"), ("hits", "hits", "misses", "false_hits"), "share", "occurrences"),
)
_BLOCK = "block of the recording"
_MS_PER_HOUR = 3_600_000
_FEW_DISCORDANT = 6  # with fewer, McNemar's exact p cannot be below 0.05


def term_counts(
    alignments: Alignments,
    terms: Iterable[str],
    errors: pd.DataFrame,
    *,
    distractors: Iterable[str] = (),
    normalizer: NormalizerLike | None = None,
    units: str = "mixed",
) -> pd.DataFrame:
    """Count the hits, misses and false hits of all terms in each recording.

    Parameters
    ----------
    alignments, terms, distractors, normalizer, units
        See `sx.metrics.term_occurrences`.
    errors
        ``schema.WORD_ERRORS`` of the same recordings, from `word_errors`: it lists the scored recordings (also
        those without any word) and their durations, and has the columns to group by.

    Returns
    -------
    DataFrame
        ``schema.TERM_COUNTS``: one row for each row of `errors`, which keeps the other columns of `errors`. `summarize`
        pools the rows: precision, recall, F1 and hallucinated terms per hour, with intervals.

    Raises
    ------
    SchemaError
        If a column is absent.
    InputError
        For the reasons given in `sx.metrics.term_occurrences`; also if `errors` does not list an aligned recording as
        scored.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> references, transcripts = {"a": "Celebrex or Zyrtec", "b": "no"}, {"a": "celebrex or celebrex", "b": "xanax"}
    >>> errors = sx.word_errors(transcripts, references).assign(duration_ms=1_800_000)
    >>> counts = sx.metrics.term_counts(
    ...     sx.align_words(transcripts, references), ["Celebrex", "Zyrtec"], errors, distractors=["Xanax"]
    ... )
    >>> counts[["audio_id", "hits", "misses", "false_hits", "hallucinated_terms"]]
      audio_id  hits  misses  false_hits hallucinated_terms
    0        a     1       1           1       ["Celebrex"]
    1        b     0       0           1          ["Xanax"]
    >>> sx.summarize(counts)[["terms", "hits", "misses", "false_hits", "recall", "false_hits_per_hour"]]
       terms  hits  misses  false_hits  recall  false_hits_per_hour
    0      3     1       1           2     0.5                  2.0
    """
    aligned = aligned_words(alignments)
    checked = checked_terms(terms, distractors, aligned, normalizer, units)
    table = checked_errors(errors)
    same_transcripts(aligned, table)
    occurrences = occurrence_rows(aligned, checked)
    false_hits = occurrences[occurrences["outcome"] == "false_hit"]
    of_outcome = {
        **{name: occurrences[occurrences["outcome"] == outcome] for name, outcome in _OUTCOMES.items()},
        "distractor_false_hits": false_hits[false_hits["distractor"]],
    }
    counts = pd.DataFrame(
        {name: rows["audio_id"].value_counts() for name, rows in of_outcome.items()}, index=table["audio_id"]
    )
    counts = counts.fillna(0).astype("Int64").reset_index(drop=True)
    hallucinated = {audio_id: sorted(set(names)) for audio_id, names in false_hits.groupby("audio_id")["term"]}
    counts = counts.assign(
        reference_count=counts["hits"] + counts["misses"],
        hallucinated_terms=[
            json.dumps(hallucinated.get(audio_id, []), ensure_ascii=False) for audio_id in table["audio_id"]
        ],
        **{rate.name: divide(added(counts, rate.numerator), added(counts, rate.denominator)) for rate in _RATES},
    )
    unscored = (table["status"] != "scored").reset_index(drop=True)
    counts = counts.apply(lambda column: column.mask(unscored))
    further = [name for name in table if name not in WORD_ERRORS and name not in TERM_COUNTS]
    copied = table.reindex(
        columns=[name for name in WORD_ERRORS if name in TERM_COUNTS and name not in counts] + further
    )
    copied = copied.reset_index(drop=True)
    sizes = {"terms": len(checked.labels), "distractors": sum(checked.distractor)}
    return conform(copied.join(counts).assign(**sizes), TERM_COUNTS)


def compare_terms(
    a: pd.DataFrame,
    b: pd.DataFrame,
    by: str | Sequence[str] | None = "term",
    *,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    n_resamples: int = 10_000,
    seed: int = 0,
) -> ResultTable:
    """Compare two arms by the terms that each hits, on the same recordings.

    Parameters
    ----------
    a, b
        ``schema.TERM_OCCURRENCES`` of each arm, from `sx.metrics.term_occurrences` with the same references, terms and
        normaliser. A column `repeat` distinguishes repeats of a recording with the same `audio_id`, as in
        `Comparison.occurrences`.
    by
        ``"term"`` for one row for each term (in the order of their first occurrences), another column or several of
        both tables, or None for all occurrences in one row.
    block
        Column or columns of `a`, merged in by you, whose values are resampled as a whole for the interval; the default
        is `speaker`, otherwise `session`, otherwise recordings.
    ci, method, n_resamples, seed
        Settings of the interval, see `summarize`.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.TERM_COMPARISON``. For a term that is never said, such as a distractor,
        the row has its false hits and a p of NA.

    Raises
    ------
    SchemaError
        If a column is absent, or an occurrence is listed twice in an arm (and repeat).
    InputError
        If a recording of both arms has different occurrences in each, or in two of its repeats, or an option is wrong.

    Notes
    -----
    With repeats a place still counts once: for the arm that hits it in the larger share of its repeats. If both shares
    are equal, it counts for neither arm. So p has the same meaning for any number of repeats, and a recogniser that
    does not vary has the same p for all of them. Recalls are means over repeats, false hits are added up; `note` says
    so.

    McNemar's test assumes independent occurrences. Those of one recording are not quite independent; if its p and the
    interval disagree, rely on the interval, which resamples recordings or larger blocks. Recordings whose occurrences
    only one arm has, because the other failed there, are left out and counted as unpaired. If no term is said, a table
    cannot distinguish a failed recording from a silent one: false hits there count on either side.

    Examples
    --------
    >>> import soniox_ds as sx
    >>> references = {"a": "Zyrtec", "b": "Zyrtec or Celebrex"}
    >>> plain = sx.align_words({"a": "sir tech", "b": "sir tech or celebrex"}, references)
    >>> helped = sx.align_words({"a": "zyrtec", "b": "zyrtec or celebrex"}, references)
    >>> arms = [sx.metrics.term_occurrences(arm, ["Zyrtec", "Celebrex"]) for arm in (plain, helped)]
    >>> sx.metrics.compare_terms(*arms)[["term", "occurrences", "both", "only_a", "only_b", "p"]]
           term  occurrences  both  only_a  only_b    p
    0    Zyrtec            2     0       0       2  0.5
    1  Celebrex            1     1       0       0  1.0
    """
    resampling = bootstrap.checked_resampling(ci, method, n_resamples, seed)
    for arm in (a, b):
        refuse_transcripts(
            arm,
            "tables of term occurrences",
            "sx.metrics.compare_terms(occurrences_a, occurrences_b), with occurrences_a = "
            "sx.metrics.term_occurrences(corpus_a, terms)",
        )
    a, b = with_ids(a, "a"), with_ids(b, "b")
    for name, arm in (("a", a), ("b", b)):
        need(arm, "audio_id", "term", "outcome", "reference_index", name=name)
        _refuse_doubled(arm, name)
    groups = [] if by is None else [by] if isinstance(by, str) else list(by)
    for name, arm in (("a", a), ("b", b)):
        need(arm, *groups, name=name)
    if taken := [name for name in groups if name in TERM_COMPARISON]:
        raise InputError(f"by contains {taken}, which are also columns of the result; rename them in the occurrences.")
    columns = block_columns(a, block, groups) if len(a) else ["audio_id"]
    paired = _paired(a, b, list(dict.fromkeys([*groups, *columns])), groups)
    occurrences = paired[paired["kind"] == "said"].drop_duplicates("audio_id")
    blocks = blocks_of(occurrences, columns)
    paired[_BLOCK] = paired["audio_id"].map(dict(zip(occurrences["audio_id"], blocks.codes, strict=True)))
    parts = [part for _, part in paired.groupby(groups, sort=False, dropna=False)] if groups else [paired]
    if not parts:
        return ResultTable(pd.concat([a[groups].iloc[:0], empty(TERM_COMPARISON)], axis=1))
    result = conform(
        pd.DataFrame([_comparison(part, columns, blocks.unlabelled, resampling) for part in parts]), TERM_COMPARISON
    )
    p_values = result["p"].to_numpy(dtype=np.float64, na_value=np.nan)
    result["p_holm"] = pd.array([known(value) for value in bootstrap.holm(p_values)], dtype="Float64")
    labels = pd.concat([part[groups].iloc[:1] for part in parts], ignore_index=True)
    return ResultTable(pd.concat([labels, result], axis=1))


def _refuse_doubled(arm: pd.DataFrame, name: str) -> None:
    """Refuse an occurrence that is listed twice; false hits are identified by their place in the transcript."""
    in_reference = arm["outcome"] != "false_hit"
    recording = ["audio_id", "repeat"] if "repeat" in arm else ["audio_id"]
    no_duplicates(arm[in_reference], name, *recording, "term", "reference_index")
    if "hypothesis_index" in arm:
        no_duplicates(arm[~in_reference], name, *recording, "term", "hypothesis_index")


def _with_hours(counts: pd.DataFrame) -> pd.DataFrame:
    if counts.empty:
        raise InputError("counts has no rows; term_counts returns one for each row of the errors.")
    counts = checked_durations(counts, "counts")
    return counts.assign(hours_of_recording=counts["duration_ms"] / _MS_PER_HOUR)


def _more(scored: pd.DataFrame, *_: Any) -> dict[str, Any]:
    hours = total_hours(scored)
    per_hour = pd.NA if pd.isna(hours) or not hours else scored["false_hits"].sum() / hours
    return {
        "hours": hours,
        "hallucinated_terms": len({term for terms in scored["hallucinated_terms"] for term in json.loads(terms)}),
        "false_hits_per_hour_per_100_terms": pd.NA if scored.empty else per_hour * 100 / scored["terms"].iloc[0],
    }


def _paired(a: pd.DataFrame, b: pd.DataFrame, columns: list[str], groups: list[str]) -> pd.DataFrame:
    """Build a row for each place with the hits of both arms, for each place of only one arm, and for each false hit.

    `kind` is "said", "unpaired", "false_a" or "false_b".
    """
    key, counts = ["audio_id", "term", "reference_index"], ["hits", "repeats"]
    said_a, said_b = (places(arm[arm["outcome"] != "false_hit"], name) for name, arm in (("a", a), ("b", b)))
    in_one_arm = set(said_a["audio_id"]) ^ set(said_b["audio_id"])
    more = [name for name in columns if name not in key]
    both = said_a.loc[~said_a["audio_id"].isin(in_one_arm), [*key, *counts, *more]].merge(
        said_b.loc[~said_b["audio_id"].isin(in_one_arm), [*key, *counts]],
        on=key,
        how="outer",
        suffixes=("_a", "_b"),
        indicator=True,
        sort=False,
    )
    different = both.loc[both["_merge"] != "both", ["audio_id", "term"]]
    for arm in (a, b):  # recordings of both arms in which one arm has only false hits
        different = pd.concat(
            [
                different,
                arm.loc[(arm["outcome"] == "false_hit") & arm["audio_id"].isin(in_one_arm), ["audio_id", "term"]],
            ]
        )
    different = different[different["audio_id"].isin(a["audio_id"]) & different["audio_id"].isin(b["audio_id"])]
    if len(different):
        raise InputError(
            f"the arms have different occurrences of {different['term'].iloc[0]!r} in "
            f"{different['audio_id'].iloc[0]!r}; were they aligned with the same references and normaliser, and "
            "searched for the same terms?"
        )
    parts = [both.drop(columns="_merge").assign(kind="said")]
    for name, arm, occurrences in (("a", a, said_a), ("b", b, said_b)):
        kept = list(dict.fromkeys(["audio_id", "term", *groups]))
        parts.append(occurrences.loc[occurrences["audio_id"].isin(in_one_arm), kept].assign(kind="unpaired"))
        false = (arm["outcome"] == "false_hit") & ~arm["audio_id"].isin(in_one_arm)
        parts.append(arm.loc[false, kept].assign(kind=f"false_{name}"))
    whole = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return whole.reindex(columns=[*parts[0].columns])


def _comparison(
    part: pd.DataFrame, columns: Sequence[str], unlabelled: int, resampling: bootstrap.Resampling
) -> dict[str, Any]:
    occurrences = part[part["kind"] == "said"]
    hits_a, hits_b, repeats_a, repeats_b = (
        occurrences[name].to_numpy(np.int64) for name in ("hits_a", "hits_b", "repeats_a", "repeats_b")
    )
    share_a, share_b = hits_a / repeats_a, hits_b / repeats_b
    lead = hits_b * repeats_a - hits_a * repeats_b  # compares the shares exactly, in whole numbers
    count = len(occurrences)
    only_a, only_b = int((lead < 0).sum()), int((lead > 0).sum())
    codes, distinct = pd.factorize(occurrences[_BLOCK])
    blocks = Blocks(codes, len(distinct), unlabelled)
    drawn = bootstrap.bootstrap_rate(
        np.bincount(codes, weights=share_b - share_a, minlength=len(distinct)),
        np.bincount(codes, minlength=len(distinct)),
        n_resamples=resampling.n_resamples,
        seed=resampling.seed,
    )
    interval = drawn.interval(resampling.ci, resampling.method, "difference")
    notes = [] if count else ["No term is said in any recording that both arms have."]
    if count and 0 < only_a + only_b < _FEW_DISCORDANT:
        notes.append(
            f"The arms differ in {counted(only_a + only_b, 'occurrence')}: with fewer than 6 the p value of McNemar's "
            "test cannot be below 0.05."
        )
    if count and max(repeats_a.max(), repeats_b.max()) > 1:
        notes.append(
            "With repeats, each occurrence counts once, for the arm that hit it more often; false hits are counted in "
            "all repeats."
        )
    return {
        "occurrences": count,
        "recordings": occurrences["audio_id"].nunique(),
        "both": int(((lead == 0) & (hits_a > 0)).sum()),
        "only_a": only_a,
        "only_b": only_b,
        "neither": int(((hits_a == 0) & (hits_b == 0)).sum()),
        "recall_a": float(share_a.mean()) if count else pd.NA,
        "recall_b": float(share_b.mean()) if count else pd.NA,
        "difference": known(drawn.estimate),
        "difference_low": known(float(np.clip(interval.low, -1.0, 1.0))),
        "difference_high": known(float(np.clip(interval.high, -1.0, 1.0))),
        "p": bootstrap.mcnemar(only_a, only_b) if count else pd.NA,
        "false_hits_a": int((part["kind"] == "false_a").sum()),
        "false_hits_b": int((part["kind"] == "false_b").sum()),
        "unpaired": int((part["kind"] == "unpaired").sum()),
        "blocks": len(distinct),
        "block": "+".join(columns),
        **resampling.columns,
        "method": interval.method,
        "note": note_of(interval, blocks, columns, *notes, noun="occurrences", quantity="difference")
        if count
        else notes[0],
    }


TERM_POOLING = Pooling(
    result=TERM_SUMMARY,
    counts=("reference_count", *_OUTCOMES, "distractor_false_hits"),
    rates=(*_RATES, Rate("false_hits_per_hour", "false_hits", "hours_of_recording", "rate", "occurrences")),
    settings=("terms", "distractors", "normalizer"),
    required=tuple(name for name in TERM_COUNTS if name not in ("precision", "recall", "f1")),
    keys=("audio_id",),
    prepare=_with_hours,
    more=_more,
    needs_all=True,  # without the duration of one recording there is no rate per hour
    name="counts",
)
