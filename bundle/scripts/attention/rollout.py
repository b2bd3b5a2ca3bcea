"""Attention rollout (Abnar & Zuidema 2020, arXiv:2005.00928): attention of all layers through their residuals."""

from __future__ import annotations

import torch

from ..networks.vit_multilabel import ViTMultilabel
from .output import AttentionOutput
from .recording import Layer, recording

_RESIDUAL = 0.5  # weight of the residual connection (the paper's)


class Rollout:
    """Share of each patch in the CLS token after the last layer; one map for all labels.

    Args:
        network: classifier in evaluation mode.
    """

    name, per_label = "rollout", False

    def __init__(self, network: ViTMultilabel) -> None:
        self.network = network

    @torch.inference_mode()
    def __call__(self, image: torch.Tensor) -> AttentionOutput:
        """(B, 1, S, S) in [0, 1] -> logits (B, C) and maps (B, h, w)."""
        with recording(self.network) as record:
            logits = self.network(image)
        record.check()
        with torch.autocast(image.device.type, enabled=False):
            flow = rollout(record.layers)
        rows, columns = self.network.patch_grid
        return AttentionOutput(logits, flow[:, -rows * columns :].unflatten(-1, (rows, columns)))


def rollout(layers: list[Layer]) -> torch.Tensor:
    """Share of each token in the CLS token after the last layer, (B, N); the shares sum to one.

    Only the CLS row of the product of the layers' matrices is computed, from the last layer to the first.
    """
    batch, tokens, _ = layers[0].query.shape
    row = torch.zeros(batch, 1, tokens, device=layers[0].query.device)
    row[..., 0] = 1
    for layer in reversed(layers):
        row = _RESIDUAL * row + (1 - _RESIDUAL) * row @ layer.weights().mean(dim=1)
    return row[:, 0]
