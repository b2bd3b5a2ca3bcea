"""Metrics of one map for one finding.

The hit rate is that of the pointing game: without tolerance, as in CheXlocalize, and with a tolerance of 15 pixels, as
its authors propose (Zhang et al. 2016, arXiv:1608.00507), because the peak of a map on the patch grid is known only to
half a patch. Relevance mass: Arras et al. 2020, arXiv:2003.07258. Sparsity: Gini index, Hurley & Rickard 2009,
arXiv:0811.4706.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage


def _is_flat(values: np.ndarray) -> bool:
    """Whether a map has no peak because it is constant or not finite."""
    return not np.isfinite(values).all() or bool(np.ptp(values) <= 1e-7 * np.abs(values).max(initial=0))


def hit(values: np.ndarray, truth: np.ndarray, tolerance: float = 0.0) -> bool:
    """Whether the peak of a map lies in the finding; a flat map has no peak.

    Args:
        values: map (H, W).
        truth: mask (H, W) of the finding.
        tolerance: largest distance of the peak from the finding that still counts, in pixels.
    """
    if _is_flat(values) or not truth.any():
        return False
    peak = np.unravel_index(int(values.argmax()), values.shape)
    return bool(truth[peak] if tolerance <= 0 else ndimage.distance_transform_edt(~truth)[peak] <= tolerance)


def iou(values: np.ndarray, truth: np.ndarray, area: float) -> float:
    """Intersection over union of the finding and the pixels with the highest values of the map.

    The area is the same for all methods. A threshold on the values would depend on how a method scales its maps.

    Args:
        values: map (H, W).
        truth: mask (H, W) of the finding.
        area: share of the pixels that the map marks, in (0, 1].
    """
    if _is_flat(values):
        return 0.0
    chosen = np.zeros(values.shape, bool)
    chosen.flat[np.argsort(-values, axis=None, kind="stable")[: max(1, round(area * values.size))]] = True
    return float((chosen & truth).sum() / (chosen | truth).sum())


def relevance_mass(values: np.ndarray, truth: np.ndarray) -> float:
    """Share of a non-negative map (H, W) that lies in the finding; 0 for an empty map."""
    total = float(values.sum(dtype=np.float64))
    return float(values[truth].sum(dtype=np.float64)) / total if total > 0 else 0.0


def gini(values: np.ndarray) -> float:
    """Sparsity of a non-negative map: 0 if all values are equal, almost 1 if a single value is not 0."""
    ordered = np.sort(values, axis=None).astype(np.float64)
    total = ordered.sum()
    if total <= 0:
        return 0.0
    ranks = 2 * np.arange(1, ordered.size + 1) - ordered.size - 1
    return float((ranks * ordered).sum() / (ordered.size * total))
