"""Source image -> the crops that :class:`..networks.zoom.ZoomViT` reads beside the whole image.

Native pixels come first: a radiograph of 2000 to 3000 pixels has the detail that super-resolution could only guess.
Where a region has fewer pixels than the crop, the enhancer fills it (``auto``), or interpolation does (``native``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..attention.last_layer import attention_maps
from ..common.geometry import SquareGeometry, fit_square
from ..networks.vit_multilabel import ViTMultilabel
from ..networks.zoom import ZoomSettings, ZoomViT
from ..super_resolution.enhancers.enhancer import Enhancer
from ..super_resolution.enhancers.native import NativeEnhancer
from ..super_resolution.enhancers.registry import make_enhancer
from ..super_resolution.region_enhancer import EnhanceSettings, RegionEnhancer
from ..super_resolution.regions import Region

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Zoom:
    """What a network sees of one image at a higher magnification.

    Attributes:
        crops: (K, s, s) in [0, 1]; zeros where there are fewer than K regions.
        boxes: (K, 4) row0, col0, row1, col1 as shares of the network's square input; four zeros for none.
        regions: those that there are, in pixels of the source.
        flags: what was unusual (``no_attention``, ``small_image``, ``not_finite``).
    """

    crops: torch.Tensor
    boxes: torch.Tensor
    regions: list[Region]
    flags: list[str]


class Zoomer:
    """Attention of the frozen guide -> regions -> crops; equal for equal pixels, whatever else is in a batch.

    Regions that the enhancer gives NaN or infinity for are left out, with a warning.

    Args:
        guide: the frozen base model.
        zoom: of the network that gets the crops.
        enhancer: of ``sr`` and ``auto``.

    Raises:
        ValueError: no enhancer where one is needed, or another than the network was trained with.
    """

    def __init__(self, guide: ViTMultilabel, zoom: ZoomSettings, enhancer: Enhancer | None = None) -> None:
        if zoom.source != "native":
            _check_enhancer(zoom, enhancer)
        self.guide, self.zoom, self.enhancer = guide, zoom, enhancer

    def __call__(self, source: torch.Tensor) -> Zoom:
        """Crops of an image (1, H, W) in [0, 1]."""
        source = torch.as_tensor(source).as_subclass(torch.Tensor)  # without the meta of a MetaTensor
        size = self.guide.image_size
        device = next(self.guide.parameters()).device
        # One image at a time: what it is batched with would change the last bits of its map.
        _, maps = attention_maps(self.guide, fit_square(source, size)[None].to(device))
        zoom = _cut_crops(source, maps[0].cpu(), size, self.zoom, self.enhancer)
        if "not_finite" in zoom.flags:
            logger.warning("zoom: %s gave NaN or infinity; those regions are not read", self.zoom.enhancer)
        return zoom

    def inputs(self, sources: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops (B, K, s, s) and boxes (B, K, 4) of images of any sizes."""
        zooms = [self(source) for source in sources]
        return torch.stack([zoom.crops for zoom in zooms]), torch.stack([zoom.boxes for zoom in zooms])


def make_zoomer(network: ZoomViT, folder: str | Path, device: torch.device | str = "cpu") -> Zoomer:
    """What cuts the crops of a network as in its training.

    Args:
        network: loaded, or about to be trained.
        folder: of the enhancer's weights, where the network needs one.
        device: of the enhancer.

    Raises:
        ValueError: the enhancer in ``folder`` is not the one of the training.
    """
    return Zoomer(network.guide, network.zoom, zoom_enhancer(network.zoom, folder, device))


def zoom_settings(folder: str | Path, **settings: Any) -> ZoomSettings:
    """Settings of a new network, with the hash of the enhancer's weights.

    Args:
        folder: of the enhancer's weights.
        settings: fields of :class:`..networks.zoom.ZoomSettings`.
    """
    zoom = ZoomSettings(**settings)
    enhancer = zoom_enhancer(zoom, folder)
    return zoom if enhancer is None else replace(zoom, enhancer_weights=enhancer.weights_hash)


def zoom_enhancer(zoom: ZoomSettings, folder: str | Path, device: torch.device | str = "cpu") -> Enhancer | None:
    """The enhancer of ``sr`` and ``auto``, in float32 whatever the hardware has: its pixels are part of the model."""
    if zoom.source == "native":
        return None
    return make_enhancer(zoom.enhancer, folder=folder, precision="fp32", device=device)


def _check_enhancer(zoom: ZoomSettings, enhancer: Enhancer | None) -> None:
    """Refuse to show a network what another enhancer made.

    Raises:
        ValueError: naming both.
    """
    found = None if enhancer is None else (enhancer.name, enhancer.weights_hash)
    if found != (zoom.enhancer, zoom.enhancer_weights):
        raise ValueError(
            f"zoom: the crops need another enhancer; expected {zoom.enhancer} {zoom.enhancer_weights}, found "
            f"{'none' if found is None else ' '.join(found)}; set --sr_model to the folder that the training used"
        )


def _cut_crops(
    source: torch.Tensor, attention_map: torch.Tensor, size: int, zoom: ZoomSettings, enhancer: Enhancer | None
) -> Zoom:
    """Crops of the regions that a map chooses.

    Args:
        source: (1, H, W) in [0, 1].
        attention_map: (h, w) patch grid of the fitted image.
        size: S, side of the network's input.
        zoom: what to cut.
        enhancer: of ``sr`` and ``auto``.
    """
    native = _is_native(source, size, zoom)
    chosen: Enhancer | None = NativeEnhancer() if native else enhancer
    assert chosen is not None  # see check_enhancer
    settings = EnhanceSettings(
        selector=zoom.selector,
        count=zoom.count,
        window=zoom.window,
        working_size=zoom.working_size if zoom.source == "sr" else None,
        seed=zoom.seed,
    )
    enhanced = RegionEnhancer(chosen, settings)(source, attention_map, size)
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
    """Box of a crop as shares of the padded square; a region that is no square is padded like an image."""
    rows, columns = region.row1 - region.row0, region.col1 - region.col0
    crop = SquareGeometry(rows, columns, geometry.size)
    row, column = region.row0 + geometry.top - crop.top, region.col0 + geometry.left - crop.left
    side = geometry.side
    return row / side, column / side, (row + crop.side) / side, (column + crop.side) / side
