"""Source image of a DICOM object: its header in a valid form, its identity and its pixel grid."""

from __future__ import annotations

import hashlib
import re
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID, ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation
from pydicom.valuerep import validate_value

from ...common.refusal import RefusedInput
from ..grid import PixelGrid, Steps
from ..header import SPACING_KEYWORDS, attribute_spacing, complete_header, pixel_grid
from ..read.parsing import load_dataset
from ..read.radiograph import sniff

# Type 2 attributes of the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1); empty: unknown.
_TYPE_2 = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
METHODS = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
# Value representations that prescribe a form; text may have any form.
_STRUCTURED = {"AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"}
_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
# An identifier that an archive can be asked for. It may be longer than a UID, and have letters or leading zeros.
IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,255}")
# Enumerated values of attributes that other objects copy (PS3.3 C.7.1.1, C.7.3.1, C.7.6.1, C.8.11.2).
_ENUMERATED = {
    "PatientSex": ("M", "F", "O"),
    "PatientIdentityRemoved": ("YES", "NO"),
    "Laterality": ("R", "L"),
    "ImageLaterality": ("R", "L", "U", "B"),
    "BurnedInAnnotation": ("YES", "NO"),
    "LossyImageCompression": ("00", "01"),
}
_DIRECTION = re.compile("[LRAPHF]{1,3}")  # of PatientOrientation (PS3.3 C.7.6.1.1.1)
_SEXES = {"MALE": "M", "FEMALE": "F", "OTHER": "O", "M": "M", "F": "F", "O": "O"}
_MODALITIES = {ComputedRadiographyImageStorage: "CR", DigitalXRayImageStorageForPresentation: "DX"}
# Character sets without code extensions (PS3.3 C.12.1.1.2), which highdicom accepts.
_CHARACTER_SETS = {
    *(f"ISO_IR {number}" for number in (13, 100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 192)), "GB18030", "GBK",
}  # fmt: skip


@dataclass(frozen=True)
class Source:
    """Source image.

    Attributes:
        dataset: data set of the file, with encoded pixels.
        steps: steps of ``read_radiograph`` to the orientation "L, F" (transpose, flip rows, flip columns); ``None``: no
            step, because the orientation is not known.
    """

    dataset: Dataset
    steps: Steps | None

    @cached_property
    def grid(self) -> PixelGrid:
        """Relation of the stored pixels to the output of ``read_radiograph``."""
        return replace(pixel_grid(self.dataset)[0], steps=self.steps)

    @property
    def displayed_shape(self) -> tuple[int, int]:
        """(H, W) as displayed, which is the output of ``read_radiograph``."""
        return self.grid.displayed_shape

    def to_stored(self, displayed: np.ndarray) -> np.ndarray:
        """Turn an array (H, W, …) in displayed pixels into pixels as stored."""
        return self.grid.to_stored(displayed)

    def spacing(self, keyword: str) -> list[float] | None:
        """Return row and column spacing of the displayed image in mm; ``None`` when absent or not positive."""
        spacing = attribute_spacing(self.dataset, keyword)
        return self.grid.spacing(*spacing) if spacing else None

    def orientation(self) -> list[str] | None:
        """Return PatientOrientation (0020,0020) of the displayed image; ``None`` when unknown."""
        value = self.dataset.get("PatientOrientation")
        known = isinstance(value, pydicom.multival.MultiValue) and len(value) == 2
        known = known and _is_valid(self.dataset["PatientOrientation"])
        return ["L", "F"] if self.steps is not None else [str(item) for item in value] if known else None

    def header(self) -> Dataset:
        """Return the standard attributes, without pixels, in a form that other objects can copy; nothing is invented.

        Values that are invalid for their VR (an age of "62"), unknown enumerated values (a sex of "X") and spacings
        that are not positive are left out. Missing type 2 attributes are added without a value, a missing Modality as
        the class implies it. Text of a character set that is not valid on its own becomes UTF-8.

        The UIDs of :meth:`require_identity` are the exception: they are copied even where they are no valid UIDs.
        An archive has filed the film under them, and results with other UIDs would never be found beside it.
        """
        header = Dataset()
        for tag in list(self.dataset.keys()):
            if tag.group < 0x7FE0 and not tag.is_private and _is_valid(self.dataset[tag]):
                header.add(deepcopy(self.dataset[tag]))  # pydicom changes the values of shared elements in place
        header.remove_private_tags()
        for _ in header.iterall():  # access converts values from the byte order of the file
            pass
        _set_character_set(header)
        for keyword in SPACING_KEYWORDS:
            if self.spacing(keyword) is None:
                header.pop(keyword, None)
        sex = _SEXES.get(str(self.dataset.get("PatientSex") or "").strip().upper())
        if sex is not None:
            header.PatientSex = sex
        if not header.get("Modality"):  # type 1
            header.Modality = _MODALITIES.get(UID(str(self.dataset.get("SOPClassUID", ""))), "OT")
        add_empty(header, _TYPE_2)
        if header.get("PatientIdentityRemoved") == "YES" and not any(name in header for name in METHODS):
            header.DeidentificationMethod = "not stated in the source image"  # type 1C
        return header

    def require_identity(self) -> None:
        """Check that objects can refer to this image.

        Raises:
            RefusedInput: ``NO_IDENTITY`` for a UID that is missing, or that no archive could be asked for.
        """
        missing = [keyword for keyword in _IDENTITY if not IDENTIFIER.fullmatch(str(self.dataset.get(keyword) or ""))]
        if missing:
            raise RefusedInput(
                "NO_IDENTITY", "no DICOM object can refer to the image", ", ".join(_IDENTITY),
                f"no usable {', '.join(missing)}", "export the image again with a DICOM tool",
            )  # fmt: skip

    def digest(self) -> str:
        """Return the SHA-256 of the header; an image whose patient or study was corrected gives other objects."""
        buffer = BytesIO()
        pydicom.dcmwrite(buffer, self.header(), implicit_vr=True, little_endian=True)
        return hashlib.sha256(buffer.getvalue()).hexdigest()


