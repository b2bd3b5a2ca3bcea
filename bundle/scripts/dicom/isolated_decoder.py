"""The child process of ``isolation``: decodes frames in shared memory until its socket closes.

Run as a file, never imported: it needs NumPy and imagecodecs and nothing of this package. A request is a JSON message
(``function``, ``options``, number of the ``room``, ``length`` of the frame, ``shape``, ``dtype`` and ``offset`` of the
pixels, ``memory`` in bytes); with it comes the descriptor of the room, a memory file with the frame and space for the
pixels. Before the first request the child says ``ready``; to each it answers ``{}``, or ``error`` with the name of an
exception.
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
ROOMS = 2  # whose mappings are kept, because making them costs HTJ2K 2 % of its time


def main() -> None:
    """Serve until the socket, whose descriptor is the argument, is closed, as it is when the parent ends."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(b"ready")
    base = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    rooms: dict[int, mmap.mmap] = {}
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, MESSAGE_BYTES, 1)
        if not message:
            return
        request = json.loads(message)
        try:
            shared = map_room(rooms, request["room"], descriptors[0])
            decode(request, shared, base + sum(map(len, rooms.values())))
        except Exception as error:
            answer = {"error": type(error).__name__}
        else:
            answer = {}
        os.close(descriptors[0])
        channel.send(json.dumps(answer).encode())


def map_room(rooms: dict[int, mmap.mmap], number: int, descriptor: int) -> mmap.mmap:
    """Memory of a room; the :data:`ROOMS` mapped last are kept in ``rooms``."""
    if number not in rooms:
        limit_memory(resource.RLIM_INFINITY)
        for old in list(rooms)[: len(rooms) - ROOMS + 1]:
            del rooms[old]
        rooms[number] = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    return rooms[number]


def limit_memory(size: int) -> None:
    """Limit the address space to ``size`` bytes, or to what the system allows this process."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        size = most if size == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, most))


def decode(request: dict[str, Any], shared: mmap.mmap, base: int) -> None:
    """Decode the frame into the space behind it; the limit is on what is added to ``base`` bytes."""
    limit_memory(base + request["memory"])
    shape, length = tuple(request["shape"]), request["length"]
    out = np.frombuffer(shared, request["dtype"], int(np.prod(shape)), request["offset"]).reshape(shape)
    pixels = getattr(imagecodecs, request["function"])(memoryview(shared)[:length], out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the decoder did not use the room that it was given")


if __name__ == "__main__":
    main()
