"""The corpus in memory, in Parquet and in a notebook."""

from __future__ import annotations

import datetime
import json
import math
from html.parser import HTMLParser

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fuzzing import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from soniox_ds.api.decode import decode_transcript
from soniox_ds.corpus import parquet
from soniox_ds.corpus.corpus import Corpus, concat
from soniox_ds.corpus.opened import read_corpus
from soniox_ds.corpus.provenance import new_provenance, new_run
from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.schema import RECORDINGS, TOKENS


def run(service="api.soniox.com"):
    return new_provenance(new_run(service=service, model="stt-async-v4", options={"language_hints": ["en"]}))


def corpus_of(*audio_ids, service="api.soniox.com", **columns):
    """A corpus of completed recordings that each say "Hello, you"."""
    recordings = pd.DataFrame(
        {
            "audio_id": list(audio_ids),
            "status": "completed",
            "duration_ms": 1_800_000,
            "service": service,
            "model": "stt-async-v4",
            "completed_at": pd.Timestamp("2026-03-01T10:00:00.123Z"),
            "text": "Hello, you",
            "cost_usd": 0.05,
            **columns,
        }
    )
    tokens = pd.DataFrame(
        [
            {"audio_id": name, "token_index": index, "text": text, "start_ms": 60 * index, "end_ms": 60 * index + 60}
            for name in audio_ids
            for index, text in enumerate(["Hel", "lo,", " you"])
        ]
    )
    return Corpus(recordings, tokens if len(tokens) else None, run(service))


@pytest.fixture
def mixed():
    """Two completed recordings, one of them silent, and a failed one."""
    return Corpus(
        pd.DataFrame(
            {
                "audio_id": ["a.wav", "silent.wav", "bad.wav"],
                "status": ["completed", "completed", "failed"],
                "error_type": [None, None, "invalid_audio_file"],
                "error_message": [None, None, "The file is no audio."],
                "duration_ms": [3_600_000, 1_800_000, 900_000],
                "cost_usd": [0.1, 0.05, None],
                "service": "api.soniox.com",
                "model": "stt-async-v4",
                "text": ["Hello", "", None],
                "split": ["test", "train", None],
            }
        ),
        pd.DataFrame({"audio_id": "a.wav", "token_index": [0, 1], "text": ["Hel", "lo"]}),
        run(),
    )


# In memory


def test_counts(mixed):
    assert len(mixed) == 3
    assert list(mixed) == ["a.wav", "silent.wav", "bad.wav"]
    assert ("a.wav" in mixed, "b.wav" in mixed, 3 in mixed) == (True, False, False)
    assert (len(mixed.completed), len(mixed.failed)) == (2, 1)
    assert mixed.hours == 1.5
    assert mixed.cost_usd == pytest.approx(0.15)
    assert math.isnan(mixed.failed.cost_usd)
    assert mixed.metadata_columns == ["split"]


def test_tables_have_every_column_in_its_dtype(mixed):
    for frame, table in ((mixed.recordings, RECORDINGS), (mixed.tokens, TOKENS)):
        assert {name: str(frame[name].dtype) for name in table} == {name: col.dtype for name, col in table.items()}


def test_silence_is_an_empty_text_and_failure_is_none(mixed):
    assert mixed.texts()[["audio_id", "text", "word_count"]].values.tolist() == [
        ["a.wav", "Hello", 1],
        ["silent.wav", "", 0],
    ]
    assert mixed.words()["text"].tolist() == ["Hello"]
    assert mixed.segments()["text"].tolist() == ["Hello"]


@pytest.mark.parametrize(
    ("which", "columns", "ids"),
    [
        (["bad.wav", "a.wav"], {}, ["a.wav", "bad.wav"]),
        ([], {}, []),
        ([True, False, True], {}, ["a.wav", "bad.wav"]),
        (pd.array([True, None, False], dtype="boolean"), {}, ["a.wav"]),
        (np.array([False, True, False]), {}, ["silent.wav"]),
        (pd.Series([False, True, False], index=[7, 8, 9]), {}, ["silent.wav"]),
        (None, {"split": "test"}, ["a.wav"]),
        (None, {"split": ["test", None]}, ["a.wav", "bad.wav"]),
        (None, {"split": pd.NA}, ["bad.wav"]),
        (None, {"status": "completed", "split": "train"}, ["silent.wav"]),
        (["a.wav", "bad.wav"], {"status": "failed"}, ["bad.wav"]),
        (None, {}, ["a.wav", "silent.wav", "bad.wav"]),
    ],
)
def test_selecting(mixed, which, columns, ids):
    part = mixed.select(which, **columns)
    assert list(part) == ids
    assert set(part.tokens["audio_id"]) == {"a.wav"} & set(ids)
    assert part.provenance == mixed.provenance
    Corpus(part.recordings, part.tokens, part.provenance)  # still as documented


