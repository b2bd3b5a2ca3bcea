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
from ..grid import PixelGrid, pixel_aspect, steps_to_standard
from .ranges import usual_bits

_MAX_HEADER_BYTES = 1_000_000
_MIN_ALIGNMENT = 0.9  # cosine of the angle between an axis of the image and one of the patient


def read_volume(path: Path, source_format: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Read an image (H, W) float32 in [0, 1], in its stored polarity, and its metadata.

    MONAI's readers index (x, y); the result is rows first, turned to the standard orientation if the header states one,
    with square pixels. These formats do not store the displayed range. Integers are assumed to span [0, 2^bits - 1],
    with the smallest usual number of bits that holds the maximum, and a flag is set.

    Raises:
        RefusedInput: ``DETACHED``, ``MULTIFRAME``, ``PIXEL_BUDGET``, ``RANGE`` or ``DECODE``.
    """
    try:
        if source_format != "nifti":
            _check_pixels_are_here(path)
        grid, flags = volume_grid(path, source_format)
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
    image = grid.to_displayed(image)
    if grid.steps and any(grid.steps):
        flags.append("turned to the standard orientation")
    if bits:
        flags.append(f"range assumed from the maximum: {bits} bit")
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


def volume_grid(path: Path, source_format: str) -> tuple[PixelGrid, list[str]]:
    """Relation of the stored pixels of a volume, rows first, to displayed pixels, and flags.

    Raises:
        RefusedInput: ``MULTIFRAME`` or ``PIXEL_BUDGET``.
    """
    shape, axes, is_oriented = _nifti_header(path) if source_format == "nifti" else _itk_header(path)
    _check_shape(shape)
    along_row, along_column = axes.T
    steps = steps_to_standard(_direction(along_row), _direction(along_column)) if is_oriented else None
    spacings = [float(np.linalg.norm(axis)) for axis in (along_column, along_row)]
    ratios = [spacings[0] / spacings[1]] if all(spacing > 0 for spacing in spacings) else []
    stored = shape[1], shape[0]
    aspect, flags = pixel_aspect(stored, ratios)
    grid = PixelGrid(stored, steps, aspect)
    check_pixel_budget(*grid.displayed_shape)
    return grid, flags


def _nifti_header(path: Path) -> tuple[tuple[int, ...], np.ndarray, bool]:
    """Shape, first two axes (3, 2) in mm in LPS coordinates, and whether the header states an orientation.

    It states none if both transform codes are 0, or if the axes are those of the identity, which is the default of
    programs that know no orientation.
    """
    import nibabel

    volume: Any = nibabel.load(path)  # type: ignore[attr-defined]
    axes = np.asarray(volume.affine[:3, :2], dtype=np.float64) * [[-1], [-1], [1]]  # from RAS
    is_default = axes[0, 0] < 0 and axes[1, 1] < 0 and not np.any([axes[0, 1], axes[1, 0], *axes[2]])
    is_coded = any(int(volume.header.get(key, 0)) for key in ("sform_code", "qform_code"))
    return tuple(volume.shape), axes, is_coded and not is_default


def _itk_header(path: Path) -> tuple[tuple[int, ...], np.ndarray, bool]:
    """Shape (components last), first two axes (3, 2) in mm in LPS coordinates, and True; pixels are not read."""
    import itk

    header = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
    header.SetFileName(str(path))
    header.ReadImageInformation()
    dimensions = header.GetNumberOfDimensions()
    sizes = [int(header.GetDimensions(axis)) for axis in range(dimensions)]
    axes = np.zeros((3, 2))
    for axis in range(min(dimensions, 2)):
        direction = [float(value) for value in header.GetDirection(axis)][:3]
        axes[: len(direction), axis] = np.array(direction) * header.GetSpacing(axis)
    return (*sizes, int(header.GetNumberOfComponents())), axes, True


def _direction(axis: np.ndarray) -> str:
    """Letter of an axis (3,) in LPS coordinates, as in PatientOrientation; empty if it is oblique.

    Two-dimensional formats use the first two coordinates: posterior stands for the feet, anterior for the head.
    """
    length = float(np.linalg.norm(axis))
    strongest = int(np.argmax(np.abs(axis)))
    if length == 0 or abs(axis[strongest]) < _MIN_ALIGNMENT * length:
        return ""
    return ("LR", "FH", "HF")[strongest][int(axis[strongest] < 0)]


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
        bits = usual_bits(int(values.max()))
        return (values / np.float64(2**bits - 1)).astype(np.float32), bits, f"range 0-{2**bits - 1}"
    if values.dtype.kind == "f" and 0 <= values.min() and values.max() <= 1:
        return values.astype(np.float32), 0, "range 0-1"
    raise RefusedInput(
        "RANGE", "the displayed range is unknown", "integers in 0-65535 or real numbers in 0-1",
        f"{values.dtype} in {values.min()} to {values.max()}", "rescale the values and save again",
    )  # fmt: skip
