"""Latent diffusion super-resolution (in the paper: CompVis/ldm-super-resolution-4x-openimages)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ...common.choices import check_choice
from ..networks.coding import SCALE
from ..networks.latent_diffusion_networks import load_latent_diffusion
from ..networks.padding import pad_to_multiple
from ..networks.weight_folder import hash_parts, local_weights
from .diffusion_sampling import sample_latents
from .gain import Sampled, resolve_gain, with_gain
from .latent_decoding import decode_latents

_SOLVERS = ("dpm", "ddim", "checkpoint")
_PARTS = ("unet", "vqvae", "scheduler")


class LatentDiffusionEnhancer:
    """×4 super-resolution of one-channel regions by latent diffusion.

    Args:
        folder: diffusers folder with ``unet/``, ``vqvae/`` and ``scheduler/``, or a hub id.
        solver: ``dpm`` (DPM-Solver++ on a log-SNR grid), ``ddim`` (as in the paper), or ``checkpoint`` (the scheduler
            of the folder). For a known exact score, ``dpm`` with 10 steps was nearer to the exact solution than
            ``ddim`` with 200.
        steps: number of network evaluations.
        eta: share of the noise that is drawn anew in each step of DDIM, 0 to 1; the public checkpoint's example has 1.
        data_consistency: whether to correct the result until it reduces to its input.
        gain: factor of the sampled detail, 0 to 1. The detail is added to the result of the regression network if the
            folder has one, otherwise to the interpolated input, which needs ``data_consistency``. ``None`` for the
            gain stored in the folder (see :mod:`.gain`).
        precision: precision of the diffusion network; ``auto`` takes bf16 or fp16 if the device is fast at it. The
            decoder always runs in fp32.
        device: device of the networks.

    Attributes:
        weights_hash: hash of the weights and of the settings above, which affect the pixels too.
        source: model folder.
        parts: folders of the weights in it.

    Raises:
        FileNotFoundError: a part of the model is missing.
        ValueError: the solver is not known, a setting is out of range, weights do not fit their configuration, or the
            parts do not fit one another.
    """

    name, scale, needs_native = "ldm", SCALE, False

    def __init__(
        self,
        folder: str | Path,
        *,
        solver: str = "dpm",
        steps: int = 5,
        eta: float = 0.0,
        data_consistency: bool = True,
        gain: float | None = None,
        precision: str = "auto",
        device: torch.device | str = "cpu",
    ) -> None:
        from ...training.precision import DTYPES, resolve_precision

        check_choice("solver", solver, _SOLVERS)
        precision = resolve_precision(precision, device)
        self.source = find_parts(folder)
        self.parts = parts_of(self.source)
        self.device, self.dtype = torch.device(device), DTYPES[precision]
        self.model = load_latent_diffusion(self.source, self.device)
        usable = data_consistency or self.model.coding.regression is not None
        self.gain = resolve_gain(gain, self.source, self.parts, usable)
        # The weights are converted once: autocast was neither more exact nor faster, and keeps both sets of weights.
        torch.nn.Module.to(
            self.model.unet, self.dtype
        )  # diffusers' method warns of layers that this network does not have
        self.solver, self.steps, self.eta, self.data_consistency = solver, steps, eta, data_consistency
        self._check_eta()
        # Without eta, the hash is that of earlier versions, so that their manifests stay valid.
        settings = (solver, steps, data_consistency, self.gain, precision, *((eta,) if eta else ()))
        self.weights_hash = hash_parts(*self.parts, settings=settings)

    def _check_eta(self) -> None:
        """Check that the solver can draw new noise.

        Raises:
            ValueError: ``eta`` is out of range, or above 0 for another scheduler than that of DDIM.
        """
        if not 0 <= self.eta <= 1:
            raise ValueError(f"eta: expected 0 to 1, found {self.eta}; take 0 or 1")
        name = type(self.scheduler()).__name__
        if self.eta and name != "DDIMScheduler":
            raise ValueError(
                f"eta: expected 0 for the solver {self.solver} ({name}), found {self.eta}; set --solver "
                "ddim, or --eta 0"
            )

    def scheduler(self) -> Any:
        """Create a scheduler with its timesteps set."""
        name, extra = {
            "dpm": ("DPMSolverMultistepScheduler", {"use_lu_lambdas": True, "algorithm_type": "dpmsolver++"}),
            "ddim": ("DDIMScheduler", {}),
            "checkpoint": (self.model.schedule["_class_name"], {}),
        }[self.solver]
        return self.model.scheduler(name, self.steps, **extra)

    @torch.inference_mode()
    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """Enlarge regions (N, 1, h, w) in [0, 1] to (N, 1, 4 h, 4 w)."""
        low_res = low_res.to(self.device, torch.float32)
        return with_gain(self.sample(low_res, generators), low_res, self.gain, self.data_consistency).cpu()

    @torch.inference_mode()
    def sample(self, low_res: torch.Tensor, generators: Sequence[torch.Generator]) -> Sampled:
        """Sample regions for an input (N, 1, h, w) on ``device``, before gain and data consistency.

        The input is padded to a size that the network can halve often enough, and the result is cropped.
        """
        size = (slice(self.scale * low_res.shape[-2]), slice(self.scale * low_res.shape[-1]))
        padded, coding = pad_to_multiple(low_res, self.model.multiple), self.model.coding
        base = coding.base(padded)
        condition = coding.condition(padded, base)
        latents = sample_latents(
            self.model.unet, self.scheduler(), condition, self.model.latent_channels, generators, self.dtype, self.eta
        )
        image = coding.image(decode_latents(self.model.vqvae, latents), base)
        return Sampled(image[..., *size], None if coding.regression is None else base[..., *size])


def parts_of(folder: Path) -> list[Path]:
    """Folders of the parts of a model; ``regression/`` exists only if the latents encode the residual."""
    return [folder / part for part in (*_PARTS, "regression") if (folder / part).is_dir()]


def find_parts(folder: str | Path) -> Path:
    """Local folder of a model with all its parts; see :func:`..networks.weight_folder.local_weights`.

    Raises:
        FileNotFoundError: the model cannot be found or downloaded, or one of its parts is missing.
    """
    path = local_weights(folder)
    for part in _PARTS:
        if not any((path / part).glob("*.json")):
            raise FileNotFoundError(
                f"{path}: no {part}/ with its configuration; expected a diffusers folder with {', '.join(_PARTS)}; "
                "see docs/howto.md#checkpoints"
            )
    return path
