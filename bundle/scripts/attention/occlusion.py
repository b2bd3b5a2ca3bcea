"""Occlusion sensitivity, per label (Zeiler & Fergus 2014, arXiv:1311.2901): the reference that uses no gradient."""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput

_BATCH = 16  # occluded copies at once


class Occlusion:
    """How far a logit falls when a window is covered with the mean grey of the image.

    MONAI's ``OcclusionSensitivity`` covers with one constant for all images and takes one image at a time.

    Args:
        network: the classifier, in evaluation mode.
        window: side of the window, patches.
        stride: step of the window, patches; a smaller one is finer and dearer.

    Raises:
        ValueError: a window that leaves the image, or a stride that leaves gaps.
    """

    name, per_label = "occlusion", True

    def __init__(self, network: ViTMultilabel, *, window: int = 4, stride: int = 2) -> None:
        side = min(network.patch_grid)
        if not 1 <= stride <= window <= side:
            raise ValueError(
                f"occlusion: the window leaves gaps or the image; expected 1 <= stride <= window <= {side} patches, "
                f"found a window of {window} and a stride of {stride}"
            )
        self.network, self.window, self.stride = network, window, stride

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, C, h, w): mean fall under the windows over a patch."""
        logits = self.network(image)
        return AttentionOutput(logits, torch.stack([self.explain(*one) for one in zip(image, logits, strict=True)]))

    def explain(self, image: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """(C, h, w) of one image (1, S, S) with its logits (C)."""
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
        """First patches of the windows along a side; the last window ends at the border."""
        last = length - self.window
        return [*range(0, last, self.stride), last]

    def cover(self, image: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
        """(1, S, S) with a window of mean grey."""
        patch = self.network.image_size // self.network.patch_grid[0]
        top, left = (patch * index for index in corner)
        covered = image.clone()
        covered[:, top : top + patch * self.window, left : left + patch * self.window] = image.mean()
        return covered
