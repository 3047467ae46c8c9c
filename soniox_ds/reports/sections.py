"""Sections of the report about the transcripts and their origin.

Conventions: each section has a template in ``templates/`` with its heading (`heading`) and its HTML (macro `content`).
Its function returns the values of that template, or None if there is nothing to show.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from soniox_ds import show
from soniox_ds._display import clock, known
from soniox_ds.api.prices import price_text
from soniox_ds.reports.audio import LONGEST_MS, cut
from soniox_ds.reports.findings import Findings
from soniox_ds.reports.glossary import explanations
from soniox_ds.reports.selection import FEW_WORDS, excerpt, worst_place, worst_recordings
from soniox_ds.reports.tables import Fact, Section, Table, count, names_in, percent
from soniox_ds.review_queue.flagging import flag_low_confidence

__all__ = ["conventions", "failures", "places", "provenance", "recordings", "summary", "terms"]

_LOW = 0.5
_SECONDS_PER_CLIP = 12
_ROWS = 50
_ORIGIN = ["service", "model", "resolved_model", "options_hash"]
_PAIRS = 250
_CONTEXT = 8


WARNINGS = {
    "no_speech": "The transcript has no words.",
    "truncated_file": "The file is shorter than its header says.",
    "longer_than_header": "The file has audio after the end that its header declares; it may not be transcribed.",
    "several_audio_tracks": "The file has more than one audio track. The first was transcribed.",
    "several_channels": "The channels of the file differ, and they were transcribed together.",
    "heard_in_part": "The service reports a shorter duration than the file has.",
    "heard_longer": "The service reports a longer duration than the file has.",
    "starts_late": "A long stretch at the beginning has no words. Music and silence have this effect, too.",
    "ends_early": "A long stretch at the end has no words. Music and silence have this effect, too.",
    "odd_confidence": "A confidence is not between 0 and 1.",
    "implausible_rate": "The transcript has more characters per second than anybody can say.",
    "repeats": "The same words occur many times in a row.",
}
"""Meanings of the codes in the column `warnings` of the recordings."""


def summary(findings: Findings) -> Section:
    """Return the counts and the overall error rate."""
    corpus, words = findings.corpus, findings.words
    facts: list[Fact] = []
    remarks = []
    if findings.overall is not None:
        row = findings.overall.iloc[0]
        if known(row["note"]):
            remarks.append(f"Word error rate: {row['note']}")
        facts.append(Fact("word error rate", percent(row["wer"], row["wer_low"], row["wer_high"])))
        if known(row["neutral_wer"]):
            neutral = percent(row["neutral_wer"], row["neutral_wer_low"], row["neutral_wer_high"])
            facts.append(Fact("formatting-neutral word error rate", neutral))
            if row["neutral_words"] < row["reference_words"]:
                remarks.append(f"The formatting-neutral rate is of {_neutral_words(row)}.")
    facts += [
        Fact("recordings", len(corpus)),
        Fact("completed", len(corpus.completed)),
        Fact("failed", len(corpus.failed)),
        Fact("audio", f"{corpus.hours:,.2f} hours" if corpus.hours >= 1 else f"{corpus.hours * 60:,.1f} minutes"),
        Fact("words", len(words)),
    ]
    confidence = words["confidence"].dropna().astype("Float64")
    if len(confidence):
        facts.append(Fact("mean confidence", f"{confidence.mean():.3f}"))
        facts.append(Fact(f"words below {_LOW:g}", percent(float((confidence < _LOW).mean()))))
    languages = words["language"].value_counts()
    if len(languages):
        most = ", ".join(f"{code} {share:.0%}" for code, share in (languages / languages.sum()).head(5).items())
        facts.append(Fact("languages, by words", most))
    if words["speaker"].notna().any():
        n_speakers = words.dropna(subset=["speaker"]).groupby("audio_id", observed=True)["speaker"].nunique()
        facts.append(Fact("speakers in a recording", f"{n_speakers.min()} to {n_speakers.max()}"))
    if known(corpus.cost_usd):
        facts.append(Fact("cost by list price", price_text(corpus.cost_usd)))
    warnings = corpus.recordings["warnings"].dropna().str.split().explode().value_counts().head(_ROWS)
    rows = [(slug, WARNINGS.get(str(slug), ""), int(number)) for slug, number in warnings.items()]
    return {
        "facts": facts,
        "remarks": remarks,
        "warnings": Table(("warning", "meaning", "recordings"), rows, "What looks wrong", numeric=(2,))
        if rows
        else None,
    }


def places(findings: Findings, most: int) -> Section | None:
    """Return the least confident places, with audio."""
    words = findings.words
    if not most or not words[["start_ms", "end_ms", "confidence"]].notna().all(axis=1).any():
        return None
    budget_s = most * _SECONDS_PER_CLIP
    clips = flag_low_confidence(findings.corpus, review_budget_s=budget_s).head(most)
    sources = findings.corpus.recordings.set_index("audio_id")
    shown = []
    for clip in clips.to_dict("records"):
        inside_mask = (words["audio_id"] == clip["audio_id"]) & (words["start_ms"] >= clip["start_ms"])
        inside_mask &= words["end_ms"] <= clip["end_ms"]
        clip_words = words.loc[inside_mask.fillna(False).to_numpy(bool), ["text", "confidence", "space_before"]]
        shown.append(
            {
                "rank": int(clip["rank"]),
                "audio_id": clip["audio_id"],
                "name": f"{clip['audio_id']} at {clock(clip['start_ms'])}",
                "time": _span(clip["start_ms"], clip["end_ms"]),
                "words": [
                    word | {"is_low": known(word["confidence"]) and word["confidence"] < _LOW}
                    for word in clip_words.to_dict("records")
                ],
                "min_confidence": f"{clip['min_confidence']:.2f}",
                "expected_errors": f"{clip['expected_errors']:.1f}",
                "excerpt": cut(sources.loc[clip["audio_id"]], clip["start_ms"], clip["end_ms"]),
            }
        )
    head = ("rank", "recording", "time", "what was heard", "lowest confidence", "expected errors", "listen")
    return {
        "budget_s": budget_s,
        "low": f"{_LOW:g}",
        "longest_s": LONGEST_MS // 1000,
        "table": Table(head, numeric=(0, 4, 5)),
        "places": shown,
    }


def recordings(findings: Findings, most: int) -> Section | None:
    """Return the worst recordings, with reference and transcript side by side."""
    if findings.errors is None or findings.alignments is None or not most:
        return None
    sources = findings.corpus.recordings.set_index("audio_id")
    shown = []
    for row in worst_recordings(findings.errors, most).to_dict("records"):
        audio_id = row["audio_id"]
        aligned = findings.alignments[(findings.alignments["audio_id"] == audio_id).to_numpy(bool)]
        densest = excerpt(aligned, _PAIRS)
        n_words = count(int(row["reference_words"]), "word")
        recording = {
            "audio_id": audio_id,
            "rate": f"{percent(row['wer'])} of {n_words}" if known(row["wer"]) else "no rate",
            "n_aligned": len(aligned),
            "n_shown": len(densest),
            "excerpt": None,
            "paragraphs": show.alignment(densest, audio_id, context=_CONTEXT).paragraphs(),
        }
        span_ms = worst_place(aligned)
        if span_ms is not None and audio_id in sources.index:
            recording |= {
                "excerpt": cut(sources.loc[audio_id], *span_ms),
                "name": f"{audio_id} at {clock(span_ms[0])}",
                "time": _span(*span_ms),
            }
        shown.append(recording)
    return {"few_words": FEW_WORDS, "context": _CONTEXT, "recordings": shown}


def failures(findings: Findings) -> Section | None:
    """Return the recordings that failed, with the reasons."""
    failed = findings.corpus.failed.recordings
    if failed.empty:
        return None
    rows = list(failed[["audio_id", "error_type", "error_message"]].head(_ROWS).itertuples(index=False))
    return {
        "count": count(len(failed), "recording"),
        "most": _ROWS if len(failed) > _ROWS else None,
        "table": Table(("recording", "why", "message"), rows),
    }


def provenance(findings: Findings) -> Section:
    """Return the origin of the transcripts."""
    runs = findings.corpus.provenance.get("runs", [])
    shown = []
    for run in runs[:_ROWS]:
        options = run.get("options") or {}
        lines = json.dumps(options, ensure_ascii=False, indent=1, sort_keys=True).splitlines()
        shown.append(
            {
                "time": str(run.get("created_at", ""))[:16].replace("T", " "),
                "service": run.get("service"),
                "model": run.get("model"),
                "soniox_ds": run.get("soniox_ds"),
                "options": options,
                "option_text": json.dumps(options, ensure_ascii=False),
                "option_lines": lines if len(options) > 2 else [],
            }
        )
    used = findings.corpus.recordings.groupby(_ORIGIN, dropna=False).size().reset_index(name="n")
    services = Table(
        ("service", "model asked for", "model that answered", "hash of the options", "recordings"),
        [(*row[:4], int(row[4])) for row in used.itertuples(index=False)],
        "What transcribed how many recordings",
        numeric=(4,),
    )
    head = ("run, UTC", "service", "model", "soniox_ds", "options")
    return {"services": services, "table": Table(head, caption=count(len(runs), "run")), "runs": shown}


def conventions(findings: Findings) -> Section:
    """Return the conventions behind the numbers."""
    if findings.errors is None or findings.overall is None:
        return {"errors": None}
    row = findings.overall.iloc[0]
    return {
        "errors": {
            "normalizers": ", ".join(map(str, findings.errors["normalizer"].dropna().unique())) or "none",
            "ci": f"{row['ci']:.0%}",
            "has_interval": known(row["method"]),
            "method": row["method"],
            "replicates": int(row["replicates"]),
            "seed": row["seed"],
            "block": row["block"],
            "neutral_words": _neutral_words(row) if known(row["neutral_wer"]) else "",
        }
    }


def terms(contents: Mapping[str, Section | None]) -> Section | None:
    """Return the explanations of the technical terms in the other sections."""
    used = explanations(names_in(contents))
    return {"terms": used} if used else None


def _neutral_words(row: pd.Series[Any]) -> str:
    if row["neutral_words"] == row["reference_words"]:
        return f"all {row['neutral_words']:,}"
    return (
        f"{row['neutral_words']:,} of {row['reference_words']:,} reference words, those of recordings in English, "
        "German, Spanish and French"
    )


def _span(start_ms: Any, end_ms: Any) -> str:
    return f"{clock(start_ms, tenths=True)} to {clock(end_ms, tenths=True)}"
