"""Decoded samples to stored values: the bits that BitsStored and HighBit name (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from ..header import bit_layout
from .samples import DECODERS, Decoder

_MAX_OVERSHOOT = 0.1
BLOCK = 1 << 16  # pixels that stay in the processor's cache: the second look at them costs a third of the first


class Stored(NamedTuple):
    """Stored values.

    Attributes:
        values: (H, W) integers.
        low: the lowest.
        high: the highest.
    """

    values: np.ndarray
    low: int
    high: int

    @classmethod
    def of(cls, values: np.ndarray) -> Stored:
        """Stored values with their extremes."""
        flat = values.reshape(-1)
        blocks = [flat[start : start + BLOCK] for start in range(0, flat.size, BLOCK)]
        extremes = [(block.min(), block.max()) for block in blocks]
        return cls(values, int(min(low for low, _ in extremes)), int(max(high for _, high in extremes)))


def stored_values(dataset: Dataset, samples: np.ndarray) -> Stored:
    """Stored values of samples (H, W) whose other bits may hold anything, signed as PixelRepresentation says.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if a codestream has values that BitsStored cannot hold.
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
    # Up and down again: the unused bits above fall out, those below too, and the sign spreads.
    samples = samples.astype(f"{'i' if signed else 'u'}{samples.dtype.itemsize}")
    up = max(size - bits - shift, 0)
    return Stored.of(np.right_shift(np.left_shift(samples, up), up + shift))


def _clip_overshoot(stored: Stored, low: int, high: int, decoder: Decoder) -> Stored:
    """Values of a codestream within its range; lossy compression leaves it a little at edges.

    Raises:
        RefusedInput: ``BIT_LAYOUT`` if they leave it where nothing was lost, or by more than ``MAX_OVERSHOOT``.
    """
    margin = _MAX_OVERSHOOT * (high - low) if decoder.lossy else 0
    if stored.high > high + margin or stored.low < low - margin:
        raise bit_layout(f"values in {low} to {high}, as BitsStored says", f"{stored.low} to {stored.high}")
    return Stored.of(np.clip(stored.values, low, high))
