"""Metrics of one enhancer on one radiograph, against the truth and against the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...super_resolution.cost import Cost
from ...super_resolution.enhancers.batching import enhance_batches
from ...super_resolution.enhancers.enhancer import Enhancer, takes_guide
from ...super_resolution.fidelity import compare_images, cut, mean, psnr
from ...super_resolution.paste import paste
from ...super_resolution.region_enhancer import seed_of
from ...super_resolution.resampling import degrade, resize
from .edges import edge_width
from .errors import error_rates
from .gradients import gradient_similarity
from .spectrum import compare_spectra
from .sr_protocol import SCALE, DegradedCase, enlarged

Metrics = dict[str, float | None]


@dataclass(frozen=True)
class SREvaluationSettings:
    """Settings of the enhancement.

    Attributes:
        region_batch: number of regions in a batch.
        feather: width of the ramp inside the border of a pasted region, in pixels of the input.
        seeds: number of results with different noise, for their deviation; 1 leaves out the deviation.
        seed: first seed of the noise.
        device: device of the enhancers.
    """

    region_batch: int = 16
    feather: int = 4
    seeds: int = 4
    seed: int = 0
    device: torch.device | str = "cpu"


@dataclass(frozen=True)
class RegionExample:
    """Images (1, h, w) of one region for a figure; ``deviation`` is over the seeds, ``None`` for a single seed."""

    low_res: torch.Tensor
    bicubic: torch.Tensor
    enhanced: torch.Tensor
    truth: torch.Tensor
    deviation: torch.Tensor | None


def score_enhancer(
    enhancer: Enhancer, case: DegradedCase, settings: SREvaluationSettings
) -> tuple[Metrics, RegionExample | None]:
    """Enhance the regions of a case and compute the metrics.

    Args:
        enhancer: enhancer of scale 4. One that takes native pixels gets the truth and shows the best possible result.
        case: radiograph with a known truth.
        settings: settings of the enhancement.

    Returns:
        Means over the regions, named as in :func:`_region_metrics` and :func:`_whole_metrics`; and an example, ``None``
        if every region was rejected.
    """
    truths, low_res = regions_of(case)
    inputs = truths if enhancer.needs_native else low_res
    generators = [generator_of(case, enhancer, index, settings.seed) for index in range(len(inputs))]
    guides = _guides_of(case, enhancer, range(len(inputs)))
    with Cost(settings.device) as cost:
        results = enhance_batches(enhancer, inputs, generators, settings.region_batch, guides)
    finite = [index for index, result in enumerate(results) if bool(result.isfinite().all())]
    kept = [results[index].clamp(0, 1) for index in finite]
    at_once = min(settings.region_batch, len(inputs))
    metrics: Metrics = {
        **_region_metrics([(kept[i], truths[n], low_res[n]) for i, n in enumerate(finite)]),
        **_whole_metrics(case, kept, finite, [_interpolated(low_res[n]) for n in finite], settings.feather),
        "seconds_per_region": cost.seconds / len(inputs),
        "peak_mb_per_region": None if cost.peak_mb is None else cost.peak_mb / at_once,
        "regions": len(inputs),
        "regions_refused": len(inputs) - len(finite),
    }
    if not finite:
        return metrics, None
    middle = finite[len(finite) // 2]  # the first region lies in a corner of the film
    deviation = _deviation_over_seeds(enhancer, case, inputs[middle], middle, settings)
    metrics["seed_deviation"] = None if deviation is None else float(deviation.mean())
    enhanced = kept[len(finite) // 2]
    return metrics, RegionExample(low_res[middle], _interpolated(low_res[middle]), enhanced, truths[middle], deviation)


def regions_of(case: DegradedCase) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Truth (1, 4 h, 4 w) and input (1, h, w) of each region."""
    truths = [cut(case.truth, enlarged(region)) for region in case.regions]
    # As in the pipeline, each region is reduced alone; one cut from the reduced image would include its neighbours.
    return truths, [degrade(truth[None], SCALE)[0].clamp(0, 1) for truth in truths]


