"""Super-resolution of the attended regions of an image (paper: Methodology 3).

:class:`RegionEnhancer` selects regions by an attention map, enhances them, pastes them into the image and measures the
result. The MONAI transform, the enhancement of data sets, prediction, zoom and the experiments all use it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from ..common.setting_checks import check_settings
from .enhancers.batching import enhance_batches
from .enhancers.enhancer import Enhancer, takes_guide
from .fidelity import compare_images, compare_regions, cut
from .film_regions import select_film_regions
from .paste import paste as paste_regions
from .region_maps import FilmMaps
from .regions import Region
from .resampling import resize

DESCRIPTION = "attention-guided super-resolution of regions; synthetic detail, not for primary diagnosis"

_REGION_BATCH = 32


@dataclass(frozen=True)
class EnhanceSettings:
    """Settings that, together with the weights, determine the pixels of an enhanced image.

    Attributes:
        selector: selection method: ``fixed_windows``, ``quantile``, or one of the controls ``random``, ``lowest`` and
            ``mean_map``.
        count: number of regions per image.
        window: side of a region, in pixels of the network's input.
        paste_mode: ``paste_back`` or ``hr_canvas``.
        working_size: longer side of the image, in pixels, at the resolution that the enhancer starts from (224 in the
            paper); ``None`` for the native resolution.
        feather: width of the blending ramp inside the border of a region, in source pixels.
        seed: seed of the diffusion noise and of the ``random`` selector.
    """

    selector: str = "fixed_windows"
    count: int = 4
    window: int = 64
    paste_mode: str = "paste_back"
    working_size: int | None = 224
    feather: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        settings = {name: getattr(self, name) for name in ("window", "working_size", "feather", "seed")}
        check_settings({"region_count": self.count, **settings})

    def digest(self) -> str:
        """Hash of all settings; it differs if any setting differs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class ChosenRegions:
    """Image with its selected regions, before enhancement.

    Attributes:
        source: image (1, H, W) in [0, 1] at its original size.
        regions: R regions in pixels of ``source``.
        natives: R crops (1, r, c) of ``source``.
        low_res: R crops (1, h, w) at working resolution, the input of the enhancer.
        generators: R random generators for the noise of the enhancer.
        reduction: source pixels per working pixel, at least 1.
        guides: R guides for an enhancer that takes guides, otherwise empty.
        flags: flags of the selector, for example ``no_attention``.
    """

    source: torch.Tensor
    regions: list[Region]
    natives: list[torch.Tensor]
    low_res: list[torch.Tensor]
    generators: list[torch.Generator]
    reduction: float
    guides: list[torch.Tensor] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


@dataclass
class EnhancedRegions:
    """Image with its enhanced regions, before pasting.

    Attributes:
        source: image (1, H, W) in [0, 1] at its original size.
        regions: R regions in pixels of ``source``.
        natives: R crops (1, r, c) of ``source``.
        low_res: R crops (1, h, w) at working resolution.
        high_res: R enhanced crops (1, s * h, s * w) without NaN or infinity.
        reduction: source pixels per working pixel, at least 1.
        flags: flags of the selector, and ``not_finite`` if regions were rejected.
        rejected: number of regions that were left out because the enhancer returned NaN or infinity.
    """

    source: torch.Tensor
    regions: list[Region]
    natives: list[torch.Tensor]
    low_res: list[torch.Tensor]
    high_res: list[torch.Tensor]
    reduction: float
    flags: list[str]
    rejected: int


