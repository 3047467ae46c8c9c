"""The folder to which file names in tables and lists refer, and the column of the ids."""

import pandas as pd
import pytest

import soniox_ds as sx
from soniox_ds.exceptions import OptionsError, SourceError
from soniox_ds.sources.search import find_recordings


@pytest.fixture
def audio(tiny_wav, tmp_path):
    for name in ("a.wav", "b/c.wav"):
        tiny_wav(tmp_path / "audio" / name)
    return tmp_path / "audio"


def found(sources, **options):
    recordings = find_recordings(sources, **options).recordings
    return [(recording.audio_id, recording.path, recording.error_type) for recording in recordings]


def test_a_manifest_in_another_folder_than_its_audio(audio, tmp_path):
    manifest = tmp_path / "lists" / "calls.csv"
    manifest.parent.mkdir()
    manifest.write_text("file\na.wav\nb/c.wav\n")
    assert [error for _, _, error in found(manifest)] == ["file_not_found"] * 2
    both = [("a.wav", audio / "a.wav", None), ("b/c.wav", audio / "b" / "c.wav", None)]
    assert found(manifest, audio_root=audio) == both
    assert found(manifest, audio_root=f"{audio}/") == both
    assert found(manifest, audio_root=f"file://{audio}") == both


def test_tables_lists_and_mappings(audio):
    names = ["a.wav", "b/c.wav"]
    for sources in (pd.DataFrame({"source": names}), names, pd.Series(names)):
        assert [path for _, path, _ in found(sources, audio_root=audio)] == [audio / "a.wav", audio / "b" / "c.wav"]
    assert found({"one": "a.wav"}, audio_root=audio) == [("one", audio / "a.wav", None)]


def test_absolute_paths_and_urls_stay_as_they_are(audio, tmp_path, tiny_wav):
    other = tiny_wav(tmp_path / "other.wav", seed=2)
    recordings = find_recordings([str(other), "https://host.example/x.wav", "a.wav"], audio_root=audio).recordings
    assert [recording.source for recording in recordings] == [
        str(other),
        "https://host.example/x.wav",
        str(audio / "a.wav"),
    ]


def test_the_folder_may_be_in_a_store():
    recordings = find_recordings(["a.wav"], audio_root="memory://bucket/calls/").recordings
    assert [recording.source for recording in recordings] == ["memory://bucket/calls/a.wav"]


@pytest.mark.parametrize(
    ("root", "message"),
    [("nowhere", "'nowhere' is none"), (7, "found int 7"), ("a.wav", "is none")],
)
def test_roots_that_are_no_folders(audio, monkeypatch, root, message):
    monkeypatch.chdir(audio)
    with pytest.raises(SourceError, match=f"audio_root is a folder.*{message}"):
        find_recordings(["a.wav"], audio_root=root)


def test_sources_without_names_have_no_use_for_a_root(audio):
    with pytest.raises(SourceError, match="the sources have none"):
        find_recordings(audio / "a.wav", audio_root=audio)
    with pytest.raises(OptionsError, match="audio_root is given, but the sources are recordings"):
        sx.plan(find_recordings(audio), audio_root=audio, progress=False)


def test_transcribe_takes_both(service, audio):
    table = pd.DataFrame({"source": ["a.wav"], "take": ["first"]})
    corpus = sx.transcribe(table, audio_root=audio, id_column="take", progress=False)
    assert list(corpus) == ["first"]
    assert len(corpus.completed) == 1
    assert "take" not in corpus.recordings
    with pytest.raises(SourceError, match=r"has no column 'tak' \(id_column\).*Did you mean 'take'"):
        sx.transcribe(table, audio_root=audio, id_column="tak", progress=False)
