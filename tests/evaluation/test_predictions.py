from __future__ import annotations

import csv
from pathlib import Path

import pytest
from scripts.evaluation.predictions import Prediction, read_predictions, write_predictions


def test_round_trip_and_columns(tmp_path: Path) -> None:
    good = Prediction(
        "a,b.png", logits=[0.0, 2.0], probabilities=[0.5, 0.880797], targets=[1, None], group=0, flags=["x"]
    )
    bad = Prediction("c.dcm", status="MULTIFRAME")
    csv_path, json_path = write_predictions(tmp_path / "new", ["Edema", "Fracture"], [good, bad], model_hash="abc")
    rows = list(csv.reader(csv_path.open(encoding="utf-8")))
    assert rows == [
        ["image", "status", "Edema", "Fracture"],
        ["a,b.png", "ok", "0.500000", "0.880797"],
        ["c.dcm", "MULTIFRAME", "", ""],
    ]
    assert (
        read_predictions(json_path) == read_predictions(tmp_path / "new") == (["Edema", "Fracture"], [good, bad], "abc")
    )


def test_spreads_of_several_networks_follow_the_probabilities(tmp_path: Path) -> None:
    good = Prediction("a.png", probabilities=[0.5, 0.9], spread=[0.01, 0.2])
    csv_path, json_path = write_predictions(
        tmp_path, ["Edema", "Mass"], [good, Prediction("c.dcm", status="NO_PIXELS")]
    )
    assert list(csv.reader(csv_path.open(encoding="utf-8"))) == [
        ["image", "status", "Edema", "Mass", "Edema (spread)", "Mass (spread)"],
        ["a.png", "ok", "0.500000", "0.900000", "0.010000", "0.200000"],
        ["c.dcm", "NO_PIXELS", "", "", "", ""],
    ]
    assert read_predictions(json_path)[1][0] == good
    with pytest.raises(ValueError, match="spread: expected 2 values, found 1"):
        write_predictions(tmp_path, ["Edema", "Mass"], [Prediction("a.png", spread=[0.5])])


def test_table_holds_no_formula_and_the_json_every_name_as_it_was_given(tmp_path: Path) -> None:
    labels, names = ["=1+1", "-Mass", "@x"], ["=cmd.png", "-1+1.png", "a\n\x1b[2J.png", "b\udce9.png"]
    predictions = [Prediction(name, logits=[0.0] * 3, probabilities=[0.5] * 3) for name in names]
    csv_path, json_path = write_predictions(tmp_path, labels, predictions)
    rows = list(csv.reader(csv_path.open(encoding="utf-8")))
    assert rows[0] == ["image", "status", "'=1+1", "'-Mass", "'@x"] and rows[1][2:] == ["0.500000"] * 3
    assert [row[0] for row in rows[1:]] == ["'=cmd.png", "'-1+1.png", r"a\n\x1b[2J.png", r"b\udce9.png"]
    assert read_predictions(json_path)[:2] == (labels, predictions)


def test_wrong_values_write_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 2 values, found 1"):
        write_predictions(tmp_path, ["a", "b"], [Prediction("x", probabilities=[0.5])])
    with pytest.raises(ValueError, match="NaN"):
        write_predictions(tmp_path, ["a"], [Prediction("x", probabilities=[float("nan")])])
    assert not list(tmp_path.iterdir())


def test_reading_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="evaluating workflow"):
        read_predictions(tmp_path)
    (tmp_path / "predictions.json").write_text('{"labels": ["a"]}', encoding="utf-8")
    with pytest.raises(ValueError, match="not a predictions file"):
        read_predictions(tmp_path)
