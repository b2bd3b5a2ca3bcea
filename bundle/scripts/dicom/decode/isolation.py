"""Decoders that can hang or die run in a child process with a time and a memory limit (Linux).

Measured with mutated streams: CharLS (JPEG-LS) needs three seconds for one wrong byte in 6 KB, OpenJPH (HTJ2K) loops
for ever, and GDCM, which is not used for that reason, ends the process. OpenJPEG survived 98,503 of them; it is in the
child all the same, because its past is a list of memory faults. The child reads a frame where it lies in its file,
which kills whoever does it when the file is cut meanwhile. Pixels come back in shared memory.
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
from .frame import Frame
from .rooms import SHARED_ROOMS

# Ten times what JPEG 2000 takes for a pixel, and three times what it holds of one.
_START_S, _SECONDS_PER_PIXEL = 1.0, 1e-6
_START_BYTES, _BYTES_PER_PIXEL, _BYTES_PER_THREAD = 100_000_000, 24, 16_000_000
_START_PROCESS_S = _READ_S = 60.0  # neither the imports of a child nor a slow disk counts as decoding
_MESSAGE_BYTES = 4096
# Of glibc: a decoder's buffers of up to 32 MB, 64 MB in all, are used again; fresh ones cost HTJ2K 5 % of its time.
# One arena: each further thread would reserve 64 MB of address space, which is what the limit counts.
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**26), "MALLOC_ARENA_MAX": "1"}


class DecoderProcess:
    """A child that decodes for one thread, started when first needed and again after it was stopped or died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None

    def decode(
        self, function: str, frame: Frame, shape: tuple[int, ...], dtype: np.dtype, threads: int | None = None
    ) -> np.ndarray:
        """Pixels of a frame.

        Args:
            function: name of a function of imagecodecs.
            frame: codestream.
            shape: of the pixels that it declares; sets the limits.
            dtype: of these pixels.
            threads: for a function that takes ``numthreads``.

        Raises:
            RefusedInput: ``DECODE`` or ``DECODE_TIME``.
        """
        pixels = math.prod(shape)
        room = SHARED_ROOMS.take(pixels * dtype.itemsize)
        request = {
            "function": function, "options": {"numthreads": threads} if threads else {},
            "shape": shape, "dtype": dtype.str, "room": room.number, "offset": frame.offset, "length": frame.length,
            "memory": _START_BYTES + _BYTES_PER_PIXEL * pixels + _BYTES_PER_THREAD * (threads or 0),
            "seconds": _START_S + _SECONDS_PER_PIXEL * pixels,
        }  # fmt: skip
        answer = self.ask(request, [room.descriptor, frame.file.fileno()])
        if answer:
            raise _failure("a complete codestream", answer["error"])
        return SHARED_ROOMS.pixels(room, shape, dtype)

    def ask(self, request: dict[str, Any], descriptors: list[int]) -> dict[str, str]:
        """Answer of the child to one request."""
        limit = f"an answer within {request['seconds']:.1f} s of work"
        try:
            channel = self.start()
            channel.settimeout(_READ_S + request["seconds"])
            socket.send_fds(channel, [json.dumps(request).encode()], descriptors)
            return json.loads(channel.recv(_MESSAGE_BYTES))
        except TimeoutError as error:
            self.stop()
            raise _failure(limit, "none", "DECODE_TIME") from error
        except (OSError, ValueError) as error:  # ValueError: the message is empty, the child is gone
            if self.stop() == -signal.SIGPROF:
                raise _failure(limit, "none", "DECODE_TIME") from error
            raise _failure("a complete codestream", "the decoder died") from error
        except BaseException:  # Ctrl-C: the answer to this frame would be taken for the next one's
            self.stop()
            raise

    def start(self) -> socket.socket:
        """Channel to the running child."""
        if self.process is None or self.channel is None or self.process.poll() is not None:
            self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            program = [sys.executable, "-P", str(Path(__file__).with_name("isolated_decoder.py")), str(theirs.fileno())]
            # One BLAS thread, because each reserves address space too.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **_MEMORY}
            self.process = subprocess.Popen(
                program, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
            self.channel.settimeout(_START_PROCESS_S)
            self.channel.recv(_MESSAGE_BYTES)  # it is ready
        return self.channel

    def stop(self) -> int | None:
        """End the child, if there is one; what it ended with, which is its own if it was dead already."""
        code = None
        if self.process is not None and self.channel is not None:
            self.channel.close()
            self.process.kill()
            code = self.process.wait()
        self.process, self.channel = None, None
        return code

    def forget(self) -> None:
        """In a fork: the child belongs to the parent."""
        if self.channel is not None:
            self.channel.close()


def _failure(expected: str, found: str, code: str = "DECODE") -> RefusedInput:
    """Refusal of a frame that the child did not decode."""
    return RefusedInput(
        code, "the pixels cannot be decoded", expected, found, "copy the file again, or store it uncompressed"
    )
