"""Artifact tokens: patches of little content that a transformer uses as memory (Darcet et al., arXiv:2309.16588).

They have an outlying norm and draw attention to empty background. Where they cannot be trained away with registers,
the map has no evidence at their place, and takes it from the neighbours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

_DEVIATIONS = 6.0  # robust standard deviations above the median norm
_MAD_TO_SIGMA = 1.4826  # of a normal distribution


def artifact_tokens(tokens: torch.Tensor) -> torch.Tensor:
    """(B, n) bool: tokens whose norm is an outlier in their image.

    Args:
        tokens: (B, n, D) patch tokens that leave the last block, before the final normalisation, which hides norms.
    """
    norms = tokens.float().norm(dim=-1)  # (B, n)
    middle = norms.median(dim=1, keepdim=True).values
    deviation = _MAD_TO_SIGMA * (norms - middle).abs().median(dim=1, keepdim=True).values
    return norms > middle + _DEVIATIONS * deviation


def fill_from_neighbours(maps: torch.Tensor, artifacts: torch.Tensor) -> torch.Tensor:
    """Maps with the median of the 3 x 3 neighbours that are no artifacts at the artifacts; of the map where all are.

    Args:
        maps: (B, C, h, w).
        artifacts: (B, h, w) bool.
    """
    clean = maps.masked_fill(artifacts[:, None], float("nan"))
    batch, labels, rows, columns = maps.shape
    padded = F.pad(clean, (1, 1, 1, 1), value=float("nan")).flatten(0, 1)[:, None]
    around = F.unfold(padded, kernel_size=3).reshape(batch, labels, 9, rows, columns)
    median = around.nanmedian(dim=2).values
    whole = clean.flatten(2).nanmedian(dim=2).values[..., None, None]  # (B, C, 1, 1)
    return torch.where(clean.isnan(), torch.where(median.isnan(), whole, median), maps)
