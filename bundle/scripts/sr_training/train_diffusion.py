"""Stage ``diffusion``: network that predicts the latents of a crop from the low-resolution crop and its base."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..common.text_file import read_json
from ..super_resolution.networks.block_autoencoder import load_autoencoder
from ..super_resolution.networks.coding import SCALE, Coding, load_coding
from ..super_resolution.networks.latent_diffusion_networks import check_parts
from ..super_resolution.networks.weight_folder import load_diffusers
from ..training.precision import AutocastInferer
from . import validation_metrics
from .batches import Batches
from .run import Run

logger = logging.getLogger(__name__)

LARGER_BATCH = 4  # the grids of the diffusion network are a sixteenth of the autoencoder's


def build_unet(condition_channels: int, out_channels: int, channels: tuple[int, ...], sample_size: int) -> Any:
    """Create a ``UNet2DModel`` like that of the public checkpoint; its input is state and condition, concatenated."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=sample_size,
        in_channels=out_channels + condition_channels,
        out_channels=out_channels,
        down_block_types=["DownBlock2D"] * len(channels),
        up_block_types=["UpBlock2D"] * len(channels),
        block_out_channels=list(channels),
        layers_per_block=1,
        norm_num_groups=16,
        attention_head_dim=32,
    )


def _build_scheduler() -> Any:
    """Noise schedule of the public checkpoint; predicting v (arXiv 2202.00512) works well with few steps."""
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.0015,
        beta_end=0.0155,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
        prediction_type="v_prediction",
    )


def _load_scheduler(folder: Path) -> Any:
    """Noise schedule of a model folder for training, which does not depend on the solver named there."""
    from diffusers import DDIMScheduler

    path = folder / "scheduler_config.json"
    return DDIMScheduler.from_config(read_json(path, "the settings of a scheduler", "copy the folder again"))


@dataclass(frozen=True)
class DiffusionStep:
    """Training step of the diffusion network; the autoencoder is frozen.

    Attributes:
        unet: diffusion network.
        vqvae: trained autoencoder with latents of unit variance.
        coding: content of the latents.
        scheduler: noise schedule, which also defines whether the network predicts noise or v.
        batches: source of the crops.
        infer: runs networks in the training precision.
    """

    unet: Any
    vqvae: Any
    coding: Coding
    scheduler: Any
    batches: Batches
    infer: AutocastInferer

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Mean squared error of the prediction for a batch at random timesteps."""
        high_res, low_res = self.batches.draw_pair(generator, SCALE)
        with torch.no_grad():
            base = self.infer(low_res, self.coding.base)
            condition = self.coding.condition(low_res, base)
            # Latents before quantization, as in CompVis/latent-diffusion; decoding quantizes.
            target = self.coding.target(high_res, base)
            latents = self.infer(target, lambda images: self.vqvae.encode(images).latents)
        noise = torch.randn(latents.shape, generator=generator).to(latents.device)
        count = self.scheduler.config.num_train_timesteps
        timesteps = torch.randint(count, (len(latents),), generator=generator).to(latents.device)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        inputs = torch.cat([noisy, condition], dim=1)
        predicted = self.infer(inputs, lambda images: self.unet(images, timesteps).sample)
        by_velocity = self.scheduler.config.prediction_type == "v_prediction"
        wanted = self.scheduler.get_velocity(latents, noise, timesteps) if by_velocity else noise
        return {"loss": F.mse_loss(predicted, wanted)}


def _check_ceiling(ceiling: validation_metrics.Metrics, margin: float | None) -> None:
    """Print the metrics of the autoencoder and check that it is good enough for a diffusion network.

    Args:
        ceiling: metrics of ``bicubic``, ``autoencoder`` and, if there is one, ``residual``, each with ``psnr``.
        margin: required decibels above bicubic interpolation; ``None`` for no requirement.

    Raises:
        ValueError: the PSNR of the autoencoder is too low.
    """
    print(f"Autoencoder's ceiling beside bicubic, held-out crops:\n{validation_metrics.describe(ceiling)}", flush=True)
    above = ceiling["autoencoder"]["psnr"] - ceiling["bicubic"]["psnr"]
    if margin is None:
        logger.warning(
            "ceiling_margin is off: the diffusion is trained although no result of it can be better than the "
            "autoencoder, which is %+.2f dB from bicubic",
            above,
        )
    elif above < margin:
        raise ValueError(
            f"autoencoder: its ceiling is too low for a diffusion; expected bicubic {margin:+.2f} dB, found "
            f"{above:+.2f} dB; train it longer (--autoencoder_minutes), code the residual (stages with 'regression'), "
            "or set --ceiling_margin null to train all the same"
        )


def train_diffusion(run: Run) -> validation_metrics.Metrics:
    """Train ``unet/``, write ``scheduler/``, and return metrics of autoencoder and diffusion on the held-out crops."""
    from diffusers import UNet2DModel

    settings = run.settings
    parts = [run.part("vqvae"), *([run.part("regression")] if run.has("regression") else [])]
    vqvae = load_autoencoder(parts[0], run.device)
    coding = load_coding(run.output_dir, int(vqvae.config.in_channels), run.device)
    ceiling = validation_metrics.measure_bicubic(run.held_out) | validation_metrics.measure_autoencoder(
        vqvae, coding, run.held_out
    )
    _check_ceiling(ceiling, settings.ceiling_margin)

    run.seed_weights("diffusion")
    start = run.start_of("unet")
    if start is not None:
        unet = load_diffusers(UNet2DModel, start).requires_grad_(True)
        scheduler = _load_scheduler(start.with_name("scheduler"))
        parts.append(start)
    else:
        side, latents = settings.crop_size // SCALE, int(vqvae.config.latent_channels)
        unet = build_unet(coding.condition_channels, latents, tuple(settings.unet_channels), side)
        scheduler = _build_scheduler()
    check_parts(run.output_dir, unet, vqvae, coding)
    unet.to(run.device, memory_format=torch.channels_last)
    step = DiffusionStep(unet, vqvae, coding, scheduler, run.batches(LARGER_BATCH), run.infer)
    run.save("unet", run.train("diffusion", unet, step, depends_on=parts))
    scheduler.save_pretrained(run.output_dir / "scheduler")
    return ceiling | validation_metrics.measure_ldm(run.output_dir, run.held_out, device=run.device)
