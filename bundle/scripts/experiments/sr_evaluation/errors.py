"""Hallucination and loss rates: shares of the pixels that are too bright or too dark by more than a threshold.

With the error floor ``f = |Up(Down(truth)) - truth|`` and the threshold ``t = mean(f) + 2 std(f)`` over the region:

- hallucination rate: share of the pixels with ``result - truth > t``, structure that does not exist in the truth;
- loss rate: share of the pixels with ``result - truth < -t``, structure of the truth that was removed.

The definition is that of sebasmos/latent-sr, whose error floor is the reconstruction error of an autoencoder. Here the
floor is the error of interpolation, which needs no weights and is the same for every enhancer. The rates of bicubic
interpolation itself (a few per cent by construction) are the reference; a higher rate is invented structure.
"""

from __future__ import annotations

import torch

from ...super_resolution.resampling import degrade, resize


def error_rates(result: torch.Tensor, truth: torch.Tensor, scale: int) -> dict[str, float]:
    """``hallucination_rate`` and ``loss_rate``, 0 to 1, of a result and a truth (1, s * h, s * w)."""
    rebuilt = resize(degrade(truth[None], scale), (truth.shape[-2], truth.shape[-1]))[0]
    floor = (rebuilt - truth).abs()
    threshold = floor.mean() + 2 * floor.std()
    excess = result - truth
    return {
        "hallucination_rate": float((excess > threshold).float().mean()),
        "loss_rate": float((excess < -threshold).float().mean()),
    }
