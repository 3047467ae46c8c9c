"""Excel workbooks read by openpyxl, and CSV files read by pandas and Python's csv."""

from __future__ import annotations

import builtins
import csv
import sys

import openpyxl
import pandas as pd
import pytest
from transcripts import ODD_TEXTS, corpus_of, segments_of

import soniox_ds as sx
from soniox_ds.exceptions import InputError, SetupError
from soniox_ds.files.formula_cells import formulas_unquoted
from soniox_ds.io import excel

FORMULAS = {
    "sum": "=1+1 @x",
    "call": "+cmd|' /C calc'!A0",
    "minus": "-5 '=2",
    "wide": "＝1",
    "quoted": "'tis '-x",
    "no": "5",
}
TEXTS = {**ODD_TEXTS, **FORMULAS}


def full_corpus():
    corpus = corpus_of(TEXTS, failed=["lost"])
    own = pd.DataFrame(
        {
            "score": [None, float("inf"), *([0.5] * (len(corpus) - 2))],
            "big": 2**60,
            "tags": [["a", "b"]] * len(corpus),
            "is_good": pd.array([None, True] + [False] * (len(corpus) - 2), dtype="boolean"),
            "group": pd.Categorical(["x"] * len(corpus)),
        }
    )
    times = pd.Series(pd.Timestamp("2026-05-01 10:00:00.250", tz="UTC"), index=corpus.recordings.index)
    return sx.Corpus(pd.concat([corpus.recordings.assign(submitted_at=times), own], axis=1), corpus.tokens)


def sheet_rows(sheet):
    header, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(header, row, strict=True)) for row in rows]


def plain(table):
    return table.astype(object).where(table.notna(), None).to_dict("records")


def test_openpyxl_reads_every_cell(tmp_path):
    corpus = full_corpus()
    with pytest.warns(UserWarning, match="1 of 14 recordings are left out because they have failed: 'lost'"):
        corpus.to_excel(tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["recordings", "segments", "words"]
    for name, table in (("words", corpus.words()), ("segments", sx.segments(corpus))):
        for read, row in zip(sheet_rows(book[name]), plain(table), strict=True):
            assert read == pytest.approx(row, rel=1e-6)
    recordings = sheet_rows(book["recordings"])
    assert [row["audio_id"] for row in recordings] == list(corpus)
    assert [row["score"] for row in recordings[:3]] == [None, "inf", 0.5]
    assert [row["is_good"] for row in recordings[:3]] == [None, True, False]
    assert recordings[0]["big"] == str(2**60)
    assert recordings[0]["tags"] == "['a', 'b']"
    assert recordings[0]["submitted_at"].isoformat() == "2026-05-01T10:00:00.250000"


def test_no_cell_is_a_formula(tmp_path):
    rows = [(f"={n}", "@1", 0, 900, text) for n, text in enumerate(FORMULAS.values())]
    sx.io.write_excel(segments_of(rows), tmp_path / "a.xlsx")
    cells = [cell for row in openpyxl.load_workbook(tmp_path / "a.xlsx")["segments"] for cell in row]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    begins = {cell.value for cell in cells if cell.quotePrefix}
    assert begins == {"@1", *(f"={n}" for n in range(6)), *list(FORMULAS.values())[:4]}


def test_long_texts_and_long_tables(tmp_path, monkeypatch):
    monkeypatch.setattr(excel, "_LAST_ROWS", 3)
    rows = [("a", "1", n, n + 1, "𝄞" * 20_000 if n == 4 else f"w{n}") for n in range(7)]
    with pytest.warns(UserWarning, match="Excel: 1 texts are cut at 32767 characters"):
        sx.io.write_excel(segments_of(rows), tmp_path / "a.xlsx")
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert book.sheetnames == ["segments", "segments 2", "segments 3"]
    assert [row["start_ms"] for sheet in book for row in sheet_rows(sheet)] == list(range(7))
    assert sheet_rows(book["segments 2"])[1]["text"] == "𝄞" * 16_383


@pytest.mark.parametrize("rows", [None, "words", "segments", "texts", "tokens", "recordings"])
def test_csv_is_read_back(tmp_path, rows):
    corpus = full_corpus()
    corpus = corpus if rows == "recordings" else corpus.completed
    corpus.to_csv(tmp_path / "a.csv", rows=rows)
    table = {
        "segments": sx.segments(corpus),
        "texts": corpus.texts(),
        "tokens": corpus.tokens,
        "recordings": corpus.recordings,
    }.get(rows or "", corpus.words())
    made = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, na_values={"score": [""]})
    assert list(made) == list(table)
    for name in ("audio_id", "text", "status", "speaker"):
        if name in table and table[name].notna().all():
            assert formulas_unquoted(made[name].astype(str)).tolist() == table[name].tolist()
    for name in ("start_ms", "end_ms", "confidence"):
        if name in table:
            assert made[name].tolist() == pytest.approx(table[name].tolist())
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as opened:
        cells = [cell for row in csv.reader(opened) for cell in row]
    assert not [cell for cell in cells if cell[:1] in tuple("=+@-") and not cell.lstrip("-").replace(".", "").isdigit()]


def test_missing_values_differ_from_empty_texts(tmp_path):
    rows = [("a", None, 0, 900, ""), ("a", "1", 900, 1000, 'say "x", y\nz')]
    sx.io.write_csv(segments_of(rows), tmp_path / "a.csv", byte_order_mark=True)
    lines = (tmp_path / "a.csv").read_bytes()
    assert lines == '\ufeff"audio_id","speaker","start_ms","end_ms","text"\n"a",,0,900,""\n'.encode() + (
        b'"a","1",900,1000,"say ""x"", y\nz"\n'
    )


def test_tables_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"rows must be one of 'words', .*'tokens'; found 'x'"):
        corpus_of({"a": "yes"}).to_csv(tmp_path / "a.csv", rows="x")
    with pytest.raises(InputError, match="a table of segments has no words"):
        sx.io.write_csv(segments_of([("a", "1", 0, 1, "x")]), tmp_path / "a.csv", rows="words")
    with pytest.raises(InputError, match="the given table has no recordings; give a Corpus"):
        sx.io.write_csv(corpus_of({"a": "yes"}).words(), tmp_path / "a.csv", rows="recordings")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("package", "function", "command"),
    [
        ("xlsxwriter", "to_excel", "xlsxwriter"),
        ("datasets", "to_huggingface", "datasets"),
        ("langchain_core", "to_documents", "langchain-core"),
    ],
)
def test_a_package_that_is_not_installed_is_named(tmp_path, monkeypatch, package, function, command):
    usual = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.partition(".")[0] == package:
            raise ImportError(name)
        return usual(name, *arguments, **keywords)

    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SetupError, match=f"not installed: pip install {command}$"):
        getattr(corpus_of({"a": "yes"}), function)(*([tmp_path / "a"] if function == "to_excel" else []))
    assert not list(tmp_path.iterdir())
