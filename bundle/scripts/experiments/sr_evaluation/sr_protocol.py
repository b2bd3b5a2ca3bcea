"""Degradation with a known truth: a radiograph is reduced by four, and its own pixels are the truth for the enhancers.

For a size of 1024 pixels, the image is reduced to 256 and enhanced back to 1024. The operator is that of training and
of data consistency (bicubic, antialiased). Metrics of another operator are not comparable: torch without antialiasing
gives 0.8 to 1.8 dB less.
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
    """Radiograph to enhance.

    Attributes:
        truth: truth (1, H, W) in [0, 1]; H and W are multiples of four.
        low_res: reduced image (1, H / 4, W / 4), the input of the enhancers.
        regions: regions in pixels of ``low_res``.
        key: hash of the truth, for the noise seeds of the regions.
    """

    truth: torch.Tensor
    low_res: torch.Tensor
    regions: list[Region]
    key: bytes


def make_case(image: torch.Tensor, size: int | None, *, window: int, count: int) -> DegradedCase | None:
    """Truth and reduced image of one radiograph at one size.

    Args:
        image: image (1, H, W) in [0, 1].
        size: longer side of the truth, in pixels; ``None`` is the size of the image itself.
        window: side of a region, in pixels of the reduced image.
        count: largest number of regions.

    Returns:
        The case; ``None`` if the image is smaller than ``size`` or all of its regions are dark or flat.
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
    """At most ``count`` regions, evenly chosen from a grid over the whole image, without dark and flat regions.

    The regions are not chosen by attention, because the comparison of enhancers must not depend on a classifier.
    """
    rows, columns = (range(0, max(1, length // SCALE - window + 1), window) for length in truth.shape[-2:])
    height, width = (min(window, length // SCALE) for length in truth.shape[-2:])
    grid = [Region(row, column, row + height, column + width) for row in rows for column in columns]
    crops = [cut(truth, enlarged(region)) for region in grid]
    kept = [r for r, crop in zip(grid, crops, strict=True) if crop.mean() > MIN_MEAN and crop.std() > MIN_STD]
    chosen = np.linspace(0, max(0, len(kept) - 1), min(count, len(kept))).round().astype(int)
    return [kept[index] for index in np.unique(chosen)]


def enlarged(region: Region) -> Region:
    """Region in pixels of the truth."""
    row0, col0, row1, col1 = (SCALE * value for value in region.box)
    return Region(row0, col0, row1, col1)
