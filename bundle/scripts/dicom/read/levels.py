"""Grey levels of an image, so that rendering is computed once per stored value instead of once per pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..decode.bits import BLOCK, Stored

_MAX_TABLE = 1 << 17


@dataclass(frozen=True)
class Levels:
    """Grey levels and the level of each pixel.

    Attributes:
        values: Ascending integers (N,) that include all stored values.
        index: Unsigned integers (H, W): the position in ``values`` for each pixel.
        lowest: Position of the lowest value that occurs. The highest value that occurs is the last one.
    """

    values: np.ndarray
    index: np.ndarray
    lowest: int

    @cached_property
    def counts(self) -> np.ndarray:
        """Number of pixels (N,) of each level."""
        flat, counts = self.index.ravel(), np.zeros(len(self.values), dtype=np.int64)
        for start in range(0, flat.size, BLOCK):
            counts += np.bincount(flat[start : start + BLOCK], minlength=len(counts))
        return counts

    @cached_property
    def extremes(self) -> np.ndarray:
        """Mask (N,) of the lowest and the highest level that occur. They suffice for monotone rendering."""
        mask = np.zeros(len(self.values), dtype=bool)
        mask[[self.lowest, -1]] = True
        return mask

    def look_up(self, table: np.ndarray) -> np.ndarray:
        """Apply a table (N,), which has one value per level; returns an image (H, W) float32."""
        table, flat = table.astype(np.float32), self.index.reshape(-1)
        image = np.empty(flat.size, dtype=np.float32)
        for start in range(0, flat.size, BLOCK):
            np.take(table, flat[start : start + BLOCK], out=image[start : start + BLOCK], mode="clip")
        return image.reshape(self.index.shape)


def find_levels(stored: Stored) -> Levels:
    """Find the levels of stored values of any width and sign."""
    values, low, high = stored
    if high - min(low, 0) < _MAX_TABLE and low >= 0:  # the stored values are their own index
        return Levels(np.arange(high + 1), values, low)
    if high - low < _MAX_TABLE:
        return Levels(np.arange(low, high + 1), (values.astype(np.int64) - low).astype(np.uint32), 0)
    occurring, index = np.unique(values, return_inverse=True)
    return Levels(occurring.astype(np.int64), index.reshape(values.shape), 0)


def percentile(values: np.ndarray, counts: np.ndarray, percent: float) -> float:
    """Percentile of values (N,) that occur ``counts`` (N,) times, interpolated linearly as in ``numpy.percentile``."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(counts[order])
    position = (cumulative[-1] - 1) * percent / 100
    ranks = [np.floor(position), np.ceil(position)]
    below, above = values[order[np.searchsorted(cumulative, ranks, side="right")]]
    return float(below + (above - below) * (position % 1))
