"""Memory buffers for decoded pixels. A buffer is used again once no array refers to its memory.

Newly allocated pages slow fast decoders down. RLE takes 1.14 times the time of its decoder with these buffers
and 1.32 times without (``benchmarks/dicom_speed.py``); a JPEG baseline film takes 3 ms with them and 9 to 11 without.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import mmap
import os
import weakref
from collections import deque
from typing import Generic, TypeVar

import numpy as np

_HUGE_PAGE = 1 << 21
_FREE_BUFFERS = 1 + (os.cpu_count() or 1)


class PrivateBuffer:
    """Memory for one image, in huge pages if the system supports them.

    Args:
        size: Size in bytes.
    """

    def __init__(self, size: int) -> None:
        pages = mmap.mmap(-1, size + _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
        before = -np.frombuffer(pages, np.uint8).ctypes.data % _HUGE_PAGE  # the kernel backs only aligned huge pages
        self.memory = memoryview(pages)[before:]


class SharedBuffer:
    """Memory for one image that a child process writes.

    Args:
        size: Size in bytes.

    Attributes:
        number: Number of the buffer, unique in this process.
        descriptor: Descriptor of the memory file.
    """

    numbers = itertools.count()

    def __init__(self, size: int) -> None:
        self.number = next(self.numbers)
        self.descriptor = os.memfd_create("pixels")
        os.truncate(self.descriptor, size)
        self.memory = memoryview(mmap.mmap(self.descriptor, size))

    def __del__(self) -> None:
        os.close(self.descriptor)


B = TypeVar("B", bound="PrivateBuffer | SharedBuffer")


class BufferPool(Generic[B]):
    """Thread-safe pool of free buffers of one kind."""

    def __init__(self, kind: type[B]) -> None:
        self.kind = kind
        self.free: deque[B] = deque(maxlen=_FREE_BUFFERS)

    def take(self, size: int) -> B:
        """Return a buffer of at least ``size`` bytes. Smaller buffers found on the way are dropped."""
        while True:
            try:
                buffer = self.free.pop()
            except IndexError:
                return self.kind(size)
            if len(buffer.memory) >= size:
                return buffer

    def array(self, buffer: B, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array in a buffer. The buffer returns to the pool when the last view of the array is deleted."""
        flat = np.frombuffer(buffer.memory, dtype, math.prod(shape))
        weakref.finalize(flat, self.free.append, buffer)  # every view keeps this array alive
        return flat.reshape(shape)

    def abandon(self) -> None:
        """Give up all buffers, on both sides of a fork: both processes see their content, so neither may reuse them."""
        self.free = deque(maxlen=_FREE_BUFFERS)


PRIVATE_BUFFERS: BufferPool[PrivateBuffer] = BufferPool(PrivateBuffer)
SHARED_BUFFERS: BufferPool[SharedBuffer] = BufferPool(SharedBuffer)
os.register_at_fork(after_in_parent=SHARED_BUFFERS.abandon, after_in_child=SHARED_BUFFERS.abandon)
