import csv

import pytest
from scripts.data.layouts import LAYOUTS, read_layout
from scripts.data.layouts.label_tables import Films, Image, find_files, find_image, find_table
from scripts.data.tables import Row

from . import test_chexpert, test_mimic, test_nih, test_padchest, test_rsna, test_vindr
from .miniature import png, table


def test_table_that_is_not_there_says_what_is(tmp_path):
    table(tmp_path / "train.csv.gz", "a")
    assert find_table(tmp_path, "test.csv", "train.csv").name == "train.csv.gz"
    with pytest.raises(FileNotFoundError, match=r"expected test\.csv, found train\.csv\.gz"):
        find_table(tmp_path, "test.csv")


def test_two_tables_that_may_be_meant_are_refused(tmp_path):
    for name in ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv"):
        table(tmp_path / name, "a")
    with pytest.raises(ValueError, match=r"several tables; .* found Data_Entry_2017\.csv, Data_Entry_2017_v2020\.csv"):
        find_table(tmp_path, "Data_Entry_2017*.csv")


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


def test_a_copy_in_another_format_stands_for_a_missing_file(tmp_path):
    assert find_image(tmp_path / "a.dcm") == Image(tmp_path / "a.dcm")
    png(tmp_path / "a.jpg")
    assert find_image(tmp_path / "a.dcm") == Image(tmp_path / "a.jpg")
    png(tmp_path / "a.png")
    assert find_image(tmp_path / "a.dcm") == Image(tmp_path / "a.png", (tmp_path / "a.jpg",))
    assert find_image(tmp_path / "a.jpg") == Image(tmp_path / "a.jpg")


WRITERS = {
    "chexpert": test_chexpert.write,
    "mimic": lambda root: test_mimic.write(root, ".csv"),
    "nih": test_nih.write,
    "vindr": test_vindr.write_physionet,
    "rsna": test_rsna.write,
    "padchest": test_padchest.write,
}


def rewrite(root, change):
    """Change the records of every table below a folder."""
    for path in root.rglob("*.csv"):
        with path.open(newline="") as file:
            rows = change(list(csv.reader(file)))
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            csv.writer(file, delimiter=";").writerows(rows)


def read(name, root):
    """Items and codes of failures of a layout, without the folder; failures of missing files only by their number."""
    labels, items, failures = read_layout(name, root)
    found = [{**item, "image": item["image"].replace(str(root), ""), "label": str(item["label"])} for item in items]
    return labels, found, [failure.code for failure in failures]


@pytest.mark.parametrize("name", LAYOUTS)
def test_tables_that_excel_saved_are_read_as_the_published_ones(tmp_path, name):
    root = WRITERS[name](tmp_path)
    if name == "mimic":
        png(root / "files/p10/p10000032/s50414261/aa.jpg")
    expected = read(name, root)
    assert expected[1]
    rewrite(root, lambda rows: [[*row, ""] for row in rows] + [[""] * (len(rows[0]) + 1)])
    assert read(name, root) == expected


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: [rows[0], rows[1][:1], *rows[2:]], "row 2: wrong number of cells"),
        (lambda rows: [rows[0], [*rows[1], "", "", "", "", "x"], *rows[2:]], "row 2: wrong number of cells"),
        (lambda rows: [[row[1], *row] for row in rows], "duplicate column"),
        (lambda rows: rows[:1], "no rows"),
    ],
    ids=["short", "long", "duplicate", "header"],
)
def test_broken_tables_are_refused_with_file_and_row(tmp_path, name, change, message):
    root = WRITERS[name](tmp_path)
    rewrite(root, change)
    with pytest.raises(ValueError, match=rf"\.csv: {message}"):
        read_layout(name, root)
