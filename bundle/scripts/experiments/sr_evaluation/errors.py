"""Hallucination and loss: how much of a region is brighter or darker than the truth, beyond what reduction explains.

Definition: with the error floor ``f = |Up(Down(truth)) - truth|`` and ``t = mean(f) + 2 std(f)`` over the region,

- hallucination rate = part of the pixels with ``result - truth > t``: structure that is not there;
- loss rate = part of the pixels with ``result - truth < -t``: structure that is there and was removed.

The definition is the one of sebasmos/latent-sr, whose floor is an autoencoder's reconstruction error. Here it is that
of interpolation, an encoder and decoder that invents nothing: it needs no weights, and is the same for every enhancer.
Bicubic's own rates (some per cent, by construction) are the reference; a rate above them is what was made up.
"""

from __future__ import annotations

import torch

from ...super_resolution.resampling import degrade, resize


def error_rates(result: torch.Tensor, truth: torch.Tensor, scale: int) -> dict[str, float]:
    """``hallucination_rate`` and ``loss_rate`` of a region, (1, s * h, s * w) each; 0 to 1."""
    rebuilt = resize(degrade(truth[None], scale), (truth.shape[-2], truth.shape[-1]))[0]
    floor = (rebuilt - truth).abs()
    threshold = floor.mean() + 2 * floor.std()
    excess = result - truth
    return {
        "hallucination_rate": float((excess > threshold).float().mean()),
        "loss_rate": float((excess < -threshold).float().mean()),
    }
