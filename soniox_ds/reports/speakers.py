"""Sections of the report about speakers and languages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from soniox_ds import plot
from soniox_ds._display import known, number_text
from soniox_ds.exceptions import InputError
from soniox_ds.metrics.speakers.conversation import speaker_stats
from soniox_ds.metrics.speakers.diarization import diarization_errors
from soniox_ds.metrics.stats.summaries import summarize
from soniox_ds.reports.figures import figure
from soniox_ds.reports.findings import Findings
from soniox_ds.reports.tables import Section, Table, count, percent

__all__ = ["languages", "speakers"]

_ROWS = 30


def speakers(findings: Findings, reference: pd.DataFrame | None = None) -> Section | None:
    """Return the turns of the recording with most turns, the talking times, and the diarization error rate.

    Raises
    ------
    InputError
        If there is a reference and no word of the corpus has a speaker.
    """
    if findings.turns.empty:
        if reference is not None:
            raise InputError(
                "there are reference turns, but no word of the corpus has a speaker; transcribe with "
                "enable_speaker_diarization=True, or leave the turns out."
            )
        return None
    audio_id = str(findings.turns["audio_id"].value_counts().index[0])
    turns = findings.turns[(findings.turns["audio_id"] == audio_id).to_numpy(bool)]
    n_speakers = turns["speaker"].nunique()
    timeline = figure(
        lambda ax: plot.timeline(turns, ax=ax),
        name="timeline",
        alt=f"Who spoke when in {audio_id}: {count(len(turns), 'turn')} of {count(n_speakers, 'speaker')}.",
        width=9,
        height=1.0 + 0.4 * n_speakers,
    )
    return {
        "diarization": None if reference is None else _diarization(findings, reference),
        "timeline": timeline,
        "talk": _talk(findings.words),
    }


def _talk(words: pd.DataFrame) -> Table:
    stats = speaker_stats(words)
    several = stats[(stats.groupby("audio_id")["speaker"].transform("size") > 1).to_numpy(bool)]
    left_out = "recordings with one speaker are left out" if 0 < len(several) < len(stats) else ""
    stats = several if len(several) else stats
    rows = [
        (
            row["audio_id"],
            row["speaker"],
            f"{row['talk_ms'] / 1000:,.1f} s",
            percent(row["talk_share"]),
            int(row["turns"]),
            number_text(row["words_per_minute"], ".0f"),
            int(row["interruptions"]),
        )
        for row in stats.head(_ROWS).to_dict("records")
    ]
    head = ("recording", "speaker", "talks for", "share", "turns", "words per minute", "interruptions")
    parts = (f"{len(rows)} of {count(len(stats), 'speaker')}", "labels hold within one recording only", left_out)
    return Table(head, rows, "; ".join(part for part in parts if part), numeric=(2, 3, 4, 5, 6))


def _diarization(findings: Findings, reference: pd.DataFrame) -> dict[str, Any]:
    errors = diarization_errors(findings.corpus, reference)
    pooled = summarize(errors).iloc[0]
    ranked = errors.sort_values("der", ascending=False, na_position="last", kind="stable").head(_ROWS)
    rows = []
    for row in [{**pooled, "audio_id": "all together"}, *ranked.to_dict("records")]:
        durations = [row[name] for name in ("reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms")]
        rows.append(
            (
                row["audio_id"],
                percent(row["der"]),
                *(f"{duration / 1000:,.1f} s" if known(duration) else "–" for duration in durations),
            )
        )
    head = ("recording", "diarization error rate", "speech", "missed", "false alarm", "wrong speaker")
    return {"conventions": pooled["conventions"], "table": Table(head, rows, numeric=(1, 2, 3, 4, 5))}


def languages(findings: Findings) -> Section | None:
    """Return the amount of speech in each language, its confidence and, with references, its accuracy."""
    words = findings.words[findings.words["language"].notna().to_numpy(bool)]
    if words.empty:
        return None
    right_words = None
    if findings.alignments is not None:
        labelled = findings.alignments[findings.alignments["language"].notna().to_numpy(bool)]
        if len(labelled):
            right_words = (labelled["operation"] == "hit").groupby(labelled["language"].astype(str)).mean()
    rows = []
    for language, part in words.groupby(words["language"].astype(str)):
        duration_ms = (part["end_ms"] - part["start_ms"]).sum()
        rows.append(
            (
                str(language),
                part["audio_id"].nunique(),
                len(part),
                percent(len(part) / len(words)),
                f"{duration_ms / 60_000:,.1f} minutes",
                number_text(part["confidence"].mean(), ".3f"),
                *(() if right_words is None else (percent(right_words.get(str(language), np.nan)),)),
            )
        )
    rows.sort(key=lambda row: -row[2])
    head = ["language", "recordings", "words", "share of words", "within words", "mean confidence"]
    if right_words is not None:
        head.append("right words")
    n_without = len(findings.words) - len(words)
    return {
        "without_language": count(n_without, "word") if n_without else "",
        "has_right_words": right_words is not None,
        "table": Table(head, rows, numeric=range(1, len(head))),
    }
