"""Where the body is: attention to the air around it, and to padding, is an artifact by definition."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

_AIR = 0.12  # highest grey of air, between the darkest and the brightest percentile of the image
_PATCH_SHARE = 0.5  # of a patch that must be body


def _body_mask(image: torch.Tensor) -> torch.Tensor:
    """(S, S) bool: False in the dark parts that touch the border: air beside the body, collimation, padding.

    A lung is as dark, but enclosed.

    Args:
        image: (1, S, S), displayed polarity (air dark).
    """
    pixels = image[0].float().cpu().numpy()
    low, high = np.percentile(pixels, (1, 99))
    dark = pixels <= low + _AIR * (high - low)
    parts, _ = ndimage.label(dark)
    edges = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
    return torch.from_numpy(~np.isin(parts, edges[edges > 0]))


def body_patches(images: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """(B, h, w) bool: patches that are mostly body.

    Args:
        images: (B, 1, S, S).
        grid: h, w.
    """
    masks = torch.stack([_body_mask(image) for image in images])[:, None].float()
    return (torch.nn.functional.adaptive_avg_pool2d(masks, grid)[:, 0] >= _PATCH_SHARE).to(images.device)
