"""Selection of regions from an attention map.

The paper takes "the regions with the highest attention" and gives no details. All selectors here are deterministic and
return windows of one size, which can be enhanced in batches. ``random`` and ``lowest`` are controls: they show whether
attention improves the result at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..common.choices import check_choice

_MAX_OVERLAP = 0.1
_QUANTILE = 0.8


@dataclass(frozen=True)
class Region:
    """Box in pixels, with exclusive ends, and the mean attention inside it (0 if there is no usable map)."""

    row0: int
    col0: int
    row1: int
    col1: int
    score: float = 0.0

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row0, col0, row1, col1)."""
        return self.row0, self.col0, self.row1, self.col1


def select_regions(
    selector: str, attention: np.ndarray, *, count: int, window: int, seed: int = 0
) -> tuple[list[Region], list[str]]:
    """Choose regions by an attention map.

    Args:
        selector: name of a selector, a key of ``SELECTORS``.
        attention: map (H, W) at the size of the image that the regions are cut from.
        count: largest number of regions.
        window: side of a region, in pixels; a side that exceeds the image is cut to the image's.
        seed: seed of the selector ``random``, different for each image.

    Returns:
        Regions in the order in which the selector ranks them, and flags. ``no_attention`` marks a constant or
        non-finite map, for which the only region is the central window; ``small_image`` marks an image that is smaller
        than the window.

    Raises:
        ValueError: the selector is not known.
    """
    check_choice("selector", selector, SELECTORS)
    height, width = attention.shape
    rows, columns = min(window, height), min(window, width)
    flags = ["small_image"] if min(height, width) < window else []
    if not np.isfinite(attention).all() or np.ptp(attention) <= 0:
        row, column = (height - rows) // 2, (width - columns) // 2
        return [Region(row, column, row + rows, column + columns)], [*flags, "no_attention"]
    means = _window_means(attention, rows, columns)
    order = SELECTORS[selector](means, attention, np.random.default_rng(seed))
    picked: list[tuple[int, int]] = []
    for index in order:
        corner = divmod(int(index), means.shape[1])
        if all(_overlap(corner, other, rows, columns) <= _MAX_OVERLAP for other in picked):
            picked.append(corner)
        if len(picked) == count:
            break
    return [Region(r, c, r + rows, c + columns, float(means[r, c])) for r, c in picked], flags


def _window_means(attention: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Mean of every window, (H - rows + 1, W - columns + 1), computed with an integral image."""
    total = np.pad(attention.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    return sums / (rows * columns)


def _overlap(first: tuple[int, int], second: tuple[int, int], rows: int, columns: int) -> float:
    """Intersection over union of two windows of equal size, given by their first row and column."""
    common = max(0, rows - abs(first[0] - second[0])) * max(0, columns - abs(first[1] - second[1]))
    return common / (2 * rows * columns - common)


def _by_mean(means: np.ndarray, attention: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Windows with the highest mean first; ties stay in raster order (stable sort)."""
    return np.argsort(-means, axis=None, kind="stable")


def _by_lowest_mean(means: np.ndarray, attention: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Windows with the lowest mean first; ties stay in raster order."""
    return np.argsort(means, axis=None, kind="stable")


def _at_random(means: np.ndarray, attention: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Windows in random order."""
    return rng.permutation(means.size)


def _by_component(means: np.ndarray, attention: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Windows centred on the connected components above the 0.8 quantile of the map, largest sum first."""
    labels, number = ndimage.label(attention >= np.quantile(attention, _QUANTILE))
    indices = np.arange(1, number + 1)
    mass = ndimage.sum_labels(attention, labels, indices)
    centres = np.array(ndimage.center_of_mass(attention, labels, indices))
    offset = (np.array(attention.shape) - np.array(means.shape)) / 2
    corners = np.clip(np.round(centres - offset), 0, np.array(means.shape) - 1).astype(int)
    return np.ravel_multi_index(tuple(corners[np.argsort(-mass, kind="stable")].T), means.shape)


SELECTORS: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    "fixed_windows": _by_mean,
    "quantile": _by_component,
    "random": _at_random,
    "lowest": _by_lowest_mean,
}
