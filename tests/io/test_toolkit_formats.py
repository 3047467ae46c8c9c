"""Kaldi folders, NeMo manifests, Lhotse supervisions and the JSON of Soniox."""

from __future__ import annotations

import gzip
import json
import random

import kaldiio
import pandas as pd
import pytest
from fuzzing import examples, mutated, seed
from transcripts import ODD_TEXTS, corpus_of, segments_of, tokens_of

import soniox_ds as sx
from soniox_ds.exceptions import SchemaError, SonioxDSError
from soniox_ds.sources.search import find_recordings

ROWS = [
    ("b.wav", "1", 1500, 3000, "Good morning\nto you"),
    ("b.wav", "1", 1500, 3000, "again"),
    ("b.wav", "2", 1000, 2000, ODD_TEXTS["arabic"]),
    ("calls/a b.wav", None, 108_000_000, 108_000_250, "late"),
]


def recordings_of(tmp_path, tiny_wav):
    paths = [tiny_wav(tmp_path / "audio" / name) for name in ("b.wav", "a b.wav")]
    corpus = corpus_of({"b.wav": "Good morning to you.", "calls/a b.wav": "late"}, failed=["c.wav"])
    recordings = corpus.recordings.assign(
        source=pd.array([*map(str, paths), None], dtype="string"),
        duration_ms=pd.array([1000, 1250, None], dtype="Int64"),
    )
    return sx.Corpus(recordings, corpus.tokens)


def test_a_kaldi_folder_holds_every_segment(tmp_path):
    sx.io.write_kaldi(segments_of(ROWS), tmp_path)
    made = sx.io.read_kaldi(tmp_path)
    assert made.drop(columns="utterance_id").fillna("-").to_numpy().tolist() == [
        ["b.wav", "1", 1500, 3000, "Good morning to you"],
        ["b.wav", "1", 1500, 3000, "again"],
        ["b.wav", "2", 1000, 2000, ODD_TEXTS["arabic"]],
        ["calls/a_b.wav", "-", 108_000_000, 108_000_250, "late"],
    ]
    for name in ("text", "segments", "utt2spk", "spk2utt"):
        lines = (tmp_path / name).read_bytes().splitlines()
        assert lines == sorted(lines)
    speakers = dict(line.split() for line in (tmp_path / "utt2spk").read_text().splitlines())
    assert list(speakers.values()) == sorted(speakers.values())  # Kaldi needs speakers in the order of utterances.
    of_speaker = dict(line.split(maxsplit=1) for line in (tmp_path / "spk2utt").read_text().splitlines())
    assert {utterance: name for name, names in of_speaker.items() for utterance in names.split()} == speakers


def test_names_of_speakers_that_kaldi_would_refuse_get_a_warning(tmp_path):
    rows = [("call", "Anna", 0, 500, "one"), ("call", "Anna, Jr.", 600, 900, "two")]
    with pytest.warns(UserWarning, match=r"speaker 'call-Anna,_Jr.' comes before 'call-Anna'"):
        sx.io.write_kaldi(segments_of(rows), tmp_path)
    assert len(sx.io.read_kaldi(tmp_path)) == 2


def test_kaldiio_finds_the_audio(tmp_path, tiny_wav):
    corpus = recordings_of(tmp_path, tiny_wav)
    with pytest.warns(UserWarning, match="have failed"):
        corpus.to_kaldi(tmp_path / "data")
    audio = kaldiio.load_scp(str(tmp_path / "data" / "wav.scp"))
    assert sorted(audio) == ["b.wav", "calls/a_b.wav"]
    assert all(rate == 16_000 and len(samples) for rate, samples in audio.values())
    with pytest.warns(UserWarning, match="wav.scp lacks 1 of 1 recordings.*'x'"):
        sx.Corpus(corpus_of({"x": "yes"}).recordings, tokens_of({"x": "yes"})).to_kaldi(tmp_path / "other")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("text", "u1 yes\nu1 no\n", r"text, line 2: the id 'u1' was already in line 1"),
        ("text", "u1 yes\nu9 no\n", r"text, line 2: the utterance 'u9' is not in segments"),
        ("segments", "u1 call 0.5\n", r"segments, line 1: .*it has 3 fields, not 4"),
        ("segments", "u1 call 0.5 x\n", r"segments, line 1: .*'x' is not a number of seconds"),
        ("segments", "u1 call 2.5 1.5\n", r"segments, line 1: .*ends before it starts"),
    ],
)
def test_damaged_kaldi_folders_are_refused(tmp_path, file, content, message):
    files = {"text": "u1 yes\n", "segments": "u1 call 0.5 -1\n"} | {file: content}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(SchemaError, match=message):
        sx.io.read_kaldi(tmp_path)
    (tmp_path / "text").write_text("u1 yes\n")
    (tmp_path / "segments").write_text("u1 call 0.5 -1\n")
    assert sx.io.read_kaldi(tmp_path)["end_ms"].isna().all()


