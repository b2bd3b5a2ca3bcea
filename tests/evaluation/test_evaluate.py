from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scripts.calibration.scale import sigmoid
from scripts.data.datalist import anonymous_groups
from scripts.evaluation.evaluate import write_evaluation

from .conftest import LABELS, evaluate


def test_files_hold_the_same_figures_and_no_patient(tmp_path: Path, case: tuple) -> None:
    report = evaluate(tmp_path, "/data", ".jpg", *case)
    assert json.loads((tmp_path / "metrics.json").read_text()) == report
    text = (tmp_path / "predictions.json").read_text()
    assert "patient-" not in text
    items = json.loads(text)["items"]
    assert [items[i]["group"] for i in range(4)] == [0, 0, 1, 1]
    assert items[0]["targets"][0] is None and items[1]["targets"][1] == -1
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 61


def test_items_without_patient_are_their_own_patient() -> None:
    items = [{"image": "a", "patient_id": "0"}, {"image": "b"}, {"image": "c", "patient_id": None}, {"patient_id": "0"}]
    assert anonymous_groups(items) == [0, 1, 2, 0]


def test_sigmoid_is_stable_and_wrong_logits_are_rejected(tmp_path: Path) -> None:
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]
    with pytest.raises(ValueError, match="found 1 items and 2 rows"):
        write_evaluation(tmp_path, LABELS, [{"image": "a"}], np.zeros((2, 2)), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="logits"):
        write_evaluation(tmp_path, LABELS, [{"image": "a"}], np.full((1, 2), np.nan), np.zeros((1, 2)))
