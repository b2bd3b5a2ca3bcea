from __future__ import annotations

import numpy as np
import pytest
from scripts.evaluation.curves import calibration_error, precision_recall_curve, roc_curve
from scripts.evaluation.metrics import auroc


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
