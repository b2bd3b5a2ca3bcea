"""Noise power spectrum by octave (after IEC 62220-1): is the texture of the truth there, at every scale?

Overlapping patches, each less its second-order polynomial, squared Fourier transform, averaged over rings. Two
departures: a Hann window, because a radiograph's patches are not flat; and anatomy is part of what is measured, so
that only the ratio of two images of the same region means anything.

After a reduction by four the input ends at 0.125 cycles a pixel: the two finest octaves are what was added.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch

_PATCH = 64
_OCTAVES = ((0.25, 0.5), (0.125, 0.25), (0.0625, 0.125), (0.03125, 0.0625))  # cycles a pixel of the truth


def _octave_powers(image: torch.Tensor) -> np.ndarray:
    """Mean power in each of ``OCTAVES``: (4,); NaN where a small image has no frequency of an octave.

    Args:
        image: (1, H, W).
    """
    side = min(_PATCH, *image.shape[-2:])
    patches = image[0].double().unfold(0, side, max(1, side // 2)).unfold(1, side, max(1, side // 2))
    flat = patches.reshape(-1, side * side).numpy()
    basis, window, rings = _tables(side)
    detrended = (flat - flat @ basis @ basis.T).reshape(-1, side, side) * window
    power = (np.abs(np.fft.fft2(detrended)) ** 2).mean(axis=0) / (window**2).sum()
    return np.array([power[ring].mean() if ring.any() else np.nan for ring in rings])


@functools.cache
def _tables(side: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Orthonormal basis of second-order polynomials (side², 6), Hann window (side, side), a mask for each octave."""
    axis = np.linspace(-1, 1, side)
    y, x = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
    basis, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1))
    hann = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    return basis, np.outer(hann, hann), [(low <= frequency) & (frequency < high) for low, high in _OCTAVES]


def compare_spectra(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float | None]:
    """Power of images over that of the truth, over all their regions.

    Args:
        pairs: image and truth per region, (1, h, w) each.

    Returns:
        ``nps_<octave>_db``, octave 1 the finest: 0 is the truth's power, negative is too smooth; and
        ``nps_distance_db``, their root mean square (log-spectral distance). ``None`` where the truth has no power.
    """
    powers = np.array([[_octave_powers(image), _octave_powers(truth)] for image, truth in pairs]).sum(axis=0)
    ratios = [_decibels(found, expected) for found, expected in powers.T]
    known = [ratio for ratio in ratios if ratio is not None]
    distance = math.sqrt(sum(ratio**2 for ratio in known) / len(known)) if known else None
    return {f"nps_{number}_db": ratio for number, ratio in enumerate(ratios, start=1)} | {"nps_distance_db": distance}


def _decibels(found: float, expected: float) -> float | None:
    """Ratio of two powers; the floor of -100 dB keeps an image without any texture comparable."""
    if not expected > 1e-15:
        return None
    return 10 * math.log10(max(found / expected, 1e-10))
