"""Similarity of gradient magnitudes (Xue et al. 2014, arXiv 1308.3052).

The similarity is the mean of the map of the paper, and not its standard deviation. The images are not reduced by two as
in the paper, because super-resolution is about the finest octave.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

_STABILITY = 170 / 255**2  # the authors' constant, for the range 1
_PREWITT = torch.tensor([[1.0, 0.0, -1.0]] * 3) / 3


def gradient_similarity(image: torch.Tensor, truth: torch.Tensor) -> float:
    """Similarity of the gradients of two images (1, H, W); 1 for equal gradients."""
    first, second = _gradient_magnitude(image), _gradient_magnitude(truth)
    similarity = (2 * first * second + _STABILITY) / (first.square() + second.square() + _STABILITY)
    return float(similarity.mean())


def _gradient_magnitude(image: torch.Tensor) -> torch.Tensor:
    """Gradient magnitude (1, H - 2, W - 2) of an image (1, H, W), by the Prewitt operator."""
    kernels = torch.stack([_PREWITT, _PREWITT.T])[:, None]
    return F.conv2d(image.float()[None], kernels)[0].square().sum(dim=0, keepdim=True).sqrt()
