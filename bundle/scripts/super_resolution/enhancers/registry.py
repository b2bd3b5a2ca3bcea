"""Enhancers by name: what ``--enhancer`` takes."""

from __future__ import annotations

from pathlib import Path

import torch

from .enhancer import Enhancer

ENHANCERS = ("identity", "bicubic", "lanczos", "native", "residual", "ldm", "resshift", "inverse", "guided")
_ONLY_FOUR = ("residual", "ldm", "resshift", "inverse")


def make_enhancer(
    name: str,
    *,
    folder: str | Path,
    scale: int = 4,
    solver: str = "dpm",
    steps: int = 10,
    variant: str = "decoder",
    iterations: int = 100,
    data_consistency: bool = True,
    gain: float | None = None,
    precision: str = "auto",
    device: torch.device | str = "cpu",
) -> Enhancer:
    """Enhancer of a name; each takes of the settings those that it has.

    Args:
        name: one of ``ENHANCERS``.
        folder: model folder that ``run sr_training`` wrote; its parts are found by name.
        scale: output pixels per input pixel; identity has none.
        solver: of the diffusion (ldm).
        steps: network evaluations per region (ldm), or per iteration (inverse).
        variant: what is optimised (inverse).
        iterations: at most, of the optimisation (inverse).
        data_consistency: correct the result until it reduces to its input (all but identity and native).
        gain: of the sampled detail, 0 to 1; ``None``: the model folder's own, else 1 (ldm, resshift).
        precision: of the diffusion network (ldm).
        device: where a network runs.

    Raises:
        FileNotFoundError: a part of the model is missing.
        ValueError: unknown name, a scale that the enhancer does not offer, or weights that do not fit.
    """
    _check_scale(name, scale)
    if name in ("identity", "bicubic", "lanczos", "native"):
        return _make_classical(name, scale, data_consistency)
    if name == "ldm":
        from .latent_diffusion import LatentDiffusionEnhancer

        return LatentDiffusionEnhancer(
            folder,
            solver=solver,
            steps=steps,
            data_consistency=data_consistency,
            gain=gain,
            precision=precision,
            device=device,
        )
    if name == "inverse":
        from .inverse import InverseEnhancer

        return InverseEnhancer(
            folder,
            variant=variant,
            iterations=iterations,
            steps=steps,
            data_consistency=data_consistency,
            device=device,
        )
    if name == "resshift":
        from .resshift import ResShiftEnhancer

        return ResShiftEnhancer(folder, data_consistency=data_consistency, gain=gain, device=device)
    if name == "residual":
        from .residual import ResidualEnhancer

        return ResidualEnhancer(folder, data_consistency=data_consistency, device=device)
    from .guided import GuidedEnhancer

    return GuidedEnhancer(folder, scale=scale, data_consistency=data_consistency, device=device)


def _make_classical(name: str, scale: int, data_consistency: bool) -> Enhancer:
    """The ones without weights."""
    from .bicubic import BicubicEnhancer
    from .identity import IdentityEnhancer
    from .lanczos import LanczosEnhancer
    from .native import NativeEnhancer

    if name == "identity":
        return IdentityEnhancer()
    if name == "bicubic":
        return BicubicEnhancer(scale, data_consistency=data_consistency)
    if name == "lanczos":
        return LanczosEnhancer(scale, data_consistency=data_consistency)
    return NativeEnhancer(scale)


def _check_scale(name: str, scale: int) -> None:
    """Refuse an unknown name, and a scale that an enhancer does not offer (guided names its own range).

    Raises:
        ValueError: naming the setting.
    """
    if name not in ENHANCERS:
        raise ValueError(f"enhancer: not known; expected one of {', '.join(ENHANCERS)}, found {name!r}")
    if name in _ONLY_FOUR and scale != 4:
        raise ValueError(
            f"scale: not offered by {name}; expected 4, found {scale}; take 4, or bicubic, lanczos, native or guided"
        )
    if scale < 1:
        raise ValueError(f"scale: expected 1 or more, found {scale}; take 4")
