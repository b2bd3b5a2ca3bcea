"""Regions of a film in its own pixels, selected by maps on the patch grid of the network's input."""

from __future__ import annotations

import numpy as np

from ..common.geometry import SquareGeometry, map_to_source
from .region_maps import FilmMaps
from .regions import Region, select_regions


def select_film_regions(
    film: FilmMaps,
    shape: tuple[int, int],
    network_size: int,
    *,
    selector: str,
    count: int,
    window: int,
    seed: int,
) -> tuple[list[Region], list[str]]:
    """Regions of a film, searched at about the network's resolution because the maps have no finer detail.

    Args:
        film: maps of the film.
        shape: height and width of the film, in pixels.
        network_size: side of the network's input, in pixels.
        selector: selection method.
        count: number of regions.
        window: side of a region, in pixels of the film.
        seed: seed of the ``random`` selector.

    Returns:
        Regions in pixels of the film, and the flags of :func:`.regions.select_regions`.

    Raises:
        ValueError: the selector is not known.
    """
    step = max(1, round(max(shape) / network_size))
    small = (-(-shape[0] // step), -(-shape[1] // step))
    geometry = SquareGeometry(*small, network_size)
    attention = np.array([map_to_source(grid, geometry).numpy() for grid in film.maps]).reshape(-1, *small)
    found, flags = select_regions(
        selector, attention, count=count, window=max(1, round(window / step)), seed=seed, labels=film.labels
    )
    rows, columns = min(window, shape[0]), min(window, shape[1])
    regions = []
    for region in found:
        row, column = min(region.row0 * step, shape[0] - rows), min(region.col0 * step, shape[1] - columns)
        regions.append(Region(row, column, row + rows, column + columns, region.score, region.label))
    return regions, flags
