"""Writes the result files of one model from its logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..calibration.calibration_file import Calibration
from ..calibration.novelty import novelty_metrics
from ..calibration.scale import sigmoid
from ..calibration.spread import member_spread
from ..common.atomic import write_json
from ..data.datalist import anonymous_groups
from ..metrics.classification import metrics_report
from .calibrated_metrics import calibrated_report
from .predictions import Prediction, write_predictions
from .subgroups import ScoredImages, subgroup_report


def write_evaluation(
    output_dir: str | Path,
    labels: Sequence[str],
    items: Sequence[Mapping[str, Any]],
    logits: np.ndarray,
    targets: np.ndarray,
    *,
    bootstrap: int = 1000,
    seed: int = 0,
    model_hash: str | None = None,
    calibration: Calibration | None = None,
    novelty: np.ndarray | None = None,
    member_logits: np.ndarray | None = None,
    checked_for_training_images: bool = False,
) -> dict[str, Any]:
    """Write ``predictions.csv``, ``predictions.json`` and ``metrics.json`` of one model.

    Args:
        output_dir: output folder, created if absent.
        labels: C names.
        items: N datalist items. "image" is required; "patient_id" is the cluster of the bootstrap; "flags" are copied
            to the predictions; "sex", "age", "view" and "source" define the subgroups.
        logits: (N, C) outputs of the network.
        targets: (N, C); 1, 0, NaN (not annotated), -1 (uncertain).
        bootstrap: number of replicates for the 95 % intervals, drawn by patient.
        seed: random seed of the bootstrap.
        model_hash: SHA-256 of the weights.
        calibration: calibration of the model; adds calibrated probabilities, decisions and their metrics.
        novelty: (N,) in [0, 1], novelty of each image (:meth:`..calibration.novelty.Novelty.score`).
        member_logits: (N, K, C) logits of K networks that predict as one; their spread is added to the predictions.
        checked_for_training_images: True if a check has shown that the model was not trained on these images.

    Returns:
        The content of ``metrics.json``.

    Raises:
        ValueError: the sizes disagree, or a logit is not finite.
    """
    logits, targets = np.asarray(logits, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    if len(items) != len(logits):
        raise ValueError(
            f"items and logits: expected one item per row, found {len(items)} items and {len(logits)} rows"
        )
    if not np.isfinite(logits).all():
        raise ValueError("logits: found NaN or infinity; expected finite values; check the weights that were loaded")
    probabilities = sigmoid(logits)
    groups = anonymous_groups(items)
    calibrated = calibration.apply(logits) if calibration is not None else None
    report = metrics_report(labels, probabilities, targets, groups, bootstrap=bootstrap, seed=seed)
    report["checked_for_training_images"] = checked_for_training_images
    report["calibrated"] = None
    if calibration is not None and calibrated is not None:
        report["calibrated"] = calibrated_report(
            calibration, calibrated, targets, groups, bootstrap=bootstrap, seed=seed
        )
    scored = ScoredImages(probabilities, targets, np.asarray(groups), calibrated.decisions if calibrated else None)
    report["subgroups"] = subgroup_report(labels, scored, items, bootstrap=bootstrap, seed=seed)
    report["novelty"] = None if novelty is None else novelty_metrics(novelty)
    spread = None if member_logits is None else member_spread(member_logits)
    calibrated_spread = (
        None if member_logits is None or calibration is None else member_spread(member_logits, calibration)
    )
    predictions = [
        Prediction(
            image=str(item["image"]),
            logits=logits[i].tolist(),
            probabilities=probabilities[i].tolist(),
            calibrated=calibrated.probabilities[i].tolist() if calibrated else None,
            decisions=calibrated.decisions[i].tolist() if calibrated else None,
            spread=None if spread is None else spread[i].tolist(),
            calibrated_spread=None if calibrated_spread is None else calibrated_spread[i].tolist(),
            novelty=float(novelty[i]) if novelty is not None else None,
            targets=[None if np.isnan(value) else value for value in targets[i].tolist()],
            group=groups[i],
            flags=list(item.get("flags", [])),
        )
        for i, item in enumerate(items)
    ]
    write_predictions(output_dir, labels, predictions, model_hash=model_hash)
    write_json(Path(output_dir) / "metrics.json", report)
    return report
