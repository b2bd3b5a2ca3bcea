"""Width of edges: number of pixels over which an image rises across the steepest edges of the truth."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

_EDGES = 50  # largest number of edges of a region
_REACH, _STEP = 8.0, 0.25  # half the length of a profile, and the distance of its samples, in pixels
_APART = 9  # side of the neighbourhood that holds one edge, in pixels
_MIN_SLOPE = 0.01  # per pixel; a smaller slope is texture


def edge_width(image: torch.Tensor, truth: torch.Tensor) -> float | None:
    """Distance, in pixels, of the 10 % to 90 % rise of the mean profile across the steepest edges of the truth.

    The profiles are averaged, because a single profile of a radiograph is too noisy.

    Args:
        image: image (1, H, W).
        truth: truth (1, H, W), which decides the places, directions and heights of the edges.

    Returns:
        Width in pixels; ``None`` for a region without edges.
    """
    found = _steepest_edges(truth[0].double().numpy())
    if found is None:
        return None
    points, directions = found
    expected = _profiles(truth[0].double().numpy(), points, directions)
    heights = np.ptp(expected, axis=1)
    return _rise((_profiles(image[0].double().numpy(), points, directions) / heights[:, None]).mean(axis=0))


def _steepest_edges(truth: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Places (n, 2) and unit gradient directions (n, 2) of the steepest edges of an image (H, W), off its border."""
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
    """Grey levels (n, samples) across edges."""
    along = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    places = points[:, :, None] + directions[:, :, None] * along  # (n, 2, samples)
    return ndimage.map_coordinates(image, places.transpose(1, 0, 2), order=3, mode="nearest")


def _rise(profile: np.ndarray) -> float | None:
    """10–90 % width, in pixels, of the rising part around the middle of a profile; ``None`` if it does not rise."""
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
