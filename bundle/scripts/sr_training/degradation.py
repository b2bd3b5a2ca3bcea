"""Reduction to low resolution in training: the antialiased operator of evaluation, or a model of a coarser detector.

The model has Gaussian blur (scintillator and aperture), quantum noise (Poisson counts, lowest in the bright pixels of a
displayed radiograph) and electronic noise. Exponential attenuation relates grey levels to counts. Compression is not
modelled, because nothing is known about the compression of the source images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..super_resolution.resampling import resize

_ATTENUATION = math.log(100.0)  # the displayed range spans a factor of 100 in transmitted intensity


@dataclass(frozen=True)
class Degradation:
    """Reduction of training crops to low resolution.

    Attributes:
        radiographic: fraction of crops that the detector model is applied to; the others are only reduced.
        blur: smallest and largest standard deviation of the detector's blur, in low-resolution pixels.
        photons: smallest and largest number of photons in a pixel of the unattenuated beam.
        electronic: standard deviation of the electronic noise, in photons.

    Raises:
        ValueError: a value is out of range.
    """

    radiographic: float = 0.25
    blur: Sequence[float] = (0.2, 0.5)
    photons: Sequence[float] = (2e4, 2e5)
    electronic: float = 10.0

    def __post_init__(self) -> None:
        if not 0 <= self.radiographic <= 1:
            raise ValueError(f"radiographic: expected a share of 0 to 1, found {self.radiographic}; take 0.25")
        for name, bounds in (("blur", self.blur), ("photons", self.photons)):
            if len(bounds) != 2 or not 0 < bounds[0] <= bounds[1]:
                raise ValueError(f"{name}: expected two positive numbers in order, found {list(bounds)}; swap them")
        if self.electronic < 0:
            raise ValueError(f"electronic: expected 0 or more, found {self.electronic}; take 10")

    def __call__(self, high_res: Tensor, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        """Reduce crops (N, 1, H, W) in [0, 1], on the CPU, to (N, 1, *size) in [0, 1]."""
        plain = resize(high_res, size).clamp(0.0, 1.0)
        if self.radiographic == 0:
            return plain
        chosen = torch.rand(len(high_res), generator=generator) < self.radiographic
        sigma = between(self.blur[0], self.blur[1], generator) * high_res.shape[-1] / size[-1]
        reduced = resize(_gaussian_blur(high_res, sigma), size).clamp(0.0, 1.0)
        photons = math.exp(between(math.log(self.photons[0]), math.log(self.photons[1]), generator))
        detected = _expose(reduced, photons, self.electronic, generator)
        return torch.where(chosen[:, None, None, None], detected, plain)


def between(low: float, high: float, generator: torch.Generator) -> float:
    """Uniform random number between two bounds."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def _expose(image: Tensor, photons: float, electronic: float, generator: torch.Generator) -> Tensor:
    """Add the quantum and electronic noise of an exposure.

    Args:
        image: image (N, 1, h, w) in [0, 1], where bone is bright.
        photons: number of photons in a pixel of the unattenuated beam.
        electronic: standard deviation of the electronic noise, in photons.
        generator: random generator of the noise.

    Returns:
        Noisy image (N, 1, h, w) in [0, 1].
    """
    expected = photons * torch.exp(-_ATTENUATION * image)
    counts = torch.poisson(expected, generator=generator)
    counts = counts + electronic * torch.randn(image.shape, generator=generator)
    return (-torch.log(counts.clamp(min=1.0) / photons) / _ATTENUATION).clamp(0.0, 1.0)


def _gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """Blur an image (N, 1, H, W), which is reflected at its borders."""
    radius = min(math.ceil(3 * sigma), min(image.shape[-2:]) - 1)
    weights = torch.exp(-(torch.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    weights = (weights / weights.sum()).to(image)
    padded = F.pad(image, (radius,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, weights[None, None, :, None]), weights[None, None, None])
