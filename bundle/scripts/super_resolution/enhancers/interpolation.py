"""Base class of the enhancers that interpolate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch

from .data_consistency import data_consistent


class InterpolationEnhancer(ABC):
    """Enlarges regions by interpolation.

    Args:
        scale: output pixels per input pixel.
        data_consistency: whether to correct the result until it reduces to its input. Without it, the reduced result
            and the input have a PSNR of about 38 dB.
    """

    name: str
    needs_native = False

    def __init__(self, scale: int = 4, *, data_consistency: bool = False) -> None:
        self.scale, self.data_consistency = scale, data_consistency
        self.weights_hash = "none, corrected" if data_consistency else "none"

    @abstractmethod
    def enlarge(self, low_res: torch.Tensor) -> torch.Tensor:
        """Enlarge regions (N, 1, h, w) to (N, 1, scale * h, scale * w)."""

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Enlarge regions (N, 1, h, w) to (N, 1, scale * h, scale * w)."""
        high_res = self.enlarge(low_res)
        return data_consistent(high_res, low_res) if self.data_consistency else high_res
