"""Enhanced image as a derived 16-bit DICOM image of the source's class, in its own series and marked as synthetic."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)

from ..header import SPACING_KEYWORDS, hash_identifier
from ..png16 import to_uint16
from .algorithm import MANUFACTURER, instance_uid, save, series_number, series_uid, source_reference
from .codes import code_item
from .source import Source, add_empty, load_source

SERIES_DESCRIPTION = "AI-enhanced, synthetic detail, not for primary diagnosis"
_IMAGE_COMMENTS = "Synthetic detail, not for primary diagnosis. Research use only."
_LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
}
# Groups that describe or cover the old pixels: image pixel and VOI (exceptions below), icons, graphics, presentation,
# signatures, curves, overlays, waveforms, pixels, padding.
_DROPPED_GROUPS = {0x0028, 0x0070, 0x0088, 0x0400, 0x2010, 0x2050, 0x4FFE, 0x5400, 0x7FE0, 0xFFFA, 0xFFFC}
_DROPPED_GROUP_RANGES = (range(0x5000, 0x5100), range(0x6000, 0x6100))
_KEPT_OF_DROPPED = {
    "BurnedInAnnotation",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
}
# Shutter and collimator, which are given in rows and columns of the old image.
_DROPPED_TAG_RANGES = (range(0x00181600, 0x00181625), range(0x00181700, 0x00181721))
# Time and procedure step of the old series and instance.
_DROPPED_KEYWORDS = {
    "SeriesDate", "SeriesTime", "InstanceCreationDate", "InstanceCreationTime", "InstanceCreatorUID",
    "ReferencedPerformedProcedureStepSequence", "PerformedProcedureStepID", "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime", "PerformedProcedureStepDescription",
}  # fmt: skip
# Type 2 attributes of these classes outside the Patient and Study modules (PS3.3 A.2, A.8, A.26); empty: unknown.
_TYPE_2_OF_IMAGE = ("Manufacturer", "InstanceNumber", "PatientOrientation")
_TYPE_2_OF_CLASS = {
    ComputedRadiographyImageStorage: ("BodyPartExamined", "ViewPosition"),
    DigitalXRayImageStorageForPresentation: (
        "AnatomicRegionSequence", "DetectorType", "PositionerType", "AcquisitionContextSequence",
    ),
    SecondaryCaptureImageStorage: (),
}  # fmt: skip
# Type 1 attributes of a DX image that only the source can give; without them the object is a Secondary Capture.
_TYPE_1_OF_DX = (
    "PresentationIntentType", "ImageLaterality", "PixelIntensityRelationship", "BurnedInAnnotation",
    "LossyImageCompression", "ImagerPixelSpacing", "PatientOrientation",
)  # fmt: skip


def write_enhanced(
    source: str | Path | Source, image: np.ndarray, destination: Path, *, description: str, software: str
) -> str:
    """Write an enhanced image as a DICOM object that is derived from its source.

    ``read_radiograph`` reads the same image from the new file.

    Args:
        source: DICOM file that ``image`` was read from with ``read_radiograph``.
        image: (H, W) float in [0, 1], as displayed, in the proportions of the displayed source and of any size.
        destination: path of the new file.
        description: text for DerivationDescription (0008,2111), without patient data.
        software: name and version for ContributingEquipmentSequence (0018,A001).

    Returns:
        Hash of the new SOPInstanceUID. Equal input gives an equal UID and an equal file.

    Raises:
        RefusedInput: the source is not a DICOM image, or ``NO_IDENTITY`` for a source without UIDs.
        ValueError: the proportions of ``image`` differ from those of the source.
    """
    opened = source if isinstance(source, Source) else load_source(source)
    opened.require_identity()
    stored = to_uint16(image)
    scale = _scale_of(stored, opened.displayed_shape, "the source" if isinstance(source, Source) else str(source))
    header = opened.header()
    derived = _copy_header(header)
    _describe_pixels(derived, opened, header, stored, scale)
    _describe_derivation(derived, opened, stored, description, software)
    save(derived, destination)
    return hash_identifier(str(derived.SOPInstanceUID))


def is_enhanced(dataset: Dataset) -> bool:
    """Return whether :func:`write_enhanced` made an image, even if a PACS has changed its SeriesDescription."""
    return any(one.get("Manufacturer") == MANUFACTURER for one in dataset.get("ContributingEquipmentSequence") or [])


def _scale_of(stored: np.ndarray, shape: tuple[int, int], name: str) -> float:
    """Return the number of pixels of an image (H, W) per pixel of its source.

    Raises:
        ValueError: the proportions differ by more than a pixel.
    """
    rows, columns = shape
    scale = max(stored.shape) / max(shape)
    if max(abs(stored.shape[0] - scale * rows), abs(stored.shape[1] - scale * columns)) > 1:
        raise ValueError(
            f"{name}: the proportions of the image differ from the source; expected those of {rows} x {columns} "
            f"pixels, found {stored.shape[0]} x {stored.shape[1]}; enhance without cropping"
        )
    return scale


def _copy_header(header: Dataset) -> Dataset:
    """Return the original's attributes of patient, study, equipment and acquisition, without its pixels and series."""
    derived = Dataset()
    for element in header:
        dropped = element.tag.group in _DROPPED_GROUPS and element.keyword not in _KEPT_OF_DROPPED
        dropped |= any(element.tag.group in groups for groups in _DROPPED_GROUP_RANGES)
        dropped |= any(int(element.tag) in tags for tags in _DROPPED_TAG_RANGES)
        if not dropped and element.keyword not in _DROPPED_KEYWORDS:
            derived.add(element)
    return derived


