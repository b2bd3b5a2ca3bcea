"""A small regression network for super-resolution: residual blocks without normalisation, then sub-pixel convolution.

It is a small EDSR (Lim et al. 2017, arXiv 1707.02921) whose output is added to bicubic interpolation. The last layer
starts at zero, so the untrained network is bicubic interpolation.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..resampling import resize


class RegressionNetwork(nn.Module):
    """Enlarges images (N, 1, h, w) in [0, 1] to (N, 1, scale * h, scale * w).

    Args:
        width: number of feature channels.
        blocks: number of residual blocks; 8 blocks of width 64 have 0.6 million parameters.
        scale: output pixels per input pixel.
    """

    def __init__(self, width: int = 64, blocks: int = 8, scale: int = 4) -> None:
        super().__init__()
        self.settings = {"width": width, "blocks": blocks, "scale": scale}
        self.scale = scale
        self.entry = nn.Conv2d(1, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.exit = nn.Conv2d(width, scale**2, 3, padding=1)
        nn.init.zeros_(self.exit.weight)
        nn.init.zeros_(self.exit.bias)  # type: ignore[arg-type]

    def forward(self, low_res: Tensor) -> Tensor:
        """Enlarge images."""
        detail = self.detail(self.features(low_res))
        return resize(low_res, (detail.shape[-2], detail.shape[-1])) + detail

    def features(self, low_res: Tensor) -> Tensor:
        """Features (N, width, h, w) of images (N, 1, h, w)."""
        features = self.entry(low_res - 0.5)
        return features + self.body(features)

    def detail(self, features: Tensor) -> Tensor:
        """Detail (N, 1, scale * h, scale * w) that is added to bicubic interpolation, from features."""
        return F.pixel_shuffle(self.exit(features), self.scale)


class ResidualBlock(nn.Module):
    """Residual block x + conv(relu(conv(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, h, w) of the same shape."""
        return features + self.second(torch.relu(self.first(features)))
