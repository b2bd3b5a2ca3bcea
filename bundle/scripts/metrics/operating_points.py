"""Operating points: thresholds chosen by a policy, and metrics of the decisions at a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..common.choices import check_choice
from .bootstrap import bootstrap_metrics, percentile_interval
from .classification import annotated
from .curves import roc_curve

_POLICIES = ("youden", "sensitivity", "specificity")
_CELLS = ("true_positives", "false_positives", "false_negatives", "true_negatives")
_TP, _FP, _FN, _TN = _CELLS
# Name of each ratio -> the cells of its numerator and the cells of its denominator.
_RATIOS = {
    "sensitivity": ((_TP,), (_TP, _FN)),
    "specificity": ((_TN,), (_TN, _FP)),
    "positive_predictive_value": ((_TP,), (_TP, _FP)),
    "negative_predictive_value": ((_TN,), (_TN, _FN)),
    "accuracy": ((_TP, _TN), _CELLS),
}


def choose_threshold(positive: np.ndarray, probabilities: np.ndarray, policy: str, target: float) -> float:
    """Choose the threshold of one label. The cases must not be those of the evaluation.

    Args:
        positive: (M,) bool with both classes.
        probabilities: (M,) in [0, 1].
        policy: ``youden`` (largest sensitivity + specificity), ``sensitivity`` (highest threshold that reaches the
            target) or ``specificity`` (lowest threshold that reaches the target).
        target: sensitivity or specificity to reach, in (0, 1); ignored by ``youden``.

    Returns:
        A value halfway between two neighbouring scores, so that rounding moves no case across it.

    Raises:
        ValueError: an unknown policy, or a target outside (0, 1).
    """
    check_policy(policy, target)
    false_positive_rate, sensitivity, cuts = roc_curve(positive, probabilities)
    if policy == "youden":
        chosen = int(np.argmax(sensitivity - false_positive_rate))
    elif policy == "sensitivity":
        chosen = int(np.argmax(sensitivity >= target))
    else:
        chosen = int(np.flatnonzero(1 - false_positive_rate >= target)[-1])
    bounds = np.concatenate([[1.0], cuts[1:], [0.0]])  # the cases called positive score at least bounds[chosen]
    return float((bounds[chosen] + bounds[chosen + 1]) / 2)


def check_policy(policy: str, target: float) -> None:
    """Check the arguments of :func:`choose_threshold` before any work is done.

    Raises:
        ValueError: an unknown policy, or a target outside (0, 1).
    """
    check_choice("policy", policy, _POLICIES)
    if not 0 < target < 1:
        raise ValueError(f"policy_target: expected a share inside (0, 1), found {target}; set 0.9 for 90 %")


def decision_metrics(
    targets: np.ndarray, decisions: np.ndarray, groups: np.ndarray, replicates: int, seed: int
) -> list[dict[str, Any]]:
    """Metrics of the decisions of each label.

    Args:
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        decisions: (N, C) bool.
        groups: (N,) integer patient of each image.
        replicates: number of bootstrap replicates; with 0 the intervals are None.
        seed: random seed of the bootstrap.

    Returns:
        One dictionary per label: the counts of true and false positives and negatives; sensitivity, specificity,
        positive and negative predictive value, and accuracy, None where the denominator is zero; and the 95 % interval
        of each ratio under ``<ratio>_ci``.
    """
    drawn = bootstrap_metrics(targets, decisions, groups, replicates, seed, weighted_ratios) if replicates else None
    known = annotated(targets)
    reports = []
    for i in range(targets.shape[1]):
        positive, called = targets[known[:, i], i] == 1, decisions[known[:, i], i]
        counts = {name: int(cell.sum()) for name, cell in _confusion_cells(positive, called).items()}
        report: dict[str, Any] = dict(counts)
        for name, (ratio,) in weighted_ratios(positive, called, np.ones((1, len(positive)))).items():
            report[name] = None if np.isnan(ratio) else float(ratio)
            report[f"{name}_ci"] = percentile_interval(drawn[name][:, i]) if drawn is not None else None
        reports.append(report)
    return reports


def _confusion_cells(positive: np.ndarray, called: np.ndarray) -> dict[str, np.ndarray]:
    """Cases in each cell of the confusion matrix, (M,) bool per cell."""
    cells = (positive & called, ~positive & called, positive & ~called, ~positive & ~called)
    return dict(zip(_CELLS, cells, strict=True))


def weighted_ratios(positive: np.ndarray, called: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Ratios of the confusion matrix of one label, for many weightings of its cases.

    Args:
        positive: (M,) bool.
        called: (M,) bool, True where the decision is positive.
        weights: (R, M) non-negative.

    Returns:
        name -> (R,); NaN where the denominator is zero.
    """
    counts = {name: weights @ cell.astype(np.float64) for name, cell in _confusion_cells(positive, called).items()}
    ratios = {}
    for name, (part, whole) in _RATIOS.items():
        total = np.sum([counts[cell] for cell in whole], axis=0)
        share = np.sum([counts[cell] for cell in part], axis=0)
        ratios[name] = np.divide(share, total, out=np.full(len(weights), np.nan), where=total > 0)
    return ratios
