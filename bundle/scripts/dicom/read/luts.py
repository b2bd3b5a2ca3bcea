"""Look-up tables of a DICOM header: Modality LUT and VOI LUT (PS3.3 C.11.1, C.11.2)."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ...common.refusal import RefusedInput
from .ranges import table_bits


def apply_lut(
    dataset: Dataset, item: Dataset, values: np.ndarray, *, signed: bool
) -> tuple[np.ndarray, int, list[str]]:
    """Look values up in a Modality or VOI LUT item.

    Args:
        dataset: Header, which determines the byte order.
        item: Item of ModalityLUTSequence or VOILUTSequence.
        values: Numbers of any shape. Numbers outside the table are mapped to its first or last entry.
        signed: Whether the values, and with them the first mapped value of the descriptor, can be negative.

    Returns:
        Entries float64 in the shape of ``values``, the number of bits per entry, and a flag if the table uses another
        number of bits than it declares.

    Raises:
        RefusedInput: ``BAD_LUT``.
    """
    descriptor = [int(value) for value in item.get("LUTDescriptor") or []]
    syntax = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", ExplicitVRLittleEndian)
    entries = _lut_entries(item, descriptor, "<u2" if syntax.is_little_endian else ">u2")
    # The first mapped value is written as unsigned 16 bit even if it is negative.
    first = descriptor[1] - 65536 if signed and descriptor[1] > 32767 else descriptor[1]
    index = np.clip(np.rint(values - first), 0, len(entries) - 1).astype(np.int64)
    bits, flags = table_bits(int(entries.max()), descriptor[2])
    return entries[index].astype(np.float64), bits, flags


def _lut_entries(item: Dataset, descriptor: list[int], order: str) -> np.ndarray:
    """Entries of a LUT item, stored as numbers, as words in the given byte order, or as two bytes per word."""
    data = item.get("LUTData", b"")
    if not isinstance(data, bytes):  # VR US: numbers
        data, order = np.atleast_1d(np.asarray(data, dtype=np.int64)).astype("<u2").tobytes(), "<u2"
    if len(descriptor) == 3 and 8 <= descriptor[2] <= 16:
        count = descriptor[0] or 65536  # 0 means 2^16, which does not fit the attribute
        if 0 < count <= 65536 and len(data) >= 2 * count:
            return np.frombuffer(data, dtype=order, count=count)
        # Bytes. Where these are as many as the entries, the descriptor does not matter.
        if len(data) >= count > 0 and (descriptor[2] == 8 or len(data) <= count + 1):
            words = np.frombuffer(data[: len(data) // 2 * 2], dtype=order).astype("<u2")
            return np.frombuffer(words.tobytes() + data[len(data) // 2 * 2 :], dtype=np.uint8)[:count]
    raise RefusedInput(
        "BAD_LUT", "the look-up table cannot be read", "as many entries as it declares, 8 to 16 bits",
        f"descriptor {descriptor}, {len(data)} bytes", "correct the header at the source",
    )  # fmt: skip
