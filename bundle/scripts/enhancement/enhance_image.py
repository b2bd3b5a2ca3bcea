"""One image through working size, regions, enhancer and paste (paper: Methodology 3).

The work is split in two, so that a data set can enhance the regions of many images in one batch: :func:`prepare` cuts
the low-resolution crops, :func:`finish` pastes the enhanced ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import torch

from ..transforms.geometry import SquareGeometry, map_to_source
from .enhancer import Enhancer, resize
from .fidelity import compare_images, cut
from .paste import paste
from .regions import Region, select_regions


@dataclass(frozen=True)
class EnhanceSettings:
    """What decides the pixels of an enhanced image, beside the weights.

    Attributes:
        selector: how regions are chosen (``fixed_windows``, ``quantile``; controls ``random``, ``lowest``).
        count: regions per image.
        window: side of a region, in pixels of the network's input.
        paste_mode: ``paste_back`` or ``hr_canvas``.
        working_size: longer side of the image that regions are cut from (the paper's: 224); ``None``: native pixels.
        feather: ramp inside a region's border, working pixels.
        seed: of the diffusion noise and of the ``random`` selector.
    """

    selector: str = "fixed_windows"
    count: int = 4
    window: int = 64
    paste_mode: str = "paste_back"
    working_size: int | None = 224
    feather: int = 4
    seed: int = 0

    def digest(self) -> str:
        """Hash by which a changed setting is noticed."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


@dataclass
class Work:
    """An image between cutting and pasting.

    Attributes:
        source: (1, H, W) as read.
        working: (1, h, w) that regions are cut from.
        regions: in pixels of ``working``.
        crops: (1, r, c) per region, the enhancer's input.
        truths: (1, s * r, s * c) native pixels per region; empty where the source is no larger than the working image.
        generators: noise per region.
        flags: what was unusual.
    """

    source: torch.Tensor
    working: torch.Tensor
    regions: list[Region]
    crops: list[torch.Tensor]
    truths: list[torch.Tensor]
    generators: list[torch.Generator]
    flags: list[str] = field(default_factory=list)


def prepare(
    source: torch.Tensor, attention_map: torch.Tensor, network_size: int, enhancer: Enhancer, settings: EnhanceSettings
) -> Work:
    """Choose regions and cut them.

    Args:
        source: (1, H, W) in [0, 1].
        attention_map: (h, w) patch grid of the fitted image.
        network_size: side of the network's input.
        enhancer: for its scale.
        settings: see :class:`EnhanceSettings`.
    """
    working = reduce_to(source, settings.working_size)
    height, width = working.shape[-2:]
    geometry = SquareGeometry(height, width, network_size)
    window = max(8, round(settings.window * geometry.scale / 8) * 8)  # the diffusion network needs multiples of 8
    key = hashlib.sha256(source.numpy().tobytes()).digest()
    attention = map_to_source(attention_map, geometry).numpy()
    regions, flags = select_regions(
        settings.selector, attention, count=settings.count, window=window, seed=seed_of(key, "selector", settings.seed)
    )
    truths = []
    if max(source.shape[-2:]) >= enhancer.scale * max(height, width):
        reference = resize(source[None], (height * enhancer.scale, width * enhancer.scale))[0].clamp(0, 1)
        truths = [cut(reference, scaled(region, enhancer.scale)) for region in regions]
    if enhancer.needs_native and not truths:
        flags = [*flags, "native_is_too_small"]
    generators = [torch.Generator().manual_seed(seed_of(key, str(region.box), settings.seed)) for region in regions]
    return Work(source, working, regions, [cut(working, region) for region in regions], truths, generators, flags)


def finish(
    work: Work, high_res: Sequence[torch.Tensor], enhancer: Enhancer, settings: EnhanceSettings
) -> tuple[torch.Tensor, dict[str, float | None]]:
    """Paste enhanced regions, and measure.

    Returns:
        (1, h, w), or larger for ``hr_canvas``; PSNR and SSIM figures (see :mod:`.fidelity`).
    """
    image = paste(
        work.working,
        high_res,
        work.regions,
        scale=enhancer.scale,
        mode=settings.paste_mode,
        feather=settings.feather,
    )
    height, width = work.working.shape[-2:]
    reduced = image if image.shape == work.working.shape else resize(image[None], (height, width))[0]
    figures = compare_images("input", reduced, work.working, work.regions)
    area = np.zeros((height, width), bool)
    for region in work.regions:
        area[region.row0 : region.row1, region.col0 : region.col1] = True
    figures["area_fraction"] = round(float(area.mean()), 4)
    if work.truths:
        pairs = zip(high_res, work.truths, strict=True)
        each = [compare_images("truth", crop.clamp(0, 1), truth, []) for crop, truth in pairs]
        for name in ("psnr", "ssim"):
            values = [row[f"{name}_truth_full"] for row in each]
            known = [value for value in values if value is not None]
            figures[f"{name}_truth_region"] = round(sum(known) / len(known), 4) if known else None
    return image, figures


def enhance_regions(work: Sequence[Work], enhancer: Enhancer, batch: int) -> list[list[torch.Tensor]]:
    """High-resolution crops of several images, batched over all their regions of one size."""
    flat = [(number, index) for number, item in enumerate(work) for index in range(len(item.regions))]
    results: dict[tuple[int, int], torch.Tensor] = {}
    for shape in sorted({tuple(work[n].crops[i].shape) for n, i in flat}):
        same = [(n, i) for n, i in flat if tuple(work[n].crops[i].shape) == shape]
        for start in range(0, len(same), batch):
            part = same[start : start + batch]
            crops = [native_or_low_res(work[n], i, enhancer) for n, i in part]
            high_res = enhancer.enhance(torch.stack(crops), generators=[work[n].generators[i] for n, i in part])
            results.update(zip(part, high_res, strict=True))
    return [[results[number, index] for index in range(len(item.regions))] for number, item in enumerate(work)]


def native_or_low_res(work: Work, index: int, enhancer: Enhancer) -> torch.Tensor:
    """What the enhancer gets for a region: the low-resolution crop, or native pixels for one that asks for them."""
    if not enhancer.needs_native:
        return work.crops[index]
    if work.truths:
        return work.truths[index]
    crop = work.crops[index]
    return resize(crop[None], (crop.shape[-2] * enhancer.scale, crop.shape[-1] * enhancer.scale))[0]


def reduce_to(image: torch.Tensor, size: int | None) -> torch.Tensor:
    """(1, H, W) with its longer side at most ``size``; bicubic, antialiased. A smaller image is left as it is."""
    height, width = image.shape[-2:]
    if size is None or max(height, width) <= size:
        return image
    factor = size / max(height, width)
    return resize(image[None], (max(1, round(height * factor)), max(1, round(width * factor))))[0].clamp(0, 1)


def scaled(region: Region, scale: int) -> Region:
    """The region on a canvas ``scale`` times as large."""
    row0, col0, row1, col1 = (value * scale for value in region.box)
    return Region(row0, col0, row1, col1, region.score)


def seed_of(key: bytes, what: str, seed: int) -> int:
    """Seed from the image's pixels, a name and the run's seed: independent of order and batching."""
    digest = hashlib.sha256(key + f"|{what}|{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
