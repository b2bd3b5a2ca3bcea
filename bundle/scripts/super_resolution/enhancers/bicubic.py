"""Bicubic interpolation, the baseline for trained enhancers."""

from __future__ import annotations

import torch

from ..resampling import resize
from .interpolation import InterpolationEnhancer


class BicubicEnhancer(InterpolationEnhancer):
    """Antialiased bicubic interpolation, the same kernel as in the degradation."""

    name = "bicubic"

    def enlarge(self, low_res: torch.Tensor) -> torch.Tensor:
        """See the base class."""
        return resize(low_res, (low_res.shape[-2] * self.scale, low_res.shape[-1] * self.scale))
