"""A conformance case, the formulas of PS3.3 C.11 in float64, and the test images."""

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
    """One file and its displayed image.

    Attributes:
        name: Unique name.
        dataset: Content of the file.
        truth: Expected image (H, W) float64 in [0, 1]; ``None`` if the file is rejected.
        code: Code of the rejection.
        flag: Flag that the metadata must contain.
        window: Index of the requested window.
        atol: Allowed absolute error; the rounding error of float32 for lossless cases.
        spacing_mm: Spacing that the metadata must contain; ``None`` if it is not tested.
        oracle: Options with which ``dcm2pnm`` must display the same image; ``None`` if it differs on purpose.
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
    """Display without a usable window: 0.5 % to 99.5 % of the unpadded pixels."""
    low, high = np.percentile(x if inside is None else x[inside], (0.5, 99.5))
    return np.clip((x - low) / (high - low), 0, 1)


FUNCTIONS: dict[str, Callable[[np.ndarray, float, float], np.ndarray]] = {
    "LINEAR": linear,
    "LINEAR_EXACT": linear_exact,
    "SIGMOID": sigmoid,
}


def shown(name: str, truth: np.ndarray, pixels: np.ndarray = STORED, *, oracle: str | None = None, **rest: Any) -> Case:
    """Case with a known image. Keywords that are not fields of a case are attributes of the file."""
    fields = {key: rest.pop(key) for key in ("flag", "window", "atol", "spacing_mm") if key in rest}
    options = None if oracle is None else oracle.split()
    return Case(name, make_dataset(pixels, **rest), truth, oracle=options, **fields)


def refused(name: str, code: str, pixels: np.ndarray = STORED, window: int = 0, **attributes: Any) -> Case:
    """Case that is rejected."""
    return Case(name, make_dataset(pixels, **attributes), code=code, window=window)


def curve(count: int, bits: int, power: float = 2.0) -> np.ndarray:
    """Entries of a table that rise from 0 to the maximum."""
    return np.rint((np.arange(count) / (count - 1)) ** power * (2**bits - 1)).astype(int)
