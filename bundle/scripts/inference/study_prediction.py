"""Results for one study; arrays are in pixels of the film as displayed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..common.failures import Failure
from ..common.geometry import SquareGeometry, map_to_source
from ..common.refusal import RefusedInput
from ..evaluation.predictions import OK, Prediction
from ..super_resolution.region_enhancer import EnhancedRegions

Box = tuple[int, int, int, int]


@dataclass
class StudyPrediction:
    """Results for one study; fields from ``labels`` on are empty or ``None`` when no film could be used.

    Attributes:
        name: path of the film, or of the first rejected file, as the caller gave it.
        status: ``ok``, or the code of the first rejection.
        failures: films that were not used, and results that could not be made.
        source_path: file of the film.
        is_dicom: whether ``source_path`` is a DICOM file.
        labels: names of the C labels.
        logits: (C,) float64.
        probabilities: (C,) in [0, 1], not calibrated.
        calibrated: (C,) calibrated probabilities in [0, 1]; ``None`` for a model that was never calibrated.
        decisions: (C,) bool, whether a label reaches its threshold; ``None`` for a model that was never calibrated.
        spread: (C,) standard deviation of ``probabilities`` over networks that predict as one; ``None`` for a single
            network.
        calibrated_spread: (C,) standard deviation of ``calibrated``; ``None`` where one of the two does not exist.
        novelty: dissimilarity to the training images, in [0, 1]; ``None`` for a model without a novelty measure.
        flags: remarks of the reader, the chest-film gate and the novelty measure.
        image: (H, W) float32 in [0, 1].
        spacing_mm: row and column spacing of ``image``, in mm.
        attention_map: (H, W) float32 attention of the network.
        label_maps: (C, h, w) attention maps in the patch grid, for a method with a map per label.
        image_size: side of the network's input, in pixels.
        regions: half-open boxes (row0, col0, row1, col1); empty without enhancement.
        region_labels: label with the largest part in each region; ``None`` if the attention has one map
            for all labels.
        enhanced: (s·H, s·W) float32 in [0, 1], or ``None``.
        enhanced_spacing: row and column spacing of ``enhanced``, in mm.
        enhanced_regions: regions before and after enhancement, without those that the enhancer failed on; ``None``
            without enhancement.
        description: text for DerivationDescription (0008,2111).
        picture_files: overlay and enhanced image that were written.
        dicom_files: DICOM objects that were written (findings, attention, attention_map, regions, enhanced).
    """

    name: str
    status: str = OK
    failures: list[Failure] = field(default_factory=list)
    source_path: Path | None = None
    is_dicom: bool = False
    labels: list[str] = field(default_factory=list)
    logits: np.ndarray | None = None
    probabilities: np.ndarray | None = None
    calibrated: np.ndarray | None = None
    decisions: np.ndarray | None = None
    spread: np.ndarray | None = None
    calibrated_spread: np.ndarray | None = None
    novelty: float | None = None
    flags: list[str] = field(default_factory=list)
    image: np.ndarray | None = None
    spacing_mm: list[float] | None = None
    attention_map: np.ndarray | None = None
    label_maps: np.ndarray | None = None
    image_size: int = 0
    regions: list[Box] = field(default_factory=list)
    region_labels: list[str | None] = field(default_factory=list)
    enhanced: np.ndarray | None = None
    enhanced_spacing: list[float] | None = None
    enhanced_regions: EnhancedRegions | None = None
    description: str = ""
    picture_files: list[Path] = field(default_factory=list)
    dicom_files: list[Path] = field(default_factory=list)

    @property
    def shown(self) -> np.ndarray | None:
        """(C,) probabilities to show: the calibrated ones where the model is calibrated."""
        return self.probabilities if self.calibrated is None else self.calibrated

    @property
    def shown_spread(self) -> np.ndarray | None:
        """(C,) standard deviations of :attr:`shown` over the networks; ``None`` for a single network."""
        return self.spread if self.calibrated is None else self.calibrated_spread

    def label_map(self, label: str) -> np.ndarray:
        """Return the attention map (H, W) of one label.

        Raises:
            ValueError: the label does not exist, or the attention method has one map for all labels.
        """
        if self.label_maps is None or self.image is None or label not in self.labels:
            raise ValueError(
                f"{label}: no map of its own; expected one of {self.labels} and an attention method with a map per "
                "label, found neither or only one of them; set attention_method"
            )
        grid = torch.from_numpy(self.label_maps[self.labels.index(label)])
        height, width = self.image.shape
        return map_to_source(grid, SquareGeometry(height, width, self.image_size)).numpy()

    @property
    def refused(self) -> list[Failure]:
        """Films that were not used."""
        return [failure for failure in self.failures if self.status != OK or failure.path != self.name]

    @property
    def unwritten(self) -> list[Failure]:
        """Results of the film that could not be made."""
        return [failure for failure in self.failures if self.status == OK and failure.path == self.name]

    def add_refusal(self, refusal: RefusedInput) -> None:
        """Record the reason why a result of the film could not be made; several results may have one reason."""
        failure = Failure.of(self.name, refusal.at(self.name))
        if failure not in self.failures:
            self.failures.append(failure)

    def rename(self, old: str, new: str) -> None:
        """Replace ``old`` by ``new`` in the name of the film and in all failures."""
        self.name = self.name.replace(old, new)
        self.failures = [failure.rename(old, new) for failure in self.failures]

    def summary(self) -> str:
        """Return findings that reach their threshold, marked with ``*``, and the most probable others, at least 3."""
        shown = self.shown
        if shown is None:
            return ""
        positive = [False] * len(self.labels) if self.decisions is None else self.decisions.tolist()
        order = sorted(range(len(self.labels)), key=lambda index: (not positive[index], -shown[index]))
        best = order[: max(3, sum(positive))]
        return ", ".join(f"{self.labels[index]} {shown[index]:.2f}{'*' if positive[index] else ''}" for index in best)

    def row(self) -> Prediction:
        """Return the entry for ``predictions.csv`` and ``predictions.json``."""
        return Prediction(
            self.name,
            self.status,
            logits=_as_list(self.logits),
            probabilities=_as_list(self.probabilities),
            calibrated=_as_list(self.calibrated),
            decisions=_as_list(self.decisions),
            spread=_as_list(self.spread),
            calibrated_spread=_as_list(self.calibrated_spread),
            novelty=self.novelty,
            flags=self.flags,
            regions=[list(box) for box in self.regions],
            region_labels=self.region_labels,
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything except pixel arrays, as JSON values."""
        return {
            "name": self.name,
            "status": self.status,
            "failures": [vars(failure) for failure in self.failures],
            "labels": self.labels,
            "logits": _as_list(self.logits),
            "probabilities": _as_list(self.probabilities),
            "calibrated": _as_list(self.calibrated),
            "decisions": _as_list(self.decisions),
            "spread": _as_list(self.spread),
            "calibrated_spread": _as_list(self.calibrated_spread),
            "novelty": self.novelty,
            "flags": self.flags,
            "regions": [list(box) for box in self.regions],
            "region_labels": self.region_labels,
            "spacing_mm": self.spacing_mm,
            "enhanced_spacing_mm": self.enhanced_spacing,
            "dicom_files": [path.name for path in self.dicom_files],
        }


def _as_list(values: np.ndarray | None) -> list | None:
    """Return the values of an array as a list."""
    return None if values is None else values.tolist()
