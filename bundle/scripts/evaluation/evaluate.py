"""Writes the result files of one model from its logits, and compares the result files of two models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..calibration.calibration_file import Calibration
from ..calibration.novelty import novelty_metrics
from ..calibration.scale import sigmoid
from ..common.atomic import write_json
from ..data.datalist import anonymous_groups
from ..metrics.classification import metrics_report
from .calibrated_metrics import calibrated_report
from .comparison import compare_models
from .predictions import OK, Prediction, read_predictions, write_predictions
from .subgroups import ScoredImages, subgroup_report

# Suffixes that are ignored when two cases are compared: the enhanced copy of a JPEG file is a PNG file. The list is
# explicit, because a DICOM file named by its UID ("1.2.840.5") must not lose the last number.
_IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom", ".nii", ".gz")


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
    predictions = [
        Prediction(
            image=str(item["image"]),
            logits=logits[i].tolist(),
            probabilities=probabilities[i].tolist(),
            calibrated=calibrated.probabilities[i].tolist() if calibrated else None,
            decisions=calibrated.decisions[i].tolist() if calibrated else None,
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


def compare(
    base_dir: str | Path, retrained_dir: str | Path, out: str | Path, *, bootstrap: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Compare two evaluated models and write ``comparison.json``.

    Args:
        base_dir: folder with the ``predictions.json`` of the base model.
        retrained_dir: folder with the ``predictions.json`` of the re-trained model.
        out: path of ``comparison.json``.
        bootstrap: number of replicates for the 95 % intervals, drawn by patient.
        seed: random seed of the bootstrap.

    Returns:
        The content of ``comparison.json``.

    Raises:
        FileNotFoundError: one of the models was not evaluated.
        ValueError: labels, cases or the order of the cases differ.
    """
    labels, base, base_hash = read_predictions(base_dir)
    other_labels, retrained, retrained_hash = read_predictions(retrained_dir)
    if labels != other_labels:
        raise ValueError(f"{retrained_dir}: labels: expected {labels}, found {other_labels}; evaluate on one datalist")
    _check_same_cases(base, retrained, str(retrained_dir))
    comparison = compare_models(
        labels,
        np.asarray([item.probabilities for item in base], dtype=np.float64),
        np.asarray([item.probabilities for item in retrained], dtype=np.float64),
        np.asarray([item.targets for item in base], dtype=np.float64),  # None becomes NaN
        np.asarray([item.group for item in base]),
        bootstrap=bootstrap,
        seed=seed,
    )
    comparison |= {"base_model_sha256": base_hash, "retrained_model_sha256": retrained_hash}
    write_json(out, comparison)
    return comparison


def _check_same_cases(base: Sequence[Prediction], retrained: Sequence[Prediction], name: str) -> None:
    """Check that both models were evaluated on the same cases in the same order.

    Originals and enhanced copies lie in two folder trees. A case is therefore identified by its path below the common
    folder of its tree, without the suffix of the image format.

    Args:
        base: predictions of the base model.
        retrained: predictions of the re-trained model.
        name: folder of the re-trained model, for the message.

    Raises:
        ValueError: number, order, patient or reference differ, or a case has no prediction or reference.
    """
    if not base or len(base) != len(retrained):
        raise ValueError(f"{name}: expected the {len(base)} cases of the base model, found {len(retrained)}")
    names = zip(_case_names([p.image for p in base]), _case_names([p.image for p in retrained]), strict=True)
    for first, second, (expected, found) in zip(base, retrained, names, strict=True):
        if expected != found or (first.targets, first.group) != (second.targets, second.group):
            raise ValueError(
                f"{name}: expected case '{expected}' with equal reference and patient, found '{found}'; "
                "evaluate both models on the same split of the same datalist"
            )
        for item in (first, second):
            if item.status != OK or item.probabilities is None or item.targets is None or item.group is None:
                raise ValueError(f"{item.image}: expected a prediction and a reference, found none; evaluate it again")


def _case_names(images: Sequence[str]) -> list[str]:
    """Paths below their common folder, without image suffixes.

    Args:
        images: absolute or relative paths of the images of one data set.
    """
    paths = [Path(os.path.abspath(image)) for image in images]
    root = os.path.commonpath([path.parent for path in paths])
    names = []
    for path in paths:
        while path.suffix.lower() in _IMAGE_SUFFIXES:
            path = path.with_suffix("")
        names.append(path.relative_to(root).as_posix())
    return names
