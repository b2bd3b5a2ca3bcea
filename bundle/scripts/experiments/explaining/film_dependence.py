"""Does a map depend on the film? Similarity to the maps of other films, and the constant spot of the peaks.

A map that is nearly the same on every film cannot follow a finding. Lungs lie at similar places, so a correlation is
never zero and is no verdict on its own; the comparison with the mean map as a control is (:mod:`.controls`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...attention.mean_map import other_means

Dependence = dict[str, dict[str, float | None]]  # by method
_RADIUS = 1 / 8  # of the side of the image


def film_dependence(maps: torch.Tensor, patients: Sequence[int]) -> dict[str, float | None]:
    """How far maps depend on the film.

    Args:
        maps: (N, h, w) maps that choose the regions of N films.
        patients: N patient numbers.

    Returns:
        ``mean_map_correlation``: mean Pearson correlation of a map with the mean map of other patients' films, ``None``
        for films of one patient or constant maps. ``constant_spot``: largest share of the peaks that lie within an
        eighth of the image's side of one patch.
    """
    means = other_means(maps, patients)
    correlations = [] if means is None else [_correlation(a, b) for a, b in zip(maps, means, strict=True)]
    known = [value for value in correlations if value is not None]
    return {
        "mean_map_correlation": float(np.mean(known)) if known else None,
        "constant_spot": _constant_spot(maps),
    }


def _correlation(first: torch.Tensor, second: torch.Tensor) -> float | None:
    """Pearson correlation of two maps; ``None`` if one of them is constant."""
    pair = np.stack([first.double().flatten().numpy(), second.double().flatten().numpy()])
    return None if np.ptp(pair, axis=1).min() <= 0 else float(np.corrcoef(pair)[0, 1])


def _constant_spot(maps: torch.Tensor) -> float:
    """Largest share of the peaks of (N, h, w) maps within ``_RADIUS`` of one patch."""
    rows, columns = maps.shape[1:]
    peaks = maps.flatten(1).argmax(dim=1)
    places = torch.stack([(peaks // columns + 0.5) / rows, (peaks % columns + 0.5) / columns], dim=1)  # (N, 2)
    grid = torch.cartesian_prod((torch.arange(rows) + 0.5) / rows, (torch.arange(columns) + 0.5) / columns)
    near = torch.cdist(grid, places) <= _RADIUS  # (h w, N)
    return float(near.double().mean(dim=1).max())
