"""Last stage: the decoder sees sampled latents, with the errors they have, instead of the encoder's.

A short diffusion training leaves noise in the sampled latents. Trained on them, the decoder shows of each detail as
much as can be relied on, which a frozen decoder cannot know.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..enhancer import degrade
from ..sampling import sample_latents
from .autoencoder import SCALE, reconstruction_loss
from .crops import draw_batch, to_channels

SAMPLING_STEPS = 10


class DecoderStep:
    """One training step of the decoder on latents that the frozen diffusion network samples.

    Args:
        unet: trained diffusion network.
        vqvae: autoencoder; only what follows the codebook is trained.
        scheduler: noise schedule.
        crops: (N, 1, H, W) in [0, 1].
        batch_size: crops a step.
    """

    def __init__(self, unet: Any, vqvae: Any, scheduler: Any, crops: Tensor, batch_size: int) -> None:
        from diffusers import DPMSolverMultistepScheduler

        # The enhancer's default solver.
        self.scheduler = DPMSolverMultistepScheduler.from_config(scheduler.config, use_lu_lambdas=True)
        self.unet, self.vqvae = unet, vqvae
        self.crops, self.batch_size = crops, batch_size

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Reconstruction loss of sampled and quantized latents."""
        device = next(self.unet.parameters()).device
        high_res = draw_batch(self.crops, self.batch_size, generator).to(device)
        condition = to_channels(degrade(high_res, SCALE))
        generators = [generator] * len(high_res)
        self.scheduler.set_timesteps(SAMPLING_STEPS)
        channels = self.unet.config.out_channels
        # Cloned: a tensor of inference mode cannot take part in a backward pass.
        latents = sample_latents(self.unet, self.scheduler, condition, channels, generators).clone()
        return {"loss": reconstruction_loss(self.vqvae.decode(latents).sample, high_res)}


def decoder_parameters(vqvae: Any) -> list[torch.nn.Parameter]:
    """What follows the codebook."""
    return [*vqvae.post_quant_conv.parameters(), *vqvae.decoder.parameters()]
