"""Latent diffusion model from a diffusers folder, whose parts are checked for consistency."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...common.text_file import read_json
from .block_autoencoder import load_autoencoder
from .coding import Coding, load_coding
from .weight_folder import load_diffusers


@dataclass(frozen=True)
class LatentDiffusion:
    """Latent diffusion model that is ready to run.

    Attributes:
        unet: ``UNet2DModel`` whose input is the concatenation of latents and condition.
        vqvae: autoencoder, a ``VQModel`` or a ``BlockAutoencoder``.
        schedule: configuration of the scheduler.
        coding: content of the latents.
    """

    unet: Any
    vqvae: Any
    schedule: dict[str, Any]
    coding: Coding

    @property
    def latent_channels(self) -> int:
        """Number of latent channels."""
        return int(self.unet.config.out_channels)

    @property
    def multiple(self) -> int:
        """Number that has to divide height and width of a low-resolution image."""
        return int(2 ** (len(self.unet.config.block_out_channels) - 1))

    def scheduler(self, name: str, steps: int, **extra: Any) -> Any:
        """Create a diffusers scheduler for one run, since multistep solvers keep state between steps."""
        import diffusers

        scheduler = getattr(diffusers, name).from_config(self.schedule, **extra)
        scheduler.set_timesteps(steps)
        return scheduler


def load_latent_diffusion(folder: str | Path, device: torch.device | str = "cpu") -> LatentDiffusion:
    """Load a latent diffusion model.

    Args:
        folder: diffusers folder with ``unet/``, ``vqvae/`` and ``scheduler/``, and ``regression/`` if the latents
            encode the residual.
        device: device of the networks.

    Raises:
        FileNotFoundError: a part of the model is missing.
        ValueError: weights do not fit, or the parts do not fit one another.
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
    scheduler = read_json(path, "the settings of a scheduler", "copy the folder again")
    return LatentDiffusion(unet.to(device), vqvae, scheduler, coding)


def check_parts(folder: Path, unet: Any, vqvae: Any, coding: Coding) -> None:
    """Check that the parts of a model fit one another.

    Raises:
        ValueError: the numbers of channels do not match.
    """
    latents = int(vqvae.config.latent_channels)
    expected = (latents + coding.condition_channels, latents)
    found = (int(unet.config.in_channels), int(unet.config.out_channels))
    if found != expected:
        raise ValueError(
            f"{folder}: UNet does not fit the autoencoder; expected {expected[0]} channels in (latents and "
            f"condition) and {expected[1]} out, found {found[0]} in and {found[1]} out; copy all parts of one model"
        )
