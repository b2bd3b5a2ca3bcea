"""Moved copies of an image, whose predictions are averaged with those of the image (test-time augmentation).

Mirrored copies are not among them: a mirrored chest has its heart on the other side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F


def moved_views(images: torch.Tensor, shift: float, scale: float) -> list[torch.Tensor]:
    """Copies of images that are shifted to either side, and copies that are reduced and enlarged about the centre.

    Args:
        images: (B, 1, S, S).
        shift: distance of the shifts as a share of S, in [0, 1), at least one pixel; 0: no shifts.
        scale: change of the size, in [0, 1), at least one pixel of S; 0: no other sizes.

    Returns:
        No, two or four tensors of the shape of ``images``; what enters them from outside the image is 0, as in padding.
    """
    side = images.shape[-1]
    views = []
    if shift:
        pixels = max(1, round(shift * side))
        views += [F.pad(images, (by, -by)) for by in (-pixels, pixels)]
    if scale:
        change = max(1, round(scale * side))
        views += [_resized(images, size) for size in (side - change, side + change)]
    return views


def _resized(images: torch.Tensor, size: int) -> torch.Tensor:
    """Images of ``size`` pixels a side, padded or cut to their former side."""
    margin = images.shape[-1] - size
    before = margin // 2
    resized = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return F.pad(resized, (before, margin - before, before, margin - before))
