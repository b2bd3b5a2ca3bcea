from __future__ import annotations

import json
import time

import numpy as np
import pytest
from scripts.metrics.classification import (
    _label_metrics,
    annotated,
    auroc,
    average_precision,
    metrics_report,
)
from sklearn import metrics as reference


def make_case(n: int = 200, c: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Coarse probabilities (many ties) and targets with missing and uncertain ones."""
    rng = np.random.default_rng(seed)
    probabilities = np.round(rng.random((n, c)), 1)
    targets = (rng.random((n, c)) < 0.2 + 0.5 * probabilities).astype(float)
    targets[rng.random((n, c)) < 0.1] = np.nan
    targets[rng.random((n, c)) < 0.1] = -1
    return probabilities, targets


def test_equal_to_sklearn_on_annotated_cases_with_ties() -> None:
    probabilities, targets = make_case()
    for i in range(3):
        known = annotated(targets[:, i])
        y, p = targets[known, i], probabilities[known, i]
        assert 0 < known.sum() < len(known)
        assert auroc(targets[:, i], probabilities[:, i]) == pytest.approx(reference.roc_auc_score(y, p), abs=1e-12)
        assert average_precision(targets[:, i], probabilities[:, i]) == pytest.approx(
            reference.average_precision_score(y, p), abs=1e-12
        )
        figures = _label_metrics(targets[:, i], probabilities[:, i])
        assert figures["f1"] == pytest.approx(reference.f1_score(y, p >= 0.5))
        assert figures["accuracy"] == pytest.approx(reference.accuracy_score(y, p >= 0.5))
        assert figures["sensitivity"] == pytest.approx(reference.recall_score(y, p >= 0.5))
        assert figures["brier"] == pytest.approx(reference.brier_score_loss(y, p))


def test_equal_to_sklearn_on_complete_columns() -> None:
    probabilities, _ = make_case(400, 4, seed=3)
    targets = (np.random.default_rng(5).random((400, 4)) < probabilities).astype(float)
    macro = metrics_report(list("abcd"), probabilities, targets, bootstrap=0)["macro"]
    assert macro["auroc"] == pytest.approx(reference.roc_auc_score(targets, probabilities, average="macro"))
    assert macro["average_precision"] == pytest.approx(reference.average_precision_score(targets, probabilities))
    assert macro["f1"] == pytest.approx(reference.f1_score(targets, probabilities >= 0.5, average="macro"))


def test_fixed_points_are_points_of_the_roc_curve() -> None:
    probabilities, targets = make_case(300, 1)
    figures = _label_metrics(targets[:, 0], probabilities[:, 0])
    known = annotated(targets[:, 0])
    fpr, tpr, _ = reference.roc_curve(targets[known, 0], probabilities[known, 0], drop_intermediate=False)
    assert figures["sensitivity_at_90_specificity"] == pytest.approx(tpr[fpr <= 0.1].max())
    assert figures["specificity_at_90_sensitivity"] == pytest.approx(1 - fpr[tpr >= 0.9].min())


def test_calibration_interval_holds_the_estimate_that_resampling_alone_would_miss() -> None:
    rng = np.random.default_rng(2)
    probabilities = rng.beta(1, 4, (200, 1))
    targets = (rng.random((200, 1)) < probabilities).astype(float)
    row = metrics_report(["a"], probabilities, targets, bootstrap=300)["labels"]["a"]
    low, high = row["calibration_error_ci"]
    assert low < row["calibration_error"] < high


def test_one_patient_has_figures_and_no_made_up_precision() -> None:
    probabilities, targets = make_case(40, 2)
    report = metrics_report(["a", "b"], probabilities, targets, ["only"] * 40, bootstrap=50)
    row = report["labels"]["a"]
    assert report["n_patients"] == 1
    assert row["auroc_ci"] == pytest.approx([row["auroc"]] * 2)
    assert any("one patient" in text for text in report["warnings"])
    json.dumps(report, allow_nan=False)


def test_known_values() -> None:
    assert auroc(np.array([0, 0, 1, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])) == 0.75
    assert auroc(np.array([0, 1.0]), np.array([0.5, 0.5])) == 0.5


def test_one_class_label_is_none_named_and_outside_the_macro() -> None:
    probabilities = np.array([[0.9, 0.2, 0.5], [0.1, 0.3, 0.5], [0.8, 0.1, 0.5]])
    targets = np.array([[1, 0, np.nan], [0, 0, -1], [1, np.nan, np.nan]])
    report = metrics_report(["a", "b", "c"], probabilities, targets, ["p", "q", "r"], bootstrap=50)
    assert report["labels"]["a"]["auroc"] == report["macro"]["auroc"] == 1.0
    assert report["labels"]["b"]["auroc"] is report["labels"]["b"]["auroc_ci"] is report["labels"]["b"]["f1"] is None
    assert report["labels"]["c"]["prevalence"] is report["labels"]["c"]["accuracy"] is None
    assert report["macro"]["labels_without_both_classes"] == ["b", "c"]
    assert "b, c" in report["warnings"][0]
    json.dumps(report, allow_nan=False)


def test_all_negative_model_gains_nothing_and_is_warned_about() -> None:
    targets = np.zeros((50, 2))
    targets[:5] = 1
    report = metrics_report(["a", "b"], np.full((50, 2), 0.1), targets, bootstrap=0)
    assert report["accuracy"] == report["accuracy_all_negative"] == 0.9
    assert report["accuracy_gain"] == 0
    assert report["macro"]["auroc_ci"] is report["labels"]["a"]["auroc_ci"] is None
    assert any("all-negative" in text for text in report["warnings"])


def test_intervals_hold_the_estimate_and_widen_with_patient_clusters() -> None:
    rng = np.random.default_rng(1)
    targets = np.repeat((rng.random(60) < 0.4).astype(float), 5)[:, None]
    scores = np.clip(0.4 * targets + np.repeat(rng.random(60), 5)[:, None] * 0.6, 0, 1)
    by_patient = metrics_report(["a"], scores, targets, np.repeat(np.arange(60), 5), bootstrap=400)
    by_image = metrics_report(["a"], scores, targets, None, bootstrap=400)
    low, high = by_patient["labels"]["a"]["auroc_ci"]
    assert low < by_patient["labels"]["a"]["auroc"] < high
    assert high - low > 1.5 * np.ptp(by_image["labels"]["a"]["auroc_ci"])
    assert by_patient["n_patients"] == 60
    assert by_image["bootstrap"]["cluster"] == "image"


def test_bootstrap_of_600_images_14_labels_is_fast() -> None:
    probabilities, targets = make_case(600, 14)
    start = time.perf_counter()
    metrics_report([str(i) for i in range(14)], probabilities, targets, np.arange(600) // 2, bootstrap=1000)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("probabilities", "targets", "message"),
    [
        (np.array([[1.2]]), np.array([[1.0]]), "sigmoid"),
        (np.array([[np.nan]]), np.array([[1.0]]), "sigmoid"),
        (np.array([[0.5]]), np.array([[0.5]]), "uncertain"),
        (np.array([[0.5, 0.5]]), np.array([[1.0]]), "shape"),
        (np.zeros((0, 1)), np.zeros((0, 1)), "at least one image"),
    ],
)
def test_wrong_input_is_rejected(probabilities: np.ndarray, targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics_report(["a"], probabilities, targets, bootstrap=0)
