"""DICOM file to data set: uncompressed, deflated or without preamble. Inflating and reading are limited.

pydicom parses the elements. Its ``dcmread`` is not used, because it would inflate a decompression bomb before its size
can be checked, and because it drops all elements if one cannot be parsed. Parsing ends at the pixel data: bytes after
them, and a sequence delimiter that is missing there, make no difference.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filereader import data_element_generator, read_dataset
from pydicom.tag import BaseTag, Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32

from ...common.refusal import RefusedInput
from ..budget import HeaderBytes, HeaderFile, inflate
from .unquoted_values import unquoted

_MAX_VALUE_BYTES = 1_000_000  # larger values stay in the file until they are used
_MAX_CONVERTED = 5000  # no film has as many elements, and the header of a hostile file must not take long
_PIXEL_DATA = Tag("PixelData")
_UNDEFINED_LENGTH = 0xFFFFFFFF


@unquoted()
def load_dataset(path: Path) -> Dataset:
    """Parse a DICOM file.

    Raises:
        RefusedInput: ``NO_TRANSFER_SYNTAX``, ``INFLATED_SIZE``, ``HEADER_SIZE``, ``NESTING`` or ``PARSE``.
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
    _convert(found, _MAX_CONVERTED)
    return found


def _convert(dataset: Dataset, limit: int) -> int:
    """Convert at most ``limit`` values, but none that is still in the file, and return how many more may be converted.

    A value that cannot be converted raises its error where it is used.
    """
    for tag in list(dataset.keys())[:limit]:
        raw = dataset.get_item(tag, keep_deferred=True)
        if limit <= 0 or (isinstance(raw, RawDataElement) and raw.value is None):
            continue
        limit -= 1
        with suppress(Exception):  # a broken value that nobody uses costs nothing; RecursionError is one of these
            element = dataset[tag]
            if element.VR == "SQ":
                for item in element.value:
                    limit = _convert(item, limit)
    return limit


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
        RefusedInput: ``INFLATED_SIZE``, ``HEADER_SIZE`` or ``PARSE``.
    """
    if syntax == DeflatedExplicitVRLittleEndian:
        content = HeaderBytes(inflate(path, file.tell()))
        dataset = _read_elements(content, implicit=False, little_endian=True)
        surplus = _size_of(content) - content.tell()
        if surplus > _MAX_VALUE_BYTES:  # no writer pads that much: a decompression bomb behind a small image
            raise RefusedInput(
                "HEADER_SIZE", "the data set goes on after its pixels", f"at most {_MAX_VALUE_BYTES} bytes",
                f"{surplus} bytes", "check the file; do not open files from an untrusted source",
            )  # fmt: skip
        return dataset
    return _read_elements(file, syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian)


def _read_elements(file: HeaderFile | HeaderBytes, implicit: bool, little_endian: bool) -> Dataset:
    """Read the elements up to and including PixelData, from the position of ``file``.

    Raises:
        RefusedInput: ``PARSE`` if an element cannot be parsed or is incomplete, ``HEADER_SIZE``.
    """
    implicit = _is_implicit(file, implicit)
    size = _size_of(file)
    in_memory = isinstance(file, HeaderBytes)
    elements: dict = {}
    pixels: list[tuple[str | None, int]] = []

    def is_pixel_data(tag: BaseTag, vr: str | None, length: int) -> bool:
        if tag == _PIXEL_DATA:
            pixels.append((vr, length))
        return tag == _PIXEL_DATA

    start = file.tell()
    generator = data_element_generator(
        file, implicit, little_endian, is_pixel_data, None if in_memory else _MAX_VALUE_BYTES
    )
    try:
        for element in generator:
            if isinstance(element, RawDataElement) and element.length != _UNDEFINED_LENGTH:
                if element.value_tell + element.length > size:
                    raise EOFError
            elements[element.tag] = element
            start = file.tell()
    except (RefusedInput, RecursionError):
        raise
    except Exception as error:
        raise _stopped(start, list(elements), error) from error
    if not pixels and file.tell() < size:
        raise _stopped(start, list(elements), ValueError())
    if pixels:
        elements[_PIXEL_DATA] = _pixel_data(file, *pixels[0], implicit, little_endian)
    dataset = Dataset(elements)
    encodings = convert_encodings(dataset.get("SpecificCharacterSet"))
    dataset.set_original_encoding(implicit, little_endian, encodings)
    return dataset


def _is_implicit(file: HeaderFile | HeaderBytes, declared: bool) -> bool:
    """Whether the next element has no VR. Some writers declare the other encoding of the two."""
    start = file.tell()
    vr = file.read(6)[4:]
    file.seek(start)
    return not (vr.isalpha() and vr.isupper()) if len(vr) == 2 else declared


def _size_of(file: HeaderFile | HeaderBytes) -> int:
    """Size of a file in bytes. The position of the file stays the same."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(start)
    return size


def _pixel_data(
    file: HeaderFile | HeaderBytes, vr: str | None, length: int, implicit: bool, little_endian: bool
) -> RawDataElement:
    """Element PixelData at the position of ``file``. Encapsulated and large values on disk are left in the file."""
    file.seek(12 if vr in EXPLICIT_VR_LENGTH_32 else 8, os.SEEK_CUR)
    start, value = file.tell(), None
    if isinstance(file, HeaderBytes) or length <= _MAX_VALUE_BYTES:
        value = file.read(length if length != _UNDEFINED_LENGTH else -1)
    return RawDataElement(_PIXEL_DATA, vr, length, value, start, implicit, little_endian)


def _stopped(position: int, tags: list[BaseTag], error: Exception) -> RefusedInput:
    """Rejection of a file whose elements cannot be parsed; names the place and quotes no value."""
    after = f"after element {tags[-1]}" if tags else "at the first element"
    why = "the end of the file" if isinstance(error, EOFError) else "bytes that are not an element"
    return RefusedInput(
        "PARSE", "the header cannot be parsed", "complete elements up to PixelData (7FE0,0010)",
        f"{why} {after}, at byte {position}", "copy or export the file again",
    )  # fmt: skip