class RegionEnhancer:
    """Super-resolution of the regions that an attention map points to.

    Args:
        enhancer: super-resolution method.
        settings: how regions are selected and pasted; default: the recommended settings.
        batch: largest number of regions that the enhancer gets at once.
    """

    def __init__(
        self, enhancer: Enhancer, settings: EnhanceSettings | None = None, *, batch: int = _REGION_BATCH
    ) -> None:
        self.enhancer, self.settings, self.batch = enhancer, settings or EnhanceSettings(), batch

    def __call__(self, source: torch.Tensor, maps: FilmMaps | torch.Tensor, network_size: int) -> EnhancedRegions:
        """Select and enhance the regions of one image; the arguments are those of :meth:`choose`."""
        (enhanced,) = self.enhance([self.choose(source, maps, network_size)])
        return enhanced

    def choose(self, source: torch.Tensor, maps: FilmMaps | torch.Tensor, network_size: int) -> ChosenRegions:
        """Select regions and cut them from the image; only the crops are reduced to working resolution.

        Args:
            source: image (1, H, W) in [0, 1] at its original size.
            maps: maps of the film, or one map (h, w), on the patch grid of the network's square input.
            network_size: side of the network's input, in pixels.

        Raises:
            ValueError: the selector is not known.
        """
        film = maps if isinstance(maps, FilmMaps) else FilmMaps(maps[None])
        height, width = source.shape[-2:]
        reduction = reduction_of((height, width), self.settings)
        window = self.settings.window * max(height, width) / network_size / reduction  # working pixels
        window = max(8, round(window / 8) * 8)  # the diffusion network halves three times
        key = hashlib.sha256(source.numpy().tobytes()).digest()
        regions, flags = select_film_regions(
            film,
            (height, width),
            network_size,
            selector=self.settings.selector,
            count=self.settings.count,
            window=round(window * reduction),
            seed=seed_of(key, "selector", self.settings.seed),
        )
        return self.cut(source, regions, flags)

    def cut(self, source: torch.Tensor, regions: Sequence[Region], flags: Sequence[str] = ()) -> ChosenRegions:
        """Cut given regions from an image (1, H, W) in [0, 1]."""
        reduction = reduction_of((source.shape[-2], source.shape[-1]), self.settings)
        key = hashlib.sha256(source.numpy().tobytes()).digest()
        natives = [cut(source, region) for region in regions]
        low_res = [reduce_by(native, reduction) for native in natives]
        generators = [
            torch.Generator().manual_seed(seed_of(key, f"{self.enhancer.name}|{region.box}", self.settings.seed))
            for region in regions
        ]
        enhancer = self.enhancer
        guides = [enhancer.make_guide(source, region.box) for region in regions] if takes_guide(enhancer) else []
        return ChosenRegions(source, list(regions), natives, low_res, generators, reduction, guides, list(flags))

    def enhance(self, chosen: Sequence[ChosenRegions]) -> list[EnhancedRegions]:
        """Enhance the regions of several images; regions of equal size share batches.

        Raises:
            MemoryError: a single region does not fit into memory.
        """
        flat = [(number, index) for number, item in enumerate(chosen) for index in range(len(item.regions))]
        results: dict[tuple[int, int], torch.Tensor] = {}
        for shape in sorted({tuple(chosen[n].low_res[i].shape) for n, i in flat}):
            same = [(n, i) for n, i in flat if tuple(chosen[n].low_res[i].shape) == shape]
            crops = [(chosen[n].natives if self.enhancer.needs_native else chosen[n].low_res)[i] for n, i in same]
            generators = [chosen[n].generators[i] for n, i in same]
            guides = [chosen[n].guides[i] for n, i in same if chosen[n].guides]
            high_res = enhance_batches(self.enhancer, crops, generators, self.batch, guides)
            results.update(zip(same, high_res, strict=True))
        return [
            _finite(item, [results[number, index] for index in range(len(item.regions))])
            for number, item in enumerate(chosen)
        ]

    def paste(self, enhanced: EnhancedRegions) -> tuple[torch.Tensor, dict[str, float | None]]:
        """Paste the enhanced regions into their image and measure the result.

        Returns:
            Image (1, f * H, f * W), and its metrics: PSNR and SSIM (see :mod:`.fidelity`), ``area_fraction`` and
            ``regions_refused``. The factor f is 1 for ``paste_back``; for ``hr_canvas`` it is the whole number of
            enhanced pixels per source pixel, at least 1.
        """
        factor = max(1, round(self.enhancer.scale / enhanced.reduction))
        image = paste_regions(
            enhanced.source,
            enhanced.high_res,
            enhanced.regions,
            scale=factor,
            mode=self.settings.paste_mode,
            feather=self.settings.feather,
        )
        return image, {**_measure(enhanced, image), "regions_refused": enhanced.rejected}


