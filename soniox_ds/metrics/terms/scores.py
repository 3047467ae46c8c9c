"""Precision, recall and F1 of terms, pooled over recordings and compared between arms.

Conventions: precision, recall and F1 are pooled over occurrences, as rates whose numerators and denominators are added;
their intervals come from resampling blocks of recordings (see `soniox_ds.metrics.stats.blocks`). Arms are compared
occurrence by occurrence: the same place of the same reference, hit by one arm and missed by the other. A place counts
once, however often its recording was transcribed.

References: McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
Psychometrika 1947; Holm, "A simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

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
    checked_errors,
    counted,
    known,
    note_of,
)
from soniox_ds.metrics.stats.pool import Rate, checked_groups, outcomes_of, pooled_rates, summarize_groups
from soniox_ds.metrics.stats.repeats import places
from soniox_ds.metrics.terms.occurrences import hours_of, occurrence_rows
from soniox_ds.metrics.terms.search import aligned_words, checked_terms, same_transcripts
from soniox_ds.metrics.words.alignments import Alignments
from soniox_ds.schema import TERM_COMPARISON, TERM_SUMMARY, conform, empty, need, no_duplicates, with_ids
from soniox_ds.text.normalizer import NormalizerLike

__all__ = ["compare_terms", "summarize_terms"]

_OUTCOMES = ("hit", "miss", "false_hit")
_BLOCK = "block of the recording"
_MS_PER_HOUR = 3_600_000
_FEW_DISCORDANT = 6  # with fewer, McNemar's exact p cannot be below 0.05


def summarize_terms(
    alignments: Alignments,
    terms: Iterable[str],
    errors: pd.DataFrame,
    by: str | Sequence[str] | None = None,
    *,
    distractors: Iterable[str] = (),
    normalizer: NormalizerLike | None = None,
    units: str = "mixed",
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Pool term occurrences over recordings: precision, recall, F1 and hallucinated terms per hour, with intervals.

    Parameters
    ----------
    alignments, terms, distractors, normalizer, units
        See `sx.metrics.term_occurrences`.
    errors
        ``schema.WORD_ERRORS`` of the same recordings, from `word_errors`: it lists the scored recordings (also
        those without any word) and their durations, and has the columns to group by.
    by, block, ci, method, replicates, seed
        See `summarize`.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.TERM_SUMMARY``: one row for each group, sorted by `by`.

    Raises
    ------
    SchemaError
        If a column is absent.
    InputError
        For the reasons given in `sx.metrics.term_occurrences`; also if `errors` does not list an aligned recording as
        scored.

    Examples
    --------
    >>> from soniox_ds.metrics.words.align import align_words
    >>> from soniox_ds.metrics.words.rates import word_errors
    >>> references, transcripts = {"a": "Celebrex or Zyrtec", "b": "no"}, {"a": "celebrex or celebrex", "b": "xanax"}
    >>> errors = word_errors(transcripts, references).assign(duration_ms=1_800_000)
    >>> summary = summarize_terms(
    ...     align_words(transcripts, references), ["Celebrex", "Zyrtec"], errors, distractors=["Xanax"], replicates=1000
    ... )
    >>> summary[["terms", "hits", "misses", "false_hits", "recall", "false_hits_per_hour"]]
       terms  hits  misses  false_hits  recall  false_hits_per_hour
    0      3     1       1           2     0.5                  2.0
    """
    resampling = bootstrap.checked_resampling(ci, method, replicates, seed)
    aligned = aligned_words(alignments)
    checked = checked_terms(terms, distractors, aligned, normalizer, units)
    table = checked_errors(errors)
    groups = checked_groups(table, by, TERM_SUMMARY)
    same_transcripts(aligned, table)
    occurrences = occurrence_rows(aligned, checked)
    counted = _counted(table, occurrences)
    columns = block_columns(table, block, groups)
    size = {"terms": len(checked.labels), "distractors": sum(checked.distractor)}
    return summarize_groups(
        counted,
        groups,
        TERM_SUMMARY,
        lambda part: size | _summary(part, occurrences, columns, resampling, len(checked.labels)),
    )


