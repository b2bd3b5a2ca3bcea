"""One image through working size, regions, enhancer and paste (paper: Methodology 3).

The work is split in two, so that a data set can enhance the regions of many images in one batch: :func:`prepare` cuts
the low-resolution crops, :func:`finish` pastes the enhanced ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch

from ..transforms.geometry import SquareGeometry, map_to_source
from .batching import enhance_batches
from .enhancer import Enhancer, resize, takes_guide
from .fidelity import compare_images, compare_regions, cut
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
        working_size: longer side of the image at the resolution that the enhancer starts from (the paper's: 224);
            ``None``: native pixels.
        feather: ramp inside a region's border, source pixels.
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
        regions: in pixels of ``source``.
        natives: (1, R, C) per region: its pixels in ``source``.
        crops: (1, r, c) per region: the same at working resolution, the enhancer's input.
        generators: noise per region.
        reduction: source pixels per working pixel, at least 1.
        guides: per region what lies around it, for an enhancer that takes a guide; empty for the others.
        flags: what was unusual.
        refused: regions that are gone from the others, because a network gave NaN or infinity for them.
    """

    source: torch.Tensor
    regions: list[Region]
    natives: list[torch.Tensor]
    crops: list[torch.Tensor]
    generators: list[torch.Generator]
    reduction: float
    guides: list[torch.Tensor] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    refused: int = 0


def prepare(
    source: torch.Tensor, attention_map: torch.Tensor, network_size: int, enhancer: Enhancer, settings: EnhanceSettings
) -> Work:
    """Choose regions in the source and cut them; only the crops are reduced to working resolution.

    Args:
        source: (1, H, W) in [0, 1].
        attention_map: (h, w) patch grid of the fitted image.
        network_size: side of the network's input.
        enhancer: its name is part of the seed of a region's noise.
        settings: see :class:`EnhanceSettings`.
    """
    height, width = source.shape[-2:]
    reduction = reduction_of((height, width), settings)
    window = settings.window * max(height, width) / network_size / reduction  # working pixels
    window = max(8, round(window / 8) * 8)  # the diffusion network halves three times
    key = hashlib.sha256(source.numpy().tobytes()).digest()
    seed = seed_of(key, "selector", settings.seed)
    regions, flags = choose(attention_map, (height, width), network_size, round(window * reduction), settings, seed)
    natives = [cut(source, region) for region in regions]
    crops = [reduce_by(native, reduction) for native in natives]
    generators = [
        torch.Generator().manual_seed(seed_of(key, f"{enhancer.name}|{region.box}", settings.seed))
        for region in regions
    ]
    guides = [enhancer.make_guide(source, region.box) for region in regions] if takes_guide(enhancer) else []
    return Work(source, regions, natives, crops, generators, reduction, guides, flags)


def reduction_of(shape: tuple[int, int], settings: EnhanceSettings) -> float:
    """Source pixels per working pixel of an image (height, width), at least 1."""
    return max(1.0, max(shape) / settings.working_size) if settings.working_size else 1.0


