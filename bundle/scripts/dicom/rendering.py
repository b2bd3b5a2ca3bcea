"""Stored values to displayed image: modality, VOI and presentation, each once (PS3.3 C.11.1, C.11.2; PS3.4 N.2).

Our own arithmetic: of MONAI's two DICOM readers one ignores MONOCHROME1 and both ignore window and VOI LUT; pydicom's
functions fail on 12-bit LUTs, misread 8-bit ones and invert against the maximum of the content.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from .header import number, text
from .refusal import RefusedInput

PERCENTILES = (0.5, 99.5)
# A rendered image with fewer than five of 255 grey levels shows nothing.
BLANK_RANGE = 5 / 255


def render(dataset: Dataset, stored: np.ndarray) -> tuple[np.ndarray, str, list[str]]:
    """Displayed image of a grey DICOM image.

    Args:
        dataset: header.
        stored: stored values (H, W), integer.

    Returns:
        Image (H, W) float32 in [0, 1], bone bright; description of the window; flags.

    Raises:
        RefusedInput: ``BAD_RESCALE``, ``BAD_LUT`` or ``CONSTANT``.
    """
    padding = padding_mask(dataset, stored)
    values = apply_modality(dataset, stored)
    image, window, flags = apply_voi(dataset, values, padding)
    if is_inverted(dataset):
        image = 1.0 - image
    image[padding] = 0.0
    if padding.any():
        flags.append("padding masked")
    return image.astype(np.float32), window, flags


def padding_mask(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool that PixelPaddingValue (0028,0120), with its range limit, says are no part of the image."""
    first = number(dataset.get("PixelPaddingValue"))
    if first is None:
        return np.zeros(stored.shape, dtype=bool)
    last = number(dataset.get("PixelPaddingRangeLimit"))
    bounds = [as_stored(dataset, value) for value in (first, first if last is None else last)]
    return (stored >= min(bounds)) & (stored <= max(bounds))


def as_stored(dataset: Dataset, value: float) -> float:
    """A value written as unsigned 16 bit although the pixels are signed."""
    return value - 65536 if dataset.get("PixelRepresentation") == 1 and value > 32767 else value


def apply_modality(dataset: Dataset, stored: np.ndarray) -> np.ndarray:
    """Modality LUT, else rescale slope and intercept, else unchanged; (H, W) float64."""
    luts = dataset.get("ModalityLUTSequence")
    if luts:
        return apply_lut(dataset, luts[0], stored)[0]
    slope, intercept = dataset.get("RescaleSlope"), dataset.get("RescaleIntercept")
    slope_value = 1.0 if slope in (None, "") else number(slope)
    intercept_value = 0.0 if intercept in (None, "") else number(intercept)
    if slope_value and intercept_value is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            values = stored.astype(np.float64) * slope_value + intercept_value
        if np.isfinite(values).all():
            return values
    raise RefusedInput(
        "BAD_RESCALE",
        "RescaleSlope or RescaleIntercept cannot be applied",
        "finite numbers, slope not 0",
        f"slope {slope}, intercept {intercept}",
        "correct the header at the source",
    )


def apply_lut(dataset: Dataset, item: Dataset, values: np.ndarray) -> tuple[np.ndarray, int]:
    """Look values up in a Modality or VOI LUT item.

    Returns:
        Mapped values (H, W) float64 and the bits of an entry.

    Raises:
        RefusedInput: ``BAD_LUT``.
    """
    descriptor = [int(value) for value in item.get("LUTDescriptor") or []]
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ExplicitVRLittleEndian)
    entries = lut_entries(item, descriptor, "<u2" if syntax.is_little_endian else ">u2")
    first = as_stored(dataset, descriptor[1])
    index = np.clip(np.rint(values - first), 0, len(entries) - 1).astype(np.int64)
    # Some writers declare fewer bits than their entries have.
    bits = max(descriptor[2], int(entries.max()).bit_length())
    return entries[index].astype(np.float64), bits


