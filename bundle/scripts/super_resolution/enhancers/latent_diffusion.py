"""Latent diffusion super-resolution from a diffusers folder (paper: CompVis/ldm-super-resolution-4x-openimages)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..networks.coding import SCALE
from ..networks.latent_diffusion_networks import load_latent_diffusion
from ..networks.padding import pad_to_multiple
from ..networks.weight_folder import hash_parts
from .diffusion_sampling import sample_latents
from .gain import Sampled, resolve_gain, with_gain
from .latent_decoding import decode_latents

_SOLVERS = ("dpm", "ddim", "checkpoint")
_PARTS = ("unet", "vqvae", "scheduler")


class LatentDiffusionEnhancer:
    """×4 super-resolution of one-channel regions.

    Args:
        folder: diffusers folder with ``unet/``, ``vqvae/`` and ``scheduler/``, or a hub id.
        solver: ``dpm`` (DPM-Solver++ on a log-SNR grid: at 10 steps nearer to the exact solution than DDIM at 200,
            measured on an exact score), ``ddim`` (the paper's), or ``checkpoint`` (the folder's own scheduler).
        steps: network evaluations.
        data_consistency: correct the result until it reduces to its input.
        gain: of the sampled detail, 0 to 1, over the interpolated input, or over the regression network's result
            where the folder has one, else it needs ``data_consistency``. ``None``: the folder's own (see :mod:`.gain`).
        precision: of the diffusion network; ``auto``: bf16 or fp16 where the hardware has it. The decoder runs in fp32.
        device: where to run.

    Attributes:
        weights_hash: of the weights and of the settings above, which decide the pixels as much.
        source: folder of the model.
        parts: its folders of weights.

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
        gain: float | None = None,
        precision: str = "auto",
        device: torch.device | str = "cpu",
    ) -> None:
        from ...training.precision import DTYPES, resolve_precision

        if solver not in _SOLVERS:
            raise ValueError(f"solver: not known; expected one of {', '.join(_SOLVERS)}, found {solver!r}")
        precision = resolve_precision(precision, device)
        self.source = find_parts(folder)
        self.parts = parts_of(self.source)
        self.device, self.dtype = torch.device(device), DTYPES[precision]
        self.model = load_latent_diffusion(self.source, self.device)
        usable = data_consistency or self.model.coding.regression is not None
        self.gain = resolve_gain(gain, self.source, self.parts, usable)
        # Converted once: autocast was measured no nearer to float32, no faster, and holds both sets of weights.
        torch.nn.Module.to(self.model.unet, self.dtype)  # diffusers' own warns of layers that this network has not
        self.solver, self.steps, self.data_consistency = solver, steps, data_consistency
        settings = (solver, steps, data_consistency, self.gain, precision)
        self.weights_hash = hash_parts(*self.parts, settings=settings)

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
        """(N, 1, h, w) in [0, 1] -> (N, 1, 4 h, 4 w)."""
        low_res = low_res.to(self.device, torch.float32)
        return with_gain(self.sample(low_res, generators), low_res, self.gain, self.data_consistency).cpu()

    @torch.inference_mode()
    def sample(self, low_res: torch.Tensor, generators: Sequence[torch.Generator]) -> Sampled:
        """What :meth:`enhance` makes its result of, for (N, 1, h, w) on ``device``.

        Sizes are reflect-padded to what the network's depth needs and cropped back.
        """
        size = (slice(self.scale * low_res.shape[-2]), slice(self.scale * low_res.shape[-1]))
        padded, coding = pad_to_multiple(low_res, self.model.multiple), self.model.coding
        base = coding.base(padded)
        condition = coding.condition(padded, base)
        latents = sample_latents(
            self.model.unet, self.scheduler(), condition, self.model.latent_channels, generators, dtype=self.dtype
        )
        image = coding.image(decode_latents(self.model.vqvae, latents), base)
        return Sampled(image[..., *size], None if coding.regression is None else base[..., *size])


def parts_of(folder: Path) -> list[Path]:
    """Folders of a model's parts; ``regression/`` only where its latents code the residual."""
    return [folder / part for part in (*_PARTS, "regression") if (folder / part).is_dir()]


def find_parts(folder: str | Path) -> Path:
    """Local folder of all parts; a hub id is looked up in the cache or downloaded.

    Raises:
        FileNotFoundError: naming the first part that is missing.
    """
    path = Path(folder)
    if not path.exists() and str(folder).count("/") == 1 and not str(folder).startswith("."):
        from huggingface_hub import snapshot_download

        try:
            path = Path(
                snapshot_download(str(folder), allow_patterns=[f"{part}/*" for part in (*_PARTS, "regression")])
            )
        except Exception as error:
            raise FileNotFoundError(
                f"{folder}: diffusion model is neither a local folder nor in the Hugging Face cache, and the hub "
                f"cannot be reached ({type(error).__name__}); copy it to a folder and set --ldm FOLDER "
                "(docs/howto.md#checkpoints)"
            ) from error
    for part in _PARTS:
        if not any((path / part).glob("*.json")):
            raise FileNotFoundError(
                f"{path}: no {part}/ with its configuration; expected a diffusers folder with {', '.join(_PARTS)}; "
                "see docs/howto.md#checkpoints"
            )
    return path
