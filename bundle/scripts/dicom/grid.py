"""Stored and displayed pixel grid: an image is turned to the standard orientation, then resampled to square pixels.

This is the only place where either happens. Regions, maps and boxes are in displayed pixels; :class:`PixelGrid` maps
them to the stored pixels of the file and back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Steps = tuple[bool, bool, bool]


@dataclass(frozen=True)
class PixelGrid:
    """Relation of stored to displayed pixels.

    Attributes:
        shape: Height and width as stored, in pixels.
        steps: Steps to the standard orientation "L, F": transpose, flip rows, flip columns, in this order; ``None``
            if the orientation is not known, so that the image is not turned.
        aspect: Height of a stored pixel divided by its width; 1 if the pixels are displayed as they are.
    """

    shape: tuple[int, int]
    steps: Steps | None = None
    aspect: float = 1.0

    @property
    def transposed(self) -> bool:
        """Whether rows and columns change places."""
        return bool(self.steps and self.steps[0])

    @property
    def displayed_shape(self) -> tuple[int, int]:
        """Height and width as displayed, in pixels."""
        return self._squared(self.shape[::-1] if self.transposed else self.shape)

    def to_displayed(self, stored: np.ndarray) -> np.ndarray:
        """Turn and resample an array (H, W) of stored pixels, of any resolution; float32 if it is resampled."""
        transpose, flip_rows, flip_columns = self.steps or (False, False, False)
        array = stored.T if transpose else stored
        array = array[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
        return array if self.aspect == 1 else _resize(array, self._squared(array.shape))

    def to_stored(self, displayed: np.ndarray) -> np.ndarray:
        """Return an array (H, W, ...) of displayed pixels in stored pixels, each with the nearest displayed value."""
        transpose, flip_rows, flip_columns = self.steps or (False, False, False)
        height, width = self.shape[::-1] if transpose else self.shape
        if self.aspect != 1:
            displayed = displayed[_nearest(displayed.shape[0], height)][:, _nearest(displayed.shape[1], width)]
        array = displayed[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]
        return array.swapaxes(0, 1) if transpose else array

    def box(self, xywh: Sequence[float]) -> list[float]:
        """Convert a box (x, y, width, height) in stored pixels to displayed pixels."""
        x, y, width, height = xywh
        transpose, flip_rows, flip_columns = self.steps or (False, False, False)
        rows, columns = self.shape
        if transpose:
            x, y, width, height, rows, columns = y, x, height, width, columns, rows
        x = columns - x - width if flip_columns else x
        y = rows - y - height if flip_rows else y
        displayed = self.displayed_shape
        down, across = displayed[0] / rows, displayed[1] / columns
        return [x * across, y * down, width * across, height * down]

    def spacing(self, row: float, column: float) -> list[float]:
        """Convert the row and column spacing of stored pixels to that of displayed pixels, both in mm."""
        row, column = (column, row) if self.transposed else (row, column)
        return [min(row, column)] * 2 if self.aspect != 1 else [row, column]

    def _squared(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Shape with square pixels of the smaller side of a pixel, of an array that is turned already."""
        aspect = 1 / self.aspect if self.transposed else self.aspect
        return round(shape[0] * max(aspect, 1.0)), round(shape[1] * max(1 / aspect, 1.0))


def _resize(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Enlarge an array (H, W) bilinearly; float32."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(array, dtype=np.float32))
    return np.array(picture.resize(shape[::-1], Image.Resampling.BILINEAR))


def _nearest(source: int, target: int) -> np.ndarray:
    """For each of ``target`` pixels, the index of the nearest of ``source`` pixels along the same side."""
    return ((np.arange(target) + 0.5) * source / target).astype(int)


def steps_to_standard(along_row: str, along_column: str) -> Steps | None:
    """Steps that turn an image to "L, F": rows run towards the patient's left, columns towards the feet.

    Args:
        along_row: Direction of the rows, as in PatientOrientation (0020,0020).
        along_column: Direction of the columns.

    Returns:
        Transpose, flip rows, flip columns; ``None`` if the directions are not those of a frontal image.
    """
    transpose = along_row in ("H", "F")
    if transpose:
        along_row, along_column = along_column, along_row
    if along_row not in ("L", "R") or along_column not in ("H", "F"):
        return None
    return transpose, along_column == "H", along_row == "R"


# Pixels whose sides differ less than this are square: spacings are rounded.
_SQUARE_TOLERANCE = 0.01
# No film of a chest is longer. Its spacing is wrong if square pixels would make it so.
_MAX_ELONGATION = 1.8


def pixel_aspect(shape: tuple[int, int], ratios: Sequence[float]) -> tuple[float, list[str]]:
    """Height of a pixel divided by its width, from everything that a header states about it.

    Args:
        shape: Height and width, in pixels.
        ratios: Statements of the header.

    Returns:
        Aspect, 1 if the pixels are square or the statements doubtful, and flags.
    """
    if all(abs(ratio - 1) <= _SQUARE_TOLERANCE for ratio in ratios):
        return 1.0, []
    height, width = shape[0] * ratios[0], shape[1]
    elongation = max(height, width) / min(height, width)
    if max(ratios) > min(ratios) * (1 + _SQUARE_TOLERANCE):
        return 1.0, ["pixel spacing doubtful, not resampled: the header contradicts itself"]
    if elongation > max(_MAX_ELONGATION, max(shape) / min(shape)):
        return 1.0, [f"pixel spacing doubtful, not resampled: sides of 1 to {elongation:.1f}"]
    return ratios[0], ["resampled to square pixels"]
