"""High-resolution crops of radiographs for training."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..dicom import RefusedInput, read_radiograph

logger = logging.getLogger(__name__)

MIN_MEAN, MIN_STD = 0.08, 0.015  # darker or flatter crops are air, collimator or burnt-in background
_ATTEMPTS = 10


def extract_crops(
    items: Sequence[Mapping[str, Any]], size: int, *, per_megapixel: float, max_images: int, seed: int
) -> Tensor:
    """Cut random crops from the body region, at the images' own resolution; larger images give more crops.

    Args:
        items: items of one split of a datalist.
        size: side of a crop, in pixels.
        per_megapixel: number of crops per million pixels, rounded up for each image.
        max_images: largest number of images; a random choice is made if there are more.
        seed: random seed of the choice of images and crops.

    Returns:
        Crops (N, 1, size, size), float32 in [0, 1].

    Raises:
        ValueError: no image gave a crop.
    """
    order = np.random.default_rng(seed).permutation(len(items))[:max_images]
    crops: list[np.ndarray] = []
    for index in order:
        try:
            image = read_radiograph(items[index]["image"]).image
        except RefusedInput as refusal:
            logger.warning("left out: %s", refusal)
            continue
        rng = np.random.default_rng([seed, int(index)])
        count = math.ceil(image.size * per_megapixel / 1e6)
        found = [_crop_body(image, size, rng) for _ in range(count)]
        crops.extend(crop for crop in found if crop is not None)
    if not crops:
        raise ValueError(
            f"datalist: no crop of {size} pixels; expected images of at least that size with a body in them, found "
            f"none among {len(order)}; lower crop_size or check the images"
        )
    return torch.from_numpy(np.stack(crops))


def _crop_body(image: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray | None:
    """Random crop (1, size, size) that is neither dark nor flat; ``None`` if ten attempts found none."""
    rows, columns = image.shape[-2] - size, image.shape[-1] - size
    if rows < 0 or columns < 0:
        return None
    for _ in range(_ATTEMPTS):
        row, column = rng.integers(rows + 1), rng.integers(columns + 1)
        crop = image[:, row : row + size, column : column + size]
        if crop.mean() > MIN_MEAN and crop.std() > MIN_STD:
            return crop.copy()
    return None
