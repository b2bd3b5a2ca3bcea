from __future__ import annotations

import numpy as np
import pytest
from scripts.metrics import bootstrap
from scripts.metrics.bootstrap import (
    bootstrap_metrics,
    patient_weights,
    percentile_interval,
    weighted_calibration_metrics,
    weighted_rank_metrics,
)
from scripts.metrics.classification import _label_metrics


def test_weighting_equals_resampling() -> None:
    rng = np.random.default_rng(0)
    positive, scores = rng.random(80) < 0.3, np.round(rng.random(80), 1)
    weights = rng.integers(0, 4, (20, 80)).astype(float)
    figures = weighted_rank_metrics(positive, scores, weights)
    for i, row in enumerate(weights.astype(int)):
        drawn = np.repeat(np.arange(80), row)
        resampled = _label_metrics(positive[drawn].astype(float), scores[drawn])
        assert {name: values[i] for name, values in figures.items()} == pytest.approx(
            {name: resampled[name] for name in figures}
        )


def test_calibration_figures_weight_the_cases_within_their_bins() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random(90)
    positive = rng.random(90) < probabilities
    once, twice = np.ones((1, 90)), np.full((1, 90), 2.0)
    plain = weighted_calibration_metrics(positive, probabilities, once)
    expected = _label_metrics(positive.astype(float), probabilities)
    assert plain["brier"][0] == pytest.approx(expected["brier"])
    assert plain["calibration_error"][0] == pytest.approx(expected["calibration_error"])
    for name, values in weighted_calibration_metrics(positive, probabilities, twice).items():
        assert values == pytest.approx(plain[name])


def test_replicate_with_one_class_has_no_answer() -> None:
    figures = weighted_rank_metrics(np.array([True, False]), np.array([0.2, 0.1]), np.array([[2.0, 0.0]]))
    assert all(np.isnan(values).all() for values in figures.values())


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
    monkeypatch.setattr(bootstrap, "_BLOCK", 40 * 7)
    assert np.array_equal(whole, bootstrap_metrics(targets, scores, groups, 50, seed=1)["auroc"])


def test_interval_needs_half_of_the_replicates() -> None:
    assert percentile_interval(np.array([np.nan, np.nan, np.nan, 0.5])) is None
    assert percentile_interval(np.linspace(0, 1, 1001)) == pytest.approx([0.025, 0.975])
