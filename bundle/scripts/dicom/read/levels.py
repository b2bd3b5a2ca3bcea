"""The grey levels of an image: what is to be worked out once for each stored value, not once for each pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..decode.bits import BLOCK, Stored

_MAX_TABLE = 1 << 17


@dataclass(frozen=True)
class Levels:
    """Stored values and where they are.

    Attributes:
        values: (N,) integers, ascending; all stored values are among them.
        index: (H, W) unsigned; the position in ``values`` of each pixel.
        lowest: position of the lowest value that occurs; the highest is the last.
    """

    values: np.ndarray
    index: np.ndarray
    lowest: int

    @cached_property
    def counts(self) -> np.ndarray:
        """Pixels (N,) of each level."""
        flat, counts = self.index.ravel(), np.zeros(len(self.values), dtype=np.int64)
        for start in range(0, flat.size, BLOCK):
            counts += np.bincount(flat[start : start + BLOCK], minlength=len(counts))
        return counts

    @cached_property
    def extremes(self) -> np.ndarray:
        """Levels (N,) bool: the lowest and the highest that occur. Enough for what is monotone, and free."""
        mask = np.zeros(len(self.values), dtype=bool)
        mask[[self.lowest, -1]] = True
        return mask

    def look_up(self, table: np.ndarray) -> np.ndarray:
        """Image (H, W) float32 of a table (N,) that has a value for each level."""
        table, flat = table.astype(np.float32), self.index.reshape(-1)
        image = np.empty(flat.size, dtype=np.float32)
        for start in range(0, flat.size, BLOCK):
            np.take(table, flat[start : start + BLOCK], out=image[start : start + BLOCK], mode="clip")
        return image.reshape(self.index.shape)


def find_levels(stored: Stored) -> Levels:
    """Levels of stored values of any width and sign."""
    values, low, high = stored
    if high - min(low, 0) < _MAX_TABLE and low >= 0:  # the stored values are their own index
        return Levels(np.arange(high + 1), values, low)
    if high - low < _MAX_TABLE:
        return Levels(np.arange(low, high + 1), (values.astype(np.int64) - low).astype(np.uint32), 0)
    occurring, index = np.unique(values, return_inverse=True)
    return Levels(occurring.astype(np.int64), index.reshape(values.shape), 0)


def percentile(values: np.ndarray, counts: np.ndarray, percent: float) -> float:
    """Percentile of values (N,) that occur ``counts`` (N,) times, linear between neighbours as NumPy's."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(counts[order])
    position = (cumulative[-1] - 1) * percent / 100
    ranks = [np.floor(position), np.ceil(position)]
    below, above = values[order[np.searchsorted(cumulative, ranks, side="right")]]
    return float(below + (above - below) * (position % 1))
