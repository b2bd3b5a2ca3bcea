"""DICOM header: attributes for decoding, allow-listed metadata, orientation, hashed identifiers."""

from __future__ import annotations

import hashlib
import math
import re
from functools import cache
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage, RLELossless

from ..common.refusal import RefusedInput
from .budget import check_pixel_budget
from .grid import PixelGrid, Steps, pixel_aspect, steps_to_standard
from .terms import PHOTOMETRIC_TERMS, modality_terms, shown_body_part, shown_number, shown_terms, shown_uid, shown_view
from .words import View, view_of

_FOR_PROCESSING_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1.1.1",  # Digital X-Ray Image Storage - For Processing
    "1.2.840.10008.5.1.4.1.1.1.2.1",  # Digital Mammography
    "1.2.840.10008.5.1.4.1.1.1.3.1",  # Digital Intra-Oral
}
_GREY, COLOUR = (
    {"MONOCHROME1", "MONOCHROME2"},
    {"RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"},
)
SPACING_KEYWORDS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
_ANIMAL_WORDS = re.compile(r"\b(canine|feline|equine|bovine|dog|horse|veterinar\w*)\b", re.IGNORECASE)
# Descriptions of one image or its series; those of the study apply to all its images.
_IMAGE_DESCRIPTIONS = ("SeriesDescription", "AcquisitionDeviceProcessingDescription", "ProtocolName")
_STUDY_DESCRIPTIONS = ("StudyDescription", "RequestedProcedureDescription")


def hash_identifier(value: str) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of an identifier."""
    return hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[
        :16
    ]  # a file name may contain bytes that are not text


def number(value: Any) -> float | None:
    """Return the first value of a numeric attribute; ``None`` if it is absent, not a number or not finite."""
    if isinstance(value, pydicom.multival.MultiValue | list | tuple):
        value = value[0] if len(value) else None
    try:
        result = float(value)
    except (TypeError, ValueError):
        return None
    return result if math.isfinite(result) else None


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return the upper-case text of an attribute; ``None`` if it is absent or empty."""
    value = dataset.get(keyword)
    return str(value).strip("\0 \t\r\n").upper() or None if value is not None else None


def complete_header(dataset: Dataset) -> list[str]:
    """Check the attributes that decoding needs, and fill in absent ones that have only one possible value, in place.

    Returns:
        One flag for each value that was filled in.

    Raises:
        RefusedInput: ``DERIVED_MAP``, ``FOR_PROCESSING``, ``NO_PIXELS``, ``MULTIFRAME``, ``GEOMETRY``,
            ``PIXEL_BUDGET``, ``PHOTOMETRIC`` or ``BIT_LAYOUT``.
    """
    _check_kind(dataset)
    check_pixel_budget(int(dataset.get("Rows") or 0), int(dataset.get("Columns") or 0))
    photometric = text(dataset, "PhotometricInterpretation")
    if photometric not in _GREY | COLOUR:
        found = shown_terms(photometric, PHOTOMETRIC_TERMS) or "none"
        expected = "PhotometricInterpretation MONOCHROME1 or MONOCHROME2"
        raise RefusedInput("PHOTOMETRIC", "the polarity is unknown", expected, found, "export the image again")
    dataset.PhotometricInterpretation = photometric  # written in lower case, or padded, by some devices
    allocated = dataset.get("BitsAllocated")
    if allocated not in (8, 16, 32):
        raise bit_layout("BitsAllocated 8, 16 or 32", shown_number(allocated))
    samples = 1 if photometric in {*_GREY, "PALETTE COLOR"} else 3  # PS3.3 C.7.6.3.1.2
    defaults = {
        "BitsStored": allocated,
        "HighBit": (dataset.get("BitsStored") or allocated) - 1,
        "PixelRepresentation": 0,
        "SamplesPerPixel": samples,
    }
    flags = []
    for keyword, value in defaults.items():
        if dataset.get(keyword) is None:
            setattr(dataset, keyword, value)
            flags.append(f"assumed {keyword} {value}")
    _check_bits(dataset, samples)
    return flags


