"""Image model of the gate: a linear model of a histogram of oriented gradients with 512 bins.

The classes are upright frontal chest films, lateral chest films and other images. The histogram distinguishes a
dark-to-bright edge from a bright-to-dark one, which reveals an inverted or upside-down film; the histogram of
scikit-image does not. ``benchmarks/gate_error_rates.py`` fits the coefficients, writes them with their provenance to
``models/chest-gate/coefficients.json``, and measures the error rates.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

COEFFICIENTS = Path(__file__).parents[3] / "models" / "chest-gate" / "coefficients.json"
SIDE, _CELL, _DIRECTIONS = 64, 8, 8  # sides of the thumbnail and of a cell in pixels; directions of a gradient
# The collimated field is searched at this side, in pixels. An edge row or column lies outside the field if its mean
# gradient is below this share of the 75th percentile; the cap keeps a label in a shutter from counting as anatomy.
_FIELD_SIDE, _FIELD_SHARE, _GRADIENT_CAP, _FIELD_ROUNDS = 256, 0.2, 0.05, 3
POSES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "upright": lambda image: image,
    "turned left": lambda image: np.rot90(image, 3),
    "upside down": lambda image: np.rot90(image, 2),
    "turned right": lambda image: np.rot90(image, 1),
    "inverted": lambda image: 1 - image,
    "inverted and turned left": lambda image: 1 - np.rot90(image, 3),
    "inverted and upside down": lambda image: 1 - np.rot90(image, 2),
    "inverted and turned right": lambda image: 1 - np.rot90(image, 1),
}


class Scores(NamedTuple):
    """Scores of an image, as log odds between two classes.

    Attributes:
        poses: score of an upright frontal chest film against another image, for each of ``POSES``: name of the pose ->
            score of the image after the pose is undone.
        lateral: score of a lateral against a frontal chest film, for the image as it is stored.
    """

    poses: dict[str, float]
    lateral: float


def score_image(image: np.ndarray) -> Scores:
    """Scores of an image (H, W) in [0, 1]."""
    small = thumbnail(image)
    model = load_coefficients()
    features = np.stack([gradient_histogram(undo(small)) for undo in POSES.values()])  # (8, 512)
    chest = features @ model["chest"] + model["chest_bias"]
    # The patient may face either side. The coefficients describe one of them.
    sides = np.stack([features[0], mirrored(features[0])]) @ model["lateral"] + model["lateral_bias"]
    return Scores(dict(zip(POSES, chest.tolist(), strict=True)), float(sides.max()))


@lru_cache(maxsize=1)
def load_coefficients() -> dict[str, Any]:
    """Coefficients ``chest`` (512,) and ``lateral`` (512,), their biases, and the thresholds of both scores."""
    content = json.loads(COEFFICIENTS.read_text(encoding="utf-8"))
    return content | {name: np.asarray(content[name]) * content["step"] for name in ("chest", "lateral")}


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Collimated field of an image as ranks (64, 64) without their linear trend.

    A linear window does not change the ranks, and another exposure hardly does. The trend of a film that was exposed
    unevenly may exceed the contrast of the anatomy.

    Args:
        image: (H, W) in [0, 1].
    """
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32)).resize(
        (_FIELD_SIDE, _FIELD_SIDE), Image.Resampling.BOX
    )
    inner = Image.fromarray(_collimated_field(np.asarray(small))).resize((SIDE, SIDE), Image.Resampling.BOX)
    _, position, count = np.unique(np.asarray(inner), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - count / 2 - 0.5) / max(position.size - 1, 1)  # equal values share a rank
    ranked = ranks[position].reshape(SIDE, SIDE)
    ramp = np.linspace(-1, 1, SIDE)
    slopes = ranked.mean(axis=0) @ ramp, ranked.mean(axis=1) @ ramp  # least squares, since both ramps are orthogonal
    return ranked - (slopes[0] * ramp + slopes[1] * ramp[:, None]) / (ramp @ ramp)


def _collimated_field(image: np.ndarray) -> np.ndarray:
    """The part of an image inside shutters and borders; at least ``SIDE`` rows and columns.

    Only the gradient along a row counts for the row, and only the gradient along a column for the column, so that the
    straight edge of a shutter does not count. Rows and columns are searched in turn, because a shutter at the side
    dilutes the gradient of all rows.
    """
    low, high = np.percentile(image, (2, 98))
    scaled = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    along_rows = np.minimum(np.abs(np.diff(scaled, axis=1)), _GRADIENT_CAP)
    along_columns = np.minimum(np.abs(np.diff(scaled, axis=0)), _GRADIENT_CAP)
    top, bottom, left, right = 0, image.shape[0], 0, image.shape[1]
    for _ in range(_FIELD_ROUNDS):
        rows = _active(along_rows[top:bottom, left : right - 1].mean(axis=1))
        columns = _active(along_columns[top : bottom - 1, left:right].mean(axis=0))
        if rows.stop - rows.start < SIDE or columns.stop - columns.start < SIDE:
            break
        top, bottom = top + rows.start, top + rows.stop
        left, right = left + columns.start, left + columns.stop
    return np.ascontiguousarray(image[top:bottom, left:right])


def _active(gradient: np.ndarray) -> slice:
    """From the first to the last row or column with a considerable mean gradient (N,)."""
    inside = np.flatnonzero(gradient > _FIELD_SHARE * np.percentile(gradient, 75))
    return slice(inside[0], inside[-1] + 1) if len(inside) else slice(0, 0)


def gradient_histogram(thumb: np.ndarray) -> np.ndarray:
    """Histogram (512,) by row of the cell, column of the cell and direction of the gradient.

    Direction 0 is brighter to the right; the others follow clockwise in steps of 45 degrees. A gradient is shared
    between the two nearest directions. A cell is divided by its own norm plus half the mean norm of all cells, so that
    a faint edge counts little and a bone counts no more than the border of a lung.

    Args:
        thumb: (64, 64).
    """
    down, right = np.gradient(thumb)
    length = np.hypot(down, right)
    direction = np.arctan2(down, right) % (2 * np.pi) * _DIRECTIONS / (2 * np.pi)
    first = np.floor(direction).astype(int) % _DIRECTIONS
    share = direction - np.floor(direction)
    cell = (np.arange(SIDE) // _CELL)[:, None] * (SIDE // _CELL) + np.arange(SIDE) // _CELL
    histogram = np.zeros(((SIDE // _CELL) ** 2, _DIRECTIONS))
    np.add.at(histogram, (cell, first), length * (1 - share))
    np.add.at(histogram, (cell, (first + 1) % _DIRECTIONS), length * share)
    cell_length = np.linalg.norm(histogram, axis=1, keepdims=True)
    mean_length = np.sqrt((histogram**2).sum(1).mean())
    return (histogram / (cell_length + mean_length / 2 + 1e-9)).ravel()


def mirrored(features: np.ndarray) -> np.ndarray:
    """Histogram (..., 512) of the image mirrored left to right."""
    cells = features.reshape(*features.shape[:-1], SIDE // _CELL, SIDE // _CELL, _DIRECTIONS)
    opposite = (_DIRECTIONS // 2 - np.arange(_DIRECTIONS)) % _DIRECTIONS
    return cells[..., ::-1, :][..., opposite].reshape(features.shape)
