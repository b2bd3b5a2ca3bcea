"""DICOM file to data set: uncompressed, deflated or without preamble. Inflating and reading are limited.

pydicom parses the file meta information and the data set. Its ``dcmread`` is not used, because it would inflate a
decompression bomb before its size can be checked.
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

# pydicom's warnings quote values of attributes, which may identify the patient. Values are checked where they are used.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
warnings.filterwarnings("ignore", module="pydicom")

_MAX_VALUE_BYTES = 1_000_000  # larger values stay in the file until they are used


def load_dataset(path: Path) -> Dataset:
    """Parse a DICOM file.

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
    found = FileDataset(path, dataset, file_meta=meta)  # can read deferred values from the file
    implicit, little_endian = dataset.original_encoding
    found.set_original_encoding(implicit, little_endian, dataset.original_character_set)
    return found


def _read_meta(file: HeaderFile) -> FileMetaDataset:
    """Read the file meta information (PS3.10 7.1), after preamble and DICM, after DICM only, or without both.

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
    """Whether an element is outside the file meta information."""
    return tag.group != 2


def _read_body(file: HeaderFile, path: Path, syntax: str) -> Dataset:
    """Read the data set after the file meta information. Unknown syntaxes are explicit little endian (PS3.5 A.4).

    Raises:
        RefusedInput: ``INFLATED_SIZE`` or ``HEADER_SIZE``.
    """
    if syntax == DeflatedExplicitVRLittleEndian:
        return read_dataset(HeaderBytes(inflate(path, file.tell())), is_implicit_VR=False, is_little_endian=True)
    implicit, little_endian = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    return read_dataset(file, implicit, little_endian, defer_size=_MAX_VALUE_BYTES)
