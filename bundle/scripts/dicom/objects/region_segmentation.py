"""Attended regions as a binary Segmentation on the source's pixel grid, one segment per region."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .algorithm import MANUFACTURER, Algorithm, instance_uid, made_by, save_again, series_uid
from .source import Source

Box = tuple[int, int, int, int]

_SERIES_DESCRIPTION = "AI attention regions, research use only, not for diagnosis"


def write_regions(
    source: Source,
    boxes: Sequence[Box],
    destination: Path,
    *,
    algorithm: Algorithm,
    labels: Sequence[str | None] = (),
) -> str:
    """Write the regions as an object of the source's study.

    Args:
        source: image that the regions were chosen in.
        boxes: half-open (row0, col0, row1, col1) in pixels of the displayed image, in descending order of attention.
        destination: path of the new file.
        algorithm: software and weights that chose the regions.
        labels: label whose map chose each region, which the segment names; ``None`` or absent for none.

    Returns:
        SOPInstanceUID of the object.

    Raises:
        RefusedInput: ``NO_IDENTITY`` for a source without UIDs.
        ValueError: there is no region, or a region is empty or outside the image.
    """
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    source.require_identity()
    masks = _region_masks(source, boxes)
    header = source.header()
    # With PixelSpacing, highdicom would write pixel measures without a slice thickness, which a projection image does
    # not have, and then reject its own file. The spacing can be found in the referenced image.
    header.pop("PixelSpacing", None)
    identification = AlgorithmIdentificationSequence(
        name=algorithm.name,
        family=codes.DCM.ArtificialIntelligence,
        version=algorithm.version,
        source=MANUFACTURER,
        parameters={"weights_sha256": algorithm.weights_sha256},
    )
    names = list(labels) or [None] * len(boxes)
    descriptions = [
        SegmentDescription(
            segment_number=number,
            segment_label=_segment_label(number, name),
            segmented_property_category=codes.SCT.SpatialAndRelationalConcept,
            segmented_property_type=codes.DCM.SelectedRegion,
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=identification,
        )
        for number, name in enumerate(names, start=1)
    ]
    identity: list = [list(box) for box in boxes]
    if any(names):  # without labels, the UID stays that of earlier versions
        identity.append(names)
    segmentation = Segmentation(
        source_images=[header],
        pixel_array=masks,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        sop_instance_uid=instance_uid(source, "regions", f"{algorithm}", json.dumps(identity)),
        content_label="ATTENTION",
        content_description="regions with the highest attention",
        series_description=_SERIES_DESCRIPTION,
        **made_by(source, "regions", algorithm),
    )
    # Type 2C for images without a plane in the patient; the value of the source, because the grid is the source's.
    segmentation.PatientOrientation = header.get("PatientOrientation")
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = series_uid(
            source, "regions", f"{algorithm} dimensions"
        )  # highdicom's is random
    save_again(segmentation, destination)
    return str(segmentation.SOPInstanceUID)


def _segment_label(number: int, name: str | None) -> str:
    """Return the label of a segment, at most 64 characters (value representation LO) without backslashes."""
    label = f"attended region {number}" + ("" if name is None else f", {name}")
    return label.replace("\\", "/")[:64]


def _region_masks(source: Source, boxes: Sequence[Box]) -> np.ndarray:
    """Return masks (1, H, W, n) uint8 of the regions, in pixels as stored.

    Raises:
        ValueError: there is no region, or a region is empty or outside the image.
    """
    height, width = source.displayed_shape
    if not boxes:
        raise ValueError("regions: no box; expected at least one, found none; write no segmentation without a region")
    masks = np.zeros((height, width, len(boxes)), np.uint8)
    for index, (row0, col0, row1, col1) in enumerate(boxes):
        if not (0 <= row0 < row1 <= height and 0 <= col0 < col1 <= width):
            raise ValueError(
                f"regions: a box is empty or outside; expected pixels of {height} x {width}, found {boxes[index]}"
            )
        masks[row0:row1, col0:col1, index] = 1
    return np.ascontiguousarray(source.to_stored(masks))[None]
