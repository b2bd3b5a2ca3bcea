"""Detection of the body. Attention to the air around it, or to padding, is an artifact by definition."""

from __future__ import annotations

import numpy as np
import torch

_AIR = 0.12  # highest grey value of air, as a fraction of the range from the 1st to the 99th percentile
_PATCH_SHARE = 0.5  # smallest fraction of body in a body patch


def _body_mask(image: torch.Tensor) -> torch.Tensor:
    """Mask of the body, (S, S) bool.

    Dark areas that touch the border are not body: air beside it, collimation and padding. A lung is dark as well, but
    it does not touch the border.

    Args:
        image: (1, S, S), air dark.
    """
    from scipy import ndimage

    pixels = image[0].float().cpu().numpy()
    low, high = np.percentile(pixels, (1, 99))
    dark = pixels <= low + _AIR * (high - low)
    parts, _ = ndimage.label(dark)
    edges = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return torch.from_numpy(~np.isin(parts, edges[edges > 0]))


def body_patches(images: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Find the patches of which at least half is body.

    Args:
        images: (B, 1, S, S).
        grid: numbers of rows h and columns w of patches.

    Returns:
        (B, h, w) bool.
    """
    masks = torch.stack([_body_mask(image) for image in images])[:, None].float()
    return (torch.nn.functional.adaptive_avg_pool2d(masks, grid)[:, 0] >= _PATCH_SHARE).to(images.device)
