"""Memory buffers for decoded pixels. A buffer is used again once no array refers to its memory.

Newly allocated pages slow fast decoders down. RLE takes 1.14 times the time of its decoder with these buffers
and 1.32 times without (``benchmarks/dicom_speed.py``). NumPy asks Linux for huge pages by itself.
"""

from __future__ import annotations

import math
import os
import weakref
from collections import deque

import numpy as np

_FREE_BUFFERS = 1 + (os.cpu_count() or 1)


class BufferPool:
    """Thread-safe pool of free buffers."""

    def __init__(self) -> None:
        self.free: deque[np.ndarray] = deque(maxlen=_FREE_BUFFERS)

    def take(self, size: int) -> np.ndarray:
        """Return a buffer of at least ``size`` bytes. Smaller buffers found on the way are dropped."""
        while True:
            try:
                buffer = self.free.pop()
            except IndexError:
                return np.empty(size, np.uint8)
            if len(buffer) >= size:
                return buffer

    def array(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Return an array in a buffer. The buffer returns to the pool when the last view of the array is deleted."""
        count = math.prod(shape)
        buffer = self.take(count * dtype.itemsize)
        flat = np.frombuffer(buffer.data, dtype, count)  # through memory that is no array, so that views keep ``flat``
        weakref.finalize(flat, self.free.append, buffer)
        return flat.reshape(shape)


BUFFERS = BufferPool()