def lut_entries(item: Dataset, descriptor: list[int], order: str) -> np.ndarray:
    """Entries of a LUT item, from numbers, words in the given byte order, or bytes packed two to a word."""
    data = item.get("LUTData", b"")
    if not isinstance(data, bytes):  # VR US: numbers
        data, order = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype("<u2").tobytes(), "<u2"
    if len(descriptor) == 3 and 8 <= descriptor[2] <= 16:
        count = descriptor[0] or 65536  # 0 stands for 2^16, which does not fit the attribute
        if len(data) >= 2 * count:
            return np.frombuffer(data, dtype=order, count=count)
        if descriptor[2] == 8 and len(data) >= count:
            words = np.frombuffer(data[: len(data) // 2 * 2], dtype=order).astype("<u2")
            return np.frombuffer(words.tobytes(), dtype=np.uint8)[:count]
    raise RefusedInput(
        "BAD_LUT", "the look-up table cannot be read", "as many entries as it declares, 8 to 16 bits",
        f"descriptor {descriptor}, {len(data)} bytes", "correct the header at the source",
    )  # fmt: skip


def apply_voi(dataset: Dataset, values: np.ndarray, padding: np.ndarray) -> tuple[np.ndarray, str, list[str]]:
    """VOI LUT, else window, each the first one given; else percentiles of the unpadded pixels, with a flag.

    Returns:
        Image (H, W) float64 in [0, 1], description of the window, flags.
    """
    inside = values[~padding]
    if inside.size == 0 or inside.min() == inside.max():
        raise constant()
    luts, has_window = dataset.get("VOILUTSequence"), "WindowCenter" in dataset or "WindowWidth" in dataset
    if luts:
        mapped, bits = apply_lut(dataset, luts[0], values)
        image, description = mapped / (2**bits - 1), f"VOI LUT, {bits} bit"
    else:
        center, width = number(dataset.get("WindowCenter")), number(dataset.get("WindowWidth"))
        function = text(dataset, "VOILUTFunction") or "LINEAR"
        if not has_window or center is None or width is None or not is_valid_window(function, width):
            return *percentile_window(values, inside), ["window invalid" if has_window else "window missing"]
        image, description = WINDOWS[function](values, center, width), f"{function} {center:g}/{width:g}"
    shown = image[~padding]
    if shown.max() - shown.min() < BLANK_RANGE:
        return *percentile_window(values, inside), ["window blanks the image"]
    return image, description, []


def is_valid_window(function: str, width: float) -> bool:
    """LINEAR needs a width of at least 1, the others one above 0 (PS3.3 C.11.2.1.2)."""
    return function in WINDOWS and (width >= 1 if function == "LINEAR" else width > 0)


def linear(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR window (PS3.3 C.11.2.1.2.1) to [0, 1]."""
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    if high == low:
        return (values > low).astype(np.float64)
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def linear_exact(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR_EXACT window (PS3.3 C.11.2.1.3.2) to [0, 1]."""
    return np.clip((values - (center - width / 2)) / width, 0.0, 1.0)


def sigmoid(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """SIGMOID window (PS3.3 C.11.2.1.3.1) to [0, 1]: 1 / (1 + exp(-4 (x - c) / w)), which is this tanh."""
    return 0.5 * (1.0 + np.tanh(2.0 * (values - center) / width))


WINDOWS: dict[str, Callable[[np.ndarray, float, float], np.ndarray]] = {
    "LINEAR": linear,
    "LINEAR_EXACT": linear_exact,
    "SIGMOID": sigmoid,
}


def percentile_window(values: np.ndarray, inside: np.ndarray) -> tuple[np.ndarray, str]:
    """Image (H, W) in [0, 1] between two percentiles of the unpadded pixels, and the description."""
    low, high = np.percentile(inside, PERCENTILES)
    if high <= low:
        low, high = inside.min(), inside.max()
    description = f"percentile {PERCENTILES[0]}-{PERCENTILES[1]}"
    return np.clip((values - low) / (high - low), 0.0, 1.0), description


def is_inverted(dataset: Dataset) -> bool:
    """Whether low values are displayed bright."""
    return (
        text(dataset, "PhotometricInterpretation") == "MONOCHROME1"
        or text(dataset, "PresentationLUTShape") == "INVERSE"
    )


def grey_from_colour(channels: np.ndarray, maximum: int) -> np.ndarray:
    """Grey image (H, W) float32 in [0, 1] of a colour image (H, W, 3) whose channels are equal.

    Raises:
        RefusedInput: ``COLOUR``.
    """
    if not (np.array_equal(channels[..., 0], channels[..., 1]) and np.array_equal(channels[..., 0], channels[..., 2])):
        raise RefusedInput(
            "COLOUR", "the image has colours", "a grey image, or equal channels", "channels that differ",
            "use the original grey image",
        )  # fmt: skip
    return channels[..., 0].astype(np.float32) / np.float32(maximum)


def constant() -> RefusedInput:
    """Refusal of an image without contrast."""
    return RefusedInput(
        "CONSTANT", "the image is empty", "pixels that differ", "one value everywhere", "check the export of this image"
    )
