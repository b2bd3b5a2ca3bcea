import pytest
from scripts.data.layouts import LAYOUTS, read_layout
from scripts.data.layouts.label_tables import Films, Image, find_files, find_table
from scripts.data.tables import Row

from .miniature import png, table


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
        path = png(tmp_path / name) if name == "a.png" else tmp_path / name
        films.add("t.csv: row 2", Image(path), {"label": [], "sex": None, "view": ""})
    assert films.items == [{"image": str(tmp_path / "a.png"), "label": []}]
    assert [failure.code for failure in films.failures] == ["DUPLICATE", "MISSING_FILE"]
    image = Image(tmp_path / "c.png")
    views = ("pa", "AP_horizontal", "LL", "")
    assert [films.is_frontal("t.csv: row 3", image, view) for view in views] == [1, 1, 0, 0]
    assert [failure.code for failure in films.failures[2:]] == ["NOT_FRONTAL", "NO_VIEW"]
    assert films.failures[2].reason == "t.csv: row 3: not a frontal view; expected PA or AP, found LL"


def test_files_are_found_by_name_or_as_a_copy_in_another_format(tmp_path):
    for name in ("a/1.png", "b/1.jpg", "a/2.jpg", "a/3.png", "b/3.png", "a/.4.png", "a/5.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    find = find_files(tmp_path, (".png", ".jpg"))
    assert find("1.png") == Image(tmp_path / "a/1.png")
    assert find("2.png") == Image(tmp_path / "a/2.jpg")
    assert find("3.png") == Image(tmp_path / "a/3.png", (tmp_path / "b/3.png",))
    assert [find(name) for name in ("4.png", "5.png")] == [Image(tmp_path / "4.png"), Image(tmp_path / "5.png")]


def test_two_files_of_one_name_are_a_failure_that_names_both(tmp_path):
    films = Films()
    films.add("t.csv: row 2", Image(tmp_path / "a/3.png", (tmp_path / "b/3.png",)), {"label": []})
    (failure,) = films.failures
    assert failure.code == "AMBIGUOUS_FILE" and not films.items
    assert "a/3.png" in failure.reason and "b/3.png" in failure.reason and "row 2" in failure.reason


def test_impossible_values_are_left_out_and_logged_once(tmp_path, caplog):
    films, row = Films(), Row({"Age": "414", "Sex": "M"}, "t.csv: row 2")
    assert films.optional(row.age, "Age") is films.optional(row.age, "Age") is None
    assert films.optional(row.sex, "Sex") == "M"
    assert films.reading(["Edema"]) == (["Edema"], [], [])
    (record,) = caplog.records
    assert "2 impossible values left out; the first: t.csv: row 2: Age: expected an age from 0 to 120" in record.message
