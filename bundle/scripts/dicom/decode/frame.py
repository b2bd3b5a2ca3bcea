"""The one compressed frame of a data set: where its bytes are, so that a decoder reads them without a copy."""

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
        file: on disk, or in memory with a descriptor.
        offset: of its first byte.
        length: bytes.
    """

    file: BinaryIO
    offset: int
    length: int

    def read(self, start: int = 0, stop: int | None = None) -> bytes:
        """Its bytes from ``start`` to ``stop``, counted as those of a slice."""
        start, stop, _ = slice(start, stop).indices(self.length)
        return os.pread(self.file.fileno(), stop - start, self.offset + start)


@contextmanager
def open_frame(dataset: Dataset) -> Iterator[Frame]:
    """The frame of a data set, which stays in its file if ``load_dataset`` left it there in one piece.

    Raises:
        ValueError: the fragments are not complete.
    """
    element = dataset.get_item("PixelData", keep_deferred=True)
    in_file = element.value is None
    with open(dataset.filename, "rb") if in_file else io.BytesIO(element.value) as file:
        file.seek(element.value_tell if in_file else 0)  # type: ignore[attr-defined]  # raw: nothing was made of it yet
        fragments = _find_fragments(file)
        if in_file and len(fragments) == 1:
            yield Frame(file, *fragments[0])
            return
        content = b"".join(_read_at(file, *fragment) for fragment in fragments)
    with _in_memory(content) as frame:
        yield frame


@contextmanager
def _in_memory(content: bytes) -> Iterator[Frame]:
    """A frame that is in no file, in memory that has a descriptor."""
    with os.fdopen(os.memfd_create("frame"), "w+b", buffering=0) as memory:
        memory.write(content)
        yield Frame(memory, 0, len(content))


def _find_fragments(file: BinaryIO) -> list[tuple[int, int]]:
    """Offset and length of each fragment of encapsulated pixels (PS3.5 A.4) that start where ``file`` is.

    All are of one frame: the header says so, and the offsets before them are often wrong.

    Raises:
        ValueError: there is none, or the last ends behind the file.
    """
    parse_basic_offsets(file)
    fragments = []
    for item in parse_fragments(file)[1]:
        (length,) = struct.unpack("<L", _read_at(file, item + 4, 4))  # behind the tag of the item
        fragments.append((item + 8, length))
    if not fragments or sum(fragments[-1]) > file.seek(0, os.SEEK_END):
        raise ValueError("the fragments are not complete")
    return fragments


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    """``size`` bytes at ``offset``."""
    file.seek(offset)
    return file.read(size)
