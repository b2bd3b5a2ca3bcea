"""Artifact tokens: patches of little content that a transformer uses as memory (Darcet et al., arXiv:2309.16588).

Their norm is an outlier, and they draw attention to empty background. In a network that was trained without register
tokens, the values of a map at artifact tokens are replaced by those of their neighbours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

_DEVIATIONS = 6.0  # robust standard deviations above the median norm
_MAD_TO_SIGMA = 1.4826  # standard deviation / median absolute deviation of a normal distribution


def artifact_tokens(tokens: torch.Tensor) -> torch.Tensor:
    """Find the tokens whose norm is an outlier in their image.

    Args:
        tokens: (B, n, D), patch tokens after the last block and before the final layer norm, which would equalise their
            norms.

    Returns:
        (B, n) bool.
    """
    norms = tokens.float().norm(dim=-1)  # (B, n)
    middle = norms.median(dim=1, keepdim=True).values
    deviation = _MAD_TO_SIGMA * (norms - middle).abs().median(dim=1, keepdim=True).values
    return norms > middle + _DEVIATIONS * deviation


def fill_from_neighbours(maps: torch.Tensor, artifacts: torch.Tensor) -> torch.Tensor:
    """Replace the values at artifacts by the median of the 3 x 3 neighbours that are not artifacts.

    If all neighbours are artifacts, the median of the whole map without artifacts is used.

    Args:
        maps: (B, C, h, w).
        artifacts: (B, h, w) bool.

    Returns:
        Maps (B, C, h, w).
    """
    clean = maps.masked_fill(artifacts[:, None], float("nan"))
    batch, labels, rows, columns = maps.shape
    padded = F.pad(clean, (1, 1, 1, 1), value=float("nan")).flatten(0, 1)[:, None]
    around = F.unfold(padded, kernel_size=3).reshape(batch, labels, 9, rows, columns)
    median = around.nanmedian(dim=2).values
    whole = clean.flatten(2).nanmedian(dim=2).values[..., None, None]  # (B, C, 1, 1)
    return torch.where(clean.isnan(), torch.where(median.isnan(), whole, median), maps)
