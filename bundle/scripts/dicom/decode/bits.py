"""Decoded samples to stored values: the bits that BitsStored and HighBit select (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from ..header import bit_layout
from .codestream import JPEG_2000
from .samples import DECODERS, Decoder

_MAX_OVERSHOOT = 0.1
BLOCK = 1 << 16  # pixels that fit the processor's cache: a second pass over them takes a third of the first


class Stored(NamedTuple):
    """Stored values and their range.

    Attributes:
        values: Integers (H, W).
        low: Lowest value.
        high: Highest value.
    """

    values: np.ndarray
    low: int
    high: int

    @classmethod
    def of(cls, values: np.ndarray) -> Stored:
        """Determine the range of stored values (H, W)."""
        flat = values.reshape(-1)
        blocks = [flat[start : start + BLOCK] for start in range(0, flat.size, BLOCK)]
        extremes = [(block.min(), block.max()) for block in blocks]
        return cls(values, int(min(low for low, _ in extremes)), int(max(high for _, high in extremes)))


def stored_values(dataset: Dataset, samples: np.ndarray) -> Stored:
    """Extract the stored values from samples (H, W), signed according to PixelRepresentation.

    Bits outside BitsStored and HighBit are ignored.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if a codestream has values that do not fit BitsStored.
    """
    bits, shift = dataset.BitsStored, dataset.HighBit + 1 - dataset.BitsStored
    signed, size = dataset.PixelRepresentation == 1, 8 * samples.dtype.itemsize
    if shift == 0 and signed == (samples.dtype.kind == "i"):
        stored = Stored.of(samples)
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        if low <= stored.low and stored.high <= high:
            return stored
        decoder = DECODERS.get(dataset.file_meta.TransferSyntaxUID)
        if decoder is not None:
            return _clip_overshoot(stored, low, high, decoder)
    # Shifting up and down again removes the unused bits above and below and extends the sign.
    samples = samples.astype(f"{'i' if signed else 'u'}{samples.dtype.itemsize}")
    up = max(size - bits - shift, 0)
    return Stored.of(np.right_shift(np.left_shift(samples, up), up + shift))


def correct_sign(dataset: Dataset, samples: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Convert the samples of a JPEG 2000 codestream, which is signed or unsigned, to what the header declares.

    Some encoders shift the values by half their range, others mark the unchanged bits as signed or unsigned. In a
    radiograph, the wrong one of the two breaks every edge between the halves of the range, so that the smoother image
    is right. Where both are equally smooth, an unsigned codestream has unchanged bits, as pydicom takes it.

    Returns:
        Samples, and a flag if they were converted.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if the codestream has values that do not fit BitsStored.
    """
    half, decoder = 2 ** (dataset.BitsStored - 1), DECODERS.get(dataset.file_meta.TransferSyntaxUID)
    if decoder is None or JPEG_2000 not in decoder.markers:
        return samples, []
    if samples.dtype.kind == "u" and dataset.PixelRepresentation == 1 and samples.max() >= half:
        unsigned = _clip_overshoot(Stored.of(samples), 0, 2 * half - 1, decoder).values.astype(np.int32)
        shifted, unchanged = unsigned - half, np.where(unsigned < half, unsigned, unsigned - 2 * half)
        is_shifted = _roughness(shifted) < _roughness(unchanged)
        meaning = f"values shifted by {half}" if is_shifted else "bits taken as signed"
        values = (shifted if is_shifted else unchanged).astype(np.int16)
        return values, [f"unsigned codestream, signed header: {meaning}"]
    if samples.dtype.kind != "i" or dataset.PixelRepresentation != 0 or samples.min() >= 0:
        return samples, []
    signed = _clip_overshoot(Stored.of(samples), -half, half - 1, decoder).values.astype(np.int32)
    shifted, unchanged = signed + half, np.where(signed < 0, signed + 2 * half, signed)
    is_shifted = _roughness(shifted) <= _roughness(unchanged)
    meaning = f"values shifted by {half}" if is_shifted else "bits taken as unsigned"
    values = (shifted if is_shifted else unchanged).astype(np.uint16)
    return values, [f"signed codestream, unsigned header: {meaning}"]


def _roughness(values: np.ndarray) -> int:
    """Sum of the absolute differences between neighbouring pixels."""
    return int(np.abs(np.diff(values, axis=0)).sum() + np.abs(np.diff(values, axis=1)).sum())


def _clip_overshoot(stored: Stored, low: int, high: int, decoder: Decoder) -> Stored:
    """Clip the values of a codestream to their range, which lossy compression slightly exceeds at edges.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if lossless values exceed the range, or lossy ones by more than 10 % of it.
    """
    margin = _MAX_OVERSHOOT * (high - low) if decoder.lossy else 0
    if stored.high > high + margin or stored.low < low - margin:
        raise bit_layout(f"values in {low} to {high}, as BitsStored declares", f"{stored.low} to {stored.high}")
    return Stored.of(np.clip(stored.values, low, high))
