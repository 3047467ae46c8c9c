"""Speakers: how they talked, and whether they were told apart."""

from __future__ import annotations

from soniox_ds.schema.columns import AUDIO_ID, SCORED, Column, Table

__all__ = [
    "DIARIZATION_ERRORS",
    "DIARIZATION_SUMMARY",
    "SPEAKER_STATS",
    "SPEAKER_TRANSITIONS",
    "SPEAKER_WORD_ERRORS",
    "SPEAKER_WORD_SUMMARY",
]

SPEAKER_STATS: Table = {
    "audio_id": AUDIO_ID,
    "speaker": Column("string", "label of the speaker", repeats=True),
    "talk_ms": Column("Int64", "time within the speaker's turns, each instant once"),
    "talk_share": Column("Float64", "of the talk_ms of all speakers of the recording"),
    "turns": Column("Int64", "number of turns"),
    "mean_turn_ms": Column("Float64", "mean length of a turn"),
    "longest_turn_ms": Column("Int64", "length of the longest turn"),
    "words": Column("Int64", "number of words; NA where only turns were given"),
    "words_per_minute": Column("Float64", "words per minute of talk_ms; NA where only turns were given"),
    "overlap_ms": Column("Int64", "of talk_ms, while someone else talks too"),
    "backchannels": Column("Int64", "turns that lie within one turn of someone else: they do not take the floor"),
    "floor_taken": Column("Int64", "how often the speaker took the floor from someone else"),
    "median_offset_ms": Column(
        "Float64", "from the other's end to the speaker's start, median over floor_taken; negative: before that end"
    ),
    "gaps": Column("Int64", "of floor_taken, those at or after the other's end"),
    "mean_gap_ms": Column("Float64", "mean silence of those gaps"),
    "interruptions": Column("Int64", "of floor_taken, those well before the other's end"),
    "interrupted": Column("Int64", "how often someone else did so to the speaker"),
}

SPEAKER_TRANSITIONS: Table = {
    "audio_id": AUDIO_ID,
    "from_speaker": Column("string", "who had the floor", repeats=True),
    "to_speaker": Column("string", "who took it", repeats=True),
    "at_ms": Column("Int64", "start of the turn that took it"),
    "offset_ms": Column("Int64", "silence before it; negative: how long both talked"),
    "kind": Column("string", '"gap" (0 ms or more), "overlap" (less) or "interruption" (much less)', repeats=True),
}

DIARIZATION_ERRORS: Table = {
    "audio_id": AUDIO_ID,
    "status": SCORED,
    "scored_ms": Column("Int64", "audio that was scored, silence included; NA unless scored, as all that follows"),
    "reference_ms": Column("Int64", "reference speech in it, overlapping speakers counted each"),
    "missed_ms": Column("Int64", "reference speech beyond the number of speakers found at that instant"),
    "false_alarm_ms": Column("Int64", "speech found beyond the number of reference speakers at that instant"),
    "confusion_ms": Column("Int64", "speech found that is somebody else's"),
    "der": Column("Float64", "diarization error rate: the three errors over reference_ms; NA without reference speech"),
    "jer": Column("Float64", "Jaccard error rate, mean over reference speakers; NA without any"),
    "speakers": Column("Int64", "number of speakers found in what is scored"),
    "reference_speakers": Column("Int64", "number of reference speakers in it"),
    "mapping": Column("string", "JSON: the reference speaker of each found one that shares speech with it"),
    "collar_ms": Column("Int64", "not scored to each side of a reference boundary", repeats=True),
    "conventions": Column("string", "all conventions in words", repeats=True),
}

DIARIZATION_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without recording"),
    **{
        name: DIARIZATION_ERRORS[name]
        for name in ("scored_ms", "reference_ms", "missed_ms", "false_alarm_ms", "confusion_ms", "der", "jer")
    },
    "reference_speakers": Column("Int64", "number of reference speakers, those of each recording counted anew"),
    "collar_ms": DIARIZATION_ERRORS["collar_ms"],
    "conventions": DIARIZATION_ERRORS["conventions"],
}

SPEAKER_WORD_ERRORS: Table = {
    "audio_id": AUDIO_ID,
    "status": SCORED,
    "reference_words": Column("Int64", "words of the reference; NA unless scored, as all that follows"),
    "hypothesis_words": Column("Int64", "words of the transcript"),
    "reference_speakers": Column("Int64", "speakers of the reference that say a word"),
    "speakers": Column("Int64", "speakers of the transcript that say a word"),
    "cp_substitutions": Column("Int64", "after mapping whole speakers"),
    "cp_deletions": Column("Int64", "the same; all words of a reference speaker without a match"),
    "cp_insertions": Column("Int64", "the same; all words of a found speaker without a match"),
    "cpwer": Column("Float64", "the three over reference_words; NA without reference words"),
    "tcp_substitutions": Column("Int64", "as before, words aligned only within the time collar; NA without times"),
    "tcp_deletions": Column("Int64", "the same"),
    "tcp_insertions": Column("Int64", "the same"),
    "tcpwer": Column("Float64", "the three over reference_words; NA without reference words or times"),
    "wder_words": Column("Int64", "correct and substituted words of one alignment that ignores speakers"),
    "wder_wrong": Column("Int64", "of these, the words given to the wrong speaker"),
    "wder": Column("Float64", "wder_wrong over wder_words; NA where no word is aligned"),
    "mapping": Column("string", "JSON: the reference speaker of each found one, as cpwer maps them"),
    "tcp_mapping": Column("string", "JSON: the same for tcpwer; NA without times"),
    "wder_mapping": Column("string", "JSON: the same for wder"),
    "collar_ms": Column("Int64", "time collar of tcpwer", repeats=True),
    "normalizer": Column("string", "name and version of what both texts were normalised with", repeats=True),
}

SPEAKER_WORD_SUMMARY: Table = {
    "recordings": Column("Int64", "number of scored recordings"),
    "failed": Column("Int64", "number of recordings whose transcription failed"),
    "missing": Column("Int64", "number of references without recording"),
    **{
        name: column
        for name, column in SPEAKER_WORD_ERRORS.items()
        if name.startswith(("reference_words", "hypothesis_words", "cp", "tcpwer", "tcp_", "wder"))
        and "mapping" not in name
    },
    "collar_ms": SPEAKER_WORD_ERRORS["collar_ms"],
    "normalizer": SPEAKER_WORD_ERRORS["normalizer"],
}
