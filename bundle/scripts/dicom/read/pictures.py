"""PNG and JPEG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...common.refusal import RefusedInput
from ..budget import check_pixel_budget
from ..grid import PixelGrid, pixel_aspect
from .ranges import image_bits
from .rendering import grey_from_colour

_EXIF_ORIENTATION = 0x0112
_SIXTEEN_BIT_COLOUR = "16-bit colour read as 8 bit"
_START_BYTES = 4096  # contain the header chunks of a PNG
_ALL_BITS_CHUNK = b"\0\0\0\1sBIT\x10"  # length, name and value: 16 significant bits


def read_picture(path: Path) -> tuple[np.ndarray, dict[str, Any]]:
    """Read an image (H, W) float32 in [0, 1], in its stored polarity, and the metadata of a picture file.

    Raises:
        RefusedInput: ``PIXEL_BUDGET``, ``COLOUR`` or ``DECODE``.
    """
    from PIL import Image, ImageOps

    try:
        grid, doubts = picture_grid(path)
        with Image.open(path) as picture:
            source_format, flags = str(picture.format).lower(), _picture_flags(path, picture.mode)
            pixels = _to_array(ImageOps.exif_transpose(picture))
    except RefusedInput:
        raise
    except Image.DecompressionBombError as error:
        raise RefusedInput(
            "PIXEL_BUDGET", "the image is too large to be a radiograph", "at most 100 million pixels", "more",
            "check the file",
        ) from error  # fmt: skip
    except Exception as error:
        raise RefusedInput(
            "DECODE", "the picture cannot be decoded", "a complete PNG or JPEG", type(error).__name__,
            "copy or export the file again",
        ) from error  # fmt: skip
    declared = 8 * pixels.dtype.itemsize
    bits, unused = (declared, []) if _is_scaled(path) else image_bits(int(pixels.max()), declared)
    if _SIXTEEN_BIT_COLOUR in flags:  # only the upper 8 bits are here
        bits, unused = image_bits(int(pixels.max()) << 8 | 255, 16)
        bits -= 8
    maximum = 2**bits - 1
    image = pixels.astype(np.float32) / np.float32(maximum) if pixels.ndim == 2 else grey_from_colour(pixels, maximum)
    image, flags = grid.to_displayed(image), flags + unused + doubts
    meta = {
        "source_format": source_format,
        "bits_stored": declared,
        "window": f"full range 0-{maximum}",
        "flags": flags,
    }
    return image, meta


def picture_grid(path: Path) -> tuple[PixelGrid, list[str]]:
    """Relation of the pixels of a picture, upright as EXIF states, to displayed pixels, and flags.

    Raises:
        RefusedInput: ``PIXEL_BUDGET``.
    """
    from PIL import Image

    with Image.open(path) as picture:
        height, width, info = picture.height, picture.width, picture.info
        check_pixel_budget(height, width)
        # Pixels per unit of length: PNG states them as dpi or as a ratio (pHYs), JPEG in the JFIF header.
        across, down = info.get("dpi") or info.get("aspect") or info.get("jfif_density") or (1, 1)
        if picture.getexif().get(_EXIF_ORIENTATION, 1) > 4:  # stored on its side
            height, width, across, down = width, height, down, across
    ratios = [across / down] if across > 0 and down > 0 else []
    aspect, flags = pixel_aspect((height, width), ratios)
    grid = PixelGrid((height, width), None, aspect)
    check_pixel_budget(*grid.displayed_shape)
    return grid, flags


def _to_array(picture: Any) -> np.ndarray:
    """Convert a Pillow image to a grey (H, W) or colour (H, W, 3) array, uint8 or uint16.

    Raises:
        RefusedInput: ``COLOUR`` for a mode that is neither grey nor RGB.
    """
    if picture.mode in ("L", "RGB"):
        return np.asarray(picture)
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)
    if picture.mode in ("1", "LA"):
        return np.asarray(picture.convert("L"))
    if picture.mode in ("P", "RGBA", "PA"):
        return np.asarray(picture.convert("RGB"))
    raise RefusedInput(
        "COLOUR", "the colour mode is not supported", "grey or RGB", f"Pillow mode {picture.mode}",
        "save the picture as 8- or 16-bit grey PNG",
    )  # fmt: skip


def _is_scaled(path: Path) -> bool:
    """Whether a PNG states that all of its 16 bits are significant (sBIT, PNG specification 11.3.2.5)."""
    with path.open("rb") as file:
        start = file.read(_START_BYTES).partition(b"IDAT")[0]
    return start.startswith(b"\x89PNG") and _ALL_BITS_CHUNK in start


def _picture_flags(path: Path, mode: str) -> list[str]:
    """Flags for ignored content: transparency, and the lower 8 bits of 16-bit colour, which Pillow does not decode."""
    flags = ["transparency ignored"] if mode in ("LA", "RGBA", "PA") else []
    with path.open("rb") as file:
        start = file.read(26)
    # PNG specification 11.2.1: bit depth at byte 24, colour type at byte 25 (0 is grey).
    if start.startswith(b"\x89PNG") and start[24] == 16 and start[25] != 0:
        flags.append(_SIXTEEN_BIT_COLOUR)
    return flags
