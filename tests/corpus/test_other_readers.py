"""Other tools read the folder of a corpus with the same rows: recordings, tokens, words and a stored table."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pandas as pd
import pytest
from separate_packages import installed
from test_opened_corpora import corpus_of

import soniox_ds as sx

KINDS = ("recordings", "tokens", "words", "results")
SPARK = """
import json, sys
from pyspark.sql import SparkSession
builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
spark = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
spark.sparkContext.setLogLevel("ERROR")
rows = {kind: spark.read.parquet(f"{sys.argv[1]}/{kind}").toJSON().collect() for kind in sys.argv[2:]}
print(json.dumps({kind: [json.loads(row) for row in each] for kind, each in rows.items()}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    corpus_of("a", "b", "x1", split=["s", "t", "s"]).save(folder)
    corpus_of("e", "d", split=["t", None]).save(folder, append=True)
    opened = sx.open_corpus(folder)
    opened.materialize(progress=False)
    opened.save_table("turns", lambda part: part.recordings[["audio_id", "duration_ms"]])
    return folder


def with_pandas(folder, kind):
    return pd.read_parquet(folder / kind).to_dict("records")


def with_duckdb(folder, kind):
    import duckdb

    return duckdb.read_parquet(f"{folder}/{kind}/**/*.parquet").to_arrow_table().to_pylist()


def with_polars(folder, kind):
    import polars

    return polars.read_parquet(f"{folder}/{kind}/**/*.parquet").to_dicts()


def with_datasets(folder, kind, cache):
    import datasets

    files = [str(path) for path in sorted((folder / kind).rglob("*.parquet"))]
    return list(datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(cache)))


def with_dask(folder, kind):
    import dask.dataframe

    # The dtypes of pandas have no type for the dictionary of a column that has no value in one part.
    table = dask.dataframe.read_parquet(folder / kind, dtype_backend="pyarrow")
    return table.compute(scheduler="synchronous").to_dict("records")


def plain(rows, columns):
    """The rows with these columns as texts and numbers, sorted."""

    def value(each):
        if each is None or pd.isna(each):
            return None
        return round(float(each), 4) if isinstance(each, float) else each if isinstance(each, str) else int(each)

    return sorted(json.dumps([value(row.get(name)) for name in columns]) for row in rows)


def expected(folder):
    corpus = sx.read_corpus(folder)
    turns = corpus.recordings[["audio_id", "duration_ms"]]
    return {"recordings": corpus.recordings, "tokens": corpus.tokens, "words": corpus.words(), "results": turns}


def check(folder, rows_of):
    for kind, table in expected(folder).items():
        columns = [name for name in table if not pd.api.types.is_datetime64_any_dtype(table[name])]
        if kind == "recordings":
            columns = ["audio_id", "status", "error_type", "text", "duration_ms", "cost_usd", "split"]
        assert plain(rows_of(kind), columns) == plain(table.to_dict("records"), columns), kind


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # Dask 2026.8 with pandas 3.1
@pytest.mark.parametrize("read", [with_pandas, with_duckdb, with_polars, with_dask])
def test_the_rows_are_the_same(folder, read):
    check(folder, lambda kind: read(folder, kind))


def test_the_rows_are_the_same_in_datasets(folder, tmp_path):
    check(folder, lambda kind: with_datasets(folder, kind, tmp_path))


@pytest.mark.slow
def test_the_rows_are_the_same_in_spark(folder):
    """Spark has 450 MB and needs Java (apt-get install default-jre-headless), so it is installed only on request."""
    if not os.environ.get("SONIOX_DS_SPARK"):
        pytest.skip("set SONIOX_DS_SPARK=1 to install pyspark and read the folder with it")
    assert shutil.which("java"), "pyspark needs Java: apt-get install default-jre-headless"
    packages = installed("pyspark", "pyspark>=4")
    command = [sys.executable, "-c", SPARK, str(folder), *KINDS]
    environment = {**os.environ, "PYTHONPATH": str(packages), "PYSPARK_PYTHON": sys.executable}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = json.loads(ran.stdout.splitlines()[-1])
    check(folder, rows.__getitem__)
