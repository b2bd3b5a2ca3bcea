"""Cuts the crops that :class:`..networks.zoom.ZoomViT` reads beside the whole image.

A radiograph of 2000 to 3000 pixels contains the detail that super-resolution can only guess, so native pixels are
preferred. A region with fewer pixels than the crop is enlarged by the enhancer (``auto``) or by interpolation
(``native``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..attention import make_attention
from ..common.geometry import SquareGeometry, fit_square
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomSettings, ZoomViT
from ..super_resolution.enhancers.enhancer import Enhancer
from ..super_resolution.enhancers.native import NativeEnhancer
from ..super_resolution.enhancers.registry import make_enhancer
from ..super_resolution.region_enhancer import EnhanceSettings, RegionEnhancer
from ..super_resolution.region_maps import FilmMaps, check_selector, film_maps
from ..super_resolution.regions import MEAN_MAP, Region

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Zoom:
    """Crops of one image.

    Attributes:
        crops: pixels (K, s, s) in [0, 1]; zeros for missing crops, if there are fewer than K regions.
        boxes: (K, 4), row0, col0, row1, col1 as fractions of the network's square input; four zeros for a missing crop.
        regions: regions of the crops, in pixels of the source.
        flags: unusual conditions (``no_attention``, ``small_image``, ``not_finite``).
    """

    crops: torch.Tensor
    boxes: torch.Tensor
    regions: list[Region]
    flags: list[str]


class Zoomer:
    """Cuts crops of the regions that the attention of the frozen guide, or a mean map, chooses.

    Equal images give equal crops, independent of other images in a batch. A region for which the enhancer returns NaN
    or infinity is left out, with a warning.

    Args:
        guide: frozen base model.
        zoom: zoom settings of the network that reads the crops.
        enhancer: enhancer that the sources ``sr`` and ``auto`` need.
        mean_map: map (h, w) for the selector ``mean_map``.

    Raises:
        ValueError: the settings need an enhancer, and it is absent or not the one of the training; the selector is not
            known, or is ``mean_map`` without a map.
    """

    def __init__(
        self,
        guide: ViTMultilabel,
        zoom: ZoomSettings,
        enhancer: Enhancer | None = None,
        mean_map: torch.Tensor | None = None,
    ) -> None:
        if zoom.source != "native":
            _check_enhancer(zoom, enhancer)
        self.guide, self.zoom, self.enhancer = guide, zoom, enhancer
        self.attend = make_attention(zoom.attention, guide)
        check_selector(zoom.selector, mean_map=True)
        self.mean_map = None if mean_map is None else mean_map.cpu()
        if zoom.selector == MEAN_MAP and (self.mean_map is None or not self.mean_map.any()):
            raise ValueError(
                "zoom: the network has no mean map; expected one of its training films for the selector mean_map, "
                "found none; train it with the workflow zooming"
            )

    def __call__(self, source: torch.Tensor) -> Zoom:
        """Cut the crops of an image (1, H, W) in [0, 1]."""
        source = torch.as_tensor(source).as_subclass(torch.Tensor)  # without the metadata of a MetaTensor
        size = self.guide.image_size
        device = next(self.guide.parameters()).device
        if self.zoom.selector == MEAN_MAP:
            assert self.mean_map is not None  # checked at the start
            maps = FilmMaps(self.mean_map[None])
        else:
            # One image at a time, because the composition of a batch changes the last bits of a map.
            output = self.attend(fit_square(source, size)[None].to(device))
            (maps,) = film_maps(output, self.guide.labels)
        zoom = _cut_crops(source, maps, size, self.zoom, self.enhancer)
        if "not_finite" in zoom.flags:
            logger.warning("zoom: %s returned NaN or infinity; those regions are left out", self.zoom.enhancer)
        return zoom

    def inputs(self, sources: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops (B, K, s, s) and boxes (B, K, 4) of images of any sizes."""
        zooms = [self(source) for source in sources]
        return torch.stack([zoom.crops for zoom in zooms]), torch.stack([zoom.boxes for zoom in zooms])


