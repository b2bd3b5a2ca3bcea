"""Stage ``guided``: network that enlarges a region with its guide to any scale (inspired by TnTViT-G)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..super_resolution.enhancers.guided import SCALES, make_guide
from ..super_resolution.networks.guided_network import PATCH, GuidedNetwork
from ..super_resolution.networks.regression_network import RegressionNetwork
from ..super_resolution.networks.weight_folder import load_network
from ..training.precision import AutocastInferer
from . import validation_metrics
from .batches import Batches
from .degradation import between
from .run import MEASURED_CROPS, Run
from .train_regression import charbonnier, residual_std
from .training_crops import extract_crops

_GUIDE_DROPOUT = 0.3  # lets the network work without a guide too (as in SwinFuSR, arXiv 2404.14533)
_SMALLER_BATCH = 4  # a region has nine times the pixels of a crop of the other stages
_HELD_OUT = 32


@dataclass(frozen=True)
class GuidedStep:
    """Training step of the guided network, with a window of each crop as region and the crop as its surroundings.

    No classifier is needed, because the guide contains the box of the window instead of an attention map.

    Attributes:
        network: network to train.
        batches: source of the crops.
        infer: runs networks in the training precision.
    """

    network: GuidedNetwork
    batches: Batches
    infer: AutocastInferer

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Charbonnier loss of a batch at a random scale and position."""
        crops, device = self.batches.draw(generator), self.batches.device
        length = crops.shape[-1]
        side = int(length / SCALES[1]) // PATCH * PATCH
        size = round(side * between(SCALES[0], SCALES[1], generator))
        row, column = (int(torch.randint(length - size + 1, (), generator=generator)) for _ in range(2))
        region = crops[..., row : row + size, column : column + size].contiguous()
        low_res = self.batches.degradation(region, (side, side), generator)
        guide = make_guide(crops, (row, column, row + size, column + size))
        present = (torch.rand(len(crops), generator=generator) >= _GUIDE_DROPOUT).float()
        enlarged = self.infer(low_res.to(device), self.network, (size, size), guide.to(device), present.to(device))
        return {"loss": charbonnier(enlarged, region.to(device))}


def train_guided(run: Run) -> validation_metrics.Metrics:
    """Train ``guided/`` and return its metrics on held-out crops and, with and without guide, on their centres.

    The trunk starts as the regression network of the model folder, if there is one. The crops are larger than those of
    the other stages, because attention among patches needs many of them and a guide needs surroundings; a batch has a
    quarter of their number.

    Raises:
        ValueError: no image gave a crop.
    """
    settings = run.settings
    crops, held_out = (_larger_crops(run, split) for split in ("training", "validation"))
    run.seed_weights("guided")
    start = run.start_of("guided")
    network = _start(run) if start is None else load_network(GuidedNetwork, start)
    network.requires_grad_(True).to(run.device)
    batches = Batches(crops, run.degradation, max(1, settings.batch_size // _SMALLER_BATCH), run.device)
    depends_on = [start] if start else [run.part("regression")] if run.has("regression") else []
    own = {"guided_crop_size": settings.guided_crop_size}
    trained = run.train("guided", network, GuidedStep(network, batches, run.infer), depends_on=depends_on, settings=own)
    run.save("guided", trained)
    quarter = held_out.shape[-1] // 4
    box = (quarter, quarter, 3 * quarter, 3 * quarter)
    return validation_metrics.measure_guided(
        run.output_dir, held_out, box, make_guide(held_out, box), device=run.device
    )


def _larger_crops(run: Run, split: str) -> Tensor:
    """Crops (N, 1, S, S) of a split that cover as many pixels as those of the other stages; the held-out ones less."""
    settings, size = run.settings, run.settings.guided_crop_size
    density = settings.crops_per_megapixel * (settings.crop_size / size) ** 2
    items = run.datalist.splits[split]
    crops = extract_crops(items, size, per_megapixel=density, max_images=settings.max_images, seed=settings.seed)
    return crops if split == "training" else crops[:_HELD_OUT]


def _start(run: Run) -> GuidedNetwork:
    """Network before the training, with the regression network of the model folder as its trunk if there is one."""
    settings, trunk = run.settings, None
    if run.has("regression"):
        trunk = load_network(RegressionNetwork, run.part("regression"))
    sizes = trunk.settings if trunk else {"width": settings.regression_width, "blocks": settings.regression_blocks}
    start = trunk or RegressionNetwork(sizes["width"], sizes["blocks"])
    deviation = residual_std(start, run.crops[:MEASURED_CROPS], torch.device("cpu"))
    network = GuidedNetwork(sizes["width"], sizes["blocks"], deviation)
    network.trunk.load_state_dict(start.state_dict())
    return network
