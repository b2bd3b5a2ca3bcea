"""A VQ autoencoder of residuals that works on blocks of 4 x 4 pixels, at the resolution of the latents.

It has the interface of diffusers' ``VQModel``, whose form suits residuals badly: group normalisation takes the
amplitude of a crop away (residuals with edges are many times those of flat crops), so the decoder stays at zero for
long, and its layers at full resolution cost most of the time. Blocks stacked in channels, residual blocks without
normalisation and an identity path code amplitudes as they are; the best linear code is within its reach from the start.

Measured on held-out radiograph crops after 78 s of a shared core each: ``VQModel`` (69 steps, absolute errors) at
bicubic's PSNR, this one (286 steps, Huber loss) 5.2 dB above it.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from .regression_network import ResidualBlock
from .weight_folder import load_diffusers, load_network, read_class

_FACTOR = 4


class BlockAutoencoder(nn.Module):
    """(N, channels, 4 h, 4 w) -> latents (N, latent_channels, h, w), in a codebook -> (N, channels, 4 h, 4 w).

    Args:
        channels: of its images.
        width: features.
        blocks: residual blocks on each side.
        latent_channels: numbers for a block of pixels.
        codes: size of the codebook.
    """

    def __init__(
        self, channels: int = 1, width: int = 64, blocks: int = 3, latent_channels: int = 4, codes: int = 4096
    ) -> None:
        from diffusers.models.autoencoders.vae import VectorQuantizer

        super().__init__()
        self.settings = {
            "channels": channels,
            "width": width,
            "blocks": blocks,
            "latent_channels": latent_channels,
            "codes": codes,
        }
        # The names that VQModel's configuration has for them.
        self.config = SimpleNamespace(in_channels=channels, latent_channels=latent_channels, num_vq_embeddings=codes)
        self.encoder = BlockEncoder(channels, width, blocks)
        self.quant_conv = nn.Conv2d(width, latent_channels, 1)
        self.quantize = VectorQuantizer(codes, latent_channels, beta=0.25, legacy=False)
        self.post_quant_conv = nn.Conv2d(latent_channels, width, 1)
        self.decoder = BlockDecoder(channels, width, blocks)

    def encode(self, image: Tensor) -> SimpleNamespace:
        """``.latents``, before the codebook."""
        return SimpleNamespace(latents=self.quant_conv(self.encoder(image)))

    def decode(self, latents: Tensor, force_not_quantize: bool = False) -> SimpleNamespace:
        """``.sample`` of the nearest codes, or of the latents as they are."""
        codes = latents if force_not_quantize else self.quantize(latents)[0]
        return SimpleNamespace(sample=self.decoder(self.post_quant_conv(codes)))

    def forward(self, image: Tensor) -> SimpleNamespace:
        """``.sample``: what the codebook lets through."""
        return self.decode(self.encode(image).latents)


class BlockEncoder(nn.Module):
    """(N, channels, 4 h, 4 w) -> (N, width, h, w)."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.unshuffle = nn.PixelUnshuffle(_FACTOR)
        self.conv_in = nn.Conv2d(channels * _FACTOR**2, width, 3, padding=1)
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))

    def forward(self, image: Tensor) -> Tensor:
        """See the class."""
        return self.body(self.conv_in(self.unshuffle(image)))


class BlockDecoder(nn.Module):
    """(N, width, h, w) -> (N, channels, 4 h, 4 w)."""

    def __init__(self, channels: int, width: int, blocks: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*(ResidualBlock(width) for _ in range(blocks)))
        self.conv_out = nn.Conv2d(width, channels * _FACTOR**2, 3, padding=1)
        self.shuffle = nn.PixelShuffle(_FACTOR)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        return self.shuffle(self.conv_out(self.body(features)))


def load_autoencoder(folder: Path, device: torch.device | str = "cpu") -> Any:
    """Autoencoder of a folder: ours, or diffusers' ``VQModel`` of the same factor.

    Raises:
        FileNotFoundError: no configuration or no weights.
        ValueError: another class or factor, or weights that do not fit.
    """
    from diffusers import VQModel

    if read_class(folder) == BlockAutoencoder.__name__:
        return load_network(BlockAutoencoder, folder).to(device)
    vqvae = load_diffusers(VQModel, folder)
    factor = 2 ** (len(vqvae.config.block_out_channels) - 1)
    if factor != _FACTOR:
        raise ValueError(
            f"{folder}: autoencoder of another factor; expected {_FACTOR}, found {factor}; use a model of "
            f"factor {_FACTOR}"
        )
    return vqvae.to(device)
