"""Decoded samples to stored values: the bits that BitsStored and HighBit select (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from ..header import bit_layout
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


def _clip_overshoot(stored: Stored, low: int, high: int, decoder: Decoder) -> Stored:
    """Clip the values of a codestream to their range, which lossy compression slightly exceeds at edges.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if lossless values exceed the range, or lossy ones by more than 10 % of it.
    """
    margin = _MAX_OVERSHOOT * (high - low) if decoder.lossy else 0
    if stored.high > high + margin or stored.low < low - margin:
        raise bit_layout(f"values in {low} to {high}, as BitsStored declares", f"{stored.low} to {stored.high}")
    return Stored.of(np.clip(stored.values, low, high))
