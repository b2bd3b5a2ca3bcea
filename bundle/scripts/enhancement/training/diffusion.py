"""The diffusion network: latents of a crop, given the crop at low resolution."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..enhancer import degrade
from .autoencoder import SCALE
from .crops import draw_batch, to_channels


def build_unet(channels: tuple[int, ...] = (48, 64, 96), groups: int = 16, sample_size: int = 16) -> Any:
    """``UNet2DModel`` of the checkpoint's form: 3 latent channels and 3 of the low-resolution crop in, 3 out."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=sample_size,
        in_channels=6,
        out_channels=3,
        down_block_types=["DownBlock2D"] * len(channels),
        up_block_types=["UpBlock2D"] * len(channels),
        block_out_channels=list(channels),
        layers_per_block=1,
        norm_num_groups=groups,
        attention_head_dim=32,
    )


def build_scheduler() -> Any:
    """Noise schedule of the public checkpoint; the network predicts v (arXiv 2202.00512), which forgives few steps."""
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


class DiffusionStep:
    """One training step of the diffusion network; the autoencoder is frozen.

    Args:
        unet: the network.
        vqvae: trained autoencoder with latents of unit variance.
        scheduler: noise schedule.
        crops: (N, 1, H, W) in [0, 1].
        batch_size: crops a step.
    """

    def __init__(self, unet: Any, vqvae: Any, scheduler: Any, crops: Tensor, batch_size: int) -> None:
        self.unet, self.vqvae, self.scheduler = unet, vqvae, scheduler
        self.crops, self.batch_size = crops, batch_size

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Mean squared error of v for a batch at random timesteps."""
        device = next(self.unet.parameters()).device
        high_res = draw_batch(self.crops, self.batch_size, generator).to(device)
        with torch.no_grad():
            # Latents before quantization, as in CompVis/latent-diffusion; decoding quantizes.
            latents = self.vqvae.encode(to_channels(high_res)).latents
        condition = to_channels(degrade(high_res, SCALE))
        noise = torch.randn(latents.shape, generator=generator).to(device)
        count = self.scheduler.config.num_train_timesteps
        timesteps = torch.randint(count, (len(latents),), generator=generator).to(device)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        predicted = self.unet(torch.cat([noisy, condition], dim=1), timesteps).sample
        return {"loss": F.mse_loss(predicted, self.scheduler.get_velocity(latents, noise, timesteps))}
