"""Decoders that can hang or die run in a child process with a time and a memory limit (Linux).

Measured with mutated streams: CharLS (JPEG-LS) needs three seconds for one wrong byte in 6 KB, OpenJPH (HTJ2K) loops
for ever, and GDCM, which is not used for that reason, ends the process. OpenJPEG survived 98,503 of them; it is in the
child all the same, because its past is a list of memory faults. Pixels come back in shared memory and stay there.
"""

from __future__ import annotations

import itertools
import json
import mmap
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from .refusal import RefusedInput

# Ten times what JPEG 2000 takes for a pixel, and three times what it holds of one.
START_S, SECONDS_PER_PIXEL = 1.0, 1e-6
START_BYTES, BYTES_PER_PIXEL = 100_000_000, 24
START_PROCESS_S = 60.0
MESSAGE_BYTES = 4096
FREE_ROOMS = 2
# Of glibc: a decoder's buffers of up to 32 MB, 64 MB in all, are used again; fresh ones cost HTJ2K 5 % of its time.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**26)}


class Room:
    """Memory that parent and child share: a frame, and behind it its pixels.

    Args:
        size: bytes.
    """

    numbers = itertools.count()

    def __init__(self, size: int) -> None:
        self.number = next(self.numbers)
        self.descriptor = os.memfd_create("frame")
        os.truncate(self.descriptor, size)
        self.memory = mmap.mmap(self.descriptor, size)

    def __del__(self) -> None:
        os.close(self.descriptor)


class DecoderProcess:
    """A child that decodes, started when first needed and again after it was stopped or died."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.channel: socket.socket | None = None
        self.free: deque[Room] = deque(maxlen=FREE_ROOMS)
        self.lock = threading.Lock()

    def decode(
        self, function: str, frame: bytes, shape: tuple[int, ...], dtype: np.dtype, options: dict[str, Any]
    ) -> np.ndarray:
        """Pixels of a frame.

        Args:
            function: name of a function of imagecodecs.
            frame: codestream.
            shape: of the pixels that it declares; sets the limits.
            dtype: of these pixels.
            options: keyword arguments.

        Raises:
            RefusedInput: ``DECODE`` or ``DECODE_TIME``.
        """
        pixels, offset = int(np.prod(shape)), -(-len(frame) // 64) * 64
        room = self.room(offset + pixels * dtype.itemsize)
        request = {
            "function": function, "options": options, "room": room.number, "length": len(frame), "offset": offset,
            "shape": shape, "dtype": dtype.str, "memory": START_BYTES + BYTES_PER_PIXEL * pixels,
        }  # fmt: skip
        room.memory[: len(frame)] = frame
        with self.lock:
            answer = self.ask(request, room, START_S + SECONDS_PER_PIXEL * pixels)
        if answer:
            raise failure("a complete codestream", answer["error"])
        decoded = np.frombuffer(room.memory, dtype, pixels, offset)
        weakref.finalize(decoded, self.free.append, room)  # every view of the pixels holds this array
        return decoded.reshape(shape)

    def room(self, size: int) -> Room:
        """A room of at least ``size`` bytes, used again where one is free: fresh pages cost as much as HTJ2K."""
        while True:
            try:
                room = self.free.pop()
            except IndexError:
                return Room(size)
            if len(room.memory) >= size:
                return room

    def ask(self, request: dict[str, Any], room: Room, seconds: float) -> dict[str, str]:
        """Answer of the child to one request, within the time."""
        try:
            channel = self.start()
            channel.settimeout(seconds)
            socket.send_fds(channel, [json.dumps(request).encode()], [room.descriptor])
            return json.loads(channel.recv(MESSAGE_BYTES))
        except TimeoutError as error:
            self.stop()
            raise failure(f"an answer within {seconds:.1f} s", "none", "DECODE_TIME") from error
        except (OSError, ValueError) as error:  # ValueError: the message is empty, the child is gone
            self.stop()
            raise failure("a complete codestream", "the decoder died") from error
        except BaseException:  # Ctrl-C: the answer to this frame would be taken for the next one's
            self.stop()
            raise

    def start(self) -> socket.socket:
        """Channel to the running child."""
        if self.process is None or self.channel is None or self.process.poll() is not None:
            self.channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            program = [sys.executable, "-P", str(Path(__file__).with_name("isolated_decoder.py")), str(theirs.fileno())]
            # One BLAS thread: each reserves address space, which is what the limit counts.
            environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **KEEP_MEMORY}
            self.process = subprocess.Popen(
                program, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            theirs.close()
            self.channel.settimeout(START_PROCESS_S)
            self.channel.recv(MESSAGE_BYTES)  # it says when it is ready: its imports are not counted as decoding
        return self.channel

    def stop(self) -> None:
        """End the child, if there is one."""
        if self.process is not None and self.channel is not None:
            self.channel.close()
            self.process.kill()
            self.process.wait()
        self.process, self.channel = None, None

    def forget(self) -> None:
        """In a fork: the child belongs to the parent."""
        if self.channel is not None:
            self.channel.close()
        self.process, self.channel, self.lock = None, None, threading.Lock()
        self.part_with_rooms()

    def part_with_rooms(self) -> None:
        """Around a fork: what was decoded so far is seen by both, so its memory is never used again by either."""
        self.free = deque(maxlen=FREE_ROOMS)


def failure(expected: str, found: str, code: str = "DECODE") -> RefusedInput:
    """Refusal of a frame that the child did not decode."""
    return RefusedInput(
        code, "the pixels cannot be decoded", expected, found, "copy the file again, or store it uncompressed"
    )


DECODER_PROCESS = DecoderProcess()
os.register_at_fork(after_in_parent=DECODER_PROCESS.part_with_rooms, after_in_child=DECODER_PROCESS.forget)
