"""Controls that change a region without adding information: noise and sharpening, as enhancers of scale 1."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F

_NOISE = 0.02  # standard deviation, of the grey range
_AMOUNT, _SIGMA = 1.0, 1.0  # of the unsharp mask; pixels


class NoiseFilter:
    """Adds white Gaussian noise: the control for the effect of any change as an augmentation."""

    name, scale, weights_hash, needs_native = "noise", 1, f"sigma={_NOISE}", False

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Filtered images (N, 1, h, w) in [0, 1]."""
        noise = torch.stack([torch.randn(low_res.shape[1:], generator=generator) for generator in generators])
        return (low_res + _NOISE * noise).clamp(0, 1)


class UnsharpFilter:
    """Unsharp mask: the control for a higher contrast at edges, which needs no network."""

    name, scale, weights_hash, needs_native = "unsharp", 1, f"amount={_AMOUNT} sigma={_SIGMA}", False

    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Filtered images (N, 1, h, w) in [0, 1]."""
        reach = round(3 * _SIGMA)
        kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / _SIGMA) ** 2)
        kernel = kernel / kernel.sum()
        padded = F.pad(low_res, (reach,) * 4, mode="replicate")
        blurred = F.conv2d(F.conv2d(padded, kernel.view(1, 1, 1, -1)), kernel.view(1, 1, -1, 1))
        return (low_res + _AMOUNT * (low_res - blurred)).clamp(0, 1)


FILTERS: dict[str, type[NoiseFilter] | type[UnsharpFilter]] = {"noise": NoiseFilter, "unsharp": UnsharpFilter}
