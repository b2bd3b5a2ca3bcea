"""Similarity of edges: gradient magnitudes compared (Xue et al. 2014, arXiv 1308.3052).

The mean of their map instead of its deviation, and without their reduction by two: the finest octave is what
super-resolution is about.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

_STABILITY = 170 / 255**2  # the authors' constant, for the range 1
_PREWITT = torch.tensor([[1.0, 0.0, -1.0]] * 3) / 3


def gradient_similarity(image: torch.Tensor, truth: torch.Tensor) -> float:
    """1 for equal gradients; images (1, H, W)."""
    first, second = _gradient_magnitude(image), _gradient_magnitude(truth)
    similarity = (2 * first * second + _STABILITY) / (first.square() + second.square() + _STABILITY)
    return float(similarity.mean())


def _gradient_magnitude(image: torch.Tensor) -> torch.Tensor:
    """(1, H, W) -> (1, H - 2, W - 2), by the Prewitt operator."""
    kernels = torch.stack([_PREWITT, _PREWITT.T])[:, None]
    return F.conv2d(image.float()[None], kernels)[0].square().sum(dim=0, keepdim=True).sqrt()
