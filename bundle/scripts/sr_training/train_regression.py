"""Stage ``regression``: small network whose result is the base for the diffusion stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..super_resolution.networks.regression_network import RegressionNetwork
from ..super_resolution.networks.weight_folder import load_network
from ..super_resolution.resampling import degrade
from ..training.precision import AutocastInferer
from . import validation_metrics
from .batches import Batches
from .run import Run

_EPSILON = 1e-3  # a quarter of an 8-bit grey level; below it the loss is about quadratic


def charbonnier(image: Tensor, truth: Tensor) -> Tensor:
    """Mean of sqrt(d² + epsilon²), an absolute error that is smooth at zero (Lai et al. 2017, arXiv 1704.03915)."""
    return ((image - truth).square() + _EPSILON**2).sqrt().mean()


@torch.no_grad()
def residual_std(network: RegressionNetwork, crops: Tensor, device: torch.device) -> float:
    """Standard deviation of truth minus result for crops (N, 1, H, W), which are reduced without noise."""
    parts = [part - network(degrade(part, network.scale)) for part in crops.to(device).split(32)]
    return float(torch.cat(parts).std())


@dataclass(frozen=True)
class RegressionStep:
    """Training step of the regression network.

    Attributes:
        network: network to train.
        batches: source of the crops.
        infer: runs networks in the training precision.
    """

    network: RegressionNetwork
    batches: Batches
    infer: AutocastInferer

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Charbonnier loss of a batch."""
        high_res, low_res = self.batches.draw_pair(generator, self.network.scale)
        return {"loss": charbonnier(self.infer(low_res, self.network), high_res)}


def train_regression(run: Run) -> validation_metrics.Metrics:
    """Train ``regression/`` and return its metrics on the held-out crops, and those of bicubic interpolation."""
    settings = run.settings
    run.seed_weights("regression")
    network: Any = RegressionNetwork(settings.regression_width, settings.regression_blocks)
    start = run.start_of("regression")
    if start is not None:
        network = load_network(RegressionNetwork, start).requires_grad_(True)
    network.to(run.device, memory_format=torch.channels_last)
    step = RegressionStep(network, run.batches(), run.infer)
    trained = run.train("regression", network, step, depends_on=[start] if start else [])
    trained = load_network(RegressionNetwork, run.save("regression", trained)).to(run.device)
    return validation_metrics.measure_bicubic(run.held_out) | validation_metrics.measure_residual(trained, run.held_out)
