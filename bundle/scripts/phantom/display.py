"""Steps from the detector to the film: collimation, 12-bit display, and the marker."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from .rasterizing import soft_step

_MAX_VALUE = 4095
_BLACK, _WHITE = 0.80, 3.85  # compressed attenuation that is displayed as 0 and as the highest value
_MARKER, _MARKER_HEIGHT = "SYNTHETIC", 0.03  # height of the letters as a fraction of the image height


def collimation(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Transmission of the collimator along rows and columns, (size,) each: 1 in the field, 0 outside."""
    margins = np.maximum(rng.normal(0.012, 0.012, 4), 0) * size
    axis = np.arange(size, dtype=np.float32)
    penumbra = max(1.5, size / 400)
    top, bottom, left, right = margins
    down = soft_step(np.minimum(axis - top, size - 1 - axis - bottom) + penumbra / 2, penumbra)
    across = soft_step(np.minimum(axis - left, size - 1 - axis - right) + penumbra / 2, penumbra)
    return down.astype(np.float32), across.astype(np.float32)


def to_display(attenuation: np.ndarray, exposure: float, beam: np.ndarray) -> np.ndarray:
    """12-bit values (h, W) of attenuation (h, W): a window with a soft shoulder, black outside the collimated field."""
    image = attenuation - (_BLACK + exposure)
    image *= 1 / (_WHITE - _BLACK)
    np.clip(image, 0, 1, out=image)
    image *= 1.25 - 0.25 * image
    image *= beam
    image *= _MAX_VALUE
    return np.rint(image, out=image).astype(np.uint16)


@lru_cache(maxsize=2)
def marker(size: int) -> np.ndarray:
    """Image (size, size) uint16 of the word SYNTHETIC in the lower left corner.

    It is part of the pixels, so that every picture made from a phantom is marked as synthetic.
    """
    from PIL import Image, ImageDraw, ImageFont

    canvas = Image.new("L", (size, size))
    font = ImageFont.load_default(_MARKER_HEIGHT * size)
    ImageDraw.Draw(canvas).text((0.03 * size, 0.97 * size), _MARKER, fill=255, font=font, anchor="ls")
    return (np.asarray(canvas, np.float32) / 255 * _MAX_VALUE).astype(np.uint16)
