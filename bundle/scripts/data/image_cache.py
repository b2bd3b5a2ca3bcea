"""Cache of preprocessed images, one file each: decoding takes 0.1 to 0.6 s, reading an entry less than a millisecond.

The name of an entry is a hash of the source file's content, of the transforms with their arguments, and of the code.
A checksum over size and pixels is verified at every read, and a damaged entry is written again. Entries are written
atomically, so a killed run loses only the images that it was decoding. Rounding to 16 bits changes a value by at most
1/131070.

MONAI's ``PersistentDataset`` is not used: measured, it returned wrong data without an error for most bit flips, and
kept stale values after a change of a transform.
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from monai.transforms import Compose

from ..common.atomic import atomic_write
from ..common.code_version import code_sha256
from ..common.file_hashes import content_sha256
from ..dicom import find_refusal

logger = logging.getLogger(__name__)

_MAGIC = b"CXR16\0\0\1"
_HEADER = struct.Struct("<8s2I32s")  # magic, rows, columns, SHA-256 of rows, columns and pixels


class ImageCache:
    """Images (S, S) uint16 by source file; processes and runs may share the folder.

    Args:
        folder: folder of the entries.
        preprocessing: deterministic transforms of an item ``{"image": path}`` to ``image`` (1, S, S) in [0, 1].
    """

    def __init__(self, folder: str | Path, preprocessing: Callable[[dict], dict]) -> None:
        self.folder, self.preprocessing = Path(folder), preprocessing
        self.pipeline = hashlib.sha256((_describe(preprocessing) + code_sha256()).encode()).hexdigest()

    def entry(self, path: str | Path) -> Path:
        """Path of the entry of a source file, whether it exists or not."""
        return self.entry_of(bytes.fromhex(content_sha256(path)))

    def entry_of(self, digest: bytes) -> Path:
        """Path of the entry of a source file whose content has this SHA-256, whether it exists or not."""
        return self.folder / entry_name(self.pipeline, digest)

    def load(self, path: str | Path, entry: Path) -> np.ndarray:
        """Pixels (S, S) uint16 of a source file.

        Args:
            path: source file; read only if the entry is missing or damaged.
            entry: path that :meth:`entry` returned for the source file.

        Raises:
            RefusedInput: the source file cannot be read.
        """
        pixels = read_entry(entry)
        if pixels is None:
            if entry.exists():
                logger.warning("cache: an entry of %s is damaged; decoding the image again", self.folder)
            pixels = self.decode(path)
            write_entry(entry, pixels)
        return pixels

    def decode(self, path: str | Path) -> np.ndarray:
        """Preprocessed image (S, S) uint16 of a source file.

        Raises:
            RefusedInput: the source file cannot be read.
        """
        try:
            image = self.preprocessing({"image": str(path)})["image"]
        except RuntimeError as error:  # MONAI wraps the error of a transform
            refusal = find_refusal(error)
            if refusal is None:
                raise
            raise refusal from error
        return (np.asarray(image)[0] * 65535).round().astype(np.uint16)


def entry_name(pipeline: str, digest: bytes) -> str:
    """Path of an entry below the folder of its cache.

    Args:
        pipeline: hash of everything else that the entry depends on: transforms or weights, and code.
        digest: SHA-256 of the content of the source file.
    """
    name = hashlib.sha256((pipeline + digest.hex()).encode()).hexdigest()
    return f"{name[:2]}/{name[2:34]}.u16"


def existing_entries(folder: Path) -> set[str]:
    """Names of all entries of a cache folder, as :func:`entry_name` gives them.

    Listing its 256 folders takes a tenth of the time of asking for each entry, and less still over a network.
    """
    found: set[str] = set()
    for part in (f"{number:02x}" for number in range(256)):
        with suppress(FileNotFoundError):
            found.update(f"{part}/{name}" for name in os.listdir(folder / part))
    return found


def read_entry(path: Path) -> np.ndarray | None:
    """Pixels (H, W) uint16 of an entry; ``None`` if it is missing or damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(content) < _HEADER.size:
        return None
    magic, rows, columns, digest = _HEADER.unpack_from(content)
    pixels = memoryview(content)[_HEADER.size :]
    if magic != _MAGIC or len(pixels) != 2 * rows * columns or _checksum(rows, columns, pixels) != digest:
        return None
    return np.frombuffer(pixels, "<u2").reshape(rows, columns)


def entry_checksum(path: Path) -> bytes:
    """SHA-256 of the size and pixels of an entry, read from its header."""
    with path.open("rb") as file:
        return _HEADER.unpack(file.read(_HEADER.size))[3]


def write_entry(path: Path, pixels: np.ndarray) -> None:
    """Write an entry atomically."""
    rows, columns = pixels.shape
    content = np.ascontiguousarray(pixels, "<u2").tobytes()
    with atomic_write(path) as file:
        file.write(_HEADER.pack(_MAGIC, rows, columns, _checksum(rows, columns, content)) + content)


def _checksum(rows: int, columns: int, pixels: bytes | memoryview) -> bytes:
    """SHA-256 of the size and pixels of an entry."""
    digest = hashlib.sha256(struct.pack("<2I", rows, columns))
    digest.update(pixels)
    return digest.digest()


def _describe(transform: Any) -> str:
    """Class names and plain attributes of a transform and of the transforms inside it."""
    if isinstance(transform, Compose):
        return "+".join(_describe(step) for step in transform.transforms)
    plain = {k: v for k, v in sorted(vars(transform).items()) if isinstance(v, int | float | str | tuple | list)}
    return f"{type(transform).__name__}{plain}"
