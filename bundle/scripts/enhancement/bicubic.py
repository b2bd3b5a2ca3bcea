"""Bicubic interpolation: the baseline that diffusion has to beat, and mostly does not on radiographs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .enhancer import resize


class BicubicEnhancer:
    """Interpolate.

    Args:
        scale: output pixels per input pixel.
    """

    name, weights_hash, needs_native = "bicubic", "none", False

    def __init__(self, scale: int = 4) -> None:
        self.scale = scale

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """(N, 1, h, w) -> (N, 1, scale * h, scale * w)."""
        return resize(low_res, (low_res.shape[-2] * self.scale, low_res.shape[-1] * self.scale))
