"""Sources as other programs and systems write them: kept, refused or named in a warning, but never dropped silently."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import soniox_ds as sx
from soniox_ds.cli import main
from soniox_ds.exceptions import OptionsError, SourceError
from soniox_ds.sources.recording import RecordingList
from soniox_ds.sources.search import find_recordings

URL = "https://host.example/a.wav"


def lay(folder: Path, *names: str, content: bytes = b"audio") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def ids(sources, **options):
    return [recording.audio_id for recording in find_recordings(sources, **options).recordings]


def references(sources):
    metadata = find_recordings(sources).metadata
    return metadata["reference"].tolist() if "reference" in metadata else None


# -- the index of tables ---------------------------------------------------------------------------------------------


def test_named_levels_of_an_index_are_columns(tmp_path):
    frame = pd.DataFrame({"audio_id": ["a", "b"], "source": [f"{URL}?x=1", f"{URL}?x=2"], "n": [1, 2]})
    for table in (frame.set_index("audio_id"), frame.set_index("source"), frame.set_index(["audio_id", "n"])):
        found = find_recordings(table)
        assert [recording.audio_id for recording in found.recordings] == ["a", "b"]
        assert found.metadata["n"].tolist() == [1, 2]
    frame.set_index("audio_id").to_parquet(tmp_path / "list.parquet")
    assert ids(tmp_path / "list.parquet") == ["a", "b"]


def test_an_index_that_is_left_out_is_told():
    frame = pd.DataFrame({"source": [URL]}, index=["call_7"])
    with pytest.warns(
        UserWarning, match=r"the DataFrame: the index \('call_7' and so on\) has no name and is left out"
    ):
        assert ids(frame) == [URL]
    assert ids(frame.set_axis([7])) == [URL]  # a number means nothing


def test_the_index_of_a_series_names_its_values_where_it_can():
    assert ids(pd.Series({"call_7": URL, "call_8": f"{URL}?x=1"})) == ["call_7", "call_8"]
    named = pd.Series([URL], index=pd.Index([7], name="audio_id"))
    assert ids(named) == ["7"]
    found = find_recordings(pd.Series([URL], index=pd.Index(["f"], name="gender")))
    assert found.metadata["gender"].tolist() == ["f"]
    assert ids(pd.Series([URL], index=[7])) == [URL]


# -- lists of other programs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("sub/wav.scp", "sub/wav.scp is not read.*pass it instead of the folder: '.*sub/wav.scp'"),
        ("metadata.csv", "metadata.csv is not read.*pass it instead of the folder: '.*metadata.csv'"),
        ("sub/metadata.jsonl", "metadata.jsonl is not read"),
        ("train.tsv", "train.tsv is not read"),
        ("manifest.json", "manifest.json is not read"),
    ],
)
def test_a_list_in_a_folder_is_told(tmp_path, name, advice):
    lay(tmp_path, "sub/tone.wav", name)
    with pytest.warns(UserWarning, match=f"the folder .*{advice}"):
        assert ids(tmp_path) == ["sub/tone.wav"]
    (tmp_path / "sub/tone.wav").unlink()
    with pytest.raises(SourceError, match=f"no audio in the folder.*{advice}"):
        find_recordings(tmp_path)


def test_a_kaldi_folder_gives_ids_references_and_speakers(tmp_path, monkeypatch):
    lay(tmp_path, "a.wav", "sub/b c.wav", "other.wav")
    lay(tmp_path, "wav.scp", content=b"utt1 a.wav\nutt2 sub/b c.wav\n")
    lay(tmp_path, "text", content=b"utt1 hello he said\nutt2\n")
    lay(tmp_path, "utt2spk", content=b"utt1 s1\nutt2 s2\n")
    for source in (tmp_path, tmp_path / "wav.scp"):
        found = find_recordings(source)
        assert [recording.audio_id for recording in found.recordings] == ["utt1", "utt2"]
        assert [recording.error_type for recording in found.recordings] == [None, None]
        assert found.metadata[["reference", "speaker"]].to_numpy().tolist() == [["hello he said", "s1"], ["", "s2"]]
    monkeypatch.chdir(tmp_path)  # Kaldi's own paths are relative to the working directory.
    lay(tmp_path, "data/wav.scp", content=b"utt1 a.wav\n")
    assert find_recordings("data").recordings[0].error_type is None


def test_segments_of_a_kaldi_folder_are_joined_by_recording(tmp_path):
    lay(tmp_path, "a.wav")
    lay(tmp_path, "wav.scp", content=b"call a.wav\n")
    lay(tmp_path, "text", content=b"u1 you\nu2 hello\n")
    lay(tmp_path, "segments", content=b"u1 call 5.0 6.0\nu2 call 1.0 2.0\n")
    assert find_recordings(tmp_path).metadata["reference"].tolist() == ["hello you"]


def test_commands_in_a_kaldi_folder_are_not_run(tmp_path):
    lay(tmp_path, "a.wav")
    lay(tmp_path, "wav.scp", content=b"utt0 a.wav\nutt1 touch ran; cat a.wav |\n")
    with pytest.raises(SourceError, match=r"wav\.scp, line 2: the audio of 'utt1' is .* a command, which is not run"):
        find_recordings(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_files_of_a_recording_are_no_list(tmp_path):
    lay(tmp_path, "a.wav", "a.csv", "a.txt", "notes.pdf", "sub/results.csv", "utt2spk.bak")
    assert ids(tmp_path) == ["a.wav"]
    lay(tmp_path, "list.csv")
    assert ids(f"{tmp_path}/*.wav") == ["a.wav"]  # only these were asked for


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.txt", b"a.wav\nb.wav\n", r"is a text file, not audio.*pass a list: sx\.transcribe\(open\("),
        ("list.txt", "a.wav\n".encode("utf-16"), "is a text file, not audio"),
        ("LIST.TXT", b"a.wav\n", "is a text file"),
        ("files.lst", b"a.wav\n", "is a text file"),
        ("playlist.m3u", b"#EXTM3U\na.wav\n", "is a text file"),
        ("list", b"a.wav\n", "is a text file"),
        ("list.xlsx", b"PK\x03\x04", r"is a spreadsheet.*save it as CSV"),
        ("list.XLS", b"\xd0\xcf", "is a spreadsheet"),
    ],
)
def test_a_file_that_lists_recordings_is_no_recording(tmp_path, name, content, words):
    lay(tmp_path, name, content=content)
    with pytest.raises(SourceError, match=words):
        find_recordings(tmp_path / name)


def test_a_text_file_is_never_its_own_reference(tmp_path, monkeypatch):
    monkeypatch.chdir(lay(tmp_path, "list.txt", "LIST2.TXT", content=b"a.wav\n"))
    for sources in (["list.txt", "LIST2.TXT"], pd.DataFrame({"source": ["list.txt"]}), [tmp_path / "list.txt"]):
        assert references(sources) is None


def test_audio_under_an_odd_name_is_still_taken(tmp_path):
    lay(tmp_path, "recording.dat", "call.001", content=b"RIFF\x00\x01\x02\xff")
    assert ids(tmp_path / "recording.dat") == ["recording.dat"]
    assert ids(tmp_path / "call.001") == ["call.001"]


# -- paths of Windows ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.sep != "/", reason="backslashes are separators here")
def test_paths_written_on_windows(tmp_path, monkeypatch):
    lay(tmp_path, "clips/a.wav", "clips/deep/b.wav")
    (tmp_path / "list.csv").write_text("file,reference\nclips\\a.wav,hello\nclips\\deep\\b.wav,day\n.\\clips/a.wav,x\n")
    found = find_recordings(tmp_path / "list.csv")
    assert [recording.audio_id for recording in found.recordings][:2] == ["clips/a.wav", "clips/deep/b.wav"]
    assert [recording.error_type for recording in found.recordings] == [None, None, "duplicate_id"]
    monkeypatch.chdir(tmp_path)
    assert ids("clips\\a.wav") == ids(["clips\\a.wav"]) == ["clips/a.wav"]
    assert ids("clips\\deep") == ["b.wav"]
    assert ids("clips\\*.wav") == ["a.wav"]
    assert ids(".\\list.csv")[0] == "clips/a.wav"
    lay(tmp_path, "odd\\name.wav")  # a backslash may be part of a name here
    assert find_recordings("odd\\name.wav").recordings[0].error_type is None
    for path in ("clips\\gone.wav", "C:\\data\\a.wav", "\\\\server\\share\\a.wav"):
        [recording] = find_recordings([path]).recordings
        assert recording.error_type == "file_not_found"
        assert "is it a Windows path? Backslashes do not separate folders" in str(recording.error_message)


@pytest.mark.parametrize("written", [" a.wav ", "A.WAV", "a"])
def test_a_missing_file_that_is_nearly_there_is_named(tmp_path, written):
    lay(tmp_path, "a.wav")
    (tmp_path / "list.csv").write_text(f"file\n{written}\n")
    [recording] = find_recordings(tmp_path / "list.csv").recordings
    assert recording.error_type == "file_not_found"
    assert "did you mean 'a.wav', which is there?" in str(recording.error_message)


# -- texts beside recordings -----------------------------------------------------------------------------------------


def test_only_regular_files_inside_the_folder_become_references(tmp_path):
    data = lay(tmp_path / "data", "ok.wav", "plain.wav", "pipe.wav", "both.wav", "deep/x.wav")
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    (data / "ok.txt").symlink_to(secret)
    (data / "both.wav.txt").symlink_to(secret)
    (data / "both.txt").write_text("both")
    (data / "plain.txt").write_text("plain")
    (data / "deep/x.txt").write_text("deep")
    os.mkfifo(data / "pipe.txt")
    with pytest.warns(
        UserWarning,
        match=r"3 texts beside recordings are not used as references, because they are links.*both.wav.txt'",
    ):
        found = find_recordings(data)
    assert dict(zip((r.audio_id for r in found.recordings), found.metadata["reference"], strict=True)) == {
        "ok.wav": pd.NA,
        "plain.wav": "plain",
        "pipe.wav": pd.NA,
        "both.wav": "both",
        "deep/x.wav": "deep",
    }
    for sources in (data / "ok.wav", [data / "ok.wav"], pd.DataFrame({"source": [str(data / "ok.wav")]})):
        with pytest.warns(UserWarning, match="1 texts beside recordings are not used as references"):
            assert references(sources) is None


def test_a_manifest_takes_no_texts_from_outside_its_folder(tmp_path):
    lay(tmp_path, "x.wav", "other/y.wav", "data/z.wav")
    for name in ("x", "other/y", "data/z"):
        (tmp_path / f"{name}.txt").write_text(name)
    for written in ("../x.wav", "../other/y.wav", str(tmp_path / "x.wav"), "sub/../../x.wav"):
        lay(tmp_path, "data/sub/k")
        (tmp_path / "data/list.csv").write_text(f"source\n{written}\nz.wav\n")
        with pytest.warns(
            UserWarning, match=r"1 texts beside recordings are not used as references.*outside the folder"
        ):
            assert references(tmp_path / "data/list.csv") == [pd.NA, "data/z"]
    (tmp_path / "data/list.csv").write_text(f"source\n{tmp_path}/data/z.wav\n")
    assert references(tmp_path / "data/list.csv") == ["data/z"]
    assert references(tmp_path / "x.wav") == ["x"]  # named by the user


def test_a_linked_folder_brings_no_texts(tmp_path):
    lay(tmp_path, "data/a.wav", "elsewhere/b.wav")
    (tmp_path / "elsewhere/b.txt").write_text("outside")
    (tmp_path / "data/linked").symlink_to(tmp_path / "elsewhere")
    with pytest.warns(UserWarning, match="linked/b.txt"):
        assert references(tmp_path / "data") is None
    (tmp_path / "door").symlink_to(tmp_path / "elsewhere")
    assert references(tmp_path / "door") == ["outside"]  # the folder that was asked for


# -- class labels ----------------------------------------------------------------------------------------------------


def labelled():
    datasets = pytest.importorskip("datasets")
    gender = datasets.ClassLabel(names=["male", "female"])
    features = datasets.Features(
        {
            "path": datasets.Value("string"),
            "gender": gender,
            "lang_id": datasets.ClassLabel(names=["de", "en", "fr"]),
            "tags": datasets.Sequence(gender),
            "speaker": {"gender": gender, "age": datasets.Value("int32")},
            "turns": [{"gender": gender, "text": datasets.Value("string")}],
            "many": datasets.Sequence({"gender": gender}),
            "n": datasets.Value("int64"),
        }
    )
    rows = {
        "path": [f"{URL}?x={n}" for n in range(3)],
        "gender": [0, 1, None],
        "lang_id": [2, 0, -1],
        "tags": [[0, 1], [], [1]],
        "speaker": [{"gender": 1, "age": 30}, {"gender": 0, "age": 40}, {"gender": None, "age": None}],
        "turns": [[{"gender": 0, "text": "a"}], [], [{"gender": 1, "text": "b"}]],
        "many": [{"gender": [0]}, {"gender": [1, 0]}, {"gender": []}],
        "n": [0, 1, 2],
    }
    return datasets.Dataset.from_dict(rows, features=features)


@pytest.mark.parametrize("form", ["dataset", "iterable", "selected", "parquet", "arrow"])
def test_class_labels_are_names(form, tmp_path):
    dataset = labelled()
    dataset.to_parquet(tmp_path / "m.parquet")
    forms = {
        "dataset": dataset,
        "iterable": dataset.to_iterable_dataset(),
        "selected": dataset.select([0, 1, 2]),
        "parquet": tmp_path / "m.parquet",
        "arrow": pq.read_table(tmp_path / "m.parquet"),
    }
    table = find_recordings(forms[form]).metadata
    assert table["gender"].tolist() == ["male", "female", pd.NA]
    assert table["lang_id"].tolist() == ["fr", "de", pd.NA]
    assert [list(tags) for tags in table["tags"]] == [["male", "female"], [], ["female"]]
    assert [speaker["gender"] for speaker in table["speaker"]] == ["female", "male", None]
    assert table["speaker"][0]["age"] == 30
    assert [[turn["gender"] for turn in turns] for turns in table["turns"]] == [["male"], [], ["female"]]
    assert [list(many["gender"]) for many in table["many"]] == [["male"], ["female", "male"], []]
    assert table["n"].tolist() == [0, 1, 2]


def test_a_class_label_may_be_the_reference_or_the_id():
    found = find_recordings(labelled().select([0, 1]), reference_column="gender")
    assert found.metadata["reference"].tolist() == ["male", "female"]


@pytest.mark.parametrize(
    "left",
    ["[]", "{}", '{"info": 1}', '{"info": {"features": {"n": 1, "label": {"_type": "ClassLabel", "names": 3}}}}'],
)
def test_metadata_of_others_say_nothing_about_labels(tmp_path, left):
    table = pa.table({"path": [URL], "label": [1], "n": [2]})
    pq.write_table(table.replace_schema_metadata({"huggingface": left}), tmp_path / "m.parquet")
    assert find_recordings(tmp_path / "m.parquet").metadata["label"].tolist() == [1]


def test_damaged_metadata_of_a_dataset_are_named(tmp_path):
    table = pa.table({"path": [URL], "label": [1]}).replace_schema_metadata({"huggingface": "{"})
    pq.write_table(table, tmp_path / "m.parquet")
    for source, name in [(tmp_path / "m.parquet", "m.parquet"), (table, "the Table")]:
        with pytest.raises(SourceError, match=rf"{name}.*: the Hugging Face features in its metadata"):
            find_recordings(source)


def test_a_label_without_a_name_is_refused():
    from soniox_ds.sources.class_labels import with_label_names

    ClassLabel = type("ClassLabel", (), {"names": ["a"]})
    with pytest.raises(SourceError, match="the column 'x' contains the label 5, but names only the labels 0 to 0"):
        with_label_names(pd.DataFrame({"x": [0, 5]}), {"x": ClassLabel()})
    assert with_label_names(pd.DataFrame({"x": [0.0, np.nan]}), {"x": ClassLabel()})["x"].tolist() == ["a", pd.NA]


# -- named columns ---------------------------------------------------------------------------------------------------


def two_columns(tmp_path, tiny_wav):
    """A manifest whose column `source` holds other files than those that are meant."""
    for name, seed in (("right", 1), ("wrong", 2)):
        tiny_wav(tmp_path / f"{name}.wav", seed=seed)
    path = tmp_path / "list.csv"
    path.write_text("source,clip,reference,said\nwrong.wav,right.wav,the wrong text,the right text\n")
    return path


def test_experiments_take_the_columns_that_are_named(service, tiny_wav, tmp_path):
    path = two_columns(tmp_path, tiny_wav)
    named = {"audio_column": "clip", "reference_column": "said", "progress": False, "journal": tmp_path / "j.sqlite"}
    with pytest.warns(UserWarning, match="source_given"):
        trial = sx.compare(path, arms={"plain": {}, "terms": {"context": {"terms": ["x"]}}}, **named)
    for corpus in (corpora[0] for corpora in trial.corpora.values()):
        assert corpus.recordings["audio_id"].tolist() == ["right.wav"]
        assert corpus.recordings["reference"].tolist() == ["the right text"]
    with pytest.warns(UserWarning, match="source_given"):
        sweep = sx.sweep_endpoints(path, settings=[{}, {"max_endpoint_delay_ms": 800}], speed=None, **named)
    assert {name: list(own.recordings["audio_id"]) for name, own in sweep.streamed.items()} == {
        name: ["right.wav"] for name in sweep.settings
    }
    for function in (sx.transcribe, sx.stream_dataset):
        with pytest.raises(
            OptionsError,
            match=r"the columns \['clip'\] are named, but the sources are recordings that were already found",
        ):
            function(find_recordings(tmp_path / "right.wav"), audio_column="clip", progress=False)
    assert isinstance(find_recordings(tmp_path / "right.wav"), RecordingList)


def test_the_command_line_takes_the_columns_that_are_named(service, tiny_wav, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = two_columns(tmp_path, tiny_wav)
    call = [
        "transcribe",
        str(path),
        "--out",
        str(tmp_path / "c"),
        "--audio-column",
        "clip",
        "--reference-column",
        "said",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert main(call) == 0
    recordings = sx.read_corpus(tmp_path / "c").recordings
    assert recordings[["audio_id", "reference"]].to_numpy().tolist() == [["right.wav", "the right text"]]
