"""Position of the only compressed frame of a data set, so that a decoder reads its bytes without a copy."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from pydicom.dataset import Dataset
from pydicom.encaps import parse_basic_offsets, parse_fragments


class Frame(NamedTuple):
    """A codestream in an open file.

    Attributes:
        file: file on disk, or file in memory that has a descriptor.
        offset: position of the first byte in the file.
        length: length of the codestream, in bytes.
    """

    file: BinaryIO
    offset: int
    length: int

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Bytes of the codestream from ``start`` to ``stop``, which are used like the bounds of a slice."""
        start, stop, _ = slice(start, stop).indices(self.length)
        return os.pread(self.file.fileno(), stop - start, self.offset + start)


@contextmanager
def open_frame(dataset: Dataset) -> Iterator[Frame]:
    """Open the compressed frame of a data set.

    The frame is not copied if ``load_dataset`` left it in its file and it is a single fragment.

    Raises:
        ValueError: the fragments are incomplete.
    """
    element = dataset.get_item("PixelData", keep_deferred=True)
    in_file = element.value is None
    with open(dataset.filename, "rb") if in_file else io.BytesIO(element.value) as file:
        file.seek(element.value_tell if in_file else 0)  # type: ignore[attr-defined]  # a raw element, not yet converted
        fragments = _find_fragments(file)
        if in_file and len(fragments) == 1:
            yield Frame(file, *fragments[0])
            return
        content = b"".join(_read_at(file, *fragment) for fragment in fragments)
    with _in_memory(content) as frame:
        yield frame


@contextmanager
def _in_memory(content: bytes) -> Iterator[Frame]:
    """Copy a frame to a file in memory, so that it has a descriptor."""
    with os.fdopen(os.memfd_create("frame"), "w+b", buffering=0) as memory:
        memory.write(content)
        yield Frame(memory, 0, len(content))


def _find_fragments(file: BinaryIO) -> list[tuple[int, int]]:
    """Offset and length of each fragment of encapsulated pixels (PS3.5 A.4).

    All fragments belong to one frame, because the header was checked for NumberOfFrames 1. The offset table, which is
    often wrong in practice, is ignored.

    Args:
        file: file, positioned at the offset table.

    Raises:
        ValueError: there is no fragment, or the last one ends after the end of the file.
    """
    parse_basic_offsets(file)
    fragments = []
    for item in parse_fragments(file)[1]:
        (length,) = struct.unpack("<L", _read_at(file, item + 4, 4))  # after the tag of the item
        fragments.append((item + 8, length))
    if not fragments or sum(fragments[-1]) > file.seek(0, os.SEEK_END):
        raise ValueError("the fragments are not complete")
    return fragments


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """``size`` bytes at ``offset``."""
    file.seek(offset)
    return file.read(size)
