"""Windows of a DICOM header: WindowCenter, WindowWidth, VOILUTFunction (PS3.3 C.11.2)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from ...common.refusal import RefusedInput
from ..header import number, text


def _linear(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR window (PS3.3 C.11.2.1.2.1) to [0, 1]."""
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    if high == low:
        return (values > low).astype(np.float64)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def _linear_exact(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR_EXACT window (PS3.3 C.11.2.1.3.2) to [0, 1]."""
    return np.clip((values - (center - width / 2)) / width, 0.0, 1.0)


def sigmoid(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """SIGMOID window (PS3.3 C.11.2.1.3.1) to [0, 1]: 1 / (1 + exp(-4 (x - c) / w)), which is this tanh."""
    return 0.5 * (1.0 + np.tanh(2.0 * (values - center) / width))


WINDOWS: dict[str, Callable[[np.ndarray, float, float], np.ndarray]] = {
    "LINEAR": _linear,
    "LINEAR_EXACT": _linear_exact,
    "SIGMOID": sigmoid,
}


def select_window(dataset: Dataset, window: int) -> tuple[tuple[str, float, float] | None, str]:
    """Select function, center and width of a window; ``None`` and the reason if no window can be applied.

    LINEAR requires a width of at least 1, the other functions a width above 0 (PS3.3 C.11.2.1.2).
    """
    centers, widths = _as_list(dataset.get("WindowCenter")), _as_list(dataset.get("WindowWidth"))
    check_window_index(window, max(1, min(len(centers), len(widths))))
    if not centers and not widths and "WindowCenter" not in dataset and "WindowWidth" not in dataset:
        return None, "window missing"
    center, width = number(centers[window : window + 1]), number(widths[window : window + 1])
    function = text(dataset, "VOILUTFunction") or "LINEAR"
    if center is None or width is None or function not in WINDOWS or (width < 1 and function == "LINEAR") or width <= 0:
        return None, "window invalid"
    return (function, center, width), ""


def _as_list(value: object) -> list:
    """Return the values of an attribute that may have none, one or several."""
    if isinstance(value, pydicom.multival.MultiValue | list | tuple):
        return list(value)
    return [] if value in (None, "") else [value]


def check_window_index(window: int, count: int) -> None:
    """Reject the index of a window that the header does not have.

    Raises:
        RefusedInput: ``WINDOW_INDEX``.
    """
    if not 0 <= window < count:
        raise RefusedInput(
            "WINDOW_INDEX", "the requested window is not in the file", f"an index below {count}", str(window),
            "ask for window 0",
        )  # fmt: skip
