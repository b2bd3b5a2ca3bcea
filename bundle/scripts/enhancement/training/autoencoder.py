"""VQ autoencoder, factor 4: crops -> latents in a codebook -> crops.

Its reconstruction is the ceiling of everything that follows. Trained naively, a small one used 48 of 1,024 codes; here
the codebook starts from latents of an already useful encoder, and codes that stay unused are placed on latents again.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..data_consistency import back_project
from ..enhancer import degrade
from .crops import draw_batch, to_channels

SCALE = 4
CONSISTENCY_ITERATIONS = 2
QUANTIZE_FROM = 0.3  # part of the budget without quantization
RESTART_STEPS = 25


def build_autoencoder(channels: tuple[int, ...] = (16, 32, 64), codes: int = 4096, groups: int = 8) -> Any:
    """``VQModel`` of the checkpoint's form: 3 channels, 3 latent channels, no attention."""
    from diffusers import VQModel

    return VQModel(
        in_channels=3,
        out_channels=3,
        down_block_types=["DownEncoderBlock2D"] * len(channels),
        up_block_types=["UpDecoderBlock2D"] * len(channels),
        block_out_channels=list(channels),
        latent_channels=3,
        num_vq_embeddings=codes,
        norm_num_groups=groups,
        mid_block_add_attention=False,
    )


def reconstruction_loss(decoded: Tensor, high_res: Tensor) -> Tensor:
    """L1 of the image, and of the image after data consistency: what the low-resolution image cannot tell counts twice.

    Args:
        decoded: (N, 3, H, W) in [-1, 1].
        high_res: (N, 1, H, W) in [0, 1].
    """
    image = decoded.mean(dim=1, keepdim=True) / 2.0 + 0.5
    consistent = back_project(image, degrade(high_res, SCALE), SCALE, CONSISTENCY_ITERATIONS)
    channels = F.l1_loss(decoded, to_channels(high_res)) / 2.0
    return 10.0 * (channels + F.l1_loss(consistent, high_res))


class AutoencoderStep:
    """One training step; its own state (use of the codebook) is part of the checkpoint.

    Args:
        vqvae: the autoencoder.
        crops: (N, 1, H, W) in [0, 1].
        batch_size: crops a step.
    """

    def __init__(self, vqvae: Any, crops: Tensor, batch_size: int) -> None:
        self.vqvae, self.crops, self.batch_size = vqvae, crops, batch_size
        self.used = torch.zeros(vqvae.config.num_vq_embeddings, dtype=torch.long)
        self.steps_quantized = 0
        self.code_use = 0.0

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Loss of a batch, first without, later with quantization."""
        device = next(self.vqvae.parameters()).device
        high_res = draw_batch(self.crops, self.batch_size, generator).to(device)
        latents = self.vqvae.encode(to_channels(high_res)).latents
        if progress < QUANTIZE_FROM:
            loss = reconstruction_loss(self.vqvae.decode(latents, force_not_quantize=True).sample, high_res)
            return {"loss": loss}
        if self.steps_quantized % RESTART_STEPS == 0:
            self.restart_codes(latents.detach(), generator)
        self.steps_quantized += 1
        quantized, codebook_loss, (_, _, indices) = self.vqvae.quantize(latents)
        self.used += torch.bincount(indices.flatten().cpu(), minlength=len(self.used))
        decoded = self.vqvae.decode(quantized, force_not_quantize=True).sample
        loss = reconstruction_loss(decoded, high_res)
        return {"loss": loss + codebook_loss, "reconstruction": loss.detach(), "code_use": torch.tensor(self.code_use)}

    @torch.no_grad()
    def restart_codes(self, latents: Tensor, generator: torch.Generator) -> None:
        """Place codes that were not used since the last restart on random latents (N, L, h, w)."""
        candidates = latents.permute(0, 2, 3, 1).flatten(0, 2)
        unused = (self.used == 0).nonzero().flatten()
        self.code_use = 1.0 - len(unused) / len(self.used)
        chosen = torch.randint(len(candidates), (len(unused),), generator=generator)
        # A little noise keeps codes apart that fall on one latent.
        noise = 0.05 * torch.randn(len(unused), candidates.shape[1], generator=generator)
        placed = candidates[chosen.to(candidates.device)] + noise.to(candidates.device) * candidates.std(dim=0)
        self.vqvae.quantize.embedding.weight[unused.to(candidates.device)] = placed
        self.used.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Use of the codebook."""
        return {"used": self.used, "steps_quantized": self.steps_quantized, "code_use": self.code_use}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        self.used, self.steps_quantized, self.code_use = state["used"], state["steps_quantized"], state["code_use"]


@torch.no_grad()
def standardise_latents(vqvae: Any, crops: Tensor) -> None:
    """Fold mean 0 and standard deviation 1 of the latents into the weights, in place; reconstructions stay the same.

    The diffusion needs unit variance and ``VQModel.decode`` ignores its ``scaling_factor``. One factor for all channels
    keeps the nearest code the nearest.

    Args:
        vqvae: trained autoencoder.
        crops: (N, 1, H, W) to measure the latents on.
    """
    device = next(vqvae.parameters()).device
    latents = torch.cat([vqvae.encode(to_channels(part.to(device))).latents for part in crops.split(32)])
    mean = latents.mean(dim=(0, 2, 3))
    std = (latents - mean[:, None, None]).square().mean().sqrt()
    before, codes, after = vqvae.quant_conv, vqvae.quantize.embedding.weight, vqvae.post_quant_conv
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= std
    before.bias.copy_((before.bias - mean) / std)
    before.weight /= std
    codes.copy_((codes - mean) / std)


@torch.no_grad()
def count_codes(vqvae: Any, crops: Tensor) -> int:
    """Number of codes that the crops (N, 1, H, W) use."""
    device = next(vqvae.parameters()).device
    found = [vqvae.quantize(vqvae.encode(to_channels(part.to(device))).latents)[2][2] for part in crops.split(32)]
    return int(torch.cat([indices.flatten() for indices in found]).unique().numel())
