"""Azure Speech: the result files of batch transcription, and the response of fast transcription.

Conventions: batch times are ticks of 100 ns, those of fast transcription milliseconds. The first entry of `nBest` is
read. `displayWords` and the words of fast transcription hold the text with punctuation. The lexical `words` of batch
transcription have confidences and no punctuation; a display word gets the confidence of the lexical word at the same
time. Lexical words are read if there are no others. Words without a confidence get that of their phrase. Channels count
from 0 there and from 1 here. Source: `PAGE`, and https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create
"""

from __future__ import annotations

from collections.abc import Iterator

from soniox_ds.io.json_nodes import JsonNode
from soniox_ds.io.transcript import TimedWord, Transcript

__all__ = ["PAGE", "TITLE", "recognises", "transcripts"]

TITLE = "Azure Speech"
PAGE = "https://learn.microsoft.com/azure/ai-services/speech-service/batch-transcription-get"
TICKS_PER_S = 10_000_000


def recognises(document: JsonNode) -> bool:
    """Return True for a result of batch transcription or of fast transcription."""
    return document.has("recognizedPhrases") or document.has("combinedPhrases", "phrases")


def transcripts(document: JsonNode) -> Iterator[Transcript]:
    """Yield the transcript of the document."""
    if document.has("recognizedPhrases"):
        yield _batch(document)
    else:
        yield _fast(document)


def _batch(document: JsonNode) -> Transcript:
    has_channels = len(list(document.get("combinedRecognizedPhrases") or ())) > 1
    words: list[TimedWord] = []
    for phrase in document["recognizedPhrases"]:
        # A phrase that was not recognised has no entries; its status is not "Success".
        for best in list(phrase.get("nBest") or ())[:1]:
            lexical = best.get_items("words")
            timed = best.get_items("displayWords") or lexical
            with_times = (word for word in lexical if word.has("offsetInTicks", "durationInTicks"))
            confidences = {_ticks(word): word.get_confidence("confidence") for word in with_times}
            for piece in timed or [phrase]:
                text = piece.get_text("displayText") or piece["word"].text() if timed else best["display"].text()
                start_ms = piece["offsetInTicks"].ms(TICKS_PER_S)
                confidence = confidences.get(_ticks(piece))
                words.append(
                    TimedWord(
                        f" {text}",
                        start_ms,
                        start_ms + piece["durationInTicks"].ms(TICKS_PER_S),
                        best.get_confidence("confidence") if confidence is None else confidence,
                        phrase.get_text("speaker"),
                        phrase.get_language("locale"),
                        phrase.get_channel("channel", first=0) if has_channels else None,
                    )
                )
    return Transcript(words, duration_ms=document.get_ms("durationInTicks", units_per_s=TICKS_PER_S))


def _ticks(piece: JsonNode) -> tuple[int, int]:
    return piece["offsetInTicks"].ms(TICKS_PER_S), piece["durationInTicks"].ms(TICKS_PER_S)


def _fast(document: JsonNode) -> Transcript:
    words = []
    for phrase in document["phrases"]:
        for piece in phrase.get_items("words") or [phrase]:
            start_ms = piece["offsetMilliseconds"].ms(1000)
            words.append(
                TimedWord(
                    f" {piece['text'].text()}",
                    start_ms,
                    start_ms + piece["durationMilliseconds"].ms(1000),
                    phrase.get_confidence("confidence"),
                    phrase.get_text("speaker"),
                    phrase.get_language("locale"),
                    phrase.get_channel("channel", first=0),
                )
            )
    return Transcript(words, duration_ms=document.get_ms("durationMilliseconds", units_per_s=1000))
