"""Selection of regions from attention maps.

The paper takes "the regions with the highest attention" and gives no details. All selectors here are deterministic and
return windows of one size, which can be enhanced in batches. ``random``, ``lowest`` and ``mean_map`` are controls: they
show whether attention improves the result at all. For ``mean_map`` the caller gives the mean map of other patients'
films in the place of the film's own. Where there are maps of labels, a region is named by the label with the largest
part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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

    A window is taken if it overlaps no earlier one by more than a tenth of their union. ``fixed_windows`` and
    ``mean_map`` take the window with the highest mean of what no earlier window contains. Where the map gives the
    expected number of findings, this is the greedy choice of the windows that contain most of them. In a
    cross-validation on 591 boxed findings of NIH ChestX-ray14 (``benchmarks/patch_head_choices.py``), four windows
    covered 0.82 of them so, and 0.79 where a window counted what others contain.

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
    free = np.ones(means.shape, bool)
    regions: list[Region] = []
    for row, column in SELECTORS[selector](total, (rows, columns), free, np.random.default_rng(seed)):
        parts = maps[usable, row : row + rows, column : column + columns].sum(axis=(1, 2))
        label = labels[usable[int(parts.argmax())]]
        regions.append(Region(row, column, row + rows, column + columns, float(means[row, column]), label))
        if len(regions) == count:
            break
        free &= _overlap((row, column), np.indices(free.shape), rows, columns) <= _MAX_OVERLAP
    return regions, flags


def _window_means(attention: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Mean of every window, (H - rows + 1, W - columns + 1), computed with an integral image."""
    total = np.pad(attention.astype(np.float64), ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    sums = total[rows:, columns:] - total[:-rows, columns:] - total[rows:, :-columns] + total[:-rows, :-columns]
    return sums / (rows * columns)


def _overlap(first: tuple[int, int], others: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Intersection over union of a window with others of equal size, given by their first rows and columns (2, …)."""
    high = np.maximum(0, rows - np.abs(others[0] - first[0]))
    common = high * np.maximum(0, columns - np.abs(others[1] - first[1]))
    return np.asarray(common / (2 * rows * columns - common))


def _by_mean(
    attention: np.ndarray, size: tuple[int, int], free: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Windows with the highest mean of what no earlier window contains; the first of equal ones in raster order."""
    left = attention.astype(np.float64)
    while free.any():
        means = np.where(free, _window_means(left, *size), -np.inf)
        row, column = np.unravel_index(int(means.argmax()), means.shape)
        yield int(row), int(column)
        left[row : row + size[0], column : column + size[1]] = 0


def _by_lowest_mean(
    attention: np.ndarray, size: tuple[int, int], free: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Windows with the lowest mean first; ties stay in raster order (stable sort)."""
    yield from _free(np.argsort(_window_means(attention, *size), axis=None, kind="stable"), free)


def _at_random(
    attention: np.ndarray, size: tuple[int, int], free: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Windows in random order."""
    yield from _free(rng.permutation(free.size), free)


def _by_component(
    attention: np.ndarray, size: tuple[int, int], free: np.ndarray, rng: np.random.Generator
) -> Iterator[tuple[int, int]]:
    """Windows centred on the connected components above the 0.8 quantile of the map, largest sum first."""
    from scipy import ndimage

    labels, number = ndimage.label(attention >= np.quantile(attention, _QUANTILE))
    indices = np.arange(1, number + 1)
    mass = ndimage.sum_labels(attention, labels, indices)
    centres = np.array(ndimage.center_of_mass(attention, labels, indices))
    corners = np.clip(np.round(centres - np.array(size) / 2), 0, np.array(free.shape) - 1).astype(int)
    yield from _free(np.ravel_multi_index(tuple(corners[np.argsort(-mass, kind="stable")].T), free.shape), free)


def _free(order: np.ndarray, free: np.ndarray) -> Iterator[tuple[int, int]]:
    """First rows and columns of windows, given as flat indices, that are free when their turn comes."""
    for index in order:
        row, column = np.unravel_index(int(index), free.shape)
        if free[row, column]:
            yield int(row), int(column)


_Windows = Callable[[np.ndarray, tuple[int, int], np.ndarray, np.random.Generator], Iterator[tuple[int, int]]]
# Each yields the first row and column of windows of the size (rows, columns) in a map (H, W). An array (h, w) marks the
# windows that may still be taken; the caller changes it between two of them.
SELECTORS: dict[str, _Windows] = {
    FIXED_WINDOWS: _by_mean,
    "quantile": _by_component,
    "random": _at_random,
    "lowest": _by_lowest_mean,
    MEAN_MAP: _by_mean,
}
