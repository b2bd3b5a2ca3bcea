"""Latent diffusion sampling for super-resolution, with any diffusers scheduler (arXiv:2112.10752, section 4.4).

Written here because diffusers 0.42.1's ``LDMSuperResolutionPipeline`` was measured wrong: it scales the low-resolution
condition together with the latents under Euler-type schedulers, does not pass the generator on, resizes inputs down to
multiples of 32 and returns 8 bits.
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
) -> torch.Tensor:
    """Latents for a batch of low-resolution images.

    Args:
        unet: ``UNet2DModel``; input = latents beside the condition.
        scheduler: any diffusers scheduler with its timesteps set; deterministic (eta = 0).
        condition: (N, c, h, w) low-resolution images in [-1, 1], at the size of the latents.
        channels: of the latents.
        generators: one per image, on the CPU.
        dtype: of the network; noise, schedule and latents stay float32.

    Returns:
        (N, channels, h, w) float32.
    """
    latents = draw_noise(condition, channels, generators) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        # Only the latents are scaled: the condition is an image, not a noisy state.
        scaled = scheduler.scale_model_input(latents, timestep)
        predicted = unet(torch.cat([scaled, condition], dim=1).to(dtype), timestep).sample.float()
        latents = scheduler.step(predicted, timestep, latents).prev_sample
    return latents


def draw_noise(condition: torch.Tensor, channels: int, generators: Sequence[torch.Generator]) -> torch.Tensor:
    """Normal noise (N, channels, h, w) for a condition (N, c, h, w), each from its own generator on the CPU."""
    shape = (1, channels, *condition.shape[-2:])
    return torch.cat([torch.randn(shape, generator=generator) for generator in generators]).to(condition.device)
