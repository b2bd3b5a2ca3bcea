"""Header of a compressed frame: coding process, size, components and precision, read before decoding."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

# Start-of-frame markers (ITU-T T.81 table B.1; T.87 for JPEG-LS). C4, C8 and CC have other meanings.
_FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}
_STANDALONE_MARKERS = {0x01, *range(0xD0, 0xD9)}
JPEG_2000 = 0x51  # the SIZ marker


@dataclass(frozen=True)
class FrameHeader:
    """Header of a codestream.

    Attributes:
        marker: Second byte of the start-of-frame marker (C0 baseline, C1 extended, C3 lossless, F7 JPEG-LS), or 51
            for JPEG 2000.
        height: Number of rows.
        width: Number of columns.
        components: Samples per pixel.
        precision: Bits per sample of the first component.
        signed: Whether the samples are signed. Only JPEG 2000 has signed samples.
        tiles: Number of tiles; 1 for all formats other than JPEG 2000.
        position: Position of the header in the frame, in bytes.
    """

    marker: int
    height: int
    width: int
    components: int
    precision: int
    signed: bool = False
    tiles: int = 1
    position: int = field(default=0, compare=False)


def read_frame_header(stream: bytes) -> FrameHeader | None:
    """Read the header of a JPEG, JPEG-LS or JPEG 2000 codestream; ``None`` if there is none."""
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)  # SOC + SIZ (T.800 A.5.1), bare or in a JP2 file
    if start >= 0:
        return _jpeg_2000_header(stream[start + 4 : start + 44], start)
    return _jpeg_header(stream) if stream.startswith(b"\xff\xd8") else None


def _jpeg_2000_header(segment: bytes, position: int) -> FrameHeader | None:
    """Parse the SIZ segment: Lsiz, Rsiz, then image, tile and component sizes."""
    if len(segment) < 39:
        return None
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top = struct.unpack(">8I", segment[4:36])
    components, precision = struct.unpack(">HB", segment[36:39])
    if not (tile_width and tile_height):
        return None
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    size = bottom - top, right - left
    return FrameHeader(JPEG_2000, *size, components, (precision & 0x7F) + 1, precision > 0x7F, tiles, position)


def _jpeg_header(stream: bytes) -> FrameHeader | None:
    """Parse the first start-of-frame segment: length, precision, height, width, components."""
    position = 2
    while position + 10 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker in _FRAME_MARKERS:
            precision, height, width, components = struct.unpack(">BHHB", stream[position + 4 : position + 10])
            return FrameHeader(marker, height, width, components, precision, position=position)
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in _STANDALONE_MARKERS:
            position += 2
        else:
            position += 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
    return None
