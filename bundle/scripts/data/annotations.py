"""Masks of the annotated findings of an image, in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ..common.geometry import SquareGeometry, fit_square
from ..dicom import RefusedInput
from ..dicom.grid import PixelGrid
from .label_aliases import match_label


@dataclass(frozen=True)
class PictureFrame:
    """Picture inside the padded square of the network's input.

    Attributes:
        geometry: geometry of the image.
        grid: Relation of the pixels of the file, in which boxes and masks are given, to those of the image; ``None``
            if they are the same.
    """

    geometry: SquareGeometry
    grid: PixelGrid | None = None

    def inside(self) -> tuple[slice, slice]:
        """Rows and columns of the square that contain the picture; the rest is padding."""
        return self.rows(0, self.geometry.height), self.columns(0, self.geometry.width)

    def rows(self, low: float, high: float) -> slice:
        """Rows of the square whose centres lie between two heights of the source image; at least one row."""
        return _nearest(low + self.geometry.top, high + self.geometry.top, self.geometry)

    def columns(self, low: float, high: float) -> slice:
        """Columns of the square, as in :meth:`rows`."""
        return _nearest(low + self.geometry.left, high + self.geometry.left, self.geometry)

    def pixels(self, grid: torch.Tensor) -> np.ndarray:
        """Map (h, w) on the patch grid, resized to the pixels (R, C) of the picture."""
        size = (self.geometry.size, self.geometry.size)
        square = F.interpolate(grid[None, None].float(), size=size, mode="bilinear", align_corners=False)
        return square[0, 0][self.inside()].cpu().numpy()

    def box(self, xywh: Sequence[float]) -> np.ndarray:
        """Mask (R, C) of a box of the source image; what lies outside the image is cut off."""
        x, y, width, height = self.grid.box(xywh) if self.grid else xywh
        top, bottom = max(y, 0), min(y + height, self.geometry.height)
        left, right = max(x, 0), min(x + width, self.geometry.width)
        square = np.zeros((self.geometry.size, self.geometry.size), bool)
        if top < bottom and left < right:
            square[self.rows(top, bottom), self.columns(left, right)] = True
        return square[self.inside()]

    def mask(self, path: Path) -> np.ndarray:
        """Mask (R, C) of a mask image with the aspect ratio of the source image; a value other than 0 is finding.

        Raises:
            RefusedInput: the mask image cannot be read, or has another aspect ratio.
        """
        found = read_mask(path)
        found = self.grid.to_displayed(found) >= 0.5 if self.grid else found
        height, width = self.geometry.height, self.geometry.width
        if abs(found.shape[0] / found.shape[1] / (height / width) - 1) > 0.01:
            shapes = f"the aspect ratio of {height} x {width} pixels", f"{found.shape[0]} x {found.shape[1]}"
            raise RefusedInput("MASK", "does not cover its image", *shapes, "resize it with its image", str(path))
        square = fit_square(torch.from_numpy(found[None].astype(np.float32)), self.geometry.size)[0][self.inside()]
        # A finding that is thinner than a pixel stays a finding.
        return ((square > 0) & (square >= min(0.5, float(square.max())))).numpy()


def read_mask(path: Path) -> np.ndarray:
    """Pixels (H, W) of a mask image that are not 0.

    Raises:
        RefusedInput: the file is not an image.
    """
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L")) > 0
    except (OSError, Image.DecompressionBombError) as error:
        cause = type(error).__name__
        raise RefusedInput("MASK", "cannot be read", "a PNG", cause, "write it again", str(path)) from error


def _nearest(low: float, high: float, geometry: SquareGeometry) -> slice:
    """Pixels of the network's input between two places of the padded square, at least one and within the square."""
    first = min(max(round(low / geometry.scale), 0), geometry.size - 1)
    return slice(first, max(round(high / geometry.scale), first + 1))


def annotated_names(item: Mapping[str, Any]) -> set[str]:
    """Names of the boxes and masks of an item of a datalist, as they are written there."""
    return {box["label"] for box in item.get("boxes") or []} | set(item.get("masks") or {})


