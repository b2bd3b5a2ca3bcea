"""Size limits that are checked before the work they limit: bytes, header elements, nesting, pixels, expansion.

A 1.5 MB deflated file can inflate to 1.5 GB and a 589-byte JPEG 2000 stream can hold 144 million pixels (measured).
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import Any

from ..common.refusal import RefusedInput

MAX_FILE_BYTES = 500_000_000
MAX_INFLATED_BYTES = 300_000_000
_MAX_PIXELS = 100_000_000
# pydicom reads an element of a header in two or three steps; a radiograph has a few hundred elements.
_MAX_HEADER_READS = 100_000
# Decoded bytes per encoded byte. RLE reaches 64, deflate 1032, a lossy film less than 200. A higher ratio means that
# one value is repeated.
_MAX_EXPANSION = 2000
_FREE_BYTES = 4_000_000


def check_file_size(path: Path) -> None:
    """Reject a file that is too large to be one radiograph.

    Raises:
        RefusedInput: ``FILE_SIZE``.
    """
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise RefusedInput(
            "FILE_SIZE", "the file is too large to be a radiograph", f"at most {MAX_FILE_BYTES // 1_000_000} MB",
            f"{size // 1_000_000} MB", "check the file; export the image on its own",
        )  # fmt: skip


def check_pixel_budget(height: int, width: int) -> None:
    """Reject an image without pixels or with too many.

    Raises:
        RefusedInput: ``GEOMETRY`` or ``PIXEL_BUDGET``.
    """
    if height < 1 or width < 1:
        raise RefusedInput(
            "GEOMETRY", "the image has no pixels", "rows and columns > 0", f"{height} x {width}",
            "export the image again",
        )  # fmt: skip
    if height * width > _MAX_PIXELS:
        raise RefusedInput(
            "PIXEL_BUDGET", "the image is too large to be a radiograph",
            f"at most {_MAX_PIXELS // 1_000_000} million pixels", f"{height} x {width}",
            "check the file; export it at detector resolution",
        )  # fmt: skip


def check_expansion(encoded: int, decoded: int) -> None:
    """Reject a frame whose pixels need far more bytes than the compressed data can plausibly hold.

    Args:
        encoded: Size of the compressed frame, in bytes.
        decoded: Size of its pixels, in bytes.

    Raises:
        RefusedInput: ``EXPANSION``.
    """
    if decoded > _FREE_BYTES and decoded > _MAX_EXPANSION * encoded:
        raise RefusedInput(
            "EXPANSION", "the compressed pixels are too few for the size of the image",
            f"at least 1 byte for {_MAX_EXPANSION} decoded ones", f"{encoded} bytes for {decoded}",
            "check the file; do not open files from an untrusted source",
        )  # fmt: skip


def inflate(path: Path, offset: int) -> bytes:
    """Inflate a deflated data set (PS3.5 A.5).

    Args:
        path: DICOM file with the Deflated Explicit VR Little Endian transfer syntax.
        offset: Position of the first compressed byte.

    Raises:
        RefusedInput: ``INFLATED_SIZE``, as soon as the limit is exceeded.
    """
    inflater, content = zlib.decompressobj(-zlib.MAX_WBITS), bytearray()
    with path.open("rb") as file:
        file.seek(offset)
        pending = file.read(1 << 20)
        while pending and not inflater.eof:
            content += inflater.decompress(pending, 1 << 22)
            if len(content) > MAX_INFLATED_BYTES:
                raise RefusedInput(
                    "INFLATED_SIZE", "the compressed data set is too large",
                    f"at most {MAX_INFLATED_BYTES // 1_000_000} MB inflated", "more",
                    "export it uncompressed; do not open files from an untrusted source",
                )  # fmt: skip
            pending = inflater.unconsumed_tail or file.read(1 << 20)
    return bytes(content)


class HeaderBudget:
    """Mixin for a file that is parsed: counts reads, so that parsing a header of a million elements ends early.

    Raises:
        RefusedInput: ``HEADER_SIZE``, from :meth:`read`.
    """

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read from the file, as ``io.RawIOBase.read`` does."""
        self.reads += 1
        if self.reads > _MAX_HEADER_READS:
            raise RefusedInput(
                "HEADER_SIZE", "the header has too many elements", f"at most {_MAX_HEADER_READS} reads to parse it",
                "more", "check the file; export the image again",
            )  # fmt: skip
        parent: Any = super()
        return parent.read(size)


class HeaderFile(HeaderBudget, io.BufferedReader):
    """File on disk whose number of reads is limited."""


class HeaderBytes(HeaderBudget, io.BytesIO):
    """Bytes in memory whose number of reads is limited."""
