"""Native pixels: measured instead of synthetic detail, for sources finer than the working resolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch


class NativeEnhancer:
    """Takes the region from the source image at its own resolution.

    Args:
        scale: output pixels per working pixel on an ``hr_canvas``. Pasting interpolates where the source has fewer.
    """

    name, weights_hash, needs_native = "native", "none", True

    def __init__(self, scale: int = 4) -> None:
        self.scale = scale

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Return the native crops (N, 1, R, C)."""
        return low_res
