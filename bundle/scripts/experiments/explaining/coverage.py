"""Coverage: is a finding inside the regions that would be enhanced?

The regions are those that ``enhancing`` chooses from the same map with the selector ``fixed_windows``. The labels of
the film are not known beforehand.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...super_resolution.regions import FIXED_WINDOWS, Region, select_regions


def film_regions(pixels: np.ndarray, counts: Sequence[int], window: int) -> list[Region]:
    """Regions of a film in the order of their rank; a smaller number of regions is the beginning of the list.

    Args:
        pixels: map (R, C) in the pixels of the picture.
        counts: numbers of regions that coverage is measured for.
        window: side of a region, in pixels of the picture.
    """
    return select_regions(FIXED_WINDOWS, pixels, count=max(counts), window=window)[0]


def coverage(draws: Sequence[Sequence[Region]], parts: Sequence[np.ndarray], counts: Sequence[int]) -> dict[str, float]:
    """Share of the annotations of a finding whose centre lies inside the regions, and covered share of their area.

    Args:
        draws: regions of a film in the order of their rank; several lists, as of random maps, are averaged.
        parts: masks (R, C) of the annotations (boxes) of one label, none of them empty.
        counts: numbers of regions K.

    Returns:
        ``coverage_K`` (centres) and ``area_coverage_K`` for each K.
    """
    union = np.logical_or.reduce(parts)
    centres = [_centre(part) for part in parts]
    found: dict[str, float] = {}
    for count in counts:
        covered = [_inside(regions[:count], union.shape) for regions in draws]
        found[f"coverage_{count}"] = float(np.mean([[inside[centre] for centre in centres] for inside in covered]))
        found[f"area_coverage_{count}"] = float(np.mean([inside[union].mean() for inside in covered]))
    return found


def _inside(regions: Sequence[Region], shape: tuple[int, ...]) -> np.ndarray:
    """Mask of the pixels inside any of the regions."""
    mask = np.zeros(shape, bool)
    for region in regions:
        mask[region.row0 : region.row1, region.col0 : region.col1] = True
    return mask


def _centre(mask: np.ndarray) -> tuple[int, int]:
    """Pixel at the centre of gravity of a mask (R, C) that is not empty."""
    rows, columns = np.nonzero(mask)
    return int(rows.mean()), int(columns.mean())
