"""The child process of ``isolation``: decodes frames into shared memory until its socket closes.

Run as a file, never imported by the package: it needs NumPy and imagecodecs and nothing of it. A request is a JSON
message (``function``, ``options``, ``shape`` and ``dtype`` of the pixels, number of the ``room`` for them, ``offset``
and ``length`` of the frame, and the limits: ``memory`` in bytes, ``seconds`` of processor time); with it come the
descriptors of the room, which is a memory file, and of the file that the frame is in. Before the first request the
child says ``ready``; to each it answers ``{}``, or ``error`` with the name of an exception, or dies of ``SIGPROF``.
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
_ROOMS = 2  # whose mappings are kept, because making them costs HTJ2K 2 % of its time


def main() -> None:
    """Serve until the socket, whose descriptor is the argument, is closed, as it is when the parent ends."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.send(b"ready")
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    base = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    rooms: dict[int, mmap.mmap] = {}
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 2)
        if not message:
            return
        answer = _serve(json.loads(message), descriptors, rooms, base)
        for descriptor in descriptors:
            os.close(descriptor)
        channel.send(json.dumps(answer).encode())


def _serve(request: dict[str, Any], descriptors: list[int], rooms: dict[int, mmap.mmap], base: int) -> dict[str, str]:
    """Answer to one request, within its limits; that of memory is on what is added to ``base`` bytes."""
    try:
        _limit_memory(resource.RLIM_INFINITY)
        room = _map_room(rooms, request["room"], descriptors[0])
        frame = _map_frame(descriptors[1], request["offset"], request["length"])
        _limit_memory(base + sum(map(len, rooms.values())) + len(frame) + request["memory"])
        signal.setitimer(signal.ITIMER_PROF, request["seconds"])
        _decode(request, frame, room)
    except Exception as error:
        return {"error": type(error).__name__}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return {}


def _map_room(rooms: dict[int, mmap.mmap], number: int, descriptor: int) -> mmap.mmap:
    """Memory of a room; the :data:`_ROOMS` mapped last are kept in ``rooms``."""
    if number not in rooms:
        for old in list(rooms)[: len(rooms) - _ROOMS + 1]:
            del rooms[old]
        rooms[number] = mmap.mmap(descriptor, 0, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    return rooms[number]


def _map_frame(descriptor: int, offset: int, length: int) -> memoryview:
    """Bytes of a file, not copied where its file system can map them; if it is cut meanwhile, only this process dies.

    Raises:
        ValueError: the file ends before.
    """
    skipped = offset % mmap.ALLOCATIONGRANULARITY
    flags = mmap.MAP_PRIVATE | mmap.MAP_POPULATE
    try:
        mapping = mmap.mmap(descriptor, skipped + length, flags, mmap.PROT_READ, offset=offset - skipped)
    except OSError:
        return memoryview(os.pread(descriptor, length, offset))
    return memoryview(mapping)[skipped:]


def _limit_memory(size: int) -> None:
    """Limit the address space to ``size`` bytes, or to what the system allows this process."""
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY:
        size = most if size == resource.RLIM_INFINITY else min(size, most)
    resource.setrlimit(resource.RLIMIT_AS, (size, most))


def _decode(request: dict[str, Any], frame: memoryview, room: mmap.mmap) -> None:
    """Decode a frame into a room.

    Raises:
        ValueError: the decoder did not put the pixels there.
    """
    shape = tuple(request["shape"])
    out = np.frombuffer(room, request["dtype"], int(np.prod(shape))).reshape(shape)
    pixels = getattr(imagecodecs, request["function"])(frame, out=out, **request["options"])
    if not np.shares_memory(pixels, out):
        raise ValueError("the pixels are not where they should be")


if __name__ == "__main__":
    main()
