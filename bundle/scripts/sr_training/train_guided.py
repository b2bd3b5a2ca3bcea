"""Stage ``guided``: network that enlarges a region with its guide to any scale (inspired by TnTViT-G)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..super_resolution.enhancers.guided import SCALES, make_guide
from ..super_resolution.networks.guided_network import PATCH, GuidedNetwork
from ..super_resolution.networks.weight_folder import load_network
from ..training.precision import AutocastInferer
from . import validation_metrics
from .batches import Batches
from .degradation import between
from .run import Run
from .train_regression import charbonnier

_GUIDE_DROPOUT = 0.3  # lets the network work without a guide too (as in SwinFuSR, arXiv 2404.14533)


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
    """Train ``guided/`` and return its metrics on the held-out crops and, with and without guide, on their centres."""
    run.seed_weights("guided")
    start = run.start_of("guided")
    network = GuidedNetwork() if start is None else load_network(GuidedNetwork, start).requires_grad_(True)
    network.to(run.device)
    step = GuidedStep(network, run.batches(), run.infer)
    run.save("guided", run.train("guided", network, step, depends_on=[start] if start else []))
    quarter = run.held_out.shape[-1] // 4
    box = (quarter, quarter, 3 * quarter, 3 * quarter)
    return validation_metrics.measure_guided(
        run.output_dir, run.held_out, box, make_guide(run.held_out, box), device=run.device
    )
