"""DICOM file to data set: whole, deflated or without preamble; nothing is inflated or read without end.

pydicom reads both groups of elements; its ``dcmread`` would inflate a bomb before anyone could ask for its size.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from ...common.refusal import RefusedInput
from ..budget import HeaderBytes, HeaderFile, inflate

# pydicom's warnings quote the values of attributes, which may be the patient's; values are checked here where used.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")

_MAX_VALUE_BYTES = 1_000_000  # larger values stay in the file until used


def load_dataset(path: Path) -> Dataset:
    """Data set of a DICOM file.

    Raises:
        RefusedInput: ``NO_TRANSFER_SYNTAX``, ``INFLATED_SIZE``, ``HEADER_SIZE`` or ``NESTING``.
    """
    try:
        with HeaderFile(path.open("rb", buffering=0)) as file:
            meta = _read_meta(file)
            dataset = _read_body(file, path, meta.TransferSyntaxUID)
    except RecursionError as error:
        raise RefusedInput(
            "NESTING", "sequences in sequences, too deep to be parsed", "a few levels", "hundreds",
            "check the file; export the image again",
        ) from error  # fmt: skip
    found = FileDataset(path, dataset, file_meta=meta)  # knows where to read large values
    implicit, little_endian = dataset.original_encoding
    found.set_original_encoding(implicit, little_endian, dataset.original_character_set)
    return found


def _read_meta(file: HeaderFile) -> FileMetaDataset:
    """File meta information (PS3.10 7.1), behind preamble and DICM, DICM alone, or neither.

    Raises:
        RefusedInput: ``NO_TRANSFER_SYNTAX``.
    """
    start = file.read(132)
    file.seek(132 if start[128:] == b"DICM" else 4 if start[:4] == b"DICM" else 0)
    meta = FileMetaDataset(read_dataset(file, is_implicit_VR=False, is_little_endian=True, stop_when=_is_behind_meta))
    if not meta.get("TransferSyntaxUID"):
        raise RefusedInput(
            "NO_TRANSFER_SYNTAX", "the encoding is not declared", "TransferSyntaxUID", "none",
            "store it again with a DICOM tool",
        )  # fmt: skip
    return meta


def _is_behind_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    """Whether an element is none of the file meta information."""
    return tag.group != 2


def _read_body(file: HeaderFile, path: Path, syntax: str) -> Dataset:
    """The data set behind the file meta information; what is not a known syntax is explicit little endian (PS3.5 A.4).

    Raises:
        RefusedInput: ``INFLATED_SIZE`` or ``HEADER_SIZE``.
    """
    if syntax == DeflatedExplicitVRLittleEndian:
        return read_dataset(HeaderBytes(inflate(path, file.tell())), is_implicit_VR=False, is_little_endian=True)
    implicit, little_endian = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    return read_dataset(file, implicit, little_endian, defer_size=_MAX_VALUE_BYTES)
