"""DICOM file to data set and stored values; sizes are checked before anything is inflated or decoded."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.filereader import read_file_meta_info
from pydicom.pixels import pixel_array
from pydicom.uid import DeflatedExplicitVRLittleEndian, RLELossless

from .budget import check_inflated_size, check_pixel_budget, codestream_size
from .refusal import RefusedInput

# pydicom's warnings quote the values of attributes, which may be the patient's; values are checked here where used.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")


def load_dataset(path: Path) -> Dataset:
    """Data set of a DICOM file; large values stay in the file until used.

    Raises:
        RefusedInput: ``NO_TRANSFER_SYNTAX`` or ``INFLATED_SIZE``.
    """
    with path.open("rb") as file:
        has_preamble = file.read(132)[128:] == b"DICM"
    if has_preamble:
        meta = read_file_meta_info(path)
        is_deflated = meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
        if is_deflated:
            # Preamble, DICM, the 12-byte group length, the group.
            check_inflated_size(path, 144 + int(meta.FileMetaInformationGroupLength))
        # Offsets into a deflated data set are none into the file: nothing of it can be left for later.
        dataset = pydicom.dcmread(path, defer_size=None if is_deflated else "1 MB")
    else:
        dataset = pydicom.dcmread(io.BytesIO(add_preamble(path.read_bytes())))
    if not dataset.file_meta.get("TransferSyntaxUID"):
        raise RefusedInput(
            "NO_TRANSFER_SYNTAX", "the encoding is not declared", "TransferSyntaxUID", "none",
            "store it again with a DICOM tool",
        )  # fmt: skip
    return dataset


def add_preamble(content: bytes) -> bytes:
    """A file that starts with DICM, or with its meta group, as it should have been written (PS3.10 7.1).

    Raises:
        RefusedInput: ``NO_PREAMBLE`` if it is deflated too, whose size is only checked in whole files.
    """
    if DeflatedExplicitVRLittleEndian.encode() in content[:1024]:
        raise RefusedInput(
            "NO_PREAMBLE", "a deflated file without preamble", "128 bytes and DICM", "neither",
            "store it again with a DICOM tool",
        )  # fmt: skip
    return b"\0" * 128 + (b"" if content.startswith(b"DICM") else b"DICM") + content


def decode(dataset: Dataset) -> np.ndarray:
    """Stored values (H, W), or (H, W, 3) for colour.

    Raises:
        RefusedInput: ``PIXEL_BUDGET``, ``GEOMETRY`` or ``DECODE``.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    expected = (dataset.Rows, dataset.Columns)
    try:
        if syntax.is_encapsulated and syntax != RLELossless:
            size = codestream_size(next(generate_frames(dataset.PixelData, number_of_frames=1)))
            if size is not None and size != expected:
                check_pixel_budget(*size)
                raise RefusedInput(
                    "GEOMETRY", "header and compressed pixels differ in size", f"{expected[0]} x {expected[1]}",
                    f"{size[0]} x {size[1]}", "export the image again",
                )  # fmt: skip
        # pylibjpeg-rle panics on broken data with an exception that is no ``Exception``.
        pixels = pixel_array(dataset, decoding_plugin="pydicom" if syntax == RLELossless else "")
    except RefusedInput:
        raise
    except Exception as error:
        raise RefusedInput(
            "DECODE",
            "the pixels cannot be decoded",
            f"complete pixel data in {syntax.name}",
            f"{type(error).__name__} ({' '.join(str(error).split())[:200]})",
            "copy the file again, or store it uncompressed; for a missing decoder install pylibjpeg, pyjpegls and "
            "pylibjpeg-openjpeg (JPEG lossless: python-gdcm; 12-bit JPEG: pylibjpeg-libjpeg, GPL)",
        ) from error
    return pixels.reshape(expected) if pixels.ndim == 3 and dataset.SamplesPerPixel == 1 else pixels
