"""Enhancers by name, as in ``--enhancer``."""

from __future__ import annotations

from pathlib import Path

import torch

from ...common.choices import check_choice
from .enhancer import Enhancer

ENHANCERS = ("identity", "bicubic", "lanczos", "native", "residual", "ldm", "resshift", "inverse", "guided")
_ONLY_FOUR = ("residual", "ldm", "resshift", "inverse")


def make_enhancer(
    name: str,
    *,
    folder: str | Path,
    scale: int = 4,
    solver: str = "dpm",
    steps: int = 5,
    eta: float = 0.0,
    data_consistency: bool = True,
    gain: float | None = None,
    precision: str = "auto",
    device: torch.device | str = "cpu",
) -> Enhancer:
    """Create an enhancer by its name; settings that it does not have are ignored.

    Args:
        name: one of ``ENHANCERS``.
        folder: model folder that ``run sr_training`` wrote; it is not read by the enhancers without weights.
        scale: output pixels per input pixel (all but identity).
        solver: solver of the diffusion, ``dpm``, ``ddim`` or ``checkpoint`` (ldm).
        steps: number of network evaluations per region (ldm).
        eta: share of the noise that is drawn anew in each step of the solver ``ddim``, 0 to 1 (ldm).
        data_consistency: whether to correct the result until it reduces to its input (all but identity and native).
        gain: factor of the sampled detail, 0 to 1; ``None`` for the gain stored in the model folder, or 1 if there is
            none (ldm, resshift).
        precision: precision of the diffusion network (ldm).
        device: device of the network.

    Raises:
        FileNotFoundError: a part of the model is missing.
        ValueError: the name is not known, the enhancer does not offer the scale, or weights do not fit.
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
            eta=eta,
            data_consistency=data_consistency,
            gain=gain,
            precision=precision,
            device=device,
        )
    if name == "inverse":
        from .inverse import InverseEnhancer

        return InverseEnhancer(folder, data_consistency=data_consistency, device=device)
    if name == "resshift":
        from .resshift import ResShiftEnhancer

        return ResShiftEnhancer(folder, data_consistency=data_consistency, gain=gain, device=device)
    if name == "residual":
        from .residual import ResidualEnhancer

        return ResidualEnhancer(folder, data_consistency=data_consistency, device=device)
    from .guided import GuidedEnhancer

    return GuidedEnhancer(folder, scale=scale, data_consistency=data_consistency, device=device)


def _make_classical(name: str, scale: int, data_consistency: bool) -> Enhancer:
    """Create an enhancer without weights."""
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
    """Check the name of an enhancer and its scale; ``guided`` checks its range of scales itself.

    Raises:
        ValueError: the name is not known, or the enhancer does not offer the scale.
    """
    check_choice("enhancer", name, ENHANCERS)
    if name in _ONLY_FOUR and scale != 4:
        raise ValueError(
            f"scale: not offered by {name}; expected 4, found {scale}; take 4, or bicubic, lanczos, native or guided"
        )
    if scale < 1:
        raise ValueError(f"scale: expected 1 or more, found {scale}; take 4")