@pytest.mark.parametrize(
    ("select", "says"),
    [
        (lambda corpus: corpus["a.wave"], r"no recording has the id \['a.wave'\].*Did you mean 'a\.wav'"),
        (lambda corpus: corpus[0], "takes one audio_id"),
        (lambda corpus: corpus.select("a.wav"), r"corpus\['a.wav'\]"),
        (lambda corpus: corpus.select([True]), "1 values for 3 recordings"),
        (lambda corpus: corpus.select(accent="x"), "no column 'accent'"),
    ],
)
def test_selecting_what_is_not_there(mixed, select, says):
    with pytest.raises(InputError, match=says):
        select(mixed)


GOOD = pd.DataFrame({"audio_id": ["a"], "status": ["completed"]})
TOKEN = pd.DataFrame({"audio_id": ["a"], "token_index": [0], "text": ["x"]})


@pytest.mark.parametrize(
    ("recordings", "tokens", "says"),
    [
        (GOOD.drop(columns="status"), None, r"lacks \['status'\]"),
        (pd.concat([GOOD, GOOD]), None, r"1 audio_id occurs more than once: \['a'\]"),
        (GOOD.assign(audio_id=None), None, "audio_id is NA in 1 of 1"),
        (GOOD.assign(status="done"), None, r"'completed' or 'failed', found \['done'\]"),
        (GOOD.assign(duration_ms="long"), None, r"recordings\['duration_ms'\] has dtype \S+ and cannot become Int64"),
        (GOOD.assign(x=1).rename(columns={"x": 3}), None, r"names of columns must be strings, found \[3\]"),
        (GOOD, TOKEN.assign(audio_id="b"), r"unknown recordings: \['b'\]"),
        (GOOD, pd.concat([TOKEN, TOKEN]), "'a' has two tokens with token_index 0"),
        (GOOD, TOKEN.assign(text=None), "text is NA in 1 of 1 tokens"),
        (GOOD, TOKEN.assign(start_ms=1.5), r"tokens\['start_ms'\]"),
        (GOOD, TOKEN.drop(columns="text"), r"lacks \['text'\]"),
    ],
)
def test_tables_that_are_not_as_documented(recordings, tokens, says):
    with pytest.raises(SchemaError, match=says):
        Corpus(recordings, tokens)


def test_tokens_are_put_in_the_order_of_the_recordings():
    recordings = pd.DataFrame({"audio_id": ["b", "a"], "status": "completed"}, index=[5, 5])
    tokens = pd.DataFrame({"audio_id": ["a", "b", "a"], "token_index": [1, 0, 0], "text": ["z", "x", "y"]})
    corpus = Corpus(recordings, tokens)
    assert corpus.tokens["text"].tolist() == ["x", "y", "z"]
    assert list(corpus.recordings.index) == [0, 1]


def test_from_arrow_parts():
    parts = [decode_transcript(b'{"text": "Hi", "tokens": [{"text": "Hi", "speaker": "1"}]}', name)[1] for name in "ab"]
    corpus = Corpus.from_parts(pd.DataFrame({"audio_id": ["a", "b"], "status": "completed"}), parts)
    assert corpus.tokens[["audio_id", "text", "speaker"]].values.tolist() == [["a", "Hi", "1"], ["b", "Hi", "1"]]
    assert len(Corpus.from_parts(pd.DataFrame({"audio_id": ["a"], "status": ["failed"]}), []).tokens) == 0


def test_concatenation():
    one, two = corpus_of("a", "b", n=[1, 2]), corpus_of("c", n=[3], accent=["x"], service="local")
    both = concat([one, two])
    assert list(both) == ["a", "b", "c"]
    assert both.recordings["n"].tolist() == [1, 2, 3]
    assert both.recordings["accent"].fillna("-").tolist() == ["-", "-", "x"]
    assert [entry["service"] for entry in both.provenance["runs"]] == ["api.soniox.com", "local"]
    assert both["c"].tokens.equals(two.tokens)
    assert Corpus.concat([one]).equals(one)
    assert len(concat([])) == 0
    with pytest.raises(SchemaError, match=r"\['a', 'b'\]"):
        concat([one, one])


