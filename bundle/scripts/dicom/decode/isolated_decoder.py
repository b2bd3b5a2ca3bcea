"""Child process of ``isolation``: decodes frames into shared memory until its socket is closed.

This file is run as a program and never imported by the package; it needs NumPy and imagecodecs only. A request is a
JSON message with ``function``, ``options``, ``shape`` and ``dtype`` of the pixels, the number of the ``buffer`` for
them, ``offset`` and ``length`` of the frame, and two limits: ``memory`` in bytes and ``seconds`` of processor time.
The message carries two descriptors: of the buffer, which is a memory file, and of the file that contains the frame.
The child sends ``ready`` before the first request. It answers each request with ``{}``, or with ``error`` and the name
of an exception, or it is ended by ``SIGPROF`` at the time limit.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

_MESSAGE_BYTES = 4096
_MAPPED_BUFFERS = 2  # kept, because a new mapping costs HTJ2K 2 % of its time


def main() -> None:
    """Answer requests until the socket is closed, which also happens when the parent process ends.

    The descriptor of the socket is the argument of the program.
    """
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(b"ready")
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    base = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    buffers: dict[int, mmap.mmap] = {}
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 2)
        if not message:
            return
        answer = _serve(json.loads(message), descriptors, buffers, base)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps(answer).encode())


def _serve(request: dict[str, Any], descriptors: list[int], buffers: dict[int, mmap.mmap], base: int) -> dict[str, str]:
    """Answer one request within its limits. The memory limit applies to what is added to ``base`` bytes."""
    try:
        _limit_memory(resource.RLIM_INFINITY)
        buffer = _map_buffer(buffers, request["buffer"], descriptors[0])
        frame = _map_frame(descriptors[1], request["offset"], request["length"])
        _limit_memory(base + sum(map(len, buffers.values())) + len(frame) + request["memory"])
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        _decode(request, frame, buffer)
    except Exception as error:
        return {"error": type(error).__name__}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {}


def _map_buffer(buffers: dict[int, mmap.mmap], number: int, descriptor: int) -> mmap.mmap:
    """Map a buffer. The mappings used last are kept in ``buffers``."""
    if number not in buffers:
        for old in list(buffers)[: len(buffers) - _MAPPED_BUFFERS + 1]:
            del buffers[old]
        buffers[number] = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    return buffers[number]


def _map_frame(descriptor: int, offset: int, length: int) -> memoryview:
    """Map part of a file, or read it where the file system cannot map files.

    If the file is truncated meanwhile, only this child process is ended.

    Raises:
        ValueError: The file is shorter than ``offset + length``.
    """
    skipped = offset % mmap.ALLOCATIONGRANULARITY
    flags = mmap.MAP_PRIVATE | mmap.MAP_POPULATE
    try:
        mapping = mmap.mmap(descriptor, skipped + length, flags, mmap.PROT_READ, offset=offset - skipped)
    except OSError:
        return memoryview(os.pread(descriptor, length, offset))
    return memoryview(mapping)[skipped:]


def _limit_memory(size: int) -> None:
    """Limit the address space to ``size`` bytes, or to the hard limit of this process if that is lower."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        size = most if size == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, most))


def _decode(request: dict[str, Any], frame: memoryview, buffer: mmap.mmap) -> None:
    """Decode a frame into a buffer.

    Raises:
        ValueError: The decoder did not write to the buffer.
    """
    shape = tuple(request["shape"])
    out = np.frombuffer(buffer, request["dtype"], int(np.prod(shape))).reshape(shape)
    pixels = getattr(imagecodecs, request["function"])(frame, out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the decoder did not write to the buffer")


if __name__ == "__main__":
    main()