def load_source(path: str | Path) -> Source:
    """Open the DICOM file that a result was computed from.

    Raises:
        RefusedInput: the file is not a DICOM image.
    """
    path = Path(path)
    try:
        if sniff(path) != "dicom":
            raise RefusedInput(
                "NOT_DICOM", "the source of a derived DICOM object", "a DICOM file", "another format", "write a PNG"
            )
        dataset = load_dataset(path)
        complete_header(dataset)
    except RefusedInput as refusal:
        raise refusal.at(path) from refusal.__cause__
    return Source(dataset, pixel_grid(dataset)[0].steps)


def _is_valid(element: DataElement) -> bool:
    """Return whether an element can be copied: its values have the form of their VR (PS3.5, section 6.2)."""
    if element.keyword in _ENUMERATED and element.value:
        return element.value in _ENUMERATED[element.keyword]
    if element.keyword == "PatientOrientation" and element.value:
        return element.VM == 2 and all(_DIRECTION.fullmatch(str(value)) for value in element.value)
    if element.VR not in _STRUCTURED or element.keyword in _IDENTITY:
        return True
    values = element.value if element.VM > 1 else [element.value]
    try:
        for value in values:
            validate_value(element.VR, str(value or ""), pydicom.config.RAISE)
    except ValueError:
        return False
    return True


def _set_character_set(header: Dataset) -> None:
    """Convert text to UTF-8 where its character set is not one that objects may declare."""
    declared = header.get("SpecificCharacterSet")
    if str(declared) in _CHARACTER_SETS:  # several values: code extensions, which highdicom does not support
        return
    header.decode()
    header.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
    if not declared and all(str(element.value).isascii() for element in header.iterall() if element.VR != "SQ"):
        del header.SpecificCharacterSet  # the default character set is enough


def add_empty(dataset: Dataset, keywords: tuple[str, ...]) -> None:
    """Add missing type 2 attributes without a value."""
    for keyword in keywords:
        if keyword not in dataset:
            value: Any = [] if keyword.endswith("Sequence") else None
            setattr(dataset, keyword, value)


def pixel_spacing(source: Source) -> list[float] | None:
    """Return row and column spacing in mm: at the detector, else calibrated, else of the scanned film."""
    return next((spacing for spacing in map(source.spacing, SPACING_KEYWORDS) if spacing), None)
