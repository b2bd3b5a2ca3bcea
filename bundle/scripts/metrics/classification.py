"""Masked multilabel metrics in NumPy: NaN (not annotated) and -1 (uncertain) are ignored.

MONAI's ``ROCAUCMetric`` returns NaN for any label that has a single class or a missing entry. Here the metric of such a
label is None, the label is listed, and it is left out of the macro average. Accuracy is always reported beside the
accuracy of calling every case negative, which is 90–96 % on chest radiographs (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .bootstrap import CALIBRATION_METRICS, RANK_METRICS, weighted_rank_metrics
from .curves import average_ranks, calibration_error, calibration_error_by_chance, precision_recall_curve
from .macro import summarise

_THRESHOLD = 0.5
_MACRO = (*RANK_METRICS, "f1", *CALIBRATION_METRICS, "calibration_error_by_chance")


def annotated(targets: np.ndarray) -> np.ndarray:
    """True where a target is 0 or 1.

    Args:
        targets: any shape; 1 positive, 0 negative, NaN not annotated, -1 uncertain.

    Raises:
        ValueError: any other value, because its meaning would have to be guessed.
    """
    targets = np.asarray(targets, dtype=np.float64)
    known = (targets == 0) | (targets == 1)
    other = targets[~(known | np.isnan(targets) | (targets == -1))]
    if other.size:
        raise ValueError(f"targets: expected 0, 1, -1 (uncertain) or NaN (missing), found {other[0]:g}; map it first")
    return known


def select_annotated(targets: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep the annotated cases of one label.

    Args:
        targets: (N,) of one label.
        scores: (N,) probabilities or logits of the same cases.

    Returns:
        (positive, scores): (M,) bool and (M,) float64.

    Raises:
        ValueError: the lengths differ, or the score of an annotated case is not finite.
    """
    targets, scores = np.asarray(targets, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if targets.shape != scores.shape or targets.ndim != 1:
        raise ValueError(f"targets and scores: expected equal (N,) arrays, found {targets.shape} and {scores.shape}")
    known = annotated(targets)
    if not np.isfinite(scores[known]).all():
        raise ValueError("scores: found NaN or infinity; expected finite predictions; check that training converged")
    return targets[known] == 1, scores[known]


def auroc(targets: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the ROC curve, from average ranks (Mann–Whitney); ties count one half.

    Args:
        targets: (N,); 1, 0, NaN (not annotated), -1 (uncertain).
        scores: (N,) logits or probabilities.

    Returns:
        A value in [0, 1], or None when the annotated cases have a single class.
    """
    positive, scores = select_annotated(targets, scores)
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not n_positive or not n_negative:
        return None
    rank_sum = average_ranks(scores)[positive].sum()
    return float((rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative))


def average_precision(targets: np.ndarray, scores: np.ndarray) -> float | None:
    """Area under the precision–recall curve, step-wise without interpolation; chance level is the prevalence.

    Args:
        targets: (N,); 1, 0, NaN (not annotated), -1 (uncertain).
        scores: (N,) logits or probabilities.

    Returns:
        A value in [0, 1], or None when the annotated cases have a single class.
    """
    positive, scores = select_annotated(targets, scores)
    if positive.all() or not positive.any():
        return None
    precision, recall, _ = precision_recall_curve(positive, scores)
    return float(np.sum(np.diff(recall) * precision[1:]))


def _label_metrics(targets: np.ndarray, probabilities: np.ndarray, threshold: float = _THRESHOLD) -> dict[str, Any]:
    """Metrics of one label over its annotated cases; None where a metric is not defined.

    Args:
        targets: (N,); 1, 0, NaN (not annotated), -1 (uncertain).
        probabilities: (N,) in [0, 1].
        threshold: probability from which a case is called positive.
    """
    positive, scores = select_annotated(targets, probabilities)
    called = scores >= threshold
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    true_positives, true_negatives = int((called & positive).sum()), int((~called & ~positive).sum())
    return {
        "auroc": auroc(targets, probabilities),
        "average_precision": average_precision(targets, probabilities),
        "prevalence": _ratio(n_positive, n_positive + n_negative),
        "n_positive": n_positive,
        "n_negative": n_negative,
        "f1": _ratio(2 * true_positives, n_positive + int(called.sum())) if n_positive else None,
        "sensitivity": _ratio(true_positives, n_positive),
        "specificity": _ratio(true_negatives, n_negative),
        "accuracy": _ratio(true_positives + true_negatives, n_positive + n_negative),
        "accuracy_all_negative": _ratio(n_negative, n_positive + n_negative),
        **_fixed_point_metrics(positive, scores),
        **calibration_metrics(positive, scores),
    }


def _fixed_point_metrics(positive: np.ndarray, scores: np.ndarray) -> dict[str, float | None]:
    """Sensitivity at 90 % specificity or more, and specificity at 90 % sensitivity or more; None for a single class."""
    metrics = weighted_rank_metrics(positive, scores, np.ones((1, len(scores))))
    names = ("sensitivity_at_90_specificity", "specificity_at_90_sensitivity")
    return {name: None if np.isnan(metrics[name][0]) else float(metrics[name][0]) for name in names}


def calibration_metrics(positive: np.ndarray, probabilities: np.ndarray) -> dict[str, float | None]:
    """Brier score, calibration error, and the calibration error that chance alone would give.

    Args:
        positive: (M,) bool.
        probabilities: (M,) in [0, 1].
    """
    return {
        "brier": float(np.mean((probabilities - positive) ** 2)) if len(positive) else None,
        "calibration_error": calibration_error(positive, probabilities),
        "calibration_error_by_chance": calibration_error_by_chance(probabilities),
    }


def metrics_report(
    labels: Sequence[str],
    probabilities: np.ndarray,
    targets: np.ndarray,
    patient_ids: Sequence[Any] | None = None,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """All metrics of one model, in the form of ``metrics.json`` (docs/reference.md).

    Args:
        labels: C names.
        probabilities: (N, C) in [0, 1].
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        patient_ids: patient of each of the N images, the cluster of the bootstrap; None treats each image as its own
            patient.
        bootstrap: number of replicates for the 95 % intervals; with 0 the intervals are None.
        seed: random seed of the bootstrap.

    Returns:
        JSON-ready dictionary, without NaN or infinity.

    Raises:
        ValueError: the shapes disagree, a probability is outside [0, 1], or a target has an unknown value.
    """
    probabilities, targets = check_predictions(labels, probabilities, targets)
    per_label = {name: _label_metrics(targets[:, i], probabilities[:, i]) for i, name in enumerate(labels)}
    groups = (
        np.arange(len(targets)) if patient_ids is None else np.unique(np.asarray(patient_ids), return_inverse=True)[1]
    )
    macro = summarise(per_label, _MACRO, targets, probabilities, groups, bootstrap, seed)
    skipped = [name for name, row in per_label.items() if row["auroc"] is None]
    report = {
        "labels": per_label,
        "macro": macro | {"n_labels": len(labels) - len(skipped), "labels_without_both_classes": skipped},
        **label_wise_accuracy(targets, probabilities),
        "n_images": len(targets),
        "n_patients": len(np.unique(groups)),
        "bootstrap": {
            "replicates": bootstrap,
            "seed": seed,
            "cluster": "patient" if patient_ids is not None else "image",
        },
    }
    return report | {"warnings": _list_warnings(report)}


def label_wise_accuracy(
    targets: np.ndarray, probabilities: np.ndarray, threshold: float = _THRESHOLD
) -> dict[str, Any]:
    """Accuracy over every annotated (image, label) pair, beside the accuracy of calling all pairs negative.

    Args:
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        probabilities: (N, C) in [0, 1].
        threshold: probability from which a pair is called positive.
    """
    known = annotated(targets)
    n = int(known.sum())
    correct = int(((probabilities >= threshold) == (targets == 1))[known].sum())
    accuracy, baseline = _ratio(correct, n), _ratio(int((targets[known] == 0).sum()), n)
    gain = accuracy - baseline if accuracy is not None and baseline is not None else None
    return {"accuracy": accuracy, "accuracy_all_negative": baseline, "accuracy_gain": gain}


def _list_warnings(report: dict[str, Any]) -> list[str]:
    """Warnings for the reader of ``metrics.json``."""
    found = []
    if report["n_patients"] == 1:
        found.append("all images are of one patient: the intervals say nothing about other patients")
    skipped = report["macro"]["labels_without_both_classes"]
    if skipped:
        found.append(f"not in the macro average, one class only: {', '.join(skipped)}")
    rare = [name for name, f in report["labels"].items() if f["auroc"] is not None and f["n_positive"] < 10]
    if rare:
        found.append(f"fewer than 10 positive cases, the figures are unreliable: {', '.join(rare)}")
    gain = report["accuracy_gain"]
    if gain is not None and gain < 0.01:
        found.append(
            f"accuracy {report['accuracy']:.4f} is {gain:+.4f} beside the all-negative baseline "
            f"{report['accuracy_all_negative']:.4f}: accuracy says nothing here, read AUROC and average precision"
        )
    return found


def check_predictions(
    labels: Sequence[str], probabilities: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Check shapes and ranges.

    Args:
        labels: C names.
        probabilities: (N, C).
        targets: (N, C).

    Returns:
        (probabilities, targets) as float64.

    Raises:
        ValueError: the shapes disagree, there is no image, or a probability is outside [0, 1].
    """
    probabilities, targets = np.asarray(probabilities, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if probabilities.ndim != 2 or probabilities.shape != targets.shape or probabilities.shape[1] != len(labels):
        raise ValueError(
            f"predictions: expected probabilities and targets of shape (N, {len(labels)}), "
            f"found {probabilities.shape} and {targets.shape}"
        )
    if not len(targets):
        raise ValueError("predictions: expected at least one image, found none; check the split in the datalist")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("probabilities: expected values in [0, 1], found others; pass sigmoid(logits)")
    return probabilities, targets


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
