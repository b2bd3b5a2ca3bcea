"""Pasting of enhanced regions into the image (paper: "placed back in their original positions").

``paste_back`` keeps the size of the image; pixels outside the regions stay bit-exact. This mode cannot add detail,
because a region that is enlarged four times and reduced again differs from itself by only 0.1 to 1 %. ``hr_canvas``
enlarges the image instead and keeps the additional pixels of the regions.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..common.choices import check_choice
from .regions import Region
from .resampling import raised_cosine, resize

_MODES = ("paste_back", "hr_canvas")


def paste(
    image: torch.Tensor,
    crops: Sequence[torch.Tensor],
    regions: Sequence[Region],
    *,
    scale: int,
    mode: str,
    feather: int,
) -> torch.Tensor:
    """Paste enhanced regions into an image.

    Args:
        image: (1, H, W).
        crops: enhanced crop (1, scale * h, scale * w) of each region.
        regions: boxes in pixels of ``image``.
        scale: crop pixels per image pixel.
        mode: ``paste_back`` or ``hr_canvas``.
        feather: width of the raised-cosine ramp inside the border of a region, in pixels of ``image``.

    Returns:
        Image (1, H, W), or (1, scale * H, scale * W) for ``hr_canvas``.

    Raises:
        ValueError: unknown mode.
    """
    check_choice("paste_mode", mode, _MODES)
    factor = scale if mode == "hr_canvas" else 1
    height, width = image.shape[-2:]
    canvas = resize(image[None], (height * factor, width * factor))[0].clamp(0, 1) if factor > 1 else image.clone()
    change, weight = torch.zeros_like(canvas), torch.zeros_like(canvas)
    for crop, region in zip(crops, regions, strict=True):
        rows = slice(region.row0 * factor, region.row1 * factor)
        columns = slice(region.col0 * factor, region.col1 * factor)
        size = (rows.stop - rows.start, columns.stop - columns.start)
        resized = crop if tuple(crop.shape[-2:]) == size else resize(crop[None], size)[0]
        ramp = raised_cosine(size, feather * factor)
        # The change is blended instead of the pixels, so that an unchanged region stays bit-exact with any weights.
        change[:, rows, columns] += ramp * (resized.clamp(0, 1) - canvas[:, rows, columns])
        weight[:, rows, columns] += ramp
    return (canvas + change / weight.clamp(min=1)).clamp(0, 1)
