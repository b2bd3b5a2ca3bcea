"""Pictures of a film for the page: the radiograph, its maps, and each region before and after enhancement.

A film with four regions and one map weighs 130 to 180 kB. No film may weigh more than 400 kB, so the photographs of a
noisy film are written coarser and smaller. JPEG is used because Pillow writes a radiograph of 1024 pixels in 2 ms; WebP
would weigh a third and take 200 ms. Maps need transparency, so they are PNG files with a palette.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...common.geometry import SquareGeometry, map_to_source
from ...super_resolution.region_enhancer import resize_like
from ..study_prediction import StudyPrediction

_FILM, _THUMBNAIL, _REGION, _MAP = 1024, 96, 384, 64  # longest side, in pixels
_LEVELS = 64  # of a map
_HEAVIEST = 400_000 * 3 // 4  # bytes of all pictures of a film; a page that contains them writes four for three
_STEPS = ((1.0, 82), (1.0, 65), (0.75, 50), (0.5, 40), (0.33, 30), (0.2, 20))  # (share of the side, JPEG quality)


def film_pictures(prediction: StudyPrediction) -> tuple[dict[str, bytes], list[dict[str, Any]]]:
    """Return the pictures of a film, by file name, and what belongs to the regions.

    The names are ``film.jpg``, ``thumbnail.jpg``, ``map.png``, ``map_N.png`` for label N of a method with a map per
    label, and ``region_N_{native,input,enhanced,difference}.jpg`` for region N.

    Args:
        prediction: prediction with status ``ok``.

    Returns:
        (file name -> content, and for each region the ``difference`` that the strongest colour stands for, in [0, 1]).
        The difference is ``None`` for a region that the enhancer could not enhance, which has no pictures.
    """
    assert prediction.image is not None
    film = _grey(prediction.image)
    photographs = {"film.jpg": _reduced(film, _FILM), "thumbnail.jpg": _reduced(film, _THUMBNAIL)}
    maps = {f"{name}.png": _map_png(values) for name, values in _maps(prediction)}
    regions = []
    for number, box in enumerate(prediction.regions):
        crops = _crops(prediction, box)
        limit = None
        if crops is not None:
            native, low_res, high_res = crops
            difference, limit = _difference(native, high_res)
            versions = {"native": _grey(native[0].numpy()), "input": _grey(low_res[0].numpy())}
            versions |= {"enhanced": _grey(high_res[0].numpy()), "difference": difference}
            for name, picture in versions.items():
                photographs[f"region_{number}_{name}.jpg"] = _reduced(picture, _REGION)
        regions.append({"difference": limit})
    return {**_written(photographs, _HEAVIEST - sum(map(len, maps.values()))), **maps}, regions


def _written(photographs: dict[str, Image.Image], heaviest: int) -> dict[str, bytes]:
    """Return the photographs as JPEG files, as fine as ``heaviest`` bytes for all of them allow.

    The last step is taken whatever it weighs: a film with very many regions is shown, not left out.
    """
    files: dict[str, bytes] = {}
    for share, quality in _STEPS:
        files = {
            name: _jpeg(_reduced(picture, max(1, round(share * max(picture.size)))), quality)
            for name, picture in photographs.items()
        }
        if sum(map(len, files.values())) <= heaviest:
            break
    return files


def _maps(prediction: StudyPrediction) -> Iterator[tuple[str, np.ndarray]]:
    """Yield name and values (h, w) of each map of the film, reduced."""
    attention = prediction.attention_map
    assert attention is not None
    height, width = attention.shape
    scale = min(1.0, _MAP / max(height, width))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    centres = [((np.arange(n) + 0.5) * length / n).astype(int) for n, length in ((rows, height), (columns, width))]
    yield "map", attention[np.ix_(*centres)]
    for number, grid in enumerate([] if prediction.label_maps is None else prediction.label_maps):
        geometry = SquareGeometry(rows, columns, prediction.image_size)
        yield f"map_{number}", map_to_source(torch.from_numpy(grid), geometry).numpy()


def _crops(
    prediction: StudyPrediction, box: tuple[int, int, int, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """Return a region (1, h, w) at native resolution, as the enhancer saw it, and enhanced; ``None`` if it failed."""
    enhanced = prediction.enhanced_regions
    for index, region in enumerate([] if enhanced is None else enhanced.regions):
        if region.box == box:
            assert enhanced is not None
            return enhanced.natives[index], enhanced.low_res[index], enhanced.high_res[index]
    return None


def _grey(image: np.ndarray) -> Image.Image:
    """Return a picture of an image (H, W) in [0, 1]."""
    return Image.fromarray((image.clip(0, 1) * 255 + 0.5).astype(np.uint8))


def _reduced(picture: Image.Image, side: int) -> Image.Image:
    """Return the picture with at most ``side`` pixels on its longer side."""
    reduced = picture.copy()
    reduced.thumbnail((side, side), Image.Resampling.BICUBIC)
    return reduced


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    """Return the content of a JPEG file, without metadata."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()


def _map_png(values: np.ndarray) -> bytes:
    """Return a map (h, w), scaled to its own range, in the colours of the overlays; low values are transparent."""
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-12)
    picture = Image.fromarray((scaled * (_LEVELS - 1)).round().astype(np.uint8), "P")
    picture.putpalette(_colours("inferno", _LEVELS).tobytes())
    opacity = np.linspace(0, 255, _LEVELS).round().astype(np.uint8)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", transparency=opacity.tobytes())
    return buffer.getvalue()


def _difference(native: torch.Tensor, high_res: torch.Tensor) -> tuple[Image.Image, float]:
    """Return the enhanced less the native region, both (1, h, w), in colours, and the largest difference."""
    values = (high_res.clamp(0, 1) - resize_like(native, high_res))[0].numpy()
    limit = max(float(np.abs(values).max()), 1e-6)
    colours = _colours("RdBu_r", 256)
    return Image.fromarray(colours[((values / limit + 1) * 127.5).round().astype(np.uint8)]), round(limit, 4)


@lru_cache(maxsize=4)
def _colours(name: str, levels: int) -> np.ndarray:
    """Return the colours (levels, 3) of a colour map of matplotlib, 8 bit."""
    from matplotlib import colormaps

    return (colormaps[name](np.linspace(0, 1, levels))[:, :3] * 255).round().astype(np.uint8)
