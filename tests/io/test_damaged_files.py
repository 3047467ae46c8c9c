"""Mutated files for every reader of tables and turns: only the package's own errors come out."""

from __future__ import annotations

import io
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fuzzing import examples, mutated, seed

import soniox_ds as sx
from soniox_ds.exceptions import SonioxDSError
from soniox_ds.sources.search import find_recordings
from soniox_ds.widgets.review.store import read_reviews

ROWS = [
    {"audio_id": f"a{n}", "source": f"clips/a{n}.wav", "reference": f'said "{n}", she; ünï\t{n}', "n": n, "x": n / 3}
    for n in range(6)
]
FRAME = pd.DataFrame(ROWS)
RTTM = "".join(f"SPEAKER talk{n} 1 {n}.25 1.5 <NA> <NA> spk_{n % 2} 0.9 <NA>\n" for n in range(6))
SRT = "".join(f"{n}\n00:00:{n:02d},250 --> 00:01:{n:02d},5\n<i>line {n}</i>\nsecond\n\n" for n in range(6))
VTT = "WEBVTT\n\nNOTE x\n\n" + "".join(f"00:{n:02d}.250 --> 01:{n:02d}.500\n<v spk>{n} &amp;</v>\n\n" for n in range(6))
CTM = ";; x\n" + "".join(f"talk{n} 1 {n}.25 1.5 word{n} 0.9\n" for n in range(6))
STM = "".join(f"talk{n} A spk {n}.25 9.5 <o,f0,male> said {n}\n" for n in range(6)) + "a 1 inter_segment_gap 0 1\n"
TRN = "".join(f"said {n} (spk-talk{n})\n" for n in range(6))
SEGLST = [{"session_id": f"a{n}", "words": "x", "speaker": "s", "start_time": n, "end_time": n + 0.5} for n in range(6)]
NEMO = [{"audio_filepath": f"a{n}.wav", "text": "x", "offset": n, "duration": 1.5} for n in range(6)]
LHOTSE = [{"id": f"{n}", "recording_id": "a", "start": n, "duration": 1.5, "channel": 0} for n in range(6)]
TEXTGRID = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n6\n<exists>\n2\n' + "".join(
    f'"IntervalTier"\n"spk {tier}"\n0\n6\n6\n' + "".join(f'{n}\n{n}.75\n"x ""{n}"""\n' for n in range(6))
    for tier in range(2)
)
EAF = (
    "<ANNOTATION_DOCUMENT><TIME_ORDER>"
    + "".join(f'<TIME_SLOT TIME_SLOT_ID="t{n}" TIME_VALUE="{n * 250}"/>\n' for n in range(7))
    + '</TIME_ORDER><TIER TIER_ID="spk" PARTICIPANT="Anna">\n'
    + "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n}" TIME_SLOT_REF1="t{n}" TIME_SLOT_REF2="t{n + 1}">'
        f"<ANNOTATION_VALUE>x &amp; {n}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n"
        for n in range(6)
    )
    + "</TIER></ANNOTATION_DOCUMENT>\n"
)


def parquet(frame: pd.DataFrame, **options: Any) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, **options)
    return buffer.getvalue()


def csv_of(separator: str) -> bytes:
    return FRAME.to_csv(index=False, sep=separator).encode()


