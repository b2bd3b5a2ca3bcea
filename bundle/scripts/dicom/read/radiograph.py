"""``read_radiograph``: file of any supported format to an image (1, H, W) in [0, 1], rows first, bone bright."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.pixels import apply_color_lut

from ...common.refusal import RefusedInput
from ..budget import check_file_size
from ..decode.bits import correct_sign, stored_values
from ..decode.samples import decode
from ..grid import PixelGrid
from ..header import COLOUR, complete_header, hash_identifier, header_meta, pixel_grid
from .parsing import load_dataset
from .pictures import picture_grid, read_picture
from .ranges import image_bits
from .rendering import check_display, grey_from_colour, render
from .volumes import read_volume, volume_grid
from .windows import check_window_index

_DICOM_SUFFIXES = {".dcm", ".dicom", ".dic", ".ima"}
_EMPTY_META: dict[str, Any] = {
    "source_format": "",
    "bits_stored": 0,
    "spacing_mm": None,
    "window": "",
    "photometric": None,
    "modality": None,
    "view": None,
    "body_part": None,
    "uid_hash": None,
    "flags": [],
}
_META_KEYS = tuple(_EMPTY_META)


@dataclass(frozen=True)
class Radiograph:
    """A displayed radiograph.

    Attributes:
        image: Image (1, H, W) float32 in [0, 1], rows first, air dark and bone bright.
        meta: Metadata without the patient's identity; always the same keys.
    """

    image: np.ndarray
    meta: dict[str, Any]


def read_radiograph(path: str | Path, window: int = 0) -> Radiograph:
    """Read a DICOM, PNG, JPEG, NIfTI, NRRD or MetaImage file. The format is determined from the content.

    Args:
        path: File with one grey projection image. ``check_chest_film`` tells whether it is a chest film.
        window: Index of the window or VOI LUT of a DICOM header, from 0. Other formats have only index 0.

    Raises:
        RefusedInput: The file cannot be used. No other exception is raised for a broken file.
    """
    path = Path(path)
    try:
        source_format = sniff(path)
        if source_format == "dicom":
            image, meta = _read_dicom(path, window)
        else:
            check_window_index(window, 1)
            image, meta = read_picture(path) if source_format == "picture" else read_volume(path, source_format)
            check_display(image)
    except RefusedInput as refusal:
        raise refusal.at(path) from refusal.__cause__
    except Exception as error:
        raise _parse_refusal(error).at(path) from error
    return Radiograph(np.ascontiguousarray(image[None], dtype=np.float32), {**_EMPTY_META, **meta})


def read_grid(path: str | Path) -> PixelGrid:
    """Relation of the stored pixels of a file, in which boxes and masks are given, to the pixels that are displayed.

    Raises:
        RefusedInput: The file cannot be used.
    """
    path = Path(path)
    try:
        source_format = sniff(path)
        if source_format == "dicom":
            dataset = load_dataset(path)
            complete_header(dataset)
            return pixel_grid(dataset)[0]
        return picture_grid(path)[0] if source_format == "picture" else volume_grid(path, source_format)[0]
    except RefusedInput as refusal:
        raise refusal.at(path) from refusal.__cause__
    except Exception as error:
        raise _parse_refusal(error).at(path) from error


def read_header(path: str | Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Read the metadata of a file without decoding its pixels, and its hashed identifiers.

    Returns:
        Metadata as in ``Radiograph``, and the hashes of the identifiers ``patient_id``, ``study_uid`` and ``sop_uid``
        that a DICOM file has. Other formats have no identifiers.

    Raises:
        RefusedInput: The file cannot be used. No other exception is raised for a broken file.
    """
    path = Path(path)
    try:
        source_format = sniff(path)
        if source_format != "dicom":
            return {**_EMPTY_META, "flags": [], "source_format": source_format}, {}
        dataset = load_dataset(path)
        flags = complete_header(dataset)
        meta = header_meta(dataset)
        meta["flags"] += flags
        keywords = {"patient_id": "PatientID", "study_uid": "StudyInstanceUID", "sop_uid": "SOPInstanceUID"}
        found = {name: str(dataset.get(keyword) or "").strip() for name, keyword in keywords.items()}
        if found["study_uid"] and found["patient_id"]:  # a study of two patients is two studies
            found["study_uid"] += f"\\{found['patient_id']}"
        return meta, {name: hash_identifier(value) for name, value in found.items() if value}
    except RefusedInput as refusal:
        raise refusal.at(path) from refusal.__cause__
    except Exception as error:
        raise _parse_refusal(error).at(path) from error


