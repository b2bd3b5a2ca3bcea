import math

import pytest
from scripts.data.layouts import LAYOUTS, read_layout
from scripts.data.layouts.label_tables import Films, age_of, find_table, read_rows

from .miniature import png, table


def test_rows_are_stripped_counted_as_a_spreadsheet_does_and_may_be_gzipped(tmp_path):
    for name in ("a.csv", "b.csv.gz"):
        path = table(tmp_path / name, "\ufeffname , value", "x , 1.0", "y,")
        first, second = read_rows(path, ["name", "value"])
        assert (first["name"], first.number("value"), first.where) == ("x", 1.0, f"{path}: row 2")
        assert second.labels(["value"]) == pytest.approx([math.nan], nan_ok=True)


def test_errors_name_file_row_and_column(tmp_path):
    path = table(tmp_path / "a.csv", "name,value", "x,maybe")
    (row,) = read_rows(path, ["name", "value"])
    with pytest.raises(ValueError, match=r"a\.csv: row 2: value: expected 1, 0, -1 or blank, found 'maybe'"):
        row.labels(["value"])
    with pytest.raises(ValueError, match="value: expected a number"):
        row.number("value")
    with pytest.raises(ValueError, match=r"a\.csv: no column 'valeu'.*Nearest: value"):
        list(read_rows(path, ["valeu"]))
    with pytest.raises(ValueError, match="row 3: value: expected a value, found the end of the row"):
        list(read_rows(table(tmp_path / "b.csv", "name,value", "x,1", "y"), ["name", "value"]))


def test_table_that_is_not_there_says_what_is(tmp_path):
    table(tmp_path / "train.csv.gz", "a")
    assert find_table(tmp_path, "test.csv", "train.csv").name == "train.csv.gz"
    with pytest.raises(FileNotFoundError, match=r"expected test\.csv, found train\.csv\.gz"):
        find_table(tmp_path, "test.csv")


@pytest.mark.parametrize("name", LAYOUTS)
def test_wrong_folder_is_named(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_layout(name, tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="no table of this layout"):
        read_layout(name, tmp_path)


def test_every_film_is_an_item_or_a_failure_once(tmp_path):
    films = Films()
    for name in ("a.png", "a.png", "b.png"):
        films.add(png(tmp_path / name) if name == "a.png" else tmp_path / name, {"label": [], "sex": None, "view": ""})
    assert films.items == [{"image": str(tmp_path / "a.png"), "label": []}]
    assert [failure.code for failure in films.failures] == ["DUPLICATE", "MISSING_FILE"]
    assert [films.is_frontal(tmp_path / "c.png", view) for view in ("pa", "AP_horizontal", "LL", "")] == [1, 1, 0, 0]
    assert [failure.code for failure in films.failures[2:]] == ["NOT_FRONTAL", "NO_VIEW"]


def test_ages(tmp_path):
    assert [age_of(text) for text in ("58", "058Y", "006M", "", "414", "-1", "x", "nan")] == [
        58, 58, 0.5, None, None, None, None, None,
    ]  # fmt: skip
