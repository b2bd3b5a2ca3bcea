"""Coordinates, soft edges and strokes.

In anatomical coordinates, x points to the patient's left (image right), y to the feet, and the origin is the middle of
the chest. One unit is 175 mm, so an image shows about -1 to 1. Smooth fields are drawn on a coarse grid and enlarged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

COARSE = 256  # side of the coarse grid
COARSE_STROKE = 0.004  # smallest standard deviation (units) of the strokes that are drawn on the coarse grid


@dataclass(frozen=True)
class Pose:
    """Pose of the patient: shift (units), scale and tilt (radians)."""

    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0
    tilt: float = 0.0

    def to_pixels(self, x: np.ndarray, y: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Column and row (float, pixel centres at integers) of anatomical points."""
        cosine, sine = self.scale * np.cos(self.tilt), self.scale * np.sin(self.tilt)
        u, v = self.dx + cosine * x - sine * y, self.dy + sine * x + cosine * y
        return (u + 1) * (size / 2) - 0.5, (v + 1) * (size / 2) - 0.5

    def grid(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Anatomical x and y, each (size, size), of the pixel centres of an image."""
        axis = ((2 * np.arange(size) + 1) / size - 1).astype(np.float32)
        u, v = axis[None, :] - np.float32(self.dx), axis[:, None] - np.float32(self.dy)
        cosine, sine = np.float32(np.cos(self.tilt) / self.scale), np.float32(np.sin(self.tilt) / self.scale)
        return cosine * u + sine * v, cosine * v - sine * u


@dataclass(frozen=True)
class Strokes:
    """Points of lines or spots: x, y, standard deviation and integral of a Gaussian for each point, (N,), in units."""

    x: np.ndarray
    y: np.ndarray
    sigma: np.ndarray
    mass: np.ndarray

    def keep(self, chosen: np.ndarray) -> Strokes:
        """Points for which ``chosen`` (N,) is true."""
        return Strokes(self.x[chosen], self.y[chosen], self.sigma[chosen], self.mass[chosen])

    def mirrored(self) -> Strokes:
        """Copy on the other side of the body."""
        return replace(self, x=-self.x)

    def balanced(self, scale: float) -> Strokes:
        """Copy with an integral of zero: the surroundings of a point, ``scale`` (units) wide, lose what it adds."""
        around = replace(self, sigma=np.hypot(self.sigma, scale), mass=-self.mass)
        return join([self, around])


def join(strokes: list[Strokes]) -> Strokes:
    """All points of several strokes."""
    if not strokes:
        return Strokes(*np.zeros((4, 0)))
    columns = zip(*((s.x, s.y, s.sigma, s.mass) for s in strokes), strict=True)
    return Strokes(*(np.concatenate(column) for column in columns))


def segments(
    x: np.ndarray, y: np.ndarray, angle: np.ndarray, length: np.ndarray, sigma: float, height: np.ndarray
) -> Strokes:
    """Straight lines from points (N,).

    Args:
        x: x of the starting points (N,).
        y: y of the starting points (N,).
        angle: directions (N,) in radians.
        length: lengths (N,).
        sigma: standard deviation across the lines.
        height: values (N,) on the centre lines.
    """
    count = np.maximum(1, np.ceil(length / (1.5 * sigma))).astype(np.int64)
    which = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    at = (number + 0.5) * (length / count)[which]
    mass = (height * sigma * np.sqrt(2 * np.pi) * length / count)[which]
    return Strokes(
        x[which] + at * np.cos(angle)[which], y[which] + at * np.sin(angle)[which], np.full(len(which), sigma), mass
    )


def draw_strokes(strokes: Strokes, pose: Pose, size: int) -> np.ndarray:
    """Sum of the Gaussians of all strokes, (size, size) float32. Those narrower than a pixel keep their integral."""
    unit = pose.scale * size / 2  # pixels per unit
    column, row = pose.to_pixels(strokes.x, strokes.y, size)
    sigma = np.maximum(strokes.sigma * unit, 0.5)
    height = strokes.mass * unit**2 / (2 * np.pi * sigma**2)
    radii = np.ceil(2.7 * sigma).astype(np.int64)
    total = np.zeros(size * size)
    for radius in np.unique(radii):
        near = (np.minimum(column, row) > radius) & (np.maximum(column, row) < size - 1 - radius)
        chosen = np.flatnonzero(near & (radii == radius))
        if len(chosen):
            index, weights = _patches(column[chosen], row[chosen], sigma[chosen], height[chosen], int(radius), size)
            total += np.bincount(index, weights, size * size)
    return total.reshape(size, size).astype(np.float32)


def _patches(
    column: np.ndarray, row: np.ndarray, sigma: np.ndarray, height: np.ndarray, radius: int, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Flat pixel indices and values of Gaussians (N,), cut off at ``radius`` pixels."""
    offsets = np.arange(-radius, radius + 1)
    columns, rows = (np.rint(values).astype(np.int64)[:, None] + offsets for values in (column, row))
    factor = (-0.5 / sigma**2)[:, None]
    along_row = np.exp(factor * (columns - column[:, None]) ** 2)
    along_column = height[:, None] * np.exp(factor * (rows - row[:, None]) ** 2)
    index = (rows * size)[:, :, None] + columns[:, None, :]
    return index.ravel(), (along_column[:, :, None] * along_row[:, None, :]).ravel()


class Enlarged:
    """Linear interpolation of a coarse field (n, n) to (size, size) with aligned pixel edges, in strips of rows.

    A strip fits into the processor's cache, which makes the computation at full resolution several times faster.
    """

    def __init__(self, field: np.ndarray, size: int) -> None:
        self.low, self.part = _positions(field.shape[0], size)
        # Rows are contiguous, so columns are interpolated in the transposed field.
        self.field = np.ascontiguousarray(_between(field.T.astype(np.float32), self.low, self.part).T)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Rows ``first`` to ``last``, exclusive: (last - first, size)."""
        return _between(self.field, self.low[first:last], self.part[first:last])


def _positions(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower neighbour (size,) among ``count`` positions, and weight of the upper neighbour (size, 1)."""
    at = np.clip((np.arange(size) + 0.5) * count / size - 0.5, 0, count - 1)
    low = np.minimum(at.astype(np.int64), count - 2)
    return low, (at - low).astype(np.float32)[:, None]


def _between(field: np.ndarray, low: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Rows of a field, interpolated between rows ``low`` and ``low + 1``."""
    lower, upper = field[low], field[low + 1]
    upper -= lower
    upper *= part
    upper += lower
    return upper


def strips(size: int) -> list[tuple[int, int]]:
    """First and last row (exclusive) of each strip."""
    step = max(1, 65536 // size)
    return [(first, min(first + step, size)) for first in range(0, size, step)]


def enlarge(field: np.ndarray, size: int) -> np.ndarray:
    """Enlarge a coarse field (n, n) to (size, size) float32."""
    enlarged = Enlarged(field, size)
    return np.concatenate([enlarged.rows(first, last) for first, last in strips(size)])


def soft_step(distance: np.ndarray, width: float) -> np.ndarray:
    """Smooth step from 0 to 1, for a signed distance from -width/2 to width/2."""
    part = np.clip(distance / width + 0.5, 0, 1)
    return part * part * (3 - 2 * part)


def dome_profile(distance: np.ndarray, depth: float) -> np.ndarray:
    """Relative thickness of a rounded body at a signed distance inside its outline, 1 from ``depth`` on."""
    part = np.clip(distance * (1 / depth), 0, 1)
    return np.sqrt(part * (2 - part))


def smooth_min(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """Minimum of two signed distances, with corners rounded by ``radius`` (units)."""
    overlap = np.maximum(radius - np.abs(a - b), 0) / radius
    return np.minimum(a, b) - overlap * overlap * (radius / 4)


def smooth_max(a: np.ndarray, b: np.ndarray, radius: float) -> np.ndarray:
    """Maximum of two signed distances, with corners rounded by ``radius`` (units)."""
    return -smooth_min(-a, -b, radius)


def ellipse(
    x: np.ndarray, y: np.ndarray, centre: tuple[float, float], axes: tuple[float, float], tilt: float = 0.0
) -> np.ndarray:
    """Approximate signed distance to an ellipse, positive inside; ``tilt`` (radians) turns its x axis towards y."""
    dx, dy = x - centre[0], y - centre[1]
    along, across = np.cos(tilt) * dx + np.sin(tilt) * dy, np.cos(tilt) * dy - np.sin(tilt) * dx
    return (1 - np.hypot(along / axes[0], across / axes[1])) * min(axes)


def texture(rng: np.random.Generator, size: int, scale: float) -> np.ndarray:
    """Smooth Gaussian noise (size, size) of unit variance, correlated over ``scale`` (units), similar at any size."""
    count = 64 if scale > 0.06 else COARSE
    white = rng.standard_normal((count, count), np.float32)
    field = ndimage.gaussian_filter(white, scale * count / 2, mode="wrap", truncate=3.0)
    return enlarge((field - field.mean()) / field.std(), size)
