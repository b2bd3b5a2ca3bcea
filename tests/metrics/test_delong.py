from __future__ import annotations

import numpy as np
import pytest
from scripts.metrics.bootstrap import bootstrap_metrics
from scripts.metrics.delong import _structural_components, holm, paired_delong
from sklearn.metrics import roc_auc_score


def make_case(n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    positive = rng.random(n) < 0.3
    first = positive + rng.normal(size=n)
    return positive, first, np.round(first + 0.5 * positive + rng.normal(size=n), 1)


def slow_delong(positive: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The definition, by comparing all pairs."""
    wins = []
    for scores in (first, second):
        gap = scores[positive][:, None] - scores[~positive][None]
        wins.append((gap > 0) + 0.5 * (gap == 0))
    change = wins[1] - wins[0]
    variance = change.mean(1).var(ddof=1) / positive.sum() + change.mean(0).var(ddof=1) / (~positive).sum()
    return change.mean(), variance**0.5


def test_equal_to_the_definition() -> None:
    positive, first, second = make_case()
    difference, error, p = paired_delong(positive, first, second)
    expected, expected_error = slow_delong(positive, first, second)
    assert difference == pytest.approx(expected) == roc_auc_score(positive, second) - roc_auc_score(positive, first)
    assert error == pytest.approx(expected_error)
    assert 0 < p < 1


def test_components_average_to_the_area() -> None:
    positive, _, scores = make_case()
    components = _structural_components(positive, scores)
    assert components[positive].mean() == pytest.approx(roc_auc_score(positive, scores))
    assert components[~positive].mean() == pytest.approx(roc_auc_score(positive, scores))


@pytest.mark.parametrize("images_per_patient", [1, 3])
def test_error_is_that_of_a_bootstrap_of_2000(images_per_patient: int) -> None:
    rng = np.random.default_rng(11)
    groups = np.repeat(np.arange(1200 // images_per_patient), images_per_patient)
    patient = rng.normal(size=len(np.unique(groups)))[groups]  # films of one patient resemble each other
    positive = 0.7 * patient + rng.normal(size=1200) > 0.9
    first = positive + 0.5 * patient + rng.normal(size=1200)
    second = first + 0.4 * positive + rng.normal(size=1200)
    _, error, _ = paired_delong(positive, first, second, groups)
    both = [bootstrap_metrics(positive[:, None], s[:, None], groups, 2000, seed=0)["auroc"] for s in (first, second)]
    assert error == pytest.approx((both[1] - both[0]).std(ddof=1), rel=0.05)


def test_copies_of_a_patient_do_not_add_certainty() -> None:
    positive, first, second = make_case()
    _, error, _ = paired_delong(positive, first, second)
    copies = [np.repeat(values, 4) for values in (positive, first, second)]
    _, naive, _ = paired_delong(*copies)
    _, clustered, _ = paired_delong(*copies, groups=np.repeat(np.arange(len(positive)), 4))
    assert clustered == pytest.approx(error)
    assert naive == pytest.approx(error / 2, rel=0.02)


def test_nothing_to_test_with() -> None:
    positive = np.array([True, False, False])
    assert paired_delong(positive, np.array([1.0, 2, 3]), np.array([3.0, 2, 1]))[1:] == (None, None)
    same = np.array([0.1, 0.2, 0.3, 0.4])
    assert paired_delong(np.array([True, False, True, False]), same, same) == (0.0, 0.0, 1.0)
    with pytest.raises(ValueError, match="both classes"):
        paired_delong(np.ones(3, bool), np.zeros(3), np.zeros(3))


def test_holm() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
