"""Degradation with a known truth: a radiograph is reduced by four, and its own pixels are what an enhancer should find.

At 1024 pixels: 1024 -> 256 -> 1024. The operator is the one of training and of data consistency (bicubic, antialiased):
figures of another operator are not comparable (torch without antialiasing: 0.8–1.8 dB less).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import torch

from ...sr_training.training_crops import MIN_MEAN, MIN_STD
from ...super_resolution.fidelity import cut
from ...super_resolution.regions import Region
from ...super_resolution.resampling import degrade, resize

SCALE = 4


@dataclass(frozen=True)
class DegradedCase:
    """A radiograph to enhance.

    Attributes:
        truth: (1, H, W) in [0, 1]; H and W are multiples of four.
        low_res: (1, H / 4, W / 4), what an enhancer gets.
        regions: in pixels of ``low_res``.
        key: hash of the truth, for the seeds of the regions' noise.
    """

    truth: torch.Tensor
    low_res: torch.Tensor
    regions: list[Region]
    key: bytes


def make_case(image: torch.Tensor, size: int | None, *, window: int, count: int) -> DegradedCase | None:
    """Truth and input of one radiograph at one size.

    Args:
        image: (1, H, W) in [0, 1].
        size: longer side of the truth, pixels; ``None``: the image's own.
        window: side of a region, pixels of the reduced image.
        count: at most so many regions.

    Returns:
        ``None`` for an image that is smaller than ``size``, or has no region with something to see.
    """
    longer = max(image.shape[-2:])
    if size is not None and longer < size:
        return None
    factor = 1.0 if size is None else size / longer
    height, width = (max(SCALE, round(length * factor)) for length in image.shape[-2:])
    resized = image if (height, width) == tuple(image.shape[-2:]) else resize(image[None], (height, width))[0]
    truth = resized[:, : height // SCALE * SCALE, : width // SCALE * SCALE].clamp(0, 1).contiguous()
    low_res = degrade(truth[None], SCALE)[0].clamp(0, 1)
    regions = _informative_regions(truth, window, count)
    return DegradedCase(truth, low_res, regions, hashlib.sha256(truth.numpy().tobytes()).digest()) if regions else None


def _informative_regions(truth: torch.Tensor, window: int, count: int) -> list[Region]:
    """Regions side by side over the whole image, without the dark and the flat ones; an even choice of ``count``.

    They are not chosen by attention: which enhancer is better must not depend on a classifier.
    """
    rows, columns = (range(0, max(1, length // SCALE - window + 1), window) for length in truth.shape[-2:])
    height, width = (min(window, length // SCALE) for length in truth.shape[-2:])
    grid = [Region(row, column, row + height, column + width) for row in rows for column in columns]
    crops = [cut(truth, enlarged(region)) for region in grid]
    seen = [r for r, crop in zip(grid, crops, strict=True) if crop.mean() > MIN_MEAN and crop.std() > MIN_STD]
    chosen = np.linspace(0, max(0, len(seen) - 1), min(count, len(seen))).round().astype(int)
    return [seen[index] for index in np.unique(chosen)]


def enlarged(region: Region) -> Region:
    """The region in pixels of the truth."""
    row0, col0, row1, col1 = (SCALE * value for value in region.box)
    return Region(row0, col0, row1, col1)