def compare_terms(
    a: pd.DataFrame,
    b: pd.DataFrame,
    by: str | Sequence[str] | None = "term",
    *,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
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
    ci, method, replicates, seed
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
    >>> from soniox_ds.metrics.words.align import align_words
    >>> from soniox_ds.metrics.terms.occurrences import term_occurrences
    >>> references = {"a": "Zyrtec", "b": "Zyrtec or Celebrex"}
    >>> plain = align_words({"a": "sir tech", "b": "sir tech or celebrex"}, references)
    >>> helped = align_words({"a": "zyrtec", "b": "zyrtec or celebrex"}, references)
    >>> arms = [term_occurrences(arm, ["Zyrtec", "Celebrex"]) for arm in (plain, helped)]
    >>> compare_terms(*arms)[["term", "occurrences", "both", "only_a", "only_b", "p"]]
           term  occurrences  both  only_a  only_b    p
    0    Zyrtec            2     0       0       2  0.5
    1  Celebrex            1     1       0       0  1.0
    """
    resampling = bootstrap.checked_resampling(ci, method, replicates, seed)
    a, b = with_ids(a, "a"), with_ids(b, "b")
    for name, arm in (("a", a), ("b", b)):
        need(arm, "audio_id", "term", "outcome", "reference_index", name=name)
        _refuse_doubled(arm, name)
    groups = [] if by is None else [by] if isinstance(by, str) else list(by)
    for name, arm in (("a", a), ("b", b)):
        need(arm, *groups, name=name)
    if taken := [name for name in groups if name in TERM_COMPARISON]:
        raise InputError(f"by names {taken}, which are columns of the result; rename them in the occurrences.")
    columns = block_columns(a, block, groups) if len(a) else ["audio_id"]
    paired = _paired(a, b, list(dict.fromkeys([*groups, *columns])), groups)
    said = paired[paired["kind"] == "said"].drop_duplicates("audio_id")
    blocks = blocks_of(said, columns)
    paired[_BLOCK] = paired["audio_id"].map(dict(zip(said["audio_id"], blocks.codes, strict=True)))
    parts = [part for _, part in paired.groupby(groups, sort=False, dropna=False)] if groups else [paired]
    if not parts:
        return pd.concat([a[groups].iloc[:0], empty(TERM_COMPARISON)], axis=1)
    result = conform(
        pd.DataFrame([_comparison(part, columns, blocks.unlabelled, resampling) for part in parts]), TERM_COMPARISON
    )
    result["p_holm"] = pd.array(_holm(result["p"]), dtype="Float64")
    labels = pd.concat([part[groups].iloc[:1] for part in parts], ignore_index=True)
    return pd.concat([labels, result], axis=1)


def _refuse_doubled(arm: pd.DataFrame, name: str) -> None:
    """Refuse an occurrence that is listed twice; false hits are identified by their place in the transcript."""
    said = arm["outcome"] != "false_hit"
    recording = ["audio_id", "repeat"] if "repeat" in arm else ["audio_id"]
    no_duplicates(arm[said], name, *recording, "term", "reference_index")
    if "hypothesis_index" in arm:
        no_duplicates(arm[~said], name, *recording, "term", "hypothesis_index")


_HITS_OF = {"hits": "hit", "misses": "miss", "false_hits": "false_hit"}
_SHARES = (
    Rate("precision", "hits", ("hits", "false_hits"), "share", "occurrences"),
    Rate("recall", "hits", ("hits", "misses"), "share", "occurrences"),
    Rate("f1", ("hits", "hits"), ("hits", "hits", "misses", "false_hits"), "share", "occurrences"),
)
_PER_HOUR = Rate("false_hits_per_hour", "false_hits", "hours_of_recording", "rate", "occurrences")


def _counted(table: pd.DataFrame, occurrences: pd.DataFrame) -> pd.DataFrame:
    """Add the hits, misses and false hits of each recording, and its hours, to a table of errors."""
    counts = {
        name: occurrences.loc[occurrences["outcome"] == outcome, "audio_id"]
        .value_counts()
        .reindex(table["audio_id"], fill_value=0)
        .to_numpy(np.int64)
        for name, outcome in _HITS_OF.items()
    }
    return table.assign(**counts, hours_of_recording=table["duration_ms"] / _MS_PER_HOUR)


def _summary(
    part: pd.DataFrame, occurrences: pd.DataFrame, columns: Sequence[str], resampling: bootstrap.Resampling, size: int
) -> dict[str, Any]:
    scored = part[part["status"] == "scored"]
    false_rows = occurrences[(occurrences["outcome"] == "false_hit") & occurrences["audio_id"].isin(scored["audio_id"])]
    hours = hours_of(part)
    rates = _SHARES if pd.isna(hours) else (*_SHARES, _PER_HOUR)
    row = {
        **outcomes_of(part),
        "hours": hours,
        **{name: int(scored[name].sum()) for name in _HITS_OF},
        "reference_count": int(scored["hits"].sum() + scored["misses"].sum()),
        "distractor_false_hits": int(false_rows["distractor"].sum()),
        "hallucinated_terms": false_rows["term"].nunique(),
        **pooled_rates(scored, rates, columns, resampling),
    }
    if pd.notna(per_hour := row.get("false_hits_per_hour", pd.NA)):
        row["false_hits_per_hour_per_100_terms"] = per_hour * 100 / size
    return row


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
            f"{different['audio_id'].iloc[0]!r}; were they aligned "
            "with the same references and normaliser, and searched for the same terms?"
        )
    parts = [both.drop(columns="_merge").assign(kind="said")]
    for name, arm, said in (("a", a, said_a), ("b", b, said_b)):
        kept = list(dict.fromkeys(["audio_id", "term", *groups]))
        parts.append(said.loc[said["audio_id"].isin(in_one_arm), kept].assign(kind="unpaired"))
        false = (arm["outcome"] == "false_hit") & ~arm["audio_id"].isin(in_one_arm)
        parts.append(arm.loc[false, kept].assign(kind=f"false_{name}"))
    whole = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return whole.reindex(columns=[*parts[0].columns])


def _comparison(
    part: pd.DataFrame, columns: Sequence[str], unlabelled: int, resampling: bootstrap.Resampling
) -> dict[str, Any]:
    said = part[part["kind"] == "said"]
    hits_a, hits_b, repeats_a, repeats_b = (
        said[name].to_numpy(np.int64) for name in ("hits_a", "hits_b", "repeats_a", "repeats_b")
    )
    share_a, share_b = hits_a / repeats_a, hits_b / repeats_b
    lead = hits_b * repeats_a - hits_a * repeats_b  # compares the shares exactly, in whole numbers
    count = len(said)
    only_a, only_b = int((lead < 0).sum()), int((lead > 0).sum())
    codes, distinct = pd.factorize(said[_BLOCK])
    blocks = Blocks(codes, len(distinct), unlabelled)
    drawn = bootstrap.bootstrap_rate(
        np.bincount(codes, weights=share_b - share_a, minlength=len(distinct)),
        np.bincount(codes, minlength=len(distinct)),
        replicates=resampling.replicates,
        seed=resampling.seed,
    )
    interval = drawn.interval(resampling.ci, resampling.method, "difference")
    notes = [] if count else ["No term is said in a recording that both arms have."]
    if count and 0 < only_a + only_b < _FEW_DISCORDANT:
        notes.append(
            f"The arms differ in {counted(only_a + only_b, 'occurrence')}: below 6 McNemar's p cannot be below 0.05."
        )
    if count and max(repeats_a.max(), repeats_b.max()) > 1:
        notes.append(
            "With repeats an occurrence counts once, for the arm that hit it more often; false hits are of all repeats."
        )
    return {
        "occurrences": count,
        "recordings": said["audio_id"].nunique(),
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
        **resampling._asdict(),
        "method": interval.method,
        "note": note_of(interval, blocks, columns, *notes, noun="occurrences", quantity="difference")
        if count
        else notes[0],
    }


def _holm(p_values: pd.Series[Any]) -> Any:
    corrected = bootstrap.holm(p_values.to_numpy(dtype=np.float64, na_value=np.nan))
    return [known(value) for value in corrected]
