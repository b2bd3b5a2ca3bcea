"""Pictures of a film for the page: the radiograph, its maps, and each region before and after enhancement.

A film with four regions and one map weighs 130 to 180 kB. No film may weigh more than 400 kB, so the photographs of a
noisy film are written coarser and smaller.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image

from ...common.geometry import SquareGeometry, map_to_source
from ...common.page_pictures import grey_picture, jpeg_file, map_file, reduced
from ...super_resolution.region_pictures import region_pictures
from ..study_prediction import StudyPrediction

_FILM, _THUMBNAIL, _REGION, _MAP = 1024, 96, 384, 64  # longest side, in pixels
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
    film = grey_picture(prediction.image)
    photographs = {"film.jpg": reduced(film, _FILM), "thumbnail.jpg": reduced(film, _THUMBNAIL)}
    maps = {f"{name}.png": map_file(values) for name, values in _maps(prediction)}
    regions = []
    for number, box in enumerate(prediction.regions):
        crops = _crops(prediction, box)
        limit = None
        if crops is not None:
            versions, largest = region_pictures(*crops)
            limit = round(largest, 4)
            for name, picture in versions.items():
                photographs[f"region_{number}_{name}.jpg"] = reduced(picture, _REGION)
        regions.append({"difference": limit})
    return {**_written(photographs, _HEAVIEST - sum(map(len, maps.values()))), **maps}, regions


def _written(photographs: dict[str, Image.Image], heaviest: int) -> dict[str, bytes]:
    """Return the photographs as JPEG files, as fine as ``heaviest`` bytes for all of them allow.

    The last step is taken whatever it weighs: a film with very many regions is shown, not left out.
    """
    files: dict[str, bytes] = {}
    for share, quality in _STEPS:
        files = {
            name: jpeg_file(reduced(picture, max(1, round(share * max(picture.size)))), quality)
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
