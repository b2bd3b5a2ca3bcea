import csv

from scripts.common.failures import Failure, read_failures, write_failures
from scripts.dicom import RefusedInput


def test_rows_are_read_as_they_were_written(tmp_path):
    refusal = RefusedInput("NO_PIXELS", "no image", "PixelData", "=1+1", "select the image")
    rows = [Failure.of(path, refusal.at(path)) for path in ("a.dcm", "=cmd.dcm", "-x/y.dcm", "'=a", "@b;=c", "Ödem,")]
    write_failures(tmp_path / "failures.csv", rows)
    assert read_failures(tmp_path / "failures.csv") == rows


def test_no_cell_is_a_formula_or_leaves_its_line(tmp_path):
    path = "=cmd|' /C calc'!A0\n12:00 ok\x1b[2J\u202e\udce9.dcm"
    write_failures(tmp_path / "failures.csv", [Failure(path, "EMPTY", f"{path}: empty", "copy it")])
    text = (tmp_path / "failures.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == 2 and all(line.isprintable() for line in text.splitlines())
    (row,) = csv.DictReader(text.splitlines())
    assert row["path"].startswith("'=cmd") and row["reason"].startswith("'=cmd")


def test_merging_a_table_does_not_change_it(tmp_path):
    rows = [Failure("=a\nb\x1b", "EMPTY", "=a\nb\x1b: empty", "copy it")]
    write_failures(tmp_path / "1.csv", rows)
    write_failures(tmp_path / "2.csv", read_failures(tmp_path / "1.csv"))
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
