"""Decoded samples to stored values: the bits that BitsStored and HighBit select (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from ..header import bit_layout
from .samples import DECODERS, Decoder

_MAX_OVERSHOOT = 0.1
# Pixels that fit the processor's cache: the second pass over a block takes a third of the time of the first.
BLOCK = 1 << 16


class Stored(NamedTuple):
    """Stored values of an image.

    Attributes:
        values: stored values (H, W), integers.
        low: lowest stored value.
        high: highest stored value.
    """

    values: np.ndarray
    low: int
    high: int

    @classmethod
    def of(cls, values: np.ndarray) -> Stored:
        """Stored values with their minimum and maximum, computed block by block."""
        flat = values.reshape(-1)
        blocks = [flat[start : start + BLOCK] for start in range(0, flat.size, BLOCK)]
        extremes = [(block.min(), block.max()) for block in blocks]
        return cls(values, int(min(low for low, _ in extremes)), int(max(high for _, high in extremes)))


def stored_values(dataset: Dataset, samples: np.ndarray) -> Stored:
    """Stored values of decoded samples.

    Args:
        dataset: header that ``complete_header`` accepted.
        samples: samples (H, W). Bits that BitsStored and HighBit do not select may have any value.

    Returns:
        Stored values, signed or unsigned according to PixelRepresentation.

    Raises:
        RefusedInput: ``BIT_LAYOUT``: a codestream contains values that BitsStored cannot represent.
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
    # The shift to the left drops the unused high bits, the shift to the right the unused low bits; it extends the sign.
    samples = samples.astype(f"{'i' if signed else 'u'}{samples.dtype.itemsize}")
    up = max(size - bits - shift, 0)
    return Stored.of(np.right_shift(np.left_shift(samples, up), up + shift))


def _clip_overshoot(stored: Stored, low: int, high: int, decoder: Decoder) -> Stored:
    """Clip values that lossy compression pushed out of their range, which happens at edges.

    Args:
        stored: values of a codestream, some of them out of range.
        low: lowest value that BitsStored allows.
        high: highest value that BitsStored allows.
        decoder: decoder of the transfer syntax.

    Raises:
        RefusedInput: ``BIT_LAYOUT``: the compression is lossless, or a value is out of range by more than a tenth of
            the range.
    """
    margin = _MAX_OVERSHOOT * (high - low) if decoder.lossy else 0
    if stored.high > high + margin or stored.low < low - margin:
        raise bit_layout(f"values in {low} to {high}, as BitsStored says", f"{stored.low} to {stored.high}")
    return Stored.of(np.clip(stored.values, low, high))
