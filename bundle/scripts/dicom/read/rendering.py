"""Stored values to displayed image: modality, VOI and presentation steps (PS3.3 C.11.1, C.11.2; PS3.4 N.2).

The steps are implemented here for two reasons. Of MONAI's two DICOM readers, one ignores MONOCHROME1 and both ignore
window and VOI LUT. pydicom's functions fail on 12-bit LUTs, misread 8-bit LUTs, and invert relative to the maximum of
the content. The steps are computed in float64 once per grey level, and each pixel is then looked up.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from ...common.refusal import RefusedInput
from ..decode.bits import correct_sign, stored_values
from ..header import number, text
from .levels import Levels, find_levels, percentile
from .luts import apply_lut
from .windows import WINDOWS, check_window_index, select_window

_PERCENTILES = (0.5, 99.5)
# A rendered image that spans less than an eighth of the grey levels is blank, or its window meant for other values.
_BLANK_RANGE = 1 / 8


def render(dataset: Dataset, samples: np.ndarray, window: int = 0) -> tuple[np.ndarray, str, list[str]]:
    """Render a grey DICOM image as it is displayed.

    Args:
        dataset: Header.
        samples: Decoded integers (H, W).
        window: Index of the window or VOI LUT, from 0.

    Returns:
        Image (H, W) float32 in [0, 1], bone bright; description of the window; flags.

    Raises:
        RefusedInput: ``BIT_LAYOUT``, ``BAD_RESCALE``, ``BAD_LUT``, ``WINDOW_INDEX`` or ``CONSTANT``.
    """
    samples, assumed = correct_sign(dataset, samples)
    levels = find_levels(stored_values(dataset, samples))
    padding = _padding_mask(dataset, levels.values)
    values = _apply_modality(dataset, levels.values)
    # Without padding and tables, rendering is monotone, so that the two extreme levels determine the range.
    is_monotone = not (padding.any() or dataset.get("ModalityLUTSequence") or dataset.get("VOILUTSequence"))
    inside = levels.extremes if is_monotone else (levels.counts > 0) & ~padding
    shown, description, flags = _apply_voi(dataset, values, levels, inside, padding, window)
    if _is_inverted(dataset):
        shown = 1.0 - shown
    if padding.any() and levels.counts[padding].any():
        shown[padding] = 0.0
        flags.append("padding masked")
    check_display(shown)
    return levels.look_up(shown), description, [*assumed, *flags]


def _padding_mask(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Mask (N,) of the values that PixelPaddingValue (0028,0120) and its range limit declare as padding."""
    first = number(dataset.get("PixelPaddingValue"))
    if first is None:
        return np.zeros(stored.shape, dtype=bool)
    last = number(dataset.get("PixelPaddingRangeLimit"))
    bounds = [_as_stored(dataset, value) for value in (first, first if last is None else last)]
    return (stored >= min(bounds)) & (stored <= max(bounds))


def _as_stored(dataset: Dataset, value: float) -> float:
    """Correct a padding value that is written as unsigned 16 bit although the pixels are signed."""
    return value - 65536 if dataset.get("PixelRepresentation") == 1 and value > 32767 else value


