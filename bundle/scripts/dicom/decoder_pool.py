"""The decoder processes of this process: one for each frame that is decoded at the same time."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Any

import numpy as np

from .frame import Frame
from .isolation import DecoderProcess

PROCESSORS = os.cpu_count() or 1


class DecoderPool:
    """Children that are started when needed, at most one for each processor; further threads wait."""

    def __init__(self) -> None:
        self.children: list[DecoderProcess] = []
        self.idle: deque[DecoderProcess] = deque()
        self.slots = threading.BoundedSemaphore(PROCESSORS)

    def decode(
        self, function: str, frame: Frame, shape: tuple[int, ...], dtype: np.dtype, options: dict[str, Any]
    ) -> np.ndarray:
        """As ``DecoderProcess.decode``, from any number of threads."""
        with self.slots:
            child = self.take()
            try:
                return child.decode(function, frame, shape, dtype, options)
            finally:
                self.idle.append(child)

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
        self.slots = threading.BoundedSemaphore(PROCESSORS)  # those taken are of threads that are not here


DECODER_POOL = DecoderPool()
os.register_at_fork(after_in_child=DECODER_POOL.forget)
