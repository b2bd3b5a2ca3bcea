"""Convolution branch: a depthwise convolution over the patch grid before each block, for local detail.

The network that the paper cites for "convolution and attention" (CA-ViT) has no public code or weights, and this is not
a reproduction of it. The branch has the form of the conditional positional encodings of CPVT (arXiv:2102.10882), but
its weights are initialised to zero, so that a pretrained network is unchanged at the start of training.
"""

from __future__ import annotations

import torch
from torch import nn


class ConvBranch(nn.Module):
    """Adds a 3 x 3 depthwise convolution of the patch tokens to them; other tokens are not changed.

    Args:
        width: D, number of features of a token.
        grid: numbers of rows h and columns w of patches.
    """

    def __init__(self, width: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.conv = nn.Conv2d(width, width, kernel_size=3, padding=1, groups=width)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, tokens: torch.Tensor, grid: tuple[int, int] | None = None) -> torch.Tensor:
        """Tokens (B, prefix + h * w, D) -> tokens of the same shape.

        Args:
            tokens: CLS and register tokens (the prefix), then patch tokens.
            grid: numbers of rows and columns of patches, for a crop; those of the whole image by default.
        """
        grid = grid or self.grid
        count = grid[0] * grid[1]
        patches = tokens[:, -count:]
        local = self.conv(patches.transpose(1, 2).unflatten(2, grid))  # (B, D, h, w)
        return torch.cat([tokens[:, :-count], patches + local.flatten(2).transpose(1, 2)], dim=1)
