"""Figures of one map against one finding: pure functions of arrays.

Hit rate: the pointing game, as CheXlocalize counts it without tolerance, and as its authors do with one of 15 pixels
(Zhang et al. 2016, arXiv:1608.00507): the peak of a map of patches is not known better than half a patch.
Relevance mass: Arras et al. 2020, arXiv:2003.07258. Sparsity: the Gini index (Hurley & Rickard 2009, arXiv:0811.4706).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def _is_flat(values: np.ndarray) -> bool:
    """Whether a map points nowhere: constant, or not finite."""
    return not np.isfinite(values).all() or bool(np.ptp(values) <= 1e-7 * np.abs(values).max(initial=0))


def hit(values: np.ndarray, truth: np.ndarray, tolerance: float = 0.0) -> bool:
    """Whether the peak of a map lies in the finding; a flat map has none.

    Args:
        values: (H, W).
        truth: (H, W) bool.
        tolerance: distance that the peak may be away, pixels.
    """
    if _is_flat(values) or not truth.any():
        return False
    peak = np.unravel_index(int(values.argmax()), values.shape)
    return bool(truth[peak] if tolerance <= 0 else ndimage.distance_transform_edt(~truth)[peak] <= tolerance)


def iou(values: np.ndarray, truth: np.ndarray, area: float) -> float:
    """Intersection over union of the finding and the highest ``area`` of the map.

    One area for all methods: a threshold on values would compare how methods scale their maps.

    Args:
        values: (H, W).
        truth: (H, W) bool.
        area: share of the pixels, in (0, 1].
    """
    if _is_flat(values):
        return 0.0
    chosen = np.zeros(values.shape, bool)
    chosen.flat[np.argsort(-values, axis=None, kind="stable")[: max(1, round(area * values.size))]] = True
    return float((chosen & truth).sum() / (chosen | truth).sum())


def relevance_mass(values: np.ndarray, truth: np.ndarray) -> float:
    """Share of a map (H, W), not negative, that lies in the finding; 0 for an empty map."""
    total = float(values.sum(dtype=np.float64))
    return float(values[truth].sum(dtype=np.float64)) / total if total > 0 else 0.0


def gini(values: np.ndarray) -> float:
    """Sparsity of a map, not negative: 0 where all are equal, near 1 where one holds everything."""
    ordered = np.sort(values, axis=None).astype(np.float64)
    total = ordered.sum()
    if total <= 0:
        return 0.0
    ranks = 2 * np.arange(1, ordered.size + 1) - ordered.size - 1
    return float((ranks * ordered).sum() / (ordered.size * total))
