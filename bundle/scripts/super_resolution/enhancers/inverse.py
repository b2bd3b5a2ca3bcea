"""Super-resolution as an inverse problem: search the latents whose image, degraded, is the input.

InverseSR (Wang et al. 2023, arXiv 2308.12465): a diffusion model is the prior, and either its noise (``latent``: for
little information in the input) or the latents that its decoder gets (``decoder``: for factors of 2 to 4) are
optimised by Adam under the known degradation, with the L1 norm. Left out of it: its perceptual term, which needs a
network of natural images; and quantization, through which there is no gradient. Added: each region stops by itself,
when its input is explained or no longer explained better, so that its result does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..networks.coding import SCALE
from ..networks.latent_diffusion_networks import LatentDiffusion, load_latent_diffusion
from ..networks.padding import pad_to_multiple
from ..networks.weight_folder import hash_parts
from ..resampling import degrade
from .data_consistency import data_consistent
from .diffusion_sampling import draw_noise
from .latent_diffusion import find_parts, parts_of

_VARIANTS = ("decoder", "latent")
_LEARNING_RATE = 0.07  # the authors' script
_EXPLAINED = 5e-4  # mean absolute error at which the input counts as explained: an eighth of an 8-bit grey level
_PATIENCE = 20  # iterations without a lower error
_BETTER = 0.999  # of the lowest error so far


class InverseEnhancer:
    """×4 super-resolution by optimisation: some hundred times the cost of one decoding.

    Args:
        folder: diffusers folder of a latent diffusion model (see :mod:`.latent_diffusion`).
        variant: what is optimised, ``decoder`` or ``latent``.
        iterations: at most.
        steps: of the diffusion; each iteration of ``latent`` runs all of them.
        data_consistency: correct the result until it reduces to its input.
        device: where to run.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: an unknown variant, or a model that cannot be used.
    """

    name, scale, needs_native = "inverse", SCALE, False

    def __init__(
        self,
        folder: str | Path,
        *,
        variant: str = "decoder",
        iterations: int = 100,
        steps: int = 10,
        data_consistency: bool = True,
        device: torch.device | str = "cpu",
    ) -> None:
        if variant not in _VARIANTS:
            raise ValueError(f"variant: not known; expected one of {', '.join(_VARIANTS)}, found {variant!r}")
        self.device = torch.device(device)
        source = find_parts(folder)
        self.model = load_latent_diffusion(source, self.device)
        self.variant, self.iterations, self.steps = variant, iterations, steps
        self.data_consistency = data_consistency
        self.weights_hash = hash_parts(*parts_of(source), settings=(variant, iterations, steps, data_consistency))

    def enhance(self, low_res: Tensor, *, generators: Sequence[torch.Generator]) -> Tensor:
        """(N, 1, h, w) in [0, 1] -> (N, 1, 4 h, 4 w)."""
        height, width = low_res.shape[-2:]
        with torch.inference_mode(False), torch.enable_grad():
            measured = low_res.to(self.device, torch.float32).clone()
            padded = pad_to_multiple(measured, self.model.multiple)
            with torch.no_grad():
                base = self.model.coding.base(padded)
                condition = self.model.coding.condition(padded, base)
            noise = draw_noise(condition, self.model.latent_channels, generators)

            def decode(latents: Tensor) -> Tensor:
                decoded = self.model.vqvae.decode(latents, force_not_quantize=True).sample
                return self.model.coding.image(decoded, base)

            def from_noise(noise: Tensor) -> Tensor:
                return decode(_run_diffusion(self.model, noise, condition, self.steps))

            if self.variant == "latent":
                high_res = _invert(from_noise, noise, padded, self.iterations)
            else:
                with torch.no_grad():
                    start = _run_diffusion(self.model, noise, condition, self.steps)
                high_res = _invert(decode, start, padded, self.iterations)
        high_res = high_res[..., : height * SCALE, : width * SCALE]
        if self.data_consistency:
            high_res = data_consistent(high_res, measured, SCALE)
        return high_res.cpu()


def _invert(decode: Callable[[Tensor], Tensor], start: Tensor, low_res: Tensor, iterations: int) -> Tensor:
    """Images whose degraded version is nearest to what was measured.

    Args:
        decode: latents -> (N, 1, 4 h, 4 w), differentiable.
        start: (N, C, h, w).
        low_res: (N, 1, h, w).
        iterations: at most; 0 decodes the start.

    Returns:
        (N, 1, 4 h, 4 w), of each region's best iteration.
    """
    latents = start.detach().clone().requires_grad_(True)
    optimizer = torch.optim.Adam([latents], lr=_LEARNING_RATE)
    best = latents.detach().clone()
    lowest = torch.full((len(start),), float("inf"), device=start.device)
    waited = torch.zeros(len(start), device=start.device)
    for _ in range(iterations + 1):
        errors = (degrade(decode(latents), SCALE) - low_res).abs().mean(dim=(1, 2, 3))
        running = (lowest > _EXPLAINED) & (waited < _PATIENCE)
        improved = running & (errors.detach() < _BETTER * lowest)
        best[improved] = latents.detach()[improved]
        lowest = torch.where(improved, errors.detach(), lowest)
        waited = torch.where(improved, torch.zeros_like(waited), waited + 1)
        if not bool(((lowest > _EXPLAINED) & (waited < _PATIENCE)).any()):
            break
        optimizer.zero_grad()
        errors.sum().backward()
        optimizer.step()
    with torch.no_grad():
        return decode(best)


def _run_diffusion(model: LatentDiffusion, noise: Tensor, condition: Tensor, steps: int) -> Tensor:
    """Latents of a noise by DDIM with eta = 0, differentiable; memory holds one evaluation of the network."""
    scheduler = model.scheduler("DDIMScheduler", steps)
    latents = noise
    for timestep in scheduler.timesteps:

        def evaluate(latents: Tensor, timestep: Tensor = timestep) -> Tensor:
            return model.unet(torch.cat([latents, condition], dim=1), timestep).sample

        predicted = checkpoint(evaluate, latents, use_reentrant=False) if latents.requires_grad else evaluate(latents)
        latents = scheduler.step(predicted, timestep, latents).prev_sample
    return latents
