"""Pictures of a region before and after enhancement, for pages."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from ..common.page_pictures import difference_picture, grey_picture
from .region_enhancer import resize_like

VERSIONS = ("native", "input", "enhanced", "difference")


def region_pictures(
    native: torch.Tensor, low_res: torch.Tensor, high_res: torch.Tensor
) -> tuple[dict[str, Image.Image], float]:
    """Pictures of a region by the names in :data:`VERSIONS`.

    Args:
        native: region (1, h, w) of the original, in [0, 1].
        low_res: the same as the enhancer read it.
        high_res: the same enhanced.

    Returns:
        The pictures, and the absolute difference, in [0, 1], that the strongest colour of ``difference`` stands for.
        The difference is the enhanced less the native region, enlarged to its size.
    """
    values = (high_res.clamp(0, 1) - resize_like(native, high_res))[0].numpy()
    limit = max(float(np.abs(values).max()), 1e-6)
    pictures = [grey_picture(version[0].numpy()) for version in (native, low_res, high_res)]
    return dict(zip(VERSIONS, [*pictures, difference_picture(values / limit)], strict=True)), limit