def make_zoomer(network: ZoomViT, folder: str | Path, device: torch.device | str = "cpu") -> Zoomer:
    """Create the zoomer that cuts crops with the settings of a network.

    Args:
        network: network that reads the crops.
        folder: folder of the enhancer's weights, if the network needs an enhancer.
        device: device of the enhancer.

    Raises:
        ValueError: the enhancer in ``folder`` is not the one of the training.
    """
    return Zoomer(network.guide, network.zoom, zoom_enhancer(network.zoom, folder, device), network.mean_map)


def zoom_settings(folder: str | Path, **settings: Any) -> ZoomSettings:
    """Zoom settings of a new network, with the hash of the enhancer's weights.

    Args:
        folder: folder of the enhancer's weights.
        settings: fields of :class:`..networks.zoom.ZoomSettings`.
    """
    zoom = ZoomSettings(**settings)
    enhancer = zoom_enhancer(zoom, folder)
    return zoom if enhancer is None else replace(zoom, enhancer_weights=enhancer.weights_hash)


def zoom_enhancer(zoom: ZoomSettings, folder: str | Path, device: torch.device | str = "cpu") -> Enhancer | None:
    """Load the enhancer that the settings need; ``None`` for native pixels.

    It runs in float32 on every device, because the pixels of the crops are part of the model.
    """
    if zoom.source == "native":
        return None
    return make_enhancer(zoom.enhancer, folder=folder, precision="fp32", device=device)


def _check_enhancer(zoom: ZoomSettings, enhancer: Enhancer | None) -> None:
    """Reject an enhancer other than the one of the training.

    Raises:
        ValueError: the enhancer is absent or another one.
    """
    found = None if enhancer is None else (enhancer.name, enhancer.weights_hash)
    if found != (zoom.enhancer, zoom.enhancer_weights):
        raise ValueError(
            f"zoom: the network was trained with another enhancer; expected {zoom.enhancer} {zoom.enhancer_weights}, "
            f"found {'none' if found is None else ' '.join(found)}; set --sr_model to the folder that the training used"
        )


def _cut_crops(
    source: torch.Tensor, maps: FilmMaps | torch.Tensor, size: int, zoom: ZoomSettings, enhancer: Enhancer | None
) -> Zoom:
    """Cut the crops of the regions that maps choose.

    Args:
        source: image (1, H, W) in [0, 1].
        maps: maps of the film, or one map (h, w), on the patches of the resized image.
        size: S, side of the network's input.
        zoom: settings of the crops.
        enhancer: enhancer that the sources ``sr`` and ``auto`` need.
    """
    native = _is_native(source, size, zoom)
    chosen: Enhancer | None = NativeEnhancer() if native else enhancer
    assert chosen is not None  # checked by _check_enhancer
    settings = EnhanceSettings(
        selector=zoom.selector,
        count=zoom.count,
        window=zoom.window,
        working_size=zoom.working_size if zoom.source == "sr" else None,
        seed=zoom.seed,
    )
    enhanced = RegionEnhancer(chosen, settings)(source, maps, size)
    crops, boxes = torch.zeros(zoom.count, zoom.crop_size, zoom.crop_size), torch.zeros(zoom.count, 4)
    geometry = SquareGeometry(source.shape[-2], source.shape[-1], size)
    for index, (region, crop) in enumerate(zip(enhanced.regions, enhanced.high_res, strict=True)):
        crops[index] = fit_square(crop, zoom.crop_size)[0]
        boxes[index] = torch.tensor(_box_in_square(region, geometry))
    return Zoom(crops, boxes, enhanced.regions, enhanced.flags)


def _is_native(source: torch.Tensor, size: int, zoom: ZoomSettings) -> bool:
    """Whether the regions of an image are taken from its own pixels."""
    pixels = zoom.window * max(source.shape[-2:]) / size
    return zoom.source == "native" or (zoom.source == "auto" and pixels >= zoom.crop_size)


def _box_in_square(region: Region, geometry: SquareGeometry) -> tuple[float, float, float, float]:
    """Box of a crop as fractions of the padded square. A region that is not square is padded in the way of an image."""
    rows, columns = region.row1 - region.row0, region.col1 - region.col0
    crop = SquareGeometry(rows, columns, geometry.size)
    row, column = region.row0 + geometry.top - crop.top, region.col0 + geometry.left - crop.left
    side = geometry.side
    return row / side, column / side, (row + crop.side) / side, (column + crop.side) / side
