"""How much the words change that a live transcription shows before they are settled.

Conventions: what is shown after a message is everything settled so far and the pending text behind it, as it stands:
capitals and punctuation count, for a reader sees them change. A word is what stands between white space; in scripts
without spaces each character is one. Settled text never changes (the tables are refused otherwise), so that only the
open end can.

A last word that merely grows (``lef``, then ``left``) has not changed, unless growth is asked to count: the service
shows pieces of words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from rapidfuzz.distance import LCSseq, Prefix

from soniox_ds.exceptions import SchemaError
from soniox_ds.metrics.latency.tokens import StreamTables, checked_tables
from soniox_ds.metrics.stats.bootstrap import checked_resampling
from soniox_ds.metrics.stats.pool import Pooling, Rate, pool
from soniox_ds.metrics.words.units import split_units
from soniox_ds.schema import STREAM_STABILITY, need

__all__ = ["stream_stability"]

_COUNTS = ["updates", "final_words", "unstable_words", "erased_words"]
_POOLING = Pooling(
    result=STREAM_STABILITY,
    counts=tuple(_COUNTS),
    rates=(
        Rate("upwr", "unstable_words", "final_words", "rate", "settled words"),
        Rate("normalized_erasure", "erased_words", "final_words", "rate", "settled words"),
    ),
    status="completed",
)


def stream_stability(
    streamed: StreamTables,
    by: str | Sequence[str] | None = None,
    *,
    count_growth: bool = False,
    block: str | Sequence[str] | None = None,
    ci: float = 0.95,
    method: str = "auto",
    replicates: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Unstable partial word ratio and normalised erasure: how much of what was shown was taken back.

    Parameters
    ----------
    streamed
        A `Streamed`, or anything else with its tables: ``recordings``, ``tokens``, ``updates`` and ``log``.
    by
        Column or columns of the recordings to group by; ``"audio_id"`` for each recording by itself. None for all in
        one group.
    count_growth
        Whether a last word that grows (``lef``, ``left``) has changed. Comparisons with recognisers that show whole
        words only are fair without it.
    block, ci, method, replicates, seed
        As in `summarize`, of the recordings' columns.

    Returns
    -------
    DataFrame
        The columns of `by`, then ``schema.STREAM_STABILITY``, one row for each group: counts are added over completed
        recordings and divided once. Translations are left out.

    Raises
    ------
    InputError
        If there are no such tables, an option is wrong or `by` names a column of the result.
    SchemaError
        If a column is absent, or the updates do not settle what the tokens say: settled text was changed.

    Notes
    -----
    With P the words shown after one message and N those after the next,

    - ``unstable_words`` is the sum over messages of |P| − LCS(P, N), the words of P that are gone or another word in N
      (LCS: longest common subsequence). A word that changes three times counts three times.
    - ``erased_words`` is the sum of |P| − LCP(P, N), all words of P behind the first change (LCP: longest common
      prefix). What is inserted or changed in the middle erases all that follows it.

    Both are divided by the number of words settled in the end. The first is never above the second.

    Sources: Shangguan, Knister, He, McGraw and Beaufays, "Analyzing the quality and stability of a streaming
    end-to-end on-device speech recognizer", Interspeech 2020 (unstable partial word ratio; how its words are matched is
    said above, and may differ in other tools); Arivazhagan, Cherry, Macherey and Foster, "Re-translation versus
    streaming for simultaneous translation", IWSLT 2020 (normalised erasure).

    Examples
    --------
    >>> import soniox_ds as sx
    >>> with sx.local_service("scripted"):
    ...     streamed = sx.stream("data/samples/market_stall.wav", speed=None)
    >>> stability = stream_stability(streamed)
    >>> bool((stability["upwr"] <= stability["normalized_erasure"]).all())
    True
    """
    resampling = checked_resampling(ci, method, replicates, seed)
    tables = checked_tables(streamed, recordings=True)
    need(tables.updates, "settled_text", "pending_text", name="updates")
    recordings = tables.recordings.reset_index(drop=True)
    _check_settled(tables)
    counted = _counts(tables.updates, count_growth)
    recordings = recordings.drop(columns=[name for name in _COUNTS if name in recordings])
    recordings = recordings.join(counted, on="audio_id", how="left")
    recordings[_COUNTS] = recordings[_COUNTS].fillna(0).astype("int64")

    return pool(recordings, _POOLING, by, block=block, resampling=resampling, name="recordings")


def _check_settled(tables: StreamTables) -> None:
    """The law that settled text never changes: what the messages settled, one after the other, is the tokens' text."""
    tokens = tables.tokens.sort_values(["audio_id", "token_index"], kind="stable")
    spoken = tokens[tokens["translation_status"].ne("translation").fillna(True).to_numpy(np.bool_)]
    in_the_end = spoken.groupby("audio_id", observed=True)["text"].agg("".join)
    as_it_came = (
        tables.updates["settled_text"].fillna("").groupby(tables.updates["audio_id"], observed=True).agg("".join)
    )
    for audio_id in in_the_end.index.union(as_it_came.index):
        last, came = str(in_the_end.get(audio_id, "")), str(as_it_came.get(audio_id, ""))
        if last != came:
            place = Prefix.similarity(last, came)
            raise SchemaError(
                f"settled text never changes, but the messages of {audio_id!r} settled "
                f"{came[max(0, place - 20) : place + 20]!r} where its tokens say "
                f"{last[max(0, place - 20) : place + 20]!r}. Are updates and tokens of the same log?"
            )


def _counts(updates: pd.DataFrame, count_growth: bool) -> pd.DataFrame:
    """By recording the number of messages, final words, unstable and erased words."""
    rows = {}
    for audio_id, own in updates.groupby("audio_id", sort=False, observed=True):
        texts = [own[name].fillna("").astype(str).tolist() for name in ("settled_text", "pending_text")]
        unstable, erased = _changes(*texts, count_growth=count_growth)
        rows[str(audio_id)] = (len(own), len(_units("".join(texts[0]))), unstable, erased)
    return pd.DataFrame.from_dict(rows, orient="index", columns=_COUNTS)


def _changes(settled: Sequence[str], pending: Sequence[str], *, count_growth: bool) -> tuple[int, int]:
    """Unstable and erased words of one recording."""
    unstable = erased = 0
    open_word = ""  # what was settled last, as far as pending text may belong to the same word
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
    """The last word, where something may still be added to it; "" behind white space."""
    units = _units(text) if text and not text[-1].isspace() else []
    return units[-1] if units else ""