def _check_bits(dataset: Dataset, samples: int) -> None:
    """Reject stored bits outside their sample. In a codestream, which has no unused bits, they must start at bit 0.

    Args:
        dataset: Header.
        samples: Samples per pixel that the PhotometricInterpretation requires.

    Raises:
        RefusedInput: ``BIT_LAYOUT``.
    """
    allocated, stored, high = dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit
    syntax = dataset.file_meta.TransferSyntaxUID
    may_shift = not syntax.is_encapsulated or syntax == RLELossless
    if not 1 <= stored <= high + 1 <= allocated or (high + 1 != stored and not may_shift):
        expected = f"BitsStored <= HighBit + 1 <= BitsAllocated{'' if may_shift else ', HighBit = BitsStored - 1'}"
        raise bit_layout(expected, f"BitsAllocated {allocated}, BitsStored {stored}, HighBit {high}")
    if dataset.PixelRepresentation not in (0, 1) or dataset.SamplesPerPixel != samples:
        raise bit_layout(
            f"PixelRepresentation 0 or 1, SamplesPerPixel {samples}",
            f"{shown_number(dataset.PixelRepresentation)}, {shown_number(dataset.SamplesPerPixel)}",
        )


def _check_kind(dataset: Dataset) -> None:
    """Reject a map, an object without pixels, with several frames, or not intended for presentation."""
    if dataset.get("SOPClassUID") == ParametricMapStorage:  # before the pixels: those of a map may be floats
        raise RefusedInput(
            "DERIVED_MAP", "a map that was computed from an image", "a CR or DX image", "Parametric Map Storage",
            "select the image that the map was computed from",
        )  # fmt: skip
    if "PixelData" not in dataset:
        sop_class = dataset.get("SOPClassUID")
        kind = shown_uid(sop_class) if sop_class is not None else "no SOPClassUID"
        found = f"{kind} without PixelData; the last element is {max(dataset.keys(), default='none')}"
        if "Rows" in dataset or "Image Storage" in kind:
            raise RefusedInput(
                "NO_PIXELS", "the file ends before its pixels", "PixelData (7FE0,0010)", found,
                "copy or export the file again",
            )  # fmt: skip
        raise RefusedInput(
            "NO_PIXELS", "no image", "a CR or DX image with PixelData", found, "select the image of the study"
        )
    frames = number(dataset.get("NumberOfFrames", 1) or 1)
    if frames != 1:
        raise RefusedInput(
            "MULTIFRAME",
            "several frames",
            "1 frame",
            shown_number(dataset.NumberOfFrames),
            "export the frame to read on its own",
        )
    intent, sop_class = text(dataset, "PresentationIntentType"), str(dataset.get("SOPClassUID", ""))
    if intent == "FOR PROCESSING" or sop_class in _FOR_PROCESSING_CLASSES:
        raise RefusedInput(
            "FOR_PROCESSING",
            "raw detector values are not a displayable radiograph",
            "PresentationIntentType FOR PRESENTATION",
            "FOR PROCESSING",
            "use the For Presentation image of the same study",
        )


def bit_layout(expected: str, found: str) -> RefusedInput:
    """Rejection of a bit layout."""
    return RefusedInput("BIT_LAYOUT", "the bit layout is not supported", expected, found, "export the image again")


def header_meta(dataset: Dataset) -> dict[str, Any]:
    """Allow-listed metadata of a header, without the patient's identity, even where it stands in place of a term."""
    flags = []
    if text(dataset, "BurnedInAnnotation") == "YES":
        flags.append("burned-in annotation")
    if _is_animal(dataset):
        flags.append("animal")
    return {
        "source_format": "dicom",
        "bits_stored": int(dataset.get("BitsStored") or dataset.get("BitsAllocated") or 0),
        "spacing_mm": _spacing_mm(dataset),
        "window": "",
        "photometric": shown_terms(text(dataset, "PhotometricInterpretation"), PHOTOMETRIC_TERMS),
        "modality": shown_terms(text(dataset, "Modality"), modality_terms()),
        "view": shown_view(text(dataset, "ViewPosition")) or _view_of_words(dataset),
        "body_part": shown_body_part(text(dataset, "BodyPartExamined")),
        "uid_hash": hash_identifier(str(dataset.SOPInstanceUID)) if dataset.get("SOPInstanceUID") else None,
        "flags": flags,
    }


