"""Finding recordings: everything that may be called a dataset, good and bad."""

from __future__ import annotations

import gc
import json
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.exceptions import SourceError
from soniox_ds.files.text_files import decode_text
from soniox_ds.options.addresses import public_url
from soniox_ds.schema import RECORDINGS
from soniox_ds.sources.search import AUDIO_COLUMNS, find_recordings
from soniox_ds.sources.tables import understand_table
from soniox_ds.sources.urls import url_problem

URL = "https://host.example/calls/a.wav"


def lay(folder: Path, *names: str, content: bytes = b"audio") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def ids(sources: Any, **options: Any) -> list[str]:
    return [recording.audio_id for recording in find_recordings(sources, **options).recordings]


def errors(sources: Any, **options: Any) -> list[str | None]:
    return [recording.error_type for recording in find_recordings(sources, **options).recordings]


# -- single places ---------------------------------------------------------------------------------------------------


def test_one_file(tmp_path):
    path = lay(tmp_path, "calls/a.wav") / "calls/a.wav"
    for source in (path, str(path)):
        found = find_recordings(source)
        [recording] = found.recordings
        assert (recording.audio_id, recording.source, recording.path) == ("a.wav", str(path), path)
        assert (recording.filename, recording.url, recording.data) == ("a.wav", None, None)
        assert (recording.size_bytes, recording.sha256, recording.error_type) == (None, None, None)
        assert found.metadata.shape == (1, 0)


def test_a_relative_path_is_its_own_id(tmp_path, monkeypatch):
    lay(tmp_path, "calls/a.wav")
    monkeypatch.chdir(tmp_path)
    assert ids("calls/a.wav") == ["calls/a.wav"]
    assert ids("./calls//a.wav") == ["calls/a.wav"]
    assert ids([tmp_path / "calls/a.wav"]) == ["a.wav"]


def test_the_home_folder(tmp_path, monkeypatch):
    lay(tmp_path, "a.wav")
    monkeypatch.setenv("HOME", str(tmp_path))
    [recording] = find_recordings("~/a.wav").recordings
    assert (recording.audio_id, recording.path) == ("a.wav", tmp_path / "a.wav")


def test_a_folder_holds_what_sounds_like_audio(tmp_path):
    audio = [
        f"x.{kind}"
        for kind in [
            "aac",
            "aiff",
            "amr",
            "asf",
            "flac",
            "mp3",
            "ogg",
            "opus",
            "wav",
            "webm",
            "m4a",
            "mp4",
            "wma",
            "WAV",
            "Mp3",
        ]
    ]
    lay(tmp_path, *audio, "notes.txt", "x.pdf", ".hidden.wav", ".cache/a.wav", "deep/er/b.wav", "z")
    assert ids(tmp_path) == sorted([*audio, "deep/er/b.wav"])
    assert ids(f"{tmp_path}/") == ids(tmp_path)
    assert find_recordings(tmp_path).recordings[0].source == str(tmp_path / "deep/er/b.wav")


def test_links_are_followed_without_going_round(tmp_path):
    lay(tmp_path, "data/one/a.wav", "elsewhere/b.wav")
    (tmp_path / "data/one/up").symlink_to(tmp_path / "data")
    (tmp_path / "data/self").symlink_to(tmp_path / "data/self")
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/again").symlink_to(tmp_path / "data/one")
    (tmp_path / "data/c.wav").symlink_to(tmp_path / "gone.wav")
    found = find_recordings(tmp_path / "data")
    assert [r.audio_id for r in found.recordings] == ["c.wav", "linked/b.wav", "one/a.wav"]
    assert [r.error_type for r in found.recordings] == ["file_not_found", None, None]
    assert ids(f"{tmp_path}/data/**/*.wav") == ["c.wav", "linked/b.wav", "one/a.wav"]


def test_a_folder_that_may_not_be_read_is_a_failed_row(tmp_path):
    lay(tmp_path, "a.wav", "locked/b.wav")
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    (tmp_path / "locked").chmod(0)
    here = os.open(".", os.O_RDONLY)
    root = os.geteuid() == 0
    try:
        os.chdir(tmp_path)  # pytest's own folders are closed to others
        if root:
            os.seteuid(65_534)
        found = find_recordings(".")
    finally:
        if root:
            os.seteuid(0)
        os.fchdir(here)
        os.close(here)
        (tmp_path / "locked").chmod(0o700)
    assert [(r.audio_id, r.error_type) for r in found.recordings] == [("a.wav", None), ("locked", "permission_denied")]
    assert "cannot be searched" in str(found.recordings[1].error_message)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.wav", ["a.wav"]),
        ("**/*.wav", ["a.wav", "x/b.wav", "x/y/c.wav"]),
        ("**", ["a.wav", "x/b.wav", "x/d.mp3", "x/y/c.wav", "z [1]/e.wav"]),
        ("x/**/*.wav", ["b.wav", "y/c.wav"]),
        ("x/*", ["b.wav", "d.mp3"]),
        ("*/*.wav", ["x/b.wav"]),
        ("**/y/*.wav", ["x/y/c.wav"]),
        ("x/[bc].wav", ["b.wav"]),
        ("x/?.mp3", ["d.mp3"]),
        ("z [1]/*.wav", ["e.wav"]),
        ("x/**", ["b.wav", "d.mp3", "y/c.wav"]),
    ],
)
def test_globs(tmp_path, pattern, expected):
    lay(tmp_path, "a.wav", "x/b.wav", "x/d.mp3", "x/y/c.wav", "x/b.txt", "z [1]/e.wav", ".h/f.wav")
    if pattern in ("**/*.wav",):
        expected = [*expected, "z [1]/e.wav"]
    if pattern == "*/*.wav":
        expected = [*expected, "z [1]/e.wav"]
    assert ids(f"{tmp_path}/{pattern}") == expected


