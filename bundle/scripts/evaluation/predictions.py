"""Predictions as files: ``predictions.csv`` for people, ``predictions.json`` for programs.

The CSV file holds image names in printable form, escaped so that no spreadsheet reads one as a formula. The JSON file
holds them unchanged. Patient identities are never written: ``group`` numbers the patients 0, 1, … in order of
appearance, which is all that the patient-clustered bootstrap needs. Rejected inputs are also in ``failures.csv``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..common.atomic import atomic_write, write_json
from ..common.csv_text import csv_text
from ..common.text_file import read_json

OK = "ok"


@dataclass
class Prediction:
    """Result for one image.

    Attributes:
        image: path as given by the caller.
        status: "ok", or the rejection code.
        logits: C values; None for a rejected image.
        probabilities: C uncalibrated values in [0, 1]; None for a rejected image.
        calibrated: C calibrated values in [0, 1]; None if the model is not calibrated.
        decisions: C booleans, True from the threshold of the label on; None if the model is not calibrated.
        spread: C standard deviations of ``probabilities`` over networks that predict as one; None for one network.
        calibrated_spread: C standard deviations of ``calibrated``; None if one of the two does not exist.
        novelty: novelty of the image in [0, 1]; None if the model does not measure novelty.
        targets: C reference values: 1, 0, -1 (uncertain), None (not annotated); None if there is no reference.
        group: anonymous patient number within this file.
        flags: notes of the reader and of the quality gate.
        regions: boxes (row0, col0, row1, col1) of the regions, in pixels of the image as displayed.
        region_labels: label whose map chose each region; None for a region that belongs to no label.
    """

    image: str
    status: str = OK
    logits: list[float] | None = None
    probabilities: list[float] | None = None
    calibrated: list[float] | None = None
    decisions: list[bool] | None = None
    spread: list[float] | None = None
    calibrated_spread: list[float] | None = None
    novelty: float | None = None
    targets: list[float | None] | None = None
    group: int | None = None
    flags: list[str] = field(default_factory=list)
    regions: list[list[int]] = field(default_factory=list)
    region_labels: list[str | None] = field(default_factory=list)


def write_predictions(
    output_dir: str | Path, labels: Sequence[str], predictions: Sequence[Prediction], *, model_hash: str | None = None
) -> tuple[Path, Path]:
    """Write ``predictions.csv`` (image, status, one probability per label) and ``predictions.json`` (everything).

    Where several networks predict as one, a column ``LABEL (spread)`` per label follows the probabilities.

    Args:
        output_dir: output folder, created if absent.
        labels: C names, the columns of the CSV file.
        predictions: predictions, in the order of the rows.
        model_hash: SHA-256 of the weights of the model.

    Returns:
        (path of the CSV file, path of the JSON file).

    Raises:
        ValueError: a prediction does not have C values, or one of them is not finite.
    """
    for prediction in predictions:
        _check(prediction, len(labels))
    has_spread = any(prediction.spread is not None for prediction in predictions)
    rows = []
    for prediction in predictions:
        columns = [prediction.probabilities, prediction.spread] if has_spread else [prediction.probabilities]
        cells = [text for values in columns for text in _cells(values, len(labels))]
        rows.append([prediction.image, prediction.status, *cells])
    header = ["image", "status", *labels, *(f"{label} (spread)" for label in labels if has_spread)]
    csv_path, json_path = Path(output_dir) / "predictions.csv", Path(output_dir) / "predictions.json"
    with atomic_write(csv_path) as file:
        file.write(csv_text(header, rows).encode())
    items = [asdict(prediction) for prediction in predictions]
    write_json(json_path, {"model_sha256": model_hash, "labels": list(labels), "items": items})
    return csv_path, json_path


def _cells(values: Sequence[float] | None, count: int) -> list[str]:
    """Cells of ``count`` values, which are empty for a rejected image."""
    return [""] * count if values is None else [f"{value:.6f}" for value in values]


def read_predictions(path: str | Path) -> tuple[list[str], list[Prediction], str | None]:
    """Read ``predictions.json``.

    Args:
        path: path of the file, or of its folder.

    Returns:
        (labels, predictions, SHA-256 of the weights).

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file is damaged.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "predictions.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no predictions; run the evaluating workflow on this model first")
    content = read_json(path, "predictions", "write them again with the evaluating workflow")
    try:
        labels, items = list(content["labels"]), [Prediction(**item) for item in content["items"]]
        for item in items:
            _check(item, len(labels))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path}: not a predictions file ({error}); write it again with the evaluating workflow"
        ) from error
    return labels, items, content.get("model_sha256")


def _check(prediction: Prediction, n_labels: int) -> None:
    for name in ("logits", "probabilities", "calibrated", "decisions", "spread", "calibrated_spread", "targets"):
        values = getattr(prediction, name)
        if values is None:
            continue
        if len(values) != n_labels:
            raise ValueError(f"{prediction.image}: {name}: expected {n_labels} values, found {len(values)}")
        if not all(value is None if name == "targets" and value is None else math.isfinite(value) for value in values):
            raise ValueError(f"{prediction.image}: {name}: found NaN or infinity; expected finite numbers")
