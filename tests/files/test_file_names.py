"""Names of files for recordings: folders stay, nothing leaves the folder, and no two recordings share a file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soniox_ds.exceptions import InputError
from soniox_ds.files.file_names import file_of_each, files_to_write


@pytest.mark.parametrize(
    ("audio_id", "name"),
    [
        ("calls/7.wav", "calls/7.srt"),
        ("talk", "talk.srt"),
        ("2026.11.30", "2026.11.30.srt"),
        ("../../etc/passwd", "etc/passwd.srt"),
        ("/absolute/a.flac", "absolute/a.srt"),
        ("a:b|c?.wav", "a_b_c_.srt"),
        ("CON.wav", "_CON.srt"),
        ("https://user:secret@example.com/x/y.mp3?token=1", "example.com/x/y.srt"),
        ("..", "_.srt"),
        (".wav", ".wav.srt"),
    ],
)
def test_names(audio_id, name):
    assert file_of_each([audio_id], "out", ".srt") == {audio_id: Path("out", *name.split("/"))}


def test_two_recordings_never_share_a_file():
    with pytest.raises(InputError, match=r"'a\.wav' and 'A\.mp3' would both be written to A\.srt; rename"):
        file_of_each(["a.wav", "A.mp3"], "out", ".srt")


@given(st.text(max_size=300))
def test_files_lie_in_the_folder_and_can_be_made(audio_id):
    [file] = file_of_each([audio_id], "out", ".srt").values()
    assert file.parts[0] == "out"
    assert not {"..", "", "."} & set(file.parts[1:])
    assert all(len(part.encode("utf-8", "replace")) < 255 for part in file.parts)


def test_files_are_in_a_folder_that_is_made_or_are_one_file(tmp_path):
    files = files_to_write(["calls/a.wav", "b.wav"], tmp_path / "subs", ".srt")
    assert list(files.values()) == [tmp_path / "subs" / "calls" / "a.srt", tmp_path / "subs" / "b.srt"]
    assert (tmp_path / "subs" / "calls").is_dir()
    assert files_to_write(["a.wav"], tmp_path / "one.SRT", ".srt") == {"a.wav": tmp_path / "one.SRT"}
    (tmp_path / "folder.srt").mkdir()
    assert files_to_write(["a.wav"], tmp_path / "folder.srt", ".srt") == {"a.wav": tmp_path / "folder.srt" / "a.srt"}
    with pytest.raises(
        InputError, match=r"one\.srt is the name of one file, and there are 2 recordings; give a folder"
    ):
        files_to_write(["a.wav", "b.wav"], tmp_path / "one.srt", ".srt")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        files_to_write(["a.wav"], tmp_path / "file", ".srt")