def test_relative_globs(tmp_path, monkeypatch):
    lay(tmp_path, "calls/a.wav", "calls/x/b.wav")
    monkeypatch.chdir(tmp_path)
    assert ids("calls/**/*.wav") == ids("calls") == ["a.wav", "x/b.wav"]
    assert ids("*/a.wav") == ["calls/a.wav"]
    assert find_recordings("calls/*.wav").recordings[0].source == "calls/a.wav"


def test_a_file_that_is_called_like_a_glob_wins(tmp_path):
    lay(tmp_path, "take[1].wav", "take1.wav", "a*.wav", "ab.wav")
    assert ids(f"{tmp_path}/take[1].wav") == ["take[1].wav"]
    assert ids(f"{tmp_path}/a*.wav") == ["a*.wav"]
    assert ids(f"{tmp_path}/a?.wav") == ["a*.wav", "ab.wav"]


# -- URLs ------------------------------------------------------------------------------------------------------------


def test_urls(tmp_path):
    [recording] = find_recordings(URL).recordings
    assert (recording.audio_id, recording.source, recording.url, recording.filename) == (URL, URL, URL, "a.wav")
    assert errors([URL, f"{URL}?x=1"]) == [None, None]


@pytest.mark.parametrize(
    ("url", "public"),
    [
        (URL, URL),
        ("https://user:pa%40ss@host.example/a.wav", "https://host.example/a.wav"),
        ("http://token@host.example:8080/a@b.wav", "http://host.example:8080/a@b.wav"),
        (f"{URL}?channel=1&part=2", f"{URL}?channel=1&part=2"),
        (f"{URL}?X-Amz-Signature=SECRET&X-Amz-Date=1&x-id=GetObject", f"{URL}?x-id=GetObject"),
        (f"{URL}?AWSAccessKeyId=SECRET&Signature=SECRET&Expires=1", URL),
        (f"{URL}?sv=2024&se=2030&sr=b&sp=r&sig=SECRET", URL),
        (f"{URL}?sv=2024", f"{URL}?sv=2024"),
        (f"{URL}?X-Goog-Credential=SECRET", URL),
        (f"{URL}?access_token=SECRET&id=7", f"{URL}?id=7"),
        (f"{URL}?api%5Fkey=SECRET", URL),
        (f"{URL}?Policy=SECRET&Key-Pair-Id=SECRET", URL),
        (f"{URL}?author=Smith", f"{URL}?author=Smith"),
        (f"{URL}?auth=SECRET&jwt=SECRET&sessionid=SECRET&password=SECRET&key=SECRET", URL),
        (f"{URL}#access_token=SECRET", URL),
        ("https://user:p?SECRET@host.example/a.wav", "https://host.example/a.wav"),
    ],
)
def test_no_credential_of_a_url_is_shown(url, public):
    assert public_url(url) == public
    [recording] = find_recordings(url).recordings
    assert (recording.url, recording.audio_id, recording.source) == (url, public, public)
    assert "SECRET" not in repr(recording)
    assert "SECRET" not in recording.filename


def test_urls_that_differ_only_in_what_is_hidden_stay_apart():
    urls = [f"{URL}?sig=1", f"{URL}?sig=2", f"{URL}?sig=1", f"{URL}?x=1"]
    found = find_recordings(urls).recordings
    assert [r.audio_id for r in found] == [URL, f"{URL}#2", f"{URL}#3", f"{URL}?x=1"]
    assert [r.error_type for r in found] == [None, None, "duplicate_id", None]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://me:SECRET@bucket/a.wav", "storage_options"),
        ("nothing://host/a.wav", "no file system is known"),
        ("zip://a.wav::https://host.example/all.zip", "unpack the archive"),
        ("https://host.example/a b.wav", "white space"),
        ("https://host.example/a.wav\n", "white space"),
        ("https://host.example/a\u00a0.wav", "white space"),
        ("https://", "has no host"),
        ("https:/host.example/a.wav", "pathlib"),
        ("https://host.example/" + "a" * 4096, "at most 4096"),
    ],
)
def test_bad_urls(url, words):
    [recording] = find_recordings([url]).recordings
    assert recording.error_type == "bad_url"
    assert words in str(recording.error_message)


def test_urls_that_are_right_at_the_edge():
    assert url_problem("https://h/" + "a" * (4096 - 10)) is None
    assert url_problem("https://h/" + "a" * (4096 - 9)) is not None
    assert url_problem("HTTPS://host.example/ü.wav") is None
    assert errors([Path("https://host.example/a.wav")]) == ["bad_url"]


def test_the_message_of_a_bad_url_hides_its_credentials():
    [recording] = find_recordings("https://u:SECRET@host.example/a b.wav?token=SECRET").recordings
    assert "SECRET" not in str(recording.error_message)


# -- lists -----------------------------------------------------------------------------------------------------------


