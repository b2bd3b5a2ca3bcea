"""Where the findings of an image are, in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...common.geometry import SquareGeometry, fit_square
from ...data.label_aliases import match_label
from ...dicom import RefusedInput
from ...dicom.grid import PixelGrid


@dataclass(frozen=True)
class PictureFrame:
    """The picture inside the padded square that the network sees.

    Attributes:
        geometry: of the image.
        grid: Relation of the pixels of the file, in which boxes and masks are given, to those of the image; ``None``
            if they are the same.
    """

    geometry: SquareGeometry
    grid: PixelGrid | None = None

    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the square that hold the picture; the rest is padding."""
        return self.rows(0, self.geometry.height), self.columns(0, self.geometry.width)

    def rows(self, low: float, high: float) -> slice:
        """Rows of the square whose centres lie between two heights in the source image; at least one."""
        return _nearest(low + self.geometry.top, high + self.geometry.top, self.geometry)

    def columns(self, low: float, high: float) -> slice:
        """Columns, as :meth:`rows`."""
        return _nearest(low + self.geometry.left, high + self.geometry.left, self.geometry)

    def pixels(self, grid: torch.Tensor) -> np.ndarray:
        """Map (h, w) of the patch grid -> (R, C) in the pixels of the picture."""
        size = (self.geometry.size, self.geometry.size)
        square = F.interpolate(grid[None, None].float(), size=size, mode="bilinear", align_corners=False)
        return square[0, 0][self.inside()].cpu().numpy()

    def box(self, xywh: Sequence[float]) -> np.ndarray:
        """(R, C) bool: a box of the source image."""
        x, y, width, height = self.grid.box(xywh) if self.grid else xywh
        square = np.zeros((self.geometry.size, self.geometry.size), bool)
        square[self.rows(y, y + height), self.columns(x, x + width)] = True
        return square[self.inside()]

    def mask(self, path: Path) -> np.ndarray:
        """(R, C) bool: a mask image of the form of the source image; non-zero is finding.

        Raises:
            RefusedInput: it cannot be read, or has another form.
        """
        found = _read_mask(path)
        found = self.grid.to_displayed(found) >= 0.5 if self.grid else found
        height, width = self.geometry.height, self.geometry.width
        if abs(found.shape[0] / found.shape[1] / (height / width) - 1) > 0.01:
            shapes = f"the form of {height} x {width} pixels", f"{found.shape[0]} x {found.shape[1]}"
            raise RefusedInput("MASK", "does not cover its image", *shapes, "resize it with its image", str(path))
        square = fit_square(torch.from_numpy(found[None].astype(np.float32)), self.geometry.size)[0][self.inside()]
        # A finding thinner than a pixel stays one.
        return ((square > 0) & (square >= min(0.5, float(square.max())))).numpy()


def _read_mask(path: Path) -> np.ndarray:
    """(H, W) bool of a mask image.

    Raises:
        RefusedInput: not an image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 0
    except (OSError, Image.DecompressionBombError) as error:
        cause = type(error).__name__
        raise RefusedInput("MASK", "cannot be read", "a PNG", cause, "write it again", str(path)) from error


def _nearest(low: float, high: float, geometry: SquareGeometry) -> slice:
    """Pixels of the network's input between two places in the padded square, at least one and inside."""
    first = min(max(round(low / geometry.scale), 0), geometry.size - 1)
    return slice(first, max(round(high / geometry.scale), first + 1))


def findings_of(item: Mapping[str, Any], labels: Sequence[str], extra: Mapping[str, Sequence[str]]) -> dict[str, set]:
    """Names of the annotations that stand for each label of the network; labels without any are left out.

    Args:
        item: of a datalist, with ``boxes`` or ``masks``.
        labels: of the network; a synonym counts as the label.
        extra: label -> further annotations that show it (the ground-glass opacities of a pneumonia).
    """
    names = {box["label"] for box in item.get("boxes") or []} | set(item.get("masks") or {})
    found: dict[str, set] = {}
    for name in sorted(names):
        position = match_label(name, labels)
        if position is not None:
            found.setdefault(labels[position], set()).add(name)
        for label in (label for label, others in extra.items() if name in others):
            found.setdefault(label, set()).add(name)
    return found


def truth_of(item: Mapping[str, Any], names: set[str], frame: PictureFrame) -> np.ndarray:
    """(R, C) bool: union of the annotations with these names; masks before boxes of the same name.

    Raises:
        RefusedInput: a mask that cannot be used.
    """
    masks = item.get("masks") or {}
    parts = [frame.mask(Path(masks[name])) for name in names if name in masks]
    parts += [
        frame.box(box["xywh"]) for box in item.get("boxes") or [] if box["label"] in names and box["label"] not in masks
    ]
    return np.logical_or.reduce(parts)