def test_nemo_manifests_of_recordings_and_segments(tmp_path, tiny_wav):
    corpus = recordings_of(tmp_path, tiny_wav)
    with pytest.warns(UserWarning, match="failed"):
        corpus.to_nemo(tmp_path / "a.json")
    lines = [json.loads(line) for line in (tmp_path / "a.json").read_text().splitlines()]
    assert lines == [
        {
            "audio_filepath": str(tmp_path / "audio" / "b.wav"),
            "duration": 1.0,
            "pred_text": "Good morning to you.",
        },
        {"audio_filepath": str(tmp_path / "audio" / "a b.wav"), "duration": 1.25, "pred_text": "late"},
    ]
    assert sx.io.read_nemo(tmp_path / "a.json")["text"].isna().all()
    with_references = sx.Corpus(corpus.recordings.assign(reference=["good", None, None]), corpus.tokens)
    with pytest.warns(UserWarning, match="failed"):
        with_references.to_nemo(tmp_path / "b.json")
    assert sx.io.read_nemo(tmp_path / "b.json")["text"].tolist() == ["good", pd.NA]
    assert sx.io.read_nemo(tmp_path / "b.json", text_key="pred_text")["text"].tolist() == [
        "Good morning to you.",
        "late",
    ]
    sx.io.write_nemo(segments_of(ROWS), tmp_path / "c.json", segments=True)
    made = sx.io.read_nemo(tmp_path / "c.json")
    assert made["start_ms"].tolist() == [1500, 1500, 1000, 108_000_000]
    assert made["speaker"].fillna("-").tolist() == ["1", "1", "2", "-"]
    # The manifest is a source of `sx.transcribe`, and a table of references.
    assert sx.read_references(tmp_path / "b.json")["text"].tolist() == ["good", pd.NA]


def test_pandas_reads_manifests_and_supervisions(tmp_path):
    sx.io.write_nemo(segments_of(ROWS), tmp_path / "a.json", segments=True)
    sx.io.write_lhotse(segments_of(ROWS), tmp_path / "a.jsonl.gz")
    nemo = pd.read_json(tmp_path / "a.json", lines=True)
    lhotse = pd.read_json(tmp_path / "a.jsonl.gz", lines=True)
    assert nemo["text"].tolist() == lhotse["text"].tolist()
    assert (lhotse["start"] * 1000).round().tolist() == [row[2] for row in ROWS]


def test_a_nemo_dash_is_no_text(tmp_path):
    (tmp_path / "a.json").write_text('{"audio_filepath": "a.wav", "text": "-"}\n{"audio_filepath": "b.wav"}\n')
    assert sx.io.read_nemo(tmp_path / "a.json")["text"].isna().all()
    (tmp_path / "a.json").write_text('{"audio_filepath": "a.wav"}\n\n{"audio": "b.wav"}\n')
    with pytest.raises(SchemaError, match=r"a\.json, line 3: the document has no 'audio_filepath'; it has 'audio'"):
        sx.io.read_nemo(tmp_path / "a.json")


def test_words_of_one_token_share_its_time_in_supervisions(tmp_path):
    # 4 and 2 of 6 characters: 400 and 200 of 600 ms. A token without a time leaves its words without one.
    tokens = pd.DataFrame({"audio_id": "a", "token_index": [0, 1], "text": ["good by", " and so"]})
    tokens = tokens.assign(start_ms=pd.array([100, None], "Int32"), end_ms=pd.array([700, None], "Int32"))
    sx.io.write_lhotse(tokens, tmp_path / "a.jsonl")
    [row] = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert row["alignment"]["word"] == [["good", 0.1, 0.4, None], ["by", 0.5, 0.2, None]]
    assert row["text"] == "good by and so"


def test_supervisions_with_the_words_of_each_segment(tmp_path):
    corpus = corpus_of({"a.wav": "Good morning. Well?"})
    corpus.to_lhotse(tmp_path / "a.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert rows[1] == {
        "id": "a.wav-1",
        "recording_id": "a.wav",
        "start": 0.8,
        "duration": 0.3,
        "channel": 0,
        "text": "Well?",
        "speaker": "1",
        "alignment": {"word": [["Well?", 0.8, 0.3, 0.7]]},
    }
    assert [word for word, *_ in rows[0]["alignment"]["word"]] == ["Good", "morning."]
    made = sx.io.read_lhotse(tmp_path / "a.jsonl")
    assert made[["start_ms", "end_ms"]].to_numpy().tolist() == [[0, 700], [800, 1100]]
    assert made["channel"].isna().all()
    (tmp_path / "b.jsonl").write_text((tmp_path / "a.jsonl").read_text() + '{"recording_id": "a"}\n')
    with pytest.raises(SchemaError, match=r"b\.jsonl, line 3: the document has no 'start'"):
        sx.io.read_lhotse(tmp_path / "b.jsonl")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(b"{}")[:-9])
    with pytest.raises(SchemaError, match=r"c\.jsonl\.gz is not a compressed file"):
        sx.io.read_lhotse(tmp_path / "c.jsonl.gz")


