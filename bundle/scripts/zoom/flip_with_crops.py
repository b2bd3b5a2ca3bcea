"""Mirror an image together with its crops and their boxes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import RandomizableTransform


class RandFlipWithCropsd(RandomizableTransform):
    """Left and right change places in ``image`` (1, S, S), ``zoom`` (K, s, s) and ``zoom_boxes`` (K, 4).

    MONAI's ``RandFlipd`` leaves the boxes where they were: the network would look for a crop on the wrong side.

    Args:
        prob: of a flip.
    """

    def __init__(self, prob: float) -> None:
        RandomizableTransform.__init__(self, prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Item, mirrored or as it is."""
        item = dict(data)
        self.randomize(None)
        if not self._do_transform:
            return item
        item["image"], item["zoom"] = item["image"].flip(-1), item["zoom"].flip(-1)
        row0, col0, row1, col1 = item["zoom_boxes"].unbind(-1)
        mirrored = torch.stack([row0, 1 - col1, row1, 1 - col0], dim=-1)
        exists = (row1 > row0)[:, None]  # four zeros are no crop, and stay
        item["zoom_boxes"] = torch.where(exists, mirrored, item["zoom_boxes"])
        return item
