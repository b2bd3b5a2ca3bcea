"""ROC, precision–recall and reliability curves, ranks and calibration error of the annotated cases of one label."""

from __future__ import annotations

import numpy as np

_CALIBRATION_BINS = 15


def precision_recall_curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall at each distinct score, in descending order of score, starting at (1, 0).

    Args:
        positive: (M,) bool with at least one True.
        scores: (M,) float.

    Returns:
        (precision, recall, thresholds), each (K+1,) for K distinct scores; the first threshold is +inf.
    """
    true_positives, false_positives, thresholds = _cumulative_counts(positive, scores)
    precision = np.ones(len(thresholds))
    precision[1:] = true_positives[1:] / (true_positives[1:] + false_positives[1:])
    return precision, true_positives / true_positives[-1], thresholds


def roc_curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False- and true-positive rate at each distinct score, starting at (0, 0).

    Args:
        positive: (M,) bool with both classes.
        scores: (M,) float.

    Returns:
        (false_positive_rate, true_positive_rate, thresholds), each (K+1,) for K distinct scores.
    """
    true_positives, false_positives, thresholds = _cumulative_counts(positive, scores)
    return false_positives / false_positives[-1], true_positives / true_positives[-1], thresholds


def _cumulative_counts(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    true_positives = np.cumsum(positive)[last_of_tie]
    false_positives = last_of_tie + 1 - true_positives
    return (
        np.insert(true_positives, 0, 0).astype(np.float64),
        np.insert(false_positives, 0, 0).astype(np.float64),
        np.insert(scores[last_of_tie], 0, np.inf),
    )


def average_ranks(values: np.ndarray) -> np.ndarray:
    """Rank of each value, from 1; tied values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]


def equal_mass_bins(probabilities: np.ndarray, bins: int = _CALIBRATION_BINS) -> list[np.ndarray]:
    """Indices of the cases in each bin of equal count, by ascending probability; no more bins than cases."""
    order = np.argsort(probabilities, kind="stable")
    return np.array_split(order, min(bins, len(order)))


def calibration_error(positive: np.ndarray, probabilities: np.ndarray, bins: int = _CALIBRATION_BINS) -> float | None:
    """Expected calibration error over bins of equal count.

    Args:
        positive: (M,) bool.
        probabilities: (M,) in [0, 1].
        bins: number of bins, at most one per case.

    Returns:
        Mean |observed - predicted| weighted by bin size, or None without cases.
    """
    if not len(positive):
        return None
    gaps = [abs((positive[part] - probabilities[part]).sum()) for part in equal_mass_bins(probabilities, bins)]
    return float(np.sum(gaps) / len(positive))


def calibration_error_by_chance(probabilities: np.ndarray, bins: int = _CALIBRATION_BINS) -> float | None:
    """Calibration error to expect from perfectly calibrated probabilities, given the number of cases.

    The deviation of a bin is then nearly normal with variance sum p (1 - p), and its mean size is
    sqrt(2 variance / pi). An observed error of this size is no evidence of miscalibration.

    Args:
        probabilities: (M,) in [0, 1].
        bins: number of bins.

    Returns:
        A value in [0, 1], or None without cases.
    """
    if not len(probabilities):
        return None
    variances = [
        (probabilities[part] * (1 - probabilities[part])).sum() for part in equal_mass_bins(probabilities, bins)
    ]
    return float(np.sqrt(2 * np.asarray(variances) / np.pi).sum() / len(probabilities))


def reliability_curve(
    positive: np.ndarray, probabilities: np.ndarray, bins: int = _CALIBRATION_BINS
) -> tuple[np.ndarray, np.ndarray]:
    """Mean predicted probability and observed share of positives in each bin of equal count.

    Args:
        positive: (M,) bool.
        probabilities: (M,) in [0, 1].
        bins: number of bins B, at most one per case.

    Returns:
        (predicted, observed), each (B,).
    """
    parts = equal_mass_bins(probabilities, bins)
    predicted = np.asarray([probabilities[part].mean() for part in parts])
    return predicted, np.asarray([positive[part].mean() for part in parts])
