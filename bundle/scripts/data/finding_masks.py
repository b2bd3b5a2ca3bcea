"""Boxes and masks of the findings of an image as one channel, which an augmentation can move with the image.

Bit c of a pixel is set where the label with number c is annotated. A float32 pixel holds 24 bits exactly, and
interpolation to the nearest pixel keeps them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from ..common.geometry import SquareGeometry
from ..common.printable import printable
from ..dicom import RefusedInput, read_radiograph
from ..dicom.read.radiograph import read_grid
from .annotations import PictureFrame, annotations_of, findings_of

logger = logging.getLogger(__name__)

_MAX_LABELS = 24


class FindingMasks:
    """Bit-coded findings (1, S, S) of the items of a data set.

    A finding of a label that the item does not show (its entry is 0) is left out, with a warning.

    Args:
        labels: labels of the network.
        size: side S of the network's input, in pixels.
        num_workers: number of threads that read the sizes of annotated images.

    Raises:
        ValueError: there are more than 24 labels.
    """

    def __init__(self, labels: Sequence[str], size: int, num_workers: int = 2) -> None:
        if len(labels) > _MAX_LABELS:
            raise ValueError(
                f"patch_head: boxes are coded for up to {_MAX_LABELS} labels, found {len(labels)}; set patch_head to "
                "false, or train with fewer labels"
            )
        self.labels, self.size, self.num_workers = list(labels), size, num_workers
        self.coded: dict[str, np.ndarray] = {}  # by path; images without a finding are absent

    def prepare(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Code the findings of all annotated items; an annotation that cannot be used is left out, with a warning."""
        annotated = [item for item in items if item.get("boxes") or item.get("masks")]
        with ThreadPoolExecutor(max(1, self.num_workers)) as pool:
            for item, coded in zip(annotated, pool.map(self.code, annotated), strict=True):
                if coded is not None and coded.any():
                    self.coded[item["image"]] = coded

    def code(self, item: Mapping[str, Any]) -> np.ndarray | None:
        """Findings (S, S) int32 of an item, or ``None`` if an annotation cannot be used."""
        found = findings_of(item, self.labels, {})
        absent = [label for label in found if item["label"][self.labels.index(label)] == 0]
        if absent:
            logger.warning(
                "%s: annotated, but labelled as absent: %s; the annotation is left out",
                printable(item["image"]), ", ".join(absent),
            )  # fmt: skip
        coded = np.zeros((self.size, self.size), np.int32)
        names = {label: own for label, own in found.items() if label not in absent}
        if not names:
            return coded
        try:
            height, width = read_radiograph(item["image"]).image.shape[-2:]
            frame = PictureFrame(SquareGeometry(height, width, self.size), read_grid(item["image"]))
            for label, own in names.items():
                picture = coded[frame.inside()]
                picture[np.logical_or.reduce(annotations_of(item, own, frame))] |= 1 << self.labels.index(label)
        except RefusedInput as refusal:
            logger.warning("annotation left out: %s", refusal)
            return None
        return coded

    def __call__(self, path: str) -> torch.Tensor:
        """Bit-coded findings (1, S, S) float32 of an image; zeros if it has none."""
        coded = self.coded.get(path)
        if coded is None:
            return torch.zeros(1, self.size, self.size)
        return torch.from_numpy(coded.astype(np.float32)[None])


def decode_findings(coded: torch.Tensor, num_labels: int) -> torch.Tensor:
    """Masks (B, C, S, S) bool of bit-coded findings (B, 1, S, S)."""
    bits = torch.arange(num_labels, device=coded.device)[None, :, None, None]
    return (coded.round().int() >> bits) & 1 == 1
