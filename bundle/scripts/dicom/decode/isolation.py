"""Child process with time and memory limits for decoders that can hang or crash (Linux).

Measured with mutated streams: CharLS (JPEG-LS) takes three seconds for one wrong byte in 6 KB, OpenJPH (HTJ2K) loops
forever, and GDCM ends the process, which is why it is not used. OpenJPEG survived 98,503 mutated streams; it runs in
the child all the same because of its history of memory faults. The child maps the file that contains the frame. A
process that does so is ended by the system if the file is truncated meanwhile. Pixels are returned in shared memory.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from ...common.refusal import RefusedInput
from .buffers import SHARED_BUFFERS
from .frame import Frame

# Ten times the time, and three times the memory, that JPEG 2000 needs for a pixel.
_START_S, _SECONDS_PER_PIXEL = 1.0, 1e-6
_START_BYTES, _BYTES_PER_PIXEL, _BYTES_PER_THREAD = 100_000_000, 24, 16_000_000
_START_PROCESS_S = _READ_S = 60.0  # the imports of the child and a slow disk do not count as decoding
_MESSAGE_BYTES = 4096
# glibc: allocations of up to 32 MB, 64 MB in total, are reused; new pages cost HTJ2K 5 % of its time. There is one
# arena, because each further one would reserve 64 MB of the address space, which is limited.
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**26), "MALLOC_ARENA_MAX": "1"}


class DecoderProcess:
    """Child process that decodes for one thread. It is started on first use and again after it was stopped or ended."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None

    def decode(
        self, function: str, frame: Frame, shape: tuple[int, ...], dtype: np.dtype, threads: int | None = None
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
        pixels = math.prod(shape)
        buffer = SHARED_BUFFERS.take(pixels * dtype.itemsize)
        request = {
            "function": function, "options": {"numthreads": threads} if threads else {},
            "shape": shape, "dtype": dtype.str, "buffer": buffer.number, "offset": frame.offset, "length": frame.length,
            "memory": _START_BYTES + _BYTES_PER_PIXEL * pixels + _BYTES_PER_THREAD * (threads or 0),
            "seconds": _START_S + _SECONDS_PER_PIXEL * pixels,
        }  # fmt: skip
        answer = self.ask(request, [buffer.descriptor, frame.file.fileno()])
        if answer:
            raise _failure("a complete codestream", answer["error"])
        return SHARED_BUFFERS.array(buffer, shape, dtype)

    def ask(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, str]:
        """Send a request to the child and return its answer."""
        limit = f"an answer within {request['seconds']:.1f} s of work"
        try:
            channel = self.start()
            channel.settimeout(_READ_S + request["seconds"])
            socket.send_fds(channel, [json.dumps(request).encode()], descriptors)
            return json.loads(channel.recv(_MESSAGE_BYTES))
        except TimeoutError as error:
            self.stop()
            raise _failure(limit, "none", "DECODE_TIME") from error
        except (OSError, ValueError) as error:  # ValueError: the message is empty because the child has ended
            if self.stop() == -signal.SIGPROF:
                raise _failure(limit, "none", "DECODE_TIME") from error
            raise _failure("a complete codestream", "a crash of the decoder") from error
        except BaseException:  # Ctrl-C: the pending answer would be taken for that of the next frame
            self.stop()
            raise

    def start(self) -> socket.socket:
        """Start the child if it is not running, and return the channel to it."""
        if self.process is None or self.channel is None or self.process.poll() is not None:
            self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            program = [sys.executable, "-P", str(Path(__file__).with_name("isolated_decoder.py")), str(theirs.fileno())]
            # One BLAS thread, because each reserves address space.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **_MEMORY}
            self.process = subprocess.Popen(
                program, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
            self.channel.settimeout(_START_PROCESS_S)
            self.channel.recv(_MESSAGE_BYTES)  # "ready"
        return self.channel

    def stop(self) -> int | None:
        """End the child, if there is one, and return its exit code, which is its own if it had already ended."""
        code = None
        if self.process is not None and self.channel is not None:
            self.channel.close()
            self.process.kill()
            code = self.process.wait()
        self.process, self.channel = None, None
        return code

    def forget(self) -> None:
        """Close the channel after a fork, because the child belongs to the parent process."""
        if self.channel is not None:
            self.channel.close()


def _failure(expected: str, found: str, code: str = "DECODE") -> RefusedInput:
    """Rejection of a frame that the child did not decode."""
    return RefusedInput(
        code, "the pixels cannot be decoded", expected, found, "copy the file again, or store it uncompressed"
    )
