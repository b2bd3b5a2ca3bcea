"""NIfTI, NRRD and MetaImage files with one image, read with MONAI's readers."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ...common.refusal import RefusedInput
from ..budget import check_pixel_budget

_MAX_HEADER_BYTES = 1_000_000
_BIT_DEPTHS = (8, 10, 12, 14, 15, 16)


def read_volume(path: Path, source_format: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Read an image (H, W) float32 in [0, 1], in its stored polarity, and its metadata.

    MONAI's readers index (x, y); the result is rows first. These formats do not store the displayed range. Integers are
    assumed to span [0, 2^bits - 1], with the smallest usual number of bits that holds the maximum, and a flag is set.

    Raises:
        RefusedInput: ``DETACHED``, ``MULTIFRAME``, ``PIXEL_BUDGET``, ``RANGE`` or ``DECODE``.
    """
    try:
        if source_format != "nifti":
            _check_pixels_are_here(path)
        _check_shape(_nifti_shape(path) if source_format == "nifti" else _itk_shape(path))
        values = _load(path, source_format)
    except RefusedInput:
        raise
    except Exception as error:
        raise RefusedInput(
            "DECODE", "the image cannot be decoded", f"a complete {source_format} file", type(error).__name__,
            "copy or export the file again",
        ) from error  # fmt: skip
    _check_shape(values.shape)
    image, bits, window = _scale_values(values.reshape(values.shape[:2]).T)
    flags = [] if bits == 0 else [f"range assumed from the maximum: {bits} bit"]
    meta = {"source_format": source_format, "bits_stored": bits or 32, "window": window, "flags": flags}
    return image, meta


def _check_pixels_are_here(path: Path) -> None:
    """Reject an NRRD or MetaImage header that refers to pixels in a file outside its own folder.

    Raises:
        RefusedInput: ``DETACHED``.
    """
    with path.open("rb") as file:
        start = file.read(_MAX_HEADER_BYTES)
    if start.startswith(b"NRRD"):
        header, end, _ = start.replace(b"\r\n", b"\n").partition(b"\n\n")
        names = re.findall(rb"^\s*data\s*file\s*:(.*)$", header, re.IGNORECASE | re.MULTILINE)
        if not end and len(start) == _MAX_HEADER_BYTES:
            names = [b"/"]  # a name may follow after the part that was read
    else:
        names = re.findall(rb"^\s*ElementDataFile\s*=(.*)$", start, re.IGNORECASE | re.MULTILINE)[:1] or [b"/"]
        names = [name for name in names if name.strip().upper() != b"LOCAL"]
    if not all(_is_neighbour(path, name) for name in names):
        raise RefusedInput(
            "DETACHED", "the header names another file for the pixels", "pixels in the same file, or one beside it",
            "another place", "save the image as one file",
        )  # fmt: skip


def _is_neighbour(path: Path, name: bytes) -> bool:
    """Whether a file name in a header denotes a regular file in the folder of the header."""
    text = os.fsdecode(name.strip())
    neighbour = path.parent / text
    return Path(text).name == text and not set("%\\") & set(text) and neighbour.is_file() and not neighbour.is_symlink()


def _load(path: Path, source_format: str) -> np.ndarray:
    """Read an array (x, y, ...) with MONAI's reader."""
    from monai.data.image_reader import ITKReader, NibabelReader

    reader = NibabelReader() if source_format == "nifti" else ITKReader()
    return np.asarray(reader.get_data(reader.read(str(path)))[0])


def _nifti_shape(path: Path) -> tuple[int, ...]:
    """Shape that the header of a NIfTI file declares."""
    import nibabel

    return tuple(nibabel.load(path).shape)  # type: ignore[attr-defined]


def _itk_shape(path: Path) -> tuple[int, ...]:
    """Shape that the header of an ITK file declares, components last. The pixels are not read."""
    import itk

    header = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
    header.SetFileName(str(path))
    header.ReadImageInformation()
    sizes = [int(header.GetDimensions(axis)) for axis in range(header.GetNumberOfDimensions())]
    return (*sizes, int(header.GetNumberOfComponents()))


def _check_shape(shape: tuple[int, ...]) -> None:
    """Reject several images, and images that are too large."""
    if len(shape) < 2 or math.prod(shape[2:]) != 1:
        found = " x ".join(str(size) for size in shape)
        raise RefusedInput(
            "MULTIFRAME", "several images, or colours", "one grey image; further axes of length 1", found,
            "export the image to read on its own",
        )  # fmt: skip
    check_pixel_budget(shape[1], shape[0])


def _scale_values(values: np.ndarray) -> tuple[np.ndarray, int, str]:
    """Scale values to float32 in [0, 1]; with the number of bits assumed (0: none) and a description of the range.

    Raises:
        RefusedInput: ``RANGE``.
    """
    if values.dtype.kind in "iub" and 0 <= values.min() and values.max() <= 65535:
        bits = next(depth for depth in _BIT_DEPTHS if values.max() < 2**depth)
        return (values / np.float64(2**bits - 1)).astype(np.float32), bits, f"range 0-{2**bits - 1}"
    if values.dtype.kind == "f" and 0 <= values.min() and values.max() <= 1:
        return values.astype(np.float32), 0, "range 0-1"
    raise RefusedInput(
        "RANGE", "the displayed range is unknown", "integers in 0-65535 or real numbers in 0-1",
        f"{values.dtype} in {values.min()} to {values.max()}", "rescale the values and save again",
    )  # fmt: skip
