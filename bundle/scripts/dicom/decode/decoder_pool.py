"""Pool of decoder child processes: one for each frame that is decoded at the same time."""

from __future__ import annotations

import os
import threading
from collections import deque

import numpy as np

from .isolation import DecoderProcess

_MAX_THREADS = 4  # per frame, because the workers of a data loader do not know of each other


def _processors() -> int:
    """Number of processors that this process may use now; only Linux can tell it from the number there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class DecoderPool:
    """Child processes that are started on demand, at most one for each processor. Further threads wait."""

    def __init__(self) -> None:
        self.children: list[DecoderProcess] = []
        self.idle: deque[DecoderProcess] = deque()
        self.slots = threading.BoundedSemaphore(_processors())

    def decode(
        self, function: str, frame: bytes, shape: tuple[int, ...], dtype: np.dtype, *, parallel: bool = False
    ) -> np.ndarray:
        """Decode a frame. Any number of threads may call this method.

        Args:
            function: Name of a function of imagecodecs.
            frame: Codestream.
            shape: Shape of the pixels that the codestream declares.
            dtype: Data type of the pixels.
            parallel: Whether the function accepts ``numthreads``. It gets its share of the processors.

        Raises:
            RefusedInput: ``DECODE`` or ``DECODE_TIME``.
        """
        with self.slots:
            child = self.take()
            try:
                return child.decode(function, frame, shape, dtype, self.threads() if parallel else None)
            finally:
                self.idle.append(child)

    def threads(self) -> int:
        """Number of threads for one decoding child: its share of the processors."""
        decoding = len(self.children) - len(self.idle)
        return min(_MAX_THREADS, max(1, _processors() // decoding))

    def take(self) -> DecoderProcess:
        """Return an idle child, preferably the one used last, whose memory is already mapped."""
        try:
            return self.idle.pop()
        except IndexError:
            child = DecoderProcess()
            self.children.append(child)
            return child

    def stop(self) -> None:
        """End all children."""
        for child in self.children:
            child.stop()

    def forget(self) -> None:
        """Drop the children after a fork, because they belong to the parent process."""
        for child in self.children:
            child.forget()
        self.children.clear()
        self.idle.clear()
        self.slots = threading.BoundedSemaphore(_processors())  # slots in use belong to threads that do not exist here


DECODER_POOL = DecoderPool()
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=DECODER_POOL.forget)
