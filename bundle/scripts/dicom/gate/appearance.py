"""Does an image look like a frontal chest film, and which way up? A logistic model of 512 oriented gradients.

Our own histogram of oriented gradients: scikit-image's does not tell a dark-to-bright edge from a bright-to-dark one,
and that is what shows an inverted or upside-down film. Coefficients, provenance and error rates are in
``models/chest-gate/coefficients.json``, written by ``benchmarks/gate_error_rates.py``. No human lateral view was
available to fit or to measure with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

COEFFICIENTS = Path(__file__).parents[3] / "models" / "chest-gate" / "coefficients.json"
SIDE, _CELL, _DIRECTIONS = 64, 8, 8  # pixels of the thumbnail and of a cell; directions of a gradient
# Rows and columns at the edge with less than this share of the contrast of the image are a border, not film.
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
    """Log odds of a frontal chest film for each way in which the image could have to be put right.

    Args:
        image: (H, W) in [0, 1].

    Returns:
        Score for each of ``POSES``: what is wrong with the image -> score when that is undone.
    """
    small = thumbnail(image)
    model = load_coefficients()
    features = np.stack([gradient_histogram(undo(small)) for undo in POSES.values()])  # (8, 512)
    return dict(zip(POSES, (features @ model["weights"] + model["bias"]).tolist(), strict=True))


@lru_cache(maxsize=1)
def load_coefficients() -> dict[str, Any]:
    """``weights`` (512,), ``bias`` and the scores ``refuse``, ``doubt`` and ``sure``."""
    content = json.loads(COEFFICIENTS.read_text())
    return {**content, "weights": np.asarray(content["weights"]) * content["step"]}


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Image (64, 64) of ranks in [0, 1], without border: a linear window does not change it, exposure hardly.

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
    """The part inside edge rows and columns of one grey level; all of it when little would be left."""
    least = _BORDER_CONTRAST * np.ptp(image)
    rows, columns = (np.flatnonzero(np.ptp(image, axis=axis) > least) for axis in (1, 0))
    if min(len(rows), len(columns)) < SIDE:
        return image
    return np.ascontiguousarray(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def gradient_histogram(thumb: np.ndarray) -> np.ndarray:
    """Features (512,): cell row, cell column, direction (0 = brighter to the right, then clockwise by 45 degrees).

    A gradient is shared between the two nearest directions. A cell is divided by its own length plus half the mean
    one, so that a faint edge counts little and a bone no more than a lung's border.

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