SEEDS = {
    "csv": [csv_of(","), csv_of(";"), csv_of(",").decode().encode("utf-16"), b"sep=;\r\n" + csv_of(";")],
    "tsv": [
        csv_of("\t").replace(b"\xaf\t", b"\xaf "),
        b'audio_id\tsource\treference\na0\ta.wav\t"open\na1\tb.wav\tx\n',
    ],
    "jsonl": ["\n".join(map(json.dumps, ROWS)).encode()],
    "json": [json.dumps(ROWS).encode(), json.dumps(ROWS, indent=1, ensure_ascii=False).encode()],
    "parquet": [
        parquet(FRAME),
        parquet(FRAME.set_index("audio_id")),
        parquet(FRAME.assign(n=pd.array([1, None] * 3, "Int64")), compression="gzip"),
    ],
    "rttm": [RTTM.encode(), RTTM.encode("utf-16"), RTTM.replace(" ", "\t").encode()],
    "ctm": [CTM.encode(), CTM.encode("utf-16")],
    "stm": [STM.encode(), STM.encode("utf-16")],
    "trn": [TRN.encode(), TRN.encode("utf-16")],
    "seglst": [json.dumps(SEGLST).encode(), json.dumps(SEGLST, indent=1).encode()],
    "nemo": ["\n".join(map(json.dumps, NEMO)).encode()],
    "lhotse": ["\n".join(map(json.dumps, LHOTSE)).encode()],
    "srt": [SRT.encode(), SRT.encode("utf-16"), SRT.replace("\n", "\r\n").encode()],
    "textgrid": [TEXTGRID.encode(), TEXTGRID.encode("utf-16"), TEXTGRID.replace("\n", "\r\n").encode()],
    "eaf": [EAF.encode(), EAF.encode("utf-16")],
    "vtt": [VTT.encode(), VTT.encode("utf-16"), VTT.replace("\n", "\r\n").encode()],
}


def transcribe(path: Path) -> None:
    find_recordings(path)


def score(path: Path) -> None:
    sx.word_errors({row["audio_id"]: "said" for row in ROWS}, sx.read_references(path))


def diarize(path: Path) -> None:
    turns = sx.io.read_rttm(path)
    sx.diarization_errors(turns, turns)


def annotate(path: Path) -> None:
    reader: Callable[[Path], pd.DataFrame] = getattr(sx.io, f"read_{path.suffix[1:]}")
    table = reader(path)
    assert (table["start_ms"] <= table["end_ms"]).fillna(True).all()


def review(path: Path) -> None:
    words = pd.DataFrame(
        {"audio_id": "a0", "word_index": [0], "text": "x", "start_ms": 0, "end_ms": 500, "space_before": True}
    )
    sx.apply_reviews(words, read_reviews(path))


REVIEWED = pd.DataFrame(
    {
        "audio_id": "a0",
        "start_ms": [0],
        "end_ms": [500],
        "verdict": "wrong",
        "correction": "-5",
        "text": "x",
        "note": "'=1",
    }
)
CASES: list[tuple[str, list[bytes], Callable[[Path], None]]] = [
    *(
        (kind, SEEDS[kind], function)
        for kind in ("csv", "tsv", "jsonl", "json", "parquet")
        for function in (transcribe, score)
    ),
    ("rttm", SEEDS["rttm"], diarize),
    *(
        (kind, SEEDS[kind], annotate)
        for kind in ("ctm", "stm", "trn", "seglst", "nemo", "lhotse", "srt", "vtt", "textgrid", "eaf")
    ),
    ("csv", [REVIEWED.to_csv(index=False).encode()], review),
    ("parquet", [parquet(REVIEWED)], review),
]


@pytest.mark.fuzz
@pytest.mark.parametrize(
    ("kind", "originals", "read"), CASES, ids=[f"{kind}-{read.__name__}" for kind, _, read in CASES]
)
def test_a_damaged_file_is_read_or_refused_by_name(tmp_path, kind, originals, read):
    rng = random.Random(seed())
    refused = 0
    for number in range(examples(150)):
        path = tmp_path / f"file.{kind}"
        raw = mutated(rng.choice(originals), rng)
        path.write_bytes(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            try:
                read(path)
            except SonioxDSError:
                refused += 1
            except Exception as error:
                error.add_note(f"example {number}: the file was {raw!r}")
                raise
    assert refused, "no mutation was noticed"


@pytest.mark.parametrize(
    ("kind", "originals", "read"), CASES, ids=[f"{kind}-{read.__name__}" for kind, _, read in CASES]
)
def test_the_files_are_good_before_they_are_damaged(tmp_path, kind, originals, read):
    for raw in originals:
        (tmp_path / f"file.{kind}").write_bytes(raw)
        read(tmp_path / f"file.{kind}")
