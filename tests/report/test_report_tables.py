from __future__ import annotations

import pytest
from scripts.report.report_tables import class_rows, epoch_rows, fidelity_rows


def test_epoch_rows_show_first_fifth_selected_and_last() -> None:
    history = {"epoch": [1, 2, 3, 4, 5, 6], "val_macro_auroc": [None, 0.6, 0.9, 0.8, 0.8, 0.7]}
    history |= {"val_accuracy": [0.8] * 6, "val_accuracy_all_negative": [0.9] * 6}
    rows = epoch_rows(history)
    assert [(row["epoch"], row["selected"]) for row in rows] == [(1, False), (3, True), (5, False), (6, False)]
    assert rows[0]["gain"] == pytest.approx(-0.1)
    assert epoch_rows(None) == []
    assert [row["epoch"] for row in epoch_rows(history, saved=6) if row["selected"]] == [6]


def test_class_rows_add_the_splits_and_shares_sum_to_one() -> None:
    parts = [("a", "training", 2, 5), ("a", "test", 1, 2), ("b", "training", 1, 0), ("c", "training", 0, 0)]
    columns = ("label", "split", "positive", "negative")
    rows = class_rows([dict(zip(columns, part, strict=True)) | {"uncertain": 1, "missing": 0} for part in parts])
    assert [row["share"] for row in rows] == [0.75, 0.25, 0.0]
    assert [row["prevalence"] for row in rows] == [0.3, 1.0, None]
    assert (rows[0]["uncertain"], rows[0]["splits"]) == (2, {"training": 2, "test": 1})
    assert class_rows(None) == []


def test_fidelity_rows_hold_only_what_was_measured() -> None:
    manifest = [{"fidelity": {"psnr_truth_region": value, "psnr_input_full": None}} for value in (30.0, 32.0, 34.0)]
    (row,) = fidelity_rows([*manifest, {"image": "without"}])
    assert (row["area"], row["images"], row["psnr"], row["ssim"]) == ("regions only", 3, (32.0, 31.0, 33.0), None)
