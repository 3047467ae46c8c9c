"""Tables of speakers and diarization errors."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, BLOCK, INTERVAL, NOTE, SCORED, Column, Table, rate

__all__ = [
    "DIARIZATION_ERRORS",
    "DIARIZATION_SUMMARY",
    "SPEAKER_STATS",
    "SPEAKER_TRANSITIONS",
    "SPEAKER_WORD_ERRORS",
    "SPEAKER_WORD_SUMMARY",
]

SPEAKER_STATS = Table(
    "speaker_stats",
    "`sx.speaker_stats(corpus)`: talk time and turn-taking of each speaker of each recording "
    "([speakers](../metrics-speakers.md)).",
    {
        "audio_id": AUDIO_ID,
        "speaker": Column("string", "label of the speaker", repeats=True),
        "talk_ms": Column("Int64", "time within the speaker's turns, each instant once"),
        "talk_share": Column("Float64", "share of the talk_ms of all speakers of the recording"),
        "turns": Column("Int64", "number of turns"),
        "mean_turn_ms": Column("Float64", "mean length of a turn"),
        "longest_turn_ms": Column("Int64", "length of the longest turn"),
        "words": Column("Int64", "number of words; NA if only turns were given"),
        "words_per_minute": Column("Float64", "words per minute of talk_ms; NA if only turns were given"),
        "overlap_ms": Column("Int64", "part of talk_ms during which someone else talks too"),
        "backchannels": Column("Int64", "number of turns within one turn of someone else, which do not take the floor"),
        "floor_taken": Column("Int64", "number of times that the speaker took the floor from someone else"),
        "median_offset_ms": Column(
            "Float64", "median time from the other's end to the speaker's start over floor_taken; negative for overlaps"
        ),
        "gaps": Column("Int64", "number of floor_taken at or after the other's end"),
        "mean_gap_ms": Column("Float64", "mean silence of those gaps"),
        "interruptions": Column("Int64", "number of floor_taken well before the other's end"),
        "interrupted": Column("Int64", "number of times that someone else interrupted the speaker"),
    },
)

SPEAKER_TRANSITIONS = Table(
    "speaker_transitions",
    "`sx.metrics.speaker_transitions(corpus)`: one row for each change of the floor.",
    {
        "audio_id": AUDIO_ID,
        "from_speaker": Column("string", "speaker who had the floor", repeats=True),
        "to_speaker": Column("string", "speaker who took the floor", repeats=True),
        "at_ms": Column("Int64", "start of the turn that took the floor"),
        "offset_ms": Column("Int64", "silence before the turn; negative for the time during which both talked"),
        "kind": Column("string", '"gap" (0 ms or more), "overlap" (less) or "interruption" (much less)', repeats=True),
    },
)

DIARIZATION_ERRORS = Table(
    "diarization_errors",
    "`sx.diarization_errors(corpus, reference)`: diarization errors, with one row for each recording of the reference.",
    {
        "audio_id": AUDIO_ID,
        "status": SCORED,
        "scored_ms": Column(
            "Int64", "length of the scored audio, silence included; like all following columns, NA unless scored"
        ),
        "reference_ms": Column(
            "Int64", "scored reference speech, in which each of several overlapping speakers counts"
        ),
        "missed_ms": Column("Int64", "reference speech beyond the number of found speakers at each instant"),
        "false_alarm_ms": Column("Int64", "found speech beyond the number of reference speakers at each instant"),
        "confusion_ms": Column("Int64", "found speech that was assigned to the wrong speaker"),
        "der": Column(
            "Float64", "diarization error rate: the three errors over reference_ms; NA without reference speech"
        ),
        "jer": Column("Float64", "Jaccard error rate, mean over reference speakers; NA without reference speakers"),
        "speakers": Column("Int64", "number of found speakers in the scored audio"),
        "reference_speakers": Column("Int64", "number of reference speakers in the scored audio"),
        "mapping": Column(
            "string", "JSON object from found speakers to the reference speakers with whom they share speech"
        ),
        "collar_ms": Column("Int64", "time that is not scored on each side of a reference boundary", repeats=True),
        "conventions": Column("string", "all conventions in words", repeats=True),
    },
)

_RECORDINGS = {
    "recordings": Column("Int64", "number of scored recordings"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without a recording"),
    "blocks": Column("Int64", "number of blocks that were resampled"),
    "block": BLOCK,
}

DIARIZATION_SUMMARY = Table(
    "diarization_summary",
    "`sx.summarize(errors, by=...)` of diarization errors, with durations added up, and intervals. The "
    "columns of `by` come first.",
    {
        **_RECORDINGS,
        **{
            name: DIARIZATION_ERRORS[name]
            for name in ("scored_ms", "reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms")
        },
        **rate("der", DIARIZATION_ERRORS["der"].meaning),
        **rate("jer", DIARIZATION_ERRORS["jer"].meaning),
        "reference_speakers": Column("Int64", "number of reference speakers, added up over the recordings"),
        "collar_ms": DIARIZATION_ERRORS["collar_ms"],
        "conventions": DIARIZATION_ERRORS["conventions"],
        **INTERVAL,
        "note": NOTE,
    },
)

SPEAKER_WORD_ERRORS = Table(
    "speaker_word_errors",
    "`sx.speaker_word_errors(corpus, reference)`: word errors that take speakers into account.",
    {
        "audio_id": AUDIO_ID,
        "status": SCORED,
        "reference_words": Column(
            "Int64", "number of words of the reference; like all following columns, NA unless scored"
        ),
        "hypothesis_words": Column("Int64", "number of words of the transcript"),
        "reference_speakers": Column("Int64", "number of speakers of the reference with words"),
        "speakers": Column("Int64", "number of speakers of the transcript with words"),
        "cp_substitutions": Column("Int64", "substitutions of cpwer, after mapping whole speakers"),
        "cp_deletions": Column(
            "Int64", "deletions of cpwer, including all words of a reference speaker without a match"
        ),
        "cp_insertions": Column("Int64", "insertions of cpwer, including all words of a found speaker without a match"),
        "cpwer": Column("Float64", "sum of the three / reference_words; NA without reference words"),
        "tcp_substitutions": Column(
            "Int64", "substitutions of tcpwer, which aligns words only within the time collar; NA without times"
        ),
        "tcp_deletions": Column("Int64", "deletions of tcpwer; NA without times"),
        "tcp_insertions": Column("Int64", "insertions of tcpwer; NA without times"),
        "tcpwer": Column("Float64", "sum of the three / reference_words; NA without reference words or times"),
        "wder_words": Column("Int64", "number of correct and substituted words in an alignment that ignores speakers"),
        "wder_wrong": Column("Int64", "number of these words that were given to the wrong speaker"),
        "wder": Column("Float64", "wder_wrong / wder_words; NA if no word is aligned"),
        "mapping": Column("string", "JSON object from found speakers to reference speakers, as mapped for cpwer"),
        "tcp_mapping": Column("string", "JSON object, as mapped for tcpwer; NA without times"),
        "wder_mapping": Column("string", "JSON object, as mapped for wder"),
        "collar_ms": Column("Int64", "time collar of tcpwer", repeats=True),
        "normalizer": Column("string", "name and version of the normaliser of both texts", repeats=True),
    },
)

_RATES = ("cpwer", "tcpwer", "wder")

SPEAKER_WORD_SUMMARY = Table(
    "speaker_word_summary",
    "`sx.summarize(errors, by=...)` of speaker word errors, with counts added up, and intervals.",
    {
        **_RECORDINGS,
        **{
            column: definition
            for name, meaning in SPEAKER_WORD_ERRORS.items()
            if name.startswith(("reference_words", "hypothesis_words", "cp", "tcpwer", "tcp_", "wder"))
            and "mapping" not in name
            for column, definition in (rate(name, meaning.meaning) if name in _RATES else {name: meaning}).items()
        },
        "collar_ms": SPEAKER_WORD_ERRORS["collar_ms"],
        "normalizer": SPEAKER_WORD_ERRORS["normalizer"],
        **INTERVAL,
        "note": NOTE,
    },
)
