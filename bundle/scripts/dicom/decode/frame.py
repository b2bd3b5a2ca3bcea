"""Compressed frame of a data set, joined from its fragments."""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO

from pydicom.dataset import Dataset

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MAX_FRAGMENTS = 100_000


def read_frame(dataset: Dataset) -> bytes:
    """Read the frame of a data set, from its file if the element was deferred.

    Raises:
        ValueError: The fragments are not complete.
    """
    element = dataset.get_item("PixelData", keep_deferred=True)
    in_file = element.value is None
    with open(dataset.filename, "rb") if in_file else io.BytesIO(element.value) as file:
        file.seek(element.value_tell if in_file else 0)  # type: ignore[attr-defined]  # still a raw element
        return b"".join(_read_at(file, *fragment) for fragment in _find_fragments(file))


def _find_fragments(file: BinaryIO) -> list[tuple[int, int]]:
    """Find offset and length of each fragment of encapsulated pixels (PS3.5 A.4), from the position of ``file``.

    All fragments belong to one frame: the header was checked for it, and offset tables are often wrong. The sequence
    delimiter may be missing; a frame that is cut is found by its decoder.

    Raises:
        ValueError: There is no fragment, or the last one ends after the file.
    """
    position, size = file.tell(), file.seek(0, os.SEEK_END)
    items: list[tuple[int, int]] = []  # the first one is the basic offset table
    while len(items) < _MAX_FRAGMENTS:
        start = _read_at(file, position, 8)
        if start[:4] == _DELIMITER or start[:4] != _ITEM or len(start) < 8:
            break
        (length,) = struct.unpack("<L", start[4:])
        items.append((position + 8, length))
        position += 8 + length
        # A fragment has an even length. Some writers do not count the byte that pads it.
        position += length % 2 and _read_at(file, position + 1, 4) in (_ITEM, _DELIMITER)
    if len(items) < 2 or sum(items[-1]) > size:
        raise ValueError("the fragments are not complete")
    return items[1:]


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Read ``size`` bytes at ``offset``."""
    file.seek(offset)
    return file.read(size)