def test_a_mixed_list_keeps_its_order(tmp_path):
    lay(tmp_path, "folder/b.wav", "folder/a.wav", "c.wav", "g1.wav", "g2.wav")
    (tmp_path / "list.csv").write_text("source,n\nc.wav,1\n")
    sources = [URL, tmp_path / "folder", f"{tmp_path}/g*.wav", b"raw", ("named", b"raw"), f"{tmp_path}/list.csv"]
    found = find_recordings(sources)
    assert [r.audio_id for r in found.recordings] == [
        *(URL, "a.wav", "b.wav", "g1.wav", "g2.wav"),
        *("bytes-d7439bee2477", "named", "c.wav"),
    ]
    assert found.metadata["n"].tolist() == [pd.NA] * 7 + [1]
    assert found.metadata["n"].dtype == "Int64"
    assert found.metadata.index.equals(pd.RangeIndex(8))


@pytest.mark.parametrize(
    "make", [list, tuple, iter, pd.Series, np.array, lambda x: (item for item in x), dict.fromkeys]
)
def test_any_iterable(make):
    urls = [f"{URL}?x={number}" for number in range(3)]
    if make is dict.fromkeys:
        assert ids(make(urls).keys()) == urls
    else:
        assert ids(make(urls)) == urls


def test_the_index_of_a_series_means_nothing():
    assert ids(pd.Series([URL, f"{URL}?x=1"], index=[5, 5])) == [URL, f"{URL}?x=1"]


def test_equal_names_get_as_much_of_the_path_as_they_need(tmp_path):
    lay(tmp_path, "p/1/a.wav", "q/1/a.wav", "q/2/a.wav", "q/2/b.wav")
    paths = [tmp_path / name for name in ("p/1/a.wav", "q/1/a.wav", "q/2/a.wav", "q/2/b.wav")]
    assert ids(paths) == ["p/1/a.wav", "q/1/a.wav", "2/a.wav", "b.wav"]
    assert ids([tmp_path / "p", tmp_path / "q"]) == ["p/1/a.wav", "q/1/a.wav", "2/a.wav", "2/b.wav"]


def test_the_same_file_twice_fails_in_sight(tmp_path, monkeypatch):
    lay(tmp_path, "a.wav", "x/b.wav")
    monkeypatch.chdir(tmp_path)
    found = find_recordings(
        ["a.wav", tmp_path / "a.wav", "x/../a.wav", "x", "x/b.wav", URL, URL, b"1", b"1"]
    ).recordings
    assert [r.error_type is None for r in found] == [True, False, False, True, False, True, False, True, False]
    assert {r.error_type for r in found} == {None, "duplicate_id"}
    assert [r.audio_id for r in found][:5] == ["a.wav", "a.wav#2", "a.wav#3", "b.wav", "b.wav#2"]
    assert "'a.wav' is listed more than once (recordings 1 and 2)" in str(found[1].error_message)


def test_missing_items_are_failed_rows(tmp_path):
    found = find_recordings([URL, None, float("nan"), pd.NA, "", "gone.wav", tmp_path / "gone"]).recordings
    assert [r.error_type for r in found] == [None] + ["missing_source"] * 4 + ["file_not_found"] * 2
    assert [r.audio_id for r in found[1:5]] == ["item-2", "item-3", "item-4", "item-5"]
    assert str(Path.cwd()) in str(found[5].error_message)


# -- bytes -----------------------------------------------------------------------------------------------------------


def test_bytes():
    [recording] = find_recordings(b"abc").recordings
    assert (recording.audio_id, recording.filename) == ("bytes-ba7816bf8f01", "bytes-ba7816bf8f01")
    assert (recording.data, recording.size_bytes, recording.source) == (b"abc", 3, None)
    assert "abc" not in repr(recording)
    assert ids([bytearray(b"abc"), memoryview(b"abd")])[0] == "bytes-ba7816bf8f01"


def test_names_of_bytes_are_ids(tmp_path):
    path = lay(tmp_path, "f.wav") / "f.wav"
    found = find_recordings({"calls/one": b"1", "two": b"1", "three": path, "four": URL}).recordings
    assert [r.audio_id for r in found] == ["calls/one", "two", "three", "four"]
    assert [r.error_type for r in found] == [None] * 4
    assert (found[2].path, found[3].url, found[0].filename) == (path, URL, "one")
    assert ids(("n", b"1")) == ["n"]
    assert errors([("n", b"1"), ("n", b"2")]) == [None, "duplicate_id"]


# -- tables ----------------------------------------------------------------------------------------------------------


def test_a_dataframe_travels_along(tmp_path):
    frame = pd.DataFrame(
        {
            "source": [URL, f"{URL}?x=1"],
            "n": np.array([1, 2], "int8"),
            "when": pd.to_datetime(["2024-01-01", None]),
            "kind": pd.Categorical(["a", "b"]),
            "reference": ["hello", None],
            "tags": [["x"], []],
        },
        index=[7, 7],
    )
    before = frame.copy()
    found = find_recordings(frame)
    assert [r.audio_id for r in found.recordings] == [URL, f"{URL}?x=1"]
    assert found.metadata.index.equals(pd.RangeIndex(2))
    assert found.metadata.columns.tolist() == ["n", "when", "kind", "tags", "reference"]
    for name in ("n", "when", "kind", "tags"):
        assert found.metadata[name].dtype == frame[name].dtype
    assert found.metadata["reference"].dtype == "string"
    assert found.metadata["reference"].tolist() == ["hello", pd.NA]
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("position", range(len(AUDIO_COLUMNS)))
def test_the_first_known_column_holds_the_audio(position):
    frame = pd.DataFrame({name: [f"https://h/{name}"] for name in reversed(AUDIO_COLUMNS[position:])})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert ids(frame) == [f"https://h/{AUDIO_COLUMNS[position]}"]