def test_integers_stay_integers_where_a_column_is_absent():
    both = concat([corpus_of("a", n=[2**60 + 1]), corpus_of("b")])
    assert str(both.recordings["n"].dtype) == "Int64"
    assert both.recordings["n"].iloc[0] == 2**60 + 1


def test_equality_sees_dtypes_order_and_values():
    one = corpus_of("a", "b", n=[1, 2])
    assert one.equals(corpus_of("a", "b", n=[1, 2]))
    assert not one.equals(corpus_of("a", "b", n=[1, 3]))
    assert not one.equals(corpus_of("b", "a", n=[1, 2]))
    assert not one.equals(corpus_of("a", "b", n=np.array([1, 2], np.int32)))
    assert not one.equals(Corpus(one.recordings, one.tokens.assign(speaker="1")))


def test_no_secret_in_the_provenance():
    options = {"webhook_auth_header_value": "s3cret", "context": {"text": "x"}, "api_key": None}
    corpus = Corpus(GOOD, None, new_provenance(new_run(service="s", model="m", options=options)))
    assert "s3cret" not in json.dumps(corpus.provenance)
    assert corpus.provenance["runs"][0]["options"]["context"] == {"text": "x"}
    with pytest.raises(SchemaError, match="must be JSON"):
        Corpus(GOOD, None, {"x": object()})


# In Parquet

DAY = datetime.date(2026, 1, 1)
METADATA = {
    "int64": [1, 2, 2, 4],
    "uint8": np.array([1, 2, 2, 4], np.uint8),
    "Int8": pd.array([1, None, 1, 4], dtype="Int8"),
    "float64": [1.5, math.nan, -0.0, 4],
    "float32": np.array([0.1, 2, 2, 4], np.float32),
    "Float64": pd.array([0.1, None, 2, 4], dtype="Float64"),
    "bool": [True, False, True, True],
    "boolean": pd.array([True, None, True, False], dtype="boolean"),
    "str": pd.Series(["x", None, "", "x"]),
    "string": pd.array(["x", None, "", "ü / =%"], dtype="string"),
    "object": pd.Series(["x", None, "", "x"], dtype=object),
    "category": pd.Categorical(["x", None, "y", "x"], categories=["z", "y", "x"], ordered=True),
    "category-int": pd.Categorical([3, None, 1, 3]),
    "category-time": pd.Categorical(pd.to_datetime(["2026", None, "2025", "2026"])),
    "datetime": pd.to_datetime(["2026-01-01", None, "2025-01-01", "2026-01-01"]),
    "datetime-ns": pd.to_datetime(pd.Series([1, None, 3, 4], dtype="Int64")),
    "datetime-tz": pd.to_datetime(["2026", None, "2025", "2026"]).tz_localize("Europe/Berlin"),
    "timedelta": pd.to_timedelta([1, None, 2, 1], unit="s"),
    "date": pd.Series([DAY, None, DAY, DAY], dtype=object),
    "list": [[1, 2], None, [], [3]],
    "list-str": [["a", None], None, [], ["ü"]],
    "dict": [{"a": 1}, None, {"a": None}, {"a": 2}],
    "bytes": [b"a", None, b"", b"\xff"],
    "name with spaces, ü and =/%": [1, 2, 2, 4],
}


def with_metadata(*names):
    return corpus_of("ü b.wav", "a/b.wav", "🎧.wav", "q\"uo'te.wav", **{name: METADATA[name] for name in names})


@pytest.mark.parametrize("name", METADATA)
def test_metadata_there_and_back(name, tmp_path):
    corpus = with_metadata(name)
    corpus.save(tmp_path)
    assert read_corpus(tmp_path).equals(corpus, provenance=True)


UNHASHABLE = ("list", "list-str", "dict")


@pytest.mark.parametrize("name", [name for name in METADATA if name not in UNHASHABLE])
def test_partitions_there_and_back(name, tmp_path):
    corpus = with_metadata(name, "int64")
    corpus.save(tmp_path, partition_by=name)
    assert read_corpus(tmp_path).equals(corpus, provenance=True)
    for path in tmp_path.rglob("*.parquet"):
        assert name not in pq.read_schema(path).names
        assert path.relative_to(tmp_path).parts[1].count("=") == 1


