"""RLE frames (PS3.5 annex G) whose segments are longer than their image needs.

The decoder of imagecodecs rejects them, because the padding decodes to further pixels.
"""

from __future__ import annotations

import itertools
import struct

_HEADER = struct.Struct("<16L")  # number of segments, then 15 offsets
_MAX_RUNS = 20_000_000  # of a frame: some seconds of work


def trim_segments(stream: bytes, segments: int, size: int) -> bytes:
    """Cut each segment of a frame where it has given its pixels.

    Args:
        stream: RLE frame.
        segments: Number of segments that the image needs.
        size: Bytes that each segment decodes to.

    Raises:
        ValueError: A segment is missing or too short, or there are too many runs.
    """
    number, *offsets = _HEADER.unpack_from(stream)
    if number != segments:
        raise ValueError("another number of segments than the header declares")
    bounds = [*offsets[:segments], len(stream)]
    trimmed, runs = [], _MAX_RUNS
    for start, stop in itertools.pairwise(bounds):
        end, runs = _find_end(stream, start, stop, size, runs)
        trimmed.append(stream[start:end])
    positions = [_HEADER.size + sum(map(len, trimmed[:index])) for index in range(segments)]
    return _HEADER.pack(segments, *positions, *[0] * (15 - segments)) + b"".join(trimmed)


def _find_end(stream: bytes, position: int, stop: int, size: int, runs: int) -> tuple[int, int]:
    """Position after the run that completes a segment, and the number of runs left.

    Raises:
        ValueError: The segment is too short, its runs do not end with the image, or there are too many.
    """
    while size > 0 and position < stop and runs > 0:
        code = stream[position]
        runs -= 1
        if code < 128:  # code + 1 bytes that are copied
            position += code + 2
            size -= code + 1
        elif code > 128:  # one byte that is repeated
            position += 2
            size -= 257 - code
        else:
            position += 1
    if size != 0 or position > stop:
        raise ValueError("an RLE segment does not fit the image")
    return position, runs
