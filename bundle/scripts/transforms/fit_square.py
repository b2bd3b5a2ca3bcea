"""``fit_square`` as a dictionary transform."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from ..common.geometry import fit_square


class FitSquared(MapTransform):
    """Pad to a square with 0 and resize to ``size``; the way back is in ``meta["geometry"]``: [height, width, size].

    Args:
        keys: keys of (1, H, W) images in [0, 1].
        size: S.
        allow_missing_keys: skip a key that an item lacks.
    """

    def __init__(self, keys: KeysCollection, size: int, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.size = size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Item with each image (1, S, S)."""
        item = dict(data)
        for key in self.key_iterator(item):
            image = item[key]
            meta = dict(image.meta) if isinstance(image, MetaTensor) else {}
            # A MetaTensor would carry its meta through every step of the arithmetic.
            plain = image.as_tensor() if isinstance(image, MetaTensor) else torch.as_tensor(image)
            fitted = fit_square(plain, self.size)
            item[key] = MetaTensor(fitted, meta={**meta, "geometry": [*image.shape[-2:], self.size]})
        return item
