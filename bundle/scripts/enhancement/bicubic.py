"""Bicubic interpolation: the baseline that diffusion has to beat, and mostly does not on radiographs."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .data_consistency import data_consistent
from .enhancer import resize


class BicubicEnhancer:
    """Interpolate.

    Args:
        scale: output pixels per input pixel.
        data_consistency: correct the result until it reduces to its input, as of the trained enhancers; interpolation
            alone reduces to it with about 38 dB.
    """

    name, needs_native = "bicubic", False

    def __init__(self, scale: int = 4, *, data_consistency: bool = False) -> None:
        self.scale, self.data_consistency = scale, data_consistency
        self.weights_hash = "none, corrected" if data_consistency else "none"

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """(N, 1, h, w) -> (N, 1, scale * h, scale * w)."""
        high_res = resize(low_res, (low_res.shape[-2] * self.scale, low_res.shape[-1] * self.scale))
        return data_consistent(high_res, low_res, self.scale) if self.data_consistency else high_res