def test_columns_can_be_named():
    frame = pd.DataFrame({"clip": [URL], "source": ["the web"], "sentence": ["hello"]})
    with pytest.warns(UserWarning, match=r"'source': 'source_given'"):
        found = find_recordings(frame, audio_column="clip", reference_column="sentence")
    assert found.recordings[0].audio_id == URL
    assert found.metadata.to_dict("records") == [{"source_given": "the web", "reference": "hello"}]


@pytest.mark.parametrize("names", [("File name", "Transcript", "Audio ID"), ("AudioPath", "sentence", "AudioId")])
def test_columns_are_found_however_they_are_spelled(names):
    row = dict(zip(names, ["calls/a.wav", "Good morning.", "first"], strict=True))
    table = understand_table(pd.DataFrame([{**row, "Accent": "Irish"}]), "the table")
    assert (table.audio, table.ids) == (["calls/a.wav"], ["first"])
    assert table.metadata.to_dict("records") == [{"Accent": "Irish", "reference": "Good morning."}]


def test_a_column_of_the_usual_name_is_preferred_to_other_spellings():
    frame = pd.DataFrame([{"Source": "field trip", "file": "a.wav", "Reference": "x", "transcript": "y"}])
    table = understand_table(frame, "the table")
    assert table.audio == ["a.wav"]
    assert table.metadata.to_dict("records") == [{"Source": "field trip", "transcript": "y", "reference": "x"}]


def test_of_several_columns_of_texts_none_is_taken():
    frame = pd.DataFrame([{"file": "a.wav", "transcript": "y", "sentence": "z"}])
    assert understand_table(frame, "the table").metadata.columns.tolist() == ["transcript", "sentence"]


def test_no_metadata_is_called_like_a_column_of_ours():
    frame = pd.DataFrame({name: ["x"] for name in RECORDINGS if name != "sha256"}).assign(source=URL, text_given="y")
    with pytest.warns(UserWarning, match="text_given_2"):
        found = find_recordings(frame)
    assert not set(found.metadata.columns) & set(RECORDINGS)
    assert found.metadata["text_given"].tolist() == ["y"]
    assert found.metadata["text_given_2"].tolist() == ["x"]


def test_our_own_recordings_can_be_transcribed_again():
    frame = pd.DataFrame({name: ["x"] for name in RECORDINGS}).assign(source=URL, accent="north", reference="r")
    found = find_recordings(frame)  # no warning
    assert found.recordings[0].audio_id == "x"
    assert found.metadata.to_dict("records") == [{"accent": "north", "reference": "r"}]


def test_ids_of_the_table(tmp_path):
    frame = pd.DataFrame(
        {"source": [f"{URL}?x={i}" for i in range(6)], "audio_id": ["a", "b", "a", None, "a#2", ""]},
    )
    found = find_recordings(frame).recordings
    assert [r.audio_id for r in found] == ["a", "b", "a#3", f"{URL}?x=3", "a#2", f"{URL}?x=5"]
    assert [r.error_type for r in found] == [None, None, "duplicate_id", "missing_id", None, "missing_id"]
    assert "'a' is the audio_id of two recordings (recordings 1 and 3)" in str(found[2].error_message)
    assert "row 4 of the DataFrame has no audio_id" in str(found[3].error_message)
    numbers = pd.DataFrame({"source": [URL, f"{URL}?x=1", f"{URL}?x=2"], "audio_id": [7.0, 8.0, None]})
    assert ids(numbers)[:2] == ["7", "8"]
    same_file = pd.DataFrame({"source": [URL, URL], "audio_id": ["a", "b"]})
    assert errors(same_file) == [None, None]


def test_an_id_of_the_user_is_never_changed():
    frame = pd.DataFrame({"source": [f"{URL}?x=1"], "audio_id": [URL]})
    found = find_recordings([URL, *frame.to_dict("records")]).recordings
    assert [r.audio_id for r in found] == [f"{URL}#2", URL]
    same_names = pd.DataFrame({"source": ["/p/a.wav", "/q/b.wav"], "audio_id": ["a.wav", "c"]}).to_dict("records")
    assert ids(["/r/a.wav", *same_names]) == ["r/a.wav", "a.wav", "c"]


def test_bad_cells_are_failed_rows(tmp_path):
    frame = pd.DataFrame({"source": [None, float("nan"), "", "gone.wav", URL, str(tmp_path)]})
    assert errors(frame) == ["missing_source"] * 3 + ["file_not_found", None, None]
    assert ids(frame)[:3] == ["row-1", "row-2", "row-3"]
    assert errors(pd.DataFrame({"source": [None], "audio_id": [None]})) == ["missing_source"]  # the first reason stands


def test_other_tables():
    rows = [{"source": URL, "n": 1}, {"source": f"{URL}?x=1"}]
    for table in (pa.Table.from_pylist(rows), rows):
        found = find_recordings(table)
        assert len(found.recordings) == 2
        assert found.metadata["n"].isna().tolist() == [False, True]


# -- manifests -------------------------------------------------------------------------------------------------------