def _apply_modality(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Apply the Modality LUT, else rescale slope and intercept, to stored values (N,); returns float64.

    Raises:
        RefusedInput: ``BAD_RESCALE`` or ``BAD_LUT``.
    """
    luts = dataset.get("ModalityLUTSequence")
    if luts:
        return apply_lut(dataset, luts[0], stored, signed=dataset.PixelRepresentation == 1)[0]
    slope, intercept = _rescale(dataset)
    with np.errstate(over="ignore", invalid="ignore"):
        values = stored * slope + intercept
    if not np.isfinite(values).all():
        raise _bad_rescale(dataset)
    return values


def _rescale(dataset: Dataset) -> tuple[float, float]:
    """RescaleSlope (0028,1053) and RescaleIntercept (0028,1052), by default 1 and 0.

    Raises:
        RefusedInput: ``BAD_RESCALE``.
    """
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope_value = 1.0 if slope in (None, "") else number(slope)
    intercept_value = 0.0 if intercept in (None, "") else number(intercept)
    if not slope_value or intercept_value is None:
        raise _bad_rescale(dataset)
    return slope_value, intercept_value


def _bad_rescale(dataset: Dataset) -> RefusedInput:
    """Rejection of a rescale that cannot be applied."""
    slope, intercept = number(dataset.get("RescaleSlope")), number(dataset.get("RescaleIntercept"))
    return RefusedInput(
        "BAD_RESCALE", "RescaleSlope or RescaleIntercept cannot be applied", "finite numbers, slope not 0",
        f"slope {slope}, intercept {intercept}", "correct the header at the source",
    )  # fmt: skip


def _can_be_negative(dataset: Dataset) -> bool:
    """Whether the modality step can give negative values, so that the first mapped value of a VOI LUT is signed."""
    if dataset.get("ModalityLUTSequence"):
        return False
    slope, intercept = _rescale(dataset)
    bits, signed = dataset.BitsStored, dataset.PixelRepresentation == 1
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return min(slope * end + intercept for end in ends) < 0


def _apply_voi(
    dataset: Dataset, values: np.ndarray, levels: Levels, inside: np.ndarray, padding: np.ndarray, window: int
) -> tuple[np.ndarray, str, list[str]]:
    """Apply the VOI LUT, else the window. Without a usable one, scale to percentiles of the pixels and set a flag.

    Args:
        dataset: Header.
        values: Values (N,) float64 after the modality step.
        levels: Grey levels that the values belong to.
        inside: Mask (N,) of the levels that occur and are not padding.
        padding: Mask (N,) of padding.
        window: Index of the window or VOI LUT, from 0.

    Returns:
        Displayed values (N,) float64 in [0, 1], description of the window, flags.
    """
    found, flags = values[inside], list[str]()
    if found.size == 0 or found.min() == found.max():
        raise _constant()
    luts = dataset.get("VOILUTSequence")
    if luts:
        check_window_index(window, len(luts))
        mapped, bits, flags = apply_lut(dataset, luts[window], values, signed=_can_be_negative(dataset))
        shown, description = np.clip(mapped / (2**bits - 1), 0.0, 1.0), f"VOI LUT, {bits} bit"
    else:
        chosen, problem = select_window(dataset, window)
        if chosen is None:
            return *_percentile_window(values, np.where(padding, 0, levels.counts)), [problem]
        function, center, width = chosen
        shown, description = WINDOWS[function](values, center, width), f"{function} {center:g}/{width:g}"
    if np.ptp(shown[inside]) < _BLANK_RANGE:
        return *_percentile_window(values, np.where(padding, 0, levels.counts)), ["window blanks the image"]
    return shown, description, flags


def _percentile_window(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, str]:
    """Scale values (N,), which occur ``counts`` (N,) times, to [0, 1] between two percentiles; with a description."""
    low, high = (percentile(values, counts, percent) for percent in _PERCENTILES)
    if high <= low:
        low, high = values[counts > 0].min(), values[counts > 0].max()
    description = f"percentile {_PERCENTILES[0]}-{_PERCENTILES[1]}"
    return np.clip((values - low) / (high - low), 0.0, 1.0), description


def _is_inverted(dataset: Dataset) -> bool:
    """Whether low values are displayed bright."""
    return (
        text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
        or text(dataset, "PresentationLUTShape") == "INVERSE"
    )


def grey_from_colour(channels: np.ndarray, maximum: int) -> np.ndarray:
    """Convert a colour image (H, W, 3) with equal channels to a grey image (H, W) float32 in [0, 1].

    Raises:
        RefusedInput: ``COLOUR``.
    """
    if not (np.array_equal(channels[..., 0], channels[..., 1]) and np.array_equal(channels[..., 0], channels[..., 2])):
        raise RefusedInput(
            "COLOUR", "the image has colours", "a grey image, or equal channels", "channels that differ",
            "use the original grey image",
        )  # fmt: skip
    return channels[..., 0].astype(np.float32) / np.float32(maximum)


def check_display(shown: np.ndarray) -> None:
    """Reject an image or display table that is not finite, exceeds [0, 1] or is constant.

    Raises:
        RefusedInput: ``NOT_FINITE`` or ``CONSTANT``.
    """
    low, high = float(shown.min()), float(shown.max())
    if not (0.0 <= low and high <= 1.0):  # also true for NaN
        raise RefusedInput(
            "NOT_FINITE", "the rendered image is not usable", "values in 0-1", f"{low} to {high}",
            "check rescale, window and pixel values",
        )  # fmt: skip
    if low == high:
        raise _constant()


def _constant() -> RefusedInput:
    """Rejection of an image without contrast."""
    return RefusedInput(
        "CONSTANT", "the image is empty", "pixels that differ", "one value everywhere", "check the export of this image"
    )
