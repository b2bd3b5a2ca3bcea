"""Attention map over the radiograph as a colour Secondary Capture, which every viewer shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .algorithm import Algorithm, instance_uid, made_by, save_again, source_reference
from .source import Source, pixel_spacing

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

Box = tuple[int, int, int, int]

_SERIES_DESCRIPTION = "AI attention overlay, research use only, not for diagnosis"
_CAPTION = "AI attention - research use only"
_OPACITY = 0.65
_BOX_COLOUR = (86, 224, 255)


def write_attention_overlay(
    source: Source,
    image: np.ndarray,
    attention: np.ndarray,
    boxes: Sequence[Box],
    destination: Path,
    *,
    algorithm: Algorithm,
    max_side: int = 1024,
    labels: Sequence[str | None] = (),
) -> str:
    """Write the overlay as an object of the source's study.

    Args:
        source: source image of the map.
        image: (H, W) in [0, 1], as displayed.
        attention: (H, W), any finite non-negative scale.
        boxes: half-open (row0, col0, row1, col1) in pixels of ``image``.
        destination: path of the new file.
        algorithm: software and weights that made the map.
        max_side: maximum of the longer side, in pixels; a larger image is reduced by averaging blocks of whole pixels.
        labels: label whose map chose each region, written beside its box; ``None`` or absent for none.

    Returns:
        SOPInstanceUID of the object.

    Raises:
        RefusedInput: ``NO_IDENTITY`` for a source without UIDs.
    """
    from highdicom.sc import SCImage
    from pydicom.uid import ExplicitVRLittleEndian

    source.require_identity()
    step = -(-max(image.shape) // max_side)
    shown = [tuple(value // step for value in box) for box in boxes]
    colours = _overlay_colours(_block_mean(image, step), _block_mean(attention, step), shown, labels)
    spacing = pixel_spacing(source)
    overlay = SCImage.from_ref_dataset(
        source.header(),
        pixel_array=colours,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "F"),  # replaced in _describe: highdicom does not accept an unknown orientation
        pixel_spacing=tuple(length * step for length in spacing) if spacing else None,
        sop_instance_uid=instance_uid(
            source, "attention", f"{algorithm}", hashlib.sha256(colours.tobytes()).hexdigest()
        ),
        series_description=_SERIES_DESCRIPTION,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **made_by(source, "attention", algorithm),
    )
    _describe(overlay, source)
    save_again(overlay, destination)
    return str(overlay.SOPInstanceUID)


def _describe(overlay: Dataset, source: Source) -> None:
    """Set description, orientation, derivation and source."""
    header = source.header()
    overlay.PatientOrientation = source.orientation()
    overlay.ConversionType = "WSD"  # made on a workstation
    if header.get("BodyPartExamined"):
        overlay.BodyPartExamined = header.BodyPartExamined
    else:
        overlay.Laterality = None  # type 2C: the body part may be paired
    overlay.ImageComments = _SERIES_DESCRIPTION
    overlay.DerivationDescription = "last-layer attention of a classifier as colour over the radiograph, with regions"
    overlay.SourceImageSequence = [source_reference(source)]
    # The caption does not identify the patient, so the value of the source stays true.
    if header.get("BurnedInAnnotation"):
        overlay.BurnedInAnnotation = header.BurnedInAnnotation


def _block_mean(image: np.ndarray, step: int) -> np.ndarray:
    """Return the mean of each block of ``step`` × ``step`` pixels of an image (H, W), without incomplete blocks."""
    rows, columns = image.shape[0] // step, image.shape[1] // step
    blocks = image[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _overlay_colours(
    image: np.ndarray, attention: np.ndarray, boxes: Sequence[tuple[int, ...]], labels: Sequence[str | None] = ()
) -> np.ndarray:
    """Draw the attention as colour over the grey radiograph, with region borders and a caption.

    The opacity of the colour follows the attention.

    Args:
        image: (H, W) in [0, 1].
        attention: (H, W), any scale.
        boxes: half-open, in pixels of ``image``.
        labels: name beside each box; ``None`` or absent for no name.

    Returns:
        (H, W, 3) uint8, RGB.
    """
    from matplotlib import colormaps
    from PIL import Image, ImageDraw

    low, high = float(attention.min()), float(attention.max())
    scaled = (attention - low) / max(high - low, 1e-12)
    opacity = _OPACITY * scaled[..., None]
    blended = (1 - opacity) * image[..., None] + opacity * colormaps["inferno"](scaled)[..., :3]
    picture = Image.fromarray(np.rint(blended * 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    size = max(10, max(image.shape) // 50)
    names = list(labels) or [None] * len(boxes)
    for (row0, col0, row1, col1), name in zip(boxes, names, strict=True):
        pen.rectangle((col0, row0, max(col0, col1 - 1), max(row0, row1 - 1)), outline=_BOX_COLOUR, width=2)
        if name is not None:
            # Above the box, or below a box under the caption; a text near the right edge ends at its box.
            above, right = row0 > 3 * size, col0 > 0.6 * image.shape[1]
            place = col1 if right else col0, row0 - 2 if above else row1 + 2
            anchor = ("r" if right else "l") + ("d" if above else "a")
            edge = {"stroke_width": max(1, size // 10), "stroke_fill": (0, 0, 0)}
            pen.text(place, name, fill=_BOX_COLOUR, font_size=size, anchor=anchor, **edge)
    pen.text((4, 4), _CAPTION, fill=_BOX_COLOUR, font_size=size)
    return np.asarray(picture)
