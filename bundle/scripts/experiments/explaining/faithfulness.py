"""Deletion and insertion (RISE, Petsiuk et al. 2018, arXiv:1806.07421): does the network use what a map marks?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage
from torch import nn

_BLUR = 0.045  # standard deviation of the blurred image, of its side (RISE: 10 of 224 pixels)


@torch.inference_mode()
def deletion_insertion(
    network: nn.Module, image: torch.Tensor, grids: Sequence[torch.Tensor], label: int, steps: int
) -> list[tuple[float, float]]:
    """Areas under the probability of a label, for each map of one image.

    Deletion blurs the patches of the image in the order of the map (low is good); insertion sharpens those of the
    blurred image (high is good). Blurred, not black: a black patch is a finding of its own.

    Args:
        network: (B, 1, S, S) -> logits (B, C).
        image: (1, S, S).
        grids: maps (h, w).
        label: number of the output.
        steps: equal parts that the patches are taken in; twice ``steps - 1`` forward passes for each map.

    Returns:
        Deletion and insertion of each map, in [0, 1].
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
    """(S, S) bool: the first ``share`` of the patches in the order of the map, ties in reading order."""
    order = grid.flatten().argsort(descending=True, stable=True)
    chosen = torch.zeros(grid.numel(), dtype=torch.bool, device=grid.device)
    chosen[order[: round(share * grid.numel())]] = True
    rows, columns = grid.shape
    return chosen.view(rows, columns).repeat_interleave(size // rows, 0).repeat_interleave(size // columns, 1)


def _area_under(probabilities: Sequence[float]) -> float:
    """Area under equally spaced points, by trapezoids; width one."""
    return float(np.trapezoid(probabilities, dx=1 / (len(probabilities) - 1)))