def _region_metrics(regions: Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> Metrics:
    """Metrics of (result, truth, input) triples, each (1, h, w).

    The metrics are ``gradient_similarity``; ``nps_…`` (see :mod:`.spectrum`); ``edge_width`` in pixels and
    ``edge_width_ratio``, its ratio to that of the truth; ``hallucination_rate`` and ``loss_rate``; ``consistency_db``,
    the PSNR of the reduced result and the input, and ``consistency_min_db``, the PSNR of the worst region.
    """
    widths = [(edge_width(result, truth), edge_width(truth, truth)) for result, truth, _ in regions]
    ratios = [found / expected if found and expected else None for found, expected in widths]
    rates = [error_rates(result, truth, SCALE) for result, truth, _ in regions]
    consistency = [psnr(degrade(result[None], SCALE)[0], low_res) for result, _, low_res in regions]
    return {
        "gradient_similarity": mean([gradient_similarity(result, truth) for result, truth, _ in regions]),
        **(compare_spectra([(result, truth) for result, truth, _ in regions]) if regions else {}),
        "edge_width": mean([found for found, _ in widths]),
        "edge_width_ratio": mean(ratios),
        "hallucination_rate": mean([rate["hallucination_rate"] for rate in rates]),
        "loss_rate": mean([rate["loss_rate"] for rate in rates]),
        "consistency_db": mean(consistency),
        "consistency_min_db": min(consistency, default=None),
    }


def _whole_metrics(
    case: DegradedCase,
    results: Sequence[torch.Tensor],
    indices: Sequence[int],
    inputs: Sequence[torch.Tensor],
    feather: int,
) -> Metrics:
    """PSNR and SSIM in the regions and of the whole image, which is interpolated outside the regions.

    ``…_truth_…`` compares with the truth. ``…_input_…`` compares with the interpolated input and shows how much was
    changed, but not whether the change is right.
    """
    regions = [case.regions[index] for index in indices]
    whole = paste(case.low_res, results, regions, scale=SCALE, mode="hr_canvas", feather=feather)
    given = _interpolated(case.low_res)
    truths = [cut(case.truth, enlarged(region)) for region in regions]
    return {
        **compare_images("truth", (whole, case.truth), list(zip(results, truths, strict=True))),
        **compare_images("input", (whole, given), list(zip(results, inputs, strict=True))),
    }


def _deviation_over_seeds(
    enhancer: Enhancer, case: DegradedCase, image: torch.Tensor, index: int, settings: SREvaluationSettings
) -> torch.Tensor | None:
    """Standard deviation (1, h, w) of each pixel of a region over results with different noise."""
    if settings.seeds < 2:
        return None
    seeds = range(settings.seed, settings.seed + settings.seeds)
    generators = [generator_of(case, enhancer, index, seed) for seed in seeds]
    guides = _guides_of(case, enhancer, [index] * settings.seeds)
    results = enhance_batches(enhancer, [image] * settings.seeds, generators, settings.region_batch, guides)
    return torch.stack(results).clamp(0, 1).std(dim=0)


def generator_of(case: DegradedCase, enhancer: Enhancer, index: int, seed: int) -> torch.Generator:
    """Generator of the noise of one region, as in :mod:`...super_resolution.region_enhancer`."""
    what = f"{enhancer.name}|{case.regions[index].box}"
    return torch.Generator().manual_seed(seed_of(case.key, what, seed))


def _guides_of(case: DegradedCase, enhancer: Enhancer, indices: Sequence[int]) -> list[torch.Tensor]:
    """Surroundings of regions in the reduced image, for an enhancer that takes a guide; empty for any other."""
    if not takes_guide(enhancer):
        return []
    return [enhancer.make_guide(case.low_res, case.regions[index].box) for index in indices]


def _interpolated(low_res: torch.Tensor) -> torch.Tensor:
    """Bicubic interpolation (1, 4 h, 4 w), in [0, 1], of an image (1, h, w)."""
    return resize(low_res[None], (SCALE * low_res.shape[-2], SCALE * low_res.shape[-1]))[0].clamp(0, 1)
