"""The child process of ``isolation``: decodes frames in shared memory until its socket closes.

Run as a file, never imported: it needs NumPy and imagecodecs and nothing of this package. A request is a JSON message
(``function``, ``options``, ``length`` of the frame, ``shape``, ``dtype`` and ``offset`` of the pixels, ``memory`` in
bytes); with it comes the descriptor of a memory file with the frame and the room for the pixels. Before the first
request the child says ``ready``; to each it answers ``{}``, or ``error`` with the name of an exception.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import socket
import sys
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

MESSAGE_BYTES = 4096


def main() -> None:
    """Serve until the socket, whose descriptor is the argument, is closed, as it is when the parent ends."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(b"ready")
    base = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 1)
        if not message:
            return
        try:
            decode(json.loads(message), descriptors[0], base)
        except Exception as error:
            answer = {"error": type(error).__name__}
        else:
            answer = {}
        os.close(descriptors[0])
        channel.send(json.dumps(answer).encode())


def decode(request: dict[str, Any], descriptor: int, base: int) -> None:
    """Decode the frame into the room behind it; the limit is on what is added to ``base`` bytes and the room."""
    shared = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    limit = base + len(shared) + request["memory"]
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    shape, length = tuple(request["shape"]), request["length"]
    out = np.frombuffer(shared, request["dtype"], int(np.prod(shape)), request["offset"]).reshape(shape)
    pixels = getattr(imagecodecs, request["function"])(memoryview(shared)[:length], out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the decoder did not use the room that it was given")


if __name__ == "__main__":
    main()
