"""The decoder processes of this process: one for each frame that is decoded at the same time."""

from __future__ import annotations

import os
import threading
from collections import deque

import numpy as np

from .frame import Frame
from .isolation import DecoderProcess

_MAX_THREADS = 4  # for one frame: worker processes know nothing of each other


def _processors() -> int:
    """Processors that this process may use now."""
    return len(os.sched_getaffinity(0))


class DecoderPool:
    """Children that are started when needed, at most one for each processor; further threads wait."""

    def __init__(self) -> None:
        self.children: list[DecoderProcess] = []
        self.idle: deque[DecoderProcess] = deque()
        self.slots = threading.BoundedSemaphore(_processors())

    def decode(
        self, function: str, frame: Frame, shape: tuple[int, ...], dtype: np.dtype, *, parallel: bool = False
    ) -> np.ndarray:
        """Pixels of a frame, for any number of threads.

        Args:
            function: name of a function of imagecodecs.
            frame: codestream.
            shape: of the pixels that it declares.
            dtype: of these pixels.
            parallel: whether the function takes ``numthreads``; it gets its share of the processors.

        Raises:
            RefusedInput: see ``DecoderProcess.decode``.
        """
        with self.slots:
            child = self.take()
            try:
                return child.decode(function, frame, shape, dtype, self.threads() if parallel else None)
            finally:
                self.idle.append(child)

    def threads(self) -> int:
        """The share of a child that decodes."""
        decoding = len(self.children) - len(self.idle)
        return min(_MAX_THREADS, max(1, _processors() // decoding))

    def take(self) -> DecoderProcess:
        """A child that does nothing; the one that worked last, whose memory is warm."""
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
        """In a fork: the children are the parent's."""
        for child in self.children:
            child.forget()
        self.children.clear()
        self.idle.clear()
        self.slots = threading.BoundedSemaphore(_processors())  # those taken are of threads that are not here


DECODER_POOL = DecoderPool()
os.register_at_fork(after_in_child=DECODER_POOL.forget)