def test_the_json_of_the_service_holds_every_token(tmp_path):
    tokens = tokens_of({"calls/a.wav": "Good morning"})
    tokens = pd.concat(
        [
            tokens.assign(translation_status="original", language="en", is_audio_event=False),
            pd.DataFrame(
                {
                    "audio_id": "calls/a.wav",
                    "token_index": [2],
                    "text": [" Guten Morgen"],
                    "confidence": [0.9967290163040161],
                    "language": "de",
                    "translation_status": "translation",
                    "source_language": "en",
                }
            ),
        ],
        ignore_index=True,
    )
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["calls/a.wav"], "status": ["completed"]}), tokens)
    corpus.to_soniox(tmp_path)
    document = json.loads((tmp_path / "calls" / "a.json").read_text())
    assert document["text"] == " Good morning"
    assert document["tokens"][2] == {
        "text": " Guten Morgen",
        "confidence": 0.9967290163040161,
        "language": "de",
        "translation_status": "translation",
        "source_language": "en",
    }
    for provider in (None, "soniox"):
        again = sx.io.read_transcripts({"calls/a.wav": tmp_path / "calls" / "a.json"}, provider=provider)
        pd.testing.assert_frame_equal(again.tokens, corpus.tokens)
    (tmp_path / "calls" / "a.json").write_text('{"text": "x", "tokens": [{"text": 3}]}')
    with pytest.raises(SchemaError, match=r"a\.json: Expected `str`, got `int`.*tokens\[0\]\.text"):
        sx.io.read_transcripts(tmp_path, provider="soniox")


def test_the_json_of_the_service_keeps_channels_and_labels_of_speakers(tmp_path):
    tokens = pd.DataFrame(
        {
            "audio_id": "a",
            "token_index": range(5),
            "text": ["Good", "Yes", " mor", " okay", "ning"],
            "channel": [1, 2, 1, 2, 1],
            "speaker": ["1", "2", "1", "2", "1"],
            "start_ms": [0, 50, 100, 150, 200],
            "end_ms": [40, 90, 140, 190, 240],
        }
    )
    corpus = sx.Corpus(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}), tokens)
    corpus = corpus.rename_speakers({"a": {"1": "Anna"}})
    corpus.to_soniox(tmp_path)
    again = sx.io.read_transcripts(tmp_path, provider="soniox")
    pd.testing.assert_frame_equal(again.tokens, corpus.tokens)
    assert again.words()["text"].tolist() == ["Good", "morning", "Yes", "okay"]
    for channel, message in ((0, r"`int` >= 1.*tokens\[0\]\.channel"), ("left", r"Expected `int \| null`, got `str`")):
        (tmp_path / "a.json").write_text(json.dumps({"text": "x", "tokens": [{"text": "x", "channel": channel}]}))
        with pytest.raises(SchemaError, match=message):
            sx.io.read_transcripts(tmp_path, provider="soniox")


def test_soniox_of_the_official_sdk(tmp_path):
    from soniox.types import TranscriptionTranscript

    corpus_of({"a": "Good morning"}).to_soniox(tmp_path)
    document = json.loads((tmp_path / "a.json").read_text())
    transcript = TranscriptionTranscript.model_validate({"id": "00000000-0000-0000-0000-000000000000", **document})
    assert [token.text for token in transcript.tokens] == [" Good", " morning"]


@pytest.mark.fuzz
def test_a_damaged_kaldi_folder_is_read_or_refused_by_name(tmp_path):
    sx.io.write_kaldi(segments_of(ROWS), tmp_path)
    (tmp_path / "wav.scp").write_text("b.wav audio/b.wav\ncalls/a_b.wav audio/a b.wav\n")
    files = {path: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    rng = random.Random(seed())
    refused = 0
    for number in range(examples(100)):
        path = rng.choice(list(files))
        path.write_bytes(mutated(files[path], rng))
        try:
            sx.io.read_kaldi(tmp_path)
            find_recordings(str(tmp_path))
        except SonioxDSError:
            refused += 1
        except Exception as error:
            error.add_note(f"example {number}: {path.name} was {path.read_bytes()!r}")
            raise
        path.write_bytes(files[path])
    assert refused
