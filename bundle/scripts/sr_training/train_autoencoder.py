"""Stage ``autoencoder``: a VQ autoencoder, factor 4, of what the regression network left over (or of whole images).

Its reconstruction is the ceiling of the diffusion. Trained naively, a small one used 48 of 1,024 codes; here the
codebook starts from latents of an already useful encoder, and codes that stay unused are placed on latents again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ..super_resolution.enhancers.data_consistency import back_project
from ..super_resolution.networks.block_autoencoder import BlockAutoencoder, load_autoencoder
from ..super_resolution.networks.coding import SCALE, Coding, load_coding
from ..super_resolution.resampling import degrade
from ..training.precision import AutocastInferer
from . import validation_metrics
from .batches import Batches
from .run import Run

_CONSISTENCY_ITERATIONS = 2
_QUANTIZE_FROM, _RESTART_UNTIL = 0.3, 0.8  # part of the budget without quantization; end of placing codes again
_RESTART_STEPS = 25
_MEASURED_CROPS = 512  # for the statistics of targets and latents


@torch.no_grad()
def _scale_targets(vqvae: Any, factor: float) -> None:
    """Fold a factor of its images into an autoencoder, in place: it then does for x what it did for ``factor`` x.

    A residual has a standard deviation of about 0.02; networks learn at one.
    """
    vqvae.encoder.conv_in.weight *= factor
    vqvae.decoder.conv_out.weight /= factor
    vqvae.decoder.conv_out.bias /= factor


@dataclass
class AutoencoderStep:
    """One training step; its own state (use of the codebook) is part of the checkpoint.

    Attributes:
        vqvae: the autoencoder, of targets of standard deviation one.
        coding: what it codes.
        target_std: of the targets as they are.
        batches: of crops.
        infer: runs the networks, in their precision; the codebook is searched in float32.
        used: how often each code was, since the last look.
        steps_quantized: so far.
        code_use: share of the codes that were used before the last look.
    """

    vqvae: Any
    coding: Coding
    target_std: float
    batches: Batches
    infer: AutocastInferer
    used: Tensor = field(init=False)
    steps_quantized: int = field(default=0, init=False)
    code_use: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self.used = torch.zeros(self.vqvae.config.num_vq_embeddings, dtype=torch.long)

    def __call__(self, generator: torch.Generator, progress: float) -> dict[str, Tensor]:
        """Loss of a batch, first without, later with quantization."""
        high_res, low_res = self.batches.draw_pair(generator, SCALE)
        with torch.no_grad():
            base = self.infer(low_res, self.coding.base)
        target = self.coding.target(high_res, base) / self.target_std
        latents = self.infer(target, lambda images: self.vqvae.encode(images).latents)
        if progress < _QUANTIZE_FROM:
            return {"loss": self.reconstruction_loss(latents, high_res, base)}
        if self.steps_quantized % _RESTART_STEPS == 0:
            self.restart_codes(latents.detach(), generator, place=progress < _RESTART_UNTIL or not self.steps_quantized)
        self.steps_quantized += 1
        quantized, codebook_loss, (_, _, indices) = self.vqvae.quantize(latents)
        self.used += torch.bincount(indices.flatten().cpu(), minlength=len(self.used))
        loss = self.reconstruction_loss(quantized, high_res, base)
        return {"loss": loss + codebook_loss, "reconstruction": loss.detach(), "code_use": torch.tensor(self.code_use)}

    def reconstruction_loss(self, latents: Tensor, high_res: Tensor, base: Tensor) -> Tensor:
        """Huber loss of the target, and of the image after data consistency, in standard deviations of the target.

        What the low-resolution image cannot tell counts twice. Not of absolute errors: residuals are mostly near zero,
        which is where their median keeps a decoder.
        """
        decoded = self.infer(latents, lambda codes: self.vqvae.decode(codes, force_not_quantize=True).sample)
        decoded = decoded * self.target_std
        image = self.coding.image(decoded, base)
        consistent = back_project(image, degrade(high_res, SCALE), SCALE, _CONSISTENCY_ITERATIONS)
        target = self.coding.target(high_res, base)
        image_loss = F.smooth_l1_loss(decoded / self.target_std, target / self.target_std)
        # Targets are in [-1, 1], images in [0, 1].
        missing = 2.0 * (consistent - high_res) / self.target_std
        return image_loss + F.smooth_l1_loss(missing, torch.zeros_like(missing))

    @torch.no_grad()
    def restart_codes(self, latents: Tensor, generator: torch.Generator, place: bool) -> None:
        """Note the use of the codebook since the last time; place unused codes on random latents (N, L, h, w)."""
        candidates = latents.permute(0, 2, 3, 1).flatten(0, 2)
        unused = (self.used == 0).nonzero().flatten()
        self.code_use = 1.0 - len(unused) / len(self.used)
        self.used.zero_()
        if not place:
            return
        chosen = torch.randint(len(candidates), (len(unused),), generator=generator)
        # A little noise keeps codes apart that fall on one latent.
        noise = 0.05 * torch.randn(len(unused), candidates.shape[1], generator=generator)
        placed = candidates[chosen.to(candidates.device)] + noise.to(candidates.device) * candidates.std(dim=0)
        self.vqvae.quantize.embedding.weight[unused.to(candidates.device)] = placed

    def state_dict(self) -> dict[str, Any]:
        """Use of the codebook."""
        return {"used": self.used, "steps_quantized": self.steps_quantized, "code_use": self.code_use}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        self.used, self.steps_quantized, self.code_use = state["used"], state["steps_quantized"], state["code_use"]


@torch.no_grad()
def _targets_of(coding: Coding, crops: Tensor, device: torch.device) -> Tensor:
    """What the autoencoder gets for crops (N, 1, H, W), reduced without noise: (N, channels, H, W)."""
    found = []
    for part in crops.to(device).split(32):
        found.append(coding.target(part, coding.base(degrade(part, SCALE))))
    return torch.cat(found)


@torch.no_grad()
def _standardise_latents(vqvae: Any, targets: Tensor) -> None:
    """Fold mean 0 and standard deviation 1 of the latents into the weights, in place; reconstructions stay the same.

    The diffusion needs unit variance and ``VQModel.decode`` ignores its ``scaling_factor``. One factor for all channels
    keeps the nearest code the nearest.

    Args:
        vqvae: trained autoencoder.
        targets: (N, channels, H, W) to measure the latents on.
    """
    latents = torch.cat([vqvae.encode(part).latents for part in targets.split(32)])
    mean = latents.mean(dim=(0, 2, 3))
    std = (latents - mean[:, None, None]).square().mean().sqrt()
    before, codes, after = vqvae.quant_conv, vqvae.quantize.embedding.weight, vqvae.post_quant_conv
    after.bias += after.weight[:, :, 0, 0] @ mean
    after.weight *= std
    before.bias.copy_((before.bias - mean) / std)
    before.weight /= std
    codes.copy_((codes - mean) / std)


def train_autoencoder(run: Run) -> validation_metrics.Metrics:
    """Train ``vqvae/``; its ceiling on the held-out crops."""
    settings = run.settings
    run.seed_weights("autoencoder")
    start: Path | None = run.start_of("vqvae")
    vqvae: Any
    base = [run.part("regression")] if run.has("regression") else []
    if start is not None:
        vqvae = load_autoencoder(start).requires_grad_(True)
    else:
        vqvae = BlockAutoencoder(
            1, settings.autoencoder_width, settings.autoencoder_blocks, settings.latent_channels, settings.codes
        )
    vqvae.to(run.device, memory_format=torch.channels_last)
    coding = load_coding(run.output_dir, int(vqvae.config.in_channels), run.device)
    targets = _targets_of(coding, run.crops[:_MEASURED_CROPS], run.device)
    target_std = float(targets.std())
    if start is not None:
        _scale_targets(vqvae, target_std)
    step = AutoencoderStep(vqvae, coding, target_std, run.batches(), run.infer)
    depends_on = [*base, *([start] if start else [])]
    trained = run.train("autoencoder", vqvae, step, depends_on=depends_on, state=step)
    _scale_targets(trained, 1.0 / target_std)
    if start is None:  # the diffusion network that came with a model knows its latents as they are
        _standardise_latents(trained, targets)
    trained = load_autoencoder(run.save("vqvae", trained), run.device)
    return validation_metrics.measure_autoencoder(trained, coding, run.held_out)
