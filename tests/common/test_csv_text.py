import csv
import io

import pytest
from scripts.common.csv_text import _protected, csv_text, unprotected

FORMULAS = [
    "=1+1",
    "+cmd",
    "-2+3",
    "@SUM(A1)",
    "-x.png",
    "=HYPERLINK(0)",
    "\uff1d1",
    "a;=1+1",
    "-1;-2",
    "-inf",
    "-",
    "'=1",
]


def cells(text):
    return list(csv.reader(io.StringIO(text)))


@pytest.mark.parametrize("formula", FORMULAS)
def test_formula_is_a_text_in_header_and_cells_and_is_read_back(formula):
    header, row = cells(csv_text(["image", formula], [[formula, 1]]))
    assert header[1] == row[0] == _protected(formula) != formula
    assert all(not part or part[0] not in "=+-@\uff1d" for part in row[0].split(";"))
    assert unprotected(row[0]) == formula


@pytest.mark.parametrize("line_break", ["\t=1", "\r=1", "\n=1", "\x0b=1"])
def test_formula_behind_a_control_character_is_an_escape(line_break):
    (_, row) = cells(csv_text(["image"], [[line_break]]))
    assert row[0].startswith("\\") and row[0].endswith("=1") and row[0].isprintable()


def test_numbers_stay_numbers():
    row = [-1, -0.5, "-0.12345", "+1e-05", "-.5", 0.25, True, None]
    assert cells(csv_text(list("abcdefgh"), [row]))[1] == [
        "-1",
        "-0.5",
        "-0.12345",
        "+1e-05",
        "-.5",
        "0.25",
        "True",
        "",
    ]


@pytest.mark.parametrize("text", ["a-b", "it's", "'quoted'", "Ödem, left", "x;y", ""])
def test_other_texts_stay_as_they_are(text):
    assert _protected(text) == unprotected(text) == text


def test_every_table_that_is_written_goes_through_it():
    """The figures in them are checked where they are made; here that nothing else writes CSV."""
    from pathlib import Path

    import scripts

    root = Path(scripts.__file__).parent
    writers = [
        path for path in root.rglob("*.py") if "csv.writer(" in path.read_text() or "DictWriter" in path.read_text()
    ]
    assert [path.name for path in writers] == ["csv_text.py"]
