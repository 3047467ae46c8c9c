"""Tables of references read from files: by the reader of manifests, on the command line and in Python alike."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.cli import main
from soniox_ds.exceptions import SchemaError, SourceError
from soniox_ds.files.text_files import decode_text
from soniox_ds.sources.manifests import read_manifest

ROWS = [["audio_id", "reference"], ["007", "hello he said"], ["b", "guten Morgen, ja"]]


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.fixture
def corpus(tmp_path):
    recordings = pd.DataFrame({"audio_id": ["a", "b"], "status": "completed", "duration_ms": 1000})
    tokens = pd.DataFrame(
        {"audio_id": ["a", "b"], "token_index": 0, "text": ["hello", "good morning"], "confidence": 0.9}
    )
    folder = tmp_path / "corpus"
    sx.Corpus(recordings, tokens).save(folder)
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("first", ["", "sep={}", '"sep={}"', "SEP={}"])
def test_every_dialect_of_csv(tmp_path, encoding, end, separator, first):
    lines = [separator.join(f'"{cell}"' if "," in cell else cell for cell in row) for row in ROWS]
    text = end.join([*([first.format(separator)] if first else []), *lines, ""])
    table = sx.read_references(write(tmp_path, "r.csv", text, encoding))
    assert [table.columns.tolist(), *table.to_numpy().tolist()] == ROWS


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("r.tsv", "audio_id\treference\n007\thello he said\nb\tguten Morgen, ja\n"),
        ("r.tsv", 'audio_id,reference\n007,hello he said\nb,"guten Morgen, ja"\n'),  # the name tells a lie
        ("r.csv", "audio_id;reference;;\n007;hello he said;;\nb;guten Morgen, ja;;\n;;;\n;;;\n"),  # Excel's ghosts
        (
            "r.csv",
            '"audio_id, of ours";x\n'.replace('"audio_id, of ours";x', '"audio_id";"reference"')
            + "007;hello he said\nb;guten Morgen, ja\n",
        ),
        (
            "r.json",
            json.dumps(
                [{"audio_id": "007", "reference": "hello he said"}, {"audio_id": "b", "reference": "guten Morgen, ja"}]
            ),
        ),
        (
            "r.jsonl",
            '{"audio_id": "007", "reference": "hello he said"}\n{"audio_id": "b", "reference": "guten Morgen, ja"}\n',
        ),
        (
            "r.ndjson",
            '{"audio_id": "007", "reference": "hello he said"}\r\n'
            '\r\n{"audio_id": "b", "reference": "guten Morgen, ja"}',
        ),
    ],
)
def test_other_forms(tmp_path, name, text):
    table = sx.read_references(write(tmp_path, name, text))
    assert [table.columns.tolist(), *table.to_numpy().tolist()] == ROWS


def test_parquet_keeps_what_stood_in_the_index(tmp_path):
    frame = pd.DataFrame(ROWS[1:], columns=ROWS[0])
    frame.to_parquet(tmp_path / "r.parquet")
    frame.set_index("audio_id").to_parquet(tmp_path / "i.parquet")
    for name in ("r", "i"):
        assert sx.read_references(tmp_path / f"{name}.parquet").to_numpy().tolist() == ROWS[1:]


def test_a_manifest_will_do(tmp_path):
    path = write(tmp_path, "m.jsonl", '{"audio_filepath": "x/a.wav", "text": "hello", "duration": 1.5}\n')
    assert sx.read_references(path)[["audio_id", "text"]].to_numpy().tolist() == [["x/a.wav", "hello"]]
    errors = sx.word_errors({"x/a.wav": "hello"}, sx.read_references(path))
    assert errors["wer"].tolist() == [0.0]
    assert errors["duration"].tolist() == [1.5]


def test_an_empty_cell_is_no_reference_and_a_quoted_one_is(tmp_path):
    path = write(tmp_path, "r.csv", 'audio_id,reference\na,\nb,""\nc,NA\n1,007\n')
    assert sx.read_references(path)["reference"].tolist() == [pd.NA, "", "NA", "007"]
    path = write(tmp_path, "r.jsonl", '{"audio_id": 1, "reference": 7}\n{"audio_id": 2, "reference": null}\n')
    assert sx.read_references(path).to_numpy().tolist() == [["1", "7"], ["2", pd.NA]]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("r.csv", 'audio_id,reference\na,"Hello he said\nb,good\nc,bye\n', "line 2: a quote is opened"),
        ("r.csv", 'sep=;\naudio_id;reference\na;"Hello he said\nb;good\n', "line 3: a quote is opened"),
        ("r.csv", 'audio_id,reference\na,x\n\nb,"y" z\n', "line 4: a quote is opened"),
        ("r.csv", "audio_id,reference\na,hello, he said\n", "line 2: found 3 cells where the header has 2"),
        ("r.csv", "audio_id,reference,reference\na,b,c\n", r"line 1: the columns \['reference'\] occur more than once"),
        ("r.tsv", "audio_id\taudio_id\na\tb\n", r"the columns \['audio_id'\] occur more than once"),
        (
            "r.jsonl",
            '{"audio_id": "a", "reference": "x", "reference": "y"}\n',
            r"line 1: the keys \['reference'\] occur",
        ),
        ("r.json", '[{"audio_id": "a", "audio_id": "b"}]', r"the keys \['audio_id'\] occur more than once"),
        ("r.jsonl", '{"audio_id": "a"}\n{"audio_id": "b", "reference": \n', "line 2, column 32"),
        ("r.jsonl", '{"audio_id": ' + "9" * 5000 + "}\n", "line 1: .*4300 digits"),
        ("r.json", "[" * 100_000, "recursion"),
        ("r.csv", "", "is empty; it needs a line for each reference"),
        ("r.parquet", "PAR1 and nothing else", "is not Parquet, or is damaged"),
        ("r.xlsx", "PK", "must be a file of .*found .xlsx. Save it as CSV"),
        ("r.txt", "a hello", "must be a file of .*found .txt"),
    ],
)
def test_incomplete_tables_are_refused_by_both(tmp_path, corpus, capsys, name, text, words):
    path = write(tmp_path, name, text)
    with pytest.raises(SourceError, match=rf"the references '.*{name}'.*{words}"):
        sx.read_references(path)
    assert main(["report", str(corpus), "--references", str(path), "-o", str(tmp_path / "r.html")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    if name.endswith(("csv", "tsv", "jsonl", "json", "parquet")):
        with pytest.raises(
            SourceError, match=words.replace("reference; ", "recording; ").replace("each reference", "each recording")
        ):
            read_manifest(str(path))


@pytest.mark.parametrize(
    "raw", [b"PK\x03\x04" + b"\x14\x00\x06\x00" * 50, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 200]
)
def test_a_spreadsheet_under_another_name_is_named(tmp_path, raw):
    (tmp_path / "r.csv").write_bytes(raw)
    with pytest.raises(SourceError, match=r"r\.csv' is an office document with a different extension; save it as CSV"):
        sx.read_references(tmp_path / "r.csv")


def test_encodings_that_are_not_taken_are_named(tmp_path):
    path = write(tmp_path, "r.csv", "audio_id,reference\na,café\n", "latin-1")
    with pytest.raises(SourceError, match="neither UTF-8 nor UTF-16: byte 0xe9 in line 2"):
        sx.read_references(path)
    path.write_bytes("audio_id".encode("utf-16")[:-1])
    with pytest.raises(SourceError, match="neither UTF-8 nor UTF-16"):
        sx.read_references(path)


def test_files_that_are_not_there(tmp_path, corpus, capsys):
    for name in ("gone.csv", "gone.parquet", "nul\0.csv"):
        with pytest.raises(SourceError, match="cannot be read"):
            sx.read_references(tmp_path / name)
    assert main(["report", str(corpus), "--references", str(tmp_path / "gone.csv")]) == 2
    assert main(["report", str(corpus), "--turns", str(tmp_path / "gone.rttm")]) == 2
    assert "gone.rttm does not exist" in capsys.readouterr().err


def test_a_column_without_a_name_is_told_unless_it_is_an_index(tmp_path):
    path = write(tmp_path, "r.csv", ",audio_id,reference,\n0,a,x,\n2,b,y,lost\n")
    with pytest.warns(
        UserWarning, match="column 4 has no name in the header and is left out .its first value is 'lost'"
    ):
        assert sx.read_references(path).columns.tolist() == ["audio_id", "reference"]
    path = write(tmp_path, "i.csv", ",reference\na,x\nb,y\n")
    with (
        pytest.warns(UserWarning, match="column 1 has no name"),
        pytest.raises(
            SourceError, match=r"known to contain the ids of the recordings; the columns are \['reference'\]"
        ),
    ):
        sx.read_references(path)


def test_the_report_takes_what_python_takes(tmp_path, corpus, capsys):
    path = write(tmp_path, "r.csv", "audio_id;reference\r\na;hello\r\nb;good evening\r\n", "utf-8-sig")
    page = tmp_path / "r.html"
    assert main(["report", str(corpus), "--references", str(path), "-o", str(page)]) == 0
    assert sx.word_errors(sx.read_corpus(corpus), sx.read_references(path))["substitutions"].tolist() == [0, 1]
    assert "evening" in page.read_text(encoding="utf-8")


def test_a_data_frame_with_a_column_twice_is_refused():
    table = pd.DataFrame([["a", "hello he said", "hello"]], columns=["audio_id", "reference", "reference"])
    with pytest.raises(SchemaError, match="references: the column 'reference' occurs more than once"):
        sx.word_errors({"a": "hello"}, table)
    tokens = pd.DataFrame([["a", 0, "x", "y"]], columns=["audio_id", "token_index", "text", "text"])
    with pytest.raises(SchemaError, match="tokens: the column 'text' occurs more than once"):
        sx.words(tokens)


@pytest.mark.parametrize("reference", ["he\0llo", "h\0éllo", "\0hello there"])
def test_a_stray_nul_does_not_make_utf_16_of_a_file(tmp_path, reference):
    table = sx.read_references(write(tmp_path, "r.csv", f"audio_id,reference\na,{reference}\nb,x\n"))
    assert table.to_numpy().tolist() == [["a", reference], ["b", "x"]]


@pytest.mark.parametrize("text", ["привет мир и все остальные", "中国人民很好。\n", "שלום עולם\n", "Γειά σου\n"])
def test_utf_16_without_a_mark_and_with_few_nuls_is_still_read(text):
    for encoding in ("utf-16-le", "utf-16-be"):
        assert decode_text(text.encode(encoding)) == text


def test_halves_of_surrogate_pairs_are_replaced(tmp_path):
    path = write(tmp_path, "r.jsonl", '{"audio_id": "a\\ud800", "refe\\udc00rence": ["\\ud83d\\ude00", "\\ud83d"]}\n')
    table = read_manifest(str(path))
    assert table.columns.tolist() == ["audio_id", "refe\ufffdrence"]
    assert table.iloc[0].tolist() == ["a\ufffd", ["\U0001f600", "\ufffd"]]


@pytest.mark.parametrize(
    "header",
    [
        "Audio_ID,Reference",
        "AUDIO ID,TEXT",
        "audio-id,Transcript",
        "path,sentence",
        "File,transcription",
        "FileName,normalized_text",
        "file_name,transcription",
        "id,ground_truth",
        "Utterance ID,ref",
        "audio,text",
    ],
)
def test_usual_names_of_columns(tmp_path, header):
    table = sx.read_references(write(tmp_path, "r.csv", f"{header},client_id\n007,1e5,x\nfalse,true,y\n"))
    text = "text" if "text" in table else "reference"
    assert table[["audio_id", text, "client_id"]].to_numpy().tolist() == [["007", "1e5", "x"], ["false", "true", "y"]]
    assert sx.word_errors({"007": "1e5", "false": "true"}, table)["wer"].tolist() == [0.0, 0.0]


def test_common_voice(tmp_path):
    path = write(
        tmp_path,
        "validated.tsv",
        'client_id\tpath\tsentence\tup_votes\tlocale\nx\tcv_1.mp3\t"Yes", he said.\t2\ten\nx\tcv_2.mp3\tNo.\t0\ten\n',
    )
    table = sx.read_references(path)
    assert table[["audio_id", "reference"]].to_numpy().tolist() == [
        ["cv_1.mp3", '"Yes", he said.'],
        ["cv_2.mp3", "No."],
    ]
    assert table.columns.tolist() == ["audio_id", "client_id", "path", "reference", "up_votes", "locale"]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        (
            "r.csv",
            "a.wav,hello there\nb.wav,good morning\n",
            r"the columns are \['a.wav', 'hello there'\].*write one above it",
        ),
        (
            "r.csv",
            "audio_id,words\na,b\n",
            r"known to contain the texts; the columns are \['audio_id', 'words'\].*looked for: refer",
        ),
        ("r.csv", "speaker,reference\na,b\n", "known to contain the ids of the recordings"),
        ("r.csv", "id,transcript,sentence\na,b,c\n", r"each of the columns \['transcript', 'sentence'\] could be"),
        ("r.csv", "id,Text,TEXT\na,b,c\n", r"each of the columns \['Text', 'TEXT'\] could be the column 'reference'"),
        ("r.csv", "ID,Id,text\na,b,c\n", r"each of the columns \['ID', 'Id'\] could be the column 'audio_id'"),
        ("r.csv", "clip_name|words|norm\na|b c d|b c d\n", r"the columns are \['clip_name', 'words', 'norm'\]"),
        (
            "r.json",
            '{"data": [{"audio_id": "a", "reference": "x"}]}',
            r"one JSON object with the keys \['data'\].*list",
        ),
        ("r.json", '{"a": "x", "b": 7}', "values of type int, str"),
        ("r.json", "{}", "values of type none"),
        ("r.json", '{"a": "x", "a": "y"}', r"the keys \['a'\] occur more than once"),
        ("r.json", '{"a": "x",\n "b": \n', "line 3"),
        ("r.txt", "audio_id\thello\na\tb\n", "found .txt whose first line is not the header of a table"),
        ("r.csv", "audio_id,reference\na,x\nb,y\na,z\n", r"more than one reference for a recording: 'a' \(rows 1, 3\)"),
        ("r.csv", "audio_id,reference\n a,x\na,x\n", r"more than one reference for a recording: 'a' \(rows 1, 2\)"),
        ("r.jsonl", '{"audio_id": 1, "text": "x"}\n{"audio_id": "1", "text": "y"}\n', r"'1' \(rows 1, 2\)"),
    ],
)
def test_tables_that_are_not_understood_are_refused(tmp_path, corpus, capsys, name, text, words):
    path = write(tmp_path, name, text)
    with pytest.raises(SourceError, match=rf"the references '.*{name}'.*{words}"):
        sx.read_references(path)
    assert main(["report", str(corpus), "--references", str(path), "-o", str(tmp_path / "r.html")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "text",
    [
        "audio_id,speaker,start_ms,reference\na,X,0,hello\na,Y,900,there\n",
        "audio_id,speaker,text\na,X,hello\na,Y,there\n",
        "audio_id,reference\na,x\na,\n",
    ],
)
def test_turns_and_rows_without_a_text_may_repeat_ids(tmp_path, text):
    assert sx.read_references(write(tmp_path, "r.csv", text))["audio_id"].tolist() == ["a", "a"]


@pytest.mark.parametrize(
    "found",
    [
        {"007": "hello he said", "b": "guten Morgen, ja"},
        {"007": {"reference": "hello he said"}, "b": {"reference": "guten Morgen, ja"}},
        {
            "x": {"audio_id": "007", "reference": "hello he said"},
            "y": {"audio_id": "b", "reference": "guten Morgen, ja"},
        },
        {"audio_id": ["007", "b"], "reference": ["hello he said", "guten Morgen, ja"]},
        {"audio_id": {"0": "007", "1": "b"}, "reference": {"0": "hello he said", "1": "guten Morgen, ja"}},
    ],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_objects(tmp_path, found, indent):
    table = sx.read_references(write(tmp_path, "r.json", json.dumps(found, indent=indent)))
    assert [table.columns.tolist(), *table.to_numpy().tolist()] == ROWS


def test_a_json_object_of_one_row_is_a_row(tmp_path):
    assert sx.read_references(write(tmp_path, "r.json", '{"audio_id": "a", "text": "b"}')).to_numpy().tolist() == [
        ["a", "b"]
    ]
    lines = write(tmp_path, "l.json", '{"audio_id": "a", "text": "b"}\n{"audio_id": "c", "text": "d"}\n')
    assert sx.read_references(lines).to_numpy().tolist() == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.txt"])
@pytest.mark.parametrize("columns", [2, 3])
def test_ljspeech_has_no_header(tmp_path, name, columns):
    said = ['Printing, in the "only sense, in 1455,', '"The rest" of it.', "Dr. X; has, many, commas,,,"]
    lines = ["|".join([f"LJ001-000{place}", *[text] * (columns - 1)]) for place, text in enumerate(said, 1)]
    table = sx.read_references(write(tmp_path, name, "\n".join(lines) + "\n"))
    assert table["audio_id"].tolist() == ["LJ001-0001", "LJ001-0002", "LJ001-0003"]
    assert table["text"].tolist() == said
    assert table.columns.tolist() == ["audio_id", "text", "normalized_text"][:columns]


def test_excels_unicode_text(tmp_path):
    text = 'Audio_ID\tReference\r\n007\t"hello ""he"" said"\r\nb\tgrüß Gott, ja\r\n'
    table = sx.read_references(write(tmp_path, "r.txt", text, "utf-16"))
    assert table.to_numpy().tolist() == [["007", 'hello "he" said'], ["b", "grüß Gott, ja"]]


@pytest.mark.parametrize("separator", [";", ",", "|"])
def test_cells_with_spaces_around_the_separator(tmp_path, separator):
    lines = [["audio_id", "reference", "n"], ["007", "hello he said", "1"], ["b", " ", "2"], ["c", '""', "3"]]
    path = write(tmp_path, "r.csv", "\n".join(f" {separator} ".join(line) for line in lines) + "\n")
    table = sx.read_references(path)
    assert table.to_numpy().tolist() == [["007", "hello he said", 1], ["b", pd.NA, 2], ["c", "", 3]]
    path = write(tmp_path, "u.csv", f"audio_id{separator}reference\na {separator} x\n")
    assert sx.read_references(path).to_numpy().tolist() == [["a", "x"]]


def test_audio_of_hugging_face(tmp_path):
    frame = pd.DataFrame({"audio": [{"bytes": b"RIFF", "path": "a.wav"}], "text": ["hello"]})
    frame.to_parquet(tmp_path / "r.parquet")
    assert sx.read_references(tmp_path / "r.parquet")["audio_id"].tolist() == ["a.wav"]
    pd.DataFrame({"audio": [{"bytes": b"RIFF", "path": None}], "text": ["hello"]}).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"has no 'path' from which to take its id. Add a column 'audio_id'"):
        sx.read_references(tmp_path / "b.parquet")


def test_folders_and_paths_without_references_say_what_they_hold(tmp_path):
    with pytest.raises(SourceError, match="do not exist"):
        sx.read_references(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="has no file of a format with texts"):
        sx.read_references(tmp_path)
    for name in ("a.srt", "a.vtt"):
        (tmp_path / name).write_text("x")
    with pytest.raises(SourceError, match=r"has files of several formats \(srt, vtt\); name the format with format="):
        sx.read_references(tmp_path)
