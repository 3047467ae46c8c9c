"""Sections of the report about speakers and languages, each as (id, heading, HTML) or None."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soniox_ds import plot
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.speakers.conversation import speaker_stats
from soniox_ds.metrics.speakers.diarization import diarization_errors
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.reports.elements import Section, count, note, percent, table
from soniox_ds.reports.figures import figure
from soniox_ds.reports.findings import Findings
from soniox_ds.show.markup import known

__all__ = ["languages", "speakers"]

_ROWS = 30


def speakers(found: Findings, reference: pd.DataFrame | None = None) -> Section | None:
    """Write the turns of the recording with most turns, the talking times, and the diarization error rate.

    Raises
    ------
    InputError
        If there is a reference and no word of the corpus has a speaker.
    """
    if found.turns.empty:
        if reference is not None:
            raise InputError(
                "there are reference turns, and no word of the corpus has a speaker; transcribe with "
                "enable_speaker_diarization=True, or leave the turns out."
            )
        return None
    audio_id = str(found.turns["audio_id"].value_counts().index[0])
    own = found.turns[(found.turns["audio_id"] == audio_id).to_numpy(bool)]
    voices = own["speaker"].nunique()
    drawn = figure(
        lambda ax: plot.timeline(own, ax=ax),
        name="timeline",
        alt=f"Who spoke when in {audio_id}: {count(len(own), 'turn')} of {count(voices, 'speaker')}.",
        width=9,
        height=1.0 + 0.4 * voices,
    )
    scored = "" if reference is None else _diarization(found, reference)
    return "speakers", "Speakers", scored + note("The recording with most turns.") + drawn + _talk(found)


def _talk(found: Findings) -> str:
    stats = speaker_stats(found.words)
    several = stats[(stats.groupby("audio_id")["speaker"].transform("size") > 1).to_numpy(bool)]
    among = "recordings with one speaker are left out" if 0 < len(several) < len(stats) else ""
    stats = several if len(several) else stats
    rows = [
        (
            row["audio_id"],
            row["speaker"],
            f"{row['talk_ms'] / 1000:,.1f} s",
            percent(row["talk_share"]),
            int(row["turns"]),
            f"{row['words_per_minute']:.0f}" if known(row["words_per_minute"]) else "–",
            int(row["interruptions"]),
        )
        for row in stats.head(_ROWS).to_dict("records")
    ]
    head = ("recording", "speaker", "talks for", "share", "turns", "words per minute", "interruptions")
    parts = [
        f"{min(_ROWS, len(stats))} of {count(len(stats), 'speaker')}",
        "labels hold within one recording only",
        among,
    ]
    title = "; ".join(part for part in parts if part)
    return table(head, rows, caption=title, numeric=(2, 3, 4, 5, 6))


def _diarization(found: Findings, reference: pd.DataFrame) -> str:
    errors = diarization_errors(found.corpus, reference)
    pooled = summarize(errors)
    names = ("missed_ms", "false_alarm_ms", "confusion_ms")

    def row(label: str, one: Any) -> tuple[Any, ...]:
        parts = [f"{one[name] / 1000:,.1f} s" if known(one[name]) else "–" for name in ("reference_ms", *names)]
        return (label, percent(one["der"]), *parts)

    rows = [row("all together", pooled.iloc[0])]
    ranked = errors.sort_values("der", ascending=False, na_position="last", kind="stable").head(_ROWS)
    rows += [row(one["audio_id"], one) for one in ranked.to_dict("records")]
    head = ("recording", "diarization error rate", "speech", "missed", "false alarm", "wrong speaker")
    said = note(
        f"Against the reference turns, highest rate first. Conventions: {pooled['conventions'].iloc[0]}. The rate is "
        "missed, false and wrongly attributed speech over the speech of the reference."
    )
    return said + table(head, rows, numeric=(1, 2, 3, 4, 5))


def languages(found: Findings) -> Section | None:
    """Write the amount of speech in each language, its confidence and, with references, its accuracy."""
    words = found.words[found.words["language"].notna().to_numpy(bool)]
    if words.empty:
        return None
    right = None
    if found.alignments is not None:
        heard = found.alignments[found.alignments["language"].notna().to_numpy(bool)]
        if len(heard):
            right = (heard["operation"] == "hit").groupby(heard["language"].astype(str)).mean()
    rows = []
    for language, own in words.groupby(words["language"].astype(str)):
        length = (own["end_ms"] - own["start_ms"]).sum()
        rows.append(
            (
                str(language),
                own["audio_id"].nunique(),
                len(own),
                percent(len(own) / len(words)),
                f"{length / 60_000:,.1f} minutes",
                f"{own['confidence'].mean():.3f}" if own["confidence"].notna().any() else "–",
                *(() if right is None else (percent(right.get(str(language), np.nan)),)),
            )
        )
    rows.sort(key=lambda row: -row[2])
    last = () if right is None else ("right words",)
    head = ("language", "recordings", "words", "share of words", "within words", "mean confidence", *last)
    without = len(found.words) - len(words)
    said = note(
        "As the service identified them, word by word."
        + (f" {count(without, 'word')} without a language left out." if without else "")
        + ("" if right is None else " Right words: share of the words heard in that language that were said so.")
    )
    return "languages", "Languages", said + table(head, rows, numeric=range(1, len(head)))
