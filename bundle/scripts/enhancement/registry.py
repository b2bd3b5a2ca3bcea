"""Enhancers by name: what ``--enhancer`` takes."""

from __future__ import annotations

from pathlib import Path

import torch

from .bicubic import BicubicEnhancer
from .enhancer import Enhancer
from .identity import IdentityEnhancer
from .native import NativeEnhancer

ENHANCERS = ("identity", "bicubic", "native", "ldm")


def make_enhancer(
    name: str,
    *,
    folder: str | Path,
    solver: str = "dpm",
    steps: int = 10,
    data_consistency: bool = True,
    device: torch.device | str = "cpu",
) -> Enhancer:
    """Enhancer of a name; the other settings are those of the diffusion, and the others have none.

    Args:
        name: one of ``ENHANCERS``.
        folder: diffusion model (see :class:`.ldm.LatentDiffusionEnhancer`).
        solver: of the diffusion.
        steps: network evaluations per region.
        data_consistency: correct the result until it reduces to its input.
        device: where the diffusion runs.

    Raises:
        ValueError: unknown name.
    """
    if name not in ENHANCERS:
        raise ValueError(f"enhancer: not known; expected one of {', '.join(ENHANCERS)}, found {name!r}")
    if name == "ldm":
        from .ldm import LatentDiffusionEnhancer

        return LatentDiffusionEnhancer(
            folder, solver=solver, steps=steps, data_consistency=data_consistency, device=device
        )
    return {"identity": IdentityEnhancer, "bicubic": BicubicEnhancer, "native": NativeEnhancer}[name]()
