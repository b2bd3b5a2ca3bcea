"""Local detail beside global attention: a depthwise convolution over the patch grid, before each block.

The network that the paper cites for "convolution and attention" (CA-ViT) has no public code or weights; this is not a
reproduction of it. The form is that of conditional positional encodings (CPVT, arXiv:2102.10882), but started at zero,
so that a pretrained network begins as it was.
"""

from __future__ import annotations

import torch
from torch import nn


class ConvBranch(nn.Module):
    """Adds to each patch token what a 3 x 3 convolution of its channel finds around it; other tokens pass by.

    Args:
        width: D.
        grid: rows h and columns w of patches.
    """

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.conv = nn.Conv2d(width, width, kernel_size=3, padding=1, groups=width)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, tokens: torch.Tensor, grid: tuple[int, int] | None = None) -> torch.Tensor:
        """(B, prefix + h * w, D) -> the same shape; ``grid`` is that of a crop, which has other rows and columns."""
        grid = grid or self.grid
        count = grid[0] * grid[1]
        patches = tokens[:, -count:]
        local = self.conv(patches.transpose(1, 2).unflatten(2, grid))  # (B, D, h, w)
        return torch.cat([tokens[:, :-count], patches + local.flatten(2).transpose(1, 2)], dim=1)
