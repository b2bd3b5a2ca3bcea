"""Memory for decoded pixels, used again once nobody looks at them: fresh pages cost fast decoders a tenth of the time.

RLE against its decoder alone (``benchmarks/dicom_speed.py``) took 1.14 of its time with it, and 1.32 with fresh pages.
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
_FREE_ROOMS = 1 + (os.cpu_count() or 1)


class Room:
    """Memory for one image, in huge pages where the system has them.

    Args:
        size: bytes.
    """

    def __init__(self, size: int) -> None:
        pages = mmap.mmap(-1, size + _HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):
            pages.madvise(mmap.MADV_HUGEPAGE)
        before = -np.frombuffer(pages, np.uint8).ctypes.data % _HUGE_PAGE  # only whole ones count
        self.memory = memoryview(pages)[before:]


class SharedRoom:
    """Memory for one image that a child process writes.

    Args:
        size: bytes.

    Attributes:
        number: that no other room of this process has.
    """

    numbers = itertools.count()

    def __init__(self, size: int) -> None:
        self.number = next(self.numbers)
        self.descriptor = os.memfd_create("pixels")
        os.truncate(self.descriptor, size)
        self.memory = memoryview(mmap.mmap(self.descriptor, size))

    def __del__(self) -> None:
        os.close(self.descriptor)


R = TypeVar("R", bound="Room | SharedRoom")


class Rooms(Generic[R]):
    """The rooms of one kind that are free; for any number of threads."""

    def __init__(self, kind: type[R]) -> None:
        self.kind = kind
        self.free: deque[R] = deque(maxlen=_FREE_ROOMS)

    def take(self, size: int) -> R:
        """A room of at least ``size`` bytes; smaller ones that are found before it are given up."""
        while True:
            try:
                room = self.free.pop()
            except IndexError:
                return self.kind(size)
            if len(room.memory) >= size:
                return room

    def pixels(self, room: R, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Pixels in a room, which is free again when the last view of them is gone."""
        flat = np.frombuffer(room.memory, dtype, math.prod(shape))
        weakref.finalize(flat, self.free.append, room)  # every view holds this array
        return flat.reshape(shape)

    def part(self) -> None:
        """Around a fork: what was decoded so far is seen by both, so its memory is never used again."""
        self.free = deque(maxlen=_FREE_ROOMS)


ROOMS: Rooms[Room] = Rooms(Room)
SHARED_ROOMS: Rooms[SharedRoom] = Rooms(SharedRoom)
os.register_at_fork(after_in_parent=SHARED_ROOMS.part, after_in_child=SHARED_ROOMS.part)
