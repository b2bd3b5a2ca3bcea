"""Child process with limits of time and memory for decoders that can hang or crash.

Measured with mutated streams: CharLS (JPEG-LS) takes three seconds for one wrong byte in 6 KB, OpenJPH (HTJ2K) loops
forever, and GDCM ends the process, which is why it is not used. OpenJPEG survived 98,503 mutated streams; it runs in
the child all the same because of its history of memory faults.

Frames and pixels go through pipes, which Linux, macOS and Windows have. Memory that both processes map saved about
10 ms of 47 for HTJ2K, and nothing measurable of 95 (JPEG-LS) and 515 (JPEG 2000), for a film of 5 million pixels. It
needed a way of its own on each system.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import numpy as np

from ...common.refusal import RefusedInput
from .buffers import BUFFERS

logger = logging.getLogger(__name__)

# Ten times the time, and three times the memory, that JPEG 2000 needs for a pixel.
_START_S, _SECONDS_PER_PIXEL = 1.0, 1e-6
_START_BYTES, _BYTES_PER_PIXEL, _BYTES_PER_THREAD = 100_000_000, 24, 16_000_000
_START_PROCESS_S = _WAIT_S = 60.0  # the imports of the child and a busy machine do not count as decoding
_END_S = 1.0
_LINE_BYTES = 4096
_TIME_IS_UP = 75  # exit code of the child at its limit of processor time
_PROGRAM = Path(__file__).with_name("isolated_decoder.py")
# One BLAS thread, because each reserves address space. glibc: allocations of up to 32 MB, 64 MB in total, are reused;
# new pages cost HTJ2K 5 % of its time. There is one arena, because each further one would reserve 64 MB of the address
# space, which is limited.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**26), "MALLOC_ARENA_MAX": "1",
}  # fmt: skip
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows opens a console for a child of a program without one


class DecoderProcess:
    """Child process that decodes for one thread. It is started on first use and again after it was stopped or ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def decode(
        self, function: str, frame: bytes, shape: tuple[int, ...], dtype: np.dtype, threads: int | None = None
    ) -> np.ndarray:
        """Decode a frame.

        Args:
            function: Name of a function of imagecodecs.
            frame: Codestream.
            shape: Shape of the pixels that the codestream declares. It determines the limits.
            dtype: Data type of the pixels.
            threads: Number of threads, for a function that accepts ``numthreads``.

        Raises:
            RefusedInput: ``DECODE`` or ``DECODE_TIME``.
        """
        count = math.prod(shape)
        request = {
            "function": function, "options": {"numthreads": threads} if threads else {},
            "shape": shape, "dtype": dtype.str, "length": len(frame),
            "memory": _START_BYTES + _BYTES_PER_PIXEL * count + _BYTES_PER_THREAD * (threads or 0),
            "seconds": _START_S + _SECONDS_PER_PIXEL * count,
        }  # fmt: skip
        pixels = BUFFERS.array(shape, dtype)
        answer = self.ask(request, frame, pixels)
        if answer:
            raise _failure("a complete codestream", answer["error"])
        return pixels

    def ask(self, request: dict[str, Any], frame: bytes, pixels: np.ndarray) -> dict[str, str]:
        """Send a request to the child and return its answer; without an error, ``pixels`` are filled."""
        limit = f"an answer within {request['seconds']:.1f} s of work"
        try:
            process = self.start()
            with _killed_after(process, _WAIT_S + request["seconds"]) as is_late:
                try:
                    return _exchange(process, request, frame, pixels)
                except (OSError, ValueError) as error:  # ValueError: the answer is empty because the child has ended
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(_END_S)  # it is ending, and its own exit code tells why
                    if self.stop() == _TIME_IS_UP or is_late.is_set():
                        raise _failure(limit, "none", "DECODE_TIME") from error
                    raise _failure("a complete codestream", "a crash of the decoder") from error
        except RefusedInput:
            raise
        except BaseException:  # Ctrl-C: the pending answer would be taken for that of the next frame
            self.stop()
            raise

    def start(self) -> subprocess.Popen[bytes]:
        """Start the child if it is not running, and return it.

        Raises:
            RefusedInput: ``DECODE``; the child cannot be started. Frames are never decoded in this process instead,
                because a frame that ends its decoder would end this process.
        """
        if self.process is None or self.process.poll() is not None:
            self.stop()
            try:
                self.process = subprocess.Popen(
                    [sys.executable, "-P", str(_PROGRAM)], env={**os.environ, **_ENVIRONMENT}, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, creationflags=_NO_WINDOW,
                )  # fmt: skip
                with _killed_after(self.process, _START_PROCESS_S):
                    ready = json.loads(_read_line(self.process))
            except (OSError, ValueError) as error:
                self.stop()
                raise RefusedInput(
                    "DECODE", "the pixels cannot be decoded", "a decoder process", "none that starts",
                    f"check that {sys.executable} runs and imports imagecodecs, or store the image uncompressed",
                ) from error  # fmt: skip
            if not ready["limits_memory"]:
                _note_unlimited_memory()
        return self.process

    def stop(self) -> int | None:
        """End the child, if there is one, and return its exit code, which is its own if it had already ended."""
        process, self.process = self.process, None
        if process is None:
            return None
        process.kill()
        code = process.wait()
        _close(process)
        return code

    def forget(self) -> None:
        """Close the pipes after a fork, because the child belongs to the parent process."""
        if self.process is not None:
            _close(self.process)


def _exchange(
    process: subprocess.Popen[bytes], request: dict[str, Any], frame: bytes, pixels: np.ndarray
) -> dict[str, str]:
    """Send a request, read the answer, and fill the pixels if it has no error.

    Raises:
        OSError: the child has ended before it read the request.
        ValueError: it has ended before it answered.
    """
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(json.dumps(request).encode() + b"\n")
    process.stdin.write(frame)
    process.stdin.flush()
    answer: dict[str, str] = json.loads(_read_line(process))
    if not answer and cast(BufferedReader, process.stdout).readinto(pixels.data.cast("B")) != pixels.nbytes:
        raise ValueError("the pixels end early")
    return answer


def _read_line(process: subprocess.Popen[bytes]) -> bytes:
    """Read a line that the child sends; empty if it has ended."""
    assert process.stdout is not None
    return process.stdout.readline(_LINE_BYTES)


def _close(process: subprocess.Popen[bytes]) -> None:
    """Close the pipes to a child. What it did not read is lost."""
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        with suppress(OSError):  # the rest of a request cannot be written; the pipe is closed all the same
            pipe.close()


@contextmanager
def _killed_after(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """End a child if the block takes longer. A thread does so, because Windows cannot wait for a pipe with a limit.

    Yields:
        Event that is set when the child was ended.
    """
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()


@cache
def _note_unlimited_memory() -> None:
    """Say once that the memory of the child is not limited."""
    logger.warning(
        "dicom: this system does not limit the memory of the decoder process; the limits of file size, image size and "
        "time remain"
    )


def _failure(expected: str, found: str, code: str = "DECODE") -> RefusedInput:
    """Rejection of a frame that the child did not decode."""
    return RefusedInput(
        code, "the pixels cannot be decoded", expected, found, "copy the file again, or store it uncompressed"
    )
