"""Position of the compressed frame of a data set, so that a decoder can read its bytes without a copy."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from pydicom.dataset import Dataset

_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MAX_FRAGMENTS = 100_000


class Frame(NamedTuple):
    """A codestream in an open file.

    Attributes:
        file: File on disk, or memory file with a descriptor.
        offset: Position of the first byte.
        length: Length in bytes.
    """

    file: BinaryIO
    offset: int
    length: int

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Read the bytes of the slice ``start:stop``."""
        start, stop, _ = slice(start, stop).indices(self.length)
        return os.pread(self.file.fileno(), stop - start, self.offset + start)


@contextmanager
def open_frame(dataset: Dataset) -> Iterator[Frame]:
    """Open the frame of a data set: in its file if the frame is deferred and has one fragment, else in memory.

    Raises:
        ValueError: The fragments are not complete.
    """
    element = dataset.get_item("PixelData", keep_deferred=True)
    in_file = element.value is None
    with open(dataset.filename, "rb") if in_file else io.BytesIO(element.value) as file:
        file.seek(element.value_tell if in_file else 0)  # type: ignore[attr-defined]  # still a raw element
        fragments = _find_fragments(file)
        if in_file and len(fragments) == 1:
            yield Frame(file, *fragments[0])
            return
        content = b"".join(_read_at(file, *fragment) for fragment in fragments)
    with _in_memory(content) as frame:
        yield frame


@contextmanager
def _in_memory(content: bytes) -> Iterator[Frame]:
    """Put a frame into a memory file, which has a descriptor."""
    with os.fdopen(os.memfd_create("frame"), "w+b", buffering=0) as memory:
        memory.write(content)
        yield Frame(memory, 0, len(content))


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