def _spacing_mm(dataset: Dataset) -> list[float] | None:
    """Row and column spacing of the stored pixels in mm: at the detector, else calibrated, else of the scanned film."""
    return next(filter(None, (attribute_spacing(dataset, keyword) for keyword in SPACING_KEYWORDS)), None)


def described_view(dataset: Dataset) -> View | None:
    """View that the view code names, else a description of the image, else one of the study; ``None`` for none."""
    codes = " ".join(filter(None, map(_meaning, dataset.get("ViewCodeSequence") or [])))
    images, studies = (
        " ".join(str(dataset.get(keyword) or "") for keyword in keywords)
        for keywords in (_IMAGE_DESCRIPTIONS, _STUDY_DESCRIPTIONS)
    )
    views = (view_of(text) for text in (codes, images, studies))
    return next((view for view in views if view not in (None, "several")), None)


def _meaning(code: Dataset) -> str:
    """Meaning of a view code: that of the standard, else the one beside the code."""
    return _view_codes().get(str(code.get("CodeValue")), "") or str(code.get("CodeMeaning") or "")


@cache
def _view_codes() -> dict[str, str]:
    """Code values of views (PS3.16 CID 4010) and their meanings."""
    from pydicom.sr.codedict import codes

    concepts = [getattr(codes.cid4010, name) for name in codes.cid4010.dir()]
    return {str(concept.value): str(concept.meaning) for concept in concepts}


def _view_of_words(dataset: Dataset) -> str | None:
    """Term of a view that is not frontal, from the view code or the descriptions."""
    return {"lateral": "LATERAL", "other": "OBLIQUE OR DECUBITUS"}.get(described_view(dataset) or "")


def _is_animal(dataset: Dataset) -> bool:
    """Whether species or descriptions name an animal."""
    species = text(dataset, "PatientSpeciesDescription")
    if species and "HOMO SAPIENS" not in species and "HUMAN" not in species:
        return True
    keywords = ("AcquisitionDeviceProcessingDescription", "SeriesDescription", "StudyDescription", "InstitutionName")
    return bool(_ANIMAL_WORDS.search(" ".join(str(dataset.get(key, "")) for key in keywords)))


def pixel_grid(dataset: Dataset) -> tuple[PixelGrid, list[str]]:
    """Relation of stored to displayed pixels, and flags.

    Raises:
        RefusedInput: ``PIXEL_BUDGET`` if the image is too large with square pixels.
    """
    shape = int(dataset.Rows), int(dataset.Columns)
    aspect, flags = pixel_aspect(shape, _aspect_ratios(dataset))
    grid = PixelGrid(shape, _orientation_steps(dataset), aspect)
    check_pixel_budget(*grid.displayed_shape)
    return grid, flags


def _aspect_ratios(dataset: Dataset) -> list[float]:
    """Height of a pixel divided by its width, for each attribute that states it (PS3.3 C.7.6.3.1.7, 10.7.1)."""
    pairs = [attribute_spacing(dataset, keyword) for keyword in (*SPACING_KEYWORDS, "PixelAspectRatio")]
    return [pair[0] / pair[1] for pair in pairs if pair]


def attribute_spacing(dataset: Dataset, keyword: str) -> list[float] | None:
    """Two positive numbers of an attribute, vertical and horizontal; ``None`` if there are none."""
    value = dataset.get(keyword)
    if not isinstance(value, pydicom.multival.MultiValue) or len(value) != 2:
        return None
    row, column = number(value[0]), number(value[1])
    return [row, column] if row and column and min(row, column) > 0 else None


def _orientation_steps(dataset: Dataset) -> Steps | None:
    """Steps to the standard orientation, from PatientOrientation (0020,0020), whatever the view is."""
    value = dataset.get("PatientOrientation")
    if not isinstance(value, pydicom.multival.MultiValue) or len(value) != 2:
        return None
    return steps_to_standard(*(str(letters).strip("\0 ").upper() for letters in value))