def findings_of(item: Mapping[str, Any], labels: Sequence[str], extra: Mapping[str, Sequence[str]]) -> dict[str, set]:
    """Names of the annotations of each label of the network; labels without an annotation are left out.

    Args:
        item: item of a datalist, with ``boxes`` or ``masks``.
        labels: labels of the network; a synonym counts as the label.
        extra: for each label, further annotations that show it, such as ground-glass opacities for pneumonia.
    """
    found: dict[str, set] = {}
    for name in sorted(annotated_names(item)):
        position = match_label(name, labels)
        if position is not None:
            found.setdefault(labels[position], set()).add(name)
        for label in (label for label, others in extra.items() if name in others):
            found.setdefault(label, set()).add(name)
    return found


def shown_findings(
    item: Mapping[str, Any], labels: Sequence[str], extra: Mapping[str, Sequence[str]], listed: Sequence[str]
) -> dict[str, set]:
    """Findings of :func:`findings_of`, without those that the item's ``label`` states as absent (its entry is 0).

    A finding whose label is blank or uncertain, or is not in the datalist, counts.

    Args:
        item: item of a datalist, with ``label``.
        labels: labels of the network.
        extra: further annotations of each label.
        listed: labels of the datalist, in the order of the item's ``label``.
    """
    absent = [name for name, value in zip(listed, item["label"], strict=True) if value == 0]
    shown: dict[str, set] = {}
    for label, names in findings_of(item, labels, extra).items():
        kept = {name for name in names if match_label(name, absent) is None}
        if kept and match_label(label, absent) is None:
            shown[label] = kept
    return shown


def annotations_of(item: Mapping[str, Any], names: set[str], frame: PictureFrame) -> list[np.ndarray]:
    """Mask (R, C) of each annotation with one of these names; a mask takes precedence over boxes of its name.

    Raises:
        RefusedInput: a mask cannot be used.
    """
    masks = item.get("masks") or {}
    parts = [frame.mask(Path(masks[name])) for name in names if name in masks]
    boxes = [box for box in item.get("boxes") or [] if box["label"] in names and box["label"] not in masks]
    return parts + [frame.box(box["xywh"]) for box in boxes]


def empty_annotations(
    item: Mapping[str, Any], drawn: Mapping[str, Sequence[np.ndarray]], frame: PictureFrame
) -> list[RefusedInput]:
    """Rejections of the annotations that have no pixel in the picture, one for each.

    Args:
        item: item of a datalist.
        drawn: masks of the annotations of each name, see :func:`annotations_of`.
        frame: picture that they were drawn in.
    """
    size, found = f"{frame.geometry.height} x {frame.geometry.width} pixels", []
    for name, parts in sorted(drawn.items()):
        boxes = [box["xywh"] for box in item.get("boxes") or [] if box["label"] == name]
        for number, part in enumerate(parts):
            if not part.any():
                kind, what = ("mask", "zeros") if name in (item.get("masks") or {}) else ("box", str(boxes[number]))
                expected, remedy = f"one that covers some of its {size}", "correct or remove it in the datalist"
                refused = RefusedInput("BOX", f"the {kind} of {name} has no pixel", expected, what, remedy)
                found.append(refused.at(item["image"]))
    return found


def mean_shares(films: Iterable[Mapping[str, torch.Tensor]], grid: tuple[int, int]) -> dict[str, torch.Tensor]:
    """Mean covered share (h, w) of the patches for each label, over the films in which it is annotated.

    Args:
        films: for each film, the mask (S, S) of each annotated label.
        grid: height h and width w of the patch grid.
    """
    shares: dict[str, list[torch.Tensor]] = {}
    for masks in films:
        for label, square in masks.items():
            shares.setdefault(label, []).append(F.adaptive_avg_pool2d(square[None, None].float(), grid)[0, 0])
    return {label: torch.stack(maps).mean(dim=0) for label, maps in shares.items()}