def reduction_of(shape: tuple[int, int], settings: EnhanceSettings) -> float:
    """Source pixels per working pixel of an image (height, width), at least 1."""
    return max(1.0, max(shape) / settings.working_size) if settings.working_size else 1.0


def _finite(chosen: ChosenRegions, high_res: Sequence[torch.Tensor]) -> EnhancedRegions:
    """Leave out regions for which the enhancer returned NaN or infinity; their original pixels are kept."""
    kept = [index for index, crop in enumerate(high_res) if bool(crop.isfinite().all())]
    rejected = len(chosen.regions) - len(kept)
    return EnhancedRegions(
        chosen.source,
        regions=[chosen.regions[i] for i in kept],
        natives=[chosen.natives[i] for i in kept],
        low_res=[chosen.low_res[i] for i in kept],
        high_res=[high_res[i] for i in kept],
        reduction=chosen.reduction,
        flags=[*chosen.flags, *(["not_finite"] if rejected else [])],
        rejected=rejected,
    )


def _measure(enhanced: EnhancedRegions, image: torch.Tensor) -> dict[str, float | None]:
    """PSNR and SSIM against the enhancer's input and, if the source is finer, against its native pixels.

    For comparison with the latter, bicubic interpolation of the input is measured too (``…_bicubic_region``).
    """
    size = (enhanced.source.shape[-2], enhanced.source.shape[-1])
    pasted = image if tuple(image.shape[-2:]) == size else resize(image[None], size)[0].clamp(0, 1)
    metrics = compare_images(
        "input",
        (reduce_by(pasted, enhanced.reduction), reduce_by(enhanced.source, enhanced.reduction)),
        [
            (resize_like(crop, low_res), low_res)
            for crop, low_res in zip(enhanced.high_res, enhanced.low_res, strict=True)
        ],
    )
    if enhanced.reduction > 1:
        pairs = [
            (resize_like(crop, native), native)
            for crop, native in zip(enhanced.high_res, enhanced.natives, strict=True)
        ]
        metrics |= compare_images("truth", (pasted, enhanced.source), pairs)
        interpolated = [
            (resize_like(crop, native), native) for crop, native in zip(enhanced.low_res, enhanced.natives, strict=True)
        ]
        metrics |= compare_regions("bicubic", interpolated)
    area = np.zeros(size, bool)
    for region in enhanced.regions:
        area[region.row0 : region.row1, region.col0 : region.col1] = True
    return {**metrics, "area_fraction": round(float(area.mean()), 4)}


def resize_like(crop: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Resize a crop (1, h, w) to the size of a reference and clip it to [0, 1]."""
    if crop.shape == reference.shape:
        return crop.clamp(0, 1)
    return resize(crop[None], (reference.shape[-2], reference.shape[-1]))[0].clamp(0, 1)


def reduce_by(image: torch.Tensor, reduction: float) -> torch.Tensor:
    """Reduce (1, H, W) to (1, H / reduction, W / reduction) with antialiased bicubic interpolation."""
    if reduction == 1:
        return image
    height, width = (max(1, round(length / reduction)) for length in image.shape[-2:])
    return resize(image[None], (height, width))[0].clamp(0, 1)


def seed_of(key: bytes, what: str, seed: int) -> int:
    """Seed derived from the image's pixels, a name and the seed of the run, independent of order and batches."""
    digest = hashlib.sha256(key + f"|{what}|{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
