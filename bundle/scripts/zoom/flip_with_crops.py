"""Random mirroring of an image together with its crops and their boxes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import RandomizableTransform


class RandFlipWithCropsd(RandomizableTransform):
    """Transform that mirrors ``image`` (1, S, S), ``zoom`` (K, s, s) and ``zoom_boxes`` (K, 4) at the vertical axis.

    MONAI's ``RandFlipd`` does not mirror boxes, so that a crop would get the position of the other side.

    Args:
        prob: probability of mirroring an item.
    """

    def __init__(self, prob: float) -> None:
        RandomizableTransform.__init__(self, prob)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Return the item, mirrored or unchanged."""
        item = dict(data)
        self.randomize(None)
        if not self._do_transform:
            return item
        item["image"], item["zoom"] = item["image"].flip(-1), item["zoom"].flip(-1)
        row0, col0, row1, col1 = item["zoom_boxes"].unbind(-1)
        mirrored = torch.stack([row0, 1 - col1, row1, 1 - col0], dim=-1)
        exists = (row1 > row0)[:, None]  # four zeros mark a missing crop and are kept
        item["zoom_boxes"] = torch.where(exists, mirrored, item["zoom_boxes"])
        return item
