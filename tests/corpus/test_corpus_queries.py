"""Queries in SQL over an opened corpus, and the tables that lie beside its tokens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from test_opened_corpora import ONE, THREE, TWO, corpus_of, save_by_split, save_in_saves

import soniox_ds as sx
from soniox_ds.corpus import derived
from soniox_ds.corpus.checksums import problem_of
from soniox_ds.exceptions import InputError, SchemaError, SetupError


@pytest.fixture(params=[save_in_saves, save_by_split])
def folder(request, tmp_path):
    request.param(tmp_path / "the corpus's folder")
    return tmp_path / "the corpus's folder"


def in_order(table, *columns):
    return table.sort_values(list(columns), ignore_index=True)


def plain(table):
    """The table with the dtypes of a query, in which a category is its text."""
    return table.astype(dict.fromkeys(table, "object"))


def check_equal(first, second):
    pd.testing.assert_frame_equal(
        plain(first).where(first.notna(), None), plain(second).where(second.notna(), None), check_dtype=False
    )


def test_tables_are_those_of_the_corpus(folder):
    opened, loaded = sx.open_corpus(folder), sx.concat([ONE, TWO, THREE])
    tables = {
        "recordings": (loaded.recordings, ["audio_id"]),
        "tokens": (loaded.tokens, ["audio_id", "token_index"]),
        "words": (loaded.words(), ["audio_id", "word_index"]),
    }
    for name, (table, order) in tables.items():
        found = opened.sql(f"SELECT * FROM {name}")
        assert list(found) == list(table)
        check_equal(in_order(found, *order), in_order(table, *order))


def test_selections_are_queried_alone(folder):
    selected = sx.open_corpus(folder).select(split="s")
    ids = sorted(sx.read_corpus(folder).select(split="s"))
    for name in ("recordings", "tokens", "words"):
        found = selected.sql(f"SELECT DISTINCT audio_id FROM {name} ORDER BY 1")["audio_id"].tolist()
        assert found == [audio_id for audio_id in ids if name == "recordings" or audio_id != "x1"]
    nothing = selected.select([])
    assert nothing.sql("SELECT count(*) AS n FROM words")["n"].tolist() == [0]


def test_a_query_joins_and_adds_up(folder):
    opened = sx.open_corpus(folder)
    errors = sx.word_errors(opened, dict.fromkeys(opened, "Hello, a"))
    opened.save_table("word_errors", errors)
    rates = pd.DataFrame({"split": ["s", "t"], "weight": [1, 2]})
    query = "SELECT split, sum(hits) AS hits, count(*) AS n, any_value(weight) AS weight FROM word_errors"
    found = opened.sql(f"{query} JOIN weights USING (split) GROUP BY split ORDER BY split", weights=rates)
    of_split = [errors[errors["split"] == name] for name in ("s", "t")]
    assert found["hits"].tolist() == [int(table["hits"].sum()) for table in of_split]
    assert found["hits"].dtype == "Int64"
    assert found["n"].tolist() == [len(table) for table in of_split]
    assert found["weight"].tolist() == [1, 2]
    opened.save_table("word_errors", errors.iloc[:1])
    assert opened.sql("SELECT count(*) AS n FROM word_errors")["n"].tolist() == [1]


def test_words_are_computed_once(folder, monkeypatch):
    opened, computed = sx.open_corpus(folder), []
    original = derived._write
    monkeypatch.setattr(derived, "_write", lambda path, table: computed.append(path) or original(path, table))
    seen = []
    opened.sql("SELECT * FROM tokens, recordings")
    assert not computed
    opened.materialize("words", progress=seen.append)
    n_parts = len(list((folder / "tokens").rglob("*.parquet")))
    assert len(computed) == n_parts
    assert (seen[-1].done, seen[-1].total, seen[-1].closed) == (7, 7, True)
    opened.materialize("words")
    opened.sql("SELECT * FROM words")
    assert len(computed) == n_parts
    words = pd.concat([pq.read_table(path).to_pandas() for path in (folder / "words").rglob("*.parquet")])
    assert sorted(words["text"]) == sorted(opened.words()["text"])


def test_words_of_a_selection_are_those_of_its_parts(folder):
    opened = sx.open_corpus(folder)
    opened.select(["f"]).materialize()
    assert len(list((folder / "words").rglob("*.parquet"))) == 1
    opened.materialize()
    assert sorted(opened.sql("FROM words")["text"]) == sorted(opened.words()["text"])


@pytest.mark.parametrize(
    "change",
    [
        lambda words, tokens: words.write_bytes(words.read_bytes()[:-9]),
        lambda words, tokens: tokens.write_bytes(other_tokens(tokens)),
        lambda words, tokens: words.unlink(),
    ],
)
def test_words_are_computed_anew_if_something_changed(folder, change):
    opened = sx.open_corpus(folder)
    opened.materialize()
    tokens = sorted((folder / "tokens").rglob("part-000001-*.parquet"))[0]
    words = folder / "words" / tokens.relative_to(folder / "tokens")
    change(words, tokens)
    opened = sx.open_corpus(folder)
    assert sorted(opened.sql("FROM words")["text"]) == sorted(opened.words()["text"])


def other_tokens(path):
    """A file of the same tokens with other texts, as another tool would write it."""
    table = pq.read_table(path)
    frame = table.to_pandas()
    changed = frame.assign(text=frame["text"].astype(str).str.upper())

    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pandas(changed, preserve_index=False).replace_schema_metadata(table.schema.metadata), sink
    )
    return sink.getvalue().to_pybytes()


def test_words_of_parts_that_are_gone_are_deleted(folder):
    sx.open_corpus(folder).materialize()
    ONE.save(folder, overwrite=True)
    opened = sx.open_corpus(folder)
    assert sorted(opened.sql("FROM words")["text"]) == sorted(ONE.words()["text"])
    assert len(list((folder / "words").rglob("*.parquet"))) == 1


def test_the_folder_stays_a_corpus(folder):
    opened = sx.open_corpus(folder)
    opened.materialize()
    opened.save_table("notes", pd.DataFrame({"n": [1]}))
    assert sx.read_corpus(folder).equals(sx.concat([ONE, TWO, THREE]))
    corpus_of("g", split=["s"]).save(folder, append=True)
    opened = sx.open_corpus(folder)
    assert sorted(opened.sql("FROM words")["text"]) == sorted(opened.words()["text"])


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM wrods", r"The tables are notes, recordings, tokens, words"),
        ("SELEC 1", "the query failed"),
        ("SELECT nothing FROM tokens", "the query failed.*nothing"),
        ("SELECT * FROM variable", "the query failed"),
        ("SELECT CAST(text AS INTEGER) FROM tokens", "the query failed"),
    ],
)
def test_wrong_queries(folder, query, message):
    variable = pd.DataFrame({"a": [1]})  # DuckDB would find it by itself.
    opened = sx.open_corpus(folder)
    opened.save_table("notes", variable)
    with pytest.raises(InputError, match=message):
        opened.sql(query)


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:40])])
def test_bad_files_are_named(folder, damage):
    opened = sx.open_corpus(folder)
    path = sorted((folder / "tokens").rglob("part-000001-*.parquet"))[0]
    damage(path)
    with pytest.raises(InputError) as caught:
        opened.sql("SELECT sum(length(text)) FROM tokens")
    assert path.name in str(caught.value)


def test_a_replaced_corpus_is_opened_again(folder):
    opened = sx.open_corpus(folder)
    TWO.save(folder, overwrite=True)
    with pytest.raises(InputError, match="Open it again"):
        opened.sql("FROM tokens")


@pytest.mark.parametrize("name", ["words", "Tokens", "a-b", "../x", "1st", ""])
def test_names_of_tables(folder, name):
    with pytest.raises(InputError, match="cannot be the name"):
        sx.open_corpus(folder).save_table(name, pd.DataFrame({"n": [1]}))


def test_tables_that_cannot_be_stored(folder):
    opened = sx.open_corpus(folder)
    with pytest.raises(SchemaError, match="cannot be stored"):
        opened.save_table("odd", pd.DataFrame({"n": [1, "x"]}))
    with pytest.raises(InputError, match="found list"):
        opened.save_table("odd", [1])
    with pytest.raises(InputError, match="only 'words' can be materialized"):
        opened.materialize("segments")


def test_without_duckdb_the_error_names_the_command(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "duckdb", None)
    with pytest.raises(SetupError, match=r'pip install "soniox_ds\[sql\]"'):
        sx.open_corpus(folder).sql("FROM tokens")


def test_a_table_is_computed_and_stored_part_by_part(folder):
    def notes(part):
        if "a" not in part:
            return pd.DataFrame({"audio_id": list(part), "note": None})  # without a type, and without a column
        return pd.DataFrame({"audio_id": list(part), "note": "first", "n": 1})

    opened = sx.open_corpus(folder)
    opened.save_table("notes", notes)
    stored = opened.sql("FROM notes")
    assert sorted(stored["audio_id"]) == sorted(opened)
    assert stored["note"].count() == stored["n"].count() == len(next(part for part in opened.parts() if "a" in part))
    file = folder / "results" / "notes.parquet"
    assert pq.ParquetFile(file).metadata.num_row_groups == len(list(opened.parts())) > 1
    assert problem_of(file) is None
    file.write_bytes(file.read_bytes().replace(b"first", b"worst"))
    assert "its checksum is wrong" in problem_of(file)
    opened.save_table("words_of_parts", sx.words)
    assert sorted(opened.sql("FROM words_of_parts")["text"]) == sorted(sx.words(opened)["text"])
    with pytest.raises(InputError, match="that a function returns for the parts, found int"):
        opened.save_table("counts", len)
    assert not (folder / "results" / "counts.parquet").exists()
    with ThreadPoolExecutor(2) as executor:
        sx.open_corpus(folder, executor=executor).save_table("words_of_parts", sx.words)
    assert len(opened.sql("FROM words_of_parts")) == len(sx.words(opened))
