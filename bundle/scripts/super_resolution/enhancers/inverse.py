"""Super-resolution as an inverse problem: find latents whose decoded image, once degraded, equals the input.

The method is InverseSR (Wang et al. 2023, arXiv 2308.12465) with a diffusion model as the prior. Adam minimises the L1
error under the known degradation. The variable is either the initial noise (``latent``, for inputs with little
information) or the latents before decoding (``decoder``, for scales of 2 to 4). There are three differences from the
paper. The perceptual loss is left out because it needs a network trained on natural images. Quantization is left out
because it has no gradient. Each region stops separately, when its error is low enough or no longer decreases, so that
its result does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ...common.choices import check_choice
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
_EXPLAINED = 5e-4  # mean absolute error at which the search stops, an eighth of an 8-bit grey level
_PATIENCE = 20  # iterations without a lower error after which the search stops
_BETTER = 0.999  # an error counts as lower below this fraction of the lowest error so far


class InverseEnhancer:
    """×4 super-resolution by optimisation, at some hundred times the cost of decoding once.

    Args:
        folder: diffusers folder of a latent diffusion model (see :mod:`.latent_diffusion`).
        variant: optimised variable, ``decoder`` (latents before decoding) or ``latent`` (initial noise).
        iterations: largest number of iterations.
        steps: number of diffusion steps; each iteration of ``latent`` runs all of them.
        data_consistency: whether to correct the result until it reduces to its input.
        device: device of the networks.

    Raises:
        FileNotFoundError: a part of the model is missing.
        ValueError: the variant is not known, or the model cannot be used.
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
        check_choice("variant", variant, _VARIANTS)
        self.device = torch.device(device)
        source = find_parts(folder)
        self.model = load_latent_diffusion(source, self.device)
        self.variant, self.iterations, self.steps = variant, iterations, steps
        self.data_consistency = data_consistency
        self.weights_hash = hash_parts(*parts_of(source), settings=(variant, iterations, steps, data_consistency))

    def enhance(self, low_res: Tensor, *, generators: Sequence[torch.Generator]) -> Tensor:
        """Enlarge regions (N, 1, h, w) in [0, 1] to (N, 1, 4 h, 4 w)."""
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
    """Find the images whose degraded version is nearest to the input.

    Args:
        decode: differentiable function from the optimised variable to images (N, 1, 4 h, 4 w).
        start: initial value (N, C, h, w) of the optimised variable.
        low_res: input (N, 1, h, w).
        iterations: largest number of iterations; 0 decodes ``start``.

    Returns:
        Images (N, 1, 4 h, 4 w) of the best iteration of each region.
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
    """Denoise by DDIM with eta = 0, differentiably; checkpointing keeps the activations of one step only in memory."""
    scheduler = model.scheduler("DDIMScheduler", steps)
    latents = noise
    for timestep in scheduler.timesteps:

        def evaluate(latents: Tensor, timestep: Tensor = timestep) -> Tensor:
            return model.unet(torch.cat([latents, condition], dim=1), timestep).sample

        predicted = checkpoint(evaluate, latents, use_reentrant=False) if latents.requires_grad else evaluate(latents)
        latents = scheduler.step(predicted, timestep, latents).prev_sample
    return latents