def test_a_csv(tmp_path):
    lay(tmp_path, "data/a.wav", "data/x/b.wav", "data/c d.wav")
    (tmp_path / "data/list.csv").write_text(
        "audio_id,source,speaker,n,share,ok,code,reference\n"
        '007,a.wav,1,1,0.5,true,007,"Hello, ""you"""\n'
        '008,x/b.wav,2,,1,false,12,""\n'
        '009,"c d.wav",3,-3,NA,true,3,\n'
        f"010,{tmp_path}/data/gone.wav,4,4,2e3,,4,NA\n"
    )
    found = find_recordings(tmp_path / "data/list.csv")
    assert [r.audio_id for r in found.recordings] == ["007", "008", "009", "010"]
    assert [r.path for r in found.recordings][:3] == [
        tmp_path / "data" / name for name in ("a.wav", "x/b.wav", "c d.wav")
    ]
    assert [r.error_type for r in found.recordings] == [None, None, None, "file_not_found"]
    table = found.metadata
    assert table.dtypes.astype(str).to_dict() == {
        "speaker": "string",
        "n": "Int64",
        "share": "Float64",
        "ok": "boolean",
        "code": "string",
        "reference": "string",
    }
    assert table["reference"].tolist() == ['Hello, "you"', "", pd.NA, "NA"]
    assert table["n"].tolist() == [1, pd.NA, -3, 4]
    assert table["share"].tolist() == [0.5, 1, pd.NA, 2000]
    assert table["ok"].tolist() == [True, False, True, pd.NA]
    assert table["code"].tolist() == ["007", "12", "3", "4"]


def test_ids_in_a_manifest_are_the_paths_as_written(tmp_path):
    lay(tmp_path, "data/x/a.wav", "data/y/a.wav")
    (tmp_path / "data/list.csv").write_text("file\nx/a.wav\ny/a.wav\nhttps://h/a.wav\n")
    assert ids(tmp_path / "data/list.csv") == ["x/a.wav", "y/a.wav", "https://h/a.wav"]
    assert errors(tmp_path / "data/list.csv") == [None] * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_every_dialect(tmp_path, encoding, end, separator):
    rows = [["source", "reference"], [URL, '"žluťoučký"'], [f"{URL}?x=1", '"two\nlines"'], ["", ""]]
    text = end.join(separator.join(row) for row in rows[:3])
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    found = find_recordings(path)
    assert [r.audio_id for r in found.recordings] == [URL, f"{URL}?x=1"]
    assert found.metadata["reference"].tolist() == ["žluťoučký", "two\nlines"]


def test_pandas_reads_the_same(tmp_path):
    # The oracle writes; what it calls empty is what we call NA.
    frame = pd.DataFrame(
        {
            "source": [f"https://h/{i}.wav" for i in range(4)],
            "reference": ['say "x", please', "line\nbreak", None, "ünï"],
            "n": pd.array([1, None, 3, 2**53 + 1], "Int64"),
            "share": [0.1, 1e-7, float("nan"), 3.0],
        }
    )
    dialects: dict[str, dict[str, Any]] = {
        "a.csv": {},
        "b.csv": {"sep": ";"},
        "c.tsv": {"sep": "\t"},
        "d.csv": {"quoting": 2},
    }
    for name, options in dialects.items():
        # A line break has no place in a TSV; a writer that quotes every text calls a missing one empty.
        texts = ['say "x", please', "line break" if name == "c.tsv" else "line\nbreak", None, "ünï"]
        frame.assign(reference=texts).to_csv(tmp_path / name, **options)
        table = find_recordings(tmp_path / name).metadata
        assert table.columns.tolist() == ["n", "share", "reference"]
        assert table["n"].tolist() == [1, pd.NA, 3, 2**53 + 1]
        assert table["share"].tolist() == [0.1, 1e-7, pd.NA, 3.0]
        assert table["reference"].tolist() == [*texts[:2], "" if name == "d.csv" else pd.NA, texts[3]]


