from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scripts.evaluation.evaluate import write_evaluation
from scripts.report.gather import _read_history, _read_json, _read_manifest, gather


def test_what_is_absent_is_none(tmp_path: Path) -> None:
    targets = np.array([[1.0, np.nan], [0.0, -1.0]])
    items = [{"image": "a.png"}, {"image": "b.png"}]
    write_evaluation(tmp_path / "base", ["x", "y"], items, np.zeros((2, 2)), targets, bootstrap=0)
    inputs = gather(tmp_path)
    assert inputs.base.labels == ["x", "y"]
    np.testing.assert_array_equal(inputs.base.targets, targets)
    assert inputs.retrained.metrics is inputs.comparison is inputs.run_report is inputs.base.history is None
    assert inputs.manifest == inputs.panels == []


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing to report"):
        gather(tmp_path)
    with pytest.raises(FileNotFoundError, match="not a folder"):
        gather(tmp_path / "absent")


def test_history_keeps_gaps(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    path.write_text("epoch,val_loss,val_macro_auroc\n1,0.5,nan\n2,,0.7\n", encoding="utf-8")
    assert _read_history(path) == {"epoch": [1, 2], "val_loss": [0.5, None], "val_macro_auroc": [None, 0.7]}
    path.write_text("epoch,val_loss\n1,x\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"history\.csv"):
        _read_history(path)


def test_manifest_of_a_continued_or_killed_run(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    lines = [json.dumps({"image": name, "seconds": i}) for i, name in enumerate(["a", "b", "a"])]
    path.write_text("\n".join([*lines, '{"image": "c", "sec']), encoding="utf-8")
    assert [(r["image"], r["seconds"]) for r in _read_manifest(path)] == [("a", 2), ("b", 1)]
    path.write_text("\n".join(["{", *lines]), encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        _read_manifest(path)


def test_damaged_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    for text in ("{", "[1]"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=r"metrics\.json"):
            _read_json(path)
