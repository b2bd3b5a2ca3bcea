import math

import pytest
from scripts.data.tables import Row, read_columns, read_rows

from .layouts.miniature import table


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path, required=("name",)):
    return [row.values for row in read_rows(path, list(required))]


def test_rows_are_stripped_counted_as_a_spreadsheet_does_and_may_be_gzipped(tmp_path):
    for name in ("a.csv", "b.csv.gz"):
        path = table(tmp_path / name, "\ufeffname , value", "x , 1.0", "", "y,")
        first, second = read_rows(path, ["name", "value"])
        assert (first["name"], first.number("value"), first.where) == ("x", 1.0, f"{path}: row 2")
        assert second.labels(["value"]) == pytest.approx([math.nan], nan_ok=True)
        assert second.where.endswith("row 4")


@pytest.mark.parametrize(
    "text",
    [
        "name,value\nx,1\n",
        "name;value\r\nx;1\r\n",
        "name\tvalue\nx\t1\n",
        "sep=|\nname|value\nx|1\n",
        "name,value,\nx,1,\n",  # Excel writes the comma of an empty column
        "name,value,,\nx,1\n",
        "name,value\nx,1,,\n",
        ",name,value\n0,x,1\n",  # pandas writes its index without a name
        "Unnamed: 0,name,value\n0,x,1\n",
        "name,value\n,\nx,1\n,,\n",  # empty rows
        "\ufeffname,value\nx,1",
        '"name";"value"\n"x";"1"\n',
    ],
)
def test_forms_of_one_table(tmp_path, text):
    assert cells(write(tmp_path / "a.csv", text)) == [{"name": "x", "value": "1"}]
    assert read_columns(tmp_path / "a.csv", ["name"]) == ["name", "value"]


def test_utf16_of_excel_is_read(tmp_path):
    assert cells(write(tmp_path / "a.csv", "name\tvalue\nx\t1\n".encode("utf-16"))) == [{"name": "x", "value": "1"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,value,value\nx,1,0\n", r"a\.csv: duplicate column; .* found 'value' 2 times"),
        ("name,value\nx,1,0\n", r"row 2: wrong number of cells; expected 2 as in the header, found 3"),
        ("name,value\nx,1\ny\n", r"row 3: wrong number of cells; expected 2 as in the header, found 1"),
        ("name,value,\nx,1,0\n", r"row 2: wrong number of cells; expected 2 as in the header, found 3"),
        ("name,value\n", "a.csv: no rows"),
        ("name,value", "a.csv: no rows"),
        ("nam,value\nx,1\n", r"a\.csv: no column 'name'; expected it in the header, found nam, value"),
        ('name,value\nx,"1\ny,0\n', r"a\.csv: row \d: not a table .* close or remove the quote"),
        ('name,value\nx,"1"2\n', r"a\.csv: row 2: not a table"),
        ("name,value\nx," + "1" * 140000 + "\n", r"a\.csv: row 2: not a table .* field larger"),
        ("", "a.csv: cannot be read; .* found an empty file"),
        (b"name,value\nx,1\nM\xfcller,0\n", r"a\.csv: line 3: not UTF-8; .* 0xfc.*iconv"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "a Git LFS pointer; .*git lfs pull"),
        (b"PK\x03\x04\x14\x00rest", "an Excel workbook .*save the table as CSV UTF-8"),
        (b"\x1f\x8b\x08\x00broken", "damaged gzip archive"),
    ],
)
def test_errors_name_file_and_row(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        cells(write(tmp_path / "a.csv", content))


def test_errors_name_the_column(tmp_path):
    (row,) = read_rows(table(tmp_path / "a.csv", "name,value,age,sex", "x,maybe,412,3"), ["name", "value"])
    with pytest.raises(ValueError, match=r"a\.csv: row 2: value: expected 1, 0, -1 or blank, found 'maybe'"):
        row.labels(["value"])
    with pytest.raises(ValueError, match="value: expected a number"):
        row.number("value")
    with pytest.raises(ValueError, match=r"row 2: age: expected an age from 0 to 120 years.*found '412'"):
        row.age("age")
    with pytest.raises(ValueError, match=r"row 2: sex: expected M, .*found '3'"):
        row.sex("sex")


@pytest.mark.parametrize("cell", ["?", "unknown", "-", "2", "0.5", "inf", "yes"])
def test_other_values_are_no_labels(cell):
    with pytest.raises(ValueError, match="expected 1, 0, -1 or blank"):
        Row({"a": cell}, "t.csv: row 2").labels(["a"])


def test_a_comma_is_decimal_only_in_a_table_that_is_not_separated_by_commas(tmp_path):
    (row,) = read_rows(write(tmp_path / "a.csv", "name;a;b\nx;1,0;-1\n"), ["name"])
    assert row.labels(["a", "b"]) == [1.0, -1.0] and row.number("a") == 1.0
    (row,) = read_rows(write(tmp_path / "b.csv", 'name,a\nx,"1,0"\n'), ["name"])
    with pytest.raises(ValueError, match="expected a number"):
        row.number("a")


def test_values_of_labels():
    row = Row({"a": "1", "b": "0.0", "c": "-1.0", "d": "", "e": "NaN"}, "t.csv: row 2")
    assert row.labels("abcde") == pytest.approx([1.0, 0.0, -1.0, math.nan, math.nan], nan_ok=True)
