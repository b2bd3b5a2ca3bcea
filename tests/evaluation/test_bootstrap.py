from __future__ import annotations

import numpy as np
import pytest
from scripts.evaluation import bootstrap
from scripts.evaluation.bootstrap import bootstrap_metrics, patient_weights, percentile_interval, weighted_rank_metrics
from scripts.evaluation.metrics import auroc, average_precision


def test_weighting_equals_resampling() -> None:
    rng = np.random.default_rng(0)
    positive, scores = rng.random(80) < 0.3, np.round(rng.random(80), 1)
    weights = rng.integers(0, 4, (20, 80)).astype(float)
    areas, precisions = weighted_rank_metrics(positive, scores, weights)
    for row, area, precision in zip(weights.astype(int), areas, precisions, strict=True):
        drawn = np.repeat(np.arange(80), row)
        assert area == pytest.approx(auroc(positive[drawn].astype(float), scores[drawn]))
        assert precision == pytest.approx(average_precision(positive[drawn].astype(float), scores[drawn]))


def test_replicate_with_one_class_has_no_answer() -> None:
    area, precision = weighted_rank_metrics(np.array([True, False]), np.array([0.2, 0.1]), np.array([[2.0, 0.0]]))
    assert np.isnan(area).all()
    assert np.isnan(precision).all()


def test_patients_are_drawn_whole_and_equal_seeds_agree() -> None:
    groups = np.array([0, 1, 1, 2, 2, 2])
    (first,) = patient_weights(groups, 30, seed=5)
    (again,) = patient_weights(groups, 30, seed=5)
    assert np.array_equal(first, again)
    assert (first[:, 1] == first[:, 2]).all()
    assert (first[:, [0, 1, 3]].sum(1) == 3).all()


def test_blocks_do_not_change_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    targets, scores, groups = (rng.random((40, 2)) < 0.5).astype(float), rng.random((40, 2)), np.arange(40) // 2
    whole = bootstrap_metrics(targets, scores, groups, 50, seed=1)["auroc"]
    monkeypatch.setattr(bootstrap, "BLOCK", 40 * 7)
    assert np.array_equal(whole, bootstrap_metrics(targets, scores, groups, 50, seed=1)["auroc"])


def test_interval_needs_half_of_the_replicates() -> None:
    assert percentile_interval(np.array([np.nan, np.nan, np.nan, 0.5])) is None
    assert percentile_interval(np.linspace(0, 1, 1001)) == pytest.approx([0.025, 0.975])
