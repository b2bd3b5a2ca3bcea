"""One enhancer on one radiograph: every figure, against the truth and against the input."""

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
    """How an enhancer is run.

    Attributes:
        region_batch: regions at once.
        feather: ramp inside a region's border in the whole image, pixels of the input.
        seeds: results of different noise, for the variance; 1 leaves it out.
        seed: of the noise, the first of ``seeds``.
        device: where enhancers run.
    """

    region_batch: int = 16
    feather: int = 4
    seeds: int = 4
    seed: int = 0
    device: torch.device | str = "cpu"


@dataclass(frozen=True)
class RegionExample:
    """One region for a figure, (1, h, w) each; ``deviation`` is that of a pixel over the seeds, ``None`` for one."""

    low_res: torch.Tensor
    bicubic: torch.Tensor
    enhanced: torch.Tensor
    truth: torch.Tensor
    deviation: torch.Tensor | None


def score_enhancer(
    enhancer: Enhancer, case: DegradedCase, settings: SREvaluationSettings
) -> tuple[Metrics, RegionExample | None]:
    """Enhance the regions of a case and measure.

    Args:
        enhancer: of scale 4. One that takes native pixels gets the truth: it is the bound, not a competitor.
        case: see :mod:`.sr_protocol`.
        settings: see :class:`SREvaluationSettings`.

    Returns:
        Means over the regions, named in :func:`_region_metrics` and :func:`_whole_metrics`; and an example, ``None``
        when every region was refused.
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
    figures: Metrics = {
        **_region_metrics([(kept[i], truths[n], low_res[n]) for i, n in enumerate(finite)]),
        **_whole_metrics(case, kept, finite, [_interpolated(low_res[n]) for n in finite], settings.feather),
        "seconds_per_region": cost.seconds / len(inputs),
        "peak_mb_per_region": None if cost.peak_mb is None else cost.peak_mb / at_once,
        "regions": len(inputs),
        "regions_refused": len(inputs) - len(finite),
    }
    if not finite:
        return figures, None
    middle = finite[len(finite) // 2]  # the first lies in a corner of the film
    deviation = _deviation_over_seeds(enhancer, case, inputs[middle], middle, settings)
    figures["seed_deviation"] = None if deviation is None else float(deviation.mean())
    enhanced = kept[len(finite) // 2]
    return figures, RegionExample(low_res[middle], _interpolated(low_res[middle]), enhanced, truths[middle], deviation)


def regions_of(case: DegradedCase) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Truth (1, 4 h, 4 w) and input (1, h, w) of each region."""
    truths = [cut(case.truth, enlarged(region)) for region in case.regions]
    # Reduced by themselves, as in the pipeline: cut from the reduced image, their borders would know their neighbours.
    return truths, [degrade(truth[None], SCALE)[0].clamp(0, 1) for truth in truths]


def _region_metrics(regions: Sequence[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]) -> Metrics:
    """Metrics of (result, truth, input) triples, each (1, h, w).

    ``gradient_similarity``, ``nps_…`` (see :mod:`.spectrum`), ``edge_width`` (pixels) and ``edge_width_ratio`` (to the
    truth's), ``hallucination_rate``, ``loss_rate``; ``consistency_db``: PSNR of the reduced result and the input, and
    ``consistency_min_db``, that of the worst region.
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
    """PSNR and SSIM in the regions and of the whole image, which is interpolated outside them.

    ``…_truth_…``: against the truth. ``…_input_…``: against the interpolated input: how much was changed, not how well.
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
    """Standard deviation of each pixel of a region over results of different noise: (1, h, w)."""
    if settings.seeds < 2:
        return None
    seeds = range(settings.seed, settings.seed + settings.seeds)
    generators = [generator_of(case, enhancer, index, seed) for seed in seeds]
    guides = _guides_of(case, enhancer, [index] * settings.seeds)
    results = enhance_batches(enhancer, [image] * settings.seeds, generators, settings.region_batch, guides)
    return torch.stack(results).clamp(0, 1).std(dim=0)


def generator_of(case: DegradedCase, enhancer: Enhancer, index: int, seed: int) -> torch.Generator:
    """Noise of one region, as in :mod:`...super_resolution.region_enhancer`."""
    what = f"{enhancer.name}|{case.regions[index].box}"
    return torch.Generator().manual_seed(seed_of(case.key, what, seed))


def _guides_of(case: DegradedCase, enhancer: Enhancer, indices: Sequence[int]) -> list[torch.Tensor]:
    """What lies around regions in the reduced image, for an enhancer that takes a guide: its input knows no more."""
    if not takes_guide(enhancer):
        return []
    return [enhancer.make_guide(case.low_res, case.regions[index].box) for index in indices]


def _interpolated(low_res: torch.Tensor) -> torch.Tensor:
    """(1, h, w) -> (1, 4 h, 4 w), bicubic, in [0, 1]."""
    return resize(low_res[None], (SCALE * low_res.shape[-2], SCALE * low_res.shape[-1]))[0].clamp(0, 1)
