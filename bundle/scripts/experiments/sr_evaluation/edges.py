"""Width of edges: over how many pixels the steepest edges of the truth rise, in an image and in the truth itself."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

_EDGES = 50  # the steepest of a region
_REACH, _STEP = 8.0, 0.25  # pixels: half a profile, and between its samples
_APART = 9  # pixels
_MIN_SLOPE = 0.01  # per pixel; below it, it is texture


def edge_width(image: torch.Tensor, truth: torch.Tensor) -> float | None:
    """10–90 % rise, in pixels, of the mean profile across the truth's steepest edges.

    A mean over edges, because the noise of a radiograph breaks single profiles.

    Args:
        image: (1, H, W).
        truth: (1, H, W): tells where the edges are, and their direction and height.

    Returns:
        ``None`` for a region without edges.
    """
    found = _steepest_edges(truth[0].double().numpy())
    if found is None:
        return None
    points, directions = found
    expected = _profiles(truth[0].double().numpy(), points, directions)
    heights = np.ptp(expected, axis=1)
    return _rise((_profiles(image[0].double().numpy(), points, directions) / heights[:, None]).mean(axis=0))


def _steepest_edges(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Places (n, 2) and unit directions uphill (n, 2) of the steepest edges of (H, W), away from the border."""
    rows, columns = (ndimage.gaussian_filter(truth, 1.0, order=order) for order in ((1, 0), (0, 1)))
    slope = np.hypot(rows, columns)
    peaks = (slope == ndimage.maximum_filter(slope, _APART)) & (slope > _MIN_SLOPE)
    margin = int(_REACH) + 1
    inside = np.zeros_like(peaks)
    inside[margin:-margin, margin:-margin] = True
    points = np.argwhere(peaks & inside)
    if not len(points):
        return None
    heights = slope[tuple(points.T)]
    points = points[np.argsort(-heights, kind="stable")[:_EDGES]]
    directions = np.stack([rows[tuple(points.T)], columns[tuple(points.T)]], axis=1)
    return points, directions / np.linalg.norm(directions, axis=1, keepdims=True)


def _profiles(image: np.ndarray, points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Grey levels across edges: (n, samples)."""
    along = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    places = points[:, :, None] + directions[:, :, None] * along  # (n, 2, samples)
    return ndimage.map_coordinates(image, places.transpose(1, 0, 2), order=3, mode="nearest")


def _rise(profile: np.ndarray) -> float | None:
    """10–90 % width, in pixels, of the uphill run around the middle of a profile; ``None`` when there is none."""
    low = high = len(profile) // 2
    while low > 0 and profile[low - 1] < profile[low]:
        low -= 1
    while high < len(profile) - 1 and profile[high + 1] > profile[high]:
        high += 1
    if high - low < 2:
        return None
    run = profile[low : high + 1]
    levels = run[0] + np.array([0.1, 0.9]) * (run[-1] - run[0])
    start, end = np.interp(levels, run, np.arange(len(run)) * _STEP)
    return float(end - start)
