"""Whole radiographs at the size of a classifier's input, with their labels, for training through the classifier."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..common.geometry import fit_square
from ..dicom import RefusedInput, read_radiograph

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Films:
    """Films of a split.

    Attributes:
        images: films (N, 1, S, S) in [0, 1], on the CPU; float16, which 4000 films of 224 pixels need 0.4 GB for.
        labels: labels (N, C): 1, 0, -1 (uncertain) or NaN (blank).
    """

    images: Tensor
    labels: Tensor


def read_films(items: Sequence[Mapping[str, Any]], size: int, *, max_images: int, seed: int) -> Films:
    """Read the films of a split, padded to a square and resized.

    Args:
        items: items of the split.
        size: side S of a film, in pixels.
        max_images: largest number of films; a random choice is made if there are more.
        seed: random seed of the choice.

    Raises:
        ValueError: no film could be read.
    """
    images, labels = [], []
    for index in np.random.default_rng(seed).permutation(len(items))[:max_images]:
        try:
            image = torch.as_tensor(read_radiograph(items[index]["image"]).image)
        except RefusedInput as refusal:
            logger.warning("left out: %s", refusal)
            continue
        images.append(fit_square(image, size).half())
        labels.append(items[index]["label"])
    if not images:
        raise ValueError(
            f"datalist: no film to train with; expected at least one that can be read, found none of {len(items)}; "
            "check the images"
        )
    return Films(torch.stack(images), torch.tensor(labels, dtype=torch.float32))