def sniff(path: Path) -> str:
    """Determine the format from the content: ``dicom``, ``picture``, ``nifti``, ``nrrd`` or ``metaimage``.

    Raises:
        RefusedInput: ``MISSING_FILE``, ``FILE_SIZE``, ``EMPTY``, ``NOT_DICOM``, ``NO_TRANSFER_SYNTAX`` or
            ``NOT_IMAGE``.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise RefusedInput("MISSING_FILE", "no such file", "a file", found, "check the path")
    check_file_size(path)
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise RefusedInput("EMPTY", "the file is empty", "an image", "0 bytes", "copy the file again")
    claims_dicom = path.suffix.lower() in _DICOM_SUFFIXES
    if start[128:132] == b"DICM" or start[:4] == b"DICM" or start[:6] == b"\x02\x00\x00\x00UL":
        return "dicom"
    if start[:2] in (b"\x08\x00", b"\x00\x08") and (claims_dicom or start[4:6].isalpha() or start[6:8] == b"\0\0"):
        raise RefusedInput(
            "NO_TRANSFER_SYNTAX", "a DICOM data set without file meta information",
            "preamble, DICM and TransferSyntaxUID (PS3.10 7.1)", "neither", "store it again with a DICOM tool",
        )  # fmt: skip
    if claims_dicom:
        raise RefusedInput(
            "NOT_DICOM", "the suffix is that of DICOM, the content is not", "DICM at byte 128", repr(start[:4])[1:],
            "check the file, or give it the suffix of its format",
        )  # fmt: skip
    if start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")):
        return "picture"
    if start.startswith(b"NRRD000"):
        return "nrrd"
    if path.suffix.lower() in (".mha", ".mhd") and b"NDims" in start:
        return "metaimage"
    sizes = (int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big"))
    if {348, 540}.intersection(sizes) or (start[:2] == b"\x1f\x8b" and path.name.lower().endswith(".nii.gz")):
        return "nifti"
    raise RefusedInput(
        "NOT_IMAGE", "the format is not supported", "DICOM, PNG, JPEG, NIfTI, NRRD or MetaImage", "something else",
        "convert the file, or leave it out",
    )  # fmt: skip


def _read_dicom(path: Path, window: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Read a DICOM file: image (H, W) float32 in [0, 1], turned to "L, F", with square pixels, and metadata."""
    dataset = load_dataset(path)
    assumed = complete_header(dataset)
    meta = header_meta(dataset)
    pixels = decode(dataset)
    if dataset.PhotometricInterpretation in COLOUR:
        bits = dataset.BitsStored
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            pixels = apply_color_lut(stored_values(dataset, correct_sign(dataset, pixels)[0]).values, dataset)
            bits = 8 * pixels.dtype.itemsize
        check_window_index(window, 1)
        bits, unused = image_bits(int(pixels.max()), bits)
        image, shown, flags = grey_from_colour(pixels, 2**bits - 1), "full range", ["grey stored as colour", *unused]
        check_display(image)
    else:
        image, shown, flags = render(dataset, pixels, window)
    grid, doubts = pixel_grid(dataset)
    if grid.steps is None:
        flags.append("orientation not known")
    elif any(grid.steps):
        flags.append("turned to the standard orientation")
    if meta["spacing_mm"]:
        meta["spacing_mm"] = grid.spacing(*meta["spacing_mm"])
    image = grid.to_displayed(image)
    meta["flags"] += assumed + flags + doubts
    return image, {**meta, "window": shown}


def _parse_refusal(error: Exception) -> RefusedInput:
    """Rejection of a file whose structure is broken, without the error's message, which may quote patient data."""
    return RefusedInput(
        "PARSE", "the file cannot be parsed", "a complete file", type(error).__name__, "copy or export the file again"
    )
