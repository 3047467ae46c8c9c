"""Sections of the report about the transcripts and their origin.

Conventions: each function returns (id, heading, HTML), or None if there is nothing to show.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from soniox_ds import show
from soniox_ds.api.prices import price_text
from soniox_ds.reports.audio import LONGEST_MS, cut
from soniox_ds.reports.elements import Markup, Section, count, facts, note, percent, player, table
from soniox_ds.reports.findings import Findings
from soniox_ds.reports.places import FEW_WORDS, excerpt, worst_place, worst_recordings
from soniox_ds.review_queue.flagging import flag_low_confidence
from soniox_ds.show.alignment_view import legend
from soniox_ds.show.markup import clock, isolated, known, visible

__all__ = ["conventions", "failures", "places", "provenance", "recordings", "summary"]

_LOW = 0.5
_SECONDS_PER_CLIP = 12
_ROWS = 50
_MADE_BY = ["service", "model", "resolved_model", "options_hash"]
_PAIRS = 250
_CONTEXT = 8


def summary(found: Findings) -> Section:
    """Write the counts and the overall error rate."""
    corpus, words = found.corpus, found.words
    done, failed = len(corpus.completed), len(corpus.failed)
    own: list[tuple[str, Any]] = [
        ("recordings", len(corpus)),
        ("completed", done),
        ("failed", failed),
        ("audio", f"{corpus.hours:,.2f} hours" if corpus.hours >= 1 else f"{corpus.hours * 60:,.1f} minutes"),
        ("words", len(words)),
    ]
    remarks = []
    if found.overall is not None:
        row = found.overall.iloc[0]
        if known(row["note"]):
            remarks.append(f"Word error rate: {row['note']}")
        own.insert(0, ("word error rate", percent(row["wer"], row["wer_low"], row["wer_high"])))
        if known(row["neutral_wer"]):
            neutral = percent(row["neutral_wer"], row["neutral_wer_low"], row["neutral_wer_high"])
            own.insert(1, ("formatting-neutral word error rate", neutral))
            if row["neutral_words"] < row["reference_words"]:
                remarks.append(f"The formatting-neutral rate is of {_neutral_words(row)}.")
    confidence = words["confidence"].dropna().astype("Float64")
    if len(confidence):
        own.append(("mean confidence", f"{confidence.mean():.3f}"))
        own.append((f"words below {_LOW:g}", percent(float((confidence < _LOW).mean()))))
    languages = words["language"].value_counts()
    if len(languages):
        most = ", ".join(f"{code} {share:.0%}" for code, share in (languages / languages.sum()).head(5).items())
        own.append(("languages, by words", most))
    if words["speaker"].notna().any():
        voices = words.dropna(subset=["speaker"]).groupby("audio_id", observed=True)["speaker"].nunique()
        own.append(("speakers in a recording", f"{voices.min()} to {voices.max()}"))
    cost = corpus.cost_usd
    if known(cost):
        own.append(("cost by list price", price_text(cost)))
    warned = corpus.recordings[corpus.recordings["warnings"].notna().to_numpy(bool)]
    parts = [facts(own), *map(note, remarks)]
    if len(warned):
        rows = [
            (slug, int(number))
            for slug, number in warned["warnings"].str.split().explode().value_counts().head(_ROWS).items()
        ]
        parts.append(table(("warning", "recordings"), rows, caption="What looks wrong", numeric=(1,)))
    return "summary", "Summary", "".join(parts)


def places(found: Findings, most: int) -> Section | None:
    """Write the least confident places, with audio."""
    words = found.words
    if not most or not words[["start_ms", "end_ms", "confidence"]].notna().all(axis=1).any():
        return None
    budget_s = most * _SECONDS_PER_CLIP
    clips = flag_low_confidence(found.corpus, review_budget_s=budget_s).head(most)
    sources = found.corpus.recordings.set_index("audio_id")
    rows = []
    for clip in clips.to_dict("records"):
        piece = cut(sources.loc[clip["audio_id"]], clip["start_ms"], clip["end_ms"])
        name = f"{clip['audio_id']} at {clock(clip['start_ms'])}"
        rows.append(
            (
                int(clip["rank"]),
                clip["audio_id"],
                _span(clip["start_ms"], clip["end_ms"]),
                Markup(_marked(words, clip)),
                f"{clip['min_confidence']:.2f}",
                f"{clip['expected_errors']:.1f}",
                player(piece, name),
            )
        )
    head = ("rank", "recording", "time", "what was heard", "lowest confidence", "expected errors", "listen")
    said = note(
        f"The places to listen to first if there are {budget_s} seconds: those where the recogniser was least sure, by "
        f"expected errors per second of audio. Words below {_LOW:g} are underlined. Clips last {LONGEST_MS // 1000} s "
        "at most."
    )
    return "places", "Least confident places", said + table(head, rows, numeric=(0, 4, 5))


def recordings(found: Findings, most: int) -> Section | None:
    """Write the worst recordings, with reference and transcript side by side."""
    if found.errors is None or found.alignments is None or not most:
        return None
    worst = worst_recordings(found.errors, most)
    if worst.empty:
        return "recordings", "Worst recordings", note("No scored recording has an error.")
    sources = found.corpus.recordings.set_index("audio_id")
    parts = [
        note(
            f"The highest word error rates; recordings of fewer than {FEW_WORDS} reference words come last. Right "
            f"words are shown once, up to {_CONTEXT} of them beside an error; the audio is where errors are densest."
        ),
        f'<p class="note">{legend()}</p>',
    ]
    for row in worst.to_dict("records"):
        audio_id = row["audio_id"]
        own = found.alignments[(found.alignments["audio_id"] == audio_id).to_numpy(bool)]
        shown = excerpt(own, _PAIRS)
        head = (
            f"{percent(row['wer'])} of {count(int(row['reference_words']), 'word')}" if known(row["wer"]) else "no rate"
        )
        parts.append(f"<h3>{isolated(audio_id)}: {head}</h3>")
        if len(shown) < len(own):
            parts.append(note(f"{len(shown):,} of {len(own):,} aligned words, where errors are densest."))
        place = worst_place(own)
        if place is not None and audio_id in sources.index:
            sound = player(cut(sources.loc[audio_id], *place), f"{audio_id} at {clock(place[0])}")
            parts.append(f"<p>{sound} {visible(_span(*place))}</p>")
        parts.append(f'<div class="aligned">{show.alignment(shown, audio_id, context=_CONTEXT).body()}</div>')
    return "recordings", "Worst recordings", "".join(parts)


def failures(found: Findings) -> Section | None:
    """List the recordings that failed, with the reasons."""
    failed = found.corpus.failed.recordings
    if failed.empty:
        return None
    rows = failed[["audio_id", "error_type", "error_message"]].head(_ROWS).itertuples(index=False)
    more = f" The first {_ROWS} are shown." if len(failed) > _ROWS else ""
    said = note(
        f"{count(len(failed), 'recording')} failed. They are in no error rate, and not scored as silence.{more}"
    )
    return "failed", "Failed recordings", said + table(("recording", "why", "message"), rows)


def provenance(found: Findings) -> Section:
    """Write the origin of the transcripts."""
    made = found.corpus.provenance
    runs = made.get("runs", [])
    own = [
        (
            str(run.get("created_at", ""))[:16].replace("T", " "),
            run.get("service"),
            run.get("model"),
            run.get("soniox_ds"),
            _options(run),
        )
        for run in runs[:_ROWS]
    ]
    used = found.corpus.recordings.groupby(_MADE_BY, dropna=False).size().reset_index(name="n")
    services = table(
        ("service", "model asked for", "model that answered", "hash of the options", "recordings"),
        [(*row[:4], int(row[4])) for row in used.itertuples(index=False)],
        caption="What transcribed how many recordings",
        numeric=(4,),
    )
    head = ("run, UTC", "service", "model", "soniox_ds", "options")
    listed = table(head, own, caption=count(len(runs), "run")) if own else note("No run is on record.")
    return "provenance", "Provenance", services + listed


def conventions(found: Findings) -> Section:
    """Write the conventions behind the numbers."""
    points = [
        "Confidence of a word: the lowest confidence of its pieces that hold a letter or digit.",
        "Expected errors of a place: the sum of 1 − confidence over its words; never better than the confidences are.",
        "All figures are about the spoken words, without translations.",
    ]
    if found.errors is not None and found.overall is not None:
        normalizers = ", ".join(map(str, found.errors["normalizer"].dropna().unique())) or "none"
        row = found.overall.iloc[0]
        points = [
            f"Word errors: both texts were normalised by “{normalizers}”, then aligned at sclite's costs (insertion 3, "
            "deletion 3, substitution 4). The rate is substitutions + deletions + insertions over the words of the "
            "reference.",
            "Rates are pooled: counts are added over recordings and divided once, never averaged.",
            f"Intervals: {row['ci']:.0%}, {row['method']} bootstrap with {row['replicates']:,} replicates and seed "
            f"{row['seed']}, resampling blocks of “{row['block']}”, since recordings of one speaker or session are not "
            "independent.",
            _neutral(row),
            "Failed recordings and references without a recording are counted separately, never as silence.",
            *points,
        ]
    return "conventions", "Conventions", "<ul>" + "".join(f"<li>{visible(point)}</li>" for point in points) + "</ul>"


def _neutral(row: pd.Series[Any]) -> str:
    """Describe how the formatting-neutral rate was computed, or why there is none."""
    if not known(row["neutral_wer"]):
        return (
            "There is no formatting-neutral word error rate: it needs the normaliser “basic” and the language of the "
            "recordings, one of English, German, Spanish and French (the option language says it)."
        )
    return (
        "Formatting-neutral: numbers, times, currencies and spellings that are written in another way are not errors "
        "(“7” for “seven”, “$15.20” for “fifteen dollars and twenty cents”). The remaining errors are divided by "
        f"the words of the reference: {_neutral_words(row)}."
    )


def _neutral_words(row: pd.Series[Any]) -> str:
    if row["neutral_words"] == row["reference_words"]:
        return f"all {row['neutral_words']:,}"
    return (
        f"{row['neutral_words']:,} of {row['reference_words']:,} reference words, those of recordings in English, "
        "German, Spanish and French"
    )


def _span(start_ms: Any, end_ms: Any) -> str:
    return f"{clock(start_ms)}, {(int(end_ms) - int(start_ms)) / 1000:.1f} s"


def _marked(words: pd.DataFrame, clip: dict[Any, Any]) -> str:
    """Return the words of a clip as HTML, with those of low confidence underlined."""
    inside = (words["audio_id"] == clip["audio_id"]) & (words["word_index"] >= clip["first_word"])
    own = words[(inside & (words["end_ms"] <= clip["end_ms"])).fillna(False).to_numpy(bool)]
    parts = []
    for text, confidence, spaced in zip(own["text"], own["confidence"], own["space_before"], strict=True):
        low = known(confidence) and confidence < _LOW
        said = f'<u title="confidence {confidence:.2f}">{visible(text)}</u>' if low else visible(text)
        parts.append((" " if spaced else "") + said)
    return f"<bdi>{''.join(parts).strip()}</bdi>"


def _options(run: dict[str, Any]) -> Markup:
    options = run.get("options") or {}
    shown = json.dumps(options, ensure_ascii=False, indent=1, sort_keys=True)
    lines = "\n".join(visible(line.strip()) for line in shown.splitlines()) if len(options) else "none"
    if len(options) <= 2:
        return Markup(f"<code>{visible(json.dumps(options, ensure_ascii=False))}</code>" if options else "none")
    return Markup(f"<details><summary>{len(options)} options</summary><pre>{lines}</pre></details>")
