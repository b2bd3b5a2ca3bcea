"""Boxes and masks of the findings of an image as a few channels, which an augmentation can move with the image.

Each channel holds 24 labels: bit c of a pixel is set where the label c of the channel is annotated. A float32 pixel
holds 24 bits exactly, and interpolation to the nearest pixel keeps them.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from ..common.geometry import SquareGeometry
from ..common.printable import printable
from ..dicom import RefusedInput, read_radiograph
from ..dicom.read.radiograph import read_grid
from .annotations import PictureFrame, annotated_names, annotations_of, findings_of, mean_shares, shown_findings
from .label_aliases import match_label

logger = logging.getLogger(__name__)

_BITS = 24


class FindingMasks:
    """Bit-coded findings (P, S, S) of the items of a data set; P is the number of labels divided by 24, rounded up.

    A finding of a label that the item does not show (its entry is 0) is left out, with a warning. One of a label that
    is blank or uncertain counts.

    Args:
        labels: labels of the network.
        size: side S of the network's input, in pixels.
        num_workers: number of threads that read annotated images.

    Attributes:
        annotated: labels that have a finding in an item.
    """

    def __init__(self, labels: Sequence[str], size: int, num_workers: int = 2) -> None:
        self.labels, self.num_workers = list(labels), num_workers
        self.shape = -(-len(self.labels) // _BITS), size, size
        self.coded: dict[str, bytes] = {}  # by path, compressed; images without a finding are absent
        self.annotated: list[str] = []

    def prepare(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Code the findings of all annotated items; an annotation that cannot be used is left out, with a warning."""
        annotated = [item for item in items if item.get("boxes") or item.get("masks")]
        bits = np.zeros(self.shape[0], np.int32)
        with ThreadPoolExecutor(max(1, self.num_workers)) as pool:
            for item, coded in zip(annotated, pool.map(self.code, annotated), strict=True):
                if coded is not None and coded.any():
                    self.coded[item["image"]] = zlib.compress(coded.tobytes(), 1)
                    bits |= np.bitwise_or.reduce(coded, axis=(1, 2))
        self.annotated = [
            label for number, label in enumerate(self.labels) if bits[number // _BITS] >> number % _BITS & 1
        ]
        logger.info("boxes or masks of %d of %d images train the maps", len(self.coded), len(items))
        names = {name for item in annotated for name in annotated_names(item)}
        if other := sorted(name for name in names if match_label(name, self.labels) is None):
            shown = ", ".join(map(printable, other[:5])) + (", …" if len(other) > 5 else "")
            logger.info("boxes and masks of other names than the labels are not used: %s", shown)

    def mean_shares(self, grid: tuple[int, int]) -> dict[str, torch.Tensor]:
        """Mean covered share (h, w) of the patches over the images that show a label, for each annotated label."""
        return mean_shares(map(self._masks, self.coded), grid)

    def _masks(self, path: str) -> dict[str, torch.Tensor]:
        """Mask (S, S) bool of each annotated label of an image."""
        masks = decode_findings(self(path)[None], len(self.labels))[0]
        return {label: mask for label, mask in zip(self.labels, masks, strict=True) if mask.any()}

    def names(self, item: Mapping[str, Any]) -> dict[str, set]:
        """Names of the annotations of each label that the item does not lack."""
        return shown_findings(item, self.labels, {}, self.labels)

    def code(self, item: Mapping[str, Any]) -> np.ndarray | None:
        """Findings (P, S, S) int32 of an item, or ``None`` if an annotation cannot be used."""
        names = self.names(item)
        absent = [label for label in findings_of(item, self.labels, {}) if label not in names]
        if absent:
            logger.warning(
                "%s: annotated, but labelled as absent: %s; the annotation is left out",
                printable(item["image"]), ", ".join(absent),
            )  # fmt: skip
        coded = np.zeros(self.shape, np.int32)
        if not names:
            return coded
        try:
            height, width = read_radiograph(item["image"]).image.shape[-2:]
            frame = PictureFrame(SquareGeometry(height, width, self.shape[-1]), read_grid(item["image"]))
            for label, own in names.items():
                found = np.logical_or.reduce(annotations_of(item, own, frame))
                if not found.any():
                    logger.warning(
                        "%s: the boxes or masks of %s are empty; expected some within %d x %d pixels, found none; "
                        "correct the datalist",
                        printable(item["image"]), label, height, width,
                    )  # fmt: skip
                channel, bit = divmod(self.labels.index(label), _BITS)
                coded[channel][frame.inside()] |= found.astype(np.int32) << bit
        except RefusedInput as refusal:
            logger.warning("annotation left out: %s", refusal)
            return None
        return coded

    def encode(self, masks: np.ndarray) -> np.ndarray:
        """Bit-coded findings (P, S, S) float32 of masks (C, S, S) bool; the inverse of :func:`decode_findings`."""
        coded = np.zeros(self.shape, np.int32)
        for label, mask in enumerate(masks):
            channel, bit = divmod(label, _BITS)
            coded[channel] |= mask.astype(np.int32) << bit
        return coded.astype(np.float32)

    def __call__(self, path: str) -> torch.Tensor:
        """Bit-coded findings (P, S, S) float32 of an image; zeros if it has none."""
        coded = self.coded.get(path)
        if coded is None:
            return torch.zeros(self.shape)
        return torch.from_numpy(np.frombuffer(zlib.decompress(coded), np.int32).reshape(self.shape).astype(np.float32))


def decode_findings(coded: torch.Tensor, num_labels: int) -> torch.Tensor:
    """Masks (B, C, S, S) bool of bit-coded findings (B, P, S, S)."""
    labels = torch.arange(num_labels, device=coded.device)
    channels = coded.round().int()[:, labels // _BITS]
    return (channels >> (labels % _BITS)[:, None, None]) & 1 == 1