def test_quotes_in_a_tsv_are_letters(tmp_path):
    path = tmp_path / "list.tsv"
    path.write_text(
        f'path\treference\n{URL}\t"Yes," she said\n{URL}?x=1\t"whole ""cell"""\n{URL}?x=2\t""\n{URL}?x=3\t\n'
    )
    found = find_recordings(path)
    assert found.metadata["reference"].tolist() == ['"Yes," she said', 'whole "cell"', "", pd.NA]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "source,n\nhttps://h/a,1\nhttps://h/b,1,2\n", "line 3: found 3 cells where the header has 2"),
        ("a.csv", 'source,n\n"https://h/a\nx",1\n\nhttps://h/b\n', "line 5: found 1 cells"),
        ("a.csv", 'source,n\nhttps://h/a,"open\nhttps://h/b,1\n', "line 2: a quote is opened"),
        ("a.csv", 'source,n\nhttps://h/a,"x"y\n', "line 2: a quote is opened"),
        ("a.csv", "source,source\nhttps://h/a,1\n", "line 1: the columns ['source'] occur more than once"),
        ("a.tsv", "source\tn\nhttps://h/a\t1\t2\n", "line 2: found 3 cells"),
        ("a.csv", "source,n\n", "no rows"),
        ("a.csv", "source,n", "no rows"),
        ("a.csv", "", "is empty"),
        ("a.csv", "\n\n", "is empty"),
        ("a.jsonl", "", "is empty"),
        ("a.jsonl", '{"source": "a"}\n{"source": }\n', "line 2, column 12"),
        ("a.jsonl", '{"source": "a"}\n\n["a"]\n', "line 3: found list, not an object"),
        ("a.json", '[{"source": "a"}, 5]', "entry 2: found int"),
        ("a.json", '[{"source": "a"},\n{]', "line 2"),
        ("a.json", "[]", "is empty"),
        ("a.csv", "speaker,n\nx,1\n", "no column is known"),
        ("a.parquet", "no parquet", "is not Parquet, or is damaged"),
    ],
)
def test_broken_manifests(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(SourceError) as caught:
        find_recordings(tmp_path / name)
    assert words in str(caught.value)


def test_a_manifest_in_another_encoding(tmp_path):
    (tmp_path / "a.csv").write_bytes("source,reference\nhttps://h/a,x\nhttps://h/b,café\n".encode("latin-1"))
    with pytest.raises(SourceError, match=r"byte 0xe9 in line 3; save it as UTF-8"):
        find_recordings(tmp_path / "a.csv")


def test_a_manifest_with_very_long_cells(tmp_path):
    (tmp_path / "a.csv").write_text(f'source,reference\n{URL},"{"word, " * 100_000}"\n')
    assert len(find_recordings(tmp_path / "a.csv").metadata["reference"][0]) == 600_000


def test_nemo(tmp_path):
    lay(tmp_path, "a.wav", "b.wav")
    rows = [
        {"audio_filepath": "a.wav", "duration": 1.5, "text": "one", "offset": 0},
        {"audio_filepath": str(tmp_path / "b.wav"), "duration": 2, "text": ""},
    ]
    for name in ("m.json", "m.jsonl"):
        (tmp_path / name).write_text("\n".join(map(json.dumps, rows)) + "\n")
        found = find_recordings(tmp_path / name)
        assert [r.audio_id for r in found.recordings] == ["a.wav", "b.wav"]
        assert found.metadata["reference"].tolist() == ["one", ""]
        assert found.metadata["duration"].tolist() == [1.5, 2]
        assert "text" not in found.metadata
    (tmp_path / "s.jsonl").write_text("\n".join(json.dumps({**row, "offset": 3.5}) for row in rows))
    with pytest.raises(SourceError, match=r"2 rows have an offset \(the first is row 1, 3.5 s\).*whole file"):
        find_recordings(tmp_path / "s.jsonl")


def test_jsonl_keeps_numbers_whole(tmp_path):
    big = 2**53 + 1
    lines = [{"url": URL, "n": big, "x": 1, "id": "007", "u": "a\u2028b"}, {"url": f"{URL}?x=1", "x": 0.5, "t": [1]}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    table = find_recordings(tmp_path / "a.jsonl").metadata
    assert table["n"].tolist() == [big, pd.NA]
    assert table["x"].tolist() == [1.0, 0.5]
    assert table["id"].tolist() == ["007", pd.NA]
    assert table["u"][0] == "a\u2028b"


def test_parquet(tmp_path):
    lay(tmp_path, "a.wav")
    frame = pd.DataFrame(
        {"file": ["a.wav", URL], "n": np.array([1, 2], "int16"), "reference": ["x", None]}, index=[3, 4]
    )
    frame.to_parquet(tmp_path / "list.parquet")
    found = find_recordings(str(tmp_path / "list.parquet"))
    assert [r.audio_id for r in found.recordings] == ["a.wav", URL]
    assert found.metadata["n"].dtype == "int16"
    assert found.metadata["reference"].tolist() == ["x", pd.NA]
    beside_others = find_recordings([f"{URL}?x=1", str(tmp_path / "list.parquet")]).metadata
    assert beside_others["n"].dtype == "Int16"
    assert beside_others["n"].tolist() == [pd.NA, 1, 2]


# -- references beside the audio -------------------------------------------------------------------------------------


def test_sidecars(tmp_path):
    lay(tmp_path, "a.wav", "b.wav", "c.mp3", "d.wav", "e.wav")
    (tmp_path / "a.txt").write_text("general\n")
    (tmp_path / "a.wav.txt").write_text("special\r\n\n")
    (tmp_path / "b.txt").write_bytes("ž\n".encode("utf-16"))
    (tmp_path / "c.txt").write_bytes(b"\xef\xbb\xbfbom")
    (tmp_path / "d.txt").touch()
    found = find_recordings(tmp_path)
    assert found.metadata["reference"].tolist() == ["special", "ž", "bom", "", pd.NA]
    assert found.metadata["reference"].dtype == "string"
    assert find_recordings(tmp_path, sidecars=False).metadata.shape == (5, 0)


def test_a_column_comes_before_a_sidecar(tmp_path):
    lay(tmp_path, "a.wav", "b.wav", "c.wav")
    (tmp_path / "a.txt").write_text("beside")
    (tmp_path / "b.txt").write_text("beside")
    (tmp_path / "list.csv").write_text('source,reference\na.wav,column\nb.wav,\nc.wav,""\n')
    assert find_recordings(tmp_path / "list.csv").metadata["reference"].tolist() == ["column", "beside", ""]


def test_a_sidecar_that_cannot_be_read_is_said(tmp_path):
    lay(tmp_path, "a.wav", "b.wav")
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "b.txt").write_text("fine")
    with pytest.warns(UserWarning, match="beside 1 recordings cannot be read.*neither UTF-8 nor UTF-16"):
        found = find_recordings(tmp_path)
    assert found.metadata["reference"].tolist() == [pd.NA, "fine"]
    (tmp_path / "list.csv").write_text("source,reference\na.wav,known\n")
    assert find_recordings(tmp_path / "list.csv").metadata["reference"].tolist() == ["known"]  # not looked at


@given(
    st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"])),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_texts_are_decoded(text, encoding):
    assert decode_text(text.encode(encoding)).removeprefix("\ufeff") == text.removeprefix("\ufeff")


# -- Hugging Face ----------------------------------------------------------------------------------------------------


def test_cells_of_hugging_face(tmp_path):
    path = lay(tmp_path, "a.wav") / "a.wav"
    cells = [
        {"bytes": b"1", "path": "x.wav"},
        {"bytes": b"2", "path": "x.wav"},
        {"bytes": None, "path": str(path)},
        {"bytes": b"3", "path": None},
        {"bytes": None, "path": None},
    ]
    found = find_recordings(cells).recordings
    assert [r.audio_id for r in found][:3] == ["x.wav", "x.wav#2", "a.wav"]
    assert [r.error_type for r in found] == [None, None, None, None, "missing_source"]
    assert [r.data for r in found] == [b"1", b"2", None, b"3", None]
    table = find_recordings([{"audio": cell, "n": i} for i, cell in enumerate(cells)])
    assert [r.audio_id for r in table.recordings][:3] == ["x.wav", "x.wav#2", "a.wav"]
    assert table.metadata["n"].tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(SourceError, match=r'cast_column\("audio", Audio\(decode=False\)\)'):
        find_recordings([{"audio": {"array": np.zeros(3), "path": "x", "sampling_rate": 16_000}}])


def test_a_real_dataset(tmp_path):
    datasets = pytest.importorskip("datasets")
    path = lay(tmp_path, "a.wav", content=b"file") / "a.wav"
    cells = [{"bytes": b"inside", "path": "x.wav"}, {"bytes": None, "path": str(path)}]
    dataset = datasets.Dataset.from_dict({"audio": cells, "reference": ["one", None], "n": [1, 2]})
    encoded = dataset.cast_column("audio", datasets.Audio(decode=False))
    forms = [encoded, dataset.cast_column("audio", datasets.Audio()), encoded.to_iterable_dataset(), list(encoded)]
    for form in forms:
        found = find_recordings(form)
        assert [r.audio_id for r in found.recordings] == ["x.wav", "a.wav"]
        assert (found.recordings[0].data, found.recordings[1].path) == (b"inside", path)
        assert found.metadata["reference"].tolist() == ["one", pd.NA]
        assert found.metadata["n"].tolist() == [1, 2]
    assert len(find_recordings(encoded["audio"]).recordings) == 2
    assert find_recordings(encoded[0]["audio"]).recordings[0].audio_id == "x.wav"
    with pytest.raises(SourceError, match=r"under the names \['train'\]; choose one: sources\['train'\]"):
        find_recordings(datasets.DatasetDict(train=encoded))


# -- nothing to transcribe -------------------------------------------------------------------------------------------


def test_a_folder_without_audio_says_what_it_holds(tmp_path):
    lay(tmp_path, *(f"{i}.txt" for i in range(9)), "a.pdf", "x/b.PDF", "x/c.pdf", "README")
    with pytest.raises(
        SourceError, match=r"13 files, none with an audio extension: \.txt \(9\), \.pdf \(3\), no extension \(1\)"
    ):
        find_recordings(tmp_path)
    with pytest.raises(SourceError, match=r"no audio in the glob .*10 files, none with.*\.txt \(9\)"):
        find_recordings(f"{tmp_path}/*.*")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{}", "no files at all"),
        ("{}/*.wav", "no audio in the glob"),
        ("{}/gone", "does not exist; looked in"),
        ("{}/gone.csv", "does not exist; looked in"),
        ("{}/gone/*.wav", "cannot be searched"),
        ("", "does not exist"),
    ],
)
def test_places_with_nothing(tmp_path, source, words):
    with pytest.raises(SourceError) as caught:
        find_recordings(source.format(tmp_path))
    assert words in str(caught.value)


