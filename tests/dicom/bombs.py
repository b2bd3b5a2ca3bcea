"""Small files that demand a large amount of memory or time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from .synthetic import make_dataset, picture, save

SMALL = picture()


def deflated_zeros(path: Path, megabytes: int = 1500) -> None:
    """A deflated data set that inflates to ``megabytes``."""
    dataset = make_dataset(SMALL)
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    save(dataset, path)
    content = path.read_bytes()
    offset = 144 + struct.unpack("<I", content[140:144])[0]
    packer, block = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS), bytes(1 << 20)
    body = zlib.decompress(content[offset:], -zlib.MAX_WBITS)
    with path.open("wb") as file:
        file.write(content[:offset] + packer.compress(body))
        for _ in range(megabytes):
            file.write(packer.compress(block))
        file.write(packer.flush())


def encapsulated(path: Path, syntax: str, frame: bytes, rows: int, columns: int) -> None:
    """A file with one frame and the image size that its header declares."""
    dataset = make_dataset(SMALL, Rows=rows, Columns=columns)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.add_new("PixelData", "OB", encapsulate([frame]))
    save(dataset, path)


def run_length(path: Path, side: int) -> None:
    """Zeros in RLE, which encodes 128 of them in 2 bytes."""
    segment = b"\x81\x00" * (side * side // 128)
    header = struct.pack("<16I", 2, 64, 64 + len(segment), *[0] * 13)
    encapsulated(path, "1.2.840.10008.1.2.5", header + segment * 2, side, side)


def jpeg_2000(side: int, tile: int) -> bytes:
    """A JPEG 2000 header for a square of ``side`` with square tiles, followed by empty tiles."""
    size = struct.pack(">HH8IHBBB", 41, 0, side, side, 0, 0, tile, tile, 0, 0, 1, 11, 1, 1)
    style = struct.pack(">HBBHBBBBBB", 12, 0, 0, 1, 0, 5, 4, 4, 0, 1)
    quantization = struct.pack(">HB16B", 19, 0x40, *[0x60] * 16)
    parts = struct.pack(">HHIBB", 10, 0, 14, 0, 1) + b"\xff\x93"
    return b"".join(
        [b"\xff\x4f\xff\x51", size, b"\xff\x52", style, b"\xff\x5c", quantization, b"\xff\x90", parts, b"\xff\xd9"]
    )


def nested(path: Path, depth: int, *, undefined: bool) -> None:
    """Nested sequences."""
    save(make_dataset(SMALL), path)
    content = path.read_bytes()
    start = content.index(b"\x20\x00\x20\x00CS")  # PatientOrientation, after which (0040,0275) may come
    inner = b""
    if undefined:
        inner = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth
    else:
        for _ in range(depth):
            item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
            inner = b"\x40\x00\x75\x02SQ\0\0" + struct.pack("<I", len(item)) + item
    path.write_bytes(content[:start] + inner + content[start:])


def many_elements(path: Path, count: int = 2_000_000) -> None:
    """A header of empty private elements."""
    save(make_dataset(SMALL), path)
    content = path.read_bytes()
    start = content.index(b"\x18\x00\x64\x11DS")  # ImagerPixelSpacing, before which group 0009 comes
    tags = np.arange(count) % 60000 + 0x1000
    elements = np.zeros((count, 4), dtype="<u2")
    elements[:, 0], elements[:, 1], elements[:, 2] = 0x0009 + 2 * (np.arange(count) // 60000), tags, 0x4F4C  # "LO"
    path.write_bytes(content[:start] + elements.tobytes() + content[start:])


def sparse(path: Path) -> None:
    """A sparse file of 20 GB."""
    save(make_dataset(SMALL), path)
    with path.open("r+b") as file:
        file.truncate(20_000_000_000)


def damaged(path: Path, **attributes: object) -> None:
    """A header that declares more data than the file contains."""
    dataset: Dataset = make_dataset(SMALL, **attributes)
    save(dataset, path)


J2K, DECLARED = "1.2.840.10008.1.2.4.90", 12_000
BOMBS: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "deflate 1500 MB": (deflated_zeros, {"INFLATED_SIZE"}),
    "deflate 270 MB": (lambda path: deflated_zeros(path, 270), {"HEADER_SIZE"}),
    "RLE 20000 x 20000": (lambda path: run_length(path, 20_000), {"PIXEL_BUDGET"}),
    "RLE 9984 x 9984": (lambda path: run_length(path, 9984), {"CONSTANT"}),
    "JPEG 2000 of 144 Mpixel, declared 96 x 64": (
        lambda path: encapsulated(path, J2K, jpeg_2000(DECLARED, DECLARED), 96, 64), {"GEOMETRY"},
    ),
    "JPEG 2000 of 144 Mpixel": (
        lambda path: encapsulated(path, J2K, jpeg_2000(DECLARED, DECLARED), DECLARED, DECLARED), {"PIXEL_BUDGET"},
    ),
    "JPEG 2000 of 96 Mpixel in 110 bytes": (
        lambda path: encapsulated(path, J2K, jpeg_2000(9800, 9800), 9800, 9800), {"EXPANSION"},
    ),
    "JPEG 2000 of a million tiles": (
        lambda path: encapsulated(path, J2K, jpeg_2000(1000, 1), 1000, 1000), {"CODESTREAM"},
    ),
    "rows x columns": (lambda path: damaged(path, Rows=65535, Columns=65535), {"PIXEL_BUDGET"}),
    "frames": (lambda path: damaged(path, NumberOfFrames=2_000_000), {"MULTIFRAME"}),
    "nesting 5000, undefined length": (lambda path: nested(path, 5000, undefined=True), {"NESTING"}),
    "nesting 100000, undefined length": (lambda path: nested(path, 100_000, undefined=True), {"NESTING"}),
    "two million elements": (many_elements, {"HEADER_SIZE"}),
    "20 GB, sparse": (sparse, {"FILE_SIZE"}),
}  # fmt: skip
