"""ROC and precision–recall curves and calibration of one label, over its annotated cases."""

from __future__ import annotations

import numpy as np

CALIBRATION_BINS = 15


def precision_recall_curve(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and recall at each distinct score, from the highest down, starting at (1, 0).

    Args:
        positive: (M,) bool with at least one True.
        scores: (M,) float.

    Returns:
        (precision, recall, thresholds), each (K+1,); the first threshold is +inf.
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
        (false_positive_rate, true_positive_rate, thresholds), each (K+1,).
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


def calibration_error(positive: np.ndarray, probabilities: np.ndarray, bins: int = CALIBRATION_BINS) -> float | None:
    """Expected calibration error over bins of equal count.

    Args:
        positive: (M,) bool.
        probabilities: (M,) in [0, 1].
        bins: number of bins; fewer when there are fewer cases.

    Returns:
        Mean |observed - predicted| weighted by bin size, or None without cases.
    """
    if not len(positive):
        return None
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [len(part) * abs(positive[part].mean() - probabilities[part].mean()) for part in parts]
    return float(np.sum(gaps) / len(order))
