"""The parts of a latent diffusion model, read from a diffusers folder and checked against one another."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .block_autoencoder import load_autoencoder
from .coding import Coding, load_coding
from .weight_folder import load_diffusers


@dataclass(frozen=True)
class LatentDiffusion:
    """A model that is ready to run.

    Attributes:
        unet: ``UNet2DModel``: latents beside the condition in, prediction out.
        vqvae: ``VQModel``, or our ``BlockAutoencoder``.
        schedule: configuration of the scheduler.
        coding: what the latents stand for.
    """

    unet: Any
    vqvae: Any
    schedule: dict[str, Any]
    coding: Coding

    @property
    def latent_channels(self) -> int:
        """Channels of the latents."""
        return int(self.unet.config.out_channels)

    @property
    def multiple(self) -> int:
        """What divides the size of a low-resolution image."""
        return int(2 ** (len(self.unet.config.block_out_channels) - 1))

    def scheduler(self, name: str, steps: int, **extra: Any) -> Any:
        """A fresh diffusers scheduler with its timesteps: multistep solvers keep state between steps."""
        import diffusers

        scheduler = getattr(diffusers, name).from_config(self.schedule, **extra)
        scheduler.set_timesteps(steps)
        return scheduler


def load_latent_diffusion(folder: str | Path, device: torch.device | str = "cpu") -> LatentDiffusion:
    """Model of a diffusers folder, with ``regression/`` where its latents code the residual.

    Args:
        folder: with ``unet/``, ``vqvae/`` and ``scheduler/``.
        device: where to run.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: a part's weights do not fit, or the parts do not fit one another.
    """
    from diffusers import UNet2DModel

    folder = Path(folder)
    unet, vqvae = load_diffusers(UNet2DModel, folder / "unet"), load_autoencoder(folder / "vqvae", device)
    path = folder / "scheduler" / "scheduler_config.json"
    if not path.is_file():
        raise FileNotFoundError(
            f"{folder}: no scheduler; expected scheduler/scheduler_config.json, found none; copy the folder again"
        )
    coding = load_coding(folder, int(vqvae.config.in_channels), device)
    check_parts(folder, unet, vqvae, coding)
    return LatentDiffusion(unet.to(device), vqvae, json.loads(path.read_text()), coding)


def check_parts(folder: Path, unet: Any, vqvae: Any, coding: Coding) -> None:
    """Refuse parts that do not fit one another.

    Raises:
        ValueError: naming the channels.
    """
    latents = int(vqvae.config.latent_channels)
    expected = (latents + coding.condition_channels, latents)
    found = (int(unet.config.in_channels), int(unet.config.out_channels))
    if found != expected:
        raise ValueError(
            f"{folder}: UNet does not fit the autoencoder; expected {expected[0]} channels in (latents beside the "
            f"condition) and {expected[1]} out, found {found[0]} in and {found[1]} out; copy all parts of one model"
        )