def choose(
    attention_map: torch.Tensor,
    shape: tuple[int, int],
    network_size: int,
    window: int,
    settings: EnhanceSettings,
    seed: int,
) -> tuple[list[Region], list[str]]:
    """Regions in source pixels, found on the map at about the network's resolution (finer steps only cost time)."""
    step = max(1, round(max(shape) / network_size))
    small = (-(-shape[0] // step), -(-shape[1] // step))
    attention = map_to_source(attention_map, SquareGeometry(*small, network_size)).numpy()
    found, flags = select_regions(
        settings.selector, attention, count=settings.count, window=max(1, round(window / step)), seed=seed
    )
    rows, columns = min(window, shape[0]), min(window, shape[1])
    regions = []
    for region in found:
        row, column = min(region.row0 * step, shape[0] - rows), min(region.col0 * step, shape[1] - columns)
        regions.append(Region(row, column, row + rows, column + columns, region.score))
    return regions, flags


def keep_finite(work: Work, high_res: Sequence[torch.Tensor]) -> tuple[Work, list[torch.Tensor]]:
    """Without the regions that a network gave NaN or infinity for: there the original pixels stay.

    Returns:
        The image's work with the flag ``not_finite`` when any was refused, and the crops that remain.
    """
    kept = [index for index, crop in enumerate(high_res) if bool(crop.isfinite().all())]
    if len(kept) == len(work.regions):
        return work, list(high_res)
    finite = replace(
        work,
        regions=[work.regions[i] for i in kept],
        natives=[work.natives[i] for i in kept],
        crops=[work.crops[i] for i in kept],
        generators=[work.generators[i] for i in kept],
        guides=[work.guides[i] for i in kept] if work.guides else [],
        flags=[*work.flags, "not_finite"],
        refused=work.refused + len(work.regions) - len(kept),
    )
    return finite, [high_res[i] for i in kept]


def finish(
    work: Work, high_res: Sequence[torch.Tensor], enhancer: Enhancer, settings: EnhanceSettings
) -> tuple[torch.Tensor, dict[str, float | None]]:
    """Paste enhanced regions that are finite, and measure.

    Returns:
        (1, H, W) for ``paste_back``; a whole multiple of it for ``hr_canvas`` where the enhancer's pixels are finer
        than the source's; and PSNR and SSIM figures (see :mod:`.fidelity`) with the number of ``regions_refused``.
    """
    kept, crops = keep_finite(work, high_res)
    factor = max(1, round(enhancer.scale / work.reduction))
    image = paste(kept.source, crops, kept.regions, scale=factor, mode=settings.paste_mode, feather=settings.feather)
    return image, {**measure(kept, crops, image), "regions_refused": kept.refused}


def measure(work: Work, high_res: Sequence[torch.Tensor], image: torch.Tensor) -> dict[str, float | None]:
    """Against the input at working resolution; and, where the source is finer than that, against its native pixels.

    The latter stand beside what interpolating the input would have reached (``…_bicubic_region``).
    """
    size = (work.source.shape[-2], work.source.shape[-1])
    pasted = image if tuple(image.shape[-2:]) == size else resize(image[None], size)[0].clamp(0, 1)
    figures = compare_images(
        "input",
        (reduce_by(pasted, work.reduction), reduce_by(work.source, work.reduction)),
        [(fitted(crop, low_res), low_res) for crop, low_res in zip(high_res, work.crops, strict=True)],
    )
    if work.reduction > 1:
        pairs = [(fitted(crop, native), native) for crop, native in zip(high_res, work.natives, strict=True)]
        figures |= compare_images("truth", (pasted, work.source), pairs)
        interpolated = [(fitted(crop, native), native) for crop, native in zip(work.crops, work.natives, strict=True)]
        figures |= compare_regions("bicubic", interpolated)
    area = np.zeros(size, bool)
    for region in work.regions:
        area[region.row0 : region.row1, region.col0 : region.col1] = True
    return {**figures, "area_fraction": round(float(area.mean()), 4)}


def fitted(crop: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """A crop (1, h, w) at the size of a reference, in [0, 1]."""
    if crop.shape == reference.shape:
        return crop.clamp(0, 1)
    return resize(crop[None], (reference.shape[-2], reference.shape[-1]))[0].clamp(0, 1)


def enhance_regions(work: Sequence[Work], enhancer: Enhancer, batch: int) -> list[list[torch.Tensor]]:
    """High-resolution crops of several images, batched over all their regions of one size."""
    flat = [(number, index) for number, item in enumerate(work) for index in range(len(item.regions))]
    results: dict[tuple[int, int], torch.Tensor] = {}
    for shape in sorted({tuple(work[n].crops[i].shape) for n, i in flat}):
        same = [(n, i) for n, i in flat if tuple(work[n].crops[i].shape) == shape]
        crops = [(work[n].natives if enhancer.needs_native else work[n].crops)[i] for n, i in same]
        generators = [work[n].generators[i] for n, i in same]
        guides = [work[n].guides[i] for n, i in same if work[n].guides]
        high_res = enhance_batches(enhancer, crops, generators, batch, guides)
        results.update(zip(same, high_res, strict=True))
    return [[results[number, index] for index in range(len(item.regions))] for number, item in enumerate(work)]


def reduce_by(image: torch.Tensor, reduction: float) -> torch.Tensor:
    """(1, H, W) -> (1, H / reduction, W / reduction): bicubic, antialiased; 1 leaves it as it is."""
    if reduction == 1:
        return image
    height, width = (max(1, round(length / reduction)) for length in image.shape[-2:])
    return resize(image[None], (height, width))[0].clamp(0, 1)


def seed_of(key: bytes, what: str, seed: int) -> int:
    """Seed from the image's pixels, a name and the run's seed: independent of order and batching."""
    digest = hashlib.sha256(key + f"|{what}|{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
