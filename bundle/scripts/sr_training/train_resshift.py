"""Stage ``resshift``: diffusion of four steps from the regression network's result to the truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..super_resolution.enhancers.resshift import ShiftSchedule, save_schedule, timestep
from ..super_resolution.networks.coding import SCALE, Coding
from ..super_resolution.networks.regression_network import RegressionNetwork
from ..super_resolution.networks.weight_folder import load_diffusers, load_network
from ..training.precision import AutocastInferer
from . import validation_metrics
from .batches import Batches
from .run import MEASURED_CROPS, Run
from .train_diffusion import LARGER_BATCH, build_unet
from .train_regression import residual_std


@dataclass(frozen=True)
class ResShiftStep:
    """Training step of the ResShift network.

    Attributes:
        unet: network to train.
        schedule: noise schedule of the residual.
        coding: coding with the regression network.
        batches: source of the crops.
        infer: runs networks in the training precision.
    """

    unet: Any
    schedule: ShiftSchedule
    coding: Coding
    batches: Batches
    infer: AutocastInferer

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Mean squared error of the predicted residual for a batch at random steps."""
        high_res, low_res = self.batches.draw_pair(generator, SCALE)
        with torch.no_grad():
            base = self.infer(low_res, self.coding.base)
            condition = self.coding.condition(low_res, base)
            residual = F.pixel_unshuffle(high_res - base, SCALE) / self.schedule.residual_std
        step = torch.randint(1, self.schedule.steps + 1, (len(residual),), generator=generator).to(residual.device)
        noise = torch.randn(residual.shape, generator=generator).to(residual.device)
        shifted = self.schedule.scaled(self.schedule.shift(residual, noise, step), step)
        inputs, told = torch.cat([shifted, condition], dim=1), timestep(step, self.schedule)
        predicted = self.infer(inputs, lambda images: self.unet(images, told).sample)
        return {"loss": F.mse_loss(predicted, residual)}


def train_resshift(run: Run) -> validation_metrics.Metrics:
    """Train ``resshift/``, which contains all it needs, and return its metrics on the held-out crops."""
    from diffusers import UNet2DModel

    settings = run.settings
    run.seed_weights("resshift")
    regression, start = run.part("regression"), run.start_of("resshift/unet")
    network = load_network(RegressionNetwork, regression).to(run.device)
    coding = Coding(network, channels=1)
    unet = build_unet(coding.condition_channels, SCALE**2, tuple(settings.unet_channels), settings.crop_size // SCALE)
    if start is not None:
        unet = load_diffusers(UNet2DModel, start).requires_grad_(True)
    unet.to(run.device, memory_format=torch.channels_last)
    schedule = ShiftSchedule(residual_std(network, run.crops[:MEASURED_CROPS], run.device))
    step = ResShiftStep(unet, schedule, coding, run.batches(LARGER_BATCH), run.infer)
    depends_on = [regression, *([start] if start else [])]
    run.save("resshift/unet", run.train("resshift", unet, step, depends_on=depends_on))
    run.save("resshift/regression", network)
    save_schedule(run.output_dir / "resshift", schedule)
    return validation_metrics.measure_resshift(run.output_dir, run.held_out, device=run.device)
