"""Selection of regions from attention maps.

The paper takes "the regions with the highest attention" and gives no details. All selectors here are deterministic and
return windows of one size, which can be enhanced in batches. ``random``, ``lowest`` and ``mean_map`` are controls: they
show whether attention improves the result at all. For ``mean_map`` the caller gives the mean map of other patients'
films in the place of the film's own. Where there are maps of labels, a region is named by the label with the largest
part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ..common.choices import check_choice

FIXED_WINDOWS, MEAN_MAP = "fixed_windows", "mean_map"
_MAX_OVERLAP = 0.1
_QUANTILE = 0.8


@dataclass(frozen=True)
class Region:
    """Box in pixels, with exclusive ends.

    Attributes:
        row0: first row.
        col0: first column.
        row1: row after the last.
        col1: column after the last.
        score: mean of the map, or of the sum of the maps, inside the box; 0 if there is no usable map.
        label: label with the largest part in the region; ``None`` for a map that belongs to no label.
    """

    row0: int
    col0: int
    row1: int
    col1: int
    score: float = 0.0
    label: str | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row0, col0, row1, col1)."""
        return self.row0, self.col0, self.row1, self.col1


def select_regions(
    selector: str,
    attention: np.ndarray,
    *,
    count: int,
    window: int,
    seed: int = 0,
    labels: Sequence[str | None] = (None,),
) -> tuple[list[Region], list[str]]:
    """Choose regions by attention maps.

    A window of the sum of the maps is taken if it overlaps no better one by more than a tenth of their union.

    Args:
        selector: name of a selector, a key of ``SELECTORS``.
        attention: map (H, W), or maps (L, H, W) of L labels, at the size of the image that the regions are cut from.
        count: largest number of regions.
        window: side of a region, in pixels; a side that exceeds the image is cut to the image's.
        seed: seed of the selector ``random``, different for each image.
        labels: L names of the maps.

    Returns:
        Regions in the order in which the selector ranks them, and flags. Maps that are constant or not finite choose
        nothing; ``no_attention`` marks that no other map is left, and the only region is then the central window.
        ``small_image`` marks an image that is smaller than the window.

    Raises:
        ValueError: the selector is not known.
    """
    check_choice("selector", selector, SELECTORS)
    maps = attention if attention.ndim == 3 else attention[None]
    height, width = maps.shape[1:]
    rows, columns = min(window, height), min(window, width)
    flags = ["small_image"] if min(height, width) < window else []
    usable = [index for index, one in enumerate(maps) if np.isfinite(one).all() and np.ptp(one) > 0]
    if not usable:
        row, column = (height - rows) // 2, (width - columns) // 2
        return [Region(row, column, row + rows, column + columns)], [*flags, "no_attention"]
    total = maps[usable].sum(axis=0)
    means = _window_means(total, rows, columns)
    order = SELECTORS[selector](means, total, np.random.default_rng(seed))
    corners = np.stack(np.unravel_index(order, means.shape))  # (2, N)
    regions: list[Region] = []
    while corners.size and len(regions) < count:
        row, column = (int(index) for index in corners[:, 0])
        parts = maps[usable, row : row + rows, column : column + columns].sum(axis=(1, 2))
        label = labels[usable[int(parts.argmax())]]
        regions.append(Region(row, column, row + rows, column + columns, float(means[row, column]), label))
        corners = corners[:, _overlap((row, column), corners, rows, columns) <= _MAX_OVERLAP]
    return regions, flags


def _window_means(attention: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Mean of every window, (H - rows + 1, W - columns + 1), computed with an integral image."""
    total = np.pad(attention.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    return sums / (rows * columns)


def _overlap(first: tuple[int, int], others: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Intersection over union of a window with others of equal size, given by their first rows and columns (2, N)."""
    high = np.maximum(0, rows - np.abs(others[0] - first[0]))
    common = high * np.maximum(0, columns - np.abs(others[1] - first[1]))
    return np.asarray(common / (2 * rows * columns - common))


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
    from scipy import ndimage

    labels, number = ndimage.label(attention >= np.quantile(attention, _QUANTILE))
    indices = np.arange(1, number + 1)
    mass = ndimage.sum_labels(attention, labels, indices)
    centres = np.array(ndimage.center_of_mass(attention, labels, indices))
    offset = (np.array(attention.shape) - np.array(means.shape)) / 2
    corners = np.clip(np.round(centres - offset), 0, np.array(means.shape) - 1).astype(int)
    return np.ravel_multi_index(tuple(corners[np.argsort(-mass, kind="stable")].T), means.shape)


# Each orders the windows (h, w), as flat indices, by their means and the map (H, W).
SELECTORS: dict[str, Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]] = {
    FIXED_WINDOWS: _by_mean,
    "quantile": _by_component,
    "random": _at_random,
    "lowest": _by_lowest_mean,
    MEAN_MAP: _by_mean,
}
