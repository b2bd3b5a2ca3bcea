"""Noise power spectrum by octave (after IEC 62220-1): does an image have the texture of the truth at every scale?

A second-order polynomial is subtracted from each of the overlapping patches, and the squared magnitude of the Fourier
transform is averaged over rings. There are two differences from the standard. A Hann window is applied, because patches
of a radiograph are not flat. The power includes that of the anatomy, so that only the ratio of two images of the same
region is meaningful.

An input reduced by four has no frequencies above 0.125 cycles per pixel: an enhancer adds the two finest octaves.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import torch

_PATCH = 64
_OCTAVES = ((0.25, 0.5), (0.125, 0.25), (0.0625, 0.125), (0.03125, 0.0625))  # cycles per pixel of the truth


def _octave_powers(image: torch.Tensor) -> np.ndarray:
    """Mean power (4,) of an image (1, H, W) in each octave; NaN if the image is too small for an octave."""
    side = min(_PATCH, *image.shape[-2:])
    patches = image[0].double().unfold(0, side, max(1, side // 2)).unfold(1, side, max(1, side // 2))
    flat = patches.reshape(-1, side * side).numpy()
    basis, window, rings = _tables(side)
    detrended = (flat - flat @ basis @ basis.T).reshape(-1, side, side) * window
    power = (np.abs(np.fft.fft2(detrended)) ** 2).mean(axis=0) / (window**2).sum()
    return np.array([power[ring].mean() if ring.any() else np.nan for ring in rings])


@functools.cache
def _tables(side: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Orthonormal basis of second-order polynomials (side², 6), Hann window (side, side), and masks of the octaves."""
    axis = np.linspace(-1, 1, side)
    y, x = (grid.ravel() for grid in np.meshgrid(axis, axis, indexing="ij"))
    basis, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1))
    hann = np.sin(np.pi * (np.arange(side) + 0.5) / side) ** 2
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)[None, :])
    return basis, np.outer(hann, hann), [(low <= frequency) & (frequency < high) for low, high in _OCTAVES]


def compare_spectra(pairs: Sequence[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float | None]:
    """Ratio of the power of images to that of the truth, over all regions.

    Args:
        pairs: image and truth (1, h, w) of each region.

    Returns:
        ``nps_<octave>_db``, where octave 1 is the finest, 0 is the power of the truth and a negative value means too
        smooth; and ``nps_distance_db``, the root mean square of the octaves (log-spectral distance). ``None`` if the
        truth has no power.
    """
    powers = np.array([[_octave_powers(image), _octave_powers(truth)] for image, truth in pairs]).sum(axis=0)
    ratios = [_decibels(found, expected) for found, expected in powers.T]
    known = [ratio for ratio in ratios if ratio is not None]
    distance = math.sqrt(sum(ratio**2 for ratio in known) / len(known)) if known else None
    return {f"nps_{number}_db": ratio for number, ratio in enumerate(ratios, start=1)} | {"nps_distance_db": distance}


def _decibels(found: float, expected: float) -> float | None:
    """Ratio of two powers in decibels, at least -100, so that an image without texture has a finite value."""
    if not expected > 1e-15:
        return None
    return 10 * math.log10(max(found / expected, 1e-10))