text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@st.composite
def corpora(draw):
    ids = draw(st.lists(text, unique=True, max_size=5))
    count = len(ids)

    def column(values, dtype):
        return pd.array(draw(st.lists(values, min_size=count, max_size=count)), dtype=dtype)

    moments = st.none() | st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2100, 1, 1)).map(
        lambda moment: pd.Timestamp(moment, tz="UTC").floor("ms")
    )
    recordings = pd.DataFrame(
        {
            "audio_id": pd.array(ids, dtype="string"),
            "status": column(st.sampled_from(["completed", "failed"]), "string"),
            "duration_ms": column(st.none() | st.integers(0, 2**62), "Int64"),
            "text": column(st.none() | text, "string"),
            "submitted_at": column(moments, "datetime64[ms, UTC]"),
            "cost_usd": column(st.none() | st.floats(0, 10), "Float64"),
            "split": column(st.none() | text, "string"),
            "score": column(st.none() | st.floats(width=32, allow_nan=False), "Float32"),
        }
    )
    pieces = draw(st.lists(st.tuples(st.sampled_from(ids), text), max_size=12)) if ids else []
    tokens = pd.DataFrame(pieces, columns=["audio_id", "text"])
    tokens["token_index"] = tokens.groupby("audio_id").cumcount()
    tokens["confidence"] = pd.array(
        draw(st.lists(st.none() | st.floats(0, 1, width=32), min_size=len(pieces), max_size=len(pieces))),
        dtype="Float32",
    )
    tokens["is_audio_event"] = pd.array([None] * len(pieces), dtype="boolean")
    return Corpus(recordings, tokens, run())


@settings(max_examples=examples(40))
@given(corpora(), st.sampled_from([None, "split", "status"]))
def test_any_corpus_there_and_back(tmp_path_factory, corpus, partition_by):
    folder = tmp_path_factory.mktemp("corpus")
    corpus.save(folder, partition_by=partition_by)
    assert read_corpus(folder).equals(corpus, provenance=True)


def test_float32_is_kept_to_the_bit(tmp_path):
    corpus = corpus_of("a")
    corpus = Corpus(corpus.recordings, corpus.tokens.assign(confidence=[0.1, 0.9967290163040161, 1e-38]))
    corpus.save(tmp_path)
    bits = [
        frame["confidence"].to_numpy(np.float32).view(np.uint32).tolist()
        for frame in (corpus.tokens, read_corpus(tmp_path).tokens)
    ]
    assert bits[0] == bits[1]


@pytest.mark.parametrize("partition_by", [None, "split"])
def test_appending_leaves_the_files_that_are_there_alone(tmp_path, partition_by):
    parts = [corpus_of("a", "b", split=["x", "y"]), corpus_of("c", "d", split=["y", None]), corpus_of("e", split=["x"])]
    before = {}
    for part in parts:
        part.save(tmp_path, append=True, partition_by=partition_by)
        files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
        assert before.items() <= files.items()
        before = files
    assert read_corpus(tmp_path).equals(concat(parts), provenance=True)


@pytest.mark.parametrize(
    ("other", "options", "says"),
    [
        (corpus_of("b", "c", n=[1, 2]), {}, r"1 of 2 recordings are in .* already: \['b'\].*corpus.select"),
        (corpus_of("c", n=[1]), {"partition_by": "n"}, "partition_by=None, found 'n'"),
        (corpus_of("c", n=["x"]), {}, r"column 'n' has dtype \S+, in .* it has int64"),
        (corpus_of("c", n=[1]), {"overwrite": True}, "pass only one of them"),
    ],
)
def test_appending_what_does_not_fit(tmp_path, other, options, says):
    corpus = corpus_of("a", "b", n=[1, 2])
    corpus.save(tmp_path)
    with pytest.raises(InputError, match=says):
        other.save(tmp_path, append=True, **options)
    assert read_corpus(tmp_path).equals(corpus)


def test_other_peoples_files_are_safe(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for append in (False, True):
        with pytest.raises(InputError, match=r"thesis\.txt"):
            corpus_of("a").save(tmp_path, append=append)
    corpus_of("a").save(tmp_path, overwrite=True)
    corpus_of("b").save(tmp_path, overwrite=True)
    assert list(read_corpus(tmp_path)) == ["b"]
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".new", ".old"))]
    with pytest.raises(InputError, match=r"not empty.*append=True.*overwrite=True"):
        corpus_of("c").save(tmp_path)
    with pytest.raises(InputError, match="is a file"):
        corpus_of("c").save(tmp_path / "thesis.txt")


class Killed(BaseException):
    pass


