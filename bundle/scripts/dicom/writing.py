"""Enhanced image to a derived DICOM object, or to a 16-bit PNG when the source is no DICOM."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

from ..data.atomic import atomic_write
from .decoding import load_dataset
from .header import SPACING_KEYWORDS, complete_header, hash_identifier, number, reorientation
from .reading import sniff
from .refusal import RefusedInput

SERIES_DESCRIPTION = "AI-enhanced, synthetic detail, not for primary diagnosis"
KEPT_CLASSES = (ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation)
LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.81",  # JPEG-LS near-lossless
}
# Groups that describe or cover the old pixels: image pixel and VOI (kept ones below), icons, graphics, presentation,
# signatures, curves, overlays, waveforms, pixels, padding.
DROPPED_GROUPS = {0x0028, 0x0070, 0x0088, 0x0400, 0x2010, 0x2050, 0x4FFE, 0x5400, 0x7FE0, 0xFFFA, 0xFFFC}
DROPPED_GROUP_RANGES = (range(0x5000, 0x5100), range(0x6000, 0x6100))
KEPT_OF_DROPPED = {
    "BurnedInAnnotation",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "PixelSpacingCalibrationType",
    "PixelSpacingCalibrationDescription",
}
# Shutter and collimator are given in rows and columns of the old image.
DROPPED_TAG_RANGES = (range(0x00181600, 0x00181625), range(0x00181700, 0x00181721))


def write_enhanced(source: Path, image: np.ndarray, destination: Path, *, description: str, software: str) -> str:
    """Write an enhanced image as a DICOM object derived from its source; ``read_radiograph`` gives it back.

    Args:
        source: DICOM file that ``image`` was read from with ``read_radiograph``.
        image: (H, W) float in [0, 1], as displayed; H : W as in the source as read, larger or smaller.
        destination: file to write.
        description: what was done, without patient data; goes to DerivationDescription.
        software: name and version, for ContributingEquipmentSequence.

    Returns:
        Hash of the new SOPInstanceUID. Equal input gives an equal UID and an equal file.

    Raises:
        RefusedInput: the source is not a DICOM image.
        ValueError: the size of ``image`` does not fit.
    """
    source = Path(source)
    original = load_source(source)
    steps = reorientation(original)
    stored = to_uint16(image)
    rows, columns = (original.Columns, original.Rows) if steps and steps[0] else (original.Rows, original.Columns)
    scale = max(stored.shape) / max(rows, columns)
    if max(abs(stored.shape[0] - scale * rows), abs(stored.shape[1] - scale * columns)) > 1:
        raise ValueError(
            f"{source}: the image does not fit the source; expected the proportions of {rows} x {columns} pixels, "
            f"found {stored.shape[0]} x {stored.shape[1]}; enhance without cropping"
        )
    derived = copy_header(original)
    describe_pixels(derived, original, stored, scale, transposed=bool(steps and steps[0]))
    describe_derivation(derived, original, stored, description, software)
    if steps is not None:
        derived.PatientOrientation = ["L", "F"]
    save(derived, destination)
    return hash_identifier(str(derived.SOPInstanceUID))


def write_png16(image: np.ndarray, destination: Path) -> None:
    """Write an image (H, W) in [0, 1] as 16-bit grey PNG; ``read_radiograph`` gives it back to 1/65535."""
    from PIL import Image

    with atomic_write(destination) as file:
        Image.fromarray(to_uint16(image)).save(file, format="PNG")


def to_uint16(image: np.ndarray) -> np.ndarray:
    """Stored values (H, W) uint16 of an image (H, W) or (1, H, W) in [0, 1].

    Raises:
        ValueError: another shape, or values that are not finite or outside [0, 1].
    """
    image = np.asarray(image)
    image = image[0] if image.ndim == 3 and image.shape[0] == 1 else image
    low, high = float(image.min()), float(image.max())
    if image.ndim != 2 or not (0.0 <= low and high <= 1.0):
        raise ValueError(
            f"image: cannot be stored; expected (H, W) in 0-1, found {image.shape} in {low} to {high}; clip it first"
        )
    return np.rint(image.astype(np.float64) * 65535).astype(np.uint16)


def load_source(source: Path) -> Dataset:
    """Data set of the source, checked."""
    try:
        if sniff(source) != "dicom":
            raise RefusedInput(
                "NOT_DICOM", "the source of a derived DICOM object", "a DICOM file", "another format", "write a PNG"
            )
        original = load_dataset(source)
        complete_header(original)
    except RefusedInput as refusal:
        raise refusal.at(source) from refusal.__cause__
    return original


def copy_header(original: Dataset) -> Dataset:
    """Patient, study, equipment and acquisition of the original; nothing private and nothing about the old pixels."""
    derived = Dataset()
    for tag in list(original.keys()):
        keyword = pydicom.datadict.keyword_for_tag(tag)
        dropped = tag.group in DROPPED_GROUPS and keyword not in KEPT_OF_DROPPED
        dropped |= any(tag.group in groups for groups in DROPPED_GROUP_RANGES)
        dropped |= any(int(tag) in tags for tags in DROPPED_TAG_RANGES)
        if not (dropped or tag.is_private):
            derived.add(original[tag])
    derived.remove_private_tags()
    for _ in derived.iterall():  # converts values read in another byte order
        pass
    return derived


def describe_pixels(derived: Dataset, original: Dataset, stored: np.ndarray, scale: float, *, transposed: bool) -> None:
    """Image pixel, modality, VOI and presentation: 16-bit MONOCHROME2 that displays as stored / 65535."""
    derived.Rows, derived.Columns = stored.shape
    derived.SamplesPerPixel, derived.PhotometricInterpretation = 1, "MONOCHROME2"
    derived.BitsAllocated, derived.BitsStored, derived.HighBit, derived.PixelRepresentation = 16, 16, 15, 0
    derived.RescaleSlope, derived.RescaleIntercept, derived.RescaleType = 1, 0, "US"
    # LINEAR (the default function, which every viewer has) from 0 to 65535 exactly: c - 0.5 -+ (w - 1) / 2.
    derived.WindowCenter, derived.WindowWidth = 32768, 65536
    derived.PresentationLUTShape = "IDENTITY"
    if "PixelIntensityRelationship" in original:
        derived.PixelIntensityRelationship = original.PixelIntensityRelationship
        derived.PixelIntensityRelationshipSign = -1  # bright where fewer X-rays arrived
    for keyword in SPACING_KEYWORDS:
        value = original.get(keyword)
        if value and len(value) == 2:
            spacing = [number(value[0]), number(value[1])]
            derived.pop(keyword, None)
            if all(spacing):
                ordered = spacing[::-1] if transposed else spacing
                setattr(derived, keyword, [f"{step / scale:.10g}" for step in ordered if step])
    if str(original.file_meta.TransferSyntaxUID) in LOSSY_SYNTAXES:
        derived.LossyImageCompression = "01"
    derived.add_new("PixelData", "OW", stored.astype("<u2").tobytes())


def describe_derivation(
    derived: Dataset, original: Dataset, stored: np.ndarray, description: str, software: str
) -> None:
    """General image, SOP common and equipment: what it is, what it was made from and by what."""
    source_class, source_uid = str(original.get("SOPClassUID", "")), str(original.get("SOPInstanceUID", ""))
    series_uid = str(original.get("SeriesInstanceUID", ""))
    content = hashlib.sha256(stored.tobytes()).hexdigest()
    derived.SOPClassUID = source_class if source_class in KEPT_CLASSES else SecondaryCaptureImageStorage
    derived.SOPInstanceUID = generate_uid(entropy_srcs=[source_uid, description, content])
    derived.SeriesInstanceUID = generate_uid(entropy_srcs=[series_uid, description])
    derived.SeriesDescription = SERIES_DESCRIPTION
    derived.SeriesNumber = int(number(original.get("SeriesNumber")) or 0) + 9000
    derived.ImageType = ["DERIVED", "SECONDARY"]
    derived.DerivationDescription = description[:1024]
    reference = Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = source_class, source_uid
    derived.SourceImageSequence = Sequence([reference])
    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = "109102", "DCM"
    purpose.CodeMeaning = "Processing Equipment"
    equipment = Dataset()
    equipment.Manufacturer, equipment.SoftwareVersions = software[:64], software[:64]
    equipment.PurposeOfReferenceCodeSequence = Sequence([purpose])
    derived.ContributingEquipmentSequence = Sequence([*derived.get("ContributingEquipmentSequence", []), equipment])


def save(derived: Dataset, destination: Path) -> None:
    """Write Explicit VR Little Endian with an empty preamble (an executable can hide in one), atomically."""
    derived.file_meta = FileMetaDataset()
    derived.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    derived.file_meta.MediaStorageSOPClassUID = derived.SOPClassUID
    derived.file_meta.MediaStorageSOPInstanceUID = derived.SOPInstanceUID
    derived.preamble = b"\0" * 128
    with atomic_write(destination) as file:
        pydicom.dcmwrite(file, derived, enforce_file_format=True)
