"""Enhanced regions back into the image (paper: "placed back in their original positions").

``paste_back`` at the original size: pixels outside the regions stay bit-exact. A ×4 region reduced back to its size
is within 0.1–1 % of the region itself, so this mode cannot carry new detail. ``hr_canvas`` keeps the larger pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

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
    """Put enhanced regions into an image.

    Args:
        image: (1, H, W).
        crops: (1, scale * h, scale * w) per region.
        regions: in pixels of ``image``.
        scale: of the crops.
        mode: ``paste_back`` or ``hr_canvas``.
        feather: width of the raised-cosine ramp inside each border, pixels of ``image``.

    Returns:
        (1, H, W), or (1, scale * H, scale * W) for ``hr_canvas``.

    Raises:
        ValueError: unknown mode.
    """
    if mode not in _MODES:
        raise ValueError(f"paste_mode: not known; expected one of {', '.join(_MODES)}, found {mode!r}")
    factor = scale if mode == "hr_canvas" else 1
    height, width = image.shape[-2:]
    canvas = resize(image[None], (height * factor, width * factor))[0].clamp(0, 1) if factor > 1 else image.clone()
    change, weight = torch.zeros_like(canvas), torch.zeros_like(canvas)
    for crop, region in zip(crops, regions, strict=True):
        rows, columns = (
            slice(region.row0 * factor, region.row1 * factor),
            slice(region.col0 * factor, region.col1 * factor),
        )
        size = (rows.stop - rows.start, columns.stop - columns.start)
        fitted = crop if tuple(crop.shape[-2:]) == size else resize(crop[None], size)[0]
        ramp = raised_cosine(size, feather * factor)
        # The change is blended, not the pixels: an unchanged region stays bit-exact whatever its weights.
        change[:, rows, columns] += ramp * (fitted.clamp(0, 1) - canvas[:, rows, columns])
        weight[:, rows, columns] += ramp
    return (canvas + change / weight.clamp(min=1)).clamp(0, 1)