@pytest.mark.parametrize("survived", range(9))
def test_an_append_that_is_killed_at_any_moment(tmp_path, monkeypatch, survived):
    """Renames and removals stop working at once, so that nothing is undone, as after kill -9."""
    corpus, more = corpus_of("a", "b", split=["x", "y"]), corpus_of("c", "d", split=["x", "y"])
    corpus.save(tmp_path, partition_by="split")
    steps = 0

    def counted(action):
        def step(*args, **kwargs):
            nonlocal steps
            steps += 1
            if steps > survived:
                raise Killed
            return action(*args, **kwargs)

        return step

    with monkeypatch.context() as dying:
        dying.setattr(pq, "write_table", counted(pq.write_table))  # 4 times
        dying.setattr(parquet.Path, "rename", counted(parquet.Path.rename))  # 4 times
        dying.setattr(parquet.Path, "unlink", counted(parquet.Path.unlink))
        if survived < 8:
            with pytest.raises(Killed):
                more.save(tmp_path, append=True, partition_by="split")
        else:
            more.save(tmp_path, append=True, partition_by="split")
    if survived < 8:
        assert read_corpus(tmp_path).equals(corpus)
        more.save(tmp_path, append=True, partition_by="split")
    assert read_corpus(tmp_path).equals(concat([corpus, more]))
    assert sum(1 for path in tmp_path.rglob("*") if path.is_file()) == 10  # 4 + 4, the list of saves and the lock


def test_reading_a_part(tmp_path):
    corpus = concat([corpus_of("a", "b", "c", split=["x", "y", "x"], n=[1, 2, 3])])
    corpus.save(tmp_path, partition_by="split")
    part = read_corpus(tmp_path, audio_ids=["c", "b"], columns=["n"])
    assert part.equals(
        Corpus(corpus.select(["b", "c"]).recordings.drop(columns="split"), corpus.select(["b", "c"]).tokens)
    )
    with pytest.raises(InputError, match=r"no recordings \['z'\]"):
        read_corpus(tmp_path, audio_ids=["a", "z"])
    with pytest.raises(InputError, match=r"no columns \['m'\]; it has .*'n'"):
        read_corpus(tmp_path, columns=["m"])
    with pytest.raises(InputError, match="a list of names"):
        read_corpus(tmp_path, audio_ids="a")


def test_reading_what_is_no_corpus(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_corpus(tmp_path / "nothing")
    with pytest.raises(InputError, match="contains no corpus"):
        read_corpus(tmp_path)
    (tmp_path / "recordings").mkdir()
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "recordings" / "part-1.parquet")
    with pytest.raises(InputError, match="not written by soniox_ds"):
        read_corpus(tmp_path)


def test_tokens_that_are_gone(tmp_path):
    corpus_of("a").save(tmp_path)
    next((tmp_path / "tokens").glob("*.parquet")).unlink()
    with pytest.raises(InputError, match="is missing, and the file of recordings with the same name needs it"):
        read_corpus(tmp_path)


def test_a_corpus_of_failures_only(tmp_path):
    corpus = Corpus(pd.DataFrame({"audio_id": ["a"], "status": ["failed"], "error_type": ["x"]}))
    corpus.save(tmp_path)
    assert read_corpus(tmp_path).equals(corpus)
    assert len(corpus.texts()) == 0


@pytest.mark.parametrize(
    ("metadata", "partition_by", "says"),
    [
        ({"mixed": [1, "x"]}, None, r"'mixed' \(dtype object, values of type int, str\) cannot be written"),
        ({}, "accent", "no column 'accent' to partition by"),
        ({}, "audio_id", "differs from recording to recording"),
        ({"tags": [[1], [2]]}, "tags", "cannot be compared"),
        ({"long": ["x" * 300, "y"]}, "long", "too long for the name of a folder"),
    ],
)
def test_corpora_that_cannot_be_saved_are_refused(tmp_path, metadata, partition_by, says):
    columns = {name: pd.Series(values, dtype=object) for name, values in metadata.items()}
    with pytest.raises(SchemaError, match=says):
        corpus_of("a", "b", **columns).save(tmp_path, partition_by=partition_by)


def test_other_tools_read_it(tmp_path):
    corpus_of("a", "b", "c", split=["te st", None, "ü/="], n=[1, 2, 3]).save(tmp_path, partition_by="split")
    found = duckdb.sql(
        f"select r.audio_id, r.split, r.n, count(*) from '{tmp_path}/recordings/**/*.parquet' r "
        f"join '{tmp_path}/tokens/**/*.parquet' t using (audio_id) group by all order by n"
    ).fetchall()
    assert found == [("a", "te st", 1, 3), ("b", None, 2, 3), ("c", "ü/=", 3, 3)]


