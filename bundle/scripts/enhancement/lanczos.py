"""Lanczos interpolation (three lobes): the sharpest of the classical kernels. Pillow's, in 32-bit floats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


class LanczosEnhancer:
    """Interpolate.

    Args:
        scale: output pixels per input pixel.
    """

    name, weights_hash, needs_native = "lanczos", "none", False

    def __init__(self, scale: int = 4) -> None:
        self.scale = scale

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """(N, 1, h, w) -> (N, 1, scale * h, scale * w)."""
        return torch.stack([enlarge(image[0], self.scale)[None] for image in low_res])


def enlarge(image: torch.Tensor, scale: int) -> torch.Tensor:
    """(h, w) -> (scale * h, scale * w)."""
    from PIL import Image

    picture = Image.fromarray(image.cpu().float().contiguous().numpy())
    size = (picture.width * scale, picture.height * scale)
    return torch.from_numpy(np.array(picture.resize(size, Image.Resampling.LANCZOS)))
