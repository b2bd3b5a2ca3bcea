"""``thresholds.json``: the calibration and the thresholds of a model, stored beside its weights.

The workflow ``calibration`` learns them on the validation split. The calibrated probability of a label is
``sigmoid(scale * logit + offset)``, and the label is called positive from its threshold on. The file names the labels
and the hash of the weights that it was made for. It is rejected for any other model, because thresholds of another
model would give plausible but wrong decisions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..common.atomic import write_json
from ..common.text_file import read_json
from ..networks.loading import weights_sha256
from ..networks.model_members import member_folders, shared_folder
from ..networks.model_metadata import labels_of, read_model_metadata
from .scale import sigmoid

_THRESHOLDS_FILE = "thresholds.json"
_FORMAT = 1


@dataclass(frozen=True)
class LabelCalibration:
    """Calibration and threshold of one label.

    Attributes:
        scale: factor of the logit; above 0, so that calibration does not change ranks or AUROC.
        offset: value added to the scaled logit.
        threshold: calibrated probability from which the label is called positive, in [0, 1].
        method: ``platt``, ``temperature``, or ``none`` (scale 1, offset 0, threshold 0.5).
        note: reason why the method differs from the requested one; empty if it does not.
        n_positive: number of positive cases that the calibration was learned from.
        n_negative: number of negative cases that the calibration was learned from.
    """

    scale: float
    offset: float
    threshold: float
    method: str
    note: str = ""
    n_positive: int = 0
    n_negative: int = 0


@dataclass(frozen=True)
class Calibrated:
    """Calibrated outputs for N images.

    Attributes:
        probabilities: (N, C) float64 in [0, 1], in the order of the labels.
        decisions: (N, C) bool, True from the threshold of the label on.
    """

    probabilities: np.ndarray
    decisions: np.ndarray


@dataclass(frozen=True)
class Calibration:
    """Calibration of all labels of one model.

    Attributes:
        by_label: label -> calibration, C entries in the order of the network's outputs.
        weights_sha256: hash of what the calibration belongs to, see :func:`calibrated_sha256`.
        policy: rule that chose the thresholds, with its target: ``youden``, ``sensitivity 0.9``, ``specificity 0.9``.
        details: split, hash of the split, and metrics before and after calibration; for the reader, not used by
            :meth:`apply`.
    """

    by_label: Mapping[str, LabelCalibration]
    weights_sha256: str
    policy: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def labels(self) -> list[str]:
        """Names of the C labels, in order."""
        return list(self.by_label)

    @property
    def thresholds(self) -> dict[str, float]:
        """Threshold of each label, as a calibrated probability."""
        return {name: label.threshold for name, label in self.by_label.items()}

    @property
    def uncalibrated(self) -> list[str]:
        """Labels without both classes in the validation split; their probabilities are not calibrated."""
        return [name for name, label in self.by_label.items() if label.method == "none"]

    def apply(self, logits: np.ndarray) -> Calibrated:
        """Compute calibrated probabilities and decisions.

        Args:
            logits: (N, C) outputs of the network.

        Raises:
            ValueError: the number of columns is not C.
        """
        logits = np.asarray(logits, dtype=np.float64)
        if logits.ndim != 2 or logits.shape[1] != len(self.by_label):
            raise ValueError(f"logits: expected (N, {len(self.by_label)}), one column per label, found {logits.shape}")
        scale, offset, threshold = (
            np.asarray([getattr(label, name) for label in self.by_label.values()], dtype=np.float64)
            for name in ("scale", "offset", "threshold")
        )
        probabilities = sigmoid(scale * logits + offset)
        return Calibrated(probabilities, probabilities >= threshold)


def save_calibration(calibration: Calibration, model_dir: str | Path) -> Path:
    """Write ``thresholds.json`` into a model folder.

    Args:
        calibration: calibration of that model.
        model_dir: folder of the weights, or of the trainings of several networks.

    Returns:
        Path of the file.
    """
    return write_json(
        Path(model_dir) / _THRESHOLDS_FILE,
        {
            "format": _FORMAT,
            "weights_sha256": calibration.weights_sha256,
            "policy": calibration.policy,
            "labels": {name: vars(label) for name, label in calibration.by_label.items()},
            "details": dict(calibration.details),
        },
    )


def load_calibration(
    model_dir: str | Path | Sequence[str | Path], labels: Sequence[str] | None = None
) -> Calibration | None:
    """Read the calibration of a model.

    Args:
        model_dir: folder of the weights, or several networks as :func:`..networks.model_members.find_model` gives them.
        labels: expected labels, in order; ``None`` expects the labels in the folder's ``metadata.json``.

    Returns:
        The calibration, or ``None`` when the model was never calibrated, as is a list of models.

    Raises:
        ValueError: the file is damaged, or was made for other labels or other weights.
    """
    folder = shared_folder(model_dir)
    path = None if folder is None else folder / _THRESHOLDS_FILE
    if path is None or not path.is_file():
        return None
    calibration = _read_calibration(path)
    expected = list(labels) if labels is not None else _model_labels(model_dir)
    if calibration.labels != expected:
        raise ValueError(
            f"{path}: made for other labels; expected {expected}, found {calibration.labels}; run calibration again"
        )
    found = calibrated_sha256(model_dir)
    if calibration.weights_sha256 != found:
        raise ValueError(
            f"{path}: made for other weights; expected hash {calibration.weights_sha256[:12]}…, found {found[:12]}… in "
            "the folder; run calibration again, or remove the file to go without"
        )
    return calibration


def calibrated_sha256(model_dir: str | Path | Sequence[str | Path]) -> str:
    """Hash of what a calibration belongs to: the weights, and for several networks also their own calibrations.

    Args:
        model_dir: see :func:`load_calibration`.
    """
    weights, members = weights_sha256(model_dir), member_folders(model_dir)
    files = [folder / _THRESHOLDS_FILE for folder in members if len(members) > 1]
    own = [path.read_bytes() for path in files if path.is_file()]
    return hashlib.sha256(b"|".join([weights.encode(), *own])).hexdigest() if own else weights


def _read_calibration(path: Path) -> Calibration:
    """Read ``thresholds.json`` and check its form and the ranges of its values.

    Raises:
        ValueError: the file is damaged; the message names the entry.
    """
    content = read_json(path, "a calibration", "run calibration again, or remove the file")
    try:
        if content["format"] != _FORMAT:
            raise ValueError(f"format: expected {_FORMAT}, found {content['format']!r}")
        by_label = {name: LabelCalibration(**values) for name, values in content["labels"].items()}
        for name, label in by_label.items():
            if not (label.scale > 0 and np.isfinite([label.scale, label.offset]).all() and 0 <= label.threshold <= 1):
                raise ValueError(
                    f"{name}: expected scale > 0, a finite offset and a threshold in [0, 1], found {label}"
                )
        return Calibration(by_label, content["weights_sha256"], content["policy"], content["details"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a calibration ({error}); run calibration again, or remove the file") from error


def _model_labels(model_dir: str | Path | Sequence[str | Path]) -> list[str]:
    """Names of the outputs of a model, in order."""
    return labels_of(read_model_metadata(member_folders(model_dir)[0]))
