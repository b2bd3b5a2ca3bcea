"""Image model of the gate: logistic regression on a histogram of oriented gradients with 512 bins.

The histogram distinguishes a dark-to-bright edge from a bright-to-dark one, which reveals an inverted or upside-down
film; the histogram of scikit-image does not. ``benchmarks/gate_error_rates.py`` writes the coefficients and their
provenance to ``models/chest-gate/coefficients.json``. No human lateral view was available for training or measurement.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

COEFFICIENTS = Path(__file__).parents[3] / "models" / "chest-gate" / "coefficients.json"
SIDE, _CELL, _DIRECTIONS = 64, 8, 8  # sides of the thumbnail and of a cell in pixels; directions of a gradient
# Rows and columns at the edge belong to a border if their contrast is below this share of that of the image.
_BORDER_CONTRAST = 0.04
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


def pose_scores(image: np.ndarray) -> dict[str, float]:
    """Log odds of an upright frontal chest film, for each pose in which the image may be stored.

    Args:
        image: (H, W) in [0, 1].

    Returns:
        Score for each of ``POSES``: name of the pose -> score of the image after the pose is undone.
    """
    small = thumbnail(image)
    model = load_coefficients()
    features = np.stack([gradient_histogram(undo(small)) for undo in POSES.values()])  # (8, 512)
    return dict(zip(POSES, (features @ model["weights"] + model["bias"]).tolist(), strict=True))


@lru_cache(maxsize=1)
def load_coefficients() -> dict[str, Any]:
    """Coefficients ``weights`` (512,) and ``bias``, and the thresholds ``refuse``, ``doubt`` and ``sure``."""
    content = json.loads(COEFFICIENTS.read_text())
    return {**content, "weights": np.asarray(content["weights"]) * content["step"]}


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Image (64, 64) of ranks in [0, 1] without its border.

    A linear window does not change the ranks, and another exposure hardly does.

    Args:
        image: (H, W) in [0, 1].
    """
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(image, dtype=np.float32)).resize(
        (4 * SIDE, 4 * SIDE), Image.Resampling.BOX
    )
    inner = Image.fromarray(_without_border(np.asarray(small))).resize((SIDE, SIDE), Image.Resampling.BOX)
    _, position, count = np.unique(np.asarray(inner), return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - count / 2 - 0.5) / max(position.size - 1, 1)  # equal values share a rank
    return np.clip(ranks[position].reshape(SIDE, SIDE), 0, 1)


def _without_border(image: np.ndarray) -> np.ndarray:
    """The part of an image inside its uniform border rows and columns; the whole image if little would be left."""
    least = _BORDER_CONTRAST * np.ptp(image)
    rows, columns = (np.flatnonzero(np.ptp(image, axis=axis) > least) for axis in (1, 0))
    if min(len(rows), len(columns)) < SIDE:
        return image
    return np.ascontiguousarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


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