def test_folders_alone_do_not_match(tmp_path):
    lay(tmp_path, "one/a.wav", "other/a.wav")
    with pytest.raises(SourceError, match=r"2 folders but no files; to look inside them, end the pattern with /\*\*"):
        find_recordings(f"{tmp_path}/o*")


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (None, "sources must be a path, URL.*found None"),
        (5, "found int"),
        ([], "found an empty list"),
        ({}, "found an empty dict"),
        ((), "found an empty tuple"),
        (pd.Series([], dtype=str), "found an empty Series"),
        (pd.DataFrame({"source": []}), "the DataFrame has the columns.*no rows"),
        (
            pd.DataFrame({"x": [1]}),
            r"the DataFrame: no column is known to contain audio; the columns are \['x'\].*audio_column=",
        ),
        (pd.DataFrame([[1, 2]], columns=["source", "source"]), "more than one column called 'source'"),
        ([URL, 5], "item 2 of the list is int 5"),
        ([["a.wav"]], "item 1 of the list is list"),
        ({"a": 5}, "the value of 'a' is int 5"),
        ({5: b"x"}, "must be text; found 5"),
        (pd.DataFrame({"source": [5]}), "row 1 of the DataFrame has int 5 in the column 'source'"),
        (np.zeros(3), "item 1 of the list is float64"),
    ],
)
def test_arguments_that_are_no_sources(sources, words):
    with pytest.raises(SourceError, match=words):
        find_recordings(sources)


def test_columns_that_are_not_there():
    frame = pd.DataFrame({"source": [URL]})
    with pytest.raises(SourceError, match=r"no column 'clip' \(audio_column\); it has \['source'\]"):
        find_recordings(frame, audio_column="clip")
    with pytest.raises(SourceError, match=r"no column 'said' \(reference_column\)"):
        find_recordings(frame, reference_column="said")


