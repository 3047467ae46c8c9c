"""The recordings in data/samples are what their manifest, turns and README say; nothing is recognised here."""

import csv
import importlib.util
import re
import sys
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pytest

SAMPLES = Path(__file__).parent.parent / "data" / "samples"
COLUMNS = ["audio_id", "source", "reference", "speaker", "accent", "gender", "topic", "condition", "kind", "terms"]
EXTENSIONS = {".wav", ".mp3", ".flac", ".ogg", ".m4a", ".webm"}
CODECS = {
    ".wav": "pcm_s16le",
    ".mp3": "mp3",
    ".flac": "flac",
    ".ogg": "opus",
    ".m4a": "aac",
    ".webm": "opus",
}


def read_manifest():
    # quoted and empty is the text "", nothing between the commas is a missing value
    nullable = pa.csv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False)
    return pa.csv.read_csv(SAMPLES / "manifest.csv", convert_options=nullable).to_pylist()


def rttm_lines():
    return (SAMPLES / "turns.rttm").read_text(encoding="utf-8").splitlines()


@dataclass
class Decoded:
    codec: str
    channels: int
    signal: np.ndarray
    rate_hz: int

    @property
    def duration_s(self):
        return len(self.signal) / self.rate_hz

    def frame_dbfs(self):
        """The level of each 10 ms."""
        size = self.rate_hz // 100
        frames = self.signal[: len(self.signal) // size * size].reshape(-1, size).astype(float)
        return 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)


def decode(path):
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", "mono", stream.rate)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        frames += resampler.resample(None)
        signal = np.concatenate([frame.to_ndarray()[0] for frame in frames])
        codec = stream.codec_context.name.removesuffix("float")
        return Decoded(codec, stream.channels, signal, stream.rate)


def speech_level(dbfs):
    """The level over the frames within 40 dB of the loudest one."""
    spoken = dbfs[dbfs > dbfs.max() - 40]
    return 10 * np.log10(np.mean(10 ** (spoken / 10)))


MANIFEST = read_manifest()
by_recording = pytest.mark.parametrize("row", MANIFEST, ids=[row["audio_id"] for row in MANIFEST])
conversations = pytest.mark.parametrize(
    "row", [row for row in MANIFEST if row["kind"] == "conversation"], ids=lambda row: row["audio_id"]
)


@pytest.fixture(scope="module")
def decoded():
    return {row["audio_id"]: decode(SAMPLES / row["source"]) for row in MANIFEST}


@pytest.fixture(scope="module")
def turns_of():
    """Return the (start_s, end_s, speaker) of each turn, by recording."""
    turns = defaultdict(list)
    for _, audio_id, _, start_s, duration_s, _, _, speaker, *_ in (line.split(" ") for line in rttm_lines()):
        turns[audio_id].append((float(start_s), float(start_s) + float(duration_s), speaker))
    return dict(turns)


def test_small_together():
    assert sum(path.stat().st_size for path in SAMPLES.iterdir() if path.is_file()) < 3_000_000


def test_manifest_lists_every_recording_once():
    found = sorted(path.name for path in SAMPLES.iterdir() if path.suffix in EXTENSIONS)
    assert sorted(row["source"] for row in MANIFEST) == found
    assert [row["audio_id"] for row in MANIFEST] == [Path(row["source"]).stem for row in MANIFEST]
    assert len({row["audio_id"] for row in MANIFEST}) == len(MANIFEST) >= 14


def test_manifest_columns_and_values():
    assert all(list(row) == COLUMNS for row in MANIFEST)
    assert {row["condition"] for row in MANIFEST} == {"clean", "noisy", "silent"}
    assert {row["kind"] for row in MANIFEST} == {"reading", "conversation", None}
    assert {row["accent"] for row in MANIFEST} == {"US", "UK", "mixed", None}
    assert {row["gender"] for row in MANIFEST} == {"female", "male", "mixed", None}
    assert all(row["topic"] for row in MANIFEST)
    assert len({row["speaker"] for row in MANIFEST} - {None}) >= 6


def test_only_the_silent_recording_has_an_empty_reference_and_none_lacks_one():
    assert {row["audio_id"] for row in MANIFEST if row["reference"] == ""} == {"quiet_room"}
    assert {row["audio_id"] for row in MANIFEST if row["condition"] == "silent"} == {"quiet_room"}
    assert all(row["reference"] is not None for row in MANIFEST)


def test_turns_are_well_formed_rttm():
    number = r"\d+\.\d{3}"
    line_form = re.compile(rf"SPEAKER [a-z_]+ 1 {number} {number} <NA> <NA> [ab][fm]_[a-z]+ <NA> <NA>")
    assert [line for line in rttm_lines() if not line_form.fullmatch(line)] == []
    assert len(rttm_lines()) > len(MANIFEST)


def test_other_readers_see_the_same_texts():
    with open(SAMPLES / "manifest.csv", encoding="utf-8", newline="") as file:
        plain = [row["reference"] for row in csv.DictReader(file)]
    kept = pd.read_csv(SAMPLES / "manifest.csv", keep_default_na=False)["reference"].tolist()
    assert plain == kept == [row["reference"] for row in MANIFEST]


def test_terms_stand_in_the_reference():
    told = {row["audio_id"]: row["terms"].split(";") for row in MANIFEST if row["terms"]}
    assert sorted(told) == ["clinic_note", "release_note"]
    for row in MANIFEST:
        assert all(term in row["reference"] for term in told.get(row["audio_id"], []))


