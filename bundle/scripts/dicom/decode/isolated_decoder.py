"""Child process of ``isolation``: decodes frames until its input is closed.

This file is run as a program and never imported by the package; it needs NumPy and imagecodecs only. It uses only what
Linux, macOS and Windows have, but for the limit of memory, which only Linux has.

The child first sends a line of JSON with ``limits_memory``. A request is a line of JSON, followed by the bytes of the
frame. It has ``function``, ``options``, ``shape`` and ``dtype`` of the pixels, the ``length`` of the frame, and two
limits: ``memory`` in bytes and ``seconds`` of processor time. The answer is a line of JSON: ``{}``, followed by the
bytes of the pixels, or ``error`` with the name of an exception. At the time limit the child ends with ``TIME_IS_UP``.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np

TIME_IS_UP = 75  # exit code; decoders that crash have others
_PAUSE_S = 0.02  # between looks at the processor time


def main() -> None:
    """Answer requests until the input is closed, which also happens when the parent process ends."""
    requests, answers = sys.stdin.buffer, _take_output()
    watch = Watch()
    base = _address_space()
    _send(answers, {"limits_memory": base is not None})
    memory = np.empty(0, np.uint8)  # kept, because new pages cost HTJ2K 5 % of its time
    while line := requests.readline():
        request = json.loads(line)
        frame = requests.read(request["length"])
        shape, dtype = tuple(request["shape"]), np.dtype(request["dtype"])
        size = math.prod(shape) * dtype.itemsize
        if size > len(memory):
            memory = np.empty(size, np.uint8)
        pixels = memory[:size].view(dtype).reshape(shape)
        if base is not None:
            _limit_address_space(base + len(memory) + len(frame) + request["memory"])
        watch.start(request["seconds"])
        try:
            _decode(request, frame, pixels)
            answer = {}
        except Exception as error:
            answer = {"error": type(error).__name__}
        finally:
            watch.stop()
            if base is not None:
                _limit_address_space(None)
        _send(answers, answer, pixels.data.cast("B") if not answer else b"")


class Watch:
    """Ends this process when a request has used its processor time.

    It is a thread, because Windows has no timer that sends a signal. Decoders leave the interpreter lock while they
    work; for one that does not, the parent process waits only so long.
    """

    def __init__(self) -> None:
        self.end, self.running = math.inf, threading.Event()
        threading.Thread(target=self.look, daemon=True).start()

    def start(self, seconds: float) -> None:
        """Allow so many seconds of processor time from now on."""
        self.end = time.process_time() + seconds
        self.running.set()

    def stop(self) -> None:
        """Allow any time."""
        self.running.clear()
        self.end = math.inf

    def look(self) -> None:
        """Look at the processor time again and again while a request is running."""
        while self.running.wait():
            if time.process_time() > self.end:
                os._exit(TIME_IS_UP)
            time.sleep(_PAUSE_S)


def _take_output() -> BinaryIO:
    """Standard output for answers only: what a decoder prints there from now on goes nowhere."""
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers


def _send(answers: BinaryIO, answer: dict[str, Any], pixels: bytes | memoryview = b"") -> None:
    """Send an answer and the pixels after it."""
    answers.write(json.dumps(answer).encode() + b"\n")
    answers.write(pixels)
    answers.flush()


def _address_space() -> int | None:
    """Address space in use, in bytes; ``None`` where it cannot be limited: Windows does not, and macOS ignores it."""
    try:
        import resource

        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
        return int(pages) * resource.getpagesize()
    except (ImportError, OSError):
        return None


def _limit_address_space(size: int | None) -> None:
    """Limit the address space to ``size`` bytes, or to the hard limit of this process if that is lower or alone."""
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if size is None:
        size = most
    elif most != resource.RLIM_INFINITY:
        size = min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, most))


def _decode(request: dict[str, Any], frame: bytes, out: np.ndarray) -> None:
    """Decode a frame into an array.

    Raises:
        ValueError: The decoder did not write to the array.
    """
    pixels = getattr(imagecodecs, request["function"])(frame, out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the decoder did not write to the array")


if __name__ == "__main__":
    main()
