from __future__ import annotations

import numpy as np
import pytest
from scripts.metrics.operating_points import choose_threshold, decision_metrics
from sklearn import metrics as reference

RNG = np.random.default_rng(0)
POSITIVE = RNG.random(500) < 0.3
SCORES = np.round(np.clip(0.3 * POSITIVE + 0.7 * RNG.random(500), 0, 1), 2)


def rates(threshold: float) -> tuple[float, float]:
    called = SCORES >= threshold
    return called[POSITIVE].mean(), (~called[~POSITIVE]).mean()


def test_youden_is_the_best_sum() -> None:
    chosen = sum(rates(choose_threshold(POSITIVE, SCORES, "youden", 0.9)))
    false_positive, true_positive, _ = reference.roc_curve(POSITIVE, SCORES)
    assert chosen == pytest.approx((true_positive - false_positive).max() + 1)


@pytest.mark.parametrize("target", [0.5, 0.9, 0.99])
def test_fixed_sensitivity_is_reached_at_the_highest_threshold_and_specificity_at_the_lowest(target: float) -> None:
    step = 0.011  # more than the distance of two scores
    threshold = choose_threshold(POSITIVE, SCORES, "sensitivity", target)
    assert rates(threshold)[0] >= target > rates(threshold + step)[0]
    threshold = choose_threshold(POSITIVE, SCORES, "specificity", target)
    assert rates(threshold)[1] >= target > rates(threshold - step)[1]


def test_no_case_lies_on_a_threshold() -> None:
    for policy in ("youden", "sensitivity", "specificity"):
        assert np.abs(SCORES - choose_threshold(POSITIVE, SCORES, policy, 0.9)).min() > 0.004


def test_tied_scores_may_only_be_called_together() -> None:
    positive, scores = np.array([True, False, False]), np.full(3, 0.4)
    assert choose_threshold(positive, scores, "specificity", 0.9) > 0.4
    assert choose_threshold(positive, scores, "sensitivity", 0.9) < 0.4


def test_decisions_are_counted_as_scikit_learn_does_and_unknown_targets_are_left_out() -> None:
    called = SCORES >= 0.4
    targets = np.concatenate([POSITIVE.astype(float), [np.nan, -1]])[:, None]
    decisions = np.concatenate([called, [True, True]])[:, None]
    (figures,) = decision_metrics(targets, decisions, np.arange(502) // 2, 200, 0)
    tn, fp, fn, tp = reference.confusion_matrix(POSITIVE, called).ravel()
    cells = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    assert [figures[name] for name in cells] == [tn, fp, fn, tp]
    assert figures["sensitivity"] == pytest.approx(reference.recall_score(POSITIVE, called))
    assert figures["positive_predictive_value"] == pytest.approx(reference.precision_score(POSITIVE, called))
    for name in ("sensitivity", "specificity", "negative_predictive_value", "accuracy"):
        low, high = figures[f"{name}_ci"]
        assert low < figures[name] < high


def test_ratio_without_cases_is_none() -> None:
    (figures,) = decision_metrics(np.zeros((4, 1)), np.zeros((4, 1), bool), np.arange(4), 10, 0)
    assert figures["sensitivity"] is figures["sensitivity_ci"] is figures["positive_predictive_value"] is None
    assert figures["specificity"] == 1.0
