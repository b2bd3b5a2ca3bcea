"""A case, the formulas of PS3.3 C.11 in float64 as the standard writes them, and the pictures that are shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from ..synthetic import make_dataset, picture

STORED = picture()
SMOOTH = np.rint(np.add.outer(np.linspace(200, 2900, 96), np.linspace(0, 1000, 64))).astype(np.uint16)
X = STORED.astype(np.float64)
FULL = {"WindowCenter": 2048, "WindowWidth": 4096}  # LINEAR: 0 at 0, 1 at 4095
EIGHT_BIT = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
FULL_EIGHT = {"WindowCenter": 128, "WindowWidth": 256, **EIGHT_BIT}


@dataclass(frozen=True)
class Case:
    """One file and what it shows.

    Attributes:
        name: unique.
        dataset: the file.
        truth: (H, W) float64 in [0, 1]; ``None``: refused.
        code: of the refusal.
        flag: that the meta must have.
        window: index asked for.
        atol: allowed error; lossless cases have that of float32.
        spacing_mm: that the meta must have, where it matters.
        oracle: options of ``dcm2pnm`` with which it must show the same, ``None`` where it does otherwise on purpose.
    """

    name: str
    dataset: Dataset
    truth: np.ndarray | None = None
    code: str = ""
    flag: str = ""
    window: int = 0
    atol: float = 2e-7
    spacing_mm: list[float] | None = None
    oracle: list[str] | None = field(default=None)


def linear(x: np.ndarray, center: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1 with ymin 0, ymax 1."""
    if width == 1:
        return np.where(x <= center - 0.5, 0.0, 1.0)
    inside = (x - (center - 0.5)) / (width - 1) + 0.5
    return np.select([x <= center - 0.5 - (width - 1) / 2, x > center - 0.5 + (width - 1) / 2], [0.0, 1.0], inside)


def linear_exact(x: np.ndarray, center: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.3.2."""
    return np.select([x <= center - width / 2, x > center + width / 2], [0.0, 1.0], (x - center) / width + 0.5)


def sigmoid(x: np.ndarray, center: float, width: float) -> np.ndarray:
    """PS3.3 C.11.2.1.3.1."""
    return 1 / (1 + np.exp(-4 * (x - center) / width))


def table(x: np.ndarray, entries: np.ndarray, first: int) -> np.ndarray:
    """PS3.3 C.11.1.1.1: the first entry below the table, the last above it."""
    return np.array([entries[min(max(int(value) - first, 0), len(entries) - 1)] for value in x.ravel()]).reshape(
        x.shape
    )


def between_percentiles(x: np.ndarray, inside: np.ndarray | None = None) -> np.ndarray:
    """What the reader promises without a usable window: 0.5 % to 99.5 % of the unpadded pixels."""
    low, high = np.percentile(x if inside is None else x[inside], (0.5, 99.5))
    return np.clip((x - low) / (high - low), 0, 1)


FUNCTIONS: dict[str, Callable[[np.ndarray, float, float], np.ndarray]] = {
    "LINEAR": linear,
    "LINEAR_EXACT": linear_exact,
    "SIGMOID": sigmoid,
}


def shown(name: str, truth: np.ndarray, pixels: np.ndarray = STORED, *, oracle: str | None = None, **rest: Any) -> Case:
    """Case with a truth; what is no field of a case is an attribute of the file."""
    fields = {key: rest.pop(key) for key in ("flag", "window", "atol", "spacing_mm") if key in rest}
    options = None if oracle is None else oracle.split()
    return Case(name, make_dataset(pixels, **rest), truth, oracle=options, **fields)


def refused(name: str, code: str, pixels: np.ndarray = STORED, window: int = 0, **attributes: Any) -> Case:
    """Case with a refusal."""
    return Case(name, make_dataset(pixels, **attributes), code=code, window=window)


def curve(count: int, bits: int, power: float = 2.0) -> np.ndarray:
    """Entries of a table that rise from 0 to the highest."""
    return np.rint((np.arange(count) / (count - 1)) ** power * (2**bits - 1)).astype(int)