def test_manifest_and_turns_say_what_the_sentences_say(monkeypatch, turns_of):
    spec = importlib.util.spec_from_file_location("sample_sentences", SAMPLES / "sentences.py")
    sentences = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, sentences)
    spec.loader.exec_module(sentences)
    written = {
        s.audio_id: (s.file, s.reference, s.condition, s.kind or None, s.topic, ";".join(s.terms) or None)
        for s in sentences.SAMPLES
    }
    fields = ("source", "reference", "condition", "kind", "topic", "terms")
    assert {row["audio_id"]: tuple(row[field] for field in fields) for row in MANIFEST} == written
    speakers = {s.audio_id: [turn.voice for turn in s.turns] for s in sentences.SAMPLES if s.turns}
    assert {audio_id: [turn[2] for turn in turns] for audio_id, turns in turns_of.items()} == speakers


def test_turns_with_text_are_the_same_turns(turns_of):
    table = pd.read_csv(SAMPLES / "turns.csv")
    assert list(table) == ["audio_id", "speaker", "start_ms", "end_ms", "text"]
    for audio_id, own in table.groupby("audio_id"):
        assert list(map(tuple, own[["start_ms", "end_ms"]].to_numpy() / 1000)) == [
            pytest.approx(turn[:2]) for turn in turns_of[audio_id]
        ]
        assert list(own["speaker"]) == [turn[2] for turn in turns_of[audio_id]]
    joined = table.groupby("audio_id")["text"].agg(" ".join).to_dict()
    assert joined == {row["audio_id"]: row["reference"] for row in MANIFEST if row["reference"]}


@by_recording
def test_turns_fit_the_manifest(row, turns_of):
    turns = turns_of.get(row["audio_id"], [])
    voices = {speaker for _, _, speaker in turns}
    expected = {None: 0, "reading": 1, "conversation": 2}[row["kind"]]
    assert len(voices) == expected
    assert row["speaker"] == (min(voices) if expected == 1 else None)
    accents = {{"a": "US", "b": "UK"}[voice[0]] for voice in voices}
    genders = {{"f": "female", "m": "male"}[voice[1]] for voice in voices}
    assert row["accent"] == ("mixed" if len(accents) > 1 else min(accents, default=None))
    assert row["gender"] == ("mixed" if len(genders) > 1 else min(genders, default=None))


@by_recording
def test_decodes_as_one_channel_of_speech_that_does_not_clip(row, decoded):
    recording = decoded[row["audio_id"]]
    assert recording.codec == CODECS[Path(row["source"]).suffix]
    assert recording.channels == 1
    assert 1 < recording.duration_s < 45
    assert np.abs(recording.signal).max() < 0.99


@by_recording
def test_speech_lies_where_the_turns_say(row, decoded, turns_of):
    recording = decoded[row["audio_id"]]
    if row["condition"] == "silent":
        assert recording.duration_s == pytest.approx(10, abs=0.01)
        assert recording.frame_dbfs().max() < -65
        assert row["audio_id"] not in turns_of
        return
    turns = turns_of[row["audio_id"]]
    first_s, last_s = turns[0][0], max(end_s for _, end_s, _ in turns)
    assert 0.25 <= first_s <= 0.6
    assert 0.3 <= recording.duration_s - last_s <= 0.7
    dbfs = recording.frame_dbfs()
    if row["condition"] == "noisy":
        # speech and noise together over noise alone; the noise swells by up to 2.3 dB either way
        noise = 10 * np.log10(np.mean(10 ** (dbfs[: int(first_s * 100)] / 10)))
        assert speech_level(dbfs[int(first_s * 100) : int(last_s * 100)]) - noise == pytest.approx(10, abs=3)
        return
    spoken = np.flatnonzero(dbfs > dbfs.max() - 40) / 100
    assert spoken[0] == pytest.approx(first_s, abs=0.03)
    assert spoken[-1] + 0.01 == pytest.approx(last_s, abs=0.03)
    assert np.diff(spoken).max() < 0.8  # no long silences


@conversations
def test_a_conversation_has_short_gaps_and_alternating_speakers_of_like_loudness(row, decoded, turns_of):
    turns = turns_of[row["audio_id"]]
    gaps_s = [after[0] - before[1] for before, after in pairwise(turns)]
    overlaps_s = [-gap for gap in gaps_s if gap < 0]
    assert max(gaps_s) < 0.6
    assert overlaps_s == ([pytest.approx(0.3)] if row["audio_id"] == "choir_practice" else [])
    assert all(before[2] != after[2] for before, after in pairwise(turns))
    dbfs = decoded[row["audio_id"]].frame_dbfs()
    levels = defaultdict(list)
    for start_s, end_s, speaker in turns:
        levels[speaker].append(speech_level(dbfs[int(start_s * 100) : int(end_s * 100)]))
    one, other = (np.mean(own) for own in levels.values())
    assert abs(one - other) < 1.5


def test_the_readme_names_every_recording_with_its_length(decoded):
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    stated = {
        file: float(seconds) for file, seconds in re.findall(r"^\| `(\S+\.\w+)` \| ([\d.]+) \|", readme, re.MULTILINE)
    }
    measured = {row["source"]: pytest.approx(decoded[row["audio_id"]].duration_s, abs=0.06) for row in MANIFEST}
    assert stated == measured
