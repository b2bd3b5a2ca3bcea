"""Pool of decoder processes: one for each frame that is decoded at the same time."""

from __future__ import annotations

import os
import threading
from collections import deque

import numpy as np

from .frame import Frame
from .isolation import DecoderProcess

_MAX_THREADS = 4  # per frame, because worker processes of a data loader do not know of each other


def _processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


class DecoderPool:
    """Child processes that are started when needed, at most one per processor; further threads wait for a free one."""

    def __init__(self) -> None:
        self.children: list[DecoderProcess] = []
        self.idle: deque[DecoderProcess] = deque()
        self.slots = threading.BoundedSemaphore(_processors())

    def decode(
        self, function: str, frame: Frame, shape: tuple[int, ...], dtype: np.dtype, *, parallel: bool = False
    ) -> np.ndarray:
        """Decode a frame. Several threads may call this method at the same time.

        Args:
            function: name of the decoding function in imagecodecs.
            frame: codestream to decode.
            shape: shape of the pixels according to the codestream's header.
            dtype: data type of the pixels.
            parallel: whether the function accepts ``numthreads``. If so, it gets its share of the processors.

        Raises:
            RefusedInput: the frame cannot be decoded, see :meth:`.isolation.DecoderProcess.decode`.
        """
        with self.slots:
            child = self.take()
            try:
                return child.decode(function, frame, shape, dtype, self.threads() if parallel else None)
            finally:
                self.idle.append(child)

    def threads(self) -> int:
        """Number of threads for a child: its share of the processors among the children that decode now."""
        decoding = len(self.children) - len(self.idle)
        return min(_MAX_THREADS, max(1, _processors() // decoding))

    def take(self) -> DecoderProcess:
        """Idle child, preferably the one that finished last (its memory is in the cache); a new one if none is idle."""
        try:
            return self.idle.pop()
        except IndexError:
            child = DecoderProcess()
            self.children.append(child)
            return child

    def stop(self) -> None:
        """End all child processes."""
        for child in self.children:
            child.stop()

    def forget(self) -> None:
        """Give up all children after a fork: they belong to the parent process."""
        for child in self.children:
            child.forget()
        self.children.clear()
        self.idle.clear()
        self.slots = threading.BoundedSemaphore(_processors())  # the threads that hold the old slots do not exist here


DECODER_POOL = DecoderPool()
os.register_at_fork(after_in_child=DECODER_POOL.forget)
