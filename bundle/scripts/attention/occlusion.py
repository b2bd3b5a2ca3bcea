"""Occlusion sensitivity, per label (Zeiler & Fergus 2014, arXiv:1311.2901): a reference that needs no gradient."""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput

_BATCH = 16  # occluded copies in a forward pass


class Occlusion:
    """Decrease of each logit when a window is covered with the mean grey value of the image.

    MONAI's ``OcclusionSensitivity`` is not used, because it covers all images with the same constant and accepts one
    image at a time.

    Args:
        network: classifier in evaluation mode.
        window: side of the window, in patches.
        stride: step of the window, in patches; a smaller step gives a finer map and takes longer.

    Raises:
        ValueError: the window is larger than the image, or the stride leaves gaps between windows.
    """

    name, per_label = "occlusion", True

    def __init__(self, network: ViTMultilabel, *, window: int = 4, stride: int = 2) -> None:
        side = min(network.patch_grid)
        if not 1 <= stride <= window <= side:
            raise ValueError(
                f"occlusion: window and stride do not cover the image; expected 1 <= stride <= window <= {side} "
                f"patches, found a window of {window} and a stride of {stride}"
            )
        self.network, self.window, self.stride = network, window, stride

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w): mean decrease over the windows of a patch."""
        logits = self.network(image)
        return AttentionOutput(logits, torch.stack([self.explain(*one) for one in zip(image, logits, strict=True)]))

    def explain(self, image: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Maps (C, h, w) of an image (1, S, S) with logits (C,)."""
        rows, columns = self.network.patch_grid
        corners = [(row, column) for row in self.steps(rows) for column in self.steps(columns)]
        covered = [self.cover(image, corner) for corner in corners]
        found = torch.cat([self.network(torch.stack(covered[i : i + _BATCH])) for i in range(0, len(covered), _BATCH)])
        total, count = logits.new_zeros(len(logits), rows, columns), logits.new_zeros(rows, columns)
        for (row, column), fall in zip(corners, logits - found, strict=True):
            window = (..., slice(row, row + self.window), slice(column, column + self.window))
            total[window] += fall[:, None, None]
            count[window] += 1
        return (total / count).clamp(min=0)

    def steps(self, length: int) -> list[int]:
        """Positions of the first patch of each window along a side; the last window ends at the border."""
        last = length - self.window
        return [*range(0, last, self.stride), last]

    def cover(self, image: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
        """Copy of an image (1, S, S) with a window of its mean grey value."""
        patch = self.network.image_size // self.network.patch_grid[0]
        top, left = (patch * index for index in corner)
        covered = image.clone()
        covered[:, top : top + patch * self.window, left : left + patch * self.window] = image.mean()
        return covered
