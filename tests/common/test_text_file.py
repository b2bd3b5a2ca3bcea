import gzip

import pytest
from scripts.common.text_file import find_substitute, parse_json, read_json, read_text


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    ["a;ö".encode(), "\ufeffa;ö".encode(), "a;ö".encode("utf-16"), "\ufeffa;ö".encode("utf-16-be")],
)
def test_text_in_the_usual_encodings(tmp_path, content):
    assert read_text(write(tmp_path / "a", content), "a table") == "a;ö"
    assert read_text(write(tmp_path / "a.gz", gzip.compress(content)), "a table") == "a;ö"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a: cannot be read; expected a table, found an empty file"),
        (b"\r\n", r"found an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", r"found a Git LFS pointer; .*git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "found an HTML page"),
        (b"PK\x03\x04rest", "found an Excel workbook or ZIP archive; save the table as CSV UTF-8"),
        (b"a\0b\0", "found binary data"),
        (b"one\ntwo\nM\xfcller", r"a: line 3: not UTF-8; .*byte 0xfc; save the file in UTF-8"),
        (gzip.compress(b"x" * 999, mtime=0)[:-9], "a: damaged gzip archive"),
    ],
)
def test_other_content_is_named_with_a_remedy(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_text(write(tmp_path / "a", content), "a table")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x", "found 'x' in line 1, column 1"),
        ('{"a": 1,\n "b" 2}', "found '2}' in line 2, column 6"),
        ('{"a": 1', "found the end of the text in line 1"),
        ("[" * 100_000, "brackets nested too deep"),
    ],
)
def test_text_that_is_not_json_is_named_with_its_place(tmp_path, text, found):
    with pytest.raises(ValueError, match=f"a.json: not JSON; expected a list, .*{found}.*; write it again"):
        read_json(write(tmp_path / "a.json", text.encode()), "a list", "write it again")
    with pytest.raises(ValueError, match="row 3: boxes: not JSON"):
        parse_json(text, "t.csv: row 3: boxes", "a list", "correct it")


def test_json_with_a_byte_order_mark(tmp_path):
    assert read_json(write(tmp_path / "a.json", "\ufeff[1]".encode()), "a list", "write it again") == [1]


def test_weights_are_no_substitute():
    assert find_substitute(b"\x40\0\0\0\0\0\0\0{") is None and find_substitute(b"PK\x03\x04") is None
