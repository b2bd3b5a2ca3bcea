"""Latent diffusion super-resolution from a diffusers folder (paper: CompVis/ldm-super-resolution-4x-openimages)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from .data_consistency import data_consistent
from .decoding import decode_latents
from .networks.coding import SCALE
from .networks.folder import hash_parts
from .networks.latent_diffusion import load_latent_diffusion
from .networks.padding import pad_to_multiple
from .sampling import sample_latents

SOLVERS = ("dpm", "ddim", "checkpoint")
PARTS = ("unet", "vqvae", "scheduler")


class LatentDiffusionEnhancer:
    """×4 super-resolution of one-channel regions.

    Args:
        folder: diffusers folder with ``unet/``, ``vqvae/`` and ``scheduler/``, or a hub id.
        solver: ``dpm`` (DPM-Solver++ on a log-SNR grid: at 10 steps nearer to the exact solution than DDIM at 200,
            measured on an exact score), ``ddim`` (the paper's), or ``checkpoint`` (the folder's own scheduler).
        steps: network evaluations.
        data_consistency: correct the result until it reduces to its input.
        gain: of the sampled detail, 0 to 1, over the interpolated input, or over the regression network's result
            where the folder has one; needs ``data_consistency``.
        precision: of the diffusion network; ``auto``: bf16 or fp16 where the hardware has it. The decoder runs in fp32.
        device: where to run.

    Attributes:
        weights_hash: of the weights and of the settings above, which decide the pixels as much.

    Raises:
        FileNotFoundError: a part is missing.
        ValueError: an unknown solver, a setting out of range, weights that do not fit their configuration, or parts
            that do not fit one another.
    """

    name, scale, needs_native = "ldm", SCALE, False

    def __init__(
        self,
        folder: str | Path,
        *,
        solver: str = "dpm",
        steps: int = 10,
        data_consistency: bool = True,
        gain: float = 1.0,
        precision: str = "auto",
        device: torch.device | str = "cpu",
    ) -> None:
        from ..training.precision import DTYPES, resolve_precision

        if solver not in SOLVERS:
            raise ValueError(f"solver: not known; expected one of {', '.join(SOLVERS)}, found {solver!r}")
        check_gain(gain, data_consistency)
        precision = resolve_precision(precision, device)
        source = find_parts(folder)
        self.device, self.dtype = torch.device(device), DTYPES[precision]
        self.model = load_latent_diffusion(source, self.device)
        # Converted once: autocast was measured no nearer to float32, no faster, and holds both sets of weights.
        torch.nn.Module.to(self.model.unet, self.dtype)  # diffusers' own warns of layers that this network has not
        self.solver, self.steps, self.data_consistency, self.gain = solver, steps, data_consistency, gain
        settings = (solver, steps, data_consistency, gain, precision)
        self.weights_hash = hash_parts(*parts_of(source), settings=settings)

    def scheduler(self) -> Any:
        """A fresh scheduler with its timesteps."""
        name, extra = {
            "dpm": ("DPMSolverMultistepScheduler", {"use_lu_lambdas": True, "algorithm_type": "dpmsolver++"}),
            "ddim": ("DDIMScheduler", {}),
            "checkpoint": (self.model.schedule["_class_name"], {}),
        }[self.solver]
        return self.model.scheduler(name, self.steps, **extra)

    @torch.inference_mode()
    def enhance(self, low_res: torch.Tensor, *, generators: Sequence[torch.Generator]) -> torch.Tensor:
        """(N, 1, h, w) in [0, 1] -> (N, 1, 4 h, 4 w).

        Sizes are reflect-padded to what the network's depth needs and cropped back.
        """
        height, width = low_res.shape[-2:]
        low_res = low_res.to(self.device, torch.float32)
        padded, coding = pad_to_multiple(low_res, self.model.multiple), self.model.coding
        base = coding.base(padded)
        condition = coding.condition(padded, base)
        latents = sample_latents(
            self.model.unet, self.scheduler(), condition, self.model.latent_channels, generators, dtype=self.dtype
        )
        sampled, gain = coding.image(decode_latents(self.model.vqvae, latents), base), self.gain
        if coding.regression is not None:  # sampled is only what goes beyond it: its own detail stays whole
            sampled, gain = base + gain * (sampled - base), 1.0
        high_res = sampled[..., : height * self.scale, : width * self.scale]
        if self.data_consistency:
            high_res = data_consistent(high_res, low_res, self.scale, gain)
        return high_res.cpu()


def parts_of(folder: Path) -> list[Path]:
    """Folders of a model's parts; ``regression/`` only where its latents code the residual."""
    return [folder / part for part in (*PARTS, "regression") if (folder / part).is_dir()]


def check_gain(gain: float, data_consistency: bool) -> None:
    """Refuse a gain that is out of range, or that nothing would read.

    Raises:
        ValueError: naming the setting.
    """
    if not 0 <= gain <= 1:
        raise ValueError(f"gain: out of range; expected 0 to 1, found {gain}; set --gain 1")
    if gain != 1 and not data_consistency:
        raise ValueError(f"gain: needs data_consistency; expected 1 without it, found {gain}; set --gain 1")


def find_parts(folder: str | Path) -> Path:
    """Local folder of all parts; a hub id is looked up in the cache or downloaded.

    Raises:
        FileNotFoundError: naming the first part that is missing.
    """
    path = Path(folder)
    if not path.exists() and str(folder).count("/") == 1 and not str(folder).startswith("."):
        from huggingface_hub import snapshot_download

        try:
            path = Path(snapshot_download(str(folder), allow_patterns=[f"{part}/*" for part in (*PARTS, "regression")]))
        except Exception as error:
            raise FileNotFoundError(
                f"{folder}: diffusion model is neither a local folder nor in the Hugging Face cache, and the hub "
                f"cannot be reached ({type(error).__name__}); copy it to a folder and set --ldm FOLDER "
                "(docs/howto.md#checkpoints)"
            ) from error
    for part in PARTS:
        if not any((path / part).glob("*.json")):
            raise FileNotFoundError(
                f"{path}: no {part}/ with its configuration; expected a diffusers folder with {', '.join(PARTS)}; "
                "see docs/howto.md#checkpoints"
            )
    return path
