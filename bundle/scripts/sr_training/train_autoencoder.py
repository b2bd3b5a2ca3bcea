"""Stage ``autoencoder``: a VQ autoencoder of factor 4, of the regression network's residual or of whole images.

The quality of its reconstruction limits that of the diffusion. With plain training, a small autoencoder used only 48 of
1,024 codes. Here the codebook is initialised with latents of a partly trained encoder, and unused codes are moved to
latents again.
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
from .run import MEASURED_CROPS, Run

_CONSISTENCY_ITERATIONS = 2
_QUANTIZE_FROM, _RESTART_UNTIL = 0.3, 0.8  # fractions of the budget: start of quantization, end of moving codes
_RESTART_STEPS = 25


@torch.no_grad()
def _scale_targets(vqvae: Any, factor: float) -> None:
    """Scale the first and last layers in place, so that an image x gives the latents that ``factor`` x gave before.

    Residuals have a standard deviation of about 0.02, but networks train best at 1.
    """
    vqvae.encoder.conv_in.weight *= factor
    vqvae.decoder.conv_out.weight /= factor
    vqvae.decoder.conv_out.bias /= factor


@dataclass
class AutoencoderStep:
    """Training step of the autoencoder; its state (use of the codebook) is part of the checkpoint.

    Attributes:
        vqvae: autoencoder, for targets scaled to standard deviation 1.
        coding: content of the latents.
        target_std: standard deviation of the targets before scaling.
        batches: source of the crops.
        infer: runs networks in the training precision; the codebook is searched in float32.
        used: number of uses of each code since the last call of :meth:`restart_codes`.
        steps_quantized: number of steps with quantization so far.
        code_use: fraction of the codes that were in use at the last call of :meth:`restart_codes`.
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
        """Loss of a batch; the first part of the budget is without quantization."""
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

        Detail that the low-resolution image does not determine counts in both terms. The L1 loss is not used: residuals
        are mostly near zero, and it would keep the decoder at their median.
        """
        decoded = self.infer(latents, lambda codes: self.vqvae.decode(codes, force_not_quantize=True).sample)
        decoded = decoded * self.target_std
        image = self.coding.image(decoded, base)
        consistent = back_project(image, degrade(high_res, SCALE), _CONSISTENCY_ITERATIONS)
        target = self.coding.target(high_res, base)
        image_loss = F.smooth_l1_loss(decoded / self.target_std, target / self.target_std)
        # Targets are in [-1, 1], images in [0, 1].
        missing = 2.0 * (consistent - high_res) / self.target_std
        return image_loss + F.smooth_l1_loss(missing, torch.zeros_like(missing))

    @torch.no_grad()
    def restart_codes(self, latents: Tensor, generator: torch.Generator, place: bool) -> None:
        """Update ``code_use``, and with ``place`` move unused codes to random latents of (N, L, h, w)."""
        candidates = latents.permute(0, 2, 3, 1).flatten(0, 2)
        unused = (self.used == 0).nonzero().flatten()
        self.code_use = 1.0 - len(unused) / len(self.used)
        self.used.zero_()
        if not place:
            return
        chosen = torch.randint(len(candidates), (len(unused),), generator=generator)
        # Noise separates codes that are moved to the same latent.
        noise = 0.05 * torch.randn(len(unused), candidates.shape[1], generator=generator)
        placed = candidates[chosen.to(candidates.device)] + noise.to(candidates.device) * candidates.std(dim=0)
        self.vqvae.quantize.embedding.weight[unused.to(candidates.device)] = placed

    def state_dict(self) -> dict[str, Any]:
        """Use of the codebook, for the checkpoint."""
        return {"used": self.used, "steps_quantized": self.steps_quantized, "code_use": self.code_use}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that :meth:`state_dict` returned."""
        self.used, self.steps_quantized, self.code_use = state["used"], state["steps_quantized"], state["code_use"]


@torch.no_grad()
def _targets_of(coding: Coding, crops: Tensor, device: torch.device) -> Tensor:
    """Targets (N, channels, H, W) of the autoencoder for crops (N, 1, H, W), which are reduced without noise."""
    found = []
    for part in crops.to(device).split(32):
        found.append(coding.target(part, coding.base(degrade(part, SCALE))))
    return torch.cat(found)


@torch.no_grad()
def _standardise_latents(vqvae: Any, targets: Tensor) -> None:
    """Change the weights in place so that latents have mean 0 and standard deviation 1; reconstructions do not change.

    The diffusion needs unit variance, and ``VQModel.decode`` ignores its ``scaling_factor``. All channels have the same
    factor, so that the nearest code of a latent stays the same.

    Args:
        vqvae: trained autoencoder.
        targets: targets (N, channels, H, W) whose latents are measured.
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
    """Train ``vqvae/`` and return its metrics on the held-out crops."""
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
    targets = _targets_of(coding, run.crops[:MEASURED_CROPS], run.device)
    target_std = float(targets.std())
    if start is not None:
        _scale_targets(vqvae, target_std)
    step = AutoencoderStep(vqvae, coding, target_std, run.batches(), run.infer)
    depends_on = [*base, *([start] if start else [])]
    trained = run.train("autoencoder", vqvae, step, depends_on=depends_on, state=step)
    _scale_targets(trained, 1.0 / target_std)
    if start is None:  # a diffusion network from ``start_from`` needs latents of the original scale
        _standardise_latents(trained, targets)
    trained = load_autoencoder(run.save("vqvae", trained), run.device)
    return validation_metrics.measure_autoencoder(trained, coding, run.held_out)
