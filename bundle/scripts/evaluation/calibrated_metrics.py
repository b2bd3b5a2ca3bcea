"""Metrics of the calibrated probabilities and of the decisions at the thresholds, for ``metrics.json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..calibration.calibration_file import Calibrated, Calibration
from ..metrics.bootstrap import CALIBRATION_METRICS, weighted_calibration_metrics
from ..metrics.classification import calibration_metrics, label_wise_accuracy, select_annotated
from ..metrics.macro import summarise
from ..metrics.operating_points import decision_metrics

_MACRO = (*CALIBRATION_METRICS, "calibration_error_by_chance", "sensitivity", "specificity")


def calibrated_report(
    calibration: Calibration,
    calibrated: Calibrated,
    targets: np.ndarray,
    groups: Sequence[int] | np.ndarray,
    *,
    bootstrap: int,
    seed: int,
) -> dict[str, Any]:
    """Compute the section ``calibrated`` of ``metrics.json``.

    Args:
        calibration: calibration learned on the validation split.
        calibrated: probabilities and decisions of this calibration for the N evaluated images.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        groups: N integers, the patient of each image.
        bootstrap: number of replicates for the 95 % intervals; with 0 the intervals are None.
        seed: random seed of the bootstrap.

    Returns:
        ``policy``; ``uncalibrated``, the labels without calibration; ``labels`` with threshold, method, counts and
        metrics; ``macro`` over the labels that have both classes here; and accuracy over all (image, label) pairs
        beside its all-negative baseline.
    """
    groups = np.asarray(groups)
    decided = decision_metrics(targets, calibrated.decisions, groups, bootstrap, seed)
    rows: dict[str, dict[str, Any]] = {}
    for i, (name, label) in enumerate(calibration.by_label.items()):
        positive, probabilities = select_annotated(targets[:, i], calibrated.probabilities[:, i])
        rows[name] = {
            "threshold": label.threshold,
            "method": label.method,
            "n_positive": int(positive.sum()),
            "n_negative": int((~positive).sum()),
            **calibration_metrics(positive, probabilities),
            **decided[i],
        }
    macro = summarise(
        rows,
        _MACRO,
        targets,
        calibrated.probabilities,
        groups,
        bootstrap,
        seed,
        {weighted_calibration_metrics: CALIBRATION_METRICS},
    )
    return {
        "policy": calibration.policy,
        "uncalibrated": calibration.uncalibrated,
        "labels": rows,
        "macro": macro,
        **label_wise_accuracy(targets, calibrated.decisions.astype(np.float64)),
    }
