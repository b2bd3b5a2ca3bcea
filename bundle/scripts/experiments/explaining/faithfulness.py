"""Deletion and insertion (RISE, Petsiuk et al. 2018, arXiv:1806.07421): does the network use the marked pixels?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import nn

_BLUR = 0.045  # standard deviation of the blur, as a fraction of the side of the image (RISE: 10 of 224 pixels)


@torch.inference_mode()
def deletion_insertion(
    network: nn.Module, image: torch.Tensor, grids: Sequence[torch.Tensor], label: int, steps: int
) -> list[tuple[float, float]]:
    """Areas under the curves of deletion and insertion, for each map of one image.

    Deletion blurs the patches of the image in the order of the map; a low area is good. Insertion sharpens the patches
    of the blurred image; a high area is good. Patches are blurred, because a black patch could look like a finding.

    Args:
        network: network from images (B, 1, S, S) to logits (B, C).
        image: image (1, S, S).
        grids: maps (h, w).
        label: number of the output whose probability is used.
        steps: number of equal parts of the patches; each map takes ``2 * (steps - 1)`` forward passes.

    Returns:
        Areas of deletion and insertion of each map, in [0, 1].
    """

    def probabilities(images: torch.Tensor) -> list[float]:
        return network(images)[:, label].double().sigmoid().tolist()

    blurred = torch.from_numpy(ndimage.gaussian_filter(image[0].cpu().numpy(), _BLUR * image.shape[-1], mode="nearest"))
    blurred = blurred[None].to(image)
    whole, empty = probabilities(torch.stack([image, blurred]))
    results = []
    for grid in grids:
        marks = torch.stack([_marked(grid, step / steps, image.shape[-1]) for step in range(1, steps)]).to(image.device)
        deleted, inserted = torch.where(marks[:, None], blurred, image), torch.where(marks[:, None], image, blurred)
        found = probabilities(torch.cat([deleted, inserted]))
        deletion, insertion = [whole, *found[: steps - 1], empty], [empty, *found[steps - 1 :], whole]
        results.append((_area_under(deletion), _area_under(insertion)))
    return results


def _marked(grid: torch.Tensor, share: float, size: int) -> torch.Tensor:
    """Mask (S, S) of the first ``share`` of the patches in the order of the map; ties are in raster order."""
    order = grid.flatten().argsort(descending=True, stable=True)
    chosen = torch.zeros(grid.numel(), dtype=torch.bool, device=grid.device)
    chosen[order[: round(share * grid.numel())]] = True
    rows, columns = grid.shape
    return chosen.view(rows, columns).repeat_interleave(size // rows, 0).repeat_interleave(size // columns, 1)


def _area_under(probabilities: Sequence[float]) -> float:
    """Area under equally spaced points over a width of 1, by the trapezoidal rule."""
    return float(np.trapezoid(probabilities, dx=1 / (len(probabilities) - 1)))
