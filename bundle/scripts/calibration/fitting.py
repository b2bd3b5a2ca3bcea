"""Calibration and thresholds of each label, fitted on the validation split.

Two methods are available: temperature scaling (one scale for all labels; C. Guo et al., ICML 2017, arXiv:1706.04599)
and Platt scaling (scale and offset per label; J. Platt, 1999, with his smoothed targets). ``auto`` takes, for each
label, the method with the lower log loss on held-out patients. ``CalibratedClassifierCV`` of scikit-learn is not used
because it wraps single-label estimators and does not support missing labels.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..common.choices import check_choice
from ..metrics.classification import annotated, select_annotated
from ..metrics.curves import calibration_error
from ..metrics.macro import mean_or_none
from ..metrics.operating_points import check_policy, choose_threshold
from .calibration_file import LabelCalibration
from .scale import sigmoid

logger = logging.getLogger(__name__)

METHODS = ("auto", "platt", "temperature")
_FOLDS = 5
# Platt scaling has two parameters and needs more than a few patients per class; Platt's own examples have hundreds.
_FEW_PATIENTS = 10
_LARGEST_SCALE = 20.0


def fit_calibration(
    labels: Sequence[str],
    logits: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    *,
    method: str = "auto",
    policy: str = "youden",
    policy_target: float = 0.9,
) -> tuple[dict[str, LabelCalibration], dict[str, Any]]:
    """Calibrate each label and choose its threshold.

    Args:
        labels: C names.
        logits: (N, C) outputs of the network for the validation split.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: (N,) patient of each image.
        method: ``platt``, ``temperature``, or ``auto``, which takes the better method for each label in
            cross-validation by patient.
        policy: rule that chooses the thresholds, see :func:`..metrics.operating_points.choose_threshold`.
        policy_target: sensitivity or specificity to reach, in (0, 1); ignored by ``youden``.

    Returns:
        (calibration of each label, metrics before and after). The metrics after calibration are cross-validated: each
        patient is held out of the fit that calibrates it.

    Raises:
        ValueError: an unknown method or policy, or no label with both classes.
    """
    check_policy(policy, policy_target)
    check_choice("method", method, METHODS)
    known = annotated(targets)
    usable = [i for i in range(len(labels)) if {0.0, 1.0} <= set(targets[known[:, i], i].tolist())]
    if not usable:
        raise ValueError(
            "calibration: no label has both positive and negative cases; expected at least one such label among the "
            f"{len(targets)} images of the validation split, found none; use a larger split"
        )
    temperature = _fit_temperature(logits[:, usable], targets[:, usable])
    held_out = _out_of_fold(logits, targets, groups, usable)
    by_label: dict[str, LabelCalibration] = {}
    metrics: dict[str, Any] = {}
    for i, name in enumerate(labels):
        positive, scores = select_annotated(targets[:, i], logits[:, i])
        if i not in usable:
            by_label[name], metrics[name] = _uncalibrated(positive), None
            continue
        left_out = {key: values[known[:, i], i] for key, values in held_out.items()}
        chosen, note = _choose_method(method, positive, groups[known[:, i]], left_out)
        scale, offset = (temperature, 0.0) if chosen == "temperature" else _fit_platt(scores, positive)
        if scale <= 0:
            chosen, scale, offset = "temperature", temperature, 0.0
            note = "temperature: higher logits go with fewer positives, and Platt scaling would turn the ranks round"
        threshold = choose_threshold(positive, sigmoid(scale * scores + offset), policy, policy_target)
        counts = int(positive.sum()), int((~positive).sum())
        by_label[name] = LabelCalibration(scale, offset, threshold, chosen, note, *counts)
        after = _fit_metrics(positive, left_out[chosen]) if held_out else None
        metrics[name] = {"before": _fit_metrics(positive, scores), "after": after}
    for name, label in by_label.items():
        if label.note:
            logger.warning("calibration of %s: %s", name, label.note)
    return by_label, {"labels": metrics, "macro": _macro_metrics(metrics)}


def _uncalibrated(positive: np.ndarray) -> LabelCalibration:
    """Identity calibration, with threshold 0.5 and a note, for a label whose (M,) bool cases have a single class."""
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    note = f"not calibrated, threshold 0.5: {n_positive} positive and {n_negative} negative cases to learn from"
    return LabelCalibration(1.0, 0.0, 0.5, "none", note, n_positive, n_negative)


def _choose_method(
    method: str, positive: np.ndarray, groups: np.ndarray, held_out: dict[str, np.ndarray]
) -> tuple[str, str]:
    """Choose the method of one label.

    Args:
        method: requested method, one of ``METHODS``.
        positive: (M,) bool.
        groups: (M,) patient of each case.
        held_out: method -> (M,) logits, each calibrated by a fit without its patient; empty if there is a single
            patient.

    Returns:
        (method, note). The note says why the method differs from the requested one, and is empty if it does not.
    """
    if method == "temperature":
        return method, ""
    patients = min(len(np.unique(groups[positive])), len(np.unique(groups[~positive])))
    if patients < _FEW_PATIENTS or not held_out or np.isnan(held_out["platt"]).any():
        return (
            "temperature",
            f"temperature: too few patients for Platt scaling ({patients} of one class, {_FEW_PATIENTS} needed)",
        )
    if method == "platt":
        return method, ""
    return min(("temperature", "platt"), key=lambda name: _log_loss(positive, held_out[name])), ""


def _out_of_fold(
    logits: np.ndarray, targets: np.ndarray, groups: np.ndarray, usable: Sequence[int]
) -> dict[str, np.ndarray]:
    """Calibrate the logits of each image by a fit without its patient.

    Args:
        logits: (N, C).
        targets: (N, C).
        groups: (N,) patient of each image.
        usable: indices of the labels with both classes.

    Returns:
        ``temperature`` and ``platt``, each (N, C); NaN where a fold could not be fitted. Empty for a single patient.
    """
    from sklearn.model_selection import GroupKFold

    folds = min(_FOLDS, len(np.unique(groups)))
    if folds < 2:
        return {}
    calibrated = {name: np.full(logits.shape, np.nan) for name in ("temperature", "platt")}
    for rest, part in GroupKFold(folds).split(logits, groups=groups):
        calibrated["temperature"][part] = logits[part] * _fit_temperature(
            logits[rest][:, usable], targets[rest][:, usable]
        )
        for i in usable:
            positive, scores = select_annotated(targets[rest, i], logits[rest, i])
            if positive.any() and not positive.all():
                scale, offset = _fit_platt(scores, positive)
                calibrated["platt"][part, i] = scale * logits[part, i] + offset
    return calibrated


def _fit_temperature(logits: np.ndarray, targets: np.ndarray) -> float:
    """Fit the scale (1 / temperature) that minimises the log loss over all annotated (image, label) pairs.

    Args:
        logits: (N, C).
        targets: (N, C).

    Returns:
        A value between 1/20 and 20.
    """
    from scipy.optimize import minimize_scalar

    positive, scores = select_annotated(np.ravel(targets), np.ravel(logits))
    limit = float(np.log(_LARGEST_SCALE))
    found = minimize_scalar(lambda s: _log_loss(positive, np.exp(s) * scores), bounds=(-limit, limit), method="bounded")
    return float(np.exp(found.x))


def _fit_platt(logits: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """Fit scale and offset of one label. Platt's smoothed targets keep both finite for separable cases.

    Args:
        logits: (M,).
        positive: (M,) bool with both classes.

    Returns:
        (scale, offset).
    """
    from sklearn.linear_model import LogisticRegression

    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    smoothed = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    # scikit-learn takes hard targets only: a target t becomes a positive case of weight t and a negative one of 1 - t.
    model = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1000)
    model.fit(
        np.concatenate([logits, logits])[:, None],
        np.repeat([1, 0], len(logits)),
        sample_weight=np.concatenate([smoothed, 1 - smoothed]),
    )
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _log_loss(positive: np.ndarray, logits: np.ndarray) -> float:
    """Mean negative log likelihood in nats, stable for large logits."""
    return float(np.logaddexp(0.0, np.where(positive, -logits, logits)).mean())


def _fit_metrics(positive: np.ndarray, logits: np.ndarray) -> dict[str, float | None]:
    """Log loss, Brier score and calibration error of the logits of one label, raw or calibrated."""
    probabilities = sigmoid(logits)
    return {
        "log_loss": _log_loss(positive, logits),
        "brier": float(np.mean((probabilities - positive) ** 2)),
        "calibration_error": calibration_error(positive, probabilities),
    }


def _macro_metrics(metrics: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Mean over the calibrated labels, before and after."""
    present = [row for row in metrics.values() if row is not None and row["after"] is not None]
    return {
        when: {
            key: mean_or_none([row[when][key] for row in present]) for key in ("log_loss", "brier", "calibration_error")
        }
        for when in ("before", "after")
    }
