"""Pictures of the films on which two models disagree: the film, and the map of each model for the label in question.

Both maps are those of the film that the re-trained model was evaluated on, so that they differ by the network alone.
The path of that film comes from the evaluation that has just ended, never from the folder of the base model, which may
be somebody else's.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..attention import default_method, make_attention
from ..common.atomic import atomic_write
from ..common.geometry import SquareGeometry, fit_square, map_to_source
from ..common.page_pictures import grey_picture, jpeg_file, map_file, reduced
from ..dicom import RefusedInput, read_radiograph
from ..networks.loading import load_vit_multilabel, weights_sha256

logger = logging.getLogger(__name__)

_FILM, _MAP = 512, 128  # longest side, in pixels


def draw_disagreement(
    films: Sequence[Mapping[str, Any]],
    images: Sequence[str],
    models: Mapping[str, tuple[Path, str | None]],
    out: Path,
) -> None:
    """Write ``film_N.jpg`` for each film, and ``film_N_MODEL.png``, the map of each model.

    A film that cannot be read has no pictures, and a model whose weights are missing or others than those that were
    evaluated has no maps; the log says which.

    Args:
        films: films by :func:`.disagreement.films_of_disagreement`.
        images: path of the image of each case.
        models: model folder of each model by its name, and the SHA-256 of the weights that were evaluated.
        out: output folder, whose earlier pictures are removed.
    """
    for old in out.glob("film_*"):
        old.unlink()
    read: dict[int, tuple[str, torch.Tensor]] = {}
    for number, film in enumerate(films):
        try:
            read[number] = film["label"], torch.from_numpy(read_radiograph(images[film["case"]]).image)
        except RefusedInput as refusal:
            logger.warning("no picture of case %d in the report: %s", film["case"], refusal)
    for number, (_, image) in read.items():
        with atomic_write(out / f"film_{number}.jpg") as file:
            file.write(jpeg_file(reduced(grey_picture(image[0].numpy()), _FILM)))
    for name, (folder, weights) in models.items():
        if not (folder / "config.json").is_file() or weights_sha256(folder) != weights:
            logger.warning("no maps of the %s model in the report: %s has not the weights evaluated", name, folder)
            continue
        network = load_vit_multilabel(folder.absolute())
        for number, (label, image) in read.items():
            with atomic_write(out / f"film_{number}_{name}.png") as file:
                file.write(map_file(_map_of(network, label, image)))


def _map_of(network: Any, label: str, image: torch.Tensor) -> np.ndarray:
    """Map (h, w) of an image (1, H, W): that of the label if the network has a map for each, else that of all."""
    size = network.image_size
    attention = make_attention(default_method(network), network)
    maps = attention(fit_square(image, size)[None]).maps.detach().float()
    chosen = maps[0, network.labels.index(label)] if attention.per_label else maps[0]
    height, width = image.shape[-2:]
    scale = min(1.0, _MAP / max(height, width))
    geometry = SquareGeometry(max(1, round(height * scale)), max(1, round(width * scale)), size)
    return map_to_source(chosen, geometry).numpy()