# -- awkward names ---------------------------------------------------------------------------------------------------

AWKWARD = [
    "with space.wav",
    "quo\"te's.wav",
    "emoji 🎙️.wav",
    "new\nline.wav",
    "~tilde.wav",
    "#hash?.wav",
    "%41.wav",
    "-x.wav",
]


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names(tmp_path, name):
    path = lay(tmp_path / "in", name) / name
    for source in (tmp_path / "in", path, [path], pd.DataFrame({"source": [str(path)]})):
        [recording] = find_recordings(source).recordings
        assert (recording.audio_id, recording.path, recording.error_type) == (name, path, None)
    frame = pd.DataFrame({"source": [name]})
    frame.to_csv(tmp_path / "in/list.csv")
    assert ids(tmp_path / "in/list.csv") == [name]


def test_names_that_are_not_unicode(tmp_path):
    lay(tmp_path, "caf\udce9.wav", "caf\udcea.wav")
    found = find_recordings(tmp_path).recordings
    assert [r.audio_id for r in found] == ["caf\\xe9.wav", "caf\\xea.wav"]
    assert all(r.path is not None and r.path.exists() for r in found)
    for recording in found:
        pa.array([recording.audio_id, recording.source, recording.filename])  # refuses lone surrogates


def test_long_names(tmp_path):
    [recording] = find_recordings([tmp_path / ("x" * 300 + ".wav")]).recordings
    assert recording.error_type == "unreadable"
    assert "File name too long" in str(recording.error_message)
    assert len(str(recording.error_message)) < 500
    deep = tmp_path / "/".join(["d" * 200] * 3)
    lay(deep, "x" * 251 + ".wav")
    [recording] = find_recordings(tmp_path).recordings
    assert recording.error_type is None
    assert len(recording.filename) == 200
    assert errors(["nul\0.wav"]) == ["unreadable"]


# -- laws ------------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(
    ["a.wav", "b.wav", "x/a.wav", "y/a.wav", "x/y/a.wav", "/p/a.wav", "/q/a.wav", "a.wav#2", "/p/a.wav#2"]
)
ITEMS = st.one_of(
    NAMES,
    st.sampled_from([URL, f"{URL}?sig=1", f"{URL}?sig=2", f"{URL}#2", "memory://x/y.wav", "https:// "]),
    st.sampled_from([b"", b"1", b"2"]),
    st.tuples(NAMES, st.binary(max_size=1)),
    st.none(),
    st.builds(lambda data, path: {"bytes": data, "path": path}, st.binary(max_size=1), NAMES),
    st.builds(lambda name, number: {"source": name, "n": number}, NAMES, st.integers(0, 9)),
    st.builds(lambda name, own: {"source": name, "audio_id": own}, NAMES, st.one_of(NAMES, st.none())),
)


def source_of(item: Any) -> Any:
    return item["source"] if isinstance(item, dict) and "source" in item else item


@given(st.lists(ITEMS, min_size=1, max_size=12))
def test_every_item_is_one_row_in_its_place_with_an_id_of_its_own(items):
    found = find_recordings(items)
    assert len(found.recordings) == len(found.metadata) == len(items)
    assert found.metadata.index.equals(pd.RangeIndex(len(items)))
    names = [r.audio_id for r in found.recordings]
    assert len(set(names)) == len(names)
    assert all(names)
    for item, recording in zip(map(source_of, items), found.recordings, strict=True):
        if isinstance(item, str):
            is_stored = item.startswith("memory://")
            assert recording.url == (item if "://" in item and not is_stored else None)
            assert (recording.path == Path(item)) == ("://" not in item)
            assert (recording.stored is not None) == is_stored
        elif isinstance(item, bytes):
            assert recording.data == item
        assert (recording.error_type is None) == (recording.error_message is None)
    for item, number in zip(items, found.metadata.get("n", [pd.NA] * len(items)), strict=True):
        if isinstance(item, dict) and "n" in item:
            assert number == item["n"]
    assert names == [r.audio_id for r in find_recordings(items).recordings]


@given(st.lists(st.sampled_from(["a/1.wav", "b/1.wav", "a/b/1.wav", "2.wav", "c/2.wav"]), unique=True, min_size=1))
def test_different_files_never_fail_as_duplicates(names):
    found = find_recordings([Path("/nowhere") / name for name in names]).recordings
    assert {r.error_type for r in found} == {"file_not_found"}
    for name, recording in zip(names, found, strict=True):
        assert f"/nowhere/{name}".endswith(f"/{recording.audio_id}")


def test_the_collector_is_on_again():
    assert gc.isenabled()
    find_recordings(URL)
    with pytest.raises(SourceError):
        find_recordings(5)
    assert gc.isenabled()


def test_columns_that_are_named_like_a_secret_are_kept_with_a_warning(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    table = pd.DataFrame({"source": [str(tmp_path / "a.wav")], "API-Key": "k", "Password": "p", "topic": "x"})
    message = r"columns are named like a secret: 'API-Key', 'Password'\. Like all columns, they are saved with"
    with pytest.warns(UserWarning, match=message):
        found = find_recordings(table)
    assert found.metadata.columns.tolist() == ["API-Key", "Password", "topic"]
    # No secret: flags, and words that only contain such a name.
    harmless = {"authorization": True, "token": [["a", "b"]], "password_reset": "yes", "author": "Ann", "key": "k1"}
    find_recordings(table[["source"]].assign(**harmless))
