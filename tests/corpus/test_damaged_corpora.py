"""Damaged folders of corpora: they are refused by the package's own errors, or hold what was saved."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuzzing import examples, seed

import soniox_ds as sx
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import InputError, SonioxDSError
from soniox_ds.live.result import LOG_FILE, LiveResult, read_live_result

NOTE = b"soniox_ds"


def corpus_of(*audio_ids, **columns):
    recordings = pd.DataFrame(
        {
            "audio_id": list(audio_ids),
            "status": "completed",
            "text": [f"Hello, {name}" for name in audio_ids],
            "level": pd.Categorical(["high", "low", "high"][: len(audio_ids)], ["low", "mid", "high"], ordered=True),
            "tags": [[name, None] for name in audio_ids],
            "n": range(len(audio_ids)),
            **columns,
        }
    )
    tokens = pd.DataFrame(
        {"audio_id": name, "token_index": index, "text": text, "start_ms": 60 * index, "end_ms": 60 * index + 60}
        for name in audio_ids
        for index, text in enumerate(["Hel", "lo,", f" {name}"])
    )
    return sx.Corpus(recordings, tokens, new_provenance(new_run(service="x", model="m", options={"a": [1, "ü"]})))


ONE = corpus_of("a", "b", "c", split=["x", "y", "x"])
TWO = corpus_of("d", "e", split=["y", None])
BOTH = sx.concat([ONE, TWO])


def save_whole(folder: Path) -> None:
    BOTH.save(folder)


def save_appended(folder: Path) -> None:
    ONE.save(folder, partition_by="split")
    TWO.save(folder, append=True)


def parquet_files(folder: Path, kind: str = "") -> list[Path]:
    return sorted((folder / kind).rglob("*.parquet"))


def rewrite(path: Path, **metadata: object) -> None:
    """Write a file again with other metadata, as another tool or a later version would."""
    table = pq.ParquetFile(path).read()
    changed = {key.encode(): json.dumps(value).encode() for key, value in metadata.items()}
    pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **changed}), path)


def note_of(path: Path) -> dict[str, object]:
    return json.loads(pq.read_schema(path).metadata[NOTE])


# One damage at a time


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:10],
        lambda raw: raw[:-1],
        lambda raw: raw[: len(raw) // 2],
        lambda raw: raw + b"\n",
        lambda raw: b"PAR1" * 3,
        lambda raw: raw[:-8] + b"\xff\xff\xff\x7fPAR1",
        lambda raw: raw[:-8] + b"\xff\xff\xff\xffPAR1",
        lambda raw: raw.replace(b"PAR1", b"PARE"),
        lambda raw: raw[:200] + bytes([raw[200] ^ 1]) + raw[201:],
        lambda raw: raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:],
    ],
)
@pytest.mark.parametrize("kind", ["recordings", "tokens"])
def test_a_damaged_file_is_named(tmp_path, kind, damage):
    BOTH.save(tmp_path)
    (path,) = parquet_files(tmp_path, kind)
    path.write_bytes(damage(path.read_bytes()))
    for read in (
        lambda: sx.read_corpus(tmp_path),
        lambda: sx.read_corpus(tmp_path, audio_ids=["a"]),
        *([lambda: corpus_of("z").save(tmp_path, append=True)] if kind == "recordings" else []),
    ):
        with pytest.raises(InputError, match=r"is damaged .*Restore the file.*overwrite=True") as caught:
            read()
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["recordings", "tokens"])
def test_every_byte_of_a_file_is_checked(tmp_path, kind):
    corpus = ONE.select(["a"])
    corpus.save(tmp_path)
    (path,) = parquet_files(tmp_path, kind)
    raw = path.read_bytes()
    refused = 0
    for place in range(0, len(raw), 1 if examples(1) > 1 else 13):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1 << place % 8]) + raw[place + 1 :])
        try:
            assert sx.read_corpus(tmp_path).equals(corpus, provenance=True)
        except InputError:
            refused += 1
    assert refused > 0.97 * len(range(0, len(raw), 1 if examples(1) > 1 else 13))  # all but the mark of the checksum


def test_pages_have_checksums_of_their_own(tmp_path):
    """Checksums of pages show damage to other tools too, and to us in files that another tool has merged."""
    BOTH.save(tmp_path)
    (path,) = parquet_files(tmp_path, "tokens")
    page = pq.read_metadata(path).row_group(0).column(2).data_page_offset
    raw = path.read_bytes()
    (tmp_path / "damaged.parquet").write_bytes(raw[: page + 60] + bytes([raw[page + 60] ^ 1]) + raw[page + 61 :])
    with pytest.raises(OSError, match="CRC"):
        pq.read_table(tmp_path / "damaged.parquet", page_checksum_verification=True)


def test_files_of_tokens_that_were_exchanged(tmp_path):
    save_appended(tmp_path)
    one, two = parquet_files(tmp_path, "tokens")[:2]
    one.rename(tmp_path / "aside"), two.rename(one), (tmp_path / "aside").rename(two)
    with pytest.raises(InputError, match=r"holds the tokens of part-00000\d-\w+-\d\.parquet; .*were swapped") as caught:
        sx.read_corpus(tmp_path)
    assert str(tmp_path / "tokens") in str(caught.value)


def test_files_of_recordings_that_were_exchanged_or_copied(tmp_path):
    save_appended(tmp_path)
    one, two = parquet_files(tmp_path, "recordings")[:2]
    shutil.copy(one, two.with_name("part-000009-00000000-0.parquet"))
    with pytest.raises(InputError, match=r"part-000009-00000000-0.parquet was written as part-0.*Delete the file if"):
        sx.read_corpus(tmp_path)
    two.with_name("part-000009-00000000-0.parquet").unlink()
    one.rename(tmp_path / "aside"), two.rename(one), (tmp_path / "aside").rename(two)
    with pytest.raises(InputError, match="was written as"):
        sx.read_corpus(tmp_path)


def test_tokens_of_other_recordings(tmp_path):
    """Put together by another tool, so that no note says whose tokens they are."""
    BOTH.save(tmp_path)
    (path,) = parquet_files(tmp_path, "tokens")
    table = pq.ParquetFile(path).read().replace_schema_metadata(None)
    ids = pa.array(["q"] * len(table)).dictionary_encode()
    pq.write_table(table.set_column(0, "audio_id", ids), path)
    with pytest.raises(InputError, match=r"tokens of \['q'\], which are not in the file of recordings"):
        sx.read_corpus(tmp_path)


# Other versions


def test_a_later_minor_version_is_read(tmp_path):
    """It may add keys to every part of the metadata, and columns to the tables."""
    BOTH.save(tmp_path)
    (path,) = parquet_files(tmp_path, "recordings")
    note = note_of(path)
    for column in note["columns"].values():
        column["unit"] = "ms"
    note |= {"format": "1.4", "new": {"a": 1}, "provenance": {**note["provenance"], "host": "h"}}
    rewrite(path, soniox_ds=note, **{"soniox_ds.more": 1})
    (path,) = parquet_files(tmp_path, "tokens")
    rewrite(path, soniox_ds={**note_of(path), "new": 1})
    table = pq.ParquetFile(path).read()
    pq.write_table(table.append_column("pitch", pa.array([0.5] * len(table))), path)
    assert sx.read_corpus(tmp_path).equals(BOTH)
    assert sx.read_corpus(tmp_path).provenance["host"] == "h"
    assert list(sx.read_corpus(tmp_path, audio_ids=["b"])) == ["b"]
    corpus_of("z", split=["x"]).save(tmp_path, append=True)
    assert len(sx.read_corpus(tmp_path)) == 6


@pytest.mark.parametrize("version", [2, 2.0, "2.1", 99])
def test_a_later_major_version_is_refused_by_name(tmp_path, version):
    BOTH.save(tmp_path)
    (path,) = parquet_files(tmp_path, "recordings")
    rewrite(path, soniox_ds={"format": version, "provenance": {"soniox_ds": "7.0"}, "other": "than before"})
    with pytest.raises(InputError, match=r"newer soniox_ds \(7\.0, format .*upgrade") as caught:
        sx.read_corpus(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"columns": {}},
        {"columns": None},
        {"columns": {"audio_id": {"dtype": 3}}},
        {"columns": {"audio_id": {"ordered": True}}},
        {"number": "0"},
        {"piece": 1},
        {"pieces": 2},
        {"save": "00000000"},
        {"partition_by": "n"},
        {"provenance": []},
        {"format": "new"},
        {"format": None},
    ],
)
def test_edited_metadata(tmp_path, change):
    BOTH.save(tmp_path)
    (path,) = parquet_files(tmp_path, "recordings")
    rewrite(path, soniox_ds={**note_of(path), **change})
    with pytest.raises(InputError) as caught:
        sx.read_corpus(tmp_path)
    assert str(path) in str(caught.value)


# Recordings that were transcribed live


def test_a_damaged_log_is_named(tmp_path):
    log = pd.DataFrame({"audio_id": "a", "at_ms": [1.0], "kind": "open", "session": 0, "offset_ms": 0, "payload": ""})
    path = LiveResult(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}), log).save(tmp_path) / LOG_FILE
    assert len(read_live_result(tmp_path).log) == 1
    raw = path.read_bytes()
    for damaged in (raw[:100], raw[:60] + b"!" + raw[61:], b""):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="is damaged") as caught:
            read_live_result(tmp_path)
        assert str(path) in str(caught.value)
    pd.DataFrame({"audio_id": ["a"]}).to_parquet(path)
    with pytest.raises(InputError):
        read_live_result(tmp_path)


# Any damage


def flip(folder: Path, rng: random.Random) -> None:
    path = rng.choice(parquet_files(folder))
    data = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def cut(folder: Path, rng: random.Random) -> None:
    path = rng.choice(parquet_files(folder))
    data = path.read_bytes()
    begin, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    path.write_bytes(rng.choice([data[:begin], data[begin:], data[:begin] + data[end:], data + data[begin:end]]))


def lose(folder: Path, rng: random.Random) -> None:
    path = rng.choice(parquet_files(folder))
    for other in parquet_files(folder) if rng.randrange(2) else [path]:
        if other.name[:20] == path.name[:20]:  # of the same save
            other.unlink()


def exchange(folder: Path, rng: random.Random) -> None:
    one, two = rng.sample(parquet_files(folder), 2)
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    if rng.randrange(2):
        two.write_bytes(first)


def copy(folder: Path, rng: random.Random) -> None:
    path = rng.choice(parquet_files(folder))
    name = path.name if rng.randrange(2) else f"part-00000{rng.randrange(3)}-{path.name[12:]}"
    target = rng.choice(parquet_files(folder)).parent / rng.choice(["", "split=q"]) / name
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(path.read_bytes())


def edit(folder: Path, rng: random.Random) -> None:
    path = rng.choice(parquet_files(folder))
    note = note_of(path)
    inner = rng.choice([note, *(value for value in note.values() if isinstance(value, dict))])
    inner = rng.choice([inner, *(value for value in inner.values() if isinstance(value, dict))])
    if inner is not note.get("provenance") and inner:
        key = rng.choice([name for name in inner if name not in ("check", "provenance", "format")] or ["new"])
        inner[key] = rng.choice([None, "", 0, 1, -1, 1e300, "int8", "category", [], {}, True, "x" * 1000, 2**70])
        if rng.randrange(4) == 0:
            del inner[key]
    rewrite(path, soniox_ds=note)


DAMAGES = [flip, flip, cut, lose, exchange, copy, edit]


@pytest.mark.fuzz
@pytest.mark.parametrize("save", [save_whole, save_appended])
def test_a_damaged_corpus_is_refused_or_whole(tmp_path, save):
    rng = random.Random(seed())
    good = tmp_path / "good"
    save(good)
    original = sx.read_corpus(good)
    assert original.equals(BOTH)
    refused = 0
    for number in range(examples(100)):
        folder = tmp_path / "damaged"
        shutil.copytree(good, folder)
        damage = rng.choice(DAMAGES)
        damage(folder, rng)
        try:
            read = sx.read_corpus(folder)
            some = sx.read_corpus(folder, audio_ids=["b", "e"], columns=["n"])
        except SonioxDSError as error:
            refused += 1
            if str(folder) not in str(error):
                pytest.fail(f"example {number}, {damage.__name__}: no file is named: {error}")
        except Exception as error:
            error.add_note(f"example {number}: {damage.__name__}")
            raise
        else:
            assert read.equals(BOTH), f"example {number}: {damage.__name__}"
            assert read.provenance == original.provenance, f"example {number}: {damage.__name__}"
            assert some.tokens.equals(BOTH.select(["b", "e"]).tokens), f"example {number}: {damage.__name__}"
        shutil.rmtree(folder)
    assert refused > 0.5 * examples(100)


# Whole saves that are gone, and what helps


@pytest.mark.parametrize("which", ["first", "last", "one file of the last"])
def test_a_save_that_is_gone(tmp_path, which):
    save_appended(tmp_path)
    number = "part-000000" if which == "first" else "part-000001"
    gone = [path for path in parquet_files(tmp_path) if path.name.startswith(number)]
    for path in gone[:1] if which.startswith("one") else gone:
        path.unlink()
    with pytest.raises(InputError, match=rf"{number}-\w{{8}}-\*\.parquet.*_saves\.json") as caught:
        sx.read_corpus(tmp_path)
    assert str(tmp_path) in str(caught.value)
    with pytest.raises(InputError, match="Put"):
        corpus_of("z", split=["x"]).save(tmp_path, append=True)


def test_a_corpus_without_its_list_of_saves(tmp_path):
    """An earlier version writes none, and appends to a corpus without changing the list."""
    save_appended(tmp_path)
    saves = tmp_path / "recordings" / "_saves.json"
    saves.unlink()
    assert sx.read_corpus(tmp_path).equals(BOTH)
    for listed in ([], [parquet_files(tmp_path)[0].name[5:20]]):
        saves.write_text(json.dumps({"saves": listed, "new": 1}))
        assert sx.read_corpus(tmp_path).equals(BOTH)
    saves.write_text('{"saves": 3')
    with pytest.raises(InputError, match=r"_saves\.json is damaged .*delete it"):
        sx.read_corpus(tmp_path)


def test_damaged_corpora_can_be_saved_again(tmp_path):
    save_appended(tmp_path)
    for path in parquet_files(tmp_path):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="overwrite=True"):
        sx.read_corpus(tmp_path)
    BOTH.save(tmp_path, overwrite=True)
    assert sx.read_corpus(tmp_path).equals(BOTH)