def test_pandas_reads_it(tmp_path):
    corpus_of("a", "b", split=["te st", "ü"], n=[1, 2]).save(tmp_path, partition_by="split")
    frame = pd.read_parquet(tmp_path / "recordings").sort_values("n")
    assert frame[["audio_id", "split", "n"]].values.tolist() == [["a", "te st", 1], ["b", "ü", 2]]


def test_compressed_and_dictionary_encoded(tmp_path):
    corpus_of("a").save(tmp_path)
    (path,) = (tmp_path / "tokens").glob("*.parquet")
    column = pq.read_metadata(path).row_group(0).column(0)
    assert (column.compression, column.path_in_schema) == ("ZSTD", "audio_id")
    assert any("DICTIONARY" in encoding for encoding in column.encodings)


# In a notebook


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.attributes = [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs


NASTY = "<script>alert('x')</script>&\u202e\x00"


def test_the_notebook_sees_counts_failures_and_transcripts(mixed):
    shown = mixed._repr_html_()
    for part in ("3 recordings, 2 completed, 1 failed", "1.5 h of audio", "2 tokens", "about $0.15", "api.soniox.com"):
        assert part in shown
    assert "1 × invalid_audio_file" in shown
    assert "The file is no audio." in shown
    assert "<bdi>Hello</bdi>" in shown
    assert "stand-in" not in shown + repr(mixed)


def test_a_stand_in_is_called_one():
    corpus = corpus_of("a", service="local")
    for shown in (repr(corpus), corpus._repr_html_()):
        assert "local stand-in, not a Soniox transcript" in shown


def test_data_cannot_become_markup():
    corpus = corpus_of(NASTY, text=NASTY, service=NASTY, model=NASTY)
    failed = Corpus(
        pd.DataFrame({"audio_id": [NASTY], "status": ["failed"], "error_type": NASTY, "error_message": NASTY})
    )
    for shown in (corpus._repr_html_(), failed._repr_html_()):
        tags = Tags()
        tags.feed(shown)
        assert set(tags.seen) <= {"div", "p", "b", "table", "caption", "thead", "tbody", "tr", "th", "td", "bdi"}
        assert {name for name, _ in tags.attributes} <= {"class", "style", "scope"}
        assert not any(word in shown for word in ("http:", "https:", "url(", "\u202e", "\0"))
    assert "\u202e" not in repr(corpus)


def test_right_to_left_text_is_isolated():
    corpus = corpus_of("a", text="שלום עולם")
    assert "<bdi>שלום עולם</bdi>" in corpus._repr_html_()
    assert "\u2068שלום עולם\u2069" in repr(corpus)


def test_many_rows_stay_short():
    corpus = corpus_of(*(f"{n}.wav" for n in range(40)), text="so " * 400)
    assert len(corpus._repr_html_()) < 8000
    assert "… and 35 more" in repr(corpus)
    failed = Corpus(
        pd.DataFrame(
            {"audio_id": [str(n) for n in range(9)], "status": "failed", "error_type": [f"e{n}" for n in range(9)]}
        )
    )
    assert "4 × other reasons: 4 more error types" in repr(failed)


def test_an_empty_corpus_shows_itself():
    assert repr(concat([])) == "Corpus: 0 recordings, 0 completed · 0.0 s of audio · 0 tokens"
    assert "0 recordings" in concat([])._repr_html_()


def test_appending_takes_over_how_the_folder_is_partitioned(tmp_path):
    def corpus(audio_id, split):
        return Corpus(pd.DataFrame({"audio_id": [audio_id], "status": ["completed"], "split": [split]}))

    corpus("a", "train").save(tmp_path / "c", partition_by="split")
    corpus("b", "test").save(tmp_path / "c", append=True)
    assert list((tmp_path / "c" / "recordings" / "split=test").glob("*.parquet"))
    assert read_corpus(tmp_path / "c").recordings["split"].tolist() == ["train", "test"]


def test_refused_saves_leave_no_folder(tmp_path):
    corpus = Corpus(pd.DataFrame({"audio_id": ["a"], "status": ["completed"]}))
    with pytest.raises(SchemaError, match="no column 'nope'"):
        corpus.save(tmp_path / "c", partition_by="nope")
    assert not (tmp_path / "c").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be created"):
        corpus.save(tmp_path / "file" / "below")
