"""Program of the child process that :mod:`.isolation` starts: decodes frames into shared memory.

The program runs as a file and does not import the package; it needs only NumPy and imagecodecs. A request is a JSON
message (``function``, ``options``, ``shape`` and ``dtype`` of the pixels, ``offset`` and ``length`` of the frame, and
the limits: ``memory`` in bytes, ``seconds`` of processor time). It is sent together with two file descriptors: the
memory file for the pixels, and the file that contains the frame. The child sends ``ready`` before the first request. It
answers each request with ``{}``, or with ``error`` and the name of an exception, or is ended by ``SIGPROF``.
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


def main() -> None:
    """Answer requests until the parent process closes the socket or ends.

    The descriptor of the socket is the only command-line argument.
    """
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(b"ready")
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    base = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 2)
        if not message:
            return
        answer = _serve(json.loads(message), descriptors, base)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps(answer).encode())


def _serve(request: dict[str, Any], descriptors: list[int], base: int) -> dict[str, str]:
    """Decode one frame within the limits of its request.

    Args:
        request: message from the parent process.
        descriptors: memory file for the pixels, and file that contains the frame.
        base: address space of the idle child, in bytes. The memory limit of a request is added to it.

    Returns:
        Answer to the parent process: empty, or ``error`` and the name of an exception.
    """
    try:
        _limit_memory(resource.RLIM_INFINITY)
        target = mmap.mmap(descriptors[0], 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
        frame = _map_frame(descriptors[1], request["offset"], request["length"])
        _limit_memory(base + len(target) + len(frame) + request["memory"])
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        _decode(request, frame, target)
    except Exception as error:
        return {"error": type(error).__name__}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {}


def _map_frame(descriptor: int, offset: int, length: int) -> memoryview:
    """Bytes of a frame, without a copy where the file system supports mapping.

    If another program truncates the file while it is mapped, the kernel ends the process that reads the mapping. That
    is this child, not the parent.

    Raises:
        ValueError: the file ends before the frame does.
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


def _decode(request: dict[str, Any], frame: memoryview, target: mmap.mmap) -> None:
    """Decode a frame into shared memory.

    Raises:
        ValueError: the decoder did not write to the shared memory.
    """
    shape = tuple(request["shape"])
    out = np.frombuffer(target, request["dtype"], int(np.prod(shape))).reshape(shape)
    pixels = getattr(imagecodecs, request["function"])(frame, out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the decoder did not write to the shared memory")


if __name__ == "__main__":
    main()
