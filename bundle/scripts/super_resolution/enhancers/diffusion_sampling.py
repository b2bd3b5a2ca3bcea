"""Latent diffusion sampling for super-resolution, with any diffusers scheduler (arXiv:2112.10752, section 4.4).

``LDMSuperResolutionPipeline`` of diffusers 0.42.1 is not used because it gives wrong results. With Euler-type
schedulers it scales the low-resolution condition together with the latents. It does not pass on the random generator,
it reduces inputs to multiples of 32 pixels, and it returns 8 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn


@torch.inference_mode()
def sample_latents(
    unet: nn.Module,
    scheduler: Any,
    condition: torch.Tensor,
    channels: int,
    generators: Sequence[torch.Generator],
    dtype: torch.dtype = torch.float32,
    eta: float = 0.0,
) -> torch.Tensor:
    """Sample latents for a batch of low-resolution images.

    Args:
        unet: ``UNet2DModel`` whose input is the concatenation of latents and condition.
        scheduler: diffusers scheduler with its timesteps set.
        condition: low-resolution images (N, c, h, w) in [-1, 1], at the size of the latents.
        channels: number of channels of the latents.
        generators: one random generator per image, on the CPU.
        dtype: data type of the network; noise, schedule and latents are float32.
        eta: share of the noise that is drawn anew in each step, 0 (none) to 1 (as in DDPM; DDIM, arXiv:2010.02502,
            eq. 16); above 0 for a ``DDIMScheduler`` only.

    Returns:
        Latents (N, channels, h, w), float32.
    """
    latents = draw_noise(condition, channels, generators) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        # Only the latents are scaled: the condition is an image, not a noisy state.
        scaled = scheduler.scale_model_input(latents, timestep)
        predicted = unet(torch.cat([scaled, condition], dim=1).to(dtype), timestep).sample.float()
        # The generators of the images make the new noise too, so that an image does not depend on its batch.
        fresh = {"eta": eta, "variance_noise": draw_noise(condition, channels, generators)} if eta else {}
        latents = scheduler.step(predicted, timestep, latents, **fresh).prev_sample
    return latents


def draw_noise(condition: torch.Tensor, channels: int, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Gaussian noise (N, channels, h, w) for a condition (N, c, h, w); each image has its own generator on the CPU."""
    shape = (1, channels, *condition.shape[-2:])
    return torch.cat([torch.randn(shape, generator=generator) for generator in generators]).to(condition.device)
