"""Stability of the partial results of a live transcription.

Conventions: after each message, all settled text is shown with the pending text behind it, unchanged: capitals and
punctuation count, because a reader sees them change. Words are separated by white space; in scripts without spaces each
character is a word. Settled text never changes (other tables are refused), so that only the open end can change.

A last word that only grows (``lef``, then ``left``) has not changed unless `count_growth` is set, because the service
shows pieces of words.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rapidfuzz.distance import LCSseq, Prefix

from soniox_ds.exceptions import SchemaError
from soniox_ds.metrics.latency.tokens import LiveTables, checked_tables
from soniox_ds.metrics.stats.pool import Pooling, Rate, added, divide
from soniox_ds.metrics.words.units import split_units
from soniox_ds.schema import LIVE_STABILITY, LIVE_STABILITY_SUMMARY, conform, need
from soniox_ds.text.translations import without_translations

__all__ = ["STABILITY_POOLING", "live_stability"]

_COUNTS = ["updates", "final_words", "unstable_words", "erased_words"]
_RATES = (
    Rate("upwr", "unstable_words", "final_words", "rate", "settled words"),
    Rate("normalized_erasure", "erased_words", "final_words", "rate", "settled words"),
)


def live_stability(live_result: LiveTables, *, count_growth: bool = False) -> pd.DataFrame:
    """Count for each recording the words that were shown and changed later, and compute two rates from them.

    Parameters
    ----------
    live_result
        A `LiveResult`, or another object with its tables: ``recordings``, ``tokens``, ``updates`` and ``log``.
    count_growth
        True counts a last word that grows (``lef``, then ``left``) as changed. Use False for a fair comparison with
        recognisers that show only whole words.

    Returns
    -------
    DataFrame
        ``schema.LIVE_STABILITY``: one row for each recording, with the columns of the recordings. Translations are left
        out. `summarize` adds up the counts of completed recordings and computes intervals.

    Raises
    ------
    InputError
        If such tables are absent.
    SchemaError
        If a column is absent, or if the updates and the tokens have different settled text, since settled text never
        changes.

    Notes
    -----
    Let P be the words shown after one message and N those after the next.

    - ``unstable_words`` is the sum over messages of |P| − LCS(P, N), the words of P that are absent or different in N
      (LCS: longest common subsequence). A word that changes three times counts three times.
    - ``erased_words`` is the sum of |P| − LCP(P, N), all words of P behind the first change (LCP: longest common
      prefix). An insertion or change in the middle erases all words after it.

    Divided by the final number of settled words, they give `upwr` (the unstable partial word ratio) and
    `normalized_erasure`. `upwr` is never greater than `normalized_erasure`.

    Sources: Shangguan, Knister, He, McGraw and Beaufays, "Analyzing the quality and stability of a streaming
    end-to-end on-device speech recognizer", Interspeech 2020 (unstable partial word ratio; its words are matched as
    described above, which may differ in other tools); Arivazhagan, Cherry, Macherey and Foster, "Re-translation versus
    streaming for simultaneous translation", IWSLT 2020 (normalised erasure).

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream("data/samples/market_stall.wav", speed=None)
    >>> stability = sx.metrics.live_stability(streamed)
    >>> bool((stability["upwr"] <= stability["normalized_erasure"]).all())
    True
    """
    tables = checked_tables(live_result, recordings=True)
    need(tables.updates, "settled_text", "pending_text", name="updates")
    _check_settled(tables)
    recordings = tables.recordings.reset_index(drop=True)
    further = [name for name in recordings if name not in LIVE_STABILITY]
    counts = _stability_counts(tables.updates, count_growth).reindex(recordings["audio_id"], fill_value=0)
    counts = counts.astype("Int64").reset_index(drop=True)
    counts = counts.apply(lambda column: column.where((recordings["status"] == "completed").fillna(False)))
    rates = {rate.name: divide(added(counts, rate.numerator), added(counts, rate.denominator)) for rate in _RATES}
    table = recordings[["audio_id", "status", *further]].join(counts.assign(**rates, count_growth=count_growth))
    return conform(table, LIVE_STABILITY)


def _check_settled(tables: LiveTables) -> None:
    """Check that settled text never changes: the settled texts of all messages, joined, must be the tokens' text."""
    tokens = tables.tokens.sort_values(["audio_id", "token_index"], kind="stable")
    in_the_end = without_translations(tokens).groupby("audio_id", observed=True)["text"].agg("".join)
    as_it_came = (
        tables.updates["settled_text"].fillna("").groupby(tables.updates["audio_id"], observed=True).agg("".join)
    )
    for audio_id in in_the_end.index.union(as_it_came.index):
        expected, settled = str(in_the_end.get(audio_id, "")), str(as_it_came.get(audio_id, ""))
        if expected != settled:
            place = Prefix.similarity(expected, settled)
            raise SchemaError(
                f"the updates do not match the tokens: the messages of {audio_id!r} settled the text "
                f"{settled[max(0, place - 20) : place + 20]!r} where its tokens have the text "
                f"{expected[max(0, place - 20) : place + 20]!r}. Pass the updates and the tokens of the same session."
            )


def _stability_counts(updates: pd.DataFrame, count_growth: bool) -> pd.DataFrame:
    """Count the messages, final words, unstable words and erased words of each recording."""
    rows = {}
    for audio_id, messages in updates.groupby("audio_id", sort=False, observed=True):
        texts = [messages[name].fillna("").astype(str).tolist() for name in ("settled_text", "pending_text")]
        unstable, erased = _unstable_and_erased(*texts, count_growth=count_growth)
        rows[str(audio_id)] = (len(messages), len(_units("".join(texts[0]))), unstable, erased)
    return pd.DataFrame.from_dict(rows, orient="index", columns=_COUNTS)


def _unstable_and_erased(settled: Sequence[str], pending: Sequence[str], *, count_growth: bool) -> tuple[int, int]:
    """Count the unstable and erased words of one recording."""
    unstable = erased = 0
    open_word = ""  # the last settled text, if pending text may belong to the same word
    shown: list[str] = []
    for new, tail in zip(settled, pending, strict=True):
        now = _units(open_word + new + tail)
        before = shown
        if not count_growth and before and len(now) >= len(before) and now[len(before) - 1].startswith(before[-1]):
            before = [*before[:-1], now[len(before) - 1]]
        unstable += len(before) - LCSseq.similarity(before, now)
        erased += len(before) - Prefix.similarity(before, now)
        open_word = _last_word(open_word + new)
        shown = _units(open_word + tail)
    return unstable, erased


def _units(text: str) -> list[str]:
    return [unit for word in text.split() for unit in split_units(word)]


def _last_word(text: str) -> str:
    """Return the last word if text may still be added to it; "" after white space."""
    units = _units(text) if text and not text[-1].isspace() else []
    return units[-1] if units else ""


STABILITY_POOLING = Pooling(
    result=LIVE_STABILITY_SUMMARY,
    counts=tuple(_COUNTS),
    rates=_RATES,
    settings=("count_growth",),
    required=("audio_id", "status", *_COUNTS),
    keys=("audio_id",),
    status="completed",
    name="stability",
)
