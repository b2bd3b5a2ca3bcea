from __future__ import annotations

import json

import numpy as np
import pytest
from scripts.evaluation.subgroups import ScoredImages, _group_of, subgroup_report
from sklearn.metrics import roc_auc_score

LABELS = ["common", "rare"]


def make_case() -> tuple[np.ndarray, np.ndarray, list[dict]]:
    rng = np.random.default_rng(0)
    targets = np.stack([rng.random(400) < 0.4, np.arange(400) < 12], axis=1).astype(float)
    probabilities = np.clip(0.3 * targets + 0.7 * rng.random((400, 2)), 0, 1)
    ages = [25.0, 45.0, 65.0, 85.0]
    items = [{"image": str(i), "sex": "MF"[i % 2], "age": ages[i % 4], "view": "PA"} for i in range(400)]
    return probabilities, targets, items


def report(decisions: bool = True, bootstrap: int = 50) -> dict:
    probabilities, targets, items = make_case()
    made = probabilities > 0.5 if decisions else None
    images = ScoredImages(probabilities, targets, np.arange(400), made)
    return subgroup_report(LABELS, images, items, bootstrap=bootstrap, seed=0)


def test_each_group_has_the_figures_of_its_images() -> None:
    probabilities, targets, _ = make_case()
    found = report()
    women = found["sex"]["F"]
    row = women["labels"]["common"]
    assert women["n_images"] == 200
    assert row["auroc"] == pytest.approx(roc_auc_score(targets[1::2, 0], probabilities[1::2, 0]))
    assert row["auroc_ci"][0] < row["auroc"] < row["auroc_ci"][1]
    called = probabilities[1::2, 0] > 0.5
    assert row["sensitivity"] == pytest.approx(called[targets[1::2, 0] == 1].mean())
    assert row["sensitivity_ci"][0] < row["sensitivity"] < row["sensitivity_ci"][1]
    assert list(found["age band"]) == ["below 40", "40 to 59", "60 to 79", "80 and above"]
    json.dumps(found, allow_nan=False)


def test_small_cells_show_neither_figures_nor_counts_and_leave_every_group_of_the_macro() -> None:
    found = report()["sex"]
    assert found["M"]["labels"]["rare"] == {"suppressed": True} == found["F"]["labels"]["rare"]
    assert found["M"]["macro_labels"] == ["common"]
    assert found["M"]["macro_auroc"] == found["M"]["labels"]["common"]["auroc"]
    assert report()["view"]["PA"]["macro_labels"] == LABELS  # twelve positives in the one view


def test_an_attribute_that_no_image_has_is_absent() -> None:
    assert set(report()) == {"sex", "age band", "view"}


def test_without_thresholds_there_is_no_sensitivity() -> None:
    assert "sensitivity" not in report(decisions=False)["sex"]["M"]["labels"]["common"]
    assert report(bootstrap=0)["sex"]["M"]["macro_auroc_ci"] is None


@pytest.mark.parametrize(
    ("age", "band"),
    [
        (0, "below 40"),
        (39.9, "below 40"),
        (40, "40 to 59"),
        (60, "60 to 79"),
        (80, "80 and above"),
        (None, "not recorded"),
    ],
)
def test_age_bands(age: float | None, band: str) -> None:
    assert _group_of({"age": age}, "age band") == band
