"""Transcripts for the tests of file formats."""

from __future__ import annotations

import pandas as pd

import soniox_ds as sx

ODD_TEXTS = {
    "markup": 'He said <i>no</i> & "a < b" {\\an8} --> so &amp; on.',
    "arabic": "مرحبا، كيف حالك اليوم؟",
    "hebrew": "שלום, מה שלומך?",
    "chinese": "今天天气很好，我们一起去公园散步吧。",
    "tabs": "one\ttwo\nthree\u2028four",
    "numbers": "42",
    "comment": ";; no comment (really)",
}
"""Texts that formats may confuse with their own signs."""


def tokens_of(texts, speakers=None, *, step_ms=400, **columns):
    """Return tokens of recordings: a token for each word, 300 ms long, in steps of 400 ms."""
    rows = []
    for audio_id, text in texts.items():
        for index, word in enumerate(text.split()):
            start = index * step_ms
            rows.append(
                {
                    "audio_id": audio_id,
                    "token_index": index,
                    "text": f" {word}",
                    "start_ms": start,
                    "end_ms": start + 300,
                    "confidence": 0.5 + (index % 5) / 10,
                    "speaker": (speakers or {}).get(audio_id, "1"),
                    **columns,
                }
            )
    return pd.DataFrame(rows)


def corpus_of(texts, speakers=None, *, failed=(), **columns):
    """Return a corpus with a completed recording for each text, and failed ones."""
    rows = [{"audio_id": name, "status": "completed"} for name in texts]
    rows += [{"audio_id": name, "status": "failed"} for name in failed]
    tokens = tokens_of(texts, speakers, **columns)
    return sx.Corpus(pd.DataFrame(rows), tokens if len(tokens) else None)


def segments_of(rows):
    """Return a table of segments of rows (audio_id, speaker, start_ms, end_ms, text)."""
    return pd.DataFrame(rows, columns=["audio_id", "speaker", "start_ms", "end_ms", "text"])


def translated_tokens():
    """Return the tokens of two speakers with translations into two languages, as a two-way translation has them."""
    rows = [
        (" Good", 0, 300, "1", "en", "original", None),
        (" morning.", 400, 900, "1", "en", "original", None),
        (" Guten", None, None, "1", "de", "translation", "en"),
        (" Morgen.", None, None, "1", "de", "translation", "en"),
        (" Wie", 3000, 3300, "2", "de", "original", None),
        (" geht's?", 3400, 4500, "2", "de", "original", None),
        (" How are you?", None, None, "2", "en", "translation", "de"),
        (" Fine.", 5000, 5500, "1", "en", "original", None),
        (" Gut.", None, None, "1", "de", "translation", "en"),
    ]
    names = ["text", "start_ms", "end_ms", "speaker", "language", "translation_status", "source_language"]
    return pd.DataFrame(rows, columns=names).assign(audio_id="talk", token_index=range(len(rows)))
