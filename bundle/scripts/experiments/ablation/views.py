"""Network inputs of an image in every arm; regions and enhanced crops are made once and shared by the arms."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from ...common.geometry import SquareGeometry, fit_square
from ...dicom import read_radiograph
from ...super_resolution.enhancers.enhancer import Enhancer
from ...super_resolution.paste import paste
from ...super_resolution.region_enhancer import (
    ChosenRegions,
    EnhancedRegions,
    EnhanceSettings,
    RegionEnhancer,
    reduce_by,
)
from ...super_resolution.regions import MEAN_MAP, Region
from .arms import FULL, View

Box = tuple[float, float, float, float]  # row0, col0, row1, col1, as fractions of the padded square
MakeEnhancer = Callable[[str, bool], Enhancer]


@dataclass(frozen=True)
class SourceImage:
    """Image of the experiment.

    Attributes:
        truth: image (1, H, W) as read; only ``native`` regions are cut from it.
        image: image (1, h, w) that all arms start from, possibly reduced.
    """

    truth: torch.Tensor
    image: torch.Tensor


def _make_source(truth: torch.Tensor, source_size: int | None) -> SourceImage:
    """Source of an image whose longer side is reduced to ``source_size`` pixels; ``None``: not reduced."""
    longer = max(truth.shape[-2:])
    if source_size is None or longer <= source_size:
        return SourceImage(truth, truth)
    return SourceImage(truth, reduce_by(truth, longer / source_size))


def read_source(path: str | Path, source_size: int | None) -> SourceImage:
    """Source image of a file.

    Raises:
        RefusedInput: the file cannot be read.
    """
    return _make_source(torch.from_numpy(read_radiograph(path).image), source_size)


@dataclass(frozen=True)
class NetworkInputs:
    """Network inputs of one view.

    Attributes:
        whole: whole image (1, S, S).
        windows: regions in ``whole``.
        crops: crop (1, s, s) of each region; empty unless the mode of the view is ``zoom``.
        seconds: time of choosing, enhancing and resizing the regions.
    """

    whole: torch.Tensor
    windows: list[Box]
    crops: list[torch.Tensor]
    seconds: float


@dataclass
class Viewer:
    """Makes the views of one image.

    Attributes:
        source: source image.
        attention: attention map (h, w) of the network, which decides the regions.
        image_size: side S of the input for a view without a size of its own, in pixels.
        settings: number, size and ramp of the regions, and the seed of noise and of random regions.
        enhancer_of: function that returns the enhancer of a name, with or without data consistency.
        mean_map: mean attention map (h, w) of the training images of other patients, for the selector ``mean_map``.
        zoom_size: side of an enlarged region in the mode ``zoom``, in pixels; ``None`` takes that of the input.
    """

    source: SourceImage
    attention: torch.Tensor
    image_size: int
    settings: EnhanceSettings
    enhancer_of: MakeEnhancer
    mean_map: torch.Tensor | None = None
    zoom_size: int | None = None
    done: dict[tuple[str, str, bool, int], tuple[EnhancedRegions, float]] = field(default_factory=dict)

    def picture(self, view: View, noise_seed: int = 0) -> torch.Tensor:
        """Whole image (1, h, w) of a view before resizing; larger than the source in the mode ``hr_canvas``."""
        image = self.source.image
        if view.mode not in ("paste_back", "hr_canvas"):
            return image
        enhanced, _ = self.enhanced(view, noise_seed)
        scale = self.enhancer_of(view.enhancer, view.data_consistency).scale
        feather = self.settings.feather
        return paste(image, enhanced.high_res, enhanced.regions, scale=scale, mode=view.mode, feather=feather)

    def network_inputs(self, view: View, noise_seed: int = 0) -> NetworkInputs:
        """Network inputs of a view."""
        size = view.image_size or self.image_size
        enhanced, seconds = self.enhanced(view, noise_seed)
        started = time.perf_counter()
        whole = fit_square(self.picture(view, noise_seed), size)
        side = self.zoom_size or size
        crops = [fit_square(crop.clamp(0, 1), side) for crop in enhanced.high_res] if view.mode == "zoom" else []
        windows = [window(region, self.source.image) for region in enhanced.regions]
        return NetworkInputs(whole, windows, crops, seconds + time.perf_counter() - started)

    def enhanced(self, view: View, noise_seed: int) -> tuple[EnhancedRegions, float]:
        """Enhanced regions, made once for all views that share them, and the time in seconds that they took."""
        if view.mode == "global":  # its regions only decide which patches the features average
            view = View("global", "identity", "fixed_windows")
        key = (view.enhancer, view.selector, view.data_consistency, noise_seed if view.random else 0)
        if key not in self.done:
            started = time.perf_counter()
            enhancer = self.enhancer_of(view.enhancer, view.data_consistency)
            region_enhancer = RegionEnhancer(
                enhancer, replace(self.settings, selector=view.selector, seed=noise_seed, working_size=None)
            )
            chosen = self.choose(region_enhancer)
            if enhancer.name == "native":
                chosen.natives = [_true_pixels(self.source, region) for region in chosen.regions]
            (enhanced,) = region_enhancer.enhance([chosen])
            self.done[key] = enhanced, time.perf_counter() - started
        return self.done[key]

    def choose(self, region_enhancer: RegionEnhancer) -> ChosenRegions:
        """Regions of the source image by the selector of the settings; ``FULL`` is the whole image as one region."""
        image = self.source.image
        if region_enhancer.settings.selector == FULL:
            whole = region_enhancer.cut(image, [Region(0, 0, image.shape[-2], image.shape[-1])])
            return replace(whole, generators=[self.noise_of_first_window(region_enhancer)])
        if region_enhancer.settings.selector == MEAN_MAP:
            assert self.mean_map is not None  # the learners compute it where an arm needs it
            return region_enhancer.choose(image, self.mean_map, self.image_size)
        return region_enhancer.choose(image, self.attention, self.image_size)

    def noise_of_first_window(self, region_enhancer: RegionEnhancer) -> torch.Generator:
        """Generator of the window of an all-zero map; it keeps the noise equal to that of earlier versions."""
        settings = replace(region_enhancer.settings, selector=self.settings.selector)
        chosen = RegionEnhancer(region_enhancer.enhancer, settings).choose(
            self.source.image, torch.zeros(1, 1), self.image_size
        )
        return chosen.generators[0]


def _true_pixels(source: SourceImage, region: Region) -> torch.Tensor:
    """Pixels (1, R, C) of the truth in a region of the source image; regions of one size give crops of one size."""
    rows, columns = (
        _span(low, high, source.truth.shape[axis], source.image.shape[axis])
        for axis, low, high in ((-2, region.row0, region.row1), (-1, region.col0, region.col1))
    )
    return source.truth[:, rows, columns]


def _span(low: int, high: int, true_length: int, length: int) -> slice:
    """Pixels of the truth from ``low`` to ``high`` of ``length``; their number depends only on ``high - low``."""
    scale = true_length / length
    count = round((high - low) * scale)
    start = min(round(low * scale), true_length - count)
    return slice(start, start + count)


def window(region: Region, image: torch.Tensor) -> Box:
    """Box of a region as fractions of the padded square."""
    geometry = SquareGeometry(image.shape[-2], image.shape[-1], 1)
    row, column, side = geometry.top, geometry.left, geometry.side
    return (
        (region.row0 + row) / side,
        (region.col0 + column) / side,
        (region.row1 + row) / side,
        (region.col1 + column) / side,
    )
