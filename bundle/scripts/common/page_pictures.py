"""Pictures for pages: radiographs as JPEG, maps and differences in colours.

JPEG is used because Pillow writes a radiograph of 1024 pixels in 2 ms; WebP would weigh a third and take 200 ms. Maps
need transparency, so they are PNG files with a palette.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

_LEVELS = 64  # of a map


def grey_picture(image: np.ndarray) -> Image.Image:
    """Picture of an image (H, W) in [0, 1], 8 bit."""
    return Image.fromarray((image.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def difference_picture(values: np.ndarray) -> Image.Image:
    """Picture of a difference (H, W) in [-1, 1]: blue is darker, red is brighter, white is equal."""
    return Image.fromarray(_colours("RdBu_r", 256)[((values + 1) * 127.5).round().astype(np.uint8)])


def reduced(picture: Image.Image, side: int) -> Image.Image:
    """Copy of a picture with at most ``side`` pixels on its longer side."""
    copy = picture.copy()
    copy.thumbnail((side, side), Image.Resampling.BICUBIC)
    return copy


def jpeg_file(picture: Image.Image, quality: int = 85) -> bytes:
    """Content of a JPEG file, without metadata."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def map_file(values: np.ndarray) -> bytes:
    """Content of a PNG file of a map (h, w), scaled to its own range, to be laid over the radiograph.

    Low values are transparent. The colours are those of the overlays, whose brightness rises with the value.
    """
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-12)
    picture = Image.fromarray((scaled * (_LEVELS - 1)).round().astype(np.uint8), "P")
    picture.putpalette(_colours("inferno", _LEVELS).tobytes())
    opacity = np.linspace(0, 255, _LEVELS).round().astype(np.uint8)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=opacity.tobytes())
    return buffer.getvalue()


def _colours(name: str, levels: int) -> np.ndarray:
    """Colours (levels, 3) of a colour map of matplotlib, 8 bit."""
    from matplotlib import colormaps

    return (colormaps[name](np.linspace(0, 1, levels))[:, :3] * 255).round().astype(np.uint8)
