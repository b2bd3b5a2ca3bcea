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
    """Pad to a square with 0 and resize to ``size``. ``meta["geometry"]`` records [height, width, size].

    Args:
        keys: Keys of images (1, H, W) in [0, 1].
        size: Side of the square, in pixels.
        allow_missing_keys: Whether to skip keys that an item lacks.
    """

    def __init__(self, keys: KeysCollection, size: int, allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.size = size

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item with each image fitted to (1, size, size)."""
        item = dict(data)
        for key in self.key_iterator(item):
            image = item[key]
            meta = dict(image.meta) if isinstance(image, MetaTensor) else {}
            # A MetaTensor would copy its metadata in every arithmetic operation.
            plain = image.as_tensor() if isinstance(image, MetaTensor) else torch.as_tensor(image)
            fitted = fit_square(plain, self.size)
            item[key] = MetaTensor(fitted, meta={**meta, "geometry": [*image.shape[-2:], self.size]})
        return item
