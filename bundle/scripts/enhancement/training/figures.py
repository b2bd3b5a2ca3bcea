"""Honest figures on held-out crops: bicubic, the autoencoder's ceiling, the latent diffusion; each with consistency."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..data_consistency import back_project
from ..enhancer import degrade, resize
from ..fidelity import psnr, ssim
from ..ldm import LatentDiffusionEnhancer
from .autoencoder import SCALE, count_codes
from .crops import to_channels

Figures = dict[str, dict[str, float]]


def compare(images: Tensor, high_res: Tensor) -> dict[str, float]:
    """Mean PSNR (dB) and SSIM over crops (N, 1, H, W)."""
    pairs = list(zip(images.cpu(), high_res.cpu(), strict=True))
    similarity = [ssim(*pair) for pair in pairs]
    known = [value for value in similarity if value is not None]
    figures = {"psnr": sum(psnr(*pair) for pair in pairs) / len(pairs)}
    return figures | ({"ssim": sum(known) / len(known)} if known else {})


def both(name: str, images: Tensor, high_res: Tensor) -> Figures:
    """Figures of an enhancement as it is and after data consistency, each clipped to [0, 1]."""
    consistent = back_project(images, degrade(high_res, SCALE), SCALE)
    return {
        name: compare(images.clamp(0.0, 1.0), high_res),
        f"{name}_consistent": compare(consistent.clamp(0.0, 1.0), high_res),
    }


def measure_bicubic(high_res: Tensor) -> Figures:
    """The baseline."""
    rows, columns = high_res.shape[-2:]
    return both("bicubic", resize(degrade(high_res, SCALE), (rows, columns)), high_res)


@torch.no_grad()
def measure_autoencoder(vqvae: Any, high_res: Tensor) -> Figures:
    """The ceiling: encoder, codebook, decoder; and the number of codes in use."""
    device = next(vqvae.parameters()).device
    decoded = torch.cat([vqvae(to_channels(part.to(device))).sample.cpu() for part in high_res.split(16)])
    figures = both("autoencoder", decoded.mean(dim=1, keepdim=True) / 2.0 + 0.5, high_res)
    return figures | {"codebook": {"size": vqvae.config.num_vq_embeddings, "used": count_codes(vqvae, high_res)}}


def measure_ldm(folder: Any, high_res: Tensor, *, device: str | torch.device, batch_size: int = 16) -> Figures:
    """The finished folder, through the enhancer that the workflows use."""
    figures = {}
    for name, consistent in (("ldm", False), ("ldm_consistent", True)):
        enhancer = LatentDiffusionEnhancer(folder, data_consistency=consistent, device=device)
        low_res = degrade(high_res, SCALE).clamp(0.0, 1.0)
        generators = [torch.Generator().manual_seed(index) for index in range(len(high_res))]
        starts = range(0, len(high_res), batch_size)
        windows = [slice(start, start + batch_size) for start in starts]
        parts = [enhancer.enhance(low_res[window], generators=generators[window]) for window in windows]
        figures[name] = compare(torch.cat(parts).clamp(0.0, 1.0), high_res)
    return figures


def describe(figures: Figures) -> str:
    """One line for each method."""
    return "\n".join(
        f"{name:24} " + "  ".join(f"{key} {value:.4g}" for key, value in row.items()) for name, row in figures.items()
    )
