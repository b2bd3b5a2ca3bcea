"""Image to 16-bit stored values, and to a 16-bit PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..common.atomic import atomic_write


def write_png16(image: np.ndarray, destination: Path) -> None:
    """Write an image (H, W) in [0, 1] as 16-bit grey PNG. ``read_radiograph`` restores it to within 1/65535."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    stored, info = to_uint16(image), PngInfo()
    if stored.max() < 2**15:  # a dark image, which a reader could take for one of fewer bits
        info.add(b"sBIT", bytes([16]))
    with atomic_write(destination) as file:
        Image.fromarray(stored).save(file, format="PNG", pnginfo=info)


def to_uint16(image: np.ndarray) -> np.ndarray:
    """Convert an image (H, W) or (1, H, W) in [0, 1] to stored values (H, W) uint16.

    Raises:
        ValueError: The image has another shape, or values that are not finite or outside [0, 1].
    """
    image = np.asarray(image)
    image = image[0] if image.ndim == 3 and image.shape[0] == 1 else image
    low, high = float(image.min()), float(image.max())
    if image.ndim != 2 or not (0.0 <= low and high <= 1.0):
        raise ValueError(
            f"image: cannot be stored; expected (H, W) in 0-1, found {image.shape} in {low} to {high}; clip it first"
        )
    return np.rint(image.astype(np.float64) * 65535).astype(np.uint16)
