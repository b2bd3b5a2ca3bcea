"""The child process of ``isolation``: decodes frames in shared memory until its socket closes.

Run as a file, never imported: it needs NumPy and imagecodecs and nothing of this package. A request is a JSON message
(``function``, ``options``, ``length`` of the frame, ``shape``, ``dtype`` and ``offset`` of the pixels, ``memory`` in
bytes). The frame and the room for the pixels are in a memory file, whose descriptor comes with the first request and
whenever it is another one. Before the first request the child says ``ready``; to each it answers ``{}``, or ``error``
with the name of an exception.
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
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 1)
        if not message:
            return
        if descriptors:
            shared = mmap.mmap(descriptors[0], 0)
            os.close(descriptors[0])
        request = json.loads(message)
        resource.setrlimit(resource.RLIMIT_AS, (base + request["memory"], resource.RLIM_INFINITY))
        try:
            decode(request, shared)
        except Exception as error:
            answer = {"error": type(error).__name__}
        else:
            answer = {}
        channel.send(json.dumps(answer).encode())


def decode(request: dict[str, Any], shared: mmap.mmap) -> None:
    """Decode the frame into the room behind it."""
    shape, length = tuple(request["shape"]), request["length"]
    out = np.frombuffer(shared, request["dtype"], int(np.prod(shape)), request["offset"]).reshape(shape)
    pixels = getattr(imagecodecs, request["function"])(shared[:length], out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the decoder did not use the room that it was given")


if __name__ == "__main__":
    main()
