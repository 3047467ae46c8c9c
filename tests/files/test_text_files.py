"""Text files of other tools: encodings, and messages that name the file and the line."""

import pytest

from soniox_ds.exceptions import InputError, SchemaError
from soniox_ds.files.text_files import read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_recognised(tmp_path, encoding):
    file = tmp_path / "a.ctm"
    file.write_bytes("naïve 日本\n".encode(encoding))
    assert read_text(file, "CTM file") == "naïve 日本\n"


def test_other_encodings_are_named_by_the_user(tmp_path):
    file = tmp_path / "a.ctm"
    file.write_bytes(b"one\nna\xefve\n")
    with pytest.raises(SchemaError, match=r"a\.ctm, line 2: this CTM file is not UTF-8 or UTF-16.*encoding='latin-1'"):
        read_text(file, "CTM file")
    assert read_text(file, "CTM file", "latin-1") == "one\nnaïve\n"
    with pytest.raises(SchemaError, match="line 2: this CTM file is not ascii"):
        read_text(file, "CTM file", "ascii")
    with pytest.raises(InputError, match=r"encoding must be the name of an encoding.*'latin-x'"):
        read_text(file, "CTM file", "latin-x")


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match=r"none\.ctm does not exist \(looked for in .*give the path of one CTM file"):
        read_text(tmp_path / "none.ctm", "CTM file")
    with pytest.raises(InputError, match="is a folder"):
        read_text(tmp_path, "CTM file")
