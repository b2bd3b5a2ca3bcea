from __future__ import annotations

import numpy as np
import pytest
from scripts.metrics.classification import auroc
from scripts.metrics.curves import (
    calibration_error,
    calibration_error_by_chance,
    precision_recall_curve,
    reliability_curve,
    roc_curve,
)


def test_curves_enclose_the_areas() -> None:
    rng = np.random.default_rng(4)
    scores = np.round(rng.random(200), 1)
    positive = rng.random(200) < scores
    fpr, tpr, _ = roc_curve(positive, scores)
    assert np.trapezoid(tpr, fpr) == pytest.approx(auroc(positive.astype(float), scores))
    precision, recall, _ = precision_recall_curve(positive, scores)
    assert (precision[0], recall[0], recall[-1]) == (1.0, 0.0, 1.0)


def test_calibration_error_is_the_gap_between_said_and_seen() -> None:
    assert calibration_error(np.array([True, False] * 50), np.full(100, 0.5), bins=1) == 0
    assert calibration_error(np.zeros(10, bool), np.full(10, 0.3)) == pytest.approx(0.3)
    assert calibration_error(np.zeros(0, bool), np.zeros(0)) is None


def test_perfectly_calibrated_sample_has_an_error_of_chance_only() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.beta(1, 4, 20_000)
    positive = rng.random(20_000) < probabilities
    assert calibration_error(positive, probabilities) < 0.02
    assert calibration_error(positive, probabilities**2) > 0.05


def test_error_by_chance_is_the_mean_error_of_perfect_samples() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.beta(1, 4, 300)
    errors = [calibration_error(rng.random(300) < probabilities, probabilities) for _ in range(400)]
    assert calibration_error_by_chance(probabilities) == pytest.approx(np.mean(errors), rel=0.05)
    assert calibration_error_by_chance(np.zeros(0)) is None


def test_reliability_bins_hold_equally_many_cases() -> None:
    probabilities = np.linspace(0, 1, 150)
    predicted, observed = reliability_curve(probabilities > 0.5, probabilities)
    assert predicted == pytest.approx(probabilities.reshape(15, 10).mean(1))
    assert observed.tolist() == [0.0] * 7 + [0.5] + [1.0] * 7