def _describe_pixels(derived: Dataset, source: Source, header: Dataset, stored: np.ndarray, scale: float) -> None:
    """Set the image attributes for 16-bit MONOCHROME2 pixels that are displayed as stored / 65535."""
    derived.Rows, derived.Columns = stored.shape
    derived.SamplesPerPixel, derived.PhotometricInterpretation = 1, "MONOCHROME2"
    derived.BitsAllocated, derived.BitsStored, derived.HighBit, derived.PixelRepresentation = 16, 16, 15, 0
    derived.RescaleSlope, derived.RescaleIntercept, derived.RescaleType = 1, 0, "US"
    # The function LINEAR (default, known to every viewer) shows exactly 0 to 65535: c - 0.5 -+ (w - 1) / 2.
    derived.WindowCenter, derived.WindowWidth = 32768, 65536
    derived.PresentationLUTShape = "IDENTITY"
    if header.get("PixelIntensityRelationship"):
        derived.PixelIntensityRelationship = header.PixelIntensityRelationship
        derived.PixelIntensityRelationshipSign = -1  # bright where fewer X-rays arrived
    for keyword in SPACING_KEYWORDS:
        spacing = source.spacing(keyword)
        if spacing:
            setattr(derived, keyword, [f"{step / scale:.10g}" for step in spacing])
    if str(source.dataset.file_meta.TransferSyntaxUID) in _LOSSY_SYNTAXES:
        derived.LossyImageCompression = "01"
    if source.steps is not None:
        derived.PatientOrientation = ["L", "F"]
    derived.add_new("PixelData", "OW", stored.astype("<u2").tobytes())


def _describe_derivation(derived: Dataset, source: Source, stored: np.ndarray, description: str, software: str) -> None:
    """Set class, identifiers, description, source and equipment."""
    source_class = str(source.dataset.get("SOPClassUID", ""))
    if source_class == DigitalXRayImageStorageForPresentation and not _is_complete_dx(derived):
        source_class = SecondaryCaptureImageStorage
    derived.SOPClassUID = source_class if source_class in _TYPE_2_OF_CLASS else SecondaryCaptureImageStorage
    if derived.SOPClassUID == SecondaryCaptureImageStorage:
        derived.ConversionType = "WSD"  # made on a workstation
        derived.walk(_drop_empty_sequence)  # only a DX image may have them
    add_empty(derived, (*_TYPE_2_OF_IMAGE, *_TYPE_2_OF_CLASS[derived.SOPClassUID]))
    if not derived.get("BodyPartExamined") and "ImageLaterality" not in derived:
        add_empty(derived, ("Laterality",))  # type 2C: the body part may be paired
    maker = f"{software}; {description}"
    derived.SeriesInstanceUID = series_uid(source, "enhanced", maker)
    derived.SOPInstanceUID = instance_uid(source, "enhanced", maker, hashlib.sha256(stored.tobytes()).hexdigest())
    derived.SeriesDescription, derived.SeriesNumber = SERIES_DESCRIPTION, series_number(source, "enhanced")
    derived.ImageType, derived.ImageComments = ["DERIVED", "SECONDARY"], _IMAGE_COMMENTS
    derived.DerivationDescription = description[:1024]
    derived.SourceImageSequence = [source_reference(source)]
    equipment = Dataset()
    equipment.Manufacturer, equipment.SoftwareVersions = MANUFACTURER, software[:64]
    equipment.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.ProcessingEquipment)]
    derived.ContributingEquipmentSequence = [*derived.get("ContributingEquipmentSequence", []), equipment]


def _is_complete_dx(derived: Dataset) -> bool:
    """Return whether an image has the attributes that a DX image must have (PS3.3 C.8.11)."""
    region_is_known = derived.get("AnatomicRegionSequence") or not derived.get("BodyPartExamined")
    return bool(region_is_known) and all(derived.get(keyword) for keyword in _TYPE_1_OF_DX)


def _drop_empty_sequence(dataset: Dataset, element: DataElement) -> None:
    """Remove an element that is a sequence without items."""
    if element.VR == "SQ" and not element.value:
        del dataset[element.tag]
