"""Attention map as a Parametric Map: its values as numbers, on the pixel grid of the stored film.

The colour Secondary Capture of :mod:`.attention_overlay` is for the eye; its colours cannot be turned back into values.
This object is for programs that measure, compare or overlay the attention.

A Parametric Map has a plane in a Frame of Reference, which a projection image does not have. The map therefore gets a
Frame of Reference of its own, in which nothing else lies. Its origin is the centre of the first pixel, and its axes are
those of the film's PatientOrientation. Where the film does not state it, the axes are those of an upright frontal film,
as the classifier takes it, and the object says so.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from ..header import SPACING_KEYWORDS, attribute_spacing
from .algorithm import Algorithm, instance_uid, made_by, save_again, series_uid
from .codes import code_item
from .source import Source

if TYPE_CHECKING:
    from highdicom.pm import ParametricMap

_KIND = "attention_map"
_SERIES_DESCRIPTION = "AI attention map, research use only, not for diagnosis"
_MEANING = "attention of a classifier relative to its highest value"  # at most 64 characters (LO)
_ASSUMPTION = "The film does not state its orientation; the axes are those of an upright frontal film."
_LABEL = "ATTENTION"
# Directions in the coordinate system of the patient (PS3.3 C.7.6.2.1.1) by the letters of PatientOrientation.
_DIRECTIONS = {
    "L": (1.0, 0.0, 0.0), "R": (-1.0, 0.0, 0.0), "P": (0.0, 1.0, 0.0),
    "A": (0.0, -1.0, 0.0), "H": (0.0, 0.0, 1.0), "F": (0.0, 0.0, -1.0),
}  # fmt: skip


def write_attention_map(source: Source, attention: np.ndarray, destination: Path, *, algorithm: Algorithm) -> str:
    """Write the attention as an object of the source's study, in float32 from 0 to 1, the highest attention.

    Args:
        source: source image of the map.
        attention: (H, W) in pixels of the displayed image, any finite non-negative scale.
        destination: path of the new file. It has four bytes a pixel, because DICOM has no compression for floats.
        algorithm: software and weights that made the map.

    Returns:
        SOPInstanceUID of the object.

    Raises:
        RefusedInput: ``NO_IDENTITY`` for a source without UIDs.
        ValueError: the map has another size than the image, or values that are negative or not finite.
    """
    source.require_identity()
    values = np.ascontiguousarray(source.to_stored(_relative(attention, source.displayed_shape)))
    # All objects of a series have one Frame of Reference, so each film has a series of its own.
    maker = f"{algorithm} {source.dataset.SOPInstanceUID}"
    identity = {
        **made_by(source, _KIND, algorithm),
        "series_instance_uid": series_uid(source, _KIND, maker),
        "sop_instance_uid": instance_uid(source, _KIND, f"{algorithm}", hashlib.sha256(values.tobytes()).hexdigest()),
    }
    header = source.header()
    stated = _axes(header.get("PatientOrientation"))
    spacing = next(filter(None, (attribute_spacing(source.dataset, keyword) for keyword in SPACING_KEYWORDS)), None)
    header.FrameOfReferenceUID = series_uid(source, _KIND, f"{maker} frame of reference")
    header.ImagePositionPatient, header.ImageOrientationPatient = [0, 0, 0], stated or _axes(["L", "F"])
    # highdicom needs a spacing; an unknown one is taken out again below. A projection image has no thickness.
    header.PixelSpacing, header.SliceThickness = spacing or [1, 1], None
    written = _parametric_map(header, values, identity)
    if spacing is None:
        del written.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    _describe(written, header, is_stated=stated is not None)
    for item in (*written.DimensionOrganizationSequence, *written.DimensionIndexSequence):
        item.DimensionOrganizationUID = series_uid(source, _KIND, f"{maker} dimensions")  # highdicom's is random
    save_again(written, destination)
    return str(written.SOPInstanceUID)


def _relative(attention: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return attention (H, W) divided by its highest value, as float32.

    Raises:
        ValueError: the map has another size than ``shape``, or values that are negative or not finite.
    """
    low, high = float(attention.min()), float(attention.max())
    if attention.shape != shape or not (low >= 0 and np.isfinite(high)):
        raise ValueError(
            f"attention: not a map of the film; expected {shape[0]} x {shape[1]} finite values from 0, found "
            f"{' x '.join(map(str, attention.shape))} from {low} to {high}; map it to the film first"
        )
    return np.asarray(attention / max(high, 1e-12), dtype=np.float32)


def _axes(orientation: Any) -> list[float] | None:
    """Return ImageOrientationPatient of two directions such as L and F; ``None`` where they span no plane."""
    if not orientation:
        return None
    row, column = (_DIRECTIONS[direction[0]] for direction in orientation)
    return [*row, *column] if not np.dot(row, column) else None


def _parametric_map(header: Dataset, values: np.ndarray, identity: dict[str, Any]) -> ParametricMap:
    """Return the map of stored pixels (H, W) float32; ``identity`` are UIDs, numbers and equipment."""
    from highdicom import VOILUTTransformation
    from highdicom.pm import ParametricMap, RealWorldValueMapping

    mapping = RealWorldValueMapping(
        lut_label=_LABEL,
        lut_explanation=_MEANING,
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=codes.DCM.Saliency,  # CID 7180
    )
    # The function LINEAR subtracts 0.5 and 1 for integers (PS3.3 C.11.2.1.2.1): with a width of 1 it divides by zero.
    window = VOILUTTransformation(window_center=0.5, window_width=1.0, voi_lut_function="LINEAR_EXACT")
    return ParametricMap(
        source_images=[header],
        pixel_array=values,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[window],
        content_label=_LABEL,
        content_description=_MEANING,
        series_description=_SERIES_DESCRIPTION,
        **identity,
    )


def _describe(written: ParametricMap, header: Dataset, *, is_stated: bool) -> None:
    """Set the orientation, the anatomy and the description, as far as the film states them."""
    written.PatientOrientation = header.get("PatientOrientation")  # the grid is the source's
    if header.get("BodyPartExamined"):
        written.BodyPartExamined = header.BodyPartExamined
    written.ImageComments = _SERIES_DESCRIPTION if is_stated else f"{_SERIES_DESCRIPTION}. {_ASSUMPTION}"
    written.DerivationDescription = _MEANING
    anatomy = Dataset()
    anatomy.FrameLaterality, anatomy.AnatomicRegionSequence = "U", [code_item(codes.SCT.Chest)]  # U: unpaired
    written.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
