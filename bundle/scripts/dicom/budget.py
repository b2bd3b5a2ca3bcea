"""Sizes that are checked before anything large is decoded (a 589-byte JPEG 2000 file can hold 144 million pixels)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from .refusal import RefusedInput

MAX_PIXELS = 100_000_000
MAX_INFLATED_BYTES = 500_000_000
# Start-of-frame markers of JPEG (ITU-T T.81, table B.1; C4, C8 and CC are something else) and of JPEG-LS (T.87).
FRAME_MARKERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC} | {0xF7}


def check_pixel_budget(height: int, width: int) -> None:
    """Refuse an image without pixels or with too many.

    Raises:
        RefusedInput: ``GEOMETRY`` or ``PIXEL_BUDGET``.
    """
    if height < 1 or width < 1:
        raise RefusedInput(
            "GEOMETRY",
            "the image has no pixels",
            "rows and columns > 0",
            f"{height} x {width}",
            "export the image again",
        )
    if height * width > MAX_PIXELS:
        raise RefusedInput(
            "PIXEL_BUDGET",
            "the image is too large to be a radiograph",
            f"at most {MAX_PIXELS // 1_000_000} million pixels",
            f"{height} x {width}",
            "check the file; export it at detector resolution",
        )


def check_inflated_size(path: Path, offset: int) -> None:
    """Refuse a deflated data set that inflates beyond the budget, without keeping what it inflates to.

    Args:
        path: DICOM file with the Deflated Explicit VR Little Endian transfer syntax (PS3.5 A.5).
        offset: first byte after the file meta information.

    Raises:
        RefusedInput: ``INFLATED_SIZE``.
    """
    inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(offset)
        pending = file.read(1 << 20)
        while pending and not inflater.eof:
            total += len(inflater.decompress(pending, 1 << 22))
            if total > MAX_INFLATED_BYTES:
                raise RefusedInput(
                    "INFLATED_SIZE",
                    "the compressed data set is too large",
                    f"at most {MAX_INFLATED_BYTES // 1_000_000} MB inflated",
                    "more",
                    "export it uncompressed; do not open files from an untrusted source",
                )
            pending = inflater.unconsumed_tail or file.read(1 << 20)


def codestream_size(stream: bytes) -> tuple[int, int] | None:
    """Height and width that a JPEG, JPEG-LS or JPEG 2000 codestream itself declares; ``None`` if not found.

    Args:
        stream: the first encapsulated frame.
    """
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)  # JPEG 2000 SOC + SIZ (T.800 A.5.1), bare or in a JP2 file
    if start >= 0 and len(stream) >= start + 24:
        width, height, left, top = struct.unpack(">4I", stream[start + 8 : start + 24])
        return height - top, width - left
    position = 2 if stream[:2] == b"\xff\xd8" else len(stream)
    while position + 9 <= len(stream) and stream[position] == 0xFF:
        marker = stream[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
        elif marker in FRAME_MARKERS:
            height, width = struct.unpack(">2H", stream[position + 5 : position + 9])
            return height, width
        else:
            position += 2 + int.from_bytes(stream[position + 2 : position + 4], "big")
    return None
