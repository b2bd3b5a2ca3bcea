"""Boxes and masks of an image, for its enhanced file, which lies as it is displayed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..common.atomic import atomic_write
from ..common.printable import printable
from ..data.annotations import read_mask
from ..dicom import RefusedInput
from ..dicom.grid import PixelGrid
from ..dicom.read.radiograph import read_grid

logger = logging.getLogger(__name__)


def enhanced_annotations(item: Mapping[str, Any], output: Path, factor: float) -> dict[str, Any]:
    """Return the annotations of an enhanced image; masks of an image that was turned or resampled are written anew.

    Args:
        item: item of a datalist; its ``boxes`` and ``masks`` are in the stored pixels of its image.
        output: enhanced image; the new masks lie beside it.
        factor: width of the enhanced image divided by that of the displayed one.

    Returns:
        The keys ``boxes`` and ``masks`` that differ from those of the item.
    """
    boxes, masks = item.get("boxes"), item.get("masks")
    if not boxes and not masks:
        return {}
    grid = read_grid(item["image"])
    changed: dict[str, Any] = {}
    if boxes:
        scaled = [[round(value * factor, 1) for value in grid.box(box["xywh"])] for box in boxes]
        changed["boxes"] = [{**box, "xywh": xywh} for box, xywh in zip(boxes, scaled, strict=True)]
    if masks and (any(grid.steps or ()) or grid.aspect != 1):
        turned = {
            label: _write_turned(Path(file), output.with_name(f"{output.name}.mask{number}.png"), grid)
            for number, (label, file) in enumerate(sorted(masks.items()))
        }
        changed["masks"] = {label: str(file) for label, file in turned.items() if file is not None}
    return changed


def _write_turned(file: Path, destination: Path, grid: PixelGrid) -> Path | None:
    """Write a mask as its image is displayed; ``None``, with a warning, for one that cannot be read."""
    try:
        mask = read_mask(file)
    except RefusedInput as refusal:
        logger.warning("mask left out: %s", printable(str(refusal)))
        return None
    shown = (grid.to_displayed(mask) >= 0.5).astype(np.uint8) * 255
    with atomic_write(destination) as target:
        Image.fromarray(np.ascontiguousarray(shown)).save(target, format="PNG")
    return destination
